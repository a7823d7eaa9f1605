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

/// Writes the documents of an article to `base`, an output path without extension; returns the extension of the first.
pub fn write(document: &Document, base: &Path, formats: &[Format]) -> io::Result<&'static str> {
    write_changed(document, base, formats, &BTreeMap::new())
}

/// Writes the documents of an article but for those that are on disk already; `before` has the fingerprints of these by
/// file name.
pub fn write_changed(
    document: &Document,
    base: &Path,
    formats: &[Format],
    before: &BTreeMap<String, String>,
) -> io::Result<&'static str> {
    let mut outputs = BTreeMap::new();
    let json_path = with_extension(base, Json::default().extension());
    let wanted = || ORDER.into_iter().filter(|format| formats.contains(format));
    for renderer in wanted().filter_map(renderer) {
        let (path, bytes) = (with_extension(base, renderer.extension()), renderer.render(document));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let print = fingerprint(&bytes);
        if before.get(&name) != Some(&print) || !path.is_file() {
            // A run that is killed before the new JSON is there must not leave the old one, whose fingerprints would make
            // the new document look like one that a person edited.
            if path.exists() {
                remove_if_there(&json_path)?;
            }
            write_atomic(&path, &bytes)?;
        }
        outputs.insert(name, print);
    }
    if formats.contains(&Format::Json) {
        let json = Json { outputs };
        write_atomic(&json_path, &json.render(document))?;
    }
    Ok(wanted().next().map_or(Markdown.extension(), extension))
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
        let first = write(&Document::default(), &base, &[Format::Md, Format::Json]).unwrap();
        let stored = Stored::read(&fs::read(folder.path().join("deep/v1.2.json")).unwrap()).unwrap();
        let markdown = fs::read(folder.path().join("deep/v1.2.md")).unwrap();
        assert_eq!((first, stored.outputs["v1.2.md"].as_str()), ("md", fingerprint(&markdown).as_str()));
    }

    #[test]
    fn a_document_is_never_changed_under_the_json_that_vouches_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("a");
        write(&Document::default(), &base, &[Format::Md, Format::Json]).unwrap();
        let changed = Document { target_language: "fr".into(), ..Document::default() };
        // A folder in the way of the second file stands for a run that is killed between the two.
        fs::create_dir_all(folder.path().join("a.html/taken")).unwrap();
        assert!(write(&changed, &base, &[Format::Md, Format::Html, Format::Json]).is_err());
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
        assert_eq!(write(&Document::default(), &folder.path().join("a"), &[Format::Json]).unwrap(), "json");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
