//! Times of day: an hour is the same number on either clock, and "5.30 pm" is an hour and minutes.
//!
//! Separate because a time is two numbers however it is written. The invariant: what is read as a time has both its hour
//! and its minutes, so that a false hour is not excused by right minutes.

use super::{
    super::scan::{ONE, Piece, Value},
    Quantity,
};
use crate::article::arabic;

/// Adds the hour of the other clock.
pub(super) fn widen(values: &mut Vec<Value>) {
    let other = |hour: &Value| match hour / ONE {
        0..12 => Some(hour + 12 * ONE),
        12..=24 => Some(hour - 12 * ONE),
        _ => None,
    };
    values.extend(values.clone().iter().filter_map(other));
}

/// Returns hour and minutes of a numeral such as the "5.30" of "5.30 pm".
///
/// Either may be meant by the whole numeral too: the other side may not say that its "5.30" is a time.
pub(super) fn dotted(text: &str, pieces: &[Piece], at: usize) -> Option<[Quantity; 2]> {
    if !is_time_of_day(&pieces[at + 1..]) {
        return None;
    }
    let span = pieces[at].span.clone();
    let point = span.start + text[span.clone()].find(['.', '٫'])?;
    let after = point + text[point..].chars().next()?.len_utf8();
    let hour = number(&text[span.start..point]).filter(|hour| *hour < 24)?;
    let two_digits = text[after..span.end].chars().count() == 2;
    let minutes = number(&text[after..span.end]).filter(|minutes| two_digits && *minutes < 60)?;
    let whole = hour * ONE + minutes * ONE / 100;
    let mut hours = vec![hour * ONE];
    widen(&mut hours);
    hours.push(whole);
    let quantity = |span, values, optional| Quantity {
        span,
        values,
        scale: 1,
        digits: true,
        optional,
        decade: None,
        shared: vec![],
    };
    Some([
        quantity(span.start..point, hours, false),
        quantity(after..span.end, vec![minutes * ONE, whole], minutes == 0),
    ])
}

/// Returns true where pieces begin with the half of a day: am, p.m., «مساء».
fn is_time_of_day(pieces: &[Piece]) -> bool {
    let word = |index: usize| pieces.get(index).and_then(Piece::word);
    match word(0) {
        Some("am" | "pm" | "صباحا" | "مساء" | "ظهرا" | "عصرا" | "ليلا" | "فجرا") => true,
        Some("a" | "p") => pieces.get(1).is_some_and(|piece| piece.is_mark('.')) && word(2) == Some("m"),
        _ => false,
    }
}

fn number(digits: &str) -> Option<Value> {
    let ascii: Option<String> = digits.chars().map(arabic::digit).collect();
    ascii?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{super::scan::scan, read},
        *,
    };

    fn values(text: &str) -> Vec<Vec<Value>> {
        let in_digits = read(text, &scan(text)).all.into_iter().filter(|quantity| quantity.digits);
        in_digits.map(|quantity| quantity.values).collect()
    }

    #[test]
    fn a_time_with_a_point_is_an_hour_on_either_clock_and_minutes() {
        for text in ["5.30pm", "5.30 pm", "5.30 p.m.", "5.30 a.m.", "٥.٣٠ مساء"] {
            let whole = 5 * ONE + 3 * ONE / 10;
            assert_eq!(values(text), [vec![5 * ONE, 17 * ONE, whole], vec![30 * ONE, whole]], "{text}");
        }
    }

    #[test]
    fn a_decimal_before_an_article_or_an_initial_is_no_time() {
        for text in ["2.50 a share", "2.50 a piece", "2.50 P. Miller", "2.5 pm"] {
            assert_eq!(values(text), [vec![2 * ONE + ONE / 2]], "{text}");
        }
    }
}
