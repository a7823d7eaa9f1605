//! The worker and its feed from outside: lines in, lines out, and the tree of a run made of them.
//!
//! Separate from `cli.rs` because here the program is a part of another one's work. The invariant: what a worker answers
//! is what a run writes, byte for byte.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it did not expect")]

#[path = "exports/desk.rs"]
#[allow(dead_code, reason = "it serves other tests too")]
mod desk;

use desk::Desk;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdout, Command, Stdio},
};

const ARABIC: &str = "افتتاح مكتبة جديدة\n\nأين المدرسة؟ لا أريد أن أذهب اليوم.\n";
const OTHER: &str = "إعادة فتح الطريق\n\nاضغط على موافق لحفظ الإعدادات. أين المدرسة؟\n";
const ENGLISH: &str = "The library is open again\n\nThe mayor said that the library was closed for two years and that it is now open to all.\n";
const FAST: [&str; 4] = ["--model", "builtin", "--beam", "1"];

/// A worker that runs.
struct Worker {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    fn start(desk: &Desk, options: &[&str]) -> Worker {
        let mut command = Command::new(env!("CARGO_BIN_EXE_summarize"));
        command.env_clear().env("HF_HUB_OFFLINE", "1").env("SOURCE_DATE_EPOCH", "1613650680");
        command.current_dir(desk.path("")).arg("worker").args(FAST).args(options);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Worker { child, answers }
    }

    fn send(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Closes its input and returns the answers that are left and the exit status.
    fn end(self) -> (Vec<Value>, Option<i32>) {
        let Worker { mut child, answers } = self;
        drop(child.stdin.take());
        let answers = answers.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
        (answers, child.wait().unwrap().code())
    }
}

fn record(id: &str, text: &str) -> String {
    json!({ "id": id, "text": text }).to_string()
}

#[test]
fn every_line_has_its_answer_in_order_whatever_it_holds() {
    let desk = Desk::new(&[]);
    let mut worker = Worker::start(&desk, &[]);
    let long = "x".repeat(17 << 20);
    let lines = [
        record("long", &ARABIC.repeat(20)),
        "not json".into(),
        record("english", ENGLISH),
        record("empty", " "),
        json!({ "id": 7, "title": "خبر" }).to_string(),
        json!({ "text": long }).to_string(),
        json!({ "fed": { "draft": {} } }).to_string(),
        json!({ "path": "week.jsonl", "text": OTHER }).to_string(),
        "[]".into(),
    ];
    for line in &lines {
        worker.send(line);
        worker.send("");
    }
    let (answers, status) = worker.end();
    assert_eq!(status, Some(0));
    let of = |key: &str| answers.iter().map(|answer| answer[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("line"), (0..9).map(|line| json!(2 * line + 1)).collect::<Vec<_>>());
    assert_eq!(
        of("status"),
        ["translated", "failed", "skipped", "failed", "failed", "failed", "failed", "translated", "failed"]
    );
    assert_eq!(
        of("id"),
        ["long", "line-3", "english", "empty", "7", "line-11", "line-13", "line-15", "line-17"],
        "a record without an id is called by its line"
    );
    for (answer, reason) in answers.iter().zip([
        "",
        "is not valid JSON",
        "English article: nothing to translate from ar",
        "has no text",
        "has no text: its keys are id, title",
        "larger than 16 MiB",
        "no line of `summarize feed`",
        "",
        "holds a list",
    ]) {
        assert!(answer["error"].as_str().unwrap_or_default().contains(reason), "{answer}");
        assert_eq!(answer["error"].is_null(), answer["document"].is_object(), "{answer}");
    }
    assert_eq!((&answers[7]["path"], &answers[7]["name"]), (&json!("week.jsonl"), &json!("week/line-15")));
    assert_eq!(answers[7]["document"]["input"]["path"], "week.jsonl#line-15");
}

#[test]
fn an_answer_waits_for_no_further_line() {
    let desk = Desk::new(&[]);
    let mut worker = Worker::start(&desk, &[]);
    for id in ["one", "two"] {
        worker.send(&record(id, ARABIC));
        assert_eq!(worker.answer()["id"], id);
    }
    worker.send("not json");
    assert_eq!(worker.answer()["status"], "failed");
    assert_eq!(worker.end(), (vec![], Some(0)));
}

#[test]
fn articles_sent_together_are_answered_as_those_sent_alone() {
    let desk = Desk::new(&[]);
    let texts: Vec<String> = (10..40).map(|number| format!("{ARABIC}\nوصل {number} صحفيا.\n")).collect();
    let (mut together, mut alone) = (Worker::start(&desk, &[]), Worker::start(&desk, &["--threads", "1"]));
    texts.iter().enumerate().for_each(|(id, text)| together.send(&record(&id.to_string(), text)));
    let (together, _) = together.end();
    assert_eq!(together.len(), texts.len());
    for (id, text) in texts.iter().enumerate() {
        alone.send(&record(&id.to_string(), text));
        assert_eq!(alone.answer()["document"]["sentences"], together[id]["document"]["sentences"]);
    }
}

#[test]
fn without_a_reader_it_ends_quietly() {
    let desk = Desk::new(&[]);
    let Worker { mut child, answers } = Worker::start(&desk, &[]);
    drop(answers);
    writeln!(child.stdin.as_mut().unwrap(), "{}", record("a", ARABIC)).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_cannot_start_takes_no_work() {
    let desk = Desk::new(&[]);
    let said = desk.run(&["worker", "--model", "no-such/model", "--offline"], 3);
    assert!(said.contains("no-such/model"), "{said}");
    for option in ["--shard=1/2", "--output=x", "--force"] {
        let said = desk.run(&["worker", option], 2);
        assert!(said.contains("means nothing to `worker`"), "{said}");
    }
}

/// A folder with every kind of input, names that clash, records that share an id and articles that cannot be translated.
fn newsroom() -> Desk {
    let desk = Desk::new(&[
        ("in/a.txt", ARABIC),
        ("in/a.md", OTHER),
        ("in/deep/b.txt", OTHER),
        ("in/english.txt", ENGLISH),
        ("in/page.html", "<html><body><h1>خبر</h1><p>أين المدرسة؟ لا أريد أن أذهب اليوم.</p></body></html>"),
        ("names.tsv", "المدرسة\tthe School\n"),
    ]);
    desk.write("in/bad.docx", "PK not a document");
    let records = [record("x", ARABIC), record("x", OTHER), "not json".into(), json!({ "text": OTHER }).to_string()];
    desk.write("in/week.jsonl", &records.join("\n"));
    desk.write("in/list.json", &format!("[{}, {}]", record("one", OTHER), record("two", ARABIC)));
    let utf_16: Vec<u8> = format!("{}\n", record("wide", ARABIC)).encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(desk.path("in/wide.jsonl"), utf_16).unwrap();
    desk
}

/// Writes the tree that a worker's answers make; returns how many documents there were.
fn write_tree(desk: &Desk, answers: &[Value]) -> usize {
    let translated = || answers.iter().filter(|answer| answer["status"] == "translated");
    for answer in translated() {
        for (extension, content) in answer["files"].as_object().unwrap() {
            desk.write(&format!("out/{}.{extension}", answer["name"].as_str().unwrap()), content.as_str().unwrap());
        }
    }
    translated().count()
}

fn documents(desk: &Desk) -> BTreeMap<String, Vec<u8>> {
    let mut files = desk.files("out");
    files.remove("run.json");
    files
}

#[test]
fn a_feed_and_a_worker_make_the_tree_that_a_run_makes() {
    let arguments = ["in", "-o", "out", "--format", "md,json,html,tsv,tmx,xliff", "--glossary", "names.tsv"];
    let arguments = [&arguments[..], &FAST].concat();
    let one = newsroom();
    one.run(&arguments, 1);

    let many = newsroom();
    let lines = many.output(&[&["feed"], &arguments[..]].concat(), 1);
    assert!(!many.path("out").exists(), "a feed writes nothing");
    let mut worker = Worker::start(&many, &["--glossary", "names.tsv"]);
    lines.lines().for_each(|line| worker.send(line));
    let (answers, _) = worker.end();
    assert_eq!(answers.len(), lines.lines().count());
    assert_eq!(write_tree(&many, &answers), 10);
    let said = many.run(&arguments, 1);
    assert!(said.contains("0 written") && !said.contains("translating with"), "the last pass found all done: {said}");

    let (one, many) = (documents(&one), documents(&many));
    assert_eq!(one.keys().collect::<Vec<_>>(), many.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        assert_eq!(String::from_utf8_lossy(bytes), String::from_utf8_lossy(&many[name]), "{name}");
    }
}

#[test]
fn a_feed_leaves_out_what_is_done_and_what_is_not_of_its_slice() {
    let desk = newsroom();
    let arguments = |more: &[&'static str]| [&["feed", "in", "-o", "out"], &FAST[..], more].concat();
    let fed = |more: &[&'static str], status: i32| {
        let lines = desk.output(&arguments(more), status);
        let name =
            |line: &str| serde_json::from_str::<Value>(line).unwrap()["fed"]["name"].as_str().unwrap().to_owned();
        lines.lines().map(name).collect::<Vec<_>>()
    };
    let all = fed(&[], 1);
    assert_eq!(all.len(), 11, "the English article is for the worker to refuse: {all:?}");
    // What cannot be read falls into the first slice, and is no failure of the second.
    let sliced = [fed(&["--shard", "1/2"], 1), fed(&["--shard", "2/2"], 0)].concat();
    assert_eq!(sliced.iter().collect::<BTreeSet<_>>(), all.iter().collect::<BTreeSet<_>>());
    assert_eq!(sliced.len(), all.len());
    desk.translate(&["in/**/b.txt", "-o", "out"]);
    let left = fed(&[], 1);
    assert_eq!(all.len() - left.len(), 1);
    assert!(!left.contains(&"deep/b".to_owned()));
}

#[test]
fn slices_in_one_folder_and_a_last_pass_make_the_whole() {
    let (whole, sliced) = (newsroom(), newsroom());
    let arguments = [&["in", "-o", "out"], &FAST[..]].concat();
    whole.run(&arguments, 1);
    for shard in ["1/3", "2/3", "3/3"] {
        let shard = [&arguments[..], &["--shard", shard]].concat();
        let output = Command::new(env!("CARGO_BIN_EXE_summarize"))
            .current_dir(sliced.path(""))
            .env("SOURCE_DATE_EPOCH", "1613650680")
            .args(shard)
            .output()
            .unwrap();
        assert!(output.status.code().is_some_and(|status| status < 2));
    }
    let said = sliced.run(&arguments, 1);
    assert!(said.contains("0 written"), "{said}");
    let of_a_slice = |name: &str| name.contains("-of-3.");
    let (whole, mut sliced) = (documents(&whole), documents(&sliced));
    sliced.retain(|name, _| !of_a_slice(name));
    assert_eq!(whole.keys().collect::<Vec<_>>(), sliced.keys().collect::<Vec<_>>());
    for (name, bytes) in &whole {
        assert_eq!(without_command(bytes), without_command(&sliced[name]), "{name}");
    }
}

/// A slice says in the Markdown that it was one.
fn without_command(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().filter(|line| !line.starts_with("command: ")).collect::<Vec<_>>().join("\n")
}
