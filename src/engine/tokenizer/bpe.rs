//! Text cut by merges, best first: the BPE model type of SentencePiece (`bpe_model.cc`, 0.2.3).
//!
//! Separate because it shares nothing with the unigram search but its input and output. The invariant: the pieces found
//! cover the text without gap or overlap, and a user-defined symbol is one of them whole.

use super::{
    normalize::user_defined,
    segment::Segment,
    sentencepiece::{Kind, SpmFile},
    trie::Trie,
};
use std::{
    cmp::Ordering,
    collections::{BinaryHeap, HashMap},
    ops::Range,
};

/// How deep a piece that is kept for its number only is taken apart again.
const DEEPEST: usize = 100;

/// Pieces with the ranks of their merges.
#[derive(Clone)]
pub(super) struct Bpe {
    pieces: Trie,
    scores: Vec<f32>,
    unused: Vec<bool>,
    user_defined: Option<Trie>,
}

/// A stretch of text that merges so far have made; empty once it is part of the one before it.
struct Symbol {
    range: Range<usize>,
    previous: Option<usize>,
    next: Option<usize>,
    frozen: bool,
}

/// Two neighbours whose text together is a piece.
#[derive(PartialEq)]
struct Pair {
    score: f32,
    left: usize,
    right: usize,
    length: usize,
}

impl Eq for Pair {}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.left.cmp(&self.left))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The state of one text.
struct Merging<'a> {
    model: &'a Bpe,
    text: &'a str,
    symbols: Vec<Symbol>,
    agenda: BinaryHeap<Pair>,
    /// Where each merged text that is no usable piece was joined.
    joints: HashMap<&'a str, usize>,
}

impl Bpe {
    /// Returns the segmentation model of a file.
    pub fn new(file: &SpmFile) -> Self {
        let mergeable = |piece: &Kind| matches!(piece, Kind::Normal | Kind::UserDefined | Kind::Unused);
        let usable = (0..).zip(&file.pieces).filter(|(_, piece)| mergeable(&piece.kind));
        Bpe {
            pieces: Trie::new(usable.map(|(id, piece)| (piece.text.as_str(), id, piece.score))),
            scores: file.pieces.iter().map(|piece| piece.score).collect(),
            unused: file.pieces.iter().map(|piece| piece.kind == Kind::Unused).collect(),
            user_defined: user_defined(file),
        }
    }

    /// Returns the pieces of a normalised text, in order; unknown characters one by one.
    pub fn cut(&self, text: &str) -> Vec<Segment> {
        let symbols = self.symbols(text);
        let agenda = BinaryHeap::with_capacity(symbols.len());
        let mut merging = Merging { model: self, text, symbols, agenda, joints: HashMap::new() };
        merging.run();
        merging.segments()
    }

    fn symbols(&self, text: &str) -> Vec<Symbol> {
        let mut symbols: Vec<Symbol> = Vec::with_capacity(text.len());
        let mut at = 0;
        while let Some(character) = text[at..].chars().next() {
            let symbol = self.user_defined.as_ref().and_then(|trie| trie.longest_prefix(&text.as_bytes()[at..]));
            let length = symbol.map_or(character.len_utf8(), |found| found.length);
            let (previous, next) = (symbols.len().checked_sub(1), Some(symbols.len() + 1));
            symbols.push(Symbol { range: at..at + length, previous, next, frozen: symbol.is_some() });
            at += length;
        }
        if let Some(last) = symbols.last_mut() {
            last.next = None;
        }
        symbols
    }
}

impl<'a> Merging<'a> {
    fn run(&mut self) {
        for right in 1..self.symbols.len() {
            self.consider(Some(right - 1), Some(right));
        }
        while let Some(Pair { left, right, length, .. }) = self.agenda.pop() {
            let (a, b) = (&self.symbols[left].range, &self.symbols[right].range);
            if a.is_empty() || b.is_empty() || a.len() + b.len() != length {
                continue; // one of the two has since been merged otherwise
            }
            let (end, next) = (b.end, self.symbols[right].next);
            self.symbols[right].range = end..end;
            (self.symbols[left].range.end, self.symbols[left].next) = (end, next);
            if let Some(next) = next {
                self.symbols[next].previous = Some(left);
            }
            self.consider(self.symbols[left].previous, Some(left));
            self.consider(Some(left), next);
        }
    }

    fn consider(&mut self, left: Option<usize>, right: Option<usize>) {
        let (Some(left), Some(right)) = (left, right) else { return };
        let (a, b) = (&self.symbols[left], &self.symbols[right]);
        if a.frozen || b.frozen {
            return;
        }
        let text = &self.text[a.range.start..b.range.end];
        let Some(piece) = self.model.pieces.exact(text.as_bytes()) else { return };
        if self.model.unused[piece as usize] {
            self.joints.insert(text, a.range.len());
        }
        self.agenda.push(Pair { score: self.model.scores[piece as usize], left, right, length: text.len() });
    }

    fn segments(&self) -> Vec<Segment> {
        let mut segments = vec![];
        let mut at = (!self.symbols.is_empty()).then_some(0);
        while let Some(index) = at {
            self.resolve(self.symbols[index].range.clone(), 0, &mut segments);
            at = self.symbols[index].next;
        }
        segments
    }

    /// Takes a merged text apart again where it is a piece kept for its number only.
    fn resolve(&self, range: Range<usize>, depth: usize, segments: &mut Vec<Segment>) {
        let text = &self.text[range.clone()];
        let piece = self.model.pieces.exact(text.as_bytes());
        let unused = piece.is_some_and(|piece| self.model.unused[piece as usize]);
        match self.joints.get(text).filter(|_| unused && depth <= DEEPEST) {
            Some(joint) => {
                self.resolve(range.start..range.start + joint, depth + 1, segments);
                self.resolve(range.start + joint..range.end, depth + 1, segments);
            }
            None => segments.push(Segment { piece: piece.filter(|_| !unused), range }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tokenizer::sentencepiece::tests::model;
    use proptest::prelude::*;

    fn bpe(pieces: &[(&str, f32, u8)]) -> Bpe {
        Bpe::new(&SpmFile::parse(&model(pieces, &[0x18, 2]), "source.spm").unwrap())
    }

    fn cut(bpe: &Bpe, text: &str) -> Vec<Option<u32>> {
        bpe.cut(text).iter().map(|segment| segment.piece).collect()
    }

    const LETTERS: [(&str, f32, u8); 4] = [("<unk>", 0.0, 2), ("a", -9.0, 1), ("b", -9.0, 1), ("c", -9.0, 1)];

    #[test]
    fn the_best_merge_comes_first() {
        let bpe = bpe(&[&LETTERS[..], &[("ab", -1.0, 1), ("bc", 0.0, 1)]].concat());
        assert_eq!(cut(&bpe, "abc"), [Some(1), Some(5)]);
    }

    #[test]
    fn of_equal_merges_the_left_one_comes_first() {
        let bpe = bpe(&[&LETTERS[..], &[("aa", -1.0, 1)]].concat());
        assert_eq!(cut(&bpe, "aaa"), [Some(4), Some(1)]);
    }

    #[test]
    fn an_unused_piece_is_taken_apart_again() {
        let bpe = bpe(&[&LETTERS[..], &[("ab", -1.0, 5), ("abc", -2.0, 1)]].concat());
        assert_eq!(cut(&bpe, "abc"), [Some(5)]);
        assert_eq!(cut(&bpe, "abb"), [Some(1), Some(2), Some(2)]);
    }

    #[test]
    fn a_user_defined_symbol_is_never_merged() {
        let bpe = bpe(&[&LETTERS[..], &[("b", -9.0, 4)][..0], &[("cc", 0.0, 4), ("ccc", 0.0, 1)]].concat());
        assert_eq!(cut(&bpe, "ccc"), [Some(4), Some(3)]);
    }

    proptest! {
        #[test]
        fn segments_cover_the_text(text in "[a-cب]{0,30}") {
            let bpe = bpe(&[&LETTERS[..], &[("ab", -1.0, 5), ("abc", -2.0, 1), ("aa", -0.5, 1)]].concat());
            let joined: String = bpe.cut(&text).iter().map(|segment| &text[segment.range.clone()]).collect();
            prop_assert_eq!(joined, text);
        }
    }
}
