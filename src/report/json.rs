//! The JSON document: what programs read, and what a rerun reads to see that an article is done.
//!
//! Separate because it is one format. The invariants: the keys and their order are those of `document.schema.json`; no
//! timings and no absolute paths, so the same work gives the same bytes.

mod lines;
mod restore;
mod stored;
mod view;

pub(super) use lines::to_vec as to_lines;
pub use restore::document as restore;
pub use stored::Stored;

use super::{Document, Render};
use std::collections::BTreeMap;

/// Version of the keys.
pub const SCHEMA_VERSION: u32 = 1;

/// The JSON Schema (2020-12) of a document.
pub const SCHEMA: &str = include_str!("document.schema.json");

/// The JSON format.
#[derive(Debug, Clone, Default)]
pub struct Json {
    /// SHA-256 of the files written beside this one, by file name: a rerun sees from it that one was edited.
    pub outputs: BTreeMap<String, String>,
}

impl Render for Json {
    fn extension(&self) -> &'static str {
        "json"
    }

    fn render(&self, document: &Document) -> Vec<u8> {
        to_lines(&view::document(document, &self.outputs))
    }
}
