//! Numbers that are missing, changed or added: the errors a reader can least see and most needs to.
//!
//! Separate from reading the numbers so that what counts as a difference stands in one place. The invariant: only a
//! number in digits is ever flagged, and never one that the other side states in any form.

use super::{
    Flag, FlagKind, Pair, Severity, flag,
    quantities::{self, Quantities, Quantity},
    scan::{ONE, scan},
};
use crate::article::Span;

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

/// Returns the numbers of the source in digits, each with what states the same number in the target.
pub(super) fn pairs(source: &str, target: &str) -> Vec<(Span, Option<Span>)> {
    let source = quantities::read(source, &scan(source));
    let target = quantities::read(target, &scan(target));
    let same = |quantity: &Quantity| {
        let alike = || target.all.iter().filter(|theirs| theirs.agrees(quantity));
        let found = alike().find(|theirs| theirs.digits).or_else(|| alike().next()).map(|theirs| theirs.span.clone());
        found.or_else(|| as_sum(quantity, &target)).or_else(|| as_part(quantity, &source, &target))
    };
    let in_digits = source.all.iter().filter(|quantity| quantity.digits && !quantity.optional);
    in_digits.map(|quantity| (quantity.span.clone(), same(quantity))).collect()
}

/// Returns the two numbers that make up this one: "3 million and 500 thousand" for 3.5 million.
fn as_sum(quantity: &Quantity, other: &Quantities) -> Option<Span> {
    let (first, _) = other.sums.iter().find(|(_, sums)| quantity.scaled().any(|value| sums.contains(&value)))?;
    Some(other.all[*first].span.start..other.all[first + 1].span.end)
}

/// Returns the number that this one and its neighbour make up: 3.5 million for the 3 of "3 million and 500 thousand".
fn as_part(quantity: &Quantity, ours: &Quantities, other: &Quantities) -> Option<Span> {
    let member = |first: usize| ours.all[first..].iter().take(2).any(|member| std::ptr::eq(member, quantity));
    let mut sums = ours.sums.iter().filter(|(first, _)| member(*first)).flat_map(|(_, sums)| sums);
    let whole = sums.find_map(|sum| other.all.iter().find(|theirs| theirs.scaled().any(|value| value == *sum)))?;
    Some(whole.span.clone())
}

/// Pairs numbers that stand for each other, takes them from both lists and flags them.
fn changed(pair: &Pair, missing: &mut Vec<&Quantity>, added: &mut Vec<&Quantity>) -> Vec<Flag> {
    let linked = |a: &Quantity, b: &Quantity| {
        let touches = |a: &Span, b: &Span| a.start < b.end && b.start < a.end;
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
    fn a_false_hour_is_found_beside_right_minutes() {
        assert_eq!(flags("الساعة 5:30 مساء", "at 8.30pm").len(), 1);
        assert_eq!(flags("الساعة 5.30 مساء", "at 5.45pm").len(), 1);
        assert_eq!(flags("بسعر 2.50 دولار", "at $7.50 a share").len(), 1);
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
            ("الساعة 5:30 مساء", "at 5.30pm"),
            ("الساعة 17:30", "at 5.30 p.m."),
            ("الساعة 5.30", "at 5.30 pm"),
            ("أكثر من 40 بالمائة", "more than 40 percent"),
            ("بنسبة 100 بالمئة", "100%"),
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
    fn a_number_is_paired_with_what_states_it() {
        let paired = |source: &str, target: &str| -> Vec<(String, Option<String>)> {
            let text = |(s, t): (Span, Option<Span>)| (source[s].to_owned(), t.map(|span| target[span].to_owned()));
            pairs(source, target).into_iter().map(text).collect()
        };
        let pair = |source: &str, target: Option<&str>| (source.to_owned(), target.map(str::to_owned));
        assert_eq!(paired("الجولة 15على", "the 15th round"), [pair("15", Some("15"))]);
        assert_eq!(paired("قتل 3", "three killed"), [pair("3", Some("three"))]);
        assert_eq!(paired("القرار 2254", "Resolution 2254444"), [pair("2254", None)]);
        assert_eq!(paired("3 ملايين و500 ألف", "3.5 million")[1].1.as_deref(), Some("3.5 million"));
        assert_eq!(
            paired("3.5 ملايين", "3 million and 500 thousand")[0].1.as_deref(),
            Some("3 million and 500 thousand")
        );
    }

    #[test]
    fn several_missing_numbers_are_one_flag() {
        assert_eq!(flags("15 و20 و25", "many").len(), 1);
    }
}
