//! The requests to the hub: what a revision stands for, what files it has, and their bytes.
//!
//! Separate so that all that knows HTTP is here. The `hf-hub` client resolves revisions. The listing and the files are
//! asked for directly, because that client (1.0.0) reads the SHA-256 of large files under a name that listings do not
//! use, takes an error page for a file, and changes to the Xet protocol where a server offers it. The invariant: the
//! token goes to the endpoint alone; a redirect to another host, port or scheme loses it.

use super::{Digest, HubError, HubOptions, Patience, Progress, error::Request, licence, retry::Retry};
use hf_hub::{HFClient, HFClientSync, split_id};
use reqwest::{
    Url, blocking,
    header::{ACCEPT_ENCODING, HeaderMap, RANGE, RETRY_AFTER},
    redirect::Policy,
};
use serde::Deserialize;
use std::{path::Path, sync::OnceLock, time::Duration};

const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// Stands for "no token": no header can hold it, so the client sends none. Given nothing at all the client would read
/// `HF_TOKEN` by itself and send that to any endpoint.
const NO_TOKEN: &str = "\n";

/// A connection to a hub.
pub(super) struct Api {
    endpoint: Url,
    base: String,
    token: Option<String>,
    patience: Patience,
    metadata: HFClientSync,
    files: OnceLock<blocking::Client>,
}

/// What a revision stands for.
pub(super) struct Revision {
    pub commit: String,
    pub licence: Option<String>,
}

/// A file of a listing.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    oid: String,
    size: u64,
    path: String,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    /// Listings say `oid`, the repository's own information `sha256`.
    #[serde(alias = "sha256")]
    oid: String,
    size: u64,
}

/// A file of a repository, with its size and digest.
pub(super) struct Listed {
    pub name: String,
    pub size: u64,
    pub digest: Digest,
}

impl Api {
    /// Prepares the connection; nothing is sent yet.
    pub fn new(options: &HubOptions, cache: &Path) -> Result<Api, HubError> {
        let base = options.shown_endpoint();
        let unusable = |reason: String| HubError::Settings(format!("endpoint `{base}`: {reason}"));
        let endpoint = Url::parse(options.endpoint()).map_err(|error| unusable(error.to_string()))?;
        if !matches!(endpoint.scheme(), "http" | "https") || endpoint.host_str().is_none() {
            return Err(unusable("it must begin with https:// or http://".to_owned()));
        }
        let mut client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .https_only(endpoint.scheme() == "https")
            .connect_timeout(options.patience.first_contact)
            .read_timeout(options.patience.first_contact);
        if is_loopback(&endpoint) {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| HubError::Settings(error.to_string()))?;
        let metadata = HFClient::builder()
            .client(client)
            .endpoint(options.endpoint())
            .token(options.token.as_deref().unwrap_or(NO_TOKEN))
            .cache_dir(cache)
            .retry_max_attempts(0)
            .build_sync()
            .map_err(|error| HubError::Settings(error.to_string()))?;
        let (token, patience) = (options.token.clone(), options.patience);
        Ok(Api { endpoint, base, token, patience, metadata, files: OnceLock::new() })
    }

    /// Returns how long to wait for the hub.
    pub fn patience(&self) -> &Patience {
        &self.patience
    }

    /// Returns the base address of the hub, to name it.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Returns the terms to word an error with.
    pub fn request<'a>(&'a self, repo: &'a str, revision: &'a str, file: Option<&'a str>) -> Request<'a> {
        Request { endpoint: &self.base, repo, revision, file, has_token: self.token.is_some() }
    }

    /// Asks which commit a revision stands for. No answer is final here, so that a missing network is noticed soon.
    pub fn resolve(&self, repo: &str, revision: &str, progress: &dyn Progress) -> Result<Revision, HubError> {
        let request = self.request(repo, revision, None);
        let (owner, name) = split_id(repo);
        let model = self.metadata.model(owner, name);
        let ask = || match model.info().revision(revision).send() {
            Ok(info) => Ok(Ok(info)),
            Err(error) => match HubError::client(&request, error) {
                error @ HubError::Unreachable { .. } => Ok(Err(error)),
                error => Err(error),
            },
        };
        let info = Retry::new(&self.patience, progress).run(ask)??;
        let commit = info.sha.filter(|sha| super::cache::is_commit(sha));
        let commit = commit.ok_or_else(|| request.unexpected(format!("it names no commit for {repo}")))?;
        let card = info.card_data.as_ref().and_then(|card| card.get("license")).and_then(|licence| licence.as_str());
        Ok(Revision { commit, licence: card.map(licence::spdx) })
    }

    /// Lists the files at the top of a repository.
    pub fn list(&self, repo: &str, commit: &str, progress: &dyn Progress) -> Result<Vec<Listed>, HubError> {
        let request = self.request(repo, commit, None);
        let (owner, name) = split_id(repo);
        let url = self.url(&["api", "models", owner, name, "tree", commit]);
        let ask = || {
            let answer = self.get(&request, url.clone(), None)?;
            answer.json::<Vec<Entry>>().map_err(|error| HubError::transport(&request, &error))
        };
        let entries = Retry::new(&self.patience, progress).run(ask)?;
        let files = entries.into_iter().filter(|entry| entry.kind == "file" && !entry.path.contains(['/', '\\']));
        files.map(|entry| entry.listed().ok_or_else(|| request.unexpected("it lists a file without a hash"))).collect()
    }

    /// Opens a file from a byte on; the answer is a success, but whether it begins there its headers say.
    pub fn open(&self, repo: &str, commit: &str, file: &str, from: u64) -> Result<blocking::Response, HubError> {
        let (owner, name) = split_id(repo);
        let url = self.url(&[owner, name, "resolve", commit, file]);
        self.get(&self.request(repo, commit, Some(file)), url, Some(from).filter(|from| *from > 0))
    }

    fn get(&self, request: &Request<'_>, url: Url, from: Option<u64>) -> Result<blocking::Response, HubError> {
        // A range counts bytes of the content as it is sent: it must not be compressed on the way.
        let mut get = self.files()?.get(url).header(ACCEPT_ENCODING, "identity");
        if let Some(from) = from {
            get = get.header(RANGE, format!("bytes={from}-"));
        }
        if let Some(token) = &self.token {
            get = get.bearer_auth(token);
        }
        let answer = get.send().map_err(|error| HubError::transport(request, &error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let text = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let detail = text("x-error-message").unwrap_or_default();
        let status = answer.status().as_u16();
        Err(HubError::status(request, status, text("x-error-code"), detail, retry_after(answer.headers())))
    }

    /// Returns the client for listings and files, made when it is first needed: it keeps a thread.
    fn files(&self) -> Result<&blocking::Client, HubError> {
        if let Some(client) = self.files.get() {
            return Ok(client);
        }
        let mut client = blocking::Client::builder()
            .user_agent(USER_AGENT)
            .https_only(self.endpoint.scheme() == "https")
            .connect_timeout(self.patience.first_contact)
            // In this client: the longest wait for any one step, not for the whole.
            .timeout(self.patience.stall)
            .redirect(Policy::limited(10));
        if is_loopback(&self.endpoint) {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| HubError::Settings(error.to_string()))?;
        Ok(self.files.get_or_init(|| client))
    }

    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.endpoint.clone();
        // Only addresses without a host have no segments, and `new` lets none in.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl Entry {
    fn listed(self) -> Option<Listed> {
        let (hash, size) = self.lfs.map_or((self.oid, self.size), |lfs| (lfs.oid, lfs.size));
        Some(Listed { name: self.path, size, digest: Digest::parse(&hash)? })
    }
}

/// A proxy could not reach a hub on this machine.
fn is_loopback(endpoint: &Url) -> bool {
    let host = endpoint.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
