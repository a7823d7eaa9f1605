//! The front matter: where the document comes from and how to make it again.
//!
//! Separate because it is YAML, not Markdown. The invariant: every scalar is a JSON value, which is valid YAML.

use crate::report::{Document, escape::yaml};
use std::fmt::Display;

/// Version of the front matter's keys.
const SCHEMA: u32 = 1;

/// Returns the front matter, with its fences.
pub(super) fn render(document: &Document) -> String {
    let (provenance, model, flags) = (&document.article.provenance, &document.model, document.flag_counts());
    let optional = |text: &Option<String>| text.as_deref().map_or("null".to_owned(), yaml);
    let mut out = String::from("---\n");
    let mut line = |key: &str, value: &dyn Display| out += &format!("{key}: {value}\n");
    line("schema", &SCHEMA);
    line("source", &yaml(&document.input_label()));
    line("source_sha256", &yaml(&provenance.sha256));
    line("source_bytes", &provenance.bytes);
    line("encoding", &yaml(&provenance.encoding));
    line("language", &yaml(&document.source_language));
    line("translated_to", &yaml(&document.target_language));
    line("status", &yaml("machine translation, not reviewed"));
    line("reviewed_by", &"null");
    line("model", &yaml(&model.name));
    line("model_revision", &optional(&model.revision));
    line("model_licence", &optional(&model.licence));
    line("summary_model", &document.summary_model.as_ref().map_or("null".to_owned(), |made| yaml(&made.model.name)));
    line("tool", &yaml(&document.tool));
    line("command", &yaml(&document.command));
    line("device", &yaml(&model.device));
    line("precision", &yaml(&model.precision));
    line("created", &yaml(&document.created));
    line("sentences", &document.article.sentences.len());
    line("removed", &document.article.removed.len());
    let counts =
        format!("{{\"critical\": {}, \"major\": {}, \"minor\": {}}}", flags.critical, flags.major, flags.minor);
    line("flags", &counts);
    out + "---"
}
