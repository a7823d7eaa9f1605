//! `summarize fetch`: a model downloaded and verified ahead of its use, and copied to where a machine without a network
//! finds it.
//!
//! Separate from resolving, which stops at the first place that has the model. The invariant: a copy appears under its
//! name only when every file of it has the hash of the one it was copied from.

use super::{OnHub, Resolver, folder, with_licence};
use crate::engine::{
    EngineError, ModelFiles, Origin,
    hub::{Content, Hub, choose},
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// A model that was fetched.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Its files, in the cache or in the folder they were copied to.
    pub files: ModelFiles,
    /// The folder that holds them.
    pub folder: PathBuf,
}

impl Resolver<'_> {
    /// Downloads a model of the catalogue or the hub and verifies every file; `into` copies it to a folder of models.
    ///
    /// The hub is asked even where the cache has the model, so that a branch that moved on is followed. With the
    /// network switched off the cache is all there is.
    pub fn fetch(&self, name: &str, into: Option<&Path>) -> Result<Fetched, EngineError> {
        let model = self.on_hub(name)?;
        let hub = Hub::new(self.options)?;
        let cached = if self.options.offline { hub.cached(model.repo, Some(model.revision)) } else { None };
        let files = match cached {
            Some(files) => with_licence(files, model.entry),
            None => self.download(&hub, &model)?,
        };
        let files = match into {
            Some(models) => copied(&files, &models.join(placed_name(&model)))?,
            None => files,
        };
        match &files.origin {
            Origin::Folder(folder) => Ok(Fetched { folder: folder.clone(), files }),
            Origin::Builtin(_) => Err(self.unknown(name)),
        }
    }
}

/// Returns the name under which `models/` holds a model: what a user would type.
fn placed_name(model: &OnHub<'_>) -> String {
    model.entry.map_or_else(|| model.repo.to_owned(), |entry| entry.name.clone())
}

/// Copies a model to a folder of its own, beside a note of where it came from.
fn copied(files: &ModelFiles, to: &Path) -> Result<ModelFiles, EngineError> {
    let Origin::Folder(from) = &files.origin else { return Ok(files.clone()) };
    let parent = to.parent().unwrap_or(to);
    fs::create_dir_all(parent).map_err(|error| EngineError::file(parent.display(), error))?;
    let partial = tempfile::Builder::new().prefix(".fetching-").tempdir_in(parent);
    let partial = partial.map_err(|error| EngineError::file(parent.display(), error))?;
    let mut sha256 = BTreeMap::new();
    for name in names(from)? {
        let target = partial.path().join(&name);
        let at_target = |error| EngineError::file(to.join(&name).display(), error);
        fs::copy(from.join(&name), &target).map_err(at_target)?;
        let hash = Content::of(&target).map_err(at_target)?.sha256;
        if hash != files.sha256(&name)? {
            return Err(EngineError::malformed(
                to.join(&name).display(),
                "the copy differs from the original: check the disk",
            ));
        }
        sha256.insert(name, hash);
    }
    let (repo, commit, licence) = (files.name.clone(), files.revision.clone(), files.licence.clone());
    let note = folder::Note { repo, commit, licence, sha256 };
    write_note(partial.path(), &note)?;
    put(partial, to)?;
    Ok(ModelFiles { hashes: note.sha256, ..folder::open(to)? })
}

/// Returns the names of the files that make the model; Python may have put more into a snapshot.
fn names(folder: &Path) -> Result<Vec<String>, EngineError> {
    let at_folder = |error| EngineError::file(folder.display(), error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(at_folder)? {
        let path = entry.map_err(at_folder)?.path();
        if let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|_| path.is_file()) {
            names.push(name.to_owned());
        }
    }
    let lacking = |lacks: Vec<String>| at_folder(std::io::Error::other(format!("it lacks {}", lacks.join("; "))));
    choose(&names).map_err(lacking)
}

fn write_note(folder: &Path, note: &folder::Note) -> Result<(), EngineError> {
    let path = folder.join(folder::NOTE);
    let text = serde_json::to_vec_pretty(note).map_err(|error| EngineError::malformed(path.display(), error))?;
    fs::write(&path, text).map_err(|error| EngineError::file(path.display(), error))
}

/// Moves a finished folder to its name, in place of an earlier one of the same name.
fn put(partial: tempfile::TempDir, to: &Path) -> Result<(), EngineError> {
    let at_target = |error| EngineError::file(to.display(), error);
    if to.exists() {
        if !to.join(folder::NOTE).is_file() {
            let reason = "there is a folder of this name that was not fetched; move it away first";
            return Err(EngineError::file(to.display(), reason));
        }
        fs::remove_dir_all(to).map_err(at_target)?;
    }
    fs::rename(partial.path(), to).map_err(at_target)?;
    // Its content has moved away, there is nothing left to remove.
    let _ = partial.keep();
    open_to_others(to).map_err(at_target)
}

/// Lets others read the folder, as they may read any other: temporary folders are private.
#[cfg(unix)]
fn open_to_others(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn open_to_others(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}
