//! The model of a run: found, downloaded and loaded only when the first article needs it.
//!
//! Separate because a rerun in which all is done must need no model, yet must know which one it would use. The
//! invariant: nothing is downloaded before [`Model::loaded`] or [`Model::resolved`] is called.

use crate::{
    config::Settings,
    engine::{
        DecodeOptions, Engine, EngineError, EngineOptions, ModelFiles, builtin,
        catalogue::{Catalogue, Entry, Task},
        generation::GenerationConfig,
        hub::{HubOptions, Quiet},
        resolve::{Choice, Resolved, Resolver},
    },
    report::ModelRecord,
    ui::{Downloads, Ui},
};
use std::{env, path::Path, sync::Arc};

/// The language that is read where neither the user nor the catalogue says another.
const DEFAULT_SOURCE: &str = "ar";

/// The model of a run.
pub struct Model<'a> {
    settings: &'a Settings,
    ui: &'a Ui,
    catalogue: Catalogue,
    options: HubOptions,
    choice: Choice,
    found: Option<Found>,
    engine: Option<Arc<Engine>>,
}

/// A model that was found, and whether that is final.
struct Found {
    resolved: Resolved,
    /// False where the hub was not asked and might have a better one.
    is_final: bool,
    /// Beams that the run decodes with.
    beam: usize,
}

/// What a document says of the model that made it, as far as it decides whether to make it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made<'a> {
    /// Name of the model.
    pub name: &'a str,
    /// Commit of the hub repository.
    pub revision: Option<&'a str>,
    /// Beams.
    pub beam: u64,
    /// Name of the arithmetic.
    pub precision: &'a str,
    /// Sentences in doubt were decoded again.
    pub repair: bool,
}

/// Returns the settings of the hub: flags, `SUMMARIZE_*` and `summarize.toml` over what Python's huggingface_hub reads.
pub fn hub_options(settings: &Settings) -> HubOptions {
    let mut options = HubOptions::from_env(|name| env::var(name).ok());
    options.cache_dir = settings.cache_dir.clone().or(options.cache_dir);
    options.offline |= settings.offline;
    match &settings.hub {
        Some(endpoint) => options.at(endpoint),
        None => options,
    }
}

/// Returns how a model of the run is loaded.
pub(super) fn engine_options(settings: &Settings) -> EngineOptions {
    let Settings { device, precision, exact, threads, .. } = *settings;
    EngineOptions { device, precision, exact, threads }
}

/// Returns how a model of the run decodes.
pub(super) fn decode_options(settings: &Settings) -> DecodeOptions {
    DecodeOptions { beam: settings.beam, batch_tokens: settings.batch_tokens }
}

/// Returns the catalogue in the binary.
pub fn catalogue() -> Result<Catalogue, EngineError> {
    Catalogue::shipped().map_err(|error| EngineError::Unsupported(error.to_string()))
}

impl<'a> Model<'a> {
    /// Prepares the model that the settings name; an error where it is known not to fit the languages.
    pub fn new(settings: &'a Settings, ui: &'a Ui) -> Result<Self, EngineError> {
        let choice = match settings.model.as_str() {
            "auto" => Choice::Auto,
            name => Choice::Named(name.to_owned()),
        };
        let (catalogue, options) = (catalogue()?, hub_options(settings));
        let model = Model { settings, ui, catalogue, options, choice, found: None, engine: None };
        model.require_languages()?;
        Ok(model)
    }

    fn require_languages(&self) -> Result<(), EngineError> {
        let (source, target) = (self.reads(), self.settings.lang.as_str());
        let wrong = |name: &str, hint: String| Err(EngineError::UnknownModel { name: name.to_owned(), hint });
        match (self.entry(), &self.choice) {
            (None, Choice::Auto) => wrong(
                "auto",
                format!("none is known for {source} to {target}; name one of the hub with --model org/repo"),
            ),
            (Some(entry), _) if entry.task == Task::Summary => {
                wrong(&entry.name, "it summarizes: name it with --summary-model".to_owned())
            }
            (Some(entry), _) if !entry.translates(source, target) => {
                let (reads, writes) = (entry.source.join(", "), entry.target.join(", "));
                wrong(&entry.name, format!("it reads {reads} and writes {writes}, not {source} to {target}"))
            }
            _ => Ok(()),
        }
    }

    /// Returns the catalogue's entry for the model, where it has one.
    fn entry(&self) -> Option<&Entry> {
        match &self.choice {
            Choice::Auto => self.catalogue.entries().iter().filter(|e| e.task == Task::Translation).find(|entry| {
                let reads = self.settings.from.as_ref().is_none_or(|from| entry.source.contains(from));
                entry.default && reads && entry.target.contains(&self.settings.lang)
            }),
            Choice::Named(name) if Path::new(name).is_dir() => None,
            Choice::Named(name) => self.catalogue.find(name),
        }
    }

    /// Returns the language that the model reads.
    pub fn reads(&self) -> &str {
        let of_entry = || self.entry().and_then(|entry| entry.source.first()).map(String::as_str);
        self.settings.from.as_deref().or_else(of_entry).unwrap_or(DEFAULT_SOURCE)
    }

    /// Returns true where this run's model would make a document alike: same name, revision, beams, arithmetic and repair.
    ///
    /// Asks the hub only where a document came from the built-in model in place of a better one that may now be had.
    pub fn would_make(&mut self, made: Made<'_>) -> Result<bool, EngineError> {
        if made.precision != self.settings.precision.precision().name() || made.repair != self.settings.repair {
            return Ok(false);
        }
        self.look_on_this_machine();
        let Some(found) = &self.found else { return Ok(self.is_called(made.name)) };
        if !found.is_final && self.is_called(made.name) {
            return Ok(true);
        }
        if !found.is_final && made.name == builtin::NAME && !self.settings.dry_run {
            self.resolved()?;
        }
        let Some(Found { resolved, beam, .. }) = &self.found else { return Ok(false) };
        let files = &resolved.files;
        Ok(files.name == made.name && files.revision.as_deref() == made.revision && *beam as u64 == made.beam)
    }

    /// Returns true where documents would give the model this name, as far as can be known without having it.
    fn is_called(&self, name: &str) -> bool {
        let of_entry = self.entry().and_then(|entry| entry.repo.as_deref());
        match &self.choice {
            Choice::Auto => of_entry == Some(name),
            Choice::Named(choice) => of_entry.or(choice.split('@').next()) == Some(name),
        }
    }

    /// Finds the model without network; one that is not here leaves `found` empty.
    fn look_on_this_machine(&mut self) {
        if self.found.is_some() {
            return;
        }
        let options = HubOptions { offline: true, ..self.options.clone() };
        if let Ok(resolved) = self.resolve_with(&options, &Quiet) {
            let is_final = resolved.notice.is_none() || self.options.offline;
            self.found = self.found_as(resolved, is_final).ok();
        }
    }

    /// Returns the model, downloaded where it is not on this machine.
    pub fn resolved(&mut self) -> Result<&Resolved, EngineError> {
        if self.found.as_ref().is_none_or(|found| !found.is_final) {
            let resolved = self.resolve_with(&self.options, &Downloads::new(self.ui))?;
            self.found = Some(self.found_as(resolved, true)?);
        }
        Ok(&self.found.as_ref().expect("it was set above where it was empty").resolved)
    }

    fn found_as(&self, resolved: Resolved, is_final: bool) -> Result<Found, EngineError> {
        let own = GenerationConfig::read(&resolved.files)?.num_beams;
        Ok(Found { beam: self.settings.beam.unwrap_or(own).max(1), resolved, is_final })
    }

    fn resolve_with(
        &self,
        options: &HubOptions,
        progress: &dyn crate::engine::hub::Progress,
    ) -> Result<Resolved, EngineError> {
        let resolver = Resolver { catalogue: &self.catalogue, options, working_folder: Path::new("."), progress };
        resolver.resolve(&self.choice, self.reads(), &self.settings.lang)
    }

    /// Returns the engine, loaded at the first call, which also says what is used.
    pub fn loaded(&mut self) -> Result<Arc<Engine>, EngineError> {
        if let Some(engine) = &self.engine {
            return Ok(Arc::clone(engine));
        }
        let resolved = self.resolved()?.clone();
        let engine = Engine::load(&resolved.files, &engine_options(self.settings))?
            .translating(self.reads(), &self.settings.lang)?;
        let engine = Arc::new(engine);
        self.announce(&resolved, &engine);
        self.engine = Some(Arc::clone(&engine));
        Ok(engine)
    }

    fn announce(&self, resolved: &Resolved, engine: &Engine) {
        match &resolved.notice {
            Some(notice) => self.ui.warn(notice),
            None if resolved.builtin => self.ui.warn("the built-in model is of demonstration quality"),
            None => {}
        }
        engine.notes().iter().for_each(|note| self.ui.warn(note));
        let record = self.record_of(resolved, engine);
        let revision = record.revision.as_deref().map(|commit| format!(" at {commit:.12}")).unwrap_or_default();
        let licence = record.licence.as_deref().unwrap_or("licence not stated");
        let (device, precision, beam) = (&record.device, &record.precision, record.beam);
        self.ui.note(format!(
            "translating with {}{revision} ({licence}) on {device}, {precision}, beam {beam}",
            record.name
        ));
    }

    /// Returns how to decode.
    pub fn decode(&self) -> DecodeOptions {
        decode_options(self.settings)
    }

    /// Returns what documents say of the model; `None` before it is loaded.
    pub fn record(&self) -> Option<ModelRecord> {
        let (found, engine) = (self.found.as_ref()?, self.engine.as_ref()?);
        Some(self.record_of(&found.resolved, engine))
    }

    fn record_of(&self, resolved: &Resolved, engine: &Engine) -> ModelRecord {
        let demonstration = resolved.builtin;
        ModelRecord {
            demonstration,
            repair: self.settings.repair,
            ..record_of(&resolved.files, engine, &self.decode())
        }
    }
}

/// Returns what documents say of a model that was loaded.
pub(super) fn record_of(files: &ModelFiles, engine: &Engine, decode: &DecodeOptions) -> ModelRecord {
    ModelRecord {
        name: files.name.clone(),
        revision: files.revision.clone(),
        licence: files.licence.clone(),
        files: engine.files().clone(),
        device: engine.device().to_owned(),
        precision: engine.precision().to_owned(),
        beam: engine.beam(decode),
        length_penalty: engine.length_penalty(),
        repair: false,
        demonstration: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{HubOptions as HubFlags, MessageOptions, Options};

    fn settings(model: &str, lang: &str) -> Settings {
        let hub = HubFlags { offline: Some(true), cache_dir: Some("no-such-cache".into()), hub: None };
        let options = Options { model: Some(model.into()), lang: Some(lang.into()), hub, ..Options::default() };
        Settings::new(options).unwrap()
    }

    fn quiet() -> Ui {
        Ui::new(&MessageOptions { quiet: true, ..MessageOptions::default() })
    }

    #[test]
    fn a_model_that_does_not_write_the_language_is_refused_before_any_download() {
        let (settings, ui) = (settings("opus-mt-ar-en", "fr"), quiet());
        let message = Model::new(&settings, &ui).err().unwrap().to_string();
        assert!(message.contains("it reads ar and writes en, not ar to fr"), "{message}");
    }

    #[test]
    fn a_document_of_the_named_model_counts_without_the_model() {
        let (settings, ui) = (settings("opus-mt-ar-en", "en"), quiet());
        let mut model = Model::new(&settings, &ui).unwrap();
        let made = |name| Made { name, revision: Some("abc"), beam: 4, precision: "f32", repair: true };
        assert!(model.would_make(made("Helsinki-NLP/opus-mt-ar-en")).unwrap());
        assert!(!model.would_make(made("builtin")).unwrap());
    }

    #[cfg(feature = "builtin")]
    #[test]
    fn offline_a_document_of_the_built_in_model_counts_for_auto() {
        let (settings, ui) = (settings("auto", "en"), quiet());
        let mut model = Model::new(&settings, &ui).unwrap();
        let beam = model.resolved().map(|resolved| GenerationConfig::read(&resolved.files).unwrap().num_beams).unwrap();
        let made =
            |beam: usize| Made { name: "builtin", revision: None, beam: beam as u64, precision: "f32", repair: true };
        assert!(model.would_make(made(beam)).unwrap());
        assert!(!model.would_make(made(beam + 1)).unwrap());
        assert!(!model.would_make(Made { precision: "int8", ..made(beam) }).unwrap());
        assert!(!model.would_make(Made { repair: false, ..made(beam) }).unwrap());
    }
}
