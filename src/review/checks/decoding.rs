//! What the decoder itself knew: a translation it found unlikely, and a sentence it could only read in parts.
//!
//! Separate because nothing here looks at the text. The invariant: a score only ranks; no message calls it a
//! probability of being right.

use super::{Flag, FlagKind, Pair, Severity, flag};

/// Mean log-probability per token below which a glance is asked for.
///
/// The best cheap sign of a hallucination (Guerreiro et al., EACL 2023); the values are set by hand: a translation at
/// -1.0 gives its tokens e^-1.0 = 37 % on average, one at -1.6 gives them 20 %.
const UNSURE: f32 = -1.0;
const VERY_UNSURE: f32 = -1.6;

/// Flags a translation that the model gave a low score.
pub(super) fn low_score(pair: &Pair) -> Option<Flag> {
    let score = pair.score.filter(|score| *score < UNSURE)?;
    let severity = if score < VERY_UNSURE { Severity::Major } else { Severity::Minor };
    let message = "the model was unsure of this sentence: read it against the Arabic".to_owned();
    Some(flag(FlagKind::LowScore, severity, message, vec![format!("{score:.2}")]))
}

/// Flags a sentence that was translated in parts.
pub(super) fn split(pair: &Pair) -> Option<Flag> {
    let message = || format!("too long for the model, translated in {} parts: check where they join", pair.parts);
    (pair.parts > 1).then(|| flag(FlagKind::Split, Severity::Minor, message(), Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_the_score_the_more_severe() {
        let severity = |score| low_score(&Pair { score, ..Pair::default() }).map(|flag| flag.severity);
        assert_eq!(severity(Some(-0.4)), None);
        assert_eq!(severity(Some(-1.2)), Some(Severity::Minor));
        assert_eq!(severity(Some(-2.5)), Some(Severity::Major));
        assert_eq!(severity(None), None);
    }

    #[test]
    fn a_sentence_in_parts_says_how_many() {
        let found = split(&Pair { parts: 3, ..Pair::default() });
        assert!(found.is_some_and(|flag| flag.message.contains("3 parts")));
        assert_eq!(split(&Pair { parts: 1, ..Pair::default() }), None);
    }
}
