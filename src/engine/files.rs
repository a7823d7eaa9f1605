//! The files of one model, wherever they lie: a folder on disk (a hub snapshot is one) or the binary itself.
//!
//! Separate so that loading code never asks where a model came from. The invariant: a file that is read is the file
//! whose SHA-256 is reported.

use super::EngineError;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Where the files of a model lie.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A folder: a hub snapshot, `models/<name>/`, or any local path.
    Folder(PathBuf),
    /// Compiled into the binary: pairs of file name and bytes.
    Builtin(&'static [(&'static str, &'static [u8])]),
}

/// A model's files with what is known of them.
#[derive(Debug, Clone)]
pub struct ModelFiles {
    /// Where they lie.
    pub origin: Origin,
    /// Name as documents show it: `Helsinki-NLP/opus-mt-ar-en`, a folder's name, or `builtin`.
    pub name: String,
    /// Commit of the hub repository, where it came from one.
    pub revision: Option<String>,
    /// SPDX expression of the licence, where known.
    pub licence: Option<String>,
    /// SHA-256 of files already hashed (by the download), by file name.
    pub hashes: BTreeMap<String, String>,
}

/// Bytes of the largest file that is read whole: tokenizers and settings have a few MiB; weights are mapped.
const MAX_BYTES: u64 = 256 << 20;

impl ModelFiles {
    /// Returns the bytes of a file, or an error that names it and the folder.
    pub fn read(&self, file: &str) -> Result<Cow<'static, [u8]>, EngineError> {
        match &self.origin {
            Origin::Folder(folder) => {
                let path = folder.join(file);
                read(&path).map(Cow::Owned).map_err(|error| EngineError::file(path.display(), error))
            }
            Origin::Builtin(files) => match files.iter().find(|(name, _)| *name == file) {
                Some((_, bytes)) => Ok(Cow::Borrowed(bytes)),
                None => Err(EngineError::file(format!("builtin/{file}"), "the built-in model has no such file")),
            },
        }
    }

    /// Returns what a JSON file holds, or an error that names it.
    pub fn json<T: DeserializeOwned>(&self, file: &str) -> Result<T, EngineError> {
        serde_json::from_slice(&self.read(file)?).map_err(|error| EngineError::malformed(file, error))
    }

    /// Returns true where the model has a file of this name.
    pub fn has(&self, file: &str) -> bool {
        match &self.origin {
            Origin::Folder(folder) => folder.join(file).is_file(),
            Origin::Builtin(files) => files.iter().any(|(name, _)| *name == file),
        }
    }

    /// Returns the size of a file in bytes; 0 where there is none.
    pub fn size(&self, file: &str) -> u64 {
        match &self.origin {
            Origin::Folder(folder) => fs::metadata(folder.join(file)).map_or(0, |metadata| metadata.len()),
            Origin::Builtin(files) => {
                files.iter().find(|(name, _)| *name == file).map_or(0, |(_, bytes)| bytes.len() as u64)
            }
        }
    }

    /// Returns the path of a file on disk; `None` for the built-in model, which has none.
    pub fn path(&self, file: &str) -> Option<PathBuf> {
        match &self.origin {
            Origin::Folder(folder) => Some(folder.join(file)),
            Origin::Builtin(_) => None,
        }
    }

    /// Returns the SHA-256 of a file in lower-case hexadecimal: the one the download verified, or computed now.
    pub fn sha256(&self, file: &str) -> Result<String, EngineError> {
        match self.hashes.get(file) {
            Some(hash) => Ok(hash.clone()),
            None => self.hash(file).map(|digest| digest.iter().map(|byte| format!("{byte:02x}")).collect()),
        }
    }

    /// Hashes a file piece by piece: weights may be larger than the memory left.
    fn hash(&self, file: &str) -> Result<[u8; 32], EngineError> {
        let Some(path) = self.path(file) else { return Ok(Sha256::digest(self.read(file)?).into()) };
        let failed = |error: io::Error| EngineError::file(path.display(), error);
        let (mut source, mut hasher) = (fs::File::open(&path).map_err(failed)?, Sha256::new());
        let mut piece = vec![0; 1 << 20];
        loop {
            match source.read(&mut piece).map_err(failed)? {
                0 => return Ok(hasher.finalize().into()),
                count => hasher.update(&piece[..count]),
            }
        }
    }
}

/// Reads a file whole; one that is larger than any of its kind is refused before anything is allocated for it.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    match fs::metadata(path)? {
        metadata if !metadata.is_file() => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")),
        metadata if metadata.len() > MAX_BYTES => {
            let reason = format!("it is larger than {} MiB, as no file of a model but its weights is", MAX_BYTES >> 20);
            Err(io::Error::new(io::ErrorKind::FileTooLarge, reason))
        }
        _ => fs::read(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_claims_to_be_enormous_is_refused_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::File::create(folder.path().join("vocab.json")).unwrap().set_len(1 << 40).unwrap();
        let origin = Origin::Folder(folder.path().to_owned());
        let files = ModelFiles { origin, name: "a".into(), revision: None, licence: None, hashes: BTreeMap::new() };
        assert!(files.read("vocab.json").unwrap_err().to_string().contains("larger than 256 MiB"));
    }
}
