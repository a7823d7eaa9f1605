//! Proper names that were lost, replaced or translated as common words.
//!
//! Separate because a name is known by its sound, not by its meaning. The invariant: every flag rests on a word that is
//! certainly a name on its side: a capital inside an English sentence, or quotation marks or a title in the Arabic.
//!
//! An English name must sound like some Arabic word, or be one that Arabic calls otherwise (Egypt, «مصر») or translates
//! (South, University). Only a name of one word is sound enough to go by.

use super::{
    Flag, FlagKind, Pair, Severity, flag,
    scan::{Kind, Piece, scan},
    transliteration::{begins_alike, distance},
};
use crate::article::{Span, normalize::fold};

/// Distance per consonant up to which two words are taken for one name; set on half of FLORES-200 dev.
const ALIKE: f32 = 0.45;
/// Long words of a headline, at least: two or three with capitals may be names.
const TITLE_CASE: usize = 5;
/// Shortest English name that is judged, in letters: shorter ones sound like too many words.
const SHORTEST: usize = 4;

/// Flags names of the English that nothing in the Arabic sounds like, and titles whose bearer is lost.
pub(super) fn check(pair: &Pair) -> Option<Flag> {
    let (source, target) = (scan(pair.source), scan(pair.target));
    let folded = fold(pair.source);
    let arabic: Vec<&str> = source.iter().filter_map(Piece::word).filter(|word| !word.is_ascii()).collect();
    let unheard: Vec<String> = candidates(pair.target, &target)
        .into_iter()
        .filter(|name| !is_there(&name.to_lowercase(), &folded, &arabic))
        .map(str::to_owned)
        .collect();
    let english: Vec<&str> = target.iter().filter_map(Piece::word).collect();
    let office = offices::unheard(pair.source, &source, &English::new(pair.target, &target));
    if let Some((Severity::Major, name)) = office {
        return Some(lost(pair, Severity::Major, "a title", name, unheard));
    }
    if let Some((address, word)) = honorifics::unnamed(pair.target, &target) {
        let (address, word) = (&pair.target[address], &pair.target[word]);
        let message = format!("“{address}” stands before “{word}”, which is no name: check who is meant");
        return Some(flag(FlagKind::Name, Severity::Major, message, vec![address.to_owned(), word.to_owned()]));
    }
    if let Some(found) = confused(pair, &source, &target, &unheard) {
        return Some(found);
    }
    if let Some((severity, name)) = office {
        return Some(lost(pair, severity, "a title", name, unheard));
    }
    if let Some((noun, name)) = introduced::unspelled(&source, &english) {
        let noun = format!("«{}»", &pair.source[noun]);
        return Some(lost(pair, Severity::Minor, &noun, name, unheard));
    }
    let first = unheard.first()?;
    let message = format!("no Arabic word sounds like “{first}”: check the name");
    Some(flag(FlagKind::Name, Severity::Minor, message, unheard))
}

/// Flags a name of the Arabic that no English word sounds like, and says what it was linked to.
fn lost(pair: &Pair, severity: Severity, after: &str, name: Span, unheard: Vec<String>) -> Flag {
    let touches = |source: &Span| source.start < name.end && name.start < source.end;
    let mut linked: Vec<&Span> =
        pair.words.iter().filter(|(source, _)| touches(source)).map(|(_, target)| target).collect();
    linked.sort_by_key(|span| span.start);
    linked.dedup();
    let linked: Vec<&str> = linked.into_iter().map(|span| &pair.target[span.clone()]).collect();
    let name = pair.source[name].to_owned();
    let seen = match linked.is_empty() {
        true => "no English word sounds like it".to_owned(),
        false => format!("is linked to “{}”, which does not sound like it", linked.join(" ")),
    };
    let joint = if linked.is_empty() { "and" } else { "but" };
    let message = format!("«{name}» stands after {after} like a name {joint} {seen}: check the name");
    let evidence = [name].into_iter().chain(linked.into_iter().map(str::to_owned)).chain(unheard).collect();
    flag(FlagKind::Name, severity, message, evidence)
}

/// Flags a country or body of the Arabic that the English lacks: major where it names another one instead.
fn confused(pair: &Pair, source: &[Piece], target: &[Piece], unheard: &[String]) -> Option<Flag> {
    let (lost, added) = bodies::replaced(source, target);
    let texts = |text: &str, spans: Vec<Span>| spans.into_iter().map(|span| text[span].to_owned()).collect::<Vec<_>>();
    let (lost, added) = (texts(pair.source, lost), texts(pair.target, added));
    let name = lost.first()?;
    let (severity, message) = match added.first() {
        Some(other) => {
            (Severity::Major, format!("«{name}» is not in the English, which has “{other}”: check who is meant"))
        }
        None => (Severity::Minor, format!("«{name}» is not in the English: check the name")),
    };
    let evidence = lost.iter().chain(&added).chain(unheard).cloned().collect();
    Some(flag(FlagKind::Name, severity, message, evidence))
}

/// Returns the English words that are names: a capital inside a sentence, long enough, not known to be translated.
fn candidates<'a>(text: &'a str, pieces: &[Piece]) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    if is_title_case(text, pieces) {
        return found;
    }
    for (index, piece) in pieces.iter().enumerate() {
        let Kind::Word(word) = &piece.kind else { continue };
        let written = &text[piece.span.clone()];
        let capital = written.chars().next().is_some_and(char::is_uppercase);
        let acronym = written.chars().filter(|c| c.is_uppercase()).count() > 1;
        let inside = index.checked_sub(1).is_some_and(|before| match pieces[before].kind {
            Kind::Mark(mark) => matches!(mark, ',' | '-' | '(' | ';' | '/' | '&'),
            _ => true,
        });
        let long = word.chars().count() >= SHORTEST;
        if capital && !acronym && inside && long && !is_translated(word) && !found.contains(&written) {
            found.push(written);
        }
    }
    found
}

/// Returns true for a headline that gives most of its long words a capital: there a capital tells nothing.
fn is_title_case(text: &str, pieces: &[Piece]) -> bool {
    let long = || pieces.iter().filter(|piece| piece.word().is_some_and(|word| word.len() >= SHORTEST));
    let capitals = long().filter(|piece| text[piece.span.clone()].starts_with(char::is_uppercase)).count();
    long().count() >= TITLE_CASE && capitals * 4 > long().count() * 3
}

/// Returns true where the Arabic has the name: by its own word for it, in Latin letters, or by its sound.
fn is_there(name: &str, folded: &str, arabic: &[&str]) -> bool {
    has_own_word(name, folded) || folded.contains(name) || is_heard(name, arabic)
}

/// Returns true where a folded text holds the word that Arabic has of its own for a name.
fn has_own_word(name: &str, folded: &str) -> bool {
    let own = EXONYMS.iter().filter(|(english, _)| name.starts_with(english));
    own.flat_map(|(_, arabic)| arabic.iter()).any(|word| folded.contains(word))
}

fn is_heard(name: &str, arabic: &[&str]) -> bool {
    arabic.iter().any(|word| forms(word).any(|form| begins_alike(form, name) && distance(form, name) <= ALIKE)) || {
        // Spelled apart in Arabic: «نيو يورك».
        arabic.windows(2).any(|pair| begins_alike(&pair.concat(), name) && distance(&pair.concat(), name) <= ALIKE)
    }
}

/// Returns the word, then what is left of it without joined conjunctions, prepositions, the article and New.
fn forms(word: &str) -> impl Iterator<Item = &str> {
    let prefixes = ["", "و", "ب", "ل", "ف", "ك", "ال", "وال", "بال", "لل", "فال", "ول", "وب", "كال", "نيو"];
    let left = prefixes.into_iter().filter_map(move |prefix| word.strip_prefix(prefix));
    left.filter(|rest| rest.chars().count() >= 2)
}

/// Returns true for English names that Arabic translates or calls otherwise, their adjectives among them.
fn is_translated(word: &str) -> bool {
    const ENDINGS: [&str; 10] = ["tion", "tions", "ment", "ments", "ness", "ance", "ence", "ency", "ical", "ship"];
    ENDINGS.iter().any(|ending| word.ends_with(ending))
        || TRANSLATED.split_whitespace().any(|stem| match stem.strip_suffix('*') {
            Some(stem) => word.starts_with(stem),
            None => stem == word,
        })
}

mod bodies;
mod exonyms;
mod heard;
mod honorifics;
mod introduced;
mod offices;
mod translated;

use exonyms::EXONYMS;
use heard::English;
use translated::TRANSLATED;

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str, target: &str) -> Option<(Severity, Vec<String>)> {
        check(&Pair { source, target, ..Pair::default() }).map(|flag| (flag.severity, flag.evidence))
    }

    #[test]
    fn a_replaced_name_is_found() {
        let expected = Some((Severity::Minor, vec!["Berlin".to_owned()]));
        assert_eq!(found("وصل الوفد إلى واشنطن صباحا", "The delegation reached Berlin in the morning"), expected);
    }

    #[test]
    fn a_name_that_sounds_alike_is_no_flag() {
        assert_eq!(found("وصل الوفد إلى واشنطن صباحا", "The delegation reached Washington in the morning"), None);
        assert_eq!(found("عاد إلى مصر", "He returned to Egypt"), None);
        assert!(found("عاد إلى مصر", "He returned to Hungary").is_some());
        assert_eq!(found("عاد إلى نيويورك", "He returned to New York"), None);
    }

    #[test]
    fn a_body_taken_for_another_is_major_and_one_that_is_lost_minor() {
        let severity = |source, target| found(source, target).map(|(severity, _)| severity);
        let source = "دعت الأمم المتحدة إلى هدنة";
        let evidence = vec!["الأمم المتحدة".to_owned(), "United States".to_owned()];
        let replaced = found(source, "The United States called for a truce");
        assert_eq!(replaced, Some((Severity::Major, evidence)), "as both sides write it");
        assert_eq!(severity(source, "The United Nations called for a truce"), None);
        assert_eq!(severity("في حي الحجر الأسود", "in the black stone quarter"), Some(Severity::Minor));
    }

    #[test]
    fn a_titled_name_that_became_a_word_is_major_or_where_a_word_may_stand_there_minor() {
        let severity = |source, target| found(source, target).map(|(severity, _)| severity);
        assert_eq!(severity("قال السيناتور ماكونيل إن", "The senator said"), Some(Severity::Major));
        assert_eq!(severity("قال السيناتور ماكونيل إن", "Senator McConnell said"), None);
        assert_eq!(severity("قال الرئيس روزفلت إن", "He said that"), Some(Severity::Minor), "one long vowel");
        assert_eq!(severity("قال الرئيس أمس إن", "He said that"), None);
    }

    #[test]
    fn a_form_of_address_before_common_words_is_major() {
        let evidence = vec!["Mr".to_owned(), "open".to_owned()];
        assert_eq!(found("قال كوستيلو", "Mr open doors said"), Some((Severity::Major, evidence)));
        assert_eq!(found("قال كوستيلو", "Mr Costello said"), None);
    }

    #[test]
    fn what_a_lost_name_is_linked_to_is_said() {
        let (source, target) = ("قصف حي الخان الأحمر", "The red inn quarter was shelled");
        let words = [(12..22, 8..11), (23..35, 4..7)];
        let flag = check(&Pair { source, target, words: &words, ..Pair::default() }).unwrap();
        let expected = "«الخان الأحمر» stands after «حي» like a name but is linked to “red inn”, which does not sound like it: check the name";
        assert_eq!(flag.message, expected);
    }
}
