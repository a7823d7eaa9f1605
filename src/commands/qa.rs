//! `summarize qa`: the checks of a document, run on a translation that was made elsewhere.
//!
//! Separate from the flow because nothing is translated or written here. The invariant: one line of output, or one JSON
//! object, for each pair of the input, in its order, numbered from 1.

mod bitext;

use crate::{
    article::{Span, normalize},
    config::Settings,
    engine::{Engine, EngineError, Sink, Translated},
    exit::{Exit, Failure},
    pipeline::model::Model,
    review::{
        Flag, Severity, WordLink, align,
        checks::{self, Pair},
    },
    ui::Ui,
};
use serde_json::{Value, json};
use std::{
    path::Path,
    sync::{Mutex, PoisonError, atomic::AtomicBool},
};

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

/// What a model thinks of a pair.
#[derive(Debug, Clone, Default)]
struct Opinion {
    score: Option<f32>,
    words: Vec<WordLink>,
}

/// Checks a translation against its source; prints what was found.
pub fn qa(request: Request<'_>, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let pairs = bitext::read(request.source, request.translation).map_err(|error| Failure::Usage(error.to_string()))?;
    let as_json = request.as_json;
    let mut opinions = match request.with_model {
        true => opinions(&pairs, Model::new(settings, ui)?.loaded()?.as_ref())?,
        false => vec![Opinion::default(); pairs.len()],
    };
    let unscored = opinions.iter().filter(|opinion| opinion.score.is_none()).count();
    if request.with_model && unscored > 0 {
        ui.warn(format!("{unscored} pairs are too long for the model: only their text was checked"));
    }
    let scores: Vec<Option<f32>> = opinions.iter().map(|opinion| opinion.score).collect();
    outliers(&mut opinions);
    let flags: Vec<Vec<Flag>> =
        pairs.iter().zip(&opinions).map(|(pair, opinion)| checks::check(&checkable(pair, opinion))).collect();
    let lines: String = flags
        .iter()
        .zip(opinions.iter().zip(scores))
        .enumerate()
        .map(|(index, (flags, (opinion, score)))| match as_json {
            true => object(index + 1, flags, score.map(|score| (score, opinion.words.as_slice()))),
            false => line(index + 1, flags),
        })
        .collect();
    ui.data(lines.as_bytes())?;
    ui.note(counts(&flags));
    Ok(Exit::Done)
}

/// Keeps the scores that lie far below those of the other pairs, for the checks to judge.
///
/// A model gives the wording of others less than its own, so what is low depends on the file: three times the usual
/// (median) distance from its median. A handful of pairs has no usual distance.
fn outliers(opinions: &mut [Opinion]) {
    const FEWEST: usize = 20;
    const FAR: f32 = 3.0 * 1.4826;
    let scores: Vec<f32> = opinions.iter().filter_map(|opinion| opinion.score).collect();
    let middle = median(scores.clone());
    let usual = median(scores.iter().map(|score| (score - middle).abs()).collect());
    let far = |score: &f32| scores.len() >= FEWEST && *score < middle - FAR * usual;
    opinions.iter_mut().for_each(|opinion| opinion.score = opinion.score.filter(far));
}

/// Returns the upper median; 0 of nothing.
fn median(mut values: Vec<f32>) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn checkable<'a>(pair: &'a bitext::Pair, opinion: &'a Opinion) -> Pair<'a> {
    Pair { source: &pair.source, target: &pair.target, score: opinion.score, parts: 1, words: &opinion.words }
}

/// Returns what the model thinks of each pair; of one too long for it, nothing.
fn opinions(pairs: &[bitext::Pair], engine: &Engine) -> Result<Vec<Opinion>, EngineError> {
    let copies: Vec<_> = pairs.iter().map(|pair| normalize::for_translation(&pair.source)).collect();
    let texts: Vec<(String, String)> =
        pairs.iter().zip(&copies).map(|(pair, copy)| (copy.text.clone(), pair.target.clone())).collect();
    let opinions = Mutex::new(vec![Opinion::default(); pairs.len()]);
    let finished = |place: usize, scored: Translated| {
        let source_spans: Vec<_> =
            scored.source_spans.iter().map(|span| copies[place].original(span.clone())).collect();
        let words = align::word_links(
            &pairs[place].source,
            &source_spans,
            &scored.text,
            &scored.target_spans,
            &scored.attention,
        );
        let opinion = Opinion { score: Some(scored.score), words };
        opinions.lock().unwrap_or_else(PoisonError::into_inner)[place] = opinion;
    };
    engine.score(&texts, Sink { finished: &finished, cancelled: &AtomicBool::new(false) })?;
    Ok(opinions.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn line(number: usize, flags: &[Flag]) -> String {
    let shown = |flag: &Flag| format!("{number}: {} {}: {}\n", flag.severity.name(), flag.kind.name(), flag.message);
    flags.iter().map(shown).collect()
}

/// Returns the object of a pair; one that a model scored also has its score and its word links, as documents have them.
fn object(number: usize, flags: &[Flag], scored: Option<(f32, &[WordLink])>) -> String {
    let mut object = json!({ "line": number, "flags": flags.iter().map(view).collect::<Vec<_>>() });
    if let Some((score, words)) = scored {
        let range = |span: &Span| [span.start, span.end];
        object["score"] = json!((f64::from(score) * 1e4).round() / 1e4);
        object["words"] = words.iter().map(|(source, target)| json!([range(source), range(target)])).collect();
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
        let value: Value = serde_json::from_str(&object(7, &[], None)).unwrap();
        assert_eq!(value, json!({ "line": 7, "flags": [] }));
        assert_eq!(line(7, &[]), "");
    }

    #[test]
    fn a_pair_that_was_scored_has_its_score_and_links() {
        let value: Value = serde_json::from_str(&object(1, &[], Some((-0.5, &[(0..6, 0..3)])))).unwrap();
        assert_eq!(value, json!({ "line": 1, "flags": [], "score": -0.5, "words": [[[0, 6], [0, 3]]] }));
    }

    #[test]
    fn only_scores_far_below_the_others_are_judged() {
        let opinion = |score| Opinion { score: Some(score), words: Vec::new() };
        let mut opinions: Vec<Opinion> = (0..30).map(|i| opinion(-2.0 - 0.01 * i as f32)).collect();
        opinions.push(opinion(-6.0));
        outliers(&mut opinions);
        assert_eq!(opinions.iter().filter_map(|opinion| opinion.score).collect::<Vec<_>>(), [-6.0]);
        let mut few = vec![opinion(-1.0), opinion(-9.0)];
        outliers(&mut few);
        assert!(few.iter().all(|opinion| opinion.score.is_none()));
    }

    #[test]
    fn a_flag_is_shown_with_its_line() {
        let pair = bitext::Pair { source: "القرار 2254".into(), target: "Resolution 2245".into() };
        let flags = checks::check(&checkable(&pair, &Opinion::default()));
        assert!(line(3, &flags).starts_with("3: critical number: Arabic has 2254"));
        assert!(object(3, &flags, None).contains(r#""evidence":["2254","2245"]"#));
        assert_eq!(counts(&[flags]), "1 pairs checked: 1 critical, 0 major, 0 minor");
    }
}
