//! Text to token ids and back, each token with the bytes of the text it covers.
//!
//! Separate because a link from a translated word to its source is only as good as these spans. The invariant: ids equal
//! those of the reference implementation for the model's files, spans lie inside the given text, split no character and
//! never go backwards.

mod bpe;
mod charsmap;
mod cleanup;
mod json;
mod languages;
mod marian;
mod normalize;
mod pieces;
mod protobuf;
mod segment;
mod sentencepiece;
mod single;
mod special;
mod surface;
mod trie;
mod unigram;

use super::{EngineError, ModelFiles};
use json::Json;
pub use languages::Direction;
use languages::Frame;
use pieces::Pieces;
use special::TokenizerConfig;
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

    /// Returns the ids between others, which cover nothing of the text.
    fn within(self, before: &[u32], behind: &[u32], end: usize) -> Encoding {
        let empty = |count: usize, at: usize| std::iter::repeat_n(at..at, count);
        Encoding {
            ids: [before, &self.ids, behind].concat(),
            spans: empty(before.len(), 0).chain(self.spans).chain(empty(behind.len(), end)).collect(),
        }
    }

    /// Returns the encoding of what follows the first bytes: tokens of those cover nothing.
    fn without_first(self, bytes: usize) -> Encoding {
        let shift = |span: Range<usize>| span.start.saturating_sub(bytes)..span.end.saturating_sub(bytes);
        Encoding { ids: self.ids, spans: self.spans.into_iter().map(shift).collect() }
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
pub struct Tokenizer {
    kind: Kind,
    config: TokenizerConfig,
    frame: Option<Frame>,
}

#[derive(Clone)]
enum Kind {
    Pieces(Box<Pieces>),
    Json(Box<Json>),
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.kind {
            Kind::Pieces(_) => "Tokenizer(SentencePiece)",
            Kind::Json(_) => "Tokenizer(tokenizer.json)",
        })
    }
}

impl Tokenizer {
    /// Loads the tokenizer of a model: Marian's SentencePiece files where it has them, else `tokenizer.json`, else the
    /// files of the time before it.
    pub fn load(files: &ModelFiles) -> Result<Tokenizer, EngineError> {
        let kind = match (files.has("source.spm"), files.has("tokenizer.json"), single::file_of(files)) {
            (false, true, _) => Kind::Json(Box::new(Json::load(files)?)),
            (false, false, Some(name)) => Kind::Pieces(Box::new(single::load(files, name)?)),
            (false, false, None) if files.has("merges.txt") => Kind::Json(Box::new(Json::load_byte_level(files)?)),
            _ => Kind::Pieces(Box::new(marian::load(files)?)),
        };
        Ok(Tokenizer { kind, config: TokenizerConfig::load(files)?, frame: None })
    }

    /// Makes texts say from which language to which, where the model has tokens for that; languages are ISO 639-1 codes or
    /// the model's own names. Returns what that asks of decoding.
    pub fn translate(&mut self, source: &str, target: &str) -> Result<Direction, EngineError> {
        let eos = self.eos();
        let framed = languages::frame(&|token| self.token(token), eos, &self.config, source, target)?;
        let (frame, direction) =
            framed.map_or((None, Direction::default()), |(frame, direction)| (Some(frame), direction));
        self.frame = frame;
        Ok(direction)
    }

    /// Puts a text before every text, as models want that are told their task in words.
    pub fn prompt(&mut self, prompt: &str) {
        self.frame = Some(Frame::Text(prompt.to_owned()));
    }

    /// Returns true where tokens say from which language to which; a prompt in words is not one.
    pub fn is_told_languages(&self) -> bool {
        match &self.frame {
            Some(Frame::Ids { .. }) => true,
            Some(Frame::Text(text)) => text.starts_with(['<', '>']),
            None => false,
        }
    }

    fn token(&self, token: &str) -> Option<u32> {
        match &self.kind {
            Kind::Pieces(pieces) => pieces.token(token),
            Kind::Json(json) => json.token(token),
        }
    }

    fn eos(&self) -> u32 {
        match &self.kind {
            Kind::Pieces(pieces) => pieces.eos(),
            Kind::Json(json) => json.token(&self.config.eos_token()).unwrap_or_default(),
        }
    }

    /// Returns the token ids of a text; the whole text, however long.
    pub fn encode(&self, text: &str) -> Result<Encoding, EngineError> {
        if u32::try_from(text.len()).is_err() {
            return Err(EngineError::Unsupported("a text of 4 GiB or more cannot be translated: split it".to_owned()));
        }
        match &self.frame {
            None => self.encode_whole(text),
            Some(Frame::Ids { before, behind }) => Ok(self.encode_bare(text)?.within(before, behind, text.len())),
            Some(Frame::Text(prompt)) => Ok(self.encode_whole(&format!("{prompt}{text}"))?.without_first(prompt.len())),
        }
    }

    fn encode_whole(&self, text: &str) -> Result<Encoding, EngineError> {
        match &self.kind {
            Kind::Pieces(pieces) => Ok(pieces.encode(text)),
            Kind::Json(json) => json.encode(text),
        }
    }

    fn encode_bare(&self, text: &str) -> Result<Encoding, EngineError> {
        match &self.kind {
            Kind::Pieces(pieces) => Ok(pieces.encode_bare(text)),
            Kind::Json(json) => json.encode_bare(text),
        }
    }

    /// Returns the token ids of a text of the target language, as the model would have to give them: without what the
    /// source has around it, `</s>` at the end.
    pub fn encode_target(&self, text: &str) -> Result<Encoding, EngineError> {
        let mut encoding = match &self.kind {
            Kind::Pieces(pieces) => pieces.encode_target(text),
            Kind::Json(json) => json.encode_bare(text)?,
        };
        encoding.push(self.eos(), text.len()..text.len());
        Ok(encoding)
    }

    /// Returns the text of token ids; an id the vocabulary lacks makes nothing.
    pub fn decode(&self, ids: &[u32]) -> Decoding {
        match &self.kind {
            Kind::Pieces(pieces) => pieces.decode(ids),
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
