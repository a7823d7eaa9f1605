//! How a run ends: the exit statuses that scripts rely on, and the errors that end a run before its articles.
//!
//! Separate because main, the subcommands and the pipeline all end through it. The invariant: an error that the user
//! can act on carries a hint that names the next thing to try.

use crate::{config::ConfigError, engine::EngineError};
use std::{io, process::ExitCode};

/// The exit status of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All articles are written, or were already done.
    Done = 0,
    /// Some articles failed; the rest are written.
    SomeFailed = 1,
    /// The command line, the environment, the configuration file or the inputs are not usable.
    Usage = 2,
    /// No model, hub or device to start with, a wrong checksum, or an output folder that another run holds.
    NoStart = 3,
    /// `--strict`, and a document has a critical flag.
    Critical = 4,
    /// Stopped by a signal, after saving what was done.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was asked cannot be done as asked.
    #[error("{0}")]
    Usage(String),
    /// A setting has no usable value.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The model could not be had or loaded.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Standard output or the output folder cannot be written.
    #[error("{0}")]
    Output(String),
    /// Another run writes into the output folder.
    #[error("{folder} is in use by another run: {holders}")]
    Locked {
        /// The output folder.
        folder: String,
        /// Which process holds it, on which machine and since when.
        holders: String,
    },
    /// A signal came before there was anything to save.
    #[error("interrupted")]
    Interrupted,
    /// Whoever read standard output has gone, which ends the work quietly.
    #[error("standard output is closed")]
    ReaderGone,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ReaderGone,
            _ => Failure::Output(error.to_string()),
        }
    }
}

impl Failure {
    /// Returns the exit status it leads to.
    pub fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) | Failure::Config(_) => Exit::Usage,
            Failure::Engine(_) | Failure::Locked { .. } => Exit::NoStart,
            Failure::Output(_) => Exit::SomeFailed,
            Failure::Interrupted => Exit::Interrupted,
            Failure::ReaderGone => Exit::Done,
        }
    }

    /// Returns what to try next, where there is something that the message does not say already.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Failure::Usage(_) | Failure::Config(_) => Some("see summarize --help"),
            Failure::Locked { .. } => Some("wait for it, stop it, or name another folder with -o"),
            Failure::Engine(EngineError::Hub(_)) => {
                Some("`summarize models` lists what is on this machine; --model builtin needs no download")
            }
            Failure::Engine(EngineError::File { .. } | EngineError::Malformed { .. }) => {
                Some("`summarize fetch MODEL` downloads and verifies a model again")
            }
            _ => None,
        }
    }
}
