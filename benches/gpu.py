"""Makes every figure of the GPU section of README.md in this folder, in one command of under ten minutes.

usage: gpu.py BENCH OUT [--tests FILE]... [--device cuda:0] [--minutes 9] [--tiny]

BENCH   the engine benchmark, built with `cargo bench --no-run --features cuda --bench engine`
OUT     a folder for checkpoints, logs and results.json
--tests test programs to run first, built with `cargo test --release --no-run --features cuda`: the library's own
        (the kernels against the plain operations) and `device` (goldens of transformers)
--tiny  small shapes, to try the script itself

Needs PyTorch and transformers; CTranslate2 is timed where it can use the device. No Rust, no network. The weights are
random, the sentences are random tokens of news-like length, and every output is forced to its length. Prints Markdown.
"""
import argparse, glob, json, os, random, site, statistics, subprocess, sys, time

import torch
import transformers
from transformers import MarianConfig, MarianMTModel

START = time.monotonic()
VOCABULARY, LAYERS = 62_834, 6
SHAPES = {"opus-mt": (512, 2048, 8, "swish"), "tc-big": (1024, 4096, 16, "relu")}
IN_FLIGHT = [32, 128, 512, 1024, 4096]
BOTH_SEARCHES = 1024  # in flight, where the host's search is timed beside the one on the GPU
PEER_BATCHES = [64, 256, 1024]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench")
    parser.add_argument("out")
    parser.add_argument("--tests", action="append", default=[])
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--tiny", action="store_true")
    return parser.parse_args()


class Run:
    """The options, the log, and the time that is left."""

    def __init__(self, options):
        self.options = options
        os.makedirs(options.out, exist_ok=True)
        self.log_file = open(f"{options.out}/log.txt", "w")
        self.results = []
        folders = [f for root in site.getsitepackages() for f in glob.glob(f"{root}/nvidia/*/lib")]
        known = os.environ.get("LD_LIBRARY_PATH", "")
        self.environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(filter(None, [known, *folders]))}

    def left(self):
        return self.options.minutes * 60 - (time.monotonic() - START)

    def log(self, text):
        print(text, file=self.log_file, flush=True)

    def command(self, *arguments):
        """Runs a program within the time left; returns its output, or None with the reason in the log."""
        self.log(f"\n$ {' '.join(arguments)}")
        if self.left() <= 0:
            self.log("left out: no time left")
            return None
        try:
            done = subprocess.run(arguments, capture_output=True, text=True, timeout=self.left(), env=self.environment)
        except subprocess.TimeoutExpired:
            self.log("stopped: no time left")
            return None
        self.log(done.stdout + done.stderr)
        return done.stdout if done.returncode == 0 else None

    def bench(self, shape, workload, **settings):
        """Times the engine; returns the object that it prints."""
        folder = f"{self.options.out}/{shape}"
        flags = [part for key, value in settings.items() for part in (f"--{key.replace('_', '-')}", str(value)) if part != "True"]
        output = self.command(self.options.bench, "--model", f"{folder}/hf", "--workload", workload, "--threads", "1", *flags)
        return json.loads(output.strip().splitlines()[-1]) if output else None

    def row(self, **row):
        self.results.append(row)
        self.log(json.dumps(row))
        json.dump(self.results, open(f"{self.options.out}/results.json", "w"), indent=1)


def make_checkpoint(run, shape):
    """Writes a Marian checkpoint with random weights and returns its model."""
    d, ffn, heads, activation = (64, 128, 4, "relu") if run.options.tiny else SHAPES[shape]
    vocabulary = 5_000 if run.options.tiny else VOCABULARY
    torch.manual_seed(0)
    config = MarianConfig(
        vocab_size=vocabulary, decoder_vocab_size=vocabulary, d_model=d, encoder_layers=LAYERS, decoder_layers=LAYERS,
        encoder_ffn_dim=ffn, decoder_ffn_dim=ffn, encoder_attention_heads=heads, decoder_attention_heads=heads,
        activation_function=activation, static_position_embeddings=True, scale_embedding=True,
        share_encoder_decoder_embeddings=True, tie_word_embeddings=True, max_position_embeddings=512,
        pad_token_id=vocabulary - 1, eos_token_id=0, bos_token_id=0, decoder_start_token_id=vocabulary - 1)
    model = MarianMTModel(config).eval()
    model.generation_config = transformers.GenerationConfig(
        num_beams=4, max_length=512, bad_words_ids=[[vocabulary - 1]], decoder_start_token_id=vocabulary - 1,
        eos_token_id=0, pad_token_id=vocabulary - 1)
    model.save_pretrained(f"{run.options.out}/{shape}/hf")
    return model


def make_workload(run, count):
    """Writes `count` sources of news-like length and returns the file; the first ones are the same for every count."""
    path = f"{run.options.out}/workload-{count}.json"
    vocabulary, rng, sources = (5_000 if run.options.tiny else VOCABULARY), random.Random(42), []
    while len(sources) < count:
        length = round(rng.gauss(28, 12))
        if 5 <= length <= 80:
            sources.append([rng.randrange(2, vocabulary - 1) for _ in range(length)])
    json.dump({"src": sources, "tgt_len": [max(1, round(1.1 * len(s))) for s in sources]}, open(path, "w"))
    return path


def synchronize(device):
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def bandwidth(device):
    """Returns the bytes a second that a copy reads and writes."""
    source = torch.empty(1 << (28 if device.startswith("cuda") else 24), dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    best = 0
    for _ in range(10):
        synchronize(device)
        start = time.perf_counter()
        target.copy_(source)
        synchronize(device)
        best = max(best, 2 * source.nbytes / (time.perf_counter() - start))
    return best


def batches_of(workload, size):
    """Returns the sources sorted by length and cut into batches, each with the target length it is forced to."""
    sources = sorted(json.load(open(workload))["src"], key=len)
    batches = [sources[i:i + size] for i in range(0, len(sources), size)]
    return [(batch, max(1, round(1.1 * sum(map(len, batch)) / len(batch)))) for batch in batches]


def time_transformers(run, model, workload, beam, size):
    """Returns the target tokens a second of transformers in bf16."""
    device, pad = run.options.device, model.config.pad_token_id

    def once(batches):
        for batch, length in batches:
            width = max(map(len, batch)) + 1
            ids = torch.full((len(batch), width), pad)
            mask = torch.zeros_like(ids)
            for i, source in enumerate(batch):
                ids[i, :len(source) + 1], mask[i, :len(source) + 1] = torch.tensor(source + [0]), 1
            with torch.inference_mode():
                output = model.generate(
                    input_ids=ids.to(device), attention_mask=mask.to(device), num_beams=beam, do_sample=False,
                    min_new_tokens=length, max_new_tokens=length, max_length=None)
            assert output.shape == (len(batch), length + 1)
        synchronize(device)

    batches = batches_of(workload, size)
    once(batches[-1:])
    start = time.perf_counter()
    once(batches)
    return sum(length * len(batch) for batch, length in batches) / (time.perf_counter() - start)


def time_ctranslate2(run, shape, workload, beam, size):
    """Returns the target tokens a second of CTranslate2 in float16, or None where it cannot use the device."""
    try:
        import ctranslate2
        if not run.options.device.startswith("cuda") or ctranslate2.get_cuda_device_count() == 0:
            raise RuntimeError("its build sees no CUDA device")
        folder = f"{run.options.out}/{shape}"
        if not os.path.exists(f"{folder}/ct2"):
            stand_in_tokenizer(f"{folder}/hf")
            ctranslate2.converters.TransformersConverter(f"{folder}/hf").convert(f"{folder}/ct2", quantization="float16")
        translator = ctranslate2.Translator(f"{folder}/ct2", device="cuda", compute_type="float16")
        pieces = json.load(open(f"{folder}/ct2/shared_vocabulary.json"))
        batches = [([[pieces[i] for i in s] + ["</s>"] for s in batch], n) for batch, n in batches_of(workload, size)]

        def once(batches):
            for batch, length in batches:
                outputs = translator.translate_batch(
                    batch, beam_size=beam, min_decoding_length=length, max_decoding_length=length, max_batch_size=0)
                assert all(len(output.hypotheses[0]) == length for output in outputs)

        once(batches[-1:])
        start = time.perf_counter()
        once(batches)
        return sum(length * len(batch) for batch, length in batches) / (time.perf_counter() - start)
    except Exception as error:
        run.log(f"CTranslate2 left out: {error!r}")
        return None


def stand_in_tokenizer(folder):
    """Writes tokenizer files, which the converter asks for and the workload does not use."""
    import sentencepiece
    rng, text = random.Random(0), f"{folder}/text"
    with open(text, "w") as lines:
        for _ in range(3000):
            words = ("".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(2, 7))) for _ in range(12))
            lines.write(" ".join(words) + "\n")
    sentencepiece.SentencePieceTrainer.train(input=text, model_prefix=f"{folder}/source", vocab_size=2000)
    os.replace(f"{folder}/source.model", f"{folder}/source.spm")
    with open(f"{folder}/source.spm", "rb") as source, open(f"{folder}/target.spm", "wb") as target:
        target.write(source.read())
    size = json.load(open(f"{folder}/config.json"))["vocab_size"]
    vocabulary = {"</s>": 0, "<unk>": 1, **{f"▁w{i}": i for i in range(2, size - 1)}, "<pad>": size - 1}
    json.dump(vocabulary, open(f"{folder}/vocab.json", "w"))
    settings = {"source_lang": "ar", "target_lang": "en", "tokenizer_class": "MarianTokenizer", "separate_vocabs": False}
    json.dump(settings, open(f"{folder}/tokenizer_config.json", "w"))


def floor(model, rows, beam, bytes_per_second):
    """Returns the tokens a second of a decoder that reads its weights and caches once a step and does nothing else."""
    size, config = 2, model.config
    decoder = sum(p.numel() for p in model.model.decoder.layers.parameters()) * size
    head = model.lm_head.weight.numel() * size
    cell = config.decoder_layers * 2 * config.d_model * size
    caches = rows * (beam * 15.5 + 28) * cell  # half of 31 target positions a beam, 28 source tokens shared by the beams
    return rows / ((decoder + head + caches) / bytes_per_second)


def parity(run, shape, workload):
    """Says how many outputs on the device are those of the CPU in f32."""
    device, outputs = run.options.device, {}
    for name, settings in {
        "cpu f32": {"device": "cpu", "precision": "f32"}, "f32": {"device": device, "precision": "f32"},
        "bf16": {"device": device, "precision": "bf16"}, "f16": {"device": device, "precision": "f16"},
    }.items():
        if run.options.tiny and name in ("bf16", "f16"):
            continue
        for beam in (1, 4):
            path = f"{run.options.out}/{shape}-{name.replace(' ', '-')}-{beam}.json"
            if run.bench(shape, workload, beam=beam, reps=1, outputs=path, **settings) is None:
                continue
            outputs[name, beam] = json.load(open(path))
            if name != "cpu f32" and ("cpu f32", beam) in outputs:
                want = outputs["cpu f32", beam]
                same = sum(a == b for a, b in zip(outputs[name, beam], want))
                run.row(what="parity", shape=shape, precision=name, beam=beam, identical=same, of=len(want))
                print(f"| {shape} | {name} | {beam} | {same} of {len(want)} |", flush=True)


def speeds(run, shape, model, per_second):
    """Times the engine at each number of sentences in flight, and the peers at their best batch."""
    numbers = IN_FLIGHT[:2] if run.options.tiny else IN_FLIGHT
    precision = "bf16" if run.options.device.startswith("cuda") else "f32"
    for beam in (1, 4):
        peers = {}
        workload = make_workload(run, 16 if run.options.tiny else 2048)
        for size in PEER_BATCHES[:1] if run.options.tiny else PEER_BATCHES:
            if run.left() < 60:
                run.log("peers left out: no time left")
                break
            try:
                peers["transformers bf16", size] = time_transformers(run, model, workload, beam, size)
            except torch.OutOfMemoryError as error:
                run.log(f"transformers at {size}: {error}")
            speed = time_ctranslate2(run, shape, workload, beam, size)
            if speed:
                peers["CTranslate2 float16", size] = speed
            torch.cuda.empty_cache()
        for (name, size), speed in peers.items():
            run.row(what="peer", shape=shape, beam=beam, peer=name, batch=size, tokens_per_second=speed)
        best = max(peers.items(), key=lambda item: item[1], default=None)
        for count in numbers:
            workload = make_workload(run, max(512, 2 * count) if not run.options.tiny else 128)
            settings = dict(beam=beam, sentences=count, device=run.options.device, precision=precision, reps=2)
            line = run.bench(shape, workload, **settings)
            if line is None:
                print(f"| {shape} | {beam} | {count} | not run, see log.txt | | | | |", flush=True)
                continue
            hosts = None
            if count == (numbers[0] if run.options.tiny else BOTH_SEARCHES):
                hosts = run.bench(shape, workload, host_search=True, **settings)
            speed, limit = line["target_tokens_per_second"], floor(model, count, beam, per_second)
            run.row(what="speed", shape=shape, beam=beam, sentences=count, floor=limit, line=line, host_search=hosts)
            peer = f"{best[1]:,.0f} ({best[0][0]}, batch {best[0][1]})" if best else "not run"
            times = f"{speed / best[1]:.2f}" if best else ""
            hosts = f"{hosts['target_tokens_per_second']:,.0f}" if hosts else ""
            print(f"| {shape} | {beam} | {count:,} | {speed:,.0f} | {hosts} | {peer} | {times} | {limit:,.0f} |", flush=True)


def main():
    run = Run(parse())
    device = run.options.device
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "CPU"
    per_second = bandwidth(device)
    print(f"{name}, {per_second / 1e9:,.0f} GB/s measured by a copy; PyTorch {torch.__version__}, transformers {transformers.__version__}\n")
    for test in run.options.tests:
        output = run.command(test, "device")
        print(f"tests, {os.path.basename(test)}: {'passed' if output is not None else 'FAILED, see log.txt'}", flush=True)
    models = {shape: make_checkpoint(run, shape) for shape in SHAPES}
    print("\n| shape | precision | beam | outputs identical to the CPU's in f32 |\n| --- | --- | ---: | ---: |")
    parity(run, "opus-mt", make_workload(run, 64))
    print("\n| shape | beam | sentences in flight | summarize bf16, tokens/s | with the host's search | the better peer | times | floor |")
    print("| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |")
    for shape, model in models.items():
        model = model.to(device, torch.bfloat16 if device.startswith("cuda") else torch.float32)
        speeds(run, shape, model, per_second)
        model.to("cpu")
        torch.cuda.empty_cache()
    print(f"\n{time.monotonic() - START:.0f} s in all; log.txt and results.json are in {run.options.out}")


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    sys.exit(main())
