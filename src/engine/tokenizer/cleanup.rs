//! Takes out the spaces that older tokenizer files ask to have removed before punctuation
//! (`clean_up_tokenization_spaces` of transformers).
//!
//! Separate because it is English habit, not tokenization, and off unless the model's files turn it on. The
//! invariant: only spaces are removed, and spans keep to the text they covered.

use super::Decoding;

/// What is looked for, in the order transformers does; every space in it goes.
const PATTERNS: [&str; 10] = [" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're"];

/// Returns the decoding without the spaces before punctuation and clitics.
pub(super) fn clean_up(decoding: Decoding) -> Decoding {
    PATTERNS.iter().fold(decoding, |decoding, pattern| match decoding.text.contains(pattern) {
        true => without_spaces(decoding, pattern),
        false => decoding,
    })
}

fn without_spaces(decoding: Decoding, pattern: &str) -> Decoding {
    let Decoding { text, mut spans } = decoding;
    let found = text.match_indices(pattern);
    let gone: Vec<usize> =
        found.flat_map(|(at, _)| pattern.match_indices(' ').map(move |(offset, _)| at + offset)).collect();
    for span in &mut spans {
        for end in [&mut span.start, &mut span.end] {
            *end -= gone.partition_point(|at| at < end);
        }
    }
    Decoding { text: text.replace(pattern, &pattern.replace(' ', "")), spans }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_before_punctuation_go_and_spans_follow() {
        let decoding = Decoding { text: "I do n't know .".to_owned(), spans: vec![0..1, 2..4, 5..8, 9..13, 14..15] };
        let cleaned = clean_up(decoding);
        assert_eq!(cleaned.text, "I don't know.");
        let words: Vec<&str> = cleaned.spans.iter().map(|span| &cleaned.text[span.clone()]).collect();
        assert_eq!(words, ["I", "do", "n't", "know", "."]);
    }
}
