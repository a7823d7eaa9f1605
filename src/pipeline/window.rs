//! A window of articles: translated in one call, so that batches are made across articles, and written one by one as
//! their sentences arrive; one with a sentence in doubt waits until that is decoded again.
//!
//! Separate because it is where articles meet the engine. While the engine works on one window, the next is read. The
//! invariant: a window that is full waits for the engine before another article is read, so memory holds two, however
//! many articles there are.

use super::{
    Run,
    aids::Aids,
    arrivals::{Arrivals, Complete},
    budget::Budget,
    document::{self, Common},
    gate::Language,
    ledger::{Facts, Place},
    repair::Translated,
    stop::GLANCE,
    summaries::Unsummarized,
    translate::{News, Work},
    units::{Plan, Translations, Units},
    writers::{Order, Outcome},
};
use crate::{
    article::Article,
    engine::{self, DecodeOptions, Engine},
    exit::Failure,
    report::{Document, Markdown, Render, run::Status},
};
use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};

/// Sentences that fill a window: enough that the batch is seldom refilled from nothing, little enough for memory.
pub(super) const SENTENCES: usize = 2_000;
/// Sentences that fill it while the engine has nothing to do.
const FIRST_SENTENCES: usize = 200;

/// An article that waits to be translated.
pub(super) struct Waiting {
    /// Its row.
    pub place: Place,
    /// The article.
    pub article: Article,
    /// Its language.
    pub language: Language,
    /// Output path relative to the output folder, without extension.
    pub name: String,
}

/// The articles that wait.
#[derive(Default)]
pub(super) struct Window {
    articles: Vec<Waiting>,
    sentences: usize,
}

impl Window {
    /// Adds an article.
    pub fn push(&mut self, waiting: Waiting) {
        self.sentences += waiting.article.sentences.len();
        self.articles.push(waiting);
    }

    /// Returns true where the window is to be given to the engine before another article is read.
    pub fn is_full(&self, budget: usize, engine_is_idle: bool) -> bool {
        self.sentences >= if engine_is_idle { FIRST_SENTENCES.min(budget) } else { budget }
    }
}

/// A window that the engine works on.
pub(super) struct Job {
    work: Work,
    engine: Arc<Engine>,
    arrivals: Arrivals,
    /// Words of each unit.
    words: Vec<u64>,
    common: Common,
}

impl Run<'_> {
    /// Gives the articles that wait to the engine, once it is done with those before them.
    pub(super) fn begin_window(&mut self) -> Result<(), Failure> {
        let window = mem::take(&mut self.window);
        if window.articles.is_empty() {
            return Ok(());
        }
        let (engine, aids) = (self.load()?, Arc::clone(&self.aids));
        let bytes = window.articles.iter().map(|waiting| waiting.article.provenance.bytes).sum();
        let (arrivals, texts) =
            Arrivals::expect(window.articles, |waiting, units| plan(waiting, units, &engine, &aids));
        self.follow(true)?;
        if self.stop.requested() || self.full {
            return Ok(());
        }
        let words: Vec<u64> = texts.iter().map(|text| text.split_whitespace().count() as u64).collect();
        self.bar.window(bytes, words.iter().sum());
        let work = Work::begin(Arc::clone(&engine), texts, self.decode(&engine));
        let mut job = Job { work, engine, arrivals, words, common: self.common() };
        self.write_complete(&mut job)?;
        self.job = Some(job);
        Ok(())
    }

    /// Translates the articles that wait, and writes them.
    pub(super) fn translate_window(&mut self) -> Result<(), Failure> {
        self.begin_window()?;
        self.follow(true)
    }

    /// Loads the models at the first call; then it is known what they leave of the memory.
    pub(super) fn load(&mut self) -> Result<Arc<Engine>, Failure> {
        let is_new = self.model.record().is_none();
        let engine = self.model.loaded()?;
        if let Some(summarizer) = &mut self.summarizer {
            summarizer.load(self.model.reads())?;
        }
        if let Some(mebibytes) = self.settings.memory_budget.filter(|_| is_new) {
            self.budget = Budget::within(mebibytes, &self.model.resolved()?.files)?;
        }
        Ok(engine)
    }

    pub(super) fn decode(&self, engine: &Engine) -> DecodeOptions {
        let options = self.model.decode();
        match engine.device() {
            "cpu" => self.budget.decode(options, self.settings.threads * engine.cpu_tokens()),
            // What is in flight lies in the device's own memory.
            _ => options,
        }
    }

    /// Takes in what the engine has finished, and writes it; with `wait`, until it is done with its window.
    pub(super) fn follow(&mut self, wait: bool) -> Result<(), Failure> {
        let Some(mut job) = self.job.take() else { return Ok(()) };
        let patience = if wait { GLANCE } else { Duration::ZERO };
        loop {
            if self.full || (self.stop.requested() && job.arrivals.finished_those_under_way()) {
                return self.end_window(job);
            }
            match job.work.next(patience) {
                News::Translated(unit, translated) => self.take_in(&mut job, unit, translated)?,
                News::Nothing if wait => {}
                News::Nothing => break,
                News::Ended => return self.end_window(job),
            }
            self.settle_written(false);
        }
        self.job = Some(job);
        self.settle_written(false);
        Ok(())
    }

    fn take_in(&mut self, job: &mut Job, unit: usize, translated: engine::Translated) -> Result<(), Failure> {
        self.words += job.words[unit];
        self.bar.translated(job.words[unit]);
        job.arrivals.arrive(unit, translated);
        self.write_complete(job)
    }

    fn end_window(&mut self, job: Job) -> Result<(), Failure> {
        let Job { work, engine, arrivals, common, .. } = job;
        if let Err(error) = work.end() {
            // The engine failed, not one of the articles: each that is left says so, and the run goes on.
            arrivals.left().try_for_each(|waiting| self.fail(waiting.place, error.to_string()))?;
        }
        self.repair_window(&engine, &common)?;
        self.summarize_window(&engine)
    }

    fn common(&self) -> Common {
        Common {
            model: self.model.record().expect("the model was loaded to translate"),
            target_language: self.settings.lang.clone(),
            summary: self.settings.summary,
            summary_sentences: self.settings.summary_sentences,
            aids: Arc::clone(&self.aids),
            command: super::origin::command_line(),
            created: self.created.clone(),
        }
    }

    fn write_complete(&mut self, job: &mut Job) -> Result<(), Failure> {
        let Job { arrivals, common, .. } = job;
        let translate = |(waiting, plans): Complete, arrived: &Translations| {
            let translations = document::translations(&waiting.article, &plans, arrived, &common.aids);
            Translated { waiting, translations }
        };
        while let Some(translated) = arrivals.next_complete(translate) {
            match self.settings.repair && translated.is_doubtful() {
                true => self.doubtful.push(translated),
                false => self.write_translated(translated, common)?,
            }
        }
        Ok(())
    }

    /// Makes the document of an article and writes it, unless it waits for its summary.
    pub(super) fn write_translated(&mut self, translated: Translated, common: &Common) -> Result<(), Failure> {
        let Translated { waiting: Waiting { place, article, language, name }, translations } = translated;
        let document = document::build(article, language, translations, common);
        match self.summarizer {
            Some(_) => self.unsummarized.push(Unsummarized { place, name, document }),
            None => self.write_one(place, name, document)?,
        }
        Ok(())
    }

    pub(super) fn write_one(&mut self, place: Place, name: String, mut document: Document) -> Result<(), Failure> {
        match (&mut self.answers, &mut self.writers) {
            (Some(answers), _) => {
                answers.translated(place, &name, &mut document, &self.settings.formats, self.ui)?;
                self.written(place, Facts::of(&document, None));
            }
            (None, Some(writers)) => {
                let (formats, before) = (self.settings.formats.clone(), BTreeMap::new());
                writers.write(Order { place, name, document, formats, before });
            }
            (None, None) => {
                self.ui.data(&Markdown.render(&document))?;
                self.written(place, Facts::of(&document, None));
            }
        }
        Ok(())
    }

    /// Settles the rows of documents that were written since the last call; with `all`, of every one that is on its way.
    pub(super) fn settle_written(&mut self, all: bool) {
        let outcomes = self.writers.as_mut().map(|writers| writers.outcomes(all)).unwrap_or_default();
        for Outcome { place, written } in outcomes {
            match written {
                Ok(facts) => self.written(place, facts),
                Err(error) => {
                    let reason = self.unwritten(&error);
                    self.ledger.failed(place, reason, self.ui);
                }
            }
        }
    }

    fn written(&mut self, place: Place, facts: Facts) {
        self.bar.written(facts.sentences as u64);
        self.ledger.written(place, facts, self.ui);
    }

    /// Gives an article up for a reason.
    pub(super) fn fail(&mut self, place: Place, reason: String) -> Result<(), Failure> {
        self.ledger.failed(place, reason.clone(), self.ui);
        self.answers.as_mut().map_or(Ok(()), |answers| answers.refused(place, Status::Failed, &reason, self.ui))
    }
}

fn plan(waiting: &Waiting, units: &mut Units, engine: &Engine, aids: &Aids) -> Vec<Plan> {
    let article = &waiting.article;
    let (budget, count) = (engine.max_source_tokens(), |text: &str| engine.count_tokens(text));
    let plan = |source: &str| match aids.known(source) {
        Some(_) => Plan::none(source),
        None => Plan::new(source, units, budget, &count),
    };
    article.sentences.iter().map(|sentence| article.source(sentence)).map(plan).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::ledger::Ledger, *};
    use crate::article::{Role, Sentence, SentenceId};

    #[test]
    fn a_window_is_full_by_sentences_whatever_the_count_of_articles() {
        let sentence = Sentence { id: SentenceId(1), role: Role::Body, range: 0..0, block: 0 };
        let article = |count: usize| Article { sentences: vec![sentence.clone(); count], ..Article::default() };
        let place = Ledger::default().open("a.txt");
        let waiting = |count| Waiting {
            place,
            article: article(count),
            language: Language { code: "ar".into(), detected: true },
            name: "a".into(),
        };
        let mut window = Window::default();
        window.push(waiting(SENTENCES - 1));
        assert!(!window.is_full(SENTENCES, false) && window.is_full(SENTENCES, true));
        window.push(waiting(1));
        assert!(window.is_full(SENTENCES, false));
    }
}
