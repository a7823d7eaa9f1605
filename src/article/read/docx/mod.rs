//! Word documents: paragraphs, tables, notes and core properties of a `.docx` package.
//!
//! Separate parts: `package` opens the archive within limits, `story` turns one XML part into paragraphs. The
//! invariant: every visible word of the body, the notes, the headers and the footers is in a block.

mod package;
mod story;

use self::{
    package::Package,
    story::{Item, Paragraph},
};
use super::{
    super::{BlockKind, Metadata},
    Reason,
    date::iso_date,
    draft::{Parsed, TextBuilder, is_line_end},
};

/// Reads a Word document.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, Reason> {
    let mut package = Package::open(bytes)?;
    let styles = Styles(story::style_names(&package.part("word/styles.xml")?.unwrap_or_default()));
    let body = package.part("word/document.xml")?.ok_or_else(|| Reason::Docx("it has no word/document.xml".into()))?;
    let mut builder = Builder { styles, ..Builder::default() };
    story::read(&body)?.into_iter().for_each(|item| builder.item(item));
    for notes in ["word/footnotes.xml", "word/endnotes.xml"] {
        let notes = package.part(notes)?.unwrap_or_default();
        story::read(&notes)?.into_iter().for_each(|item| builder.item(item));
    }
    builder.outside = true;
    for name in package.names_of_margins() {
        let margin = package.part(&name)?.unwrap_or_default();
        story::read(&margin)?.into_iter().for_each(|item| builder.item(item));
    }
    let core = story::properties(&package.part("docProps/core.xml")?.unwrap_or_default());
    Ok(finish(builder, &core))
}

fn finish(builder: Builder, core: &[(String, String)]) -> Parsed {
    let property = |name| core.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let metadata = Metadata {
        title: builder.title.or_else(|| property("title")),
        date: property("created").as_deref().and_then(iso_date),
        author: property("creator"),
        ..Metadata::default()
    };
    builder.text.finish(metadata)
}

/// Style names by id. Ids are in the language of Word, names are not.
#[derive(Default)]
struct Styles(Vec<(String, String)>);

impl Styles {
    fn kind(&self, paragraph: &Paragraph) -> BlockKind {
        let id = paragraph.style.as_deref().unwrap_or_default();
        let name = self.0.iter().find(|(own, _)| own == id).map_or(id, |(_, name)| name).to_lowercase();
        match name.as_str() {
            "title" => BlockKind::Title,
            "subtitle" => BlockKind::Heading,
            "caption" => BlockKind::Caption,
            _ if name.starts_with("heading") => BlockKind::Heading,
            _ if paragraph.numbered || name.starts_with("list") => BlockKind::ListItem,
            _ => BlockKind::Paragraph,
        }
    }
}

#[derive(Default)]
struct Builder {
    styles: Styles,
    text: TextBuilder,
    title: Option<String>,
    begun: bool,
    /// What comes now is the margin of the page: outside the article.
    outside: bool,
}

/// Characters of the longest cell of a table of figures; a longer one is a layout that holds text.
const MAX_CELL: usize = 200;

impl Builder {
    fn item(&mut self, item: Item) {
        match item {
            Item::Paragraph(paragraph) => self.paragraph(&paragraph),
            Item::Row(cells) if cells.iter().flatten().all(|p| p.text.chars().count() <= MAX_CELL) => self.row(&cells),
            Item::Row(cells) => cells.iter().flatten().for_each(|paragraph| self.paragraph(paragraph)),
        }
    }

    fn row(&mut self, cells: &[Vec<Paragraph>]) {
        let words = |paragraph: &Paragraph| paragraph.text.split(is_line_end).collect::<Vec<_>>().join(" ");
        let cell = |cell: &Vec<Paragraph>| cell.iter().map(words).collect::<Vec<_>>().join(" ");
        self.push(BlockKind::TableRow, &cells.iter().map(cell).collect::<Vec<_>>().join("\t"));
    }

    fn paragraph(&mut self, paragraph: &Paragraph) {
        let kind = self.styles.kind(paragraph);
        for line in paragraph.text.split(is_line_end) {
            self.push(kind, line);
        }
    }

    /// Adds a block. The title is the first paragraph so styled, or a heading that opens the document; one only.
    fn push(&mut self, kind: BlockKind, words: &str) {
        if words.trim().is_empty() {
            return;
        }
        let opens = kind == BlockKind::Title || (kind == BlockKind::Heading && !self.begun);
        let kind = match kind {
            _ if self.outside => BlockKind::Outside,
            _ if opens && self.title.is_none() => BlockKind::Title,
            BlockKind::Title => BlockKind::Heading,
            other => other,
        };
        if kind == BlockKind::Title {
            self.title = Some(words.trim().to_owned());
        }
        self.begun = true;
        self.text.push(kind, words);
    }
}

#[cfg(test)]
mod tests;
