//! What holds for this run: flag, then `SUMMARIZE_*` environment, then `summarize.toml`, then the default.
//!
//! Separate so that the rest of the program sees validated [`Settings`] and never asks where a value came from. The
//! invariant: every value is checked here, and an error names the flag, variable or key it came from.

mod layers;

use crate::{
    cli::{Format, Layout, Options, SummaryKind},
    engine::{DeviceChoice, precision::PrecisionChoice},
};
use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    thread,
};

pub use layers::layered;

/// The name of the configuration file, looked for in the working folder.
pub const CONFIG_FILE: &str = "summarize.toml";

/// The most sentences a summary may have.
const MAX_SUMMARY_SENTENCES: usize = 20;
/// The widest beam that is any use: quality falls again well below it.
const MAX_BEAM: usize = 64;

/// A setting without a usable value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The configuration file cannot be read or is not TOML.
    #[error("{CONFIG_FILE}: {0}")]
    File(String),
    /// A key of the file names no setting.
    #[error("{CONFIG_FILE}: unknown key `{key}`{}", nearest.as_ref().map(|n| format!(", did you mean `{n}`?")).unwrap_or_default())]
    UnknownKey {
        /// The key as written.
        key: String,
        /// The key it most resembles.
        nearest: Option<String>,
    },
    /// A key or variable has a value of the wrong type or outside its choices.
    #[error("{origin}: {reason}")]
    Value {
        /// `summarize.toml, key beam` or `SUMMARIZE_BEAM`.
        origin: String,
        /// What is wrong.
        reason: String,
    },
    /// A value has the right type but makes no sense.
    #[error("--{name}: {reason}")]
    Invalid {
        /// Name of the setting, as its flag.
        name: &'static str,
        /// What is wrong and what is allowed.
        reason: String,
    },
}

/// Where results go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Into files under this folder.
    Folder(PathBuf),
    /// One article's Markdown to standard output.
    Stdout,
}

impl Output {
    /// Returns the folder that results go to; `None` for standard output.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Output::Folder(folder) => Some(folder),
            Output::Stdout => None,
        }
    }
}

/// One slice of the inputs: the same article is always in the same slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which slice, from 1.
    pub index: u64,
    /// Of how many.
    pub count: u64,
}

/// Everything a run needs to know, validated.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// ISO 639 code of the target language.
    pub lang: String,
    /// ISO 639 code of the source language; `None` detects it for each article.
    pub from: Option<String>,
    /// Where results go.
    pub output: Output,
    /// Files to write for each article.
    pub formats: Vec<Format>,
    /// How the Markdown sets Arabic and English.
    pub layout: Layout,
    /// File of names and terms that must be rendered so.
    pub glossary: Option<PathBuf>,
    /// File of sentences already translated.
    pub memory: Option<PathBuf>,
    /// How to summarize.
    pub summary: SummaryKind,
    /// Sentences of the summary.
    pub summary_sentences: usize,
    /// Sentences of a summary that the article does not bear out stay, with their warnings.
    pub keep_unsupported: bool,
    /// The summarization model as the user names it; `auto` leaves the choice to the catalogue.
    pub summary_model: String,
    /// The model as the user names it; `auto` leaves the choice to the catalogue.
    pub model: String,
    /// The device to compute on.
    pub device: DeviceChoice,
    /// The arithmetic.
    pub precision: PrecisionChoice,
    /// No score is estimated.
    pub exact: bool,
    /// CPU threads.
    pub threads: usize,
    /// Beams; `None` takes the model's own.
    pub beam: Option<usize>,
    /// Sentences in doubt are decoded again.
    pub repair: bool,
    /// Tokens in flight; `None` lets the engine choose.
    pub batch_tokens: Option<usize>,
    /// Folder of downloaded models; `None` takes the one of Python's huggingface_hub.
    pub cache_dir: Option<PathBuf>,
    /// No network at all.
    pub offline: bool,
    /// Endpoint of the hub; `None` takes `HF_ENDPOINT` or the public one.
    pub hub: Option<String>,
    /// Redo what is done.
    pub force: bool,
    /// Only list.
    pub dry_run: bool,
    /// The slice of the inputs to work on.
    pub shard: Option<Shard>,
    /// MiB that the process should keep within.
    pub memory_budget: Option<usize>,
    /// Stop at the first failure.
    pub fail_fast: bool,
    /// Exit with status 4 on critical flags.
    pub strict: bool,
}

impl Settings {
    /// Validates options and fills in the defaults.
    pub fn new(options: Options) -> Result<Self, ConfigError> {
        let Options { batch, compute, hub, .. } = options;
        let settings = Settings {
            lang: language("lang", options.lang.unwrap_or_else(|| "en".into()))?,
            from: match options.from {
                Some(code) if code != "auto" => Some(language("from", code)?),
                _ => None,
            },
            output: output(options.output)?,
            formats: options.format.unwrap_or_else(|| vec![Format::Md, Format::Json]),
            layout: options.layout.unwrap_or_default(),
            glossary: options.glossary,
            memory: options.memory,
            summary: options.summary.unwrap_or(SummaryKind::Auto),
            summary_sentences: within("summary-sentences", options.summary_sentences, MAX_SUMMARY_SENTENCES)?
                .unwrap_or(3),
            keep_unsupported: options.keep_unsupported.unwrap_or(false),
            summary_model: not_empty("summary-model", options.summary_model)?.unwrap_or_else(|| "auto".into()),
            model: not_empty("model", options.model)?.unwrap_or_else(|| "auto".into()),
            device: parsed("device", compute.device)?.unwrap_or(DeviceChoice::Auto),
            precision: parsed("precision", compute.precision)?.unwrap_or_default(),
            exact: compute.exact.unwrap_or(false),
            threads: within("threads", compute.threads, 1024)?.unwrap_or_else(cores),
            beam: within("beam", compute.beam, MAX_BEAM)?,
            repair: !options.no_repair.unwrap_or(false),
            batch_tokens: within("batch-tokens", options.batch_tokens, 1 << 24)?,
            cache_dir: hub.cache_dir,
            offline: hub.offline.unwrap_or(false),
            hub: not_empty("hub", hub.hub)?,
            force: batch.force.unwrap_or(false),
            dry_run: batch.dry_run.unwrap_or(false),
            shard: parsed("shard", batch.shard)?,
            memory_budget: within("memory-budget", batch.memory_budget, 1 << 24)?,
            fail_fast: batch.fail_fast.unwrap_or(false),
            strict: batch.strict.unwrap_or(false),
        };
        settings.check_together()
    }

    fn check_together(self) -> Result<Self, ConfigError> {
        if self.summary_model != "auto" && matches!(self.summary, SummaryKind::Off | SummaryKind::Extractive) {
            return Err(invalid("summary-model", "it writes summaries: leave out --summary, or make it abstractive"));
        }
        match (&self.output, self.from.as_deref() == Some(&self.lang), self.formats.is_empty()) {
            (_, true, _) => {
                Err(invalid("from", format!("`{0}` is also the target language: nothing to translate", self.lang)))
            }
            (_, _, true) => Err(invalid("format", "name at least one of md, json, html, tsv, tmx, xliff")),
            (Output::Stdout, _, _) if !self.formats.contains(&Format::Md) => {
                Err(invalid("output", "standard output takes Markdown only: leave out --format"))
            }
            _ => Ok(self),
        }
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.trim().parse().ok()?, n.trim().parse().ok()?)));
        match parts {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Shard { index, count }),
            _ => Err(format!("`{text}` is not a slice: write I/N with I from 1 to N, such as 3/16")),
        }
    }
}

fn invalid(name: &'static str, reason: impl fmt::Display) -> ConfigError {
    ConfigError::Invalid { name, reason: reason.to_string() }
}

fn language(name: &'static str, code: String) -> Result<String, ConfigError> {
    match (2..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_lowercase()) {
        true => Ok(code),
        false => {
            Err(invalid(name, format!("`{code}` is not an ISO 639 code: write two or three small letters, such as en")))
        }
    }
}

fn output(path: Option<PathBuf>) -> Result<Output, ConfigError> {
    match path {
        None => Ok(Output::Folder("outputs".into())),
        Some(path) if path.as_os_str().is_empty() => Err(invalid("output", "the name of the folder is empty")),
        Some(path) if path.as_os_str() == "-" => Ok(Output::Stdout),
        Some(path) if path.is_file() => Err(invalid("output", format!("{} is a file, not a folder", path.display()))),
        Some(path) => Ok(Output::Folder(path)),
    }
}

fn within(name: &'static str, value: Option<usize>, most: usize) -> Result<Option<usize>, ConfigError> {
    match value {
        Some(number) if !(1..=most).contains(&number) => {
            Err(invalid(name, format!("{number} is not from 1 to {most}")))
        }
        _ => Ok(value),
    }
}

fn not_empty(name: &'static str, value: Option<String>) -> Result<Option<String>, ConfigError> {
    match value {
        Some(text) if text.trim().is_empty() => Err(invalid(name, "the value is empty")),
        _ => Ok(value),
    }
}

fn parsed<T: FromStr<Err: fmt::Display>>(name: &'static str, value: Option<String>) -> Result<Option<T>, ConfigError> {
    value.map(|text| text.parse::<T>().map_err(|reason| invalid(name, reason))).transpose()
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{BatchOptions, ComputeOptions};

    fn message(options: Options) -> String {
        Settings::new(options).unwrap_err().to_string()
    }

    #[test]
    fn nothing_given_gives_the_defaults_of_the_help() {
        let settings = Settings::new(Options::default()).unwrap();
        assert_eq!((settings.lang.as_str(), settings.from.as_deref()), ("en", None));
        assert_eq!(settings.output, Output::Folder("outputs".into()));
        assert_eq!((settings.summary_sentences, settings.beam, settings.model.as_str()), (3, None, "auto"));
        assert_eq!(settings.formats, [Format::Md, Format::Json]);
    }

    #[test]
    fn values_that_make_no_sense_are_named() {
        let compute = ComputeOptions { beam: Some(0), ..ComputeOptions::default() };
        assert_eq!(message(Options { compute, ..Options::default() }), "--beam: 0 is not from 1 to 64");
        let wrong = message(Options { lang: Some("English".into()), ..Options::default() });
        assert!(wrong.starts_with("--lang: `English` is not an ISO 639 code"), "{wrong}");
        let compute = ComputeOptions { device: Some("tpu".into()), ..ComputeOptions::default() };
        assert!(message(Options { compute, ..Options::default() }).starts_with("--device: "));
    }

    #[test]
    fn a_language_is_not_translated_into_itself() {
        let options = Options { from: Some("en".into()), ..Options::default() };
        assert!(message(options).contains("nothing to translate"));
    }

    #[test]
    fn a_shard_is_a_part_of_a_whole() {
        assert_eq!("3/16".parse(), Ok(Shard { index: 3, count: 16 }));
        for wrong in ["0/4", "5/4", "1", "a/b", "1/0", ""] {
            let batch = BatchOptions { shard: Some(wrong.into()), ..BatchOptions::default() };
            assert!(message(Options { batch, ..Options::default() }).starts_with("--shard: "), "{wrong}");
        }
    }
}
