//! Files written whole or not at all.
//!
//! Separate because it is the one place where the program changes a disk. The invariant: at every moment, a crash or a
//! loss of power included, the path holds the old bytes or the new ones.

mod leftovers;

use sha2::{Digest, Sha256};
use std::{fs, io, io::Write, path::Path};

/// Writes a file whole or not at all, making the folders above it.
///
/// The bytes go to a temporary file in the same folder, which is flushed to disk and then renamed over the old one. What
/// a killed run left of the same file is removed.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let prefix = prefix(path);
    leftovers::remove(folder, &prefix);
    let mut file = temporary(folder, &prefix)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync(folder)
}

/// Returns the SHA-256 of bytes in lower-case hexadecimal, as documents record it of the files beside them.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns how the temporary files of a path begin: a hash stands for its name, which may be as long as a name can be.
fn prefix(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    format!("{}{}-", leftovers::PREFIX, &sha256(name)[..16])
}

/// Makes a temporary file and locks it, so that no other run takes it for a leftover.
fn temporary(folder: &Path, prefix: &str) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(leftovers::SUFFIX);
    // Readable as any other new file is (the umask applies), not by the owner alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    loop {
        let file = builder.tempfile_in(folder)?;
        // Where locks are not supported, nothing is taken for a leftover either.
        let locked = file.as_file().lock().is_ok();
        if !locked || file.path().exists() {
            return Ok(file);
        }
        // Another run removed it before it was locked.
    }
}

/// Flushes the folder, which holds the new name.
#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Does nothing: other systems do not open a folder as a file.
#[cfg(not(unix))]
fn sync(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_made_and_the_old_file_is_replaced() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a/b/c.md");
        write_atomic(&path, b"one")?;
        write_atomic(&path, b"two")?;
        assert_eq!(fs::read(&path)?, b"two");
        assert_eq!(fs::read_dir(folder.path().join("a/b"))?.count(), 1);
        Ok(())
    }

    #[test]
    fn a_path_that_cannot_be_written_is_an_error_and_leaves_nothing() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        fs::create_dir_all(folder.path().join("taken/inside"))?;
        assert!(write_atomic(&folder.path().join("taken"), b"x").is_err());
        assert_eq!(fs::read_dir(folder.path())?.count(), 1);
        Ok(())
    }

    #[test]
    fn what_a_killed_run_left_of_a_file_goes_when_it_is_written_again() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.md");
        let (_, left) = temporary(folder.path(), &prefix(&path))?.keep()?;
        let (_, of_another) = temporary(folder.path(), &prefix(&folder.path().join("b.md")))?.keep()?;
        let alike = folder.path().join(format!("{}note.txt", prefix(&path)));
        fs::write(&alike, b"not ours")?;
        write_atomic(&path, b"whole")?;
        assert!(!left.exists() && of_another.exists() && alike.exists());
        assert_eq!(fs::read(&path)?, b"whole");
        Ok(())
    }

    #[test]
    fn what_another_run_is_writing_is_no_leftover() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.md");
        let busy = temporary(folder.path(), &prefix(&path))?;
        write_atomic(&path, b"ours")?;
        busy.persist(&path).map_err(|error| error.error)?;
        assert_eq!(fs::read_dir(folder.path())?.count(), 1);
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_may_be_read_as_any_other() -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir()?;
        let (ours, plain) = (folder.path().join("a"), folder.path().join("b"));
        write_atomic(&ours, b"x")?;
        fs::write(&plain, b"x")?;
        assert_eq!(fs::metadata(ours)?.permissions().mode(), fs::metadata(plain)?.permissions().mode());
        Ok(())
    }
}
