//! Agreement with candle's own Marian, a second and independent oracle: one source at a time, greedily, in f32.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use candle_core::{DType, Device, Tensor};
use candle_nn::{Activation, VarBuilder};
use candle_transformers::models::marian::{Config, MTModel};
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};
use summarize::engine::{
    ModelFiles, Origin, arch,
    batch::{self, Job, Schedule},
    generation::GenerationConfig,
    precision::Arithmetic,
    weights::Weights,
};

/// Sources that are compared, spread over the golden's.
const EVERY: usize = 5;

#[test]
fn greedy_tokens_are_those_of_candles_own_marian() {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/marian/post-swish-shared");
    let folder = with_equal_heads(&goldens);
    let (config, golden) = (candle_config(&json(folder.path(), "config.json")), json(&goldens, "golden.json"));
    let tensors = candle_core::safetensors::load(goldens.join("model.safetensors"), &Device::Cpu).unwrap();
    let mut theirs = MTModel::new(&config, VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu)).unwrap();
    let rows = golden["sources"].as_array().unwrap();
    let sources: Vec<Vec<u32>> = rows.iter().step_by(EVERY).map(|row| ids(&row["source"])).collect();
    let ours = ours(folder.path(), &sources);
    assert!(sources.len() > 10);
    for (source, ours) in sources.iter().zip(&ours) {
        assert_eq!(*ours, greedy(&mut theirs, &config, source, ours.len()), "source {source:?}");
    }
}

/// Copies a checkpoint and gives its decoder as many heads as its encoder: with unequal counts candle disagrees with
/// transformers.
fn with_equal_heads(checkpoint: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["model.safetensors", "generation_config.json"] {
        fs::copy(checkpoint.join(file), folder.path().join(file)).unwrap();
    }
    let mut config = json(checkpoint, "config.json");
    config["decoder_attention_heads"] = config["encoder_attention_heads"].clone();
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    folder
}

fn json(folder: &Path, file: &str) -> Value {
    serde_json::from_slice(&fs::read(folder.join(file)).unwrap()).unwrap()
}

/// Decodes the sources with our engine, without processors: candle has none.
fn ours(folder: &Path, sources: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let files = ModelFiles {
        origin: Origin::Folder(folder.to_owned()),
        name: "golden".into(),
        revision: None,
        licence: None,
        hashes: BTreeMap::new(),
    };
    let model = arch::load(&files, &Weights::open(&files).unwrap(), &Device::Cpu, Arithmetic::default()).unwrap();
    let config = GenerationConfig {
        num_beams: 1,
        bad_words: Vec::new(),
        forced_eos: Vec::new(),
        max_length: 20,
        ..GenerationConfig::read(&files).unwrap()
    };
    let jobs: Vec<Job> = sources.iter().map(|s| Job { source: s.clone(), config: config.clone() }).collect();
    let schedule = Schedule { workers: 2, tokens: 512, tap: None, on_host: false };
    batch::outputs(model.as_ref(), &jobs, schedule).unwrap().into_iter().map(|output| output.tokens).collect()
}

/// Decodes one source with candle's model for so many steps.
fn greedy(model: &mut MTModel, config: &Config, source: &[u32], steps: usize) -> Vec<u32> {
    model.reset_kv_cache();
    let hidden = model.encoder().forward(&Tensor::new(source, &Device::Cpu).unwrap().unsqueeze(0).unwrap(), 0).unwrap();
    let mut tokens = vec![config.decoder_start_token_id];
    for step in 0..steps {
        let last = Tensor::new(&tokens[step..], &Device::Cpu).unwrap().unsqueeze(0).unwrap();
        let logits = model.decode(&last, &hidden, step).unwrap().squeeze(0).unwrap().squeeze(0).unwrap();
        tokens.push(logits.argmax(0).unwrap().to_scalar().unwrap());
    }
    tokens.split_off(1)
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn candle_config(config: &Value) -> Config {
    let size = |key: &str| config[key].as_u64().unwrap() as usize;
    Config {
        vocab_size: size("vocab_size"),
        decoder_vocab_size: Some(size("vocab_size")),
        max_position_embeddings: size("max_position_embeddings"),
        encoder_layers: size("encoder_layers"),
        encoder_ffn_dim: size("encoder_ffn_dim"),
        encoder_attention_heads: size("encoder_attention_heads"),
        decoder_layers: size("decoder_layers"),
        decoder_ffn_dim: size("decoder_ffn_dim"),
        decoder_attention_heads: size("decoder_attention_heads"),
        use_cache: true,
        is_encoder_decoder: true,
        activation_function: Activation::Swish,
        d_model: size("d_model"),
        decoder_start_token_id: size("decoder_start_token_id") as u32,
        scale_embedding: config["scale_embedding"].as_bool().unwrap(),
        pad_token_id: size("pad_token_id") as u32,
        eos_token_id: size("eos_token_id") as u32,
        forced_eos_token_id: size("eos_token_id") as u32,
        share_encoder_decoder_embeddings: true,
    }
}
