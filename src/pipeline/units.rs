//! From sentences to the units an engine translates, and from their translations back to sentences.
//!
//! Separate because it is the seam between byte ranges of an article and texts of a batch. The invariants: a unit is one
//! sentence or, where that is over the budget, a part of one; links always point into the untouched source sentence.

use crate::{
    article::{
        Span, chunk,
        normalize::{self, Normalized},
    },
    engine::Translated,
    review::{
        WordLink,
        align::{self, Reading},
    },
};
use std::collections::HashMap;

/// Tokens that a sentence must have to be cut: half of fewer says too little by itself.
const LEAST_TO_CUT: usize = 12;

/// The texts of one batch, each there once however often it is asked for.
#[derive(Debug, Default)]
pub struct Units {
    texts: Vec<String>,
    places: HashMap<String, usize>,
}

impl Units {
    /// Returns the texts in the order they were added.
    pub fn into_texts(self) -> Vec<String> {
        self.texts
    }

    fn add(&mut self, text: &str) -> usize {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        self.texts.push(text.to_owned());
        self.places.insert(text.to_owned(), self.texts.len() - 1);
        self.texts.len() - 1
    }
}

/// The translations of a batch that have arrived and are still wanted, by unit.
#[derive(Debug, Default)]
pub struct Translations(HashMap<usize, Translated>);

impl Translations {
    /// Returns the translations of all units, given in their order.
    pub fn of(translated: Vec<Translated>) -> Translations {
        Translations(translated.into_iter().enumerate().collect())
    }

    /// Takes in the translation of a unit.
    pub fn insert(&mut self, unit: usize, translated: Translated) {
        self.0.insert(unit, translated);
    }

    /// Forgets the translation of a unit.
    pub fn remove(&mut self, unit: usize) {
        self.0.remove(&unit);
    }

    fn get(&self, unit: usize) -> &Translated {
        self.0.get(&unit).expect("a sentence is put together only when all its units have arrived")
    }
}

/// How one sentence is translated: its normalised copy and the units that cover it.
#[derive(Debug)]
pub struct Plan {
    normalized: Normalized,
    parts: Vec<Part>,
}

/// One unit of a sentence.
#[derive(Debug)]
struct Part {
    unit: usize,
    /// Bytes of the normalised sentence.
    range: Span,
}

/// The translation of one sentence, put together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assembled {
    /// The target text.
    pub text: String,
    /// Mean log-probability per target token, over all parts.
    pub score: f32,
    /// Count of parts it was translated in.
    pub parts: usize,
    /// Word links: bytes of the source sentence, bytes of `text`.
    pub words: Vec<WordLink>,
    /// Links of punctuation, likewise.
    pub marks: Vec<WordLink>,
    /// Words of the source sentence that no part of `text` was read from; empty where attention does not tell.
    pub unread: Vec<Span>,
}

impl Plan {
    /// Plans nothing for a sentence whose translation is known: it goes through no model.
    pub fn none(source: &str) -> Self {
        Plan { normalized: normalize::for_translation(source), parts: Vec::new() }
    }

    /// Plans the translation of a sentence; `count` returns the tokens of a text, at most `budget` fit the model.
    pub fn new(source: &str, units: &mut Units, budget: usize, count: &dyn Fn(&str) -> usize) -> Self {
        let normalized = normalize::for_translation(source);
        let ranges = chunk::split(&normalized.text, budget, count);
        let part = |range: Span| Part { unit: units.add(&normalized.text[range.clone()]), range };
        let parts = ranges.into_iter().map(part).collect();
        Plan { normalized, parts }
    }

    /// Plans the translation of a sentence in parts, though it fits the model whole; `None` for one too short to cut.
    pub fn in_parts(source: &str, units: &mut Units, budget: usize, count: &dyn Fn(&str) -> usize) -> Option<Self> {
        let tokens = count(&normalize::for_translation(source).text);
        // Under three quarters of the whole, a cut anywhere near the middle gives two parts that are not cut again.
        (tokens >= LEAST_TO_CUT).then(|| Plan::new(source, units, budget.min(tokens * 3 / 4), count))
    }

    /// Returns the units that the sentence needs.
    pub fn units(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().map(|part| part.unit)
    }

    /// Puts the translations of the parts together; all of its units must have arrived.
    pub fn assemble(&self, source: &str, translated: &Translations) -> Assembled {
        let texts: Vec<&str> = self.parts.iter().map(|part| translated.get(part.unit).text.as_str()).collect();
        let text = texts.iter().filter(|text| !text.is_empty()).copied().collect::<Vec<_>>().join(" ");
        let (mut words, mut marks, mut attended) = (Vec::new(), Vec::new(), Vec::new());
        let mut offset = 0;
        for part in &self.parts {
            let translation = translated.get(part.unit);
            let (source_spans, target_spans) = self.spans(part, translation, offset);
            let reading = Reading::new((source, &source_spans), (&text, &target_spans), &translation.attention);
            words.extend(reading.word_links());
            marks.extend(reading.mark_links());
            let of_part = reading.attended();
            attended.resize(of_part.len(), 0.0);
            attended.iter_mut().zip(of_part).for_each(|(sum, more)| *sum += more);
            offset += translation.text.len() + usize::from(!translation.text.is_empty());
        }
        let starts = |(source, target): &WordLink| (source.start, target.start);
        words.sort_by_key(starts);
        marks.sort_by_key(starts);
        let guided = self.parts.iter().all(|part| translated.get(part.unit).guided);
        let unread = if guided { align::unread(source, &attended) } else { Vec::new() };
        Assembled { text, score: self.score(translated), parts: self.parts.len(), words, marks, unread }
    }

    /// Returns what the tokens of a part cover of the source sentence and of the whole translation.
    fn spans(&self, part: &Part, translation: &Translated, offset: usize) -> (Vec<Span>, Vec<Span>) {
        let to_source =
            |span: &Span| self.normalized.original(span.start + part.range.start..span.end + part.range.start);
        let to_target = |span: &Span| span.start + offset..span.end + offset;
        let source_spans = translation.source_spans.iter().map(to_source).collect();
        (source_spans, translation.target_spans.iter().map(to_target).collect())
    }

    fn score(&self, translated: &Translations) -> f32 {
        let of = |part: &Part| {
            let translation = translated.get(part.unit);
            (translation.score, translation.target_spans.len() as f32)
        };
        let (sum, tokens) =
            self.parts.iter().map(of).fold((0.0, 0.0), |(sum, n), (score, count)| (sum + score * count, n + count));
        if tokens > 0.0 { sum / tokens } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        text.split_whitespace().count()
    }

    /// A translation of two words whose attention runs straight, with `</s>` at the end of each side.
    fn straight(source: &str, target: &str, score: f32) -> Translated {
        let spans = |text: &str| {
            let start = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
            let mut spans: Vec<Span> =
                text.split_whitespace().map(|word| start(word)..start(word) + word.len()).collect();
            spans.push(text.len()..text.len());
            spans
        };
        let (source_spans, target_spans) = (spans(source), spans(target));
        let row = |t: usize| (0..source_spans.len()).map(|s| if s == t { 1.0 } else { 0.0 }).collect();
        let attention = (0..target_spans.len()).map(row).collect();
        Translated { text: target.into(), score, source_spans, target_spans, attention, guided: true }
    }

    fn arrived(translated: impl IntoIterator<Item = Translated>) -> Translations {
        Translations(translated.into_iter().enumerate().collect())
    }

    #[test]
    fn a_sentence_that_occurs_twice_is_translated_once() {
        let mut units = Units::default();
        let first = Plan::new("قال الوزير", &mut units, 10, &count);
        let second = Plan::new("قال  الوزير", &mut units, 10, &count);
        assert_eq!((first.parts[0].unit, second.parts[0].unit), (0, 0));
        assert_eq!(units.into_texts(), ["قال الوزير"]);
    }

    #[test]
    fn links_point_into_the_source_as_it_is_written() {
        let (mut units, source) = (Units::default(), "قـال   الوزير");
        let plan = Plan::new(source, &mut units, 10, &count);
        let unit = units.into_texts().remove(0);
        let assembled = plan.assemble(source, &arrived([straight(&unit, "Said minister", -0.5)]));
        let pairs: Vec<_> =
            assembled.words.iter().map(|(s, t)| (&source[s.clone()], &assembled.text[t.clone()])).collect();
        assert_eq!(pairs, [("قـال", "Said"), ("الوزير", "minister")]);
    }

    #[test]
    fn parts_are_joined_and_their_links_moved() {
        let (mut units, source) = (Units::default(), "قال الوزير، جاء الرئيس");
        let plan = Plan::new(source, &mut units, 2, &count);
        let units = units.into_texts();
        assert_eq!(units.len(), 2, "{units:?}");
        let parts = [straight(&units[0], "Said minister,", -1.0), straight(&units[1], "came president", -0.5)];
        let assembled = plan.assemble(source, &arrived(parts));
        assert_eq!(
            (assembled.text.as_str(), assembled.parts, assembled.score),
            ("Said minister, came president", 2, -0.75)
        );
        let last = assembled.words.last().unwrap();
        assert_eq!((&source[last.0.clone()], &assembled.text[last.1.clone()]), ("الرئيس", "president"));
    }

    #[test]
    fn a_sentence_that_fits_is_cut_in_two_where_it_is_long_enough() {
        let mut units = Units::default();
        let source = "قال الوزير إن العمل بدأ في المدينة، وإن المدارس ستفتح أبوابها في الأسبوع المقبل";
        let plan = Plan::in_parts(source, &mut units, 100, &count).unwrap();
        assert_eq!(plan.units().count(), 2);
        assert!(Plan::in_parts("قال الوزير", &mut units, 100, &count).is_none());
        assert_eq!(units.into_texts().len(), 2, "a sentence that is not cut adds no text");
    }

    #[test]
    fn a_sentence_of_invisible_characters_has_an_empty_translation() {
        let mut units = Units::default();
        let plan = Plan::new("\u{200f}\u{200b}", &mut units, 10, &count);
        assert_eq!(plan.assemble("\u{200f}\u{200b}", &arrived([])), Assembled::default());
    }
}
