//! `summarize qa`: the checks of a document, run on a translation that was made elsewhere.
//!
//! Separate from the flow because nothing is translated or written here. The invariant: one line of output, or one JSON
//! object, for each pair of the input, in its order, numbered from 1.

mod bitext;
mod opinion;

use crate::{
    article::Span,
    config::Settings,
    exit::{Exit, Failure},
    pipeline::model::Model,
    review::{
        Flag, Severity, WordLink,
        checks::{self, Pair},
    },
    ui::Ui,
};
use opinion::Opinion;
use serde_json::{Value, json};
use std::path::Path;

/// The files to check, and how to say what was found.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The source, or a file with both sides.
    pub source: &'a Path,
    /// The translation.
    pub translation: Option<&'a Path>,
    /// One JSON object a pair.
    pub as_json: bool,
    /// The translation is scored by the model of the settings.
    pub with_model: bool,
}

/// Checks a translation against its source; prints what was found.
pub fn qa(request: Request<'_>, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let pairs = bitext::read(request.source, request.translation).map_err(|error| Failure::Usage(error.to_string()))?;
    let as_json = request.as_json;
    let opinions = match request.with_model {
        true => opinion::of_pairs(&pairs, Model::new(settings, ui)?.loaded()?.as_ref())?,
        false => vec![Opinion::default(); pairs.len()],
    };
    let unscored = opinions.iter().filter(|opinion| opinion.score.is_none()).count();
    if request.with_model && unscored > 0 {
        ui.warn(format!("{unscored} pairs are too long for the model: only their text was checked"));
    }
    let flags: Vec<Vec<Flag>> =
        pairs.iter().zip(&opinions).map(|(pair, opinion)| checks::check(&checkable(pair, opinion))).collect();
    let lines: String = flags
        .iter()
        .zip(&opinions)
        .enumerate()
        .map(|(index, (flags, opinion))| match as_json {
            true => object(index + 1, flags, opinion),
            false => line(index + 1, flags),
        })
        .collect();
    ui.data(lines.as_bytes())?;
    ui.note(counts(&flags));
    Ok(Exit::Done)
}

fn checkable<'a>(pair: &'a bitext::Pair, opinion: &'a Opinion) -> Pair<'a> {
    let score = opinion.score.filter(|_| opinion.is_low);
    let Opinion { words, unread, .. } = opinion;
    Pair { source: &pair.source, target: &pair.target, score, parts: 1, words, unread }
}

fn line(number: usize, flags: &[Flag]) -> String {
    let shown = |flag: &Flag| format!("{number}: {} {}: {}\n", flag.severity.name(), flag.kind.name(), flag.message);
    flags.iter().map(shown).collect()
}

/// Returns the object of a pair; one that a model scored also has its score and its links, as documents have them.
fn object(number: usize, flags: &[Flag], opinion: &Opinion) -> String {
    let mut object = json!({ "line": number, "flags": flags.iter().map(view).collect::<Vec<_>>() });
    if let Some(score) = opinion.score {
        let range = |span: &Span| [span.start, span.end];
        let links = |links: &[WordLink]| links.iter().map(|(s, t)| json!([range(s), range(t)])).collect::<Value>();
        object["score"] = json!((f64::from(score) * 1e4).round() / 1e4);
        object["words"] = links(&opinion.words);
        if !opinion.marks.is_empty() {
            object["marks"] = links(&opinion.marks);
        }
    }
    format!("{object}\n")
}

fn view(flag: &Flag) -> Value {
    json!({
        "kind": flag.kind.name(),
        "severity": flag.severity.name(),
        "message": flag.message,
        "evidence": flag.evidence,
    })
}

fn counts(flags: &[Vec<Flag>]) -> String {
    let of = |severity| flags.iter().flatten().filter(|flag| flag.severity == severity).count();
    let (critical, major, minor) = (of(Severity::Critical), of(Severity::Major), of(Severity::Minor));
    format!("{} pairs checked: {critical} critical, {major} major, {minor} minor", flags.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_without_flags_still_has_its_object() {
        let value: Value = serde_json::from_str(&object(7, &[], &Opinion::default())).unwrap();
        assert_eq!(value, json!({ "line": 7, "flags": [] }));
        assert_eq!(line(7, &[]), "");
    }

    #[test]
    fn a_pair_that_was_scored_has_its_score_and_links() {
        let opinion = Opinion { score: Some(-0.5), words: vec![(0..6, 0..3)], ..Opinion::default() };
        let value: Value = serde_json::from_str(&object(1, &[], &opinion)).unwrap();
        assert_eq!(value, json!({ "line": 1, "flags": [], "score": -0.5, "words": [[[0, 6], [0, 3]]] }));
        let value: Value =
            serde_json::from_str(&object(1, &[], &Opinion { marks: vec![(6..7, 3..4)], ..opinion })).unwrap();
        assert_eq!(value["marks"], json!([[[6, 7], [3, 4]]]));
    }

    #[test]
    fn a_flag_is_shown_with_its_line() {
        let pair = bitext::Pair { source: "القرار 2254".into(), target: "Resolution 2245".into() };
        let flags = checks::check(&checkable(&pair, &Opinion::default()));
        assert!(line(3, &flags).starts_with("3: critical number: Arabic has 2254"));
        assert!(object(3, &flags, &Opinion::default()).contains(r#""evidence":["2254","2245"]"#));
        assert_eq!(counts(&[flags]), "1 pairs checked: 1 critical, 0 major, 0 minor");
    }
}
