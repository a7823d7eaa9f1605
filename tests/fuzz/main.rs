//! Fuzzing without another tool: changed inputs for every target, with limits of time and memory.
//!
//! Separate from libFuzzer's driver because that needs a nightly toolchain. The invariant: an input that did harm lies in
//! a file afterwards, whatever became of the process.
//!
//!     cargo test --test fuzz                                                        # the corpus, and some changes of it
//!     FUZZ_TARGET=html FUZZ_SECONDS=600 cargo test --test fuzz -- --ignored --nocapture
//!     FUZZ_INPUT=FILE FUZZ_TARGET=html cargo test --test fuzz -- --ignored one_input

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test stops at what it did not expect")]

mod mutate;
mod targets;
mod watch;

use mutate::{Random, mutated};
use std::{
    env, fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use targets::{TARGETS, Target};
use watch::Watch;

/// Changed inputs that each target is given where no time is named.
const FEW: usize = 150;

#[test]
fn the_corpus_and_some_changes_of_it_do_no_harm() {
    for target in TARGETS {
        let (seeds, mut random) = (seeds(target), Random(20_210_218));
        seeds.iter().for_each(|seed| (target.run)(seed));
        (0..FEW).for_each(|_| (target.run)(&mutated(&seeds, &mut random)));
    }
}

#[test]
fn what_once_did_harm_does_none_any_more() {
    for target in TARGETS {
        read(&root().join("tests/fuzz/found").join(target.name)).iter().for_each(|input| (target.run)(input));
    }
}

#[test]
#[ignore = "as long as FUZZ_SECONDS says, 600 by default, for each target or for FUZZ_TARGET alone"]
fn no_changed_input_does_harm() {
    let seconds = env::var("FUZZ_SECONDS").map_or(600, |text| text.parse().unwrap());
    let harm: Vec<String> = chosen().filter_map(|target| fuzz(target, Duration::from_secs(seconds))).collect();
    assert!(harm.is_empty(), "{}", harm.join("\n"));
}

#[test]
#[ignore = "for FUZZ_INPUT, a file that was found, and FUZZ_TARGET"]
fn one_input() {
    let input = fs::read(env::var("FUZZ_INPUT").unwrap()).unwrap();
    chosen().for_each(|target| (target.run)(&input));
}

fn chosen() -> impl Iterator<Item = &'static Target> {
    let name = env::var("FUZZ_TARGET").ok();
    TARGETS.iter().filter(move |target| name.as_ref().is_none_or(|name| name == target.name))
}

/// Gives a target changed inputs for some time; returns what did harm.
fn fuzz(target: &Target, time: Duration) -> Option<String> {
    let (seeds, begun) = (seeds(target), Instant::now());
    let seed = env::var("FUZZ_SEED").map_or_else(|_| begun_at(), |text| text.parse().unwrap());
    let (mut random, mut count, mut found) = (Random(seed), 0_u64, Vec::new());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz").join(target.name);
    fs::create_dir_all(&folder).unwrap();
    let mut watch = Watch::over(folder.join("current"));
    while begun.elapsed() < time && found.len() < 20 {
        let input = mutated(&seeds, &mut random);
        watch.begin(&input);
        if panic::catch_unwind(AssertUnwindSafe(|| (target.run)(&input))).is_err() {
            let path = folder.join(format!("panic-{seed}-{count}"));
            fs::write(&path, &input).unwrap();
            found.push(path.display().to_string());
        }
        watch.end();
        count += 1;
    }
    let (minutes, peak) = (begun.elapsed().as_secs_f64() / 60.0, watch.peak_mib());
    eprintln!("{}: {count} inputs, {minutes:.1} min, {peak} MiB at most, {} panics", target.name, found.len());
    (!found.is_empty()).then(|| format!("{}: {}", target.name, found.join(" ")))
}

fn begun_at() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let seeds: Vec<Vec<u8>> = target.seeds.iter().flat_map(|seed| read(&root().join(seed))).collect();
    assert!(!seeds.is_empty(), "{} has nothing to begin with", target.name);
    seeds
}

/// Returns the content of a file, or of the files in a folder, in the order of their names.
fn read(path: &Path) -> Vec<Vec<u8>> {
    if path.is_file() {
        return vec![fs::read(path).unwrap()];
    }
    let mut files: Vec<PathBuf> = fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}
