//! The models this program knows by name, with licence, size and what is known of their quality.
//!
//! Separate so that adding a model is a change of `models/catalogue.toml` alone. The invariant: the file is read whole
//! or not at all; an unknown key, a name used twice or a second default for a pair of languages is an error.

use super::builtin;
use serde::Deserialize;

/// The catalogue that is compiled into the binary.
const SHIPPED: &str = include_str!("../../models/catalogue.toml");

/// The least likeness, from 0 to 1, at which a name is offered in place of a mistyped one.
const LIKE: f64 = 0.6;

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// From one language into another.
    #[default]
    Translation,
    /// A text into a shorter one of the same language.
    Summary,
}

/// A model of the catalogue.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Short name, as given to `--model`.
    pub name: String,
    /// Repository on the hub; `None` for the model in the binary.
    pub repo: Option<String>,
    /// Commit, tag or branch of the repository to take.
    #[serde(default = "main")]
    pub revision: String,
    /// What it is for.
    #[serde(default)]
    pub task: Task,
    /// `model_type` of its `config.json`.
    pub architecture: String,
    /// Languages it reads, as ISO 639 codes.
    pub source: Vec<String>,
    /// Languages it writes, as ISO 639 codes; those it reads where it summarizes.
    pub target: Vec<String>,
    /// SPDX identifier of the licence of the weights.
    pub licence: String,
    /// Size of a download in bytes; rounded for models of the hub, whose exact size is asked for before a download.
    pub bytes: u64,
    /// What is known of its quality.
    pub quality: String,
    /// Where that is known from.
    pub quality_from: String,
    /// Whether `--model auto` takes it for its languages.
    #[serde(default)]
    pub default: bool,
    /// Whether it is the quicker choice for its languages.
    #[serde(default)]
    pub fast: bool,
}

fn main() -> String {
    super::hub::MAIN.to_owned()
}

/// The models known by name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    #[serde(rename = "model")]
    entries: Vec<Entry>,
}

/// A catalogue that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the catalogue of models cannot be used: {0}")]
pub struct CatalogueError(String);

impl Catalogue {
    /// Reads the catalogue that is compiled into the binary.
    pub fn shipped() -> Result<Catalogue, CatalogueError> {
        Catalogue::parse(SHIPPED)
    }

    /// Reads a catalogue from TOML.
    pub fn parse(text: &str) -> Result<Catalogue, CatalogueError> {
        let catalogue: Catalogue = toml::from_str(text).map_err(|error| CatalogueError(error.to_string()))?;
        for (index, entry) in catalogue.entries.iter().enumerate() {
            let earlier = &catalogue.entries[..index];
            if earlier.iter().any(|other| other.is_called(&entry.name)) {
                return Err(CatalogueError(format!("two models are called {}", entry.name)));
            }
            if entry.default && earlier.iter().any(|other| other.default && other.shares_a_pair(entry)) {
                return Err(CatalogueError(format!("{} is a second default for its languages", entry.name)));
            }
            if entry.task == Task::Summary && entry.source != entry.target {
                return Err(CatalogueError(format!("{} summarizes, but into another language", entry.name)));
            }
            if entry.repo.is_none() && entry.name != builtin::NAME {
                return Err(CatalogueError(format!("{} has no repo", entry.name)));
            }
        }
        Ok(catalogue)
    }

    /// Returns all entries, in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the model that `--model auto` takes for a pair of languages.
    pub fn default_for(&self, source: &str, target: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.default && entry.translates(source, target))
    }

    /// Returns the model that `--summary-model auto` takes for texts of a language.
    pub fn default_summarizer(&self, language: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.default && entry.summarizes(language))
    }

    /// Returns the model of this short name or repository, in any case of letters; an `@revision` after it is passed over.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        let name = name.split('@').next().unwrap_or(name);
        self.entries.iter().find(|entry| entry.is_called(name))
    }

    /// Returns the short name that a mistyped name is most like, if any is like it.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        let name = name.to_lowercase();
        let like = |known: &str| strsim::normalized_damerau_levenshtein(&known.to_lowercase(), &name);
        let scored = self.entries.iter().map(|entry| {
            let score = like(&entry.name).max(entry.repo.as_deref().map_or(0.0, like));
            (score, entry.name.as_str())
        });
        scored.filter(|(score, _)| *score >= LIKE).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
    }
}

impl Entry {
    /// Returns true where the model reads the one language and writes the other.
    pub fn translates(&self, source: &str, target: &str) -> bool {
        self.task == Task::Translation && self.covers(source, target)
    }

    /// Returns true where the model summarizes texts of this language.
    pub fn summarizes(&self, language: &str) -> bool {
        self.task == Task::Summary && self.source.iter().any(|reads| reads == language)
    }

    fn covers(&self, source: &str, target: &str) -> bool {
        self.source.iter().any(|reads| reads == source) && self.target.iter().any(|writes| writes == target)
    }

    fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name) || self.repo.as_ref().is_some_and(|repo| repo.eq_ignore_ascii_case(name))
    }

    fn shares_a_pair(&self, other: &Entry) -> bool {
        let is_shared = |source| other.target.iter().any(|target| self.covers(source, target));
        self.task == other.task && other.source.iter().any(|source| is_shared(source))
    }
}

/// Returns true for an SPDX identifier with a non-commercial clause: `CC-BY-NC-SA-4.0`.
pub fn is_non_commercial(licence: &str) -> bool {
    licence.split('-').any(|part| part.eq_ignore_ascii_case("nc"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::arch::config;

    fn shipped() -> Catalogue {
        Catalogue::shipped().unwrap()
    }

    fn entry(name: &str, more: &str) -> String {
        format!(
            "[[model]]\nname = \"{name}\"\nrepo = \"o/{name}\"\narchitecture = \"marian\"\nsource = [\"ar\"]\n\
             target = [\"en\"]\nlicence = \"MIT\"\nbytes = 1\nquality = \"q\"\nquality_from = \"f\"\n{more}\n"
        )
    }

    #[test]
    fn every_entry_says_what_a_user_must_know() {
        for entry in shipped().entries() {
            assert!(entry.bytes > 1_000_000, "{}", entry.name);
            assert!(!entry.quality.is_empty() && !entry.quality_from.is_empty() && !entry.licence.is_empty());
            assert!(entry.source.iter().chain(&entry.target).all(|language| language.len() == 2), "{}", entry.name);
            assert!(entry.repo.as_ref().is_none_or(|repo| repo.split('/').count() == 2), "{}", entry.name);
            assert!(!entry.revision.is_empty() && config::is_run(&entry.architecture), "{}", entry.name);
        }
    }

    #[test]
    fn arabic_to_english_has_a_default_and_a_fast_model() {
        let catalogue = shipped();
        assert_eq!(catalogue.default_for("ar", "en").unwrap().name, "opus-mt-tc-big-ar-en");
        assert!(catalogue.entries().iter().any(|entry| entry.fast && entry.translates("ar", "en")));
        assert_eq!(catalogue.default_for("en", "ar"), None);
    }

    #[test]
    fn english_has_a_summarizer_for_any_use_and_arabic_one_that_must_be_named() {
        let catalogue = shipped();
        let english = catalogue.default_summarizer("en").unwrap();
        assert!(english.name == "distilbart-cnn-12-6" && !is_non_commercial(&english.licence));
        assert_eq!((catalogue.default_summarizer("ar"), english.translates("en", "en")), (None, false));
        assert!(catalogue.entries().iter().any(|entry| entry.summarizes("ar") && is_non_commercial(&entry.licence)));
    }

    #[test]
    fn a_model_is_found_by_either_name_in_any_case() {
        let catalogue = shipped();
        let both = ["opus-mt-AR-en", "helsinki-nlp/opus-mt-ar-en"].map(|name| catalogue.find(name).unwrap());
        assert_eq!(both[0], both[1]);
        assert_eq!(catalogue.find("opus-mt"), None);
    }

    #[test]
    fn a_mistyped_name_is_offered_the_nearest() {
        let catalogue = shipped();
        assert_eq!(catalogue.nearest("opus-mt-ar-eng"), Some("opus-mt-ar-en"));
        assert_eq!(catalogue.nearest("Helsinki-NLP/opus-mt-tcbig-ar-en"), Some("opus-mt-tc-big-ar-en"));
        assert_eq!(catalogue.nearest("bultin"), Some("builtin"));
        assert_eq!(catalogue.nearest("gpt"), None);
    }

    #[test]
    fn a_catalogue_with_a_mistake_is_refused() {
        assert!(Catalogue::parse(&entry("a", "")).is_ok());
        for (text, said) in [
            (entry("a", "licens = \"MIT\""), "licens"),
            (entry("a", "") + &entry("A", ""), "two models"),
            (entry("a", "default = true") + &entry("b", "default = true"), "second default"),
            (entry("a", "").replace("repo = \"o/a\"\n", ""), "no repo"),
        ] {
            let error = Catalogue::parse(&text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
