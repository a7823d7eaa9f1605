//! *Names and numbers*: what must be spelt and looked up, the Arabic beside the English, so that a spelling can be
//! checked once.
//!
//! Separate because it reads word links, which no other section does. The invariant: nothing is listed that does not
//! stand in the article; where the English is not known the cell says so.

mod english;
mod find;

use super::{directed, review::sentence_link};
use crate::review::NoteKind;
use crate::{
    article::{SentenceId, arabic, normalize::fold},
    report::{Document, escape::markdown},
};
use std::collections::{BTreeMap, BTreeSet};

/// What stands in the English column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::report) enum English {
    /// A name, or the same number.
    Text(String),
    /// The translation does not state this number.
    NotFound,
    /// The links lead to no few words that could be the name.
    SeeSentence,
}

impl English {
    /// Returns what is said where there is no text.
    pub fn stand_in(&self) -> Option<&'static str> {
        match self {
            English::Text(_) => None,
            English::NotFound => Some("not found"),
            English::SeeSentence => Some("see the sentence"),
        }
    }

    /// Returns the cell.
    fn cell(&self) -> String {
        match self {
            English::Text(text) => markdown(text),
            other => other.stand_in().map(|text| format!("*{text}*")).unwrap_or_default(),
        }
    }

    /// Returns what tells two cells apart.
    fn key(&self) -> English {
        match self {
            English::Text(text) => English::Text(text.to_lowercase()),
            other => other.clone(),
        }
    }
}

/// A name or number with the sentences it stands in.
pub(in crate::report) struct Mention {
    /// What the translation has.
    pub english: English,
    /// What the article has.
    pub arabic: String,
    /// Where it stands.
    pub sentences: Vec<SentenceId>,
    /// What a reader should know: that it is rendered otherwise elsewhere, or as the glossary has it.
    pub note: Option<String>,
}

impl Mention {
    /// Returns the rendering of a name, Arabic first; `None` for a number, for what the article has in Latin letters, and
    /// for what is rendered by no clear words or not at all.
    pub fn rendering(&self) -> Option<(&str, &str)> {
        let is_arabic = |text: &str| text.contains(arabic::is_letter);
        let is_name = |text: &str| !has_digit(text) && !has_digit(&self.arabic) && !is_arabic(text);
        match &self.english {
            English::Text(text) if is_name(text) && is_arabic(&self.arabic) => Some((&self.arabic, text)),
            _ => None,
        }
    }
}

fn has_digit(text: &str) -> bool {
    text.contains(char::is_numeric)
}

/// Returns the table of names and numbers.
pub(super) fn render(document: &Document) -> String {
    let mentions = gather(document);
    if mentions.is_empty() {
        return "## Names and numbers\n\nNone found.".to_owned();
    }
    let noted = mentions.iter().any(|mention| mention.note.is_some());
    let row = |mention: &Mention| {
        let links: Vec<String> = mention.sentences.iter().map(|id| sentence_link(*id)).collect();
        let arabic = directed(document, "div", &mention.arabic);
        let note =
            if noted { format!(" {} |", markdown(mention.note.as_deref().unwrap_or_default())) } else { String::new() };
        format!("| {} | {arabic} | {} |{note}\n", mention.english.cell(), links.join(" "))
    };
    let rows: String = mentions.iter().map(row).collect();
    let (title, rule) = if noted { (" note |", " --- |") } else { ("", "") };
    format!("## Names and numbers\n\n| English | Arabic | where |{title}\n| --- | --- | --- |{rule}\n{rows}")
}

/// Returns names and numbers in the order they first stand in the text, each pair of spellings once.
pub(in crate::report) fn gather(document: &Document) -> Vec<Mention> {
    let texts = document.translations.iter().map(|translation| translation.text.as_str());
    let names: BTreeSet<&str> = texts.flat_map(english::names_inside).collect();
    let mut places: BTreeMap<(String, English), usize> = BTreeMap::new();
    let mut mentions: Vec<Mention> = Vec::new();
    for (sentence, translation) in document.pairs() {
        let source = document.article.source(sentence);
        for (arabic, english) in find::mentions(source, translation, &names) {
            let place = *places.entry((fold(arabic), english.key())).or_insert(mentions.len());
            if place == mentions.len() {
                mentions.push(Mention { english, arabic: arabic.to_owned(), sentences: Vec::new(), note: None });
            }
            let sentences = &mut mentions[place].sentences;
            if sentences.last() != Some(&sentence.id) {
                sentences.push(sentence.id);
            }
        }
    }
    note_other_renderings(&mut mentions);
    note_glossary(document, &mut mentions);
    mentions
}

/// Says of a name that is rendered otherwise elsewhere in the article how and where.
fn note_other_renderings(mentions: &mut [Mention]) {
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, mention) in mentions.iter().enumerate() {
        if mention.rendering().is_some() {
            by_name.entry(fold(&mention.arabic)).or_default().push(place);
        }
    }
    for places in by_name.values().filter(|places| places.len() > 1) {
        for &place in places {
            let others = places.iter().filter(|other| **other != place).map(|other| &mentions[*other]);
            let said =
                others.filter_map(|other| Some(format!("{} ({})", other.rendering()?.1, listed(&other.sentences))));
            let said: Vec<String> = said.collect();
            mentions[place].note = Some(format!("rendered otherwise elsewhere: {}", said.join(", ")));
        }
    }
}

fn listed(sentences: &[SentenceId]) -> String {
    sentences.iter().map(SentenceId::to_string).collect::<Vec<_>>().join(" ")
}

/// Says of a name that it is as the glossary has it.
fn note_glossary(document: &Document, mentions: &mut [Mention]) {
    let notes = document.translations.iter().flat_map(|translation| &translation.notes);
    let used: BTreeSet<&str> = notes
        .filter(|note| note.kind == NoteKind::Glossary)
        .filter_map(|note| note.evidence.get(1).map(String::as_str))
        .collect();
    for mention in mentions {
        if matches!(&mention.english, English::Text(text) if used.contains(text.as_str())) {
            let before = mention.note.take().map(|note| format!("; {note}")).unwrap_or_default();
            mention.note = Some(format!("as the glossary has it{before}"));
        }
    }
}
