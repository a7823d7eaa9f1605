//! The headline, lines that repeat it, and headings that plain text does not mark.
//!
//! Separate because the headline is the one guess that shapes the whole document. The invariant: at most one line is the
//! title, and an article of one line has none.

use super::{Label, Page, figures, line::Line};
use crate::article::{BlockKind, Role};

/// Words of a headline, fewest and most.
const HEADLINE: std::ops::RangeInclusive<usize> = 3..=30;
/// Characters of a headline, at most.
const LONGEST: usize = 200;
/// Words of an unmarked heading, at most.
const HEADING: usize = 8;

/// Labels the title and what repeats it.
pub fn label(page: &mut Page) {
    let Some(title) = marked(page).or_else(|| declared(page)).or_else(|| guessed(page)) else { return };
    page.keep(title, Role::Title);
    let empty = page.metadata.title.as_deref().is_none_or(|text| text.trim().is_empty());
    if empty {
        let words: Vec<&str> = page.lines[title].text.split_whitespace().collect();
        page.metadata.title = Some(words.join(" "));
    }
    let core = page.lines[title].core().to_owned();
    for index in page.open(0..page.lines.len()) {
        let line = &page.lines[index];
        if line.core() == core {
            page.remove(index, "repeats the headline");
        } else if line.kind == BlockKind::Title {
            page.keep(index, Role::Heading);
        }
    }
}

/// Returns the first line that the file's structure calls a title.
fn marked(page: &Page) -> Option<usize> {
    page.open(0..page.lines.len())
        .into_iter()
        .find(|&index| page.lines[index].kind == BlockKind::Title && page.lines[index].has_words())
}

/// Returns the line above the text that equals the declared title, or most of it: pages add their name to it.
fn declared(page: &Page) -> Option<usize> {
    let declared = crate::article::normalize::fold(page.metadata.title.as_deref()?);
    let same = |core: &str| !core.is_empty() && declared.contains(core) && core.len() * 10 >= declared.len() * 6;
    let above = page.head();
    page.open(0..(above.end + 1).min(page.lines.len())).into_iter().find(|&index| same(page.lines[index].core()))
}

/// Returns the first line above the text that reads as a headline, where no title is declared.
fn guessed(page: &Page) -> Option<usize> {
    if page.metadata.title.as_deref().is_some_and(|title| !title.trim().is_empty()) {
        return None;
    }
    let found = page.open(page.head()).into_iter().find(|&index| is_headline(&page.lines[index]))?;
    let followed = page.open(found + 1..page.lines.len()).into_iter().any(|index| page.lines[index].has_words());
    followed.then_some(found)
}

fn is_headline(line: &Line) -> bool {
    matches!(line.kind, BlockKind::Paragraph | BlockKind::Heading)
        && HEADLINE.contains(&line.words)
        && line.text.chars().count() <= LONGEST
        && !line.ends_with_full_stop()
        && !figures::has_credit(line)
        && !names_site(line)
}

/// Returns true where a line carries a site's address: it is a byline of some kind.
fn names_site(line: &Line) -> bool {
    let ends = [".com", ".info", ".net", ".org"];
    let mut words = line.folded.split(|c: char| !c.is_alphanumeric() && c != '.');
    words.any(|word| ends.iter().any(|end| word.ends_with(end)))
}

/// Labels marked headings or, in a text that marks none, short unfinished lines of plain text that stand between paragraphs.
pub fn label_headings(page: &mut Page) {
    let open = page.open(0..page.lines.len());
    let marked = page.lines.iter().any(|line| line.kind == BlockKind::Heading);
    for (place, &index) in open.iter().enumerate() {
        let neighbour = |at: Option<usize>| at.and_then(|at| open.get(at)).map(|&index| &page.lines[index]);
        let between = neighbour(place.checked_sub(1)).is_some_and(|line| line.is_prose() && line.ends_with_stop())
            && neighbour(Some(place + 1)).is_some_and(Line::is_prose);
        let line = &page.lines[index];
        if line.kind == BlockKind::Heading || (!marked && between && is_unmarked_heading(line)) {
            page.labels[index] = Some(Label::Keep(Role::Heading));
        }
    }
}

fn is_unmarked_heading(line: &Line) -> bool {
    let finished = line.folded.ends_with(|c: char| !c.is_alphanumeric());
    line.kind == BlockKind::Paragraph && line.words <= HEADING && !finished
}
