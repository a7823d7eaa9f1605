//! *Check first* and *Summary*: what a reader with two minutes reads.
//!
//! Separate because both point into the text and hold none of their own. The invariant: every row and every summary
//! sentence links to the sentences it rests on.

use crate::{
    article::SentenceId,
    report::{Document, escape::markdown},
    review::{Cite, Flag, Method, SummarySentence},
};

/// Returns the table of warnings, worst first.
pub(super) fn check_first(document: &Document) -> String {
    let of_sentences = document.pairs().flat_map(|(sentence, translation)| {
        translation.flags.iter().map(move |flag| (flag, sentence_link(sentence.id)))
    });
    let of_summary = document.summary.iter().enumerate().flat_map(|(index, sentence)| {
        sentence.flags.iter().map(move |flag| (flag, format!("[M{0}](#m{0})", index + 1)))
    });
    let mut flags: Vec<(&Flag, String)> = of_sentences.chain(of_summary).collect();
    if flags.is_empty() {
        return "## Check first\n\nNo warnings. That does not mean that everything is right.".to_owned();
    }
    // A stable sort: of one severity in text order.
    flags.sort_by_key(|(flag, _)| std::cmp::Reverse(flag.severity));
    let row = |(flag, link): &(&Flag, String)| {
        format!("| {} | {} | {} | {link} |\n", flag.severity.name(), flag.kind.name(), markdown(&flag.message))
    };
    let rows: String = flags.iter().map(row).collect();
    format!(
        "## Check first\n\n| severity | about | what was seen, what to do | where |\n| --- | --- | --- | --- |\n{rows}"
    )
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
