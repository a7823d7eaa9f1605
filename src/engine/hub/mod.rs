//! Models from a Hugging Face hub: planned, downloaded, verified, and found again in the cache that Python shares.
//!
//! Separate because it alone speaks to a network. The invariant: a model that is handed out has every file verified at
//! its download against the hash that the hub lists at one commit; what cannot be verified never becomes part of the
//! cache.

mod api;
mod cache;
mod digest;
mod error;
mod licence;
mod options;
mod plan;
mod progress;
mod retry;
mod selection;
mod transfer;

pub use digest::{Content, Digest};
pub use error::HubError;
pub use licence::{languages_of_folder as card_languages, of_folder as licence_of};
pub use options::{HubOptions, Patience, without_user};
pub use plan::{DownloadPlan, PlannedFile};
pub use progress::{Progress, Quiet};
pub use selection::{choose, missing};

use super::{ModelFiles, Origin};
use api::Api;
use cache::RepoCache;
use std::{collections::BTreeMap, fs, path::PathBuf, sync::OnceLock};
use transfer::Transfer;

/// The revision of a model for which none is named.
pub const MAIN: &str = "main";

/// A hub and the cache in front of it.
pub struct Hub {
    options: HubOptions,
    cache: PathBuf,
    /// Made when the network is first needed: it reads the certificates of the system, which takes a while.
    api: OnceLock<Api>,
}

impl Hub {
    /// Prepares a hub and its cache; nothing is asked or written yet.
    pub fn new(options: &HubOptions) -> Result<Hub, HubError> {
        let no_cache =
            || HubError::Settings("no folder for its files: set HF_HUB_CACHE, or use --cache-dir".to_owned());
        let cache = options.cache_dir.clone().ok_or_else(no_cache)?;
        Ok(Hub { options: options.clone(), cache, api: OnceLock::new() })
    }

    /// Returns what having a model would take: its commit, licence and files with sizes and hashes.
    ///
    /// No file is downloaded for it. A hub from which nothing comes is given up after [`Patience::first_contact`].
    pub fn plan(&self, repo: &str, revision: Option<&str>, progress: &dyn Progress) -> Result<DownloadPlan, HubError> {
        let revision = revision.unwrap_or(MAIN);
        let cache = self.repo(repo, revision)?;
        let api = self.api(repo, revision)?;
        let found = api.resolve(repo, revision, progress)?;
        let listing = api.list(repo, &found.commit, progress)?;
        let names: Vec<String> = listing.iter().map(|file| file.name.clone()).collect();
        let no_model = |lacks: Vec<String>| HubError::NoModel { repo: repo.to_owned(), lacks: lacks.join("; ") };
        let wanted = selection::choose(&names).map_err(no_model)?;
        let files = wanted.iter().filter_map(|name| listing.iter().find(|file| file.name == *name)).map(|file| {
            let size_there = cache.blob(&file.digest).metadata().map(|blob| blob.len()).ok();
            let (name, size, digest) = (file.name.clone(), file.size, file.digest.clone());
            PlannedFile { name, size, digest, cached: size_there == Some(file.size) }
        });
        Ok(DownloadPlan {
            repo: repo.to_owned(),
            revision: revision.to_owned(),
            commit: found.commit,
            licence: found.licence,
            endpoint: api.base().to_owned(),
            files: files.collect(),
        })
    }

    /// Downloads what the cache lacks of a plan, verifies all of it, and returns the model.
    ///
    /// `accept` is given `config.json`, which comes first, and may refuse the model before its weights are asked for.
    pub fn download(
        &self,
        plan: &DownloadPlan,
        progress: &dyn Progress,
        accept: &dyn Fn(&[u8]) -> Result<(), String>,
    ) -> Result<ModelFiles, HubError> {
        let cache = self.repo(&plan.repo, &plan.revision)?;
        let api = self.api(&plan.repo, &plan.revision)?;
        if plan.bytes_to_fetch() > 0 {
            progress.announced(plan);
        }
        let transfer = Transfer { api, cache: &cache, plan, progress };
        let mut hashes = BTreeMap::new();
        for file in &plan.files {
            hashes.insert(file.name.clone(), transfer.obtain(file)?.sha256);
            if file.name == "config.json" {
                let path = cache.blob(&file.digest);
                let content = fs::read(&path).map_err(|source| HubError::Cache { path, source })?;
                accept(&content).map_err(HubError::NotRun)?;
            }
        }
        // The configuration comes last: a snapshot without it is not taken for a model by anyone.
        let (last, first): (Vec<_>, Vec<_>) = plan.files.iter().partition(|file| file.name == "config.json");
        for file in first.into_iter().chain(last) {
            cache.show(&plan.commit, &file.name, &file.digest)?;
        }
        let folder = cache.snapshot(&plan.commit);
        let lacks = missing(&folder);
        if !lacks.is_empty() {
            return Err(HubError::NoModel { repo: plan.repo.clone(), lacks: lacks.join("; ") });
        }
        cache.set_commit(&plan.revision, &plan.commit)?;
        let (licence, revision) = (plan.licence.clone(), Some(plan.commit.clone()));
        Ok(ModelFiles { origin: Origin::Folder(folder), name: plan.repo.clone(), revision, licence, hashes })
    }

    /// Returns a model that is complete in the cache, whether this program or Python put it there; asks no network.
    pub fn cached(&self, repo: &str, revision: Option<&str>) -> Option<ModelFiles> {
        self.in_cache(repo, revision.unwrap_or(MAIN)).ok()
    }

    fn in_cache(&self, repo: &str, revision: &str) -> Result<ModelFiles, String> {
        let cache = self.repo(repo, revision).map_err(|error| error.to_string())?;
        let commit = cache.commit(revision).ok_or_else(|| format!("any file of revision {revision}"))?;
        let folder = cache.snapshot(&commit);
        let mut lacks = missing(&folder);
        let listing = cache.listing(&commit).unwrap_or_default();
        lacks.extend(selection::small_of(&listing).filter(|name| !folder.join(name).is_file()).map(str::to_owned));
        if !lacks.is_empty() {
            lacks.dedup();
            return Err(lacks.join("; "));
        }
        let (name, licence) = (repo.to_owned(), licence_of(&folder));
        Ok(ModelFiles {
            origin: Origin::Folder(folder),
            name,
            revision: Some(commit),
            licence,
            hashes: BTreeMap::new(),
        })
    }

    /// Returns the connection, or what the cache lacks where the network is switched off.
    fn api(&self, repo: &str, revision: &str) -> Result<&Api, HubError> {
        match self.api.get() {
            _ if self.options.offline => Err(self.offline(repo, revision)),
            Some(api) => Ok(api),
            None => {
                let api = Api::new(&self.options, &self.cache)?;
                Ok(self.api.get_or_init(|| api))
            }
        }
    }

    fn offline(&self, repo: &str, revision: &str) -> HubError {
        let model = if revision == MAIN { repo.to_owned() } else { format!("{repo}@{revision}") };
        let lacks = self.in_cache(repo, revision).err().unwrap_or_else(|| "nothing".to_owned());
        HubError::Offline { model, cache: self.cache.clone(), lacks }
    }

    /// Returns the cache of a repository, once its name and revision are known to be safe in a path.
    fn repo(&self, repo: &str, revision: &str) -> Result<RepoCache, HubError> {
        let bad = |name: &str, reason| HubError::Name { name: name.to_owned(), reason };
        let is_word = |word: &str| {
            let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "._-+".contains(c));
            plain && !word.is_empty() && !word.starts_with(['.', '-']) && !word.contains("..")
        };
        if repo.split('/').count() != 2 || !repo.split('/').all(is_word) || repo.contains("--") {
            return Err(bad(repo, "a name there is `organisation/model`"));
        }
        if !revision.split('/').all(is_word) {
            return Err(bad(&format!("{repo}@{revision}"), "the revision after @ is a branch, a tag or a commit"));
        }
        Ok(RepoCache::new(&self.cache, repo, self.options.symlinks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_leave_the_cache_are_refused() {
        let options = HubOptions { offline: true, cache_dir: Some("cache".into()), ..HubOptions::default() };
        let hub = Hub::new(&options).unwrap();
        for repo in ["x", "../x", "a/..", "a/b/c", "/a", "a/b--c", "a/b c", "C:\\a/b", ""] {
            assert!(matches!(hub.repo(repo, MAIN), Err(HubError::Name { .. })), "{repo}");
        }
        for revision in ["", "../main", "refs/../x", "/x", "a//b", "a\\b"] {
            assert!(matches!(hub.repo("a/b", revision), Err(HubError::Name { .. })), "{revision}");
        }
        assert!(hub.repo("Helsinki-NLP/opus-mt-ar-en", "refs/pr/1").is_ok());
    }

    #[test]
    fn without_a_folder_for_the_cache_there_is_no_hub() {
        assert!(matches!(Hub::new(&HubOptions::default()), Err(HubError::Settings(_))));
    }
}
