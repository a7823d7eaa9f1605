//! What becomes of each written sentence: kept with its cites, or flagged and replaced by one of the article's own.
//!
//! Separate because it is what the reader is promised. The invariant: a sentence whose numbers or names no cited
//! sentence has, or that is borne out too little, never stands in a summary without a warning.

use super::{Passage, Sources, unstated_names};
use crate::{
    article::SentenceId,
    review::{Cite, Flag, FlagKind, Method, Severity, SummarySentence, checks::unstated_numbers},
};

/// The least share of a sentence that its cites must bear out; measured on summaries whose sources are known, see
/// `benches/README.md`.
const ENOUGH: f32 = 0.4;

/// A written sentence with what was found about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged(SummarySentence);

impl Judged {
    /// Judges a sentence that was written from `sources`, whose ids are `ids`.
    ///
    /// `text` is the sentence as it is shown, and `shown` the sources as they are: their translations, where the model
    /// read the originals.
    pub fn new(passage: &Passage, text: &str, sources: &Sources<'_>, shown: &[&str], ids: &[SentenceId]) -> Judged {
        let linked = sources.link(passage);
        let cited = |texts: &[&str]| linked.cites.iter().map(|(index, _)| texts[*index]).collect::<Vec<_>>().join("\n");
        let mut numbers = unstated(&passage.text, &cited(&sources.texts));
        let shown = cited(shown);
        numbers.extend(unstated(text, &shown));
        numbers.dedup();
        let names = unstated_names(text, &shown);
        let cites: Vec<Cite> =
            linked.cites.iter().map(|(index, support)| Cite { id: ids[*index], support: *support }).collect();
        let flags = flags(&cites, numbers, names, linked.support);
        Judged(SummarySentence { text: text.to_owned(), method: Method::Abstractive, cites, flags })
    }
}

fn unstated(text: &str, cited: &str) -> Vec<String> {
    unstated_numbers(text, cited).into_iter().map(|span| text[span].to_owned()).collect()
}

fn flags(cites: &[Cite], numbers: Vec<String>, names: Vec<String>, support: f32) -> Vec<Flag> {
    let ids: Vec<String> = cites.iter().map(|cite| cite.id.to_string()).collect();
    let (ids, does) = (listed(&ids), if cites.len() == 1 { "does" } else { "do" });
    let flag = |severity, message, evidence| Flag { kind: FlagKind::Unsupported, severity, message, evidence };
    let mut flags = Vec::new();
    if !numbers.is_empty() {
        let message = format!("the summary has {}, {ids} {does} not: check the number", listed(&numbers));
        flags.push(flag(Severity::Critical, message, numbers));
    }
    if !names.is_empty() {
        let message = format!("the summary names {}, {ids} {does} not: check the name", listed(&names));
        flags.push(flag(Severity::Major, message, names));
    }
    if support < ENOUGH {
        let bear = if cites.len() == 1 { "bears" } else { "bear" };
        let message = format!("{ids} {bear} out {:.0} % of this sentence: compare it with the text", support * 100.0);
        flags.push(flag(Severity::Major, message, Vec::new()));
    }
    flags
}

/// Returns "S1, S2 and S3".
fn listed(items: &[String]) -> String {
    match items {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => items.concat(),
    }
}

/// Returns the summary: the first `count` written sentences, those with a warning replaced by the best of the article's
/// own that are not cited yet, unless they are to be kept.
///
/// A replaced sentence stays in the evidence of a note at its place; where nothing is left to replace it, it is left out.
pub fn settle(written: Vec<Judged>, best: Vec<SummarySentence>, count: usize, keep: bool) -> Vec<SummarySentence> {
    let written: Vec<SummarySentence> = written.into_iter().take(count).map(|judged| judged.0).collect();
    if keep {
        return written;
    }
    let first = |sentence: &SummarySentence| sentence.cites.first().map(|cite| cite.id);
    let mut used: Vec<Option<SentenceId>> = written.iter().filter(|s| s.flags.is_empty()).map(first).collect();
    let mut replace = |sentence: SummarySentence| {
        if sentence.flags.is_empty() {
            return Some(sentence);
        }
        let own = best.iter().find(|own| !used.contains(&first(own)))?;
        used.push(first(own));
        Some(SummarySentence { flags: vec![note(&sentence)], ..own.clone() })
    };
    written.into_iter().filter_map(&mut replace).collect()
}

/// Says what was replaced and why.
fn note(sentence: &SummarySentence) -> Flag {
    let reason = sentence.flags.first().map_or("", |flag| flag.message.split(':').next().unwrap_or_default());
    Flag {
        kind: FlagKind::Unsupported,
        severity: Severity::Minor,
        message: format!("a sentence of the article in place of one that the model wrote ({reason}): nothing to do"),
        evidence: vec![sentence.text.clone()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ARTICLE: [&str; 3] = [
        "The governor of Homs opened the repaired water plant on Monday.",
        "Engineers replaced 14 pumps that were destroyed in 2015.",
        "Residents said they had waited for six years.",
    ];

    fn judged(text: &str) -> Judged {
        let ids = [1, 2, 3].map(SentenceId);
        let passage = Passage { text: text.into(), origin: Vec::new() };
        Judged::new(&passage, text, &Sources::new(ARTICLE.to_vec()), &ARTICLE, &ids)
    }

    fn own(id: u32) -> SummarySentence {
        let cites = vec![Cite { id: SentenceId(id), support: 1.0 }];
        SummarySentence { text: format!("own {id}"), method: Method::Extractive, cites, flags: vec![] }
    }

    #[test]
    fn a_sentence_that_is_borne_out_is_kept() {
        let kept = settle(vec![judged("Homs' governor opened a repaired water plant.")], vec![own(1)], 3, false);
        assert_eq!(
            (kept[0].method, kept[0].cites[0].id, &kept[0].flags[..]),
            (Method::Abstractive, SentenceId(1), &[][..])
        );
    }

    #[test]
    fn added_numbers_and_names_are_flagged() {
        let flags = |text: &str| judged(text).0.flags;
        assert_eq!(
            flags("Engineers replaced 41 pumps.")[0].message,
            "the summary has 41, S2 does not: check the number"
        );
        assert_eq!(flags("Engineers from Norway replaced 14 pumps.")[0].evidence, ["Norway"]);
        assert_eq!(listed(&["S1", "S2", "S3"].map(str::to_owned)), "S1, S2 and S3");
        assert!(flags("A bird sang in the garden all night long.")[0].message.contains("bears out 0 %"));
    }

    #[test]
    fn what_is_not_borne_out_is_replaced_by_a_sentence_not_cited_yet() {
        let written =
            || vec![judged("Homs' governor opened a repaired water plant."), judged("Engineers replaced 41 pumps.")];
        let settled = settle(written(), vec![own(1), own(3)], 3, false);
        assert_eq!((settled[1].text.as_str(), settled[1].flags[0].severity), ("own 3", Severity::Minor));
        assert_eq!(settled[1].flags[0].evidence, ["Engineers replaced 41 pumps."]);
        let kept = settle(written(), vec![own(1), own(3)], 3, true);
        assert_eq!(kept[1].flags[0].severity, Severity::Critical);
        assert_eq!(settle(written(), vec![own(1)], 3, false).len(), 1, "nothing is left to replace it");
    }

    proptest! {
        #[test]
        fn any_text_is_judged_and_kept_whole_or_flagged(
            text in "\\PC{0,60}|([A-Z][a-z]{1,6} |[0-9]{1,4}[,.]? |[ابتجسم]{2,5} ){0,12}",
            others in prop::collection::vec("\\PC{0,40}|([A-Za-z]{2,6} |[0-9]{1,4} ){0,8}", 1..5),
            shares in prop::collection::vec(0.0f32..1.0, 0..5),
        ) {
            let sources: Vec<&str> = others.iter().map(String::as_str).collect();
            let ids: Vec<SentenceId> = (0..sources.len() as u32).map(SentenceId).collect();
            let passage = Passage { text: text.clone(), origin: shares };
            let judged = Judged::new(&passage, &text, &Sources::new(sources.clone()), &sources, &ids);
            prop_assert!(!judged.0.cites.is_empty());
            prop_assert!(judged.0.cites.iter().all(|cite| (0.0..=1.0).contains(&cite.support)));
            prop_assert_eq!(&judged.0.text, &text);
        }

        #[test]
        fn a_copy_of_a_sentence_is_never_flagged(words in prop::collection::vec("[A-Z]?[a-z]{3,8}|[0-9]{1,4}", 3..12)) {
            let copy = words.join(" ");
            let sources = [copy.as_str(), "Residents said they had waited for six years."];
            let passage = Passage { text: copy.clone(), origin: Vec::new() };
            let judged = Judged::new(&passage, &copy, &Sources::new(sources.to_vec()), &sources, &[1, 2].map(SentenceId));
            let whole = judged.0.cites[0].support;
            // Words that are all function words claim nothing.
            prop_assert!(judged.0.flags.is_empty() || whole == 0.0, "{copy}: {:?}", judged.0.flags);
        }
    }
}
