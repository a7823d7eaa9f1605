//! A sentence that is over a model's token budget, cut into parts that fit.
//!
//! Separate because it is the only place where a sentence is ever cut for the machine's sake: nothing is truncated. The
//! invariant: the parts, in order, hold every character of the sentence that is not white space.

use super::{Span, arabic, segment::trim};
use unicode_segmentation::UnicodeSegmentation;

/// Finds the places where a text may be cut, weaker ones only if stronger ones do not serve.
type Level = fn(&str) -> Vec<usize>;

/// Strongest first: `؛`, then `،`, then conjunctions, then spaces.
const NATURAL: [Level; 4] = [semicolons, commas, conjunctions, spaces];
/// Where nothing natural is near: a far space, then between letters, then inside what is shown as one letter.
const FORCED: [Level; 3] = [spaces, graphemes, characters];

/// How far from the place aimed at a cut may lie, as a share of the text.
const REACH: f64 = 0.25;

/// Splits a sentence into parts of at most `budget` tokens, as ranges of `sentence`.
///
/// A part is over the budget only where a single character is. `count` returns the tokens of a text.
pub fn split(sentence: &str, budget: usize, count: &dyn Fn(&str) -> usize) -> Vec<Span> {
    let mut parts = Vec::new();
    // A stack, not recursion: a sentence of a million characters must not exhaust the thread's own.
    let mut waiting = vec![trim(sentence, 0..sentence.len())];
    while let Some(part) = waiting.pop() {
        let text = &sentence[part.clone()];
        let tokens = count(text);
        match (tokens > budget).then(|| cut(text, tokens.div_ceil(budget.max(1)))).flatten() {
            Some(at) => {
                waiting.push(trim(sentence, part.start + at..part.end));
                waiting.push(trim(sentence, part.start..part.start + at));
            }
            None if !text.is_empty() => parts.push(part),
            None => {}
        }
    }
    parts
}

/// Returns where to cut a text that needs about `parts` parts: near a whole share of it, at the strongest mark there is.
fn cut(text: &str, parts: usize) -> Option<usize> {
    let share = (parts.max(2) / 2) as f64 / parts.max(2) as f64;
    let aim = (text.len() as f64 * share) as usize;
    let reach = (text.len() as f64 * REACH) as usize;
    let nearest = |places: Vec<usize>, reach: usize| {
        let inner = places.into_iter().filter(|&at| 0 < at && at < text.len() && at.abs_diff(aim) <= reach);
        inner.min_by_key(|&at| at.abs_diff(aim))
    };
    let natural = NATURAL.iter().find_map(|places| nearest(places(text), reach));
    natural.or_else(|| FORCED.iter().find_map(|places| nearest(places(text), text.len())))
}

fn semicolons(text: &str) -> Vec<usize> {
    after_each(text, &['؛', ';'])
}

fn commas(text: &str) -> Vec<usize> {
    after_each(text, &['،', ',', ':', '–', '—'])
}

/// Returns the places after any of some marks, those inside a number left out.
fn after_each(text: &str, marks: &[char]) -> Vec<usize> {
    let ends = text.match_indices(marks).map(|(at, mark)| at + mark.len());
    ends.filter(|&at| !text[at..].starts_with(|c| arabic::digit(c).is_some())).collect()
}

/// Returns the places before a word that joins clauses.
fn conjunctions(text: &str) -> Vec<usize> {
    let words = text.split_word_bound_indices();
    words.filter(|(_, word)| joins_clauses(word)).map(|(at, _)| at).collect()
}

fn joins_clauses(word: &str) -> bool {
    const WORDS: [&str; 22] = [
        "أو",
        "ثم",
        "لكن",
        "ولكن",
        "بل",
        "حيث",
        "إذ",
        "كما",
        "بينما",
        "فيما",
        "لأن",
        "الذي",
        "التي",
        "الذين",
        "مما",
        "عندما",
        "بعدما",
        "and",
        "but",
        "or",
        "while",
        "which",
    ];
    // `و` is written to the word it joins; these begin with the letter itself.
    const NOUNS: [&str; 14] =
        ["وزير", "وزار", "وكال", "وكيل", "وفد", "وطن", "وقت", "وضع", "واشنط", "وحد", "وسط", "وسائل", "وثيق", "وثائق"];
    let joined = word.starts_with('و') && word.chars().count() >= 4 && !NOUNS.iter().any(|noun| word.starts_with(noun));
    joined || WORDS.contains(&word)
}

fn spaces(text: &str) -> Vec<usize> {
    text.char_indices().filter(|(_, c)| c.is_whitespace()).map(|(at, _)| at).collect()
}

fn graphemes(text: &str) -> Vec<usize> {
    text.grapheme_indices(true).map(|(at, _)| at).collect()
}

fn characters(text: &str) -> Vec<usize> {
    text.char_indices().map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(sentence: &str, budget: usize) -> Vec<&str> {
        let words = |text: &str| text.split_whitespace().count();
        split(sentence, budget, &words).into_iter().map(|span| &sentence[span]).collect()
    }

    #[test]
    fn a_sentence_within_the_budget_stays_whole() {
        assert_eq!(parts(" وصل الوفد إلى المدينة. ", 8), ["وصل الوفد إلى المدينة."]);
        assert!(parts("  ", 8).is_empty());
    }

    #[test]
    fn the_strongest_mark_near_the_middle_is_taken() {
        assert_eq!(
            parts("وصل الوفد، ثم اجتمع؛ وغادر بعد الظهر، كما قيل", 6),
            ["وصل الوفد، ثم اجتمع؛", "وغادر بعد الظهر، كما قيل"]
        );
        assert_eq!(
            parts("دخل الجنود القرية صباحاً وخرجوا منها قبل المساء", 5),
            ["دخل الجنود القرية صباحاً", "وخرجوا منها قبل المساء"]
        );
    }

    #[test]
    fn a_number_is_not_cut_at_its_separator() {
        let found = split("1,000,000", 3, &|text| text.chars().count());
        assert!(found.len() >= 3, "only characters are left to cut at: {found:?}");
        assert_eq!(after_each("بلغ 1,000 و٢،٥٠٠، ثم", &['،', ',']), ["بلغ 1,000 و٢،٥٠٠،".len()]);
    }

    #[test]
    fn a_very_long_word_is_cut_without_recursion() {
        let word = "س".repeat(20_000);
        let found = split(&word, 100, &|text| text.chars().count());
        assert!(found.len() >= 200 && found.iter().all(|part| part.len() <= 200));
    }

    proptest! {
        #[test]
        fn parts_cover_all_in_order_and_fit_the_budget(
            sentence in "([ء-ي]{1,7}|[ \u{a0}]|،|؛|[0-9]{1,3}|و[ء-ي]{3}|\u{64b}|\\PC){0,60}",
            budget in 1usize..40,
        ) {
            let count = |text: &str| text.chars().count();
            let mut end = 0;
            for part in split(&sentence, budget, &count) {
                prop_assert!(part.start >= end && !part.is_empty());
                prop_assert!(sentence[end..part.start].chars().all(char::is_whitespace));
                prop_assert!(count(&sentence[part.clone()]) <= budget);
                end = part.end;
            }
            prop_assert!(sentence[end..].chars().all(char::is_whitespace));
        }
    }
}
