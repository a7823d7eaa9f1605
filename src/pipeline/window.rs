//! A window of articles: translated in one call, so that batches are made across articles, and written one by one as
//! their sentences arrive.
//!
//! Separate because it is where articles meet the engine. The invariant: a window that is full is translated before
//! another article is read, so memory does not grow with the run.

use super::{
    Run,
    aids::Aids,
    arrivals::{Arrivals, Complete},
    document::{self, Common},
    gate::Language,
    ledger::{Facts, Place},
    summaries::Unsummarized,
    translate::translate,
    units::{Plan, Translations, Units},
    write,
};
use crate::{
    article::Article,
    config::Output,
    engine::Engine,
    exit::Failure,
    report::{Document, Markdown, Render, run::Status},
};
use std::{mem, sync::Arc};

/// Sentences that fill a window: enough that the batch is seldom refilled from nothing, little enough for memory.
const SENTENCES: usize = 2_000;

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

    /// Returns true where the window is to be translated before another article is read.
    pub fn is_full(&self) -> bool {
        self.sentences >= SENTENCES
    }
}

impl Run<'_> {
    /// Translates the articles that wait and writes each as soon as its sentences are translated.
    pub(super) fn translate_window(&mut self) -> Result<(), Failure> {
        let window = mem::take(&mut self.window);
        if window.articles.is_empty() || self.stop.requested() {
            return Ok(());
        }
        let (engine, aids) = (self.model.loaded()?, Arc::clone(&self.aids));
        if let Some(summarizer) = &mut self.summarizer {
            summarizer.load(self.model.reads())?;
        }
        let bytes = window.articles.iter().map(|waiting| waiting.article.provenance.bytes).sum();
        let (mut arrivals, texts) =
            Arrivals::expect(window.articles, |waiting, units| plan(waiting, units, &engine, &aids));
        let words: Vec<u64> = texts.iter().map(|text| text.split_whitespace().count() as u64).collect();
        self.bar.window(bytes, words.iter().sum());
        let (common, decode, stop) = (self.common(), self.model.decode(), self.stop.clone());
        self.write_complete(&mut arrivals, &common)?;
        let outcome = translate(&engine, &texts, &decode, &stop, |unit, translated| {
            self.words += words[unit];
            self.bar.translated(words[unit]);
            arrivals.arrive(unit, translated);
            self.write_complete(&mut arrivals, &common)
        });
        match outcome {
            // The engine failed, not one of the articles: each that is left says so, and the run goes on.
            Err(Failure::Engine(error)) => {
                arrivals.left().try_for_each(|waiting| self.fail(waiting.place, error.to_string()))?;
            }
            other => other?,
        }
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

    fn write_complete(&mut self, arrivals: &mut Arrivals, common: &Common) -> Result<(), Failure> {
        let build = |(waiting, plans): Complete, translations: &Translations| {
            let Waiting { place, article, language, name } = waiting;
            (place, name, document::build(article, language, &plans, translations, common))
        };
        while let Some((place, name, document)) = arrivals.next_complete(build) {
            match self.summarizer {
                Some(_) => self.unsummarized.push(Unsummarized { place, name, document }),
                None => self.write_one(place, &name, document)?,
            }
        }
        Ok(())
    }

    pub(super) fn write_one(&mut self, place: Place, name: &str, mut document: Document) -> Result<(), Failure> {
        let output = match (&mut self.answers, &self.settings.output) {
            (Some(answers), _) => {
                answers.translated(place, name, &mut document, &self.settings.formats, self.ui)?;
                None
            }
            (None, Output::Stdout) => {
                self.ui.data(&Markdown.render(&document))?;
                None
            }
            (None, Output::Folder(folder)) => {
                match write::write(&document, &folder.join(name), &self.settings.formats) {
                    Ok(extension) => Some(format!("{name}.{extension}")),
                    Err(error) => return self.fail(place, format!("its document cannot be written: {error}")),
                }
            }
        };
        self.bar.written(document.article.sentences.len() as u64);
        self.ledger.written(place, Facts::of(&document, output), self.ui);
        Ok(())
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
        assert!(!window.is_full());
        window.push(waiting(1));
        assert!(window.is_full());
    }
}
