//! Results to files: what a document holds, and the one trait behind which each format is one file.
//!
//! Separate so that a format can be added without touching the flow. The invariants: a renderer is a pure function of
//! the [`Document`], so the same document gives the same bytes; a file is written whole or not at all.

mod escape;
pub mod html;
pub mod index;
pub mod json;
pub mod markdown;
pub mod names;
pub mod renderings;
pub mod run;
pub mod tmx;
pub mod tsv;
pub mod write;
pub mod xliff;

pub use html::Html;
pub use json::{Json, Stored};
pub use markdown::Markdown;
pub use names::OutputNames;
pub use tmx::Tmx;
pub use tsv::Tsv;
pub use write::{sha256, write_atomic};
pub use xliff::Xliff;

use crate::{
    article::{Article, Role, Sentence},
    review::{Flag, Note, NoteKind, Severity, SummarySentence, WordLink},
};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, ops::AddAssign};

/// A file format.
pub trait Render {
    /// Returns the file name extension, without a dot.
    fn extension(&self) -> &'static str;
    /// Returns the bytes of the file.
    fn render(&self, document: &Document) -> Vec<u8>;
}

/// The translation of one sentence of the article.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SentenceTranslation {
    /// The target text.
    pub text: String,
    /// Mean log-probability per target token (nats): a proxy that ranks, not a probability of being right.
    pub score: f32,
    /// Word links: bytes of the source sentence, bytes of `text`.
    pub words: Vec<WordLink>,
    /// Links of punctuation, likewise.
    pub marks: Vec<WordLink>,
    /// Warnings, worst first.
    pub flags: Vec<Flag>,
    /// What was taken from the translation memory or the glossary, and what came of decoding it again.
    pub notes: Vec<Note>,
}

impl SentenceTranslation {
    /// Returns true for the translation of a person, taken from a translation memory: it has no score.
    pub fn is_from_memory(&self) -> bool {
        self.notes.iter().any(|note| note.kind == NoteKind::Memory)
    }

    /// Returns the score as a number from 0 to 1, the geometric mean of the token probabilities; `None` where no model
    /// made the translation.
    ///
    /// It is made of the score as the JSON holds it, so that a format written from the JSON later has the same bytes.
    fn confidence(&self) -> Option<f64> {
        let made = !self.is_from_memory() && !self.text.trim().is_empty();
        made.then(|| rounded(self.score).exp().clamp(0.0, 1.0))
    }
}

/// Returns the number to four decimals: what lies beyond depends on the machine, not on the translation.
fn rounded(number: f32) -> f64 {
    (f64::from(number) * 1e4).round() / 1e4
}

/// How the Markdown sets Arabic and English.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// The Arabic of each sentence above its English
    #[default]
    Interleaved,
    /// English and Arabic side by side
    Table,
}

/// What a document was made with beside the model: a rerun with something else makes it again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Aids {
    /// The layout of its Markdown.
    pub layout: Layout,
    /// SHA-256 of the glossary entries that its article calls for.
    pub glossary: Option<String>,
    /// SHA-256 of the units of the translation memory that its article calls for.
    pub memory: Option<String>,
}

/// The model that made a document, as far as it must be known to make it again.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelRecord {
    /// Catalogue name, `org/repo`, folder name, or `builtin`.
    pub name: String,
    /// Commit of the hub repository.
    pub revision: Option<String>,
    /// SPDX expression of the licence.
    pub licence: Option<String>,
    /// SHA-256 of each file that was loaded.
    pub files: BTreeMap<String, String>,
    /// Device kind: `cpu`, `cuda` or `metal`.
    pub device: String,
    /// Arithmetic: `f32`, `int8`, ...
    pub precision: String,
    /// Beams.
    pub beam: usize,
    /// Length penalty.
    pub length_penalty: f32,
    /// Sentences in doubt were decoded again.
    pub repair: bool,
    /// True for the built-in model: the document carries a banner.
    pub demonstration: bool,
}

/// The model that wrote a summary, and what shaped it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SummaryRecord {
    /// The model.
    pub model: ModelRecord,
    /// The most sentences it was asked for.
    pub sentences: usize,
    /// Sentences that are not borne out stay, with their warnings.
    pub keep_unsupported: bool,
}

/// Everything one document says; renderers add nothing to it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// The cleaned article.
    pub article: Article,
    /// ISO 639-1 code of the source language.
    pub source_language: String,
    /// True where the source language was detected, false where it was given.
    pub language_detected: bool,
    /// ISO 639-1 code of the target language.
    pub target_language: String,
    /// One for each sentence of `article.sentences`, in the same order.
    pub translations: Vec<SentenceTranslation>,
    /// The summary; empty where it is off.
    pub summary: Vec<SummarySentence>,
    /// The translation model.
    pub model: ModelRecord,
    /// The summarization model; `None` where sentences of the article are chosen.
    pub summary_model: Option<SummaryRecord>,
    /// What it was made with beside the model.
    pub aids: Aids,
    /// `summarize 0.1.0`.
    pub tool: String,
    /// The command line, without absolute paths.
    pub command: String,
    /// Time of writing, UTC, ISO 8601 (`SOURCE_DATE_EPOCH` fixes it).
    pub created: String,
}

impl Document {
    /// Returns each sentence with its translation, in source order.
    pub fn pairs(&self) -> impl Iterator<Item = (&Sentence, &SentenceTranslation)> {
        self.article.sentences.iter().zip(&self.translations)
    }

    /// Returns the headline with its translation.
    pub fn title(&self) -> Option<(&Sentence, &SentenceTranslation)> {
        self.pairs().find(|(sentence, _)| sentence.role == Role::Title)
    }

    /// Returns the count of warnings on sentences and on the summary.
    pub fn flag_counts(&self) -> FlagCounts {
        let of_sentences = self.translations.iter().flat_map(|translation| &translation.flags);
        of_sentences.chain(self.summary.iter().flat_map(|sentence| &sentence.flags)).collect()
    }

    /// Returns the path of the input as documents name it: `a/b.txt`, or `news.jsonl#17` for a record.
    pub fn input_label(&self) -> String {
        let provenance = &self.article.provenance;
        match &provenance.record {
            Some(record) => format!("{}#{record}", provenance.path),
            None => provenance.path.clone(),
        }
    }

    /// Returns what became of the source: "41 of 41 sentences translated; 7 spans removed".
    pub fn accounting(&self) -> String {
        let translated = self.pairs().filter(|(_, translation)| !translation.text.trim().is_empty()).count();
        let (sentences, removed) = (self.article.sentences.len(), self.article.removed.len());
        let plural = |count| if count == 1 { "" } else { "s" };
        format!(
            "{translated} of {sentences} sentence{} translated; {removed} span{} removed",
            plural(sentences),
            plural(removed)
        )
    }
}

/// Returns `2021-02-18 12:18` for `2021-02-18T12:18`.
fn readable_date(date: &str) -> String {
    match date.split_once('T') {
        Some((day, time)) if time.starts_with(|c: char| c.is_ascii_digit()) => format!("{day} {time}"),
        _ => date.to_owned(),
    }
}

/// Count of warnings by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FlagCounts {
    /// Do not publish without looking.
    pub critical: usize,
    /// Likely change the meaning.
    pub major: usize,
    /// Worth a glance.
    pub minor: usize,
}

impl AddAssign for FlagCounts {
    fn add_assign(&mut self, other: FlagCounts) {
        self.critical += other.critical;
        self.major += other.major;
        self.minor += other.minor;
    }
}

impl<'a> FromIterator<&'a Flag> for FlagCounts {
    fn from_iter<I: IntoIterator<Item = &'a Flag>>(flags: I) -> Self {
        let mut counts = FlagCounts::default();
        for flag in flags {
            match flag.severity {
                Severity::Critical => counts.critical += 1,
                Severity::Major => counts.major += 1,
                Severity::Minor => counts.minor += 1,
            }
        }
        counts
    }
}
