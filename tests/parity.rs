//! Agreement with Hugging Face transformers on checkpoints with random weights: encoder states, logits, attention,
//! greedy and beam tokens, alone and in batches.
//!
//! `tests/oracle/README.md` says how the goldens are made and what they hold. To repeat this on other checkpoints, write
//! their goldens with `marian.py --checkpoint DIR` or `varied.py`, and name the folders in `SUMMARIZE_PARITY_CHECKPOINTS`,
//! separated by `:`. With `--nocapture` a line is printed for each checkpoint.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod checkpoints;

use candle_core::{Device, Tensor};
use checkpoints::{
    Checkpoint, EXACT, assert_encoder_states, assert_logits, assert_tokens, checkpoints_on, family_of, ids,
    largest_gap, model_files, relative_errors, run_forced,
};
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};
use summarize::engine::{
    ModelFiles,
    generation::GenerationConfig,
    precision::{Arithmetic, Precision},
};

/// Returns the committed checkpoints and those the environment names, on the CPU.
fn checkpoints() -> Vec<Checkpoint> {
    checkpoints_in(Arithmetic::default())
}

fn checkpoints_in(arithmetic: Arithmetic) -> Vec<Checkpoint> {
    checkpoints_on(&Device::Cpu, arithmetic)
}

#[test]
fn encoder_states_are_transformers_within_one_in_ten_thousand() {
    assert_encoder_states(&checkpoints(), EXACT);
}

#[test]
fn logits_and_tapped_attention_are_transformers_when_the_output_is_given() {
    assert_logits(&checkpoints(), EXACT);
}

#[test]
fn greedy_and_beam_tokens_are_transformers() {
    assert_tokens(&checkpoints(), 2, 1024);
}

#[test]
fn every_generation_setting_gives_transformers_tokens() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/marian/post-swish-shared");
    let checkpoint = Checkpoint::load(&folder, &Device::Cpu, Arithmetic::default());
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
    let whole = [Precision::Int8, Precision::Int16].map(|precision| Arithmetic::new(precision, false));
    let integers = whole.into_iter().chain(whole.map(screened));
    // One of each family, for debug builds are slow, and all that the environment names.
    let mut seen = BTreeSet::new();
    let committed = Path::new(env!("CARGO_MANIFEST_DIR"));
    let families = checkpoints().into_iter().filter(|checkpoint| {
        let folder = checkpoint.files.path("").unwrap();
        !folder.starts_with(committed) || seen.insert(family_of(&folder))
    });
    let in_integers = integers.flat_map(|arithmetic| checkpoints_in(arithmetic).into_iter().take(1));
    for checkpoint in families.collect::<Vec<_>>().into_iter().chain(in_integers) {
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

/// Returns arithmetic that screens every vocabulary, however small.
fn screened(arithmetic: Arithmetic) -> Arithmetic {
    Arithmetic { screened_from: 0, ..arithmetic }
}

/// Returns how many greedy outputs are those of transformers, and of how many.
fn greedy_outputs_kept(checkpoint: &Checkpoint) -> (usize, usize) {
    let sources = checkpoint.sources();
    let config = GenerationConfig { num_beams: 1, ..checkpoint.config.clone() };
    let outputs = checkpoint.decode(&sources, &config, 2, 1024);
    let golden = |index: usize| ids(&checkpoint.golden["sources"][index]["greedy"]);
    ((0..sources.len()).filter(|index| outputs[*index].tokens == golden(*index)).count(), sources.len())
}

#[test]
fn a_screen_in_f32_leaves_every_greedy_output_as_it_is() {
    for checkpoint in checkpoints_in(screened(Arithmetic::default())) {
        let (kept, of) = greedy_outputs_kept(&checkpoint);
        assert_eq!(kept, of, "{}", checkpoint.name);
    }
}

/// Root mean square of what int8 does to the logits, over theirs, as `tests/oracle/int8.py` finds it with PyTorch: random
/// weights amplify.
const INT8_ERRORS: [(&str, f32); 14] = [
    ("bart", 0.1712),
    ("m2m100", 0.0390),
    ("mbart", 0.0359),
    ("mt5", 0.1695),
    ("pegasus", 0.0634),
    ("t5", 0.1053),
    ("t5-gated", 0.1022),
    ("umt5", 0.1113),
    ("ignored-pre-norm-relu", 0.0347),
    ("legacy-pickle", 0.1439),
    ("post-swish-shared", 0.0861),
    ("separate-vocabs", 0.3037),
    ("separate-vocabs-untied", 0.0884),
    ("zip-f16-stale-head", 0.1972),
];

#[test]
fn int8_changes_logits_as_much_as_quantization_in_pytorch_does() {
    for checkpoint in checkpoints_in(Arithmetic::new(Precision::Int8, false)) {
        let Some((_, expected)) = INT8_ERRORS.iter().find(|(name, _)| *name == checkpoint.name) else { continue };
        let [_, error] = relative_errors(&checkpoint);
        eprintln!("{}: int8 error {error:.4}, PyTorch's {expected}", checkpoint.name);
        assert!((error / expected - 1.0).abs() < 0.06, "{}: {error}, not {expected}", checkpoint.name);
    }
}

#[test]
fn int16_leaves_logits_of_random_weights_within_two_thousandths_and_nearly_every_output_as_it_is() {
    for arithmetic in [Arithmetic::new(Precision::Int16, false), screened(Arithmetic::new(Precision::Int16, false))] {
        let (mut same, mut all) = (0, 0);
        for checkpoint in checkpoints_in(arithmetic) {
            let [_, error] = relative_errors(&checkpoint);
            let (kept, of) = greedy_outputs_kept(&checkpoint);
            eprintln!("{}: int16 error {error:.1e}, {kept} of {of} outputs kept", checkpoint.name);
            assert!(error < 2e-3, "{}: {error}", checkpoint.name);
            (same, all) = (same + kept, all + of);
        }
        assert!(same * 100 >= all * 95, "{same} of {all}");
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
