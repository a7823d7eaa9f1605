//! When to ask a hub again, and after how long.
//!
//! Separate because metadata and files share it. The invariant: only what may pass by itself is tried again, a hub's
//! own wish for a pause is honoured, and there is an end to it.

use super::{HubError, Patience, Progress};
use std::{thread, time::Duration};

/// Counts the failures of one task and waits between its attempts.
pub(super) struct Retry<'a> {
    patience: &'a Patience,
    progress: &'a dyn Progress,
    failures: u32,
}

impl<'a> Retry<'a> {
    pub fn new(patience: &'a Patience, progress: &'a dyn Progress) -> Self {
        Retry { patience, progress, failures: 0 }
    }

    /// Forgets the failures so far, because the task got further.
    pub fn advanced(&mut self) {
        self.failures = 0;
    }

    /// Waits before another attempt, or returns the error where there is to be none.
    pub fn after(&mut self, error: HubError) -> Result<(), HubError> {
        let Some(pause) = self.pause(&error).filter(|_| self.failures < self.patience.retries) else {
            return Err(error);
        };
        self.failures += 1;
        self.progress.pausing(&error.to_string(), pause.as_secs_f32());
        thread::sleep(pause);
        Ok(())
    }

    /// Repeats a task until it succeeds or there is no point.
    pub fn run<T>(mut self, mut task: impl FnMut() -> Result<T, HubError>) -> Result<T, HubError> {
        loop {
            match task() {
                Ok(value) => return Ok(value),
                Err(error) => self.after(error)?,
            }
        }
    }

    fn pause(&self, error: &HubError) -> Option<Duration> {
        let backoff = self.patience.backoff * 2u32.saturating_pow(self.failures);
        match error {
            HubError::RateLimited { retry_after: Some(wait) } => {
                Some(*wait).filter(|wait| *wait <= self.patience.longest_wait)
            }
            HubError::RateLimited { .. } | HubError::ServerFailed { .. } => Some(backoff),
            HubError::Unreachable { .. } | HubError::Interrupted { .. } => Some(backoff),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::hub::Quiet;

    fn attempts(error: impl Fn() -> HubError) -> u32 {
        let patience = Patience { retries: 3, backoff: Duration::from_millis(1), ..Patience::default() };
        let mut attempts = 0;
        let task = || {
            attempts += 1;
            Err::<(), _>(error())
        };
        Retry::new(&patience, &Quiet).run(task).unwrap_err();
        attempts
    }

    #[test]
    fn what_may_pass_is_tried_again_and_a_refusal_is_not() {
        assert_eq!(attempts(|| HubError::ServerFailed { status: 503, detail: String::new() }), 4);
        assert_eq!(attempts(|| HubError::RateLimited { retry_after: None }), 4);
        assert_eq!(attempts(|| HubError::NotFound { what: String::new() }), 1);
    }

    #[test]
    fn a_hub_that_asks_for_an_hour_is_not_waited_for() {
        assert_eq!(attempts(|| HubError::RateLimited { retry_after: Some(Duration::from_secs(3600)) }), 1);
    }
}
