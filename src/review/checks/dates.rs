//! Months and days of the week that are missing, changed or added. The numbers of a date are the number check's.
//!
//! Separate because names are compared by meaning: «كانون الثاني», «يناير» and January are one month. The invariant:
//! a name that is also a common word («مارس» practised, "may") is flagged only beside a number, yet always accepted.

use super::{
    Flag, FlagKind, Pair, Severity, flag, lexicon,
    scan::{Kind, ONE, Piece, scan},
};
use crate::article::Span;

/// A month or a day as a text names it.
struct Mention {
    number: u8,
    span: Span,
    /// Certainly meant as a date.
    certain: bool,
}

/// Flags months and days of the week of one side that the other does not name.
pub(super) fn check(pair: &Pair) -> Vec<Flag> {
    let (source, target) = (scan(pair.source), scan(pair.target));
    let named = with_numeric(months(pair.target, &target), &target);
    let months = compare(pair, &months(pair.source, &source), &named, lexicon::month_name);
    let days = compare(pair, &weekdays(pair.source, &source), &weekdays(pair.target, &target), weekday_name);
    months.into_iter().chain(days).collect()
}

/// Returns the flags for one kind of name.
fn compare(pair: &Pair, source: &[Mention], target: &[Mention], name: fn(u8) -> String) -> Vec<Flag> {
    let missing = alone(source, target);
    let added = alone(target, source);
    let arabic = |mention: &Mention| format!("{} ({})", &pair.source[mention.span.clone()], name(mention.number));
    let evidence = |text: &str, mention: &Mention| text[mention.span.clone()].to_owned();
    let mut flags = Vec::new();
    for (index, mention) in missing.iter().enumerate() {
        let mut found = vec![evidence(pair.source, mention)];
        let (severity, message) = match added.get(index) {
            Some(theirs) => {
                found.push(evidence(pair.target, theirs));
                let english = name(theirs.number);
                (Severity::Critical, format!("Arabic has {}, English has {english}: check the date", arabic(mention)))
            }
            None => (Severity::Major, format!("Arabic has {}, English does not: check the date", arabic(mention))),
        };
        flags.push(flag(FlagKind::Date, severity, message, found));
    }
    for mention in added.iter().skip(missing.len()) {
        let message = format!("English has {}, Arabic does not: check the date", name(mention.number));
        flags.push(flag(FlagKind::Date, Severity::Major, message, vec![evidence(pair.target, mention)]));
    }
    flags
}

/// Returns the certain mentions, each number once, that the other side lacks.
fn alone<'a>(side: &'a [Mention], other: &[Mention]) -> Vec<&'a Mention> {
    let mut found: Vec<&Mention> = Vec::new();
    for mention in side.iter().filter(|mention| mention.certain) {
        let known = found.iter().any(|earlier| earlier.number == mention.number);
        if !known && !other.iter().any(|theirs| theirs.number == mention.number) {
            found.push(mention);
        }
    }
    found
}

fn months(text: &str, pieces: &[Piece]) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let word = |index: usize| pieces.get(index).and_then(Piece::word);
        let month = word(at).and_then(|first| lexicon::month([first, word(at + 1).unwrap_or_default()]));
        let capital = starts_with_capital(text, &pieces[at]);
        let Some(month) = month.filter(|_| capital || word(at).is_some_and(|word| !word.is_ascii())) else {
            at += 1;
            continue;
        };
        let end = at + month.words;
        let near_number =
            is_number(pieces.get(end)) || at.checked_sub(1).is_some_and(|before| is_number(pieces.get(before)));
        let after_comma = pieces.get(end).is_some_and(|piece| piece.is_mark(',')) && is_number(pieces.get(end + 1));
        let named = at.checked_sub(1).and_then(word).is_some_and(|word| BEFORE_MONTHS.contains(&word));
        // English months are given names too (April, June): beside a number they are dates.
        let sure_name = !month.common_word && word(at).is_some_and(|word| !word.is_ascii());
        found.push(Mention {
            number: month.number,
            span: pieces[at].span.start..pieces[end - 1].span.end,
            certain: sure_name || near_number || after_comma || named,
        });
        at = end;
    }
    found
}

/// Folded words that a month follows: month of, in, end of, since.
const BEFORE_MONTHS: [&str; 14] =
    ["شهر", "بشهر", "لشهر", "في", "اواخر", "اوائل", "مطلع", "نهايه", "منتصف", "بدايه", "خلال", "منذ", "حتي", "اواسط"];

fn is_number(piece: Option<&Piece>) -> bool {
    piece.is_some_and(|piece| matches!(piece.kind, Kind::Numeral(_)))
}

/// Adds the months that a date in digits (2/18/2021, 2021-02-18, 9/11) may mean; they only confirm.
fn with_numeric(mut mentions: Vec<Mention>, pieces: &[Piece]) -> Vec<Mention> {
    for window in pieces.windows(3) {
        let [a, mark, b] = window else { continue };
        if !matches!(mark.kind, Kind::Mark('/' | '-' | '.')) {
            continue;
        }
        for piece in [a, b] {
            let number = match &piece.kind {
                Kind::Numeral(values) => values.first().and_then(|value| u8::try_from(value / ONE).ok()),
                _ => None,
            };
            mentions.extend(number.map(|number| Mention { number, span: piece.span.clone(), certain: false }));
        }
    }
    mentions
}

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const ARABIC_WEEKDAYS: [&str; 7] = ["الاثنين", "الثلاثاء", "الاربعاء", "الخميس", "الجمعه", "السبت", "الاحد"];

/// Returns the days of the week; «الاثنين» and «الأحد» (the two, the one) are certain only after «يوم» and the like.
fn weekdays(text: &str, pieces: &[Piece]) -> Vec<Mention> {
    let number = |piece: &Piece| {
        let word = piece.word()?;
        let english = || WEEKDAYS.iter().position(|day| *day == word).filter(|_| starts_with_capital(text, piece));
        let arabic = || ARABIC_WEEKDAYS.iter().position(|day| bare_day(word) == *day);
        if word.is_ascii() { english() } else { arabic() }.map(|at| at as u8 + 1)
    };
    let day_before = |index: usize| {
        let before = index.checked_sub(1).and_then(|before| pieces[before].word()).unwrap_or_default();
        matches!(before, "يوم" | "ليله" | "مساء" | "صباح" | "ظهر" | "فجر" | "امس" | "اليوم")
    };
    let mention = |(index, piece): (usize, &Piece)| {
        let number = number(piece)?;
        let ambiguous = piece.word().is_some_and(|word| !word.is_ascii()) && matches!(number, 1 | 5 | 7);
        Some(Mention { number, span: piece.span.clone(), certain: !ambiguous || day_before(index) })
    };
    pieces.iter().enumerate().filter_map(mention).collect()
}

fn starts_with_capital(text: &str, piece: &Piece) -> bool {
    text[piece.span.clone()].starts_with(char::is_uppercase)
}

/// Returns the word without a joined «و»; the other spelling of Monday, «الإثنين», is folded already.
fn bare_day(word: &str) -> &str {
    word.strip_prefix('و').unwrap_or(word)
}

fn weekday_name(number: u8) -> String {
    let name = WEEKDAYS[usize::from(number.clamp(1, 7)) - 1];
    name[..1].to_uppercase() + &name[1..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(source: &str, target: &str) -> Vec<String> {
        check(&Pair { source, target, ..Pair::default() }).into_iter().map(|flag| flag.message).collect()
    }

    #[test]
    fn a_changed_month_names_both() {
        let expected = "Arabic has شباط (February), English has January: check the date";
        assert_eq!(messages("في 18 شباط", "on 18 January"), [expected]);
    }

    #[test]
    fn both_sets_of_names_are_one_month() {
        assert!(messages("في 3 كانون الثاني 2021", "on January 3, 2021").is_empty());
        assert!(messages("في 3 يناير", "on Jan. 3").is_empty());
        assert!(messages("هجمات 11 أيلول", "the 9/11 attacks").is_empty());
    }

    #[test]
    fn a_common_word_is_no_month() {
        assert!(messages("مارس الرياضة", "He did sports").is_empty());
        assert!(messages("قال الأب", "The father said").is_empty());
        assert!(messages("قد يحدث", "It may happen in March").is_empty());
        assert_eq!(messages("في 5 آب", "on the 5th").len(), 1);
        assert_eq!(messages("أقسم في أواخر آب", "he vowed in late January").len(), 1);
    }

    #[test]
    fn a_changed_day_of_the_week_is_seen() {
        let expected = "Arabic has الخميس (Thursday), English has Tuesday: check the date";
        assert_eq!(messages("وصل الوفد الخميس", "The delegation arrived on Tuesday"), [expected]);
        assert!(messages("أحد الرجال", "one of the men").is_empty());
        assert!(messages("يوم الأحد", "on Sunday").is_empty());
    }
}
