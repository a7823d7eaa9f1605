//! Months of the Hijri calendar that are missing, changed or added.
//!
//! Separate from the Gregorian months because the names are spelled many ways in English and are given names too. The
//! invariant: «شعبان» or «رمضان» alone may be a person; beside a number, «شهر» or «هـ» it is a month.

use super::{
    Flag, FlagKind, Pair, Severity, flag,
    scan::{Kind, Piece, scan},
};
use crate::article::Span;

struct Mention {
    month: usize,
    span: Span,
    certain: bool,
}

/// Flags Hijri months of one side that the other does not name.
pub(super) fn check(pair: &Pair) -> Option<Flag> {
    let (arabic, english) = (mentions(&scan(pair.source)), mentions(&scan(pair.target)));
    let alone = |ours: &[Mention], theirs: &[Mention]| {
        ours.iter().find(|m| m.certain && !theirs.iter().any(|t| t.month == m.month)).map(|m| (m.month, m.span.clone()))
    };
    let (message, evidence) = match (alone(&arabic, &english), alone(&english, &arabic)) {
        (Some((month, span)), theirs) => {
            let arabic = pair.source[span].to_owned();
            let other = theirs.map(|(_, span)| pair.target[span].to_owned());
            let has = other.as_ref().map_or("English does not".to_owned(), |other| format!("English has {other}"));
            let message = format!("Arabic has {arabic} ({}), {has}: check the date", NAMES[month].2);
            (message, [Some(arabic), other].into_iter().flatten().collect())
        }
        (None, Some((month, span))) if arabic.iter().any(|mention| mention.month != month) => {
            let english = pair.target[span].to_owned();
            (format!("English has {english}, Arabic does not: check the date"), vec![english])
        }
        _ => return None,
    };
    Some(flag(FlagKind::Date, Severity::Critical, message, evidence))
}

fn mentions(pieces: &[Piece]) -> Vec<Mention> {
    let word = |index: usize| pieces.get(index).and_then(Piece::word).unwrap_or_default();
    let numeral = |index: Option<usize>| {
        index.and_then(|at| pieces.get(at)).is_some_and(|piece| matches!(piece.kind, Kind::Numeral(_)))
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let (month, length) = match month(word(at), [word(at + 1), word(at + 2), word(at + 3), word(at + 4)]) {
            Some(found) => found,
            None => {
                at += 1;
                continue;
            }
        };
        let end = at + length;
        let before = at.checked_sub(1);
        let certain = numeral(before)
            || numeral(Some(end))
            || before.is_some_and(|before| matches!(word(before), "شهر" | "بشهر" | "لشهر" | "of" | "month"))
            || word(end) == "ه"
            || length > 1;
        found.push(Mention { month, span: pieces[at].span.start..pieces[end - 1].span.end, certain });
        at = end;
    }
    found
}

/// Returns the month that begins at a word, and the count of its words.
fn month(first: &str, after: [&str; 4]) -> Option<(usize, usize)> {
    let second = after[0];
    let bare = first.strip_prefix(['و', 'ب', 'ل']).unwrap_or(first);
    let arabic = NAMES.iter().position(|(name, ..)| match name.split_once(' ') {
        None => bare == *name || first == *name,
        Some((a, b)) => {
            let same = bare == a || (a == "ذو" && matches!(bare, "ذي" | "ذا")) || first == a;
            same && (second == b || OTHER_SECONDS.contains(&(b, second)))
        }
    });
    if let Some(month) = arabic {
        return Some((month, NAMES[month].0.split(' ').count()));
    }
    let one = NAMES.iter().position(|(_, english, _)| english.contains(&first));
    let joined = |(place, with): (usize, &&str)| {
        let found = SPLIT.iter().find(|(a, b, _)| first.starts_with(a) && with.starts_with(b));
        found.map(|(_, _, month)| (*month, place + 2))
    };
    // "Dhu al-Hijjah": the article and its hyphen stand between.
    let two = after.iter().enumerate().find_map(joined);
    // The apostrophe of "Sha'ban" parts it.
    let parted = (first == "sha" && after[..2] == ["", "ban"]).then_some((SHABAN, 3));
    one.map(|month| (month, 1)).or(two).or(parted)
}

/// Another word for the second part of a name.
const OTHER_SECONDS: [(&str, &str); 4] =
    [("الثاني", "الاخر"), ("الاولي", "الاول"), ("الاخره", "الثانيه"), ("الاخره", "الاخر")];

/// Folded Arabic name, English spellings of one word, the name to show.
const NAMES: [(&str, &[&str], &str); 12] = [
    ("محرم", &["muharram"], "Muharram"),
    ("صفر", &["safar"], "Safar"),
    ("ربيع الاول", &[], "Rabi al-Awwal"),
    ("ربيع الثاني", &[], "Rabi al-Thani"),
    ("جمادي الاولي", &[], "Jumada al-Ula"),
    ("جمادي الاخره", &[], "Jumada al-Akhira"),
    ("رجب", &["rajab"], "Rajab"),
    ("شعبان", &["shaban", "shaaban"], "Shaban"),
    ("رمضان", &["ramadan", "ramadhan", "ramazan"], "Ramadan"),
    ("شوال", &["shawwal", "shawal"], "Shawwal"),
    ("ذو القعده", &[], "Dhu al-Qadah"),
    ("ذو الحجه", &[], "Dhu al-Hijjah"),
];

/// Place of Shaban among the months.
const SHABAN: usize = 7;

/// English names of two words or more: how the first and the last begin.
const SPLIT: [(&str, &str, usize); 25] = [
    ("rabi", "awwal", 2),
    ("rabi", "awal", 2),
    ("rabi", "thani", 3),
    ("rabi", "akhir", 3),
    ("rabee", "awwal", 2),
    ("rabee", "thani", 3),
    ("rabee", "akhir", 3),
    ("jumad", "ula", 4),
    ("jumad", "oula", 4),
    ("jumad", "awwal", 4),
    ("jumad", "akhir", 5),
    ("jumad", "thani", 5),
    ("jumad", "sani", 5),
    ("dhu", "qi", 10),
    ("dhul", "qi", 10),
    ("zul", "qi", 10),
    ("thul", "qi", 10),
    ("thul", "qa", 10),
    ("dhu", "qa", 10),
    ("dhul", "qa", 10),
    ("zul", "qa", 10),
    ("dhu", "hijja", 11),
    ("dhul", "hijja", 11),
    ("zul", "hijja", 11),
    ("thul", "hijja", 11),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn message(source: &str, target: &str) -> Option<String> {
        check(&Pair { source, target, ..Pair::default() }).map(|flag| flag.message)
    }

    #[test]
    fn a_changed_month_names_both() {
        let expected = "Arabic has رجب (Rajab), English has Ramadan: check the date";
        assert_eq!(message("في 10 رجب 1442 هـ", "on 10 Ramadan 1442 AH").as_deref(), Some(expected));
        assert!(message("في ربيع الأول", "in the spring").is_some());
    }

    #[test]
    fn spellings_of_one_month_agree() {
        for (source, target) in [
            ("في 5 ذي الحجة 1442", "on 5 Dhu al-Hijjah 1442"),
            ("في 5 جمادى الآخرة", "on 5 Jumada al-Thani"),
            ("شهر رمضان", "the month of Ramadhan"),
            ("في 5 ذي القعدة 1442", "on 5 Dhu al-Qi'dah 1442"),
            ("في 5 ربيع الأول 1442", "on 5 Rabi' al-awwal 1442"),
            ("في 17 شعبان", "on Sha'ban 17"),
            ("10 محرم", "10 Muharram"),
        ] {
            assert_eq!(message(source, target), None, "{source} | {target}");
        }
    }

    #[test]
    fn a_person_is_no_month() {
        assert_eq!(message("قال رمضان إن الوقت تأخر", "He said that it was late"), None);
    }
}
