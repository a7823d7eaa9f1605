//! Whole sentences packed into as few texts as fit a model, of about equal length.
//!
//! Separate because it is the only place where the length of a model decides what is read together. The invariants: no
//! part is over the budget but where a single character is, and the parts in order hold every sentence; only a sentence
//! that is over the budget by itself is cut.

use super::Passage;
use crate::article::{Span, chunk};

/// A text to summarize.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    /// The sentences, joined by spaces.
    pub text: String,
    /// The bytes of each, by its place in the round.
    pub(super) spans: Vec<(usize, Span)>,
}

impl Part {
    fn of(pieces: &[Piece<'_>]) -> Part {
        let mut part = Part::default();
        for piece in pieces {
            if !part.text.is_empty() {
                part.text.push(' ');
            }
            let start = part.text.len();
            part.text.push_str(piece.text);
            part.spans.push((piece.passage, start..part.text.len()));
        }
        part
    }

    /// Returns the sentence of the round that a byte of the text belongs to.
    pub(super) fn passage_at(&self, byte: usize) -> Option<usize> {
        self.spans.iter().find(|(_, span)| span.contains(&byte)).map(|(passage, _)| *passage)
    }
}

/// A sentence, or a part of one that is too long.
struct Piece<'a> {
    passage: usize,
    text: &'a str,
    tokens: usize,
}

/// Packs sentences into parts; `count` returns the tokens of a text, what stands around every text among them.
pub(super) fn pack(passages: &[Passage], budget: usize, count: &dyn Fn(&str) -> usize) -> Vec<Part> {
    let around = count("");
    let pieces = passages.iter().enumerate().flat_map(|(passage, Passage { text, .. })| {
        let piece = move |span: Span| {
            let text = &text[span];
            Piece { passage, text, tokens: count(text).saturating_sub(around) }
        };
        chunk::split(text, budget, count).into_iter().map(piece)
    });
    let pieces: Vec<Piece<'_>> = pieces.collect();
    let mut parts = Vec::new();
    for group in groups(&pieces, budget.saturating_sub(around).max(1)) {
        fit(group, budget, count, &mut parts);
    }
    parts
}

/// Cuts the list where a share of all tokens is full, shares being as many as are needed.
fn groups<'p, 'a>(pieces: &'p [Piece<'a>], room: usize) -> Vec<&'p [Piece<'a>]> {
    let total: usize = pieces.iter().map(|piece| piece.tokens).sum();
    let share = total.div_ceil(total.div_ceil(room).max(1));
    let (mut groups, mut start, mut held) = (Vec::new(), 0, 0);
    for (index, piece) in pieces.iter().enumerate() {
        // A share may be passed by half of a sentence, the room by none.
        if index > start && (held + piece.tokens > room || held + piece.tokens / 2 > share) {
            groups.push(&pieces[start..index]);
            (start, held) = (index, 0);
        }
        held += piece.tokens;
    }
    if start < pieces.len() {
        groups.push(&pieces[start..]);
    }
    groups
}

/// Adds a group as one part, or as two where joining made it longer than its sentences apart.
fn fit(group: &[Piece<'_>], budget: usize, count: &dyn Fn(&str) -> usize, parts: &mut Vec<Part>) {
    let part = Part::of(group);
    if group.len() < 2 || count(&part.text) <= budget {
        parts.push(part);
    } else {
        let (first, second) = group.split_at(group.len() / 2);
        fit(first, budget, count, parts);
        fit(second, budget, count, parts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Two marks stand around every text.
    fn count(text: &str) -> usize {
        text.split_whitespace().count() + 2
    }

    fn passages(texts: &[String]) -> Vec<Passage> {
        texts.iter().map(|text| Passage { text: text.clone(), origin: Vec::new() }).collect()
    }

    fn lengths(sentences: &[usize], budget: usize) -> Vec<usize> {
        let texts: Vec<String> = sentences.iter().map(|words| vec!["word"; *words].join(" ")).collect();
        pack(&passages(&texts), budget, &count).iter().map(|part| count(&part.text)).collect()
    }

    #[test]
    fn parts_are_about_equal() {
        assert_eq!(lengths(&[5, 5, 5, 5, 5], 20), [17, 12]);
        assert_eq!(lengths(&[5, 5], 20), [12]);
    }

    #[test]
    fn a_sentence_over_the_budget_is_cut_and_no_other() {
        assert_eq!(lengths(&[30, 3], 12).iter().map(|length| length - 2).sum::<usize>(), 33);
        assert!(lengths(&[30, 3], 12).iter().all(|length| *length <= 12));
    }

    proptest! {
        #[test]
        fn every_sentence_is_there_and_none_is_over(words in prop::collection::vec(1usize..9, 0..30), budget in 11usize..40) {
            let texts: Vec<String> = words.iter().enumerate().map(|(i, n)| vec![format!("w{i}"); *n].join(" ")).collect();
            let parts = pack(&passages(&texts), budget, &count);
            prop_assert!(parts.iter().all(|part| count(&part.text) <= budget));
            let joined: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
            prop_assert_eq!(joined.join(" "), texts.join(" "));
            for part in &parts {
                for (passage, span) in &part.spans {
                    prop_assert_eq!(&part.text[span.clone()], texts[*passage].as_str());
                }
            }
        }
    }
}
