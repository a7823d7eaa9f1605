//! Gets the bytes of an input: limited in size, hashed before anything else, refused where they are no text.
//!
//! Separate because size, hash and refusal are the same for every format. The invariant: the hash and the count are of
//! the raw bytes, as they lie in the file.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, Cursor, Read},
    path::Path,
};

use sha2::{Digest, Sha256};

use super::{Content, Reason};

/// Bytes one article may have: more than a book has, and few enough that the tree of a hostile page fits in memory.
pub(super) const MAX_ARTICLE_BYTES: u64 = 16 << 20;
/// Bytes a `.json` file of many articles may have; it lies in memory whole.
pub(super) const MAX_JSON_BYTES: u64 = 128 << 20;

/// Returns all bytes of an input, at most a limit of them and one more.
pub(super) fn load(content: Content, limit: u64) -> Result<Vec<u8>, Reason> {
    match content {
        Content::Bytes(bytes) => Ok(bytes),
        Content::File(path) => {
            let mut bytes = Vec::new();
            file(&path)?.take(limit + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        }
    }
}

/// Returns a reader over the bytes of an input.
pub(super) fn open(content: Content) -> Result<Box<dyn Read + Send>, Reason> {
    Ok(match content {
        Content::File(path) => Box::new(file(&path)?),
        Content::Bytes(bytes) => Box::new(Cursor::new(bytes)),
    })
}

/// Opens a file; not a pipe or a device, which may never give a byte or never end.
fn file(path: &Path) -> io::Result<File> {
    match fs::metadata(path)?.is_file() {
        true => File::open(path),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")),
    }
}

/// Checks that a count of bytes is within a limit.
pub(super) fn require_size(bytes: u64, limit: u64) -> Result<(), Reason> {
    match bytes <= limit {
        true => Ok(()),
        false => Err(Reason::TooLarge { limit_mib: limit >> 20 }),
    }
}

/// Returns the SHA-256 of some bytes in lower-case hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// First bytes of formats that are often found among articles, what they are, and what to do with them.
const MAGIC: &[(&[u8], &str, &str)] = &[
    (b"%PDF", "a PDF", "convert it to text first, for example with pdftotext"),
    (b"\x89PNG", "a picture (PNG)", "take the text out of it first, for example with tesseract -l ara"),
    (b"\xff\xd8\xff", "a picture (JPEG)", "take the text out of it first, for example with tesseract -l ara"),
    (b"GIF8", "a picture (GIF)", "take the text out of it first, for example with tesseract -l ara"),
    (b"RIFF", "a picture or a sound file (RIFF)", "take the text out of it first"),
    (b"\xd0\xcf\x11\xe0", "an old Office document (.doc)", "open it in a word processor and save it as .docx"),
    (b"{\\rtf", "a rich text document (.rtf)", "open it in a word processor and save it as .docx"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"PK\x03\x04", "a zip archive or a document under another extension", "unpack it, or name a Word document .docx"),
];

/// Checks that the first bytes are not those of a known format that is no text.
pub(super) fn require_text(bytes: &[u8]) -> Result<(), Reason> {
    match MAGIC.iter().find(|(magic, ..)| bytes.starts_with(magic)) {
        Some((_, what, next)) => Err(Reason::Binary { what, next }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_sha256sum_prints() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_pdf_is_refused_with_what_to_do() {
        let message = require_text(b"%PDF-1.7").unwrap_err().to_string();
        assert!(message.contains("a PDF") && message.contains("pdftotext"), "{message}");
    }
}
