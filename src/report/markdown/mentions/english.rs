//! What may be a name in English: capitals that are evidence, and words that never are names.
//!
//! Separate because it looks at the translation alone, without links. The invariant: a word that has its capital only
//! from its place (the beginning of a sentence) is not taken for a name.

use crate::{article::Span, review::align::words};

/// Most words and characters of a name: beyond, a link went astray.
const MOST_WORDS: usize = 6;
const MOST_CHARACTERS: usize = 60;

/// Returns the words of a translation whose capital is evidence of a name.
pub(super) fn names_inside(text: &str) -> Vec<&str> {
    let words = words(text);
    let inside = words.iter().enumerate().filter(|(index, _)| !opens_sentence(text, &words, *index));
    inside.map(|(_, span)| &text[span.clone()]).filter(|word| is_capitalised(word) && !is_function(word)).collect()
}

/// Returns true for a word that begins with a capital and is more than a letter.
pub(super) fn is_capitalised(word: &str) -> bool {
    word.chars().count() > 1 && word.starts_with(char::is_uppercase)
}

/// Returns true where a word has a capital whatever it means: at the beginning of a sentence or after a colon.
pub(super) fn opens_sentence(text: &str, words: &[Span], index: usize) -> bool {
    let Some(previous) = index.checked_sub(1).map(|index| words[index].clone()) else { return true };
    let between = &text[previous.end..words[index].start];
    // Mr. and U.S. end no sentence.
    let abbreviation = previous.len() <= 3 && text[previous].starts_with(char::is_uppercase);
    between.contains(['!', '?', ':', '…']) || (between.contains('.') && !abbreviation)
}

/// Returns the name in a piece of a translation, without function words around it, or `None` where it can be none.
pub(super) fn name(piece: &str) -> Option<&str> {
    let words = words(piece);
    let is_edge =
        |span: &&Span| piece[(*span).clone()].starts_with(char::is_lowercase) && is_function(&piece[(*span).clone()]);
    let first = words.iter().position(|span| !is_edge(&span))?;
    let last = words.iter().rposition(|span| !is_edge(&span))?;
    let name = &piece[words[first].start..words[last].end];
    let name = name.strip_suffix("'s").or_else(|| name.strip_suffix("’s")).unwrap_or(name);
    let short = last - first < MOST_WORDS && name.chars().count() <= MOST_CHARACTERS;
    let meaningful = words[first..=last].iter().any(|span| !is_function(&piece[span.clone()]));
    // What holds a quotation mark is part of a quotation and part of what is around it.
    (short && meaningful && !name.contains(['"', '“', '”', '«', '»'])).then_some(name)
}

/// Returns true for words that carry grammar, not names; "don't" is read as "don".
pub(super) fn is_function(word: &str) -> bool {
    let stem = word.split(['\'', '’']).next().unwrap_or(word).to_lowercase();
    FUNCTION_WORDS.binary_search(&stem.as_str()).is_ok()
}

/// In alphabetical order; without May and US, which are names as well.
const FUNCTION_WORDS: [&str; 146] = [
    "a", "about", "above", "after", "again", "against", "all", "also", "although", "am", "among", "an", "and", "any",
    "are", "aren", "as", "at", "be", "because", "been", "before", "being", "below", "between", "both", "but", "by",
    "can", "could", "couldn", "did", "didn", "do", "does", "doesn", "don", "down", "during", "each", "even", "every",
    "few", "for", "from", "further", "had", "hadn", "has", "hasn", "have", "haven", "he", "her", "here", "hers", "him",
    "his", "how", "however", "i", "if", "in", "into", "is", "isn", "it", "its", "just", "me", "might", "more", "most",
    "must", "my", "no", "nor", "not", "now", "of", "off", "on", "once", "one", "only", "or", "other", "our", "out",
    "over", "own", "per", "same", "shall", "she", "should", "shouldn", "since", "so", "some", "such", "than", "that",
    "the", "their", "them", "then", "there", "these", "they", "this", "those", "though", "through", "to", "too",
    "under", "until", "up", "upon", "very", "was", "wasn", "we", "were", "weren", "what", "when", "where", "whether",
    "which", "while", "who", "whom", "whose", "why", "will", "with", "within", "without", "would", "wouldn", "yes",
    "yet", "you", "your",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_words_can_be_searched() {
        assert!(FUNCTION_WORDS.is_sorted());
    }

    #[test]
    fn a_capital_at_the_beginning_is_no_evidence() {
        assert_eq!(names_inside("Fire in Homs. Rain came. He said: Wait"), ["Homs"]);
        assert_eq!(names_inside("The visit of Mr. Haddad and the U.S. envoy"), ["Mr", "Haddad", "U.S"]);
        assert_eq!(names_inside("In In the As I Don't"), Vec::<&str>::new());
    }

    #[test]
    fn a_name_is_short_and_more_than_grammar() {
        assert_eq!(name("of the Free Army's"), Some("Free Army"));
        assert_eq!(name("The Hague"), Some("The Hague"));
        for piece in
            ["In", "to", "not by", "I", "Don't", "", "…", "Real\" with the need", &"Aue ".repeat(7), &"A".repeat(61)]
        {
            assert_eq!(name(piece), None, "{piece}");
        }
    }
}
