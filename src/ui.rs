//! The only place that prints: messages and bars on standard error, data on standard output.
//!
//! Separate so that the flow says what happened and never how it looks. The invariants: standard output carries data
//! only; a message that cannot be written is dropped, never an error of the run.

mod download;
mod line;
mod progress;

use crate::cli::{Color, LogFormat, MessageOptions};
use indicatif::{MultiProgress, ProgressDrawTarget};
use serde_json::{Map, Value, json};
use std::{
    env,
    fmt::Display,
    io::{self, IsTerminal, Write},
};

pub use download::{Downloads, described as licence};
pub use line::Level;
pub use progress::RunBar;

/// Where messages go and how much is said.
#[derive(Debug, Clone)]
pub struct Ui {
    least: Level,
    colour: bool,
    json: bool,
    bars: MultiProgress,
    has_bars: bool,
}

impl Ui {
    /// Returns the user interface that the options ask for.
    pub fn new(options: &MessageOptions) -> Self {
        let terminal = io::stderr().is_terminal();
        let json = options.log_format == Some(LogFormat::Json);
        let has_bars = terminal && !json && !options.quiet;
        let target = if has_bars { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let least = match (options.quiet, options.verbose) {
            (true, _) => Level::Error,
            (_, true) => Level::Detail,
            _ => Level::Note,
        };
        let colour = match options.color.unwrap_or_default() {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        Ui { least, colour, json, bars: MultiProgress::with_draw_target(target), has_bars }
    }

    /// Returns true where progress is shown as a bar, so that articles need no line each.
    pub fn has_bars(&self) -> bool {
        self.has_bars
    }

    /// Says what went wrong.
    pub fn error(&self, message: impl Display) {
        self.say(Level::Error, &message.to_string(), &[]);
    }

    /// Says what the user should know before relying on the results.
    pub fn warn(&self, message: impl Display) {
        self.say(Level::Warning, &message.to_string(), &[]);
    }

    /// Says what to try next.
    pub fn hint(&self, message: impl Display) {
        self.say(Level::Hint, &message.to_string(), &[]);
    }

    /// Says what is being done.
    pub fn note(&self, message: impl Display) {
        self.say(Level::Note, &message.to_string(), &[]);
    }

    /// Says what only `--verbose` shows.
    pub fn detail(&self, message: impl Display) {
        self.say(Level::Detail, &message.to_string(), &[]);
    }

    /// Says something that also has fields for `--log-format json`.
    pub fn say(&self, level: Level, message: &str, fields: &[(&str, Value)]) {
        if level < self.least {
            return;
        }
        let line = match self.json {
            true => json_line(level, message, fields),
            false => line::text(level, message, self.colour),
        };
        self.bars.suspend(|| {
            let _ = writeln!(io::stderr().lock(), "{line}");
        });
    }

    /// Writes data to standard output. A reader that has gone away is no error: it has what it wanted.
    pub fn data(&self, text: &[u8]) -> io::Result<()> {
        match self.stream(text) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Writes a piece of data to standard output; an error where its reader has gone away, so that no more is made.
    pub fn stream(&self, text: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text).and_then(|()| stdout.flush())
    }
}

fn json_line(level: Level, message: &str, fields: &[(&str, Value)]) -> String {
    let mut object =
        Map::from_iter([("level".to_owned(), json!(level.name())), ("message".to_owned(), json!(message))]);
    object.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Value::Object(object).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_line_is_one_object_on_one_line() {
        let line = json_line(Level::Warning, "two\nlines", &[("path", json!("a.txt"))]);
        assert!(!line.contains('\n'));
        let back: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(back, json!({ "level": "warning", "message": "two\nlines", "path": "a.txt" }));
    }

    #[test]
    fn quiet_lets_errors_through_and_nothing_else() {
        let quiet = Ui::new(&MessageOptions { quiet: true, ..MessageOptions::default() });
        assert!(Level::Error >= quiet.least && Level::Warning < quiet.least);
        let verbose = Ui::new(&MessageOptions { verbose: true, ..MessageOptions::default() });
        assert!(Level::Detail >= verbose.least);
    }
}
