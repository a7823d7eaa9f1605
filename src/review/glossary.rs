//! The user's glossary: names and terms that must be rendered as it says.
//!
//! Separate because it changes a translation, which no check does. The invariants: words are replaced only where the
//! word links lead to them clearly, every use is noted, and a use that could not be put in is a warning.

mod apply;
mod find;

use super::{Flag, Note, WordLink};
use crate::article::{Span, arabic, normalize::fold};
use std::{cmp::Reverse, collections::BTreeMap};

/// One name or term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What the article has.
    pub arabic: String,
    /// What the translation must have.
    pub english: String,
    /// What the user wrote beside it.
    pub note: Option<String>,
    /// The Arabic word by word, spelling variants made one.
    words: Vec<String>,
}

/// Names and terms; a longer one comes before the shorter ones inside it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Glossary {
    entries: Vec<Entry>,
}

/// A line of a glossary that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct GlossaryError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to write.
    pub reason: &'static str,
}

/// A sentence after the glossary was applied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// The target text.
    pub text: String,
    /// The word links, into the new text.
    pub words: Vec<WordLink>,
    /// The links of punctuation, likewise.
    pub marks: Vec<WordLink>,
    /// Each use.
    pub notes: Vec<Note>,
    /// Each use that could not be put in.
    pub flags: Vec<Flag>,
}

impl Glossary {
    /// Reads tab-separated lines: Arabic, English, a note if there is one. Lines that begin with `#` are comments.
    pub fn parse(text: &str) -> Result<Glossary, GlossaryError> {
        let mut seen: BTreeMap<Vec<String>, String> = BTreeMap::new();
        let mut entries = Vec::new();
        for (index, line) in text.trim_start_matches('\u{FEFF}').lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let entry = entry(line).map_err(|reason| GlossaryError { line: index + 1, reason })?;
            match seen.insert(entry.words.clone(), entry.english.clone()) {
                Some(english) if english != entry.english => {
                    let reason = "a line before it has the same Arabic with another English: keep one of them";
                    return Err(GlossaryError { line: index + 1, reason });
                }
                Some(_) => {}
                None => entries.push(entry),
            }
        }
        entries.sort_by_key(|entry| (Reverse(entry.words.len()), entry.words.clone()));
        Ok(Glossary { entries })
    }

    /// Returns the entries that sentences call for, one a line, in an order of their own: what a document made with
    /// this glossary depends on. Empty where they call for none.
    pub fn called_for<'a>(&self, sources: impl Iterator<Item = &'a str>) -> String {
        let mut called = vec![false; self.entries.len()];
        for source in sources {
            self.uses(source).iter().for_each(|(entry, _)| called[*entry] = true);
        }
        let entries = self.entries.iter().zip(called).filter(|(_, called)| *called);
        entries.map(|(entry, _)| format!("{}\t{}\t{:?}\n", entry.arabic, entry.english, entry.note)).collect()
    }

    /// Returns the entries that a sentence calls for, by their place, with where; none inside another.
    fn uses(&self, source: &str) -> Vec<(usize, Span)> {
        find::uses(&self.entries, source)
    }

    /// Puts the glossary's renderings into a translation.
    pub fn apply(&self, source: &str, text: String, words: Vec<WordLink>, marks: Vec<WordLink>) -> Applied {
        let uses = self.uses(source);
        let uses: Vec<_> = uses.into_iter().map(|(entry, span)| (&self.entries[entry], span)).collect();
        apply::apply(&uses, source, Applied { text, words, marks, ..Applied::default() })
    }

    /// Returns a flag for each entry that a sentence calls for and a translation made by a person does not have.
    pub fn missing(&self, source: &str, text: &str) -> Vec<Flag> {
        let uses = self.uses(source).into_iter().map(|(entry, _)| &self.entries[entry]);
        uses.filter(|entry| !apply::stands(text, &entry.english)).map(apply::other_in_memory).collect()
    }
}

fn entry(line: &str) -> Result<Entry, &'static str> {
    let mut cells = line.split('\t').map(str::trim);
    let (arabic, english) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
    let note = cells.next().filter(|note| !note.is_empty()).map(str::to_owned);
    let words = find::words(arabic);
    match () {
        () if english.is_empty() => Err("it has no second column: write the Arabic, a tab, the English"),
        () if words.is_empty() || !arabic.contains(arabic::is_letter) => {
            Err("its first column has no Arabic word: write the Arabic, a tab, the English; # begins a comment")
        }
        () if english.contains(arabic::is_letter) => {
            Err("its second column has Arabic letters: write the English there")
        }
        () => Ok(Entry { arabic: arabic.to_owned(), english: english.to_owned(), note, words }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_wrong_ones_are_named() {
        let glossary = Glossary::parse("# names\n\nحمص\tHoms\nالحجر الأسود\tal-Hajar al-Aswad\ta district\n").unwrap();
        assert_eq!(glossary.entries.len(), 2);
        assert_eq!(glossary.entries[0].note.as_deref(), Some("a district"), "the longer stands first");
        for (text, line) in [("حمص\tHoms\nحمص", 2), ("Homs\tحمص", 1), ("حمص\tHoms\nحِمص\tHims", 2), ("حمص\t", 1)]
        {
            assert_eq!(Glossary::parse(text).unwrap_err().line, line, "{text}");
        }
    }

    #[test]
    fn what_sentences_do_not_call_for_does_not_count() {
        let glossary = Glossary::parse("حمص\tHoms\nحلب\tAleppo\n").unwrap();
        let called = |source: &str| glossary.called_for([source].into_iter());
        assert_eq!(called("وصل الوفد"), "");
        assert!(called("وصل إلى حلب").contains("Aleppo") && !called("وصل إلى حلب").contains("Homs"));
    }
}
