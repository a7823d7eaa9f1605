//! HTML pages: the whole visible text, with what is not the article marked as outside it.
//!
//! Separate parts: `blocks` walks the page, `main_text` asks the readability library what belongs to the article and
//! distrusts the answer, `head` reads what the page declares of itself, `nesting` keeps hostile pages cheap. The
//! invariant: every word of the page is in a block; what readability leaves out, and what the page hides, is marked, never
//! dropped.

pub(super) mod blocks;
mod head;
mod main_text;
mod nesting;
mod tags;

use dom_query::Document;

use self::blocks::{Pictures, Piece};
use super::{
    super::{BlockKind, Metadata},
    date::iso_date,
    draft::{Parsed, TextBuilder, key},
};

/// Reads a whole page, whose headline may be known beside it.
pub(super) fn parse(html: &str, title: Option<&str>) -> Parsed {
    let document = Document::from(nesting::limit(html).as_ref());
    let main = main_text::find(&document);
    let mut pieces = blocks::of_document(&document, Pictures::Ignored, main.as_ref().map(|main| &main.nodes));
    match &main {
        Some(_) => main_text::correct(&mut pieces),
        None => pieces.iter_mut().for_each(|piece| piece.kept = true),
    }
    let head = head::read(&document);
    let titles: Vec<String> = title.map(str::to_owned).into_iter().chain(head.titles).collect();
    let title = find_title(&mut pieces, &titles);
    let author = head.author.or(main.and_then(|main| main.byline));
    let date = head.date.or_else(|| date_under_title(&pieces));
    assemble(&pieces, title, Metadata { date, author, url: head.url, ..Metadata::default() })
}

/// Reads the date line that stands under a headline, where the page declares no date.
fn date_under_title(pieces: &[Piece]) -> Option<String> {
    let title = pieces.iter().position(|piece| piece.kind == BlockKind::Title)?;
    let mut near = pieces[title + 1..].iter().take(3).filter(|piece| piece.chars <= 60);
    near.find_map(|piece| iso_date(&piece.text))
}

/// Reads a piece of HTML that is the article and nothing else, whose headline may be known beside it.
pub(super) fn parse_fragment(html: &str, title: Option<&str>) -> Parsed {
    let mut pieces = blocks::of_fragment(html, Pictures::Ignored);
    let title = find_title(&mut pieces, &title.map(str::to_owned).into_iter().collect::<Vec<_>>());
    assemble(&pieces, title, Metadata::default())
}

/// Returns true for HTML that is a whole page.
pub(super) fn is_page(html: &str) -> bool {
    let start = html.get(..html.floor_char_boundary(2048)).unwrap_or(html).to_ascii_lowercase();
    ["<html", "<!doctype", "<head", "<body"].iter().any(|tag| start.contains(tag))
}

fn assemble(pieces: &[Piece], title: Option<String>, metadata: Metadata) -> Parsed {
    let mut builder = TextBuilder::default();
    let in_text = pieces.iter().any(|piece| piece.kind == BlockKind::Title);
    if let Some(title) = title.as_deref().filter(|_| !in_text && !pieces.is_empty()) {
        builder.push(BlockKind::Title, title);
    }
    for piece in pieces {
        let own = piece.kept || matches!(piece.kind, BlockKind::Title | BlockKind::Hidden);
        let kind = if own { piece.kind } else { BlockKind::Outside };
        builder.push(kind, &piece.text);
    }
    builder.finish(Metadata { title, ..metadata })
}

/// Marks the piece that is the headline and returns its words; where no piece is, the page's own title.
fn find_title(pieces: &mut [Piece], declared: &[String]) -> Option<String> {
    let keys: Vec<String> = declared.iter().map(|title| key(title)).filter(|key| !key.is_empty()).collect();
    let position = title_position(pieces, &keys);
    if let Some(at) = position {
        pieces[at].kind = BlockKind::Title;
        return Some(pieces[at].text.trim().to_owned());
    }
    declared.first().map(|title| title.trim().to_owned()).filter(|title| !title.is_empty())
}

fn title_position(pieces: &[Piece], keys: &[String]) -> Option<usize> {
    let shown = |piece: &Piece| piece.kind != BlockKind::Hidden;
    let find = |test: &dyn Fn(&Piece) -> bool| pieces.iter().position(|piece| shown(piece) && test(piece));
    let equal = |piece: &Piece| keys.contains(&key(&piece.text));
    // A page's title is often the headline and the name of the site: the name alone is under half of it.
    let similar = |piece: &Piece| {
        let own = key(&piece.text);
        keys.iter().any(|key| own.len() * 2 > key.len() && (key.starts_with(&own) || key.ends_with(&own)))
    };
    find(&|piece| piece.level == 1 && (equal(piece) || similar(piece)))
        .or_else(|| find(&|piece| piece.level > 0 && equal(piece)))
        .or_else(|| find(&|piece| piece.kept && equal(piece)))
        .or_else(|| find(&|piece| piece.level == 1 && piece.kept && !piece.boilerplate && keys.is_empty()))
}

#[cfg(test)]
mod tests;
