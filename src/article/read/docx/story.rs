//! One XML part of a Word document -> its paragraphs and table rows.
//!
//! Separate because body, notes, headers and footers have the same grammar. The invariant: text is taken from `<w:t>`
//! alone, so deleted text and field codes never come in, and what a reader sees always does.

use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
};

use super::super::Reason;

/// One paragraph.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Paragraph {
    /// Id of its style.
    pub style: Option<String>,
    /// It is an item of a list.
    pub numbered: bool,
    /// Its words; line breaks are `\n`.
    pub text: String,
}

/// What stands in the flow of the text.
#[derive(Debug, PartialEq)]
pub(super) enum Item {
    Paragraph(Paragraph),
    /// A table row: the paragraphs of each cell.
    Row(Vec<Vec<Paragraph>>),
}

/// Reads the paragraphs and rows of a part.
pub(super) fn read(xml: &str) -> Result<Vec<Item>, Reason> {
    let mut story = Story::default();
    let mut reader = reader(xml);
    loop {
        match reader.read_event().map_err(|error| Reason::Docx(error.to_string()))? {
            Event::Start(element) => story.open(&element),
            Event::End(element) => story.close(element.local_name().as_ref()),
            Event::Text(text) => story.text(&text.xml10_content()),
            Event::CData(text) => story.text(&text.xml10_content()),
            Event::GeneralRef(reference) => story.text(&resolve(&reference)),
            Event::Eof => return Ok(story.finish()),
            _ => {}
        }
    }
}

fn reader(xml: &str) -> Reader<&[u8]> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().expand_empty_elements = true;
    reader
}

/// Returns what an entity stands for; an unknown one stays as it is written.
fn resolve(reference: &quick_xml::events::BytesRef) -> String {
    match reference.resolve_char_ref() {
        Ok(Some(c)) => c.to_string(),
        _ => resolve_predefined_entity(reference).map_or_else(|| format!("&{};", &**reference), str::to_owned),
    }
}

/// Elements whose text a reader does not see: the copy for old programs, text moved away, the reading aid of a ruby.
const UNSEEN: [&str; 4] = ["Fallback", "moveFrom", "del", "rt"];

#[derive(Default)]
struct Story {
    items: Vec<Item>,
    /// Open paragraphs: a text box stands inside the paragraph it is anchored to.
    paragraphs: Vec<Paragraph>,
    /// Cells of the outermost open row.
    cells: Vec<Vec<Paragraph>>,
    rows: usize,
    unseen: usize,
    in_text: bool,
}

impl Story {
    fn open(&mut self, element: &BytesStart) {
        let name = element.local_name();
        self.unseen += usize::from(UNSEEN.contains(&name.as_ref()));
        match name.as_ref() {
            "p" => self.paragraphs.push(Paragraph::default()),
            "t" => self.in_text = true,
            "tr" => self.rows += 1,
            "tc" if self.rows == 1 => self.cells.push(Vec::new()),
            "br" | "cr" => self.push("\n"),
            "tab" => self.push(" "),
            "noBreakHyphen" => self.push("\u{2011}"),
            "pStyle" => self.style(attribute(element, "val")),
            "numPr" => self.numbered(),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "p" => self.end_paragraph(),
            "t" => self.in_text = false,
            "tr" => self.end_row(),
            _ if UNSEEN.contains(&name) => self.unseen = self.unseen.saturating_sub(1),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_text {
            self.push(text);
        }
    }

    fn push(&mut self, text: &str) {
        if let Some(paragraph) = self.paragraphs.last_mut().filter(|_| self.unseen == 0) {
            paragraph.text.push_str(text);
        }
    }

    fn style(&mut self, style: Option<String>) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.style = style;
        }
    }

    fn numbered(&mut self) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.numbered = true;
        }
    }

    fn end_paragraph(&mut self) {
        let Some(paragraph) = self.paragraphs.pop().filter(|paragraph| !paragraph.text.trim().is_empty()) else {
            return;
        };
        match self.cells.last_mut().filter(|_| self.rows > 0) {
            Some(cell) => cell.push(paragraph),
            None => self.items.push(Item::Paragraph(paragraph)),
        }
    }

    fn end_row(&mut self) {
        self.rows = self.rows.saturating_sub(1);
        if self.rows == 0 {
            self.items.push(Item::Row(std::mem::take(&mut self.cells)));
        }
    }

    /// Closes what a cut document left open, so that its last words are not lost.
    fn finish(mut self) -> Vec<Item> {
        while !self.paragraphs.is_empty() {
            self.end_paragraph();
        }
        if !self.cells.is_empty() {
            self.rows = 1;
            self.end_row();
        }
        self.items
    }
}

fn attribute(element: &BytesStart, name: &str) -> Option<String> {
    let mut attributes = element.attributes();
    let mut readable = attributes.with_checks(false).filter_map(Result::ok);
    Some(readable.find(|attribute| attribute.key.local_name().as_ref() == name)?.value.to_string())
}

/// Returns the id and the name of every style.
pub(super) fn style_names(xml: &str) -> Vec<(String, String)> {
    let mut styles: Vec<(String, String)> = Vec::new();
    let mut reader = reader(xml);
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(element) if element.local_name().as_ref() == "style" => {
                styles.push((attribute(&element, "styleId").unwrap_or_default(), String::new()));
            }
            Event::Start(element) if element.local_name().as_ref() == "name" => {
                if let Some((_, name)) = styles.last_mut().filter(|(_, name)| name.is_empty()) {
                    *name = attribute(&element, "val").unwrap_or_default();
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    styles
}

/// Returns the core properties: local name and value of each that is not empty.
pub(super) fn properties(xml: &str) -> Vec<(String, String)> {
    let mut properties: Vec<(String, String)> = Vec::new();
    let mut reader = reader(xml);
    let mut value = String::new();
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(_) => value.clear(),
            Event::Text(text) => value.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => value.push_str(&resolve(&reference)),
            Event::End(element) if !value.trim().is_empty() => {
                properties.push((element.local_name().as_ref().to_owned(), value.trim().to_owned()));
                value.clear();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    properties
}
