//! The table as tab-separated values: for a spreadsheet, or a line of shell.
//!
//! Separate because it is one format. The invariants: one line for each sentence below the head, the same count of
//! cells in each; no cell is a formula to a spreadsheet.

use super::{Document, Render, SentenceTranslation, escape::visible};
use crate::{article::Sentence, review::Flag};

/// The TSV format.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tsv;

/// The names of the columns.
const COLUMNS: [&str; 7] = ["id", "role", "source", "translation", "score", "warnings", "notes"];

impl Render for Tsv {
    fn extension(&self) -> &'static str {
        "tsv"
    }

    fn render(&self, document: &Document) -> Vec<u8> {
        let line = |(sentence, translation): (&Sentence, &SentenceTranslation)| {
            line(sentence, document.article.source(sentence), translation)
        };
        let lines: String = document.pairs().map(line).collect();
        (COLUMNS.join("\t") + "\n" + &lines).into_bytes()
    }
}

fn line(sentence: &Sentence, source: &str, translation: &SentenceTranslation) -> String {
    let flag = |flag: &Flag| format!("{} {}: {}", flag.severity.name(), flag.kind.name(), flag.message);
    let flags: Vec<String> = translation.flags.iter().map(flag).collect();
    let notes: Vec<String> = translation.notes.iter().map(|note| note.message.clone()).collect();
    let score = if translation.is_from_memory() { String::new() } else { format!("{:.4}", translation.score) };
    let texts = [source, &translation.text, &flags.join("; "), &notes.join("; ")].map(cell);
    let [source, target, flags, notes] = texts;
    format!("{}\t{}\t{source}\t{target}\t{score}\t{flags}\t{notes}\n", sentence.id, sentence.role.name())
}

/// Returns a text in one line; an apostrophe stands before what a spreadsheet would compute.
fn cell(text: &str) -> String {
    let shown = visible(text);
    match shown.starts_with(['=', '+', '-', '@']) {
        true => format!("'{shown}"),
        false => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_one_line_and_no_formula() {
        assert_eq!(cell("a\tb\nc"), "a b c");
        assert_eq!(cell("=HYPERLINK(\"http://evil.example\")"), "'=HYPERLINK(\"http://evil.example\")");
        assert_eq!(cell(" @x"), "'@x");
    }
}
