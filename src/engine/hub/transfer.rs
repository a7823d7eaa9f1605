//! One file from the hub into the cache: resumed where it stopped, verified before it has its name.
//!
//! Separate because it is the only writer of blobs. The invariant: a file in `blobs/` without `.incomplete` has the
//! size and the hash that the hub lists; whatever else came is removed.

use super::{
    DownloadPlan, HubError, PlannedFile, Progress,
    api::Api,
    cache::{RepoCache, create_parent},
    digest::Content,
    retry::Retry,
};
use reqwest::{StatusCode, blocking::Response, header::CONTENT_RANGE};
use std::{
    fs::{self, File},
    io::{Read, Write},
    path::Path,
};

/// Bytes read at once.
const BUFFER: usize = 1 << 18;

/// The download of a plan's files.
pub(super) struct Transfer<'a> {
    pub api: &'a Api,
    pub cache: &'a RepoCache,
    pub plan: &'a DownloadPlan,
    pub progress: &'a dyn Progress,
}

/// A file on its way: what is on disk, and how far it ever got.
struct Part {
    out: File,
    have: u64,
    furthest: u64,
}

impl Transfer<'_> {
    /// Returns the hashes of a file once its blob is in the cache and verified; another process may have put it there.
    pub fn obtain(&self, file: &PlannedFile) -> Result<Content, HubError> {
        let _lock = self.cache.lock(&file.digest, &file.name, self.progress)?;
        self.progress.started(&file.name, file.size);
        let content = match self.verified(file)? {
            Some(content) => {
                self.progress.advanced(file.size);
                content
            }
            None => self.download(file)?,
        };
        self.progress.finished(&file.name);
        Ok(content)
    }

    /// Returns the hashes of a blob that is there and right; one that is wrong is removed.
    fn verified(&self, file: &PlannedFile) -> Result<Option<Content>, HubError> {
        let blob = self.cache.blob(&file.digest);
        if !blob.is_file() {
            return Ok(None);
        }
        match check(&blob, file)? {
            Ok(content) => Ok(Some(content)),
            Err(_) => remove(&blob).map(|()| None),
        }
    }

    fn download(&self, file: &PlannedFile) -> Result<Content, HubError> {
        let part = self.cache.incomplete(&file.digest);
        create_parent(&part)?;
        let mut found = self.attempt(file, &part)?;
        if found.is_err() {
            self.progress.restarted(&file.name);
            found = self.attempt(file, &part)?;
        }
        let content = found.map_err(|found| HubError::damaged(&file.name, file.size, &file.digest, found))?;
        let blob = self.cache.blob(&file.digest);
        fs::rename(&part, &blob).map_err(|error| HubError::cache(blob, error))?;
        Ok(content)
    }

    /// Fills the part and checks it; one that is wrong is removed and described.
    fn attempt(&self, file: &PlannedFile, part: &Path) -> Result<Result<Content, String>, HubError> {
        self.fill(file, part)?;
        let found = check(part, file)?;
        if found.is_err() {
            remove(part)?;
        }
        Ok(found)
    }

    /// Asks for what is still missing until nothing is, and writes it to disk for good.
    fn fill(&self, file: &PlannedFile, path: &Path) -> Result<(), HubError> {
        let at_path = |error| HubError::cache(path, error);
        let out = File::options().create(true).append(true).open(path).map_err(at_path)?;
        let have = out.metadata().map_err(at_path)?.len();
        let mut part = Part { out, have, furthest: have };
        if have > file.size {
            self.restart(&mut part, file).map_err(at_path)?;
        }
        self.progress.advanced(part.have);
        let mut retry = Retry::new(self.api.patience(), self.progress);
        while part.have < file.size {
            let Err(error) = self.append(&mut part, file, path) else { continue };
            if part.have > part.furthest {
                part.furthest = part.have;
                retry.advanced();
            }
            retry.after(error)?;
        }
        part.out.sync_all().map_err(at_path)
    }

    /// Asks once for the rest and appends what comes.
    fn append(&self, part: &mut Part, file: &PlannedFile, path: &Path) -> Result<(), HubError> {
        let at_path = |error| HubError::cache(path, error);
        let plan = self.plan;
        let interrupted = |have: u64, reason: String| HubError::Interrupted {
            file: file.name.clone(),
            have,
            size: file.size,
            reason,
        };
        let answer = self.api.open(&plan.repo, &plan.commit, &file.name, part.have).map_err(|error| match error {
            HubError::Unreachable { reason, .. } => interrupted(part.have, reason),
            error => error,
        })?;
        if part.have > 0 && !continues(&answer, part.have) {
            self.restart(part, file).map_err(at_path)?;
            if answer.status() == StatusCode::PARTIAL_CONTENT {
                return Err(interrupted(0, "the hub sent another part of the file than asked for".to_owned()));
            }
        }
        let mut rest = answer.take(file.size - part.have);
        let mut buffer = vec![0; BUFFER];
        loop {
            match rest.read(&mut buffer) {
                Ok(0) if part.have == file.size => return Ok(()),
                Ok(0) => return Err(interrupted(part.have, "the file ended early".to_owned())),
                Ok(count) => {
                    part.out.write_all(&buffer[..count]).map_err(at_path)?;
                    part.have += count as u64;
                    self.progress.advanced(count as u64);
                }
                Err(error) => return Err(interrupted(part.have, error.to_string())),
            }
        }
    }

    fn restart(&self, part: &mut Part, file: &PlannedFile) -> std::io::Result<()> {
        part.out.set_len(0)?;
        part.have = 0;
        self.progress.restarted(&file.name);
        Ok(())
    }
}

/// Returns true where an answer to a request for a range begins at the byte asked for.
fn continues(answer: &Response, from: u64) -> bool {
    let range = answer.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    answer.status() == StatusCode::PARTIAL_CONTENT && range.starts_with(&format!("bytes {from}-"))
}

/// Returns the hashes of a file that is what the hub lists, or what it is instead.
fn check(path: &Path, file: &PlannedFile) -> Result<Result<Content, String>, HubError> {
    let at_path = |error| HubError::cache(path, error);
    let size = fs::metadata(path).map_err(at_path)?.len();
    if size != file.size {
        return Ok(Err(format!("{size} bytes")));
    }
    let content = Content::of(path).map_err(at_path)?;
    Ok(if content.is(&file.digest) { Ok(content) } else { Err(format!("{size} bytes, sha256 {}", content.sha256)) })
}

fn remove(path: &Path) -> Result<(), HubError> {
    fs::remove_file(path).map_err(|error| HubError::cache(path, error))
}
