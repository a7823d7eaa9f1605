//! The names and numbers of one sentence, found on whichever side shows them.
//!
//! Separate because Arabic has no capitals: a name shows in the English, or by its quotation marks, or by its Latin
//! letters. The invariant: what is found are pieces of the source in source order, none inside another.

use super::{
    English,
    english::{is_capitalised, is_function, name, opens_sentence},
};
use crate::{
    article::{Span, arabic},
    report::SentenceTranslation,
    review::{
        align::words,
        checks::{is_month, numbers},
    },
};
use std::{cmp::Reverse, collections::BTreeSet};

/// Returns pieces of the source with their English.
///
/// `names` are the words of the whole document that have a capital inside a sentence: it tells which of those at the
/// beginning of one are names.
pub(super) fn mentions<'a>(
    source: &'a str,
    translation: &SentenceTranslation,
    names: &BTreeSet<&str>,
) -> Vec<(&'a str, English)> {
    let target = translation.text.as_str();
    let pair =
        Pair { source, target, source_words: words(source), target_words: words(target), links: &translation.words };
    let mut found = pair.numbers();
    found.extend(pair.quoted());
    found.extend(pair.capitalised(names));
    found.extend(pair.latin());
    found.sort_by_key(|(source, _)| (source.start, Reverse(source.end)));
    // Months belong to the dates, whatever the links make of them.
    found.retain(|(span, _)| !is_month(&source[span.clone()]));
    let mut end = 0;
    found.retain(|(source, _)| {
        let outside = source.start >= end;
        end = end.max(source.end);
        outside
    });
    found.into_iter().map(|(span, english)| (&source[span], english)).collect()
}

/// One sentence with its words and links.
struct Pair<'a> {
    source: &'a str,
    target: &'a str,
    source_words: Vec<Span>,
    target_words: Vec<Span>,
    links: &'a [(Span, Span)],
}

impl Pair<'_> {
    /// Numbers in digits, with the same number: what a link leads to is no evidence of a number.
    fn numbers(&self) -> Vec<(Span, English)> {
        let english =
            |span: Option<Span>| span.map_or(English::NotFound, |span| English::Text(self.target[span].to_owned()));
        numbers(self.source, self.target).into_iter().map(|(source, target)| (source, english(target))).collect()
    }

    /// Latin words of the source, with the same word or, failing that, what is linked to them.
    fn latin(&self) -> Vec<(Span, English)> {
        let english = |word: &str, span: &Span| {
            let mut words = self.target_words.iter().map(|span| &self.target[span.clone()]);
            let same = words.find(|theirs| theirs.eq_ignore_ascii_case(word));
            same.map_or_else(|| self.linked(span), |word| Some(English::Text(word.to_owned())))
        };
        let found = self.source_words.iter().filter_map(|span| {
            let whole = self.source[span.clone()].trim_end_matches(arabic::is_letter);
            let word = whole.trim_start_matches(arabic::is_letter);
            let latin = word.chars().filter(char::is_ascii_alphabetic).count() > 1;
            let end = span.start + whole.len();
            latin.then(|| Some((end - word.len()..end, english(word, span)?))).flatten()
        });
        found.collect()
    }

    /// Returns the name among the target words linked to a source span, from the first to the last.
    fn linked(&self, source: &Span) -> Option<English> {
        let inside = self.links.iter().filter(|(s, _)| s.start < source.end && source.start < s.end);
        let span = inside.map(|(_, target)| target.clone()).reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))?;
        Some(self.english(span))
    }

    fn english(&self, target: Span) -> English {
        name(&self.target[target]).map_or(English::SeeSentence, |name| English::Text(name.to_owned()))
    }

    /// Short quotations, which are often names of works, groups and places.
    fn quoted(&self) -> Vec<(Span, English)> {
        const LONGEST: usize = 5;
        let mut found = Vec::new();
        let mut open: Option<(usize, char)> = None;
        for (at, c) in self.source.char_indices() {
            match (open, c) {
                (Some((start, close)), c) if c == close => {
                    let span = start..at;
                    let count = self.source_words.iter().filter(|w| w.start >= span.start && w.end <= span.end).count();
                    let english = self.linked(&span).filter(|_| (1..=LONGEST).contains(&count));
                    found.extend(english.map(|english| (span, english)));
                    open = None;
                }
                (None, '«') => open = Some((at + c.len_utf8(), '»')),
                (None, '“') => open = Some((at + c.len_utf8(), '”')),
                (None, '"') => open = Some((at + 1, '"')),
                _ => {}
            }
        }
        found
    }

    /// Runs of English words with a capital, with the Arabic words linked to them.
    fn capitalised(&self, names: &BTreeSet<&str>) -> Vec<(Span, English)> {
        let mut found = Vec::new();
        let mut index = 0;
        while index < self.target_words.len() {
            let run = index..self.target_words.len();
            let length = run.take_while(|i| self.is_name(*i, names) && self.follows(index, *i)).count();
            if length > 0 {
                let target = self.target_words[index].start..self.target_words[index + length - 1].end;
                found.extend(self.source_of(&target, length).map(|source| (source, self.english(target))));
            }
            index += length.max(1);
        }
        found
    }

    /// Returns true for a capital that is evidence of a name.
    fn is_name(&self, index: usize, names: &BTreeSet<&str>) -> bool {
        let word = &self.target[self.target_words[index].clone()];
        let opens = || opens_sentence(self.target, &self.target_words, index);
        is_capitalised(word) && (names.contains(word) || (!is_function(word) && !opens()))
    }

    /// Returns true where only spaces stand between the words from `first` to `last`.
    fn follows(&self, first: usize, last: usize) -> bool {
        last == first || self.target[self.target_words[last - 1].end..self.target_words[last].start].trim().is_empty()
    }

    /// Returns the source words linked to a target span, if they stand together.
    fn source_of(&self, target: &Span, words: usize) -> Option<Span> {
        let inside = self.links.iter().filter(|(_, t)| t.start < target.end && target.start < t.end);
        let span = inside.map(|(source, _)| source.clone()).reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))?;
        let count = self.source_words.iter().filter(|w| w.start >= span.start && w.end <= span.end).count();
        // Links that lie far apart are more likely a mistake of alignment than one name.
        (count <= words + 1).then_some(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::markdown::mentions::english::names_inside;

    fn found(source: &str, target: &str, links: &[(&str, &str)]) -> Vec<(String, English)> {
        let span = |text: &str, part: &str| text.find(part).map_or(0..0, |start| start..start + part.len());
        let words = links.iter().map(|(s, t)| (span(source, s), span(target, t))).collect();
        let translation = SentenceTranslation { text: target.to_owned(), words, ..SentenceTranslation::default() };
        let names = names_inside(target).into_iter().collect();
        mentions(source, &translation, &names)
            .into_iter()
            .map(|(arabic, english)| (arabic.to_owned(), english))
            .collect()
    }

    fn text(arabic: &str, english: &str) -> (String, English) {
        (arabic.to_owned(), English::Text(english.to_owned()))
    }

    #[test]
    fn a_number_is_never_paired_with_a_linked_word() {
        let rows = found("القرار 2254 والجولة 15على", "It is not the 15th", &[("2254", "not"), ("15على", "is")]);
        assert_eq!(rows, [("2254".to_owned(), English::NotFound), text("15", "15")]);
    }

    #[test]
    fn function_words_are_no_names() {
        let links = [("في", "In"), ("بيت", "Don't"), ("حمص", "Homs"), ("نهر", "As")];
        assert_eq!(found("في بيت حمص نهر", "In Homs: Don't As", &links), [text("حمص", "Homs")]);
    }

    #[test]
    fn a_name_at_the_beginning_is_known_from_elsewhere() {
        let links = [("حمص", "Homs"), ("وصل", "Arrived")];
        let rows = found("حمص بعيدة وصل", "Homs is far. Arrived in Homs", &links);
        assert_eq!(rows, [text("حمص", "Homs")]);
    }

    #[test]
    fn a_quotation_linked_to_half_the_sentence_leads_to_the_sentence() {
        let target = "one two three four five six seven eight";
        let links = [("الإدارة", "one"), ("الذاتية", "eight")];
        let rows = found("قال «الإدارة الذاتية» نعم", target, &links);
        assert_eq!(rows, [("الإدارة الذاتية".to_owned(), English::SeeSentence)]);
        assert_eq!(
            found("قال «السلام» نعم", "he said of the peace", &[("السلام", "of the peace")]),
            [text("السلام", "peace")]
        );
    }

    #[test]
    fn a_month_is_no_name() {
        let links = [("أيار", "Ear"), ("كانون", "Canon"), ("الثاني", "Two"), ("سمر", "Samar")];
        let source = "في أيار وفي كانون الثاني قالت سمر";
        assert_eq!(found(source, "in Ear and in Canon Two said Samar", &links), [text("سمر", "Samar")]);
    }

    #[test]
    fn latin_words_keep_their_spelling() {
        assert_eq!(found("قناة الـBBC", "the bbc channel", &[]), [text("BBC", "bbc")]);
    }
}
