//! The hashes by which the hub names a file's content, and how a file is checked against them.
//!
//! Separate because a digest is also the name of a file in the cache. The invariant: a `Digest` holds lower-case
//! hexadecimal of the right length and nothing else, so it is safe in a path whatever a server sent.

use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use std::{fmt, fs::File, io, io::Read, path::Path};

/// How the hub says what a file must contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256 of the content: large files, kept by Git LFS.
    Sha256(String),
    /// SHA-1 of git's blob header and the content: small files, kept by git itself.
    GitBlob(String),
}

impl Digest {
    /// Returns the digest that a hexadecimal name stands for, by its length; `None` where it is none.
    pub fn parse(hex: &str) -> Option<Digest> {
        let hex = hex.to_ascii_lowercase();
        match (hex.len(), hex.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            (64, true) => Some(Digest::Sha256(hex)),
            (40, true) => Some(Digest::GitBlob(hex)),
            _ => None,
        }
    }

    /// Returns the digest in hexadecimal, which is the name of the blob in the cache.
    pub fn hex(&self) -> &str {
        match self {
            Digest::Sha256(hex) | Digest::GitBlob(hex) => hex,
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Digest::Sha256(hex) => write!(formatter, "sha256 {hex}"),
            Digest::GitBlob(hex) => write!(formatter, "git sha1 {hex}"),
        }
    }
}

/// What a file on disk contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// SHA-256, in hexadecimal.
    pub sha256: String,
    /// SHA-1 as git computes it for a blob, in hexadecimal.
    pub git_blob: String,
}

impl Content {
    /// Reads a file once and returns its hashes.
    pub fn of(path: &Path) -> io::Result<Content> {
        let mut file = File::open(path)?;
        let mut sha256 = Sha256::new();
        let mut git_blob = Sha1::new();
        git_blob.update(format!("blob {}\0", file.metadata()?.len()));
        let mut buffer = vec![0; 1 << 18];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                count => {
                    sha256.update(&buffer[..count]);
                    git_blob.update(&buffer[..count]);
                }
            }
        }
        Ok(Content { sha256: hex(&sha256.finalize()), git_blob: hex(&git_blob.finalize()) })
    }

    /// Returns true where the content is the one the digest names.
    pub fn is(&self, digest: &Digest) -> bool {
        match digest {
            Digest::Sha256(hex) => self.sha256 == *hex,
            Digest::GitBlob(hex) => self.git_blob == *hex,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_sha256sum_and_git_hash_object() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hello");
        std::fs::write(&path, "hello\n").unwrap();
        let content = Content::of(&path).unwrap();
        assert_eq!(content.git_blob, "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(content.sha256, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
        assert!(content.is(&Digest::parse(&content.git_blob.to_uppercase()).unwrap()));
    }

    #[test]
    fn what_is_no_digest_cannot_become_a_path() {
        for name in ["", "../../etc/passwd", "abc", &"g".repeat(64), &"é".repeat(20)] {
            assert_eq!(Digest::parse(name), None, "{name}");
        }
    }
}
