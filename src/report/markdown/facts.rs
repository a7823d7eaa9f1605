//! The line below the headline: when, where and by whom the article was published.
//!
//! Separate because these facts come from outside the running text and have no sentence to link to. The invariant: what
//! is not known is not mentioned, and an address is text, never a link.

use super::directed;
use crate::{
    article::Metadata,
    report::{Document, readable_date},
};

/// Returns the line; empty where nothing is known.
pub(super) fn render(document: &Document) -> String {
    let Metadata { title: _, date, place, agency, author, url } = &document.article.metadata;
    let date = date.as_deref().map(readable_date);
    let facts = [
        ("Published", date.as_ref()),
        ("Place", place.as_ref()),
        ("Agency", agency.as_ref()),
        ("Author", author.as_ref()),
        ("Address", url.as_ref()),
    ];
    let known = facts.into_iter().filter_map(|(label, value)| Some((label, value?.trim())));
    let known = known.filter(|(_, value)| !value.is_empty());
    known.map(|(label, value)| format!("{label}: {}", directed(document, "b", value))).collect::<Vec<_>>().join(" · ")
}
