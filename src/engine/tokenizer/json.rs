//! The tokenizer of models that ship a `tokenizer.json`, through the `tokenizers` crate.
//!
//! Separate because the pipeline is the crate's; ours is only its first step. That crate applies replacement rules
//! grapheme by grapheme and loses the haraka after an Arabic presentation form (tokenizers #2116, #2334), so where the
//! rules come first they are applied here. The invariant: spans point into the text as given, and nothing is truncated
//! or padded whatever the file asks for.

use super::{
    Decoding, Encoding,
    charsmap::Charsmap,
    cleanup,
    normalize::{Normalizer, SPACE},
    special::TokenizerConfig,
};
use crate::engine::{EngineError, ModelFiles};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tokenizers::Tokenizer;

const FILE: &str = "tokenizer.json";

/// A tokenizer read from `tokenizer.json`.
#[derive(Clone)]
pub(super) struct Json {
    tokenizer: Tokenizer,
    /// Replacement rules taken out of the file's pipeline.
    rules: Option<Normalizer>,
    clean_up: bool,
}

/// Bytes of the longest piece that is read: the library keeps pieces in a tree that it takes down by calling itself for
/// each byte, so a long one would exhaust the stack.
const LONGEST_PIECE: usize = 2000;

/// Returns the bytes of the longest piece of a vocabulary: a list of pairs (Unigram) or an object (BPE).
fn longest_piece(vocabulary: &Value) -> Option<usize> {
    match vocabulary {
        Value::Array(pairs) => pairs.iter().filter_map(|pair| pair[0].as_str()).map(str::len).max(),
        Value::Object(ids) => ids.keys().map(String::len).max(),
        _ => None,
    }
}

/// Returns an error where the vocabulary of a BPE model lacks what a merge makes: the library would write it past the end of its
/// buffer and panic.
fn check_merges(model: &Value) -> Result<(), String> {
    let (Value::Object(ids), Value::Array(merges)) = (&model["vocab"], &model["merges"]) else { return Ok(()) };
    let prefix = model["continuing_subword_prefix"].as_str().unwrap_or_default();
    for merge in merges {
        let pair = match merge {
            Value::String(line) => line.split_once(' '),
            _ => merge[0].as_str().zip(merge[1].as_str()),
        };
        let Some((left, right)) = pair else { continue };
        let made = right.get(prefix.len()..).map(|rest| format!("{left}{rest}"));
        if made.is_none_or(|made| !ids.contains_key(&made)) {
            return Err(format!("its vocabulary lacks what `{left}` and `{right}` are merged to"));
        }
    }
    Ok(())
}

impl Json {
    /// Loads `tokenizer.json`.
    pub fn load(files: &ModelFiles) -> Result<Self, EngineError> {
        let file = files.json(FILE)?;
        Json::of(file, files)
    }

    /// Loads `vocab.json` and `merges.txt`: the byte-level BPE of BART before there were `tokenizer.json` files.
    pub fn load_byte_level(files: &ModelFiles) -> Result<Self, EngineError> {
        let vocabulary: Value = files.json("vocab.json")?;
        let merges = files.read("merges.txt")?;
        let merges = std::str::from_utf8(&merges).map_err(|error| EngineError::malformed("merges.txt", error))?;
        Json::of(byte_level(&vocabulary, merges)?, files)
    }

    fn of(mut file: Value, files: &ModelFiles) -> Result<Self, EngineError> {
        let malformed = |reason: &dyn std::fmt::Display| EngineError::malformed(FILE, reason);
        if !file.is_object() {
            return Err(malformed(&"it is no JSON object"));
        }
        if let Some(length) = longest_piece(&file["model"]["vocab"]).filter(|length| *length > LONGEST_PIECE) {
            return Err(malformed(&format!("a piece of {length} bytes, at most {LONGEST_PIECE} are read")));
        }
        check_merges(&file["model"]).map_err(|reason| malformed(&reason))?;
        let rules = take_rules(&mut file).map_err(|error| malformed(&error))?.map(Normalizer::rules_only);
        file["truncation"] = Value::Null;
        file["padding"] = Value::Null;
        let tokenizer = serde_json::from_value(file).map_err(|error| malformed(&error))?;
        Ok(Json { tokenizer, rules, clean_up: TokenizerConfig::load(files)?.clean_up() })
    }

    /// Returns the ids of a text with the special tokens the file's post-processor adds.
    pub fn encode(&self, text: &str) -> Result<Encoding, EngineError> {
        self.encode_with(text, true)
    }

    /// Returns the ids of a text and no other.
    pub fn encode_bare(&self, text: &str) -> Result<Encoding, EngineError> {
        self.encode_with(text, false)
    }

    /// Returns the id of a token, special or of the vocabulary.
    pub fn token(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }

    fn encode_with(&self, text: &str, special: bool) -> Result<Encoding, EngineError> {
        let normalized = self.rules.as_ref().map(|rules| rules.normalize(text));
        let input = normalized.as_ref().map_or(text, |normalized| &normalized.text);
        let encoded = self.tokenizer.encode(input, special);
        let encoded = encoded.map_err(|error| EngineError::Unsupported(format!("{FILE}: {error}")))?;
        let special = encoded.get_special_tokens_mask();
        let last_text = special.iter().rposition(|special| *special == 0);
        let mut encoding = Encoding::default();
        let mut end = 0;
        for (index, id) in encoded.get_ids().iter().enumerate() {
            if special[index] == 1 {
                end = if last_text.is_none_or(|last| index > last) { text.len() } else { end };
                encoding.push(*id, end..end);
                continue;
            }
            let (from, to) = encoded.get_offsets()[index];
            let source = normalized.as_ref().map_or(from..to, |normalized| normalized.source(from..to));
            let mut span = super::without_white_space(text, source);
            if encoded.get_tokens()[index] == SPACE && text[span.clone()] != *SPACE {
                span.end = span.start; // the crate gives a space put before a word the word's first character
            }
            end = span.end;
            encoding.push(*id, span);
        }
        Ok(encoding)
    }

    /// Returns the text of ids, special tokens left out.
    pub fn decode(&self, ids: &[u32]) -> Decoding {
        let text = self.text(ids);
        let ends = self.ends(ids, &text).unwrap_or_else(|| self.ends_by_prefix(ids, &text));
        let mut start = 0;
        let spans =
            ends.into_iter().map(|end| super::without_white_space(&text, std::mem::replace(&mut start, end)..end));
        let spans = spans.collect();
        let decoding = Decoding { text, spans };
        if self.clean_up { cleanup::clean_up(decoding) } else { decoding }
    }

    fn text(&self, ids: &[u32]) -> String {
        self.tokenizer.decode(ids, true).unwrap_or_default()
    }

    /// Returns where each id's text ends, decoding as a stream; `None` where the stream does not give the whole text.
    fn ends(&self, ids: &[u32], text: &str) -> Option<Vec<usize>> {
        let mut stream = self.tokenizer.decode_stream(true);
        let mut end = 0;
        let mut ends = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(chunk) = stream.step(*id).ok()? {
                end = text[end..].starts_with(&chunk).then_some(end + chunk.len())?;
            }
            ends.push(end);
        }
        (end == text.len()).then_some(ends)
    }

    /// Returns where each id's text ends as what the ids up to it have in common with the whole: slow, and always right
    /// about the order.
    fn ends_by_prefix(&self, ids: &[u32], text: &str) -> Vec<usize> {
        let mut end = 0;
        let ends = (1..=ids.len()).map(|count| {
            let prefix = self.text(&ids[..count]);
            let common = text.char_indices().zip(prefix.chars()).take_while(|((_, a), b)| a == b);
            end = common.last().map_or(0, |((at, character), _)| at + character.len_utf8()).max(end);
            if count == ids.len() { text.len() } else { end }
        });
        ends.collect()
    }
}

/// Returns the `tokenizer.json` that a byte-level vocabulary and its merges stand for.
fn byte_level(vocabulary: &Value, merges: &str) -> Result<Value, EngineError> {
    let id = |token: &str| {
        let id = vocabulary.get(token).and_then(Value::as_u64);
        id.ok_or_else(|| EngineError::malformed("vocab.json", format!("it has no {token} token")))
    };
    let merges: Vec<&str> = merges.lines().filter(|line| !line.starts_with("#version") && !line.is_empty()).collect();
    let special =
        ["<s>", "<pad>", "</s>", "<unk>", "<mask>"].into_iter().filter_map(|token| Some((token, id(token).ok()?)));
    let added: Vec<Value> = special
        .map(|(token, id)| {
            json!({"id": id, "content": token, "special": true, "single_word": false, "normalized": false, "rstrip": false,
                   "lstrip": token == "<mask>"})
        })
        .collect();
    Ok(json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", id("</s>")?], "cls": ["<s>", id("<s>")?],
                           "trim_offsets": true, "add_prefix_space": false},
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges, "dropout": null, "unk_token": null,
                  "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": false},
    }))
}

/// Takes the replacement rules out of a pipeline that begins with them.
fn take_rules(file: &mut Value) -> Result<Option<Charsmap>, String> {
    let normalizer = &mut file["normalizer"];
    let first = match normalizer["type"].as_str() {
        Some("Precompiled") => normalizer.take(),
        Some("Sequence") => match normalizer["normalizers"].as_array_mut() {
            Some(steps) if steps.first().is_some_and(|step| step["type"] == "Precompiled") => steps.remove(0),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let Some(encoded) = first["precompiled_charsmap"].as_str().filter(|encoded| !encoded.is_empty()) else {
        return Ok(None);
    };
    let blob = BASE64_STANDARD.decode(encoded).map_err(|error| format!("its precompiled_charsmap: {error}"))?;
    Charsmap::parse(&blob).map(Some)
}
