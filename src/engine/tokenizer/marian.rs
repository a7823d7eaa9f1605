//! The tokenizer of Marian models (OPUS-MT): pieces from `source.spm`, ids from `vocab.json`.
//!
//! Separate because ids come from a file SentencePiece knows nothing of. The invariant: ids equal those of
//! transformers' `MarianTokenizer` on the same files, special tokens written out in the text included.

use super::{
    Decoding, Encoding,
    segment::Segmenter,
    sentencepiece::SpmFile,
    special::{self, Specials, TokenizerConfig, Vocabulary},
    surface::Surfaces,
};
use crate::engine::{EngineError, ModelFiles};
use std::ops::Range;

/// A Marian tokenizer.
#[derive(Clone)]
pub(super) struct Marian {
    segmenter: Segmenter,
    /// Id of each piece of the source model.
    ids: Vec<u32>,
    /// The same for the target language.
    target_segmenter: Segmenter,
    target_ids: Vec<u32>,
    vocabulary: Vocabulary,
    specials: Specials,
    surfaces: Surfaces,
    clean_up: bool,
}

impl Marian {
    /// Loads `source.spm`, `target.spm`, `vocab.json` and, where vocabularies are separate, `target_vocab.json`.
    pub fn load(files: &ModelFiles) -> Result<Self, EngineError> {
        let config = TokenizerConfig::load(files)?;
        let source = SpmFile::parse(&files.read("source.spm")?, "source.spm")?;
        let target = SpmFile::parse(&files.read("target.spm")?, "target.spm")?;
        let vocabulary: Vocabulary = special::read(files, "vocab.json")?;
        let (separate, clean_up) = (config.separate_vocabularies(), config.clean_up());
        let specials = Specials::new(config, &vocabulary, "vocab.json")?;
        let ids = |spm: &SpmFile, vocabulary: &Vocabulary| {
            let id = |piece: &str| vocabulary.get(piece).copied().unwrap_or(specials.unknown);
            spm.pieces.iter().map(|piece| id(&piece.text)).collect::<Vec<u32>>()
        };
        let (surfaces, target_ids) = match separate {
            true => {
                let target_vocabulary = special::read(files, "target_vocab.json")?;
                let surfaces = Surfaces::new(&target_vocabulary, &target, &specials, "target_vocab.json")?;
                (surfaces, ids(&target, &target_vocabulary))
            }
            false => (Surfaces::new(&vocabulary, &source, &specials, "vocab.json")?, ids(&target, &vocabulary)),
        };
        Ok(Marian {
            ids: ids(&source, &vocabulary),
            segmenter: Segmenter::new(&source, "source.spm")?,
            target_segmenter: Segmenter::new(&target, "target.spm")?,
            target_ids,
            vocabulary,
            specials,
            surfaces,
            clean_up,
        })
    }

    /// Returns the ids of a text, `</s>` at the end.
    pub fn encode(&self, text: &str) -> Encoding {
        let mut encoding = Encoding { ids: Vec::with_capacity(text.len() / 4 + 2), spans: Vec::new() };
        let mut at = 0;
        while let Some((offset, length, id)) = self.specials.find(&text[at..]) {
            self.encode_between(text, at..at + offset, &mut encoding);
            at += offset + length;
            encoding.push(id, at - length..at);
        }
        self.encode_between(text, at..text.len(), &mut encoding);
        encoding.push(self.specials.eos, text.len()..text.len());
        encoding
    }

    /// Returns the ids of a text of the target language, `</s>` at the end; special tokens in it are plain text.
    pub fn encode_target(&self, text: &str) -> Encoding {
        let mut encoding = Encoding::default();
        let (normalized, segments) = self.target_segmenter.cut(text);
        for segment in segments {
            let id = segment.piece.map_or(self.specials.unknown, |piece| self.target_ids[piece as usize]);
            encoding.push(id, super::without_white_space(text, normalized.source(segment.range)));
        }
        encoding.push(self.specials.eos, text.len()..text.len());
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
        if let Some(length) = language_code(&text[range]) {
            encoding.push(self.id(&text[start..start + length]), start..start + length);
            start += length;
        }
        let (normalized, segments) = self.segmenter.cut(&text[start..end]);
        for segment in segments {
            let id = match segment.piece {
                Some(piece) => self.ids[piece as usize],
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
