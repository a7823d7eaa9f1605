//! Where a sentence calls for an entry of the glossary.
//!
//! Separate because Arabic writes "and", "in", "to" and the article onto the word they stand before. The invariant: what
//! is found are whole words of the sentence in its order, none claimed twice, and the longest entry wins.

use super::{Entry, Span, fold};
use crate::review::align;

/// What may be written onto the first word of an entry.
const PREFIXES: [&str; 10] = ["و", "ف", "ب", "ل", "ك", "وب", "ول", "فب", "فل", "وك"];
/// A word shorter than this is too often the end of another.
const SHORTEST: usize = 3;

/// Returns the words of an entry, spelling variants made one.
pub(super) fn words(arabic: &str) -> Vec<String> {
    align::words(arabic).into_iter().map(|span| fold(&arabic[span])).filter(|word| !word.is_empty()).collect()
}

/// Returns the place of each entry that the sentence calls for, with the words it stands in.
pub(super) fn uses(entries: &[Entry], source: &str) -> Vec<(usize, Span)> {
    let spans = align::words(source);
    let folded: Vec<String> = spans.iter().map(|span| fold(&source[span.clone()])).collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < spans.len() {
        // Entries stand longest first.
        match entries.iter().position(|entry| stands_at(&entry.words, &folded[at..])) {
            Some(entry) => {
                let end = at + entries[entry].words.len();
                found.push((entry, spans[at].start..spans[end - 1].end));
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

fn stands_at(entry: &[String], words: &[String]) -> bool {
    let rest = || entry[1..] == words[1..entry.len()];
    words.len() >= entry.len() && !entry.is_empty() && is_word(&words[0], &entry[0]) && rest()
}

/// Returns true where a word is the entry's, alone or with what is written onto it.
fn is_word(word: &str, entry: &str) -> bool {
    let long = entry.chars().count() >= SHORTEST;
    let prefixed = || PREFIXES.iter().any(|prefix| word.strip_prefix(prefix) == Some(entry));
    // "To" and the article become one sign.
    let with_article = || {
        let bare = entry.strip_prefix("ال");
        bare.is_some() && ["لل", "ولل", "فلل"].iter().any(|prefix| word.strip_prefix(prefix) == bare)
    };
    word == entry || (long && (prefixed() || with_article()))
}

#[cfg(test)]
mod tests {
    use super::{super::Glossary, *};

    fn found(glossary: &str, source: &str) -> Vec<String> {
        let glossary = Glossary::parse(glossary).unwrap();
        uses(&glossary.entries, source).into_iter().map(|(_, span)| source[span].to_owned()).collect()
    }

    #[test]
    fn what_is_written_onto_a_word_does_not_hide_it() {
        let glossary = "الحجر الأسود\tal-Hajar al-Aswad\nحلب\tAleppo\n";
        assert_eq!(found(glossary, "في الحجر الاسود وبحلب"), ["الحجر الاسود", "وبحلب"]);
        assert_eq!(found(glossary, "للحجر الأسود"), ["للحجر الأسود"]);
        assert_eq!(found(glossary, "يحلب البقرة والحجر"), [""; 0]);
    }

    #[test]
    fn the_longest_entry_wins() {
        let glossary = "حمص\tHoms\nريف حمص\trural Homs\n";
        assert_eq!(found(glossary, "في ريف حمص وحمص"), ["ريف حمص", "وحمص"]);
    }
}
