//! Agreement with Hugging Face transformers in the form that operations have on a GPU: on the CPU always, and on a CUDA
//! device where this build and machine have one.
//!
//! Separate from `parity.rs`, whose comparisons it shares, because operations take that form for the whole process.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops where it fails, or says what it leaves out"
)]

mod checkpoints;

use candle_core::{Device, Error, Tensor};
use checkpoints::{
    Checkpoint, EXACT, assert_encoder_states, assert_logits, assert_tokens, checkpoints_of, checkpoints_on,
    relative_errors,
};
use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
use summarize::engine::{
    EngineError,
    arch::{self, DecoderState, Footprint, Row, Searched, Seq2Seq, StepOutput, Verdicts},
    batch::{self, Job, Schedule},
    decode::Hypothesis,
    generation::{EarlyStopping, GenerationConfig},
    kernels::{
        self,
        cache::{CrossMemory, Tap},
        device::search::Output,
    },
    precision::{Arithmetic, Precision},
    weights::Weights,
};

/// Returns the devices to test: the CPU in the GPU's form, and a GPU where there is one.
fn devices() -> Vec<Device> {
    kernels::run_as_on_device();
    let gpu = Device::new_cuda_with_stream(0).inspect_err(|error| eprintln!("skipped on CUDA: {error}"));
    [Device::Cpu].into_iter().chain(gpu).collect()
}

fn f32s(device: &Device) -> Vec<Checkpoint> {
    checkpoints_on(device, Arithmetic::default())
}

#[test]
fn encoder_states_are_transformers_within_one_in_ten_thousand() {
    devices().iter().for_each(|device| assert_encoder_states(&f32s(device), EXACT));
}

#[test]
fn logits_and_tapped_attention_are_transformers_when_the_output_is_given() {
    devices().iter().for_each(|device| assert_logits(&f32s(device), EXACT));
}

#[test]
fn greedy_and_beam_tokens_are_transformers() {
    devices().iter().for_each(|device| assert_tokens(&f32s(device), 1, 600));
}

/// What 16 bits leave of encoder states and logits in PyTorch, as `tests/oracle/sixteen.py` finds it: f16, then bf16. The last
/// one's logits are of a head that is not its own there.
const SIXTEEN_BITS: [(&str, [f32; 2], [f32; 2]); 14] = [
    ("bart", [0.0014, 0.0065], [0.0111, 0.0764]),
    ("m2m100", [0.0009, 0.0026], [0.0071, 0.0335]),
    ("mbart", [0.0012, 0.0036], [0.0105, 0.0255]),
    ("mt5", [0.0024, 0.0165], [0.0196, 0.1219]),
    ("pegasus", [0.0009, 0.0072], [0.0072, 0.0205]),
    ("t5", [0.0019, 0.0119], [0.0151, 0.0984]),
    ("t5-gated", [0.0027, 0.0084], [0.0180, 0.0870]),
    ("umt5", [0.0025, 0.0106], [0.0207, 0.0782]),
    ("ignored-pre-norm-relu", [0.0012, 0.0025], [0.0085, 0.0180]),
    ("legacy-pickle", [0.0024, 0.0078], [0.0221, 0.0606]),
    ("post-swish-shared", [0.0021, 0.0065], [0.0214, 0.0831]),
    ("separate-vocabs", [0.0046, 0.0178], [0.0193, 0.1327]),
    ("separate-vocabs-untied", [0.0024, 0.0050], [0.0193, 0.0482]),
    ("zip-f16-stale-head", [0.0016, f32::INFINITY], [0.0221, f32::INFINITY]),
];

/// The families that are run in f16.
const IN_F16: [&str; 5] = ["marian", "bart", "mbart", "m2m_100", "pegasus"];
/// Those that overflow it.
const IN_BF16_ALONE: [&str; 3] = ["t5", "mt5", "umt5"];

#[test]
fn sixteen_bits_change_no_more_than_they_do_in_pytorch() {
    for device in devices() {
        for precision in [Precision::F16, Precision::Bf16] {
            let more: &[&str] = if precision == Precision::Bf16 { &IN_BF16_ALONE } else { &[] };
            let families = [&IN_F16[..], more].concat();
            for checkpoint in checkpoints_of(&families, &device, Arithmetic::new(precision, false)) {
                let Some((_, f16, bf16)) = SIXTEEN_BITS.iter().find(|(name, ..)| *name == checkpoint.name) else {
                    continue;
                };
                let most = if precision == Precision::F16 { f16 } else { bf16 };
                for (got, most) in relative_errors(&checkpoint).into_iter().zip(most) {
                    // The plain forms on the CPU round after each operation, PyTorch after several.
                    assert!(got < most * 2.5, "{} {}: {got}, not {most}", checkpoint.name, precision.name());
                }
            }
        }
    }
}

#[test]
fn a_t5_model_is_refused_in_f16() {
    for device in devices() {
        let checkpoints = checkpoints_of(&IN_BF16_ALONE, &device, Arithmetic::default());
        let files = &checkpoints[0].files;
        let weights = Weights::open(files).unwrap();
        let error = arch::load(files, &weights, &device, Arithmetic::new(Precision::F16, false));
        assert!(error.err().unwrap().to_string().contains("overflows f16"));
    }
}

/// A device that has memory for so many rows of a step, and so many tokens of an encoder's pass.
struct Cramped {
    model: Box<dyn Seq2Seq>,
    rows: usize,
    tokens: usize,
    refusals: AtomicUsize,
    /// Outputs may be read so often before the memory for it is missing, once.
    outputs: AtomicUsize,
    /// Steps whose searches were on the host, and on the device.
    steps: [AtomicUsize; 2],
}

impl Cramped {
    fn roomy(model: Box<dyn Seq2Seq>) -> Cramped {
        Cramped {
            model,
            rows: usize::MAX,
            tokens: usize::MAX,
            refusals: AtomicUsize::new(0),
            outputs: AtomicUsize::new(usize::MAX),
            steps: Default::default(),
        }
    }

    fn refuse(&self, asked: usize, most: usize) -> Result<(), EngineError> {
        if asked <= most {
            return Ok(());
        }
        self.refusals.fetch_add(1, Ordering::Relaxed);
        Err(EngineError::Tensor(Error::Cuda("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")".into())))
    }
}

impl Seq2Seq for Cramped {
    fn encode(&self, sources: &[&[u32]]) -> Result<Tensor, EngineError> {
        self.refuse(sources.iter().map(|source| source.len()).sum(), self.tokens)?;
        self.model.encode(sources)
    }

    fn memories(&self, hidden: &Tensor, sources: &[&[u32]]) -> Result<Vec<CrossMemory>, EngineError> {
        self.model.memories(hidden, sources)
    }

    fn state(&self, slots: usize, capacity: usize) -> DecoderState {
        self.model.state(slots, capacity)
    }

    fn step(&self, state: &mut DecoderState, rows: &[Row<'_>], tap: Option<Tap>) -> Result<StepOutput, EngineError> {
        self.refuse(rows.len(), self.rows)?;
        self.steps[0].fetch_add(1, Ordering::Relaxed);
        self.model.step(state, rows, tap)
    }

    fn search(&self, state: &mut DecoderState, sources: &[Searched<'_>], tap: Option<Tap>) -> Verdicts {
        self.refuse(sources.iter().map(|source| source.turn.rules.beams).sum(), self.rows)?;
        self.steps[1].fetch_add(1, Ordering::Relaxed);
        self.model.search(state, sources, tap)
    }

    fn outputs(&self, state: &mut DecoderState, slots: &[usize]) -> Result<Vec<Option<Output>>, EngineError> {
        let left = self.outputs.fetch_sub(1, Ordering::Relaxed);
        self.refuse(usize::from(left == 0), 0)?;
        self.model.outputs(state, slots)
    }

    fn footprint(&self) -> Footprint {
        self.model.footprint()
    }

    fn device(&self) -> &Device {
        self.model.device()
    }

    fn vocabulary(&self) -> usize {
        self.model.vocabulary()
    }

    fn max_source_tokens(&self) -> usize {
        self.model.max_source_tokens()
    }

    fn max_target_tokens(&self) -> usize {
        self.model.max_target_tokens()
    }

    fn alignment_tap(&self) -> Tap {
        self.model.alignment_tap()
    }

    fn aligns_as_input(&self) -> bool {
        self.model.aligns_as_input()
    }
}

/// Returns a Marian checkpoint whose model is on a cramped device, and its jobs with what they give where there is room.
fn cramped(rows: usize, tokens: usize) -> (Cramped, Vec<Job>, Vec<Hypothesis>) {
    let Checkpoint { model, config, .. } = checkpoints_of(&["marian"], &devices()[0], Arithmetic::default()).remove(0);
    let sources = checkpoints_of(&["marian"], &Device::Cpu, Arithmetic::default()).remove(0).sources();
    let config = GenerationConfig { num_beams: 2, ..config };
    let jobs: Vec<Job> = sources.into_iter().map(|source| Job { source, config: config.clone() }).collect();
    let roomy = batch::outputs(model.as_ref(), &jobs, SCHEDULE).unwrap();
    (Cramped { rows, tokens, ..Cramped::roomy(model) }, jobs, roomy)
}

const SCHEDULE: Schedule = Schedule { workers: 1, tokens: 100_000, tap: None, on_host: false };

#[test]
fn a_device_without_memory_left_gets_half_the_batch_until_it_fits() {
    // The longest source has 120 tokens.
    for (rows, tokens) in [(10, usize::MAX), (usize::MAX, 130), (10, 130)] {
        let (model, jobs, want) = cramped(rows, tokens);
        let got = batch::outputs(&model, &jobs, SCHEDULE).unwrap();
        assert!(model.refusals.load(Ordering::Relaxed) > 1);
        assert_eq!(tokens_of(&got), tokens_of(&want));
    }
}

#[test]
fn a_source_that_does_not_fit_alone_is_an_error_not_a_loop() {
    let (model, jobs, _) = cramped(1, usize::MAX);
    let error = batch::outputs(&model, &jobs, SCHEDULE).unwrap_err();
    assert!(error.is_out_of_memory(), "{error}");
}

#[test]
fn sources_whose_outputs_cannot_be_read_for_want_of_memory_begin_anew() {
    let (model, jobs, want) = cramped(usize::MAX, usize::MAX);
    model.outputs.store(3, Ordering::Relaxed);
    let got = batch::outputs(&model, &jobs, SCHEDULE).unwrap();
    assert_eq!(model.refusals.load(Ordering::Relaxed), 1);
    assert_eq!(tokens_of(&got), tokens_of(&want));
}

fn tokens_of(outputs: &[Hypothesis]) -> Vec<&[u32]> {
    outputs.iter().map(|output| output.tokens.as_slice()).collect()
}

#[test]
fn several_devices_share_the_jobs_and_give_what_one_gives() {
    let (first, jobs, want) = cramped(usize::MAX, usize::MAX);
    let (second, ..) = cramped(usize::MAX, usize::MAX);
    let outputs: Mutex<Vec<Option<Hypothesis>>> = Mutex::new(vec![None; jobs.len()]);
    let finished = |index: usize, output: Hypothesis| outputs.lock().unwrap()[index] = Some(output);
    let sink = batch::Sink { finished: &finished, cancelled: &AtomicBool::new(false) };
    // So few tokens that neither can take all.
    batch::run_on(&[&first, &second], &jobs, Schedule { tokens: 200, ..SCHEDULE }, sink).unwrap();
    let got: Vec<Hypothesis> = outputs.into_inner().unwrap().into_iter().map(Option::unwrap).collect();
    assert_eq!(tokens_of(&got), tokens_of(&want));
}

/// A search over few tokens in flight: sources end at different steps, and others take their places.
const CROWDED: Schedule = Schedule { workers: 1, tokens: 260, tap: None, on_host: false };

/// Returns what a model gives for the jobs on its own device and with the host's searches, and how many steps were run so.
fn both_ways(model: Box<dyn Seq2Seq>, jobs: &[Job]) -> ([Vec<Hypothesis>; 2], [usize; 2]) {
    let tap = Some(model.alignment_tap());
    let model = Cramped::roomy(model);
    let outputs = [false, true].map(|on_host| {
        let schedule = Schedule { tap, on_host, ..CROWDED };
        batch::outputs(&model, jobs, schedule).unwrap()
    });
    (outputs, model.steps.map(AtomicUsize::into_inner))
}

fn assert_same(name: &str, [got, want]: &[Vec<Hypothesis>; 2]) {
    assert_eq!(got.len(), want.len());
    for (index, (got, want)) in got.iter().zip(want).enumerate() {
        assert_eq!(got.tokens, want.tokens, "{name}, source {index}");
        assert!((got.score - want.score).abs() < 1e-4, "{name}, source {index}: {} {}", got.score, want.score);
        assert_eq!(got.attention.len(), want.tokens.len(), "{name}, source {index}");
        let lengths = |rows: &[Vec<f32>]| rows.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(&got.attention), lengths(&want.attention), "{name}, source {index}");
        let mut weights = got.attention.iter().flatten().zip(want.attention.iter().flatten());
        assert!(weights.all(|(a, b)| (a - b).abs() < 1e-4), "{name}, source {index}");
    }
}

/// Changes one setting.
type Variant = fn(&mut GenerationConfig);

/// What may differ between the searches of a device: when they end, how outputs compete, what may come.
const VARIANTS: [(&str, Variant); 9] = [
    ("as it is", |_| {}),
    ("short", |config| config.max_length = 7),
    ("short and not closed", |config| (config.max_length, config.forced_eos) = (9, Vec::new())),
    ("several ends", |config| config.eos.extend([11, 23, 37])),
    ("stops when full", |config| {
        config.early_stopping = EarlyStopping::Always;
        config.eos.extend([15, 31]);
    }),
    ("never stops early", |config| {
        config.early_stopping = EarlyStopping::Never;
        (config.length_penalty, config.max_length) = (0.3, 14);
        config.eos.extend([12, 40]);
    }),
    ("long outputs gain", |config| {
        (config.length_penalty, config.max_length) = (2.0, 20);
        config.eos.push(20);
    }),
    ("ruled out", |config| {
        (config.suppress, config.begin_suppress, config.min_length) = (vec![5, 17], vec![30, 44], 6);
        (config.renormalize_logits, config.max_length) = (true, 12);
        config.eos.extend([9, 33]);
    }),
    ("forced", |config| (config.forced_bos, config.forced_eos, config.max_length) = (Some(21), vec![8, 3], 10)),
];

#[test]
fn searches_on_the_device_give_what_those_of_the_host_give() {
    for device in devices() {
        for checkpoint in f32s(&device) {
            let sources: Vec<Vec<u32>> = checkpoint.sources().into_iter().take(16).collect();
            let base =
                GenerationConfig { no_repeat_ngram_size: 0, repetition_penalty: 1.0, ..checkpoint.config.clone() };
            let variants = if checkpoint.name.starts_with("post") || checkpoint.name == "m2m100" { 0..9 } else { 0..1 };
            let mut jobs = Vec::new();
            for (index, (_, vary)) in VARIANTS[variants].iter().enumerate() {
                for beams in [1, 4] {
                    let mut config = GenerationConfig { num_beams: beams, ..base.clone() };
                    vary(&mut config);
                    let job = |source: &Vec<u32>| Job { source: source.clone(), config: config.clone() };
                    jobs.extend(sources.iter().skip(index % 3).step_by(if beams == 1 { 2 } else { 1 }).map(job));
                }
            }
            let (outputs, steps) = both_ways(checkpoint.model, &jobs);
            assert_same(&checkpoint.name, &outputs);
            assert!(steps[0] > 0 && steps[1] > 0, "{}: {steps:?}", checkpoint.name);
        }
    }
}

#[test]
fn a_search_whose_rules_look_at_the_tokens_is_the_hosts_on_a_device_too() {
    let changes: [Variant; 4] = [
        |config| config.no_repeat_ngram_size = 2,
        |config| config.repetition_penalty = 1.2,
        |config| config.bad_words.push(vec![4, 5]),
        |config| config.forced_output = vec![4, 5],
    ];
    for change in changes {
        let (model, mut jobs, _) = cramped(usize::MAX, usize::MAX);
        change(&mut jobs[3].config);
        batch::outputs(&model, &jobs, SCHEDULE).unwrap();
        let [on_host, on_device] = model.steps.map(AtomicUsize::into_inner);
        assert!(on_host > 0 && on_device == 0);
    }
}
