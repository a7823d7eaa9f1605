//! `config.json`: which architecture a model is, and its sizes and flags under the names transformers gives them.
//!
//! Separate so that reading and refusing stand apart from building. The invariant: an unknown `model_type` is refused
//! by name, never guessed at.

mod bart;
mod t5;

pub use bart::{BartConfig, BartFamily, Positions};
pub use t5::{HeadScale, T5Config, T5Family};

use crate::engine::{
    EngineError, ModelFiles,
    catalogue::{Catalogue, Task},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// The file every model has.
pub const FILE: &str = "config.json";

/// A model's configuration, by architecture.
#[derive(Debug, Clone)]
pub enum ModelConfig {
    /// The BART family: Marian, BART, mBART, M2M100 and NLLB, Pegasus.
    Bart(BartConfig),
    /// The T5 family: T5, FLAN, MADLAD, mT5, umT5.
    T5(T5Config),
}

/// What of a `model_type` is not said in `config.json`.
enum Family {
    Bart(&'static BartFamily),
    T5(&'static T5Family),
}

/// The architectures this version runs, by `model_type`.
const FAMILIES: [(&str, Family); 8] = [
    ("marian", Family::Bart(&bart::MARIAN)),
    ("bart", Family::Bart(&bart::BART)),
    ("mbart", Family::Bart(&bart::MBART)),
    ("m2m_100", Family::Bart(&bart::M2M100)),
    ("pegasus", Family::Bart(&bart::PEGASUS)),
    ("t5", Family::T5(&t5::T5)),
    ("mt5", Family::T5(&t5::MT5)),
    ("umt5", Family::T5(&t5::UMT5)),
];

impl ModelConfig {
    /// Reads `config.json`.
    pub fn read(files: &ModelFiles) -> Result<ModelConfig, EngineError> {
        let value: Value = files.json(FILE)?;
        let Some(kind) = value.get("model_type").and_then(Value::as_str).map(str::to_owned) else {
            return Err(EngineError::malformed(FILE, "it has no model_type"));
        };
        match FAMILIES.iter().find(|(name, _)| *name == kind) {
            Some((_, Family::Bart(family))) => {
                let mut config: BartConfig = parse(value)?;
                config.family = family;
                config.validate().map(|()| ModelConfig::Bart(config))
            }
            Some((_, Family::T5(family))) => {
                let mut config: T5Config = parse(value)?;
                config.family = family;
                config.validate().map(|()| ModelConfig::T5(config))
            }
            None => Err(refusal(&files.name, &kind, &value)),
        }
    }
}

/// Returns true for a `model_type` that this version runs.
#[cfg(test)]
pub fn is_run(model_type: &str) -> bool {
    FAMILIES.iter().any(|(name, _)| *name == model_type)
}

/// Returns the `model_type` of a model.
pub fn model_type(files: &ModelFiles) -> Result<String, EngineError> {
    let value: Value = files.json(FILE)?;
    Ok(value["model_type"].as_str().unwrap_or_default().to_owned())
}

/// Returns the tokens that start and end an output of this `model_type` where no file of the model names them.
pub(in crate::engine) fn default_tokens(model_type: &str) -> Option<(u32, u32)> {
    FAMILIES.iter().find(|(name, _)| *name == model_type).and_then(|(_, family)| match family {
        Family::Bart(family) => family.start_and_end,
        Family::T5(family) => Some(family.start_and_end),
    })
}

/// Returns what `config.json` says to put before a text, by the name of the task.
pub(in crate::engine) fn prompts(files: &ModelFiles) -> Result<BTreeMap<String, String>, EngineError> {
    let value: Value = files.json(FILE)?;
    let tasks = value["task_specific_params"].as_object().into_iter().flatten();
    Ok(tasks.filter_map(|(task, params)| Some((task.clone(), params["prefix"].as_str()?.to_owned()))).collect())
}

/// Returns what `config.json` says to put before a text of this task, or else before any text.
pub(in crate::engine) fn prompt(files: &ModelFiles, task: &str) -> Result<Option<String>, EngineError> {
    let value: Value = files.json(FILE)?;
    let of_task = &value["task_specific_params"][task]["prefix"];
    Ok(of_task.as_str().or(value["prefix"].as_str()).map(str::to_owned))
}

/// Says which architecture a model is and what to use instead.
fn refusal(model: &str, kind: &str, config: &Value) -> EngineError {
    let class = config["architectures"][0].as_str().map(|class| format!(" ({class})")).unwrap_or_default();
    let families = FAMILIES.map(|(name, _)| name).join(", ");
    let catalogue = Catalogue::shipped().ok();
    let nearest = catalogue.as_ref().and_then(|catalogue| {
        // A model that has settings for summaries is best replaced by a summarizer.
        let task =
            if config["task_specific_params"]["summarization"].is_object() { Task::Summary } else { Task::Translation };
        let default = || catalogue.entries().iter().find(|entry| entry.default && entry.task == task);
        catalogue.nearest(model).or_else(|| default().map(|entry| entry.name.as_str()))
    });
    let instead = nearest.map(|name| format!("; the nearest of the catalogue is {name}")).unwrap_or_default();
    EngineError::Unsupported(format!(
        "{model} is a {kind} model{class}, and this version runs {families}{instead} (`summarize models` lists all)"
    ))
}

fn parse<T: DeserializeOwned>(value: Value) -> Result<T, EngineError> {
    serde_json::from_value(value).map_err(|error| EngineError::malformed(FILE, error))
}

/// Returns an error where a size is zero.
fn require_positive(sizes: &[(&str, usize)]) -> Result<(), EngineError> {
    match sizes.iter().find(|(_, size)| *size == 0) {
        Some((name, _)) => Err(EngineError::malformed(FILE, format!("{name} is 0"))),
        None => Ok(()),
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Origin;

    fn read(name: &str, json: &str) -> Result<ModelConfig, EngineError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), json).unwrap();
        let origin = Origin::Folder(folder.path().to_owned());
        let files = ModelFiles { origin, name: name.into(), revision: None, licence: None, hashes: Default::default() };
        ModelConfig::read(&files)
    }

    #[test]
    fn a_model_of_another_kind_is_refused_in_one_line_with_its_family_and_what_to_use_instead() {
        let json = r#"{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}"#;
        let message = read("org/llama-ar", json).unwrap_err().to_string();
        assert!(message.contains("is a llama model (LlamaForCausalLM)") && !message.contains('\n'), "{message}");
        assert!(message.contains("the nearest of the catalogue is opus-mt-tc-big-ar-en"), "{message}");
        let message = read("org/opus-mt-ar-eng", r#"{"model_type": "fsmt"}"#).unwrap_err().to_string();
        assert!(message.contains("the nearest of the catalogue is opus-mt-ar-en"), "{message}");
        let json = r#"{"model_type": "led", "task_specific_params": {"summarization": {"num_beams": 4}}}"#;
        let message = read("org/long", json).unwrap_err().to_string();
        assert!(message.contains("the nearest of the catalogue is distilbart-cnn-12-6"), "{message}");
    }

    #[test]
    fn sizes_that_no_model_can_have_are_refused() {
        let bart = r#"{"model_type": "bart", "vocab_size": 9, "d_model": 9, "encoder_layers": 1, "decoder_layers": 1,
            "encoder_attention_heads": 2, "decoder_attention_heads": 3, "encoder_ffn_dim": 4, "decoder_ffn_dim": 4}"#;
        assert!(read("m", bart).unwrap_err().to_string().contains("cannot be shared by 2 heads"));
        let endless = bart.replace(r#""d_model": 9"#, r#""max_position_embeddings": 1000000000000, "d_model": 6"#);
        assert!(read("m", &endless).unwrap_err().to_string().contains("max_position_embeddings 1000000000000 is over"));
        let t5 = r#"{"model_type": "t5", "vocab_size": 9, "d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1,
            "num_heads": 2, "relative_attention_num_buckets": 2}"#;
        assert!(read("m", t5).unwrap_err().to_string().contains("relative_attention_num_buckets"));
    }
}
