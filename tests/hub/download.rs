//! Files from the hub into the cache, with the connection breaking in every way.
//!
//! Separate from what the hub may answer instead. The law over all of them: what is in the cache under its name has the
//! hash that the hub lists.

use crate::{machine::*, server::Fault};
use std::fs;
use summarize::engine::{
    hub::{HubError, Quiet},
    resolve::verify,
};

#[test]
fn a_model_is_downloaded_once_verified_and_found_again() {
    let server = healthy();
    let machine = Machine::new(&server);
    let witness = Witness::default();
    let files = machine.get_seen_by(&witness).unwrap();
    assert_whole(&files);
    assert_eq!((files.name.as_str(), files.revision.as_deref()), (REPO, Some(COMMIT)));
    assert_eq!(files.licence.as_deref(), Some("CC-BY-4.0"));
    assert_eq!(files.hashes.len(), 7);
    let whole: usize = model().iter().filter(|(name, _)| *name != "tf_model.h5").map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(witness.said.lock().unwrap()[0], format!("announced {REPO} {whole} CC-BY-4.0"));
    assert_eq!(*witness.bytes.lock().unwrap(), i64::try_from(whole).unwrap());

    assert_eq!(fs::read_to_string(machine.cache().join("refs/main")).unwrap(), COMMIT);
    assert_eq!(machine.sound_blobs().len(), 7);
    assert_eq!(verify(&machine.hub().cached(REPO, Some(COMMIT)).unwrap()).unwrap(), if cfg!(unix) { 7 } else { 0 });

    let again = Witness::default();
    assert_whole(&machine.get_seen_by(&again).unwrap());
    assert!(!again.heard("announced"), "nothing is downloaded the second time");
    assert_eq!(server.sent("/resolve/"), whole);
}

#[test]
fn a_plan_asks_for_no_file() {
    let server = healthy();
    let plan = Machine::new(&server).hub().plan(REPO, None, &Quiet).unwrap();
    assert_eq!((plan.commit.as_str(), plan.files.len()), (COMMIT, 7));
    assert_eq!(plan.files.last().unwrap().name, WEIGHTS);
    assert!(server.served("/resolve/").is_empty());
}

#[test]
fn a_cut_connection_is_taken_up_where_it_broke() {
    let server = healthy();
    server.fault(WEIGHTS, Fault::Cut(100_000), 2);
    let machine = Machine::new(&server);
    assert_whole(&machine.get().unwrap());
    assert_eq!(server.sent(WEIGHTS), SIZE);
    let ranges: Vec<_> = server.served(WEIGHTS).into_iter().map(|served| served.range).collect();
    assert_eq!(ranges, [None, Some("bytes=100000-".to_owned()), Some("bytes=200000-".to_owned())]);
}

#[test]
fn the_next_run_asks_only_for_the_rest() {
    let server = healthy();
    server.fault(WEIGHTS, Fault::Cut(100_000), 1);
    server.fault(WEIGHTS, Fault::Status(503, "X", "x"), 100);
    let machine = Machine::new(&server);
    assert!(matches!(machine.get(), Err(HubError::ServerFailed { status: 503, .. })));
    machine.assert_no_model();
    assert_eq!(machine.part(), 100_000);

    server.heal();
    let before = server.sent(WEIGHTS);
    let witness = Witness::default();
    assert_whole(&machine.get_seen_by(&witness).unwrap());
    assert_eq!(server.sent(WEIGHTS) - before, SIZE - 100_000);
    assert_eq!(machine.part(), 0);
}

#[test]
fn a_hub_that_falls_silent_in_the_middle_is_asked_again() {
    let server = healthy();
    server.fault(WEIGHTS, Fault::Stall(50_000), 1);
    let machine = Machine::new(&server).hasty();
    assert_whole(&machine.get().unwrap());
    assert_eq!(server.sent(WEIGHTS), SIZE);
}

#[test]
fn a_hub_without_ranges_is_asked_for_the_whole_again() {
    let server = healthy();
    server.fault(WEIGHTS, Fault::Cut(100_000), 1);
    server.fault(WEIGHTS, Fault::NoRanges, 1);
    assert_whole(&Machine::new(&server).get().unwrap());
    assert_eq!(server.sent(WEIGHTS), SIZE + 100_000);
}

#[test]
fn damage_is_noticed_and_fetched_again_once() {
    for file in [WEIGHTS, "vocab.json"] {
        let server = healthy();
        server.fault(file, Fault::Wrong, 1);
        let machine = Machine::new(&server);
        assert_whole(&machine.get().unwrap());
        assert_eq!(machine.sound_blobs().len(), 7);

        let server = healthy();
        server.fault(file, Fault::Wrong, 100);
        let machine = Machine::new(&server);
        let error = machine.get().unwrap_err();
        assert!(matches!(&error, HubError::Damaged { file: named, .. } if named == file), "{error}");
        machine.assert_no_model();
        assert_eq!(machine.part(), 0, "nothing of it is kept");
        assert_eq!(server.served(file).len(), 2);
    }
}

#[test]
fn a_part_that_was_damaged_earlier_is_not_built_upon() {
    let server = healthy();
    server.fault(WEIGHTS, Fault::Cut(100_000), 1);
    server.fault(WEIGHTS, Fault::Status(500, "X", "x"), 100);
    let machine = Machine::new(&server);
    machine.get().unwrap_err();
    server.heal();
    let mut blobs = fs::read_dir(machine.cache().join("blobs")).unwrap().map(|entry| entry.unwrap().path());
    let part = blobs.find(|path| path.extension().is_some_and(|extension| extension == "incomplete")).unwrap();
    fs::write(part, vec![7; 100_000]).unwrap();
    assert_whole(&machine.get().unwrap());
}

#[test]
fn a_blob_that_was_damaged_on_disk_is_replaced() {
    let server = healthy();
    let machine = Machine::new(&server);
    let files = machine.get().unwrap();
    let blob = fs::canonicalize(files.path(WEIGHTS).unwrap()).unwrap();
    let mut bytes = weights();
    bytes[17] ^= 1;
    fs::write(blob, bytes).unwrap();
    assert!(verify(&files).unwrap_err().to_string().contains(WEIGHTS));
    assert_whole(&machine.get().unwrap());
    machine.sound_blobs();
}

#[test]
fn a_body_that_ends_early_is_no_model() {
    let server = healthy();
    server.fault(WEIGHTS, Fault::Short(0), 100);
    let machine = Machine::new(&server);
    let error = machine.get().unwrap_err();
    assert!(matches!(error, HubError::Interrupted { have: 0, .. }), "{error}");
    machine.assert_no_model();

    let server = healthy();
    server.fault(WEIGHTS, Fault::Short(1_000), 1);
    let machine = Machine::new(&server);
    assert_whole(&machine.get().unwrap());
    assert_eq!(server.sent(WEIGHTS), SIZE);
}

#[test]
fn without_links_the_snapshot_holds_copies() {
    let server = healthy();
    let mut machine = Machine::new(&server);
    machine.options.symlinks = false;
    let files = machine.get().unwrap();
    assert_whole(&files);
    assert!(!files.path(WEIGHTS).unwrap().is_symlink());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_named() {
    let server = healthy();
    let machine = Machine::new(&server);
    let digest = machine.hub().plan(REPO, None, &Quiet).unwrap().files.pop().unwrap().digest;
    let blobs = machine.cache().join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    std::os::unix::fs::symlink("/dev/full", blobs.join(format!("{}.incomplete", digest.hex()))).unwrap();
    let error = machine.get().unwrap_err();
    assert!(matches!(error, HubError::DiskFull { .. }), "{error}");
    machine.assert_no_model();
}
