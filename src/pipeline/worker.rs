//! `summarize worker`: articles as JSON lines on standard input, documents as JSON lines on standard output.
//!
//! Separate because it is a run without files: what reads and names articles, and what keeps documents, is another
//! program. The invariants: one answer for each line that is not blank, in their order; no line ends the stream; an
//! answer waits for no line after its own once the input pauses.

mod answers;
mod inbox;
mod request;

pub(super) use answers::Answers;

use super::{
    Run,
    inputs::Inputs,
    labelled,
    ledger::{Facts, Ledger, Place},
    origin,
    stop::Stop,
    window::Waiting,
};
use crate::{
    config::Settings,
    exit::{Exit, Failure},
    report::run::Status,
    ui::Ui,
};
use answers::Slot;
use inbox::{Inbox, Line, Next};
use request::Request;
use std::{
    io,
    panic::{self, AssertUnwindSafe},
    time::Duration,
};

/// How often a worker that waits for a line looks for a signal.
const GLANCE: Duration = Duration::from_millis(100);
/// How long a line may be in coming before the input counts as paused.
const PAUSE: Duration = Duration::from_millis(10);

/// Answers lines until standard input ends.
pub fn work(settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let inbox = Inbox::open(io::stdin());
    match Run::new(&Inputs::default(), settings, ui)?.answer_all(&inbox) {
        Err(Failure::ReaderGone) => Ok(Exit::Done),
        other => other,
    }
}

impl Run<'_> {
    fn answer_all(mut self, inbox: &Inbox) -> Result<Exit, Failure> {
        // A model that cannot be had ends the worker before it takes work.
        self.load()?;
        while let Some(first) = inbox.first(&self.stop)? {
            self.forget_window();
            self.accept(first)?;
            while !self.window.is_full(self.budget.sentences, false)
                && let Next::Line(line) = inbox.next(PAUSE)
            {
                self.accept(line)?;
            }
            self.translate_window()?;
        }
        self.bar.finish();
        Ok(if self.stop.requested() { Exit::Interrupted } else { Exit::Done })
    }

    /// Forgets the window before: a worker may run for months.
    fn forget_window(&mut self) {
        self.ledger = Ledger::default();
        self.answers = Some(Answers::default());
        self.created = origin::created();
    }

    /// Takes in a line: answers it where there is nothing to translate, else lets its article wait for its window.
    fn accept(&mut self, line: Line) -> Result<(), Failure> {
        let Request { path, id, name, making, draft } = Request::read(&line);
        let place = self.ledger.open(&labelled(&path, id.as_deref()));
        self.bar.one_more_article();
        self.answers.get_or_insert_default().open(Slot { line: line.number, path, id, making });
        let examined = match draft {
            Ok(draft) => unless_defect(|| self.examine(draft)).unwrap_or_else(|defect| Err((Status::Failed, defect))),
            Err(reason) => Err((Status::Failed, reason)),
        };
        match examined {
            Ok((article, language)) => {
                self.window.push(Waiting { place, article, language, name });
                Ok(())
            }
            Err((Status::Skipped, reason)) => self.skip(place, reason),
            Err((_, reason)) => self.fail(place, reason),
        }
    }

    fn skip(&mut self, place: Place, reason: String) -> Result<(), Failure> {
        self.answers.get_or_insert_default().refused(place, Status::Skipped, &reason, self.ui)?;
        self.ledger.skipped(place, reason, Facts::default(), self.ui);
        Ok(())
    }
}

impl Inbox {
    /// Waits for a line; `None` at the end of the input or after a signal.
    fn first(&self, stop: &Stop) -> Result<Option<Line>, Failure> {
        while !stop.requested() {
            match self.next(GLANCE) {
                Next::Line(line) => return Ok(Some(line)),
                Next::Pause => {}
                Next::End(None) => return Ok(None),
                Next::End(Some(error)) => return Err(Failure::Usage(format!("standard input: {error}"))),
            }
        }
        Ok(None)
    }
}

/// Runs a step over one article; where it panics, returns what to answer: the next article must not pay for it.
fn unless_defect<T>(step: impl FnOnce() -> T) -> Result<T, String> {
    let defect = |_| "the program failed on it; this is a defect, please report it with the article".to_owned();
    panic::catch_unwind(AssertUnwindSafe(step)).map_err(defect)
}
