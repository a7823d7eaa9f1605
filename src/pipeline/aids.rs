//! What a run translates with beside the model: the user's glossary and translation memory, read and checked at the
//! start.
//!
//! Separate because both are files that the user names, and what a document says of them must be the same wherever it
//! is asked. The invariant: a document depends on the entries that its sentences call for and on no others, so a change
//! elsewhere in the files makes nothing again.

use crate::{
    config::Settings,
    exit::Failure,
    report::{self, Layout, SentenceTranslation, sha256, tmx},
    review::{
        WordLink,
        checks::{self, Pair},
        glossary::{Applied, Glossary},
        memory::{Known, Memory},
        sort_flags,
    },
    ui::Ui,
};
use std::{collections::BTreeMap, fs, path::Path};

/// What a run translates with beside the model.
#[derive(Debug, Clone, Default)]
pub struct Aids {
    layout: Layout,
    glossary: Option<Glossary>,
    memory: Option<Memory>,
}

impl Aids {
    /// Reads the files that the settings name; `source` is the language that the model reads.
    pub fn load(settings: &Settings, source: &str, ui: &Ui) -> Result<Aids, Failure> {
        let glossary = settings.glossary.as_deref().map(read_glossary).transpose()?;
        let memory = settings.memory.as_deref().map(|path| read_memory(path, source, &settings.lang)).transpose()?;
        if let Some(memory) = &memory {
            match memory.len() {
                0 => ui.warn(format!("--memory has no sentence from {source} into {}", settings.lang)),
                count => ui.detail(format!("--memory: {count} sentences")),
            }
        }
        Ok(Aids { layout: settings.layout, glossary, memory })
    }

    /// Returns the translation of a sentence that the memory has.
    pub fn known(&self, source: &str) -> Option<&Known> {
        self.memory.as_ref()?.get(source)
    }

    /// Returns a sentence as the memory translates it, with what the checks say of it: a person can err too.
    pub fn recall(&self, source: &str, known: &Known) -> SentenceTranslation {
        let text = known.target.clone();
        let mut flags = checks::check(&Pair { source, target: &text, score: None, parts: 1, ..Pair::default() });
        flags.extend(self.glossary.iter().flat_map(|glossary| glossary.missing(source, &text)));
        sort_flags(&mut flags);
        SentenceTranslation { text, flags, notes: vec![known.note()], ..SentenceTranslation::default() }
    }

    /// Puts the glossary's renderings into a translation.
    pub fn apply_glossary(&self, source: &str, text: String, words: Vec<WordLink>, marks: Vec<WordLink>) -> Applied {
        match &self.glossary {
            Some(glossary) => glossary.apply(source, text, words, marks),
            None => Applied { text, words, marks, ..Applied::default() },
        }
    }

    /// Returns what a document of these sentences is made with.
    pub fn record<'a>(&self, sources: impl Iterator<Item = &'a str> + Clone) -> report::Aids {
        let print = |text: String| (!text.is_empty()).then(|| sha256(text.as_bytes()));
        let glossary = self.glossary.as_ref().map(|glossary| glossary.called_for(sources.clone())).unwrap_or_default();
        let called = sources.filter_map(|source| Some((source, self.known(source)?))).collect::<BTreeMap<_, _>>();
        let memory: String = called.into_iter().map(|(source, known)| format!("{source}\t{known:?}\n")).collect();
        report::Aids { layout: self.layout, glossary: print(glossary), memory: print(memory) }
    }
}

fn read_glossary(path: &Path) -> Result<Glossary, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::Usage(format!("--glossary {}: {error}", path.display()));
    let bytes = fs::read(path).map_err(|error| wrong(&error))?;
    let text = String::from_utf8(bytes).map_err(|_| wrong(&"it is not in UTF-8: save it again as UTF-8 text"))?;
    Glossary::parse(&text).map_err(|error| wrong(&error))
}

fn read_memory(path: &Path, source: &str, target: &str) -> Result<Memory, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::Usage(format!("--memory {}: {error}", path.display()));
    let bytes = fs::read(path).map_err(|error| wrong(&error))?;
    tmx::memory(&bytes, source, target).map_err(|error| wrong(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aids(glossary: &str, memory: &[(&str, &str)]) -> Aids {
        let mut known = Memory::default();
        for (source, target) in memory {
            known.insert(source, Known { target: (*target).into(), ..Known::default() });
        }
        Aids { glossary: Glossary::parse(glossary).ok(), memory: Some(known), ..Aids::default() }
    }

    #[test]
    fn a_record_changes_with_what_the_article_calls_for_and_with_nothing_else() {
        let record = |aids: Aids| aids.record(["وصل إلى حلب", "نعم"].into_iter());
        let one = record(aids("حلب\tAleppo\n", &[("نعم", "Yes")]));
        assert_eq!(one, record(aids("حلب\tAleppo\nحمص\tHoms\n", &[("نعم", "Yes"), ("لا", "No")])));
        assert_ne!(one.glossary, record(aids("حلب\tHalab\n", &[("نعم", "Yes")])).glossary);
        assert_ne!(one.memory, record(aids("حلب\tAleppo\n", &[("نعم", "Indeed")])).memory);
        assert_eq!(record(aids("حمص\tHoms\n", &[("لا", "No")])), report::Aids::default());
    }

    #[test]
    fn a_sentence_from_memory_is_checked_too() {
        let aids = aids("حلب\tAleppo\n", &[("في حلب 12 مدرسة", "Halab has 21 schools")]);
        let recalled = aids.recall("في حلب 12 مدرسة", aids.known("في حلب 12 مدرسة").unwrap());
        let kinds: Vec<&str> = recalled.flags.iter().map(|flag| flag.kind.name()).collect();
        assert!(kinds.contains(&"number") && kinds.contains(&"name"), "{kinds:?}");
        assert!(recalled.is_from_memory());
    }
}
