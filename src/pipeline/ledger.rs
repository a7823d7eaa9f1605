//! What became of every article: the rows of `run.json` and `index.md`, and the exit status that follows from them.
//!
//! Separate because it outlives the documents, which are gone from memory once written. The invariant: every article of
//! the run has one row, in input order, whatever happened to it.

use super::{
    origin,
    write::{self, ORDER, with_extension},
};
use crate::{
    config::{Output, Settings, Shard},
    exit::Exit,
    report::{
        Document, FlagCounts, ModelRecord,
        index::{self, IndexRow},
        json::Stored,
        renderings::{self, Rendering, Renderings},
        run::{Report, Row, Status, Totals},
        write_atomic,
    },
    ui::{Level, Ui},
};
use serde_json::json;
use std::{
    io,
    path::{Path, PathBuf},
};

/// The reason of a row whose documents an earlier run made.
const DONE: &str = "already done";
/// The reason of a row that a signal left undone.
const INTERRUPTED: &str = "interrupted before it was translated: run the command again to continue";

/// The reason of a row that `--fail-fast` left undone.
pub const FAILED_FAST: &str = "not reached: --fail-fast stopped the run at the first failure";
/// The reason of a row that a full disk left undone.
pub const FULL: &str = "not reached: nothing more could be written; make room and run the command again";

/// A place in the ledger, reserved before its row is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(usize);

impl Place {
    /// Returns the number of its row, from 0.
    pub fn row(self) -> usize {
        self.0
    }
}

/// What an article's documents hold, as the index shows it.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Path of the document, relative to the output folder.
    pub output: Option<String>,
    /// Headline in the target language, then in the source language.
    pub headline: Option<(String, String)>,
    /// Date of publication.
    pub date: Option<String>,
    /// Count of sentences.
    pub sentences: usize,
    /// Count of warnings.
    pub flags: FlagCounts,
    /// How its names are rendered.
    pub names: Vec<Rendering>,
}

#[derive(Debug)]
struct Entry {
    path: String,
    status: Status,
    reason: Option<String>,
    facts: Facts,
}

/// The rows of a run.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: Vec<Entry>,
    failures: usize,
    /// How the names are rendered in all documents.
    names: Renderings,
}

impl Facts {
    /// Returns what the index shows of a document.
    pub fn of(document: &Document, output: Option<String>) -> Facts {
        let headline = document.title();
        Facts {
            output,
            headline: headline
                .map(|(title, english)| (english.text.clone(), document.article.source(title).to_owned())),
            date: document.article.metadata.date.clone(),
            sentences: document.article.sentences.len(),
            flags: document.flag_counts(),
            names: renderings::of(document),
        }
    }

    /// Returns what the index shows of a document that an earlier run wrote.
    pub fn stored(stored: Stored, name: &str) -> Facts {
        let output = format!("{name}.{}", first_extension(&stored));
        let Stored { headline, date, sentences, flags, document, .. } = stored;
        let names = document.map(|document| renderings::of(&document)).unwrap_or_default();
        Facts { output: Some(output), headline, date, sentences, flags, names }
    }
}

/// Returns the extension of the document to open first, in the order they are written.
fn first_extension(stored: &Stored) -> &'static str {
    let is_there = |extension: &&str| stored.outputs.keys().any(|file| file.ends_with(&format!(".{extension}")));
    ORDER.into_iter().map(write::extension).find(is_there).unwrap_or("json")
}

impl Ledger {
    /// Reserves the row of an article; until it is settled, it counts as interrupted.
    pub fn open(&mut self, path: &str) -> Place {
        let reason = Some(INTERRUPTED.to_owned());
        self.entries.push(Entry { path: path.to_owned(), status: Status::Skipped, reason, facts: Facts::default() });
        Place(self.entries.len() - 1)
    }

    /// Its documents were written.
    pub fn written(&mut self, place: Place, facts: Facts, ui: &Ui) {
        self.settle(place, Status::Written, None, facts, ui);
    }

    /// Its documents were there already.
    pub fn done(&mut self, place: Place, facts: Facts, ui: &Ui) {
        self.settle(place, Status::Skipped, Some(DONE.into()), facts, ui);
    }

    /// It is not for this run.
    pub fn skipped(&mut self, place: Place, reason: String, facts: Facts, ui: &Ui) {
        self.settle(place, Status::Skipped, Some(reason), facts, ui);
    }

    /// The run was stopped before it.
    pub fn not_reached(&mut self, place: Place, reason: &str) {
        self.entries[place.0].reason = Some(reason.to_owned());
    }

    /// A dry run found that it is to be written there.
    pub fn planned(&mut self, place: Place, output: &Path, ui: &Ui) {
        let entry = &mut self.entries[place.0];
        entry.reason = Some(format!("dry run, to be written to {}", output.display()));
        let fields = [("path", json!(entry.path)), ("status", json!("planned")), ("output", json!(output))];
        ui.say(Level::Note, &format!("{} -> {}", entry.path, output.display()), &fields);
    }

    /// It could not be read, translated or written.
    pub fn failed(&mut self, place: Place, reason: String, ui: &Ui) {
        self.settle(place, Status::Failed, Some(reason), Facts::default(), ui);
    }

    fn settle(&mut self, place: Place, status: Status, reason: Option<String>, mut facts: Facts, ui: &Ui) {
        self.names.add(std::mem::take(&mut facts.names));
        self.failures += usize::from(status == Status::Failed);
        let entry = &mut self.entries[place.0];
        (entry.status, entry.reason, entry.facts) = (status, reason, facts);
        announce(entry, ui);
    }

    /// Returns true where an article failed.
    pub fn has_failures(&self) -> bool {
        self.failures > 0
    }

    /// Returns the exit status that the rows call for.
    pub fn exit(&self, strict: bool, interrupted: bool) -> Exit {
        let critical = self.entries.iter().any(|entry| entry.facts.flags.critical > 0);
        match () {
            () if interrupted => Exit::Interrupted,
            () if self.has_failures() => Exit::SomeFailed,
            () if strict && critical => Exit::Critical,
            () => Exit::Done,
        }
    }

    /// Returns the sums over all rows.
    pub fn totals(&self, source_words: u64, seconds: f64) -> Totals {
        Totals::of(&self.rows(), source_words, seconds)
    }

    fn rows(&self) -> Vec<Row> {
        let row = |Entry { path, status, reason, facts }: &Entry| Row {
            path: path.clone(),
            status: *status,
            reason: reason.clone(),
            output: facts.output.clone(),
            sentences: facts.sentences,
            flags: facts.flags,
        };
        self.entries.iter().map(row).collect()
    }

    /// Writes `index.md` and `run.json`; the slices of a run that is shared out write files of their own.
    pub fn write(&self, settings: &Settings, model: Option<&ModelRecord>, totals: Totals) -> io::Result<()> {
        let Output::Folder(folder) = &settings.output else { return Ok(()) };
        let rows: Vec<IndexRow> = self.entries.iter().map(index_row).collect();
        let names = self.names.inconsistent();
        let [index, glossary, run] = files(folder, settings.shard);
        if !names.is_empty() || glossary.exists() {
            put(&glossary, &renderings::glossary(&names))?;
        }
        let beside = glossary.file_name().unwrap_or_default().to_string_lossy();
        put(&index, &index::render(&rows, &names, &beside))?;
        let revision = |model: &ModelRecord| model.revision.as_ref().map(|r| format!("@{r}")).unwrap_or_default();
        let report = Report {
            tool: super::document::tool(),
            command: origin::command_line(),
            model: model.map(|model| format!("{}{}", model.name, revision(model))).unwrap_or_default(),
            device: model.map(|model| model.device.clone()).unwrap_or_default(),
            totals,
            inputs: self.rows(),
        };
        put(&run, &report.to_json())
    }
}

/// Returns the files that a run, or a slice of one, writes beside its documents: index, glossary of names, report.
pub fn files(folder: &Path, shard: Option<Shard>) -> [PathBuf; 3] {
    [("index", "md"), ("index", "glossary.tsv"), ("run", "json")].map(|(stem, kind)| named(folder, stem, shard, kind))
}

fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{} cannot be written: {error}", path.display()));
    write_atomic(path, bytes).map_err(named)
}

/// A document that is done stands in the index as written, whichever run wrote it: so a resumed batch ends with the
/// same bytes as one that ran through.
fn index_row(Entry { path, status, reason, facts }: &Entry) -> IndexRow {
    let is_done = reason.as_deref() == Some(DONE);
    let (english, arabic) = facts.headline.clone().unzip();
    IndexRow {
        path: path.clone(),
        headline: english,
        source_headline: arabic,
        output: facts.output.clone(),
        date: facts.date.clone(),
        sentences: facts.sentences,
        flags: facts.flags,
        status: if is_done { Status::Written } else { *status },
        reason: reason.clone().filter(|_| !is_done),
    }
}

fn named(folder: &Path, stem: &str, shard: Option<Shard>, extension: &str) -> PathBuf {
    let name = match shard {
        Some(Shard { index, count }) => format!("{stem}-{index}-of-{count}"),
        None => stem.to_owned(),
    };
    with_extension(&folder.join(name), extension)
}

/// Says what became of an article: one line each, or only what needs attention where there is a bar.
fn announce(entry: &Entry, ui: &Ui) {
    let Entry { path, status, reason, facts } = entry;
    let reason = reason.as_deref().unwrap_or_default();
    let (level, message) = match status {
        Status::Failed => (Level::Error, format!("{path}: {reason}")),
        Status::Skipped if reason == DONE => (routine(ui), format!("{path}: {reason}")),
        Status::Skipped => (Level::Warning, format!("{path}: skipped: {reason}")),
        Status::Written => {
            let output = facts.output.as_deref().unwrap_or("standard output");
            (routine(ui), format!("{path} -> {output}: {}", counts(facts.sentences, facts.flags)))
        }
    };
    let flags = facts.flags;
    let fields = [
        ("path", json!(path)),
        ("status", json!(status.name())),
        ("reason", json!(entry.reason)),
        ("output", json!(facts.output)),
        ("sentences", json!(facts.sentences)),
        ("flags", json!({ "critical": flags.critical, "major": flags.major, "minor": flags.minor })),
    ];
    ui.say(level, &message, &fields);
}

fn routine(ui: &Ui) -> Level {
    if ui.has_bars() { Level::Detail } else { Level::Note }
}

/// Returns "41 sentences, 3 warnings (1 critical)".
pub fn counts(sentences: usize, flags: FlagCounts) -> String {
    let plural = |count: usize, word: &str| if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") };
    let all = plural(flags.critical + flags.major + flags.minor, "warning");
    let critical = if flags.critical > 0 { format!(" ({} critical)", flags.critical) } else { String::new() };
    format!("{}, {all}{critical}", plural(sentences, "sentence"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::MessageOptions;

    fn quiet() -> Ui {
        Ui::new(&MessageOptions { quiet: true, ..MessageOptions::default() })
    }

    fn critical() -> Facts {
        Facts { flags: FlagCounts { critical: 1, ..FlagCounts::default() }, ..Facts::default() }
    }

    #[test]
    fn the_worst_row_decides_the_exit_status() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.exit(true, false), Exit::Done);
        let place = ledger.open("a.txt");
        ledger.written(place, critical(), &quiet());
        assert_eq!((ledger.exit(false, false), ledger.exit(true, false)), (Exit::Done, Exit::Critical));
        let place = ledger.open("b.txt");
        ledger.failed(place, "unreadable".into(), &quiet());
        assert_eq!((ledger.exit(true, false), ledger.exit(true, true)), (Exit::SomeFailed, Exit::Interrupted));
    }

    #[test]
    fn rows_keep_the_order_of_the_inputs_and_an_open_one_says_it_was_interrupted() {
        let mut ledger = Ledger::default();
        let (first, second) = (ledger.open("a.txt"), ledger.open("b.txt"));
        ledger.written(second, Facts::default(), &quiet());
        let rows = ledger.rows();
        assert_eq!((rows[0].path.as_str(), rows[0].status), ("a.txt", Status::Skipped));
        assert!(rows[0].reason.as_deref().unwrap().starts_with("interrupted"));
        ledger.done(first, Facts::default(), &quiet());
        assert_eq!(ledger.rows()[0].reason.as_deref(), Some(DONE));
    }

    #[test]
    fn the_index_does_not_tell_which_run_wrote_a_document() {
        let mut ledger = Ledger::default();
        let (earlier, now) = (ledger.open("a.txt"), ledger.open("a.txt"));
        ledger.done(earlier, critical(), &quiet());
        ledger.written(now, critical(), &quiet());
        assert_eq!(index_row(&ledger.entries[0]), index_row(&ledger.entries[1]));
    }

    #[test]
    fn slices_write_files_of_their_own() {
        let shard = Some(Shard { index: 3, count: 16 });
        assert_eq!(named(Path::new("out"), "run", shard, "json"), Path::new("out/run-3-of-16.json"));
        assert_eq!(named(Path::new("out"), "index", None, "md"), Path::new("out/index.md"));
    }

    #[test]
    fn counts_read_as_a_sentence() {
        assert_eq!(counts(1, FlagCounts::default()), "1 sentence, 0 warnings");
        assert_eq!(counts(41, FlagCounts { critical: 1, major: 0, minor: 2 }), "41 sentences, 3 warnings (1 critical)");
    }
}
