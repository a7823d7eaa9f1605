//! From the name of a model to its files: a folder, the catalogue, the hub, or the binary.
//!
//! Separate because the order of places is a promise to users. The invariant: a model asked for by name is that model
//! or an error; only `auto` may end with the built-in one, and then says why.

mod fetch;
mod folder;

pub use fetch::Fetched;
pub use folder::verify;

use super::{
    EngineError, ModelFiles, builtin,
    catalogue::{Catalogue, Entry},
    hub::{DownloadPlan, Hub, HubError, HubOptions, MAIN, Progress},
};
use std::{convert::Infallible, path::Path, str::FromStr};

/// The folder beside the working folder's files that holds models put there by hand or by `summarize fetch`.
const MODELS: &str = "models";

/// Which model to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The catalogue's default for the languages, else the built-in one.
    Auto,
    /// This one and no other.
    Named(String),
}

impl FromStr for Choice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Choice, Infallible> {
        Ok(if text == "auto" { Choice::Auto } else { Choice::Named(text.to_owned()) })
    }
}

/// A model that was found.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// Its files.
    pub files: ModelFiles,
    /// Why another model than the default is used, in words for the user.
    pub notice: Option<String>,
    /// True for the model in the binary, whose documents carry a banner.
    pub builtin: bool,
}

/// Where to look for models, and who watches a download.
pub struct Resolver<'a> {
    /// The models known by name.
    pub catalogue: &'a Catalogue,
    /// The hub and its cache.
    pub options: &'a HubOptions,
    /// The folder that relative names start from.
    pub working_folder: &'a Path,
    /// Who watches a download.
    pub progress: &'a dyn Progress,
}

/// A model of the hub, as named by the user or the catalogue.
struct OnHub<'a> {
    entry: Option<&'a Entry>,
    repo: &'a str,
    revision: &'a str,
}

impl<'a> Resolver<'a> {
    /// Returns the files of a model, downloaded where they are not on this machine.
    ///
    /// A name is looked up as a folder of that path, as a folder of `models/`, in the catalogue, and on the hub;
    /// `builtin` always is the model in the binary. What is on this machine is used as it is: only
    /// [`fetch`](Resolver::fetch) asks the hub for something newer.
    pub fn resolve(&self, choice: &Choice, source: &str, target: &str) -> Result<Resolved, EngineError> {
        let found = |files| Resolved { files, notice: None, builtin: false };
        match choice {
            Choice::Auto => self.auto(source, target),
            Choice::Named(name) if name == builtin::NAME => {
                self.builtin().map(|files| Resolved { builtin: true, ..found(files) })
            }
            Choice::Named(name) => match self.folder_named(name)? {
                Some(files) => Ok(found(files)),
                None => self.have(&self.on_hub(name)?).map(found),
            },
        }
    }

    /// Returns the files of a catalogue model that are on this machine; asks no network.
    pub fn local(&self, entry: &Entry) -> Option<ModelFiles> {
        let Some(repo) = &entry.repo else { return self.builtin().ok() };
        let placed = [&entry.name, repo].into_iter().find_map(|name| self.placed(name).ok().flatten());
        let cached = || Hub::new(self.options).ok()?.cached(repo, Some(&entry.revision));
        placed.or_else(cached).map(|files| with_licence(files, Some(entry)))
    }

    fn auto(&self, source: &str, target: &str) -> Result<Resolved, EngineError> {
        let unknown = || EngineError::UnknownModel {
            name: "auto".to_owned(),
            hint: format!("none is known for {source} to {target}; name one of the hub with --model org/repo"),
        };
        let entry = self.catalogue.default_for(source, target).ok_or_else(unknown)?;
        if let Some(files) = self.local(entry) {
            return Ok(Resolved { files, notice: None, builtin: entry.repo.is_none() });
        }
        let on_hub = self.on_hub(&entry.name)?;
        let hub = Hub::new(self.options)?;
        match hub.plan(on_hub.repo, Some(on_hub.revision), self.progress) {
            Ok(mut plan) => {
                plan.licence = Some(entry.licence.clone());
                Ok(Resolved { files: self.carry_out(&hub, &plan)?, notice: None, builtin: false })
            }
            Err(error) if error.is_outage() || matches!(error, HubError::Offline { .. }) => {
                self.instead(entry, source, target, error)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the built-in model in place of a default that cannot be had, or the reason why not.
    fn instead(&self, wanted: &Entry, source: &str, target: &str, why: HubError) -> Result<Resolved, EngineError> {
        let fits = self.catalogue.find(builtin::NAME).is_some_and(|entry| entry.translates(source, target));
        let Some(files) = self.builtin().ok().filter(|_| fits) else { return Err(why.into()) };
        let reason = match why {
            HubError::Offline { .. } => "the network is switched off".to_owned(),
            why => why.to_string(),
        };
        let notice = format!(
            "{} is not on this machine ({reason}): using the built-in model, which is of demonstration quality. \
             `summarize fetch {}` gets the better one",
            wanted.name, wanted.name
        );
        Ok(Resolved { files, notice: Some(notice), builtin: true })
    }

    fn builtin(&self) -> Result<ModelFiles, EngineError> {
        let licence = self.catalogue.find(builtin::NAME).map(|entry| entry.licence.clone());
        builtin::model(licence).ok_or_else(|| EngineError::UnknownModel {
            name: builtin::NAME.to_owned(),
            hint: "this program was built without it (feature `builtin`)".to_owned(),
        })
    }

    /// Returns the model in the folder of this path or in `models/`, where there is such a folder.
    fn folder_named(&self, name: &str) -> Result<Option<ModelFiles>, EngineError> {
        let path = self.working_folder.join(name);
        if path.is_dir() { folder::open(&path).map(Some) } else { self.placed(name) }
    }

    fn placed(&self, name: &str) -> Result<Option<ModelFiles>, EngineError> {
        let path = self.working_folder.join(MODELS).join(name);
        if path.is_dir() { folder::open(&path).map(Some) } else { Ok(None) }
    }

    /// Returns the model of the hub that a name stands for, by the catalogue or as `organisation/model[@revision]`.
    fn on_hub<'b>(&'b self, name: &'b str) -> Result<OnHub<'b>, EngineError> {
        let (base, revision) = name.split_once('@').map_or((name, None), |(base, revision)| (base, Some(revision)));
        let entry = self.catalogue.find(base);
        let repo = entry.map_or(Some(base), |entry| entry.repo.as_deref());
        match repo.filter(|repo| repo.split('/').count() == 2 && !repo.starts_with(['.', '/'])) {
            Some(repo) => {
                let pinned = entry.map_or(MAIN, |entry| &entry.revision);
                Ok(OnHub { entry, repo, revision: revision.unwrap_or(pinned) })
            }
            None => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, name: &str) -> EngineError {
        let hint = match self.catalogue.nearest(name) {
            _ if name == builtin::NAME => "it is in the binary, there is nothing to download".to_owned(),
            _ if name.contains(['/', '\\']) => "no such folder".to_owned(),
            Some(nearest) => format!("did you mean {nearest}?"),
            None => "`summarize models` lists those known; give others as org/repo or as a folder".to_owned(),
        };
        EngineError::UnknownModel { name: name.to_owned(), hint }
    }

    /// Returns a model of the hub from the cache, or downloads it.
    fn have(&self, model: &OnHub<'_>) -> Result<ModelFiles, EngineError> {
        let hub = Hub::new(self.options)?;
        if let Some(files) = hub.cached(model.repo, Some(model.revision)) {
            return Ok(with_licence(files, model.entry));
        }
        self.download(&hub, model)
    }

    fn download(&self, hub: &Hub, model: &OnHub<'_>) -> Result<ModelFiles, EngineError> {
        let mut plan = hub.plan(model.repo, Some(model.revision), self.progress)?;
        plan.licence = model.entry.map(|entry| entry.licence.clone()).or(plan.licence);
        Ok(self.carry_out(hub, &plan)?)
    }

    /// Downloads a model, unless its configuration shows that it would not be run.
    fn carry_out(&self, hub: &Hub, plan: &DownloadPlan) -> Result<ModelFiles, HubError> {
        let accept = |config: &[u8]| folder::require_run(&plan.repo, config).map_err(|error| error.to_string());
        hub.download(plan, self.progress, &accept)
    }
}

/// Returns the files with the licence that the catalogue states; it has been looked at, the card may not have been.
fn with_licence(files: ModelFiles, entry: Option<&Entry>) -> ModelFiles {
    match entry {
        Some(entry) => ModelFiles { licence: Some(entry.licence.clone()), ..files },
        None => files,
    }
}
