//! The files of one article, written in the order that makes a killed run safe.
//!
//! Separate because the order is a promise: the JSON goes last and marks the article as done. The invariant: a JSON
//! never speaks of a file that is not there whole.

use crate::{
    cli::Format,
    report::{Document, Html, Json, Markdown, Render, Tmx, Tsv, Xliff, write_atomic},
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Every format in the order the files are written: the JSON is last and speaks of the others.
pub const ORDER: [Format; 6] = [Format::Md, Format::Html, Format::Tsv, Format::Tmx, Format::Xliff, Format::Json];

/// Returns the file name extension of a format.
pub fn extension(format: Format) -> &'static str {
    renderer(format).map_or_else(|| Json::default().extension(), Render::extension)
}

/// Returns what renders a format; `None` for the JSON, which must know the other files.
fn renderer(format: Format) -> Option<&'static dyn Render> {
    match format {
        Format::Md => Some(&Markdown),
        Format::Html => Some(&Html),
        Format::Tsv => Some(&Tsv),
        Format::Tmx => Some(&Tmx),
        Format::Xliff => Some(&Xliff),
        Format::Json => None,
    }
}

/// Writes the documents of an article to `base`, an output path without extension, but for those that are on disk already;
/// `before` has the fingerprints of these by file name. Returns the extension of the first.
pub fn write(
    document: &Document,
    base: &Path,
    formats: &[Format],
    before: &BTreeMap<String, String>,
) -> io::Result<&'static str> {
    let stem = base.file_name().unwrap_or_default().to_string_lossy();
    let json_path = with_extension(base, Json::default().extension());
    for (extension, bytes) in render(document, &stem, formats) {
        let path = with_extension(base, extension);
        let same = || before.get(&format!("{stem}.{extension}")).is_some_and(|print| *print == fingerprint(&bytes));
        if path == json_path || !path.is_file() || !same() {
            // A run that is killed before the new JSON is there must not leave the old one, whose fingerprints would make
            // the new document look like one that a person edited.
            if path != json_path && path.exists() {
                remove_if_there(&json_path)?;
            }
            write_atomic(&path, &bytes)?;
        }
    }
    Ok(ORDER.into_iter().find(|format| formats.contains(format)).map_or(Markdown.extension(), extension))
}

/// Returns the files of an article, extension and bytes, one by one in the order they are written; `stem` is the file
/// name that they share.
pub fn render(document: &Document, stem: &str, formats: &[Format]) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let mut outputs = BTreeMap::new();
    ORDER.into_iter().filter(|format| formats.contains(format)).map(move |format| {
        let Some(renderer) = renderer(format) else {
            let json = Json { outputs: std::mem::take(&mut outputs) };
            return (json.extension(), json.render(document));
        };
        let bytes = renderer.render(document);
        outputs.insert(format!("{stem}.{}", renderer.extension()), fingerprint(&bytes));
        (renderer.extension(), bytes)
    })
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Returns a path with an extension added; a name may have dots of its own.
pub fn with_extension(base: &Path, extension: &str) -> PathBuf {
    let mut path = base.as_os_str().to_owned();
    path.push(".");
    path.push(extension);
    path.into()
}

/// Returns the SHA-256 of a document, in lower-case hexadecimal, without the lines of a front matter that say
/// when and how it was made: the same article by the same model has the same fingerprint at any time.
pub fn fingerprint(markdown: &[u8]) -> String {
    let mut hasher = Sha256::new();
    let mut fences = 0;
    for line in markdown.split_inclusive(|byte| *byte == b'\n') {
        fences += usize::from(line.trim_ascii_end() == b"---");
        if fences != 1 || !(line.starts_with(b"created: ") || line.starts_with(b"command: ")) {
            hasher.update(line);
        }
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::json::Stored;

    #[test]
    fn the_json_knows_the_hash_of_the_markdown_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("deep/v1.2");
        let first = write(&Document::default(), &base, &[Format::Md, Format::Json], &BTreeMap::new()).unwrap();
        let stored = Stored::read(&fs::read(folder.path().join("deep/v1.2.json")).unwrap()).unwrap();
        let markdown = fs::read(folder.path().join("deep/v1.2.md")).unwrap();
        assert_eq!((first, stored.outputs["v1.2.md"].as_str()), ("md", fingerprint(&markdown).as_str()));
    }

    #[test]
    fn a_document_is_never_changed_under_the_json_that_vouches_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("a");
        write(&Document::default(), &base, &[Format::Md, Format::Json], &BTreeMap::new()).unwrap();
        let changed = Document { target_language: "fr".into(), ..Document::default() };
        // A folder in the way of the second file stands for a run that is killed between the two.
        fs::create_dir_all(folder.path().join("a.html/taken")).unwrap();
        assert!(write(&changed, &base, &[Format::Md, Format::Html, Format::Json], &BTreeMap::new()).is_err());
        assert!(folder.path().join("a.md").exists() && !folder.path().join("a.json").exists());
    }

    #[test]
    fn a_fingerprint_is_of_the_content_and_not_of_the_hour() {
        let document = |created: &str, text: &str| format!("---\ncreated: \"{created}\"\n---\n{text}\ncreated: x\n");
        let of = |created, text| fingerprint(document(created, text).as_bytes());
        assert_eq!(of("2021", "text"), of("2022", "text"));
        assert_ne!(of("2021", "text"), of("2021", "test"));
        assert_ne!(fingerprint(b"---\n---\ncreated: a"), fingerprint(b"---\n---\ncreated: b"));
    }

    #[test]
    fn only_the_formats_asked_for_are_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            write(&Document::default(), &folder.path().join("a"), &[Format::Json], &BTreeMap::new()).unwrap(),
            "json"
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
