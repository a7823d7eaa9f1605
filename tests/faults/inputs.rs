//! Inputs that mean harm, or that go away.

use crate::{
    articles,
    desk::Desk,
    running::{QUICK, Running},
};
use std::{fs, os::unix::fs::symlink, process::Command};

const ARABIC: &str = "افتتاح مكتبة جديدة\n\nأين المدرسة؟ لا أريد أن أذهب اليوم.\n";

fn run(desk: &Desk, arguments: &[&str], status: i32) -> String {
    desk.run(&[arguments, &QUICK].concat(), status)
}

#[test]
fn a_pipe_is_refused_and_never_waited_for() {
    let desk = Desk::new(&[("a.txt", ARABIC)]);
    assert!(Command::new("mkfifo").arg(desk.path("pipe.txt")).status().unwrap().success());
    let said = run(&desk, &["a.txt", "pipe.txt", "/dev/zero"], 1);
    assert!(said.contains("pipe.txt: a pipe or a device, not a file"), "{said}");
    assert!(said.contains("1 written, 0 skipped, 2 failed"), "{said}");
    fs::create_dir(desk.path("in")).unwrap();
    fs::rename(desk.path("pipe.txt"), desk.path("in/pipe.txt")).unwrap();
    run(&desk, &["in"], 2);
}

#[test]
fn an_input_is_never_written_over_not_even_by_force() {
    let desk = Desk::new(&[("a.md", ARABIC), ("b.txt", ARABIC), ("index.md", ARABIC)]);
    let said = run(&desk, &["a.md", "b.txt", "-o", ".", "--force"], 1);
    assert!(said.contains("a.md: its document would take the place of the input"), "{said}");
    assert_eq!(desk.read("a.md"), ARABIC);
    assert!(desk.path("b.md").exists());
    assert_ne!(desk.read("index.md"), ARABIC, "it was no input of that run");
    desk.write("index.md", ARABIC);
    assert!(run(&desk, &["index.md", "-o", "."], 2).contains("index.md is an input"));
    assert_eq!(desk.read("index.md"), ARABIC);
}

#[test]
fn what_a_person_wrote_under_the_name_of_a_document_is_kept() {
    let desk =
        Desk::new(&[("a.txt", ARABIC), ("a.md", "# My notes\n"), ("b.txt", ARABIC), ("b.json", "{\"mine\": 1}")]);
    let said = run(&desk, &["a.txt", "b.txt", "-o", "."], 0);
    assert!(said.contains("it was not written by this program: kept; --force overwrites it"), "{said}");
    assert_eq!(desk.read("a.md"), "# My notes\n");
    assert_eq!(desk.read("b.json"), "{\"mine\": 1}");
}

#[test]
fn links_cannot_loop_nor_lead_out_of_the_folder() {
    let desk = Desk::new(&[("in/a.txt", ARABIC), ("private/key.txt", "سر لا يقرأه أحد.")]);
    symlink(desk.path("in"), desk.path("in/loop")).unwrap();
    symlink(desk.path("private"), desk.path("in/more")).unwrap();
    let said = run(&desk, &["in"], 1);
    assert!(said.contains("in/more: a link that leads out of the folder is not followed"), "{said}");
    assert!(said.contains("1 written, 0 skipped, 1 failed"), "{said}");
    assert!(!desk.files("outputs").values().any(|bytes| String::from_utf8_lossy(bytes).contains("لا يقرأه أحد")));
}

#[test]
fn names_with_line_breaks_and_direction_marks_can_pass_for_nothing_else() {
    let name = "in/a\nerror: all is lost\u{202e}txt.txt";
    let desk = Desk::new(&[(name, ARABIC)]);
    let said = run(&desk, &["in"], 0);
    assert!(!said.lines().any(|line| line.starts_with("error:")), "{said}");
    assert!(!said.contains('\u{202e}'), "{said}");
    for (path, bytes) in desk.files("outputs") {
        let text = String::from_utf8(bytes).unwrap();
        assert!(!path.contains(['\n', '\u{202e}']), "{path}");
        assert!(path.ends_with(".json") || !text.contains('\u{202e}'), "{path}");
        assert!(!text.lines().any(|line| line.starts_with("error:")), "{path}");
    }
}

#[test]
fn an_input_that_goes_away_is_named_and_the_others_are_done() {
    let desk = Desk::new(&[("b.txt", ARABIC), ("c.txt", ARABIC)]);
    // It has looked at its arguments before it locks the folder.
    let run = Running::holding(&desk, &["b.txt", "c.txt", "-v"]);
    fs::remove_file(desk.path("b.txt")).unwrap();
    let (status, said) = run.end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("b.txt: cannot be read: No such file or directory"), "{said}");
    assert!(desk.path("outputs/c.json").exists());
}

#[test]
fn a_token_is_never_printed_nor_written() {
    let desk = articles(1);
    let mut command = desk.command(&["in", "--model", "some-org/no-such-model", "-v"]);
    let output = command.env("HF_TOKEN", "hf_secret0123").env_remove("HF_HUB_OFFLINE");
    let output = output.env("HF_ENDPOINT", "http://127.0.0.1:9").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hf_secret0123"));
    let mut command =
        desk.command(&[&["in", "-v", "--hub", "https://desk:hf_secret0123@mirror.example"][..], &QUICK].concat());
    let output = command.env("HF_TOKEN", "hf_secret0123").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hf_secret0123"));
    for (name, bytes) in desk.files("outputs") {
        assert!(!String::from_utf8_lossy(&bytes).contains("hf_secret0123"), "{name}");
    }
}
