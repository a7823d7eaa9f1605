//! Links of punctuation: which mark of the source each mark of the translation was read from.
//!
//! Separate because marks are no words: they say where a clause or a quotation went, and nothing that looks for names or
//! numbers may take them for evidence. The invariant: both ends of a link are one mark that stands outside all words.

use super::{Side, Span, WordLink};
use crate::article::arabic;
use std::cmp::Reverse;

/// Least attention of a mark that the marks of the source must hold for a link; set on the even lines of FLORES-200 dev,
/// see `tests/oracle/links.py`.
const THRESHOLD: f32 = 0.2;

/// Returns links between the marks of two texts, in source order.
pub(super) fn links(source: &Side<'_>, target: &Side<'_>, attention: &[Vec<f32>]) -> Vec<WordLink> {
    let ours = marks(source.text, &source.words);
    let held: Vec<Vec<usize>> = source.tokens.iter().map(|token| held(token, &ours)).collect();
    let link = |theirs: &Span| {
        let received = received(theirs, target.tokens, attention, &held, ours.len());
        let means_same =
            |mark: usize| meaning(&source.text[ours[mark].clone()]) == meaning(&target.text[theirs.clone()]);
        let nearest = |a: &usize, b: &usize| {
            let tie = |mark: usize| (means_same(mark), Reverse(mark));
            received[*a].total_cmp(&received[*b]).then_with(|| tie(*a).cmp(&tie(*b)))
        };
        let best = (0..ours.len()).max_by(nearest)?;
        (received[best] >= THRESHOLD).then(|| (ours[best].clone(), theirs.clone()))
    };
    let mut links: Vec<WordLink> = marks(target.text, &target.words).iter().filter_map(link).collect();
    links.sort_by_key(|(source, target)| (source.start, target.start));
    links
}

/// Returns the byte ranges of the visible characters outside words, in text order.
fn marks(text: &str, words: &[Span]) -> Vec<Span> {
    let is_outside = |at: usize| {
        let word = words.partition_point(|word| word.end <= at);
        words.get(word).is_none_or(|word| at < word.start)
    };
    let is_mark = |c: char| {
        let part_of_a_word = c.is_alphanumeric() || arabic::is_mark(c) || c == arabic::TATWEEL;
        !(part_of_a_word || c.is_whitespace() || c.is_control() || arabic::is_invisible(c))
    };
    let found = text.char_indices().filter(|(at, c)| is_mark(*c) && is_outside(*at));
    found.map(|(at, c)| at..at + c.len_utf8()).collect()
}

/// Returns the places of the marks that a token holds.
fn held(token: &Span, marks: &[Span]) -> Vec<usize> {
    let first = marks.partition_point(|mark| mark.end <= token.start);
    (first..marks.len()).take_while(|mark| marks[*mark].start < token.end).collect()
}

/// Returns the attention that one mark of the target paid to each of the source's marks, by the mean of its tokens.
fn received(mark: &Span, target_spans: &[Span], attention: &[Vec<f32>], held: &[Vec<usize>], marks: usize) -> Vec<f32> {
    let tokens = target_spans.iter().zip(attention);
    let rows: Vec<_> = tokens.filter(|(token, _)| token.start < mark.end && mark.start < token.end).collect();
    let mut sums = vec![0.0; marks];
    for (weight, held) in rows.iter().flat_map(|(_, row)| row.iter().zip(held)) {
        held.iter().for_each(|mark| sums[*mark] += weight / rows.len() as f32);
    }
    sums
}

/// Returns what a mark is written as in English; quotation marks are one.
fn meaning(mark: &str) -> &str {
    match mark {
        "،" => ",",
        "؛" => ";",
        "؟" => "?",
        "٪" => "%",
        "«" | "»" | "“" | "”" | "„" => "\"",
        "–" | "—" => "-",
        _ => mark,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Reading, tests::texts, words},
        *,
    };
    use proptest::prelude::*;

    #[test]
    fn a_mark_is_linked_to_the_mark_it_was_read_from_whatever_it_is() {
        let (source, target) = ("نعم، لا.", "No; yes.");
        let source_spans = [0..6, 6..8, 9..13, 13..14];
        let target_spans = [0..2, 2..3, 4..7, 7..8];
        let attention =
            [vec![0.0, 0.0, 1.0, 0.0], vec![0.4, 0.5, 0.0, 0.1], vec![1.0, 0.0, 0.0, 0.0], vec![0.0, 0.1, 0.0, 0.9]];
        let links = Reading::new((source, &source_spans), (target, &target_spans), &attention).mark_links();
        assert_eq!(texts(source, target, &links), [("،", ";"), (".", ".")]);
    }

    #[test]
    fn of_the_marks_of_one_token_the_one_that_means_the_same_is_taken() {
        let (source, target) = ("(نعم)،", "(yes),");
        let links = Reading::new(
            (source, &[0..1, 1..7, 7..10]),
            (target, &[0..1, 1..4, 4..5, 5..6]),
            &[vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0], vec![0.0, 0.1, 0.9], vec![0.0, 0.1, 0.9]],
        )
        .mark_links();
        assert_eq!(texts(source, target, &links), [("(", "("), (")", ")"), ("،", ",")]);
    }

    #[test]
    fn a_mark_that_was_read_from_a_word_is_not_linked() {
        let (source, target) = ("نعم.", "yes,");
        let attention = [vec![1.0, 0.0], vec![0.9, 0.1]];
        assert_eq!(Reading::new((source, &[0..6, 6..7]), (target, &[0..3, 3..4]), &attention).mark_links(), []);
    }

    #[test]
    fn what_belongs_to_a_word_or_is_not_seen_is_no_mark() {
        let text = "3.5 don't كتـــاب\u{200f}؟";
        let found: Vec<&str> = marks(text, &words(text)).into_iter().map(|mark| &text[mark]).collect();
        assert_eq!(found, ["؟"]);
    }

    proptest! {
        #[test]
        fn links_are_marks_outside_all_words_and_each_of_the_target_has_one_at_most(
            source in "[ابت٠-٩ .،\"()\\-]{0,20}", target in "[a-c0-9 .,\"()']{0,20}", weight in 0.0f32..1.0
        ) {
            let spans = |text: &str| -> Vec<Span> {
                text.char_indices().map(|(at, c)| at..(at + 2).clamp(at + c.len_utf8(), text.len())).collect()
            };
            let spans = |text: &str| -> Vec<Span> {
                spans(text).into_iter().filter(|span| text.is_char_boundary(span.end)).collect()
            };
            let (source_spans, target_spans) = (spans(&source), spans(&target));
            let attention = vec![vec![weight; source_spans.len()]; target_spans.len()];
            let links = Reading::new((&source, &source_spans), (&target, &target_spans), &attention).mark_links();
            let (ours, theirs) = (marks(&source, &words(&source)), marks(&target, &words(&target)));
            prop_assert!(links.iter().all(|(s, t)| ours.contains(s) && theirs.contains(t)));
            prop_assert!(links.windows(2).all(|pair| (pair[0].0.start, pair[0].1.start) < (pair[1].0.start, pair[1].1.start)));
            prop_assert!(theirs.iter().all(|mark| links.iter().filter(|(_, t)| t == mark).count() <= 1));
        }
    }
}
