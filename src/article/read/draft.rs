//! Text and blocks, built together so that the two cannot disagree.
//!
//! Separate because every reader ends here. The invariant: blocks are in text order, do not overlap, begin and end with
//! a character that is not white space, and everything outside them is white space.

use super::super::{Block, BlockKind, Metadata};

/// What a format holds, before it is known where the bytes came from.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub text: String,
    pub blocks: Vec<Block>,
    pub metadata: Metadata,
}

/// Builds a text block by block, one on each line.
#[derive(Debug, Default)]
pub(super) struct TextBuilder {
    text: String,
    blocks: Vec<Block>,
}

impl TextBuilder {
    /// Adds a block; white space around it is dropped, and a block of nothing else is none.
    pub fn push(&mut self, kind: BlockKind, words: &str) {
        let words = words.trim();
        if words.is_empty() {
            return;
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let start = self.text.len();
        self.text.push_str(words);
        self.blocks.push(Block { range: start..self.text.len(), kind });
    }

    /// Returns what was built, with the metadata given.
    pub fn finish(self, metadata: Metadata) -> Parsed {
        Parsed { text: self.text, blocks: self.blocks, metadata }
    }
}

/// Returns a block for every line of a text that is not blank.
pub(super) fn line_blocks(text: &str, kind: BlockKind) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive(is_line_end) {
        let words = line.trim();
        if !words.is_empty() {
            let begin = start + (line.len() - line.trim_start().len());
            blocks.push(Block { range: begin..begin + words.len(), kind });
        }
        start += line.len();
    }
    blocks
}

/// Returns true for the characters that end a line (the mandatory breaks of UAX 14).
pub(super) fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Returns a word or headline reduced to its letters and digits, for comparing what two parts of a file say.
pub(super) fn key(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_that_is_not_blank_is_a_block() {
        let text = "  أول \r\n\r\n\u{a0}\nثان\u{2028}ثالث";
        let words: Vec<_> = line_blocks(text, BlockKind::Paragraph).into_iter().map(|b| &text[b.range]).collect();
        assert_eq!(words, ["أول", "ثان", "ثالث"]);
    }

    #[test]
    fn a_builder_puts_each_block_on_its_own_line_and_skips_blank_ones() {
        let mut builder = TextBuilder::default();
        builder.push(BlockKind::Title, " عنوان ");
        builder.push(BlockKind::Paragraph, " \u{a0} ");
        builder.push(BlockKind::Paragraph, "نص");
        let parsed = builder.finish(Metadata::default());
        assert_eq!(parsed.text, "عنوان\nنص");
        assert_eq!(&parsed.text[parsed.blocks[1].range.clone()], "نص");
    }
}
