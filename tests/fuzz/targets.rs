//! What is fuzzed: everything that reads bytes a stranger may have written.
//!
//! Separate because two drivers share these bodies: `main.rs`, which needs no more than `cargo test`, and libFuzzer
//! (`libfuzzer.rs`). The invariant: a body returns for every input, and asserts only what holds for every input.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{Cursor, Write},
    path::PathBuf,
    process,
};
use summarize::{
    article::{
        chunk,
        clean::clean,
        normalize,
        read::{Content, Source, read},
        segment,
    },
    engine::{
        ModelFiles, Origin, arch::config::ModelConfig, catalogue::Catalogue, generation::GenerationConfig,
        tokenizer::Tokenizer, weights::Weights,
    },
    report::{Stored, markdown::corrected, tmx},
    review::glossary::Glossary,
};

/// One thing that is fuzzed.
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Reads one input.
    pub run: fn(&[u8]),
    /// Files and folders to begin with, from the root of the repository.
    pub seeds: &'static [&'static str],
}

/// All that is fuzzed.
pub const TARGETS: &[Target] = &[
    Target { name: "txt", run: |bytes| article("a.txt", bytes), seeds: &["inputs/agency", "inputs/interviews"] },
    Target { name: "markdown", run: |bytes| article("a.md", bytes), seeds: &["inputs/reports", "outputs/example"] },
    Target { name: "html", run: |bytes| article("a.html", bytes), seeds: &["inputs/data", "inputs/live"] },
    Target { name: "docx", run: docx, seeds: &["inputs/opinion", "tests/fuzz/corpus/docx"] },
    Target { name: "json", run: |bytes| article("a.json", bytes), seeds: &["tests/fuzz/corpus/json"] },
    Target { name: "jsonl", run: |bytes| article("a.jsonl", bytes), seeds: &["inputs/agency/week.jsonl"] },
    Target { name: "stdin", run: |bytes| article("-", bytes), seeds: &["inputs/agency", "inputs/live"] },
    Target { name: "segment", run: segments, seeds: &["inputs/agency", "inputs/interviews"] },
    Target { name: "spm", run: spm, seeds: &["tests/fuzz/corpus/spm"] },
    Target { name: "tokenizer_json", run: tokenizer_json, seeds: &["tests/fuzz/corpus/tokenizer_json"] },
    Target { name: "byte_level", run: byte_level, seeds: &["tests/fuzz/corpus/byte_level"] },
    Target { name: "safetensors", run: safetensors, seeds: &["tests/goldens/weights/safetensors"] },
    Target { name: "pickle", run: pickle, seeds: &["tests/goldens/weights/zip", "tests/goldens/weights/legacy"] },
    Target {
        name: "config",
        run: config,
        seeds: &["tests/goldens/summarizer/config.json", "tests/goldens/families/t5/config.json"],
    },
    Target { name: "catalogue", run: catalogue, seeds: &["models/catalogue.toml"] },
    Target { name: "tmx", run: translation_memory, seeds: &["tests/fuzz/corpus/tmx"] },
    Target { name: "document", run: document, seeds: &["outputs/example"] },
    Target { name: "glossary", run: glossary, seeds: &["tests/fuzz/corpus/glossary"] },
];

/// Reads and cleans the articles of a file; every character must be accounted for.
fn article(label: &str, bytes: &[u8]) {
    for draft in read(Source { label: label.into(), content: Content::Bytes(bytes.to_vec()) }).flatten() {
        let article = clean(draft);
        assert_eq!(article.account(), Ok(()), "{label}");
        for sentence in &article.sentences {
            assert!(!article.source(sentence).trim().is_empty());
        }
    }
}

/// A Word document: bytes that are no archive become the body of one.
fn docx(bytes: &[u8]) {
    match bytes.starts_with(b"PK") {
        true => article("a.docx", bytes),
        false => article("a.docx", &archive(&[("word/document.xml", bytes)])),
    }
}

fn segments(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut end = 0;
    for sentence in segment::sentences(&text, 0..text.len()) {
        assert!(sentence.start >= end && text[end..sentence.start].trim().is_empty(), "a gap holds text");
        let (source, words) = (&text[sentence.clone()], |text: &str| text.split_whitespace().count() + 1);
        let normalized = normalize::for_translation(source);
        let parts = chunk::split(&normalized.text, 16, &words);
        assert!(parts.iter().all(|part| source.get(normalized.original(part.clone())).is_some()));
        end = sentence.end;
    }
    assert!(text[end..].trim().is_empty(), "the end is lost");
}

/// A text for tokenizers: scripts, marks, digits, emoji, a presentation form with a haraka.
const SAMPLE: &str = "زار الوزيرُ المدرسةَ في 3 أيام، e\u{301} AA ﻻ\u{64e} \u{200f}🙂 <unk></s>";

fn tokenizer(files: &[(&str, &[u8])]) {
    if let Ok(tokenizer) = with_files(files, Tokenizer::load)
        && let Ok(encoding) = tokenizer.encode(SAMPLE)
    {
        assert_eq!(encoding.ids.len(), encoding.spans.len());
        assert!(encoding.spans.iter().all(|span| SAMPLE.get(span.clone()).is_some()));
        let decoding = tokenizer.decode(&[&encoding.ids[..], &[0, 1, u32::MAX]].concat());
        assert!(decoding.spans.iter().all(|span| decoding.text.get(span.clone()).is_some()));
    }
}

fn spm(bytes: &[u8]) {
    tokenizer(&[("spiece.model", bytes)]);
    let vocabulary = r#"{"</s>": 0, "<unk>": 1, "a": 2, "▁a": 3, "<pad>": 4}"#.as_bytes();
    tokenizer(&[("source.spm", bytes), ("target.spm", bytes), ("vocab.json", vocabulary)]);
}

fn tokenizer_json(bytes: &[u8]) {
    tokenizer(&[("tokenizer.json", bytes)]);
}

/// A vocabulary and, after a zero byte, the merges.
fn byte_level(bytes: &[u8]) {
    let at = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    tokenizer(&[("vocab.json", &bytes[..at]), ("merges.txt", bytes.get(at + 1..).unwrap_or_default())]);
}

fn weights(name: &str, bytes: &[u8]) {
    let Ok(weights) = with_files(&[(name, bytes)], Weights::open) else { return };
    for name in weights.names() {
        if let Some(shape) = weights.shape(name) {
            // An error is an answer.
            let _ = weights.tensor(name, shape);
        }
    }
}

fn safetensors(bytes: &[u8]) {
    weights("model.safetensors", bytes);
}

/// A `pytorch_model.bin`; bytes that are no archive are read as they are, and as the pickle in one.
fn pickle(bytes: &[u8]) {
    weights("pytorch_model.bin", bytes);
    if !bytes.starts_with(b"PK") {
        let parts = [("archive/data.pkl", bytes), ("archive/data/0", &[7; 256]), ("archive/data/1", &[1; 64])];
        weights("pytorch_model.bin", &archive(&parts));
    }
}

fn config(bytes: &[u8]) {
    let _ = with_files(&[("config.json", bytes)], |files| {
        let _ = GenerationConfig::read(files);
        ModelConfig::read(files)
    });
}

fn catalogue(bytes: &[u8]) {
    let _ = Catalogue::parse(&String::from_utf8_lossy(bytes));
}

fn translation_memory(bytes: &[u8]) {
    let _ = tmx::units(bytes);
    if let Ok(memory) = tmx::memory(bytes, "ar", "en") {
        let written = tmx::write_memory(&memory, "ar", "en");
        assert!(tmx::memory(&written, "ar", "en").is_ok_and(|again| again.len() == memory.len()));
    }
}

/// What an earlier run wrote and a person may have edited.
fn document(bytes: &[u8]) {
    let _ = Stored::read(bytes);
    let _ = corrected::read(&String::from_utf8_lossy(bytes));
}

fn glossary(bytes: &[u8]) {
    if let Ok(glossary) = Glossary::parse(&String::from_utf8_lossy(bytes)) {
        let _ = glossary.missing("زار الوزير الحجر الأسود اليوم", "The minister visited al-Hajar al-Aswad");
    }
}

/// Calls a function with the files of a model in a folder.
fn with_files<R>(files: &[(&str, &[u8])], call: impl Fn(&ModelFiles) -> R) -> R {
    let folder = Scratch::new();
    for (name, bytes) in files {
        fs::write(folder.0.join(name), bytes).expect("the folder for temporary files can be written");
    }
    let origin = Origin::Folder(folder.0.clone());
    call(&ModelFiles { origin, name: "fuzz".into(), revision: None, licence: None, hashes: BTreeMap::new() })
}

/// A folder that goes when it is dropped; in memory where the system has a place for that.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        let memory = PathBuf::from("/dev/shm");
        let root = if memory.is_dir() { memory } else { env::temp_dir() };
        let thread = format!("{:?}", std::thread::current().id());
        let path = root.join(format!("summarize-fuzz-{}-{}", process::id(), thread.replace(['(', ')'], "")));
        fs::create_dir_all(&path).expect("the folder for temporary files can be written");
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Returns a zip archive with these files, stored.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in files {
        zip.start_file(*name, options).expect("names are short and files few");
        zip.write_all(bytes).expect("memory can be written");
    }
    zip.finish().expect("memory can be written").into_inner()
}
