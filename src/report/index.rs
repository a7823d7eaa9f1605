//! `index.md`: all articles of a run in one table, those that need eyes first at the top.
//!
//! Separate because it is made from rows, not from documents, which need not be in memory together. The invariant: one
//! line for each article, links relative to the output folder.

use super::{
    FlagCounts,
    escape::{label, link, markdown},
    readable_date,
    renderings::Inconsistent,
    run::Status,
};
use std::cmp::Reverse;

/// One article as the index shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexRow {
    /// Path of the input, with `#id` for a record; stands in for a headline where there is none.
    pub path: String,
    /// Headline in the target language.
    pub headline: Option<String>,
    /// Headline in the source language.
    pub source_headline: Option<String>,
    /// Path of the document, relative to the output folder; `None` where nothing was written.
    pub output: Option<String>,
    /// Date of publication, ISO 8601.
    pub date: Option<String>,
    /// Count of sentences.
    pub sentences: usize,
    /// Count of warnings.
    pub flags: FlagCounts,
    /// What became of it.
    pub status: Status,
    /// Why it was skipped or failed.
    pub reason: Option<String>,
}

/// Returns the bytes of `index.md`: most critical warnings first, then most major ones, then what failed.
///
/// Below them stand the names that the documents render in more than one way; `glossary` is the file that has them all.
pub fn render(rows: &[IndexRow], names: &[Inconsistent], glossary: &str) -> Vec<u8> {
    let mut rows: Vec<&IndexRow> = rows.iter().collect();
    rows.sort_by_key(|row| {
        let FlagCounts { critical, major, minor } = row.flags;
        (Reverse(critical), Reverse(major), row.status != Status::Failed, Reverse(minor), &row.path)
    });
    let lines: String = rows.iter().map(|row| line(row)).collect();
    let table = "| article | document | date | sentences | critical | major | minor | status |\n\
                 | --- | --- | --- | ---: | ---: | ---: | ---: | --- |\n";
    format!("# Articles\n\n{}\n\n{table}{lines}{}", counts(&rows), differing(names, glossary)).into_bytes()
}

/// Names shown in the index itself.
const MOST_NAMES: usize = 100;

fn differing(names: &[Inconsistent], glossary: &str) -> String {
    if names.is_empty() {
        return String::new();
    }
    let row = |name: &Inconsistent| {
        let shown = |(english, count): &(String, usize)| format!("{} ({count})", markdown(english));
        let english: Vec<String> = name.english.iter().map(shown).collect();
        format!("| <div dir=\"rtl\">{}</div> | {} |\n", markdown(&name.arabic), english.join(", "))
    };
    let rows: String = names.iter().take(MOST_NAMES).map(row).collect();
    let more = match names.len().saturating_sub(MOST_NAMES) {
        0 => String::new(),
        more => format!(" The table has the first {MOST_NAMES}, {more} more are in that file."),
    };
    format!(
        "\n## Names rendered in more than one way\n\nBy the word links, which can be wrong; with the count of documents. \
         A glossary to start from: correct [{}]({}) and give it to the next run with `--glossary`.{more}\n\n\
         | Arabic | English |\n| ---: | --- |\n{rows}",
        label(glossary),
        link(glossary)
    )
}

fn counts(rows: &[&IndexRow]) -> String {
    let count = |status| rows.iter().filter(|row| row.status == status).count();
    let [written, skipped, failed] = [Status::Written, Status::Skipped, Status::Failed].map(count);
    let articles = if rows.len() == 1 { "article" } else { "articles" };
    format!(
        "{} {articles}: {written} written, {skipped} skipped, {failed} failed. Machine translation, not reviewed. \
         What needs eyes first stands first.",
        rows.len()
    )
}

fn line(row: &IndexRow) -> String {
    let headline = row.headline.as_deref().filter(|headline| !headline.trim().is_empty());
    let headline = headline.map_or_else(|| label(&row.path), markdown);
    let arabic = row.source_headline.as_deref().map(markdown).unwrap_or_default();
    let arabic = if arabic.is_empty() { arabic } else { format!("<div dir=\"rtl\">{arabic}</div>") };
    let document = row.output.as_deref().map(|output| format!("[{}]({})", label(output), link(output)));
    let reason = row.reason.as_deref().map(|reason| format!(": {}", markdown(reason))).unwrap_or_default();
    let FlagCounts { critical, major, minor } = row.flags;
    format!(
        "| {headline}{arabic} | {} | {} | {} | {critical} | {major} | {minor} | {}{reason} |\n",
        document.unwrap_or_default(),
        markdown(&row.date.as_deref().map(readable_date).unwrap_or_default()),
        row.sentences,
        row.status.name(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(path: &str, critical: usize, major: usize, status: Status) -> IndexRow {
        let flags = FlagCounts { critical, major, minor: 0 };
        IndexRow { path: path.to_owned(), flags, status, ..IndexRow::default() }
    }

    #[test]
    fn what_needs_eyes_first_stands_first() {
        let rows = [
            row("clean", 0, 0, Status::Written),
            row("broken", 0, 0, Status::Failed),
            row("many", 0, 9, Status::Written),
            row("worst", 1, 0, Status::Skipped),
        ];
        let text = String::from_utf8(render(&rows, &[], "")).unwrap_or_default();
        let places = ["worst", "many", "broken", "clean"].map(|name| text.find(&format!("| `{name}` |")));
        assert!(places.windows(2).all(|pair| pair[0].is_some() && pair[0] < pair[1]), "{text}");
    }

    #[test]
    fn a_headline_cannot_break_the_table() {
        let row = IndexRow {
            path: "a.txt".to_owned(),
            headline: Some("One | two\n| three <b>".to_owned()),
            source_headline: Some("خبر | [x](y)".to_owned()),
            output: Some("folder (1)/a.md".to_owned()),
            ..IndexRow::default()
        };
        let text = String::from_utf8(render(&[row], &[], "")).unwrap_or_default();
        let last = text.lines().last().unwrap_or_default();
        assert_eq!(last.matches(" | ").count(), 7);
        assert!(last.contains("(folder%20%281%29/a.md)") && !last.contains("<b>"));
    }
}
