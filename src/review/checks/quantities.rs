//! The numbers a text states, in digits or in words, each with every value it may be read as.
//!
//! Separate from the comparison so that both languages are read by one grammar. The invariant: a number in digits is
//! always reported as such (`digits`); words only serve as evidence that a number of the other side is there.

use super::{
    lexicon::{self, NumberWord},
    scan::{Kind, ONE, Piece, Value},
};
use crate::article::Span;

mod clock;

/// A number as it stands in a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quantity {
    /// Bytes of the text, the scale word included.
    pub(super) span: Span,
    /// Values it may have, before its scale.
    pub(super) values: Vec<Value>,
    /// 1,000,000 for "3 million", else 1.
    pub(super) scale: Value,
    /// Written in digits.
    pub(super) digits: bool,
    /// May be left unsaid: the 00 of 14:00.
    pub(super) optional: bool,
    /// The first year of a decade that is written with its century: 1980s.
    decade: Option<Value>,
    /// Scales that it has from a number behind it.
    shared: Vec<Value>,
}

impl Quantity {
    /// Returns the values it may have, its scale applied.
    pub(super) fn scaled(&self) -> impl Iterator<Item = Value> {
        self.values.iter().map(|value| value.saturating_mul(self.scale))
    }

    /// Returns the scales that a number just before it may share.
    fn shared_scales(&self) -> Vec<Value> {
        match self.scale {
            1 if self.digits => self.shared.clone(),
            1 => [1_000, 1_000_000, 1_000_000_000].into_iter().filter(|s| self.values.contains(&(s * ONE))).collect(),
            scale => vec![scale],
        }
    }

    /// Returns true where both may state the same number.
    ///
    /// Words are grouped with less certainty than digits, so where one side is in words and only one has a scale the bare
    /// values may agree too. In digits they may not: 48 is not 48 thousand.
    pub(super) fn agrees(&self, other: &Quantity) -> bool {
        // Both may be meant by 80, but the 1880s are not the 1980s.
        if let (Some(ours), Some(theirs)) = (self.decade, other.decade) {
            return ours == theirs;
        }
        let one_scale = (self.scale == 1) != (other.scale == 1) && !(self.digits && other.digits);
        let scaled = self.scaled().any(|value| other.scaled().any(|theirs| theirs == value));
        scaled || (one_scale && self.values.iter().any(|value| other.values.contains(value)))
    }
}

/// The numbers of a text, and the sums that neighbours make ("3 million and 500 thousand").
#[derive(Debug, Default)]
pub(super) struct Quantities {
    /// Numbers in text order.
    pub(super) all: Vec<Quantity>,
    /// Index of the first of two neighbours, and the values of both together.
    pub(super) sums: Vec<(usize, Vec<Value>)>,
}

/// Returns the numbers of a text that was cut into pieces.
pub(super) fn read(text: &str, pieces: &[Piece]) -> Quantities {
    let mut found = Quantities::default();
    let mut at = 0;
    // Index after the last quantity that had a scale, and whether only a conjunction stands between.
    let mut joinable = false;
    while at < pieces.len() {
        let (quantity, next) = match &pieces[at].kind {
            Kind::Numeral(values) => match clock::dotted(text, pieces, at) {
                Some([hour, minutes]) => {
                    found.all.push(hour);
                    (minutes, at + 1)
                }
                None => numeral(pieces, at, values),
            },
            Kind::Word(word) => match in_words(pieces, at).or_else(|| single(text, pieces, at, word)) {
                Some(found) => found,
                None => {
                    joinable &= is_and(word);
                    at += 1;
                    continue;
                }
            },
            Kind::Mark(_) => {
                joinable = false;
                at += 1;
                continue;
            }
        };
        if let Some(previous) = found.all.last().filter(|previous| joinable && previous.scale > quantity.scale) {
            let sums = previous.scaled().flat_map(|a| quantity.scaled().map(move |b| a.saturating_add(b))).collect();
            found.sums.push((found.all.len() - 1, sums));
        }
        joinable = quantity.scale > 1;
        found.all.push(quantity);
        at = next;
    }
    share_scales(text, &mut found.all);
    found
}

/// Gives numbers the scale that is said once behind the last of them, as one more reading: "3 to 5 million".
fn share_scales(text: &str, all: &mut [Quantity]) {
    for last in (1..all.len()).rev() {
        let (before, behind) = all.split_at_mut(last);
        let (number, next) = (&mut before[last - 1], &behind[0]);
        let between =
            text[number.span.end..].get(..next.span.start.saturating_sub(number.span.end)).unwrap_or_default();
        if number.scale == 1 && joins(between) {
            let scales = next.shared_scales();
            let values = number.values.clone();
            number.values.extend(scales.iter().flat_map(|scale| values.iter().map(|v| v.saturating_mul(*scale))));
            number.shared = scales;
        }
    }
}

/// Returns true for what stands between two numbers with one scale.
fn joins(between: &str) -> bool {
    let word = between.trim().trim_end_matches(|c: char| "$€£".contains(c)).trim_end();
    matches!(word, "-" | "–" | "—" | "," | "،" | "to" | "or" | "and" | "إلى" | "الى" | "أو" | "او" | "و" | "ال")
}

fn is_and(word: &str) -> bool {
    matches!(word, "and" | "و")
}

/// Reads a numeral and the scale after it, and returns it with the index of the next piece.
fn numeral(pieces: &[Piece], at: usize, values: &[Value]) -> (Quantity, usize) {
    let piece = &pieces[at];
    let mut quantity = Quantity {
        span: piece.span.clone(),
        values: values.to_vec(),
        scale: 1,
        digits: true,
        optional: false,
        decade: None,
        shared: Vec::new(),
    };
    let glued = |index: usize| pieces.get(index).filter(|next| next.span.start == pieces[index - 1].span.end);
    let mut next = at + 1;
    if pieces.get(next).is_some_and(|piece| piece.is_mark('-'))
        && pieces.get(next + 1).is_some_and(|p| scale(p).is_some())
    {
        next += 1;
    }
    if let Some((scale, piece)) = pieces.get(next).and_then(|piece| Some((scale(piece)?, piece))) {
        quantity.scale = scale;
        quantity.span.end = piece.span.end;
        return (quantity, next + 1);
    }
    match glued(at + 1).map(|piece| &piece.kind) {
        Some(Kind::Word(suffix)) => {
            quantity.decade = values.first().copied().filter(|year| suffix == "s" && *year >= 1000 * ONE);
            widen_by_suffix(&mut quantity.values, suffix);
        }
        Some(Kind::Mark(':')) => clock::widen(&mut quantity.values),
        _ => {}
    }
    let before = |back: usize| at.checked_sub(back).map(|index| &pieces[index]);
    let after_colon = before(1).is_some_and(|piece| piece.is_mark(':'));
    quantity.optional = after_colon && values == [0];
    if let (Some(Kind::Numeral(first)), Some(Kind::Mark('-' | '–' | '/'))) =
        (before(2).map(|piece| &piece.kind), before(1).map(|piece| &piece.kind))
    {
        widen_by_year(&mut quantity.values, first);
    }
    (quantity, at + 1)
}

/// Letters glued to digits: the decade of 1980s is also 80; m, bn and k may be a scale or a unit.
fn widen_by_suffix(values: &mut Vec<Value>, suffix: &str) {
    let factor = match suffix {
        "k" => 1_000,
        "m" | "mn" | "mln" => 1_000_000,
        "b" | "bn" => 1_000_000_000,
        "tn" => 1_000_000_000_000,
        "s" => {
            values.extend(values.clone().iter().map(|value| value % (100 * ONE)));
            return;
        }
        _ => return,
    };
    values.extend(values.clone().iter().map(|value| value.saturating_mul(factor)));
}

/// The second year of 1995-96 is also 1996.
fn widen_by_year(values: &mut Vec<Value>, first: &[Value]) {
    let century =
        first.first().filter(|year| (1000..3000).contains(&(*year / ONE))).map(|year| year - year % (100 * ONE));
    if let (Some(century), Some(&second)) = (century, values.first().filter(|value| **value < 100 * ONE)) {
        values.push(century + second);
    }
}

/// Returns the factor a word multiplies the number before it with.
fn scale(piece: &Piece) -> Option<Value> {
    match lexicon::number_word(piece.word()?)? {
        NumberWord::Scale(factor) => Some(Value::from(factor)),
        // «40 بالمئة» is 40 percent, not 40 hundreds.
        NumberWord::Hundred if !piece.word()?.contains("ميه") && !piece.word()?.contains("بال") => Some(100),
        _ => None,
    }
}

/// Reads a number in words and returns it with the index of the next piece.
fn in_words(pieces: &[Piece], at: usize) -> Option<(Quantity, usize)> {
    let mut sum = Sum::default();
    let mut next = at;
    while let Some(word) = pieces.get(next).and_then(Piece::word) {
        let joined = word.starts_with('و');
        let half_follows = || pieces.get(next + 1).and_then(Piece::word) == Some("half");
        if next > at && word == "a" && half_follows() {
            next += 1;
            continue;
        }
        let Some(number) = lexicon::number_word(word) else {
            let more =
                pieces.get(next + 1).and_then(Piece::word).is_some_and(|word| lexicon::number_word(word).is_some());
            if next > at && is_and(word) && more && sum.is_round() {
                next += 1;
                continue;
            }
            break;
        };
        if !sum.add(number, joined) {
            break;
        }
        next += 1;
        // twenty-five, two-dozen
        let hyphen = pieces.get(next).is_some_and(|piece| piece.is_mark('-'));
        if hyphen && (sum.is_round() || pieces.get(next + 1).is_some_and(|piece| scale(piece).is_some())) {
            next += 1;
        }
    }
    let last = next.checked_sub(1).filter(|last| *last >= at && next > at)?;
    let quantity = Quantity {
        span: pieces[at].span.start..pieces[last].span.end,
        values: sum.values(),
        scale: 1,
        digits: false,
        optional: true,
        decade: None,
        shared: Vec::new(),
    };
    Some((quantity, next))
}

/// Reads a month name or a Roman numeral as the number it stands for.
fn single(text: &str, pieces: &[Piece], at: usize, word: &str) -> Option<(Quantity, usize)> {
    let second = pieces.get(at + 1).and_then(Piece::word).unwrap_or_default();
    let span = pieces[at].span.clone();
    let (value, words) = match lexicon::month([word, second]) {
        Some(month) => (Value::from(month.number) * ONE, month.words),
        None => (lexicon::roman(&text[span.clone()])?, 1),
    };
    Some((
        Quantity {
            span,
            values: vec![value],
            scale: 1,
            digits: false,
            optional: true,
            decade: None,
            shared: Vec::new(),
        },
        at + words,
    ))
}

/// A number in words, added up as it is read; every part stays a value of its own, for a wrong grouping must not hide it.
#[derive(Default)]
struct Sum {
    total: Value,
    current: Value,
    started: bool,
    last_scale: Value,
    parts: Vec<Value>,
}

impl Sum {
    /// Takes the next word, or returns false where it begins another number.
    fn add(&mut self, word: NumberWord, joined: bool) -> bool {
        let taken = match word {
            NumberWord::Unit(unit) => self.add_unit(Value::from(unit), joined),
            NumberWord::Hundred => self.multiply_hundred(),
            NumberWord::Scale(factor) => self.multiply(Value::from(factor)),
            NumberWord::Half => self.add_half(),
        };
        self.started |= taken;
        taken
    }

    fn add_unit(&mut self, unit: Value, joined: bool) -> bool {
        let in_hundred = self.current / ONE % 100;
        let room = match (in_hundred, unit) {
            // The article of "half a million".
            (0, 1) if self.current == ONE / 2 => return true,
            (0, 0..100) => self.current > 0 || !self.started || self.total > 0,
            (0, _) => self.current == 0,
            // twenty five; خمسة وعشرون; خمسة عشر
            (20..=90, 1..=9) if in_hundred.is_multiple_of(10) => true,
            (1..=9, 20..=90) => joined,
            (1..=9, 10) => !joined,
            _ => false,
        };
        if room {
            self.current += unit * ONE;
            self.parts.push(unit * ONE);
        }
        room
    }

    fn multiply_hundred(&mut self) -> bool {
        let room = self.current < 10 * ONE;
        if room {
            self.current = self.current.max(ONE) * 100;
            self.parts.push(self.current);
        }
        room
    }

    fn multiply(&mut self, factor: Value) -> bool {
        let room = self.last_scale == 0 || factor < self.last_scale;
        if room {
            let group = if self.current == 0 { ONE } else { self.current };
            self.total = self.total.saturating_add(group.saturating_mul(factor));
            self.parts.extend([factor * ONE, group.saturating_mul(factor)]);
            (self.current, self.last_scale) = (0, factor);
        }
        room
    }

    /// Half a million; a million and a half; three and a half.
    fn add_half(&mut self) -> bool {
        let of_scale = self.current == 0 && self.last_scale > 0;
        let half = if of_scale { self.last_scale * ONE / 2 } else { ONE / 2 };
        let sum = if of_scale { &mut self.total } else { &mut self.current };
        *sum = sum.saturating_add(half);
        self.parts.push(half);
        true
    }

    /// Returns true where "and" may go on: after hundreds, a scale or a round ten.
    fn is_round(&self) -> bool {
        let in_hundred = self.current / ONE % 100;
        self.started && (in_hundred == 0 || (in_hundred >= 20 && in_hundred.is_multiple_of(10)))
    }

    fn values(mut self) -> Vec<Value> {
        self.parts.push(self.total.saturating_add(self.current));
        self.parts.sort_unstable();
        self.parts.dedup();
        self.parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::checks::scan::scan;

    fn states(text: &str, number: u128) -> bool {
        let found = read(text, &scan(text));
        let sums = found.sums.iter().any(|(_, values)| values.contains(&(number * ONE)));
        sums || found.all.iter().any(|quantity| quantity.scaled().any(|value| value == number * ONE))
    }

    #[test]
    fn numbers_in_words_are_added_up() {
        for (text, number) in [
            ("two hundred and fifty thousand", 250_000),
            ("twenty-five", 25),
            ("half a million", 500_000),
            ("a million and a half", 1_500_000),
            ("خمسة وعشرون", 25),
            ("خمسة عشر", 15),
            ("ثلاثمئة وخمسة وعشرون ألفا", 325_000),
            ("ألف وتسعمئة وثمانية وأربعين", 1948),
            ("القرن التاسع عشر", 19),
            ("نصف مليون", 500_000),
            ("مليون ونصف", 1_500_000),
        ] {
            assert!(states(text, number), "{text}");
        }
    }

    #[test]
    fn a_scale_multiplies_the_numeral_before_it() {
        for (text, number) in [
            ("3 ملايين", 3_000_000),
            ("٣٫٥ مليون", 3_500_000),
            ("3.5 million", 3_500_000),
            ("$2.3bn", 2_300_000_000),
            ("3 ملايين و500 ألف", 3_500_000),
            ("15 ألفا", 15_000),
            ("40 بالمئة", 40),
            ("40 بالمائة", 40),
        ] {
            assert!(states(text, number), "{text}");
        }
    }

    #[test]
    fn a_scale_that_differs_does_not_agree() {
        let read = |text: &str| read(text, &scan(text)).all.remove(0);
        assert!(read("3 ملايين").agrees(&read("3,000,000")));
        assert!(!read("3 ملايين").agrees(&read("3")), "a million was lost");
        assert!(!read("3 ملايين").agrees(&read("3 billion")));
    }

    #[test]
    fn a_decade_of_another_century_does_not_agree() {
        let first = |text: &str| read(text, &scan(text)).all.remove(0);
        assert!(!first("the 1880s").agrees(&first("the 1980s")));
        assert!(first("the 80s").agrees(&first("the 1980s")) && first("the 1980s").agrees(&first("in 1980")));
        assert!(first("ثمانينيات القرن").agrees(&first("the 1980s")));
    }

    #[test]
    fn a_scale_said_once_belongs_to_both_ends_of_a_range() {
        let first = |text: &str| read(text, &scan(text)).all.remove(0);
        for range in
            ["3 to 5 million", "3-5 million", "$3 or $5 million", "3, 4 and 5 million", "three to five million"]
        {
            assert!(first("3 ملايين").agrees(&first(range)), "{range}");
        }
        assert!(!first("3 ملايين").agrees(&first("3 people lost 5 million")));
    }

    #[test]
    fn clocks_decades_and_ranges_are_widened() {
        assert!(states("الساعة 14:30", 2));
        assert!(states("the 1980s", 80));
        assert!(states("1995-96", 1996));
        assert!(!states("995-96", 1996));
    }
}
