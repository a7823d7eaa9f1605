//! Cross-links to other articles, set among the paragraphs or below them.
//!
//! Separate because they are translated but are no part of what the article says. The invariant: the label and the headline
//! it introduces are one sentence, or neighbouring ones, of role *Related*; no line is removed here.

use super::{Page, line::Line};
use crate::article::{BlockKind, Role};

/// Openings that are cross-links whatever follows, folded; `إ` and `أ` are one letter there.
const SURE: &[&str] = &[
    "اقرا ايضا",
    "اقراو ايضا",
    "اقروا ايضا",
    "اقرا كذلك",
    "اقرا المزيد",
    "اقرا عن",
    "شاهد ايضا",
    "شاهدوا ايضا",
    "طالع ايضا",
    "تابع ايضا",
    "انظر ايضا",
    "مواضيع ذات صله",
    "موضوعات ذات صله",
    "اخبار ذات صله",
    "مقالات ذات صله",
    "قد يهمك",
    "قد يعجبك",
    "read also",
    "read more",
    "see also",
];
/// Openings that are cross-links where a colon follows, or nothing.
const UNSURE: &[&str] = &[
    "اقرا",
    "شاهد",
    "طالع",
    "للمزيد",
    "لقراءه المزيد",
    "المزيد",
    "ذات صله",
    "مواضيع متعلقه",
    "اخبار متعلقه",
    "مواضيع مشابهه",
    "مقالات مشابهه",
    "اقرا في",
    "related",
    "related articles",
    "related stories",
    "more on this story",
];
/// Words of a cross-link, at most.
const LONGEST: usize = 30;
/// Headlines under one label, at most.
const UNDER_ONE_LABEL: usize = 10;

/// What follows the opening of a cross-link.
enum Link {
    /// The headline, on the same line.
    Whole,
    /// Nothing: headlines may follow on the next lines.
    Label,
}

/// Labels cross-links, and the headlines under a label that stands alone.
pub fn label(page: &mut Page) {
    for index in page.open(0..page.lines.len()) {
        let Some(link) = link(&page.lines[index]) else { continue };
        page.keep(index, Role::Related);
        if matches!(link, Link::Label) {
            label_headlines(page, index + 1);
        }
    }
}

fn label_headlines(page: &mut Page, from: usize) {
    let until = (from + UNDER_ONE_LABEL).min(page.lines.len());
    for index in from..until {
        let line = &page.lines[index];
        let headline = line.may_be_stray() && !line.is_prose() && !line.ends_with_full_stop() && line.words <= LONGEST;
        if !page.is_open(index) || !headline || link(line).is_some() {
            return;
        }
        page.keep(index, Role::Related);
    }
}

fn link(line: &Line) -> Option<Link> {
    let eligible = line.may_be_stray() || line.kind == BlockKind::Heading;
    if !eligible || line.words > LONGEST {
        return None;
    }
    let text = line.folded.trim_start_matches(|c: char| !c.is_alphanumeric());
    let rest = |openings: &[&str]| {
        let rests = openings.iter().filter_map(|opening| text.strip_prefix(opening));
        rests.filter(|rest| !rest.starts_with(char::is_alphanumeric)).min_by_key(|rest| rest.len())
    };
    let sure = rest(SURE);
    let rest = sure.or_else(|| rest(UNSURE))?;
    let marked = rest.trim_start().starts_with([':', '|', '-', '.', '<', '>', '/']);
    let alone = !rest.contains(char::is_alphanumeric);
    match (alone, sure.is_some() && !line.ends_with_full_stop() || marked) {
        (true, _) => Some(Link::Label),
        (false, true) => Some(Link::Whole),
        (false, false) => None,
    }
}
