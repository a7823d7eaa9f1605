//! The order of work, for an article and for a batch.
//!
//! Separate because every step is elsewhere and this is how they follow each other: read, clean, translate (a window of
//! articles at a time), align, summarize, check, render, write. The invariants: memory holds two windows, however many
//! articles there are; an article that fails is named and stops no other.

mod aids;
mod arrivals;
mod budget;
mod document;
mod done;
mod feed;
mod gate;
mod guard;
mod inputs;
mod ledger;
mod lock;
pub mod model;
mod origin;
mod repair;
mod stop;
mod summaries;
pub mod summarizer;
mod translate;
mod units;
mod window;
mod worker;
mod write;
mod writers;

use crate::{
    article::{
        Article, Draft,
        clean::clean,
        read::{self, Content, Source},
    },
    config::{Output, Settings, Shard},
    exit::{Exit, Failure},
    report::{
        OutputNames,
        run::{Status, Totals},
    },
    ui::{Level, RunBar, Ui},
};
use aids::Aids;
use budget::Budget;
use done::Earlier;
use feed::Feed;
use guard::Guard;
use inputs::{Input, Inputs, Missing};
use ledger::{Facts, Ledger};
use lock::Lock;
use model::Model;
use repair::Translated;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    collections::HashSet,
    fs,
    io::{self, Read},
    iter,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};
use stop::Stop;
use summaries::Unsummarized;
use summarizer::Summarizer;
use window::{Job, Waiting, Window};
use worker::Answers;
use writers::{Order, Writers};

pub use feed::feed;
pub use worker::work;

/// Works through the inputs and returns how it went.
pub fn run(arguments: &[PathBuf], settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    go_through(arguments, settings, None, ui)
}

/// Works through the inputs; with a feed, articles that are to be translated are handed out instead.
fn go_through(arguments: &[PathBuf], settings: &Settings, feed: Option<Feed>, ui: &Ui) -> Result<Exit, Failure> {
    let inputs = inputs::gather(arguments, settings.output.folder());
    require_work(&inputs, settings)?;
    let folder = settings.output.folder().filter(|_| !settings.dry_run && feed.is_none());
    let _lock = folder.map(|folder| Lock::of(folder, settings.shard, ui)).transpose()?;
    let mut run = Run::new(&inputs, settings, ui)?;
    run.feed = feed;
    inputs.missing.into_iter().for_each(|missing| run.miss(missing));
    for (index, input) in inputs.found.iter().enumerate() {
        match run.is_over() {
            true => run.leave(input),
            false => run.take(index, input)?,
        }
    }
    run.translate_window()?;
    run.finish()
}

fn require_work(inputs: &Inputs, settings: &Settings) -> Result<(), Failure> {
    if inputs.found.is_empty() {
        let named = |missing: &Missing| format!("{}: {}", missing.name, missing.reason);
        return Err(Failure::Usage(inputs.missing.iter().map(named).collect::<Vec<_>>().join("; ")));
    }
    match (&settings.output, inputs.found.len()) {
        (Output::Stdout, 2..) => Err(one_article(inputs.found.len())),
        (Output::Folder(folder), _) if !settings.dry_run => fs::create_dir_all(folder)
            .map_err(|error| Failure::Usage(format!("--output {}: {error}", folder.display()))),
        _ => Ok(()),
    }
}

fn one_article(count: usize) -> Failure {
    Failure::Usage(format!("-o - writes one article to standard output, but there are {count}: name a folder with -o"))
}

/// A run under way.
struct Run<'a> {
    settings: &'a Settings,
    ui: &'a Ui,
    stop: Stop,
    /// Nothing more can be written: what would follow is left for another run.
    full: bool,
    guard: Guard,
    names: OutputNames,
    aids: Arc<Aids>,
    model: Model<'a>,
    /// What writes summaries; `None` where sentences of the article are chosen.
    summarizer: Option<Summarizer<'a>>,
    /// Articles of the window that wait for sentences in doubt to be decoded again.
    doubtful: Vec<Translated>,
    /// Documents of the window that wait for their summaries.
    unsummarized: Vec<Unsummarized>,
    window: Window,
    budget: Budget,
    /// The window that the engine works on.
    job: Option<Job>,
    /// What writes documents; `None` where the one goes to standard output.
    writers: Option<Writers>,
    ledger: Ledger,
    bar: RunBar,
    started: Instant,
    created: String,
    words: u64,
    /// Output names of the records of the input under way, in lower case.
    records: HashSet<String>,
    /// Where articles go that other processes translate; `None` where this one does.
    feed: Option<Feed>,
    /// Where documents go in a worker, which writes no files.
    answers: Option<Answers>,
}

impl<'a> Run<'a> {
    fn new(inputs: &Inputs, settings: &'a Settings, ui: &'a Ui) -> Result<Self, Failure> {
        let guard = Guard::of(inputs, settings)?;
        let inputs = &inputs.found;
        let labels: Vec<&str> = inputs.iter().map(|input| input.label.as_str()).collect();
        let bytes = inputs.iter().map(|input| input.bytes).sum();
        let model = Model::new(settings, ui)?;
        Ok(Run {
            aids: Arc::new(Aids::load(settings, model.reads(), ui)?),
            settings,
            ui,
            stop: Stop::on_signals(ui),
            full: false,
            guard,
            names: OutputNames::plan(&labels),
            summarizer: Summarizer::choose(settings, ui)?,
            doubtful: Vec::new(),
            unsummarized: Vec::new(),
            model,
            window: Window::default(),
            budget: Budget::NONE,
            job: None,
            writers: settings.output.folder().filter(|_| !settings.dry_run).map(Writers::new),
            ledger: Ledger::default(),
            bar: ui.run_bar(inputs.len() as u64, bytes),
            started: Instant::now(),
            created: origin::created(),
            words: 0,
            records: HashSet::new(),
            feed: None,
            answers: None,
        })
    }

    /// Returns true where no further article is to be taken.
    fn is_over(&self) -> bool {
        self.stop.requested() || self.full || (self.settings.fail_fast && self.ledger.has_failures())
    }

    fn miss(&mut self, missing: Missing) {
        let place = self.ledger.open(&missing.name);
        self.ledger.failed(place, missing.reason, self.ui);
    }

    /// Gives an input that is not reached any more a row that says so.
    fn leave(&mut self, input: &Input) {
        if in_shard(&input.label, self.settings.shard) {
            let place = self.ledger.open(&input.label);
            match () {
                () if self.stop.requested() => {}
                () if self.full => self.ledger.not_reached(place, ledger::FULL),
                () => self.ledger.not_reached(place, ledger::FAILED_FAST),
            }
        }
    }

    /// Reads an input and takes in its articles; a full window is given to the engine on the way.
    fn take(&mut self, index: usize, input: &Input) -> Result<(), Failure> {
        if !holds_records(input) && !in_shard(&input.label, self.settings.shard) {
            self.bar.passed_over(input.bytes);
            return Ok(());
        }
        let content = match &input.place {
            inputs::Place::File(path) => Content::File(path.clone()),
            inputs::Place::Stdin => Content::Bytes(stdin()?),
        };
        let source = Source { label: input.label.clone(), content };
        self.records.clear();
        for (count, draft) in read::read(source).enumerate() {
            match draft {
                Ok(_) if count > 0 && self.settings.output == Output::Stdout => return Err(one_article(count + 1)),
                Ok(draft) => self.admit(index, draft, count)?,
                Err(error) => self.unreadable(&error, input),
            }
            self.follow(false)?;
            if self.window.is_full(self.budget.sentences, self.job.is_none()) {
                self.begin_window()?;
            }
            if self.is_over() {
                break;
            }
        }
        Ok(())
    }

    fn unreadable(&mut self, error: &read::ReadError, input: &Input) {
        let record = error.record.as_deref();
        self.bar.passed_over(if record.is_none() { input.bytes } else { 0 });
        let label = labelled(&error.path, record);
        if !in_shard(&label, self.settings.shard) {
            return;
        }
        let place = self.ledger.open(&label);
        self.ledger.failed(place, error.reason.to_string(), self.ui);
    }

    /// Takes in one article: settles its row where there is nothing to translate, else lets it wait for its window.
    fn admit(&mut self, index: usize, draft: Draft, count: usize) -> Result<(), Failure> {
        let name = self.names.of(index, draft.provenance.record.as_deref());
        let (name, mark) = self.unlike_others(name.expect("names were planned for every input of this list"));
        let label = labelled(&draft.provenance.path, draft.provenance.record.as_deref()) + &mark;
        let bytes = draft.provenance.bytes;
        if count > 0 {
            self.bar.one_more_article();
        }
        if !in_shard(&label, self.settings.shard) {
            self.bar.passed_over(bytes);
            return Ok(());
        }
        let place = self.ledger.open(&label);
        match self.verdict(draft, &name)? {
            Verdict::Translate(article, language) => {
                let (encoding, removed) = (&article.provenance.encoding, article.removed.len());
                let sentences = article.sentences.len();
                self.ui.detail(format!("{label}: {encoding}, {sentences} sentences, {removed} spans removed"));
                self.window.push(Waiting { place, article: *article, language, name });
                return Ok(());
            }
            Verdict::Done(facts) => self.ledger.done(place, *facts, self.ui),
            Verdict::Rerender(rerender) => {
                self.bar.needs_no_work(bytes);
                self.rerender(*rerender, place, name);
                return Ok(());
            }
            Verdict::Skip(reason, facts) => self.ledger.skipped(place, reason, *facts, self.ui),
            Verdict::Plan => self.ledger.planned(place, &self.planned_output(&name), self.ui),
            Verdict::HandOut(draft) => self.hand_out(*draft, name)?,
            Verdict::Fail(reason) => self.ledger.failed(place, reason, self.ui),
        }
        self.bar.passed_over(bytes);
        Ok(())
    }

    /// Returns an output name that no record before has, and what was added to it: two records may bear one id.
    fn unlike_others(&mut self, name: String) -> (String, String) {
        let mut marks = iter::once(String::new()).chain((2..).map(|count| format!("-{count}")));
        let fresh = marks.find(|mark| self.records.insert(format!("{name}{mark}").to_lowercase()));
        let mark = fresh.expect("the marks never end");
        (name + &mark, mark)
    }

    /// Decides what is to be done with an article.
    fn verdict(&mut self, draft: Draft, name: &str) -> Result<Verdict, Failure> {
        if let Output::Folder(folder) = &self.settings.output {
            let base = folder.join(name);
            if let Some(input) = self.guard.in_place_of(&base, self.settings) {
                let input = input.display();
                return Ok(Verdict::Fail(format!(
                    "its document would take the place of the input {input}: name another folder with -o"
                )));
            }
            match done::look(
                &base,
                &draft.provenance.sha256,
                self.settings,
                &self.aids,
                &mut self.model,
                self.summarizer.as_mut(),
            )? {
                Earlier::Done(stored) => return Ok(Verdict::Done(Box::new(Facts::stored(*stored, name)))),
                Earlier::Edited(stored, reason) => {
                    let facts = stored.map_or_else(Facts::default, |stored| Facts::stored(*stored, name));
                    return Ok(Verdict::Skip(format!("{reason}: kept; --force overwrites it"), Box::new(facts)));
                }
                Earlier::Rerender(_) if self.settings.dry_run => return Ok(Verdict::Plan),
                Earlier::Rerender(rerender) => return Ok(Verdict::Rerender(rerender)),
                Earlier::Nothing => {}
            }
        }
        if self.feed.is_some() {
            return Ok(Verdict::HandOut(Box::new(draft)));
        }
        Ok(match self.examine(draft) {
            Ok(_) if self.settings.dry_run => Verdict::Plan,
            Ok((article, language)) => Verdict::Translate(Box::new(article), language),
            Err((Status::Skipped, reason)) => Verdict::Skip(reason, Box::default()),
            Err((_, reason)) => Verdict::Fail(reason),
        })
    }

    /// Cleans an article and returns it with its language, or what becomes of it and why it cannot be translated.
    fn examine(&self, draft: Draft) -> Result<(Article, gate::Language), (Status, String)> {
        let article = clean(draft);
        if let Err(error) = article.account() {
            let reason = format!("{error}; this is a defect of the program, please report it with the file");
            return Err((Status::Failed, reason));
        }
        if article.sentences.is_empty() {
            return Err((Status::Failed, "no sentence is left after cleaning; see the file".into()));
        }
        match gate::language_of(&article, self.settings.from.as_deref(), self.model.reads()) {
            Ok(language) => Ok((article, language)),
            Err(reason) => Err((Status::Skipped, reason)),
        }
    }

    /// Writes the files that are missing or set otherwise, from what the JSON holds: no model is asked.
    fn rerender(&mut self, rerender: done::Rerender, place: ledger::Place, name: String) {
        let done::Rerender { mut document, formats, outputs: before } = rerender;
        (document.command, document.created) = (origin::command_line(), self.created.clone());
        let writers = self.writers.as_mut().expect("documents of an earlier run are in a folder, which has writers");
        writers.write(Order { place, name, document, formats, before });
        self.settle_written(false);
    }

    /// Returns why a document is not there, and ends the run where none of those that follow could be written either.
    fn unwritten(&mut self, error: &io::Error) -> String {
        use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        if matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem) && !self.full {
            self.full = true;
            self.ui.warn("the run ends here, for nothing more can be written: make room and run the command again");
        }
        format!("its document cannot be written: {error}")
    }

    fn planned_output(&self, name: &str) -> PathBuf {
        self.settings.output.folder().map_or_else(|| "-".into(), |folder| folder.join(format!("{name}.md")))
    }

    /// Ends the run: index and report, also after a signal.
    fn finish(mut self) -> Result<Exit, Failure> {
        self.settle_written(true);
        self.bar.finish();
        let totals = self.ledger.totals(self.words, self.started.elapsed().as_secs_f64());
        if let Some(feed) = &self.feed {
            feed.say(self.ui);
        } else if self.settings.dry_run {
            self.ui.note("dry run: nothing was written or downloaded");
        } else {
            self.say(&totals);
            self.ledger.write(self.settings, self.model.record().as_ref(), totals)?;
        }
        Ok(self.ledger.exit(self.settings.strict, self.stop.requested()))
    }

    fn say(&self, totals: &Totals) {
        let Totals { written, skipped, failed, source_words_per_second, seconds, .. } = totals;
        let counts = ledger::counts(totals.sentences, totals.flags);
        let interrupted = if self.stop.requested() { "interrupted: " } else { "" };
        let message = format!(
            "{interrupted}{written} written, {skipped} skipped, {failed} failed; {counts}; {source_words_per_second:.0} words/s, {seconds:.1} s"
        );
        self.ui.say(Level::Note, &message, &[("totals", json!(totals))]);
    }
}

/// What is to be done with an article.
enum Verdict {
    Translate(Box<Article>, gate::Language),
    Plan,
    /// It is for another process to translate.
    HandOut(Box<Draft>),
    Done(Box<Facts>),
    /// Its documents are made again from what an earlier run translated.
    Rerender(Box<done::Rerender>),
    Skip(String, Box<Facts>),
    Fail(String),
}

/// Returns true for a file of several articles, each of which may fall into another slice.
fn holds_records(input: &Input) -> bool {
    let extension = Path::new(&input.label).extension().map(|extension| extension.to_ascii_lowercase());
    input.place == inputs::Place::Stdin
        || extension.is_none_or(|extension| ["json", "jsonl", "ndjson"].iter().any(|name| extension == *name))
}

/// Returns the name of an article in rows and slices: `a/b.txt`, or `news.jsonl#17` for a record.
fn labelled(path: &str, record: Option<&str>) -> String {
    record.map_or_else(|| path.to_owned(), |record| format!("{path}#{record}"))
}

/// Returns true where an article belongs to this slice; the slice follows from the label alone.
fn in_shard(label: &str, shard: Option<Shard>) -> bool {
    shard.is_none_or(|Shard { index, count }| {
        let hash = Sha256::digest(label);
        hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte)) % count == index - 1
    })
}

fn stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_article_is_in_exactly_one_slice() {
        for label in (0..100).map(|i| format!("news/{i}.txt")) {
            let slices = (1..=7).filter(|index| in_shard(&label, Some(Shard { index: *index, count: 7 })));
            assert_eq!(slices.count(), 1, "{label}");
        }
    }

    #[test]
    fn slices_are_about_even_and_do_not_move() {
        let shard = Some(Shard { index: 1, count: 4 });
        let count = (0..1000).filter(|i| in_shard(&format!("{i}.txt"), shard)).count();
        assert!((200..300).contains(&count), "{count}");
        assert!(in_shard("a.txt", None));
    }

    #[test]
    fn a_file_whose_name_tells_nothing_may_hold_records() {
        let input = |label: &str| Input { place: inputs::Place::File(label.into()), label: label.into(), bytes: 0 };
        assert!(holds_records(&input("feed.JSONL")) && holds_records(&input("feed")));
        assert!(!holds_records(&input("a.txt")));
    }
}
