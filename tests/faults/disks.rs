//! Disks that are full, that cannot be written, and folders that go away.

use crate::{
    articles,
    desk::Desk,
    lasting,
    running::{QUICK, Running},
};
use std::{fs, path::PathBuf, process::Command};

fn run(desk: &Desk, status: i32) -> String {
    desk.run(&[&["in"][..], &QUICK].concat(), status)
}

/// The output folder of a desk as a small disk of its own.
struct Disk(PathBuf);

impl Disk {
    /// Mounts it; `None`, said, without the right to.
    fn mount(desk: &Desk, options: &str) -> Option<Disk> {
        let path = desk.path("outputs");
        fs::create_dir_all(&path).unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&path).output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(Disk(path));
        }
        eprintln!("skipped: there is no right to mount a small disk");
        None
    }

    fn remount(&self, options: &str) {
        let status = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A test that failed has more to say than this.
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_ends_the_run_and_the_rerun_finishes_it() {
    let (desk, undisturbed) = (articles(12), articles(12));
    let Some(disk) = Disk::mount(&desk, "size=64k") else { return };
    let said = run(&desk, 1);
    assert!(said.contains("the run ends here, for nothing more can be written"), "{said}");
    run(&undisturbed, 0);
    let whole = lasting(&undisturbed);
    for (name, bytes) in lasting(&desk).iter().filter(|(name, _)| *name != "index.md") {
        assert_eq!(Some(bytes), whole.get(name), "{name} is not whole");
    }
    disk.remount("size=16m");
    run(&desk, 0);
    assert_eq!(lasting(&desk).keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    assert!(lasting(&desk) == whole);
}

#[test]
fn an_output_folder_that_cannot_be_written_is_said_before_the_model_is_loaded() {
    let desk = articles(1);
    let Some(disk) = Disk::mount(&desk, "size=64k") else { return };
    disk.remount("ro");
    let said = run(&desk, 2);
    assert!(said.contains("--output outputs: nothing can be written there"), "{said}");
    assert!(!said.contains("translating"), "{said}");
}

#[test]
fn an_output_folder_removed_under_a_run_is_made_again_and_a_rerun_completes_it() {
    let (desk, undisturbed) = (articles(12), articles(12));
    let mut first = Running::start(&desk, &["in"]);
    first.until(" -> ");
    // The run may write into it between two steps of the removal.
    while fs::remove_dir_all(desk.path("outputs")).is_err() {}
    let (_, said) = first.end();
    assert!(!said.contains("panicked"), "{said}");
    run(&desk, 0);
    run(&undisturbed, 0);
    assert_eq!(lasting(&desk), lasting(&undisturbed));
}

#[test]
fn a_clock_that_was_set_back_makes_nothing_be_done_again() {
    let desk = articles(3);
    run(&desk, 0);
    let before = lasting(&desk);
    let mut command = desk.command(&[&["in"][..], &QUICK].concat());
    let output = command.env("SOURCE_DATE_EPOCH", "0").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("0 written, 6 skipped"), "{said}");
    assert_eq!(lasting(&desk), before);
}
