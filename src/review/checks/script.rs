//! Arabic left in the English, and characters in the Arabic that a reader cannot see.
//!
//! Separate because both look at single characters. The invariant: marks that Arabic text needs (joiners, direction
//! marks) are never flagged, only what can hide or reorder text.

use super::{Flag, FlagKind, Pair, Severity, flag};
use crate::{article::arabic, review::align::words};

/// Share of Arabic letters above which the sentence counts as not translated.
const MOSTLY: f64 = 0.3;

/// Flags Arabic words in the translation.
pub(super) fn untranslated(pair: &Pair) -> Option<Flag> {
    let left: Vec<String> = words(pair.target)
        .into_iter()
        .map(|span| &pair.target[span])
        .filter(|word| word.chars().any(arabic::is_letter))
        .map(str::to_owned)
        .collect();
    if left.is_empty() {
        return None;
    }
    let letters = pair.target.chars().filter(|c| c.is_alphabetic()).count();
    let arabic = pair.target.chars().filter(|c| arabic::is_letter(*c)).count();
    let (severity, message) = match arabic as f64 > MOSTLY * letters as f64 {
        true => (Severity::Critical, "most of this was left in Arabic: it is not translated".to_owned()),
        false => (Severity::Major, format!("“{}” was left in Arabic: translate it", left.join(" "))),
    };
    Some(flag(FlagKind::Untranslated, severity, message, left))
}

/// Flags characters of the source that reorder or hide text.
pub(super) fn hidden(pair: &Pair) -> Option<Flag> {
    let mut found: Vec<char> = pair.source.chars().filter(|c| can_deceive(*c)).collect();
    found.sort_unstable();
    found.dedup();
    let severity = match found.first()? {
        _ if found.iter().any(|c| matches!(c, '\u{202D}' | '\u{202E}')) => Severity::Major,
        _ => Severity::Minor,
    };
    let evidence: Vec<String> = found.iter().map(|c| format!("U+{:04X}", u32::from(*c))).collect();
    let message = format!(
        "the Arabic has characters that cannot be seen ({}): it may read otherwise than it looks",
        evidence.join(", ")
    );
    Some(flag(FlagKind::Bidi, severity, message, evidence))
}

/// Embeddings, overrides, isolates, zero-width spaces, tags: see Boucher and Anderson 2021, "Trojan Source".
fn can_deceive(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200B}' | '\u{2060}'..='\u{2064}')
        || matches!(c, '\u{00AD}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair<'a>(source: &'a str, target: &'a str) -> Pair<'a> {
        Pair { source, target, ..Pair::default() }
    }

    #[test]
    fn an_arabic_word_left_over_is_named() {
        let found = untranslated(&pair("زار قلعة حلب", "He visited قلعة Aleppo on his way home"));
        assert_eq!(found.map(|flag| (flag.severity, flag.evidence)), Some((Severity::Major, vec!["قلعة".to_owned()])));
    }

    #[test]
    fn a_copied_sentence_is_critical() {
        let found = untranslated(&pair("زار قلعة حلب", "زار قلعة حلب"));
        assert_eq!(found.map(|flag| flag.severity), Some(Severity::Critical));
        assert_eq!(untranslated(&pair("نعم", "Yes, 15٪")), None);
    }

    #[test]
    fn an_override_is_major_and_a_direction_mark_is_nothing() {
        assert_eq!(hidden(&pair("نص \u{202E}123", "")).map(|flag| flag.severity), Some(Severity::Major));
        assert_eq!(hidden(&pair("نص\u{200B}", "")).map(|flag| flag.severity), Some(Severity::Minor));
        assert_eq!(hidden(&pair("می\u{200C}شود \u{200F}", "")), None);
    }
}
