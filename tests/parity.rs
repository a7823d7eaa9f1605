//! Agreement with Hugging Face transformers on checkpoints with random weights: encoder states, logits, attention,
//! greedy and beam tokens, alone and in batches.
//!
//! `tests/oracle/README.md` says how the goldens are made and what they hold. To repeat this on other checkpoints, write
//! their goldens with `marian.py --checkpoint DIR` or `varied.py`, and name the folders in `SUMMARIZE_PARITY_CHECKPOINTS`,
//! separated by `:`. With `--nocapture` a line is printed for each checkpoint.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test stops where it fails, or says what it found")]

use candle_core::{Device, Tensor};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};
use summarize::engine::{
    ModelFiles, Origin,
    arch::{self, Row, Seq2Seq},
    batch::{self, Job, Schedule},
    decode::Hypothesis,
    generation::GenerationConfig,
    kernels::{
        cache::Tap,
        projection::{Scores, Wanted},
    },
    precision::{Arithmetic, Precision},
    weights::Weights,
};

/// Largest difference of an encoder state and of a logit from transformers'.
const ENCODER_TOLERANCE: f32 = 1e-4;
const LOGIT_TOLERANCE: f32 = 1e-3;

/// Every architecture that is run has a golden.
const FAMILIES: [&str; 8] = ["marian", "bart", "mbart", "m2m_100", "pegasus", "t5", "mt5", "umt5"];

struct Checkpoint {
    name: String,
    files: ModelFiles,
    model: Box<dyn Seq2Seq>,
    config: GenerationConfig,
    golden: Value,
    tensors: HashMap<String, Tensor>,
    /// The attention that the goldens hold: the last decoder layer's first head.
    golden_tap: Tap,
}

impl Checkpoint {
    fn load(folder: &Path, arithmetic: Arithmetic) -> Checkpoint {
        let files = model_files(folder);
        let weights = Weights::open(&files).unwrap();
        Checkpoint {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            model: arch::load(&files, &weights, &Device::Cpu, arithmetic).unwrap(),
            config: GenerationConfig::read(&files).unwrap(),
            golden: serde_json::from_slice(&fs::read(folder.join("golden.json")).unwrap()).unwrap(),
            tensors: candle_core::safetensors::load(folder.join("golden.safetensors"), &Device::Cpu).unwrap(),
            golden_tap: {
                let config = config(folder);
                let layers = ["decoder_layers", "num_decoder_layers", "num_layers"].map(|key| config[key].as_u64());
                Tap { layer: layers.into_iter().flatten().next().unwrap() as usize - 1, head: Some(0) }
            },
            files,
        }
    }

    fn sources(&self) -> Vec<Vec<u32>> {
        self.golden["sources"].as_array().unwrap().iter().map(|row| ids(&row["source"])).collect()
    }

    fn decode(
        &self,
        sources: &[Vec<u32>],
        config: &GenerationConfig,
        workers: usize,
        tokens: usize,
    ) -> Vec<Hypothesis> {
        let job = |source: &Vec<u32>| Job { source: source.clone(), config: config.clone() };
        let jobs: Vec<Job> = sources.iter().map(job).collect();
        let schedule = Schedule { workers, tokens, tap: Some(self.model.alignment_tap()) };
        batch::outputs(self.model.as_ref(), &jobs, schedule).unwrap()
    }
}

fn model_files(folder: &Path) -> ModelFiles {
    ModelFiles {
        origin: Origin::Folder(folder.to_owned()),
        name: folder.display().to_string(),
        revision: None,
        licence: None,
        hashes: BTreeMap::new(),
    }
}

/// Returns the committed checkpoints and those the environment names.
fn checkpoints() -> Vec<Checkpoint> {
    checkpoints_in(Arithmetic::default())
}

fn checkpoints_in(arithmetic: Arithmetic) -> Vec<Checkpoint> {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let committed = ["marian", "families"].into_iter().flat_map(|set| fs::read_dir(goldens.join(set)).unwrap());
    let mut folders: Vec<PathBuf> = committed.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(FAMILIES.iter().all(|family| folders.iter().any(|folder| family_of(folder) == *family)));
    let more = std::env::var_os("SUMMARIZE_PARITY_CHECKPOINTS").unwrap_or_default();
    folders.extend(std::env::split_paths(&more).filter(|path| !path.as_os_str().is_empty()));
    folders.iter().map(|folder| Checkpoint::load(folder, arithmetic)).collect()
}

fn config(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("config.json")).unwrap()).unwrap()
}

fn family_of(folder: &Path) -> String {
    config(folder)["model_type"].as_str().unwrap().to_owned()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn largest_gap(a: &Tensor, b: &Tensor) -> f32 {
    (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
}

/// Prints what was found of each checkpoint, and stops where any is over its bound.
fn report(what: &str, found: &[(String, f32)], bound: f32) {
    found.iter().for_each(|(name, gap)| eprintln!("{name}: {what} {gap:.1e}"));
    let over: Vec<_> = found.iter().filter(|(_, gap)| gap.is_nan() || *gap >= bound).collect();
    assert!(over.is_empty(), "{what} of {bound:e} or more: {over:?}");
}

#[test]
fn encoder_states_are_transformers_within_one_in_ten_thousand() {
    let mut found = Vec::new();
    for checkpoint in checkpoints() {
        let sources = checkpoint.sources();
        let mut gaps = Vec::new();
        for (name, want) in &checkpoint.tensors {
            let Some(index) = name.strip_prefix("encoder.") else { continue };
            let source = &sources[index.parse::<usize>().unwrap()];
            gaps.push(largest_gap(&checkpoint.model.encode(&[source]).unwrap(), want));
        }
        assert!(gaps.len() >= 8, "{} has {} encoder goldens", checkpoint.name, gaps.len());
        found.push((checkpoint.name, largest(&gaps)));
    }
    report("encoder gap", &found, ENCODER_TOLERANCE);
}

#[test]
fn logits_and_tapped_attention_are_transformers_when_the_output_is_given() {
    let (mut logit_gaps, mut attention_gaps) = (Vec::new(), Vec::new());
    for checkpoint in checkpoints() {
        let sources = checkpoint.sources();
        let (mut of_logits, mut of_attention) = (Vec::new(), Vec::new());
        for forced in checkpoint.golden["teacher_forced"].as_array().unwrap() {
            let index = forced["source"].as_u64().unwrap() as usize;
            let (logits, taps) =
                run_forced(&checkpoint, &sources[index], &ids(&forced["decoder_input_ids"]), checkpoint.golden_tap);
            of_logits.push(largest_gap(&logits, &checkpoint.tensors[&format!("logits.{index}")]));
            if let Some(want) = checkpoint.tensors.get(&format!("cross_attention.{index}")) {
                of_attention.push(largest_gap(&taps, want));
            }
        }
        logit_gaps.push((checkpoint.name.clone(), largest(&of_logits)));
        attention_gaps.push((checkpoint.name, largest(&of_attention)));
    }
    report("logit gap", &logit_gaps, LOGIT_TOLERANCE);
    report("attention gap", &attention_gaps, ENCODER_TOLERANCE);
}

/// Returns the largest of some gaps, NaN where one is.
fn largest(gaps: &[f32]) -> f32 {
    assert!(!gaps.is_empty());
    gaps.iter().copied().fold(0.0, |a: f32, b| if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) })
}

/// Returns the logits, (steps, vocabulary), and tapped attention, (steps, source tokens), of given decoder inputs.
fn run_forced(checkpoint: &Checkpoint, source: &[u32], inputs: &[u32], tap: Tap) -> (Tensor, Tensor) {
    let model = &checkpoint.model;
    let hidden = model.encode(&[source]).unwrap();
    let memory = model.memories(&hidden, &[source]).unwrap().remove(0);
    let mut state = model.state(1, 2);
    let (mut logits, mut taps) = (Vec::new(), Vec::new());
    for (position, token) in inputs.iter().enumerate() {
        let lineage = vec![0; position];
        let row = Row { token: *token, memory: &memory, slot: 0, lineage: &lineage, wanted: &Wanted::All };
        let mut step = model.step(&mut state, &[row], Some(tap)).unwrap();
        let Some(Scores::All(row)) = step.scores.pop() else { unreachable!("all scores were wanted") };
        logits.extend(row);
        taps.append(&mut step.taps[0]);
    }
    let tensor = |values, width| Tensor::from_vec(values, (inputs.len(), width), &Device::Cpu).unwrap();
    (tensor(logits, model.vocabulary()), tensor(taps, source.len()))
}

#[test]
fn greedy_and_beam_tokens_are_transformers() {
    let mut wrong = Vec::new();
    for checkpoint in checkpoints() {
        let sources = checkpoint.sources();
        assert!(sources.len() >= 50, "{} has {} sources", checkpoint.name, sources.len());
        for (key, beams) in [("greedy", 1), ("beam", checkpoint.config.num_beams)] {
            let config = GenerationConfig { num_beams: beams, ..checkpoint.config.clone() };
            let outputs = checkpoint.decode(&sources, &config, 2, 1024);
            let wanted = |index: usize| ids(&checkpoint.golden["sources"][index][key]);
            let differ = (0..sources.len()).filter(|index| outputs[*index].tokens != wanted(*index));
            let differ: Vec<usize> = differ.collect();
            eprintln!("{}: {key} tokens of {} sources, {} differ", checkpoint.name, sources.len(), differ.len());
            if let Some(index) = differ.first() {
                let (got, want) = (&outputs[*index].tokens, wanted(*index));
                wrong.push(format!("{}, {key}: {differ:?}; {got:?} for {want:?}", checkpoint.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_generation_setting_gives_transformers_tokens() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/marian/post-swish-shared");
    let checkpoint = Checkpoint::load(&folder, Arithmetic::default());
    let sources = checkpoint.sources();
    let variants: Value = serde_json::from_slice(&fs::read(folder.join("variants.json")).unwrap()).unwrap();
    for variant in variants["variants"].as_array().unwrap() {
        let config = with_options(&checkpoint.files, &variant["options"]);
        let results = variant["results"].as_array().unwrap();
        let chosen: Vec<_> = results.iter().map(|r| sources[r["source"].as_u64().unwrap() as usize].clone()).collect();
        assert!(!chosen.is_empty());
        for (output, want) in checkpoint.decode(&chosen, &config, 1, 4096).iter().zip(results) {
            assert_eq!(output.tokens, ids(&want["tokens"]), "{}, source {}", variant["name"], want["source"]);
        }
    }
}

/// Returns the checkpoint's generation settings with others laid over them, read as from its folder.
fn with_options(files: &ModelFiles, options: &Value) -> GenerationConfig {
    let folder = tempfile::tempdir().unwrap();
    let mut merged: Value = serde_json::from_slice(&files.read("generation_config.json").unwrap()).unwrap();
    for (key, value) in options.as_object().unwrap() {
        merged[key] = value.clone();
    }
    fs::copy(files.path("config.json").unwrap(), folder.path().join("config.json")).unwrap();
    fs::write(folder.path().join("generation_config.json"), merged.to_string()).unwrap();
    GenerationConfig::read(&model_files(folder.path())).unwrap()
}

#[test]
fn company_order_and_threads_change_no_bit_of_an_output() {
    let int8 = Arithmetic { precision: Precision::Int8, exact: false };
    // One of each family: debug builds are slow.
    let mut seen = BTreeSet::new();
    let families = checkpoints().into_iter().filter(|c| seen.insert(family_of(&c.files.path("").unwrap())));
    for checkpoint in families.collect::<Vec<_>>().into_iter().chain(checkpoints_in(int8).into_iter().take(1)) {
        let sources = checkpoint.sources();
        for beams in [1, 4] {
            let config = GenerationConfig { num_beams: beams, ..checkpoint.config.clone() };
            let together = checkpoint.decode(&sources, &config, 3, 700);
            let alone: Vec<_> =
                sources.iter().flat_map(|s| checkpoint.decode(std::slice::from_ref(s), &config, 1, 1)).collect();
            let reversed: Vec<_> = sources.iter().rev().cloned().collect();
            let mut backwards = checkpoint.decode(&reversed, &config, 2, 5000);
            backwards.reverse();
            assert_eq!(together, alone, "{} beam {beams}", checkpoint.name);
            assert_eq!(together, backwards, "{} beam {beams}", checkpoint.name);
        }
    }
}

/// Root mean square of what int8 does to the logits, over theirs, as `tests/oracle/int8.py` finds it with PyTorch: random
/// weights amplify.
const INT8_ERRORS: [(&str, f32); 6] = [
    ("ignored-pre-norm-relu", 0.0350),
    ("legacy-pickle", 0.1508),
    ("post-swish-shared", 0.0912),
    ("separate-vocabs", 0.3152),
    ("separate-vocabs-untied", 0.0874),
    ("zip-f16-stale-head", 0.1824),
];

#[test]
fn int8_changes_logits_as_much_as_quantization_in_pytorch_does() {
    for checkpoint in checkpoints_in(Arithmetic { precision: Precision::Int8, exact: false }) {
        let Some((_, expected)) = INT8_ERRORS.iter().find(|(name, _)| *name == checkpoint.name) else { continue };
        let sources = checkpoint.sources();
        let (mut errors, mut power) = (0.0, 0.0);
        for forced in checkpoint.golden["teacher_forced"].as_array().unwrap() {
            let index = forced["source"].as_u64().unwrap() as usize;
            let (logits, _) =
                run_forced(&checkpoint, &sources[index], &ids(&forced["decoder_input_ids"]), checkpoint.golden_tap);
            let want = &checkpoint.tensors[&format!("logits.{index}")];
            let squares = |x: &Tensor| x.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
            errors += squares(&(&logits - want).unwrap());
            power += squares(want);
        }
        let error = (errors / power).sqrt();
        eprintln!("{}: int8 error {error:.4}, PyTorch's {expected}", checkpoint.name);
        assert!((error / expected - 1.0).abs() < 0.2, "{}: {error}, not {expected}", checkpoint.name);
    }
}

#[test]
fn each_target_token_carries_the_attention_of_the_step_that_chose_it() {
    for checkpoint in checkpoints().into_iter().take(2) {
        let sources = checkpoint.sources();
        let outputs = checkpoint.decode(&sources[..20], &checkpoint.config, 1, 4096);
        for (source, output) in sources.iter().zip(&outputs) {
            let start = checkpoint.config.decoder_start;
            let inputs: Vec<u32> = [start].into_iter().chain(output.tokens.iter().copied()).collect();
            let tap = checkpoint.model.alignment_tap();
            let (_, want) = run_forced(&checkpoint, source, &inputs[..output.tokens.len()], tap);
            let got = Tensor::new(output.attention.concat(), &Device::Cpu).unwrap();
            let gap = largest_gap(&got, &want.flatten_all().unwrap());
            assert!(gap < 1e-6, "{}: {gap}", checkpoint.name);
        }
    }
}
