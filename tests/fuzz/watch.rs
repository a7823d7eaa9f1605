//! A watch over inputs that take too long or too much memory.
//!
//! Separate because it ends the process: a hang cannot be caught. The invariant: time is that of the processor, so that a
//! busy or stopped machine is no hang; the input under way lies in a file.

use std::{
    fs::{self, File},
    io::{Seek, Write},
    path::PathBuf,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// Seconds of processor time that one input may take.
const SECONDS: u64 = 20;
/// Memory that the process may hold, in MiB.
const MEMORY: u64 = 512;
/// Ticks of the processor time of `/proc` in a second (`USER_HZ`, which Linux fixes for programs).
const TICKS: u64 = 100;

#[derive(Default)]
struct State {
    /// Processor time when the input began, in ticks.
    since: AtomicU64,
    is_busy: AtomicBool,
    is_over: AtomicBool,
    peak: AtomicU64,
}

/// Watches one target.
pub struct Watch {
    current: File,
    state: Arc<State>,
}

impl Watch {
    /// Begins to watch; `current` is where the input under way is kept. Where there is no `/proc`, it sees nothing.
    pub fn over(current: PathBuf) -> Watch {
        let state = Arc::new(State::default());
        let (seen, path) = (Arc::clone(&state), current);
        let current = File::create(&path).unwrap();
        thread::spawn(move || {
            while !seen.is_over.load(Ordering::Relaxed) {
                look(&seen, &path);
                thread::sleep(Duration::from_millis(100));
            }
        });
        Watch { current, state }
    }

    /// An input begins.
    pub fn begin(&mut self, input: &[u8]) {
        // Not emptied first: a file system may hand the freed block back to the disk each time, which takes longer than parsing.
        self.current.rewind().unwrap();
        self.current.write_all(input).unwrap();
        self.current.set_len(input.len() as u64).unwrap();
        self.state.since.store(ticks(), Ordering::Relaxed);
        self.state.is_busy.store(true, Ordering::Relaxed);
    }

    /// It has ended.
    pub fn end(&self) {
        self.state.is_busy.store(false, Ordering::Relaxed);
    }

    /// Returns the most memory seen, in MiB.
    pub fn peak_mib(&self) -> u64 {
        self.state.peak.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::Relaxed);
    }
}

fn look(state: &State, path: &std::path::Path) {
    let resident = resident_mib();
    state.peak.fetch_max(resident, Ordering::Relaxed);
    let taken = ticks().saturating_sub(state.since.load(Ordering::Relaxed));
    let is_hang = state.is_busy.load(Ordering::Relaxed) && taken > SECONDS * TICKS;
    if is_hang || resident > MEMORY {
        let what = if is_hang { "more than 20 s" } else { "more than 512 MiB" };
        eprintln!("{what} for the input in {}", path.display());
        process::exit(101);
    }
}

/// Returns the processor time of this process, in ticks.
fn ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum()
}

fn resident_mib() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4 / 1024
}
