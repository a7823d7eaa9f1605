//! A model that summarizes, run by the engine: what it writes, and what its attention says that it read.
//!
//! Separate from the links, which are measured on text alone. The invariant: attention is that of the model's own run,
//! carried through every round to the sentences of the article.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::{
    fs,
    path::Path,
    sync::{Mutex, atomic::AtomicBool},
};
use summarize::{
    engine::{DecodeOptions, Engine, EngineOptions, ModelFiles, Origin, Sink, Translated},
    review::abstractive::{Abstraction, Output, Passage},
};

/// Loads the tiny summarizer, which writes the first sentence of what it reads.
fn engine(precision: &str) -> Engine {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let folder = tempfile::tempdir().unwrap();
    for part in ["summarizer", "tokenizer/bart"] {
        for entry in fs::read_dir(goldens.join(part)).unwrap().map(Result::unwrap) {
            // The tokenizer's folder has a config.json of its own, which says no more than the family.
            let target = folder.path().join(entry.file_name());
            if !target.exists() {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    let origin = Origin::Folder(folder.path().to_owned());
    let files = ModelFiles { origin, name: "tiny".into(), revision: None, licence: None, hashes: Default::default() };
    let (device, precision) = ("cpu".parse().unwrap(), precision.parse().unwrap());
    Engine::load_summarizer(&files, &EngineOptions { device, precision, exact: false, threads: 2 }, "en").unwrap()
}

fn written(engine: &Engine, texts: &[String]) -> Vec<Output> {
    let outputs = Mutex::new(vec![Output::default(); texts.len()]);
    let finished = |index: usize, written: Translated| {
        let Translated { text, source_spans, target_spans: spans, attention, .. } = written;
        outputs.lock().unwrap()[index] = Output { text, spans, source_spans, attention };
    };
    let sink = Sink { finished: &finished, cancelled: &AtomicBool::new(false) };
    engine.translate(texts, &DecodeOptions::default(), sink).unwrap();
    outputs.into_inner().unwrap()
}

fn summary(engine: &Engine, sentences: &[&str]) -> (Vec<Passage>, usize) {
    let (mut abstraction, mut rounds) = (Abstraction::new(sentences, 1), 0);
    while !abstraction.is_written() {
        let parts = abstraction.parts(engine.max_summarized_tokens(), &|text| engine.count_tokens(text));
        let texts: Vec<String> = parts.iter().map(|part| part.text.clone()).collect();
        abstraction.take(&parts, &written(engine, &texts));
        rounds += 1;
    }
    (abstraction.into_passages(), rounds)
}

/// Each has the words of the others, so that only attention can tell which was read.
const ALIKE: [&str; 3] = ["The boat met the old train.", "The train met the old boat.", "The old boat met the train."];

#[test]
fn attention_rests_on_the_sentence_that_was_read() {
    for precision in ["f32", "int8"] {
        let engine = engine(precision);
        let (passages, rounds) = summary(&engine, &ALIKE);
        assert_eq!((passages[0].text.as_str(), passages.len(), rounds), (ALIKE[0], 1, 1), "{precision}");
        assert!(passages[0].origin[0] > 0.6, "{precision}: {:?}", passages[0].origin);
    }
}

#[test]
fn through_two_rounds_it_still_rests_there() {
    let engine = engine("f32");
    let numbered: Vec<String> = (10..40).map(|number| format!("Boat {number} met the old train.")).collect();
    let sentences: Vec<&str> = numbered.iter().map(String::as_str).collect();
    let (passages, rounds) = summary(&engine, &sentences);
    assert_eq!((passages[0].text.as_str(), rounds), (sentences[0], 2));
    let best = (0..sentences.len()).max_by(|a, b| passages[0].origin[*a].total_cmp(&passages[0].origin[*b]));
    assert_eq!(best, Some(0), "{:?}", passages[0].origin);
    assert!((passages[0].origin.iter().sum::<f32>() - 1.0).abs() < 1e-4);
}

#[test]
fn the_prompt_and_the_lengths_of_the_task_are_used() {
    let engine = engine("f32");
    assert_eq!(engine.beam(&DecodeOptions::default()), 2, "of task_specific_params, not 1");
    assert_eq!(engine.max_summarized_tokens(), 256);
}
