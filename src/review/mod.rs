//! What a reader can trust: links between source and translation, the summary, and warnings with their evidence.
//!
//! Separate because it judges text and attention weights only: no tensor, no file. The invariant: every flag says what
//! was seen, in the reader's words, and what to do about it.

pub mod abstractive;
pub mod align;
pub mod checks;
pub mod glossary;
pub mod memory;
pub mod repair;
pub mod summary;

use crate::article::{SentenceId, Span};
use serde::Deserialize;

/// What a flag is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagKind {
    /// A number of the source is missing, changed or added.
    Number,
    /// A date of the source is missing, changed or added.
    Date,
    /// A proper name was lost or rendered as a common word.
    Name,
    /// A negation was lost or added.
    Negation,
    /// Part of the source is not in the translation.
    Omission,
    /// Part of the translation is not in the source.
    Addition,
    /// Words repeat without cause.
    Repetition,
    /// Source-language text was left in the translation.
    Untranslated,
    /// The sentence was too long for the model and was translated in parts.
    Split,
    /// The model itself found its output unlikely.
    LowScore,
    /// Quotation marks do not match.
    Quotation,
    /// Direction-override or zero-width characters stand in the source.
    Bidi,
    /// A summary sentence is not borne out by the sentences it cites.
    Unsupported,
}

impl FlagKind {
    /// Returns the name used in JSON and Markdown.
    pub fn name(self) -> &'static str {
        match self {
            FlagKind::Number => "number",
            FlagKind::Date => "date",
            FlagKind::Name => "name",
            FlagKind::Negation => "negation",
            FlagKind::Omission => "omission",
            FlagKind::Addition => "addition",
            FlagKind::Repetition => "repetition",
            FlagKind::Untranslated => "untranslated",
            FlagKind::Split => "split",
            FlagKind::LowScore => "low_score",
            FlagKind::Quotation => "quotation",
            FlagKind::Bidi => "bidi",
            FlagKind::Unsupported => "unsupported",
        }
    }
}

/// How much a flag matters; ordered from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a glance.
    Minor,
    /// Likely changes the meaning.
    Major,
    /// Do not publish without looking.
    Critical,
}

impl Severity {
    /// Returns the name used in JSON and Markdown.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Minor => "minor",
            Severity::Major => "major",
            Severity::Critical => "critical",
        }
    }
}

/// A warning about one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Flag {
    /// What it is about.
    pub kind: FlagKind,
    /// How much it matters.
    pub severity: Severity,
    /// What was seen and what to do: "Arabic has 2254, English has 2245: check the number".
    pub message: String,
    /// The pieces of text it rests on.
    pub evidence: Vec<String>,
}

/// Sorts warnings worst first, those of one severity by kind.
pub fn sort_flags(flags: &mut [Flag]) {
    flags.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.kind.cmp(&b.kind)));
}

/// Where a translation, or a part of it, comes from beside the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoteKind {
    /// A person translated this very sentence before.
    Memory,
    /// A name or term is as the user's glossary has it.
    Glossary,
    /// The first translation was in doubt, so the sentence was decoded again.
    Repair,
}

impl NoteKind {
    /// Returns the name used in JSON and Markdown.
    pub fn name(self) -> &'static str {
        match self {
            NoteKind::Memory => "memory",
            NoteKind::Glossary => "glossary",
            NoteKind::Repair => "repair",
        }
    }
}

/// What a reader should know of a sentence that is no warning.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Note {
    /// What it is about.
    pub kind: NoteKind,
    /// What was done, in the reader's words.
    pub message: String,
    /// The pieces of text it rests on: for the glossary the Arabic, then the English.
    pub evidence: Vec<String>,
}

/// A link between words: bytes of the source sentence, bytes of its translation.
pub type WordLink = (Span, Span);

/// A source sentence that a summary sentence rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Cite {
    /// The source sentence.
    pub id: SentenceId,
    /// How much of the summary sentence it bears out, 0 to 1.
    pub support: f32,
}

/// How a summary sentence was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Chosen from the article's own sentences.
    Extractive,
    /// Written by a summarization model.
    Abstractive,
}

/// One sentence of the summary, M1 to Mk by its place in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct SummarySentence {
    /// The text, in the target language.
    pub text: String,
    /// How it was made.
    pub method: Method,
    /// The source sentences it rests on, best first; never empty.
    pub cites: Vec<Cite>,
    /// Warnings about it.
    pub flags: Vec<Flag>,
}
