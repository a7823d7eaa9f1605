//! Text in, text out: what an article is before and after cleaning, and the law that nothing of it is lost.
//!
//! Separate because everything here can be read, tested and trusted without a model: no tensor, no tokenizer.
//! The invariant: a sentence, a block and a removed span are byte ranges into one owned text, and every character of
//! that text is in exactly one sentence, exactly one removed span, or is white space ([`Article::account`]).

pub mod arabic;
pub mod chunk;
pub mod clean;
pub mod language;
pub mod normalize;
pub mod read;
pub mod segment;

use serde::{Deserialize, Serialize};
use std::{fmt, ops::Range};

/// A range of bytes of an article's text.
pub type Span = Range<usize>;

/// Where an article came from: enough to find the same bytes again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// Path of the input as the reader of a document sees it: relative to the input folder, `/` between parts.
    pub path: String,
    /// Id of the record inside a `.json` or `.jsonl` file; `None` where the file is one article.
    pub record: Option<String>,
    /// SHA-256 of the raw bytes (of the file, or of the record's line), in lower-case hexadecimal.
    pub sha256: String,
    /// Count of raw bytes.
    pub bytes: u64,
    /// Name of the encoding the bytes were decoded with, as the WHATWG standard writes it.
    pub encoding: String,
}

/// What kind of text a block holds, as far as the file's own structure says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// The headline.
    Title,
    /// A heading inside the text.
    Heading,
    /// Running text; also what every line of a plain text file is until the cleaner has looked at it.
    Paragraph,
    /// One item of a list.
    ListItem,
    /// One row of a table.
    TableRow,
    /// The caption of a picture.
    Caption,
    /// Navigation, advertising and the like: outside the article, as the readability pass found.
    Outside,
    /// Text that the page does not show.
    Hidden,
}

/// One block of a draft: a range of its text that no sentence crosses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Bytes of the text it covers, without the white space around it.
    pub range: Span,
    /// What the file's structure says of it.
    pub kind: BlockKind,
}

/// What is known of an article beside its text, in the source's own words; dates in ISO 8601.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Metadata {
    /// The headline.
    pub title: Option<String>,
    /// Date of publication: `2021-02-18` or `2021-02-18T12:18`.
    pub date: Option<String>,
    /// Place of the dateline.
    pub place: Option<String>,
    /// News agency or desk.
    pub agency: Option<String>,
    /// Author.
    pub author: Option<String>,
    /// Address of the page.
    pub url: Option<String>,
}

/// An article as a reader hands it over: decoded, cut into blocks, not yet cleaned.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Draft {
    /// Where it came from.
    pub provenance: Provenance,
    /// The decoded text. Never changed after this point.
    pub text: String,
    /// Blocks in text order, not overlapping; all text outside them is white space.
    pub blocks: Vec<Block>,
    /// What the file declares of itself (an HTML head, JSON fields, docx core properties).
    pub metadata: Metadata,
}

/// The part a sentence plays in its article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The headline: always sentence S0.
    Title,
    /// Running text.
    Body,
    /// A heading inside the text.
    Heading,
    /// The caption of a picture.
    Caption,
    /// A cross-link to another article.
    Related,
}

impl Role {
    /// Returns the name used in JSON and Markdown.
    pub fn name(self) -> &'static str {
        match self {
            Role::Title => "title",
            Role::Body => "body",
            Role::Heading => "heading",
            Role::Caption => "caption",
            Role::Related => "related",
        }
    }
}

/// Number of a sentence in its article; written `S3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SentenceId(pub u32);

impl fmt::Display for SentenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S{}", self.0)
    }
}

/// One sentence of an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// S0 is the headline (absent where there is none); the others count from S1 in source order.
    pub id: SentenceId,
    /// The part it plays.
    pub role: Role,
    /// Bytes of the article's text it covers, without the white space around it.
    pub range: Span,
    /// Index of the block it stands in: sentences of one paragraph share it.
    pub block: usize,
}

/// A span the cleaner took out of the text to translate, kept with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Bytes of the article's text it covers, without the white space around it.
    pub range: Span,
    /// Why, in the reader's words: "icon name", "font-size widget", "date line, kept as metadata".
    pub reason: String,
}

/// A cleaned and segmented article.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Article {
    /// Where it came from.
    pub provenance: Provenance,
    /// The decoded text that every range points into.
    pub text: String,
    /// What is known of it beside its text.
    pub metadata: Metadata,
    /// Sentences in source order (S0 may stand anywhere in the text: it is first in this list).
    pub sentences: Vec<Sentence>,
    /// Removed spans in source order.
    pub removed: Vec<Removed>,
}

/// A breach of the accounting law.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountingError {
    /// A character is in no sentence and no removed span, and is not white space.
    #[error("bytes {0:?} of the text are in no sentence and in no removed span")]
    Lost(Span),
    /// Two ranges overlap, or one is outside the text or splits a character.
    #[error("bytes {0:?} of the text are claimed twice or are not whole characters")]
    Overlap(Span),
}

impl Article {
    /// Returns the source text of a sentence.
    pub fn source(&self, sentence: &Sentence) -> &str {
        &self.text[sentence.range.clone()]
    }

    /// Checks that every character is in exactly one sentence, exactly one removed span, or is white space.
    pub fn account(&self) -> Result<(), AccountingError> {
        let sentences = self.sentences.iter().map(|s| &s.range);
        let mut claimed: Vec<&Span> = sentences.chain(self.removed.iter().map(|r| &r.range)).collect();
        claimed.sort_by_key(|range| (range.start, range.end));
        account(&self.text, claimed)
    }
}

impl Draft {
    /// Checks that the blocks are in text order and hold every character that is not white space: a draft may come from
    /// another process.
    pub fn account(&self) -> Result<(), AccountingError> {
        account(&self.text, self.blocks.iter().map(|block| &block.range))
    }
}

/// Checks that ranges are in order, are whole characters and leave out white space only.
fn account<'a>(text: &str, ranges: impl IntoIterator<Item = &'a Span>) -> Result<(), AccountingError> {
    let mut end = 0;
    for range in ranges {
        if range.start < end || text.get(range.clone()).is_none() {
            return Err(AccountingError::Overlap(range.clone()));
        }
        require_white_space(text, end..range.start)?;
        end = range.end;
    }
    require_white_space(text, end..text.len())
}

fn require_white_space(text: &str, gap: Span) -> Result<(), AccountingError> {
    match text[gap.clone()].chars().all(char::is_whitespace) {
        true => Ok(()),
        false => Err(AccountingError::Lost(gap)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_whose_blocks_do_not_fit_its_text_is_refused() {
        let draft = |ranges: &[Span]| Draft {
            text: "نص أول".into(),
            blocks: ranges.iter().map(|r| Block { range: r.clone(), kind: BlockKind::Paragraph }).collect(),
            ..Draft::default()
        };
        assert_eq!(draft(&[0..4, 5..11]).account(), Ok(()));
        assert_eq!(draft(std::slice::from_ref(&(0..4))).account(), Err(AccountingError::Lost(4..11)));
        for wrong in [0..3, 0..99] {
            assert_eq!(draft(std::slice::from_ref(&wrong)).account(), Err(AccountingError::Overlap(wrong)));
        }
        assert!(draft(&[5..11, 0..4]).account().is_err());
    }
}
