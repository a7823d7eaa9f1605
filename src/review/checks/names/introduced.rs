//! Names that Arabic introduces: in «حي الحجر الأسود» the noun says that two common words are a name.
//!
//! Separate because the word before tells that a name follows, where English would have capitals. The invariant: a name
//! is reported only where no English word sounds like any word of it.

use super::{Kind, Piece, is_there};
use crate::article::Span;

/// Folded nouns of places and media that a name follows, in the form that they have before one.
const NOUNS: &[&str] = &[
    "حي",
    "مخيم",
    "بلده",
    "قريه",
    "مدينه",
    "محافظه",
    "ضاحيه",
    "ناحيه",
    "شارع",
    "ميدان",
    "ساحه",
    "معبر",
    "حاجز",
    "جزيره",
    "مطار",
    "ميناء",
    "سجن",
    "صحيفه",
    "جريده",
    "مجله",
    "كتيبه",
    "ميليشيا",
];
/// Folded words that may stand after the noun and name nothing: verbs of what it does, adverbs.
const NO_NAMES: &[&str] = &[
    "تقع",
    "تضم",
    "تستضيف",
    "توضح",
    "تسوق",
    "تطور",
    "يقع",
    "يضم",
    "اهمها",
    "اسفل",
    "باستثناء",
    "اجمالا",
    "جنوب",
    "شمال",
    "شرق",
    "غرب",
    "وسط",
    "تحت",
    "خلال",
    "بعد",
    "قبل",
    "منذ",
    "كانت",
    "كان",
    "لكن",
    "حيث",
    "حول",
    "واحد",
    "تابعه",
    "تسيطر",
    "تشهد",
    "تعرضت",
    "التي",
    "الذي",
    "الي",
];
/// Letters that may be joined to the noun.
const JOINED: [&str; 8] = ["", "و", "ب", "ل", "ف", "ك", "وب", "ول"];
/// Shortest word of a name that is judged, in letters without the article.
const SHORTEST: usize = 3;
/// Words of the longest name between quotation marks.
const LONGEST: usize = 3;

/// Returns the noun and the name after it that the English does not spell.
pub(super) fn unspelled(source: &[Piece], english: &[&str]) -> Option<(Span, Span)> {
    source.iter().enumerate().find_map(|(at, piece)| {
        let noun = piece.word().filter(|word| is_noun(word))?;
        // «من ناحية» is "in terms of".
        let idiom = noun.ends_with("ناحيه") && at.checked_sub(1).and_then(|before| source[before].word()) == Some("من");
        if idiom {
            return None;
        }
        let name = named(&source[at + 1..])?;
        let spelled = |word: &str| english.iter().any(|other| is_there(other, word, &[word]));
        let span = name.first()?.span.start..name.last()?.span.end;
        (!name.iter().filter_map(Piece::word).any(spelled)).then(|| (piece.span.clone(), span))
    })
}

fn is_noun(word: &str) -> bool {
    JOINED.iter().any(|prefix| word.strip_prefix(prefix).is_some_and(|rest| NOUNS.contains(&rest)))
}

/// Returns the words of a name: those between quotation marks, else one, or two that both have the article.
fn named(pieces: &[Piece]) -> Option<&[Piece]> {
    let quoted = matches!(pieces.first()?.kind, Kind::Mark('«' | '"' | '“'));
    let pieces = &pieces[usize::from(quoted)..];
    let words: Vec<&str> = pieces.iter().map_while(Piece::word).take(LONGEST + 1).collect();
    let both = words.len() > 1 && words[..2].iter().all(|word| word.starts_with("ال"));
    let count = if quoted { words.len() } else { 1 + usize::from(both) };
    let name = words.get(..count).filter(|name| (1..=LONGEST).contains(&name.len()))?;
    let letters = |word: &str| word.strip_prefix("ال").unwrap_or(word).chars().count();
    // An adjective describes the noun and names nothing: «مدينة كبيرة», «قرى حدودية».
    let described = !quoted && !name[0].starts_with("ال") && name[0].ends_with(['ه', 'ي']);
    let none = !quoted && NO_NAMES.contains(&name[0]);
    (!none && !described && name.iter().all(|word| letters(word) >= SHORTEST)).then(|| &pieces[..count])
}

#[cfg(test)]
mod tests {
    use super::{super::scan, *};

    fn found<'a>(source: &'a str, target: &str) -> Option<(&'a str, &'a str)> {
        let target = scan(target);
        let english: Vec<&str> = target.iter().filter_map(Piece::word).collect();
        unspelled(&scan(source), &english).map(|(noun, name)| (&source[noun], &source[name]))
    }

    #[test]
    fn a_quarter_translated_as_common_words_is_found_in_quotation_marks_and_without() {
        for source in ["قصف حي الخان الأحمر أمس", "قصف حي «الخان الأحمر» أمس", "قصف حي \"الخان الأحمر\" أمس"]
        {
            assert_eq!(found(source, "The red inn neighbourhood was shelled"), Some(("حي", "الخان الأحمر")));
        }
        assert_eq!(found("قصف حي الخان الأحمر أمس", "Khan al-Ahmar was shelled"), None);
    }

    #[test]
    fn what_is_spelled_or_described_is_no_flag() {
        assert_eq!(found("قالت صحيفة «الغارديان»", "The Guardian said"), None);
        assert_eq!(found("في مدينة كبيرة", "in a large city"), None);
        assert_eq!(found("وصل إلى مدينة القاهرة", "He reached Cairo"), None);
        assert!(found("وصل إلى مدينة القاهرة", "He reached the victorious city").is_some());
    }
}
