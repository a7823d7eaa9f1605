//! The Markdown document read back, after a person has corrected its English.
//!
//! Separate from rendering because a person's hand is less regular. The invariant: a sentence is read with the id and
//! the Arabic that stand beside it in the file; what cannot be told for certain is an error that names the sentence.

use crate::report::escape::visible;
use comrak::{Arena, Options, nodes::NodeValue, parse_document};

/// How the anchor of a sentence begins.
const ANCHOR: &str = "<a name=\"s";
/// How the Arabic of the layout in two columns begins.
const ARABIC_CELL: &str = "| <div dir=\"rtl\"";

/// A document as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Corrected {
    /// Who reviewed it, as the front matter says.
    pub reviewed_by: Option<String>,
    /// SHA-256 of the article, as the front matter says.
    pub source_sha256: Option<String>,
    /// Its sentences in the order of the file.
    pub sentences: Vec<Line>,
}

/// One sentence as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its id: `S3`.
    pub id: String,
    /// The Arabic, as a reader sees it.
    pub arabic: String,
    /// The English, as a reader sees it.
    pub english: String,
}

/// What is wrong with a document that was corrected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CorrectedError {
    /// There is no front matter.
    #[error("no front matter between two lines of `---` at its top: name a document that summarize wrote")]
    FrontMatter,
    /// The English of a sentence cannot be found.
    #[error("{0}: its English does not begin with **{0}**: put the id back before it")]
    Label(String),
}

/// Returns a text as a reader of a rendered document sees it: what the Arabic in the file is compared with.
pub fn shown(text: &str) -> String {
    visible(text)
}

/// Reads a document.
pub fn read(text: &str) -> Result<Corrected, CorrectedError> {
    let text = text.trim_start_matches('\u{FEFF}').replace("\r\n", "\n");
    let rest = text.strip_prefix("---\n").ok_or(CorrectedError::FrontMatter)?;
    let (front, body) = rest.split_once("\n---\n").ok_or(CorrectedError::FrontMatter)?;
    Ok(Corrected {
        reviewed_by: scalar(front, "reviewed_by"),
        source_sha256: scalar(front, "source_sha256"),
        sentences: sentences(body)?,
    })
}

/// Returns the value of a key; `None` where it is null, empty or not there.
fn scalar(front: &str, key: &str) -> Option<String> {
    let value = front.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?.trim();
    let quoted = || Some(value.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"));
    let text = serde_json::from_str(value).ok().or_else(quoted).unwrap_or_else(|| value.to_owned());
    let text = text.trim();
    (!["", "null", "~", "Null", "NULL"].contains(&text)).then(|| text.to_owned())
}

fn sentences(body: &str) -> Result<Vec<Line>, CorrectedError> {
    let lines: Vec<&str> = body.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(id) = anchor(line) else { continue };
        found.push(match line.starts_with('|') {
            true => in_table(line, id)?,
            false => {
                let english = if id == "S0" { headline(&lines[..at]) } else { below(&lines[at + 1..], &id)? };
                Line { id, arabic: entities(&without_tags(line)), english: plain(&english) }
            }
        });
    }
    Ok(found)
}

/// Returns the id of the sentence whose anchor stands in a line: `S3` for `<a name="s3">`.
fn anchor(line: &str) -> Option<String> {
    let opens = line.starts_with("<p dir=\"rtl\"") || line.starts_with(&format!("| {ANCHOR}"));
    let rest = &line[line.find(ANCHOR).filter(|_| opens)? + ANCHOR.len()..];
    let digits = &rest[..rest.find('"')?];
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| format!("S{digits}"))
}

fn in_table(line: &str, id: String) -> Result<Line, CorrectedError> {
    let (english, arabic) = line.rfind(ARABIC_CELL).map(|at| line.split_at(at)).unwrap_or((line, ""));
    let label = format!("</a>**{id}**");
    let (_, english) = english.split_once(&label).ok_or_else(|| CorrectedError::Label(id.clone()))?;
    let english = english.split("<br>").next().unwrap_or_default();
    let arabic = arabic.trim_start_matches("| ").trim_end().trim_end_matches('|');
    Ok(Line { id, arabic: plain(&without_tags(arabic)), english: plain(english) })
}

/// Returns the headline, which stands above its Arabic.
fn headline(above: &[&str]) -> String {
    let line = above.iter().rev().find_map(|line| line.strip_prefix("# "));
    line.unwrap_or_default().to_owned()
}

/// Returns the English below a line of Arabic, without its label: all up to a warning, a rule or the next sentence.
fn below(lines: &[&str], id: &str) -> Result<String, CorrectedError> {
    let ends = |line: &&&str| {
        let line = line.trim();
        line.starts_with('>') || line == "---" || line.starts_with("<p dir=\"rtl\"") || line.starts_with("## ")
    };
    let text: Vec<&str> = lines.iter().take_while(|line| !ends(line)).map(|line| line.trim()).collect();
    let text = text.join(" ");
    // The heading of the captions follows the last sentence before them.
    let text = text.split(" ### Captions").next().unwrap_or_default().trim();
    let labels = [format!("**{id}**"), format!("### {id} ")];
    let english = labels.iter().find_map(|label| text.strip_prefix(label.as_str()));
    english.map(str::to_owned).ok_or_else(|| CorrectedError::Label(id.to_owned()))
}

fn without_tags(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        rest = after.split_once('>').map_or("", |(_, after)| after);
    }
    (out + rest).trim().to_owned()
}

/// Returns the text of an HTML block: the five entities that a document is written with.
fn entities(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    plain.replace("&amp;", "&")
}

/// Returns Markdown as a reader sees it, in one line.
fn plain(markdown: &str) -> String {
    // A word before it, so that nothing at the beginning is taken for a list or a heading.
    const GUARD: &str = "x ";
    let arena = Arena::new();
    let mut text = String::new();
    let source = format!("{GUARD}{}", markdown.trim());
    for node in parse_document(&arena, &source, &Options::default()).descendants() {
        match &node.data.borrow().value {
            NodeValue::Text(part) => text.push_str(part),
            NodeValue::Code(code) => text.push_str(&code.literal),
            NodeValue::SoftBreak | NodeValue::LineBreak => text.push(' '),
            _ => {}
        }
    }
    let text = text.strip_prefix(GUARD.trim_end()).unwrap_or(&text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_be_written_in_any_of_yamls_ways() {
        let name = |line: &str| scalar(&format!("a: 1\n{line}\nb: 2"), "reviewed_by");
        for line in ["reviewed_by: Rim Haddad", "reviewed_by: \"Rim Haddad\"", "reviewed_by:  'Rim Haddad' "] {
            assert_eq!(name(line).as_deref(), Some("Rim Haddad"), "{line}");
        }
        for line in ["reviewed_by: null", "reviewed_by:", "reviewed_by: \"\"", "reviewed_by: ~", "other: Rim"] {
            assert_eq!(name(line), None, "{line}");
        }
    }

    #[test]
    fn what_an_editor_types_is_read_as_it_is_seen() {
        assert_eq!(plain("1. The *old* town & the `x` \\*city\\*"), "1. The old town & the x *city*");
        assert_eq!(plain("- a<!-- -->b &#124; c"), "- ab | c");
    }

    #[test]
    fn a_lost_label_is_named() {
        let text = "---\nreviewed_by: null\n---\n<p dir=\"rtl\" lang=\"ar\"><a name=\"s3\"></a>نعم</p>\n\nYes.\n";
        assert_eq!(read(text), Err(CorrectedError::Label("S3".to_owned())));
        assert_eq!(read("# no front matter"), Err(CorrectedError::FrontMatter));
    }
}
