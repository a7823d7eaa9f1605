//! Plain text: every line that is not blank is a paragraph; what each is, the cleaner decides.
//!
//! Separate because JSON records hold plain text too. The invariant: the text is the decoded text, unchanged.

use super::{
    super::{BlockKind, Metadata},
    draft::{Parsed, key, line_blocks},
};

/// Reads a plain text.
pub(super) fn parse(text: String) -> Parsed {
    let blocks = line_blocks(&text, BlockKind::Paragraph);
    Parsed { text, blocks, metadata: Metadata::default() }
}

/// Reads a plain text whose headline is known beside it: its first lines are searched for it, else it is put first.
pub(super) fn parse_titled(text: String, title: Option<&str>) -> Parsed {
    let Some(title) = title.map(str::trim).filter(|title| !title.is_empty()) else { return parse(text) };
    let mut parsed = parse(text);
    let is_title = |block: &&mut super::super::Block| key(&parsed.text[block.range.clone()]) == key(title);
    match parsed.blocks.iter_mut().take(FIRST_LINES).find(is_title) {
        Some(block) => block.kind = BlockKind::Title,
        None => parsed = with_title(title, &parsed.text),
    }
    parsed
}

/// Lines at the start of a text among which its headline may stand, after a date or a section name.
const FIRST_LINES: usize = 5;

fn with_title(title: &str, text: &str) -> Parsed {
    let mut parsed = parse(format!("{title}\n\n{text}"));
    for block in parsed.blocks.iter_mut().filter(|block| block.range.end <= title.len()) {
        block.kind = BlockKind::Title;
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_stays_as_it_is() {
        let text = "سطر\r\n\r\n  سطر آخر  \n";
        let parsed = parse(text.into());
        assert_eq!(parsed.text, text);
        assert_eq!(parsed.blocks.len(), 2);
    }

    #[test]
    fn a_title_that_is_a_line_of_the_text_is_marked_where_it_stands() {
        let parsed = parse_titled("2024/05/01\nعنوان الخبر:\nالنص.".into(), Some("عنوان الخبر"));
        assert_eq!(parsed.blocks[1].kind, BlockKind::Title);
        assert_eq!(parsed.blocks.len(), 3);
    }

    #[test]
    fn a_title_that_is_not_in_the_text_comes_first() {
        let parsed = parse_titled("النص.".into(), Some(" عنوان "));
        assert_eq!(parsed.text, "عنوان\n\nالنص.");
        assert_eq!(parsed.blocks[0].kind, BlockKind::Title);
        assert_eq!(parsed.blocks[1].kind, BlockKind::Paragraph);
    }
}
