//! The engine at work on texts, on a thread of its own.
//!
//! Separate so that articles are read, documents written and signals obeyed while the engine is busy. The invariant: no
//! thread of the engine outlives the [`Work`] it was started for.

use super::stop::GLANCE;
use crate::engine::{DecodeOptions, Engine, EngineError, Sink, Translated};
use std::{
    panic,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// What is heard of the engine.
pub enum News {
    /// A text is translated; also its place.
    Translated(usize, Translated),
    /// It is still at work.
    Nothing,
    /// It has ended: nothing more comes.
    Ended,
}

/// Texts that an engine works on.
pub struct Work {
    news: Receiver<(usize, Translated)>,
    cancelled: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), EngineError>>>,
}

impl Work {
    /// Begins to translate texts.
    pub fn begin(engine: Arc<Engine>, texts: Vec<String>, decode: DecodeOptions) -> Work {
        let (sender, news) = mpsc::channel();
        let cancelled = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&cancelled);
        let thread = thread::spawn(move || {
            // The receiver is gone only where nobody wants to hear of it any more.
            let finished = |index, translated| drop(sender.send((index, translated)));
            engine.translate(&texts, &decode, Sink { finished: &finished, cancelled: &flag })
        });
        Work { news, cancelled, thread: Some(thread) }
    }

    /// Waits for news, but not longer than that.
    pub fn next(&self, patience: Duration) -> News {
        match self.news.recv_timeout(patience) {
            Ok((index, translated)) => News::Translated(index, translated),
            Err(RecvTimeoutError::Timeout) => News::Nothing,
            Err(RecvTimeoutError::Disconnected) => News::Ended,
        }
    }

    /// Stops the engine where it is still at work; returns how it went.
    pub fn end(mut self) -> Result<(), EngineError> {
        self.cancelled.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map_or(Ok(Ok(())), JoinHandle::join);
        ended.unwrap_or_else(|payload| panic::resume_unwind(payload))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Something else went wrong already, or `end` would have been called.
            let _ = thread.join();
        }
    }
}

/// Translates all texts and returns the translations in their order. A signal does not end it.
pub fn translate_all(
    engine: &Arc<Engine>,
    texts: Vec<String>,
    decode: &DecodeOptions,
) -> Result<Vec<Translated>, EngineError> {
    let mut outputs: Vec<Option<Translated>> = vec![None; texts.len()];
    let work = Work::begin(Arc::clone(engine), texts, *decode);
    loop {
        match work.next(GLANCE) {
            News::Translated(index, translated) => outputs[index] = Some(translated),
            News::Nothing => {}
            News::Ended => break,
        }
    }
    work.end()?;
    Ok(outputs.into_iter().flatten().collect())
}
