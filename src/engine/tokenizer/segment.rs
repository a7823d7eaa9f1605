//! Text cut into the pieces of a SentencePiece model: normalise, search, then treat what the vocabulary lacks.
//!
//! Separate because it is SentencePiece whole and nothing of Marian: no vocabulary file, no special tokens. The
//! invariant: what it returns equals what SentencePiece 0.2.3 returns for the same file and text.

use super::{
    bpe::Bpe,
    normalize::{Normalized, Normalizer},
    sentencepiece::{Kind, ModelType, SpmFile},
    unigram::Unigram,
};
use crate::engine::EngineError;
use std::ops::Range;

/// One piece of a normalised text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    /// Number of the piece; `None` for text the vocabulary lacks.
    pub piece: Option<u32>,
    /// Bytes of the normalised text.
    pub range: Range<usize>,
}

/// A SentencePiece model, ready to cut text.
#[derive(Clone)]
pub(super) struct Segmenter {
    normalizer: Normalizer,
    search: Search,
    /// Number of each byte's piece; `None` where the model spells nothing in bytes.
    bytes: Option<Box<[u32; 256]>>,
}

#[derive(Clone)]
enum Search {
    Unigram(Unigram),
    Bpe(Bpe),
}

impl Segmenter {
    /// Returns the segmenter of a model file; `name` is what an error calls it.
    pub fn new(file: &SpmFile, name: &str) -> Result<Self, EngineError> {
        let normalizer = Normalizer::new(file).map_err(|reason| EngineError::malformed(name, reason))?;
        let search = match file.model_type {
            ModelType::Unigram => Search::Unigram(Unigram::new(file)),
            ModelType::Bpe => Search::Bpe(Bpe::new(file)),
        };
        Ok(Segmenter { normalizer, search, bytes: file.byte_fallback.then(|| byte_pieces(file)) })
    }

    /// Returns the normalised text and its pieces, in order.
    pub fn cut(&self, text: &str) -> (Normalized, Vec<Segment>) {
        let normalized = self.normalizer.normalize(text);
        let segments = match &self.search {
            Search::Unigram(unigram) => unigram.cut(&normalized.text),
            Search::Bpe(bpe) => bpe.cut(&normalized.text),
        };
        let segments = match &self.bytes {
            _ if segments.iter().all(|segment| segment.piece.is_some()) => segments,
            Some(bytes) => spell(segments, &normalized.text, bytes),
            None => merge_unknown(segments),
        };
        (normalized, segments)
    }
}

fn byte_pieces(file: &SpmFile) -> Box<[u32; 256]> {
    let mut pieces = Box::new([0; 256]);
    for (id, piece) in (0..).zip(&file.pieces) {
        if let Kind::Byte(byte) = piece.kind {
            pieces[usize::from(byte)] = id;
        }
    }
    pieces
}

/// Makes one segment of each run of unknown ones, as SentencePiece does: the run may be a word of another vocabulary.
fn merge_unknown(segments: Vec<Segment>) -> Vec<Segment> {
    let mut merged: Vec<Segment> = Vec::with_capacity(segments.len());
    for segment in segments {
        match merged.last_mut() {
            Some(last) if last.piece.is_none() && segment.piece.is_none() => last.range.end = segment.range.end,
            _ => merged.push(segment),
        }
    }
    merged
}

/// Replaces unknown text by its bytes; the last byte carries the text, those before it are empty.
fn spell(segments: Vec<Segment>, text: &str, bytes: &[u32; 256]) -> Vec<Segment> {
    let mut spelled = Vec::with_capacity(segments.len() + 8);
    for segment in segments {
        let Segment { piece: None, range } = segment else {
            spelled.push(segment);
            continue;
        };
        let start = range.start;
        for byte in text[range.clone()].bytes() {
            spelled.push(Segment { piece: Some(bytes[usize::from(byte)]), range: start..start });
        }
        if let Some(last) = spelled.last_mut() {
            last.range = range;
        }
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tokenizer::sentencepiece::tests::model;

    fn pieces(bytes: &[u8], text: &str) -> Vec<(Option<u32>, Range<usize>)> {
        let file = SpmFile::parse(bytes, "source.spm").unwrap();
        let (_, segments) = Segmenter::new(&file, "source.spm").unwrap().cut(text);
        segments.into_iter().map(|segment| (segment.piece, segment.range)).collect()
    }

    #[test]
    fn a_run_of_unknown_characters_is_one_segment() {
        let model = model(&[("<unk>", 0.0, 2), ("a", -1.0, 1), ("▁", -1.0, 1)], &[]);
        assert_eq!(pieces(&model, "aبتa"), [(Some(2), 0..3), (Some(1), 3..4), (None, 4..8), (Some(1), 8..9)]);
    }

    #[test]
    fn an_unknown_character_is_spelled_in_bytes_where_the_model_can() {
        let names: Vec<String> = (0..=255).map(|byte| format!("<0x{byte:02X}>")).collect();
        let mut all = vec![("<unk>", 0.0, 2), ("▁", -1.0, 1)];
        all.extend(names.iter().map(|name| (name.as_str(), 0.0, 6)));
        let expected = [(Some(1), 0..3), (Some(2 + 0xd8), 3..3), (Some(2 + 0xa8), 3..5)];
        assert_eq!(pieces(&model(&all, &[0x98, 0x02, 1]), "ب"), expected);
    }
}
