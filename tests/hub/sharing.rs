//! One cache between threads, processes, Python and runs without a network.
//!
//! Separate because these tests start processes. The law over all of them: each file is downloaded once, whoever asks.

use crate::{machine::*, server::Fault};
use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use summarize::engine::hub::{Hub, HubError, HubOptions, Patience, Quiet};

const CHILD: &str = "SUMMARIZE_TEST_HUB_CHILD";

/// Returns a process that downloads the model into the machine's cache.
fn child(machine: &Machine, environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let cache = machine.options.cache_dir.as_ref().unwrap();
    let endpoint = machine.options.endpoint.as_ref().unwrap();
    command.args(["--exact", "sharing::in_a_process_of_its_own", "--ignored", "--quiet"]);
    command.env(CHILD, format!("{endpoint} {}", cache.display())).envs(environment.iter().copied());
    command.stdout(Stdio::null());
    command
}

#[cfg(unix)]
fn python_cache(machine: &Machine, names: &[&str]) {
    let (blobs, snapshot) = (machine.cache().join("blobs"), machine.cache().join("snapshots").join(COMMIT));
    for folder in [&blobs, &snapshot, &machine.cache().join("refs")] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::write(machine.cache().join("refs/main"), COMMIT).unwrap();
    for (name, bytes) in model().into_iter().filter(|(name, _)| names.contains(name)) {
        fs::write(blobs.join(format!("of-{name}")), bytes).unwrap();
        std::os::unix::fs::symlink(format!("../../blobs/of-{name}"), snapshot.join(name)).unwrap();
    }
}

#[test]
fn two_threads_download_each_file_once() {
    let server = healthy();
    server.fault(WEIGHTS, Fault::Late(Duration::from_millis(300)), 1);
    let machine = Machine::new(&server);
    let witnesses = [Witness::default(), Witness::default()];
    std::thread::scope(|scope| {
        for witness in &witnesses {
            scope.spawn(|| assert_whole(&machine.get_seen_by(witness).unwrap()));
        }
    });
    assert_eq!(server.sent(WEIGHTS), SIZE);
    assert!(witnesses.iter().any(|witness| witness.heard("waiting")));
}

#[test]
fn two_processes_download_each_file_once() {
    let server = healthy();
    server.fault(WEIGHTS, Fault::Late(Duration::from_millis(500)), 1);
    let machine = Machine::new(&server);
    let mut children: Vec<_> = (0..2).map(|_| child(&machine, &[]).spawn().unwrap()).collect();
    assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
    assert_eq!(server.sent(WEIGHTS), SIZE);
    assert_whole(&machine.hub().cached(REPO, None).unwrap());
}

#[test]
fn a_killed_process_leaves_nothing_that_looks_whole() {
    let server = healthy();
    server.fault(WEIGHTS, Fault::Stall(120_000), 100);
    let machine = Machine::new(&server);
    let mut process = child(&machine, &[]).spawn().unwrap();
    let start = Instant::now();
    while server.sent(WEIGHTS) == 0 || machine.part() < 120_000 {
        assert!(start.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(5));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    machine.assert_no_model();
    let had = usize::try_from(machine.part()).unwrap();

    server.heal();
    let before = server.sent(WEIGHTS);
    assert_whole(&machine.get().unwrap());
    assert_eq!(server.sent(WEIGHTS) - before, SIZE - had, "the lock of the dead process does not hold");
}

#[test]
fn a_token_of_the_environment_is_sent_only_where_the_options_say_so() {
    let server = healthy();
    let machine = Machine::new(&server);
    assert!(child(&machine, &[("HF_TOKEN", "hf_ambient")]).status().unwrap().success());
    assert!(server.served("").iter().all(|served| served.authorization.is_none()));
    assert!(!server.served("/resolve/").is_empty());
}

#[test]
#[ignore = "run by other tests, as their second process"]
fn in_a_process_of_its_own() {
    let Ok(given) = std::env::var(CHILD) else { return };
    let (endpoint, cache) = given.split_once(' ').unwrap();
    let options = HubOptions {
        endpoint: Some(endpoint.to_owned()),
        cache_dir: Some(PathBuf::from(cache)),
        patience: Patience { stall: Duration::from_secs(5), ..patience() },
        ..HubOptions::default()
    };
    let hub = Hub::new(&options).unwrap();
    assert_whole(&hub.download(&hub.plan(REPO, None, &Quiet).unwrap(), &Quiet, &|_| Ok(())).unwrap());
}

#[test]
#[cfg(unix)]
fn a_cache_that_python_filled_is_used_when_it_is_complete() {
    let names =
        ["config.json", "generation_config.json", "source.spm", "target.spm", "vocab.json", "README.md", WEIGHTS];
    let server = healthy();
    let machine = Machine::new(&server);
    python_cache(&machine, &names);
    assert_whole(&machine.hub().cached(REPO, None).unwrap());
    assert!(server.served("").is_empty());

    for missing in ["config.json", "target.spm", WEIGHTS] {
        let machine = Machine::new(&server);
        python_cache(&machine, &names.into_iter().filter(|name| *name != missing).collect::<Vec<_>>());
        assert!(machine.hub().cached(REPO, None).is_none(), "{missing}");
        assert_whole(&machine.get().unwrap());
    }

    let machine = Machine::new(&server);
    python_cache(&machine, &names);
    fs::remove_file(machine.cache().join("blobs/of-generation_config.json")).unwrap();
    fs::create_dir_all(machine.cache().join("trees")).unwrap();
    let listing = r#"{"format_version": 1, "files": {"generation_config.json": {"size": 9, "blob_id": "0"}}}"#;
    fs::write(machine.cache().join("trees").join(format!("{COMMIT}.json")), listing).unwrap();
    assert!(machine.hub().cached(REPO, None).is_none(), "Python's listing says there is one more file");
}

#[test]
fn offline_takes_the_cache_and_says_what_it_lacks() {
    let server = healthy();
    let mut machine = Machine::new(&server);
    machine.options.offline = true;
    let error = machine.get().unwrap_err();
    assert!(matches!(error, HubError::Offline { .. }), "{error}");
    assert!(error.to_string().contains("summarize fetch org/model"), "{error}");

    machine.options.offline = false;
    machine.get().unwrap();
    let asked = server.served("").len();
    machine.options.offline = true;
    assert_whole(&machine.hub().cached(REPO, None).unwrap());
    assert_eq!(server.served("").len(), asked);

    fs::remove_file(machine.cache().join("snapshots").join(COMMIT).join("vocab.json")).unwrap();
    let error = machine.get().unwrap_err().to_string();
    assert!(error.contains("vocab.json"), "{error}");
}
