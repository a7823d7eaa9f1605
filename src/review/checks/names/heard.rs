//! Where in a translation a name of the Arabic may be heard.
//!
//! Separate because English tells names by their capital, and a common word that sounds like a name is no name. The
//! invariant: a short name, which sounds like many words, is heard only in one that is nearly the same.

use super::{ALIKE, EXONYMS, Piece, begins_alike, distance};
use crate::article::arabic;

/// Letters of a name, at least, that is heard in a word without a capital, and the distance up to which it is.
const LONG: usize = 6;
const BORROWED: f32 = 0.25;
/// Consonants of a short name, at most, and the distance up to which it is heard.
const SHORT: usize = 2;
const NEARLY: f32 = 0.3;

/// The words of a translation.
pub(super) struct English<'a> {
    /// Words with a capital; all words of a text that has none.
    names: Vec<&'a str>,
    /// The others: among them are the words that both languages borrowed, «تلفزيون».
    others: Vec<&'a str>,
}

impl<'a> English<'a> {
    /// Returns the words of a text that was cut into pieces.
    pub(super) fn new(text: &str, pieces: &'a [Piece]) -> Self {
        let words = pieces.iter().filter_map(|piece| Some((piece.word()?, &text[piece.span.clone()])));
        let words = words.filter(|(word, _)| !arabic::is_weekday(word));
        let (names, others): (Vec<_>, Vec<_>) = words.partition(|(_, written)| written.starts_with(char::is_uppercase));
        let words = |pairs: Vec<(&'a str, &str)>| pairs.into_iter().map(|(word, _)| word).collect::<Vec<_>>();
        match names.is_empty() {
            true => English { names: words(others), others: Vec::new() },
            false => English { names: words(names), others: words(others) },
        }
    }

    /// Returns true where a word of a name is heard, or its words as one.
    pub(super) fn hears(&self, name: &[&str]) -> bool {
        // A place behind the name has its preposition joined: in «ريك بيري بموسكو» Moscow names nobody.
        let own = |index: usize, word: &str| self.names.iter().any(|other| has_own_word(other, word, index == 0));
        name.iter().enumerate().any(|(index, word)| self.sounds(word) || own(index, word))
            || self.sounds(&name.concat())
    }

    /// What is joined to a name is joined to its office instead: «كوربين» is not «ك» and a word.
    fn sounds(&self, name: &str) -> bool {
        let alike = |other: &str, most: f32| begins_alike(name, other) && distance(name, other) <= most;
        let consonants = name.chars().filter(|c| !matches!(c, 'ا' | 'و' | 'ي' | 'ه')).count();
        let most = if consonants <= SHORT { NEARLY } else { ALIKE };
        self.names.iter().any(|other| alike(other, most))
            || (name.chars().count() >= LONG && self.others.iter().any(|other| alike(other, BORROWED)))
    }
}

/// Returns true where an Arabic word is the one that Arabic has of its own for an English name.
fn has_own_word(english: &str, word: &str, may_be_joined: bool) -> bool {
    let mut own = EXONYMS.iter().filter(|(name, _)| english.starts_with(name)).flat_map(|(_, arabic)| *arabic);
    own.any(|own| word.starts_with(own) || (may_be_joined && word.contains(own)))
}

#[cfg(test)]
mod tests {
    use super::{super::scan, *};

    fn hears(text: &str, name: &[&str]) -> bool {
        English::new(text, &scan(text)).hears(name)
    }

    #[test]
    fn a_name_is_not_heard_in_a_common_word_that_sounds_alike() {
        assert!(!hears("The better coach", &["بيتر"]));
        assert!(hears("The coach Peter", &["بيتر"]));
        assert!(hears("the coach peter", &["بيتر"]), "a text without capitals");
        assert!(hears("The head of state television", &["تلفزيون"]), "a borrowed word");
    }

    #[test]
    fn a_short_name_is_heard_in_what_is_nearly_the_same() {
        assert!(hears("Ryan said", &["ريان"]) && hears("Kim said", &["كيم"]) && hears("Bush said", &["بوش"]));
        assert!(!hears("The Russian said", &["ريان"]));
        assert!(!hears("The Youth Band", &["فان"]));
        assert!(hears("Ford spoke on Friday", &["فورد"]) && !hears("She spoke on Friday", &["فورد"]));
    }

    #[test]
    fn a_place_behind_a_name_is_not_the_name() {
        assert!(hears("He left for Egypt", &["لمصر"]));
        assert!(!hears("He met him in Cairo, Egypt", &["ريك", "بيري", "بمصر"]));
    }
}
