//! Sentences in doubt decoded again: whole with a wider beam, then in parts; the better translation stays.
//!
//! Separate because it is the only place where several translations of one sentence compete. The invariants: which one
//! stays follows from the sentence, the model and the options alone; an article is written once, after its repair.

use super::{
    Run,
    aids::Aids,
    document::{self, Common},
    translate::translate_all,
    units::{Plan, Translations, Units},
    window::Waiting,
};
use crate::{
    engine::{DecodeOptions, Engine, EngineError},
    exit::Failure,
    report::SentenceTranslation,
    review::repair::{Means, Standing, is_doubtful, report},
};
use std::{mem, sync::Arc};

/// The beams of the second decoding, as a multiple of those of the first, and their bounds.
const WIDER: usize = 2;
const NARROWEST: usize = 4;
const WIDEST: usize = 64;

/// An article whose sentences are translated.
pub(super) struct Translated {
    /// The article.
    pub waiting: Waiting,
    /// One for each of its sentences.
    pub translations: Vec<SentenceTranslation>,
}

impl Translated {
    /// Returns true where one of its sentences is to be decoded again.
    pub fn is_doubtful(&self) -> bool {
        self.translations.iter().any(needs_repair)
    }

    fn source(&self, sentence: usize) -> &str {
        self.waiting.article.source(&self.waiting.article.sentences[sentence])
    }
}

/// Returns true for a model's translation in doubt; what a person translated stays.
fn needs_repair(translation: &SentenceTranslation) -> bool {
    !translation.is_from_memory() && is_doubtful(&translation.flags)
}

/// One sentence under repair.
struct Attempt {
    /// Places of its article and, in it, of the sentence.
    article: usize,
    sentence: usize,
    best: SentenceTranslation,
    tried: Vec<Means>,
    kept: Option<Means>,
}

/// A way to decode again.
#[derive(Clone, Copy)]
enum Way {
    WiderBeam,
    InParts,
}

impl Run<'_> {
    /// Decodes the sentences in doubt again and writes the articles that waited for them. A signal does not end it: they are
    /// translated, and so under way.
    pub(super) fn repair_window(&mut self, engine: &Arc<Engine>, common: &Common) -> Result<(), Failure> {
        let mut articles = mem::take(&mut self.doubtful);
        let mut attempts = attempts(&articles);
        if !attempts.is_empty() {
            self.ui.detail(format!("decoding {} sentences in doubt again", attempts.len()));
        }
        for way in [Way::WiderBeam, Way::InParts] {
            if let Err(error) = self.round(way, &articles, &mut attempts, engine, &common.aids) {
                return articles.iter().try_for_each(|one| self.fail(one.waiting.place, error.to_string()));
            }
        }
        attempts.into_iter().for_each(|attempt| settle(attempt, &mut articles));
        articles.into_iter().try_for_each(|translated| self.write_translated(translated, common))
    }

    /// Decodes what is still in doubt one way and keeps what is better.
    fn round(
        &self,
        way: Way,
        articles: &[Translated],
        attempts: &mut [Attempt],
        engine: &Arc<Engine>,
        aids: &Aids,
    ) -> Result<(), EngineError> {
        let decode = wider(engine, self.decode(engine));
        let mut units = Units::default();
        let doubtful = attempts.iter_mut().filter(|attempt| is_doubtful(&attempt.best.flags));
        let planned: Vec<(&mut Attempt, Plan)> = doubtful
            .filter_map(|attempt| {
                let source = articles[attempt.article].source(attempt.sentence);
                plan(way, source, &mut units, engine).map(|plan| (attempt, plan))
            })
            .collect();
        let arrived = Translations::of(translate_all(engine, units.into_texts(), &decode)?);
        for (attempt, plan) in planned {
            let source = articles[attempt.article].source(attempt.sentence);
            let means = match way {
                Way::WiderBeam => Means::Beam(engine.beam(&decode)),
                Way::InParts => Means::Parts(plan.units().count()),
            };
            attempt.consider(means, document::checked(source, plan.assemble(source, &arrived), aids));
        }
        Ok(())
    }
}

impl Attempt {
    /// Takes a translation in place of the best so far where it is better.
    fn consider(&mut self, means: Means, other: SentenceTranslation) {
        self.tried.push(means);
        // The same text can have another score where it was cut into other tokens.
        if other.text != self.best.text && standing(&other).betters(&standing(&self.best)) {
            (self.best, self.kept) = (other, Some(means));
        }
    }
}

fn standing(translation: &SentenceTranslation) -> Standing<'_> {
    Standing { flags: &translation.flags, score: translation.score }
}

/// Returns the sentences to decode again, in the order of the articles.
fn attempts(articles: &[Translated]) -> Vec<Attempt> {
    let of_article = |(article, translated): (usize, &Translated)| {
        let numbered = translated.translations.iter().enumerate();
        let doubtful: Vec<Attempt> = numbered
            .filter(|(_, translation)| needs_repair(translation))
            .map(|(sentence, translation)| Attempt {
                article,
                sentence,
                best: translation.clone(),
                tried: Vec::new(),
                kept: None,
            })
            .collect();
        doubtful
    };
    articles.iter().enumerate().flat_map(of_article).collect()
}

/// Returns how the second decoding searches.
fn wider(engine: &Engine, decode: DecodeOptions) -> DecodeOptions {
    DecodeOptions { beam: Some((WIDER * engine.beam(&decode)).clamp(NARROWEST, WIDEST)), ..decode }
}

fn plan(way: Way, source: &str, units: &mut Units, engine: &Engine) -> Option<Plan> {
    let (budget, count) = (engine.max_source_tokens(), |text: &str| engine.count_tokens(text));
    match way {
        Way::WiderBeam => Some(Plan::new(source, units, budget, &count)),
        Way::InParts => Plan::in_parts(source, units, budget, &count),
    }
}

/// Puts the better translation in its place, with a note of what was done.
fn settle(attempt: Attempt, articles: &mut [Translated]) {
    let Attempt { article, sentence, mut best, tried, kept } = attempt;
    let place = &mut articles[article].translations[sentence];
    best.notes.push(report(&place.flags, &place.text, &tried, kept, &mut best.flags));
    *place = best;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::{Flag, FlagKind, Note, NoteKind, Severity};

    fn translation(text: &str, score: f32, flagged: bool) -> SentenceTranslation {
        let flag = Flag {
            kind: FlagKind::Number,
            severity: Severity::Critical,
            message: "check the number".into(),
            evidence: Vec::new(),
        };
        let flags = if flagged { vec![flag] } else { Vec::new() };
        SentenceTranslation { text: text.into(), score, flags, ..SentenceTranslation::default() }
    }

    fn attempt(best: SentenceTranslation) -> Attempt {
        Attempt { article: 0, sentence: 0, best, tried: Vec::new(), kept: None }
    }

    #[test]
    fn the_translation_with_fewer_flags_stays_whatever_its_score() {
        let mut attempt = attempt(translation("21", -0.1, true));
        attempt.consider(Means::Beam(8), translation("12", -0.9, false));
        attempt.consider(Means::Parts(2), translation("22", -0.1, true));
        assert_eq!((attempt.best.text.as_str(), attempt.kept), ("12", Some(Means::Beam(8))));
        assert_eq!(attempt.tried, [Means::Beam(8), Means::Parts(2)]);
    }

    #[test]
    fn the_same_text_once_more_is_no_better() {
        let mut attempt = attempt(translation("21", -0.9, true));
        attempt.consider(Means::Beam(8), translation("21", -0.1, true));
        assert_eq!(attempt.kept, None);
    }

    #[test]
    fn what_a_person_translated_is_left_alone() {
        let mut known = translation("21", 0.0, true);
        assert!(needs_repair(&known));
        known.notes.push(Note { kind: NoteKind::Memory, message: String::new(), evidence: Vec::new() });
        assert!(!needs_repair(&known));
    }
}
