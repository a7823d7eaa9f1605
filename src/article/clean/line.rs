//! A line of a draft as the rules see it: its place, its words, and whether it reads as prose.
//!
//! Separate because every pass asks the same few questions. The invariant: lines do not overlap and, with white space,
//! cover the draft's blocks.

use crate::article::{BlockKind, Draft, Span, normalize::fold, segment::trim};

/// Words from which a line that ends with a stop is prose.
const PROSE: usize = 12;
/// Words from which any line is prose.
const LONG_PROSE: usize = 30;

/// One line, or a whole block that must not be cut into lines.
pub struct Line<'a> {
    /// Bytes of the draft's text, without white space at its ends.
    pub range: Span,
    /// Index of its block.
    pub block: usize,
    /// What the file's structure says of it.
    pub kind: BlockKind,
    /// The text as it stands.
    pub text: &'a str,
    /// The text as matched: see [`fold`].
    pub folded: String,
    /// Count of words: runs without white space that hold a letter or digit.
    pub words: usize,
}

impl<'a> Line<'a> {
    /// Returns the lines of a draft in order, empty ones left out.
    pub fn all(draft: &'a Draft) -> Vec<Line<'a>> {
        let mut lines = Vec::new();
        for (index, block) in draft.blocks.iter().enumerate() {
            let text = &draft.text[block.range.clone()];
            let mut start = block.range.start;
            let in_lines = matches!(block.kind, BlockKind::Paragraph | BlockKind::ListItem | BlockKind::Caption);
            let pieces = if in_lines { text.split_inclusive('\n').collect() } else { vec![text] };
            for piece in pieces {
                let range = trim(&draft.text, start..start + piece.len());
                start += piece.len();
                if !range.is_empty() {
                    lines.push(Line::new(&draft.text, range, index, block.kind));
                }
            }
        }
        lines
    }

    fn new(text: &'a str, range: Span, block: usize, kind: BlockKind) -> Self {
        let text = &text[range.clone()];
        let folded = fold(text);
        let words = folded.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count();
        Line { range, block, kind, text, folded, words }
    }

    /// Returns true where the line holds a letter or digit.
    pub fn has_words(&self) -> bool {
        self.words > 0
    }

    /// Returns the folded text without the signs around it.
    pub fn core(&self) -> &str {
        self.folded.trim_matches(|c: char| !c.is_alphanumeric())
    }

    /// Returns true where the line ends with a stop, closing marks after it set aside.
    pub fn ends_with_stop(&self) -> bool {
        let closers = ['"', '»', ')', ']', '\'', ' '];
        self.folded.trim_end_matches(closers).ends_with(['.', '!', '؟', '?', '۔'])
    }

    /// Returns true where the line ends with one full stop: headlines do not.
    pub fn ends_with_full_stop(&self) -> bool {
        let end = self.folded.trim_end_matches(['"', '»', ')', ' ']);
        end.ends_with(['.', '،', ':', '؛']) && !end.ends_with("..")
    }

    /// Returns true where the line is text that an article is made of, whatever stands around it.
    pub fn is_prose(&self) -> bool {
        let running = !matches!(self.kind, BlockKind::Title | BlockKind::Heading | BlockKind::TableRow);
        running && (self.words >= LONG_PROSE || (self.words >= PROSE && self.ends_with_stop()))
    }

    /// Returns true where rules for stray lines may look at it.
    pub fn may_be_stray(&self) -> bool {
        matches!(self.kind, BlockKind::Paragraph | BlockKind::ListItem | BlockKind::Caption)
    }
}
