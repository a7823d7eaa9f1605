//! Documents on their way to the disk, on threads of their own.
//!
//! Separate so that nobody waits for a disk who has better things to do: a file is flushed before it counts as written,
//! which takes as long as translating a short article. The invariants: the files of one article are written by one
//! thread, in their order; no more documents wait than a few, whoever makes them.

use super::{
    ledger::{Facts, Place},
    write,
};
use crate::{cli::Format, report::Document};
use std::{
    collections::BTreeMap,
    io,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
};

/// Threads: they wait for the disk, which flushes several files almost as fast as one. Not more: on two cores the C library
/// has memory apart for 16 threads, and where those of the engine must share it, its buffers stay behind in all of them
/// (636 MiB for 20,000 articles with 16 threads here).
const THREADS: usize = 8;
/// Documents that may wait before whoever brings the next one has to wait too.
const WAITING: usize = 16;

/// A document to be written.
pub(super) struct Order {
    /// Its row.
    pub place: Place,
    /// Output path relative to the output folder, without extension.
    pub name: String,
    /// The document.
    pub document: Document,
    /// What it is written as.
    pub formats: Vec<Format>,
    /// The fingerprints of its files that are there, by name: those that would be the same are left as they are.
    pub before: BTreeMap<String, String>,
}

/// What became of a document.
pub(super) struct Outcome {
    /// Its row.
    pub place: Place,
    /// What the row says of it, or why it is not there.
    pub written: io::Result<Facts>,
}

/// The threads that write.
pub(super) struct Writers {
    orders: SyncSender<Order>,
    outcomes: Receiver<Outcome>,
    under_way: usize,
}

impl Writers {
    /// Starts threads that write to a folder.
    pub fn new(folder: &Path) -> Self {
        let (orders, taken) = mpsc::sync_channel(WAITING);
        let (sender, outcomes) = mpsc::channel();
        let taken = Arc::new(Mutex::new(taken));
        for _ in 0..THREADS {
            let (taken, sender) = (Arc::clone(&taken), sender.clone());
            let folder = folder.to_owned();
            thread::spawn(move || {
                while let Some(order) = next(&taken) {
                    let outcome = Outcome { place: order.place, written: written(&order, &folder) };
                    if sender.send(outcome).is_err() {
                        return;
                    }
                }
            });
        }
        Writers { orders, outcomes, under_way: 0 }
    }

    /// Hands over a document; waits where too many are waiting.
    pub fn write(&mut self, order: Order) {
        self.under_way += 1;
        self.orders.send(order).expect("the threads end only after this is dropped");
    }

    /// Returns what became of documents since the last call; with `all`, of every one that was handed over.
    pub fn outcomes(&mut self, all: bool) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = self.outcomes.try_iter().collect();
        if all {
            let missing = self.under_way - outcomes.len();
            outcomes.extend(self.outcomes.iter().take(missing));
        }
        self.under_way -= outcomes.len();
        outcomes
    }
}

fn next(orders: &Mutex<Receiver<Order>>) -> Option<Order> {
    orders.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn written(order: &Order, folder: &Path) -> io::Result<Facts> {
    let Order { name, document, formats, before, .. } = order;
    let base: PathBuf = folder.join(name);
    // A document that cannot be rendered is a defect, and yet no reason to lose the others.
    let caught = panic::catch_unwind(AssertUnwindSafe(|| write::write(document, &base, formats, before)));
    let defect = |_| Err(io::Error::other("a defect of the program, please report it with the file"));
    let extension = caught.unwrap_or_else(defect)?;
    Ok(Facts::of(document, Some(format!("{name}.{extension}"))))
}

#[cfg(test)]
mod tests {
    use super::{super::ledger::Ledger, *};
    use std::fs;

    #[test]
    fn every_document_has_an_outcome_and_one_that_fails_stops_no_other() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("7.json/taken")).unwrap();
        let mut writers = Writers::new(folder.path());
        let mut ledger = Ledger::default();
        for count in 0..40 {
            let (place, name) = (ledger.open("a.txt"), count.to_string());
            let (document, formats, before) = (Document::default(), vec![Format::Json], BTreeMap::new());
            writers.write(Order { place, name, document, formats, before });
        }
        let outcomes = writers.outcomes(true);
        assert_eq!(outcomes.len(), 40);
        assert_eq!(outcomes.iter().filter(|outcome| outcome.written.is_err()).count(), 1);
        assert!(writers.outcomes(true).is_empty());
    }
}
