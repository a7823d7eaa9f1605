//! What a model makes of a translation that it did not write: its score, the word links, the words it read nothing from.
//!
//! Separate because only this part of `qa` asks a model. The invariant: a score is called low beside other scores of the
//! same model, never by itself: models differ in how likely they find the wording of others.

use super::bitext;
use crate::{
    article::{Span, normalize},
    engine::{Engine, EngineError, Sink, Translated},
    review::{
        WordLink,
        align::{self, Reading},
    },
};
use std::sync::{Mutex, PoisonError, atomic::AtomicBool};

/// Pairs that are enough to tell what is usual.
const FEWEST: usize = 20;
/// Distance from the median, in usual distances, of a score that is low: three standard deviations of a normal spread.
const FAR: f32 = 3.0 * 1.4826;
/// An Arabic sentence that has nothing in common with a translation: "Yes."
const UNRELATED: &str = "نعم.";
/// How much likelier per token, in nats, a translation must be with its source than with an unrelated one. With the
/// built-in model 0.6 % of the human translations of FLORES-200 dev are below it, and 83.7 % of those of another sentence.
const GAIN: f32 = 1.5;

/// What a model thinks of a pair.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Opinion {
    /// Mean log-probability per target token (nats); `None` for a pair too long for the model.
    pub score: Option<f32>,
    /// The score is low.
    pub is_low: bool,
    /// Word links.
    pub words: Vec<WordLink>,
    /// Links of punctuation.
    pub marks: Vec<WordLink>,
    /// Words of the source that nothing of the translation was read from.
    pub unread: Vec<Span>,
}

/// Returns what the model thinks of each pair; of one too long for it, nothing.
pub(super) fn of_pairs(pairs: &[bitext::Pair], engine: &Engine) -> Result<Vec<Opinion>, EngineError> {
    let copies: Vec<_> = pairs.iter().map(|pair| normalize::for_translation(&pair.source)).collect();
    let texts: Vec<(String, String)> =
        pairs.iter().zip(&copies).map(|(pair, copy)| (copy.text.clone(), pair.target.clone())).collect();
    let opinion = |place: usize, scored: Translated| {
        let (source, target) = (&pairs[place].source, &scored.text);
        let spans: Vec<Span> = scored.source_spans.iter().map(|span| copies[place].original(span.clone())).collect();
        let reading = Reading::new((source, &spans), (target, &scored.target_spans), &scored.attention);
        let (words, marks, attended) = (reading.word_links(), reading.mark_links(), reading.attended());
        let unread = if scored.guided { align::unread(source, &attended) } else { Vec::new() };
        Opinion { score: Some(scored.score), is_low: false, words, marks, unread }
    };
    let mut opinions = scored(engine, &texts, opinion)?;
    if opinions.iter().flat_map(|opinion| opinion.score).count() >= FEWEST {
        mark_outliers(&mut opinions);
    } else {
        let unrelated: Vec<_> = pairs.iter().map(|pair| (UNRELATED.to_owned(), pair.target.clone())).collect();
        let alone = scored(engine, &unrelated, |_, scored| Some(scored.score))?;
        mark_unsupported(&mut opinions, &alone);
    }
    Ok(opinions)
}

/// Scores pairs and returns what `of` makes of each; the default for one that the model cannot hold.
fn scored<T: Clone + Default + Send>(
    engine: &Engine,
    texts: &[(String, String)],
    of: impl Fn(usize, Translated) -> T + Sync,
) -> Result<Vec<T>, EngineError> {
    let results = Mutex::new(vec![T::default(); texts.len()]);
    let finished = |place: usize, scored: Translated| {
        let result = of(place, scored);
        results.lock().unwrap_or_else(PoisonError::into_inner)[place] = result;
    };
    engine.score(texts, Sink { finished: &finished, cancelled: &AtomicBool::new(false) })?;
    Ok(results.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Marks the scores that lie far below those of the other pairs.
fn mark_outliers(opinions: &mut [Opinion]) {
    let scores: Vec<f32> = opinions.iter().filter_map(|opinion| opinion.score).collect();
    let middle = median(scores.clone());
    let usual = median(scores.iter().map(|score| (score - middle).abs()).collect());
    let low = |score: f32| score < middle - FAR * usual;
    opinions.iter_mut().for_each(|opinion| opinion.is_low = opinion.score.is_some_and(low));
}

/// Marks the translations that are hardly likelier than with an unrelated source: a handful has no usual score.
fn mark_unsupported(opinions: &mut [Opinion], alone: &[Option<f32>]) {
    for (opinion, alone) in opinions.iter_mut().zip(alone) {
        opinion.is_low = opinion.score.zip(*alone).is_some_and(|(score, alone)| score < alone + GAIN);
    }
}

/// Returns the upper median; 0 of nothing.
fn median(mut values: Vec<f32>) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opinion(score: f32) -> Opinion {
        Opinion { score: Some(score), ..Opinion::default() }
    }

    fn low(opinions: &[Opinion]) -> Vec<f32> {
        opinions.iter().filter(|opinion| opinion.is_low).filter_map(|opinion| opinion.score).collect()
    }

    #[test]
    fn among_many_a_score_far_below_the_others_is_low() {
        let mut opinions: Vec<Opinion> = (0..30).map(|i| opinion(-2.0 - 0.01 * i as f32)).collect();
        opinions.push(opinion(-6.0));
        mark_outliers(&mut opinions);
        assert_eq!(low(&opinions), [-6.0]);
    }

    #[test]
    fn among_few_a_translation_that_its_source_makes_hardly_likelier_is_low() {
        let mut opinions = vec![opinion(-3.0), opinion(-6.5), Opinion::default()];
        mark_unsupported(&mut opinions, &[Some(-7.0), Some(-7.0), None]);
        assert_eq!(low(&opinions), [-6.5]);
    }
}
