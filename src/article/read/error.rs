//! Why an input could not be read, with what its owner can do next.
//!
//! Separate because every reader returns it. The invariant: every message names the file, and the record where the file
//! holds several articles.

use std::{fmt, io};

/// An input, or one record of it, that could not be read.
#[derive(Debug, thiserror::Error)]
pub struct ReadError {
    /// Path of the input, as [`super::Source::label`] gave it.
    pub path: String,
    /// The record concerned: its id, or `line-12` where it has none; `None` where the whole file is meant.
    pub record: Option<String>,
    /// What is wrong.
    #[source]
    pub reason: Reason,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.path == "-" { "standard input" } else { &self.path })?;
        if let Some(record) = &self.record {
            write!(f, " ({record})")?;
        }
        write!(f, " {}", self.reason)
    }
}

/// What is wrong with an input; each message reads on after the name of the file.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// The system could not give the bytes.
    #[error("cannot be read: {0}; check the path and its permissions")]
    Io(#[from] io::Error),
    /// There are more bytes than an article may have.
    #[error(
        "is larger than {limit_mib} MiB, the limit here; split it, or make it a .jsonl file with one article a line"
    )]
    TooLarge {
        /// The limit, in MiB.
        limit_mib: u64,
    },
    /// The bytes are no text, or text in a format that is not read.
    #[error("is {what}, which is not read: {next}")]
    Binary {
        /// What the bytes are: "a PDF".
        what: &'static str,
        /// What to do: "convert it to text first".
        next: &'static str,
    },
    /// There is nothing but white space.
    #[error("holds no text; check that it was saved whole, or take it out of the inputs")]
    Empty,
    /// A `.docx` file that is not one.
    #[error("is not a readable Word document ({0}); open it in a word processor and save it again as .docx")]
    Docx(String),
    /// A `.json` file or a line of a `.jsonl` file that is not JSON.
    #[error("is not valid JSON ({0}); correct or delete it")]
    Json(String),
    /// JSON, but not an object with an article in it.
    #[error(
        "holds {0} where an article is expected: \
         an object with its text in `text`, `body`, `content` or `html`"
    )]
    NotAnArticle(&'static str),
    /// An object without text.
    #[error("has no text: its keys are {keys}; the text is looked for in `text`, `body`, `content` and `html`")]
    NoText {
        /// The keys the object has, joined by commas.
        keys: String,
    },
}
