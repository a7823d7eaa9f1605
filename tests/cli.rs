//! The command from outside: arguments, exit statuses, what is written, what is left alone.
//!
//! Separate because only here the binary runs as a user runs it. The invariant: every test works in a folder of its
//! own, with the built-in model, without network and without the user's configuration.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it did not expect")]

use assert_cmd::Command;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

const ARABIC: &str = "افتتاح مكتبة جديدة\n\nأين المدرسة؟ لا أريد أن أذهب اليوم.\n";
const OTHER: &str = "إعادة فتح الطريق\n\nاضغط على موافق لحفظ الإعدادات.\n";
const ENGLISH: &str = "The library is open again\n\nThe mayor said that the library was closed for two years and that it is now open to all.\n";

struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new(files: &[(&str, &str)]) -> Desk {
        let desk = Desk { folder: TempDir::new().unwrap() };
        files.iter().for_each(|(name, text)| desk.write(name, text.as_bytes()));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name))
            .unwrap_or_else(|error| panic!("{name}: {error}; there is {:?}", self.files()))
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    fn files(&self) -> Vec<String> {
        let entries = walkdir::WalkDir::new(self.folder.path()).sort_by_file_name().into_iter().map(Result::unwrap);
        let files = entries.filter(|entry| entry.file_type().is_file());
        files.map(|entry| entry.path().strip_prefix(self.folder.path()).unwrap().display().to_string()).collect()
    }

    /// Runs the command in the folder.
    fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, &[], "")
    }

    /// Runs it with the fast settings of these tests.
    fn translate(&self, arguments: &[&str]) -> Outcome {
        self.run(&[arguments, &["--model", "builtin", "--beam", "1"]].concat())
    }

    fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)], stdin: &str) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_summarize"));
        command.env_clear().env("HF_HOME", self.path(".cache")).env("HF_HUB_OFFLINE", "1");
        command.env("SOURCE_DATE_EPOCH", "1613650680").envs(environment.iter().copied());
        let output = command.current_dir(self.folder.path()).args(arguments).write_stdin(stdin).output().unwrap();
        Outcome {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

struct Outcome {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Outcome {
    #[track_caller]
    fn exits(self, status: i32) -> Self {
        assert_eq!(self.status, status, "stderr:\n{}", self.stderr);
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "`{text}` is not in stderr:\n{}", self.stderr);
        self
    }

    #[track_caller]
    fn prints(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "`{text}` is not in stdout:\n{}", self.stdout);
        self
    }
}

fn row<'a>(run: &'a Value, path: &str) -> &'a Value {
    let rows = run["inputs"].as_array().unwrap();
    rows.iter().find(|row| row["path"] == path).unwrap_or_else(|| panic!("no row for {path} in {run:#}"))
}

fn modified(path: &Path) -> std::time::SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn help_lists_every_option() {
    let help = Desk::new(&[]).run(&["--help"]).exits(0).stdout;
    for option in [
        "--lang",
        "--from",
        "--output",
        "--model",
        "--summary",
        "--summary-model",
        "--keep-unsupported",
        "abstractive",
        "--device",
        "--precision",
        "--exact",
        "--no-repair",
        "--memory-budget",
        "--beam",
        "--shard",
        "--strict",
        "--layout",
        "--glossary",
        "--memory",
        "xliff",
    ] {
        assert!(help.contains(option), "{option} is missing");
    }
}

#[test]
fn the_manual_and_the_completions_come_from_the_same_definition() {
    let desk = Desk::new(&[]);
    desk.run(&["man"]).exits(0).prints("summary\\-sentences");
    desk.run(&["completions", "bash"]).exits(0).prints("--summary-sentences");
}

#[test]
fn usage_errors_exit_with_2() {
    let desk = Desk::new(&[("a.txt", ARABIC)]);
    desk.run(&[]).exits(2);
    desk.run(&["a.txt", "--no-such-option"]).exits(2);
    desk.run(&["a.txt", "--beam", "0"]).exits(2).says("--beam: 0 is not from 1 to");
    desk.run(&["a.txt", "--shard", "5/4"]).exits(2).says("--shard");
    desk.run(&["a.txt", "--device", "abacus"]).exits(2).says("abacus");
    desk.run(&["a.txt", "--precision", "int4"]).exits(2).says("choose auto, f32, int16, int8, bf16 or f16");
    desk.run(&["a.txt", "--device", "cuda:0,0"]).exits(2).says("cuda:0,1");
    desk.run(&["missing.txt"]).exits(2).says("missing.txt: no such file or folder");
}

#[test]
fn an_unknown_key_of_the_configuration_names_the_nearest() {
    let desk = Desk::new(&[("a.txt", ARABIC), ("summarize.toml", "summary-sentnces = 2\n")]);
    desk.run(&["a.txt"]).exits(2).says("did you mean `summary-sentences`?");
    desk.write("summarize.toml", b"beam = \"wide\"\n");
    desk.run(&["a.txt"]).exits(2).says("key `beam`");
}

#[test]
fn the_environment_and_the_file_are_read() {
    let desk = Desk::new(&[("a.txt", ARABIC), ("summarize.toml", "output = 'from-file'\nmodel = 'builtin'\n")]);
    desk.run_with(&["a.txt", "--dry-run"], &[], "").exits(0).says("from-file/a.md");
    desk.run_with(&["a.txt", "--dry-run"], &[("SUMMARIZE_OUTPUT", "from-env")], "").exits(0).says("from-env/a.md");
    desk.run_with(&["a.txt", "--dry-run"], &[("SUMMARIZE_BEAM", "wide")], "").exits(2).says("SUMMARIZE_BEAM");
}

#[test]
fn a_dry_run_lists_and_writes_nothing() {
    let desk = Desk::new(&[("in/a.txt", ARABIC), ("in/b/c.txt", OTHER), ("in/english.txt", ENGLISH)]);
    let before = desk.files();
    let said = desk.translate(&["in", "--dry-run"]).exits(0).says("outputs/a.md").says("outputs/b/c.md");
    assert!(said.says("English article").stdout.is_empty());
    assert_eq!(desk.files(), before);
}

#[test]
fn a_folder_becomes_documents_an_index_and_a_run_report() {
    let desk = Desk::new(&[("in/a.txt", ARABIC), ("in/deep/b.txt", OTHER), ("in/english.txt", ENGLISH)]);
    desk.write("in/bad.docx", b"PK not a document");
    desk.translate(&["in"]).exits(1).says("bad.docx").says("English article: nothing to translate from ar");
    for name in ["a.md", "a.json", "deep/b.md", "deep/b.json", "index.md", "run.json"] {
        assert!(desk.exists(&format!("outputs/{name}")), "{name}: there is {:?}", desk.files());
    }
    let markdown = desk.read("outputs/a.md");
    assert!(markdown.contains("sentences translated"), "the accounting line is missing:\n{markdown}");
    assert!(markdown.contains("افتتاح مكتبة جديدة") && !markdown.contains(&desk.folder.path().display().to_string()));
    let run = desk.json("outputs/run.json");
    assert_eq!(row(&run, "a.txt")["status"], "written");
    assert_eq!(row(&run, "english.txt")["status"], "skipped");
    assert_eq!(row(&run, "bad.docx")["status"], "failed");
    assert!(desk.read("outputs/index.md").contains("deep/b.md"));
}

#[test]
fn a_rerun_skips_what_is_done_and_gives_the_same_index() {
    let desk = Desk::new(&[("in/a.txt", ARABIC)]);
    desk.translate(&["in"]).exits(0);
    let (first, index) = (modified(&desk.path("outputs/a.json")), desk.read("outputs/index.md"));
    desk.translate(&["in"]).exits(0);
    assert_eq!(modified(&desk.path("outputs/a.json")), first, "nothing changed, yet it was written again");
    assert_eq!(row(&desk.json("outputs/run.json"), "a.txt")["status"], "skipped");
    assert_eq!(desk.read("outputs/index.md"), index);
    desk.write("in/a.txt", OTHER.as_bytes());
    desk.translate(&["in"]).exits(0);
    assert_eq!(row(&desk.json("outputs/run.json"), "a.txt")["status"], "written", "the source changed");
}

#[test]
fn an_edited_document_is_kept_unless_forced() {
    let desk = Desk::new(&[("a.txt", ARABIC)]);
    desk.translate(&["a.txt"]).exits(0);
    let edited = desk.read("outputs/a.md").replace("not reviewed", "reviewed by the desk");
    desk.write("outputs/a.md", edited.as_bytes());
    desk.write("a.txt", OTHER.as_bytes());
    desk.translate(&["a.txt"]).exits(0).says("edited");
    assert_eq!(desk.read("outputs/a.md"), edited);
    let run = desk.json("outputs/run.json");
    assert_eq!(row(&run, "a.txt")["status"], "skipped");
    desk.translate(&["a.txt", "--force"]).exits(0);
    assert_ne!(desk.read("outputs/a.md"), edited);
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let (first, second) = (Desk::new(&[("in/a.txt", ARABIC)]), Desk::new(&[("in/a.txt", ARABIC)]));
    first.translate(&["in", "--threads", "1"]).exits(0);
    second.translate(&["in", "--threads", "1"]).exits(0);
    for name in ["outputs/a.md", "outputs/a.json", "outputs/index.md"] {
        assert_eq!(first.read(name), second.read(name), "{name}");
    }
}

#[test]
fn standard_input_goes_to_standard_output() {
    let desk = Desk::new(&[]);
    let arguments = ["-", "-o", "-", "--model", "builtin", "--beam", "1"];
    desk.run_with(&arguments, &[], ARABIC).exits(0).prints("---\n").prints("أين المدرسة؟");
    assert!(!desk.exists("outputs"), "nothing is written beside it");
}

#[test]
fn standard_output_takes_one_article_only() {
    let desk = Desk::new(&[("a.txt", ARABIC), ("b.txt", OTHER)]);
    desk.translate(&["a.txt", "b.txt", "-o", "-"]).exits(2).says("one article");
}

#[test]
fn records_of_a_jsonl_file_are_articles_of_their_own() {
    let lines = format!(
        "{}\n{}\n",
        serde_json::json!({ "id": "one", "title": "افتتاح مكتبة", "text": "أين المدرسة؟" }),
        serde_json::json!({ "id": "two", "text": "اضغط على موافق لحفظ الإعدادات." })
    );
    let desk = Desk::new(&[("feed.jsonl", &lines)]);
    desk.translate(&["feed.jsonl"]).exits(0);
    assert!(desk.exists("outputs/feed/one.md") && desk.exists("outputs/feed/two.json"), "{:?}", desk.files());
}

#[test]
fn two_records_of_one_id_are_two_documents() {
    let line = |text: &str| serde_json::json!({"id": "dup", "text": text}).to_string();
    let lines = [line(ARABIC), line(OTHER)].join("\n");
    let desk = Desk::new(&[("wire/week.jsonl", &lines)]);
    desk.translate(&["wire"]).exits(0);
    assert!(desk.read("outputs/week/dup.md").contains("المدرسة"));
    assert!(desk.read("outputs/week/dup-2.md").contains("الإعدادات"));
    desk.translate(&["wire"]).exits(0).says("0 written, 2 skipped");
}

#[test]
fn the_json_is_the_same_at_another_hour_and_by_another_command() {
    let desk = Desk::new(&[("in/a.txt", ARABIC)]);
    desk.translate(&["in", "-o", "one"]);
    let later = [("SOURCE_DATE_EPOCH", "1713650680")];
    desk.run_with(&["in", "-o", "two", "--threads", "1", "--model", "builtin", "--beam", "1"], &later, "");
    assert_ne!(desk.read("one/a.md"), desk.read("two/a.md"));
    assert_eq!(desk.read("one/a.json"), desk.read("two/a.json"));
}

#[test]
fn the_first_failure_stops_the_run_where_that_is_asked_for() {
    let desk = Desk::new(&[("a.json", "not json"), ("b.txt", ARABIC)]);
    desk.translate(&["a.json", "b.txt", "--fail-fast"]).exits(1);
    let run = desk.json("outputs/run.json");
    assert_eq!((&row(&run, "a.json")["status"], &row(&run, "b.txt")["status"]), (&"failed".into(), &"skipped".into()));
    assert!(!desk.exists("outputs/b.md"));
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_summarize"));
    let mut child = command.arg("man").stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn shards_share_out_the_inputs_without_overlap() {
    let files: Vec<(String, &str)> = (0..12).map(|i| (format!("in/{i}.txt"), ARABIC)).collect();
    let desk = Desk::new(&files.iter().map(|(name, text)| (name.as_str(), *text)).collect::<Vec<_>>());
    let listed = |shard: &str| {
        let said = desk.translate(&["in", "--dry-run", "--shard", shard]).exits(0).stderr;
        (0..12).filter(|i| said.contains(&format!("outputs/{i}.md"))).collect::<Vec<_>>()
    };
    let mut all = [listed("1/3"), listed("2/3"), listed("3/3")].concat();
    all.sort_unstable();
    assert_eq!(all, (0..12).collect::<Vec<_>>());
}

#[test]
fn a_model_asked_for_by_name_is_never_replaced() {
    let desk = Desk::new(&[("a.txt", ARABIC)]);
    desk.run(&["a.txt", "--model", "some-org/no-such-model"]).exits(3).says("some-org/no-such-model");
    assert!(!desk.exists("outputs/a.md"));
}

#[test]
fn without_hub_and_cache_the_built_in_model_says_so_in_every_document() {
    let desk = Desk::new(&[("a.txt", ARABIC)]);
    desk.run(&["a.txt", "--beam", "1"]).exits(0).says("built-in");
    assert!(desk.read("outputs/a.md").contains("Demonstration quality"));
    desk.run(&["a.txt", "--beam", "1"]).exits(0);
    assert_eq!(row(&desk.json("outputs/run.json"), "a.txt")["status"], "skipped");
}

#[test]
fn json_messages_are_one_object_a_line() {
    let desk = Desk::new(&[("in/a.txt", ARABIC), ("in/english.txt", ENGLISH)]);
    let said = desk.translate(&["in", "--dry-run", "--log-format", "json"]).exits(0).stderr;
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["path"] == "english.txt" && line["status"] == "skipped"), "{said}");
}

#[test]
fn models_are_listed_without_network() {
    let desk = Desk::new(&[]);
    desk.run(&["models"]).exits(0).prints("Helsinki-NLP/opus-mt-tc-big-ar-en").prints("builtin");
    let listed = desk.run(&["models", "--json"]).exits(0).stdout;
    assert!(listed.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{listed}");
}

#[test]
fn a_model_is_checked_by_loading_and_translating() {
    Desk::new(&[]).run(&["check", "builtin", "--beam", "1"]).exits(0).prints("tokens/s");
}
