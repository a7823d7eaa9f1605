//! A TMX file read: the memory of a later run, made by this program or another.
//!
//! Separate from the writer because what others write is less regular. The invariant: text is taken from segments
//! alone, without the codes of a layout that stand in them; a file that is not TMX is an error, never an empty memory.

use crate::review::memory::{Known, Memory};
use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event, attributes::Attribute},
};
use std::collections::BTreeMap;

/// Elements inside a segment that hold codes, not text.
const CODES: [&str; 5] = ["bpt", "ept", "ph", "it", "ut"];

/// Why a file cannot be read as TMX.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TmxError {
    /// It is no well-formed XML, or in another encoding than it says.
    #[error("not well-formed TMX ({0}): export it again")]
    Xml(String),
    /// It is XML, but not this.
    #[error("no TMX file: its first element is not <tmx>; name a file that a translation program exported as TMX")]
    Other,
}

/// One translation unit: its text in each of its languages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    /// Text by language, as the file writes its code, in lower case.
    pub texts: BTreeMap<String, String>,
    /// Who changed it last, or made it.
    pub by: Option<String>,
    /// Properties by type.
    pub props: BTreeMap<String, String>,
}

/// Returns the memory that a TMX file holds for two languages; of two units for one sentence the later counts.
pub fn memory(bytes: &[u8], source: &str, target: &str) -> Result<Memory, TmxError> {
    let mut memory = Memory::default();
    for mut unit in units(bytes)? {
        let (Some(from), Some(to)) = (unit.text(source), unit.text(target)) else { continue };
        if !to.trim().is_empty() {
            let known = Known { target: to, reviewer: unit.by.take(), document: unit.props.remove(super::DOCUMENT) };
            memory.insert(&from, known);
        }
    }
    Ok(memory)
}

impl Unit {
    /// Returns the text in a language, or in a variety of it: `ar-SY` is Arabic.
    fn text(&self, language: &str) -> Option<String> {
        let is_it = |code: &str| code == language || code.split(['-', '_']).next() == Some(language);
        let text = self.texts.iter().find(|(code, _)| is_it(code)).map(|(_, text)| text)?;
        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// Returns the translation units of a TMX file.
pub fn units(bytes: &[u8]) -> Result<Vec<Unit>, TmxError> {
    let text = decoded(bytes)?;
    let mut reader = Reader::from_str(&text);
    reader.config_mut().expand_empty_elements = true;
    let mut state = State::default();
    loop {
        match reader.read_event().map_err(|error| TmxError::Xml(error.to_string()))? {
            Event::Start(element) => state.open(&element)?,
            Event::End(element) => state.close(element.local_name().as_ref()),
            Event::Text(text) => state.text(&text.xml10_content()),
            Event::CData(text) => state.text(&text.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(c)) => state.text(&c.to_string()),
                _ => state.text(resolve_predefined_entity(&reference).unwrap_or_default()),
            },
            Event::Eof if state.closed => return Ok(state.units),
            Event::Eof if !state.open => return Err(TmxError::Other),
            Event::Eof => return Err(TmxError::Xml("it ends before </tmx>".to_owned())),
            _ => {}
        }
    }
}

/// Returns the text of a file in UTF-8 or UTF-16: the two that the standard allows.
fn decoded(bytes: &[u8]) -> Result<String, TmxError> {
    let (encoding, length) = encoding_rs::Encoding::for_bom(bytes).unwrap_or((encoding_rs::UTF_8, 0));
    let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes[length..]);
    text.map(String::from).ok_or_else(|| TmxError::Xml(format!("it is not in {}", encoding.name())))
}

#[derive(Default)]
struct State {
    units: Vec<Unit>,
    open: bool,
    closed: bool,
    language: String,
    prop: Option<String>,
    in_segment: bool,
    /// How many elements deep in codes.
    codes: usize,
}

impl State {
    fn open(&mut self, element: &BytesStart) -> Result<(), TmxError> {
        let name = element.local_name();
        match name.as_ref() {
            "tmx" => self.open = true,
            _ if !self.open => return Err(TmxError::Other),
            "tu" => {
                let by = attribute(element, "changeid")?.or(attribute(element, "creationid")?);
                self.units.push(Unit { by, ..Unit::default() });
            }
            // Version 1.1 has `lang`, later ones `xml:lang`.
            "tuv" => self.language = attribute(element, "lang")?.unwrap_or_default().to_lowercase(),
            "prop" => self.prop = attribute(element, "type")?,
            "seg" => self.in_segment = true,
            name if self.in_segment && (self.codes > 0 || CODES.contains(&name)) => self.codes += 1,
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) {
        match name {
            "tmx" => self.closed = true,
            "prop" => self.prop = None,
            "seg" => (self.in_segment, self.codes) = (false, 0),
            _ => self.codes = self.codes.saturating_sub(1),
        }
    }

    fn text(&mut self, text: &str) {
        let Some(unit) = self.units.last_mut() else { return };
        match &self.prop {
            Some(kind) => unit.props.entry(kind.clone()).or_default().push_str(text),
            None if self.in_segment && self.codes == 0 => {
                unit.texts.entry(self.language.clone()).or_default().push_str(text);
            }
            None => {}
        }
    }
}

fn attribute(element: &BytesStart, name: &str) -> Result<Option<String>, TmxError> {
    let wrong = |error: &dyn std::fmt::Display| TmxError::Xml(error.to_string());
    let is_it = |attribute: &Attribute| attribute.key.local_name().as_ref() == name;
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|error| wrong(&error))?;
        if is_it(&attribute) {
            let value = quick_xml::escape::unescape(&attribute.value).map_err(|error| wrong(&error))?;
            return Ok(Some(value.into_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERS: &str = "<?xml version='1.0'?><!DOCTYPE tmx SYSTEM 'tmx14.dtd'><tmx version='1.4'><header srclang='*all*'/>\
        <body><tu creationid='Rim'><note>n</note><tuv xml:lang='AR-sy'><seg>وصل <bpt i='1'>&lt;b></bpt>الوفد<ept i='1'/></seg></tuv>\
        <tuv lang='en-GB'><seg>The <hi>delegation</hi> arrived &amp; left</seg></tuv></tu>\
        <tu><tuv xml:lang='ar'><seg>نعم</seg></tuv></tu></body></tmx>";

    #[test]
    fn what_other_programs_write_is_read() {
        let memory = memory(OTHERS.as_bytes(), "ar", "en").unwrap();
        assert_eq!(memory.len(), 1);
        let known = memory.get("وصل الوفد").unwrap();
        assert_eq!((known.target.as_str(), known.reviewer.as_deref()), ("The delegation arrived & left", Some("Rim")));
    }

    #[test]
    fn utf_16_is_read_too() {
        let bytes: Vec<u8> = [0xFF, 0xFE].into_iter().chain(OTHERS.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(memory(&bytes, "ar", "en").unwrap().len(), 1);
    }

    #[test]
    fn what_is_no_tmx_is_an_error() {
        for text in ["", "plain text", "<html><body/></html>", "<tmx><body>", "<tmx><body></tmx>", "\u{FFFD}"] {
            assert!(memory(text.as_bytes(), "ar", "en").is_err(), "{text}");
        }
        assert!(memory(b"\xff\xff\xff", "ar", "en").is_err());
    }
}
