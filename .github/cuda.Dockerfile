# The GPU build: compiled with the CUDA toolkit, run with its libraries alone.
#
#   docker build -f .github/cuda.Dockerfile --build-arg COMPUTE_CAP=90 -t summarize-cuda .
#   docker run --rm --gpus all -v "$PWD:/work" summarize-cuda inputs/ --device cuda --precision bf16
#
# COMPUTE_CAP is the GPU's generation: 80 is A100, 89 is L4 and RTX 40, 90 is H100 and H200. The machine needs a driver that
# knows CUDA 13 (580 or later) and NVIDIA's container toolkit.
ARG CUDA=13.0.1
FROM nvidia/cuda:${CUDA}-devel-ubuntu24.04 AS build
ARG COMPUTE_CAP=90
ARG RUST=1.95.0
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl g++ && rm -rf /var/lib/apt/lists/*
RUN curl -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --default-toolchain "$RUST"
ENV PATH=/root/.cargo/bin:$PATH CUDA_COMPUTE_CAP=$COMPUTE_CAP CUDA_HOME=/usr/local/cuda
WORKDIR /build
COPY Cargo.toml Cargo.lock README.md LICENSE ./
COPY src src
COPY models models
COPY benches benches
RUN cargo build --release --locked --features cuda

FROM nvidia/cuda:${CUDA}-runtime-ubuntu24.04
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /build/target/release/summarize /usr/local/bin/summarize
WORKDIR /work
ENTRYPOINT ["summarize"]
