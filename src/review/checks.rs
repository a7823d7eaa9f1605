//! Warnings about one translated sentence, each with the evidence it rests on.
//!
//! Separate because it compares two texts and asks no model. The invariants: a check that finds nothing says nothing,
//! and the flags of a sentence come worst first, in an order that depends on the two texts alone.
//!
//! Written for Arabic into English. Each check is one function of one file; [`check`] is the list of them.

mod dates;
mod decoding;
mod hijri;
mod length;
mod lexicon;
mod names;
mod negation;
mod numbers;
mod quantities;
mod quotation;
mod repetition;
mod scan;
mod script;
mod transliteration;
mod unread;
mod unstated;
mod words;

use super::{Flag, FlagKind, Severity, WordLink};
use crate::article::{Span, arabic, normalize::fold};

/// What is known of one sentence and its translation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pair<'a> {
    /// The Arabic sentence.
    pub source: &'a str,
    /// Its English translation.
    pub target: &'a str,
    /// Mean log-probability per target token (nats); `None` for a translation made elsewhere.
    pub score: Option<f32>,
    /// Count of parts the sentence was translated in; 1 is whole.
    pub parts: usize,
    /// Word links; may be empty.
    pub words: &'a [WordLink],
    /// Words of the source that no part of the translation was read from; empty where that is not known.
    pub unread: &'a [Span],
}

/// Returns the warnings about a sentence, worst first.
pub fn check(pair: &Pair) -> Vec<Flag> {
    if pair.target.trim().is_empty() {
        return length::empty(pair);
    }
    let mut flags = Vec::new();
    flags.extend(numbers::check(pair));
    flags.extend(words::check(pair));
    flags.extend(dates::check(pair));
    flags.extend(hijri::check(pair));
    flags.extend(negation::check(pair));
    flags.extend(names::check(pair));
    flags.extend(unread::with_length(pair, length::check(pair)));
    flags.extend(repetition::check(pair));
    flags.extend(script::untranslated(pair));
    flags.extend(script::hidden(pair));
    flags.extend(quotation::check(pair));
    flags.extend(decoding::low_score(pair));
    flags.extend(decoding::split(pair));
    flags.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.kind.cmp(&b.kind)));
    flags
}

/// Returns the numbers of the source in digits, each with what states the same number in the target, if anything does.
pub fn numbers(source: &str, target: &str) -> Vec<(Span, Option<Span>)> {
    numbers::pairs(source, target)
}

/// Returns true for the name of a Gregorian month and no more, with or without what is joined to it.
pub fn is_month(text: &str) -> bool {
    let folded = fold(text);
    let words: Vec<&str> = folded.split_whitespace().collect();
    let month = lexicon::month([words.first().unwrap_or(&""), words.get(1).unwrap_or(&"")]);
    // «باب», a door, is no «ب» and August.
    let exact = || arabic::month(&folded).is_some();
    month.is_some_and(|month| month.words == words.len() && (!month.common_word || exact()))
}

/// Returns the numbers of a text that a text of the same language does not state.
pub fn unstated_numbers(text: &str, other: &str) -> Vec<Span> {
    unstated::numbers(text, other)
}

fn flag(kind: FlagKind, severity: Severity, message: String, evidence: Vec<String>) -> Flag {
    Flag { kind, severity, message, evidence }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kinds(source: &str, target: &str) -> Vec<(FlagKind, Severity)> {
        let pair = Pair { source, target, score: Some(-0.3), parts: 1, ..Pair::default() };
        check(&pair).iter().map(|flag| (flag.kind, flag.severity)).collect()
    }

    #[test]
    fn a_faithful_translation_has_no_flags() {
        let source = "قال الوزير في 18 شباط 2021 إن 2254 أسرة عادت إلى بيوتها.";
        assert_eq!(kinds(source, "The minister said on February 18, 2021 that 2,254 families returned home."), []);
    }

    #[test]
    fn a_month_is_known_alone_and_with_what_is_joined_to_it() {
        for text in ["أيار", "بأيار", "كانون الثاني", "وكانون الأول", "آب", "مارس"]
        {
            assert!(is_month(text), "{text}");
        }
        for text in ["باب", "أيار الحلبي", "الثاني", "كانون", ""] {
            assert!(!is_month(text), "{text}");
        }
    }

    #[test]
    fn an_empty_translation_is_a_critical_omission() {
        assert_eq!(kinds("عادت الأسر.", " "), [(FlagKind::Omission, Severity::Critical)]);
        assert_eq!(kinds("", ""), []);
    }

    #[test]
    fn the_worst_flag_comes_first() {
        let found = kinds("قال «نعم» في 2254 بلدا", "He said yes in 2245 countries countries countries countries");
        assert_eq!(found[0], (FlagKind::Number, Severity::Critical));
        assert_eq!(found.last(), Some(&(FlagKind::Quotation, Severity::Minor)));
    }

    proptest! {
        #[test]
        fn no_text_makes_a_check_fail(source in "\\PC{0,80}", target in "\\PC{0,80}") {
            let pair = Pair { source: &source, target: &target, score: None, parts: 1, ..Pair::default() };
            prop_assert_eq!(check(&pair), check(&pair));
        }

        #[test]
        fn numeral_soup_makes_no_check_fail(
            source in "[0-9٠-٩.,٫٬:/ وملينالف٪-]{0,60}", target in "[0-9.,:/ a-zA-Z%'-]{0,60}"
        ) {
            check(&Pair { source: &source, target: &target, score: None, parts: 1, ..Pair::default() });
        }
    }
}
