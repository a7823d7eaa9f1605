//! Numbers that are missing, changed or added: the errors a reader can least see and most needs to.
//!
//! Separate from reading the numbers so that what counts as a difference stands in one place. The invariant: only a
//! number in digits is ever flagged, and never one that the other side states in any form.

use super::{
    Flag, FlagKind, Pair, Severity, flag,
    quantities::{self, Quantities, Quantity},
    scan::{ONE, scan},
};

/// Flags numbers of one side that the other does not state.
pub(super) fn check(pair: &Pair) -> Vec<Flag> {
    let source = quantities::read(pair.source, &scan(pair.source));
    let target = quantities::read(pair.target, &scan(pair.target));
    let mut missing = unmatched(&source, &target);
    // Arabic says one and two without a number word: "a boy", and the dual.
    let mut added = unmatched(&target, &source);
    added.retain(|quantity| !quantity.scaled().all(|value| value == ONE || value == 2 * ONE));
    let mut flags = changed(pair, &mut missing, &mut added);
    flags.extend(one_sided(pair.source, &missing, Severity::Critical, "Arabic has", "English does not"));
    flags.extend(one_sided(pair.target, &added, Severity::Major, "English has", "Arabic does not"));
    flags
}

/// Returns the numbers in digits that nothing on the other side agrees with.
fn unmatched<'a>(side: &'a Quantities, other: &Quantities) -> Vec<&'a Quantity> {
    let required = |quantity: &&Quantity| quantity.digits && !quantity.optional;
    let alone = side.all.iter().filter(required).filter(|q| !other.all.iter().any(|theirs| theirs.agrees(q)));
    let in_our_sum = |quantity: &Quantity| {
        side.sums.iter().any(|(first, values)| {
            let member = side.all[*first..].iter().take(2).any(|member| std::ptr::eq(member, quantity));
            member && other.all.iter().any(|theirs| theirs.scaled().any(|value| values.contains(&value)))
        })
    };
    let in_their_sum = |quantity: &Quantity| {
        other.sums.iter().any(|(_, values)| quantity.scaled().any(|value| values.contains(&value)))
    };
    alone.filter(|quantity| !in_our_sum(quantity) && !in_their_sum(quantity)).collect()
}

/// Pairs numbers that stand for each other, takes them from both lists and flags them.
fn changed(pair: &Pair, missing: &mut Vec<&Quantity>, added: &mut Vec<&Quantity>) -> Vec<Flag> {
    let linked = |a: &Quantity, b: &Quantity| {
        let touches = |a: &std::ops::Range<usize>, b: &std::ops::Range<usize>| a.start < b.end && b.start < a.end;
        pair.words.iter().any(|(source, target)| touches(source, &a.span) && touches(target, &b.span))
    };
    let mut flags = Vec::new();
    // Linked pairs first; what is left is paired in text order.
    for by_link in [true, false] {
        let mut index = 0;
        while index < missing.len() {
            match added.iter().position(|b| !by_link || linked(missing[index], b)) {
                Some(theirs) => flags.push(change(pair, missing.remove(index), added.remove(theirs))),
                None => index += 1,
            }
        }
    }
    flags
}

fn change(pair: &Pair, source: &Quantity, target: &Quantity) -> Flag {
    let (arabic, english) = (&pair.source[source.span.clone()], &pair.target[target.span.clone()]);
    let message = format!("Arabic has {arabic}, English has {english}: check the number");
    flag(FlagKind::Number, Severity::Critical, message, vec![arabic.to_owned(), english.to_owned()])
}

fn one_sided(text: &str, alone: &[&Quantity], severity: Severity, has: &str, has_not: &str) -> Option<Flag> {
    let numbers: Vec<String> = alone.iter().map(|quantity| text[quantity.span.clone()].to_owned()).collect();
    let noun = if numbers.len() == 1 { "number" } else { "numbers" };
    let message = format!("{has} {}, {has_not}: check the {noun}", numbers.join(" and "));
    (!numbers.is_empty()).then(|| flag(FlagKind::Number, severity, message, numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(source: &str, target: &str) -> Vec<(Severity, String)> {
        let pair = Pair { source, target, ..Pair::default() };
        check(&pair).into_iter().map(|flag| (flag.severity, flag.message)).collect()
    }

    #[test]
    fn a_changed_number_names_both_sides() {
        let message = "Arabic has 2254, English has 2245: check the number".to_owned();
        assert_eq!(flags("القرار 2254", "Resolution 2245"), [(Severity::Critical, message)]);
    }

    #[test]
    fn a_missing_number_is_critical_and_an_added_one_major() {
        assert_eq!(flags("قتل 15 شخصا", "People were killed")[0].0, Severity::Critical);
        assert_eq!(flags("قتل أشخاص", "15 people were killed")[0].0, Severity::Major);
    }

    #[test]
    fn a_number_said_otherwise_is_no_difference() {
        for (source, target) in [
            ("3 ملايين لاجئ", "3,000,000 refugees"),
            ("3 ملايين لاجئ", "3 million refugees"),
            ("من 3 إلى 5 ملايين", "3 million to 5 million"),
            ("بنسبة ٣٫٥٪", "by 3.5%"),
            ("1.500 دولار", "$1,500"),
            ("القرن الـ15", "the 15th century"),
            ("القرن التاسع عشر", "the 19th century"),
            ("15على الأقل", "at least fifteen"),
            ("الساعة 14:00", "at 2 pm"),
            ("سجل هدفين", "He scored 2 goals"),
            ("في 18/2/2021", "on February 18, 2021"),
            ("في 5 آذار", "on 3/5"),
            ("3 ملايين و500 ألف", "3.5 million"),
            ("ثمانينيات القرن الماضي", "the 1980s"),
            ("24 جائزة", "two dozen awards"),
            ("الحرب العالمية الثانية", "World War II"),
        ] {
            assert_eq!(flags(source, target), [], "{source} | {target}");
        }
    }

    #[test]
    fn a_changed_scale_is_seen() {
        assert_eq!(flags("3 ملايين", "3 billion")[0].0, Severity::Critical);
        assert_eq!(flags("3 ملايين و500 ألف", "3 million and 600 thousand")[0].0, Severity::Critical);
    }

    #[test]
    fn word_links_say_which_number_became_which() {
        let (source, target) = ("20 ثم 30", "31 then 21");
        let words = [(0..2, 8..10), (10..12, 0..2)];
        let found = check(&Pair { source, target, words: &words, ..Pair::default() });
        assert_eq!(found[0].evidence, ["20", "21"]);
        assert_eq!(found[1].evidence, ["30", "31"]);
    }

    #[test]
    fn several_missing_numbers_are_one_flag() {
        assert_eq!(flags("15 و20 و25", "many").len(), 1);
    }
}
