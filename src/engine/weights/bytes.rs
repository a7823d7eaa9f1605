//! The bytes of a weight file: mapped where it lies on disk, borrowed where it is built in.
//!
//! Separate because it holds the loader's `unsafe` blocks. The invariant: the bytes carry the place they come from,
//! so that every error can name it.

use crate::engine::{EngineError, ModelFiles, Origin};
use memmap2::Mmap;
#[cfg(unix)]
use memmap2::UncheckedAdvice;
use std::{
    fs::File,
    ops::{Deref, Range},
};

/// The content of one weight file.
pub(super) struct Bytes {
    place: String,
    content: Content,
}

enum Content {
    Mapped(Mmap),
    Builtin(&'static [u8]),
}

impl Bytes {
    /// Returns the path of the file, or its name within the built-in model.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Tells the system that a range is not needed soon: pages of a mapped file leave this process's memory, and come back
    /// from the system's cache when they are read again.
    pub(super) fn release(&self, range: Range<usize>) {
        #[cfg(unix)]
        if let Content::Mapped(map) = &self.content {
            // SAFETY: the map is shared and never written, so a page that is dropped comes back from the file as it was.
            // A refusal costs memory and nothing else.
            let _ = unsafe { map.unchecked_advise_range(UncheckedAdvice::DontNeed, range.start, range.len()) };
        }
        #[cfg(not(unix))]
        let _ = range;
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.content {
            Content::Mapped(map) => map,
            Content::Builtin(bytes) => bytes,
        }
    }
}

/// Opens a file of a model.
pub(super) fn open(files: &ModelFiles, file: &str) -> Result<Bytes, EngineError> {
    let place = place(files, file);
    let failed = |error: &dyn std::fmt::Display| EngineError::file(&place, error);
    let content = match &files.origin {
        Origin::Folder(folder) => {
            let path = folder.join(file);
            // A pipe would be waited for without end.
            if !path.is_file() {
                return Err(failed(&"there is no such file"));
            }
            let opened = File::open(path).map_err(|error| failed(&error))?;
            if opened.metadata().map_err(|error| failed(&error))?.len() == 0 {
                return Err(EngineError::malformed(place, "it is empty: fetch it again"));
            }
            // SAFETY: the map is read-only. Another process that shortens the file while it is mapped could end this
            // one, as for every reader of mapped weights; the hub cache replaces files by renaming and never does.
            Content::Mapped(unsafe { Mmap::map(&opened) }.map_err(|error| failed(&error))?)
        }
        Origin::Builtin(all) => match all.iter().find(|(name, _)| *name == file) {
            Some((_, bytes)) => Content::Builtin(bytes),
            None => return Err(failed(&"the built-in model has no such file")),
        },
    };
    Ok(Bytes { place, content })
}

/// Returns what messages call a file of a model.
pub(super) fn place(files: &ModelFiles, file: &str) -> String {
    match &files.origin {
        Origin::Folder(folder) => folder.join(file).display().to_string(),
        Origin::Builtin(_) => format!("builtin/{file}"),
    }
}

/// Returns what a file is that was stored in place of weights, where it is one of the usual ones.
pub(super) fn not_weights(content: &[u8]) -> Option<&'static str> {
    let start = content[..content.len().min(64)].trim_ascii_start().to_ascii_lowercase();
    if start.starts_with(b"version https://git-lfs") {
        Some("it is a Git LFS pointer, not the weights: run `git lfs pull` in its folder")
    } else if start.starts_with(b"<!doctype") || start.starts_with(b"<html") {
        Some("it is a web page, not the weights: fetch it again")
    } else {
        None
    }
}
