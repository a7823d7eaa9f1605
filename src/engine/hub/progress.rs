//! What a download tells whoever watches it.
//!
//! Separate so that the hub can report without printing. The invariant: `announced` comes before the first byte of any
//! file is asked for.

use super::DownloadPlan;

/// A watcher of downloads; every method may be called from any thread.
pub trait Progress: Send + Sync {
    /// Hears what is about to be downloaded: the repository, its licence and the bytes still to fetch.
    fn announced(&self, _plan: &DownloadPlan) {}
    /// Hears that a file of this many bytes is begun.
    fn started(&self, _file: &str, _bytes: u64) {}
    /// Hears that this many more bytes of the file are there, those of an earlier attempt included.
    fn advanced(&self, _bytes: u64) {}
    /// Hears that the file is begun again from its first byte: what `advanced` said of it no longer holds.
    fn restarted(&self, _file: &str) {}
    /// Hears that the file is there and verified.
    fn finished(&self, _file: &str) {}
    /// Hears that another process is downloading the file, and that this one waits for it.
    fn waiting(&self, _file: &str) {}
    /// Hears that the hub asked for a pause, or failed, and is asked again after so many seconds.
    fn pausing(&self, _reason: &str, _seconds: f32) {}
}

/// A watcher that ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {}
