//! Decoding speed on a workload of token ids with forced output lengths; prints one JSON line.
//!
//! cargo bench --bench engine -- --model DIR --workload FILE [--beam N] [--threads T] [--precision P] [--exact]
//!     [--batch-tokens N] [--reps N] [--isa avx2|base]
//!
//! `DIR` holds a model's `config.json` and weights, `FILE` is JSON: `src`, a list of lists of token ids without the end of
//! sentence, and `tgt_len`, the count of target tokens each must give. `README.md` beside this file has the figures.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic, reason = "a benchmark stops where it fails")]

use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::PathBuf, time::Instant};
use summarize::engine::{
    ModelFiles, Origin, arch,
    batch::{self, Job, Schedule},
    generation::GenerationConfig,
    kernels::simd::{self, Width},
    precision::{Arithmetic, Precision},
    weights::Weights,
};

struct Options {
    model: PathBuf,
    workload: PathBuf,
    beam: usize,
    threads: usize,
    arithmetic: Arithmetic,
    batch_tokens: usize,
    reps: usize,
}

impl Options {
    fn parse() -> Option<Options> {
        let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
        let exact = arguments.iter().any(|argument| argument == "--exact");
        let arguments: Vec<String> = arguments.into_iter().filter(|argument| argument != "--exact").collect();
        let pairs: BTreeMap<&str, &str> =
            arguments.chunks_exact(2).map(|pair| (pair[0].trim_start_matches('-'), pair[1].as_str())).collect();
        let number = |key: &str, default: usize| pairs.get(key).map_or(default, |value| value.parse().unwrap());
        let beam = number("beam", 1);
        match pairs.get("isa").copied() {
            Some("avx2") => assert!(simd::limit(Width::Avx2)),
            Some("base") => assert!(simd::limit(Width::Base)),
            _ => {}
        }
        Some(Options {
            model: pairs.get("model")?.into(),
            workload: pairs.get("workload")?.into(),
            beam,
            threads: number("threads", 2),
            arithmetic: Arithmetic {
                precision: match pairs.get("precision").copied() {
                    Some("int8") => Precision::Int8,
                    _ => Precision::F32,
                },
                exact,
            },
            batch_tokens: number("batch-tokens", 4096),
            reps: number("reps", 3),
        })
    }
}

fn main() {
    let Some(options) = Options::parse() else {
        println!("usage: cargo bench --bench engine -- --model DIR --workload FILE [--beam N] [--threads T] ...");
        return;
    };
    let start = Instant::now();
    let files = ModelFiles {
        origin: Origin::Folder(options.model.clone()),
        name: options.model.display().to_string(),
        revision: None,
        licence: None,
        hashes: BTreeMap::new(),
    };
    let weights = Weights::open(&files).unwrap();
    let model = arch::load(&files, &weights, &candle_core::Device::Cpu, options.arithmetic).unwrap();
    let config = GenerationConfig::read(&files).unwrap();
    let load_seconds = start.elapsed().as_secs_f64();
    let jobs = jobs(&options, &config);
    let target_tokens: usize = jobs.iter().map(|job| job.config.max_length - 1).sum();
    let schedule = Schedule { workers: options.threads, tokens: options.batch_tokens, tap: None };
    let run = || {
        let start = Instant::now();
        let outputs = batch::outputs(model.as_ref(), &jobs, schedule).unwrap();
        let counted: usize = outputs.iter().map(|output| output.tokens.len()).sum();
        assert_eq!(counted, target_tokens);
        start.elapsed().as_secs_f64()
    };
    run();
    let mut seconds: Vec<f64> = (0..options.reps).map(|_| run()).collect();
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    let line = json!({
        "peer": "summarize", "precision": options.arithmetic.precision.name(), "exact": options.arithmetic.exact, "beam": options.beam, "threads": options.threads,
        "isa": format!("{:?}", Width::detect()).to_lowercase(),
        "batch_tokens": options.batch_tokens, "ntok": target_tokens,
        "target_tokens_per_second": round(target_tokens as f64 / median),
        "sentences_per_second": round(jobs.len() as f64 / median),
        "min": round(target_tokens as f64 / seconds[seconds.len() - 1]), "max": round(target_tokens as f64 / seconds[0]),
        "load_seconds": round(load_seconds), "peak_rss_mib": peak_rss_mib(),
    });
    println!("{line}");
}

fn jobs(options: &Options, config: &GenerationConfig) -> Vec<Job> {
    let workload: Value = serde_json::from_slice(&fs::read(&options.workload).unwrap()).unwrap();
    let lengths = workload["tgt_len"].as_array().unwrap();
    let job = |(source, length): (&Value, &Value)| {
        let ids = source.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32);
        let length = length.as_u64().unwrap() as usize;
        let config = GenerationConfig {
            num_beams: options.beam,
            max_length: length + 1,
            min_new_tokens: length,
            forced_eos: Vec::new(),
            ..config.clone()
        };
        Job { source: ids.chain(config.eos.iter().copied().take(1)).collect(), config }
    };
    workload["src"].as_array().unwrap().iter().zip(lengths).map(job).collect()
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Returns the peak resident memory in MiB, where the system tells it.
fn peak_rss_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}
