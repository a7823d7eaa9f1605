//! The archive a `.docx` file is: named XML parts, opened within limits.
//!
//! Separate so that no other file sees compressed bytes. The invariant: a part is never unpacked beyond the size limit
//! of an article, whatever the archive claims.

use std::io::{Cursor, Read};

use zip::{ZipArchive, result::ZipError};

use super::super::{Reason, bytes, encoding};

/// An open package.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// Bytes unpacked so far.
    unpacked: u64,
}

impl<'a> Package<'a> {
    /// Opens a package.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Reason> {
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| Reason::Docx(error.to_string()))?;
        Ok(Package { archive, unpacked: 0 })
    }

    /// Returns the text of a part, `None` where the package has no such part.
    pub fn part(&mut self, name: &str) -> Result<Option<String>, Reason> {
        let file = match self.archive.by_name(name) {
            Ok(file) => file,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(Reason::Docx(error.to_string())),
        };
        let mut bytes = Vec::new();
        let room = bytes::MAX_ARTICLE_BYTES + 1 - self.unpacked;
        file.take(room).read_to_end(&mut bytes).map_err(|error| Reason::Docx(error.to_string()))?;
        self.unpacked += bytes.len() as u64;
        bytes::require_size(self.unpacked, bytes::MAX_ARTICLE_BYTES)?;
        Ok(Some(encoding::decode_page(&bytes).text))
    }

    /// Returns the names of the headers and footers, sorted.
    pub fn names_of_margins(&self) -> Vec<String> {
        let is_margin = |name: &str| name.starts_with("word/header") || name.starts_with("word/footer");
        let names = self.archive.file_names().filter_map(|name| Some(name.ok()?.into_owned()));
        let mut names: Vec<String> = names.filter(|name| is_margin(name) && name.ends_with(".xml")).collect();
        names.sort();
        names
    }
}
