//! One call of the engine for a whole window of articles, on a thread of its own.
//!
//! Separate so that documents are written, progress is shown and a signal is obeyed while the engine is busy. The
//! invariant: when this returns, no thread of the engine runs any more.

use super::stop::Stop;
use crate::engine::{DecodeOptions, Engine, EngineError, Sink, Translated};
use std::{
    panic,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

/// How often a waiting run looks for a signal.
const GLANCE: Duration = Duration::from_millis(100);

/// Translates all texts; `arrived` is given each translation with the place of its text, on the caller's thread.
///
/// After a signal, or once `arrived` fails, the engine is stopped and the rest is left untranslated.
pub fn translate<E: From<EngineError>>(
    engine: &Engine,
    texts: &[String],
    decode: &DecodeOptions,
    stop: &Stop,
    mut arrived: impl FnMut(usize, Translated) -> Result<(), E>,
) -> Result<(), E> {
    let (sender, receiver) = mpsc::channel();
    let cancelled = AtomicBool::new(false);
    thread::scope(|scope| {
        let cancelled = &cancelled;
        let worker = scope.spawn(move || {
            // The receiver is gone only after it has cancelled the work.
            let finished = |index, translated| drop(sender.send((index, translated)));
            engine.translate(texts, decode, Sink { finished: &finished, cancelled })
        });
        let mut outcome = Ok(());
        while outcome.is_ok() && !stop.requested() {
            match receiver.recv_timeout(GLANCE) {
                Ok((index, translated)) => outcome = arrived(index, translated),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        cancelled.store(true, Ordering::Relaxed);
        let engine = worker.join().unwrap_or_else(|payload| panic::resume_unwind(payload));
        outcome.and(engine.map_err(E::from))
    })
}
