//! Untrusted text made safe to show: in Markdown, in an HTML block, in front matter, in a link.
//!
//! Separate because every format leans on it and a mistake here lets an article forge a link, a tag or a heading. The
//! invariant: the text comes out as text, in one line, and no character of it is left invisible.

use crate::{article::arabic, review::memory::is_xml};
use std::fmt::Write;

/// Stands between two characters that would together become a link. Sanitisers drop it; nothing of it is seen.
const BREAK: &str = "<!-- -->";

/// Returns the text in one line, white space single, hidden characters written out as `⟨U+202E⟩`.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let joins =
            [shown.chars().next_back(), characters.peek().copied()].iter().all(|c| c.is_some_and(arabic::is_letter));
        match c {
            c if c.is_whitespace() => {
                if !shown.is_empty() && !shown.ends_with(' ') {
                    shown.push(' ');
                }
            }
            // Between Arabic letters a joiner only shapes them.
            '\u{200C}' | '\u{200D}' if joins => shown.push(c),
            c if is_hidden(c) => shown.push_str(&format!("⟨U+{:04X}⟩", u32::from(c))),
            c => shown.push(c),
        }
    }
    shown.truncate(shown.trim_end().len());
    shown
}

/// Returns true for characters that take no room or steer the direction of others.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{3164}')
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
        || matches!(c, '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Returns the text for any place where Markdown is read: a paragraph, a heading, a table cell, a link text.
///
/// Covers CommonMark, GFM's tables and bare links, GitHub's and VS Code's formulas, Obsidian's tags, comments,
/// highlights and wiki links.
pub(super) fn markdown(text: &str) -> String {
    let characters: Vec<char> = visible(text).chars().collect();
    let mut out = String::with_capacity(text.len() + 16);
    for (at, &c) in characters.iter().enumerate() {
        let (before, after) = (at.checked_sub(1).map(|at| characters[at]), &characters[at + 1..]);
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A backslash does not stop a table from splitting at a pipe, nor GitHub from reading a formula.
            '|' => out.push_str("&#124;"),
            '$' => out.push_str("&#36;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '^' | '{' | '}' => out.extend(['\\', c]),
            '%' | '=' if before == Some(c) || after.first() == Some(&c) => out.extend(['\\', c]),
            '@' => out.extend(["@", BREAK]),
            ':' if after.starts_with(&['/']) => out.extend([":", BREAK]),
            '.' if ends_in_www(&characters[..at]) => out.extend([BREAK, "."]),
            '.' if looks_like_a_domain(before, after) => out.push_str("\\."),
            '-' | '+' | '=' if at == 0 => out.extend(['\\', c]),
            '.' | ')' if characters[..at].iter().all(char::is_ascii_digit) => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// Returns a path or another label in code style, where it is read as it is written; escaped where a character in it
/// could end the code, or the table cell around it.
pub(super) fn label(text: &str) -> String {
    let shown = visible(text);
    match shown.is_empty() || shown.contains(['`', '|', '\\', '$']) {
        true => markdown(text),
        false => format!("`{shown}`"),
    }
}

fn ends_in_www(before: &[char]) -> bool {
    before.len() >= 3 && before[before.len() - 3..].iter().all(|c| matches!(c, 'w' | 'W'))
}

fn looks_like_a_domain(before: Option<char>, after: &[char]) -> bool {
    before.is_some_and(char::is_alphanumeric) && after.len() >= 2 && after[..2].iter().all(|c| c.is_alphabetic())
}

/// Returns the text for the inside of an HTML block, where no Markdown is read.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Returns the text for an XML file, as an element's content or an attribute's value: as it is written, without the few
/// characters that XML cannot hold.
pub(super) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars().filter(|c| is_xml(*c)) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Written as they are, a parser would make spaces or other line breaks of them.
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
    out
}

/// Returns the text as a JSON string, which is a valid YAML scalar, with all but plain characters written as escapes.
pub(super) fn yaml(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if is_hidden(c) || matches!(c, '\u{2028}' | '\u{2029}') => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Returns a relative path as the destination of a link.
pub(super) fn link(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            byte => {
                // Writing to a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use comrak::{Arena, Options, nodes::NodeValue, parse_document};
    use proptest::prelude::*;

    /// Returns the text a reader of the rendered Markdown sees, or `None` if it is more than text in one paragraph.
    fn seen(markdown: &str) -> Option<String> {
        read(markdown, |node| matches!(node, NodeValue::Document | NodeValue::Paragraph))
    }

    /// Returns the text of a label that stands in a link in a table cell, or `None` if there is more in the row.
    fn seen_in_a_row(label: &str) -> Option<String> {
        read(&format!("| a | b |\n| --- | --- |\n| [{label}](x) | c |\n"), |node| match node {
            NodeValue::Link(link) => link.url == "x",
            NodeValue::Document | NodeValue::Table(_) | NodeValue::TableRow(_) | NodeValue::TableCell => true,
            NodeValue::Code(_) => true,
            _ => false,
        })
    }

    /// Returns the text of all nodes, or `None` where one is neither text nor allowed.
    fn read(markdown: &str, allowed: impl Fn(&NodeValue) -> bool) -> Option<String> {
        let mut options = Options::default();
        let extension = &mut options.extension;
        (extension.autolink, extension.table, extension.strikethrough, extension.tasklist) = (true, true, true, true);
        (extension.footnotes, extension.math_dollars, extension.highlight, extension.wikilinks_title_after_pipe) =
            (true, true, true, true);
        let arena = Arena::new();
        let mut text = String::new();
        for node in parse_document(&arena, markdown, &options).descendants() {
            match &node.data.borrow().value {
                NodeValue::Text(part) => text.push_str(part),
                NodeValue::HtmlInline(tag) if tag == BREAK => {}
                node @ NodeValue::Code(code) if allowed(node) => text.push_str(&code.literal),
                node if allowed(node) => {}
                _ => return None,
            }
        }
        Some(text)
    }

    #[test]
    fn hidden_characters_are_written_out() {
        assert_eq!(visible("a\u{202E}b\u{200B}"), "a⟨U+202E⟩b⟨U+200B⟩");
        assert_eq!(visible("می\u{200C}شود"), "می\u{200C}شود");
        assert_eq!(visible(" a \n\n b\u{A0}"), "a b");
    }

    #[test]
    fn markup_comes_out_as_text() {
        for text in [
            "# heading",
            "1. item",
            "- item",
            "> quote",
            "<script>alert(1)</script>",
            "[x](javascript:alert(1))",
            "![i](u)",
            "https://evil.example/a_b",
            "www.evil.example",
            "a@evil.example",
            "`code`",
            "**bold**",
            "a | b",
            "$x$ and $y$",
            "[[wiki]]",
            "[^1]",
            "==hi==",
            "&amp; &#60;",
            "\\[x](y)",
            "---",
            "===",
            "~~no~~",
            "mailto:a@b.co",
            "1) one",
            "+ a",
        ] {
            assert_eq!(seen(&markdown(text)).as_deref(), Some(text), "{}", markdown(text));
        }
    }

    #[test]
    fn ordinary_prose_is_left_as_it_is() {
        let prose = "He said: \"No, it's 3.5% (not 4!)\"; the U.S. agreed - at 2:30 p.m.";
        assert_eq!(markdown(prose), prose);
    }

    #[test]
    fn a_link_destination_has_no_special_characters() {
        assert_eq!(link("a b/خبر).md"), "a%20b/%D8%AE%D8%A8%D8%B1%29.md");
    }

    proptest! {
        #[test]
        fn no_text_becomes_markup(text in "[-a-c0-2 .:/@<>&\\[\\]()!*_`~#|$=%^{}\\\\+w'\"\n\t\u{202E}ب]{0,24}") {
            prop_assert_eq!(seen(&markdown(&text)), Some(visible(&text)), "{}", markdown(&text));
        }

        #[test]
        fn a_label_is_text_in_one_cell(text in "[-a-c0-2 .:/@<>&\\[\\]()!*_`~#|$=%^{}\\\\+w'\"\n\u{202E}ب]{0,24}") {
            let row = format!("ab{}c", visible(&text));
            prop_assert_eq!(seen_in_a_row(&label(&text)), Some(row), "{}", label(&text));
        }

        #[test]
        fn front_matter_scalars_are_json(text in "\\PC{0,30}|[\\x00-\\x1f\"\\\\\u{85}\u{2028}\u{FEFF}a]{0,20}") {
            let read: String = serde_json::from_str(&yaml(&text)).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(read, text);
        }

        #[test]
        fn an_html_block_holds_no_tag_and_no_line_break(text in "[<>&\"'/a-c \n\r\u{85}\u{2028}]{0,24}") {
            let breaks = ['<', '>', '"', '\n', '\r', '\u{85}', '\u{2028}'];
            prop_assert!(!html(&text).contains(breaks));
        }
    }
}
