//! One message as one line of text.
//!
//! Separate because colour and prefixes are looks, not content. The invariant: without colour a line holds no escape
//! codes, and control characters of the message (a hostile file name) never reach the terminal.

/// How much a message matters; ordered from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Only with `--verbose`.
    Detail,
    /// What is being done.
    Note,
    /// What to try next.
    Hint,
    /// What the user should know before relying on the results.
    Warning,
    /// What went wrong.
    Error,
}

impl Level {
    /// Returns the name used in JSON lines.
    pub fn name(self) -> &'static str {
        match self {
            Level::Detail => "detail",
            Level::Note => "note",
            Level::Hint => "hint",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }

    /// Returns the prefix and its ANSI colour; plain progress has none.
    fn prefix(self) -> Option<(&'static str, &'static str)> {
        match self {
            Level::Detail | Level::Note => None,
            Level::Hint => Some(("hint: ", "\x1b[36m")),
            Level::Warning => Some(("warning: ", "\x1b[1;33m")),
            Level::Error => Some(("error: ", "\x1b[1;31m")),
        }
    }
}

const RESET: &str = "\x1b[0m";

/// Returns the line for a message.
pub(super) fn text(level: Level, message: &str, colour: bool) -> String {
    let message = printable(message);
    match level.prefix() {
        Some((prefix, code)) if colour => format!("{code}{prefix}{RESET}{message}"),
        Some((prefix, _)) => format!("{prefix}{message}"),
        None => message,
    }
}

/// Returns the text with control characters other than line breaks, and those that turn its direction, replaced. A line
/// after the first is indented, so that a file name with a line break cannot pass for a message of its own.
fn printable(text: &str) -> String {
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = |c: char| if (c.is_control() && c != '\n') || turns(c) { '\u{fffd}' } else { c };
    text.chars().map(shown).collect::<String>().replace('\n', "\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_say_what_kind_of_message_it_is() {
        assert_eq!(text(Level::Error, "no such file", false), "error: no such file");
        assert_eq!(text(Level::Note, "3 articles", false), "3 articles");
        assert!(text(Level::Hint, "try", true).starts_with("\x1b[36mhint: \x1b[0m"));
    }

    #[test]
    fn a_hostile_file_name_cannot_steer_the_terminal() {
        assert_eq!(text(Level::Note, "a\u{202e}txt", false), "a\u{fffd}txt");
        assert_eq!(text(Level::Note, "a\nerror: all is lost.txt", false), "a\n  error: all is lost.txt");
        assert_eq!(text(Level::Note, "a\x1b]0;title\x07b", false), "a\u{fffd}]0;title\u{fffd}b");
    }
}
