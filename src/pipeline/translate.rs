//! One call of the engine for a whole window of articles, on a thread of its own.
//!
//! Separate so that progress is shown, and a signal obeyed, while the engine is busy. The invariant: translations come
//! back in the order of the texts, or not at all.

use super::stop::Stop;
use crate::engine::{DecodeOptions, Engine, EngineError, Translated};
use std::{
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

/// How often a waiting run looks for a signal.
const GLANCE: Duration = Duration::from_millis(100);

enum Report {
    Done(usize),
    All(Result<Vec<Translated>, EngineError>),
}

/// Translates all texts, `None` where a signal came first; `done` is told the place of each finished text.
///
/// After a signal the engine's thread is left behind: the process ends soon after, and its work was not yet written.
pub fn translate(
    engine: &Arc<Engine>,
    texts: Vec<String>,
    decode: &DecodeOptions,
    stop: &Stop,
    mut done: impl FnMut(usize),
) -> Result<Option<Vec<Translated>>, EngineError> {
    let (sender, receiver) = mpsc::channel();
    let (engine, decode) = (Arc::clone(engine), *decode);
    thread::spawn(move || {
        let tell = |index| drop(sender.send(Report::Done(index)));
        let result = engine.translate(&texts, &decode, &tell);
        drop(sender.send(Report::All(result)));
    });
    loop {
        match receiver.recv_timeout(GLANCE) {
            Ok(Report::Done(index)) => done(index),
            Ok(Report::All(result)) => return result.map(Some),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(EngineError::Unsupported(
                    "the engine stopped without a result: run again with -v and report it".into(),
                ));
            }
        }
        if stop.requested() {
            return Ok(None);
        }
    }
}
