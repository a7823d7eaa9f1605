//! How the names of a whole batch are rendered, and which of them are rendered in more than one way.
//!
//! Separate because it outlives the documents. The invariant: what it says does not depend on the order in which the
//! documents came.

use super::{Document, markdown::mentions};
use crate::{article::normalize::fold, review::align::words};
use std::{cmp::Reverse, collections::BTreeMap};

/// The rendering of a name in one document: Arabic, then English.
pub type Rendering = (String, String);

/// Returns the renderings of the names of a document.
pub fn of(document: &Document) -> Vec<Rendering> {
    let mentions = mentions::gather(document);
    let renderings = mentions.iter().filter_map(mentions::Mention::rendering);
    renderings.map(|(arabic, english)| (arabic.to_owned(), english.to_owned())).collect()
}

/// The renderings of the names of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renderings {
    /// For each name, spelling variants made one, how many documents have which spelling and rendering.
    names: BTreeMap<String, Name>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Name {
    arabic: BTreeMap<String, usize>,
    /// By the rendering in lower case: a capital makes no other name.
    english: BTreeMap<String, BTreeMap<String, usize>>,
}

/// A name that is rendered in more than one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inconsistent {
    /// The name as most documents write it.
    pub arabic: String,
    /// Its renderings with the count of documents, most first.
    pub english: Vec<(String, usize)>,
}

impl Renderings {
    /// Adds the renderings of one document.
    pub fn add(&mut self, renderings: Vec<Rendering>) {
        for (arabic, english) in renderings {
            let name = self.names.entry(key(&arabic)).or_default();
            *name.arabic.entry(arabic).or_default() += 1;
            *name.english.entry(english.to_lowercase()).or_default().entry(english).or_default() += 1;
        }
    }

    /// Returns the names that are rendered in more than one way, those in most documents first.
    pub fn inconsistent(&self) -> Vec<Inconsistent> {
        let several = self.names.values().filter(|name| name.english.len() > 1);
        let mut found: Vec<Inconsistent> = several.map(Name::inconsistent).collect();
        let documents = |name: &Inconsistent| name.english.iter().map(|(_, count)| count).sum::<usize>();
        found.sort_by(|a, b| documents(b).cmp(&documents(a)).then_with(|| a.arabic.cmp(&b.arabic)));
        found
    }
}

/// Returns what the spellings of a name share: its words without what stands between them.
fn key(arabic: &str) -> String {
    words(arabic).into_iter().map(|word| fold(&arabic[word])).collect::<Vec<_>>().join(" ")
}

impl Name {
    fn inconsistent(&self) -> Inconsistent {
        let spellings = self.english.values();
        let mut english: Vec<(String, usize)> =
            spellings.map(|of_one| (most_used(of_one), of_one.values().sum::<usize>())).collect();
        english.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Inconsistent { arabic: most_used(&self.arabic), english }
    }
}

fn most_used(spellings: &BTreeMap<String, usize>) -> String {
    let best = spellings.iter().min_by_key(|(spelling, count)| (Reverse(**count), *spelling));
    best.map(|(spelling, _)| spelling.clone()).unwrap_or_default()
}

/// Returns the names as a glossary to correct and to use: Arabic, the rendering of most documents, the other ones.
pub fn glossary(names: &[Inconsistent]) -> Vec<u8> {
    let mut out = String::from(
        "# Names that the documents render in more than one way: correct the second column, delete what is wrong,\n\
         # and name the file with --glossary. Columns: Arabic, English, note.\n",
    );
    for Inconsistent { arabic, english } in names {
        let other = |(text, count): &(String, usize)| format!("{} ({count})", cell(text));
        let (first, others) = english.split_first().map_or(("", &[][..]), |(first, others)| (first.0.as_str(), others));
        let others: Vec<String> = others.iter().map(other).collect();
        out += &format!("{}\t{}\talso: {}\n", cell(arabic), cell(first), others.join(", "));
    }
    out.into_bytes()
}

/// Returns a text in one line without a tab.
fn cell(text: &str) -> String {
    super::escape::visible(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::glossary::Glossary;

    fn renderings(pairs: &[(&str, &str)]) -> Renderings {
        let mut all = Renderings::default();
        pairs.iter().for_each(|(arabic, english)| all.add(vec![((*arabic).to_owned(), (*english).to_owned())]));
        all
    }

    #[test]
    fn a_name_rendered_two_ways_is_found_in_any_order() {
        let mut pairs = vec![("حمص", "Homs"), ("حمص", "Hims"), ("حمص", "Homs"), ("حلب", "Aleppo"), ("حلب", "ALEPPO")];
        let found = renderings(&pairs).inconsistent();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].english, [("Homs".to_owned(), 2), ("Hims".to_owned(), 1)]);
        pairs.reverse();
        assert_eq!(renderings(&pairs).inconsistent(), found);
    }

    #[test]
    fn the_glossary_to_start_from_is_one() {
        let found =
            renderings(&[("حمص", "Homs"), ("حمص", "Hims\tx"), ("أحمد", "Ahmad"), ("«احمد»", "Ahmed")]).inconsistent();
        let text = String::from_utf8(glossary(&found)).unwrap();
        assert_eq!(text.lines().filter(|line| line.split('\t').count() == 3).count(), 2, "{text}");
        assert!(Glossary::parse(&text).is_ok());
    }
}
