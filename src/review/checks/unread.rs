//! Words of the Arabic that the model read no English from: what the translation leaves out, piece by piece.
//!
//! Separate because it knows which words are missing, where the length of a sentence tells only that some are. The
//! invariant: function words count for nothing, since English often has nothing for them.

use super::{Flag, FlagKind, Pair, Severity, flag};
use crate::{
    article::{Span, normalize::fold},
    review::align::words,
};

/// Content words that a sentence must have to be judged.
const FEWEST: usize = 5;
/// Shares of unread content words: of the human translations of FLORES-200 dev 1.8 % are above the first and 0.8 % above
/// the second (the built-in model).
const POSSIBLE: f32 = 0.30;
const LIKELY: f32 = 0.38;
/// Words quoted in a message.
const QUOTED: usize = 6;

/// Folded words that English often has nothing for.
const FUNCTION_WORDS: [&str; 46] = [
    "من",
    "في",
    "علي",
    "الي",
    "عن",
    "ان",
    "قد",
    "هذا",
    "هذه",
    "ذلك",
    "تلك",
    "التي",
    "الذي",
    "الذين",
    "ما",
    "لا",
    "لم",
    "لن",
    "كما",
    "كان",
    "كانت",
    "هو",
    "هي",
    "هم",
    "بعد",
    "قبل",
    "مع",
    "او",
    "ثم",
    "بل",
    "حتي",
    "كل",
    "بين",
    "عند",
    "لدي",
    "اي",
    "منذ",
    "حيث",
    "غير",
    "اذا",
    "لقد",
    "فقد",
    "وقد",
    "وهو",
    "وهي",
    "ايضا",
];

/// Returns the flag of unread words or that of the length: an omission is told once, with the words where they are known.
pub(super) fn with_length(pair: &Pair, length: Option<Flag>) -> Vec<Flag> {
    match (check(pair), length) {
        (Some(mut unread), Some(length)) if length.kind == FlagKind::Omission => {
            unread.severity = unread.severity.max(length.severity);
            unread.evidence.extend(length.evidence);
            vec![unread]
        }
        (unread, length) => unread.into_iter().chain(length).collect(),
    }
}

/// Flags a sentence of whose content words many are unread.
fn check(pair: &Pair) -> Option<Flag> {
    let is_content = |span: &Span| {
        let word = fold(&pair.source[span.clone()]);
        word.chars().count() >= 3 && !FUNCTION_WORDS.contains(&word.as_str())
    };
    let all = words(pair.source).iter().filter(|span| is_content(span)).count();
    let unread: Vec<&str> =
        pair.unread.iter().filter(|span| is_content(span)).map(|s| &pair.source[s.clone()]).collect();
    let share = unread.len() as f32 / all.max(1) as f32;
    if all < FEWEST || share <= POSSIBLE {
        return None;
    }
    let severity = if share > LIKELY { Severity::Major } else { Severity::Minor };
    let more = if unread.len() > QUOTED { " …" } else { "" };
    let quoted = unread[..unread.len().min(QUOTED)].join(" ");
    let message = format!("no English was read from «{quoted}{more}»: check that nothing is left out");
    Some(flag(FlagKind::Omission, severity, message, unread.into_iter().map(str::to_owned).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "وصل الوفد صباح اليوم إلى المدينة وزار المدرسة";

    fn severity(unread: &[&str]) -> Option<Severity> {
        let spans: Vec<Span> =
            words(SOURCE).into_iter().filter(|span| unread.contains(&&SOURCE[span.clone()])).collect();
        check(&Pair { source: SOURCE, unread: &spans, ..Pair::default() }).map(|flag| flag.severity)
    }

    #[test]
    fn the_more_content_words_are_unread_the_graver() {
        assert_eq!(severity(&["وزار", "المدرسة", "إلى"]), None);
        assert_eq!(severity(&["المدينة", "وزار", "المدرسة"]), Some(Severity::Major));
    }

    #[test]
    fn an_omission_is_told_once_with_its_words() {
        let source =
            "وصل الوفد صباح اليوم إلى المدينة ثم زار المدرسة والمستشفى والتقى الأهالي وعاد في المساء إلى العاصمة";
        let unread: Vec<Span> = words(source).split_off(3);
        let pair = Pair { source, target: "The delegation arrived.", unread: &unread, ..Pair::default() };
        let flags = with_length(&pair, super::super::length::check(&pair));
        assert_eq!(flags.len(), 1, "{flags:?}");
        assert!(flags[0].message.contains("«اليوم المدينة"), "{flags:?}");
    }
}
