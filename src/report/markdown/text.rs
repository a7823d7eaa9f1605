//! *Text*, *Related* and *Removed*: the whole article, sentence by sentence, and what was kept out of it.
//!
//! Separate because here nothing may be left out: each sentence and each removed span of the document stands in exactly
//! one of these sections (the headline stands at the top).

use super::{NO_TRANSLATION, beside, directed, language, remarks};
use crate::{
    article::{Removed, Role, Sentence},
    report::{
        Document, Layout, SentenceTranslation,
        escape::{html, markdown},
    },
};

/// Returns the running text and the headings, a rule between paragraphs, then the captions.
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
    if document.aids.layout == Layout::Table {
        return tables(document, wanted);
    }
    let mut out = String::new();
    let mut previous: Option<&Sentence> = None;
    for (sentence, translation) in document.pairs().filter(|(sentence, _)| wanted(sentence.role)) {
        out.push_str(match previous {
            None => "",
            Some(previous) if previous.block == sentence.block || previous.role == Role::Heading => "\n\n",
            Some(_) => "\n\n---\n\n",
        });
        out.push_str(&pair(document, sentence, translation));
        previous = Some(sentence);
    }
    out
}

/// Returns the sentences in two columns, a table from each heading to the next; an empty row parts paragraphs.
fn tables(document: &Document, wanted: impl Fn(Role) -> bool) -> String {
    const HEAD: &str = "| English | Arabic |\n| --- | ---: |\n";
    let mut out = String::new();
    let mut previous: Option<&Sentence> = None;
    for (sentence, translation) in document.pairs().filter(|(sentence, _)| wanted(sentence.role)) {
        let heading = sentence.role == Role::Heading;
        match previous {
            _ if heading => out.push_str("\n\n"),
            Some(previous) if previous.role != Role::Heading && previous.block == sentence.block => {}
            Some(previous) if previous.role != Role::Heading => out.push_str("| | |\n"),
            _ => out += &format!("\n\n{HEAD}"),
        }
        out += &if heading { pair(document, sentence, translation) } else { row(document, sentence, translation) };
        previous = Some(sentence);
    }
    out.trim().to_owned()
}

/// Returns one sentence as a row of the table.
fn row(document: &Document, sentence: &Sentence, translation: &SentenceTranslation) -> String {
    let english = markdown(&translation.text);
    let english = if english.is_empty() { NO_TRANSLATION } else { &english };
    let remarks: String = remarks(translation).iter().map(|remark| format!("<br>{remark}")).collect();
    let (id, language) = (sentence.id, language(document));
    let arabic = markdown(document.article.source(sentence));
    format!(
        "| <a name=\"s{}\"></a>**{id}** {english}{remarks} | <div dir=\"rtl\" lang=\"{language}\">{arabic}</div> |\n",
        id.0
    )
}

/// Returns one sentence: anchor and Arabic, English, warnings.
fn pair(document: &Document, sentence: &Sentence, translation: &SentenceTranslation) -> String {
    let (id, language) = (sentence.id, language(document));
    let arabic = html(document.article.source(sentence));
    let english = markdown(&translation.text);
    let english = if english.is_empty() { NO_TRANSLATION } else { &english };
    let (arabic, english) = match sentence.role {
        Role::Heading => (format!("<strong>{arabic}</strong>"), format!("### {id} {english}")),
        _ => (arabic, format!("**{id}** {english}")),
    };
    let flags = beside(translation);
    format!("<p dir=\"rtl\" lang=\"{language}\"><a name=\"s{}\"></a>{arabic}</p>\n\n{english}{flags}", id.0)
}

/// Returns the table of what was taken out, with reasons.
pub(super) fn removed(document: &Document) -> String {
    if document.article.removed.is_empty() {
        return "## Removed\n\nNothing.".to_owned();
    }
    let row = |removed: &Removed| {
        let text = &document.article.text[removed.range.clone()];
        format!("| {} | {} |\n", directed(document, "div", text), markdown(&removed.reason))
    };
    let rows: String = document.article.removed.iter().map(row).collect();
    format!("## Removed\n\n| what | why |\n| --- | --- |\n{rows}")
}
