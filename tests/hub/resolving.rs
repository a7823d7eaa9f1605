//! From names to models: folders, the catalogue, the hub, the binary, and `summarize fetch`.
//!
//! Separate because it tests the order of places, not downloads. The law over all of them: a model asked for by name is
//! that model or an error.

use crate::{
    machine::*,
    server::{Fault, HubServer},
};
use std::{fs, path::Path};
use summarize::engine::{
    EngineError,
    catalogue::Catalogue,
    hub::{HubError, HubOptions, Progress, Quiet},
    resolve::{Choice, Resolved, Resolver, verify},
};

fn catalogue() -> Catalogue {
    let entry = |name: &str, repo: &str, more: &str| {
        format!(
            "[[model]]\nname = \"{name}\"\n{repo}\narchitecture = \"marian\"\nsource = [\"ar\"]\ntarget = [\"en\"]\n\
             licence = \"CC-BY-4.0\"\nbytes = 1\nquality = \"-\"\nquality_from = \"-\"\n{more}\n"
        )
    };
    let text = entry("good", "repo = \"org/model\"", "default = true") + &entry("builtin", "", "");
    Catalogue::parse(&text).unwrap()
}

impl Machine {
    fn with_resolver<T>(&self, progress: &dyn Progress, work: impl FnOnce(&Resolver<'_>) -> T) -> T {
        let catalogue = catalogue();
        let working_folder = self.folder.path();
        work(&Resolver { catalogue: &catalogue, options: &self.options, working_folder, progress })
    }

    fn resolve(&self, model: &str) -> Result<Resolved, EngineError> {
        let choice: Choice = model.parse().unwrap();
        self.with_resolver(&Quiet, |resolver| resolver.resolve(&choice, "ar", "en"))
    }
}

fn put_model(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    model().into_iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).unwrap());
}

#[test]
fn auto_announces_then_downloads_the_default_and_next_time_asks_nobody() {
    let server = healthy();
    let machine = Machine::new(&server);
    let witness = Witness::default();
    let resolved = machine.with_resolver(&witness, |resolver| resolver.resolve(&Choice::Auto, "ar", "en")).unwrap();
    assert_whole(&resolved.files);
    assert!(!resolved.builtin && resolved.notice.is_none());
    assert!(witness.said.lock().unwrap()[0].starts_with("announced org/model"));
    let asked = server.served("").len();
    assert_whole(&machine.resolve("auto").unwrap().files);
    assert_whole(&machine.resolve("GOOD").unwrap().files);
    assert_whole(&machine.resolve("org/model@main").unwrap().files);
    assert_eq!(server.served("").len(), asked);
}

#[test]
#[cfg(feature = "builtin")]
fn auto_without_a_hub_is_the_builtin_model_and_says_why() {
    let server = healthy();
    server.fault("", Fault::Silent, 1);
    let mut machine = Machine::new(&server).hasty();
    let resolved = machine.resolve("auto").unwrap();
    let notice = resolved.notice.unwrap();
    assert!(resolved.builtin && notice.contains("no answer from the hub"), "{notice}");
    machine.options.offline = true;
    let resolved = machine.resolve("auto").unwrap();
    assert!(resolved.builtin && resolved.notice.unwrap().contains("switched off"));
    assert_eq!(resolved.files.name, "builtin");
    assert!(machine.resolve("builtin").unwrap().builtin);
}

#[test]
fn a_model_of_another_kind_is_refused_before_its_weights_are_asked_for() {
    let mut files = model();
    files[0].1 = br#"{"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"]}"#.to_vec();
    let server = HubServer::start().with("org/speech", COMMIT, &files);
    let machine = Machine::new(&server);
    let error = machine.resolve("org/speech").unwrap_err().to_string();
    assert!(error.contains("org/speech is a whisper model") && !error.contains('\n'), "{error}");
    assert_eq!(server.sent(WEIGHTS), 0);
}

#[test]
fn auto_is_not_replaced_where_the_hub_says_no() {
    let server = healthy();
    server.fault("/api/", Fault::Status(403, "X", "x"), 1);
    assert!(matches!(Machine::new(&server).resolve("auto"), Err(EngineError::Hub(HubError::Refused { .. }))));
    server.fault(WEIGHTS, Fault::Wrong, 2);
    assert!(matches!(Machine::new(&server).resolve("auto"), Err(EngineError::Hub(HubError::Damaged { .. }))));
}

#[test]
fn a_model_asked_for_by_name_is_never_replaced() {
    let server = healthy();
    server.fault("", Fault::Silent, 100);
    let mut machine = Machine::new(&server).hasty();
    assert!(matches!(machine.resolve("good"), Err(EngineError::Hub(HubError::Unreachable { .. }))));
    machine.options.offline = true;
    assert!(matches!(machine.resolve("org/model"), Err(EngineError::Hub(HubError::Offline { .. }))));
    let error = machine.resolve("goood").unwrap_err().to_string();
    assert!(error.contains("did you mean good?"), "{error}");
    for path in ["./nowhere", "/no/where", "a/b/c"] {
        assert!(machine.resolve(path).unwrap_err().to_string().contains("no such folder"), "{path}");
    }
}

#[test]
fn a_folder_comes_before_the_catalogue_and_the_hub() {
    let mut machine = Machine::new(&healthy());
    machine.options.offline = true;
    put_model(&machine.folder.path().join("models/good"));
    for model in ["good", "auto", "models/good"] {
        let resolved = machine.resolve(model).unwrap();
        assert!(
            !resolved.builtin && resolved.files.path(WEIGHTS).unwrap().ends_with("models/good/pytorch_model.bin"),
            "{model}"
        );
    }
    put_model(&machine.folder.path().join("good"));
    let path = machine.resolve("good").unwrap().files.path(WEIGHTS).unwrap();
    assert_eq!(path, machine.folder.path().join("good").join(WEIGHTS));

    fs::remove_file(machine.folder.path().join("good/config.json")).unwrap();
    let error = machine.resolve("good").unwrap_err().to_string();
    assert!(error.contains("config.json"), "{error}");
}

#[test]
fn a_model_fetched_into_a_folder_works_on_a_machine_without_a_network() {
    let server = healthy();
    let machine = Machine::new(&server);
    let air_gapped = Machine {
        options: HubOptions { offline: true, ..Machine::new(&server).options },
        folder: tempfile::tempdir().unwrap(),
    };
    let into = air_gapped.folder.path().join("models");
    for _ in 0..2 {
        let fetched = machine.with_resolver(&Quiet, |resolver| resolver.fetch("good", Some(&into))).unwrap();
        assert_eq!(fetched.folder, into.join("good"));
    }
    let resolved = air_gapped.resolve("auto").unwrap();
    assert_whole(&resolved.files);
    assert_eq!(verify(&resolved.files).unwrap(), 7);
    let files = resolved.files;
    assert_eq!((files.name.as_str(), files.revision.as_deref()), (REPO, Some(COMMIT)));
    assert_eq!(files.licence.as_deref(), Some("CC-BY-4.0"));
    let left: Vec<_> = fs::read_dir(&into).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 1, "no half-made folder is left: {left:?}");
}

#[test]
fn fetch_follows_a_branch_that_moved_on() {
    let server = healthy();
    let machine = Machine::new(&server);
    machine.get().unwrap();
    let newer = "f".repeat(40);
    let mut files = model();
    files[4].1 = b"another vocabulary\n".to_vec();
    let server = HubServer::start().with(REPO, &newer, &files);
    let machine = Machine {
        options: HubOptions { endpoint: Some(server.address().to_owned()), ..machine.options.clone() },
        ..machine
    };
    assert_eq!(machine.resolve("good").unwrap().files.revision.as_deref(), Some(COMMIT));
    machine.with_resolver(&Quiet, |resolver| resolver.fetch("good", None)).unwrap();
    assert_eq!(machine.resolve("good").unwrap().files.revision.as_deref(), Some(newer.as_str()));
    assert_eq!(server.sent("/resolve/"), files[4].1.len(), "only what changed is downloaded");
}

#[test]
fn fetch_does_not_overwrite_a_folder_it_did_not_make() {
    let server = healthy();
    let machine = Machine::new(&server);
    let into = machine.folder.path().join("models");
    put_model(&into.join("good"));
    let error = machine.with_resolver(&Quiet, |resolver| resolver.fetch("good", Some(&into))).unwrap_err();
    assert!(error.to_string().contains("was not fetched"), "{error}");
    let error = machine.with_resolver(&Quiet, |resolver| resolver.fetch("builtin", None)).unwrap_err();
    assert!(error.to_string().contains("nothing to download"), "{error}");
}
