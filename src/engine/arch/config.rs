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
static FAMILIES: [(&str, Family); 8] = [
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
        require_run(&files.name, &value)?;
        let family = value["model_type"].as_str().and_then(family);
        match family.ok_or_else(|| EngineError::malformed(FILE, "it has no model_type"))? {
            Family::Bart(family) => {
                let mut config: BartConfig = parse(renamed(value, &bart::ALIASES))?;
                config.family = family;
                config.validate().map(|()| ModelConfig::Bart(config))
            }
            Family::T5(family) => {
                let mut config: T5Config = parse(renamed(value, &t5::ALIASES))?;
                config.family = family;
                config.validate().map(|()| ModelConfig::T5(config))
            }
        }
    }
}

/// Returns an error where a `config.json` is that of a model this version does not run: before anything else of the model
/// is read, or downloaded.
pub fn require_run(model: &str, config: &Value) -> Result<(), EngineError> {
    let Some(kind) = config["model_type"].as_str() else { return Ok(()) };
    match (family(kind), silent_class(config)) {
        (None, _) => Err(refusal(model, kind, config)),
        (_, Some(class)) => Err(EngineError::Unsupported(format!(
            "{model} is a {class}: a {kind} model that was made to label text or to go on with it, and this version runs \
             those that read one text and write another{}",
            instead(model, kind, config)
        ))),
        _ => Ok(()),
    }
}

fn family(model_type: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|(name, _)| *name == model_type).map(|(_, family)| family)
}

/// Returns true for a `model_type` that this version runs.
#[cfg(test)]
pub fn is_run(model_type: &str) -> bool {
    family(model_type).is_some()
}

/// Returns the `model_type` of a model.
pub fn model_type(files: &ModelFiles) -> Result<String, EngineError> {
    let value: Value = files.json(FILE)?;
    Ok(value["model_type"].as_str().unwrap_or_default().to_owned())
}

/// Returns the tokens that start and end an output of this `model_type` where no file of the model names them.
pub(in crate::engine) fn default_tokens(model_type: &str) -> Option<(u32, u32)> {
    family(model_type).and_then(|family| match family {
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
    let families = FAMILIES.each_ref().map(|(name, _)| *name).join(", ");
    EngineError::Unsupported(format!(
        "{model} is a {kind} model{class}, and this version runs {families}{} (`summarize models` lists all)",
        instead(model, kind, config)
    ))
}

/// Says which entry of the catalogue does what a model does, or is called most like it.
fn instead(model: &str, kind: &str, config: &Value) -> String {
    /// Families whose published models summarize.
    const SUMMARIZERS: [&str; 6] = ["bart", "led", "longt5", "pegasus_x", "bigbird_pegasus", "prophetnet"];
    let Ok(catalogue) = Catalogue::shipped() else { return String::new() };
    let summarizes = SUMMARIZERS.contains(&kind) || config["task_specific_params"]["summarization"].is_object();
    let task = if summarizes { Task::Summary } else { Task::Translation };
    let default = || catalogue.entries().iter().find(|entry| entry.default && entry.task == task);
    let nearest = catalogue.nearest(model).or_else(|| default().map(|entry| entry.name.as_str()));
    nearest.map(|name| format!("; the nearest of the catalogue is {name}")).unwrap_or_default()
}

/// Returns the class that a model was saved as, where that has no head to write with or no encoder to read with.
fn silent_class(config: &Value) -> Option<&str> {
    const SILENT: [&str; 5] =
        ["ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering", "ForCausalLM", "EncoderModel"];
    let class = config["architectures"][0].as_str()?;
    SILENT.iter().any(|ending| class.ends_with(ending)).then_some(class)
}

/// Gives keys that stand for others the names of those; as in transformers, such a key wins over the other.
fn renamed(mut config: Value, aliases: &[(&str, &str)]) -> Value {
    for (alias, name) in aliases {
        if let Some(value) = config.get(alias).filter(|value| !value.is_null()).cloned() {
            config[*name] = value;
        }
    }
    config
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
        for json in
            [r#"{"model_type": "led"}"#, r#"{"model_type": "x", "task_specific_params": {"summarization": {}}}"#]
        {
            let message = read("org/long", json).unwrap_err().to_string();
            assert!(message.contains("the nearest of the catalogue is distilbart-cnn-12-6"), "{message}");
        }
    }

    #[test]
    fn a_model_of_a_known_kind_that_labels_text_is_refused() {
        let json = r#"{"model_type": "bart", "architectures": ["BartForSequenceClassification"]}"#;
        let message = read("org/mnli", json).unwrap_err().to_string();
        assert!(
            message.starts_with("org/mnli is a BartForSequenceClassification") && !message.contains('\n'),
            "{message}"
        );
    }

    #[test]
    fn keys_that_stand_for_others_win_as_in_transformers() {
        let json = r#"{"model_type": "t5", "vocab_size": 9, "hidden_size": 6, "d_model": 8, "d_kv": 4, "d_ff": 8,
            "num_hidden_layers": 3, "num_heads": 2}"#;
        let Ok(ModelConfig::T5(config)) = read("m", json) else { panic!("it is a T5") };
        assert_eq!((config.d_model, config.num_layers), (6, 3));
    }

    #[test]
    fn the_scale_of_a_t5_head_is_what_transformers_5_wrote_or_else_what_the_tie_means() {
        for (flags, scaled) in [
            ("", true),
            (r#", "tie_word_embeddings": false"#, false),
            (r#", "tie_word_embeddings": true, "scale_decoder_outputs": false"#, false),
            (r#", "tie_word_embeddings": false, "scale_decoder_outputs": true"#, true),
        ] {
            let json = format!(
                r#"{{"model_type": "t5", "vocab_size": 9, "d_model": 4, "d_kv": 4, "d_ff": 8, "num_layers": 1,
                "num_heads": 2{flags}}}"#
            );
            let Ok(ModelConfig::T5(config)) = read("m", &json) else { panic!("it is a T5") };
            assert_eq!(config.head_scale(), if scaled { 0.5 } else { 1.0 }, "{flags}");
        }
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
