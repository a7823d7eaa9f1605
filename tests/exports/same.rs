//! The same bytes from the same articles, however the run was carried out.

use crate::{ARABIC, OTHER, desk::Desk};
use std::collections::BTreeMap;

const FORMATS: &str = "md,json,html,tsv,tmx,xliff";

fn desk() -> Desk {
    let desk = Desk::new(&[
        ("in/a.txt", ARABIC),
        ("in/deep/b.txt", OTHER),
        ("in/names.txt", "وصل سامر إلى حمص. قال سامر إنه عاد.\n"),
    ]);
    desk.write("in/again.txt", ARABIC);
    desk.write("names.tsv", "المدرسة\tthe School\nسامر\tSamer\n");
    desk
}

/// Translates and returns the manifest: the bytes of every file but the run report, which holds the time it took, and
/// the line of the Markdown that says by which command it was made.
fn manifest(desk: &Desk, inputs: &[&str], options: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let fixed = ["-o", "out", "--format", FORMATS, "--glossary", "names.tsv"];
    desk.translate(&[inputs, &fixed, options].concat());
    let mut files = desk.files("out");
    assert!(files.remove("run.json").is_some());
    for bytes in files.values_mut() {
        let lines = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"command: "));
        *bytes = lines.collect::<Vec<_>>().concat();
    }
    files
}

const FOLDER_ORDER: [&str; 4] = ["in/a.txt", "in/again.txt", "in/deep/b.txt", "in/names.txt"];

#[test]
fn the_manifest_is_the_same_on_one_thread_and_on_two() {
    let one = manifest(&desk(), &["in"], &["--threads", "1"]);
    assert_eq!(one.keys().filter(|name| name.ends_with(".xliff")).count(), 4);
    let two = manifest(&desk(), &["in"], &["--threads", "2"]);
    assert_same(&one, &two);
}

#[test]
fn the_manifest_is_the_same_in_any_order_of_inputs() {
    let forth = manifest(&desk(), &FOLDER_ORDER, &[]);
    let mut inputs = FOLDER_ORDER;
    inputs.reverse();
    assert_same(&forth, &manifest(&desk(), &inputs, &[]));
    inputs.swap(0, 2);
    assert_same(&forth, &manifest(&desk(), &inputs, &["--batch-tokens", "64"]));
}

#[test]
fn a_batch_in_several_runs_ends_as_one_that_ran_through() {
    let whole = manifest(&desk(), &FOLDER_ORDER, &[]);
    let desk = desk();
    manifest(&desk, &FOLDER_ORDER[..2], &[]);
    assert_same(&whole, &manifest(&desk, &FOLDER_ORDER, &[]));
}

#[track_caller]
fn assert_same(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, bytes) in one {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(bytes), text(&other[name]), "{name}");
    }
}
