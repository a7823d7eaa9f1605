//! What a download would take, before any of it is taken.
//!
//! Separate because a plan is shown to the user first. The invariant: every file of a plan has the size and the digest
//! that the hub lists for it at one commit.

use super::Digest;

/// A file to have, with what the hub says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// Name in the repository, without folders.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Hash of the content.
    pub digest: Digest,
    /// True where the cache has it already.
    pub cached: bool,
}

/// The files of a model at one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadPlan {
    /// The repository, as `organisation/name`.
    pub repo: String,
    /// The revision asked for: a branch, a tag or a commit.
    pub revision: String,
    /// The commit it stands for now.
    pub commit: String,
    /// SPDX expression of the licence that the model card states.
    pub licence: Option<String>,
    /// Address of the hub the files come from.
    pub endpoint: String,
    /// The files, weights last.
    pub files: Vec<PlannedFile>,
}

impl DownloadPlan {
    /// Returns the size of the whole model in bytes.
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Returns the bytes of the files that are not in the cache.
    pub fn bytes_to_fetch(&self) -> u64 {
        self.files.iter().filter(|file| !file.cached).map(|file| file.size).sum()
    }
}
