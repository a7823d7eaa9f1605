//! The index of weights that were stored in several files: which tensor is in which.
//!
//! Separate because safetensors and pickles share it. The invariant: a shard is a file of the same folder; a name that
//! leads elsewhere is refused.

use super::bytes;
use crate::engine::{EngineError, ModelFiles};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Reads an index: file names by tensor name.
pub(super) fn read(files: &ModelFiles, file: &str) -> Result<BTreeMap<String, String>, EngineError> {
    let malformed = |reason: String| EngineError::malformed(bytes::place(files, file), reason);
    let index: Index = serde_json::from_slice(&files.read(file)?).map_err(|error| malformed(error.to_string()))?;
    match index.weight_map.values().find(|shard| !is_plain(shard)) {
        Some(shard) => Err(malformed(format!("`{shard}` is not the name of a file beside it"))),
        None => Ok(index.weight_map),
    }
}

/// Returns the files an index names, each once, sorted.
pub(super) fn shards(map: &BTreeMap<String, String>) -> BTreeSet<&str> {
    map.values().map(String::as_str).collect()
}

/// Returns true for a file name without any part that leads out of its folder.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', ':', '\0'])
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn a_shard_name_may_not_lead_out_of_the_folder() {
        assert!(is_plain("model-00001-of-00002.safetensors"));
        for name in ["", ".", "..", "../model.bin", "/etc/passwd", "a\\b", "C:model.bin", "a\0"] {
            assert!(!is_plain(name), "{name:?}");
        }
    }
}
