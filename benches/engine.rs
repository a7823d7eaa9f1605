//! Decoding speed on a workload of token ids with forced output lengths; prints one JSON line.
//!
//! cargo bench --bench engine -- --model DIR --workload FILE [--beam N] [--threads T] [--precision P] [--exact]
//!     [--screen-from N] [--batch-tokens N] [--sentences N] [--reps N] [--isa avx2|base] [--device cpu|cuda:N]
//!     [--host-search] [--outputs FILE]
//!
//! `DIR` holds a model's `config.json` and weights, `FILE` is JSON: `src`, a list of lists of token ids without the end of
//! sentence, and `tgt_len`, the count of target tokens each must give; without it outputs end where the model ends them.
//! `README.md` beside this file has the figures.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic, reason = "a benchmark stops where it fails")]

use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};
use summarize::engine::{
    DeviceChoice, ModelFiles, Origin,
    arch::{self, Seq2Seq},
    batch::{self, Job, Schedule},
    decode,
    generation::GenerationConfig,
    kernels::simd::{self, Width},
    precision::{Arithmetic, PrecisionChoice},
    weights::Weights,
};

struct Options {
    model: PathBuf,
    workload: PathBuf,
    beam: usize,
    threads: usize,
    arithmetic: Arithmetic,
    exact: bool,
    device: DeviceChoice,
    batch_tokens: usize,
    /// Sentences in flight, where that is asked for and not tokens.
    sentences: Option<usize>,
    /// Where the tokens of each output go, as JSON.
    outputs: Option<PathBuf>,
    /// On a device too, the host picks the tokens.
    on_host: bool,
    reps: usize,
}

impl Options {
    fn parse() -> Option<Options> {
        let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
        let (flags, arguments): (Vec<String>, Vec<String>) =
            arguments.into_iter().partition(|argument| ["--exact", "--host-search"].contains(&argument.as_str()));
        let exact = flags.iter().any(|flag| flag == "--exact");
        let pairs: BTreeMap<&str, &str> =
            arguments.chunks_exact(2).map(|pair| (pair[0].trim_start_matches('-'), pair[1].as_str())).collect();
        let number = |key: &str, default: usize| pairs.get(key).map_or(default, |value| value.parse().unwrap());
        let beam = number("beam", 1);
        let precision = pairs.get("precision").unwrap_or(&"auto").parse::<PrecisionChoice>().unwrap().precision();
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
                screened_from: number("screen-from", Arithmetic::new(precision, exact).screened_from),
                precision,
            },
            exact,
            device: pairs.get("device").unwrap_or(&"cpu").parse().unwrap(),
            batch_tokens: number("batch-tokens", precision.cpu_tokens()),
            sentences: pairs.get("sentences").map(|count| count.parse().unwrap()),
            outputs: pairs.get("outputs").map(PathBuf::from),
            on_host: flags.iter().any(|flag| flag == "--host-search"),
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
    let devices = options.device.open().unwrap_or_else(|error| panic!("{error}"));
    let on = |device| arch::load(&files, &weights, device, options.arithmetic).unwrap();
    let models: Vec<Box<dyn Seq2Seq>> = devices.iter().map(on).collect();
    let models: Vec<&dyn Seq2Seq> = models.iter().map(Box::as_ref).collect();
    let config = GenerationConfig::read(&files).unwrap();
    let load_seconds = start.elapsed().as_secs_f64();
    let jobs = jobs(&options, &config);
    let source_tokens: usize = jobs.iter().map(|job| job.source.len()).sum();
    let tokens_of = |sentences: usize| (sentences * source_tokens * options.beam).div_ceil(jobs.len());
    let tokens = options.sentences.map_or(options.batch_tokens, tokens_of);
    let schedule = Schedule { workers: options.threads, tokens, tap: None, on_host: options.on_host };
    let outputs: Mutex<Vec<Vec<u32>>> = Mutex::new(vec![Vec::new(); jobs.len()]);
    let run = || {
        let start = Instant::now();
        let counted = AtomicUsize::new(0);
        let finished = |index: usize, output: decode::Hypothesis| {
            counted.fetch_add(output.tokens.len(), Ordering::Relaxed);
            outputs.lock().unwrap()[index] = output.tokens;
        };
        let sink = batch::Sink { finished: &finished, cancelled: &AtomicBool::new(false) };
        batch::run_on(&models, &jobs, schedule, sink).unwrap();
        (counted.into_inner(), start.elapsed().as_secs_f64())
    };
    let (target_tokens, _) = run();
    // Every output has the length that was asked for, and none is of another length in another run.
    let forced: usize = jobs.iter().map(|job| job.config.min_new_tokens).sum();
    assert!(forced == 0 || forced == target_tokens, "{target_tokens} tokens for {forced}");
    let timed = |_| {
        let (tokens, seconds) = run();
        assert_eq!(tokens, target_tokens);
        seconds
    };
    let mut seconds: Vec<f64> = (0..options.reps).map(timed).collect();
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    let line = json!({
        "peer": "summarize", "precision": options.arithmetic.precision.name(), "exact": options.exact, "host_search": options.on_host, "beam": options.beam, "threads": options.threads,
        "isa": format!("{:?}", Width::detect()).to_lowercase(),
        "device": options.device.to_string(), "batch_tokens": tokens, "sentences": options.sentences, "ntok": target_tokens,
        "target_tokens_per_second": round(target_tokens as f64 / median),
        "sentences_per_second": round(jobs.len() as f64 / median),
        "min": round(target_tokens as f64 / seconds[seconds.len() - 1]), "max": round(target_tokens as f64 / seconds[0]),
        "load_seconds": round(load_seconds), "peak_rss_mib": peak_rss_mib(),
    });
    if let Some(path) = &options.outputs {
        fs::write(path, json!(outputs.into_inner().unwrap()).to_string()).unwrap();
    }
    println!("{line}");
}

fn jobs(options: &Options, config: &GenerationConfig) -> Vec<Job> {
    let workload: Value = serde_json::from_slice(&fs::read(&options.workload).unwrap()).unwrap();
    let config = GenerationConfig { num_beams: options.beam, ..config.clone() };
    let forced = |length: &Value| {
        let length = length.as_u64().unwrap() as usize;
        let (max_length, min_new_tokens) = (length + 1, length);
        GenerationConfig { max_length, min_new_tokens, forced_eos: Vec::new(), ..config.clone() }
    };
    let lengths = workload["tgt_len"].as_array();
    let job = |(index, source): (usize, &Value)| {
        let ids = source.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32);
        let source = ids.chain(config.eos.iter().copied().take(1)).collect();
        Job { source, config: lengths.map_or_else(|| config.clone(), |lengths| forced(&lengths[index])) }
    };
    workload["src"].as_array().unwrap().iter().enumerate().map(job).collect()
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
