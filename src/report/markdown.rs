//! The Markdown document: what a journalist reads, in GitHub, Obsidian or VS Code.
//!
//! Separate because it is one format; its sections are in the folder beside it. The invariants: all text of the article
//! goes through `escape`, and every Arabic passage carries its direction.

pub mod corrected;
mod facts;
mod front_matter;
pub(super) mod mentions;
pub(super) mod review;
mod text;

use super::{
    Document, Render,
    escape::{html, markdown},
};
use super::{Layout, SentenceTranslation};
use crate::{
    article::arabic,
    review::{Flag, Note},
};

/// The Markdown format.
#[derive(Debug, Clone, Copy, Default)]
pub struct Markdown;

impl Render for Markdown {
    fn extension(&self) -> &'static str {
        "md"
    }

    fn render(&self, document: &Document) -> Vec<u8> {
        let sections = [
            front_matter::render(document),
            headline(document),
            facts::render(document),
            notes(document),
            review::check_first(document),
            review::summary(document),
            mentions::render(document),
            text::text(document),
            text::related(document),
            text::removed(document),
            how_to_read(document),
        ];
        let sections: Vec<&str> = sections.iter().map(|section| section.trim_end()).filter(|s| !s.is_empty()).collect();
        (sections.join("\n\n") + "\n").into_bytes()
    }
}

/// Stands where a sentence has no translation.
const NO_TRANSLATION: &str = "*no translation*";

const HOW_TO_READ: &str = "\
## How to read this

- *S0* is the headline, *S1*, *S2* … are the sentences of the article in its own order, *M1*, *M2* … those of the summary. \
The Arabic stands first, its translation below it.
- A warning is *critical* (do not publish without looking), *major* (likely changes the meaning) or *minor* (worth a glance). \
No warning does not mean that a sentence is right.
- What the model thinks of its own output only ranks sentences. It is not a probability of being right.
- *Removed* lists what was taken out as page furniture. If a sentence of the article is there, it was not translated.
- When a person has checked the text, put the name at `reviewed_by` above.";

fn how_to_read(document: &Document) -> String {
    match document.aids.layout {
        Layout::Interleaved => HOW_TO_READ.to_owned(),
        Layout::Table => {
            HOW_TO_READ.replace("The Arabic stands first, its translation below it", "The Arabic stands on the right")
        }
    }
}

fn headline(document: &Document) -> String {
    match document.title() {
        Some((sentence, translation)) => {
            let english = markdown(&translation.text);
            let english = if english.is_empty() { NO_TRANSLATION } else { &english };
            let arabic = html(document.article.source(sentence));
            let arabic = format!(
                "<p dir=\"rtl\" lang=\"{}\"><a name=\"s0\"></a><strong>{arabic}</strong></p>",
                language(document)
            );
            format!("# {english}\n\n{arabic}{}", beside(translation))
        }
        None => format!("# {}", markdown(&document.input_label())),
    }
}

fn notes(document: &Document) -> String {
    let mut notes = String::new();
    if document.model.demonstration {
        notes.push_str(
            "> **Demonstration quality: do not publish.** The small model built into the program made this. For the real \
             model, run the command once with network access.\n\n",
        );
    }
    notes.push_str(
        "> **Machine translation, not reviewed.** Check each sentence you use against the Arabic beside it.\n\n",
    );
    notes + &document.accounting()
}

/// Returns the source language as an attribute value.
fn language(document: &Document) -> String {
    html(&document.source_language)
}

/// Returns text in a tag with its direction, for where Markdown is read: a table cell, a line.
///
/// Sanitisers leave the direction on `div` and `b`, and drop `span`. Latin text set from right to left would have its
/// brackets and signs at the wrong end.
fn directed(document: &Document, tag: &str, text: &str) -> String {
    let shown = markdown(text);
    match text.contains(arabic::is_letter) {
        true => format!("<{tag} dir=\"rtl\" lang=\"{}\">{shown}</{tag}>", language(document)),
        false => format!("<{tag} dir=\"ltr\">{shown}</{tag}>"),
    }
}

/// Returns the warnings and notes of a sentence as a quotation below it.
fn beside(translation: &SentenceTranslation) -> String {
    match remarks(translation) {
        remarks if remarks.is_empty() => String::new(),
        remarks => format!("\n\n> {}", remarks.join("\\\n> ")),
    }
}

/// Returns each warning and each note of a sentence as a line.
fn remarks(translation: &SentenceTranslation) -> Vec<String> {
    let flag = |flag: &Flag| format!("**{}, {}**: {}", flag.severity.name(), flag.kind.name(), markdown(&flag.message));
    let note = |note: &Note| format!("*{}*: {}", note.kind.name(), markdown(&note.message));
    translation.flags.iter().map(flag).chain(translation.notes.iter().map(note)).collect()
}
