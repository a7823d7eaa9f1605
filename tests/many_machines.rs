//! The scripts that hand slices to a cluster, run here with another program in the place of `summarize`.
//!
//! Separate because no cluster is at hand in a test: what the scripts tell the program, and what they make of its end, can
//! be seen without one. The invariant: as many slices are cut as there are tasks to take them.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    process::{Command, Stdio},
};
use tempfile::TempDir;

const SLURM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/distributed/slurm.sh");
const KUBERNETES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/distributed/kubernetes.yaml");

/// Returns a folder with a shell script of the name `summarize` in it.
fn stand_in(script: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("summarize");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn command(shell: &str, program: &TempDir) -> Command {
    let mut command = Command::new(shell);
    command.env_clear().env("PATH", format!("{}:/usr/bin:/bin", program.path().display()));
    command
}

/// Returns what follows a word in a file, up to the next character that is no digit.
fn number_after(path: &str, word: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(word).unwrap();
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

/// Returns the shell command of the manifest: the block below its last `- |`.
fn manifest_command() -> String {
    let text = fs::read_to_string(KUBERNETES).unwrap();
    let (_, block) = text.rsplit_once("- |\n").unwrap();
    let indent = block.len() - block.trim_start().len();
    block.lines().take_while(|line| line.starts_with(&" ".repeat(indent))).map(|line| format!("{line}\n")).collect()
}

#[test]
fn as_many_slices_are_cut_as_tasks_are_started() {
    let echo = stand_in("echo \"$@\"");
    let last = number_after(SLURM, "--array=1-");
    let mut slurm = command("bash", &echo);
    slurm.args([SLURM, "inputs", "-o", "out put"]).env("SLURM_ARRAY_TASK_ID", last.to_string());
    let said = String::from_utf8(slurm.env("SLURM_CPUS_PER_TASK", "8").output().unwrap().stdout).unwrap();
    assert_eq!(said, format!("inputs -o out put --shard {last}/{last} --threads 8\n"));

    let (count, mut pod) = (number_after(KUBERNETES, "completions: "), command("sh", &echo));
    pod.args(["-c", &manifest_command()]).env("JOB_COMPLETION_INDEX", (count - 1).to_string());
    let said = String::from_utf8(pod.output().unwrap().stdout).unwrap();
    assert!(said.ends_with(&format!("--shard {count}/{count}\n")), "{said}");
}

#[test]
fn a_pod_ends_as_the_program_did_but_for_articles_that_failed() {
    for (status, expected) in [(0, 0), (1, 0), (2, 2), (3, 3), (130, 130)] {
        let program = stand_in(&format!("exit {status}"));
        let mut pod = command("sh", &program);
        pod.args(["-c", &manifest_command()]).env("JOB_COMPLETION_INDEX", "0");
        assert_eq!(pod.status().unwrap().code(), Some(expected), "{status}");
    }
}

#[test]
fn a_signal_to_a_slurm_task_reaches_the_program() {
    let waits = stand_in("trap 'echo finished; exit 130' TERM; echo begun; for i in $(seq 600); do sleep 0.05; done");
    let mut slurm = command("bash", &waits);
    let mut task = slurm.arg(SLURM).env("SLURM_ARRAY_TASK_ID", "1").stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(task.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "begun");
    let kill = Command::new("kill").args(["-TERM", &task.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let ended = task.wait().unwrap();
    assert_eq!((ended.code(), ended.signal()), (Some(130), None));
    assert_eq!(said.next().unwrap().unwrap(), "finished");
}
