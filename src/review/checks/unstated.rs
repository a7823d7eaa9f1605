//! Numbers of a text that another text of the same language does not state: what a summary must not add.
//!
//! Separate from the numbers of a translation, where one language says in words what the other says in digits. The
//! invariant: a number in digits is always judged, one in words from three on.

use super::{
    lexicon,
    quantities::{self, Quantity},
    scan::{ONE, scan},
};
use crate::article::{Span, normalize::fold};

/// Returns the numbers of `text` that nothing in `other` agrees with.
pub(super) fn numbers(text: &str, other: &str) -> Vec<Span> {
    let (ours, theirs) = (quantities::read(text, &scan(text)), quantities::read(other, &scan(other)));
    let is_judged = |quantity: &&Quantity| match quantity.digits {
        true => !quantity.optional,
        false => is_count(quantity, &text[quantity.span.clone()]),
    };
    let is_stated = |quantity: &Quantity| {
        theirs.all.iter().any(|other| other.agrees(quantity))
            || theirs.sums.iter().any(|(_, sums)| quantity.scaled().any(|value| sums.contains(&value)))
    };
    ours.all.iter().filter(is_judged).filter(|quantity| !is_stated(quantity)).map(|q| q.span.clone()).collect()
}

/// Number words that are said loosely, or of time.
const LOOSE: [&str; 6] = ["decade", "dozen", "fortnight", "midday", "noon", "quarter"];

/// Returns true for whole numbers in words from three on: "one" is a pronoun too, "second" a time, "dozens" a manner of
/// speaking. Months are names.
fn is_count(quantity: &Quantity, written: &str) -> bool {
    let first = written.split([' ', '-']).next().unwrap_or_default().to_lowercase();
    let is_loose = first.ends_with('s') || LOOSE.contains(&first.as_str());
    let whole = quantity.scaled().all(|value| value >= 3 * ONE && value % ONE == 0);
    whole && !is_loose && lexicon::number_word(&fold(&first)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(text: &'a str, other: &str) -> Vec<&'a str> {
        numbers(text, other).into_iter().map(|span| &text[span]).collect()
    }

    #[test]
    fn a_number_said_otherwise_is_stated() {
        assert_eq!(found("12 schools and 2,254 homes", "twelve schools, 2254 homes"), Vec::<&str>::new());
        assert_eq!(found("3.5 million people", "3,500,000 people"), Vec::<&str>::new());
    }

    #[test]
    fn another_number_is_found_in_digits_and_in_words() {
        assert_eq!(found("21 schools", "12 schools"), ["21"]);
        assert_eq!(found("nineteen schools", "twelve schools"), ["nineteen"]);
        assert_eq!(found("48 thousand", "48 people"), ["48 thousand"]);
    }

    #[test]
    fn small_words_are_no_counts() {
        assert_eq!(
            found("one of them came in second in May, decades and dozens later", "they came"),
            Vec::<&str>::new()
        );
    }
}
