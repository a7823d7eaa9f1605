//! `summarize review`: documents that a person has corrected become TMX and a translation memory.
//!
//! Separate because it runs no model and changes no document. The invariant: nothing is taken in unless a person answers
//! for it by name and every id and every Arabic sentence is as it was written.

use crate::{
    config::Settings,
    exit::{Exit, Failure},
    report::{
        Document,
        json::restore,
        markdown::corrected::{self, Corrected, Line},
        tmx, write_atomic,
    },
    review::{
        Severity,
        checks::{self, Pair},
        memory::{Known, Memory},
    },
    ui::Ui,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The translation memory that is added to where none is named.
const MEMORY: &str = "memory.tmx";
/// Departures named in one message.
const MOST_NAMED: usize = 5;

/// A document as its reviewer left it.
struct Reviewed {
    document: Document,
    reviewer: String,
    /// Places of the sentences whose English was changed.
    changed: Vec<usize>,
}

/// Takes in documents; one that cannot be taken in is named and stops no other.
pub fn review(files: &[PathBuf], settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let path = settings.memory.as_deref().unwrap_or(Path::new(MEMORY));
    let mut memory: Option<(Memory, [String; 2])> = None;
    let mut failed = false;
    for file in files {
        let outcome = read(file).and_then(|reviewed| {
            let languages = [&reviewed.document.source_language, &reviewed.document.target_language].map(String::clone);
            let (memory, theirs) = match &mut memory {
                Some(memory) => memory,
                none => none.insert((open(path, &languages)?, languages.clone())),
            };
            match *theirs == languages {
                true => take_in(file, &reviewed, memory, ui),
                false => Err("it has other languages than the documents before it: review it by itself".to_owned()),
            }
        });
        if let Err(reason) = outcome {
            failed = true;
            ui.error(format!("{}: {reason}", file.display()));
        }
    }
    if let Some((memory, [source, target])) = memory.filter(|(memory, _)| !memory.is_empty()) {
        write_atomic(path, &tmx::write_memory(&memory, &source, &target))?;
        ui.note(format!("{}: {} sentences; use it with --memory", path.display(), memory.len()));
    }
    Ok(if failed { Exit::SomeFailed } else { Exit::Done })
}

/// Reads a document with the JSON beside it, and checks that only its English was changed.
fn read(file: &Path) -> Result<Reviewed, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("it cannot be read: {error}"))?;
    let corrected = corrected::read(&text).map_err(|error| error.to_string())?;
    let json = file.with_extension("json");
    let bytes = fs::read(&json).map_err(|error| {
        format!("{}: {error}: review needs the .json beside the document, to see what was changed", json.display())
    })?;
    let mut document = restore(&bytes).ok_or_else(|| {
        format!("{} is not one that this version reads: translate the article again with --force", json.display())
    })?;
    let reviewer = corrected.reviewed_by.clone().ok_or("no name at `reviewed_by`: put in who answers for the text")?;
    require_untouched(&corrected, &document)?;
    let mut changed = Vec::new();
    for (index, (translation, line)) in document.translations.iter_mut().zip(in_order(&corrected)).enumerate() {
        let before = corrected::shown(&translation.text);
        let none = before.is_empty() && line.english == "no translation";
        if !none && line.english != before {
            translation.text.clone_from(&line.english);
            changed.push(index);
        }
    }
    Ok(Reviewed { document, reviewer, changed })
}

/// Returns the sentences in the order of the article: the ids count, the headline's first.
fn in_order(corrected: &Corrected) -> Vec<&Line> {
    let mut lines: Vec<&Line> = corrected.sentences.iter().collect();
    lines.sort_by_key(|line| line.id[1..].parse::<u32>().unwrap_or(u32::MAX));
    lines
}

/// Checks that the article is the same, and that each sentence stands in the file once with its Arabic.
fn require_untouched(corrected: &Corrected, document: &Document) -> Result<(), String> {
    if corrected.source_sha256.as_deref() != Some(&document.article.provenance.sha256) {
        return Err("`source_sha256` is not that of the .json beside it: put the two files of one run together".into());
    }
    let mut lines: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    corrected.sentences.iter().for_each(|line| lines.entry(&line.id).or_default().push(&line.arabic));
    let mut wrong = Vec::new();
    for sentence in &document.article.sentences {
        let id = sentence.id.to_string();
        match lines.remove(id.as_str()).unwrap_or_default().as_slice() {
            [] => wrong.push(format!("{id} is missing")),
            [arabic] if *arabic == corrected::shown(document.article.source(sentence)) => {}
            [_] => wrong.push(format!("the Arabic of {id} was changed")),
            _ => wrong.push(format!("{id} stands there more than once")),
        }
    }
    wrong.extend(lines.keys().map(|id| format!("{id} is not in the article")));
    match wrong.len() {
        0 => Ok(()),
        count => {
            let more = if count > MOST_NAMED { format!(" and {} more", count - MOST_NAMED) } else { String::new() };
            let named = wrong[..count.min(MOST_NAMED)].join("; ");
            Err(format!("{named}{more}: change the English and `reviewed_by` alone; put the rest back"))
        }
    }
}

/// Opens the translation memory, which is rewritten whole: one with more in it than this program keeps is left alone.
fn open(path: &Path, [source, target]: &[String; 2]) -> Result<Memory, String> {
    let wrong = |reason: String| format!("--memory {}: {reason}", path.display());
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Memory::default()),
        Err(error) => return Err(wrong(error.to_string())),
    };
    let units = tmx::units(&bytes).map_err(|error| wrong(error.to_string()))?;
    let own = |unit: &tmx::Unit| {
        unit.texts.keys().eq([source, target].into_iter().collect::<std::collections::BTreeSet<_>>())
            && unit.props.keys().all(|kind| kind == tmx::DOCUMENT)
    };
    if !units.iter().all(own) {
        return Err(wrong(format!("it holds more than sentences from {source} into {target}: name another file")));
    }
    tmx::memory(&bytes, source, target).map_err(|error| wrong(error.to_string()))
}

/// Writes the TMX of a document and adds its sentences to the memory.
fn take_in(file: &Path, reviewed: &Reviewed, memory: &mut Memory, ui: &Ui) -> Result<(), String> {
    let Reviewed { document, reviewer, changed } = reviewed;
    let known = |target: &str| Known {
        target: target.to_owned(),
        reviewer: Some(reviewer.clone()),
        document: Some(document.input_label()),
    };
    let translated = document.pairs().filter(|(_, translation)| !translation.text.trim().is_empty());
    let units: Vec<(String, &str, Known)> = translated
        .map(|(s, translation)| (s.id.to_string(), document.article.source(s), known(&translation.text)))
        .collect();
    let path = file.with_extension("reviewed.tmx");
    let bytes = tmx::write_units(&units, &document.source_language, &document.target_language);
    write_atomic(&path, &bytes).map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    warn_of_numbers(file, reviewed, ui);
    for (id, source, known) in units.iter().cloned() {
        let target = known.target.clone();
        if let Some(before) = memory.insert(source, known) {
            let file = file.display();
            ui.warn(format!("{file}: {id}: the memory had \"{}\", now it has \"{target}\"", before.target));
        }
    }
    let (file, path, count, changed) = (file.display(), path.display(), units.len(), changed.len());
    ui.note(format!("{file} -> {path}: {count} sentences, {changed} of them changed, reviewed by {reviewer}"));
    Ok(())
}

/// Says of a sentence that was changed what no reader should overlook: a person errs too.
fn warn_of_numbers(file: &Path, reviewed: &Reviewed, ui: &Ui) {
    let pairs: Vec<_> = reviewed.document.pairs().collect();
    for (sentence, translation) in reviewed.changed.iter().map(|place| pairs[*place]) {
        let source = reviewed.document.article.source(sentence);
        let pair = Pair { source, target: &translation.text, score: None, parts: 1, ..Pair::default() };
        for flag in checks::check(&pair).iter().filter(|flag| flag.severity == Severity::Critical) {
            ui.warn(format!("{}: {}: {}", file.display(), sentence.id, flag.message));
        }
    }
}
