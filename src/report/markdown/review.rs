//! *Check first* and *Summary*: what a reader with two minutes reads.
//!
//! Separate because both point into the text and hold none of their own. The invariant: every row and every summary
//! sentence links to the sentences it rests on.

use crate::{
    article::SentenceId,
    report::{Document, escape::markdown},
    review::{Cite, Flag, Method, SummarySentence},
};
use std::{cmp::Reverse, collections::BTreeMap};

/// Returns the table of warnings, worst first; those that say the same of several sentences share a row.
pub(super) fn check_first(document: &Document) -> String {
    let of_sentences = document.pairs().flat_map(|(sentence, translation)| {
        translation.flags.iter().map(move |flag| (flag, sentence_link(sentence.id)))
    });
    let of_summary = document.summary.iter().enumerate().flat_map(|(index, sentence)| {
        sentence.flags.iter().map(move |flag| (flag, format!("[M{0}](#m{0})", index + 1)))
    });
    let rows = grouped(of_sentences.chain(of_summary));
    if rows.is_empty() {
        return "## Check first\n\nNo warnings. That does not mean that everything is right.".to_owned();
    }
    let row = |(flag, links): &(&Flag, Vec<String>)| {
        let (severity, kind) = (flag.severity.name(), flag.kind.name());
        format!("| {severity} | {kind} | {} | {} |\n", markdown(&flag.message), links.join(" "))
    };
    let rows: String = rows.iter().map(row).collect();
    format!(
        "## Check first\n\n| severity | about | what was seen, what to do | where |\n| --- | --- | --- | --- |\n{rows}"
    )
}

/// Returns each warning once, with links to all it stands at, worst first and of one severity in text order.
pub(in crate::report) fn grouped<'a>(flags: impl Iterator<Item = (&'a Flag, String)>) -> Vec<(&'a Flag, Vec<String>)> {
    let mut rows: Vec<(&Flag, Vec<String>)> = Vec::new();
    let mut places = BTreeMap::new();
    for (flag, link) in flags {
        let place = *places.entry((flag.severity, flag.kind, &flag.message)).or_insert(rows.len());
        if place == rows.len() {
            rows.push((flag, Vec::new()));
        }
        let links = &mut rows[place].1;
        if links.last() != Some(&link) {
            links.push(link);
        }
    }
    rows.sort_by_key(|(flag, _)| Reverse(flag.severity));
    rows
}

/// Returns the summary, each sentence with links to its sources.
pub(super) fn summary(document: &Document) -> String {
    if document.summary.is_empty() {
        return "## Summary\n\nNo summary was made.".to_owned();
    }
    let item = |(index, sentence): (usize, &SummarySentence)| {
        let number = index + 1;
        let text = markdown(&sentence.text);
        format!("{number}. <a name=\"m{number}\"></a>{text} {}\n", citations(sentence))
    };
    let items: String = document.summary.iter().enumerate().map(item).collect();
    format!("## Summary\n\n{}\n\n{items}", how_made(&document.summary))
}

fn how_made(summary: &[SummarySentence]) -> &'static str {
    match summary.iter().all(|sentence| sentence.method == Method::Extractive) {
        true => "Sentences of the article itself, chosen by the program; each links to where it stands.",
        false => "Written by a model; each sentence links to what it rests on, with how much of it that bears out.",
    }
}

fn citations(sentence: &SummarySentence) -> String {
    let cite = |cite: &Cite| match sentence.method {
        Method::Extractive => sentence_link(cite.id),
        Method::Abstractive => format!("{} ({:.0} %)", sentence_link(cite.id), cite.support * 100.0),
    };
    sentence.cites.iter().map(cite).collect::<Vec<_>>().join(", ")
}

/// Returns `[S3](#s3)`.
pub(super) fn sentence_link(id: SentenceId) -> String {
    format!("[{id}](#s{})", id.0)
}
