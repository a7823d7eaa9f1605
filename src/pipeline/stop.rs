//! Stopping on a signal: the first asks the run to save what is done, the second ends the process.
//!
//! Separate because signal handling is global to the process. The invariant: the handler only sets a flag and says so;
//! the flow looks at the flag between steps that must not be torn apart.

use crate::{exit::Exit, ui::Ui};
use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How often a run that waits looks for a signal.
pub const GLANCE: Duration = Duration::from_millis(100);

/// Whether the run was asked to stop.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens for SIGINT, SIGTERM and SIGHUP (Ctrl-C and closing the console on Windows).
    pub fn on_signals(ui: &Ui) -> Self {
        let stop = Stop::default();
        let (flag, handler_ui) = (stop.0.clone(), ui.clone());
        let handler = move || {
            if flag.swap(true, Ordering::SeqCst) {
                process::exit(Exit::Interrupted as i32);
            }
            handler_ui.note("stopping after the articles under way; once more to stop at once: what is written stays");
        };
        if let Err(error) = ctrlc::set_handler(handler) {
            ui.detail(format!("signals are not handled, an interrupt ends the run at once: {error}"));
        }
        stop
    }

    /// Returns true once a signal came.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
