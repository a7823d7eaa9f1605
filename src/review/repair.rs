//! Which translations are decoded again, which of two is the better, and what the reader is told of it.
//!
//! Separate because it is judgement on flags and scores: no model is asked here. The invariants: the better one has no
//! more and no graver flags than the other; a sentence that was decoded again says so, whichever stayed.

use super::{Flag, FlagKind, Note, NoteKind, Severity};
use std::cmp::Ordering;

/// Returns true for a warning that another decoding may mend: something grave about what the English says.
///
/// A name is not among them, since a wider search spells it no better; nor is what lies in the source or was measured on
/// the decoder (bidi, split, low score).
fn is_doubt(flag: &Flag) -> bool {
    let mendable = matches!(
        flag.kind,
        FlagKind::Number
            | FlagKind::Date
            | FlagKind::Negation
            | FlagKind::Omission
            | FlagKind::Addition
            | FlagKind::Repetition
            | FlagKind::Untranslated
    );
    mendable && flag.severity >= Severity::Major
}

/// Returns true where a translation with these flags is to be decoded again.
pub fn is_doubtful(flags: &[Flag]) -> bool {
    flags.iter().any(is_doubt)
}

/// A translation as it competes with another of the same sentence.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// Its warnings.
    pub flags: &'a [Flag],
    /// Mean log-probability per target token, of the distribution before penalties.
    pub score: f32,
}

impl Standing<'_> {
    /// Returns true where this one is to be kept in place of the other: fewer critical flags, then major, then minor ones,
    /// then the higher score.
    pub fn betters(&self, other: &Standing<'_>) -> bool {
        let fewer = other.counts().cmp(&self.counts());
        fewer.then(self.score.total_cmp(&other.score)) == Ordering::Greater
    }

    /// Returns the count of flags by severity, the worst first.
    fn counts(&self) -> [usize; 3] {
        [Severity::Critical, Severity::Major, Severity::Minor]
            .map(|severity| self.flags.iter().filter(|flag| flag.severity == severity).count())
    }
}

/// How a sentence was decoded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// Whole, with this many beams.
    Beam(usize),
    /// In this many parts.
    Parts(usize),
}

impl Means {
    fn name(self) -> String {
        match self {
            Means::Beam(beams) => format!("with {beams} beams"),
            Means::Parts(parts) => format!("in {parts} parts"),
        }
    }
}

/// Returns the note of a sentence that was decoded again and marks the warnings that stayed.
///
/// `tried` lists how, in order; `kept` is the one whose translation stands now, `None` where the first one stayed, with
/// its text in `first` otherwise.
pub fn report(doubts: &[Flag], first: &str, tried: &[Means], kept: Option<Means>, flags: &mut [Flag]) -> Note {
    let mut kinds: Vec<&str> = doubts.iter().filter(|flag| is_doubt(flag)).map(|flag| flag.kind.name()).collect();
    kinds.dedup();
    let names: Vec<String> = tried.iter().map(|means| means.name()).collect();
    let (kinds, names) = (kinds.join(", "), names.join(" and "));
    let still = flags.iter().any(is_doubt);
    let message = match kept {
        None => format!("decoded again {names}, as it was flagged ({kinds}): neither was better, the first one stays"),
        Some(means) => {
            let outcome = if still { "better, and still flagged" } else { "better" };
            format!(
                "decoded again {names}, as the first translation was flagged ({kinds}): the one made {} is {outcome}",
                means.name()
            )
        }
    };
    let message = if tried.len() == 1 { message.replace("neither was better", "it was not better") } else { message };
    for flag in flags.iter_mut().filter(|flag| is_doubt(flag)) {
        flag.message.push_str("; decoding it again did not mend this");
    }
    let evidence = kept.map(|_| first.to_owned()).into_iter().collect();
    Note { kind: NoteKind::Repair, message, evidence }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(kind: FlagKind, severity: Severity) -> Flag {
        Flag { kind, severity, message: "Arabic has 12, English has 21: check the number".into(), evidence: vec![] }
    }

    fn number() -> Flag {
        flag(FlagKind::Number, Severity::Critical)
    }

    #[test]
    fn grave_doubts_about_the_text_call_for_another_decoding() {
        assert!(is_doubtful(&[number()]));
        assert!(is_doubtful(&[flag(FlagKind::Negation, Severity::Major)]));
        assert!(!is_doubtful(&[flag(FlagKind::Number, Severity::Minor)]));
        assert!(!is_doubtful(&[flag(FlagKind::LowScore, Severity::Major), flag(FlagKind::Bidi, Severity::Major)]));
        assert!(!is_doubtful(&[]));
    }

    #[test]
    fn graver_flags_weigh_more_than_more_flags_and_flags_more_than_the_score() {
        let minor = vec![flag(FlagKind::Name, Severity::Minor); 3];
        let (clean, light, grave) = (Vec::new(), minor, vec![number()]);
        let standing = |flags, score| Standing { flags, score };
        assert!(standing(&light, -2.0).betters(&standing(&grave, -0.1)));
        assert!(standing(&clean, -2.0).betters(&standing(&light, -0.1)));
        assert!(standing(&clean, -0.1).betters(&standing(&clean, -0.2)));
        assert!(!standing(&clean, -0.1).betters(&standing(&clean, -0.1)), "of equals the first stays");
    }

    #[test]
    fn what_was_tried_and_what_came_of_it_is_said() {
        let tried = [Means::Beam(8), Means::Parts(2)];
        let note = report(&[number()], "21 men", &tried, Some(Means::Parts(2)), &mut []);
        let expected = "decoded again with 8 beams and in 2 parts, as the first translation was flagged (number): the one \
                        made in 2 parts is better";
        assert_eq!((note.message.as_str(), note.evidence), (expected, vec!["21 men".to_owned()]));
        let mut flags = [number()];
        let note = report(&[number()], "21 men", &tried[..1], None, &mut flags);
        assert_eq!(
            note.message,
            "decoded again with 8 beams, as it was flagged (number): it was not better, the first one stays"
        );
        assert!(flags[0].message.ends_with("check the number; decoding it again did not mend this"));
        assert!(note.evidence.is_empty());
    }
}
