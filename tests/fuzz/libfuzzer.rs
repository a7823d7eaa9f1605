//! The same targets under libFuzzer, which looks for inputs that reach new code: one binary for each, by its name.

#![no_main]

mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let target = targets::TARGETS.iter().find(|target| target.name == env!("CARGO_BIN_NAME"));
    (target.expect("every binary has the name of a target").run)(bytes);
});
