//! The weight loader against files that Python wrote, and against files that no one should have written.
//!
//! Separate from the unit tests because it counts what the whole loader allocates. The invariant: a broken file is an
//! error that names the file, never a panic, and never costs more memory than a small multiple of the file.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use proptest::prelude::*;
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use summarize::engine::{EngineError, ModelFiles, Origin, weights::Weights};

/// Folders of `tests/goldens/` that hold the same tensors, each with the file in it that is broken on purpose.
const FORMATS: [(&str, &str); 4] = [
    ("weights/safetensors", "model.safetensors"),
    ("weights/zip", "pytorch_model.bin"),
    ("weights/legacy", "pytorch_model.bin"),
    ("weights/shards", "pytorch_model-00001-of-00002.bin"),
];

/// Checkpoints that are broken on purpose too.
const CHECKPOINTS: [(&str, &str); 3] = [
    ("marian/legacy-pickle", "pytorch_model.bin"),
    ("marian/zip-f16-stale-head", "pytorch_model.bin"),
    ("marian/separate-vocabs", "model.safetensors"),
];

fn goldens(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(folder)
}

fn model(folder: impl Into<PathBuf>) -> ModelFiles {
    ModelFiles {
        origin: Origin::Folder(folder.into()),
        name: "test".into(),
        revision: None,
        licence: None,
        hashes: BTreeMap::new(),
    }
}

fn open(folder: impl Into<PathBuf>) -> Result<Weights, EngineError> {
    Weights::open(&model(folder))
}

/// Opens a folder that holds one file; returns the message of the error.
fn refusal(file: &str, content: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(file), content).unwrap();
    match open(folder.path()) {
        Ok(_) => panic!("{file} was opened"),
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains(file), "{message}");
            message
        }
    }
}

fn values(weights: &Weights, name: &str) -> Vec<f32> {
    let shape = weights.shape(name).unwrap();
    weights.tensor(name, shape).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn every_format_gives_the_tensors_that_python_saved() {
    let expected: serde_json::Value =
        serde_json::from_slice(&fs::read(goldens("weights/expected.json")).unwrap()).unwrap();
    let expected = expected.as_object().unwrap();
    for (format, _) in FORMATS {
        let weights = open(goldens(format)).unwrap();
        let mut names: Vec<&str> = expected.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(weights.names().collect::<Vec<_>>(), names, "{format}");
        for (name, tensor) in expected {
            let shape: Vec<usize> = serde_json::from_value(tensor["shape"].clone()).unwrap();
            let saved: Vec<f32> = serde_json::from_value(tensor["values"].clone()).unwrap();
            assert_eq!(weights.shape(name), Some(&shape[..]), "{format}: {name}");
            assert_eq!(values(&weights, name), saved, "{format}: {name}");
        }
    }
}

#[test]
fn the_tiny_checkpoints_open_with_their_tied_copies() {
    for (folder, has_head) in [("legacy-pickle", false), ("zip-f16-stale-head", true)] {
        let weights = open(goldens("marian").join(folder)).unwrap();
        let shared = values(&weights, "model.shared.weight");
        assert_eq!(values(&weights, "model.encoder.embed_tokens.weight"), shared);
        assert_eq!(weights.contains("lm_head.weight"), has_head);
        if has_head {
            assert_ne!(values(&weights, "lm_head.weight"), shared, "the head should be stale");
        }
    }
}

#[test]
fn shards_are_found_through_their_index() {
    let weights = open(goldens("marian/separate-vocabs-untied")).unwrap();
    assert!(weights.files().len() > 1);
    assert!(weights.files().iter().all(|file| file.ends_with(".safetensors")), "{:?}", weights.files());
    assert!(weights.contains("lm_head.weight") && weights.contains("model.encoder.layers.1.fc1.bias"));
}

#[test]
fn the_builtin_model_is_read_without_a_file() {
    let content: &'static [u8] = include_bytes!("goldens/weights/safetensors/model.safetensors");
    let files: &'static [(&str, &[u8])] = Box::leak(Box::new([("model.safetensors", content)]));
    let weights = Weights::open(&ModelFiles { origin: Origin::Builtin(files), ..model("") }).unwrap();
    assert_eq!(values(&weights, "scalar"), [2.5]);
    assert_eq!(weights.files(), ["model.safetensors"]);
    assert!(weights.tensor("absent", &[1]).unwrap_err().to_string().contains("builtin/model.safetensors"));
}

#[test]
fn safetensors_are_preferred_to_a_pickle() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(goldens("weights/safetensors/model.safetensors"), folder.path().join("model.safetensors")).unwrap();
    fs::write(folder.path().join("pytorch_model.bin"), b"not read").unwrap();
    assert_eq!(open(folder.path()).unwrap().files(), ["model.safetensors"]);
}

#[test]
fn an_error_names_the_tensor_and_the_file() {
    let weights = open(goldens("weights/legacy")).unwrap();
    let absent = weights.tensor("lm_head.weight", &[2, 3]).unwrap_err().to_string();
    assert!(absent.contains("`lm_head.weight`") && absent.contains("legacy/pytorch_model.bin"), "{absent}");
    let shape = weights.tensor("weight", &[3, 5]).unwrap_err().to_string();
    assert!(shape.contains("[5, 3]") && shape.contains("[3, 5]") && shape.contains("`weight`"), "{shape}");
}

#[test]
fn a_folder_without_weights_says_what_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let message = open(folder.path()).err().unwrap().to_string();
    assert!(message.contains("model.safetensors") && message.contains("pytorch_model.bin"), "{message}");
}

#[test]
fn a_pickle_that_names_other_classes_is_refused_by_name() {
    let message = open(goldens("weights/whole-module")).err().unwrap().to_string();
    assert!(message.contains("torch.nn.modules.linear.Linear"), "{message}");
}

#[test]
fn what_is_stored_in_place_of_weights_is_said() {
    for file in ["model.safetensors", "pytorch_model.bin"] {
        assert!(refusal(file, b"").contains("empty"));
        assert!(refusal(file, b"<!DOCTYPE html><html>").contains("web page"));
        assert!(refusal(file, b"version https://git-lfs.github.com/spec/v1\noid").contains("Git LFS"));
        refusal(file, b"x");
    }
    assert!(refusal("pytorch_model.bin", b"GGUF").contains("no format of PyTorch"));
}

#[test]
fn a_safetensors_header_longer_than_the_file_is_refused() {
    for length in [u64::MAX, 1 << 62, 99_000_000, 9] {
        refusal("model.safetensors", &[&length.to_le_bytes()[..], b"{}"].concat());
    }
}

#[test]
fn an_index_that_leads_out_of_the_folder_is_refused() {
    for file in ["../secret.bin", "/etc/passwd", ""] {
        let index = format!(r#"{{"weight_map": {{"a": "{file}"}}}}"#);
        assert!(refusal("model.safetensors.index.json", index.as_bytes()).contains("beside it"));
    }
}

#[test]
fn an_index_that_names_an_absent_tensor_or_shard_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(goldens("weights/safetensors/model.safetensors"), folder.path().join("one.safetensors")).unwrap();
    let index = folder.path().join("model.safetensors.index.json");
    fs::write(&index, r#"{"weight_map": {"scalar": "one.safetensors", "more": "one.safetensors"}}"#).unwrap();
    assert!(open(folder.path()).err().unwrap().to_string().contains("`more`"));
    fs::write(&index, r#"{"weight_map": {"scalar": "two.safetensors"}}"#).unwrap();
    assert!(open(folder.path()).err().unwrap().to_string().contains("two.safetensors"));
    fs::write(&index, r#"{"weight_map": {"scalar": "one.safetensors"}}"#).unwrap();
    assert_eq!(open(folder.path()).unwrap().names().collect::<Vec<_>>(), ["scalar"]);
}

#[test]
fn a_zip_whose_directory_claims_billions_of_entries_is_refused_cheaply() {
    let mut content = fs::read(goldens("weights/zip/pytorch_model.bin")).unwrap();
    let end = content.windows(4).rposition(|window| window == b"PK\x05\x06").unwrap();
    let wide = content.windows(4).rposition(|window| window == b"PK\x06\x06");
    // Entry counts (on this disk, in all), then the directory's size.
    content[end + 8..end + 16].fill(0xff);
    if let Some(wide) = wide {
        content[wide + 24..wide + 48].fill(0x7f);
    }
    let (_, peak) = counted(|| refusal("pytorch_model.bin", &content));
    assert!(peak < 4 << 20, "{peak} bytes");
}

#[test]
fn every_shorter_file_is_an_error() {
    for (format, file) in FORMATS {
        let whole = fs::read(goldens(format).join(file)).unwrap();
        let folder = copy(&goldens(format));
        for length in (0..whole.len()).step_by(7) {
            fs::write(folder.path().join(file), &whole[..length]).unwrap();
            assert!(open(folder.path()).is_err(), "{format} of {length} bytes was opened");
        }
    }
}

fn copy(folder: &Path) -> tempfile::TempDir {
    let copied = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copied.path().join(entry.file_name())).unwrap();
    }
    copied
}

/// A change to a file: bytes overwritten, removed or put in, at a place given as a share of its length.
#[derive(Debug, Clone)]
enum Change {
    Overwrite(f64, Vec<u8>),
    Remove(f64, usize),
    Insert(f64, Vec<u8>),
    Truncate(f64),
}

fn change() -> impl Strategy<Value = Change> {
    let bytes = || prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(0xff), Just(0x7f)], 1..9);
    prop_oneof![
        8 => (0.0..1.0, bytes()).prop_map(|(at, bytes)| Change::Overwrite(at, bytes)),
        2 => (0.0..1.0, 1..40usize).prop_map(|(at, count)| Change::Remove(at, count)),
        2 => (0.0..1.0, bytes()).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        1 => (0.0..1.0).prop_map(Change::Truncate),
    ]
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    let place = |at: &f64| (at * content.len() as f64) as usize;
    match change {
        Change::Overwrite(at, bytes) => {
            let at = place(at);
            let count = bytes.len().min(content.len() - at);
            content[at..at + count].copy_from_slice(&bytes[..count]);
        }
        Change::Remove(at, count) => {
            let at = place(at);
            content.drain(at..content.len().min(at + count));
        }
        Change::Insert(at, bytes) => {
            let at = place(at);
            content.splice(at..at, bytes.iter().copied());
        }
        Change::Truncate(at) => content.truncate(place(at)),
    }
}

/// Opens a folder and reads every tensor that it offers.
fn read_all(folder: &Path) -> Result<(), EngineError> {
    let weights = open(folder)?;
    for name in weights.names() {
        let shape = weights.shape(name).unwrap();
        // One by one, as a model does: a broken one must not cost more than an error.
        if let Ok(tensor) = weights.tensor(name, shape) {
            assert_eq!(tensor.dims(), shape, "{name}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_never_panics_nor_costs_more_than_a_multiple_of_its_size(
        (format, file) in prop::sample::select([&FORMATS[..], &CHECKPOINTS[..]].concat()),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        let folder = copy(&goldens(format));
        let mut content = fs::read(folder.path().join(file)).unwrap();
        changes.iter().for_each(|change| apply(&mut content, change));
        fs::write(folder.path().join(file), &content).unwrap();
        let (_, peak) = counted(|| read_all(folder.path()));
        prop_assert!(peak < 40 * content.len() + (256 << 10), "{peak} bytes for a file of {}", content.len());
    }
}

/// Runs something; returns the most memory that this thread had allocated at once beyond what it had before.
fn counted<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATED.get();
    PEAK.set(before);
    let result = run();
    (result, usize::try_from(PEAK.get() - before).unwrap_or(0))
}

thread_local! {
    static ALLOCATED: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, with a count for each thread.
struct Counting;

fn count(change: isize) {
    // A thread that is ending has no counters any more, and nothing measures it.
    let _ = ALLOCATED.try_with(|allocated| {
        allocated.set(allocated.get() + change);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(allocated.get())));
    });
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;
