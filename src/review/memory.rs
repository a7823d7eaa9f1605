//! A translation memory: sentences that a person translated or checked, for use where the very same sentence returns.
//!
//! Separate because it is looked up before any model is asked. The invariant: only a sentence that is identical, but for
//! white space, is found; nothing is guessed from a similar one.

use super::{Note, NoteKind};
use std::collections::BTreeMap;

/// The translation of one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// The target text.
    pub target: String,
    /// Who answers for it.
    pub reviewer: Option<String>,
    /// The document it comes from.
    pub document: Option<String>,
}

/// Sentences with their translations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    units: BTreeMap<String, Known>,
}

/// Returns a sentence as a memory holds it: white space single, without the characters that no XML file can hold.
pub fn key(source: &str) -> String {
    let kept: String = source.chars().filter(|c| is_xml(*c) || c.is_whitespace()).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns true for the characters that XML 1.0 allows.
pub(crate) fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

impl Memory {
    /// Adds a sentence; returns what it had for it before where that differs.
    pub fn insert(&mut self, source: &str, known: Known) -> Option<Known> {
        let differs = |old: &Known| (old.target != known.target).then(|| old.clone());
        let key = key(source);
        let before = self.units.get(&key).and_then(differs);
        self.units.insert(key, known);
        before
    }

    /// Returns the translation of a sentence.
    pub fn get(&self, source: &str) -> Option<&Known> {
        self.units.get(&key(source))
    }

    /// Returns each sentence with its translation, in the order of the sentences.
    pub fn units(&self) -> impl Iterator<Item = (&str, &Known)> {
        self.units.iter().map(|(source, known)| (source.as_str(), known))
    }

    /// Returns the count of sentences.
    pub fn len(&self) -> usize {
        self.units.len()
    }

    /// Returns true where it holds no sentence.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }
}

impl Known {
    /// Returns what a document says beside the sentence.
    pub fn note(&self) -> Note {
        let by = self.reviewer.as_deref().map(|name| format!(", reviewed by {name}")).unwrap_or_default();
        let from = self.document.as_deref().map(|name| format!(" in {name}")).unwrap_or_default();
        Note {
            kind: NoteKind::Memory,
            message: format!("the same sentence was translated before{by}{from}; no model was asked"),
            evidence: self.reviewer.iter().chain(&self.document).cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(target: &str) -> Known {
        Known { target: target.to_owned(), reviewer: Some("Rim".to_owned()), document: None }
    }

    #[test]
    fn only_the_very_same_sentence_is_found() {
        let mut memory = Memory::default();
        memory.insert("وصل  الوفد\u{a0}أمس.", known("The delegation arrived yesterday."));
        assert!(memory.get("وصل الوفد أمس.").is_some());
        assert!(memory.get("وصل الوفد أمس").is_none() && memory.get("وصل الوفد اليوم.").is_none());
    }

    #[test]
    fn another_translation_of_a_sentence_replaces_the_old_one_and_tells() {
        let mut memory = Memory::default();
        assert_eq!(memory.insert("نعم", known("Yes")), None);
        assert_eq!(memory.insert("نعم", known("Yes")), None);
        assert_eq!(memory.insert("نعم", known("Indeed")), Some(known("Yes")));
        assert_eq!(memory.get("نعم").map(|known| known.target.as_str()), Some("Indeed"));
    }

    #[test]
    fn the_note_says_who_answers_for_it() {
        assert!(known("Yes").note().message.contains("reviewed by Rim"));
        assert!(!Known::default().note().message.contains("reviewed by"));
    }
}
