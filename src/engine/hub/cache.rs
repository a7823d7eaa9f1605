//! The hub's cache on disk, in the layout that Python's `huggingface_hub` keeps.
//!
//! Separate because it knows no network: `blobs/` holds contents named by their digest, `snapshots/<commit>/` links to
//! them by file name, `refs/<revision>` names a commit, `.locks/` beside them guards each blob. The invariant: what is
//! in `blobs/` under a digest has been verified, and a snapshot gets its `config.json` last.

use super::{Digest, HubError, Progress};
use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// The part of the cache that belongs to one repository.
#[derive(Debug, Clone)]
pub(super) struct RepoCache {
    folder: PathBuf,
    locks: PathBuf,
    symlinks: bool,
}

impl RepoCache {
    /// Returns the part of a cache that belongs to a repository.
    pub fn new(cache: &Path, repo: &str, symlinks: bool) -> RepoCache {
        let name = format!("models--{}", repo.replace('/', "--"));
        RepoCache { folder: cache.join(&name), locks: cache.join(".locks").join(name), symlinks }
    }

    /// Returns where a verified content lies.
    pub fn blob(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs").join(digest.hex())
    }

    /// Returns where a content lies while it is downloaded.
    pub fn incomplete(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs").join(format!("{}.incomplete", digest.hex()))
    }

    /// Returns the folder that shows the files of a commit by their names.
    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// Returns the commit that a revision stood for when it was last asked for; a commit stands for itself.
    pub fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let commit = fs::read_to_string(self.folder.join("refs").join(revision)).ok()?;
        Some(commit.trim().to_owned()).filter(|commit| is_commit(commit))
    }

    /// Notes which commit a revision stands for.
    pub fn set_commit(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        if revision == commit || self.commit(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.folder.join("refs").join(revision);
        create_parent(&path)?;
        replace(&path, |new| fs::write(new, commit))
    }

    /// Returns the names of the files that Python's listing of a commit holds, where Python left one.
    pub fn listing(&self, commit: &str) -> Option<Vec<String>> {
        let text = fs::read(self.folder.join("trees").join(format!("{commit}.json"))).ok()?;
        let listing: serde_json::Value = serde_json::from_slice(&text).ok()?;
        let files = listing.get("format_version").filter(|version| **version == 1).and(listing.get("files"))?;
        Some(files.as_object()?.keys().cloned().collect())
    }

    /// Waits until no other process works on a blob, and keeps others from it while the returned file is open.
    pub fn lock(&self, digest: &Digest, file: &str, progress: &dyn Progress) -> Result<File, HubError> {
        let path = self.locks.join(format!("{}.lock", digest.hex()));
        create_parent(&path)?;
        let lock =
            File::options().create(true).append(true).open(&path).map_err(|error| HubError::cache(&path, error))?;
        let locked = match lock.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => {
                progress.waiting(file);
                lock.lock()
            }
            Err(TryLockError::Error(error)) => Err(error),
        };
        match locked {
            // Some network file systems have no locks. Then two processes may write over each other, and the hash
            // that is checked afterwards tells.
            Err(error) if error.kind() != io::ErrorKind::Unsupported => Err(HubError::cache(&path, error)),
            _ => Ok(lock),
        }
    }

    /// Shows a blob as a file of a snapshot: a relative link as Python makes it, or a copy where links fail.
    pub fn show(&self, commit: &str, file: &str, digest: &Digest) -> Result<(), HubError> {
        let path = self.snapshot(commit).join(file);
        let blob = self.blob(digest);
        create_parent(&path)?;
        if self.symlinks {
            let target = Path::new("../../blobs").join(digest.hex());
            if fs::read_link(&path).is_ok_and(|link| link == target)
                || replace(&path, |new| symlink(&target, new)).is_ok()
            {
                return Ok(());
            }
        }
        replace(&path, |new| fs::copy(&blob, new).map(|_| ()))
    }
}

/// Returns true for the full hexadecimal name of a commit.
pub(super) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Creates the folder that a file is to lie in.
pub(super) fn create_parent(path: &Path) -> Result<(), HubError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|error| HubError::cache(folder, error))
}

/// Writes beside a path and renames, so that nobody sees half of it.
fn replace(path: &Path, write: impl Fn(&Path) -> io::Result<()>) -> Result<(), HubError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    let new = path.with_file_name(name);
    let _ = fs::remove_file(&new);
    write(&new).and_then(|()| fs::rename(&new, path)).map_err(|error| {
        let _ = fs::remove_file(&new);
        HubError::cache(path, error)
    })
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn cache(symlinks: bool) -> (tempfile::TempDir, RepoCache, Digest) {
        let folder = tempfile::tempdir().unwrap();
        let cache = RepoCache::new(folder.path(), "org/model", symlinks);
        let digest = Digest::parse(&"a".repeat(64)).unwrap();
        create_parent(&cache.blob(&digest)).unwrap();
        fs::write(cache.blob(&digest), "weights").unwrap();
        (folder, cache, digest)
    }

    #[test]
    fn a_revision_remembers_its_commit() {
        let (_folder, cache, _) = cache(true);
        assert_eq!(cache.commit("refs/pr/1"), None);
        cache.set_commit("refs/pr/1", COMMIT).unwrap();
        assert_eq!(cache.commit("refs/pr/1").as_deref(), Some(COMMIT));
        assert_eq!(cache.commit(COMMIT).as_deref(), Some(COMMIT));
    }

    #[test]
    fn a_snapshot_shows_the_blob_by_link_or_by_copy() {
        for symlinks in [true, false] {
            let (_folder, cache, digest) = cache(symlinks);
            for _ in 0..2 {
                cache.show(COMMIT, "model.safetensors", &digest).unwrap();
            }
            let shown = cache.snapshot(COMMIT).join("model.safetensors");
            assert_eq!(fs::read_to_string(&shown).unwrap(), "weights");
            assert_eq!(shown.is_symlink(), symlinks && cfg!(unix));
            assert_eq!(fs::read_dir(cache.snapshot(COMMIT)).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_damaged_reference_is_no_commit() {
        let (_folder, cache, _) = cache(true);
        cache.set_commit("main", COMMIT).unwrap();
        fs::write(cache.folder.join("refs/main"), "../../elsewhere").unwrap();
        assert_eq!(cache.commit("main"), None);
    }
}
