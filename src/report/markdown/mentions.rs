//! *Names and numbers*: what must be spelt and looked up, the Arabic beside the English, so that a spelling can be
//! checked once.
//!
//! Separate because it reads word links, which no other section does. The invariant: nothing is listed that does not
//! stand in the article; where the English is not known the cell says so.

mod english;
mod find;

use super::{directed, review::sentence_link};
use crate::{
    article::{SentenceId, normalize::fold},
    report::{Document, escape::markdown},
};
use std::collections::{BTreeMap, BTreeSet};

/// What stands in the English column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum English {
    /// A name, or the same number.
    Text(String),
    /// The translation does not state this number.
    NotFound,
    /// The links lead to no few words that could be the name.
    SeeSentence,
}

impl English {
    /// Returns the cell.
    fn cell(&self) -> String {
        match self {
            English::Text(text) => markdown(text),
            English::NotFound => "*not found*".to_owned(),
            English::SeeSentence => "*see the sentence*".to_owned(),
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
struct Mention {
    english: English,
    arabic: String,
    sentences: Vec<SentenceId>,
}

/// Returns the table of names and numbers.
pub(super) fn render(document: &Document) -> String {
    let mentions = gather(document);
    if mentions.is_empty() {
        return "## Names and numbers\n\nNone found.".to_owned();
    }
    let row = |mention: &Mention| {
        let links: Vec<String> = mention.sentences.iter().map(|id| sentence_link(*id)).collect();
        let arabic = directed(document, "div", &mention.arabic);
        format!("| {} | {arabic} | {} |\n", mention.english.cell(), links.join(" "))
    };
    let rows: String = mentions.iter().map(row).collect();
    format!("## Names and numbers\n\n| English | Arabic | where |\n| --- | --- | --- |\n{rows}")
}

/// Returns names and numbers in the order they first stand in the text, each pair of spellings once.
fn gather(document: &Document) -> Vec<Mention> {
    let texts = document.translations.iter().map(|translation| translation.text.as_str());
    let names: BTreeSet<&str> = texts.flat_map(english::names_inside).collect();
    let mut places: BTreeMap<(String, English), usize> = BTreeMap::new();
    let mut mentions: Vec<Mention> = Vec::new();
    for (sentence, translation) in document.pairs() {
        let source = document.article.source(sentence);
        for (arabic, english) in find::mentions(source, translation, &names) {
            let place = *places.entry((fold(arabic), english.key())).or_insert(mentions.len());
            if place == mentions.len() {
                mentions.push(Mention { english, arabic: arabic.to_owned(), sentences: Vec::new() });
            }
            let sentences = &mut mentions[place].sentences;
            if sentences.last() != Some(&sentence.id) {
                sentences.push(sentence.id);
            }
        }
    }
    mentions
}
