//! Temporary files that a killed run left behind.
//!
//! Separate because they are found by listing a folder, which must not be done for each of 100,000 files in it: a folder
//! is listed once, since what a killed run left was there before this one began. The invariant: a file that some process
//! holds locked, and so is still writing, is never removed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// How the name of every temporary file begins.
pub(super) const PREFIX: &str = ".summarize-";
/// How it ends.
pub(super) const SUFFIX: &str = ".tmp";

/// The temporary files that were in a folder when this process first wrote to it.
static LISTED: Mutex<BTreeMap<PathBuf, Vec<PathBuf>>> = Mutex::new(BTreeMap::new());

/// Removes the leftovers in a folder whose names begin with `prefix`; one that cannot be removed does no harm.
pub(super) fn remove(folder: &Path, prefix: &str) {
    let mut listed = LISTED.lock().unwrap_or_else(PoisonError::into_inner);
    // A relative folder would mean another one after a change of the working folder.
    let Ok(key) = folder.canonicalize() else { return };
    let left = listed.entry(key).or_insert_with_key(|folder| list(folder));
    for path in left.extract_if(.., |path| has_name(path, prefix)) {
        remove_unlocked(&path);
    }
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    files.map(|entry| entry.path()).filter(|path| has_name(path, PREFIX)).collect()
}

fn has_name(path: &Path, prefix: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with(prefix) && name.ends_with(SUFFIX)
}

fn remove_unlocked(path: &Path) {
    let Ok(file) = fs::OpenOptions::new().write(true).open(path) else { return };
    if file.try_lock().is_ok() {
        // Removed while locked, so that a run that made it this moment sees that it is gone. A failure leaves a stray
        // file, which is no reason to fail the article.
        let _ = fs::remove_file(path);
    }
}
