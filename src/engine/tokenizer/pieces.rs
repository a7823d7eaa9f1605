//! Tokenizers made of SentencePiece pieces and a vocabulary that gives each its id.
//!
//! Separate because model families differ in how they number pieces and not in how they cut text. The invariant: a special
//! token written out in the text is that token, and every other byte goes through the segmenter.

use super::{
    Decoding, Encoding,
    segment::Segmenter,
    sentencepiece::SpmFile,
    special::{Specials, Vocabulary},
    surface::Surfaces,
};
use crate::engine::EngineError;
use std::ops::Range;

/// How text of one language becomes ids: a SentencePiece model, and the id of each of its pieces.
#[derive(Clone)]
pub(super) struct Side {
    segmenter: Segmenter,
    ids: Vec<u32>,
}

impl Side {
    /// Returns the side made of the pieces of the file `name`; one that the vocabulary lacks is unknown.
    pub fn new(spm: &SpmFile, name: &str, vocabulary: &Vocabulary, unknown: u32) -> Result<Side, EngineError> {
        let id = |piece: &str| vocabulary.get(piece).copied().unwrap_or(unknown);
        let ids = spm.pieces.iter().map(|piece| id(&piece.text)).collect();
        Ok(Side { segmenter: Segmenter::new(spm, name)?, ids })
    }
}

/// A tokenizer of pieces.
#[derive(Clone)]
pub(super) struct Pieces {
    input: Side,
    /// The target language's, where it is not the same.
    output: Option<Side>,
    vocabulary: Vocabulary,
    specials: Specials,
    surfaces: Surfaces,
    clean_up: bool,
    /// A text may begin with a language code such as `>>ara<<`.
    codes: bool,
}

impl Pieces {
    /// Returns a tokenizer that cuts text as `input` does.
    pub fn new(input: Side, vocabulary: Vocabulary, specials: Specials, surfaces: Surfaces) -> Self {
        Pieces { input, output: None, vocabulary, specials, surfaces, clean_up: false, codes: false }
    }

    /// Cuts text of the target language in a way of its own.
    pub fn with_output(self, output: Side) -> Self {
        Pieces { output: Some(output), ..self }
    }

    /// Takes spaces before punctuation out of decoded text, if asked to.
    pub fn cleaned_up(self, clean_up: bool) -> Self {
        Pieces { clean_up, ..self }
    }

    /// Takes a language code that a text begins with for one token.
    pub fn with_codes(self) -> Self {
        Pieces { codes: true, ..self }
    }

    /// Returns the id of a token, special or of the vocabulary.
    pub fn token(&self, token: &str) -> Option<u32> {
        self.specials.id(token).or_else(|| self.vocabulary.get(token).copied())
    }

    /// Returns the id of the token that ends a text.
    pub fn eos(&self) -> u32 {
        self.specials.eos
    }

    /// Returns the ids of a text, `</s>` at the end.
    pub fn encode(&self, text: &str) -> Encoding {
        let mut encoding = self.encode_bare(text);
        encoding.push(self.specials.eos, text.len()..text.len());
        encoding
    }

    /// Returns the ids of a text and no other.
    pub fn encode_bare(&self, text: &str) -> Encoding {
        let mut encoding = Encoding { ids: Vec::with_capacity(text.len() / 4 + 2), spans: Vec::new() };
        let mut at = 0;
        while let Some((offset, length, id)) = self.specials.find(&text[at..]) {
            self.encode_between(text, at..at + offset, &mut encoding);
            at += offset + length;
            encoding.push(id, at - length..at);
        }
        self.encode_between(text, at..text.len(), &mut encoding);
        encoding
    }

    /// Returns the ids of a text of the target language and no other; special tokens in it are plain text.
    pub fn encode_target(&self, text: &str) -> Encoding {
        let side = self.output.as_ref().unwrap_or(&self.input);
        let mut encoding = Encoding::default();
        let (normalized, segments) = side.segmenter.cut(text);
        for segment in segments {
            let id = segment.piece.map_or(self.specials.unknown, |piece| side.ids[piece as usize]);
            encoding.push(id, super::without_white_space(text, normalized.source(segment.range)));
        }
        encoding
    }

    /// Returns the text of ids, special tokens left out.
    pub fn decode(&self, ids: &[u32]) -> Decoding {
        let decoding = self.surfaces.decode(ids);
        if self.clean_up { super::cleanup::clean_up(decoding) } else { decoding }
    }

    /// Encodes a stretch of text that holds no special token; it may begin with a language code such as `>>ara<<`.
    fn encode_between(&self, text: &str, range: Range<usize>, encoding: &mut Encoding) {
        let (mut start, end) = (range.start, range.end);
        if let Some(length) = language_code(&text[range]).filter(|_| self.codes) {
            encoding.push(self.id(&text[start..start + length]), start..start + length);
            start += length;
        }
        let (normalized, segments) = self.input.segmenter.cut(&text[start..end]);
        for segment in segments {
            let id = match segment.piece {
                Some(piece) => self.input.ids[piece as usize],
                None => self.id(&normalized.text[segment.range.clone()]),
            };
            let source = normalized.source(segment.range);
            encoding.push(id, super::without_white_space(text, start + source.start..start + source.end));
        }
    }

    fn id(&self, piece: &str) -> u32 {
        self.vocabulary.get(piece).copied().unwrap_or(self.specials.unknown)
    }
}

/// Returns the length of the language code a text begins with.
fn language_code(text: &str) -> Option<usize> {
    text.starts_with(">>").then(|| text.find("<<"))?.map(|at| at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_code_is_what_stands_between_the_marks() {
        assert_eq!(language_code(">>ara<< نص"), Some(7));
        assert_eq!(language_code(">>ara نص"), None);
        assert_eq!(language_code(" >>ara<<"), None);
    }
}
