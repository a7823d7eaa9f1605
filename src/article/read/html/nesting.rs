//! Limits how deep a page's elements nest, before the parser sees it.
//!
//! Separate because it is about the parser, not the article: the time of an HTML parser grows with the square of the
//! nesting, and formatting elements left open are repeated in every paragraph that follows, so a small broken or
//! hostile page could take hours and all memory. The invariant: no text is changed, only start tags beyond the limits.

use std::{borrow::Cow, collections::HashMap};

/// Nesting beyond which an element is opened no more; real pages stay under 100.
const MAX_DEPTH: usize = 250;
/// The same for elements such as `<b>`, of which no page needs as many inside each other.
const MAX_FORMATTING: usize = 8;

const FORMATTING: &[&str] =
    &["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];

/// Elements that hold nothing, or that the parser closes by itself.
const FLAT: &[&str] = &[
    "area", "base", "body", "br", "caption", "col", "colgroup", "dd", "dt", "embed", "head", "hr", "html", "img",
    "input", "li", "link", "meta", "optgroup", "option", "p", "param", "script", "source", "style", "tbody", "td",
    "textarea", "tfoot", "th", "thead", "title", "tr", "track", "wbr",
];

/// Returns a page whose nesting is within the limits: a start tag beyond them becomes a line break or nothing.
pub(super) fn limit(html: &str) -> Cow<'_, str> {
    let (mut open, mut output, mut copied) = (Open::default(), String::new(), 0);
    for (at, _) in html.match_indices('<') {
        let rest = &html[at + 1..];
        if let Some(name) = rest.strip_prefix('/').map(name) {
            open.close(&name);
        } else if let Some(void) = open.open(&name(rest)) {
            // Only the name is exchanged, so that the parser itself finds the end of the tag.
            output.push_str(&html[copied..=at]);
            output.push_str(void);
            copied = at + 1 + name(rest).len();
        }
    }
    match copied {
        0 => Cow::Borrowed(html),
        _ => Cow::Owned(output + &html[copied..]),
    }
}

/// Returns the name at the start of a tag; empty where there is none.
fn name(tag: &str) -> String {
    let is_name = |c: &char| !c.is_ascii_whitespace() && !matches!(c, '>' | '/' | '<');
    match tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => tag.chars().take_while(is_name).map(|c| c.to_ascii_lowercase()).collect(),
        false => String::new(),
    }
}

/// How many elements of each name are open.
#[derive(Default)]
struct Open {
    counts: HashMap<String, usize>,
    depth: usize,
    formatting: usize,
}

impl Open {
    /// Opens an element, or returns the void element to put in its place.
    fn open(&mut self, name: &str) -> Option<&'static str> {
        if name.is_empty() || FLAT.contains(&name) {
            return None;
        }
        let formatting = FORMATTING.contains(&name);
        if formatting && self.formatting >= MAX_FORMATTING {
            return Some("wbr");
        }
        if self.depth >= MAX_DEPTH {
            return Some("br");
        }
        *self.counts.entry(name.to_owned()).or_default() += 1;
        self.depth += 1;
        self.formatting += usize::from(formatting);
        None
    }

    fn close(&mut self, name: &str) {
        if let Some(count) = self.counts.get_mut(name).filter(|count| **count > 0) {
            *count -= 1;
            self.depth -= 1;
            self.formatting -= usize::from(FORMATTING.contains(&name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_within_the_limits_is_not_touched() {
        let page = "<div>".repeat(200) + "<p>نص 1 < 2<p>نص</p>" + &"</div>".repeat(200);
        assert!(matches!(limit(&page.repeat(10)), Cow::Borrowed(_)));
    }

    #[test]
    fn tags_beyond_the_limits_lose_their_name_only() {
        let page = "<div>".repeat(MAX_DEPTH) + "<DIV class='x>'>نص</div><b>";
        assert!(limit(&page).ends_with("<br class='x>'>نص</div><b>"));
        let page = "<b>".repeat(MAX_FORMATTING) + "<b a=1>نص";
        assert!(limit(&page).ends_with("<b><wbr a=1>نص"));
    }
}
