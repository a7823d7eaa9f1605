//! Numbers in words that became others: «ثلاثة» must not become "five".
//!
//! Separate from the numbers in digits because words are softer evidence: idioms count, and a dual has no word at all.
//! The invariant: one and two, halves and quarters are never flagged, and a word that the other side states in any form
//! is none either.

use super::{
    Flag, FlagKind, Pair, Severity, flag,
    quantities::{self, Quantities, Quantity},
    scan::{ONE, scan},
};

/// Flags number words of both sides that do not agree.
pub(super) fn check(pair: &Pair) -> Option<Flag> {
    let source = quantities::read(pair.source, &scan(pair.source));
    let target = quantities::read(pair.target, &scan(pair.target));
    let (missing, added) = (alone(pair.source, &source, &target), alone(pair.target, &target, &source));
    let text = |text: &str, quantity: &&Quantity| text[quantity.span.clone()].to_owned();
    let arabic: Vec<String> = missing.iter().map(|quantity| text(pair.source, quantity)).collect();
    let english: Vec<String> = added.iter().map(|quantity| text(pair.target, quantity)).collect();
    let (severity, message) = match (arabic.first(), english.first()) {
        (Some(arabic), Some(english)) => {
            (Severity::Critical, format!("Arabic has {arabic}, English has {english}: check the number"))
        }
        (Some(arabic), None) => (Severity::Minor, format!("Arabic has {arabic}, English does not: check the number")),
        (None, Some(english)) => (Severity::Minor, format!("English has {english}, Arabic does not: check the number")),
        (None, None) => return None,
    };
    Some(flag(FlagKind::Number, severity, message, arabic.into_iter().chain(english).collect()))
}

/// Returns the numbers in words that no number of the other side has a value in common with.
fn alone<'a>(text: &str, side: &'a Quantities, other: &Quantities) -> Vec<&'a Quantity> {
    let shared = |quantity: &Quantity| {
        let values = || quantity.scaled();
        let stated = other.all.iter().any(|theirs| theirs.agrees(quantity) || parts_agree(quantity, theirs));
        stated || other.sums.iter().any(|(_, sums)| values().any(|value| sums.contains(&value)))
    };
    side.all.iter().filter(|quantity| is_firm(text, quantity) && !shared(quantity)).collect()
}

/// Returns true where the scale of one is all of the other: «ملايين» for "millions of".
fn parts_agree(a: &Quantity, b: &Quantity) -> bool {
    a.scale > 1 && b.values.contains(&(a.scale * ONE)) || b.scale > 1 && a.values.contains(&(b.scale * ONE))
}

/// Returns true for a number in words of three or more that is no idiom.
fn is_firm(text: &str, quantity: &Quantity) -> bool {
    let word = text[quantity.span.clone()].to_lowercase();
    let value = quantity.values.iter().max().copied().unwrap_or_default();
    let idiom = ["quarter", "decade", "hundreds", "thousands", "dozen", "noon", "midday", "may", "fortnight", "ظهر"]
        .iter()
        .any(|idiom| word.contains(idiom));
    let arabic_idiom = ["عشرات", "مئات", "الاف", "آلاف", "ربع", "عقد", "ضعف", "مئوي", "مائوي", "أرباع"]
        .iter()
        .any(|idiom| word.contains(idiom));
    let month = crate::article::arabic::month(&crate::article::normalize::fold(&word)).is_some();
    let percent = ["المئة", "المائة"].contains(&word.trim_start_matches('ب'));
    let roman = word.is_ascii() && word.chars().all(|c| matches!(c, 'i' | 'v' | 'x' | 'l'));
    let two_month = word.contains("كانون") || word.contains("تشرين");
    !quantity.digits && value >= 3 * ONE && !(idiom || arabic_idiom || percent || month || roman || two_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severity(source: &str, target: &str) -> Option<Severity> {
        check(&Pair { source, target, ..Pair::default() }).map(|flag| flag.severity)
    }

    #[test]
    fn a_changed_number_word_is_critical() {
        assert_eq!(severity("قتل ثلاثة أشخاص", "Five people were killed"), Some(Severity::Critical));
        assert_eq!(severity("مئة ألف دولار", "ninety thousand dollars"), None, "the thousand agrees");
        assert_eq!(severity("ثلاثة ملايين", "three billion"), None, "the three agrees");
    }

    #[test]
    fn a_number_word_said_otherwise_is_no_difference() {
        for (source, target) in [
            ("قتل ثلاثة أشخاص", "3 people were killed"),
            ("في القرن التاسع عشر", "in the nineteenth century"),
            ("عشرات القتلى", "dozens of dead"),
            ("كلا الطرفين", "both sides"),
            ("دفعت 40 في المئة منه", "paid 40 percent of it"),
            ("دفعت أربعين بالمائة منه", "paid forty percent of it"),
            ("ملايين الناس", "millions of people"),
        ] {
            assert_eq!(severity(source, target), None, "{source} | {target}");
        }
    }

    #[test]
    fn a_number_word_of_one_side_is_minor() {
        assert_eq!(severity("قتل سبعة أشخاص", "People were killed"), Some(Severity::Minor));
    }
}
