//! A translation too short or too long for its source: something may be left out, or made up.
//!
//! Separate because it is one published test (Gale and Church 1993, "A Program for Aligning Sentences in Bilingual
//! Corpora") with measured constants. The invariant: lengths are counted in characters, not in bytes.
//!
//! ```text
//! z = (target - RATIO * source) / sqrt(VARIANCE * source)
//! ```

use super::{Flag, FlagKind, Pair, Severity, flag};

/// English characters per Arabic character: 1.13 in FLORES-200 dev, 1.09 in TICO-19 (3,097 sentences).
const RATIO: f64 = 1.11;
/// Variance per Arabic character: 3.3 and 3.7 in the same sentences.
const VARIANCE: f64 = 3.5;
/// Of those 3,097 human translations 0.5 % lie beyond 3.2 and 4.6 % beyond 2.
const LIKELY: f64 = 3.2;
const POSSIBLE: f64 = 2.0;
/// Characters, about two words, below which a difference says nothing.
const LEAST: f64 = 12.0;

/// Returns the flag of a sentence that has no translation, if there was something to translate.
pub(super) fn empty(pair: &Pair) -> Vec<Flag> {
    if !pair.source.chars().any(char::is_alphanumeric) {
        return Vec::new();
    }
    let message = "the translation is empty: read the Arabic".to_owned();
    vec![flag(FlagKind::Omission, Severity::Critical, message, Vec::new())]
}

/// Flags a length that human translations hardly ever have.
pub(super) fn check(pair: &Pair) -> Option<Flag> {
    let (source, target) = (length(pair.source), length(pair.target));
    let z = (target - RATIO * source) / (VARIANCE * source.max(1.0)).sqrt();
    if (target - RATIO * source).abs() < LEAST {
        return None;
    }
    let severity = if z.abs() > LIKELY { Severity::Major } else { Severity::Minor };
    let evidence = vec![format!("{source} characters"), format!("{target} characters")];
    match z {
        z if z < -POSSIBLE => {
            let message = "the English is short for this Arabic: check that nothing is left out".to_owned();
            Some(flag(FlagKind::Omission, severity, message, evidence))
        }
        z if z > POSSIBLE => {
            let message = "the English is long for this Arabic: check that nothing is made up".to_owned();
            Some(flag(FlagKind::Addition, severity, message, evidence))
        }
        _ => None,
    }
}

fn length(text: &str) -> f64 {
    text.trim().chars().count() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(source: &str, target: &str) -> Option<FlagKind> {
        check(&Pair { source, target, ..Pair::default() }).map(|flag| flag.kind)
    }

    #[test]
    fn half_a_long_sentence_is_an_omission() {
        let source =
            "وصل الوفد صباح اليوم إلى المدينة ثم زار المدرسة والمستشفى والتقى الأهالي وعاد في المساء إلى العاصمة";
        assert_eq!(kind(source, "The delegation arrived."), Some(FlagKind::Omission));
    }

    #[test]
    fn a_short_source_with_a_long_translation_is_an_addition() {
        let target = "Yes, and he went on to say that the matter had been settled long before the meeting began.";
        assert_eq!(kind("نعم", target), Some(FlagKind::Addition));
    }

    #[test]
    fn short_sentences_may_differ() {
        assert_eq!(kind("نعم", "Yes, indeed"), None);
    }
}
