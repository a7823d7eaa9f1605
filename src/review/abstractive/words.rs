//! The words that carry what a sentence says, in one form each, and how much each tells.
//!
//! Separate because both languages are compared by it. The invariant: a word's inflections share a stem, so that a
//! summary that says "closed" rests on a sentence that says "closes"; numerals are no words.

use crate::{
    article::{arabic, normalize::fold},
    review::summary::{stem, stop_words},
};
use std::collections::BTreeMap;
use unicode_segmentation::UnicodeSegmentation;

/// English function words, sorted; short words of one or two letters are all left out.
#[rustfmt::skip]
const FUNCTION_WORDS: [&str; 108] = [
    "about", "above", "according", "after", "again", "all", "also", "among", "and", "another", "any", "are", "around",
    "because", "been", "before", "being", "between", "both", "but", "can", "could", "did", "does", "during", "each",
    "for", "from", "had", "has", "have", "having", "her", "here", "hers", "him", "his", "how", "however", "into", "its",
    "itself", "just", "like", "may", "might", "more", "most", "much", "must", "near", "nor", "not", "now", "off", "one",
    "only", "onto", "other", "our", "out", "over", "own", "said", "same", "say", "says", "several", "shall", "she",
    "should", "since", "some", "still", "such", "than", "that", "the", "their", "them", "then", "there", "these", "they",
    "this", "those", "through", "told", "too", "toward", "towards", "under", "until", "upon", "very", "was", "were",
    "what", "when", "where", "which", "while", "who", "whom", "whose", "why", "will", "with",
];

/// Returns true for a function word in lower case.
pub(super) fn is_function_word(word: &str) -> bool {
    word.chars().count() < 3 || FUNCTION_WORDS.binary_search(&word).is_ok() || stop_words::contains(word)
}

/// Returns the stems of the content words of a text, in text order.
pub(super) fn terms(text: &str) -> Vec<String> {
    let words = text.unicode_words().flat_map(|word| word.split(['.', '\'', '’'])).map(fold);
    let content = words.filter(|word| !is_function_word(word) && !word.contains(char::is_numeric));
    content.map(|word| stem(&word)).collect()
}

/// Returns the stem of a folded word.
pub(super) fn stem(word: &str) -> String {
    match word.contains(arabic::is_letter) {
        true => stem::light(word),
        false => english(word),
    }
}

/// Takes off the endings of English plurals, verbs and adverbs; at least three letters are left.
fn english(word: &str) -> String {
    const ENDINGS: [(&str, &str); 9] = [
        ("ies", "y"),
        ("ied", "y"),
        ("sses", "ss"),
        ("ing", ""),
        ("ly", ""),
        ("ed", ""),
        ("es", ""),
        ("s", ""),
        ("e", ""),
    ];
    let long_enough = |rest: &str| rest.chars().count() >= 3 && rest.contains(['a', 'e', 'i', 'o', 'u', 'y']);
    let mut stem = word.to_owned();
    for (ending, instead) in ENDINGS {
        if ending == "s" && stem.ends_with("ss") {
            continue;
        }
        if let Some(rest) = stem.strip_suffix(ending).filter(|rest| long_enough(rest)) {
            stem = undoubled(rest) + instead;
            break;
        }
    }
    stem.strip_suffix('e').filter(|rest| long_enough(rest)).map_or(stem.clone(), str::to_owned)
}

/// Returns `stop` for `stopp`.
fn undoubled(stem: &str) -> String {
    let mut letters = stem.chars().rev();
    match (letters.next(), letters.next()) {
        (Some(last), Some(before)) if last == before && !matches!(last, 'l' | 's' | 'z' | 'e' | 'o') => {
            stem[..stem.len() - last.len_utf8()].to_owned()
        }
        _ => stem.to_owned(),
    }
}

/// How much each stem of an article tells: the fewer sentences have it, the more.
#[derive(Debug, Clone, Default)]
pub(super) struct Weights {
    sentences: f64,
    counts: BTreeMap<String, f64>,
}

impl Weights {
    /// Counts the sentences that have each stem.
    pub(super) fn of<'a>(sentences: impl Iterator<Item = &'a std::collections::BTreeSet<String>>) -> Weights {
        let mut weights = Weights::default();
        for terms in sentences {
            weights.sentences += 1.0;
            terms.iter().for_each(|term| *weights.counts.entry(term.clone()).or_default() += 1.0);
        }
        weights
    }

    /// Returns ln(1 + n / df), the inverse document frequency of Spärck Jones (1972) over the sentences of an article.
    pub(super) fn of_term(&self, term: &str) -> f64 {
        (1.0 + self.sentences / self.counts.get(term).copied().unwrap_or(1.0)).ln()
    }

    /// Returns the weight of what a single sentence has.
    pub(super) fn most(&self) -> f64 {
        (1.0 + self.sentences).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inflections_share_a_stem() {
        for forms in [
            ["close", "closes", "closed", "closing"],
            ["stop", "stops", "stopped", "stopping"],
            ["city", "cities", "city", "city's"],
            ["official", "officials", "officially", "official’s"],
        ] {
            let stems: Vec<String> = forms.iter().flat_map(|form| terms(form)).collect();
            assert!(stems.len() == 4 && stems.windows(2).all(|pair| pair[0] == pair[1]), "{stems:?}");
        }
        assert_eq!(terms("الجسر"), terms("والجسر"));
    }

    #[test]
    fn function_words_and_numerals_are_left_out() {
        assert!(FUNCTION_WORDS.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(terms("The 12 of them were in Homs"), ["hom"]);
        assert_eq!(terms("في 12 من حمص"), ["حمص"]);
    }

    #[test]
    fn what_few_sentences_have_tells_more() {
        let sets = [["a"], ["a"], ["b"]].map(|terms| terms.map(str::to_owned).into_iter().collect());
        let weights = Weights::of(sets.iter());
        assert!(weights.of_term("a") < weights.of_term("b"));
        assert_eq!(weights.of_term("unknown"), weights.most());
    }
}
