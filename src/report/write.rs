//! Files written whole or not at all.
//!
//! Separate because it is the one place where the program changes a disk. The invariant: at every moment, a crash or a
//! loss of power included, the path holds the old bytes or the new ones.

use sha2::{Digest, Sha256};
use std::{fs, io, io::Write, path::Path};

/// Writes a file whole or not at all, making the folders above it.
///
/// The bytes go to a temporary file in the same folder, which is flushed to disk and then renamed over the old one.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = temporary(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync(folder)
}

/// Returns the SHA-256 of bytes in lower-case hexadecimal, as documents record it of the files beside them.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn temporary(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".summarize-").suffix(".tmp");
    // Readable as any other new file is (the umask applies), not by the owner alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
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
