//! `summarize qa`: the checks of a document, run on a translation that was made elsewhere.
//!
//! Separate from the flow because nothing is translated or written here. The invariant: one line of output, or one JSON
//! object, for each pair of the input, in its order, numbered from 1.

mod bitext;

use crate::{
    exit::{Exit, Failure},
    review::{
        Flag, Severity,
        checks::{self, Pair},
    },
    ui::Ui,
};
use serde_json::{Value, json};
use std::path::Path;

/// Checks a translation against its source; prints what was found.
pub fn qa(source: &Path, translation: Option<&Path>, as_json: bool, ui: &Ui) -> Result<Exit, Failure> {
    let pairs = bitext::read(source, translation).map_err(|error| Failure::Usage(error.to_string()))?;
    let flags: Vec<Vec<Flag>> = pairs.iter().map(|pair| checks::check(&surface(pair))).collect();
    let lines: String = flags.iter().enumerate().map(|(index, flags)| line(index + 1, flags, as_json)).collect();
    ui.data(lines.as_bytes())?;
    ui.note(counts(&flags));
    Ok(Exit::Done)
}

fn surface(pair: &bitext::Pair) -> Pair<'_> {
    Pair { source: &pair.source, target: &pair.target, score: None, parts: 1, words: &[] }
}

fn line(number: usize, flags: &[Flag], as_json: bool) -> String {
    match as_json {
        true => format!("{}\n", json!({ "line": number, "flags": flags.iter().map(view).collect::<Vec<_>>() })),
        false => flags
            .iter()
            .map(|flag| format!("{number}: {} {}: {}\n", flag.severity.name(), flag.kind.name(), flag.message))
            .collect(),
    }
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
        let value: Value = serde_json::from_str(&line(7, &[], true)).unwrap();
        assert_eq!(value, json!({ "line": 7, "flags": [] }));
        assert_eq!(line(7, &[], false), "");
    }

    #[test]
    fn a_flag_is_shown_with_its_line() {
        let pair = bitext::Pair { source: "القرار 2254".into(), target: "Resolution 2245".into() };
        let flags = checks::check(&surface(&pair));
        assert!(line(3, &flags, false).starts_with("3: critical number: Arabic has 2254"));
        assert!(line(3, &flags, true).contains(r#""evidence":["2254","2245"]"#));
        assert_eq!(counts(&[flags]), "1 pairs checked: 1 critical, 0 major, 0 minor");
    }
}
