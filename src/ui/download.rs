//! What the user sees of a download: what, how large, under which licence, and a bar.
//!
//! Separate because the hub reports from its own threads and knows nothing of terminals. The invariant: size and
//! licence are said before the first byte is fetched, bar or no bar.

use super::{Ui, progress::style};
use crate::engine::{
    catalogue::is_non_commercial,
    hub::{DownloadPlan, Progress},
};
use indicatif::{HumanBytes, ProgressBar};
use std::sync::{Mutex, MutexGuard, PoisonError};

const TEMPLATE: &str = "{msg}  {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";

/// Shows downloads.
#[derive(Debug)]
pub struct Downloads<'a> {
    ui: &'a Ui,
    bar: Mutex<ProgressBar>,
}

impl<'a> Downloads<'a> {
    /// Returns a watcher that shows downloads on this user interface.
    pub fn new(ui: &'a Ui) -> Self {
        Downloads { ui, bar: Mutex::new(ProgressBar::hidden()) }
    }

    fn bar(&self) -> MutexGuard<'_, ProgressBar> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Downloads<'_> {
    fn announced(&self, plan: &DownloadPlan) {
        let licence = plan.licence.as_deref().map_or("licence not stated".to_owned(), described);
        self.ui.note(format!("downloading {}: {}, {licence}", plan.repo, HumanBytes(plan.bytes_to_fetch())));
    }

    fn started(&self, file: &str, bytes: u64) {
        let bar = ProgressBar::new(bytes).with_style(style(TEMPLATE)).with_message(file.to_owned());
        *self.bar() = self.ui.bars.add(bar);
    }

    fn advanced(&self, bytes: u64) {
        self.bar().inc(bytes);
    }

    fn restarted(&self, file: &str) {
        self.bar().set_position(0);
        self.ui.detail(format!("{file}: begun again from its first byte"));
    }

    fn finished(&self, file: &str) {
        self.bar().finish_and_clear();
        self.ui.detail(format!("{file}: downloaded and verified"));
    }

    fn waiting(&self, file: &str) {
        self.ui.note(format!("{file}: another process is downloading it, waiting"));
    }

    fn pausing(&self, reason: &str, seconds: f32) {
        self.ui.note(format!("{reason}: trying again in {seconds:.0} s"));
    }
}

/// Returns the licence, with what must be known of it before it is accepted.
pub fn described(licence: &str) -> String {
    match licence {
        "NOASSERTION" => "licence not stated".to_owned(),
        licence if is_non_commercial(licence) => format!("{licence}, for non-commercial use only"),
        licence => licence.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::ProgressStyle;
    #[test]
    fn a_licence_that_forbids_commercial_use_says_so() {
        assert_eq!(described("CC-BY-NC-SA-4.0"), "CC-BY-NC-SA-4.0, for non-commercial use only");
        assert_eq!(
            (described("Apache-2.0"), described("NOASSERTION")),
            ("Apache-2.0".into(), "licence not stated".into())
        );
    }

    #[test]
    fn the_template_is_well_formed() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
