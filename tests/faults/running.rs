//! A run that is under way, and what it says while it is.
//!
//! Separate because most tests here must act at a known moment of a run. The invariant: no process outlives its test.

use crate::desk::Desk;
use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

/// Settings that make a run quick, and keep few sentences in flight.
pub const QUICK: [&str; 7] = ["--model", "builtin", "--beam", "1", "--batch-tokens", "32", "--threads=1"];

pub struct Running {
    child: Child,
    said: Lines<BufReader<ChildStderr>>,
}

impl Running {
    /// Starts a run over a folder.
    pub fn start(desk: &Desk, arguments: &[&str]) -> Running {
        let mut command = desk.command(&[arguments, &QUICK].concat());
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        Running { child, said }
    }

    /// Starts a run that holds its folder until its standard input ends, and waits until it does.
    pub fn holding(desk: &Desk, arguments: &[&str]) -> Running {
        let run = Running::start(desk, &[&["-"], arguments].concat());
        while !desk.path("outputs/.summarize.lock").exists() {
            thread::sleep(Duration::from_millis(10));
        }
        run
    }

    /// Waits until it says a line with this in it.
    #[track_caller]
    pub fn until(&mut self, text: &str) {
        let mut before = Vec::new();
        let found = self.said.by_ref().map(Result::unwrap).any(|line| {
            let is_it = line.contains(text);
            before.push(line);
            is_it
        });
        assert!(found, "it never said `{text}`: {before:#?}");
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Closes its standard input, waits for its end; also returns what it said meanwhile.
    pub fn end(mut self) -> (ExitStatus, String) {
        drop(self.child.stdin.take());
        let said: Vec<String> = self.said.by_ref().map(Result::unwrap).collect();
        (self.child.wait().unwrap(), said.join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It fails where the process has ended, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
