//! Walking folders, and patterns such as `news/**/*.html` where the shell did not expand them.
//!
//! Separate because file systems have loops, hidden files and entries that cannot be read. The invariant: a walk ends,
//! is sorted by name, and never enters a hidden folder, the output folder or a folder outside the one it began in.

use super::Missing;
use crate::article::read;
use globset::{GlobBuilder, GlobMatcher};
use std::{
    fs,
    path::{Path, PathBuf},
};
use walkdir::{DirEntry, WalkDir};

/// Why a link is not followed.
const LEADS_OUT: &str = "a link that leads out of the folder is not followed: name what it leads to as an input";

/// Returns the files below a folder, sorted by name; entries that cannot be read or lead elsewhere are added to `missing`.
pub(super) fn files(folder: &Path, output: Option<&Path>, missing: &mut Vec<Missing>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let root = fs::canonicalize(folder).ok();
    let mut walk = WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter();
    while let Some(entry) = walk.next() {
        match entry {
            Ok(entry) if is_hidden(&entry) || is_output(&entry, output) => pass_over(&mut walk, &entry),
            Ok(entry) if leads_out(&entry, root.as_deref()) => {
                if entry.file_type().is_dir() || read::is_readable(entry.path()) {
                    missing.push(Missing { name: entry.path().display().to_string(), reason: LEADS_OUT.into() });
                }
                pass_over(&mut walk, &entry);
            }
            Ok(entry) if entry.file_type().is_file() => found.push(entry.into_path()),
            Ok(_) => {}
            // A loop of links leads back to files that were listed already.
            Err(error) if error.loop_ancestor().is_some() => {}
            Err(error) => missing.push(Missing {
                name: error.path().unwrap_or(folder).display().to_string(),
                reason: error.io_error().map_or_else(|| error.to_string(), ToString::to_string),
            }),
        }
    }
    found
}

/// Leaves out an entry and what is below it.
fn pass_over(walk: &mut walkdir::IntoIter, entry: &DirEntry) {
    if entry.file_type().is_dir() {
        walk.skip_current_dir();
    }
}

/// Returns true for a link to somewhere outside the folder: an unpacked archive may hold one to a private file.
fn leads_out(entry: &DirEntry, root: Option<&Path>) -> bool {
    let is_out = |root| fs::canonicalize(entry.path()).is_ok_and(|target| !target.starts_with(root));
    entry.depth() > 0 && entry.path_is_symlink() && root.is_some_and(is_out)
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn is_output(entry: &DirEntry, output: Option<&Path>) -> bool {
    let is = |output| entry.file_type().is_dir() && fs::canonicalize(entry.path()).is_ok_and(|path| path == output);
    output.is_some_and(is)
}

/// A pattern, and the folder below which it can match.
#[derive(Debug)]
pub(super) struct Pattern {
    /// The leading part without wildcards.
    pub(super) base: PathBuf,
    matcher: GlobMatcher,
}

impl Pattern {
    /// Reads a path as a pattern; `None` where it has no wildcard.
    pub(super) fn new(path: &Path) -> Result<Option<Self>, String> {
        let has_wildcard = |part: &Path| part.to_string_lossy().contains(['*', '?', '[', '{']);
        if !has_wildcard(path) {
            return Ok(None);
        }
        let base: PathBuf = path.components().take_while(|part| !has_wildcard(part.as_ref())).collect();
        let rest = path.strip_prefix(&base).unwrap_or(path);
        let glob = GlobBuilder::new(&rest.to_string_lossy()).literal_separator(true).build();
        let matcher = glob.map_err(|error| error.to_string())?.compile_matcher();
        let base = if base.as_os_str().is_empty() { PathBuf::from(".") } else { base };
        Ok(Some(Pattern { base, matcher }))
    }

    /// Returns true where a file below `base` fits the pattern.
    pub(super) fn matches(&self, path: &Path) -> bool {
        self.matcher.is_match(path.strip_prefix(&self.base).unwrap_or(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_what_stands_before_the_first_wildcard() {
        let pattern = Pattern::new(Path::new("news/2021/**/*.html")).unwrap().unwrap();
        assert_eq!(pattern.base, Path::new("news/2021"));
        assert!(pattern.matches(Path::new("news/2021/02/a.html")));
        assert!(!pattern.matches(Path::new("news/2021/02/a.txt")));
    }

    #[test]
    fn a_star_stays_in_its_folder() {
        let pattern = Pattern::new(Path::new("*.txt")).unwrap().unwrap();
        assert!(pattern.matches(Path::new("./a.txt")));
        assert!(!pattern.matches(Path::new("./b/a.txt")));
    }

    #[test]
    fn a_plain_path_is_no_pattern_and_a_broken_pattern_is_an_error() {
        assert!(Pattern::new(Path::new("a/b.txt")).unwrap().is_none());
        assert!(Pattern::new(Path::new("a/[b")).is_err());
    }
}
