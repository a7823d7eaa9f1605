//! XLIFF 1.2: what translators' editors open to post-edit.
//!
//! Separate because it is one format. The invariants: one unit for each sentence; each target says that a machine made
//! it and that a person must look, or that a person made it.
//!
//! The standards: OASIS XLIFF 1.2, 2008; W3C Internationalization Tag Set 2.0, 2013, section 8.19 (MT confidence).

use super::{Document, Render, SentenceTranslation, escape::xml};
use crate::{
    article::Sentence,
    review::{Flag, Severity},
};

/// The XLIFF format.
#[derive(Debug, Clone, Copy, Default)]
pub struct Xliff;

impl Render for Xliff {
    fn extension(&self) -> &'static str {
        "xliff"
    }

    fn render(&self, document: &Document) -> Vec<u8> {
        let unit = |(sentence, translation): (&Sentence, &SentenceTranslation)| unit(document, sentence, translation);
        let units: String = document.pairs().map(unit).collect();
        let (source, target) = (xml(&document.source_language), xml(&document.target_language));
        let (original, model, version) =
            (xml(&document.input_label()), xml(&document.model.name), env!("CARGO_PKG_VERSION"));
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <xliff version=\"1.2\" xmlns=\"urn:oasis:names:tc:xliff:document:1.2\" \
             xmlns:its=\"http://www.w3.org/2005/11/its\" its:version=\"2.0\">\n  \
             <file original=\"{original}\" source-language=\"{source}\" target-language=\"{target}\" \
             datatype=\"plaintext\" tool-id=\"summarize\" its:annotatorsRef=\"mt-confidence|#summarize\">\n    \
             <header>\n      <tool tool-id=\"summarize\" tool-name=\"summarize\" tool-version=\"{version}\"/>\n      \
             <note>Machine translation by {model}, not reviewed.</note>\n    </header>\n    \
             <body>\n{units}    </body>\n  </file>\n</xliff>\n"
        )
        .into_bytes()
    }
}

fn unit(document: &Document, sentence: &Sentence, translation: &SentenceTranslation) -> String {
    let (id, role) = (sentence.id, sentence.role.name());
    let source = format!(
        "        <source xml:lang=\"{}\">{}</source>\n",
        xml(&document.source_language),
        xml(document.article.source(sentence))
    );
    let flags: String = translation.flags.iter().map(flag).collect();
    let own = translation.notes.iter().map(|own| note(&format!("{}: {}", own.kind.name(), own.message), 9));
    let (target, own) = (target(document, translation), own.collect::<String>());
    format!(
        "      <trans-unit id=\"{id}\" restype=\"x-{role}\" xml:space=\"preserve\">\n{source}{target}{flags}{own}      </trans-unit>\n"
    )
}

/// Returns the target; empty where there is no translation, so that an editor shows the unit as new.
fn target(document: &Document, translation: &SentenceTranslation) -> String {
    let state = match translation.confidence() {
        _ if translation.text.trim().is_empty() => return String::new(),
        None => "state=\"translated\" state-qualifier=\"exact-match\"".to_owned(),
        Some(confidence) => format!(
            "state=\"needs-review-translation\" state-qualifier=\"leveraged-mt\" its:mtConfidence=\"{confidence:.4}\""
        ),
    };
    let language = xml(&document.target_language);
    format!("        <target xml:lang=\"{language}\" {state}>{}</target>\n", xml(&translation.text))
}

fn flag(flag: &Flag) -> String {
    let priority = match flag.severity {
        Severity::Critical => 1,
        Severity::Major => 3,
        Severity::Minor => 6,
    };
    note(&format!("{} {}: {}", flag.severity.name(), flag.kind.name(), flag.message), priority)
}

/// Returns a note on the target; 1 is the highest priority.
fn note(text: &str, priority: u8) -> String {
    format!("        <note annotates=\"target\" from=\"summarize\" priority=\"{priority}\">{}</note>\n", xml(text))
}
