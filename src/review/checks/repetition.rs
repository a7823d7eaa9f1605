//! Words that repeat without cause: the loop a decoder falls into when it has lost the source.
//!
//! Separate because it reads the translation alone, but for what the source itself repeats. The invariant: what the
//! source repeats as often is no loop.
//!
//! Two signs: a phrase of one to six words said three times in a row or more; and the most frequent group of four words
//! standing at least two times more often than the source's own (the TNG detector of Raunak et al. 2021, "The Curious
//! Case of Hallucinations in Neural Machine Translation", n = 4 and t = 2 as in Guerreiro et al. 2023).

use super::{Flag, FlagKind, Pair, Severity, flag};
use std::collections::BTreeMap;
use unicode_segmentation::UnicodeSegmentation;

const LONGEST_PHRASE: usize = 6;
const TIMES_IN_A_ROW: usize = 3;
const GROUP: usize = 4;
const EXCESS: usize = 2;

/// Flags a translation that repeats itself more than its source does.
pub(super) fn check(pair: &Pair) -> Option<Flag> {
    let (source, target) = (words(pair.source), words(pair.target));
    let (phrase, times) = match longest_loop(&target) {
        Some((phrase, times)) if longest_loop(&source).is_none_or(|(_, in_source)| in_source < times) => {
            (phrase, times)
        }
        _ => excess_group(&source, &target)?,
    };
    // A loop that fills half the sentence has pushed the rest of it out.
    let filled = phrase.len() * times * 2 > target.len();
    let severity = if filled { Severity::Critical } else { Severity::Major };
    let phrase = phrase.join(" ");
    let message =
        format!("“{phrase}” stands {times} times in the English: the model may have lost the Arabic, check it");
    Some(flag(FlagKind::Repetition, severity, message, vec![phrase]))
}

fn words(text: &str) -> Vec<String> {
    text.unicode_words().map(str::to_lowercase).collect()
}

/// Returns the repeated phrase that fills most words, and how often it is said in a row.
fn longest_loop(words: &[String]) -> Option<(&[String], usize)> {
    let mut best: Option<(&[String], usize)> = None;
    for length in 1..=LONGEST_PHRASE {
        for (start, phrase) in words.windows(length).enumerate() {
            let times = words[start..].chunks_exact(length).take_while(|chunk| *chunk == phrase).count();
            let filled = best.map_or(0, |(phrase, times)| phrase.len() * times);
            // Digits in a row are a telephone number, not a loop.
            let spoken = phrase.iter().any(|word| word.chars().any(char::is_alphabetic));
            if times >= TIMES_IN_A_ROW && spoken && length * times > filled {
                best = Some((phrase, times));
            }
        }
    }
    best
}

fn excess_group<'a>(source: &[String], target: &'a [String]) -> Option<(&'a [String], usize)> {
    let (group, times) = top_group(target)?;
    let in_source = top_group(source).map_or(0, |(_, times)| times);
    (times >= in_source + EXCESS && times > EXCESS).then_some((group, times))
}

fn top_group(words: &[String]) -> Option<(&[String], usize)> {
    let mut counts: BTreeMap<&[String], usize> = BTreeMap::new();
    for group in words.windows(GROUP) {
        *counts.entry(group).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, times)| *times)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severity(source: &str, target: &str) -> Option<Severity> {
        check(&Pair { source, target, ..Pair::default() }).map(|flag| flag.severity)
    }

    #[test]
    fn a_loop_that_fills_the_sentence_is_critical() {
        assert_eq!(severity("زار الوفد البلدة", "the town of the town of the town of"), Some(Severity::Critical));
    }

    #[test]
    fn a_short_loop_in_a_long_sentence_is_major() {
        let target = "The delegation visited the very very very old town in the hills above the river at noon today.";
        assert_eq!(severity("زار الوفد البلدة القديمة", target), Some(Severity::Major));
    }

    #[test]
    fn a_group_that_returns_without_cause_is_flagged() {
        let target = "He said that it is late, she said that it is late, and they said that it is late";
        assert!(severity("قال إن الوقت متأخر", target).is_some());
    }

    #[test]
    fn what_the_source_repeats_is_no_loop() {
        assert_eq!(severity("لا لا لا", "no no no"), None);
        assert_eq!(severity("اتصل على الرقم 11 11 11", "Call 11 11 11"), None);
    }
}
