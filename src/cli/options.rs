//! The options of the main job, and the groups of them that subcommands share.
//!
//! Separate because the same structs are read from flags, from the environment and from `summarize.toml`. The invariant:
//! a field is `None` unless somebody set it.

#![allow(rustdoc::broken_intra_doc_links, reason = "the comments are the help texts, word for word")]

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

pub use crate::report::Layout;

/// Options of the main job, each `None` where it was not given; also the keys of `summarize.toml`.
#[derive(Debug, Clone, Default, PartialEq, Args, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[command(next_help_heading = "Languages and output")]
pub struct Options {
    /// Target language, ISO 639-1 [default: en]
    #[arg(long, value_name = "LANG")]
    pub lang: Option<String>,
    /// Source language, ISO 639-1; auto detects it for each article [default: auto]
    #[arg(long, value_name = "LANG")]
    pub from: Option<String>,
    /// Where results go; - writes one article's Markdown to standard output [default: outputs]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Files to write for each article: md, json (which also marks it as done), html, tsv, tmx, xliff [default: md,json]
    #[arg(long, value_name = "LIST", value_delimiter = ',', hide_possible_values = true)]
    #[serde(deserialize_with = "list_or_text")]
    pub format: Option<Vec<Format>>,
    /// How the Markdown sets Arabic and English: interleaved, or table for two columns [default: interleaved]
    #[arg(long, value_name = "KIND", hide_possible_values = true)]
    pub layout: Option<Layout>,
    /// Names and terms that must be rendered so: a file of lines with Arabic, tab, English, and a note if you like
    #[arg(long, value_name = "FILE")]
    pub glossary: Option<PathBuf>,
    /// A TMX file of sentences already translated (see `summarize review`): an identical one is taken from it
    #[arg(long, value_name = "FILE")]
    pub memory: Option<PathBuf>,
    /// auto, extractive (the article's own sentences), abstractive (written by a model) or off [default: auto]
    #[arg(long, value_name = "KIND", hide_possible_values = true)]
    pub summary: Option<SummaryKind>,
    /// Sentences of the summary, 1 to 20 [default: 3]
    #[arg(long, value_name = "N")]
    pub summary_sentences: Option<usize>,
    /// Keep sentences of an abstractive summary that the article does not bear out, with their warnings
    #[arg(long, num_args = 0, default_missing_value = "true")]
    pub keep_unsupported: Option<bool>,
    /// Leave sentences in doubt as they are; without it they are decoded again and the better translation is kept
    #[arg(long, num_args = 0, default_missing_value = "true")]
    pub no_repair: Option<bool>,
    /// Which articles are worked on, and what happens when one fails.
    #[command(flatten)]
    #[serde(flatten)]
    pub batch: BatchOptions,
    /// Catalogue name, org/repo[@revision], a folder, or builtin; auto: the catalogue's choice [default: auto]
    #[arg(long, value_name = "MODEL", help_heading = "Model")]
    pub model: Option<String>,
    /// Summarization model, named as above; auto: the catalogue's, if it is on this machine [default: auto]
    #[arg(long, value_name = "MODEL", help_heading = "Model")]
    pub summary_model: Option<String>,
    /// How the model computes.
    #[command(flatten)]
    #[serde(flatten)]
    pub compute: ComputeOptions,
    /// Tokens in flight, source tokens times beams [default: chosen for the device]
    #[arg(long, value_name = "N", help_heading = "Model")]
    pub batch_tokens: Option<usize>,
    /// Where models come from.
    #[command(flatten)]
    #[serde(flatten)]
    pub hub: HubOptions,
    /// What is said on the way.
    #[command(flatten)]
    #[serde(flatten)]
    pub messages: MessageOptions,
}

/// Which articles are worked on, and what happens when one fails.
#[derive(Debug, Clone, Default, PartialEq, Args, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[command(next_help_heading = "Batch")]
pub struct BatchOptions {
    /// Redo articles that are done, and overwrite documents that were edited
    #[arg(long, num_args = 0, default_missing_value = "true")]
    pub force: Option<bool>,
    /// List what would be done; write and download nothing
    #[arg(long, num_args = 0, default_missing_value = "true")]
    pub dry_run: Option<bool>,
    /// Work on slice I of N only: the same inputs always fall into the same slice
    #[arg(long, value_name = "I/N")]
    pub shard: Option<String>,
    /// Memory to keep within, in MiB, model included: fewer articles and sentences at a time [default: no bound]
    #[arg(long, value_name = "MIB")]
    pub memory_budget: Option<usize>,
    /// Stop at the first article that fails
    #[arg(long, num_args = 0, default_missing_value = "true")]
    pub fail_fast: Option<bool>,
    /// Exit with status 4 where a document has a critical flag
    #[arg(long, num_args = 0, default_missing_value = "true")]
    pub strict: Option<bool>,
}

/// How a model computes.
#[derive(Debug, Clone, Default, PartialEq, Args, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[command(next_help_heading = "Model")]
pub struct ComputeOptions {
    /// auto, cpu, cuda, cuda:N, cuda:N,M (several GPUs) or metal [default: auto]
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// auto, f32, int16 (CPU: faster, nearly always the same words), int8 (CPU: fastest, changes wording), bf16 or f16 (GPU; f16 not with T5) [default: auto, which is f32]
    #[arg(long, value_name = "P")]
    pub precision: Option<String>,
    /// Compute every score in full; without it a greedy search over a large vocabulary finds the likely tokens by an estimate and
    /// computes those alone
    #[arg(long, num_args = 0, default_missing_value = "true")]
    pub exact: Option<bool>,
    /// Beams of the search; 1 is greedy and fastest [default: the model's own]
    #[arg(long, value_name = "N")]
    pub beam: Option<usize>,
    /// CPU threads [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Where models come from.
#[derive(Debug, Clone, Default, PartialEq, Args, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[command(next_help_heading = "Model")]
pub struct HubOptions {
    /// Folder of downloaded models [default: the one Python's huggingface_hub uses]
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Use no network at all
    #[arg(long, num_args = 0, default_missing_value = "true")]
    pub offline: Option<bool>,
    /// Another hub, for example a mirror [default: huggingface.co]
    #[arg(long, value_name = "URL")]
    pub hub: Option<String>,
}

/// What is said on the way, and how.
#[derive(Debug, Clone, Default, PartialEq, Args, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[command(next_help_heading = "Messages")]
pub struct MessageOptions {
    /// Say only what went wrong
    #[arg(short, long, conflicts_with = "verbose")]
    #[serde(skip)]
    pub quiet: bool,
    /// Say more
    #[arg(short, long)]
    #[serde(skip)]
    pub verbose: bool,
    /// Colour on standard error: auto, always or never [default: auto]
    #[arg(long, value_name = "WHEN", hide_possible_values = true)]
    pub color: Option<Color>,
    /// text, or json for one object a line on standard error [default: text]
    #[arg(long, value_name = "KIND", hide_possible_values = true)]
    pub log_format: Option<LogFormat>,
}

/// A format of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Markdown to read
    Md,
    /// JSON for programs
    Json,
    /// A page for a browser, to print or to send
    Html,
    /// Tab-separated values for a spreadsheet
    Tsv,
    /// A translation memory for translators' programs
    Tmx,
    /// A file for translators' editors
    Xliff,
}

/// A kind of summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SummaryKind {
    /// Abstractive where a summarization model is named or on this machine, else extractive
    Auto,
    /// The article's own most telling sentences
    Extractive,
    /// Written by a model; each sentence links to what it rests on
    Abstractive,
    /// None
    Off,
}

/// When to colour messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Even into a file
    Always,
    /// Not at all
    Never,
}

/// The form of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines to read
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Reads a list of formats written either as a list or as one text with commas.
fn list_or_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Format>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum ListOrText {
        List(Vec<String>),
        Text(String),
    }
    let names = match ListOrText::deserialize(deserializer)? {
        ListOrText::List(names) => names,
        ListOrText::Text(text) => text.split(',').map(str::to_owned).collect(),
    };
    let format = |name: &String| Format::from_str(name.trim(), true).map_err(|_| name.clone());
    let formats: Result<Vec<Format>, String> = names.iter().map(format).collect();
    formats.map(Some).map_err(|name| {
        serde::de::Error::custom(format!("unknown format `{name}`, expected md, json, html, tsv, tmx or xliff"))
    })
}
