//! Laws of the tokenizer on any text: no panic, spans in order and inside the text, nothing left outside a token; and
//! what it does with files that are not what they should be.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop the test and say why")]

use proptest::prelude::*;
use std::{fs, ops::Range, path::Path, sync::LazyLock};
use summarize::engine::{EngineError, ModelFiles, Origin, tokenizer::Tokenizer};

fn files(folder: &Path) -> ModelFiles {
    let origin = Origin::Folder(folder.to_owned());
    ModelFiles { origin, name: "test".to_owned(), revision: None, licence: None, hashes: Default::default() }
}

fn sample(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/tokenizer").join(name)
}

static UNIGRAM: LazyLock<Tokenizer> = LazyLock::new(|| Tokenizer::load(&files(&sample("unigram"))).unwrap());
static BPE: LazyLock<Tokenizer> = LazyLock::new(|| Tokenizer::load(&files(&sample("bpe"))).unwrap());

/// Text of the kinds that normalisation changes most, among arbitrary characters.
fn hard_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        "[\u{600}-\u{6ff} ]{1,12}",
        "[\u{fb50}-\u{fdff}\u{fe70}-\u{fefc}][\u{64b}-\u{655}]{0,2}",
        "[\u{200b}-\u{200f}\u{feff}\u{a0} \u{1}\u{7f}▁]{1,4}",
        "[a-e][\u{300}-\u{304}]{0,2}",
        Just("</s>".to_owned()),
        Just(">>ara<<".to_owned()),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn check_spans(text: &str, spans: &[Range<usize>]) -> Result<(), TestCaseError> {
    let mut before = 0..0;
    for span in spans {
        prop_assert!(text.get(span.clone()).is_some(), "{span:?} is not whole characters of {text:?}");
        prop_assert!(span.start >= before.start && span.end >= before.end, "{span:?} after {before:?} in {text:?}");
        prop_assert_eq!(text[span.clone()].trim(), &text[span.clone()]);
        before = span.clone();
    }
    Ok(())
}

fn check(tokenizer: &Tokenizer, text: &str) -> Result<(), TestCaseError> {
    let encoding = tokenizer.encode(text).unwrap();
    prop_assert_eq!(encoding.ids.len(), encoding.spans.len());
    prop_assert_eq!(encoding.spans.last(), Some(&(text.len()..text.len())));
    check_spans(text, &encoding.spans)?;
    let decoding = tokenizer.decode(&encoding.ids);
    prop_assert_eq!(decoding.spans.len(), encoding.ids.len());
    check_spans(&decoding.text, &decoding.spans)
}

proptest! {
    #[test]
    fn spans_are_ordered_whole_characters(text in hard_text()) {
        check(&UNIGRAM, &text)?;
        check(&BPE, &text)?;
    }

    #[test]
    fn every_visible_character_is_in_a_token(text in "[\u{621}-\u{652}ﷺﻻﭐ٠-٩a-zéÅ«»!?.﹏漢😀 \u{a0}]{0,40}") {
        let encoding = UNIGRAM.encode(&text).unwrap();
        for (at, character) in text.char_indices().filter(|(_, character)| !character.is_whitespace()) {
            prop_assert!(encoding.spans.iter().any(|span| span.contains(&at)), "{character:?} of {text:?}");
        }
    }

    #[test]
    fn words_of_the_text_start_where_tokens_do(words in proptest::collection::vec("[\u{621}-\u{63a}]{1,9}", 1..8)) {
        let text = words.join("  ");
        let starts: Vec<usize> = UNIGRAM.encode(&text).unwrap().spans.iter().map(|span| span.start).collect();
        let mut at = 0;
        for word in &words {
            prop_assert!(starts.contains(&at), "no token starts at {at} of {text:?}");
            at += word.len() + 2;
        }
    }

    #[test]
    fn any_ids_decode(ids in proptest::collection::vec(prop_oneof![0..700_u32, any::<u32>()], 0..60)) {
        for tokenizer in [&*UNIGRAM, &*BPE] {
            let decoding = tokenizer.decode(&ids);
            prop_assert_eq!(decoding.spans.len(), ids.len());
            check_spans(&decoding.text, &decoding.spans)?;
        }
    }
}

#[test]
fn a_form_that_makes_four_words_is_the_span_of_each() {
    let encoding = UNIGRAM.encode("محمد ﷺ").unwrap();
    let form = "محمد ".len().."محمد ﷺ".len();
    assert!(encoding.spans.iter().filter(|span| **span == form).count() >= 4, "{:?}", encoding.spans);
}

/// Copies the sample, changes one file, and returns what loading it says.
fn broken(file: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Result<Tokenizer, EngineError> {
    let folder = tempfile::tempdir().unwrap();
    for name in ["source.spm", "target.spm", "vocab.json", "tokenizer_config.json"] {
        fs::copy(sample("unigram").join(name), folder.path().join(name)).unwrap();
    }
    let bytes = fs::read(folder.path().join(file)).unwrap_or_default();
    fs::write(folder.path().join(file), change(bytes)).unwrap();
    Tokenizer::load(&files(folder.path()))
}

fn fault(file: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> String {
    broken(file, change).unwrap_err().to_string()
}

#[test]
fn a_broken_file_is_named() {
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() - 7].to_vec();
    assert!(fault("source.spm", cut).contains("source.spm is not a usable model file"));
    assert!(fault("target.spm", cut).contains("target.spm is not a usable model file"));
    assert!(fault("source.spm", |_| vec![]).contains("source.spm"));
    assert!(fault("vocab.json", cut).contains("vocab.json is not a usable model file"));
    assert!(fault("vocab.json", |_| br#"{"<unk>": -1}"#.to_vec()).contains("vocab.json"));
    assert!(fault("vocab.json", |_| br#"{"</s>": 0}"#.to_vec()).contains("no <unk>"));
    assert!(fault("vocab.json", |_| br#"{"<unk>": 0, "a": 4294967295}"#.to_vec()).contains("out of proportion"));
    assert!(fault("tokenizer_config.json", |_| b"[]x".to_vec()).contains("tokenizer_config.json"));
    assert!(fault("tokenizer_config.json", |_| br#"{"separate_vocabs": true}"#.to_vec()).contains("target_vocab.json"));
}

#[test]
fn a_broken_tokenizer_json_is_named() {
    for content in ["{", "{}", r#"{"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}}"#] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tokenizer.json"), content).unwrap();
        let error = Tokenizer::load(&files(folder.path())).unwrap_err().to_string();
        assert!(error.contains("tokenizer.json is not a usable model file"), "{error}");
    }
}

#[test]
fn a_byte_changed_anywhere_never_panics() {
    let length = fs::metadata(sample("unigram").join("source.spm")).unwrap().len() as usize;
    for at in (0..length).step_by(length / 200) {
        let tokenizer = broken("source.spm", |mut bytes| {
            bytes[at] ^= 0x55;
            bytes
        });
        if let Ok(tokenizer) = tokenizer {
            let ids = tokenizer.encode("قال ﷺ a\u{301} 漢").unwrap().ids;
            tokenizer.decode(&ids);
        }
    }
}
