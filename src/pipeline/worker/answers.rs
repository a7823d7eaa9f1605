//! The answers of a worker: one JSON object a line, in the order of the lines that ask for them.
//!
//! Separate because articles are finished in another order. The invariant: an answer is written as soon as all before it
//! are, and each once.

use super::super::{
    feed::Making,
    ledger::Place,
    write::{extension, render},
};
use crate::{
    cli::Format,
    exit::Failure,
    report::{Document, run::Status},
    ui::Ui,
};
use serde_json::{Map, Value, json};
use std::path::Path;

/// The answers of a window, by row of its ledger.
#[derive(Default)]
pub(in super::super) struct Answers {
    slots: Vec<(Slot, Option<String>)>,
    written: usize,
}

/// What an answer says of the line that asked for it.
#[derive(Debug)]
pub(super) struct Slot {
    /// Number of the line.
    pub line: usize,
    /// Path of the article.
    pub path: String,
    /// Id of the record.
    pub id: Option<String>,
    /// How the document is made, where the line says so.
    pub making: Option<Making>,
}

impl Answers {
    /// Adds a line that is to be answered.
    pub(super) fn open(&mut self, slot: Slot) {
        self.slots.push((slot, None));
    }

    /// Answers with a document; it is given the command and the time that the line names.
    pub(in super::super) fn translated(
        &mut self,
        place: Place,
        name: &str,
        document: &mut Document,
        formats: &[Format],
        ui: &Ui,
    ) -> Result<(), Failure> {
        let (slot, _) = &mut self.slots[place.row()];
        let making = slot.making.take();
        if let Some(Making { command, created, .. }) = &making {
            (document.command, document.created) = (command.clone(), created.clone());
        }
        let formats = making.as_ref().map_or(formats, |making| &making.formats);
        let content = content(document, name, formats, making.is_some());
        self.settle(place, json!({ "name": name, "status": "translated" }), content, ui)
    }

    /// Answers with the reason why there is no document.
    pub(in super::super) fn refused(
        &mut self,
        place: Place,
        status: Status,
        reason: &str,
        ui: &Ui,
    ) -> Result<(), Failure> {
        self.settle(place, json!({ "status": status.name(), "error": reason }), json!({}), ui)
    }

    fn settle(&mut self, place: Place, what: Value, content: Value, ui: &Ui) -> Result<(), Failure> {
        let (slot, answer) = &mut self.slots[place.row()];
        let head = json!({ "line": slot.line, "path": slot.path, "id": slot.id });
        let parts = [head, what, content].into_iter().filter_map(|part| match part {
            Value::Object(map) => Some(map),
            _ => None,
        });
        let object: Map<String, Value> = parts.flatten().collect();
        *answer = Some(format!("{}\n", Value::Object(object)));
        while let Some(text) = self.slots.get_mut(self.written).and_then(|(_, answer)| answer.take()) {
            self.written += 1;
            ui.stream(text.as_bytes())?;
        }
        Ok(())
    }
}

/// Returns the document itself where JSON alone is asked for, else the files that a run would write, by extension.
fn content(document: &Document, name: &str, formats: &[Format], as_files: bool) -> Value {
    let stem = Path::new(name).file_name().unwrap_or_default().to_string_lossy();
    let mut files = Map::new();
    for (extension, bytes) in render(document, &stem, formats) {
        files.insert(extension.to_owned(), String::from_utf8_lossy(&bytes).into());
    }
    let whole = files.get(extension(Format::Json)).and_then(Value::as_str).filter(|_| !as_files && files.len() == 1);
    match whole.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
        Some(document) => json!({ "document": document }),
        None => json!({ "files": files }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_alone_is_an_object_and_other_formats_are_the_texts_of_files() {
        let document = Document { tool: "summarize".into(), ..Document::default() };
        let alone = content(&document, "a/b", &[Format::Json], false);
        assert_eq!(alone["document"]["tool"], "summarize");
        let files = content(&document, "a/v1.2", &[Format::Md, Format::Json], false);
        let json: Value = serde_json::from_str(files["files"]["json"].as_str().unwrap()).unwrap();
        assert!(json["outputs"]["v1.2.md"].is_string() && files["files"]["md"].is_string(), "{json}");
        assert!(content(&document, "a", &[Format::Json], true)["files"]["json"].is_string());
    }
}
