//! Text to token ids and back, each token with the bytes of the text it covers.
//!
//! Separate because a link from a translated word to its source is only as good as these spans. The invariant: ids equal
//! those of the reference implementation for the model's files, spans lie inside the given text, split no character and
//! never go backwards.

mod bpe;
mod charsmap;
mod cleanup;
mod json;
mod marian;
mod normalize;
mod protobuf;
mod segment;
mod sentencepiece;
mod special;
mod surface;
mod trie;
mod unigram;

use super::{EngineError, ModelFiles};
use std::ops::Range;

/// Text as token ids, each with the bytes of the text it covers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoding {
    /// Token ids, the closing `</s>` among them.
    pub ids: Vec<u32>,
    /// For each id its bytes of the given text, without white space at either end; empty at the end for `</s>`. Tokens
    /// made from one character (`ﷺ` makes four) share it.
    pub spans: Vec<Range<usize>>,
}

impl Encoding {
    fn push(&mut self, id: u32, span: Range<usize>) {
        self.ids.push(id);
        self.spans.push(span);
    }
}

/// Token ids as text, each with the bytes of the text it made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decoding {
    /// The text, without special tokens.
    pub text: String,
    /// For each id given its bytes of the text, without white space at either end; empty for special tokens.
    pub spans: Vec<Range<usize>>,
}

/// A model's tokenizer.
#[derive(Clone)]
pub struct Tokenizer(Kind);

#[derive(Clone)]
enum Kind {
    Marian(Box<marian::Marian>),
    Json(Box<json::Json>),
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Kind::Marian(_) => "Tokenizer(Marian)",
            Kind::Json(_) => "Tokenizer(tokenizer.json)",
        })
    }
}

impl Tokenizer {
    /// Loads the tokenizer of a model: its SentencePiece files where it has them, else `tokenizer.json`.
    pub fn load(files: &ModelFiles) -> Result<Tokenizer, EngineError> {
        let kind = match files.has("source.spm") || !files.has("tokenizer.json") {
            true => Kind::Marian(Box::new(marian::Marian::load(files)?)),
            false => Kind::Json(Box::new(json::Json::load(files)?)),
        };
        Ok(Tokenizer(kind))
    }

    /// Returns the token ids of a text; the whole text, however long.
    pub fn encode(&self, text: &str) -> Result<Encoding, EngineError> {
        if u32::try_from(text.len()).is_err() {
            return Err(EngineError::Unsupported("a text of 4 GiB or more cannot be translated: split it".to_owned()));
        }
        match &self.0 {
            Kind::Marian(marian) => Ok(marian.encode(text)),
            Kind::Json(json) => json.encode(text),
        }
    }

    /// Returns the token ids of a text of the target language, as the model would have to give them.
    pub fn encode_target(&self, text: &str) -> Result<Encoding, EngineError> {
        match &self.0 {
            Kind::Marian(marian) => Ok(marian.encode_target(text)),
            Kind::Json(_) => Err(EngineError::Unsupported(
                "a translation can be scored only by a model with source.spm and target.spm: choose another".to_owned(),
            )),
        }
    }

    /// Returns the text of token ids; an id the vocabulary lacks makes nothing.
    pub fn decode(&self, ids: &[u32]) -> Decoding {
        match &self.0 {
            Kind::Marian(marian) => marian.decode(ids),
            Kind::Json(json) => json.decode(ids),
        }
    }

    /// Returns the number of tokens of a text, `</s>` included; an upper bound where it cannot be encoded.
    pub fn count(&self, text: &str) -> usize {
        self.encode(text).map_or(text.len() + 1, |encoding| encoding.ids.len())
    }
}

/// Returns the span without white space at its ends; an all-white span becomes empty at its end.
fn without_white_space(text: &str, span: Range<usize>) -> Range<usize> {
    let covered = &text[span.clone()];
    let start = span.end - covered.trim_start().len();
    start..start + covered.trim().len()
}
