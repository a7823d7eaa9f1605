//! What HTML elements mean for the text inside them.
//!
//! Separate so that the walk reads without lists of names. The invariant: an element not named here is inline and
//! visible, so that an unknown one loses nothing.

use dom_query::NodeRef;

use super::super::super::BlockKind;

/// The name of an element.
pub(super) struct Tag {
    pub name: String,
}

/// Elements whose content is never shown as text.
const INVISIBLE: &[&str] = &[
    "script", "style", "noscript", "template", "head", "iframe", "object", "svg", "canvas", "audio", "video",
    "datalist",
];

/// Elements that begin and end on a line of their own.
const BLOCK: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "button",
    "caption",
    "center",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "html",
    "legend",
    "li",
    "main",
    "menu",
    "nav",
    "ol",
    "optgroup",
    "option",
    "p",
    "pre",
    "section",
    "select",
    "summary",
    "table",
    "tbody",
    "td",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
];

/// Elements that hold what surrounds an article.
const BOILERPLATE: &[&str] = &["nav", "aside", "footer", "form", "button", "select", "menu", "textarea", "dialog"];

/// Parts of class names and ids of what surrounds an article.
const BOILERPLATE_NAMES: &[&str] = &[
    "nav",
    "menu",
    "footer",
    "sidebar",
    "cookie",
    "consent",
    "gdpr",
    "banner",
    "comment",
    "related",
    "share",
    "social",
    "subscribe",
    "newsletter",
    "popup",
    "breadcrumb",
    "advert",
    "promo",
    "disqus",
    "most-read",
    "copyright",
];

impl Tag {
    /// Returns the tag of an element, `None` for other nodes.
    pub fn of(node: &NodeRef) -> Option<Tag> {
        node.node_name().map(|name| Tag { name: name.to_ascii_lowercase() })
    }

    pub fn is_block(&self) -> bool {
        BLOCK.contains(&self.name.as_str())
    }

    pub fn is_cell(&self) -> bool {
        matches!(self.name.as_str(), "td" | "th")
    }

    /// Returns true where the page says that the text inside is not shown.
    pub fn is_hidden(&self, node: &NodeRef) -> bool {
        let style = || node.attr_or("style", "").to_ascii_lowercase().replace(char::is_whitespace, "");
        node.has_attr("hidden") || ["display:none", "visibility:hidden"].iter().any(|rule| style().contains(rule))
    }

    /// Returns true where the text inside is no text of the page, or is the number of a footnote that Markdown made up.
    pub fn is_invisible(&self, node: &NodeRef) -> bool {
        let generated = || node.has_class("footnote-ref") || node.has_class("footnote-backref");
        INVISIBLE.contains(&self.name.as_str()) || (matches!(self.name.as_str(), "sup" | "a") && generated())
    }

    /// Returns the kind of block the element makes of its text; `None` leaves it as the element around it says.
    pub fn kind(&self, node: &NodeRef) -> Option<BlockKind> {
        match self.name.as_str() {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => Some(BlockKind::Heading),
            "figcaption" | "caption" => Some(BlockKind::Caption),
            "li" | "dd" | "dt" => Some(BlockKind::ListItem),
            "article" | "section" | "blockquote" | "table" => Some(BlockKind::Paragraph),
            "p" | "div" if node.attr_or("class", "").contains("caption") => Some(BlockKind::Caption),
            _ => None,
        }
    }

    /// Returns the level of a heading, 0 for other elements.
    pub fn level(&self) -> u8 {
        match self.name.as_bytes() {
            [b'h', digit @ b'1'..=b'6'] => digit - b'0',
            _ => 0,
        }
    }

    /// Returns true where the element's name, class or id says that it is not the article.
    pub fn is_boilerplate(&self, node: &NodeRef) -> bool {
        // Whole-page wrappers are named after anything: `<body class="has-sidebar">`.
        if matches!(self.name.as_str(), "html" | "body" | "main" | "article") {
            return false;
        }
        let names = format!("{} {}", node.attr_or("class", ""), node.attr_or("id", "")).to_ascii_lowercase();
        BOILERPLATE.contains(&self.name.as_str()) || BOILERPLATE_NAMES.iter().any(|name| names.contains(name))
    }
}

/// Characters of the longest cell of a table of figures; a longer one is a layout that holds text.
const MAX_CELL: usize = 200;
/// Nodes looked at in one row, so that tables nested in tables stay cheap.
const MAX_ROW_NODES: usize = 500;

/// Returns true for a row of a table of figures: short cells of one paragraph, no headings, lists or tables inside.
pub(super) fn is_data_row(row: &NodeRef) -> bool {
    let (mut nodes, mut cells, mut chars, mut paragraphs) = (0, 0, 0, 0);
    for node in row.descendants_it() {
        nodes += 1;
        let tag = Tag::of(&node);
        let name = tag.as_ref().map_or("", |tag| tag.name.as_str());
        paragraphs += usize::from(name == "p");
        if nodes > MAX_ROW_NODES || matches!(name, "table" | "ul" | "ol" | "h1" | "h2" | "h3" | "figure" | "article") {
            return false;
        }
        if tag.is_some_and(|tag| tag.is_cell()) {
            (cells, chars, paragraphs) = (cells + 1, 0, 0);
        } else if node.is_text() {
            chars += node.text().chars().filter(|c| !c.is_whitespace()).count();
        }
        if chars > MAX_CELL || paragraphs > 1 {
            return false;
        }
    }
    cells > 1
}

/// Returns true for the name of a picture file; screenshots have spaces in theirs.
pub(super) fn is_file_name(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    let extensions = [".jpg", ".jpeg", ".png", ".gif", ".webp", ".svg", ".bmp"];
    extensions.iter().any(|extension| text.ends_with(extension))
}
