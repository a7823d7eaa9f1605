//! The document as JSON shows it: keys, order and shapes, borrowing from the [`Document`].
//!
//! Separate from the data model so that a field can be added there without changing the file format. The invariant: the
//! structs below are, field by field, what `document.schema.json` describes.

use super::SCHEMA_VERSION;
use crate::{
    article::{Metadata, Sentence, Span},
    report::{Aids, Document, FlagCounts, ModelRecord, SentenceTranslation, SummaryRecord, rounded},
    review::{Flag, Method, Note, SummarySentence, WordLink},
};
use serde::Serialize;
use std::collections::BTreeMap;

type Range = [usize; 2];

#[derive(Serialize)]
pub(super) struct DocumentView<'a> {
    schema_version: u32,
    tool: &'a str,
    input: InputView<'a>,
    language: LanguageView<'a>,
    metadata: MetadataView<'a>,
    model: ModelView<'a>,
    summary_model: Option<SummaryModelView<'a>>,
    sentences: Vec<SentenceView<'a>>,
    summary: Vec<SummaryView<'a>>,
    removed: Vec<RemovedView<'a>>,
    flags: FlagCounts,
    #[serde(skip_serializing_if = "Option::is_none")]
    aids: Option<&'a Aids>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    outputs: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct InputView<'a> {
    path: String,
    sha256: &'a str,
    bytes: u64,
    encoding: &'a str,
}

#[derive(Serialize)]
struct LanguageView<'a> {
    source: &'a str,
    target: &'a str,
    detected: bool,
}

#[derive(Serialize)]
struct MetadataView<'a> {
    title: Option<&'a str>,
    date: Option<&'a str>,
    place: Option<&'a str>,
    agency: Option<&'a str>,
    author: Option<&'a str>,
    url: Option<&'a str>,
}

#[derive(Serialize)]
struct ModelView<'a> {
    name: &'a str,
    revision: Option<&'a str>,
    licence: Option<&'a str>,
    files: &'a BTreeMap<String, String>,
    device: &'a str,
    precision: &'a str,
    decode: DecodeView,
}

#[derive(Serialize)]
struct SummaryModelView<'a> {
    #[serde(flatten)]
    model: ModelView<'a>,
    sentences: usize,
    keep_unsupported: bool,
}

#[derive(Serialize)]
struct DecodeView {
    beam: usize,
    length_penalty: f64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    repair: bool,
}

#[derive(Serialize)]
struct SentenceView<'a> {
    id: String,
    role: &'static str,
    range: Range,
    paragraph: usize,
    source: &'a str,
    translation: &'a str,
    score: Option<f64>,
    words: Vec<[Range; 2]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    marks: Vec<[Range; 2]>,
    flags: Vec<FlagView<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<NoteView<'a>>,
}

#[derive(Serialize)]
struct NoteView<'a> {
    kind: &'static str,
    message: &'a str,
    evidence: &'a [String],
}

#[derive(Serialize)]
struct FlagView<'a> {
    kind: &'static str,
    severity: &'static str,
    message: &'a str,
    evidence: &'a [String],
}

#[derive(Serialize)]
struct SummaryView<'a> {
    id: String,
    text: &'a str,
    method: &'static str,
    cites: Vec<CiteView>,
    flags: Vec<FlagView<'a>>,
}

#[derive(Serialize)]
struct CiteView {
    id: String,
    support: f64,
}

#[derive(Serialize)]
struct RemovedView<'a> {
    range: Range,
    text: &'a str,
    reason: &'a str,
}

/// Returns the view of a document.
pub(super) fn document<'a>(document: &'a Document, outputs: &'a BTreeMap<String, String>) -> DocumentView<'a> {
    let article = &document.article;
    DocumentView {
        schema_version: SCHEMA_VERSION,
        tool: &document.tool,
        input: InputView {
            path: document.input_label(),
            sha256: &article.provenance.sha256,
            bytes: article.provenance.bytes,
            encoding: &article.provenance.encoding,
        },
        language: LanguageView {
            source: &document.source_language,
            target: &document.target_language,
            detected: document.language_detected,
        },
        metadata: metadata(&article.metadata),
        model: model(&document.model),
        summary_model: document.summary_model.as_ref().map(summary_model),
        sentences: document.pairs().map(|(s, translation)| sentence(article.source(s), s, translation)).collect(),
        summary: document.summary.iter().enumerate().map(|(index, sentence)| summary(index, sentence)).collect(),
        removed: article
            .removed
            .iter()
            .map(|r| RemovedView { range: range(&r.range), text: &article.text[r.range.clone()], reason: &r.reason })
            .collect(),
        flags: document.flag_counts(),
        aids: Some(&document.aids).filter(|aids| **aids != Aids::default()),
        outputs,
    }
}

fn metadata(metadata: &Metadata) -> MetadataView<'_> {
    MetadataView {
        title: metadata.title.as_deref(),
        date: metadata.date.as_deref(),
        place: metadata.place.as_deref(),
        agency: metadata.agency.as_deref(),
        author: metadata.author.as_deref(),
        url: metadata.url.as_deref(),
    }
}

fn model(model: &ModelRecord) -> ModelView<'_> {
    ModelView {
        name: &model.name,
        revision: model.revision.as_deref(),
        licence: model.licence.as_deref(),
        files: &model.files,
        device: &model.device,
        precision: &model.precision,
        decode: DecodeView { beam: model.beam, length_penalty: rounded(model.length_penalty), repair: model.repair },
    }
}

fn summary_model(record: &SummaryRecord) -> SummaryModelView<'_> {
    let SummaryRecord { model: made, sentences, keep_unsupported } = record;
    SummaryModelView { model: model(made), sentences: *sentences, keep_unsupported: *keep_unsupported }
}

fn sentence<'a>(source: &'a str, sentence: &Sentence, translation: &'a SentenceTranslation) -> SentenceView<'a> {
    SentenceView {
        id: sentence.id.to_string(),
        role: sentence.role.name(),
        range: range(&sentence.range),
        paragraph: sentence.block,
        source,
        translation: &translation.text,
        score: (!translation.is_from_memory()).then(|| rounded(translation.score)),
        words: links(&translation.words),
        marks: links(&translation.marks),
        flags: flags(&translation.flags),
        notes: translation.notes.iter().map(note).collect(),
    }
}

fn summary(index: usize, sentence: &SummarySentence) -> SummaryView<'_> {
    let method = match sentence.method {
        Method::Extractive => "extractive",
        Method::Abstractive => "abstractive",
    };
    let cites = sentence.cites.iter();
    SummaryView {
        id: format!("M{}", index + 1),
        text: &sentence.text,
        method,
        cites: cites.map(|cite| CiteView { id: cite.id.to_string(), support: rounded(cite.support) }).collect(),
        flags: flags(&sentence.flags),
    }
}

fn note(note: &Note) -> NoteView<'_> {
    NoteView { kind: note.kind.name(), message: &note.message, evidence: &note.evidence }
}

fn flags<'a>(flags: &'a [Flag]) -> Vec<FlagView<'a>> {
    let view = |flag: &'a Flag| FlagView {
        kind: flag.kind.name(),
        severity: flag.severity.name(),
        message: &flag.message,
        evidence: &flag.evidence,
    };
    flags.iter().map(view).collect()
}

fn links(links: &[WordLink]) -> Vec<[Range; 2]> {
    links.iter().map(|(source, target)| [range(source), range(target)]).collect()
}

fn range(span: &Span) -> Range {
    [span.start, span.end]
}
