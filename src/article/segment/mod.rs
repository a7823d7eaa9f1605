//! Sentence boundaries of Arabic news text, as byte ranges.
//!
//! Separate because a boundary decides what is translated as one unit and what a link points at. The invariant: the
//! sentences of a block and the white space between them concatenate to the block, and no sentence is without a letter
//! or digit where the block has one.
//!
//! UAX 29 alone cuts inside `د.`, `أ.ف.ب.` and quotations, and leaves `سوريا.وقال` whole. Here a stop is a *candidate*
//! and `stops` judges it by its two neighbours; a newline always ends a sentence; `؛`, `،` and `:` never do.

mod quotes;
mod stops;

use super::Span;
use quotes::Quotations;
use stops::Stop;

/// Returns the sentences of one block as ranges of `text`, without the white space around them.
pub fn sentences(text: &str, block: Span) -> Vec<Span> {
    let mut found = Vec::new();
    let mut start = block.start;
    for line in text[block].split_inclusive('\n') {
        push_line(text, start..start + line.len(), &mut found);
        start += line.len();
    }
    found
}

/// Cuts one line at the stops that end a sentence.
fn push_line(text: &str, line: Span, found: &mut Vec<Span>) {
    let source = &text[line.clone()];
    let quotations = Quotations::of(source);
    let mut pieces = Pieces::default();
    let mut start = 0;
    let mut at = 0;
    while let Some(stop) = Stop::next(source, at, &quotations) {
        at = stop.after;
        if !quotations.guard(at) && stop.ends_sentence(source, start) {
            pieces.push(source, start..at);
            start = at;
        }
    }
    pieces.push(source, start..source.len());
    found.extend(pieces.spans.into_iter().map(|piece| line.start + piece.start..line.start + piece.end));
}

/// The sentences of a line, as they are found.
#[derive(Default)]
struct Pieces {
    spans: Vec<Span>,
    /// True where the last one holds a letter or digit.
    has_words: bool,
}

impl Pieces {
    /// Adds a piece without the white space around it; mere punctuation joins the piece before it.
    fn push(&mut self, source: &str, piece: Span) {
        let trimmed = trim(source, piece);
        if trimmed.is_empty() {
            return;
        }
        let has_words = source[trimmed.clone()].contains(char::is_alphanumeric);
        match self.spans.last_mut() {
            Some(last) if !has_words || !self.has_words => last.end = trimmed.end,
            _ => self.spans.push(trimmed),
        }
        self.has_words |= has_words;
    }
}

/// Returns a range without the white space at its ends.
pub(crate) fn trim(text: &str, range: Span) -> Span {
    let piece = &text[range.clone()];
    let start = range.start + (piece.len() - piece.trim_start().len());
    start..start + piece.trim().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(text: &str) -> Vec<&str> {
        sentences(text, 0..text.len()).into_iter().map(|span| &text[span]).collect()
    }

    /// Asserts that `expected`, joined by spaces, is cut into exactly these sentences.
    fn assert_cuts(expected: &[&str]) {
        assert_eq!(cut(&expected.join(" ")), expected);
    }

    #[test]
    fn stops_and_newlines_end_sentences_and_commas_do_not() {
        assert_cuts(&["وصل الوفد إلى المدينة.", "متى يغادر؟", "لا أحد يعرف!"]);
        assert_cuts(&["وصل الوفد؛ ثم غادر، وقال: سنعود."]);
        assert_eq!(cut("سطر أول\nسطر ثان"), ["سطر أول", "سطر ثان"]);
    }

    #[test]
    fn titles_and_initials_do_not_end_sentences() {
        assert_cuts(&["التقى د. وليد سالم و م. هدى ناصر في القاعة.", "ثم عاد."]);
        assert_cuts(&["شارك أ.د. سمير حداد في الندوة."]);
        assert_cuts(&["قالت وكالة أ.ف.ب. إن المعبر أغلق."]);
        assert_cuts(&["نقلت ذلك أ.ف.ب.", "وأضافت أن المعبر أغلق."]);
        assert_cuts(&["زار J. Smith و Dr. Brown المخيم مع وفد من U.S. Army أمس."]);
        assert_cuts(&["يعود المعبد إلى 300 ق.م. بحسب البعثة."]);
    }

    #[test]
    fn numbers_dates_addresses_and_list_labels_stay_whole() {
        assert_cuts(&["بلغ النمو 2.5 في المئة بتاريخ 18.02.2021 بحسب site.example.com اليوم."]);
        assert_cuts(&["1. إغلاق المعابر كلها في الشمال."]);
        assert_cuts(&["بلغ عددهم ٢٥.٥ ألفاً في 2021.", "وغادر نصفهم."]);
    }

    #[test]
    fn an_era_letter_after_a_year_ends_a_sentence_only_before_a_new_one() {
        assert_cuts(&["بني الجامع سنة 650 هـ. في عهد الوالي."]);
        assert_cuts(&["بني الجامع سنة 650 هـ.", "ووسع بعد قرن."]);
    }

    #[test]
    fn a_missing_space_after_a_stop_still_cuts() {
        assert_eq!(
            cut("انسحبت القوات من سوريا.وقال الناطق إنها عادت."),
            ["انسحبت القوات من سوريا.", "وقال الناطق إنها عادت."]
        );
        assert_eq!(cut("وقع الهجوم مساء أمس .وقال الناطق إنه توقف .").len(), 2);
        assert_cuts(&["نشر موقع أخبار.نت الوثيقة التي كتبت بلغة .NET أمس."]);
        assert_cuts(&["وجدوا ذخيرة من طراز K-5/M.", "الحادثة الثانية أبعد."]);
    }

    #[test]
    fn a_quotation_is_not_cut_and_takes_its_closing_mark_along() {
        assert_cuts(&["قال الوزير: «لن نغادر. سنبقى هنا. هذا وعد.»", "ثم خرج من القاعة."]);
        assert_cuts(&["قال: \"لن نغادر. سنبقى.\"", "وأضاف أن الأمر حسم."]);
        assert_cuts(&["أعلنت الشركة (وهي محلية. تأسست قبل عام) إفلاسها."]);
        assert_cuts(&["كتبوا \"أين الوعود؟\" على الجدران، ثم \"ارحل!\"، وغادروا."]);
        assert_cuts(&["وقال \"هذا كل شيء. \"", "وغادر المكان."]);
    }

    #[test]
    fn a_speaker_named_after_a_quotation_stays_with_it() {
        assert_cuts(&["«سنواصل البحث عن المفقودين.» بحسب قائد الفريق.", "وعاد الفريق ليلاً."]);
        assert_cuts(&["أثار حكم سميث في. جونز جدلاً."]);
    }

    #[test]
    fn a_long_quotation_is_cut_at_its_sentences() {
        let inner = "هذه جملة طويلة من كلام الشاهد الذي رأى كل شيء في ذلك اليوم البعيد من الصيف. ".repeat(6);
        assert!(cut(&format!("وقال: «{}»", inner.trim())).len() >= 6);
    }

    #[test]
    fn a_quotation_that_never_closes_is_ignored() {
        assert_cuts(&["قال الشاهد \"رأيت كل شيء.", "ثم هربت من المكان."]);
    }

    #[test]
    fn an_ellipsis_joins_unless_a_new_sentence_clearly_follows() {
        assert_cuts(&["أستانا-15.. الدول الضامنة تتوافق على التهدئة"]);
        assert_cuts(&["لا أدري... ربما غداً."]);
        assert_cuts(&["كان الطريق طويلاً والناس ينتظرون عند الحاجز منذ الصباح الباكر...", "وعند الظهر فتح المعبر."]);
    }

    #[test]
    fn stops_without_words_stay_with_the_sentence_before() {
        assert_eq!(cut("ارحل ! ! !"), ["ارحل ! ! !"]);
        assert_eq!(cut("... \u{a0}"), ["..."]);
    }

    #[test]
    fn the_range_of_the_block_is_respected() {
        let text = "قبل. وسط أول. وسط ثان. بعد.";
        let start = text.find("وسط").unwrap();
        let end = text.find(" بعد").unwrap();
        let found = sentences(text, start..end);
        assert_eq!(found.first().unwrap().start, start);
        assert_eq!(found.last().unwrap().end, end);
    }

    #[test]
    fn long_lines_of_signs_are_read_in_linear_time() {
        for signs in ["! ", ". ", "«(", "\"", "). ", "س.", "سين.سين"] {
            let text = format!("{} كلمة", signs.repeat(20_000));
            assert!(!cut(&text).is_empty());
        }
    }

    proptest! {
        #[test]
        fn sentences_and_white_space_concatenate_to_the_block(
            pieces in prop::collection::vec(
                prop_oneof![
                    "[ء-ي]{1,5}", "[0-9]{1,3}", Just(" ".to_owned()), Just(" ".to_owned()), Just(". ".to_owned()),
                    Just(".".to_owned()), Just("؟".to_owned()), Just("\"".to_owned()), Just("«".to_owned()),
                    Just("»".to_owned()), Just("(".to_owned()), Just(")".to_owned()), Just("…".to_owned()),
                    Just("\n".to_owned()), "\\PC{0,3}", "[A-Za-z]{1,3}",
                ],
                0..40,
            )
        ) {
            let text = pieces.concat();
            let mut end = 0;
            for span in sentences(&text, 0..text.len()) {
                prop_assert!(span.start >= end && span.start < span.end);
                prop_assert!(text[end..span.start].chars().all(char::is_whitespace));
                prop_assert_eq!(text[span.clone()].trim(), &text[span.clone()]);
                end = span.end;
            }
            prop_assert!(text[end..].chars().all(char::is_whitespace));
        }
    }
}
