//! Light stemming of Arabic words, so that «الجسر», «وجسر» and «بالجسر» count as one term.
//!
//! Separate because it is a published algorithm with its own tests: light10 (Larkey, Ballesteros and Connell 2007,
//! "Light Stemming for Arabic Information Retrieval"). The invariant: at least two letters of a word are left.

use crate::article::normalize::fold;
use unicode_segmentation::UnicodeSegmentation;

/// Articles, longest first, as folding leaves them.
const ARTICLES: [&str; 6] = ["وال", "بال", "كال", "فال", "ال", "لل"];
/// Suffixes in the order light10 tries them; folding has already made ه of ة.
const SUFFIXES: [&str; 8] = ["ها", "ان", "ات", "ون", "ين", "يه", "ه", "ي"];
const SHORTEST: usize = 2;

/// Returns the words of a text, folded and in lower case.
pub(in crate::review) fn words(text: &str) -> Vec<String> {
    text.unicode_words().map(fold).filter(|word| !word.is_empty()).collect()
}

/// Returns the light stem of a folded word.
pub(in crate::review) fn light(word: &str) -> String {
    let mut stem = without_prefix(word);
    for suffix in SUFFIXES {
        if let Some(rest) = stem.strip_suffix(suffix).filter(|rest| rest.chars().count() >= SHORTEST) {
            stem = rest;
        }
    }
    stem.to_owned()
}

fn without_prefix(word: &str) -> &str {
    for article in ARTICLES {
        if let Some(rest) = word.strip_prefix(article).filter(|rest| rest.chars().count() >= SHORTEST) {
            return rest;
        }
    }
    // «و» alone is often a letter of the word itself: light10 asks for three letters after it.
    word.strip_prefix('و').filter(|rest| rest.chars().count() > SHORTEST).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stem(word: &str) -> String {
        light(&words(word).concat())
    }

    #[test]
    fn forms_of_one_word_share_a_stem() {
        for form in ["الجسر", "والجسر", "بالجسر", "للجسر", "جسرين", "جسران", "جِسْر"]
        {
            assert_eq!(stem(form), "جسر", "{form}");
        }
        assert_eq!(stem("المدرسة"), stem("مدرسات"));
    }

    #[test]
    fn short_words_keep_their_letters() {
        assert_eq!(stem("ولد"), "ولد");
        assert_eq!(stem("ها"), "ها");
    }

    proptest! {
        #[test]
        fn at_least_two_letters_are_left(word in "[ابتوليهنن]{2,9}") {
            prop_assert!(light(&word).chars().count() >= 2);
        }
    }
}
