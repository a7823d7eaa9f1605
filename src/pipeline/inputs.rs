//! What to work on: files, folders, patterns and standard input, as one list with a label for each.
//!
//! Separate because it only looks at names. The invariants: every label is relative, has `/` between its parts and is
//! there once; the same arguments over the same files give the same list in the same order.

mod labels;
mod walk;

use crate::article::read;
use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

/// Where the bytes of an input are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File(PathBuf),
    /// On standard input.
    Stdin,
}

/// One input: a file or standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Where its bytes are.
    pub place: Place,
    /// Its name in every document: the path relative to the folder that was named; `-` for standard input.
    pub label: String,
    /// Bytes of the file, for the progress bar; 0 where it is not known yet.
    pub bytes: u64,
}

/// An argument that led to no input, or an entry of a folder that cannot be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// As the user would name it.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// What the arguments lead to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// What can be read, in the order of the arguments.
    pub found: Vec<Input>,
    /// What cannot.
    pub missing: Vec<Missing>,
    /// The inputs that lie in the output folder, as the system names them: nothing may be written over them.
    pub in_output: HashSet<PathBuf>,
}

/// A file on its way to becoming an input: its path, and how many of its last parts make the label.
#[derive(Debug, Clone)]
struct Candidate {
    place: Place,
    parts: Vec<String>,
    label_parts: usize,
}

/// Collects the inputs that the arguments name; of a folder, what lies in the output folder is left out.
pub fn gather(arguments: &[PathBuf], output: Option<&Path>) -> Inputs {
    let output = output.and_then(|folder| fs::canonicalize(folder).ok());
    let mut candidates = Vec::new();
    let mut missing = Vec::new();
    for argument in arguments {
        match one(argument, output.as_deref(), &mut missing) {
            Ok(found) => candidates.extend(found),
            Err(reason) => missing.push(Missing { name: argument.display().to_string(), reason }),
        }
    }
    let mut seen = HashSet::new();
    candidates.retain(|candidate| seen.insert(identity(&candidate.place)));
    let is_in_output = |path: &PathBuf| output.as_ref().is_some_and(|output| path.starts_with(output));
    let in_output = seen.into_iter().flatten().filter(is_in_output).collect();
    let labels = labels::assign(&candidates);
    let found = candidates.into_iter().zip(labels).map(|(candidate, label)| {
        let bytes = match &candidate.place {
            Place::File(path) => fs::metadata(path).map_or(0, |metadata| metadata.len()),
            Place::Stdin => 0,
        };
        Input { place: candidate.place, label, bytes }
    });
    Inputs { found: found.collect(), missing, in_output }
}

fn one(argument: &Path, output: Option<&Path>, missing: &mut Vec<Missing>) -> Result<Vec<Candidate>, String> {
    if argument.as_os_str() == "-" {
        return Ok(vec![Candidate { place: Place::Stdin, parts: vec!["-".into()], label_parts: 1 }]);
    }
    match fs::metadata(argument) {
        Ok(metadata) if metadata.is_dir() => {
            let files = walk::files(argument, output, missing);
            let readable = files.into_iter().filter(|path| read::is_readable(path));
            let otherwise = || nothing_in(argument, output).unwrap_or("no file of a readable kind in it".into());
            not_empty(readable.map(|path| candidate(path, argument)), otherwise)
        }
        // To open a pipe waits until somebody writes to it, which may be never.
        Ok(metadata) if !metadata.is_file() => {
            Err("a pipe or a device, not a file: give its text to `summarize -` on standard input".into())
        }
        Ok(_) => Ok(vec![candidate(argument.to_owned(), argument.parent().unwrap_or(Path::new("")))]),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match walk::Pattern::new(argument)? {
            Some(pattern) => {
                let files = walk::files(&pattern.base, output, missing);
                let matching = files.into_iter().filter(|path| pattern.matches(path));
                let otherwise = || nothing_in(&pattern.base, output).unwrap_or("no file matches it".into());
                not_empty(matching.map(|path| candidate(path, &pattern.base)), otherwise)
            }
            None => Err("no such file or folder".into()),
        },
        Err(error) => Err(error.to_string()),
    }
}

fn not_empty(found: impl Iterator<Item = Candidate>, otherwise: impl Fn() -> String) -> Result<Vec<Candidate>, String> {
    let found: Vec<Candidate> = found.collect();
    if found.is_empty() { Err(otherwise()) } else { Ok(found) }
}

/// Returns why a walk through the output folder itself found nothing, and what to type.
fn nothing_in(folder: &Path, output: Option<&Path>) -> Option<String> {
    let output = output.filter(|output| fs::canonicalize(folder).is_ok_and(|folder| folder == **output))?;
    let other = if output.ends_with("outputs") { "results" } else { "outputs" };
    Some(format!(
        "{} is the output folder too, and the files in that are not read: name another one for the documents, as in `-o {other}`",
        folder.display()
    ))
}

fn candidate(path: PathBuf, base: &Path) -> Candidate {
    let relative = path.strip_prefix(base).unwrap_or(&path);
    let (parts, label_parts) = (labels::parts(&path), labels::parts(relative).len().max(1));
    Candidate { place: Place::File(path), parts, label_parts }
}

/// Returns what two arguments for the same file have in common.
fn identity(place: &Place) -> Option<PathBuf> {
    match place {
        Place::File(path) => Some(fs::canonicalize(path).unwrap_or_else(|_| path.clone())),
        Place::Stdin => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "نص").unwrap();
        }
        folder
    }

    fn labels_of(inputs: &Inputs) -> Vec<&str> {
        inputs.found.iter().map(|input| input.label.as_str()).collect()
    }

    #[test]
    fn a_folder_is_walked_in_order_without_hidden_output_and_unreadable_files() {
        let folder = tree(&["b.txt", "a/2.html", "a/1.txt", ".git/x.txt", ".hidden.txt", "photo.jpg", "outputs/b.md"]);
        let inputs = gather(&[folder.path().to_owned()], Some(&folder.path().join("outputs")));
        assert_eq!(labels_of(&inputs), ["a/1.txt", "a/2.html", "b.txt"]);
        assert!(inputs.missing.is_empty());
    }

    #[test]
    fn a_pattern_is_expanded_where_the_shell_did_not() {
        let folder = tree(&["in/a.txt", "in/deep/b.txt", "in/c.html"]);
        let inputs = gather(&[folder.path().join("in/**/*.txt")], None);
        assert_eq!(labels_of(&inputs), ["a.txt", "deep/b.txt"]);
        let inputs = gather(&[folder.path().join("in/*.txt")], None);
        assert_eq!(labels_of(&inputs), ["a.txt"]);
    }

    #[test]
    fn a_missing_input_is_named_and_the_others_are_kept() {
        let folder = tree(&["a.txt"]);
        let missing = folder.path().join("b.txt");
        let inputs = gather(&[folder.path().join("a.txt"), missing.clone(), folder.path().join("*.docx")], None);
        assert_eq!(labels_of(&inputs), ["a.txt"]);
        assert_eq!(
            inputs.missing[0],
            Missing { name: missing.display().to_string(), reason: "no such file or folder".into() }
        );
        assert_eq!(inputs.missing[1].reason, "no file matches it");
    }

    #[test]
    fn the_same_file_is_taken_once() {
        let folder = tree(&["a.txt"]);
        let inputs = gather(&[folder.path().to_owned(), folder.path().join("a.txt")], None);
        assert_eq!(labels_of(&inputs), ["a.txt"]);
    }

    #[test]
    fn an_input_that_is_the_output_folder_is_called_so() {
        let folder = tree(&["news/a.txt", "outputs/b.txt"]);
        for (name, other) in [("news", "-o outputs"), ("outputs", "-o results")] {
            let output = folder.path().join(name);
            for input in [output.clone(), folder.path().join("news/../").join(name), output.join("*.txt")] {
                let inputs = gather(std::slice::from_ref(&input), Some(&output));
                let reason = &inputs.missing[0].reason;
                assert!(reason.contains("is the output folder too") && reason.contains(other), "{reason}");
            }
        }
        let inputs = gather(&[folder.path().join("*.docx")], Some(&folder.path().join("outputs")));
        assert_eq!(inputs.missing[0].reason, "no file matches it");
    }

    #[test]
    fn equal_names_from_two_folders_are_told_apart() {
        let folder = tree(&["x/a.txt", "y/a.txt", "y/b.txt"]);
        let inputs = gather(&[folder.path().join("x"), folder.path().join("y")], None);
        assert_eq!(labels_of(&inputs), ["x/a.txt", "y/a.txt", "b.txt"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_out_of_the_folder_is_named_and_not_followed() {
        let folder = tree(&["in/a.txt", "elsewhere/secret.txt"]);
        let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
        link("../elsewhere/secret.txt", "in/note.txt");
        link("../elsewhere", "in/more");
        link("a.txt", "in/same.txt");
        let inputs = gather(&[folder.path().join("in")], None);
        assert_eq!(labels_of(&inputs), ["a.txt"], "a link within the folder is the file it leads to");
        let named: Vec<&str> = inputs.missing.iter().map(|missing| missing.name.rsplit('/').next().unwrap()).collect();
        assert_eq!(named, ["more", "note.txt"]);
        assert!(inputs.missing[0].reason.contains("leads out of the folder"), "{}", inputs.missing[0].reason);
        assert_eq!(
            labels_of(&gather(&[folder.path().join("in/note.txt")], None)),
            ["note.txt"],
            "named by itself it is read"
        );
    }

    #[test]
    fn inputs_in_the_output_folder_are_known() {
        let folder = tree(&["out/a.md", "b.txt"]);
        let (inside, outside) = (folder.path().join("out/a.md"), folder.path().join("b.txt"));
        let inputs = gather(&[inside.clone(), outside], Some(&folder.path().join("out")));
        assert_eq!(inputs.in_output, HashSet::from([fs::canonicalize(inside).unwrap()]));
    }

    #[cfg(unix)]
    #[test]
    fn a_loop_of_links_ends() {
        let folder = tree(&["a/b.txt"]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/loop")).unwrap();
        let inputs = gather(&[folder.path().to_owned()], None);
        assert_eq!(labels_of(&inputs), ["a/b.txt"]);
    }
}
