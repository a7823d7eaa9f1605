//! What the tests of agreement with transformers share: the goldens, and the comparisons that are the same on every device.
//!
//! `tests/oracle/README.md` says how the goldens are made and what they hold.

#![allow(dead_code, reason = "each test that includes it uses a part")]
#![allow(clippy::print_stderr, reason = "a test says what it found")]

use candle_core::{DType, Device, Tensor};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
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
    precision::Arithmetic,
    weights::Weights,
};

/// Every architecture that is run has a golden.
const FAMILIES: [&str; 8] = ["marian", "bart", "mbart", "m2m_100", "pegasus", "t5", "mt5", "umt5"];

/// A checkpoint with what transformers makes of its sources.
pub struct Checkpoint {
    pub name: String,
    pub files: ModelFiles,
    pub model: Box<dyn Seq2Seq>,
    pub config: GenerationConfig,
    pub golden: Value,
    pub tensors: HashMap<String, Tensor>,
    /// The attention that the goldens hold: the last decoder layer's first head.
    pub golden_tap: Tap,
}

impl Checkpoint {
    /// Loads the checkpoint of a folder onto a device.
    pub fn load(folder: &Path, device: &Device, arithmetic: Arithmetic) -> Checkpoint {
        let files = model_files(folder);
        let weights = Weights::open(&files).unwrap();
        Checkpoint {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            model: arch::load(&files, &weights, device, arithmetic).unwrap(),
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

    /// Returns the sources that the goldens are of.
    pub fn sources(&self) -> Vec<Vec<u32>> {
        self.golden["sources"].as_array().unwrap().iter().map(|row| ids(&row["source"])).collect()
    }

    /// Decodes sources as these settings say.
    pub fn decode(
        &self,
        sources: &[Vec<u32>],
        config: &GenerationConfig,
        workers: usize,
        tokens: usize,
    ) -> Vec<Hypothesis> {
        let job = |source: &Vec<u32>| Job { source: source.clone(), config: config.clone() };
        let jobs: Vec<Job> = sources.iter().map(job).collect();
        let schedule = Schedule { workers, tokens, tap: Some(self.model.alignment_tap()), on_host: false };
        batch::outputs(self.model.as_ref(), &jobs, schedule).unwrap()
    }
}

/// Returns the model of a folder.
pub fn model_files(folder: &Path) -> ModelFiles {
    ModelFiles {
        origin: Origin::Folder(folder.to_owned()),
        name: folder.display().to_string(),
        revision: None,
        licence: None,
        hashes: BTreeMap::new(),
    }
}

/// Returns the committed checkpoints and those the environment names, on a device.
pub fn checkpoints_on(device: &Device, arithmetic: Arithmetic) -> Vec<Checkpoint> {
    folders().iter().map(|folder| Checkpoint::load(folder, device, arithmetic)).collect()
}

/// Returns those of them that are of these families.
pub fn checkpoints_of(families: &[&str], device: &Device, arithmetic: Arithmetic) -> Vec<Checkpoint> {
    let of = |folder: &PathBuf| families.contains(&family_of(folder).as_str());
    folders().iter().filter(|folder| of(folder)).map(|folder| Checkpoint::load(folder, device, arithmetic)).collect()
}

fn folders() -> Vec<PathBuf> {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let committed = ["marian", "families"].into_iter().flat_map(|set| fs::read_dir(goldens.join(set)).unwrap());
    let mut folders: Vec<PathBuf> = committed.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(FAMILIES.iter().all(|family| folders.iter().any(|folder| family_of(folder) == *family)));
    let more = std::env::var_os("SUMMARIZE_PARITY_CHECKPOINTS").unwrap_or_default();
    folders.extend(std::env::split_paths(&more).filter(|path| !path.as_os_str().is_empty()));
    folders
}

fn config(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("config.json")).unwrap()).unwrap()
}

/// Returns the `model_type` of a folder.
pub fn family_of(folder: &Path) -> String {
    config(folder)["model_type"].as_str().unwrap().to_owned()
}

/// Returns token ids.
pub fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// Returns the largest difference of two tensors.
pub fn largest_gap(a: &Tensor, b: &Tensor) -> f32 {
    (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
}

/// Returns the logits, (steps, vocabulary), and tapped attention, (steps, source tokens), of given decoder inputs.
pub fn run_forced(checkpoint: &Checkpoint, source: &[u32], inputs: &[u32], tap: Tap) -> (Tensor, Tensor) {
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

/// How far numbers may be from transformers'.
#[derive(Clone, Copy)]
pub struct Tolerance {
    /// Of an encoder state, and of an attention weight.
    pub encoder: f32,
    /// Of a logit.
    pub logit: f32,
}

/// In f32.
pub const EXACT: Tolerance = Tolerance { encoder: 1e-4, logit: 1e-3 };

/// Prints what was found of each checkpoint, and stops where any is over its bound.
fn report(what: &str, found: &[(String, f32)], bound: f32) {
    found.iter().for_each(|(name, gap)| eprintln!("{name}: {what} {gap:.1e}"));
    let over: Vec<_> = found.iter().filter(|(_, gap)| gap.is_nan() || *gap >= bound).collect();
    assert!(over.is_empty(), "{what} of {bound:e} or more: {over:?}");
}

/// Returns the largest of some gaps, NaN where one is.
fn largest(gaps: &[f32]) -> f32 {
    assert!(!gaps.is_empty());
    gaps.iter().copied().fold(0.0, |a: f32, b| if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) })
}

/// Asserts that encoder states are transformers'.
pub fn assert_encoder_states(checkpoints: &[Checkpoint], tolerance: Tolerance) {
    let mut found = Vec::new();
    for checkpoint in checkpoints {
        let sources = checkpoint.sources();
        let mut gaps = Vec::new();
        for (name, want) in &checkpoint.tensors {
            let Some(index) = name.strip_prefix("encoder.") else { continue };
            let source = &sources[index.parse::<usize>().unwrap()];
            let got = checkpoint.model.encode(&[source]).unwrap();
            gaps.push(largest_gap(&got.to_dtype(DType::F32).unwrap().to_device(&Device::Cpu).unwrap(), want));
        }
        assert!(gaps.len() >= 8, "{} has {} encoder goldens", checkpoint.name, gaps.len());
        found.push((checkpoint.name.clone(), largest(&gaps)));
    }
    report("encoder gap", &found, tolerance.encoder);
}

/// Asserts that logits and tapped attention are transformers' when the output is given.
pub fn assert_logits(checkpoints: &[Checkpoint], tolerance: Tolerance) {
    let (mut logit_gaps, mut attention_gaps) = (Vec::new(), Vec::new());
    for checkpoint in checkpoints {
        let sources = checkpoint.sources();
        let (mut of_logits, mut of_attention) = (Vec::new(), Vec::new());
        for forced in checkpoint.golden["teacher_forced"].as_array().unwrap() {
            let index = forced["source"].as_u64().unwrap() as usize;
            let (logits, taps) =
                run_forced(checkpoint, &sources[index], &ids(&forced["decoder_input_ids"]), checkpoint.golden_tap);
            of_logits.push(largest_gap(&logits, &checkpoint.tensors[&format!("logits.{index}")]));
            if let Some(want) = checkpoint.tensors.get(&format!("cross_attention.{index}")) {
                of_attention.push(largest_gap(&taps, want));
            }
        }
        logit_gaps.push((checkpoint.name.clone(), largest(&of_logits)));
        attention_gaps.push((checkpoint.name.clone(), largest(&of_attention)));
    }
    report("logit gap", &logit_gaps, tolerance.logit);
    report("attention gap", &attention_gaps, tolerance.encoder);
}

/// Asserts that greedy and beam tokens are transformers', the sources decoded in batches of this many tokens.
pub fn assert_tokens(checkpoints: &[Checkpoint], workers: usize, tokens: usize) {
    let mut wrong = Vec::new();
    for checkpoint in checkpoints {
        let sources = checkpoint.sources();
        assert!(sources.len() >= 50, "{} has {} sources", checkpoint.name, sources.len());
        for (key, beams) in [("greedy", 1), ("beam", checkpoint.config.num_beams)] {
            let config = GenerationConfig { num_beams: beams, ..checkpoint.config.clone() };
            let outputs = checkpoint.decode(&sources, &config, workers, tokens);
            assert_eq!(outputs.len(), sources.len());
            let wanted = |index: usize| ids(&checkpoint.golden["sources"][index][key]);
            let differ: Vec<usize> =
                (0..sources.len()).filter(|index| outputs[*index].tokens != wanted(*index)).collect();
            eprintln!("{}: {key} tokens of {} sources, {} differ", checkpoint.name, sources.len(), differ.len());
            if let Some(index) = differ.first() {
                let (got, want) = (&outputs[*index].tokens, wanted(*index));
                wrong.push(format!("{}, {key}: {differ:?}; {got:?} for {want:?}", checkpoint.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns how far encoder states and logits are from transformers': root mean square of the error over theirs.
pub fn relative_errors(checkpoint: &Checkpoint) -> [f32; 2] {
    let sources = checkpoint.sources();
    let (mut errors, mut power) = ([0.0; 2], [0.0; 2]);
    let squares = |x: &Tensor| x.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
    let mut add = |of: usize, got: &Tensor, want: &Tensor| {
        errors[of] += squares(&(got - want).unwrap());
        power[of] += squares(want);
    };
    for (name, want) in &checkpoint.tensors {
        let Some(index) = name.strip_prefix("encoder.") else { continue };
        let got = checkpoint.model.encode(&[&sources[index.parse::<usize>().unwrap()]]).unwrap();
        add(0, &got.to_dtype(DType::F32).unwrap().to_device(&Device::Cpu).unwrap(), want);
    }
    for forced in checkpoint.golden["teacher_forced"].as_array().unwrap() {
        let index = forced["source"].as_u64().unwrap() as usize;
        let inputs = ids(&forced["decoder_input_ids"]);
        let (logits, _) = run_forced(checkpoint, &sources[index], &inputs, checkpoint.golden_tap);
        add(1, &logits, &checkpoint.tensors[&format!("logits.{index}")]);
    }
    [0, 1].map(|of| (errors[of] / power[of]).sqrt())
}
