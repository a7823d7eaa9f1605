//! The CUDA kernels without a GPU: their arithmetic run on the CPU by `tests/cuda/emulated.cpp`, and their translation by
//! nvcc where there is one.
//!
//! On a machine with a GPU the unit tests of a CUDA build compare them with the plain operations
//! (`cargo test --features cuda --lib kernels::device`).

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use candle_core::Tensor;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use summarize::engine::kernels::device::search::trial::cases;

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

/// Steps of searches that are emulated.
const STEPS: usize = 60;

/// Returns random steps of searches with what the plain forms make of them, as `emulated.cpp` reads them.
fn steps() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut list = |numbers: &[u32]| {
        bytes.extend((numbers.len() as u32).to_le_bytes());
        numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
    };
    let numbers = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<u32>().unwrap();
    let bits = |tensor: &Tensor| -> Vec<u32> {
        tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
    };
    for case in cases(STEPS).unwrap() {
        let (plan, capacity) = (&case.plan, case.before.cells.dim(1).unwrap());
        let [candidates, most_kept] = plan.room();
        let sizes = [plan.rows, plan.sources, plan.names, plan.forced, plan.width, plan.count, capacity];
        list(
            &sizes
                .into_iter()
                .chain([case.first_cell as usize, candidates, most_kept])
                .map(|n| n as u32)
                .collect::<Vec<_>>(),
        );
        list(plan.values());
        case.before.parts().into_iter().for_each(|part| list(&numbers(part)));
        list(&bits(&case.reduced.best));
        list(&case.reduced.forced.as_ref().map(bits).unwrap_or_default());
        case.laid.parts().into_iter().for_each(|part| list(&numbers(part)));
        case.after.parts().into_iter().for_each(|part| list(&numbers(part)));
        list(&case.verdicts);
    }
    bytes
}

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
    let file = folder.path().join("steps");
    fs::write(&file, steps()).unwrap();
    assert!(String::from_utf8_lossy(&run(Command::new(&program).arg(&file)).stdout).contains("every kernel"));
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
        for kernel in
            ["attend_f32", "attend_f16", "attend_bf16", "normalize_bf16", "finish_bf16", "top", "lay", "advance"]
        {
            assert!(code.windows(kernel.len()).any(|name| name == kernel.as_bytes()), "{kernel}");
        }
    }
}
