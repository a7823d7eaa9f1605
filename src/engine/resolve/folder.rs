//! A model in a folder of its own, and the note of where it came from.
//!
//! Separate because such a folder has no cache around it: `summarize fetch --into` leaves a note beside the files, so
//! that a machine without a network still knows commit, licence and hashes. The invariant: hashes of the note are what
//! the files ought to be, and are never reported as what they are.

use crate::engine::{
    EngineError, ModelFiles, Origin,
    arch::config,
    hub::{Content, Digest, licence_of, missing},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs, path::Path};

/// Name of the note.
pub(super) const NOTE: &str = "summarize-origin.json";

/// Where the files of a folder came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    pub repo: String,
    pub commit: Option<String>,
    pub licence: Option<String>,
    /// SHA-256 of each file.
    pub sha256: BTreeMap<String, String>,
}

/// Returns the model in a folder, or an error that lists what the folder lacks.
pub(super) fn open(folder: &Path) -> Result<ModelFiles, EngineError> {
    let own_name = folder.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let own_name = own_name.unwrap_or_else(|| folder.display().to_string());
    if let Ok(config) = fs::read(folder.join(config::FILE)) {
        // A model of another kind lacks nothing that could be added.
        require_run(&own_name, &config)?;
    }
    let lacks = missing(folder);
    if !lacks.is_empty() {
        let reason = format!("the folder holds no complete model, it lacks {}", lacks.join("; "));
        return Err(EngineError::file(folder.display(), reason));
    }
    let note = note(folder)?;
    let (name, revision, licence) = match note {
        Some(note) => (note.repo, note.commit, note.licence),
        None => (own_name, None, None),
    };
    let licence = licence.or_else(|| licence_of(folder));
    Ok(ModelFiles { origin: Origin::Folder(folder.to_owned()), name, revision, licence, hashes: BTreeMap::new() })
}

/// Returns an error where this is the `config.json` of a model that is not run; one that cannot be read is not.
pub(super) fn require_run(model: &str, config: &[u8]) -> Result<(), EngineError> {
    serde_json::from_slice(config).map_or(Ok(()), |config| config::require_run(model, &config))
}

fn note(folder: &Path) -> Result<Option<Note>, EngineError> {
    let path = folder.join(NOTE);
    if !path.is_file() {
        return Ok(None);
    }
    let text = fs::read(&path).map_err(|error| EngineError::file(path.display(), error))?;
    serde_json::from_slice(&text).map(Some).map_err(|error| EngineError::malformed(path.display(), error))
}

/// Checks every file of a model against the hash it was published with; returns how many have one.
///
/// The hub's cache names a content by its hash, and `summarize fetch --into` leaves a note; files put into a folder by
/// hand, and those in the binary, have nothing to be checked against.
pub fn verify(files: &ModelFiles) -> Result<usize, EngineError> {
    let Origin::Folder(folder) = &files.origin else { return Ok(0) };
    let noted = note(folder)?.map(|note| note.sha256).unwrap_or_default();
    let at_folder = |error| EngineError::file(folder.display(), error);
    let mut checked = 0;
    for entry in fs::read_dir(folder).map_err(at_folder)? {
        let path = entry.map_err(at_folder)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(digest) = noted.get(&name).and_then(|hex| Digest::parse(hex)).or_else(|| linked(&path)) else {
            continue;
        };
        let content = Content::of(&path).map_err(|error| EngineError::file(path.display(), error))?;
        if !content.is(&digest) {
            let reason = format!(
                "its {digest} was expected, but it has sha256 {}; delete it and fetch the model again",
                content.sha256
            );
            return Err(EngineError::malformed(path.display(), reason));
        }
        checked += 1;
    }
    Ok(checked)
}

/// Returns the digest that a link into the hub's cache names.
fn linked(path: &Path) -> Option<Digest> {
    let target = fs::read_link(path).ok()?;
    let in_blobs = target.parent()?.file_name()? == "blobs";
    Digest::parse(target.file_name()?.to_str()?).filter(|_| in_blobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["config.json", "model.safetensors", "source.spm", "target.spm", "vocab.json"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        folder
    }

    #[test]
    fn a_folder_that_is_no_model_says_all_it_lacks() {
        let folder = model();
        for name in ["config.json", "vocab.json"] {
            fs::remove_file(folder.path().join(name)).unwrap();
        }
        let message = open(folder.path()).unwrap_err().to_string();
        assert!(message.contains("config.json") && message.contains("a tokenizer"), "{message}");
    }

    #[test]
    fn a_model_of_another_kind_is_refused_as_such_and_not_for_what_it_lacks() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), r#"{"model_type": "bert"}"#).unwrap();
        let message = open(folder.path()).unwrap_err().to_string();
        assert!(message.contains("is a bert model"), "{message}");
    }

    #[test]
    fn the_note_tells_where_a_model_came_from_and_what_its_files_ought_to_be() {
        let folder = model();
        let sha256 = Content::of(&folder.path().join("vocab.json")).unwrap().sha256;
        let note = Note {
            repo: "org/model".to_owned(),
            commit: Some("c".repeat(40)),
            licence: Some("MIT".to_owned()),
            sha256: BTreeMap::from([("vocab.json".to_owned(), sha256)]),
        };
        fs::write(folder.path().join(NOTE), serde_json::to_vec(&note).unwrap()).unwrap();
        let files = open(folder.path()).unwrap();
        assert_eq!((files.name.as_str(), files.licence.as_deref()), ("org/model", Some("MIT")));
        assert!(files.hashes.is_empty());
        assert_eq!(verify(&files).unwrap(), 1);
        fs::write(folder.path().join("vocab.json"), "changed").unwrap();
        assert!(verify(&files).unwrap_err().to_string().contains("vocab.json"));
    }
}
