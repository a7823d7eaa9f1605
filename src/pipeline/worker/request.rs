//! One line of a worker's input: a record as `.jsonl` files hold them, or an article that `summarize feed` read.
//!
//! Separate because a line comes from anywhere. The invariant: whatever the bytes, there is a request, with a path and an
//! id to answer by and either a draft or the reason why there is none.

use super::{
    super::feed::{Fed, FedLine, Making},
    inbox::Line,
    unless_defect,
};
use crate::{
    article::{
        Draft,
        read::{self, Content, Source},
    },
    report::OutputNames,
};
use serde::Deserialize;
use serde_json::Value;

/// What a record without a path is taken to come from, as in a run over standard input.
const STDIN: &str = "-";

/// What one line asks for.
#[derive(Debug)]
pub(super) struct Request {
    /// Path that documents name.
    pub path: String,
    /// Id of the record; `None` for a file that is one article.
    pub id: Option<String>,
    /// Output path of the article in a run, without extension.
    pub name: String,
    /// How the document is made, where the line says so.
    pub making: Option<Making>,
    /// The article, or why there is none.
    pub draft: Result<Draft, String>,
}

/// The keys of a record that are looked at before it is read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Keys {
    path: Value,
    id: Value,
    fed: Value,
}

impl Request {
    /// Reads a line.
    pub fn read(line: &Line) -> Request {
        let Some(text) = &line.text else {
            let limit = super::inbox::MOST_BYTES >> 20;
            return Request::refused(line, format!("is longer than {limit} MiB, the limit of a line"));
        };
        let keys: Keys = serde_json::from_slice(text).unwrap_or_default();
        match keys.fed {
            Value::Object(_) => Request::fed(line, text),
            _ => Request::record(line, text, &keys),
        }
    }

    fn refused(line: &Line, reason: String) -> Request {
        let id = Some(numbered(line.number));
        Request { path: STDIN.into(), id, name: String::new(), making: None, draft: Err(reason) }
    }

    fn fed(line: &Line, text: &[u8]) -> Request {
        let fed = match serde_json::from_slice(text) {
            Ok(FedLine { fed }) => fed,
            Err(error) => return Request::refused(line, format!("is no line of `summarize feed` ({error})")),
        };
        let Fed { draft, name, making } = fed;
        let (path, id) = (draft.provenance.path.clone(), draft.provenance.record.clone());
        let draft = match draft.account() {
            Ok(()) => Ok(draft),
            Err(error) => Err(format!("is no line of `summarize feed` ({error})")),
        };
        Request { path, id, name, making: Some(making), draft }
    }

    fn record(line: &Line, text: &[u8], keys: &Keys) -> Request {
        let path = keys.path.as_str().filter(|path| !path.trim().is_empty()).unwrap_or(STDIN).to_owned();
        let source = Source { label: "line.jsonl".into(), content: Content::Bytes(text.to_owned()) };
        let article = unless_defect(|| read::read(source).next());
        let (id, draft) = match article {
            Ok(Some(Ok(draft))) => (draft.provenance.record.clone(), Ok(draft)),
            Ok(Some(Err(error))) => (error.record.clone(), Err(error.reason.to_string())),
            Ok(None) => (None, Err(read::Reason::Empty.to_string())),
            Err(defect) => (None, Err(defect)),
        };
        // The reader saw one line and called a record without an id by it.
        let own = id.filter(|id| *id != numbered(1) || keys.id == numbered(1));
        let id = own.unwrap_or_else(|| numbered(line.number));
        let draft = draft.map(|mut draft| {
            (draft.provenance.path, draft.provenance.record) = (path.clone(), Some(id.clone()));
            draft
        });
        let name = OutputNames::plan(&[&path]).of(0, Some(&id)).unwrap_or_default();
        Request { path, id: Some(id), name, making: None, draft }
    }
}

fn numbered(line: usize) -> String {
    format!("line-{line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Request {
        Request::read(&Line { number: 7, text: Some(text.into()) })
    }

    #[test]
    fn a_record_is_read_as_in_a_file_and_named_as_a_run_names_it() {
        let request = request(r#"{"id": "x", "path": "a/week.jsonl", "title": "عنوان", "text": "نص أول."}"#);
        assert_eq!((request.id.as_deref(), request.name.as_str()), (Some("x"), "a/week/x"));
        let draft = request.draft.unwrap();
        assert_eq!(draft.provenance.path, "a/week.jsonl");
        assert_eq!(draft.metadata.title.as_deref(), Some("عنوان"));
    }

    #[test]
    fn a_record_without_id_is_called_by_its_line_and_without_path_by_standard_input() {
        let bare = request(r#"{"text": "نص."}"#);
        assert_eq!((bare.path.as_str(), bare.id.as_deref(), bare.name.as_str()), ("-", Some("line-7"), "stdin/line-7"));
        assert_eq!(request(r#"{"id": "line-1", "text": "نص."}"#).id.as_deref(), Some("line-1"));
    }

    #[test]
    fn whatever_a_line_holds_there_is_a_request_that_says_why() {
        for (text, reason) in [
            ("not json", "is not valid JSON"),
            ("[1]", "holds a list"),
            (r#"{"id": "x"}"#, "has no text: its keys are id"),
            (r#"{"id": "x", "text": "   "}"#, "has no text"),
            (r#"{"fed": {"name": "x"}}"#, "is no line of `summarize feed`"),
            ("\u{0}", "is not valid JSON"),
        ] {
            let said = request(text).draft.unwrap_err();
            assert!(said.contains(reason), "{text}: {said}");
        }
        let long = Request::read(&Line { number: 9, text: None });
        assert_eq!(long.id.as_deref(), Some("line-9"));
        assert!(long.draft.unwrap_err().contains("longer than 64 MiB"));
    }

    #[test]
    fn a_fed_article_with_blocks_beside_its_text_is_refused() {
        let fed = |end: usize| {
            let draft = serde_json::json!({
                "provenance": {"path": "a.txt", "record": null, "sha256": "", "bytes": 3, "encoding": "UTF-8"},
                "text": "نص.", "blocks": [{"range": {"start": 0, "end": end}, "kind": "paragraph"}],
                "metadata": {"title": null, "date": null, "place": null, "agency": null, "author": null, "url": null},
            });
            let fed = serde_json::json!({
                "draft": draft, "name": "a", "formats": ["md"], "command": "summarize", "created": "2021",
            });
            request(&serde_json::json!({ "fed": fed }).to_string())
        };
        assert_eq!((fed(5).name.as_str(), fed(5).id), ("a", None));
        assert!(fed(5).draft.is_ok());
        assert!(fed(4).draft.is_err() && fed(50).draft.is_err());
    }
}
