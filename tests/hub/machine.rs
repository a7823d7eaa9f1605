//! A machine with a cache of its own, a model to download, and a witness to what is said.
//!
//! Separate because every test starts from it. The invariant: two machines share nothing.

use crate::server::HubServer;
use std::{fs, path::PathBuf, sync::Mutex, time::Duration};
use summarize::engine::{
    ModelFiles,
    hub::{Content, DownloadPlan, Hub, HubError, HubOptions, Patience, Progress, Quiet},
};

pub const REPO: &str = "org/model";
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub const WEIGHTS: &str = "pytorch_model.bin";
pub const SIZE: usize = 300_000;

pub fn weights() -> Vec<u8> {
    let mut state = 1u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..SIZE).map(next).collect()
}

pub fn model() -> Vec<(&'static str, Vec<u8>)> {
    let small = ["config.json", "generation_config.json", "source.spm", "target.spm", "vocab.json", "README.md"];
    let mut files: Vec<_> = small.iter().map(|name| (*name, format!("{name} of the model\n").into_bytes())).collect();
    files.extend([(WEIGHTS, weights()), ("tf_model.h5", vec![0; SIZE])]);
    files
}

pub fn healthy() -> HubServer {
    HubServer::start().with(REPO, COMMIT, &model())
}

pub fn patience() -> Patience {
    Patience {
        first_contact: Duration::from_secs(3),
        stall: Duration::from_secs(3),
        retries: 3,
        backoff: Duration::from_millis(5),
        longest_wait: Duration::from_secs(2),
    }
}

/// A cache of its own and the options to reach a server.
pub struct Machine {
    pub folder: tempfile::TempDir,
    pub options: HubOptions,
}

impl Machine {
    pub fn new(server: &HubServer) -> Machine {
        let folder = tempfile::tempdir().unwrap();
        let options = HubOptions {
            endpoint: Some(server.address().to_owned()),
            cache_dir: Some(folder.path().join("hub")),
            patience: patience(),
            ..HubOptions::default()
        };
        Machine { folder, options }
    }

    /// Waits for nothing long: for hubs that are silent on purpose.
    pub fn hasty(mut self) -> Machine {
        let short = Duration::from_millis(400);
        self.options.patience = Patience { first_contact: short, stall: short, ..patience() };
        self
    }

    pub fn hub(&self) -> Hub {
        Hub::new(&self.options).unwrap()
    }

    pub fn get(&self) -> Result<ModelFiles, HubError> {
        self.get_seen_by(&Quiet)
    }

    pub fn get_seen_by(&self, progress: &dyn Progress) -> Result<ModelFiles, HubError> {
        let hub = self.hub();
        hub.download(&hub.plan(REPO, None, progress)?, progress, &|_| Ok(()))
    }

    pub fn cache(&self) -> PathBuf {
        self.folder.path().join("hub/models--org--model")
    }

    /// Returns all files under the model's cache that have a digest for a name, and panics where one is not what it is
    /// called or where a snapshot shows what is not among them.
    pub fn sound_blobs(&self) -> Vec<String> {
        let mut blobs = Vec::new();
        for entry in fs::read_dir(self.cache().join("blobs")).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.ends_with(".incomplete") {
                continue;
            }
            let content = Content::of(&path).unwrap();
            assert!([content.sha256, content.git_blob].contains(&name), "{name} is not what it is called");
            blobs.push(name);
        }
        blobs
    }

    pub fn shown(&self) -> usize {
        let snapshots = fs::read_dir(self.cache().join("snapshots")).into_iter().flatten();
        snapshots.map(|commit| fs::read_dir(commit.unwrap().path()).unwrap().count()).sum()
    }

    pub fn part(&self) -> u64 {
        let files = fs::read_dir(self.cache().join("blobs")).unwrap().map(|entry| entry.unwrap());
        let parts = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "incomplete"));
        parts.map(|file| file.metadata().unwrap().len()).sum()
    }

    /// Asserts that nothing of a failed download can be taken for a model.
    pub fn assert_no_model(&self) {
        self.sound_blobs();
        assert_eq!(self.shown(), 0);
        assert!(self.hub().cached(REPO, None).is_none());
    }
}

pub fn assert_whole(files: &ModelFiles) {
    for (name, bytes) in model() {
        if name == "tf_model.h5" {
            assert!(!files.has(name), "no second set of weights");
        } else {
            assert!(files.read(name).unwrap() == bytes, "{name}");
        }
    }
}

/// Remembers what it was told.
#[derive(Default)]
pub struct Witness {
    pub said: Mutex<Vec<String>>,
    pub bytes: Mutex<i64>,
}

impl Progress for Witness {
    fn announced(&self, plan: &DownloadPlan) {
        let licence = plan.licence.as_deref().unwrap_or("none");
        self.said.lock().unwrap().push(format!("announced {} {} {licence}", plan.repo, plan.bytes_to_fetch()));
    }
    fn advanced(&self, bytes: u64) {
        *self.bytes.lock().unwrap() += i64::try_from(bytes).unwrap();
    }
    fn finished(&self, file: &str) {
        self.said.lock().unwrap().push(format!("finished {file}"));
    }
    fn waiting(&self, file: &str) {
        self.said.lock().unwrap().push(format!("waiting {file}"));
    }
    fn pausing(&self, reason: &str, seconds: f32) {
        self.said.lock().unwrap().push(format!("pausing {seconds} {reason}"));
    }
}

impl Witness {
    pub fn heard(&self, text: &str) -> bool {
        self.said.lock().unwrap().iter().any(|said| said.contains(text))
    }
}
