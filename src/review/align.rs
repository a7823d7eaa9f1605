//! Word links: which word of the source each word of the translation was read from.
//!
//! Separate because the evidence is attention over tokens, while a reader thinks in words. The invariant: both ends of
//! a link are whole words of their text, never a part of one.
//!
//! A target word is linked to the source word that received most of its attention (the arg-max reading of Garg et al.
//! 2019, "Jointly Learning to Align and Translate with Transformer Models"), summed over the tokens of the source word
//! and averaged over those of the target word. A word of no own meaning ("of", "the") leans on a neighbour's source word:
//! it is linked only where that word has hardly more of another target word.

mod marks;

use super::WordLink;
use crate::article::Span;
use unicode_segmentation::UnicodeSegmentation;

/// Least share of a target word's attention that its source word must hold to be linked.
///
/// Spread evenly, a sentence of ten tokens gives each word 0.1 to 0.2, so less than this says nothing. This and
/// [`RIVAL`] were set on the even lines of FLORES-200 dev, see `tests/oracle/links.py`.
const THRESHOLD: f32 = 0.3;

/// Least share of a target word, as a part of the largest that any target word has of the same source word.
const RIVAL: f32 = 0.8;

/// What each word of a translation was read from.
pub struct Reading<'a> {
    source: Side<'a>,
    target: Side<'a>,
    attention: &'a [Vec<f32>],
    /// Of each target word.
    shares: Vec<Share>,
}

/// One text of the two.
struct Side<'a> {
    text: &'a str,
    /// The bytes of each token.
    tokens: &'a [Span],
    words: Vec<Span>,
}

impl<'a> Reading<'a> {
    /// Reads attention of target tokens over source tokens; each text comes with the bytes of its tokens.
    ///
    /// `attention[t][s]` is the attention of target token `t` over source token `s`; a token with an empty span (`</s>`)
    /// takes no part.
    pub fn new(source: (&'a str, &'a [Span]), target: (&'a str, &'a [Span]), attention: &'a [Vec<f32>]) -> Reading<'a> {
        let side = |(text, tokens)| Side { text, tokens, words: words(text) };
        let (source, target) = (side(source), side(target));
        let (source_owners, target_owners) =
            (owners(source.tokens, &source.words), owners(target.tokens, &target.words));
        let mut shares = vec![Share::new(source.words.len()); target.words.len()];
        for (row, owner) in attention.iter().zip(&target_owners) {
            if let Some(word) = owner {
                shares[*word].add(row, &source_owners);
            }
        }
        Reading { source, target, attention, shares }
    }

    /// Returns links between whole words as byte ranges, in source order, without repeats.
    ///
    /// Neighbouring target words linked to one source word become one link.
    pub fn word_links(&self) -> Vec<WordLink> {
        let best: Vec<Option<usize>> = self.shares.iter().map(|share| share.best(&self.shares)).collect();
        let mut links = merge(&best, &self.source.words, &self.target.words);
        links.sort_by_key(|(source, target)| (source.start, target.start));
        links
    }

    /// Returns links between marks of punctuation as byte ranges, in source order.
    ///
    /// A token of several marks (`".`) does not say which of them was read: it is the one that means the same, if one does.
    pub fn mark_links(&self) -> Vec<WordLink> {
        marks::links(&self.source, &self.target, self.attention)
    }

    /// Returns, for each word of the source, how many target words' worth of attention it received: 1 where one target word
    /// was read from it alone.
    pub fn attended(&self) -> Vec<f32> {
        (0..self.source.words.len()).map(|word| self.shares.iter().map(|share| share.of(word)).sum()).collect()
    }
}

/// Least attention, in target words, of a source word that counts as read.
///
/// With it and the shares of `checks::unread` the human translations of FLORES-200 dev are told best from those with a
/// piece taken out (the built-in model, which aligns with a head trained for it).
const READ: f32 = 0.3;

/// Returns the words of the source that no part of the target was read from; `attended` as [`Reading::attended`] returns it.
pub fn unread(source: &str, attended: &[f32]) -> Vec<Span> {
    let words = words(source).into_iter().zip(attended);
    words.filter(|(_, received)| **received < READ).map(|(word, _)| word).collect()
}

/// The attention that one target word paid to each source word.
#[derive(Clone)]
struct Share {
    by_word: Vec<f32>,
    tokens: usize,
}

impl Share {
    fn new(source_words: usize) -> Self {
        Share { by_word: vec![0.0; source_words], tokens: 0 }
    }

    fn add(&mut self, row: &[f32], source_owners: &[Option<usize>]) {
        self.tokens += 1;
        for (weight, owner) in row.iter().zip(source_owners) {
            if let Some(word) = owner {
                self.by_word[*word] += weight;
            }
        }
    }

    /// Returns the part of the target word's attention that a source word has.
    fn of(&self, word: usize) -> f32 {
        self.by_word[word] / self.tokens.max(1) as f32
    }

    /// Returns the source word with the largest share, the first of equals, if that share is large enough by itself and
    /// beside those that `all` target words have of it.
    fn best(&self, all: &[Share]) -> Option<usize> {
        let larger = |best: usize, word: usize| if self.of(word) > self.of(best) { word } else { best };
        let word = (0..self.by_word.len()).reduce(larger)?;
        let largest = all.iter().map(|share| share.of(word)).fold(0.0, f32::max);
        (self.of(word) >= THRESHOLD.max(RIVAL * largest)).then_some(word)
    }
}

/// Returns the byte ranges of the words of a text, as UAX 29 finds them: punctuation and white space are no words.
pub fn words(text: &str) -> Vec<Span> {
    text.unicode_word_indices().map(|(start, word)| start..start + word.len()).collect()
}

/// Returns, for each token, the word that it shares most bytes with.
fn owners(tokens: &[Span], words: &[Span]) -> Vec<Option<usize>> {
    let overlap = |token: &Span, word: &Span| token.end.min(word.end).saturating_sub(token.start.max(word.start));
    let owner = |token: &Span| {
        let first = words.partition_point(|word| word.end <= token.start);
        let touching = words[first..].iter().take_while(|word| word.start < token.end);
        let shared = touching.enumerate().map(|(offset, word)| (overlap(token, word), first + offset));
        shared.filter(|(bytes, _)| *bytes > 0).max_by_key(|&(bytes, word)| (bytes, usize::MAX - word))
    };
    tokens.iter().map(|token| owner(token).map(|(_, word)| word)).collect()
}

fn merge(best: &[Option<usize>], source_words: &[Span], target_words: &[Span]) -> Vec<WordLink> {
    let mut links: Vec<WordLink> = Vec::new();
    let mut previous = None;
    for (&source, target) in best.iter().zip(target_words) {
        match (source, links.last_mut()) {
            (Some(_), Some(last)) if source == previous => last.1.end = target.end,
            (Some(word), _) => links.push((source_words[word].clone(), target.clone())),
            (None, _) => {}
        }
        previous = source;
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Cuts a text into tokens of at most two characters, the space before a word belonging to its first token.
    fn tokens(text: &str) -> Vec<Span> {
        let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).step_by(2).collect();
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        starts
            .iter()
            .copied()
            .zip(ends)
            .map(|(start, end)| start..end)
            .chain(std::iter::once(text.len()..text.len()))
            .collect()
    }

    pub(super) fn texts<'a>(source: &'a str, target: &'a str, links: &[WordLink]) -> Vec<(&'a str, &'a str)> {
        links.iter().map(|(s, t)| (&source[s.clone()], &target[t.clone()])).collect()
    }

    #[test]
    fn tokens_are_gathered_into_whole_words() {
        let (source, target) = ("قتل ثلاثة", "three killed.");
        let source_spans = [0..6, 6..11, 11..17, 17..17];
        let target_spans = [0..5, 5..8, 8..12, 12..13, 13..13];
        let attention = [
            vec![0.1, 0.4, 0.4, 0.1],
            vec![0.7, 0.1, 0.1, 0.1],
            vec![0.6, 0.1, 0.1, 0.2],
            vec![0.0, 0.0, 0.0, 1.0],
            vec![0.0, 0.0, 0.0, 1.0],
        ];
        let links = Reading::new((source, &source_spans), (target, &target_spans), &attention).word_links();
        assert_eq!(texts(source, target, &links), [("قتل", "killed"), ("ثلاثة", "three")]);
    }

    #[test]
    fn neighbouring_words_of_one_source_word_are_one_link() {
        let (source, target) = ("سيكتبونها", "they will write it");
        let target_spans = [0..4, 4..9, 9..15, 15..18, 18..18];
        let attention = vec![vec![0.9, 0.1]; 5];
        let links = Reading::new((source, &[0..18, 18..18]), (target, &target_spans), &attention).word_links();
        assert_eq!(links, [(0..18, 0..18)]);
    }

    #[test]
    fn what_no_word_was_read_from_is_unread() {
        let (source, target) = ("قتل ثلاثة", "killed.");
        let attention = vec![vec![0.8, 0.1, 0.1], vec![0.0, 0.0, 1.0]];
        let attended = Reading::new((source, &[0..6, 6..17, 17..17]), (target, &[0..6, 7..7]), &attention).attended();
        assert_eq!(unread(source, &attended).as_slice(), std::slice::from_ref(&(7..17)));
        assert!(unread(source, &[0.9, 0.9]).is_empty());
    }

    #[test]
    fn a_word_that_leans_on_its_neighbours_source_word_is_not_linked() {
        let (source, target) = ("فرنسا", "of France");
        let attention = vec![vec![0.5, 0.5], vec![0.9, 0.1], vec![0.0, 1.0]];
        let links = Reading::new((source, &[0..10, 10..10]), (target, &[0..2, 2..9, 9..9]), &attention).word_links();
        assert_eq!(texts(source, target, &links), [("فرنسا", "France")]);
    }

    #[test]
    fn attention_spread_thin_links_nothing() {
        let source = "ا ب ت ث ج ح خ د ذ ر";
        let spans = words(source);
        let links =
            Reading::new((source, &spans), ("word", &[0..4, 4..4]), &[vec![0.1; 10], vec![0.1; 10]]).word_links();
        assert_eq!(links, []);
    }

    #[test]
    fn attention_to_the_end_of_sentence_links_nothing() {
        assert_eq!(
            Reading::new(("نعم", &[0..6, 6..6]), ("yes", &[0..3, 3..3]), &[vec![0.1, 0.9], vec![0.1, 0.9]])
                .word_links(),
            []
        );
    }

    proptest! {
        #[test]
        fn links_are_whole_words_ordered_and_unique(
            source in "[ابتث٠-٩ .،\\-]{0,24}", target in "[a-e0-9 .,']{0,24}", seed in proptest::collection::vec(0.0f32..1.0, 625)
        ) {
            let (source_spans, target_spans) = (tokens(&source), tokens(&target));
            let attention: Vec<Vec<f32>> = target_spans.iter().enumerate().map(|(t, _)| {
                source_spans.iter().enumerate().map(|(s, _)| seed[(t * 25 + s) % 625]).collect()
            }).collect();
            let links = Reading::new((&source, &source_spans), (&target, &target_spans), &attention).word_links();
            let (source_words, target_words) = (words(&source), words(&target));
            for (s, t) in &links {
                prop_assert!(source_words.contains(s));
                prop_assert!(target_words.iter().any(|w| w.start == t.start));
                prop_assert!(target_words.iter().any(|w| w.end == t.end));
            }
            let keys: Vec<_> = links.iter().map(|(s, t)| (s.start, t.start)).collect();
            prop_assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
