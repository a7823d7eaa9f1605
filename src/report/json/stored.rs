//! What is read back from a document already written: enough to skip it on a rerun and to list it in the index.
//!
//! Separate because reading must be lenient where writing is exact. The invariant: a file that is not a whole document
//! of this schema is `None`, so that the article is done again.

use super::SCHEMA_VERSION;
use crate::{
    article::Role,
    report::{Aids, Document, FlagCounts},
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A document read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// SHA-256 of the input it was made from.
    pub sha256: String,
    /// `summarize 0.1.0`.
    pub tool: String,
    /// ISO 639-1 code of the target language.
    pub target_language: String,
    /// The translation model: name, revision, files, device, precision, decoding.
    pub model: Value,
    /// The summarization model, or null.
    pub summary_model: Value,
    /// Headline in English, then in Arabic.
    pub headline: Option<(String, String)>,
    /// Date of publication.
    pub date: Option<String>,
    /// Count of sentences.
    pub sentences: usize,
    /// Count of body sentences with a translation: the most that an extractive summary can have.
    pub summarizable: usize,
    /// Count of sentences of the summary.
    pub summary_sentences: usize,
    /// Count of warnings.
    pub flags: FlagCounts,
    /// What it was made with beside the model.
    pub aids: Aids,
    /// SHA-256 of the files written beside it, by file name.
    pub outputs: BTreeMap<String, String>,
    /// The whole document; `None` where an earlier version wrote it, without all that is needed.
    pub document: Option<Box<Document>>,
}

#[derive(Deserialize)]
struct Raw {
    schema_version: u32,
    tool: String,
    input: RawInput,
    language: RawLanguage,
    metadata: RawMetadata,
    model: Value,
    summary_model: Value,
    sentences: Vec<RawSentence>,
    summary: Vec<serde::de::IgnoredAny>,
    flags: FlagCounts,
    #[serde(default)]
    aids: Aids,
    #[serde(default)]
    outputs: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct RawInput {
    sha256: String,
}

#[derive(Deserialize)]
struct RawLanguage {
    target: String,
}

#[derive(Deserialize)]
struct RawMetadata {
    date: Option<String>,
}

#[derive(Deserialize)]
struct RawSentence {
    role: String,
    source: String,
    translation: String,
}

impl Stored {
    /// Reads a JSON document; `None` where it is not one that this version writes.
    pub fn read(bytes: &[u8]) -> Option<Stored> {
        let raw: Raw = serde_json::from_slice(bytes).ok().filter(|raw: &Raw| raw.schema_version == SCHEMA_VERSION)?;
        let title = raw.sentences.iter().find(|sentence| sentence.role == Role::Title.name());
        let body = raw.sentences.iter().filter(|sentence| sentence.role == Role::Body.name());
        let summarizable = body.filter(|sentence| !sentence.translation.trim().is_empty()).count();
        Some(Stored {
            sha256: raw.input.sha256,
            tool: raw.tool,
            target_language: raw.language.target,
            model: raw.model,
            summary_model: raw.summary_model,
            headline: title.map(|title| (title.translation.clone(), title.source.clone())),
            date: raw.metadata.date,
            sentences: raw.sentences.len(),
            summarizable,
            summary_sentences: raw.summary.len(),
            flags: raw.flags,
            aids: raw.aids,
            outputs: raw.outputs,
            document: super::restore(bytes).map(Box::new),
        })
    }
}
