//! The CUDA kernels without a GPU: their arithmetic run on the CPU by `tests/cuda/emulated.cpp`, and their translation by
//! nvcc where there is one.
//!
//! On a machine with a GPU the unit tests of a CUDA build compare them with the plain operations
//! (`cargo test --features cuda --lib kernels::device`).

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

const KERNELS: &str = "src/engine/kernels/device/kernels.cu";

/// What the GPU's own instructions are in C++; shared memory whose size the launch decides is one array there.
const IN_WORDS: [(&str, &str); 3] = [
    (r#"asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x.bits));"#, "wide = half_to_float(x.bits);"),
    (r#"asm("cvt.rn.f16.f32 %0, %1;" : "=h"(to->bits) : "f"(x));"#, "to->bits = float_to_half(x);"),
    ("extern __shared__ float shared[];", ""),
];

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
    output
}

/// Returns true where a compiler answers and takes what the emulation is written in.
fn answers(compiler: &str, arguments: &[&str]) -> bool {
    Command::new(compiler).args(arguments).output().is_ok_and(|output| output.status.success())
}

#[test]
fn every_kernel_gives_on_the_cpu_what_plain_loops_give() {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let probe = folder.path().join("probe.cpp");
    fs::write(&probe, "#include <barrier>\n_Float16 half; int main() {}\n").unwrap();
    let program = folder.path().join("emulated");
    let flags = ["-std=c++20", "-O1", "-pthread", "-o", program.to_str().unwrap()];
    if !answers(&compiler, &[&flags[..], &[probe.to_str().unwrap()]].concat()) {
        eprintln!("skipped: {compiler} compiles no C++20 with _Float16");
        return;
    }
    let mut kernels = fs::read_to_string(path(KERNELS)).unwrap();
    for (instruction, words) in IN_WORDS {
        assert!(kernels.contains(instruction), "{instruction}");
        kernels = kernels.replace(instruction, words);
    }
    fs::write(folder.path().join("kernels.inc"), kernels).unwrap();
    run(Command::new(&compiler).args(flags).arg("-I").arg(folder.path()).arg(path("tests/cuda/emulated.cpp")));
    assert!(String::from_utf8_lossy(&run(&mut Command::new(&program)).stdout).contains("every kernel"));
}

#[test]
fn the_kernels_are_translated_for_ampere_and_hopper() {
    let nvcc = std::env::var("NVCC").unwrap_or_else(|_| "nvcc".to_owned());
    if !answers(&nvcc, &["--version"]) {
        eprintln!("skipped: no nvcc; `.ci/cuda-toolkit DIR` gets one");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for architecture in ["sm_80", "sm_90"] {
        let cubin = folder.path().join(architecture);
        run(Command::new(&nvcc)
            .args(["-cubin", "-Werror", "all-warnings", "-arch", architecture, "-o"])
            .arg(&cubin)
            .arg(path(KERNELS)));
        let code = fs::read(&cubin).unwrap();
        for kernel in ["attend_f32", "attend_f16", "attend_bf16", "normalize_bf16", "finish_bf16", "top"] {
            assert!(code.windows(kernel.len()).any(|name| name == kernel.as_bytes()), "{kernel}");
        }
    }
}
