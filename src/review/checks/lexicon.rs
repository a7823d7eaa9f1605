//! Number words and month names of Arabic and English.
//!
//! Separate because it is data that both the number and the date check read. The invariant: Arabic words are written as
//! folding leaves them (أ and إ as ا, ة as ه, ى as ي) and looked up with and without their joined prefixes.

use super::scan::{ONE, Value};
use crate::article::arabic;

/// What a word says about a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberWord {
    /// A number below a hundred, or a named number, in units: three, third, both.
    Unit(u16),
    /// Hundred.
    Hundred,
    /// A factor: dozen, thousand, million.
    Scale(u64),
    /// One half.
    Half,
}

use NumberWord::{Half, Hundred, Scale, Unit};

/// Returns what a word says about a number, if anything.
pub(super) fn number_word(word: &str) -> Option<NumberWord> {
    match word.is_ascii() {
        true => in_english(word),
        false => forms(word).find_map(in_arabic),
    }
}

/// Returns the month that one or two words name, if any.
pub(super) fn month([first, second]: [&str; 2]) -> Option<Month> {
    let seconds = || forms(second);
    let pair = forms(first).find_map(|first| seconds().find_map(|second| arabic::month_pair(first, second)));
    if let Some(number) = pair {
        return Some(Month { number, common_word: false, words: 2 });
    }
    let (name, number) = forms(first).find_map(|name| Some((name, arabic::month(name)?)))?;
    Some(Month { number, common_word: COMMON_WORDS.contains(&name), words: 1 })
}

/// A month as a text names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Month {
    /// 1 to 12.
    pub(super) number: u8,
    /// True for names that are common words too («مارس» practised, "may").
    pub(super) common_word: bool,
    /// Count of words of the name.
    pub(super) words: usize,
}

/// Returns the English name of a month from 1 to 12, with a capital.
pub(super) fn month_name(number: u8) -> String {
    let name = ENGLISH_MONTHS[usize::from(number.clamp(1, 12)) - 1];
    name[..1].to_uppercase() + &name[1..]
}

/// Returns the word itself, then what is left of it without joined conjunctions, prepositions and the article.
fn forms(word: &str) -> impl Iterator<Item = &str> {
    let joined = word.strip_prefix(['و', 'ف']);
    let bare = |word| {
        let prefixes = ["بال", "كال", "ال", "لل", "ب", "ل", "ك"];
        prefixes.into_iter().filter_map(move |prefix| str::strip_prefix(word, prefix))
    };
    [Some(word), joined].into_iter().flatten().flat_map(move |word| std::iter::once(word).chain(bare(word)))
}

fn in_english(word: &str) -> Option<NumberWord> {
    let scale = match word {
        "dozen" | "dozens" => Some(12),
        "thousand" | "thousands" => Some(1_000),
        "million" | "millions" => Some(1_000_000),
        "billion" | "billions" => Some(1_000_000_000),
        "trillion" | "trillions" => Some(1_000_000_000_000),
        _ => None,
    };
    match word {
        "hundred" | "hundreds" | "hundredth" => Some(Hundred),
        "half" => Some(Half),
        _ => scale
            .map(Scale)
            .or_else(|| ENGLISH_UNITS.iter().find(|(_, words)| words.contains(&word)).map(|(n, _)| Unit(*n))),
    }
}

fn in_arabic(word: &str) -> Option<NumberWord> {
    let scale = match word {
        "الف" | "الاف" | "الفا" | "الوف" => Some(1_000),
        "مليون" | "ملايين" | "مليونا" => Some(1_000_000),
        "مليار" | "مليارات" | "مليارا" | "بليون" | "بلايين" | "بليونا" => {
            Some(1_000_000_000)
        }
        "تريليون" | "تريليونات" | "تريليونا" | "ترليون" => Some(1_000_000_000_000),
        _ => None,
    };
    let dual = match word {
        "الفين" | "الفان" | "الفي" | "الفا" => Some(2_000),
        "مليونين" | "مليونان" | "مليوني" => Some(2_000_000),
        "مليارين" | "ملياران" | "ملياري" => Some(2_000_000_000),
        _ => None,
    };
    match word {
        "مئه" | "مائه" | "ميه" | "مئات" | "مئويه" => Some(Hundred),
        "نصف" | "ونصف" => Some(Half),
        _ => {
            scale.or(dual).map(Scale).or_else(|| hundreds(word)).or_else(|| {
                ARABIC_UNITS.iter().find(|(_, words)| words.contains(&word)).map(|(number, _)| Unit(*number))
            })
        }
    }
}

/// Reads two hundred and the joined hundreds, ثلاثمئة to تسعمئة.
fn hundreds(word: &str) -> Option<NumberWord> {
    if ["مئتان", "مئتين", "مائتان", "مائتين", "مئتا", "مئتي", "مائتا", "مائتي"].contains(&word)
    {
        return Some(Unit(200));
    }
    let number = word.strip_suffix("مئه").or(word.strip_suffix("مائه"))?;
    let stems = ["ثلاث", "اربع", "خمس", "ست", "سبع", "ثمان", "تسع"];
    let at = stems.iter().position(|stem| *stem == number || number.strip_suffix('ي') == Some(stem))?;
    Some(Unit((at as u16 + 3) * 100))
}

/// Returns the value of a Roman numeral of two letters or more, as it stands in names of wars, kings and events.
pub(super) fn roman(word: &str) -> Option<Value> {
    let digit = |c| {
        Some(match c {
            'I' => 1,
            'V' => 5,
            'X' => 10,
            'L' => 50,
            _ => return None,
        })
    };
    let digits: Vec<u128> = word.chars().map(digit).collect::<Option<_>>()?;
    if digits.len() < 2 {
        return None;
    }
    let next = digits.iter().skip(1).copied().chain([0]);
    let (plus, minus) =
        digits.iter().copied().zip(next).fold((0, 0), |(plus, minus), (digit, next)| match digit < next {
            true => (plus, minus + digit),
            false => (plus + digit, minus),
        });
    Some((plus as Value).saturating_sub(minus) * ONE)
}

const ENGLISH_MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Month names that also mean something else: practised, father, a clinic, a Joan, a car.
const COMMON_WORDS: [&str; 10] = ["مارس", "اب", "ماي", "مايو", "جوان", "اوت", "نيسان", "may", "march", "mar"];

const ENGLISH_UNITS: [(u16, &[&str]); 28] = [
    (0, &["zero", "nil"]),
    (1, &["one", "first", "once", "single", "a", "an", "sole", "firstly"]),
    (2, &["two", "second", "twice", "both", "pair", "couple", "double", "secondly", "twin", "dual"]),
    (3, &["three", "third", "thirds", "triple", "thrice", "trio"]),
    (4, &["four", "fourth", "quarter", "quarters", "fourths"]),
    (5, &["five", "fifth", "fifths"]),
    (6, &["six", "sixth"]),
    (7, &["seven", "seventh"]),
    (8, &["eight", "eighth"]),
    (9, &["nine", "ninth"]),
    (10, &["ten", "tenth", "tenths", "decade"]),
    (11, &["eleven", "eleventh"]),
    (12, &["twelve", "twelfth", "noon", "midday"]),
    (13, &["thirteen", "thirteenth"]),
    (14, &["fourteen", "fourteenth", "fortnight"]),
    (15, &["fifteen", "fifteenth"]),
    (16, &["sixteen", "sixteenth"]),
    (17, &["seventeen", "seventeenth"]),
    (18, &["eighteen", "eighteenth"]),
    (19, &["nineteen", "nineteenth"]),
    (20, &["twenty", "twentieth", "twenties"]),
    (30, &["thirty", "thirtieth", "thirties"]),
    (40, &["forty", "fortieth", "forties"]),
    (50, &["fifty", "fiftieth", "fifties"]),
    (60, &["sixty", "sixtieth", "sixties"]),
    (70, &["seventy", "seventieth", "seventies"]),
    (80, &["eighty", "eightieth", "eighties"]),
    (90, &["ninety", "ninetieth", "nineties"]),
];

const ARABIC_UNITS: [(u16, &[&str]); 20] = [
    (0, &["صفر"]),
    (1, &["واحد", "واحده", "احد", "احدي", "اول", "اولي", "حادي", "حاديه"]),
    (
        2,
        &[
            "اثنان",
            "اثنين",
            "اثنتان",
            "اثنتين",
            "اثنا",
            "اثني",
            "اثنتا",
            "اثنتي",
            "ثاني",
            "ثانيه",
            "ثان",
            "ضعف",
            "ضعفي",
            "كلا",
            "زوج",
            "زوجي",
            "مرتين",
        ],
    ),
    (3, &["ثلاثه", "ثلاث", "ثالث", "ثالثه", "ثلث", "ثلثي", "ثلثا"]),
    (4, &["اربعه", "اربع", "رابع", "رابعه", "ربع", "ارباع"]),
    (5, &["خمسه", "خمس", "خامس", "خامسه"]),
    (6, &["سته", "ست", "سادس", "سادسه"]),
    (7, &["سبعه", "سبع", "سابع", "سابعه"]),
    (8, &["ثمانيه", "ثماني", "ثمان", "ثامن", "ثامنه"]),
    (9, &["تسعه", "تسع", "تاسع", "تاسعه"]),
    (10, &["عشره", "عشر", "عاشر", "عاشره", "عشرات", "عقد"]),
    (20, &["عشرون", "عشرين", "عشرينات", "عشرينيات"]),
    (30, &["ثلاثون", "ثلاثين", "ثلاثينات", "ثلاثينيات"]),
    (40, &["اربعون", "اربعين", "اربعينات", "اربعينيات"]),
    (50, &["خمسون", "خمسين", "خمسينات", "خمسينيات"]),
    (60, &["ستون", "ستين", "ستينات", "ستينيات"]),
    (70, &["سبعون", "سبعين", "سبعينات", "سبعينيات"]),
    (80, &["ثمانون", "ثمانين", "ثمانينات", "ثمانينيات"]),
    (90, &["تسعون", "تسعين", "تسعينات", "تسعينيات"]),
    (12, &["دزينه", "ظهر", "ظهرا"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::normalize::fold;

    #[test]
    fn arabic_words_are_written_as_folding_leaves_them() {
        let units = ARABIC_UNITS.iter().flat_map(|(_, words)| words.iter());
        for word in units.chain(&COMMON_WORDS) {
            assert_eq!(fold(word), *word);
        }
    }

    #[test]
    fn joined_prefixes_are_seen_through() {
        for word in ["ثلاثه", "وثلاثه", "بثلاثه", "الثلاثه", "والثالث", "للثالث"] {
            assert_eq!(number_word(word), Some(Unit(3)), "{word}");
        }
        assert_eq!(number_word("ستمئه"), Some(Unit(600)));
        assert_eq!(number_word("بمليوني"), Some(Scale(2_000_000)));
    }

    #[test]
    fn every_region_names_the_same_month() {
        for words in [["يناير", ""], ["كانون", "الثاني"], ["جانفي", "2021"], ["january", ""], ["jan", ""]]
        {
            assert_eq!(month(words).map(|month| month.number), Some(1), "{words:?}");
        }
        assert!(month(["اب", ""]).is_some_and(|month| month.common_word));
        assert_eq!(month(["نوفمب", ""]), None);
    }

    #[test]
    fn roman_numerals_take_two_letters() {
        assert_eq!(roman("XIV"), Some(14 * ONE));
        assert_eq!(roman("II"), Some(2 * ONE));
        assert_eq!(roman("I"), None);
        assert_eq!(roman("VIP"), None);
    }
}
