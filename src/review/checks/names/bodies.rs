//! Countries and bodies that both languages name, and the flag for one put in another's place.
//!
//! Separate because these names are translated, not spelled by their sound, and a fluent wrong one reads as true. The
//! invariants: Arabic as folding leaves it, English in lower case; a word that also means something else is not listed.

use super::{Piece, forms};
use crate::article::Span;
use std::ops::Range;

/// Arabic names and the beginnings of what English may call them, ` | ` between.
const BODIES: &[(&str, &str)] = &[
    ("الامم المتحده", "united nations | un | u.n. | unicef"),
    ("مجلس الامن", "security council"),
    ("الاتحاد الاوروبي", "european union | eu | e.u. | europe | brexit"),
    ("الاتحاد الافريقي", "african union | au | africa"),
    ("الجامعه العربيه | جامعه الدول العربيه", "arab league | league of arab"),
    ("حلف شمال الاطلسي | الناتو | حلف الناتو", "nato | north atlantic"),
    ("الصليب الاحمر", "red cross | icrc | ifrc"),
    ("الهلال الاحمر", "red crescent"),
    ("البنك الدولي", "world bank"),
    ("صندوق النقد الدولي", "international monetary fund | imf"),
    ("منظمه الصحه العالميه", "world health organi | who"),
    ("منظمه العفو الدوليه", "amnesty"),
    ("هيومن رايتس ووتش", "human rights watch | hrw"),
    ("البيت الابيض", "white house"),
    ("البنتاغون", "pentagon"),
    ("الكرملين", "kremlin"),
    ("حزب الله", "hezbollah | hizbullah | hizbollah"),
    ("الحجر الاسود", "hajar al | al-hajar | hajar aswad"),
    ("الولايات المتحده | امريكا | اميركا", "united states | america | us | usa | u.s. | u.s.a. | american"),
    ("المملكه المتحده | بريطانيا", "united kingdom | uk | u.k. | brit | great britain | brexit"),
    ("الاتحاد السوفيتي | الاتحاد السوفياتي", "soviet | ussr"),
    ("سوريا | سوريه", "syria"),
    ("لبنان", "leban"),
    ("العراق", "iraq"),
    ("فلسطين", "palestin"),
    ("اسرائيل", "israel"),
    ("تركيا", "turk | türk"),
    ("ايران", "iran"),
    ("السعوديه", "saudi"),
    ("الامارات", "emirates | uae | u.a.e. | emirati"),
    ("اليمن", "yemen"),
    ("ليبيا", "liby"),
    ("السودان", "sudan"),
    ("الصين", "chin"),
    ("اليابان", "japan"),
    ("الهند", "india"),
    ("باكستان", "pakistan"),
    ("افغانستان", "afghan"),
    ("روسيا", "russia"),
    ("اوكرانيا", "ukrain"),
    ("المانيا", "german"),
    ("فرنسا", "france | french"),
    ("ايطاليا", "ital"),
    ("اسبانيا", "spain | spanish"),
    ("اليونان", "greece | greek"),
    ("هولندا", "netherlands | dutch | holland"),
    ("بلجيكا", "belgi"),
    ("النمسا", "austria"),
    ("السويد", "swed"),
    ("النرويج", "norw"),
    ("الدنمارك | الدانمارك", "denmark | danish | danes"),
    ("بولندا", "poland | polish"),
    ("استراليا", "austral | aussie"),
    ("كندا", "canad"),
    ("المكسيك", "mexic"),
    ("البرازيل", "brazil"),
    ("الارجنتين", "argentin"),
    ("اثيوبيا", "ethiopia"),
    ("افريقيا", "africa"),
    ("اوروبا", "europe"),
];

/// Renderings that only a whole word is: some are common words besides (us, who), so none is taken for an added name.
const SHORT: [&str; 16] = [
    "un", "u.n.", "eu", "e.u.", "au", "us", "usa", "u.s.", "u.s.a.", "uk", "u.k.", "uae", "u.a.e.", "imf", "who", "hrw",
];

/// Returns where the source has listed names that the English lost, and where the English has those it has instead.
pub(super) fn replaced(source: &[Piece], target: &[Piece]) -> (Vec<Span>, Vec<Span>) {
    let arabic: Vec<Option<&str>> = source.iter().map(Piece::word).collect();
    let english: Vec<&Piece> = target.iter().filter(|piece| piece.word().is_some()).collect();
    let spaced = spaced(&english);
    let mut lost = Vec::new();
    let mut added = Vec::new();
    for (names, renderings) in BODIES {
        let there = names.split(" | ").find_map(|name| named(name, &arabic));
        let said = renderings.split(" | ").find_map(|rendering| Some((rendering, said(rendering, &spaced)?)));
        match (there, said) {
            (Some(words), None) => lost.push(source[words.start].span.start..source[words.end - 1].span.end),
            (None, Some((rendering, words))) if !SHORT.contains(&rendering) && !is_near(names, source) => {
                added.push(english[words.start].span.start..english[words.end - 1].span.end);
            }
            _ => {}
        }
    }
    (lost, added)
}

/// Returns where the words of a name stand side by side, the first with or without its prefixes.
fn named(name: &str, words: &[Option<&str>]) -> Option<Range<usize>> {
    let name: Vec<&str> = name.split(' ').collect();
    let at = words.windows(name.len()).position(|window| {
        let mut pairs = window.iter().zip(&name);
        let first = pairs.next().is_some_and(|(word, name)| word.is_some_and(|word| opens(word, name)));
        first && pairs.all(|(word, name)| *word == Some(*name))
    })?;
    Some(at..at + name.len())
}

/// Returns true for the word with or without joined letters: `للامم` is `ل` and `الامم`.
fn opens(word: &str, name: &str) -> bool {
    let bare = name.strip_prefix("ال");
    let joined = |prefix: &str| word.strip_prefix(prefix).is_some_and(|rest| Some(rest) == bare);
    forms(word).any(|form| form == name) || (bare.is_some() && ["لل", "ولل"].into_iter().any(joined))
}

/// Returns true where some Arabic word shares the stem of a name: `الروسي` beside `روسيا`.
fn is_near(names: &str, source: &[Piece]) -> bool {
    let stem = |name: &str| -> String {
        let word = name.split(' ').next().unwrap_or_default();
        let word = word.strip_prefix("ال").unwrap_or(word);
        word.chars().take(word.chars().count().saturating_sub(2).max(3)).collect()
    };
    let stems: Vec<String> = names.split(" | ").map(stem).collect();
    source.iter().filter_map(Piece::word).any(|word| stems.iter().any(|stem| word.contains(stem.as_str())))
}

/// Returns words in lower case with one space around each.
fn spaced(words: &[&Piece]) -> String {
    let mut text = String::from(" ");
    for word in words.iter().filter_map(|piece| piece.word()) {
        text.push_str(word);
        text.push(' ');
    }
    text
}

/// Returns the first words, by their place, that begin as the rendering does; short forms must be whole.
fn said(rendering: &str, spaced: &str) -> Option<Range<usize>> {
    let plain: String = rendering.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let plain = plain.trim_end();
    let found = match SHORT.contains(&rendering) {
        true => spaced.find(&format!(" {plain} ")),
        false => spaced.find(&format!(" {plain}")),
    };
    let first = spaced[..found?].matches(' ').count();
    Some(first..first + plain.split(' ').count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{article::normalize::fold, review::checks::scan::scan};

    fn found<'a>(arabic: &'a str, english: &'a str) -> (Vec<&'a str>, Vec<&'a str>) {
        let (lost, added) = replaced(&scan(arabic), &scan(english));
        let texts = |text: &'a str, spans: Vec<Span>| spans.into_iter().map(|span| &text[span]).collect();
        (texts(arabic, lost), texts(english, added))
    }

    #[test]
    fn every_name_is_written_as_it_is_matched() {
        for (arabic, english) in BODIES {
            assert_eq!(&fold(arabic), arabic);
            assert_eq!(&english.to_lowercase(), english);
        }
    }

    #[test]
    fn a_body_put_in_another_ones_place_is_both_lost_and_added() {
        assert_eq!(
            found("ودعت الأمم المتحدة إلى هدنة", "So the United States called for a truce"),
            (vec!["الأمم المتحدة"], vec!["United States"])
        );
        assert_eq!(found("وصل إلى تركيا", "He reached \"Lebanon\"."), (vec!["تركيا"], vec!["Lebanon"]));
        for (arabic, english) in [
            ("دعت الأمم المتحدة إلى هدنة", "The U.N. called for a truce"),
            ("وقال للأمم المتحدة إن", "He told the United Nations"),
            ("الجيش الروسي ينسحب", "The army of Russia withdraws"),
            ("وفي سوريا حرب", "There is war in Syria"),
        ] {
            assert_eq!(found(arabic, english), (vec![], vec![]), "{arabic}");
        }
    }

    #[test]
    fn a_quarter_is_no_stone() {
        let (lost, added) = found("في حي الحجر الأسود", "In the black stone neighbourhood");
        assert_eq!((lost, added), (vec!["الحجر الأسود"], vec![]));
    }
}
