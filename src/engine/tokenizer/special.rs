//! Which tokens of a model are marks and not text, as its small JSON files say.
//!
//! Separate because four files of different ages say it. The invariant: of each token there is one entry, with the id
//! transformers gives it.

use super::trie::Trie;
use crate::engine::{EngineError, ModelFiles};
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::{BTreeMap, HashMap};

/// A vocabulary file: pieces with their ids.
pub(super) type Vocabulary = HashMap<String, u32>;

/// A token as these files write it: bare, or an object with more to say.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Token {
    Bare(String),
    Object {
        content: String,
        /// False for an added word that is text like any other.
        #[serde(default = "yes")]
        special: bool,
    },
}

fn yes() -> bool {
    true
}

impl Token {
    fn text(self) -> String {
        match self {
            Token::Bare(text) | Token::Object { content: text, .. } => text,
        }
    }
}

/// Special tokens in a list, or by names that programs call them.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Extra {
    List(Vec<Token>),
    Named(BTreeMap<String, Token>),
}

impl Extra {
    fn into_tokens(self) -> Vec<Token> {
        match self {
            Extra::List(tokens) => tokens,
            Extra::Named(tokens) => tokens.into_values().collect(),
        }
    }
}

/// The parts of `tokenizer_config.json` that change ids or text; `special_tokens_map.json` has some of them too.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenizerConfig {
    eos_token: Option<Token>,
    unk_token: Option<Token>,
    pad_token: Option<Token>,
    additional_special_tokens: Option<Vec<Token>>,
    /// What transformers 5 writes in place of it.
    extra_special_tokens: Option<Extra>,
    added_tokens_decoder: Option<BTreeMap<String, Token>>,
    separate_vocabs: Option<bool>,
    clean_up_tokenization_spaces: Option<bool>,
    legacy_behaviour: Option<bool>,
    language_codes: Option<String>,
    offset: Option<u32>,
    extra_ids: Option<u32>,
}

impl TokenizerConfig {
    /// Reads `tokenizer_config.json` and, where that lists no added tokens, `special_tokens_map.json` over it.
    pub fn load(files: &ModelFiles) -> Result<Self, EngineError> {
        let mut config: TokenizerConfig = read_optional(files, "tokenizer_config.json")?.unwrap_or_default();
        if config.added_tokens_decoder.is_none() {
            let map: TokenizerConfig = read_optional(files, "special_tokens_map.json")?.unwrap_or_default();
            config.eos_token = map.eos_token.or(config.eos_token);
            config.unk_token = map.unk_token.or(config.unk_token);
            config.pad_token = map.pad_token.or(config.pad_token);
            config.additional_special_tokens = map.additional_special_tokens.or(config.additional_special_tokens);
        }
        if let Some(extra) = config.extra_special_tokens.take() {
            config.additional_special_tokens.get_or_insert_default().extend(extra.into_tokens());
        }
        Ok(config)
    }

    /// Returns true where source and target have a vocabulary each.
    pub fn separate_vocabularies(&self) -> bool {
        self.separate_vocabs.unwrap_or(false)
    }

    /// Returns true where spaces before punctuation are taken out of decoded text.
    pub fn clean_up(&self) -> bool {
        self.clean_up_tokenization_spaces.unwrap_or(false)
    }

    /// Returns true where the source language stands behind the text and not before it, as NLLB's tokenizer once did.
    pub fn language_last(&self) -> bool {
        self.legacy_behaviour.unwrap_or(false)
    }

    /// Returns the name of the set of languages, where the files name one.
    pub fn language_codes(&self) -> Option<&str> {
        self.language_codes.as_deref()
    }

    /// Returns how far ids lie behind the numbers of pieces in a Pegasus model.
    pub fn offset(&self) -> u32 {
        self.offset.unwrap_or(103)
    }

    /// Returns how many sentinel tokens follow the pieces of a T5 model.
    pub fn extra_ids(&self) -> u32 {
        self.extra_ids.unwrap_or(100)
    }

    /// Returns the text of the token that ends a text.
    pub fn eos_token(&self) -> String {
        self.eos_token.clone().map_or("</s>".to_owned(), Token::text)
    }

    /// Adds tokens that are special whether the files list them or not.
    pub fn with_special(mut self, tokens: impl IntoIterator<Item = String>) -> Self {
        self.additional_special_tokens.get_or_insert_default().extend(tokens.into_iter().map(Token::Bare));
        self
    }

    /// Returns the special tokens that the files list beside those with a role, in their order.
    pub fn additional(&self) -> Vec<String> {
        self.additional_special_tokens.iter().flatten().cloned().map(Token::text).collect()
    }
}

/// The special tokens of a model.
#[derive(Debug, Clone)]
pub(super) struct Specials {
    /// Tokens that are taken whole where a text holds them.
    whole: Trie,
    /// Of those, the ones that decoded text leaves out, with their ids.
    pub hidden: Vec<(String, u32)>,
    /// Id of the token that ends a text.
    pub eos: u32,
    /// Id of the token for what the vocabulary lacks.
    pub unknown: u32,
}

impl Specials {
    /// Returns the special tokens; one that the vocabulary lacks gets the next free id, as in transformers.
    pub fn new(config: TokenizerConfig, vocabulary: &Vocabulary, file: &str) -> Result<Self, EngineError> {
        let name = |token: Option<Token>, default: &str| token.map_or(default.to_owned(), Token::text);
        let (eos, unknown) = (name(config.eos_token, "</s>"), name(config.unk_token, "<unk>"));
        let unknown_id = *vocabulary
            .get(&unknown)
            .ok_or_else(|| EngineError::malformed(file, format!("it has no {unknown} token")))?;
        let mut ids = added(config.added_tokens_decoder.unwrap_or_default())?;
        let mut next = vocabulary.len() as u32;
        let extra = config.additional_special_tokens.unwrap_or_default().into_iter().map(Token::text);
        let named = [eos.clone(), unknown, name(config.pad_token, "<pad>")];
        for token in named.into_iter().chain(extra).filter(|token| !token.is_empty()) {
            let (_, hidden) = ids.entry(token).or_insert_with_key(|token| {
                let id = vocabulary.get(token).copied().unwrap_or(next);
                next += u32::from(id == next);
                (id, true)
            });
            *hidden = true;
        }
        let eos = ids.get(&eos).map_or(unknown_id, |(id, _)| *id);
        let whole = Trie::new(ids.iter().map(|(token, (id, _))| (token.as_str(), *id, 0.0)));
        let hidden = ids.into_iter().filter(|(_, (_, hidden))| *hidden).map(|(token, (id, _))| (token, id)).collect();
        Ok(Specials { whole, hidden, eos, unknown: unknown_id })
    }

    /// Returns the id of a special token.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.whole.longest_prefix(token.as_bytes()).filter(|found| found.length == token.len()).map(|found| found.id)
    }

    /// Returns the first special token written out in a text, of several the longest: its start, length and id.
    pub fn find(&self, text: &str) -> Option<(usize, usize, u32)> {
        (0..text.len()).find_map(|at| {
            let found = self.whole.longest_prefix(&text.as_bytes()[at..])?;
            Some((at, found.length, found.id))
        })
    }
}

/// Returns the tokens a configuration adds by id, and whether decoded text leaves them out.
fn added(tokens: BTreeMap<String, Token>) -> Result<BTreeMap<String, (u32, bool)>, EngineError> {
    let parse = |(id, token): (String, Token)| {
        let reason =
            || EngineError::malformed("tokenizer_config.json", format!("added_tokens_decoder has the id {id:?}"));
        let hidden = !matches!(token, Token::Object { special: false, .. });
        Ok((token.text(), (id.parse().map_err(|_| reason())?, hidden)))
    };
    tokens.into_iter().map(parse).collect()
}

fn read_optional<T: DeserializeOwned>(files: &ModelFiles, file: &str) -> Result<Option<T>, EngineError> {
    files.has(file).then(|| files.json(file)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specials(config: &str, pieces: &[&str]) -> Result<Specials, EngineError> {
        let vocabulary = (0..).zip(pieces).map(|(id, piece)| ((*piece).to_owned(), id)).collect();
        Specials::new(serde_json::from_str(config).unwrap(), &vocabulary, "vocab.json")
    }

    #[test]
    fn a_token_the_vocabulary_lacks_gets_the_next_id() {
        let specials = specials("{}", &["</s>", "<unk>", "a"]).unwrap();
        assert_eq!(specials.hidden, [("</s>".to_owned(), 0), ("<pad>".to_owned(), 3), ("<unk>".to_owned(), 1)]);
    }

    #[test]
    fn tokens_may_be_objects_and_null() {
        let config = r#"{"eos_token": {"content": "<end>", "lstrip": false}, "pad_token": null}"#;
        assert_eq!(specials(config, &["<unk>", "<end>"]).unwrap().eos, 1);
    }

    #[test]
    fn an_added_word_may_be_text() {
        let config = r#"{"added_tokens_decoder": {"7": {"content": ">>ara<<", "special": false}}}"#;
        let specials = specials(config, &["</s>", "<unk>"]).unwrap();
        assert_eq!((specials.find("x>>ara<<"), specials.hidden.len()), (Some((1, 7, 7)), 3));
    }

    #[test]
    fn a_vocabulary_without_an_unknown_token_is_named() {
        let error = specials("{}", &["</s>"]).unwrap_err();
        assert!(error.to_string().contains("vocab.json is not a usable model file: it has no <unk>"), "{error}");
    }

    #[test]
    fn the_first_and_of_those_the_longest_token_is_found() {
        let config = r#"{"additional_special_tokens": ["</s>>"]}"#;
        let specials = specials(config, &["</s>", "<unk>"]).unwrap();
        assert_eq!(specials.find("ab</s>>"), Some((2, 5, 3)));
    }
}
