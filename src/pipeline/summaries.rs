//! Summaries of a window of documents: all parts of all articles in one batch, round by round.
//!
//! Separate because it is where documents meet the model that summarizes them. The invariant: a document is written when
//! its summary is whole, and one whose summary could not be made fails with the reason.

use super::{
    Run,
    aids::Aids,
    ledger::Place,
    summarizer::{Loaded, Side},
    translate::translate_all,
    units::{Plan, Translations, Units},
};
use crate::{
    article::{Role, SentenceId},
    engine::{DecodeOptions, Engine, EngineError, Translated},
    exit::Failure,
    report::Document,
    review::{
        SummarySentence,
        abstractive::{Abstraction, Judged, Output, Part, Passage, Sources, settle},
        summary,
    },
};
use std::{mem, sync::Arc};

/// A document whose summary is still the article's own sentences.
pub(super) struct Unsummarized {
    /// Its row.
    pub place: Place,
    /// Output path relative to the output folder, without extension.
    pub name: String,
    /// The document.
    pub document: Document,
}

/// What a window is summarized with.
struct Writer<'a> {
    summarizer: &'a Loaded,
    decode: DecodeOptions,
    translator: &'a Arc<Engine>,
    translation: DecodeOptions,
    aids: &'a Aids,
}

impl Run<'_> {
    /// Summarizes the documents that wait and writes them. A signal does not end it: they are translated, and so under way.
    pub(super) fn summarize_window(&mut self, translator: &Arc<Engine>) -> Result<(), Failure> {
        let waiting = mem::take(&mut self.unsummarized);
        let Some(summarizer) = self.summarizer.as_ref().filter(|_| !waiting.is_empty()) else { return Ok(()) };
        let Some(loaded) = summarizer.loaded().cloned() else { return Ok(()) };
        let (decode, translation, aids) = (summarizer.decode(), self.model.decode(), self.aids.clone());
        self.ui.detail(format!("summarizing {} articles", waiting.len()));
        let writer = Writer { summarizer: &loaded, decode, translator, translation, aids: &aids };
        let summaries = writer.summaries(waiting.iter().map(|one| &one.document));
        match summaries {
            Ok(summaries) => {
                for (mut one, summary) in waiting.into_iter().zip(summaries) {
                    one.document.summary = summary;
                    one.document.summary_model = Some(loaded.record.clone());
                    self.write_one(one.place, one.name, one.document)?;
                }
            }
            Err(error) => waiting.iter().try_for_each(|one| self.fail(one.place, error.to_string()))?,
        }
        Ok(())
    }
}

type Summary = Vec<SummarySentence>;

impl Writer<'_> {
    /// Returns the summary of each document.
    fn summaries<'d>(&self, documents: impl Iterator<Item = &'d Document>) -> Result<Vec<Summary>, EngineError> {
        let texts: Vec<Body<'d>> = documents.map(Body::of).collect();
        let count = self.summarizer.record.sentences;
        let begin = |body: &Body<'_>| {
            // What is that short is given whole: a model could only add to it.
            let read = if body.ids.len() > count { body.read(self.side()) } else { &[] };
            Abstraction::new(read, count)
        };
        let mut abstractions: Vec<Abstraction> = texts.iter().map(begin).collect();
        while abstractions.iter().any(|abstraction| !abstraction.is_written()) {
            self.round(&mut abstractions)?;
        }
        let kept = |abstraction: Abstraction| abstraction.into_passages().into_iter().take(count).collect();
        let written: Vec<Vec<Passage>> = abstractions.into_iter().map(kept).collect();
        let shown = self.shown(&written)?;
        let all = texts.iter().zip(written.iter().zip(&shown));
        Ok(all.map(|(body, (written, shown))| self.settled(body, written, shown)).collect())
    }

    fn side(&self) -> Side {
        self.summarizer.side
    }

    /// Summarizes the next parts of all that are not written yet.
    fn round(&self, abstractions: &mut [Abstraction]) -> Result<(), EngineError> {
        let engine = &self.summarizer.engine;
        let (budget, count) = (engine.max_summarized_tokens(), |text: &str| engine.count_tokens(text));
        let open = abstractions.iter_mut().filter(|abstraction| !abstraction.is_written());
        let mut rounds: Vec<(&mut Abstraction, Vec<Part>)> =
            open.map(|a| (a.parts(budget, &count), a)).map(|(p, a)| (a, p)).collect();
        let texts: Vec<String> = rounds.iter().flat_map(|(_, parts)| parts).map(|part| part.text.clone()).collect();
        let mut outputs = translate_all(engine, texts, &self.decode)?.into_iter().map(output);
        for (abstraction, parts) in &mut rounds {
            let own: Vec<Output> = outputs.by_ref().take(parts.len()).collect();
            abstraction.take(parts, &own);
        }
        Ok(())
    }

    /// Returns the written sentences as they are shown: translated, where the article itself was summarized.
    fn shown(&self, written: &[Vec<Passage>]) -> Result<Vec<Vec<String>>, EngineError> {
        if self.side() == Side::Target {
            let texts = |passages: &Vec<Passage>| passages.iter().map(|passage| passage.text.clone()).collect();
            return Ok(written.iter().map(texts).collect());
        }
        let (engine, mut units) = (self.translator, Units::default());
        let (budget, count) = (engine.max_source_tokens(), |text: &str| engine.count_tokens(text));
        let mut plan = |passage: &Passage| Plan::new(&passage.text, &mut units, budget, &count);
        let plans: Vec<Vec<Plan>> = written.iter().map(|all| all.iter().map(&mut plan).collect()).collect();
        let translations = Translations::of(translate_all(engine, units.into_texts(), &self.translation)?);
        let text = |(passage, plan): (&Passage, &Plan)| {
            let assembled = plan.assemble(&passage.text, &translations);
            self.aids.apply_glossary(&passage.text, assembled.text, assembled.words, Vec::new()).text
        };
        let shown = written.iter().zip(&plans).map(|(all, plans)| all.iter().zip(plans).map(text).collect());
        Ok(shown.collect())
    }

    fn settled(&self, body: &Body<'_>, written: &[Passage], shown: &[String]) -> Summary {
        let Body { document, ids, originals, translations } = body;
        let count = self.summarizer.record.sentences;
        if written.is_empty() {
            return document.summary.clone();
        }
        let sources = match self.side() {
            Side::Source => Sources::new(originals.clone()),
            Side::Target => Sources::new(translations.clone()),
        };
        let judge = |(passage, text): (&Passage, &String)| Judged::new(passage, text, &sources, translations, ids);
        let judged = written.iter().zip(shown).map(judge).collect();
        let texts: Vec<&str> = document.translations.iter().map(|translation| translation.text.as_str()).collect();
        let best = summary::best_first(&document.article, &texts, 2 * count, summary::Weights::default());
        settle(judged, best, count, self.summarizer.record.keep_unsupported)
    }
}

/// The running text of a document: its body sentences that have a translation.
struct Body<'a> {
    document: &'a Document,
    ids: Vec<SentenceId>,
    originals: Vec<&'a str>,
    translations: Vec<&'a str>,
}

impl<'a> Body<'a> {
    fn of(document: &'a Document) -> Self {
        let mut body = Body { document, ids: Vec::new(), originals: Vec::new(), translations: Vec::new() };
        for (sentence, translation) in document.pairs() {
            if sentence.role == Role::Body && !translation.text.trim().is_empty() {
                body.ids.push(sentence.id);
                body.originals.push(document.article.source(sentence));
                body.translations.push(translation.text.trim());
            }
        }
        body
    }

    fn read(&self, side: Side) -> &[&'a str] {
        match side {
            Side::Source => &self.originals,
            Side::Target => &self.translations,
        }
    }
}

fn output(written: Translated) -> Output {
    let Translated { text, source_spans, target_spans, attention, .. } = written;
    Output { text, spans: target_spans, source_spans, attention }
}
