//! Signals, and readers that go away.

use crate::{
    articles, lasting,
    running::{QUICK, Running},
};
use std::process::Stdio;

/// So many that a signal comes before the last.
const COUNT: usize = 240;

#[test]
fn after_a_signal_the_articles_under_way_are_finished_and_a_rerun_does_the_others() {
    let undisturbed = articles(COUNT);
    undisturbed.run(&[&["in"][..], &QUICK].concat(), 0);
    for signal in ["INT", "TERM"] {
        let desk = articles(COUNT);
        let mut run = Running::start(&desk, &["in"]);
        run.until(" -> ");
        run.signal(signal);
        let (status, said) = run.end();
        assert_eq!(status.code(), Some(130), "{said}");
        assert!(said.contains("stopping after the articles under way"), "{said}");
        let report = desk.json("outputs/run.json");
        let rows = report["inputs"].as_array().unwrap();
        let rows_of = |name: &str| rows.iter().filter(|row| row["path"].as_str().unwrap().contains(name)).count();
        assert_eq!(rows_of(".txt"), COUNT, "a row for each article");
        // Of records a row each, or one for the file where it was not opened any more.
        assert!(matches!(rows_of("feed.jsonl"), 1 | 3) && rows.len() == COUNT + rows_of("feed.jsonl"));
        let written = rows.iter().filter(|row| row["status"] == "written");
        written.clone().for_each(|row| assert!(desk.path("outputs").join(row["output"].as_str().unwrap()).exists()));
        let left = rows.iter().filter(|row| row["status"] == "skipped");
        left.clone().for_each(|row| assert!(row["reason"].as_str().unwrap().starts_with("interrupted"), "{row}"));
        assert!(written.count() > 0 && left.count() > 0, "{report:#}");
        assert_eq!(desk.files("outputs").keys().filter(|name| name.contains("/.") || name.starts_with('.')).count(), 0);
        desk.run(&[&["in"][..], &QUICK].concat(), 0);
        assert_eq!(lasting(&desk), lasting(&undisturbed));
    }
}

#[test]
fn a_second_signal_ends_the_run_at_once() {
    let desk = articles(0);
    let long: String = (0..400).map(|i| format!("زار {i} صحفياً المكتبة الجديدة في المدينة القديمة.\n")).collect();
    desk.write("in/long.txt", &long);
    let mut run = Running::start(&desk, &["in/long.txt", "-v"]);
    run.until("translating with");
    run.signal("INT");
    run.until("stopping");
    run.signal("INT");
    // The run may have found nothing begun, and ended by itself.
    assert_eq!(run.end().0.code(), Some(130));
    assert!(!desk.path("outputs/long.json").exists());
}

#[test]
fn a_reader_of_standard_output_that_goes_away_is_no_error() {
    let desk = articles(1);
    let mut command = desk.command(&[&["in/000.txt", "-o", "-"][..], &QUICK].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
