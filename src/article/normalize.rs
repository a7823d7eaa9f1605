//! The copy of a source text that a tokenizer reads, with the way back to the bytes it came from.
//!
//! Separate because the source itself is never changed: links and quotations point into it. The invariant: every range
//! of the copy leads back to a range of the source, and later ranges lead to later places.
//!
//! What is mapped is what OPUS-MT's `preprocess-spm.sh` mapped before training (curly double quotes and the right single
//! quote, the ellipsis, full-width forms, controls to spaces) and, beyond it, what SentencePiece models cannot read well:
//! presentation forms, tatweel, bidi and zero-width characters. Guillemets, the left single quote, dashes, Arabic digits,
//! vowel marks and letter variants stay: the models were trained on them as they are.

use super::{Span, arabic};
use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_segmentation::UnicodeSegmentation;

/// A normalized copy of a text, and where each of its characters came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalized {
    /// The copy.
    pub text: String,
    /// One entry for each character of `text`, in order.
    origins: Vec<Origin>,
}

/// Where one character of the copy starts, and the source bytes it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    start: usize,
    source: Span,
}

impl Normalized {
    /// Returns the source bytes that a range of the copy stands for.
    ///
    /// The range is widened to whole characters; an empty one leads to the empty range before its place.
    pub fn original(&self, range: Span) -> Span {
        let Some(last) = self.origins.last() else { return 0..0 };
        let first = self.origins.partition_point(|origin| origin.start <= range.start).saturating_sub(1);
        if range.start >= self.text.len() {
            return last.source.end..last.source.end;
        }
        let start = self.origins[first].source.start;
        if range.end <= range.start {
            return start..start;
        }
        let end = self.origins.partition_point(|origin| origin.start < range.end).saturating_sub(1);
        start..self.origins[end].source.end
    }

    fn push(&mut self, c: char, source: Span) {
        self.origins.push(Origin { start: self.text.len(), source });
        self.text.push(c);
    }

    /// Adds white space: runs become one space, and none stands at the start.
    fn push_space(&mut self, source: Span) {
        match self.origins.last_mut() {
            Some(last) if self.text.ends_with(' ') => last.source.end = source.end,
            Some(_) => self.push(' ', source),
            None => {}
        }
    }

    fn trim_end(&mut self) {
        if self.text.ends_with(' ') {
            self.text.pop();
            self.origins.pop();
        }
    }
}

/// Returns the copy of a text that is fed to a tokenizer.
pub fn for_translation(source: &str) -> Normalized {
    let mut mapped = Normalized { text: String::with_capacity(source.len()), origins: Vec::new() };
    for (start, c) in source.char_indices() {
        map_character(&mut mapped, c, start..start + c.len_utf8());
    }
    mapped.trim_end();
    match is_nfc(&mapped.text) {
        true => mapped,
        false => compose(mapped),
    }
}

fn map_character(out: &mut Normalized, c: char, source: Span) {
    match c {
        arabic::TATWEEL => {}
        _ if arabic::is_invisible(c) => {}
        _ if c.is_whitespace() || c.is_control() => out.push_space(source),
        '“' | '”' | '《' | '》' | '「' | '」' => out.push('"', source),
        '’' => out.push('\'', source),
        '…' => (0..3).for_each(|_| out.push('.', source.clone())),
        '。' => out.push('.', source),
        '、' => out.push(',', source),
        // The full-width block mirrors ASCII at a fixed distance.
        '！'..='～' => out.push(char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c), source),
        _ if arabic::is_presentation_form(c) => push_letters(out, c, source),
        _ => out.push(c, source),
    }
}

/// Adds the plain letters of a presentation form, without the space or tatweel that carries a lone mark.
fn push_letters(out: &mut Normalized, form: char, source: Span) {
    let mut carrier = true;
    for letter in std::iter::once(form).nfkd() {
        match letter {
            arabic::TATWEEL => {}
            ' ' if carrier => {}
            ' ' => out.push_space(source.clone()),
            _ => out.push(letter, source.clone()),
        }
        carrier = false;
    }
}

/// Brings a text into NFC, one grapheme cluster at a time: composition never reaches across one.
fn compose(mapped: Normalized) -> Normalized {
    let mut out = Normalized { text: String::with_capacity(mapped.text.len()), origins: Vec::new() };
    let mut origins = mapped.origins.iter();
    for cluster in mapped.text.graphemes(true) {
        let sources: Vec<&Span> = origins.by_ref().take(cluster.chars().count()).map(|o| &o.source).collect();
        let (Some(first), Some(last)) = (sources.first(), sources.last()) else { continue };
        if is_nfc(cluster) {
            cluster.chars().zip(&sources).for_each(|(c, source)| out.push(c, (*source).clone()));
        } else {
            cluster.nfc().for_each(|c| out.push(c, first.start..last.end));
        }
    }
    out
}

/// Returns the form of a text in which spelling variants are equal: for matching only, never shown or translated.
///
/// Beyond [`for_translation`], vowel marks are taken off, variants of alef, ya and ta marbuta are made one, digits and
/// numeric signs become ASCII, and letters become lower case.
pub fn fold(text: &str) -> String {
    let folded = for_translation(text).text;
    folded.chars().filter(|&c| !arabic::is_mark(c)).flat_map(|c| fold_character(c).to_lowercase()).collect()
}

fn fold_character(c: char) -> char {
    match c {
        '٫' => '.',
        '٬' => ',',
        '٪' => '%',
        _ => arabic::digit(c).unwrap_or_else(|| arabic::fold_letter(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(source: &str) -> String {
        for_translation(source).text
    }

    #[test]
    fn presentation_forms_become_letters_and_keep_their_marks() {
        assert_eq!(text("\u{FEB3}\u{FEE0}\u{FE8E}\u{FEE1}"), "سلام");
        assert_eq!(text("\u{FEFB}\u{64E}"), "لا\u{64E}");
        assert_eq!(text("\u{FE76}"), "\u{64E}");
        assert_eq!(text("\u{FDFA}"), "صلى الله عليه وسلم");
    }

    #[test]
    fn layout_characters_go_and_exotic_spaces_become_one_space() {
        assert_eq!(text("  الـ\u{200f}عرب\u{a0}\u{2009}\n\tهنا\u{202c} "), "العرب هنا");
    }

    #[test]
    fn only_the_quotes_that_training_mapped_are_mapped() {
        assert_eq!(text("“قال” ‘نعم’ «لا»…"), "\"قال\" ‘نعم' «لا»...");
    }

    #[test]
    fn letters_and_marks_that_carry_meaning_stay() {
        let source = "مُدرِّسة إلى آسيا ٢٠٢١ ٪";
        assert_eq!(text(source), source);
    }

    #[test]
    fn a_decomposed_letter_leads_back_to_both_of_its_characters() {
        let normalized = for_translation("قر\u{627}\u{653}ن");
        assert_eq!(normalized.text, "قرآن");
        assert_eq!(normalized.original(4..6), 4..8);
    }

    #[test]
    fn a_range_leads_back_over_what_was_dropped_inside_it() {
        let source = "الـــعرب والعجم";
        let normalized = for_translation(source);
        let end = normalized.text.find(' ').unwrap();
        assert_eq!(&source[normalized.original(0..end)], "الـــعرب");
        assert_eq!(&source[normalized.original(end + 1..normalized.text.len())], "والعجم");
    }

    #[test]
    fn folding_makes_spelling_variants_equal() {
        assert_eq!(fold("إقْرأ أيضاً"), fold("اقرأ أيضا"));
        assert_eq!(fold("مدرسةٌ على"), "مدرسه علي");
        assert_eq!(fold("٢٠۲١٫٥ ABC"), "2021.5 abc");
    }

    fn messy() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[ء-ي]{1,4}",
            Just("\u{627}\u{653}".to_owned()),
            Just("\u{200f}".to_owned()),
            Just("ـ".to_owned()),
            Just("\u{FDFA}".to_owned()),
            Just("\u{FE76}".to_owned()),
            Just("…”".to_owned()),
            "[ \u{a0}\n]{1,3}",
            "\\PC{0,4}",
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn every_range_leads_to_whole_characters_of_the_source_in_order(source in messy()) {
            let normalized = for_translation(&source);
            prop_assert!(is_nfc(&normalized.text));
            let bounds: Vec<usize> =
                normalized.text.char_indices().map(|(at, _)| at).chain([normalized.text.len()]).collect();
            let mut before = 0..0;
            for pair in bounds.windows(2) {
                let span = normalized.original(pair[0]..pair[1]);
                prop_assert!(source.get(span.clone()).is_some_and(|piece| !piece.is_empty()));
                prop_assert!(before.start <= span.start && before.end <= span.end);
                before = span;
            }
            for (i, &start) in bounds.iter().enumerate() {
                for &end in &bounds[i..] {
                    let span = normalized.original(start..end);
                    prop_assert!(source.get(span.clone()).is_some());
                    prop_assert_eq!(span.is_empty(), start == end);
                }
            }
        }

        #[test]
        fn the_whole_leads_back_to_all_that_was_kept(source in messy()) {
            let normalized = for_translation(&source);
            let whole = normalized.original(0..normalized.text.len());
            let outside = [&source[..whole.start], &source[whole.end..]].concat();
            prop_assert_eq!(text(&outside), "");
        }

        #[test]
        fn normalizing_twice_changes_nothing(source in messy()) {
            let once = text(&source);
            prop_assert_eq!(text(&once), once);
        }
    }
}
