//! `summarize feed`: the articles of a run as lines for workers, which may be on other machines.
//!
//! Separate because what is read, how it is named and what is done already must be decided as a run decides it, whoever
//! translates. The invariant: a document that a worker makes of such a line has the bytes that a run of the same command
//! on one machine writes.

use super::{Run, go_through, origin};
use crate::{
    article::Draft,
    cli::Format,
    config::{Output, Settings},
    exit::{Exit, Failure},
    ui::Ui,
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// An article that is handed out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Fed {
    /// The article as it was read.
    pub draft: Draft,
    /// Output path relative to the output folder, without extension.
    pub name: String,
    /// How its document is made.
    #[serde(flatten)]
    pub making: Making,
}

/// What a document depends on beside its article and the options of the worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Making {
    /// The files to make.
    pub formats: Vec<Format>,
    /// The command that documents name.
    pub command: String,
    /// The time that they name.
    pub created: String,
}

/// A line as `summarize feed` prints it and a worker reads it; the one key tells it from a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FedLine {
    pub fed: Fed,
}

/// How many articles were handed out.
#[derive(Debug, Default)]
pub(super) struct Feed {
    articles: usize,
}

/// Prints a line for each article that a run of these arguments would translate; writes no file and loads no model.
pub fn feed(arguments: &[PathBuf], settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    if settings.output == Output::Stdout {
        return Err(Failure::Usage("feed prints lines for workers: name the folder of the documents with -o".into()));
    }
    match go_through(arguments, settings, Some(Feed::default()), ui) {
        Err(Failure::ReaderGone) => Ok(Exit::Done),
        other => other,
    }
}

impl Feed {
    /// Says how it went.
    pub(super) fn say(&self, ui: &Ui) {
        ui.note(format!("{} articles handed out", self.articles));
    }
}

impl Run<'_> {
    /// Prints an article as a line for a worker.
    pub(super) fn hand_out(&mut self, draft: Draft, name: String) -> Result<(), Failure> {
        let formats = self.settings.formats.clone();
        let making = Making { formats, command: origin::command_line(), created: self.created.clone() };
        let line = FedLine { fed: Fed { draft, name, making } };
        let text = serde_json::to_string(&line).expect("a line has string keys only") + "\n";
        self.ui.stream(text.as_bytes())?;
        if let Some(feed) = &mut self.feed {
            feed.articles += 1;
        }
        Ok(())
    }
}
