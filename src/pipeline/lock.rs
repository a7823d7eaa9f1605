//! One run to an output folder at a time, but for the slices of one batch, which share it.
//!
//! Separate because it is about processes, not articles. The locks are the system's own (`flock`, `LockFileEx`), so they
//! end with the process that holds them, however it ends. The invariants: two runs that could write the same file never
//! hold their locks at once; a file that a killed run left locks nobody out.

use crate::{config::Shard, exit::Failure, ui::Ui};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    process, thread,
    time::Duration,
};

/// How the names of lock files begin and end: hidden, so that no walk takes them for articles.
const PREFIX: &str = ".summarize";
const SUFFIX: &str = ".lock";
/// Another run may look at a lock for a moment without holding it: so often, this far apart, it is tried again.
const TRIES: usize = 8;
const PAUSE: Duration = Duration::from_millis(50);

/// The locks of a run, held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _held: Vec<Held>,
}

/// A lock file and the lock on it.
#[derive(Debug)]
struct Held {
    path: PathBuf,
    file: File,
}

/// What came of trying to lock a file.
enum Taken {
    Held(Held),
    /// Another process holds it.
    Busy,
    /// The file system has no locks.
    Unsupported(io::Error),
}

impl Lock {
    /// Locks an output folder: whole, or for one slice together with the other slices of its batch.
    pub fn of(folder: &Path, shard: Option<Shard>, ui: &Ui) -> Result<Lock, Failure> {
        let mut held = Vec::new();
        let whole = (path(folder, None), shard.is_some());
        let own = shard.map(|shard| (path(folder, Some(shard)), false));
        for (path, is_shared) in [Some(whole), own].into_iter().flatten() {
            match take(&path, is_shared).map_err(|error| unwritable(folder, &error))? {
                Taken::Held(lock) => held.push(lock),
                Taken::Busy => return Err(busy(folder)),
                Taken::Unsupported(error) => {
                    ui.warn(format!(
                        "no other run must write into {}: it cannot be locked ({error})",
                        folder.display()
                    ));
                    return Ok(Lock { _held: Vec::new() });
                }
            }
        }
        let Some(own) = held.get_mut(usize::from(shard.is_some())) else { return Ok(Lock { _held: held }) };
        // A full disk shows here, before an hour of work.
        own.file.write_all(holder(shard).as_bytes()).map_err(|error| unwritable(folder, &error))?;
        match shard {
            Some(shard) if is_cut_otherwise(folder, shard) => Err(busy(folder)),
            _ => Ok(Lock { _held: held }),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // The last of the slices that shared a lock removes its file; while locked, so that a run that has opened it this
        // moment sees that it is gone. Where the folder was removed meanwhile, the file of that name is another run's.
        if self.file.unlock().is_ok() && self.file.try_lock().is_ok() && is_at(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn path(folder: &Path, shard: Option<Shard>) -> PathBuf {
    let slice = shard.map(|Shard { index, count }| format!("-{index}-of-{count}")).unwrap_or_default();
    folder.join(format!("{PREFIX}{slice}{SUFFIX}"))
}

/// Locks a file, which is made where it is not there.
fn take(path: &Path, is_shared: bool) -> io::Result<Taken> {
    for attempt in 0..TRIES {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match if is_shared { file.try_lock_shared() } else { file.try_lock() } {
            Ok(()) if is_at(&file, path) => {
                if !is_shared {
                    file.set_len(0)?;
                }
                return Ok(Taken::Held(Held { path: path.to_owned(), file }));
            }
            // The run that held it has just removed it.
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if attempt + 1 == TRIES => return Ok(Taken::Busy),
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            Err(TryLockError::Error(error)) => return Ok(Taken::Unsupported(error)),
        }
    }
    Ok(Taken::Busy)
}

/// Returns true where the file that was opened is still the one of this name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let (opened, named) = (file.metadata().map(identity), fs::metadata(path).map(identity));
    opened.is_ok_and(|opened| named.is_ok_and(|named| opened == named))
}

/// Returns true where there is a file of this name: other systems do not tell two files apart.
#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

/// Returns true where a slice of the same inputs cut into another number of slices is at work.
fn is_cut_otherwise(folder: &Path, own: Shard) -> bool {
    let mates = format!("-of-{}{SUFFIX}", own.count);
    lock_files(folder).into_iter().any(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.contains("-of-") && !name.ends_with(&mates) && is_held(&path)
    })
}

fn lock_files(folder: &Path) -> Vec<PathBuf> {
    let is_lock = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(PREFIX) && name.ends_with(SUFFIX)
    };
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).filter(is_lock).collect();
    paths.sort();
    paths
}

fn is_held(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Returns what a lock file says of the run that holds it.
fn holder(shard: Option<Shard>) -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { String::new() } else { format!(" on {}", host.trim()) };
    let slice = shard.map(|Shard { index, count }| format!(", slice {index} of {count}")).unwrap_or_default();
    format!("process {}{host}, since {}{slice}\n", process::id(), super::origin::now())
}

/// Says who holds the locks of a folder.
fn busy(folder: &Path) -> Failure {
    let held = lock_files(folder).into_iter().filter(|path| is_held(path));
    let said: Vec<String> = held.filter_map(|path| Some(fs::read_to_string(path).ok()?.trim().to_owned())).collect();
    let holders = said.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    let holders = if holders.is_empty() { "it does not say which".to_owned() } else { holders };
    Failure::Locked { folder: folder.display().to_string(), holders }
}

fn unwritable(folder: &Path, error: &io::Error) -> Failure {
    Failure::Usage(format!("--output {}: nothing can be written there: {error}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::MessageOptions;

    fn lock(folder: &Path, shard: Option<(u64, u64)>) -> Result<Lock, Failure> {
        let ui = Ui::new(&MessageOptions { quiet: true, ..MessageOptions::default() });
        Lock::of(folder, shard.map(|(index, count)| Shard { index, count }), &ui)
    }

    #[test]
    fn a_second_run_is_told_who_holds_the_folder_and_a_third_finds_it_free() {
        let folder = tempfile::tempdir().unwrap();
        let first = lock(folder.path(), None).unwrap();
        let message = lock(folder.path(), None).unwrap_err().to_string();
        assert!(message.contains(&format!("process {}", process::id())), "{message}");
        assert!(matches!(lock(folder.path(), Some((1, 2))), Err(Failure::Locked { .. })));
        drop(first);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
        lock(folder.path(), None).unwrap();
    }

    #[test]
    fn slices_of_one_batch_share_a_folder_and_shut_out_everyone_else() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (lock(folder.path(), Some((1, 2))).unwrap(), lock(folder.path(), Some((2, 2))).unwrap());
        for other in [None, Some((2, 2)), Some((3, 3))] {
            let message = lock(folder.path(), other).unwrap_err().to_string();
            assert!(message.contains("slice 2 of 2"), "{other:?}: {message}");
        }
        drop(first);
        assert!(matches!(lock(folder.path(), None), Err(Failure::Locked { .. })), "one slice is still at work");
        drop(second);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_run_left_locks_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".summarize.lock"), "process 1 on a machine that lost power, since long ago")
            .unwrap();
        fs::write(folder.path().join(".summarize-1-of-3.lock"), "process 2").unwrap();
        lock(folder.path(), Some((1, 2))).unwrap();
        lock(folder.path(), None).unwrap();
    }
}
