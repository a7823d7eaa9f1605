//! Walks a page and cuts its visible text into pieces: block elements cut, inline elements do not.
//!
//! Separate because Markdown and JSON records end here too. The walk keeps its own stack, so no nesting can overflow
//! the thread's. The invariant: the text of the pieces is the text of the page, in order, with white space collapsed;
//! what is not shown is a piece of its own.

use std::collections::HashSet;

use dom_query::{Document, NodeId, NodeRef};

use super::super::super::BlockKind;
use super::{
    nesting,
    tags::{self, Tag},
};

/// A piece of visible text between two cuts.
#[derive(Debug, Clone)]
pub(in super::super) struct Piece {
    /// What the elements around it say it is.
    pub kind: BlockKind,
    /// Level of the heading (1 for `<h1>`), 0 where it is none.
    pub level: u8,
    /// The words.
    pub text: String,
    /// Characters in it.
    pub chars: usize,
    /// Characters of it inside links.
    pub link_chars: usize,
    /// It stands in navigation, a footer, a form or the like.
    pub boilerplate: bool,
    /// It belongs to the article.
    pub kept: bool,
}

impl Piece {
    /// Returns a piece that is not part of the text it was found in.
    fn aside(kind: BlockKind, text: String) -> Piece {
        Piece { kind, level: 0, chars: text.chars().count(), text, link_chars: 0, boilerplate: false, kept: true }
    }
}

/// What becomes of pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) enum Pictures {
    /// They have no text.
    Ignored,
    /// Their `alt` text is a caption, as it is in Markdown.
    ByAlt,
}

/// Returns the pieces of a page; text nodes among `kept` belong to the article.
pub(super) fn of_document(document: &Document, pictures: Pictures, kept: Option<&HashSet<NodeId>>) -> Vec<Piece> {
    let mut walker = Walker { pictures, kept, ..Walker::default() };
    let mut open = vec![Step::Enter(document.root())];
    while let Some(step) = open.pop() {
        match step {
            Step::Enter(node) if node.is_text() => walker.text(&node),
            Step::Enter(node) => {
                if walker.enter(&node) {
                    open.push(Step::Leave(node));
                    open.extend(node.children_it(true).map(Step::Enter));
                }
            }
            Step::Leave(node) => walker.leave(&node),
        }
    }
    walker.cut();
    walker.pieces
}

/// Returns the pieces of a part of a page, all of which belongs to the article.
pub(in super::super) fn of_fragment(html: &str, pictures: Pictures) -> Vec<Piece> {
    let mut pieces = of_document(&Document::from(nesting::limit(html).as_ref()), pictures, None);
    pieces.iter_mut().for_each(|piece| piece.kept = true);
    pieces
}

enum Step<'a> {
    Enter(NodeRef<'a>),
    Leave(NodeRef<'a>),
}

/// What the open elements say of the text inside them.
#[derive(Clone, Copy, Default)]
struct Context {
    kind: Option<BlockKind>,
    level: u8,
    link: bool,
    preformatted: bool,
    boilerplate: bool,
    row: bool,
}

struct Walker<'a> {
    pictures: Pictures,
    kept: Option<&'a HashSet<NodeId>>,
    pieces: Vec<Piece>,
    contexts: Vec<Context>,
    /// Captions and hidden text inside the current piece, which follow it.
    behind: Vec<Piece>,
    text: String,
    /// White space seen since the last word: a space, or the tab between two cells.
    gap: Option<char>,
    chars: usize,
    link_chars: usize,
    kept_chars: usize,
}

impl Default for Walker<'_> {
    fn default() -> Self {
        Walker {
            pictures: Pictures::Ignored,
            kept: None,
            pieces: Vec::new(),
            contexts: vec![Context::default()],
            behind: Vec::new(),
            text: String::new(),
            gap: None,
            chars: 0,
            link_chars: 0,
            kept_chars: 0,
        }
    }
}

impl Walker<'_> {
    fn context(&self) -> Context {
        self.contexts.last().copied().unwrap_or_default()
    }

    /// Opens an element; returns false where what is inside it is not visible text.
    fn enter(&mut self, node: &NodeRef) -> bool {
        let Some(tag) = Tag::of(node) else { return !node.is_comment() && !node.is_doctype() };
        if tag.is_invisible(node) {
            return false;
        }
        if tag.is_hidden(node) {
            self.hidden(node);
            return false;
        }
        match tag.name.as_str() {
            "br" | "hr" => self.boundary(),
            "img" => self.picture(node),
            _ if tag.is_block() => self.boundary(),
            _ => {}
        }
        let outer = self.context();
        if outer.row && tag.is_cell() {
            self.gap = Some('\t');
        }
        let mut context = outer;
        context.link |= tag.name == "a";
        context.preformatted |= tag.name == "pre";
        context.boilerplate |= tag.is_boilerplate(node);
        context.row |= tag.name == "tr" && tags::is_data_row(node);
        if let Some(kind) = tag.kind(node).filter(|_| !outer.row) {
            context.kind = Some(kind);
            context.level = tag.level();
        }
        if context.row && !outer.row {
            context.kind = Some(BlockKind::TableRow);
        }
        self.contexts.push(context);
        true
    }

    fn leave(&mut self, node: &NodeRef) {
        let Some(tag) = Tag::of(node) else { return };
        // Inside a row nothing cuts, so the row's own end is seen from inside it.
        if tag.name == "tr" || (tag.is_block() && !self.context().row) {
            self.cut();
        } else if tag.is_block() {
            self.space();
        }
        self.contexts.pop();
    }

    /// Ends a piece, or a cell's line where a row must stay whole.
    fn boundary(&mut self) {
        if self.context().row { self.space() } else { self.cut() }
    }

    fn space(&mut self) {
        self.gap = self.gap.or(Some(' '));
    }

    fn text(&mut self, node: &NodeRef) {
        let kept = self.kept.is_some_and(|kept| kept.contains(&node.id));
        let context = self.context();
        for c in node.text().chars() {
            if context.preformatted && !context.row && (c == '\n' || c == '\r') {
                self.cut();
            } else if c.is_ascii_whitespace() {
                self.space();
            } else {
                self.word_char(c, kept, context.link);
            }
        }
    }

    fn word_char(&mut self, c: char, kept: bool, link: bool) {
        if let Some(gap) = self.gap.take().filter(|_| !self.text.is_empty()) {
            self.text.push(gap);
        }
        self.text.push(c);
        self.chars += 1;
        self.kept_chars += usize::from(kept);
        self.link_chars += usize::from(link);
    }

    fn picture(&mut self, node: &NodeRef) {
        let alt = node.attr_or("alt", "");
        if self.pictures == Pictures::Ignored || alt.trim().is_empty() {
            return;
        }
        let kind = if tags::is_file_name(&alt) { BlockKind::Outside } else { BlockKind::Caption };
        let text = alt.split_whitespace().collect::<Vec<_>>().join(" ");
        self.behind.push(Piece::aside(kind, text));
    }

    /// Sets what the page does not show apart, behind the piece under way: it must not stand in a sentence, nor be lost.
    fn hidden(&mut self, node: &NodeRef) {
        let (mut words, mut open) = (String::new(), vec![*node]);
        while let Some(node) = open.pop() {
            if node.is_text() {
                words.push_str(&node.text());
            } else if Tag::of(&node).is_some_and(|tag| !tag.is_invisible(&node)) {
                words.push(' ');
                open.extend(node.children_it(true));
            }
        }
        let text = words.split_whitespace().collect::<Vec<_>>().join(" ");
        if !text.is_empty() {
            self.behind.push(Piece { boilerplate: true, ..Piece::aside(BlockKind::Hidden, text) });
        }
    }

    /// Ends the piece under way.
    fn cut(&mut self) {
        let context = self.context();
        let text = std::mem::take(&mut self.text);
        if !text.trim().is_empty() {
            self.pieces.push(Piece {
                kind: context.kind.unwrap_or(BlockKind::Paragraph),
                level: context.level,
                text,
                chars: self.chars,
                link_chars: self.link_chars,
                boilerplate: context.boilerplate,
                kept: self.kept_chars * 2 >= self.chars,
            });
        }
        self.pieces.append(&mut self.behind);
        (self.gap, self.chars, self.link_chars, self.kept_chars) = (None, 0, 0, 0);
    }
}
