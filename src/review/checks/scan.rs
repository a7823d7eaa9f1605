//! Cuts a text of either language into numerals, words and marks: what the number and date checks read.
//!
//! Separate so that digits of every script and every way of grouping them are understood in one place. The invariant:
//! pieces are in text order and do not overlap, and all digits of the text are in numerals.

use crate::article::{Span, arabic, normalize::fold};

/// An exact number in millionths, so that 2.3 million is 2,300,000 and never 2,299,999.99.
pub(super) type Value = u128;

/// The value 1.
pub(super) const ONE: Value = 1_000_000;

/// One piece of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    pub(super) span: Span,
    pub(super) kind: Kind,
}

/// What a piece is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A number in digits, with all values it may be read as: `1.500` is 1.5 or 1500.
    Numeral(Vec<Value>),
    /// Letters, folded and in lower case.
    Word(String),
    /// Any other visible character.
    Mark(char),
}

impl Piece {
    /// Returns the word, if it is one.
    pub(super) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    /// Returns true for this mark.
    pub(super) fn is_mark(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }
}

/// Returns the pieces of a text.
pub(super) fn scan(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let start = at;
        if digit(c).is_some() {
            at = numerals(text, start, &mut pieces);
            continue;
        }
        let same = |c: &char| c.is_alphabetic() || is_joined_mark(*c);
        let length: usize = match same(&c) {
            true => text[at..].chars().take_while(same).map(char::len_utf8).sum(),
            false => c.len_utf8(),
        };
        at += length;
        let kind = match same(&c) {
            true if text[start..at].is_ascii() => Kind::Word(text[start..at].to_ascii_lowercase()),
            true => Kind::Word(fold(&text[start..at])),
            false if c.is_whitespace() || c.is_control() => continue,
            false => Kind::Mark(c),
        };
        pieces.push(Piece { span: start..at, kind });
    }
    pieces
}

/// Marks that stand inside a word: vowel marks, accents, joiners.
fn is_joined_mark(c: char) -> bool {
    arabic::is_mark(c) || matches!(c, '\u{0300}'..='\u{036F}' | '\u{200C}' | '\u{200D}')
}

/// Returns the value of a digit of any script that an Arabic text may use.
fn digit(c: char) -> Option<u32> {
    arabic::digit(c)?.to_digit(10)
}

/// A run of digits, with the separator before it.
struct Group {
    separator: Option<char>,
    digits: String,
    span: Span,
}

/// Reads one numeral, or several where the separators make no single number (`1.2.3.4`), and returns where it ends.
fn numerals(text: &str, start: usize, pieces: &mut Vec<Piece>) -> usize {
    let groups = groups(text, start);
    let end = groups.last().map_or(text.len(), |group| group.span.end);
    let values = readings(&groups);
    if values.is_empty() {
        let one =
            |group: &Group| Piece { span: group.span.clone(), kind: Kind::Numeral(vec![value(&group.digits, "")]) };
        pieces.extend(groups.iter().map(one));
    } else {
        pieces.push(Piece { span: start..end, kind: Kind::Numeral(values) });
    }
    end
}

fn groups(text: &str, start: usize) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let (mut at, mut separator) = (start, None);
    loop {
        let digits: Vec<(char, u32)> = text[at..].chars().map_while(|c| Some((c, digit(c)?))).collect();
        let spaced = separator.is_some_and(char::is_whitespace);
        let grouped = digits.len() == 3 && groups.last().is_some_and(|group| group.digits.len() <= 3);
        if digits.is_empty() || (spaced && !grouped) {
            return groups;
        }
        let length: usize = digits.iter().map(|(c, _)| c.len_utf8()).sum();
        let digits = digits.iter().filter_map(|(_, value)| char::from_digit(*value, 10)).collect();
        groups.push(Group { separator, digits, span: at..at + length });
        at += length;
        separator = text[at..].chars().next().filter(|c| is_separator(*c));
        match separator {
            Some(c) => at += c.len_utf8(),
            None => return groups,
        }
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, '.' | ',' | '٫' | '٬' | '،' | '\'' | '’' | ' ' | '\u{A0}' | '\u{2009}' | '\u{202F}')
}

/// Returns all values the groups may stand for as one number; none where they cannot be one.
fn readings(groups: &[Group]) -> Vec<Value> {
    let Some((last, before)) = groups.split_last() else { return Vec::new() };
    let whole = |groups: &[Group]| -> String { groups.iter().map(|group| group.digits.as_str()).collect() };
    let mut values = Vec::new();
    let is_thousands = |groups: &[Group]| {
        let rest_of_three = groups.iter().skip(1).all(|group| group.digits.len() == 3);
        let one_separator = groups.windows(2).skip(1).all(|pair| pair[0].separator == pair[1].separator);
        let decimal_only = groups.iter().any(|group| group.separator == Some('٫'));
        groups.len() == 1 || (groups[0].digits.len() <= 3 && rest_of_three && one_separator && !decimal_only)
    };
    if is_thousands(groups) {
        values.push(value(&whole(groups), ""));
    }
    let decimal = matches!(last.separator, Some('.' | ',' | '٫' | '٬' | '،'));
    // 1.234.5 is no number: the decimal mark differs from the one that groups thousands.
    let differs = before.last().is_none_or(|group| group.separator != last.separator);
    if !before.is_empty() && decimal && differs && is_thousands(before) {
        values.push(value(&whole(before), &last.digits));
    }
    values
}

/// Returns the value of decimal digits; more than a `u128` holds is cut off at its largest value.
fn value(whole: &str, fraction: &str) -> Value {
    let digits = whole.bytes().chain(fraction.bytes().chain(std::iter::repeat(b'0')).take(6));
    digits.fold(0, |value: Value, digit| value.saturating_mul(10).saturating_add(Value::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(text: &str) -> Vec<Vec<Value>> {
        let numerals = scan(text).into_iter().filter_map(|piece| match piece.kind {
            Kind::Numeral(values) => Some(values),
            _ => None,
        });
        numerals.collect()
    }

    #[test]
    fn separators_of_both_scripts_are_understood() {
        for text in ["2254", "٢٢٥٤", "2,254", "٢٬٢٥٤", "2 254", "2'254", "۲۲۵۴"] {
            assert!(values(text)[0].contains(&(2254 * ONE)), "{text}");
        }
        assert_eq!(values("٣٫٥"), [[3_500_000]]);
        assert_eq!(values("1,234,567.89"), [[1_234_567_890_000]]);
    }

    #[test]
    fn an_ambiguous_mark_gives_both_readings() {
        assert_eq!(values("1.500"), [[1500 * ONE, 1_500_000]]);
    }

    #[test]
    fn what_is_no_single_number_is_several() {
        assert_eq!(values("1.2.3.4").len(), 4);
        assert_eq!(values("2008 400").len(), 2);
        assert_eq!(values("12:18").len(), 2);
    }

    #[test]
    fn letters_glued_to_digits_are_words_of_their_own() {
        let pieces = scan("15على");
        assert_eq!(pieces[0].kind, Kind::Numeral(vec![15 * ONE]));
        assert_eq!(pieces[1].word(), Some("علي"));
    }

    proptest! {
        #[test]
        fn all_digits_are_in_numerals(text in "[0-9٠-٩., ٫٬:abج-]{0,40}") {
            let pieces = scan(&text);
            prop_assert!(pieces.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start));
            for (at, _) in text.char_indices().filter(|(_, c)| digit(*c).is_some()) {
                prop_assert!(pieces.iter().any(|p| p.span.contains(&at) && matches!(p.kind, Kind::Numeral(_))));
            }
        }

        #[test]
        fn a_written_number_reads_back(number in 0u64..10_000_000_000) {
            prop_assert_eq!(values(&number.to_string()), vec![vec![Value::from(number) * ONE]]);
        }
    }
}
