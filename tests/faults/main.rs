//! What goes wrong around a run: kills, signals, full disks, other runs, inputs that mean harm.
//!
//! Separate because each test breaks something while the command runs. The invariant: whatever broke, no file is
//! half-written, and the same command run again ends with the bytes of a run that nothing disturbed.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test stops at what it did not expect")]

#[expect(dead_code, reason = "not every test here edits what was written")]
#[path = "../exports/desk.rs"]
mod desk;
mod disks;
mod inputs;
mod kill;
mod locks;
mod running;
mod signals;

use desk::Desk;
use std::collections::BTreeMap;

/// The files of a tree that must not depend on what happened on the way: all but the report, which holds times.
fn lasting(desk: &Desk) -> BTreeMap<String, Vec<u8>> {
    let mut files = desk.files("outputs");
    files.remove("run.json");
    files
}

/// A folder of small articles, and among them a file of records.
fn articles(count: usize) -> Desk {
    let desk = Desk::new(&[]);
    let sentence = |i: usize| {
        let who = ["الوزير", "المعلم", "الطبيب", "السائق", "المدير"][i % 5];
        let where_to = ["المدرسة", "المكتبة", "السوق", "القرية"][i / 5 % 4];
        format!("زار {who} {where_to} في اليوم {}.", i + 1)
    };
    for i in 0..count {
        desk.write(&format!("in/{i:03}.txt"), &format!("{}\n\n{}\n", sentence(i), sentence(i + 7)));
    }
    let record = |i: usize| serde_json::json!({ "id": i, "text": sentence(i + 3) }).to_string();
    desk.write("in/feed.jsonl", &(0..3).map(record).collect::<Vec<_>>().join("\n"));
    desk
}
