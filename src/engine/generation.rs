//! `generation_config.json`: how a model wants to be decoded, with transformers' names, defaults and fallbacks.
//!
//! Separate because the command line overrides a few fields and every search reads them. The invariant: a field that
//! is absent has the value transformers would give it, but for three that must not fail a reader: without a maximum
//! length the model's positions are the limit (transformers stops after 20 tokens), and the end of sentence and the start
//! token are looked for in `config.json` too.

use crate::engine::{EngineError, ModelFiles, arch};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The file, where the model has one.
pub const FILE: &str = "generation_config.json";

/// The widest beam that a model may ask for: memory grows with it.
const MAX_BEAMS: usize = 64;

/// When beam search stops looking for better hypotheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EarlyStopping {
    /// When the best open hypothesis, at its present length, scores below the worst finished one (`false`).
    #[default]
    Heuristic,
    /// As soon as there are as many finished hypotheses as beams (`true`).
    Always,
    /// Only when no open hypothesis can ever score above the worst finished one (`"never"`).
    Never,
}

impl<'de> Deserialize<'de> for EarlyStopping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(true) => Ok(EarlyStopping::Always),
            Value::Bool(false) | Value::Null => Ok(EarlyStopping::Heuristic),
            Value::String(text) if text == "never" => Ok(EarlyStopping::Never),
            other => Err(serde::de::Error::custom(format!("early_stopping is {other}, not true, false or \"never\""))),
        }
    }
}

/// One id or a list of ids.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(u32),
    Many(Vec<u32>),
}

impl OneOrMany {
    fn into_vec(self) -> Vec<u32> {
        match self {
            OneOrMany::One(id) => vec![id],
            OneOrMany::Many(ids) => ids,
        }
    }
}

/// The fields as they stand in a file; each may be absent or null.
#[derive(Debug, Clone, Default, Deserialize)]
struct Fields {
    model_type: Option<String>,
    num_beams: Option<usize>,
    max_length: Option<usize>,
    max_new_tokens: Option<usize>,
    min_length: Option<usize>,
    min_new_tokens: Option<usize>,
    length_penalty: Option<f64>,
    early_stopping: Option<EarlyStopping>,
    repetition_penalty: Option<f32>,
    no_repeat_ngram_size: Option<usize>,
    bad_words_ids: Option<Vec<Vec<u32>>>,
    forced_bos_token_id: Option<u32>,
    forced_eos_token_id: Option<OneOrMany>,
    suppress_tokens: Option<Vec<u32>>,
    begin_suppress_tokens: Option<Vec<u32>>,
    renormalize_logits: Option<bool>,
    decoder_start_token_id: Option<u32>,
    bos_token_id: Option<u32>,
    eos_token_id: Option<OneOrMany>,
    #[serde(flatten)]
    unsupported: Unsupported,
}

/// Fields whose effect this version does not have: one that would change an output is refused by name.
#[derive(Debug, Clone, Default, Deserialize)]
struct Unsupported {
    do_sample: Option<bool>,
    num_beam_groups: Option<u32>,
    penalty_alpha: Option<f32>,
    guidance_scale: Option<f32>,
    encoder_no_repeat_ngram_size: Option<usize>,
    encoder_repetition_penalty: Option<f32>,
    exponential_decay_length_penalty: Option<Value>,
    force_words_ids: Option<Value>,
    constraints: Option<Value>,
    sequence_bias: Option<Value>,
    watermarking_config: Option<Value>,
    stop_strings: Option<Value>,
    dola_layers: Option<Value>,
}

impl Unsupported {
    /// Returns the first field that would change an output, where there is one.
    fn first(&self) -> Option<&'static str> {
        let fields = [
            ("num_beam_groups", self.num_beam_groups.is_some_and(|groups| groups > 1)),
            ("penalty_alpha", self.penalty_alpha.is_some_and(|alpha| alpha > 0.0)),
            ("guidance_scale", self.guidance_scale.is_some_and(|scale| scale != 1.0)),
            ("encoder_no_repeat_ngram_size", self.encoder_no_repeat_ngram_size.is_some_and(|size| size > 0)),
            ("encoder_repetition_penalty", self.encoder_repetition_penalty.is_some_and(|penalty| penalty != 1.0)),
            ("exponential_decay_length_penalty", self.exponential_decay_length_penalty.is_some()),
            ("force_words_ids", self.force_words_ids.is_some()),
            ("constraints", self.constraints.is_some()),
            ("sequence_bias", self.sequence_bias.is_some()),
            ("watermarking_config", self.watermarking_config.is_some()),
            ("stop_strings", self.stop_strings.is_some()),
            ("dola_layers", self.dola_layers.is_some()),
        ];
        fields.into_iter().find(|(_, used)| *used).map(|(name, _)| name)
    }
}

/// How to search, complete with defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerationConfig {
    /// Beams; 1 is greedy search.
    pub num_beams: usize,
    /// Longest output, the start token included; at most the model's positions are used.
    pub max_length: usize,
    /// Shortest output, the start token included: no end of sentence before it.
    pub min_length: usize,
    /// Shortest output, the start token not included.
    pub min_new_tokens: usize,
    /// Exponent of the length a finished hypothesis' summed log-probability is divided by.
    pub length_penalty: f64,
    /// When to stop.
    pub early_stopping: EarlyStopping,
    /// Factor against tokens already there; 1 is none.
    pub repetition_penalty: f32,
    /// No sequence of this many tokens occurs twice; 0 is no limit.
    pub no_repeat_ngram_size: usize,
    /// Sequences that never occur.
    pub bad_words: Vec<Vec<u32>>,
    /// The first token after the start token.
    pub forced_bos: Option<u32>,
    /// The last token of an output that reaches `max_length`; empty for none.
    pub forced_eos: Vec<u32>,
    /// Tokens that never occur.
    pub suppress: Vec<u32>,
    /// Tokens that are never first.
    pub begin_suppress: Vec<u32>,
    /// Scores are made log-probabilities again after tokens were ruled out.
    pub renormalize_logits: bool,
    /// The whole output, where it is given and only its score is asked for; empty for a search.
    pub forced_output: Vec<u32>,
    /// The token the decoder starts from.
    pub decoder_start: u32,
    /// The tokens that end an output.
    pub eos: Vec<u32>,
    /// The model asks for sampling, in whose place search is used: the same text gives the same output.
    pub asks_to_sample: bool,
}

impl GenerationConfig {
    /// Reads `generation_config.json`, or the same fields of `config.json` where the model has none.
    pub fn read(files: &ModelFiles) -> Result<GenerationConfig, EngineError> {
        GenerationConfig::read_for(files, "")
    }

    /// Reads the same, with what `task_specific_params` of `config.json` states for a task over it.
    pub fn read_for(files: &ModelFiles, task: &str) -> Result<GenerationConfig, EngineError> {
        let settings: Value = files.json(arch::config::FILE)?;
        arch::config::require_run(&files.name, &settings)?;
        let mut config = fields(arch::config::FILE, settings.clone())?;
        if let Some((start, end)) = config.model_type.as_deref().and_then(arch::config::default_tokens) {
            config.decoder_start_token_id.get_or_insert(start);
            config.eos_token_id.get_or_insert(OneOrMany::One(end));
        }
        let file = if files.has(FILE) { FILE } else { arch::config::FILE };
        let mut own = if files.has(FILE) { files.json(FILE)? } else { settings.clone() };
        if let (Some(own), Some(of_task)) = (own.as_object_mut(), settings["task_specific_params"][task].as_object()) {
            own.extend(of_task.clone());
        }
        GenerationConfig::complete(fields(file, own)?, &config)
    }

    fn complete(fields: Fields, config: &Fields) -> Result<GenerationConfig, EngineError> {
        let start = fields.decoder_start_token_id.or(config.decoder_start_token_id).or(fields.bos_token_id);
        let eos = fields.eos_token_id.or(config.eos_token_id.clone()).map(OneOrMany::into_vec).unwrap_or_default();
        // `generate` counts max_new_tokens from the start token and lets it win over max_length.
        let max_length = fields.max_new_tokens.map(|new| new + 1).or(fields.max_length).unwrap_or(usize::MAX);
        if max_length < 2 {
            return Err(EngineError::malformed(
                FILE,
                format!("a maximum length of {max_length} leaves room for no token"),
            ));
        }
        if fields.num_beams.is_some_and(|beams| beams > MAX_BEAMS) {
            return Err(EngineError::malformed(FILE, format!("num_beams is over {MAX_BEAMS}")));
        }
        if let Some(name) = fields.unsupported.first() {
            let reason =
                format!("this version does not run its {name}: set it to null in a copy of the file to do without");
            return Err(EngineError::malformed(FILE, reason));
        }
        if eos.is_empty() {
            return Err(EngineError::malformed(FILE, "neither it nor config.json names an eos_token_id"));
        }
        Ok(GenerationConfig {
            num_beams: fields.num_beams.unwrap_or(1).max(1),
            max_length,
            // As in `generate`, a minimum of new tokens takes the place of one that counts the start token.
            min_length: fields.min_new_tokens.map_or(fields.min_length, |new| Some(new + 1)).unwrap_or(0),
            min_new_tokens: fields.min_new_tokens.unwrap_or(0),
            length_penalty: fields.length_penalty.unwrap_or(1.0),
            early_stopping: fields.early_stopping.unwrap_or_default(),
            repetition_penalty: fields.repetition_penalty.unwrap_or(1.0),
            no_repeat_ngram_size: fields.no_repeat_ngram_size.unwrap_or(0),
            bad_words: without_eos(fields.bad_words_ids.unwrap_or_default(), &eos),
            forced_bos: fields.forced_bos_token_id,
            forced_eos: fields.forced_eos_token_id.map(OneOrMany::into_vec).unwrap_or_default(),
            suppress: fields.suppress_tokens.unwrap_or_default(),
            begin_suppress: fields.begin_suppress_tokens.unwrap_or_default(),
            renormalize_logits: fields.renormalize_logits.unwrap_or(false),
            forced_output: Vec::new(),
            decoder_start: start.ok_or_else(|| EngineError::malformed(FILE, "it names no decoder_start_token_id"))?,
            eos,
            asks_to_sample: fields.unsupported.do_sample.unwrap_or(false),
        })
    }
}

/// Drops the end of sentence from bad words, as transformers does.
fn without_eos(mut bad_words: Vec<Vec<u32>>, eos: &[u32]) -> Vec<Vec<u32>> {
    bad_words.retain(|word| !matches!(word[..], [id] if eos.contains(&id)) && !word.is_empty());
    bad_words
}

fn fields(file: &str, value: Value) -> Result<Fields, EngineError> {
    serde_json::from_value(value).map_err(|error| EngineError::malformed(file, error))
}

#[cfg(test)]
impl GenerationConfig {
    /// Returns the configuration of a model whose `config.json` holds this.
    pub(crate) fn of(json: &str) -> GenerationConfig {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), json).unwrap();
        let files = ModelFiles {
            origin: crate::engine::Origin::Folder(folder.path().to_owned()),
            name: "test".into(),
            revision: None,
            licence: None,
            hashes: Default::default(),
        };
        GenerationConfig::read(&files).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(json: &str) -> GenerationConfig {
        let fields: Fields = serde_json::from_str(json).unwrap();
        GenerationConfig::complete(fields.clone(), &fields).unwrap()
    }

    #[test]
    fn absent_and_null_fields_take_transformers_defaults() {
        let config = complete(r#"{"decoder_start_token_id": 9, "eos_token_id": 0, "length_penalty": null}"#);
        assert_eq!((config.num_beams, config.max_length, config.length_penalty), (1, usize::MAX, 1.0));
        assert_eq!((config.early_stopping, config.eos), (EarlyStopping::Heuristic, vec![0]));
    }

    #[test]
    fn settings_that_leave_no_room_or_never_end_are_refused() {
        for json in [
            r#"{"decoder_start_token_id": 9, "eos_token_id": 0, "max_length": 1}"#,
            r#"{"decoder_start_token_id": 9, "max_length": 10}"#,
            r#"{"eos_token_id": 0}"#,
            r#"{"decoder_start_token_id": 9, "eos_token_id": 0, "num_beams": 100000000}"#,
            r#"{"decoder_start_token_id": 9, "eos_token_id": 0, "num_beam_groups": 2}"#,
        ] {
            let fields: Fields = serde_json::from_str(json).unwrap();
            assert!(GenerationConfig::complete(fields.clone(), &fields).is_err(), "{json}");
        }
    }

    #[test]
    fn the_tokens_of_a_family_stand_in_where_no_file_names_them() {
        let config = GenerationConfig::of(r#"{"model_type": "t5"}"#);
        assert_eq!((config.decoder_start, config.eos), (0, vec![1]));
    }

    #[test]
    fn what_is_stated_for_a_task_wins_for_that_task_alone() {
        let folder = tempfile::tempdir().unwrap();
        let config = r#"{"model_type": "bart", "decoder_start_token_id": 2, "eos_token_id": 2, "num_beams": 2,
            "task_specific_params": {"summarization": {"num_beams": 4, "min_length": 56, "prefix": "sum: "}}}"#;
        std::fs::write(folder.path().join("config.json"), config).unwrap();
        let origin = crate::engine::Origin::Folder(folder.path().to_owned());
        let files = ModelFiles { origin, name: "m".into(), revision: None, licence: None, hashes: Default::default() };
        let lengths = |task| {
            let config = GenerationConfig::read_for(&files, task).unwrap();
            (config.num_beams, config.min_length)
        };
        assert_eq!((lengths(""), lengths("summarization")), ((2, 0), (4, 56)));
        std::fs::write(folder.path().join(FILE), r#"{"num_beams": 3, "max_length": 142}"#).unwrap();
        assert_eq!((lengths(""), lengths("summarization")), ((3, 0), (4, 56)));
        assert_eq!(arch::config::prompt(&files, "summarization").unwrap().as_deref(), Some("sum: "));
    }

    #[test]
    fn lists_and_special_values_are_read() {
        let config = complete(
            r#"{"decoder_start_token_id": 9, "eos_token_id": [0, 5], "early_stopping": "never",
                "bad_words_ids": [[9], [5], [1, 2]], "max_new_tokens": 7, "max_length": 512, "forced_eos_token_id": 0}"#,
        );
        assert_eq!(config.eos, [0, 5]);
        assert_eq!(config.bad_words, [vec![9], vec![1, 2]]);
        assert_eq!((config.max_length, config.early_stopping), (8, EarlyStopping::Never));
        assert!(serde_json::from_str::<Fields>(r#"{"early_stopping": "soon"}"#).is_err());
    }
}
