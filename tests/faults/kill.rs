//! Kills at random moments (SIGKILL: no handler runs), each followed by a rerun.

use crate::{articles, desk::Desk, lasting};
use std::{
    collections::BTreeMap,
    fs,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

const RUN: [&str; 6] = ["in", "--model", "builtin", "--beam", "1", "--threads=2"];
/// What stood there before: the same articles without summaries, so that each document is replaced.
const EARLIER: [&str; 2] = ["--summary", "off"];

type Files = BTreeMap<String, Vec<u8>>;

#[test]
fn killed_at_some_random_moments_a_batch_ends_with_the_same_bytes() {
    kill_at_random(12);
}

#[test]
#[ignore = "200 kills take some minutes"]
fn killed_at_200_random_moments_a_batch_ends_with_the_same_bytes() {
    kill_at_random(200);
}

/// Kills runs until there were `kills`; every few kills the batch is run to its end, compared, and begun anew.
fn kill_at_random(kills: usize) {
    let mut random = Random::new();
    let desk = articles(5);
    desk.run(&[&RUN[..], &EARLIER].concat(), 0);
    let starts = [Files::new(), desk.files("outputs")];
    let undisturbed = starts.each_ref().map(|before| {
        lay(&desk, before);
        let begun = Instant::now();
        desk.run(&RUN, 0);
        (lasting(&desk), begun.elapsed())
    });
    assert_ne!(
        starts[1].get("000.json"),
        undisturbed[1].0.get("000.json"),
        "the second kind of run replaces documents"
    );
    let mut killed = 0;
    for round in 0.. {
        let (before, (whole, length)) = (&starts[round % 2], &undisturbed[round % 2]);
        lay(&desk, before);
        for _ in 0..=random.below(4) {
            if killed < kills {
                killed += usize::from(is_killed(&desk, length.mul_f64(random.part())));
                assert_whole(&desk, before, whole);
            }
        }
        desk.run(&RUN, 0);
        let after = lasting(&desk);
        assert_eq!(after.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
        let differs = whole.keys().find(|name| after[*name] != whole[*name]);
        assert_eq!(differs, None, "after {killed} kills with seed {}", random.seed);
        if killed >= kills {
            return eprintln!("{killed} runs killed, {} batches finished", round + 1);
        }
    }
}

/// Puts the output folder into the state that a test begins with.
fn lay(desk: &Desk, files: &Files) {
    fs::remove_dir_all(desk.path("outputs")).unwrap();
    for (name, bytes) in files {
        let path = desk.path("outputs").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    fs::create_dir_all(desk.path("outputs")).unwrap();
}

/// Starts a run and kills it after some time; false where it had ended.
fn is_killed(desk: &Desk, after: Duration) -> bool {
    let mut child: Child = desk.command(&RUN).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap().code().is_none()
}

/// Checks that every document has the bytes of before or of after; the run's own temporary files are hidden.
fn assert_whole(desk: &Desk, before: &Files, after: &Files) {
    let hidden = |name: &str| name.rsplit('/').next().unwrap().starts_with('.');
    for (name, bytes) in desk.files("outputs").iter().filter(|(name, _)| !hidden(name) && *name != "run.json") {
        let is_whole = [before, after].iter().any(|files| files.get(name) == Some(bytes));
        assert!(is_whole, "{name} is neither the old nor the new file");
    }
}

/// A small generator of random numbers (Knuth's linear one, MMIX), seeded by the clock.
struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    fn new() -> Random {
        let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
        Random { seed, state: seed }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % end
    }

    /// Returns a number from 0 to 1.
    fn part(&mut self) -> f64 {
        self.below(1000) as f64 / 1000.0
    }
}
