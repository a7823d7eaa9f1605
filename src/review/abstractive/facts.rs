//! Names of an English sentence that the sentences it rests on do not have.
//!
//! Separate from the names of a translation, which are judged by their sound: here both sides are in one language. The
//! invariant: a name is a word with a capital that is none for standing first, so a sentence that begins with a word
//! of the language has no name there.

use super::words::is_function_word;
use std::collections::BTreeSet;
use unicode_segmentation::UnicodeSegmentation;

/// Endings that nouns and adverbs of the language have and names seldom do.
const COMMON_ENDINGS: [&str; 18] = [
    "ly", "ing", "tion", "tions", "ment", "ments", "ness", "ers", "ors", "ists", "als", "ities", "ents", "ants",
    "ives", "ries", "ages", "ures",
];

/// Words that sentences of news begin with, sorted, beyond those with a telling ending.
#[rustfmt::skip]
const OPENERS: [&str; 62] = [
    "about", "aid", "almost", "army", "aside", "at", "both", "children", "city", "crews", "dozens", "earlier", "even",
    "every", "families", "few", "fewer", "fire", "first", "following", "four", "hundreds", "instead", "last", "late",
    "later", "less", "many", "meanwhile", "men", "nearly", "never", "new", "next", "no", "nobody", "none", "nothing",
    "once", "parents", "people", "police", "prices", "rescue", "schools", "second", "six", "so", "state", "talks", "ten",
    "thousands", "three", "today", "troops", "two", "water", "witnesses", "women", "work", "yesterday", "young",
];

/// A word of a text.
struct Word<'a> {
    text: &'a str,
    is_first: bool,
}

/// Returns the names of a text that another text of the same language does not have.
///
/// A word that begins the sentence is a name where it has a capital inside the other text, or where it is nowhere in it
/// and does not look like a word of the language.
pub fn unstated_names(text: &str, other: &str) -> Vec<String> {
    let known: BTreeSet<String> = words(other).iter().flat_map(|word| forms(word.text)).collect();
    let spelled_out: BTreeSet<String> = runs(other).iter().map(|run| initials(run)).collect();
    let acronyms = acronyms(other);
    // Words whose run the other text has as an acronym.
    let shortened = runs(text).into_iter().filter(|run| acronyms.contains(&initials(run)));
    let shortened: BTreeSet<&str> = shortened.flatten().collect();
    let mut found: Vec<String> = Vec::new();
    for word in words(text).iter().filter(|word| is_name(word)) {
        let is_known = forms(word.text).iter().any(|form| known.contains(form))
            || (is_acronym(word.text) && spelled_out.contains(&lowered(word.text)))
            || shortened.contains(word.text);
        if !is_known && !found.iter().any(|name| name == word.text) {
            found.push(word.text.to_owned());
        }
    }
    found
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut end = 0;
    text.unicode_word_indices()
        .map(|(start, word)| {
            let between = &text[end..start];
            let is_first = end == 0 || between.contains(['.', '!', '?', '“', '"', '«', ':', '\n']);
            end = start + word.len();
            Word { text: without_possessive(word), is_first }
        })
        .collect()
}

fn without_possessive(word: &str) -> &str {
    ["'s", "’s"].into_iter().find_map(|ending| word.strip_suffix(ending)).unwrap_or(word)
}

fn lowered(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn is_name(word: &Word<'_>) -> bool {
    let lower = lowered(word.text);
    let capital = word.text.chars().next().is_some_and(char::is_uppercase);
    let looks_common = || {
        OPENERS.binary_search(&lower.as_str()).is_ok() || COMMON_ENDINGS.iter().any(|ending| lower.ends_with(ending))
    };
    capital
        && lower.chars().count() > 1
        && !is_function_word_in_capitals(word.text, &lower)
        && !(word.is_first && looks_common())
}

/// Returns true for "The", but not for "US".
fn is_function_word_in_capitals(word: &str, lower: &str) -> bool {
    is_function_word(lower) && !is_acronym(word)
}

/// Returns true for two to six capitals.
fn is_acronym(word: &str) -> bool {
    let letters: Vec<char> = word.chars().filter(|c| c.is_alphanumeric()).collect();
    (2..=6).contains(&letters.len()) && letters.iter().all(|c| c.is_uppercase())
}

fn acronyms(text: &str) -> Vec<String> {
    words(text).iter().filter(|word| is_acronym(word.text)).map(|word| lowered(word.text)).collect()
}

/// Returns the forms under which a word counts as the same name: itself, and without the ending of an adjective.
fn forms(word: &str) -> Vec<String> {
    const ADJECTIVES: [&str; 9] = ["ians", "ian", "ans", "an", "is", "i", "ns", "n", "s"];
    let lower = lowered(word);
    let stems =
        ADJECTIVES.iter().filter_map(|ending| lower.strip_suffix(ending)).filter(|stem| stem.chars().count() > 3);
    let mut forms: Vec<String> = stems.flat_map(|stem| [stem.to_owned(), format!("{stem}a")]).collect();
    forms.push(lower);
    forms
}

/// Returns the runs of two to six capitalised words, with every run inside them: "United Nations" of "the United
/// Nations Children's Fund" too.
fn runs(text: &str) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    let words: Vec<&str> = text.unicode_words().map(without_possessive).collect();
    for start in 0..words.len() {
        let mut run = Vec::new();
        for word in words[start..].iter().take(8) {
            match word.chars().next() {
                Some(first) if first.is_uppercase() && !is_acronym(word) => run.push(*word),
                _ if matches!(*word, "of" | "for" | "the" | "and" | "in") && !run.is_empty() => continue,
                _ => break,
            }
            if (2..=6).contains(&run.len()) {
                found.push(run.clone());
            }
        }
    }
    found
}

fn initials(run: &[&str]) -> String {
    run.iter().filter_map(|word| word.chars().next()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_there_is_found() {
        let source = "Syrian officials told Reuters that the United Nations sent Dr. Hart to Aleppo on Monday.";
        assert_eq!(unstated_names("Officials in Syria said the UN sent Hart.", source), Vec::<String>::new());
        assert_eq!(unstated_names("The UN sent Hart to Homs on Tuesday.", source), ["Homs", "Tuesday"]);
        assert_eq!(unstated_names("The U.N. sent Hart’s team.", source), Vec::<String>::new());
    }

    #[test]
    fn the_word_that_begins_a_sentence_is_a_name_where_it_looks_like_one() {
        let source = "The mayor opened the bridge.";
        assert_eq!(unstated_names("Residents came. Johnson opened the bridge.", source), ["Johnson"]);
        assert_eq!(unstated_names("Mayor opened the bridge.", source), Vec::<String>::new());
    }

    #[test]
    fn an_acronym_stands_for_its_words() {
        assert_eq!(unstated_names("The World Food Programme came.", "WFP came."), Vec::<String>::new());
        assert_eq!(unstated_names("The WHO came.", "WFP came."), ["WHO"]);
    }

    #[test]
    fn openers_are_sorted() {
        assert!(OPENERS.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
