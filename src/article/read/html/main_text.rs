//! Which text nodes of a page belong to the article, as the readability library finds them, and where to distrust it.
//!
//! Separate because the library moves nodes about in its own copy of the page: only node numbers cross over. The
//! invariant: a wrong answer of the library costs a widget kept or a mark set, never a long paragraph of the article.

use std::collections::HashSet;

use dom_query::{Document, NodeId};
use dom_smoothie::{Config, Readability};

use super::{super::super::BlockKind, blocks::Piece};

/// What the library found.
pub(super) struct MainText {
    /// Text nodes of the article.
    pub nodes: HashSet<NodeId>,
    /// The line that names the author.
    pub byline: Option<String>,
}

/// Elements a page may have before the library is not asked (its time grows faster than the page).
const MAX_ELEMENTS: usize = 100_000;
/// Nesting beyond which the library is not asked: parts of it call themselves for each level.
const MAX_DEPTH: usize = 200;
/// Characters the library must find to be content with its strictest pass. Its default of 500 suits long articles; a
/// short report would be taken from the pass that keeps the navigation too.
const ENOUGH: usize = 200;

/// Asks the library for the article; `None` where it finds nothing.
pub(super) fn find(document: &Document) -> Option<MainText> {
    if depth(document) > MAX_DEPTH {
        return None;
    }
    let config = Config { char_threshold: ENOUGH, max_elements_to_parse: MAX_ELEMENTS, ..Config::default() };
    // Node numbers are places in the tree's list: a clone keeps them, and moving a node does not change them.
    let mut readability = Readability::with_document(document.clone(), None, Some(config)).ok()?;
    let article = readability.parse().ok()?;
    let root = readability.doc.select_single("#readability-page-1");
    let texts = root.nodes().iter().flat_map(|node| node.descendants()).filter(|node| node.is_text());
    let nodes: HashSet<NodeId> = texts.map(|node| node.id).collect();
    let byline = article.byline.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty());
    (!nodes.is_empty()).then_some(MainText { nodes, byline })
}

fn depth(document: &Document) -> usize {
    let (mut deepest, mut open) = (0, vec![(document.root(), 0)]);
    while let Some((node, depth)) = open.pop() {
        deepest = deepest.max(depth);
        open.extend(node.children_it(false).map(|child| (child, depth + 1)));
    }
    deepest
}

/// Takes back what the library left out wrongly: sentences between what it kept, and everything long where it kept
/// under 40 % of the long paragraphs.
pub(super) fn correct(pieces: &mut [Piece]) {
    let long = pieces.iter().filter(|piece| is_long(piece)).count();
    let kept = pieces.iter().filter(|piece| piece.kept && is_long(piece)).count();
    if kept * 10 < long * 4 {
        pieces.iter_mut().filter(|piece| is_long(piece)).for_each(|piece| piece.kept = true);
    }
    let first = pieces.iter().position(|piece| piece.kept).unwrap_or(0);
    let end = pieces.iter().rposition(|piece| piece.kept).map_or(first, |last| last + 1);
    for piece in pieces[first..end].iter_mut().filter(|piece| belongs(piece)) {
        piece.kept = true;
    }
}

/// Returns true for a paragraph that can only be running text.
fn is_long(piece: &Piece) -> bool {
    piece.chars >= 80 && has_sentence(piece) && !is_linked(piece) && !piece.boilerplate
}

/// Returns true for what belongs to the article where it stands in the midst of it.
fn belongs(piece: &Piece) -> bool {
    let speaks = has_sentence(piece) || piece.kind == BlockKind::Heading || piece.kind == BlockKind::TableRow;
    speaks && !is_linked(piece) && !piece.boilerplate
}

fn has_sentence(piece: &Piece) -> bool {
    piece.text.contains(['.', '!', '؟', '؛', '،', '…', '»', ':'])
}

fn is_linked(piece: &Piece) -> bool {
    piece.link_chars * 10 > piece.chars * 4
}
