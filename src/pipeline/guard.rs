//! What a run must not write over: its own inputs, where they lie in the output folder.
//!
//! Separate because `summarize a.md -o .` would otherwise put a document in the place of the article it was made from. The
//! invariant: no input of a run is ever replaced by that run, `--force` or not.

use super::{
    inputs::Inputs,
    ledger,
    write::{ORDER, extension, with_extension},
};
use crate::{
    config::{Output, Settings},
    exit::Failure,
};
use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

/// The inputs that lie in the output folder, as the system names them.
#[derive(Debug, Default)]
pub(super) struct Guard(HashSet<PathBuf>);

impl Guard {
    /// Guards the inputs of a run; an error where index or report would take the place of one.
    pub fn of(inputs: &Inputs, settings: &Settings) -> Result<Self, Failure> {
        let guard = Guard(inputs.in_output.clone());
        let Output::Folder(folder) = &settings.output else { return Ok(guard) };
        match ledger::files(folder, settings.shard).into_iter().find(|file| guard.is_input(file)) {
            Some(file) => Err(Failure::Usage(format!(
                "{} is an input, and a run writes a file of that name: name another folder with -o",
                file.display()
            ))),
            None => Ok(guard),
        }
    }

    /// Returns the input that the documents of an article would take the place of; `base` is their path without extension.
    pub fn in_place_of(&self, base: &Path, settings: &Settings) -> Option<PathBuf> {
        let wanted = ORDER.into_iter().filter(|format| settings.formats.contains(format));
        wanted.map(|format| with_extension(base, extension(format))).find(|path| self.is_input(path))
    }

    fn is_input(&self, path: &Path) -> bool {
        !self.0.is_empty() && fs::canonicalize(path).is_ok_and(|path| self.0.contains(&path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Options;

    #[test]
    fn an_input_is_known_by_any_name_and_other_files_are_not_guarded() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        ["a.md", "b.md", "index.md"].iter().for_each(|name| fs::write(at(name), "x").unwrap());
        let settings = Settings::new(Options { output: Some(folder.path().to_owned()), ..Options::default() }).unwrap();
        let of = |name: &str| {
            let in_output = HashSet::from([fs::canonicalize(at(name)).unwrap()]);
            Guard::of(&Inputs { in_output, ..Inputs::default() }, &settings)
        };
        let guard = of("a.md").unwrap();
        assert_eq!(guard.in_place_of(&at("./a"), &settings), Some(at("./a.md")));
        assert_eq!(guard.in_place_of(&at("b"), &settings), None);
        assert!(of("index.md").unwrap_err().to_string().contains("index.md is an input"));
    }
}
