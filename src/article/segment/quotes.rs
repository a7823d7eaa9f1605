//! Quotations and brackets of one line: where they open and close.
//!
//! Separate because Arabic text pairs `"` with itself and often leaves one out. The invariant: only a pair that is
//! closed on the same line counts, so a stray mark cannot swallow the sentences after it.

use crate::article::Span;

/// The longest quotation, in bytes (about 300 Arabic letters), that is kept whole whatever stops it holds.
const WHOLE: usize = 560;

/// Quotations nested deeper than this are not looked for: text has none, hostile input has.
const DEEPEST: usize = 32;

/// The closed quotations and brackets of a line, marks included.
pub struct Quotations {
    /// In the order of their ends.
    spans: Vec<Span>,
    /// Where they open, in order.
    starts: Vec<usize>,
}

impl Quotations {
    /// Finds the quotations of a line.
    pub fn of(line: &str) -> Self {
        let spans = closed_quotations(line);
        let mut starts: Vec<usize> = spans.iter().map(|span| span.start).collect();
        starts.sort_unstable();
        Quotations { spans, starts }
    }

    /// Returns true where a cut at `at` would break a quotation that must stay whole.
    pub fn guard(&self, at: usize) -> bool {
        let first = self.spans.partition_point(|span| span.end <= at);
        let near = self.spans[first..].iter().take_while(|span| span.end - at < WHOLE);
        near.into_iter().any(|span| span.len() <= WHOLE && span.start < at)
    }

    /// Returns true where a quotation opens at `at`.
    pub fn opens(&self, at: usize) -> bool {
        self.starts.binary_search(&at).is_ok()
    }

    /// Returns true where a quotation has its end at `end`.
    pub fn closes(&self, end: usize) -> bool {
        self.spans.binary_search_by_key(&end, |span| span.end).is_ok()
    }
}

fn closed_quotations(line: &str) -> Vec<Span> {
    let mut closed = Vec::new();
    let mut open: Vec<(char, usize)> = Vec::new();
    let mut straight: Option<usize> = None;
    let mut before = None;
    let mut characters = line.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let after = characters.peek().map(|&(_, next)| next);
        match c {
            '"' => straight = pair_straight(straight, at, before, after, &mut closed),
            '«' | '“' | '(' | '[' if open.len() < DEEPEST => open.push((closer_of(c), at)),
            '»' | '”' | ')' | ']' => {
                if let Some(depth) = open.iter().rposition(|&(closer, _)| closer == c) {
                    closed.push(open[depth].1..at + c.len_utf8());
                    open.truncate(depth);
                }
            }
            _ => {}
        }
        before = Some(c);
    }
    closed
}

fn closer_of(opener: char) -> char {
    match opener {
        '«' => '»',
        '“' => '”',
        '(' => ')',
        _ => ']',
    }
}

/// Takes a straight mark in: returns where a quotation is open after it.
fn pair_straight(
    open: Option<usize>,
    at: usize,
    before: Option<char>,
    after: Option<char>,
    closed: &mut Vec<Span>,
) -> Option<usize> {
    let spaced_before = before.is_none_or(|c| c.is_whitespace() || matches!(c, '(' | '[' | ':' | '،' | '-'));
    let spaced_after = after.is_none_or(|c| c.is_whitespace() || (!c.is_alphanumeric() && c != '"'));
    let clearly_opens = spaced_before && !spaced_after;
    let clearly_closes = spaced_after && !spaced_before;
    match open {
        None if clearly_closes => None,
        None => Some(at),
        Some(_) if clearly_opens => Some(at),
        Some(start) => {
            closed.push(start..at + 1);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Vec<&str> {
        closed_quotations(line).into_iter().map(|span| &line[span]).collect()
    }

    #[test]
    fn pairs_of_every_kind_are_found() {
        assert_eq!(found("قال «نعم» و“لا” (ربما) \"حتماً\""), ["«نعم»", "“لا”", "(ربما)", "\"حتماً\""]);
    }

    #[test]
    fn a_prefix_before_the_mark_still_opens_it() {
        assert_eq!(found("بـ\"خفض التصعيد\" و\"التهدئة\""), ["\"خفض التصعيد\"", "\"التهدئة\""]);
    }

    #[test]
    fn stray_marks_make_no_quotation() {
        assert_eq!(found("كتب على الموقع\" كلاماً. ثم قال \"نعم\""), ["\"نعم\""]);
        assert_eq!(found("قال \"لم يغلق. وبعد ذلك \"أغلق\""), ["\"أغلق\""]);
        assert!(found("نقطة أولى) ثانية») ثالثة").is_empty());
    }
}
