//! A window of articles: translated in one call, so that batches are made by length across articles, then written one
//! by one.
//!
//! Separate because it is where articles meet the engine. The invariant: a window that is full is translated before
//! another article is read, so memory does not grow with the run.

use super::{
    Run,
    document::{self, Common},
    gate::Language,
    ledger::{Facts, Place},
    translate::translate,
    units::{Plan, Units},
    write,
};
use crate::{
    article::Article,
    config::Output,
    engine::{Engine, Translated},
    exit::Failure,
    report::{Document, Markdown, Render},
};
use std::mem;

/// Sentences that fill a window: enough that sentences of a length find each other, little enough for memory.
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
    /// Translates and writes the articles that wait.
    pub(super) fn translate_window(&mut self) -> Result<(), Failure> {
        let window = mem::take(&mut self.window);
        if window.articles.is_empty() || self.stop.requested() {
            return Ok(());
        }
        let engine = self.model.loaded()?;
        let mut units = Units::default();
        let plans: Vec<Vec<Plan>> =
            window.articles.iter().map(|waiting| plan(&waiting.article, &mut units, &engine)).collect();
        let texts = units.into_texts();
        let words: Vec<u64> = texts.iter().map(|text| text.split_whitespace().count() as u64).collect();
        let bytes = window.articles.iter().map(|waiting| waiting.article.provenance.bytes).sum();
        self.bar.window(bytes, words.iter().sum());
        let (bar, count) = (&mut self.bar, &mut self.words);
        let done = |index: usize| {
            *count += words[index];
            bar.translated(words[index]);
        };
        match translate(&engine, texts, &self.model.decode(), &self.stop, done) {
            Ok(Some(translated)) => self.write_all(window.articles, &plans, &translated),
            Ok(None) => Ok(()),
            Err(error) => {
                for waiting in window.articles {
                    self.ledger.failed(waiting.place, error.to_string(), self.ui);
                }
                Ok(())
            }
        }
    }

    fn write_all(
        &mut self,
        articles: Vec<Waiting>,
        plans: &[Vec<Plan>],
        translated: &[Translated],
    ) -> Result<(), Failure> {
        let common = Common {
            model: self.model.record().expect("the model was loaded to translate"),
            target_language: self.settings.lang.clone(),
            summary: self.settings.summary,
            summary_sentences: self.settings.summary_sentences,
            command: super::origin::command_line(),
            created: self.created.clone(),
        };
        for (waiting, plans) in articles.into_iter().zip(plans) {
            let Waiting { place, article, language, name } = waiting;
            let document = document::build(article, language, plans, translated, &common);
            self.write_one(place, &name, &document)?;
        }
        Ok(())
    }

    fn write_one(&mut self, place: Place, name: &str, document: &Document) -> Result<(), Failure> {
        let output = match &self.settings.output {
            Output::Stdout => {
                self.ui.data(&Markdown.render(document))?;
                None
            }
            Output::Folder(folder) => match write::write(document, &folder.join(name), &self.settings.formats) {
                Ok(extension) => Some(format!("{name}.{extension}")),
                Err(error) => {
                    self.ledger.failed(place, format!("its document cannot be written: {error}"), self.ui);
                    return Ok(());
                }
            },
        };
        self.bar.written(document.article.sentences.len() as u64);
        self.ledger.written(place, Facts::of(document, output), self.ui);
        Ok(())
    }
}

fn plan(article: &Article, units: &mut Units, engine: &Engine) -> Vec<Plan> {
    let (budget, count) = (engine.max_source_tokens(), |text: &str| engine.count_tokens(text));
    article.sentences.iter().map(|sentence| Plan::new(article.source(sentence), units, budget, &count)).collect()
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
