//! Which files of a repository make a model, and whether a folder holds them all.
//!
//! Separate because the download, the cache and a local folder must agree on it. The invariant: one set of weights is
//! chosen, never two; a folder that is called complete has a configuration, weights and a tokenizer.

use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};

/// Small files that are taken where they are there.
const SMALL: [&str; 14] = [
    "config.json",
    "generation_config.json",
    "source.spm",
    "target.spm",
    "vocab.json",
    "target_vocab.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "added_tokens.json",
    "merges.txt",
    CARD,
];

/// The model card: it states the licence.
pub(super) const CARD: &str = "README.md";

/// Weights, the best first: a single file or the index of a set of shards.
const WEIGHTS: [&str; 4] =
    ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"];

/// Sets of files each of which makes a tokenizer.
const TOKENIZERS: [&[&str]; 5] = [
    &["source.spm", "target.spm", "vocab.json"],
    &["tokenizer.json"],
    &["spiece.model"],
    &["sentencepiece.bpe.model"],
    &["vocab.json", "merges.txt"],
];

/// Returns the files of a listing that the model needs, small ones first and weights last; `Err` says what it lacks.
pub fn choose(listing: &[String]) -> Result<Vec<String>, Vec<String>> {
    let has = |name: &str| listing.iter().any(|file| file == name);
    let lacks = lacking(has);
    if !lacks.is_empty() {
        return Err(lacks);
    }
    let mut files: Vec<String> = SMALL.into_iter().filter(|name| has(name)).map(str::to_owned).collect();
    for weights in WEIGHTS.into_iter().filter(|name| has(name)).take(1) {
        files.push(weights.to_owned());
        files.extend(shards(weights, listing));
    }
    Ok(files)
}

/// Returns the small files of a listing that shape the output.
pub(super) fn small_of(listing: &[String]) -> impl Iterator<Item = &'static str> + '_ {
    SMALL.into_iter().filter(|name| *name != CARD && listing.iter().any(|file| file == name))
}

/// Returns the shards that belong to an index, by their names: `model-00001-of-00002.safetensors`.
fn shards(index: &str, listing: &[String]) -> Vec<String> {
    let Some(single) = index.strip_suffix(".index.json") else { return Vec::new() };
    let Some((stem, extension)) = single.rsplit_once('.') else { return Vec::new() };
    let is_shard = |name: &&String| {
        let middle = name.strip_prefix(stem).and_then(|rest| rest.strip_suffix(extension));
        middle.is_some_and(|middle| {
            middle.starts_with('-')
                && middle.contains("-of-")
                && middle.chars().all(|c| c.is_ascii_digit() || "-of.".contains(c))
        })
    };
    listing.iter().filter(is_shard).cloned().collect()
}

/// Returns what a folder lacks to be a model, in words; nothing where it is complete.
pub fn missing(folder: &Path) -> Vec<String> {
    let has = |name: &str| folder.join(name).is_file();
    let mut lacks = lacking(has);
    if let Some(index) = WEIGHTS.into_iter().find(|name| has(name)).filter(|name| name.ends_with(".index.json")) {
        match named_by(&folder.join(index)) {
            Some(shards) => lacks.extend(shards.into_iter().filter(|shard| !has(shard))),
            None => lacks.push(format!("a readable {index}")),
        }
    }
    lacks
}

/// Returns the shards that an index on disk names; `None` where it is no index or names a file outside its folder.
fn named_by(index: &Path) -> Option<BTreeSet<String>> {
    let index: Value = serde_json::from_slice(&fs::read(index).ok()?).ok()?;
    let names = index.get("weight_map")?.as_object()?.values().map(|name| name.as_str().map(str::to_owned));
    let names: BTreeSet<String> = names.collect::<Option<_>>()?;
    names.iter().all(|name| !name.contains(['/', '\\'])).then_some(names)
}

fn lacking(has: impl Fn(&str) -> bool) -> Vec<String> {
    let mut lacks = Vec::new();
    if !has("config.json") {
        lacks.push("config.json".to_owned());
    }
    if !WEIGHTS.into_iter().any(&has) {
        lacks.push("weights (model.safetensors or pytorch_model.bin)".to_owned());
    }
    if !TOKENIZERS.into_iter().any(|set| set.iter().all(|name| has(name))) {
        lacks.push(
            "a tokenizer (tokenizer.json, a SentencePiece model, or source.spm, target.spm and vocab.json)".to_owned(),
        );
    }
    lacks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    const MARIAN: [&str; 4] = ["config.json", "source.spm", "target.spm", "vocab.json"];

    #[test]
    fn safetensors_are_taken_rather_than_a_pickle_and_nothing_else_is() {
        let mut names = MARIAN.to_vec();
        names.extend(["tf_model.h5", "pytorch_model.bin", "rust_model.ot", "model.safetensors", "README.md"]);
        let files = choose(&listing(&names)).unwrap();
        assert_eq!(files, ["config.json", "source.spm", "target.spm", "vocab.json", "README.md", "model.safetensors"]);
        names.retain(|name| *name != "model.safetensors");
        assert_eq!(choose(&listing(&names)).unwrap().last().unwrap(), "pytorch_model.bin");
    }

    #[test]
    fn an_index_brings_its_own_shards_and_no_others() {
        let mut names = MARIAN.to_vec();
        let shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
        names.extend(["model.safetensors.index.json", "pytorch_model-00001-of-00002.bin", "model-old.safetensors"]);
        names.extend(shards);
        let files = choose(&listing(&names)).unwrap();
        assert_eq!(files[4..], listing(&["model.safetensors.index.json", shards[0], shards[1]]));
    }

    #[test]
    fn a_listing_that_is_no_model_says_all_it_lacks() {
        let lacks = choose(&listing(&["README.md", "source.spm"])).unwrap_err().join("; ");
        assert!(lacks.contains("config.json") && lacks.contains("weights") && lacks.contains("tokenizer"), "{lacks}");
    }

    #[test]
    fn a_folder_without_a_shard_that_its_index_names_is_incomplete() {
        let folder = tempfile::tempdir().unwrap();
        MARIAN.iter().for_each(|name| fs::write(folder.path().join(name), "x").unwrap());
        let index = r#"{"weight_map": {"a": "model-00001-of-00001.safetensors"}}"#;
        fs::write(folder.path().join("model.safetensors.index.json"), index).unwrap();
        assert_eq!(missing(folder.path()), ["model-00001-of-00001.safetensors"]);
        fs::write(folder.path().join("model-00001-of-00001.safetensors"), "x").unwrap();
        assert!(missing(folder.path()).is_empty());
        fs::write(folder.path().join("model.safetensors.index.json"), "{").unwrap();
        assert_eq!(missing(folder.path()), ["a readable model.safetensors.index.json"]);
    }
}
