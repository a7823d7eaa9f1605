//! Quotation marks that do not match: who said what is the first thing a journalist checks.
//!
//! Separate because marks of two scripts must be told from apostrophes. The invariant: only counts are compared, so a
//! change of style («…» into "…") is never flagged.

use super::{Flag, FlagKind, Pair, Severity, flag};

/// Flags quotation marks that one side has and the other has not, and a quotation left open.
pub(super) fn check(pair: &Pair) -> Option<Flag> {
    let (source, target) = (marks(pair.source), marks(pair.target));
    let message = match (source, target) {
        (2.., 0) => "the Arabic quotes, the English does not: check who says what",
        (0, 2..) if !has_single_quotes(pair.source) => "the English quotes, the Arabic does not: check who says what",
        (source, target) if source % 2 == 0 && target % 2 == 1 => {
            "a quotation of the English is left open: check where it ends"
        }
        _ => return None,
    };
    let evidence = vec![format!("{source} marks"), format!("{target} marks")];
    Some(flag(FlagKind::Quotation, Severity::Minor, message.to_owned(), evidence))
}

fn marks(text: &str) -> usize {
    let mut characters = text.chars().peekable();
    let mut count = 0;
    while let Some(c) = characters.next() {
        match c {
            '"' | '«' | '»' | '“' | '”' | '„' | '‟' | '＂' | '❝' | '❞' => count += 1,
            // TeX style: ``quoted''
            '`' | '\'' if characters.next_if_eq(&c).is_some() => count += 1,
            _ => {}
        }
    }
    // Without double marks single ones may quote; between letters they are apostrophes.
    if count == 0 && has_single_quotes(text) { 2 } else { count }
}

fn has_single_quotes(text: &str) -> bool {
    let opens = |(before, after): (char, char)| {
        matches!(after, '\'' | '‘' | '‹') && !before.is_alphanumeric() && !matches!(before, '\'' | '’')
    };
    let pairs = [' '].into_iter().chain(text.chars()).zip(text.chars());
    pairs.into_iter().any(opens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flagged(source: &str, target: &str) -> bool {
        check(&Pair { source, target, ..Pair::default() }).is_some()
    }

    #[test]
    fn a_change_of_style_is_no_difference() {
        assert!(!flagged("قال «نعم»", "He said \"yes\""));
        assert!(!flagged("قال «نعم»", "He said ‘yes’"));
    }

    #[test]
    fn a_lost_quotation_is_flagged() {
        assert!(flagged("قال «نعم»", "He said it's the teachers' day"));
        assert!(flagged("قال نعم", "He said “yes”"));
    }

    #[test]
    fn a_quotation_left_open_is_flagged_unless_the_source_leaves_it_open() {
        assert!(flagged("قال «نعم»", "He said \"yes"));
        assert!(!flagged("قال «نعم", "He said \"yes"));
    }
}
