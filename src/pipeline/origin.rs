//! What a document says of the run that made it: the command and the time.
//!
//! Separate because both come from outside and would differ between machines. The invariant: no absolute path, no
//! password, and the same bytes wherever `SOURCE_DATE_EPOCH` is set.

use crate::engine::hub::without_user;
use std::{
    env,
    ffi::OsString,
    path::{Component, Path},
    time::{SystemTime, UNIX_EPOCH},
};

/// Returns the command line of the process as documents show it; of `summarize feed ...` that of the run which makes
/// the same documents.
pub fn command_line() -> String {
    let is_feed = |(place, argument): &(usize, OsString)| *place == 0 && argument == "feed";
    command(env::args_os().skip(1).enumerate().filter(|argument| !is_feed(argument)).map(|(_, argument)| argument))
}

/// Returns the time that documents are dated with: `SOURCE_DATE_EPOCH`, or now; UTC, ISO 8601.
pub fn created() -> String {
    let fixed = env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.trim().parse().ok());
    fixed.map_or_else(now, iso_8601)
}

/// Returns the time of day, whatever documents are dated with; 1970 where a clock was set back beyond it.
pub fn now() -> String {
    iso_8601(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

fn command(arguments: impl Iterator<Item = OsString>) -> String {
    let shown = arguments.map(|argument| quoted(&portable(&argument.to_string_lossy())));
    std::iter::once("summarize".to_owned()).chain(shown).collect::<Vec<_>>().join(" ")
}

/// Returns an argument, or the value after its `=`, without what belongs to one machine alone.
fn portable(argument: &str) -> String {
    match argument.split_once('=') {
        Some((option, value)) if option.starts_with("--") => format!("{option}={}", portable(value)),
        _ if argument.contains("://") => without_user(argument),
        _ if Path::new(argument).is_absolute() => last_part(Path::new(argument)),
        _ => argument.to_owned(),
    }
}

fn last_part(path: &Path) -> String {
    match path.components().next_back() {
        Some(Component::Normal(name)) => name.to_string_lossy().into_owned(),
        _ => "/".to_owned(),
    }
}

fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=:,@+%".contains(c);
    match !argument.is_empty() && argument.chars().all(is_plain) {
        true => argument.to_owned(),
        false => format!("'{}'", argument.replace('\'', r"'\''")),
    }
}

/// Returns seconds since 1970 as `2021-02-18T12:18:00Z`.
///
/// The calendar is Howard Hinnant's `civil_from_days` (chrono-compatible low-level date algorithms, 2013).
fn iso_8601(seconds: u64) -> String {
    let (days, of_day) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(iso_8601(0), "1970-01-01T00:00:00Z");
        assert_eq!(iso_8601(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(iso_8601(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(iso_8601(1_613_650_680), "2021-02-18T12:18:00Z");
        assert_eq!(iso_8601(4_107_542_400), "2100-03-01T00:00:00Z");
    }

    fn shown(arguments: &[&str]) -> String {
        command(arguments.iter().map(OsString::from))
    }

    #[cfg(unix)]
    #[test]
    fn a_command_holds_no_absolute_path() {
        assert_eq!(
            shown(&["/home/me/inputs/", "--output=/tmp/out", "-o", "a/b"]),
            "summarize inputs --output=out -o a/b"
        );
        assert_eq!(shown(&["/"]), "summarize /");
    }

    #[test]
    fn a_command_can_be_pasted_into_a_shell_and_holds_no_password() {
        assert_eq!(shown(&["news/**/*.txt", "it's"]), r"summarize 'news/**/*.txt' 'it'\''s'");
        assert_eq!(shown(&["--hub", "https://me:secret@mirror/x"]), "summarize --hub https://mirror/x");
    }
}
