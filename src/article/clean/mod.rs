//! Boilerplate out, metadata up, sentences cut and numbered: a draft becomes an article.
//!
//! Separate because scraped pages differ in what surrounds an article, never in what an article is. The invariant is
//! [`Article::account`]; the policy beside it is that a line is taken out only where a rule knows the whole of it: a
//! cleaner that is unsure keeps the text.
//!
//! Each pass below is a file. A pass labels lines that no pass before it has labelled; what is left is running text.

mod boilerplate;
mod bylines;
mod dates;
mod figures;
mod labels;
mod line;
mod places;
mod related;
mod title;

use super::{Article, BlockKind, Draft, Metadata, Removed, Role, Sentence, SentenceId, Span, segment};
use line::Line;

/// Lines above an article that may speak of it, boilerplate not counted: further down, a date is data.
const HEAD: usize = 16;

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    /// Its sentences are translated.
    Keep(Role),
    /// It is taken out, for this reason.
    Remove(&'static str),
}

/// A draft on its way to an article.
struct Page<'a> {
    text: &'a str,
    lines: Vec<Line<'a>>,
    labels: Vec<Option<Label>>,
    metadata: Metadata,
}

/// Returns the article with boilerplate removed, metadata raised, sentences cut and numbered.
///
/// What the reader declared in the metadata wins over what is found in the text.
pub fn clean(draft: Draft) -> Article {
    let (labelled, metadata) = label(&draft);
    let (sentences, removed) = assemble(&draft.text, labelled);
    let article = Article { provenance: draft.provenance, text: draft.text, metadata, sentences, removed };
    debug_assert_eq!(article.account(), Ok(()), "the blocks of the draft cover its text");
    article
}

/// Runs the passes, and returns each line's range, block and label.
fn label(draft: &Draft) -> (Vec<(Span, usize, Label)>, Metadata) {
    let lines = Line::all(draft);
    let labels = vec![None; lines.len()];
    let mut page = Page { text: &draft.text, lines, labels, metadata: draft.metadata.clone() };
    page.label_by_structure();
    boilerplate::label(&mut page);
    bylines::label(&mut page);
    title::label(&mut page);
    related::label(&mut page);
    figures::label(&mut page);
    title::label_headings(&mut page);
    let rest = Label::Keep(Role::Body);
    let labels = page.labels.into_iter().map(|label| label.unwrap_or(rest));
    (page.lines.into_iter().zip(labels).map(|(line, label)| (line.range, line.block, label)).collect(), page.metadata)
}

impl Page<'_> {
    fn label_by_structure(&mut self) {
        for (line, label) in self.lines.iter().zip(&mut self.labels) {
            *label = match line.kind {
                BlockKind::Outside if boilerplate::is_image_file(line) => Some(Label::Remove(boilerplate::IMAGE_FILE)),
                BlockKind::Outside => Some(Label::Remove("outside the article")),
                BlockKind::Hidden => Some(Label::Remove("hidden on the page")),
                BlockKind::Title => None,
                _ if !line.has_words() => Some(Label::Remove("no words in it")),
                _ => None,
            };
        }
    }

    /// Returns true where no pass has labelled the line.
    fn is_open(&self, index: usize) -> bool {
        self.labels.get(index).is_some_and(Option::is_none)
    }

    /// Returns the open lines of a range.
    fn open(&self, range: Span) -> Vec<usize> {
        range.filter(|&index| self.is_open(index)).collect()
    }

    /// Returns the white space between two neighbouring lines.
    fn gap(&self, above: &Line, below: &Line) -> &str {
        self.text.get(above.range.end..below.range.start).unwrap_or_default()
    }

    fn remove(&mut self, index: usize, reason: &'static str) {
        self.labels[index] = Some(Label::Remove(reason));
    }

    fn keep(&mut self, index: usize, role: Role) {
        self.labels[index] = Some(Label::Keep(role));
    }

    /// Returns the lines before the first open line of prose, as far as what speaks of an article stands above it.
    fn head(&self) -> Span {
        let open = self.open(0..self.lines.len());
        let farthest = open.get(HEAD).copied().unwrap_or(self.lines.len());
        0..self.prose().next().unwrap_or(self.lines.len()).min(farthest)
    }

    /// Returns the lines after the last open line of prose: none where there is no prose.
    fn tail(&self) -> Span {
        self.prose().last().map_or(self.lines.len(), |last| last + 1)..self.lines.len()
    }

    fn prose(&self) -> impl Iterator<Item = usize> {
        self.open(0..self.lines.len()).into_iter().filter(|&index| self.lines[index].is_prose())
    }
}

/// Cuts the kept lines into sentences and numbers them.
fn assemble(text: &str, lines: Vec<(Span, usize, Label)>) -> (Vec<Sentence>, Vec<Removed>) {
    let mut sentences = Vec::new();
    let mut removed = Vec::new();
    let mut number = 0;
    for (range, block, label) in lines {
        match label {
            Label::Remove(reason) => removed.push(Removed { range, reason: reason.to_owned() }),
            Label::Keep(Role::Title) => {
                sentences.insert(0, Sentence { id: SentenceId(0), role: Role::Title, range, block });
            }
            Label::Keep(role) => sentences.extend(units(text, range, role).into_iter().map(|range| {
                number += 1;
                Sentence { id: SentenceId(number), role, range, block }
            })),
        }
    }
    (sentences, removed)
}

/// A heading or a cross-link is one unit whatever stops it holds; other text is cut into sentences.
fn units(text: &str, range: Span, role: Role) -> Vec<Span> {
    match role {
        Role::Title | Role::Heading | Role::Related => vec![range],
        Role::Body | Role::Caption => segment::sentences(text, range),
    }
}

#[cfg(test)]
mod tests;
