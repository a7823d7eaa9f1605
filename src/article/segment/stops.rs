//! The stops of a line, and whether each ends a sentence.
//!
//! Separate because these are the merge rules, one function each. The invariant: a stop is judged by the text of its
//! own line only, so a sentence never depends on its paragraph's neighbours.

use super::quotes::Quotations;
use crate::article::arabic;

/// Characters of a sentence, at least, before an ellipsis may end it without a word that opens the next.
const LONG: usize = 150;
/// Bytes before a stop that are looked at: enough for the longest rule, [`LONG`].
const REACH: usize = 512;
/// Characters of a sentence, at least, before an ellipsis may end it at all.
const SUBSTANTIAL: usize = 40;
/// Latin abbreviations that are followed by a name or number, without their full stop.
const LATIN_TITLES: &[&str] = &[
    "Mr", "Mrs", "Ms", "Dr", "Prof", "St", "No", "vs", "Jr", "Sr", "Inc", "Ltd", "Co", "Gen", "Col", "Lt", "Sen",
    "Rep", "Gov", "Fig",
];
/// Words that lead from a quotation to its speaker: the sentence goes on.
const ATTRIBUTIONS: &[&str] = &["حسب", "حسبما", "بحسب", "وفق", "وفقا", "وفقاً"];
/// Words that no sentence ends with: a full stop after one belongs to an abbreviation, `روي في. ويد`.
const PREPOSITIONS: &[&str] = &["في", "من", "إلى", "على", "عن", "مع", "v"];
/// Endings of web addresses that are written in Arabic letters.
const DOMAINS: &[&str] = &["كوم", "نت", "أنفو", "انفو", "أورغ", "اورغ", "أورج", "نيوز"];

/// A run of stops with the closing marks after it.
#[derive(Debug)]
pub struct Stop {
    /// Where the run of stops begins.
    at: usize,
    /// Where the closing marks begin.
    closers: usize,
    /// Where the next sentence may begin (white space before it not taken off).
    pub after: usize,
}

impl Stop {
    /// Returns the first stop of a line at or after a place.
    pub fn next(line: &str, from: usize, quotations: &Quotations) -> Option<Stop> {
        let at = from + line[from..].find(is_stop)?;
        let closers = end_of_run(line, at, is_stop);
        let mut after = end_of_run(line, closers, |c| matches!(c, '»' | '”' | '’' | ')' | ']' | '"' | '\''));
        // A straight quote may as well open the next quotation: it belongs here only if it closes one.
        if let Some(quote) = line[closers..after].find('"') {
            after = if quotations.opens(closers + quote) { closers + quote } else { after };
        }
        Some(Stop { at, closers, after: with_late_closer(line, after, quotations) })
    }

    /// Returns true where a sentence that began at `start` ends with this stop.
    pub fn ends_sentence(&self, line: &str, start: usize) -> bool {
        let rest = &line[self.after..];
        let next = rest.trim_start();
        if next.is_empty() {
            return true;
        }
        if next.starts_with(['،', '؛', ':', ',', ';', '.']) {
            return false;
        }
        let before = &line[line.floor_char_boundary(self.at.saturating_sub(REACH)).max(start)..self.at];
        let spaced = rest.len() > next.len();
        match &line[self.at..self.closers] {
            "." => self.full_stop_ends(before, next, spaced),
            run if run.contains(['؟', '?', '!']) => self.mark_ends(before, next, spaced),
            run if run.starts_with('۔') => true,
            _ => ellipsis_ends(before, next, spaced),
        }
    }

    /// A question or exclamation inside a quotation belongs to the sentence around it.
    fn mark_ends(&self, before: &str, next: &str, spaced: bool) -> bool {
        let quoted = self.after > self.closers;
        let in_address = !spaced && !quoted && joins_latin(before, next);
        !in_address && (!quoted || opens_sentence(next))
    }

    fn full_stop_ends(&self, before: &str, next: &str, spaced: bool) -> bool {
        let word = last_word(before);
        let closed = self.after > self.closers;
        if closed {
            return !ATTRIBUTIONS.contains(&first_word(next));
        }
        if !spaced && (!splits_unspaced(before, next) || joins_latin(before, next)) {
            return false;
        }
        if is_list_label(before) || is_latin_abbreviation(before, word, next) || PREPOSITIONS.contains(&word) {
            return false;
        }
        match abbreviation(before, word) {
            Abbreviation::None => true,
            Abbreviation::Title => false,
            Abbreviation::Ambiguous => opens_sentence(next),
        }
    }
}

fn is_stop(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '؟' | '…' | '۔')
}

fn end_of_run(line: &str, from: usize, belongs: impl Fn(char) -> bool) -> usize {
    line[from..].find(|c| !belongs(c)).map_or(line.len(), |length| from + length)
}

/// Takes in a closing quote that a stray space keeps from its stop: `. "`.
fn with_late_closer(line: &str, after: usize, quotations: &Quotations) -> usize {
    let next = after + (line[after..].len() - line[after..].trim_start().len());
    match line[next..].chars().next() {
        Some(c @ ('"' | '»' | '”')) if quotations.closes(next + c.len_utf8()) => next + c.len_utf8(),
        _ => after,
    }
}

/// Returns the letters, digits and marks at the end of a text.
fn last_word(text: &str) -> &str {
    let gap = |c: char| !is_of_word(c);
    text.rfind(gap).map_or(text, |at| text[at..].trim_start_matches(gap))
}

fn first_word(text: &str) -> &str {
    &text[..end_of_run(text, 0, is_of_word)]
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || arabic::is_mark(c) || c == arabic::TATWEEL
}

/// Returns the count of letters, vowel marks and tatweel left out.
fn letters(word: &str) -> usize {
    word.chars().filter(|c| c.is_alphabetic() && !arabic::is_mark(*c) && *c != arabic::TATWEEL).count()
}

/// Returns true where the text after a stop clearly opens a sentence: with `و` before a word, as Arabic prose does.
fn opens_sentence(next: &str) -> bool {
    let word = first_word(next);
    word.starts_with('و') && letters(word) >= 4
}

/// Returns true for `2.5`, `example.com`, `index.php?x=1`: a stop between Latin letters or digits.
fn joins_latin(before: &str, next: &str) -> bool {
    let latin = |c: char| c.is_ascii_alphanumeric() || arabic::digit(c).is_some() || matches!(c, '/' | '_' | '-');
    before.ends_with(latin) && next.starts_with(latin)
}

/// Returns true where a full stop without a space after it ends a sentence all the same: `سوريا.وقال`, `سوريا .وقال`.
fn splits_unspaced(before: &str, next: &str) -> bool {
    let word = last_word(before.trim_end());
    let follower = first_word(next);
    let digits = word.chars().filter(|&c| arabic::digit(c).is_some()).count();
    let opens = next.starts_with(['"', '«', '“', '(', '[']) || letters(follower) >= 2;
    let detached = before.ends_with(char::is_whitespace) && !next.starts_with(arabic::is_letter);
    letters(word) + digits >= 2
        && opens
        && !detached
        && !DOMAINS.contains(&follower)
        && before.split_whitespace().nth(1).is_some()
}

/// Returns true where all of the sentence so far is the number of a list item.
fn is_list_label(before: &str) -> bool {
    let label = before.trim_matches(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '-' | '*' | '_'));
    !label.is_empty() && label.chars().count() <= 3 && label.chars().all(|c| arabic::digit(c).is_some())
}

fn is_latin_abbreviation(before: &str, word: &str, next: &str) -> bool {
    let alone = before[..before.len() - word.len()].chars().next_back().is_none_or(|c| c.is_whitespace() || c == '.');
    let initial = alone && word.len() == 1 && word.starts_with(|c: char| c.is_ascii_uppercase());
    initial || LATIN_TITLES.contains(&word) || next.starts_with(|c: char| c.is_ascii_lowercase())
}

/// What a single Arabic letter before a full stop stands for.
enum Abbreviation {
    /// The word is a word.
    None,
    /// `د.`, `أ.د.`: a name follows.
    Title,
    /// `أ.ف.ب.`, `650 هـ.`: the full stop may end a sentence as well.
    Ambiguous,
}

fn abbreviation(before: &str, word: &str) -> Abbreviation {
    if letters(word) != 1 || word.chars().any(|c| arabic::digit(c).is_some()) {
        return match word.chars().next().and_then(arabic::digit).is_some() && letters(word) == 1 {
            true => Abbreviation::Ambiguous,
            false => Abbreviation::None,
        };
    }
    if !word.starts_with(arabic::is_letter) {
        return Abbreviation::None;
    }
    let head = before[..before.len() - word.len()].trim_end();
    let chained = head.ends_with('.');
    let after_number = head.ends_with(|c| arabic::digit(c).is_some());
    let titled = chained && matches!(word, "د" | "م") && letters(last_word(head.trim_end_matches('.'))) == 1;
    let before_christ = head.ends_with("ق.");
    match (chained && !titled) || after_number || before_christ {
        true => Abbreviation::Ambiguous,
        false => Abbreviation::Title,
    }
}

/// Dots in a row join the halves of a headline and the pauses of speech; they end a sentence only where one has been
/// said and another opens.
fn ellipsis_ends(before: &str, next: &str, spaced: bool) -> bool {
    let length = before.trim().chars().count();
    spaced && (length >= LONG || (length >= SUBSTANTIAL && opens_sentence(next)))
}
