//! Sentence pairs of TMX 1.4 and XLIFF 1.2 or 2.
//!
//! Separate because both put a sentence and its translation into one element under other names. The invariant: a unit
//! without a translation is still a pair, so that the numbers of the units hold.

use super::Pair;
use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesRef, BytesStart, Event},
};

/// Inline elements whose content is code of the original format, not text.
const CODE: [&str; 5] = ["bpt", "ept", "ph", "it", "ut"];
/// Stored suggestions of other translations.
const SUGGESTION: &str = "alt-trans";

/// Returns the pairs of a file, or why it is not well-formed.
pub(super) fn pairs(xml: &str) -> Result<Vec<Pair>, String> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().expand_empty_elements = true;
    let mut units = Units::default();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(element) => units.open(&element),
            Event::End(element) => units.close(element.local_name().as_ref()),
            Event::Text(text) => units.text(&text.xml10_content()),
            Event::CData(text) => units.text(&text.xml10_content()),
            Event::GeneralRef(reference) => units.text(&resolve(&reference)),
            Event::Eof if units.depth > 0 => return Err("it ends before its last element is closed".to_owned()),
            Event::Eof => return Ok(units.pairs),
            _ => {}
        }
    }
}

fn resolve(reference: &BytesRef) -> String {
    match reference.resolve_char_ref() {
        Ok(Some(c)) => c.to_string(),
        _ => resolve_predefined_entity(reference).map_or_else(|| format!("&{};", &**reference), str::to_owned),
    }
}

#[derive(Default)]
struct Units {
    pairs: Vec<Pair>,
    /// Source language that the head of a TMX file declares.
    source_language: Option<String>,
    /// Texts of the open unit, with their language.
    texts: Vec<(String, String)>,
    language: String,
    /// The text being read.
    open: Option<String>,
    /// Open elements that hide text, and all open elements.
    hidden: usize,
    depth: usize,
}

impl Units {
    fn open(&mut self, element: &BytesStart) {
        let name = element.local_name();
        self.depth += 1;
        self.hidden += usize::from(hides(name.as_ref()));
        match name.as_ref() {
            "header" => self.source_language = attribute(element, "srclang"),
            "tuv" => self.language = attribute(element, "lang").unwrap_or_default(),
            "source" | "target" if self.hidden == 0 => {
                self.language = name.as_ref().to_owned();
                self.open = Some(String::new());
            }
            "seg" => self.open = Some(String::new()),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        self.depth = self.depth.saturating_sub(1);
        match name {
            "seg" | "source" | "target" if self.hidden == 0 => {
                let text = self.open.take().unwrap_or_default();
                self.texts.push((std::mem::take(&mut self.language), text));
            }
            "tu" | "trans-unit" => self.finish(),
            // XLIFF 2 has several segments in a unit.
            "segment" => self.finish(),
            _ => {}
        }
        self.hidden -= usize::from(hides(name) && self.hidden > 0);
    }

    fn text(&mut self, text: &str) {
        if let Some(open) = self.open.as_mut().filter(|_| self.hidden == 0) {
            open.push_str(text);
        }
    }

    fn finish(&mut self) {
        let mut texts = std::mem::take(&mut self.texts);
        let declared = self.source_language.as_deref().map(primary);
        let is_source =
            |language: &str| language == "source" || declared.as_ref().is_some_and(|own| *own == primary(language));
        let place = texts.iter().position(|(language, _)| is_source(language.as_str())).unwrap_or(0);
        if place < texts.len() {
            let (_, source) = texts.remove(place);
            let target = texts.into_iter().next().map(|(_, text)| text).unwrap_or_default();
            self.pairs.push(Pair { source, target });
        }
    }
}

fn hides(name: &str) -> bool {
    CODE.contains(&name) || name == SUGGESTION
}

/// Returns the language of a tag without region: `ar` of `ar-SY`.
fn primary(language: &str) -> String {
    language.split(['-', '_']).next().unwrap_or(language).to_lowercase()
}

fn attribute(element: &BytesStart, name: &str) -> Option<String> {
    let mut attributes = element.attributes();
    let mut readable = attributes.with_checks(false).filter_map(Result::ok);
    Some(readable.find(|attribute| attribute.key.local_name().as_ref() == name)?.value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(xml: &str) -> Vec<(String, String)> {
        pairs(xml).unwrap().into_iter().map(|pair| (pair.source, pair.target)).collect()
    }

    fn pair(source: &str, target: &str) -> (String, String) {
        (source.to_owned(), target.to_owned())
    }

    #[test]
    fn a_memory_is_read_by_its_source_language() {
        let xml = r#"<?xml version="1.0"?><tmx version="1.4"><header srclang="ar"/><body>
            <tu><tuv xml:lang="en-GB"><seg>Yes &amp; no<ph>{1}</ph></seg></tuv><tuv xml:lang="ar-SY"><seg>نعم</seg></tuv></tu>
            <tu><tuv xml:lang="ar"><seg>لا</seg></tuv></tu></body></tmx>"#;
        assert_eq!(read(xml), [pair("نعم", "Yes & no"), pair("لا", "")]);
    }

    #[test]
    fn suggestions_are_no_translation() {
        let xml = r#"<xliff version="1.2"><file><body><trans-unit id="1"><source>نعم <g id="1">ثم</g></source>
            <target>Yes</target><alt-trans><source>x</source><target>No</target></alt-trans></trans-unit></body></file></xliff>"#;
        assert_eq!(read(xml), [pair("نعم ثم", "Yes")]);
    }

    #[test]
    fn segments_of_one_unit_are_pairs_of_their_own() {
        let xml = "<xliff version='2.0'><file><unit><segment><source>أ</source><target>A</target></segment>\
                   <segment><source>ب</source></segment></unit></file></xliff>";
        assert_eq!(read(xml), [pair("أ", "A"), pair("ب", "")]);
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        assert!(pairs("<tmx><body><tu>").is_err());
        assert!(pairs("<tmx></body>").is_err());
    }
}
