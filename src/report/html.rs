//! The document as one HTML file: to read in any browser, to print, to send; it loads nothing.
//!
//! Separate because it is one format. The invariants: all text of the article goes through `escape`; every Arabic
//! passage carries its language and direction; there is no script, and the page's own policy forbids any.

mod sections;

use super::{Document, Render, escape::html};
use sections::{arabic, checks, related, removed, summary, table_of_names, text};

/// The HTML format.
#[derive(Debug, Clone, Copy, Default)]
pub struct Html;

const STYLE: &str = include_str!("html/style.css");

impl Render for Html {
    fn extension(&self) -> &'static str {
        "html"
    }

    fn render(&self, document: &Document) -> Vec<u8> {
        let language = html(&document.target_language);
        let title = document.title().map(|(_, translation)| translation.text.clone()).filter(|title| !title.is_empty());
        let title = title.unwrap_or_else(|| document.input_label());
        let body = [
            headline(document, &title),
            notices(document),
            checks(document),
            summary(document),
            table_of_names(document),
            text(document),
            related(document),
            removed(document),
            provenance(document),
        ]
        .concat();
        let title = html(&title);
        format!(
            "<!DOCTYPE html>\n<html lang=\"{language}\" dir=\"ltr\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n\
             <body>\n<a class=\"skip\" href=\"#text\">Skip to the text</a>\n<main>\n{body}</main>\n</body>\n</html>\n"
        )
        .into_bytes()
    }
}

fn headline(document: &Document, title: &str) -> String {
    let original = document.title().map(|(sentence, translation)| {
        let remarks = sections::remarks(document, translation);
        format!("{}{remarks}", arabic(document, "p", "original", document.article.source(sentence)))
    });
    let title = sections::mixed(&document.source_language, title);
    format!("<header id=\"s0\">\n<h1>{title}</h1>\n{}{}</header>\n", original.unwrap_or_default(), facts(document))
}

fn facts(document: &Document) -> String {
    let metadata = &document.article.metadata;
    let date = metadata.date.as_deref().map(super::readable_date);
    let facts = [
        ("Published", date.as_ref()),
        ("Place", metadata.place.as_ref()),
        ("Agency", metadata.agency.as_ref()),
        ("Author", metadata.author.as_ref()),
        ("Address", metadata.url.as_ref()),
    ];
    let known = facts.into_iter().filter_map(|(label, value)| Some((label, value.filter(|v| !v.trim().is_empty())?)));
    let items: String = known
        .map(|(label, value)| format!("<dt>{label}</dt>{}\n", sections::directed(document, "dd", value)))
        .collect();
    if items.is_empty() { items } else { format!("<dl class=\"facts\">\n{items}</dl>\n") }
}

fn notices(document: &Document) -> String {
    let demonstration = match document.model.demonstration {
        true => {
            "<p class=\"notice strong\"><strong>Demonstration quality: do not publish.</strong> The small model built \
                 into the program made this.</p>\n"
        }
        false => "",
    };
    format!(
        "{demonstration}<p class=\"notice\"><strong>Machine translation, not reviewed.</strong> Check each sentence you \
         use against the Arabic beside it.</p>\n<p>{}</p>\n",
        html(&document.accounting())
    )
}

fn provenance(document: &Document) -> String {
    let (provenance, model) = (&document.article.provenance, &document.model);
    let revision = model.revision.as_deref().map(|revision| format!(" at {revision}")).unwrap_or_default();
    let mut rows = vec![
        ("Source", document.input_label()),
        ("SHA-256 of the source", provenance.sha256.clone()),
        ("Encoding", provenance.encoding.clone()),
        ("Languages", format!("{} into {}", document.source_language, document.target_language)),
        ("Model", format!("{}{revision}", model.name)),
        ("Licence of the model", model.licence.clone().unwrap_or_else(|| "not stated".to_owned())),
        ("Computed on", format!("{}, {}, beam {}", model.device, model.precision, model.beam)),
        ("Tool", document.tool.clone()),
    ];
    if let Some(made) = &document.summary_model {
        let licence = made.model.licence.as_deref().unwrap_or("licence not stated");
        rows.push(("Summarization model", format!("{}, {licence}", made.model.name)));
    }
    let rows: String = rows
        .iter()
        .map(|(name, value)| format!("<tr><th scope=\"row\">{name}</th><td>{}</td></tr>\n", html(value)))
        .collect();
    format!(
        "<section aria-labelledby=\"h-made\">\n<h2 id=\"h-made\">How it was made</h2>\n<table>\n{rows}</table>\n\
         <p>No warning does not mean that a sentence is right. What the model thinks of its own output only ranks \
         sentences; it is not a probability of being right.</p>\n</section>\n"
    )
}
