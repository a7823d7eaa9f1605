//! What a model wrote, as sentences that know what they were read from.
//!
//! Separate because models end sentences in their own ways. The invariant: a sentence is text that the model wrote, but
//! for marks that stand for line breaks, spaces before punctuation, and a last sentence that the length limit cut off.

use super::{Part, Passage};
use crate::article::{Span, segment};

/// Pegasus' mark for the end of a line.
const LINE_BREAK: &str = "<n>";

/// What a model wrote for one part.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    /// The text.
    pub text: String,
    /// Bytes of the text that each target token covers.
    pub spans: Vec<Span>,
    /// Bytes of the part that each source token covers; empty for marks and the prompt.
    pub source_spans: Vec<Span>,
    /// Attention of each target token over the source tokens.
    pub attention: Vec<Vec<f32>>,
}

/// Returns the sentences of an output; `round` holds the sentences that its part was made of.
pub(super) fn passages(part: &Part, output: &Output, round: &[Passage]) -> Vec<Passage> {
    let owners: Vec<Option<usize>> = output.source_spans.iter().map(|span| owner(part, span)).collect();
    let passage = |span: Span| {
        let text = tidied(&output.text[span.clone()]);
        let origin = origin(output, &span, &owners, round);
        Passage { text, origin }
    };
    sentences(&output.text).into_iter().map(passage).filter(|p| p.text.contains(char::is_alphanumeric)).collect()
}

fn owner(part: &Part, span: &Span) -> Option<usize> {
    if span.is_empty() { None } else { part.passage_at(span.start) }
}

/// Returns the sentences of a text; of several, a last one that does not end is left out.
fn sentences(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split(LINE_BREAK) {
        found.extend(segment::sentences(text, start..start + line.len()));
        start += line.len() + LINE_BREAK.len();
    }
    let ends = |span: &Span| text[span.clone()].ends_with(['.', '!', '?', '؟', '…', '"', '”', '»', ')', '\'', '’']);
    if found.len() > 1 && !found.last().is_some_and(ends) && !text.trim_end().ends_with(LINE_BREAK) {
        found.pop();
    }
    found
}

/// Returns the text without spaces before punctuation, as models of CNN's news write them.
fn tidied(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    for c in text.trim().chars() {
        if matches!(c, '.' | ',' | '!' | '?' | ';' | '؟' | '،') && tidy.ends_with(' ') {
            tidy.pop();
        }
        tidy.push(c);
    }
    tidy
}

/// Returns the share of a sentence's attention by sentence of the article, through the sentences of the round.
fn origin(output: &Output, span: &Span, owners: &[Option<usize>], round: &[Passage]) -> Vec<f32> {
    let mut by_passage = vec![0.0f32; round.len()];
    let rows = output.spans.iter().zip(&output.attention);
    for (_, row) in rows.filter(|(token, _)| !token.is_empty() && span.contains(&token.start)) {
        for (weight, owner) in row.iter().zip(owners) {
            if let Some(passage) = owner {
                by_passage[*passage] += weight;
            }
        }
    }
    let mut origin = vec![0.0f32; round.first().map_or(0, |passage| passage.origin.len())];
    for (weight, passage) in by_passage.iter().zip(round).filter(|(weight, _)| **weight > 0.0) {
        origin.iter_mut().zip(&passage.origin).for_each(|(sum, share)| *sum += weight * share);
    }
    let total: f32 = origin.iter().sum();
    if total > 0.0 {
        origin.iter_mut().for_each(|share| *share /= total);
    }
    origin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|span| &text[span]).collect()
    }

    #[test]
    fn sentences_end_as_models_end_them() {
        assert_eq!(
            cut(" Mr. Hart of the U.N. came . He left on Monday ."),
            ["Mr. Hart of the U.N. came .", "He left on Monday ."]
        );
        assert_eq!(cut("The bridge is open .<n>It cost 2 million<n>"), ["The bridge is open .", "It cost 2 million"]);
        assert_eq!(cut("فتح الجسر اليوم. وكلف مليونين."), ["فتح الجسر اليوم.", "وكلف مليونين."]);
    }

    #[test]
    fn a_last_sentence_that_was_cut_off_is_left_out_unless_it_is_all() {
        assert_eq!(cut("The bridge is open. It cost two"), ["The bridge is open."]);
        assert_eq!(cut("The bridge is"), ["The bridge is"]);
    }

    #[test]
    fn spaces_before_punctuation_go() {
        assert_eq!(tidied(" He came , he said . "), "He came, he said.");
    }

    #[test]
    fn attention_is_carried_through_a_round() {
        let halves = vec![0.5, 0.5, 0.0];
        let round = [
            Passage { text: "One.".into(), origin: halves },
            Passage { text: "Two.".into(), origin: vec![0.0, 0.0, 1.0] },
        ];
        let part = Part { text: "One. Two.".into(), spans: vec![(0, 0..4), (1, 5..9)] };
        let output = Output {
            text: "Three.".into(),
            spans: vec![0..5, 5..6, 6..6],
            source_spans: vec![0..3, 3..4, 5..8, 8..9, 9..9],
            attention: vec![
                vec![0.2, 0.0, 0.2, 0.0, 0.6],
                vec![0.2, 0.0, 0.2, 0.0, 0.6],
                vec![1.0, 0.0, 0.0, 0.0, 0.0],
            ],
        };
        assert_eq!(passages(&part, &output, &round)[0].origin, [0.25, 0.25, 0.5]);
    }
}
