//! Which sentences of the article a written sentence rests on, and how much of it they bear out.
//!
//! Separate because it is measured by itself, on summaries whose sources are known. The invariant: what is called
//! support is counted in words and numbers that both sides have; attention only helps to choose.
//!
//! For a written sentence m and a sentence s of the article, with w the inverse document frequency of a stem in the
//! article, numbers weighing as much as the rarest stem and stems of names twice their own:
//!
//! ```text
//! support(m, s) = sum of w over stems and numbers of m that s has / sum of w over all of m
//! link(m, s)    = 0.75 * support(m, s) + 0.25 * attention(m, s)
//! ```
//!
//! The best link is cited first; then whichever sentence adds most to what is borne out, while that is worth a cite.

use super::{
    Passage,
    words::{Weights, is_function_word, stem, terms},
};
use crate::{
    article::{Span, normalize::fold},
    review::checks::unstated_numbers,
};
use std::collections::{BTreeMap, BTreeSet};
use unicode_segmentation::UnicodeSegmentation;

const SUPPORT_SHARE: f64 = 0.75;
/// The most sentences one is said to rest on.
const MOST_CITES: usize = 3;
/// The least share of a sentence that a further cite must add.
const WORTH_A_CITE: f64 = 0.12;
/// The least share that it must add in words other than names and numbers: these may be anybody's.
const WORTH_IN_WORDS: f64 = 0.06;
/// The least share of words that must be in common before a number in common counts: any text may have a 3.
const COMMON_GROUND: f64 = 0.15;
/// How much more a name weighs than another word as rare.
const NAME: f64 = 2.0;

/// The sentences of an article, ready to be compared with.
#[derive(Debug, Clone, Default)]
pub struct Sources<'a> {
    /// The sentences.
    pub texts: Vec<&'a str>,
    terms: Vec<BTreeSet<String>>,
    weights: Weights,
}

/// What a written sentence rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Linked {
    /// Places of the sentences, best first, each with how much of it that one bears out; never empty where there are any.
    pub cites: Vec<(usize, f32)>,
    /// How much they bear out together, 0 to 1.
    pub support: f32,
}

impl<'a> Sources<'a> {
    /// Prepares the sentences of an article.
    pub fn new(texts: Vec<&'a str>) -> Sources<'a> {
        let terms: Vec<BTreeSet<String>> = texts.iter().map(|text| terms(text).into_iter().collect()).collect();
        Sources { weights: Weights::of(terms.iter()), texts, terms }
    }

    /// Returns what a written sentence rests on.
    pub fn link(&self, passage: &Passage) -> Linked {
        let claim = Claim::of(&passage.text, &self.weights);
        let borne: Vec<Borne> = (0..self.texts.len()).map(|index| claim.borne_by(self, index)).collect();
        let attention = |index: usize| f64::from(passage.origin.get(index).copied().unwrap_or(0.0));
        let (mut cites, mut together) = (Vec::new(), Borne::default());
        while cites.len() < MOST_CITES {
            let before = claim.share(&together);
            let value = |index: usize| {
                let gain = claim.share(&together.with(&borne[index])) - before;
                let plain = claim.plain_share(&together.with(&borne[index])) - claim.plain_share(&together);
                let is_worth = gain >= WORTH_A_CITE && plain >= WORTH_IN_WORDS;
                (SUPPORT_SHARE * gain + (1.0 - SUPPORT_SHARE) * attention(index), is_worth)
            };
            let left = (0..borne.len()).filter(|index| !cites.iter().any(|(cited, _)| cited == index));
            // Reversed, so that of equal values the earliest sentence is the greatest.
            let best =
                left.map(|index| (value(index), index)).max_by(|a, b| a.0.0.total_cmp(&b.0.0).then(b.1.cmp(&a.1)));
            match best {
                Some(((_, is_worth), index)) if cites.is_empty() || is_worth => {
                    together = together.with(&borne[index]);
                    cites.push((index, claim.share(&borne[index]) as f32));
                }
                _ => break,
            }
        }
        Linked { cites, support: claim.share(&together) as f32 }
    }
}

/// What a sentence claims: stems and numbers, each with its weight.
struct Claim<'a> {
    text: &'a str,
    terms: BTreeMap<String, f64>,
    names: BTreeSet<String>,
    numbers: Vec<Span>,
    number: f64,
}

/// What of a claim is borne out.
#[derive(Debug, Clone, Default)]
struct Borne {
    terms: BTreeSet<String>,
    numbers: BTreeSet<usize>,
}

impl Borne {
    fn with(&self, other: &Borne) -> Borne {
        Borne { terms: &self.terms | &other.terms, numbers: &self.numbers | &other.numbers }
    }
}

impl<'a> Claim<'a> {
    fn of(text: &'a str, weights: &Weights) -> Claim<'a> {
        let names = name_stems(text);
        let weight = |term: &String| weights.of_term(term) * if names.contains(term) { NAME } else { 1.0 };
        let terms = terms(text).into_iter().map(|term| (weight(&term), term)).map(|(weight, term)| (term, weight));
        Claim { text, terms: terms.collect(), names, numbers: unstated_numbers(text, ""), number: weights.most() }
    }

    fn borne_by(&self, sources: &Sources<'_>, index: usize) -> Borne {
        let terms: BTreeSet<String> =
            self.terms.keys().filter(|term| sources.terms[index].contains(*term)).cloned().collect();
        let weight = |terms: &mut dyn Iterator<Item = &String>| terms.map(|term| self.terms[term]).sum::<f64>();
        let common = weight(&mut terms.iter()) / weight(&mut self.terms.keys()).max(f64::MIN_POSITIVE);
        let mut numbers = BTreeSet::new();
        if common >= COMMON_GROUND || self.terms.is_empty() {
            let missing = unstated_numbers(self.text, sources.texts[index]);
            numbers.extend((0..self.numbers.len()).filter(|number| !missing.contains(&self.numbers[*number])));
        }
        Borne { terms, numbers }
    }

    fn whole(&self) -> f64 {
        self.terms.values().sum::<f64>() + self.number * self.numbers.len() as f64
    }

    /// Returns the share of the claim that words other than names and numbers bear out.
    fn plain_share(&self, borne: &Borne) -> f64 {
        let plain = borne.terms.iter().filter(|term| !self.names.contains(*term));
        plain.map(|term| self.terms[term]).sum::<f64>() / self.whole().max(f64::MIN_POSITIVE)
    }

    /// Returns the share of the claim that is borne out.
    fn share(&self, borne: &Borne) -> f64 {
        let all = self.whole();
        let there =
            borne.terms.iter().map(|term| self.terms[term]).sum::<f64>() + self.number * borne.numbers.len() as f64;
        if all > 0.0 { there / all } else { 0.0 }
    }
}

/// Returns the stems of words with a capital that are none for standing first.
fn name_stems(text: &str) -> BTreeSet<String> {
    let capital = |word: &&str| word.chars().next().is_some_and(char::is_uppercase);
    let words = text.unicode_words().skip(1).filter(capital).map(fold);
    words.filter(|word| !is_function_word(word)).map(|word| stem(&word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARTICLE: [&str; 4] = [
        "The governor of Homs opened the repaired water plant on Monday.",
        "Engineers replaced 14 pumps that were destroyed in 2015.",
        "About 2,254 families will get clean water every day.",
        "Residents said they had waited for six years.",
    ];

    fn link(text: &str, origin: &[f32]) -> Linked {
        Sources::new(ARTICLE.to_vec()).link(&Passage { text: text.into(), origin: origin.into() })
    }

    fn cited(text: &str) -> Vec<usize> {
        link(text, &[]).cites.into_iter().map(|(index, _)| index).collect()
    }

    #[test]
    fn a_sentence_rests_on_what_says_the_same() {
        assert_eq!(cited("Homs' governor has opened a water plant that was repaired."), [0]);
        assert_eq!(cited("Fourteen pumps destroyed in 2015 were replaced."), [1]);
    }

    #[test]
    fn a_sentence_of_two_rests_on_both() {
        let mut both = cited("The plant in Homs opened on Monday and 2,254 families will get water daily.");
        both.sort_unstable();
        assert_eq!(both, [0, 2]);
    }

    #[test]
    fn attention_decides_where_words_do_not() {
        assert_eq!(link("It was a happy moment.", &[0.1, 0.1, 0.1, 0.7]).cites[0].0, 3);
        assert!(link("It was a happy moment.", &[0.1, 0.1, 0.1, 0.7]).support < 0.4);
    }

    #[test]
    fn support_is_whole_for_a_copy_and_falls_with_what_is_added() {
        assert_eq!(link(ARTICLE[1], &[]).support, 1.0);
        let added = link("Engineers from Norway replaced 14 pumps and painted every wall blue.", &[]).support;
        assert!((0.2..0.8).contains(&added), "{added}");
    }

    #[test]
    fn an_article_without_sentences_bears_nothing_out() {
        let linked = Sources::new(Vec::new()).link(&Passage { text: "Text.".into(), origin: vec![] });
        assert_eq!(linked, Linked { cites: vec![], support: 0.0 });
    }
}
