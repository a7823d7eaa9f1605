//! The checks on human and machine translations of many sentences: how often they cry wolf, and what they catch.
//!
//! Separate from the unit tests because it reads evaluation data that lies beside the project, and is passed over where
//! that is absent. The figures it asserts are those the README gives.

#![expect(clippy::print_stderr, reason = "the figures are the point of these tests")]

use std::{fs, path::PathBuf};
use summarize::review::{
    FlagKind, Severity,
    checks::{Pair, check},
};

/// Returns the lines of a data file, or `None` where the data is absent.
fn lines(name: &str) -> Option<Vec<String>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/mt").join(name);
    let text = fs::read_to_string(&path);
    if text.is_err() {
        eprintln!("skipped: {} is absent", path.display());
    }
    text.ok().map(|text| text.lines().map(str::to_owned).collect())
}

fn flags(source: &str, target: &str) -> Vec<(FlagKind, Severity, String)> {
    let pair = Pair { source, target, score: Some(-0.3), parts: 1, ..Pair::default() };
    check(&pair).into_iter().map(|flag| (flag.kind, flag.severity, flag.message)).collect()
}

/// Returns the share of sentences with a critical flag, and with a major one or worse.
fn shares(name: &str, sources: &[String], targets: &[String]) -> (f64, f64) {
    assert_eq!(sources.len(), targets.len());
    let (mut critical, mut major) = (0, 0);
    let mut kinds = std::collections::BTreeMap::<_, usize>::new();
    for (source, target) in sources.iter().zip(targets) {
        let found = flags(source, target);
        critical += usize::from(found.iter().any(|(_, severity, _)| *severity == Severity::Critical));
        major += usize::from(found.iter().any(|(_, severity, _)| *severity >= Severity::Major));
        for (kind, severity, message) in found {
            *kinds.entry((severity.name(), kind.name())).or_default() += 1;
            if std::env::var_os("SHOW_FLAGS").is_some() && severity >= Severity::Major {
                eprintln!("{}: {message}\n    {source}\n    {target}", severity.name());
            }
        }
    }
    let share = |count: usize| count as f64 / sources.len() as f64;
    eprintln!("{name}: critical {:.3}, major or worse {:.3}; {kinds:?}", share(critical), share(major));
    (share(critical), share(major))
}

#[test]
fn human_translations_are_rarely_flagged() {
    for (arabic, english) in [("flores200_dev.ar", "flores200_dev.en"), ("tico19.ar", "tico19.en")] {
        let (Some(sources), Some(targets)) = (lines(arabic), lines(english)) else { return };
        let (_, major) = shares(english, &sources, &targets);
        assert!(major <= 0.05, "{english}: {major:.3} of human translations have a major flag");
    }
}

#[test]
fn machine_translations_are_flagged_and_reported() {
    let Some(sources) = lines("flores200_dev.ar") else { return };
    for system in ["google", "microsoft", "nllb", "opusmt", "argos", "bergamot-base"] {
        let Some(targets) = lines(&format!("flores200_dev.systems/{system}.en")) else { return };
        // One of the files holds HTML entities, whose digits are no numbers.
        let targets: Vec<String> = targets.iter().map(|t| t.replace("&#39;", "'").replace("&quot;", "\"")).collect();
        let (_, major) = shares(system, &sources, &targets);
        assert!(major <= 0.05, "{system}: {major:.3} flagged: the checks would drown the reader");
    }
}

/// Returns the text with its last digit made another, or `None` where it has no digit.
fn with_wrong_digit(text: &str) -> Option<String> {
    let at = text.rfind(|c: char| c.is_ascii_digit())?;
    let digit = text.as_bytes()[at] - b'0';
    let mut wrong = text.to_owned();
    wrong.replace_range(at..=at, &((digit + 3) % 10).to_string());
    Some(wrong)
}

#[test]
fn a_wrong_digit_is_found() {
    let (Some(sources), Some(targets)) = (lines("flores200_dev.ar"), lines("flores200_dev.en")) else { return };
    let number = |source: &str, target: &str| flags(source, target).iter().any(|(kind, ..)| *kind == FlagKind::Number);
    let clean = sources.iter().zip(&targets).filter(|(source, target)| !number(source, target));
    let planted: Vec<bool> = clean
        .filter_map(|(source, target)| {
            let wrong = with_wrong_digit(target)?;
            let found = number(source, &wrong);
            if !found && std::env::var_os("SHOW_FLAGS").is_some() {
                eprintln!("not found:\n    {source}\n    {wrong}");
            }
            Some(found)
        })
        .collect();
    let recall = planted.iter().filter(|found| **found).count() as f64 / planted.len() as f64;
    eprintln!("{} wrong digits planted, {recall:.3} found", planted.len());
    assert!(recall >= 0.95, "only {recall:.3} of the planted errors were found");
}
