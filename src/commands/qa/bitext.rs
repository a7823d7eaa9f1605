//! Sentence pairs from the files that translators exchange: lines of text, TSV, TMX, XLIFF.
//!
//! Separate because it is reading, not checking. The invariant: the n-th source is paired with the n-th translation,
//! and files that do not fit each other are an error, never cut to the shorter.

mod xml;

use std::{fs, io, path::Path};

/// A source and its translation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) source: String,
    pub(super) target: String,
}

/// Why pairs could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BitextError {
    #[error("{path}: {error}: check the path")]
    Io { path: String, error: io::Error },
    #[error("{0} is not UTF-8: convert it first, for example with `iconv -f windows-1256 -t UTF-8`")]
    NotUtf8(String),
    #[error("{0} holds one side only: name the translation after it, as in `summarize qa SOURCE TRANSLATION`")]
    OneSide(String),
    #[error("{path}, line {line}: {count} cells, but the source and its translation need two: separate them by a tab")]
    Cells { path: String, line: usize, count: usize },
    #[error("{path} is not well-formed XML: {reason}: export it again")]
    Xml { path: String, reason: String },
    #[error(
        "{source_path} has {sources} sentences, {target_path} has {targets}: the n-th of one must be the translation of \
         the n-th of the other"
    )]
    Unequal { source_path: String, sources: usize, target_path: String, targets: usize },
}

/// What a file holds.
enum Content {
    Lines(Vec<String>),
    Pairs(Vec<Pair>),
}

/// Reads the pairs of one file that holds both sides, or of two.
///
/// A file with both sides that is given as the source lends its sources, as the translation its translations.
pub(super) fn read(source: &Path, translation: Option<&Path>) -> Result<Vec<Pair>, BitextError> {
    let Some(translation) = translation else {
        return match content(source)? {
            Content::Pairs(pairs) => Ok(pairs),
            Content::Lines(_) => Err(BitextError::OneSide(source.display().to_string())),
        };
    };
    let sources = side(content(source)?, |pair| pair.source);
    let targets = side(content(translation)?, |pair| pair.target);
    if sources.len() != targets.len() {
        return Err(BitextError::Unequal {
            source_path: source.display().to_string(),
            sources: sources.len(),
            target_path: translation.display().to_string(),
            targets: targets.len(),
        });
    }
    Ok(sources.into_iter().zip(targets).map(|(source, target)| Pair { source, target }).collect())
}

fn side(content: Content, of: fn(Pair) -> String) -> Vec<String> {
    match content {
        Content::Lines(lines) => lines,
        Content::Pairs(pairs) => pairs.into_iter().map(of).collect(),
    }
}

fn content(path: &Path) -> Result<Content, BitextError> {
    let name = || path.display().to_string();
    let bytes = fs::read(path).map_err(|error| BitextError::Io { path: name(), error })?;
    let text = String::from_utf8(bytes).map_err(|_| BitextError::NotUtf8(name()))?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("tsv") => tsv(text, &name()),
        Some("tmx" | "xlf" | "xliff" | "sdlxliff" | "mxliff") => {
            xml::pairs(text).map(Content::Pairs).map_err(|reason| BitextError::Xml { path: name(), reason })
        }
        _ => Ok(Content::Lines(text.lines().map(str::to_owned).collect())),
    }
}

/// Reads a table: the columns that its head names, else the first two; one of a single column is plain lines.
fn tsv(text: &str, path: &str) -> Result<Content, BitextError> {
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    if rows.iter().all(|row| row.len() == 1) {
        return Ok(Content::Lines(text.lines().map(str::to_owned).collect()));
    }
    let head = rows.first().and_then(|row| Some((column(row, &SOURCE_HEADS)?, column(row, &TARGET_HEADS)?)));
    let (source, target) = head.unwrap_or((0, 1));
    let pair = |(index, row): (usize, &Vec<&str>)| match (row.get(source), row.get(target)) {
        (Some(source), Some(target)) => Ok(Pair { source: (*source).to_owned(), target: (*target).to_owned() }),
        _ => Err(BitextError::Cells { path: path.to_owned(), line: index + 1, count: row.len() }),
    };
    let body = rows.iter().enumerate().skip(usize::from(head.is_some()));
    body.map(pair).collect::<Result<_, _>>().map(Content::Pairs)
}

const SOURCE_HEADS: [&str; 4] = ["source", "ar", "arabic", "src"];
const TARGET_HEADS: [&str; 7] = ["translation", "target", "en", "english", "tgt", "mt", "hypothesis"];

fn column(row: &[&str], names: &[&str]) -> Option<usize> {
    row.iter().position(|cell| names.contains(&cell.trim().to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn pair(source: &str, target: &str) -> Pair {
        Pair { source: source.into(), target: target.into() }
    }

    #[test]
    fn lines_are_paired_by_their_number() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (file(&folder, "a.txt", "\u{FEFF}نعم\nلا\n"), file(&folder, "b.txt", "Yes\nNo"));
        assert_eq!(read(&a, Some(&b)).unwrap(), [pair("نعم", "Yes"), pair("لا", "No")]);
    }

    #[test]
    fn files_of_unequal_length_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (file(&folder, "a.txt", "نعم\nلا\n"), file(&folder, "b.txt", "Yes"));
        assert!(read(&a, Some(&b)).unwrap_err().to_string().contains("has 2 sentences"));
        assert!(read(&a, None).unwrap_err().to_string().contains("one side only"));
    }

    #[test]
    fn a_table_is_read_by_its_head_or_by_its_first_columns() {
        let folder = tempfile::tempdir().unwrap();
        let headed = file(&folder, "a.tsv", "id\tsource\ttranslation\nS1\tنعم\tYes\n");
        let bare = file(&folder, "b.tsv", "نعم\tYes\n");
        assert_eq!(read(&headed, None).unwrap(), [pair("نعم", "Yes")]);
        assert_eq!(read(&bare, None).unwrap(), [pair("نعم", "Yes")]);
        let broken = file(&folder, "c.tsv", "نعم\tYes\nلا\n");
        assert!(read(&broken, None).unwrap_err().to_string().contains("line 2: 1 cells"));
    }

    #[test]
    fn a_file_of_both_sides_lends_the_one_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (file(&folder, "a.txt", "لا"), file(&folder, "b.tsv", "x\tNo"));
        assert_eq!(read(&a, Some(&b)).unwrap(), [pair("لا", "No")]);
    }
}
