//! A folder of its own for each test, in which the command runs as a user runs it.
//!
//! Separate because every test here starts with one. The invariant: the built-in model, no network, no configuration of
//! the user's, one fixed date.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

pub struct Desk(TempDir);

impl Desk {
    pub fn new(files: &[(&str, &str)]) -> Desk {
        let desk = Desk(TempDir::new().unwrap());
        files.iter().for_each(|(name, text)| desk.write(name, text));
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// Replaces a text in a file; it must stand there.
    #[track_caller]
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "`{from}` is not in {name}:\n{text}");
        self.write(name, &text.replacen(from, to, 1));
    }

    /// Translates; returns what was said. The status must be 0.
    #[track_caller]
    pub fn translate(&self, arguments: &[&str]) -> String {
        self.run(&[arguments, &["--model", "builtin", "--beam", "1"]].concat(), 0)
    }

    /// Runs the command, which must end with a status; returns what was said on standard error.
    #[track_caller]
    pub fn run(&self, arguments: &[&str], status: i32) -> String {
        self.both(arguments, status).1
    }

    /// Runs the command, which must end with a status; returns what it printed to standard output.
    #[track_caller]
    pub fn output(&self, arguments: &[&str], status: i32) -> String {
        self.both(arguments, status).0
    }

    #[track_caller]
    fn both(&self, arguments: &[&str], status: i32) -> (String, String) {
        let output = self.command(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}:\n{said}");
        (String::from_utf8(output.stdout).unwrap(), said)
    }

    /// Returns the command with these arguments, to be started by the caller.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_summarize"));
        command.env_clear().env("HF_HOME", self.path(".cache")).env("HF_HUB_OFFLINE", "1");
        command.env("SOURCE_DATE_EPOCH", "1613650680").current_dir(self.0.path()).args(arguments);
        command
    }

    /// Returns the bytes of each file under a folder, by its path in it.
    pub fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let root = self.path(folder);
        let files = walkdir::WalkDir::new(&root).into_iter().map(Result::unwrap).filter(|e| e.file_type().is_file());
        files.map(|entry| (relative(entry.path(), &root), fs::read(entry.path()).unwrap())).collect()
    }
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap().display().to_string()
}
