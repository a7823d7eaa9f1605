//! `run.json`: what became of every input, and how fast.
//!
//! Separate from the documents because it alone holds times. The invariant: one row for each article of the run, also
//! for those that failed, in input order.

use super::FlagCounts;
use serde::Serialize;

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Its documents were written by this run.
    #[default]
    Written,
    /// Nothing to do: its documents were there already, or it is not for this run.
    Skipped,
    /// It could not be read or translated.
    Failed,
}

impl Status {
    /// Returns the name used in JSON and Markdown.
    pub fn name(self) -> &'static str {
        match self {
            Status::Written => "written",
            Status::Skipped => "skipped",
            Status::Failed => "failed",
        }
    }
}

/// One input of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Row {
    /// Path of the input, with `#id` for a record.
    pub path: String,
    /// What became of it.
    pub status: Status,
    /// Why it was skipped or failed, and what to do next.
    pub reason: Option<String>,
    /// Path of its Markdown (or first format), relative to the output folder.
    pub output: Option<String>,
    /// Count of sentences.
    pub sentences: usize,
    /// Count of warnings.
    pub flags: FlagCounts,
}

/// Sums over all rows, and times.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Totals {
    /// Count of inputs written.
    pub written: usize,
    /// Count of inputs skipped.
    pub skipped: usize,
    /// Count of inputs that failed.
    pub failed: usize,
    /// Count of sentences in written documents.
    pub sentences: usize,
    /// Count of warnings in written documents.
    pub flags: FlagCounts,
    /// Count of source words translated.
    pub source_words: u64,
    /// Source words translated per second.
    pub source_words_per_second: f64,
    /// Seconds from start to end.
    pub seconds: f64,
}

/// The report of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Report {
    /// `summarize 0.1.0`.
    pub tool: String,
    /// The command line.
    pub command: String,
    /// Name of the model, with its revision where it has one.
    pub model: String,
    /// Device it ran on.
    pub device: String,
    /// Sums and times.
    pub totals: Totals,
    /// One row for each input.
    pub inputs: Vec<Row>,
}

impl Totals {
    /// Returns the sums over rows; `source_words` were translated in `seconds`.
    pub fn of(rows: &[Row], source_words: u64, seconds: f64) -> Totals {
        let mut totals = Totals { source_words, seconds: rounded(seconds), ..Totals::default() };
        for row in rows {
            match row.status {
                Status::Written => {
                    totals.written += 1;
                    totals.sentences += row.sentences;
                    totals.flags += row.flags;
                }
                Status::Skipped => totals.skipped += 1,
                Status::Failed => totals.failed += 1,
            }
        }
        if seconds > 0.0 {
            totals.source_words_per_second = rounded(source_words as f64 / seconds);
        }
        totals
    }
}

impl Report {
    /// Returns the report as the bytes of `run.json`.
    pub fn to_json(&self) -> Vec<u8> {
        super::json::to_lines(self)
    }
}

/// Returns the number to a thousandth.
fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_count_what_this_run_wrote() {
        let flags = FlagCounts { critical: 1, ..FlagCounts::default() };
        let row = |status| Row { status, sentences: 3, flags, ..Row::default() };
        let totals = Totals::of(&[row(Status::Written), row(Status::Skipped), row(Status::Failed)], 100, 4.0);
        assert_eq!((totals.written, totals.skipped, totals.failed, totals.sentences), (1, 1, 1, 3));
        assert_eq!((totals.flags.critical, totals.source_words_per_second), (1, 25.0));
        assert_eq!(Totals::of(&[], 0, 0.0).source_words_per_second, 0.0);
    }

    #[test]
    fn the_report_has_a_line_for_each_input() {
        let rows = vec![Row { path: "a.txt".to_owned(), ..Row::default() }; 2];
        let text = String::from_utf8(Report { inputs: rows, ..Report::default() }.to_json()).unwrap_or_default();
        assert_eq!(
            text.lines().filter(|line| line.contains("\"path\": \"a.txt\", \"status\": \"written\"")).count(),
            2
        );
    }
}
