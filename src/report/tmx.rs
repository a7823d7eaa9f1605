//! Translation Memory eXchange 1.4b: what translators' programs read, and the form of the translation memory.
//!
//! Separate because it is one format. The invariants: the sentences are in it as they are written, so that they are
//! found again; the file is well-formed whatever an article holds.
//!
//! The standard: LISA OSCAR, "TMX 1.4b Specification", 2005.

mod read;

use super::{Document, Render, SentenceTranslation, escape::xml};
use crate::{
    article::Sentence,
    review::{
        Flag,
        memory::{Known, Memory},
    },
};

pub use read::{TmxError, Unit, memory, units};

/// The TMX format.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tmx;

impl Render for Tmx {
    fn extension(&self) -> &'static str {
        "tmx"
    }

    fn render(&self, document: &Document) -> Vec<u8> {
        let unit = |(sentence, translation): (&Sentence, &SentenceTranslation)| unit(document, sentence, translation);
        let units: String = document.pairs().map(unit).collect();
        let props = prop("x-source", &document.input_label()) + &prop("x-model", &document.model.name);
        file(&document.source_language, &props, &units)
    }
}

fn unit(document: &Document, sentence: &Sentence, translation: &SentenceTranslation) -> String {
    let flag = |flag: &Flag| note(&format!("{} {}: {}", flag.severity.name(), flag.kind.name(), flag.message));
    let mut about: String = translation.flags.iter().map(flag).collect();
    about.extend(translation.notes.iter().map(|own| note(&format!("{}: {}", own.kind.name(), own.message))));
    if let Some(confidence) = translation.confidence() {
        about += &prop("x-confidence", &format!("{confidence:.4}"));
    }
    let (source, target) = (document.article.source(sentence), translation.text.as_str());
    let mut sides = side(&document.source_language, source);
    // A sentence that was not translated stays in the file: its count is that of the article.
    if !target.trim().is_empty() {
        sides += &side(&document.target_language, target);
    }
    format!("    <tu tuid=\"{}\">\n{about}{sides}    </tu>\n", sentence.id)
}

/// The type of the property that names the document a sentence was translated in.
pub const DOCUMENT: &str = "x-document";

/// Returns a translation memory as a file; `source` and `target` are the codes of its languages.
pub fn write_memory(memory: &Memory, source: &str, target: &str) -> Vec<u8> {
    let units: String = memory.units().map(|(text, known)| known_unit(None, text, known, [source, target])).collect();
    file(source, "", &units)
}

/// Returns sentences that a person answers for, with their ids, as a file.
pub fn write_units(units: &[(String, &str, Known)], source: &str, target: &str) -> Vec<u8> {
    let unit = |(id, text, known): &(String, &str, Known)| known_unit(Some(id), text, known, [source, target]);
    file(source, "", &units.iter().map(unit).collect::<String>())
}

fn known_unit(id: Option<&String>, text: &str, known: &Known, [source, target]: [&str; 2]) -> String {
    let id = id.map(|id| format!(" tuid=\"{}\"", xml(id))).unwrap_or_default();
    let by = known.reviewer.as_deref().map(|name| format!(" changeid=\"{}\"", xml(name))).unwrap_or_default();
    let from = known.document.as_deref().map(|name| prop(DOCUMENT, name)).unwrap_or_default();
    let sides = side(source, text) + &side(target, &known.target);
    format!("    <tu{id}{by}>\n{from}{sides}    </tu>\n")
}

fn file(source: &str, props: &str, units: &str) -> Vec<u8> {
    let (version, source) = (env!("CARGO_PKG_VERSION"), xml(source));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<tmx version=\"1.4\">\n  <header creationtool=\"summarize\" \
         creationtoolversion=\"{version}\" segtype=\"sentence\" o-tmf=\"summarize\" adminlang=\"en\" srclang=\"{source}\" \
         datatype=\"plaintext\">\n{props}  </header>\n  <body>\n{units}  </body>\n</tmx>\n"
    )
    .into_bytes()
}

fn prop(kind: &str, text: &str) -> String {
    format!("      <prop type=\"{kind}\">{}</prop>\n", xml(text))
}

fn note(text: &str) -> String {
    format!("      <note>{}</note>\n", xml(text))
}

fn side(language: &str, text: &str) -> String {
    format!("      <tuv xml:lang=\"{}\"><seg>{}</seg></tuv>\n", xml(language), xml(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::memory::key;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_memory_read_back_is_the_memory_written(
            units in prop::collection::vec(("[ا-ي <>&\"'\u{202E}\t\n\u{0}]{0,12}ب", "\\PC{0,12}x", "\\PC{0,6}[a-z]"), 0..6)
        ) {
            let mut memory = Memory::default();
            for (source, target, name) in &units {
                let known = Known { target: key(target), reviewer: Some(key(name)), document: Some(key(name)) };
                memory.insert(source, known);
            }
            let file = write_memory(&memory, "ar", "en");
            prop_assert_eq!(read::memory(&file, "ar", "en").map_err(|e| TestCaseError::fail(e.to_string()))?, memory);
        }
    }
}
