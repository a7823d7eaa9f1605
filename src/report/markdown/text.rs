//! *Text*, *Related* and *Removed*: the whole article, sentence by sentence, and what was kept out of it.
//!
//! Separate because here nothing may be left out: each sentence and each removed span of the document stands in exactly
//! one of these sections (the headline stands at the top).

use super::{language, warnings};
use crate::{
    article::{Removed, Role, Sentence},
    report::{
        Document, SentenceTranslation,
        escape::{html, markdown},
    },
};

/// Returns the running text and the headings, paragraphs apart, then the captions.
pub(super) fn text(document: &Document) -> String {
    let running = paragraphs(document, |role| matches!(role, Role::Body | Role::Heading));
    let captions = paragraphs(document, |role| role == Role::Caption);
    let running = if running.is_empty() { "The article has no running text.".to_owned() } else { running };
    match captions.is_empty() {
        true => format!("## Text\n\n{running}"),
        false => format!("## Text\n\n{running}\n\n### Captions\n\n{captions}"),
    }
}

/// Returns the cross-links to other articles, if there are any.
pub(super) fn related(document: &Document) -> String {
    match paragraphs(document, |role| role == Role::Related) {
        links if links.is_empty() => links,
        links => format!("## Related\n\nThe page's own links to other articles.\n\n{links}"),
    }
}

fn paragraphs(document: &Document, wanted: impl Fn(Role) -> bool) -> String {
    let mut out = String::new();
    let mut previous = None;
    for (sentence, translation) in document.pairs().filter(|(sentence, _)| wanted(sentence.role)) {
        match previous {
            None => {}
            Some(block) if block == sentence.block => out.push_str("\n\n"),
            Some(_) => out.push_str("\n\n---\n\n"),
        }
        out.push_str(&pair(document, sentence, translation));
        previous = Some(sentence.block);
    }
    out
}

/// Returns one sentence: anchor and Arabic, English, warnings.
fn pair(document: &Document, sentence: &Sentence, translation: &SentenceTranslation) -> String {
    let (id, language) = (sentence.id, language(document));
    let arabic = html(document.article.source(sentence));
    let english = markdown(&translation.text);
    let english = if english.is_empty() { "*(no translation)*" } else { &english };
    let english = match sentence.role {
        Role::Heading => format!("### {id} {english}"),
        _ => format!("**{id}** {english}"),
    };
    let flags = warnings(&translation.flags);
    format!("<p dir=\"rtl\" lang=\"{language}\"><a name=\"s{}\"></a>{arabic}</p>\n\n{english}{flags}", id.0)
}

/// Returns the table of what was taken out, with reasons.
pub(super) fn removed(document: &Document) -> String {
    if document.article.removed.is_empty() {
        return "## Removed\n\nNothing.".to_owned();
    }
    let row = |removed: &Removed| {
        // Markdown is read inside a table cell, so the text is escaped for Markdown and stands in a plain tag.
        let text = markdown(&document.article.text[removed.range.clone()]);
        format!("| <div dir=\"rtl\" lang=\"{}\">{text}</div> | {} |\n", language(document), markdown(&removed.reason))
    };
    let rows: String = document.article.removed.iter().map(row).collect();
    format!("## Removed\n\n| what | why |\n| --- | --- |\n{rows}")
}
