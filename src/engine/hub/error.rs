//! What can go wrong between this machine and the hub, and what the user can do about it.
//!
//! Separate because two HTTP stacks report into it: the hub client for metadata, our own requests for files. The
//! invariant: an answer is classified in one place, [`HubError::status`], whichever of them received it.

use super::Digest;
use hf_hub::HFError;
use std::{error::Error, io, iter, path::PathBuf, time::Duration};

/// An error of the hub, of the way to it, or of its cache.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The name cannot be that of a repository, or the revision that of a revision.
    #[error("`{name}` is not a model of the hub: {reason}")]
    Name {
        /// The name as given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A setting of the hub cannot be used.
    #[error("the hub cannot be used: {0}")]
    Settings(String),
    /// The model is not in the cache and the network may not be used.
    #[error(
        "{model} is not complete in the cache {} (it lacks {lacks}), and the network is switched off: run \
         `summarize fetch {model}` where there is a network, or without --offline and HF_HUB_OFFLINE",
        cache.display()
    )]
    Offline {
        /// The model as the user can name it.
        model: String,
        /// The cache that was looked in.
        cache: PathBuf,
        /// What is missing, in words.
        lacks: String,
    },
    /// No connection, or no answer in time.
    #[error("no answer from the hub at {endpoint}: {reason}; check the network, or name a mirror with --hub")]
    Unreachable {
        /// Base address of the hub.
        endpoint: String,
        /// What the system said.
        reason: String,
    },
    /// The hub wants to know who asks, or will not let them have it.
    #[error("the hub does not let {who} read {repo}{}: {remedy}", said(detail))]
    Refused {
        /// The repository.
        repo: String,
        /// Whom the hub takes the user for.
        who: &'static str,
        /// What the hub said about it.
        detail: String,
        /// What to do.
        remedy: String,
    },
    /// The repository, the revision or a file of it does not exist.
    #[error("the hub has no {what}; `summarize models` lists the models known to work")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The hub asked to be left alone for a while.
    #[error("the hub is limiting requests{}: try again later; with HF_TOKEN set the limit is higher", wait(*retry_after))]
    RateLimited {
        /// How long it asked for.
        retry_after: Option<Duration>,
    },
    /// The hub failed.
    #[error("the hub failed with HTTP status {status}{}: try again later", said(detail))]
    ServerFailed {
        /// The HTTP status.
        status: u16,
        /// What the hub said about it.
        detail: String,
    },
    /// The answer is not one that a hub gives.
    #[error(
        "{endpoint} does not answer as a hub does: {reason}; check --hub and HF_ENDPOINT, and any login page of the network"
    )]
    Unexpected {
        /// Base address of the hub.
        endpoint: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The repository holds no model that could be run.
    #[error("{repo} holds no model for this program: it lacks {lacks}")]
    NoModel {
        /// The repository.
        repo: String,
        /// What is missing, in words.
        lacks: String,
    },
    /// The model is of a kind that this program does not run: why, and what to use instead.
    #[error("{0}")]
    NotRun(String),
    /// The connection broke or fell silent and could not be taken up again.
    #[error(
        "the download of {file} stopped at {have} of {size} bytes ({reason}): run the command again to go on there"
    )]
    Interrupted {
        /// Name of the file.
        file: String,
        /// Bytes that are kept.
        have: u64,
        /// Bytes of the whole.
        size: u64,
        /// What the system said.
        reason: String,
    },
    /// What came is not what the hub's listing promises, twice.
    #[error(
        "{file} came damaged twice ({found}, but the hub lists {expected}); nothing of it is kept: try again later, or \
         without a proxy or mirror between"
    )]
    Damaged {
        /// Name of the file.
        file: String,
        /// Size and hash of the listing.
        expected: String,
        /// What came.
        found: String,
    },
    /// The disk is full.
    #[error(
        "no space left for {}: free some, or name another folder with --cache-dir; what is there is kept",
        path.display()
    )]
    DiskFull {
        /// The file being written.
        path: PathBuf,
    },
    /// A file of the cache cannot be read or written.
    #[error("{}: {source}; check the permissions, or name another folder with --cache-dir", path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn said(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(" (it says: {detail})") }
}

fn wait(retry_after: Option<Duration>) -> String {
    retry_after.map(|wait| format!(" and asks to wait {} s", wait.as_secs())).unwrap_or_default()
}

/// What was asked of the hub, to word an error with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub endpoint: &'a str,
    pub repo: &'a str,
    pub revision: &'a str,
    /// The file asked for; `None` for the repository itself.
    pub file: Option<&'a str>,
    pub has_token: bool,
}

impl HubError {
    /// Returns the error for an HTTP status that is no success.
    pub(super) fn status(
        request: &Request<'_>,
        status: u16,
        code: Option<&str>,
        detail: &str,
        retry_after: Option<Duration>,
    ) -> HubError {
        let detail: String = detail.chars().filter(|c| !c.is_control()).take(200).collect();
        match (status, code) {
            (404, _) | (401 | 403, Some("RepoNotFound")) => HubError::NotFound { what: request.what(code) },
            (401 | 403, _) => HubError::Refused {
                repo: request.repo.to_owned(),
                who: if request.has_token { "the owner of HF_TOKEN" } else { "a visitor without HF_TOKEN" },
                detail,
                remedy: request.remedy(),
            },
            (429, _) => HubError::RateLimited { retry_after },
            (408 | 500.., _) => HubError::ServerFailed { status, detail },
            _ => request.unexpected(format!("HTTP status {status}{}", said(&detail))),
        }
    }

    /// Returns the error for what the hub client reports.
    pub(super) fn client(request: &Request<'_>, error: HFError) -> HubError {
        let retry_after = if let HFError::RateLimited { retry_after, .. } = &error { *retry_after } else { None };
        match error {
            HFError::Http { context }
            | HFError::AuthRequired { context }
            | HFError::Forbidden { context }
            | HFError::Conflict { context }
            | HFError::RateLimited { context, .. }
            | HFError::RepoNotFound { context: Some(context), .. }
            | HFError::RevisionNotFound { context: Some(context), .. }
            | HFError::EntryNotFound { context: Some(context), .. } => {
                let detail = context.server_message.as_deref().unwrap_or_default();
                HubError::status(request, context.status.as_u16(), context.error_code.as_deref(), detail, retry_after)
            }
            HFError::Request { source, .. } => HubError::transport(request, &source),
            error => request.unexpected(error.to_string()),
        }
    }

    /// Returns the error for a request that got no answer, or a broken one.
    pub(super) fn transport(request: &Request<'_>, error: &reqwest::Error) -> HubError {
        let is_nonsense = error.is_decode() && causes(error).any(|cause| cause.is::<serde_json::Error>());
        if is_nonsense || error.is_redirect() || error.is_builder() {
            return request.unexpected(cause(error));
        }
        let reason = if error.is_timeout() { "nothing came in time".to_owned() } else { cause(error) };
        HubError::Unreachable { endpoint: request.endpoint.to_owned(), reason }
    }

    /// Returns the error for a file of the cache.
    pub(super) fn cache(path: impl Into<PathBuf>, source: io::Error) -> HubError {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => HubError::DiskFull { path },
            _ => HubError::Cache { path, source },
        }
    }

    /// Returns the error for a file that came twice and was wrong twice.
    pub(super) fn damaged(file: &str, size: u64, digest: &Digest, found: String) -> HubError {
        HubError::Damaged { file: file.to_owned(), expected: format!("{size} bytes, {digest}"), found }
    }

    /// Returns true where the hub is not there at all or out of order, as opposed to having said no.
    pub fn is_outage(&self) -> bool {
        matches!(self, HubError::Unreachable { .. } | HubError::ServerFailed { .. })
    }
}

impl Request<'_> {
    /// Returns an error about an answer that makes no sense.
    pub(super) fn unexpected(&self, reason: impl Into<String>) -> HubError {
        HubError::Unexpected { endpoint: self.endpoint.to_owned(), reason: reason.into() }
    }

    fn what(&self, code: Option<&str>) -> String {
        let Request { repo, revision, file, .. } = self;
        match (code, file) {
            (Some("RepoNotFound"), _) => format!("repository {repo} (or it is private and HF_TOKEN may not read it)"),
            (_, Some(file)) => format!("file {file} in {repo} at {revision}"),
            _ => format!("repository {repo} with a revision {revision}"),
        }
    }

    fn remedy(&self) -> String {
        let Request { endpoint, repo, has_token, .. } = self;
        let accept = format!("accept its terms, if it has any, at {endpoint}/{repo}");
        match has_token {
            true => format!("{accept}, with the account whose token is in HF_TOKEN"),
            false => format!("{accept}, and set HF_TOKEN to a token of {endpoint}/settings/tokens"),
        }
    }
}

/// Returns the innermost cause, which is the one that says something.
fn cause(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| error.to_string(), |cause| cause.to_string())
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    iter::successors(error.source(), |&cause| cause.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: Request<'static> =
        Request { endpoint: "https://hub", repo: "a/b", revision: "main", file: None, has_token: false };

    fn message(status: u16, code: Option<&str>) -> String {
        HubError::status(&REQUEST, status, code, "no", None).to_string()
    }

    #[test]
    fn a_refusal_says_how_to_be_let_in() {
        for status in [401, 403] {
            let message = message(status, Some("GatedRepo"));
            assert!(message.contains("HF_TOKEN") && message.contains("https://hub/a/b"), "{message}");
        }
    }

    #[test]
    fn a_repository_that_is_not_there_points_to_those_that_are() {
        for (status, code) in [(404, None), (401, Some("RepoNotFound")), (404, Some("RevisionNotFound"))] {
            assert!(message(status, code).contains("summarize models"));
        }
    }

    #[test]
    fn only_a_hub_that_is_not_there_is_an_outage() {
        let is_outage = |status| HubError::status(&REQUEST, status, None, "", None).is_outage();
        assert!(is_outage(503) && is_outage(500));
        assert!(![401, 403, 404, 418, 429].into_iter().any(is_outage));
    }

    #[test]
    fn what_a_server_says_is_cut_short_and_stripped_of_control_characters() {
        let detail = format!("\x1b[31m{}", "x".repeat(1000));
        let message = HubError::status(&REQUEST, 500, None, &detail, None).to_string();
        assert!(message.len() < 400 && !message.contains('\x1b'), "{message}");
    }
}
