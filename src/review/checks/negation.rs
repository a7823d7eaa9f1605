//! Negation that was lost or added: «لم يقتل» must not become "he killed".
//!
//! Separate because it is a comparison of two closed word classes. The invariant: only a plain negation («لا، لم، لن،
//! ليس»; not, no, never) is ever flagged, and anything that denies, excludes or lacks on the other side confirms it.

use super::{
    Flag, FlagKind, Pair, Severity, flag,
    scan::{Kind, Piece, scan},
};

/// How the words of one side deny.
#[derive(Debug, Default)]
struct Denials {
    /// Plain negations, as they stand in the text.
    plain: Vec<String>,
    /// Count of words that deny, exclude or lack; each stands for one of the other side first.
    other: usize,
    /// Count of turns that may be a negation in the other language or not: "no longer", «لا ... إلا».
    either: usize,
}

impl Denials {
    /// Returns true where there are more plain negations than the other side has anything for.
    fn exceeds(&self, theirs: &Denials) -> bool {
        self.plain.len() > theirs.plain.len() + theirs.either + theirs.other.saturating_sub(self.other)
    }

    fn is_silent(&self) -> bool {
        self.plain.is_empty() && self.other + self.either == 0
    }
}

/// Flags plain negations that the other side has nothing for.
pub(super) fn check(pair: &Pair) -> Option<Flag> {
    let arabic = in_arabic(pair.source, &scan(pair.source));
    let english = in_english(pair.target, &scan(pair.target));
    // Where the other side denies nothing at all the sense is most likely turned round.
    let severity = |other: &Denials| if other.is_silent() { Severity::Critical } else { Severity::Major };
    if arabic.exceeds(&english) {
        let message = format!("Arabic negates ({}), English does not: check the meaning", arabic.plain.join("، "));
        return Some(flag(FlagKind::Negation, severity(&english), message, arabic.plain));
    }
    english.exceeds(&arabic).then(|| {
        let message = format!("English negates ({}), Arabic does not: check the meaning", english.plain.join(", "));
        flag(FlagKind::Negation, severity(&arabic), message, english.plain)
    })
}

fn in_arabic(text: &str, pieces: &[Piece]) -> Denials {
    let words: Vec<(&str, &Piece)> = pieces.iter().filter_map(|piece| Some((piece.word()?, piece))).collect();
    let mut denials = Denials::default();
    for (index, (word, piece)) in words.iter().enumerate() {
        let bare = word.strip_prefix(['و', 'ف']).filter(|rest| rest.chars().count() > 1).unwrap_or(word);
        let next = words.get(index + 1).map_or("", |(word, _)| word);
        let is = |list: &[&str]| list.contains(word) || list.contains(&bare);
        let before = index.checked_sub(1).map_or("", |before| words[before].0);
        let written = &text[piece.span.clone()];
        if is(&["لا"]) && (is_idiom(next) || matches!(before, "ام" | "او"))
            || is(&["لم", "لن"]) && next.starts_with("يزل")
        {
            denials.either += 1;
        } else if is(&["لم"]) && next.starts_with("شمل") || before.starts_with("السيد") {
            // «لم شمل» reunites; after Mr it is a name (Fleiss).
        } else if THAT_NOT.contains(&written) {
            denials.plain.push(written.to_owned());
        } else if is(&["الا", "سوي"]) {
            // «لا ... إلا» says only; «إلا أن» says but.
            let only = !next.starts_with("ان") && denials.plain.pop().is_some();
            denials.either += usize::from(only);
        } else if is(&PLAIN_ARABIC) {
            denials.plain.push(written.to_owned());
        } else if is(&OTHER_ARABIC) || DENYING_STEMS.iter().any(|stem| is_form_of(word, stem)) {
            denials.other += 1;
        }
    }
    denials
}

/// Returns true for a word that holds the stem behind no more than a prefix.
fn is_form_of(word: &str, stem: &str) -> bool {
    word.find(stem).is_some_and(|at| word[..at].chars().count() <= 2)
}

/// After «لا»: especially, still, must, doubtless.
fn is_idiom(next: &str) -> bool {
    ["سيما", "بد", "شك", "ريب", "محاله", "باس"].contains(&next)
        || ["يزال", "تزال", "يزالون", "زال", "زالت", "نزال", "ازال"].contains(&next)
}

const PLAIN_ARABIC: [&str; 10] = ["لا", "لم", "لن", "ليس", "ليست", "ليسوا", "لست", "لسنا", "ليسا", "لسن"];

/// That not, lest: as written, for folding makes «ألا» one with «إلا», except.
const THAT_NOT: [&str; 5] = ["ألا", "وألا", "بألا", "لئلا", "كيلا"];

const OTHER_ARABIC: [&str; 18] = [
    "غير",
    "بغير",
    "لغير",
    "دون",
    "بدون",
    "عدم",
    "بعدم",
    "لعدم",
    "وبعدم",
    "بلا",
    "كلا",
    "قلما",
    "نادرا",
    "انعدام",
    "لولا",
    "بالكاد",
    "فقط",
    "غياب",
];

/// Stems that deny: fail, refuse, prevent, forbid, lack, deny, impossible, abstain, rare, avoid, rule out, unknown; and «وحيد»,
/// which English says as "only".
const DENYING_STEMS: [&str; 21] = [
    "فشل",
    "رفض",
    "منع",
    "حظر",
    "فتقر",
    "نفي",
    "نكر",
    "مستحيل",
    "ستحيل",
    "متنع",
    "امتناع",
    "نادر",
    "تجنب",
    "عجز",
    "ستبعد",
    "مجهول",
    "تعذر",
    "انعدم",
    "يخلو",
    "خاليه",
    "وحيد",
];

fn in_english(text: &str, pieces: &[Piece]) -> Denials {
    let mut denials = Denials::default();
    for (index, piece) in pieces.iter().enumerate() {
        let Some(word) = piece.word() else { continue };
        let next = |offset: usize| pieces.get(index + offset).and_then(Piece::word).unwrap_or_default();
        let apostrophe = pieces.get(index + 1).is_some_and(|mark| mark.is_mark('\'') || mark.is_mark('’'));
        if apostrophe && next(2) == "t" && word.ends_with('n') {
            denials.plain.push(text[piece.span.start..pieces[index + 2].span.end].to_owned());
        } else if word == "not" && ["only", "just", "merely", "least"].contains(&next(1))
            || word == "no" && ["doubt", "longer", "matter"].contains(&next(1))
        {
            denials.either += 1;
        } else if word == "la" {
            // «لا» may spell the article of a name: La Bomba.
            denials.either += 1;
        } else if matches!((word, next(1)), ("rather", "than") | ("yet", "to") | ("instead", _)) {
            denials.other += 1;
        } else if word == "no" && is_ordinal(pieces, index) {
        } else if PLAIN_ENGLISH.contains(&word) {
            denials.plain.push(text[piece.span.clone()].to_owned());
        } else if OTHER_ENGLISH.contains(&word) || has_denying_affix(word) {
            denials.other += 1;
        }
    }
    denials
}

/// "No. 11" is a number.
fn is_ordinal(pieces: &[Piece], index: usize) -> bool {
    let after = |offset: usize| pieces.get(index + offset);
    let numeral = |piece: Option<&Piece>| piece.is_some_and(|piece| matches!(piece.kind, Kind::Numeral(_)));
    numeral(after(1)) || (after(1).is_some_and(|mark| mark.is_mark('.')) && numeral(after(2)))
}

/// Un-, in-, dis-, non- and -less make the English of «غير» and «لا», as far as the words are listed or certain.
fn has_denying_affix(word: &str) -> bool {
    let listed = DENYING_PREFIXED.iter().any(|stem| word.starts_with(stem));
    let un = word.starts_with("un") && word.len() > 5 && !NO_PREFIX.iter().any(|stem| word.starts_with(stem));
    let less = word.ends_with("less") && !matches!(word, "less" | "unless" | "bless" | "nevertheless" | "nonetheless");
    // Impenetrable, irreplaceable, inexpressible.
    let able = ["able", "ible", "ably", "ibly"].iter().any(|ending| word.ends_with(ending));
    let not_able = able && word.len() > 8 && ["im", "in", "ir", "il"].iter().any(|prefix| word.starts_with(prefix));
    listed || un || less || not_able
}

const PLAIN_ENGLISH: [&str; 10] =
    ["not", "no", "never", "none", "nobody", "nothing", "cannot", "nowhere", "neither", "nor"];

const OTHER_ENGLISH: [&str; 47] = [
    "without",
    "unable",
    "lack",
    "lacks",
    "lacked",
    "lacking",
    "fail",
    "fails",
    "failed",
    "failing",
    "failure",
    "refuse",
    "refused",
    "refuses",
    "refusing",
    "deny",
    "denied",
    "denies",
    "denying",
    "absence",
    "absent",
    "unless",
    "hardly",
    "barely",
    "rarely",
    "seldom",
    "scarcely",
    "ban",
    "banned",
    "prohibit",
    "prohibited",
    "prohibits",
    "avoid",
    "avoids",
    "avoided",
    "avoiding",
    "prevent",
    "prevents",
    "prevented",
    "reject",
    "rejected",
    "non",
    "only",
    "except",
    "free",
    "difficult",
    "indomitable",
];

const DENYING_PREFIXED: [&str; 26] = [
    "impossib",
    "illegal",
    "illicit",
    "irregul",
    "irrespons",
    "irrelev",
    "invisib",
    "inabil",
    "incapab",
    "informal",
    "indirect",
    "independ",
    "incorrect",
    "inaccur",
    "inadequ",
    "insuffic",
    "inconsist",
    "incomplet",
    "ineffect",
    "infinit",
    "indefin",
    "dislik",
    "disagree",
    "disapp",
    "nonex",
    "imperfect",
];

/// Words that begin with un- and deny nothing.
const NO_PREFIX: [&str; 16] = [
    "under", "unit", "univers", "union", "unite", "unif", "unique", "unison", "until", "unanim", "unilat", "unic",
    "unto", "uncle", "undul", "unesco",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn severity(source: &str, target: &str) -> Option<Severity> {
        check(&Pair { source, target, ..Pair::default() }).map(|flag| flag.severity)
    }

    #[test]
    fn a_lost_negation_is_critical() {
        assert_eq!(
            severity("لم يصل الوفد إلى المدينة", "The delegation arrived in the city"),
            Some(Severity::Critical)
        );
        assert_eq!(severity("ولن تغادر", "It will leave"), Some(Severity::Critical));
    }

    #[test]
    fn an_added_negation_is_critical() {
        assert_eq!(severity("وصل الوفد إلى المدينة", "The delegation didn't arrive"), Some(Severity::Critical));
    }

    #[test]
    fn a_negation_said_otherwise_is_no_difference() {
        for (source, target) in [
            ("لم يصل الوفد", "The delegation failed to arrive"),
            ("لا يمكن", "It's impossible"),
            ("ليس معروفا", "It is unknown"),
            ("لا يزال هنا", "He is still here"),
            ("لا سيما اليوم", "especially today"),
            ("فشل الوفد في الوصول", "The delegation did not arrive"),
            ("من دون ماء", "with no water"),
            ("ليس فقط اليوم", "not only today"),
            ("المسار الوحيد، وفضل عدم الكشف عن اسمه", "The only path, and he preferred not to be named"),
            ("لا يوجد إلا طريق واحد", "There is only one road"),
            ("إلا أنه عاد", "He came back, however"),
            ("رقم 11", "No. 11"),
            ("خلال شهر وليس بعد شهرين", "within a month rather than after two"),
            ("سواء حضر أم لا", "whether he comes"),
            ("سواء حضر أم لا", "whether he comes or not"),
            ("جدار لا يمكن اختراقه", "an impenetrable wall"),
            ("تقرر ألا يحضر", "It was decided that he would not attend"),
            ("لم شمل الأسر", "family reunification"),
            ("فيلم لا بومبا", "the film La Bomba"),
        ] {
            assert_eq!(severity(source, target), None, "{source} | {target}");
        }
    }

    #[test]
    fn one_of_two_negations_lost_is_major() {
        assert_eq!(severity("لم يأكل ولم يشرب", "He did not eat and he drank"), Some(Severity::Major));
    }
}
