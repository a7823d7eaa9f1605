//! Two runs and one output folder.

use crate::{
    articles,
    desk::Desk,
    lasting,
    running::{QUICK, Running},
};
use std::collections::BTreeMap;

#[test]
fn a_second_run_into_a_folder_says_who_holds_it_and_writes_nothing() {
    let (desk, undisturbed) = (articles(3), articles(3));
    let first = Running::holding(&desk, &["in"]);
    let said = desk.run(&[&["in"][..], &QUICK].concat(), 3);
    assert!(said.contains(&format!("outputs is in use by another run: process {}", first.id())), "{said}");
    assert!(said.contains("hint: wait for it, stop it, or name another folder with -o"), "{said}");
    desk.run(&[&["in", "--shard", "1/2"][..], &QUICK].concat(), 3);
    desk.run(&[&["in", "-o", "outputs", "--dry-run"][..], &QUICK].concat(), 0);
    assert!(lasting(&desk).keys().all(|name| name.starts_with('.')), "a run that is shut out writes nothing");
    let (status, said) = first.end();
    assert_eq!(status.code(), Some(1), "standard input held no text: {said}");
    desk.run(&[&["in"][..], &QUICK].concat(), 0);
    undisturbed.run(&[&["in"][..], &QUICK].concat(), 0);
    assert_eq!(but_commands(&desk), but_commands(&undisturbed));
}

#[test]
fn a_killed_run_locks_nobody_out() {
    let desk = articles(2);
    let first = Running::holding(&desk, &["in"]);
    first.signal("KILL");
    first.end();
    assert!(desk.path("outputs/.summarize.lock").exists(), "the file stays, the lock does not");
    desk.run(&[&["in"][..], &QUICK].concat(), 0);
    assert!(!desk.path("outputs/.summarize.lock").exists());
}

#[test]
fn slices_work_side_by_side_in_one_folder_and_together_make_the_whole() {
    let (desk, undisturbed) = (articles(6), articles(6));
    let slices: Vec<Running> = ["1/2", "2/2"].map(|slice| Running::start(&desk, &["in", "--shard", slice])).into();
    for slice in slices {
        let (status, said) = slice.end();
        assert!(status.success(), "{said}");
    }
    desk.run(&[&["in"][..], &QUICK].concat(), 0);
    undisturbed.run(&[&["in"][..], &QUICK].concat(), 0);
    assert_eq!(but_commands(&desk), but_commands(&undisturbed));
}

/// The files that do not hold the command they were made by, as documents in Markdown do; those of slices left out.
fn but_commands(desk: &Desk) -> BTreeMap<String, Vec<u8>> {
    let mut files = lasting(desk);
    files.retain(|name, _| name == "index.md" || !(name.ends_with(".md") || name.contains("-of-2")));
    files
}
