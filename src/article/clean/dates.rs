//! Dates of publication as pages write them, into ISO 8601.
//!
//! Separate because dates come in many orders, two sets of month names and three sets of digits. The invariant: a line is
//! a date line only if every word of it is known to belong to one, and its date exists in the calendar.

use super::places;
use crate::article::{arabic, normalize::fold};

/// What a date line says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DateLine {
    /// `2021-02-18` or `2021-02-18T12:18`.
    pub iso: String,
    /// A place named beside the date, where it does not tell the time zone.
    pub place: Option<String>,
    /// An agency named beside the date.
    pub agency: Option<String>,
}

/// Words that stand beside a date and say nothing else, folded.
const FILLERS: &[&str] = &[
    "نشر",
    "نشرت",
    "النشر",
    "تاريخ",
    "بتاريخ",
    "في",
    "يوم",
    "الساعه",
    "تم",
    "اخر",
    "تحديث",
    "التحديث",
    "حدث",
    "محدث",
    "الموافق",
    "بتوقيت",
    "توقيت",
    "غرينتش",
    "جرينتش",
    "مكه",
    "المكرمه",
    "القدس",
    "المحلي",
    "التوقيت",
    "gmt",
    "utc",
    "تغ",
    "ه",
    "عام",
    "سنه",
    "لسنه",
    "من",
    "published",
    "updated",
    "posted",
    "on",
    "at",
    "last",
    "update",
    "date",
    "of",
    "شهر",
    "اضيف",
    "كتب",
];

/// Words that open a Hijri month's name.
const HIJRI: &[&str] = &["محرم", "صفر", "ربيع", "جمادي", "رجب", "شعبان", "رمضان", "شوال", "ذو", "ذي"];

/// Returns what a date line says, or `None` where the line is anything else.
pub fn parse(line: &str) -> Option<DateLine> {
    let mut reading = Reading::default();
    let words = words(line);
    let mut at = 0;
    while at < words.len() {
        at += reading.take(&words[at..])?;
    }
    reading.finish()
}

/// Returns `12:18` for a line that is a time of day and nothing else.
pub fn parse_time(line: &str) -> Option<String> {
    let mut reading = Reading::default();
    let words = words(line);
    let mut at = 0;
    while at < words.len() {
        at += reading.take(&words[at..])?;
    }
    let bare = reading.day.is_none() && reading.month.is_none() && reading.year.is_none() && reading.place.is_none();
    reading.time().filter(|_| bare)
}

/// A word of the line as it stands and as it is matched.
struct Word<'a> {
    source: &'a str,
    folded: String,
}

fn words(line: &str) -> Vec<Word<'_>> {
    let separators = |c: char| {
        c.is_whitespace() || matches!(c, '|' | '،' | ',' | '(' | ')' | '[' | ']' | '–' | '—' | '•' | '·' | '؛')
    };
    let mut words = Vec::new();
    for piece in line.split(separators) {
        // `شباط/فبراير` is two words, `18/2/2021` is one; `2021-02-18T12:18` is a date and a time.
        let numeric = fold(piece).starts_with(|c: char| c.is_ascii_digit());
        let parts: Vec<&str> =
            if numeric { piece.split('T').collect() } else { piece.split(['/', '-', ':', '\\']).collect() };
        for part in parts {
            let folded = fold(part).trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
            if !folded.is_empty() {
                words.push(Word { source: part.trim_matches(|c: char| !c.is_alphanumeric()), folded });
            }
        }
    }
    words
}

#[derive(Default)]
struct Reading {
    day: Option<u32>,
    month: Option<u32>,
    year: Option<u32>,
    clock: Option<(u32, u32)>,
    afternoon: Option<bool>,
    place: Option<String>,
    agency: Option<String>,
}

impl Reading {
    /// Takes in the next word or words; returns how many, or `None` where they do not belong in a date line.
    fn take(&mut self, words: &[Word]) -> Option<usize> {
        let word = words[0].folded.as_str();
        let next = words.get(1).map_or("", |word| word.folded.as_str());
        if let Some(month) = arabic::month_pair(word, next) {
            return self.set_month(month).map(|()| 2);
        }
        if let Some(month) = arabic::month(word) {
            return self.set_month(month).map(|()| 1);
        }
        if let Some(length) = hijri(words) {
            return Some(length);
        }
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return self.take_number(word).map(|()| 1);
        }
        if let Some(afternoon) = half_of_day(word) {
            self.afternoon = self.clock.and(Some(afternoon)).or(self.afternoon);
            return Some(1);
        }
        if arabic::is_weekday(word) || FILLERS.contains(&word) {
            return Some(1);
        }
        self.take_name(words)
    }

    fn set_month(&mut self, month: u8) -> Option<()> {
        let month = u32::from(month);
        let same = *self.month.get_or_insert(month) == month;
        same.then_some(())
    }

    fn take_number(&mut self, word: &str) -> Option<()> {
        if let Some(date) = numeric_date(word) {
            // A second date on the line is that of an update: the first stands.
            if self.year.is_none() {
                (self.year, self.month, self.day) = (Some(date.0), Some(date.1), Some(date.2));
            }
            return Some(());
        }
        if word.contains(':') {
            let end = word.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(word.len());
            let (time, suffix) = word.split_at(end);
            self.clock.get_or_insert(clock(time)?);
            self.afternoon = self.afternoon.or(half_of_day(suffix));
            let known = suffix.is_empty() || suffix.starts_with(['z', '+', '-', '.']) || half_of_day(suffix).is_some();
            return known.then_some(());
        }
        let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
        let number: u32 = digits.parse().ok()?;
        match digits.len() {
            1 | 2 if self.day.is_none() && (1..=31).contains(&number) => self.day = Some(number),
            4 if self.year.is_none() && (1900..2100).contains(&number) => self.year = Some(number),
            4 if self.year == Some(number) => {}
            _ => return None,
        }
        Some(())
    }

    fn take_name(&mut self, words: &[Word]) -> Option<usize> {
        for length in (1..=words.len().min(3)).rev() {
            let joined = words[..length].iter().map(|word| word.source).collect::<Vec<_>>().join(" ");
            if places::is_place(&joined) {
                // After a time of day a city tells the time zone.
                if self.clock.is_none() {
                    self.place.get_or_insert(joined);
                }
                return Some(length);
            }
            if places::is_agency(&joined) {
                self.agency.get_or_insert(joined);
                return Some(length);
            }
        }
        None
    }

    fn time(&self) -> Option<String> {
        let (hour, minute) = self.clock?;
        let hour = match self.afternoon {
            Some(true) if hour < 12 => hour + 12,
            Some(false) if hour == 12 => 0,
            _ => hour,
        };
        Some(format!("{hour:02}:{minute:02}"))
    }

    fn finish(self) -> Option<DateLine> {
        let (year, month, day) = (self.year?, self.month?, self.day?);
        if !exists(year, month, day) {
            return None;
        }
        let date = format!("{year:04}-{month:02}-{day:02}");
        let iso = self.time().map_or_else(|| date.clone(), |time| format!("{date}T{time}"));
        Some(DateLine { iso, place: self.place, agency: self.agency })
    }
}

/// Returns the count of words of a Hijri date, which a Gregorian one may stand beside.
fn hijri(words: &[Word]) -> Option<usize> {
    let numbered = words[0].folded.chars().all(|c| c.is_ascii_digit());
    let name = usize::from(numbered);
    let opens = words.get(name).is_some_and(|word| HIJRI.contains(&word.folded.as_str()));
    if !opens {
        return None;
    }
    let rest = words[name..].iter().take_while(|word| arabic::is_hijri_month_word(&word.folded)).count();
    let is_year =
        |word: &Word| word.folded.chars().take_while(char::is_ascii_digit).count() == 4 && word.folded.starts_with("1");
    let year = usize::from(words.get(name + rest).is_some_and(is_year));
    Some(name + rest + year)
}

/// Returns year, month and day of `2021.02.18`, `18/2/2021` and their like; a day before a month unless it cannot be.
fn numeric_date(word: &str) -> Option<(u32, u32, u32)> {
    let parts: Vec<&str> = word.split(['.', '/', '-']).collect();
    let [first, second, third] = parts.as_slice() else { return None };
    let number = |part: &str| part.parse::<u32>().ok();
    let (first_number, second_number, third_number) = (number(first)?, number(second)?, number(third)?);
    let (year, month, day) = match (first.len(), third.len()) {
        (4, 1 | 2) => (first_number, second_number, third_number),
        (1 | 2, 4) if second_number > 12 => (third_number, first_number, second_number),
        (1 | 2, 4) => (third_number, second_number, first_number),
        _ => return None,
    };
    (exists(year, month, day) && (1900..2100).contains(&year)).then_some((year, month, day))
}

fn clock(time: &str) -> Option<(u32, u32)> {
    let mut parts = time.trim_end_matches(':').split(':').map(|part| part.parse::<u32>().ok());
    let (hour, minute) = (parts.next()??, parts.next()??);
    (hour < 24 && minute < 60 && parts.all(|second| second.is_some_and(|s| s < 60))).then_some((hour, minute))
}

/// Returns true for words that put a time after noon, false for those that put it before.
fn half_of_day(word: &str) -> Option<bool> {
    match word {
        "ص" | "صباحا" | "am" | "فجرا" => Some(false),
        "م" | "مساء" | "pm" | "ظهرا" | "عصرا" | "ليلا" => Some(true),
        _ => None,
    }
}

fn exists(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(line: &str) -> Option<String> {
        parse(line).map(|found| found.iso)
    }

    #[test]
    fn dates_of_many_forms_are_read() {
        for line in [
            "18 فبراير 2021",
            "الخميس 18/2/2021",
            "2021-02-18",
            "نشر في: 18 شباط/فبراير 2021",
            "الخميس، ١٨ فبراير ٢٠٢١",
            "18.02.2021",
            "18 شباط (فبراير) 2021 م",
            "February 18, 2021",
            "الخميس 6 رجب 1442 هـ الموافق 18 فبراير 2021 م",
            "آخر تحديث: 2/18/2021",
        ] {
            assert_eq!(iso(line).as_deref(), Some("2021-02-18"), "{line}");
        }
    }

    #[test]
    fn times_are_read_with_their_half_of_the_day() {
        for line in [
            "2021.02.18 | 12:18 دمشق",
            "18 شباط/فبراير 2021 - 12:18",
            "2021-02-18T12:18:00+03:00",
            "الخميس 18 فبراير 2021 الساعة 12:18 بتوقيت غرينتش",
        ] {
            assert_eq!(iso(line).as_deref(), Some("2021-02-18T12:18"), "{line}");
        }
        assert_eq!(iso("18/2/2021 09:05 م").as_deref(), Some("2021-02-18T21:05"));
        assert_eq!(iso("18/2/2021 09:05م").as_deref(), Some("2021-02-18T21:05"));
        assert_eq!(iso("18/2/2021 12:05 ص").as_deref(), Some("2021-02-18T00:05"));
        assert_eq!(parse_time("09:05 مساءً").as_deref(), Some("21:05"));
    }

    #[test]
    fn months_named_in_two_words_are_read() {
        assert_eq!(iso("3 تشرين الأول 2020").as_deref(), Some("2020-10-03"));
        assert_eq!(iso("31 كانون الثاني/يناير 2020").as_deref(), Some("2020-01-31"));
    }

    #[test]
    fn a_city_after_a_time_is_its_zone_and_before_one_a_place() {
        assert_eq!(parse("2021.02.18 | 12:18 دمشق").unwrap().place, None);
        assert_eq!(parse("دمشق - 18 شباط 2021").unwrap().place.as_deref(), Some("دمشق"));
    }

    #[test]
    fn what_is_not_wholly_a_date_is_left_alone() {
        for line in [
            "قتل خمسة في 18 فبراير 2021",
            "18 فبراير",
            "6 رجب 1442 هـ",
            "31 فبراير 2021",
            "التاريخ: 4 نيسان 2017",
            "2254",
            "",
        ] {
            assert_eq!(iso(line), None, "{line}");
        }
    }
}
