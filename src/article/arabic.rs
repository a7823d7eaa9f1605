//! Facts about Arabic script and the Arabic calendar that several steps share: marks, digits, letter variants, months.
//!
//! Separate so that normalization, segmentation and cleaning agree on what a digit or a vowel mark is. The invariant:
//! tables only, looked up by character or by folded word (see [`super::normalize::fold`]); nothing here reads an article.

/// U+0640, a stroke that only stretches a word.
pub const TATWEEL: char = '\u{640}';

/// Returns true for vowel marks and Quranic signs: they can be taken off without changing the letters.
pub fn is_mark(c: char) -> bool {
    matches!(c, '\u{610}'..='\u{61A}' | '\u{64B}'..='\u{65F}' | '\u{670}' | '\u{6D6}'..='\u{6DC}'
        | '\u{6DF}'..='\u{6E4}' | '\u{6E7}' | '\u{6E8}' | '\u{6EA}'..='\u{6ED}')
}

/// Returns true for letters of the Arabic script, presentation forms among them.
pub fn is_letter(c: char) -> bool {
    let arabic =
        matches!(c, '\u{620}'..='\u{6FF}' | '\u{750}'..='\u{77F}' | '\u{8A0}'..='\u{8FF}') || is_presentation_form(c);
    arabic && c.is_alphabetic() && !is_mark(c)
}

/// Returns true for the shaped forms that old encoders and PDF files leave in text.
pub fn is_presentation_form(c: char) -> bool {
    matches!(c, '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}')
}

/// Returns true for characters that only steer the layout: bidi controls, zero-width characters, soft hyphens.
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFFC}')
}

/// Returns the ASCII digit for an Arabic-Indic, Persian or full-width one, and for an ASCII digit itself.
pub fn digit(c: char) -> Option<char> {
    let zero = match c {
        '0'..='9' => '0',
        '٠'..='٩' => '٠',
        '۰'..='۹' => '۰',
        '０'..='９' => '０',
        _ => return None,
    };
    char::from_digit(u32::from(c) - u32::from(zero), 10)
}

/// Returns the letter that its spelling variants share: for matching, never for translation.
pub fn fold_letter(c: char) -> char {
    match c {
        'أ' | 'إ' | 'آ' | 'ٱ' => 'ا',
        'ى' | 'ی' => 'ي',
        'ة' | 'ۀ' => 'ه',
        'ک' => 'ك',
        _ => c,
    }
}

/// Returns the number, 1 to 12, of a Gregorian month named in the Egyptian, Levantine or Maghrebi way or in English.
pub fn month(folded: &str) -> Option<u8> {
    MONTHS.iter().position(|names| names.contains(&folded)).map(|index| index as u8 + 1)
}

/// Names of the months as [`super::normalize::fold`] writes them, January first.
const MONTHS: [&[&str]; 12] = [
    &["يناير", "جانفي", "january", "jan"],
    &["فبراير", "شباط", "فيفري", "february", "feb"],
    &["مارس", "اذار", "march", "mar"],
    &["ابريل", "نيسان", "افريل", "april", "apr"],
    &["مايو", "ايار", "ماي", "may"],
    &["يونيو", "يونيه", "حزيران", "جوان", "june", "jun"],
    &["يوليو", "يوليه", "تموز", "جويليه", "يوليوز", "july", "jul"],
    &["اغسطس", "اب", "اوت", "غشت", "august", "aug"],
    &["سبتمبر", "ايلول", "شتنبر", "september", "sept", "sep"],
    &["اكتوبر", "october", "oct"],
    &["نوفمبر", "نونبر", "november", "nov"],
    &["ديسمبر", "دجنبر", "december", "dec"],
];

/// Joins the second word to a month name that is written in two: `كانون الثاني`.
///
/// Returns the month for the pair, or `None` where it is no such name.
pub fn month_pair(first: &str, second: &str) -> Option<u8> {
    match (first, second) {
        ("كانون", "الثاني" | "ثاني") => Some(1),
        ("تشرين", "الاول" | "اول") => Some(10),
        ("تشرين", "الثاني" | "ثاني") => Some(11),
        ("كانون", "الاول" | "اول") => Some(12),
        _ => None,
    }
}

/// Returns true for the name of a day of the week, folded, with or without its article.
pub fn is_weekday(folded: &str) -> bool {
    let bare = folded.strip_prefix("ال").unwrap_or(folded);
    matches!(bare, "سبت" | "احد" | "اثنين" | "ثلاثاء" | "اربعاء" | "خميس" | "جمعه")
        || matches!(folded, "saturday" | "sunday" | "monday" | "tuesday" | "wednesday" | "thursday" | "friday")
}

/// Returns true for a word of a Hijri month name, folded.
pub fn is_hijri_month_word(folded: &str) -> bool {
    matches!(
        folded,
        "محرم"
            | "صفر"
            | "ربيع"
            | "جمادي"
            | "الاولي"
            | "الاخره"
            | "الاول"
            | "الاخر"
            | "الثاني"
            | "الثانيه"
            | "رجب"
            | "شعبان"
            | "رمضان"
            | "شوال"
            | "ذو"
            | "ذي"
            | "القعده"
            | "الحجه"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::normalize::fold;

    #[test]
    fn every_month_name_is_written_as_fold_writes_it() {
        for name in MONTHS.iter().flat_map(|names| names.iter()) {
            assert_eq!(&fold(name), name);
        }
    }

    #[test]
    fn both_month_sets_give_the_same_number() {
        assert_eq!(month(&fold("شباط")), month(&fold("فبراير")));
        assert_eq!(month_pair("تشرين", &fold("الأول")), month(&fold("أكتوبر")));
        assert_eq!(month("شهر"), None);
    }

    #[test]
    fn digits_of_every_set_are_known() {
        assert_eq!("٢٠۲۱9".chars().filter_map(digit).collect::<String>(), "20219");
        assert_eq!(digit('x'), None);
    }

    #[test]
    fn marks_are_not_letters() {
        assert!(is_letter('س') && is_letter('\u{FEB3}'));
        assert!(!is_letter('\u{64E}') && !is_letter('٣') && !is_letter('،'));
    }
}
