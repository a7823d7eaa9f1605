//! The most probable way to cut text into pieces of a unigram model, exactly as SentencePiece finds it.
//!
//! Separate because the arithmetic must not drift: scores are added in f32, left to right, and of two equal sums the
//! one found first stays (`EncodeOptimized` of SentencePiece's `unigram_model.cc`, 0.2.3). The invariant: the pieces
//! found cover the text without gap or overlap.

use super::{
    segment::Segment,
    sentencepiece::{Kind, SpmFile},
    trie::Trie,
};

/// How much worse than the worst piece an unknown character is.
const UNKNOWN_PENALTY: f32 = 10.0;

/// Sums beyond this are brought back to zero, so that f32 keeps its precision on very long texts.
const RESET: f32 = 100_000.0;

/// Marks a position no path has reached, and a step that is an unknown character.
const NONE: u32 = u32::MAX;

/// Pieces with their log-probabilities.
#[derive(Clone)]
pub(super) struct Unigram {
    trie: Trie,
    unknown_score: f32,
}

/// The best path that ends at a position: its sum, where its last piece starts, and which piece that is.
#[derive(Clone, Copy)]
struct Step {
    score: f32,
    start: u32,
    piece: u32,
}

impl Unigram {
    /// Returns the segmentation model of a file.
    pub fn new(file: &SpmFile) -> Self {
        let usable = (0..).zip(&file.pieces).filter_map(|(id, piece)| match piece.kind {
            Kind::Normal => Some((piece.text.as_str(), id, piece.score)),
            // A bonus that grows with length, in f64 before it is rounded, as upstream computes it.
            Kind::UserDefined => Some((piece.text.as_str(), id, (0.1 * (piece.text.len() as f64 - 1.0)) as f32)),
            Kind::Unknown | Kind::Control | Kind::Byte(_) | Kind::Unused => None,
        });
        let normal = file.pieces.iter().filter(|piece| piece.kind == Kind::Normal);
        let worst = normal.map(|piece| piece.score).fold(f32::MAX, f32::min);
        Unigram { trie: Trie::new(usable), unknown_score: worst - UNKNOWN_PENALTY }
    }

    /// Returns the best pieces of a normalised text, in order; unknown characters one by one.
    pub fn cut(&self, text: &str) -> Vec<Segment> {
        let mut best = vec![Step { score: 0.0, start: NONE, piece: NONE }; text.len() + 1];
        let mut frontier = 0;
        for (at, character) in text.char_indices() {
            if best[at].score.abs() > RESET {
                reset(&mut best, at, frontier);
            }
            let before = best[at].score;
            let length = character.len_utf8();
            let mut has_character = false;
            self.trie.prefixes(&text.as_bytes()[at..], |found| {
                frontier = frontier.max(at + found.length);
                offer(&mut best[at + found.length], found.score + before, at, found.id);
                has_character |= found.length == length;
            });
            if !has_character {
                frontier = frontier.max(at + length);
                offer(&mut best[at + length], self.unknown_score + before, at, NONE);
            }
        }
        trace(&best)
    }
}

#[inline]
fn offer(step: &mut Step, score: f32, start: usize, piece: u32) {
    if step.start == NONE || score > step.score {
        *step = Step { score, start: start as u32, piece };
    }
}

fn reset(best: &mut [Step], at: usize, frontier: usize) {
    let offset = best[at].score;
    best[at].score = 0.0;
    for step in best[at + 1..=frontier.max(at)].iter_mut().filter(|step| step.start != NONE) {
        step.score -= offset;
    }
}

fn trace(best: &[Step]) -> Vec<Segment> {
    let mut segments = Vec::with_capacity(best.len() / 4 + 1);
    let mut end = best.len() - 1;
    while end > 0 {
        let Step { start, piece, .. } = best[end];
        segments.push(Segment { piece: (piece != NONE).then_some(piece), range: start as usize..end });
        end = start as usize;
    }
    segments.reverse();
    segments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tokenizer::sentencepiece::tests::model;
    use proptest::prelude::*;

    fn unigram(pieces: &[(&str, f32, u8)]) -> Unigram {
        Unigram::new(&SpmFile::parse(&model(pieces, &[]), "source.spm").unwrap())
    }

    fn cut(unigram: &Unigram, text: &str) -> Vec<Option<u32>> {
        unigram.cut(text).iter().map(|segment| segment.piece).collect()
    }

    #[test]
    fn the_most_probable_pieces_win() {
        let unigram = unigram(&[("<unk>", 0.0, 2), ("a", -1.0, 1), ("b", -1.0, 1), ("ab", -1.5, 1)]);
        assert_eq!(cut(&unigram, "aab"), [Some(1), Some(3)]);
    }

    #[test]
    fn of_equal_sums_the_longer_last_piece_stays() {
        let unigram = unigram(&[("<unk>", 0.0, 2), ("a", -1.0, 1), ("b", -1.0, 1), ("ab", -2.0, 1)]);
        assert_eq!(cut(&unigram, "ab"), [Some(3)]);
    }

    #[test]
    fn an_unknown_character_stands_alone() {
        let unigram = unigram(&[("<unk>", 0.0, 2), ("a", -1.0, 1)]);
        assert_eq!(cut(&unigram, "aبa"), [Some(1), None, Some(1)]);
    }

    #[test]
    fn a_user_defined_symbol_is_never_cut() {
        let unigram = unigram(&[("<unk>", 0.0, 2), ("<", -0.5, 1), ("b>", -0.5, 1), ("<b>", 0.0, 4)]);
        assert_eq!(cut(&unigram, "<b>"), [Some(3)]);
    }

    #[test]
    fn a_very_long_text_is_cut_as_a_short_one() {
        let unigram = unigram(&[("<unk>", 0.0, 2), ("a", -3.3, 1), ("b", -1.1, 1), ("ab", -4.3, 1)]);
        assert!(cut(&unigram, &"ab".repeat(100_000)).iter().all(|piece| *piece == Some(3)));
    }

    proptest! {
        #[test]
        fn segments_cover_the_text(text in any::<String>()) {
            let unigram = unigram(&[("<unk>", 0.0, 2), ("a", -1.0, 1), ("ab", -2.5, 1)]);
            let joined: String = unigram.cut(&text).iter().map(|segment| &text[segment.range.clone()]).collect();
            prop_assert_eq!(joined, text);
        }
    }
}
