//! *Names and numbers*: what can be looked up, the Arabic beside the English, so that a spelling can be checked once.
//!
//! Separate because it reads word links, which no other section does. The invariant: nothing is listed that does not
//! stand in the article; where the English of a number is not known the cell says so.

use super::{language, review::sentence_link};
use crate::{
    article::{Sentence, SentenceId, Span, normalize::fold},
    report::{Document, SentenceTranslation, escape::markdown},
    review::align::words,
};
use std::collections::{BTreeMap, BTreeSet};

/// A name or number with the sentences it stands in.
struct Mention {
    english: String,
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
        let english = if mention.english.is_empty() { "*not found*".to_owned() } else { markdown(&mention.english) };
        let links: Vec<String> = mention.sentences.iter().map(|id| sentence_link(*id)).collect();
        let arabic = format!("<div dir=\"rtl\" lang=\"{}\">{}</div>", language(document), markdown(&mention.arabic));
        format!("| {english} | {arabic} | {} |\n", links.join(" "))
    };
    let rows: String = mentions.iter().map(row).collect();
    format!("## Names and numbers\n\n| English | Arabic | where |\n| --- | --- | --- |\n{rows}")
}

/// Returns names and numbers in the order they first stand in the text, each pair of spellings once.
fn gather(document: &Document) -> Vec<Mention> {
    let names = names_inside_sentences(document);
    let mut places: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut mentions: Vec<Mention> = Vec::new();
    for (sentence, translation) in document.pairs() {
        let pair = Pair::new(document, sentence, translation);
        for (source, target) in pair.mentions(&names) {
            let (arabic, english) =
                (pair.source[source].to_owned(), target.map_or("", |span| &pair.target[span]).to_owned());
            let key = (fold(&arabic), english.to_lowercase());
            let place = *places.entry(key).or_insert(mentions.len());
            if place == mentions.len() {
                mentions.push(Mention { english, arabic, sentences: Vec::new() });
            }
            let sentences = &mut mentions[place].sentences;
            if sentences.last() != Some(&sentence.id) {
                sentences.push(sentence.id);
            }
        }
    }
    mentions
}

/// Returns the words that have a capital inside a sentence: at its beginning every word has one.
fn names_inside_sentences(document: &Document) -> BTreeSet<&str> {
    let inside = |text: &'_ str| words(text).into_iter().skip(1).collect::<Vec<Span>>();
    document
        .translations
        .iter()
        .flat_map(|translation| inside(&translation.text).into_iter().map(|span| &translation.text[span]))
        .filter(|word| is_capitalised(word))
        .collect()
}

fn is_capitalised(word: &str) -> bool {
    word.chars().count() > 1 && word.starts_with(char::is_uppercase)
}

/// One sentence with its words and links.
struct Pair<'a> {
    source: &'a str,
    target: &'a str,
    source_words: Vec<Span>,
    target_words: Vec<Span>,
    links: &'a [(Span, Span)],
}

impl<'a> Pair<'a> {
    fn new(document: &'a Document, sentence: &Sentence, translation: &'a SentenceTranslation) -> Self {
        let (source, target) = (document.article.source(sentence), translation.text.as_str());
        Pair { source, target, source_words: words(source), target_words: words(target), links: &translation.words }
    }

    /// Returns source spans of names and numbers with their target spans, in source order, none inside another.
    fn mentions(&self, names: &BTreeSet<&str>) -> Vec<(Span, Option<Span>)> {
        let mut found = self.quoted();
        found.extend(self.capitalised(names));
        found.extend(self.plain());
        found.sort_by_key(|(source, _)| (source.start, std::cmp::Reverse(source.end)));
        let mut end = 0;
        found.retain(|(source, _)| {
            let outside = source.start >= end;
            end = end.max(source.end);
            outside
        });
        found
    }

    /// Numbers and Latin words of the source, with the word linked to them or, failing that, spelt the same.
    fn plain(&self) -> Vec<(Span, Option<Span>)> {
        let mut found = Vec::new();
        for span in &self.source_words {
            let word = &self.source[span.clone()];
            let number = word.chars().any(|c| c.is_numeric());
            let latin = word.chars().filter(char::is_ascii_alphabetic).count() > 1;
            if number || latin {
                let target = self.same(word).or_else(|| self.linked(span));
                found.extend((number || target.is_some()).then(|| (span.clone(), target)));
            }
        }
        found
    }

    fn same(&self, word: &str) -> Option<Span> {
        let plain = |word: &str| fold(word).replace([',', '٬', '،'], "").replace('٫', ".").to_lowercase();
        let word = plain(word);
        self.target_words.iter().find(|span| plain(&self.target[(*span).clone()]) == word).cloned()
    }

    /// Returns the target words linked to a source span, from the first to the last.
    fn linked(&self, source: &Span) -> Option<Span> {
        let inside = self.links.iter().filter(|(s, _)| s.start < source.end && source.start < s.end);
        inside.map(|(_, target)| target.clone()).reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
    }

    /// Short quotations, which are often names of works, groups and places.
    fn quoted(&self) -> Vec<(Span, Option<Span>)> {
        const LONGEST: usize = 5;
        let mut found = Vec::new();
        let mut open: Option<(usize, char)> = None;
        for (at, c) in self.source.char_indices() {
            match (open, c) {
                (Some((start, close)), c) if c == close => {
                    let span = start..at;
                    let count = self.source_words.iter().filter(|w| w.start >= span.start && w.end <= span.end).count();
                    let target = self.linked(&span);
                    found.extend(((1..=LONGEST).contains(&count) && target.is_some()).then_some((span, target)));
                    open = None;
                }
                (None, '«') => open = Some((at + c.len_utf8(), '»')),
                (None, '“') => open = Some((at + c.len_utf8(), '”')),
                (None, '"') => open = Some((at + 1, '"')),
                _ => {}
            }
        }
        found
    }

    /// Runs of English words with a capital, with the Arabic words linked to them.
    fn capitalised(&self, names: &BTreeSet<&str>) -> Vec<(Span, Option<Span>)> {
        let is_name = |index: usize| {
            let word = &self.target[self.target_words[index].clone()];
            is_capitalised(word) && (index > 0 || names.contains(word))
        };
        let mut found = Vec::new();
        let mut index = 0;
        while index < self.target_words.len() {
            let length =
                (index..self.target_words.len()).take_while(|i| is_name(*i) && self.follows(index, *i)).count();
            if length > 0 {
                let target = self.target_words[index].start..self.target_words[index + length - 1].end;
                found.extend(self.source_of(&target, length).map(|source| (source, Some(target))));
            }
            index += length.max(1);
        }
        found
    }

    /// Returns true where only spaces stand between the words from `first` to `last`.
    fn follows(&self, first: usize, last: usize) -> bool {
        last == first || self.target[self.target_words[last - 1].end..self.target_words[last].start].trim().is_empty()
    }

    /// Returns the source words linked to a target span, if they stand together.
    fn source_of(&self, target: &Span, words: usize) -> Option<Span> {
        let inside = self.links.iter().filter(|(_, t)| t.start < target.end && target.start < t.end);
        let span = inside.map(|(source, _)| source.clone()).reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))?;
        let count = self.source_words.iter().filter(|w| w.start >= span.start && w.end <= span.end).count();
        // Links that lie far apart are more likely a mistake of alignment than one name.
        (count <= words + 1).then_some(span)
    }
}
