//! The model that writes summaries: chosen when a run begins, found, downloaded and loaded when the first article
//! needs it.
//!
//! Separate from the translation model because it may be absent, and nothing stands in for it. The invariants: nothing is
//! downloaded that was not asked for by name or by `--summary abstractive`; a model asked for is that model or an error.

use super::model::{self, record_of};
use crate::{
    cli::SummaryKind,
    config::Settings,
    engine::{
        DecodeOptions, Engine, EngineError, ModelFiles,
        arch::config::model_type,
        catalogue::{Catalogue, Entry, Task},
        generation::GenerationConfig,
        hub::{HubOptions, Progress, Quiet},
        resolve::{Choice, Resolver},
    },
    report::SummaryRecord,
    ui::{Downloads, Ui, licence},
};
use serde_json::Value;
use std::{path::Path, sync::Arc};

/// Families whose members read many languages, Arabic among them, where the catalogue does not say which.
const MULTILINGUAL: [&str; 4] = ["mbart", "m2m_100", "mt5", "umt5"];

/// Which text a model summarizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The article itself; what is written is translated.
    Source,
    /// Its translation.
    Target,
}

/// The model that writes the summaries of a run.
pub struct Summarizer<'a> {
    settings: &'a Settings,
    ui: &'a Ui,
    catalogue: Catalogue,
    options: HubOptions,
    /// As the user or the catalogue names it.
    name: String,
    found: Option<ModelFiles>,
    loaded: Option<Loaded>,
}

/// A summarizer ready to write.
#[derive(Clone)]
pub struct Loaded {
    /// The model.
    pub engine: Arc<Engine>,
    /// What it summarizes.
    pub side: Side,
    /// What documents say of it.
    pub record: SummaryRecord,
}

impl<'a> Summarizer<'a> {
    /// Returns the summarizer that the settings ask for; `None` where sentences of the article are chosen.
    ///
    /// `auto` takes one that is named, or the catalogue's where it is on this machine.
    pub fn choose(settings: &'a Settings, ui: &'a Ui) -> Result<Option<Self>, EngineError> {
        let (catalogue, options) = (model::catalogue()?, model::hub_options(settings));
        let by_default = catalogue.default_summarizer(&settings.lang).map(|entry| entry.name.clone());
        let name = match (settings.summary, settings.summary_model.as_str(), by_default) {
            (SummaryKind::Off | SummaryKind::Extractive, ..) | (SummaryKind::Auto, "auto", None) => return Ok(None),
            (SummaryKind::Abstractive, "auto", None) => return Err(none_known(&settings.lang)),
            (_, "auto", Some(name)) => name,
            (_, name, _) => name.to_owned(),
        };
        let mut summarizer = Summarizer { settings, ui, catalogue, options, name, found: None, loaded: None };
        summarizer.require_fit()?;
        if settings.summary == SummaryKind::Auto && settings.summary_model == "auto" {
            summarizer.look_on_this_machine();
            if summarizer.found.is_none() {
                let name = &summarizer.name;
                ui.detail(format!("summaries are extractive; `summarize fetch {name}` gets a model that writes them"));
                return Ok(None);
            }
        }
        Ok(Some(summarizer))
    }

    fn require_fit(&self) -> Result<(), EngineError> {
        let Some(entry) = self.entry() else { return Ok(()) };
        let unfit = |hint: String| Err(EngineError::UnknownModel { name: entry.name.clone(), hint });
        let Settings { from, lang, .. } = self.settings;
        let reads = |language: &str| entry.summarizes(language);
        match entry.task {
            Task::Translation => unfit("it translates: name it with --model".to_owned()),
            Task::Summary if !reads(lang) && !from.as_deref().is_none_or(reads) => {
                unfit(format!("it summarizes {}, not {lang}", entry.source.join(", ")))
            }
            Task::Summary => Ok(()),
        }
    }

    fn entry(&self) -> Option<&Entry> {
        match Path::new(&self.name).is_dir() {
            true => None,
            false => self.catalogue.find(&self.name),
        }
    }

    /// Finds the model without network; one that is not here leaves `found` empty.
    fn look_on_this_machine(&mut self) {
        if self.found.is_none() {
            let options = HubOptions { offline: true, ..self.options.clone() };
            self.found = self.resolve_with(&options, &Quiet).ok();
        }
    }

    fn resolve_with(&self, options: &HubOptions, progress: &dyn Progress) -> Result<ModelFiles, EngineError> {
        let resolver = Resolver { catalogue: &self.catalogue, options, working_folder: Path::new("."), progress };
        let choice = Choice::Named(self.name.clone());
        Ok(resolver.resolve(&choice, &self.settings.lang, &self.settings.lang)?.files)
    }

    /// Returns true where this run's model would write a summary alike to one that documents say this of.
    pub fn would_make(&mut self, made: &Value) -> bool {
        let (sentences, keep) = (self.settings.summary_sentences, self.settings.keep_unsupported);
        let alike = made["sentences"] == sentences
            && made["keep_unsupported"] == keep
            && made["precision"] == self.settings.precision.precision().name();
        self.look_on_this_machine();
        let of_entry = self.entry().and_then(|entry| entry.repo.as_deref());
        alike
            && match &self.found {
                Some(files) => {
                    let own = GenerationConfig::read(files).map_or(0, |config| config.num_beams);
                    made["name"] == files.name.as_str()
                        && made["revision"].as_str() == files.revision.as_deref()
                        && made["decode"]["beam"] == self.settings.beam.unwrap_or(own).max(1)
                }
                None => made["name"].as_str() == of_entry.or(self.name.split('@').next()),
            }
    }

    /// Returns the files of the model, downloaded where it is not on this machine.
    pub fn files(&mut self) -> Result<ModelFiles, EngineError> {
        self.look_on_this_machine();
        let files = match &self.found {
            Some(files) => files.clone(),
            None => self.resolve_with(&self.options, &Downloads::new(self.ui))?,
        };
        self.found = Some(files.clone());
        Ok(files)
    }

    /// Loads the model, downloaded where it is not on this machine; `source` is the language of the articles.
    pub fn load(&mut self, source: &str) -> Result<(), EngineError> {
        if self.loaded.is_some() {
            return Ok(());
        }
        let files = self.files()?;
        let side = self.side(&files, source)?;
        let language = if side == Side::Source { source } else { &self.settings.lang };
        let engine = Engine::load_summarizer(&files, &model::engine_options(self.settings), language)?;
        engine.notes().iter().for_each(|note| self.ui.warn(note));
        let record = SummaryRecord {
            model: record_of(&files, &engine, &self.decode()),
            sentences: self.settings.summary_sentences,
            keep_unsupported: self.settings.keep_unsupported,
        };
        self.announce(&record, side);
        self.loaded = Some(Loaded { engine: Arc::new(engine), side, record });
        Ok(())
    }

    /// Returns the model; `None` before it is loaded.
    pub fn loaded(&self) -> Option<&Loaded> {
        self.loaded.as_ref()
    }

    /// Returns what the model summarizes: the translation where it is known to read that and not the source.
    fn side(&self, files: &ModelFiles, source: &str) -> Result<Side, EngineError> {
        let reads_source = match self.entry() {
            Some(entry) => entry.summarizes(source),
            None => MULTILINGUAL.contains(&model_type(files)?.as_str()),
        };
        Ok(if reads_source { Side::Source } else { Side::Target })
    }

    fn announce(&self, record: &SummaryRecord, side: Side) {
        let licence = record.model.licence.as_deref().map_or("licence not stated".to_owned(), licence);
        let text = if side == Side::Source { "the articles" } else { "the translations" };
        self.ui.note(format!("summarizing {text} with {} ({licence}), beam {}", record.model.name, record.model.beam));
    }

    /// Returns how to decode.
    pub fn decode(&self) -> DecodeOptions {
        model::decode_options(self.settings)
    }
}

fn none_known(language: &str) -> EngineError {
    let hint = format!("no summarizer of {language} is known; name one of the hub with --summary-model org/repo");
    EngineError::UnknownModel { name: "auto".to_owned(), hint }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{HubOptions as HubFlags, MessageOptions, Options};

    fn choose(change: impl Fn(&mut Options)) -> Result<Option<String>, String> {
        let hub = HubFlags { offline: Some(true), cache_dir: Some("no-such-cache".into()), hub: None };
        let mut options = Options { hub, ..Options::default() };
        change(&mut options);
        let settings = Settings::new(options).map_err(|error| error.to_string())?;
        let ui = Ui::new(&MessageOptions { quiet: true, ..MessageOptions::default() });
        let chosen = Summarizer::choose(&settings, &ui).map_err(|error| error.to_string())?;
        Ok(chosen.map(|summarizer| summarizer.name))
    }

    #[test]
    fn auto_does_not_download_and_a_kind_or_a_name_asks_for_one() {
        assert_eq!(choose(|_| ()), Ok(None));
        let kind = |options: &mut Options| options.summary = Some(SummaryKind::Abstractive);
        assert_eq!(choose(kind), Ok(Some("distilbart-cnn-12-6".to_owned())));
        let named = |options: &mut Options| options.summary_model = Some("org/model".to_owned());
        assert_eq!(choose(named), Ok(Some("org/model".to_owned())));
    }

    #[test]
    fn a_model_that_does_not_fit_is_refused_before_any_download() {
        let named = |name: &'static str| move |options: &mut Options| options.summary_model = Some(name.to_owned());
        assert!(choose(named("opus-mt-ar-en")).unwrap_err().contains("it translates"));
        let french = |options: &mut Options| {
            options.summary = Some(SummaryKind::Abstractive);
            options.lang = Some("fr".to_owned());
        };
        assert!(choose(french).unwrap_err().contains("no summarizer of fr is known"));
        let off = |options: &mut Options| {
            options.summary = Some(SummaryKind::Off);
            options.summary_model = Some("org/model".to_owned());
        };
        assert!(choose(off).unwrap_err().contains("--summary-model"));
    }
}
