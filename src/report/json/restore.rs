//! A document read back whole from its JSON, so that another format or layout of it needs no model.
//!
//! Separate from `stored`, which reads the little that a rerun compares. The invariant: what is restored renders to the
//! bytes that the document itself renders to; where that cannot be, it is `None`.

use super::SCHEMA_VERSION;
use crate::{
    article::{Article, Metadata, Provenance, Removed, Role, Sentence, SentenceId, Span},
    report::{Aids, Document, ModelRecord, SentenceTranslation, SummaryRecord},
    review::{Cite, Flag, Method, Note, SummarySentence, WordLink},
};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Raw {
    schema_version: u32,
    tool: String,
    input: Input,
    language: Language,
    metadata: Facts,
    model: Model,
    summary_model: Option<SummaryModel>,
    sentences: Vec<Line>,
    summary: Vec<Point>,
    removed: Vec<Cut>,
    #[serde(default)]
    aids: Aids,
}

#[derive(Deserialize)]
struct Input {
    path: String,
    sha256: String,
    bytes: u64,
    encoding: String,
}

#[derive(Deserialize)]
struct Language {
    source: String,
    target: String,
    detected: bool,
}

#[derive(Deserialize)]
struct Facts {
    title: Option<String>,
    date: Option<String>,
    place: Option<String>,
    agency: Option<String>,
    author: Option<String>,
    url: Option<String>,
}

#[derive(Deserialize)]
struct Model {
    name: String,
    revision: Option<String>,
    licence: Option<String>,
    files: BTreeMap<String, String>,
    device: String,
    precision: String,
    decode: Decode,
}

#[derive(Deserialize)]
struct SummaryModel {
    #[serde(flatten)]
    model: Model,
    sentences: usize,
    keep_unsupported: bool,
}

#[derive(Deserialize)]
struct Decode {
    beam: usize,
    length_penalty: f32,
    #[serde(default)]
    repair: bool,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    role: Role,
    range: [usize; 2],
    paragraph: usize,
    source: String,
    translation: String,
    score: Option<f32>,
    words: Vec<[[usize; 2]; 2]>,
    #[serde(default)]
    marks: Vec<[[usize; 2]; 2]>,
    flags: Vec<Flag>,
    #[serde(default)]
    notes: Vec<Note>,
}

#[derive(Deserialize)]
struct Point {
    text: String,
    method: Method,
    cites: Vec<Source>,
    flags: Vec<Flag>,
}

#[derive(Deserialize)]
struct Source {
    id: String,
    support: f32,
}

#[derive(Deserialize)]
struct Cut {
    range: [usize; 2],
    text: String,
    reason: String,
}

/// Returns the document that a JSON document holds; without the command and the time, which it does not tell.
pub fn document(bytes: &[u8]) -> Option<Document> {
    let raw: Raw = serde_json::from_slice(bytes).ok()?;
    if raw.schema_version != SCHEMA_VERSION {
        return None;
    }
    let article = article(&raw)?;
    let summary = raw.summary.into_iter().map(point).collect::<Option<Vec<_>>>()?;
    Some(Document {
        article,
        source_language: raw.language.source,
        language_detected: raw.language.detected,
        target_language: raw.language.target,
        translations: raw.sentences.into_iter().map(translation).collect(),
        summary,
        model: model(raw.model),
        summary_model: raw.summary_model.map(summary_model),
        aids: raw.aids,
        tool: raw.tool,
        ..Document::default()
    })
}

fn article(raw: &Raw) -> Option<Article> {
    let Input { path, sha256, bytes, encoding } = &raw.input;
    let Facts { title, date, place, agency, author, url } = &raw.metadata;
    let sentence = |line: &Line| {
        Some(Sentence { id: id(&line.id)?, role: line.role, range: span(line.range), block: line.paragraph })
    };
    let removed = |cut: &Cut| Removed { range: span(cut.range), reason: cut.reason.clone() };
    let article = Article {
        provenance: Provenance {
            path: path.clone(),
            record: None,
            sha256: sha256.clone(),
            bytes: *bytes,
            encoding: encoding.clone(),
        },
        text: text(raw)?,
        metadata: Metadata {
            title: title.clone(),
            date: date.clone(),
            place: place.clone(),
            agency: agency.clone(),
            author: author.clone(),
            url: url.clone(),
        },
        sentences: raw.sentences.iter().map(sentence).collect::<Option<Vec<_>>>()?,
        removed: raw.removed.iter().map(removed).collect(),
    };
    article.account().is_ok().then_some(article)
}

/// Puts the text together from its pieces; what lay between them was white space.
fn text(raw: &Raw) -> Option<String> {
    let sentences = raw.sentences.iter().map(|line| (line.range, line.source.as_str()));
    let mut pieces: Vec<_> = sentences.chain(raw.removed.iter().map(|cut| (cut.range, cut.text.as_str()))).collect();
    pieces.sort_unstable();
    let mut text = String::new();
    for ([start, end], piece) in pieces {
        if start < text.len() || start - text.len() > raw.input.bytes as usize || end.checked_sub(start)? != piece.len()
        {
            return None;
        }
        text.extend(std::iter::repeat_n(' ', start - text.len()));
        text.push_str(piece);
    }
    Some(text)
}

fn translation(line: Line) -> SentenceTranslation {
    SentenceTranslation {
        text: line.translation,
        score: line.score.unwrap_or_default(),
        words: links(line.words),
        marks: links(line.marks),
        flags: line.flags,
        notes: line.notes,
    }
}

fn links(pairs: Vec<[[usize; 2]; 2]>) -> Vec<WordLink> {
    pairs.into_iter().map(|[source, target]| (span(source), span(target))).collect()
}

fn point(point: Point) -> Option<SummarySentence> {
    let cite = |source: Source| Some(Cite { id: id(&source.id)?, support: source.support });
    let cites = point.cites.into_iter().map(cite).collect::<Option<Vec<_>>>()?;
    Some(SummarySentence { text: point.text, method: point.method, cites, flags: point.flags })
}

fn model(model: Model) -> ModelRecord {
    ModelRecord {
        demonstration: model.name == BUILTIN,
        name: model.name,
        revision: model.revision,
        licence: model.licence,
        files: model.files,
        device: model.device,
        precision: model.precision,
        beam: model.decode.beam,
        length_penalty: model.decode.length_penalty,
        repair: model.decode.repair,
    }
}

fn summary_model(record: SummaryModel) -> SummaryRecord {
    let SummaryModel { model: made, sentences, keep_unsupported } = record;
    SummaryRecord { model: model(made), sentences, keep_unsupported }
}

/// The name that documents give the model in the program, whose documents carry a banner.
const BUILTIN: &str = "builtin";

fn id(text: &str) -> Option<SentenceId> {
    text.strip_prefix('S')?.parse().ok().map(SentenceId)
}

fn span([start, end]: [usize; 2]) -> Span {
    start..end
}
