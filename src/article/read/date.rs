//! Dates as files write them -> ISO 8601.
//!
//! Separate because HTML heads, JSON fields, front matter and Word properties all need it. The invariant: a date is
//! given as it was written (no offset is applied), and one that could be read two ways is not given at all.

/// Returns `2021-02-18` or `2021-02-18T12:18` for a date written in one of the usual ways.
pub fn iso_date(text: &str) -> Option<String> {
    let tokens = tokens(text);
    if let [Token::Number(value, digits @ (10 | 13))] = tokens[..] {
        return Some(from_epoch(if digits == 13 { value / 1000 } else { value }));
    }
    let (year, month, day) = (0..tokens.len()).find_map(|at| date_at(&tokens[at..]))?;
    let valid = (1000..=2999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !valid || day > days_in(year, month) {
        return None;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    Some(match time(&tokens) {
        Some((hour, minute)) => format!("{date}T{hour:02}:{minute:02}"),
        None => date,
    })
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// Value and count of digits.
    Number(u64, usize),
    Word(String),
    Mark(char),
}
use Token::{Mark, Number, Word};

/// Cuts a text into numbers, words and marks; white space is dropped, so `2021 / 02 / 18` reads as `2021/02/18`.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    // Far longer than any date; keeps a mistaken field cheap.
    let chars: Vec<char> = text.chars().take(200).collect();
    let class = |c: char| (digit(c).is_some(), c.is_alphabetic());
    for run in chars.chunk_by(|&a, &b| class(a) == class(b) && class(a) != (false, false)) {
        match (digit(run[0]), run[0]) {
            (Some(_), _) if run.len() <= 14 => {
                let value = run.iter().filter_map(|&c| digit(c)).fold(0, |value, d| value * 10 + d);
                tokens.push(Number(value, run.len()));
            }
            (_, first) if first.is_alphabetic() => {
                tokens.push(Word(run.iter().flat_map(|c| c.to_lowercase()).collect()))
            }
            (_, first) if !first.is_whitespace() => tokens.push(Mark(first)),
            _ => {}
        }
    }
    tokens
}

fn digit(c: char) -> Option<u64> {
    let zero = match c {
        '0'..='9' => '0',
        '\u{660}'..='\u{669}' => '\u{660}',
        '\u{6f0}'..='\u{6f9}' => '\u{6f0}',
        _ => return None,
    };
    Some(u64::from(c as u32 - zero as u32))
}

fn date_at(tokens: &[Token]) -> Option<(u64, u64, u64)> {
    match *tokens {
        [Number(date, 8), ..] => Some((date / 10_000, date / 100 % 100, date % 100)),
        [Number(date, 14), ..] => date_at(&[Number(date / 1_000_000, 8)]),
        [Number(a, digits), Mark(m), Number(b, 1..=2), Mark(n), Number(c, last), ..] if m == n && "-/.".contains(m) => {
            numeric_date((a, digits), b, (c, last))
        }
        [Number(day, 1..=2), Word(ref name), Word(ref second), ref rest @ ..] if month(name).is_none() => {
            Some((year_after(rest)?, month(&format!("{name} {second}"))?, day))
        }
        [Number(day, 1..=2), Word(ref name), ref rest @ ..] => Some((year_after(rest)?, month(name)?, day)),
        [Word(ref name), Number(day, 1..=2), ref rest @ ..] => Some((year_after(rest)?, month(name)?, day)),
        _ => None,
    }
}

/// Reads `2021/02/18` and `18/02/2021`; `02/03/2021` is day first to some and month first to others, so it is no date.
fn numeric_date(a: (u64, usize), b: u64, c: (u64, usize)) -> Option<(u64, u64, u64)> {
    match (a.1, c.1) {
        (4, 1..=2) => Some((a.0, b, c.0)),
        (1..=2, 4) if a.0 > 12 || a.0 == b => Some((c.0, b, a.0)),
        (1..=2, 4) if b > 12 => Some((c.0, a.0, b)),
        _ => None,
    }
}

/// Returns the year after a month; a second name for the month (`شباط/فبراير`) and commas may stand between.
fn year_after(tokens: &[Token]) -> Option<u64> {
    tokens.iter().take(5).take_while(|token| !matches!(token, Number(_, 1..=3))).find_map(|token| match token {
        Number(year, 4) => Some(*year),
        _ => None,
    })
}

fn time(tokens: &[Token]) -> Option<(u64, u64)> {
    (0..tokens.len())
        .find_map(|at| match tokens[at..] {
            // `+02:00` is an offset, not a time.
            _ if at > 0 && tokens[at - 1] == Mark('+') => None,
            [Number(hour @ 0..=23, 1..=2), Mark(':'), Number(minute @ 0..=59, 2), ref rest @ ..] => {
                Some((half_day(hour, rest), minute))
            }
            [Number(clock, 6), ..] if at > 0 && tokens[at - 1] == Word("t".into()) => {
                Some((clock / 10_000, clock / 100 % 100))
            }
            [Number(stamp, 14), ..] => Some((stamp / 10_000 % 100, stamp / 100 % 100)),
            _ => None,
        })
        .filter(|&(hour, minute)| hour < 24 && minute < 60)
}

fn half_day(hour: u64, rest: &[Token]) -> u64 {
    let word = rest.iter().take(3).find_map(|token| match token {
        Word(word) => Some(word.as_str()),
        _ => None,
    });
    match (word, hour) {
        (Some("pm" | "م" | "مساء" | "مساءً"), 1..=11) => hour + 12,
        (Some("am" | "ص" | "صباحا" | "صباحاً"), 12) => 0,
        _ => hour,
    }
}

/// Names of the months from January on, as Arabic newspapers write them: Egypt and the Gulf, the Levant, Tunisia and
/// Algeria, Morocco.
const MONTHS: [&[&str]; 12] = [
    &["jan", "january", "يناير", "جانفي", "كانون الثاني"],
    &["feb", "february", "فبراير", "شباط", "فيفري"],
    &["mar", "march", "مارس", "آذار", "اذار"],
    &["apr", "april", "أبريل", "ابريل", "إبريل", "نيسان", "أفريل"],
    &["may", "مايو", "أيار", "ايار", "ماي"],
    &["jun", "june", "يونيو", "حزيران", "جوان"],
    &["jul", "july", "يوليو", "تموز", "جويلية", "يوليوز"],
    &["aug", "august", "أغسطس", "اغسطس", "آب", "أوت", "غشت"],
    &["sep", "sept", "september", "سبتمبر", "أيلول", "ايلول", "شتنبر"],
    &["oct", "october", "أكتوبر", "اكتوبر", "تشرين الأول"],
    &["nov", "november", "نوفمبر", "نونبر", "تشرين الثاني"],
    &["dec", "december", "ديسمبر", "دجنبر", "كانون الأول"],
];

fn month(name: &str) -> Option<u64> {
    MONTHS.iter().position(|names| names.contains(&name)).map(|index| index as u64 + 1)
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the UTC date and time of a count of seconds since 1970.
fn from_epoch(seconds: u64) -> String {
    let (mut days, time) = (seconds / 86_400, seconds % 86_400);
    let mut year = 1970;
    let year_length = |year| 337 + days_in(year, 2);
    while days >= year_length(year) {
        days -= year_length(year);
        year += 1;
    }
    let mut month = 1;
    while days >= days_in(year, month) {
        days -= days_in(year, month);
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}T{:02}:{:02}", days + 1, time / 3600, time / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_written() {
        let cases = [
            ("2021-02-18", "2021-02-18"),
            ("2021-02-18T12:18:33+02:00", "2021-02-18T12:18"),
            ("2017-03-29T00:01:20.055Z", "2017-03-29T00:01"),
            ("20210218T121833Z", "2021-02-18T12:18"),
            ("2021.02.18 | 12:18", "2021-02-18T12:18"),
            ("2021/2/8", "2021-02-08"),
            ("18/02/2021 09:05", "2021-02-18T09:05"),
            ("Thu, 18 Feb 2021 12:18:00 +0200", "2021-02-18T12:18"),
            ("February 18, 2021 3:05 PM", "2021-02-18T15:05"),
            ("الخميس ١٨ شباط/فبراير ٢٠٢١ - ٠٣:٠٥ م", "2021-02-18T15:05"),
            ("8 فيفري 2019", "2019-02-08"),
            ("3 تشرين الثاني/نوفمبر 2024", "2024-11-03"),
            ("1613650680", "2021-02-18T12:18"),
            ("1613650680000", "2021-02-18T12:18"),
            ("2024-02-29", "2024-02-29"),
        ];
        for (written, iso) in cases {
            assert_eq!(iso_date(written).as_deref(), Some(iso), "{written}");
        }
    }

    #[test]
    fn what_is_no_date_or_could_be_two_is_left_out() {
        for text in ["", "أمس", "02/03/2021", "2021", "2023-02-29", "2021-13-01", "12:18", "99999999", "القرار 2254"]
        {
            assert_eq!(iso_date(text), None, "{text}");
        }
    }
}
