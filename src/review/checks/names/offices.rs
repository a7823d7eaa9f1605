//! Bearers of titles and offices: who is meant in «وزير الخارجية التركي هاكان فيدان».
//!
//! Separate because Arabic puts the office before its bearer, where English would have capitals. The invariant: a bearer is
//! reported only where no English word sounds like any word of the name, and only words shaped like a name are judged.

use super::{Kind, Piece, SHORTEST, Severity, heard::English};
use crate::article::Span;
use std::ops::Range;

/// Folded forms of address: what follows one is nearly always its bearer.
const ADDRESSES: &str = "السيد السيده الانسه مستر الدكتور الدكتوره البروفيسور السيناتور السناتور سيناتور القس الشيخ الشيخه \
    البابا";
/// Folded titles that a name follows, with nothing or an adjective between, but that stand alone as well.
const TITLES: &str = "الرئيس الملك الامير الجنرال الملكه الاميره العقيد العميد اللواء الوزير الوزيره القاضي النائب المستشار \
    المستشاره المبعوث المفوض المتحدث المتحدثه الناطق الناطقه الصحفي الصحفيه الناشط الناشطه المدرب القائد \
    الملازم النقيب المحامي الباحث الاستاذ الاستاذه";
/// Folded offices, in the form that they have before what they are of.
const OFFICES: &str = "رئيس رئيسه وزير وزيره نائب مدير مديره سفير سفيره محافظ قائد امين مبعوث مستشار مستشاره متحدث متحدثه \
    ممثل زعيم عضو حاكم ملك ولي مفوض مفوضه استاذ استاذه مدرب مدربه";
/// Folded offices whose bearer may stand before them with no comma.
const APPOSED: &str = "عضو عضوه مدرب مدربه";
/// Folded words without the article that go on an office: the council, of affairs, in the name of.
const COMPLEMENTS: &str = "مجلس هيئه لجنه باسم لشؤون شؤون شئون لشئون حزب حكومه دوله بلديه وكاله منظمه اركان خارجيه داخليه دفاع \
    وزراء وزاره اداره قسم مكتب شركه جهاز قوات شرطه محكمه رئيس رئيسه وزير مدير عام حركه كتله ائتلاف نقابه \
    عهد امن سر نواب شيوخ فريق مركز جامعه بنك صندوق اتحاد بعثه فرع";
/// Folded words that are shaped like a name and are none.
const NO_NAMES: &str = "بان بانه بانها بانهم ولايه واحد واحده اذا ظهر الذين وان سابق حالي بارز كبير امريكي اميركي غربي محلي قال قالت خلال حول بين \
    بشان لدي الي علي عن من في ان انه انها يوم امس مساء صباح اليوم كان كانت كما لكن عبر بعد قبل ضد مع منذ \
    ردا ايضا حيث بصوره بشكل نفسه نفسها هذا هذه الذي التي او اما لم لن لا ليس حوالي عقب اثناء بدوره بدورها \
    سابقا حاليا غير دون اي كل بعض زيارته قرار اتفاق احوال ضروره قيام مواصله حتي وقوع حدود عوده تاريخ بداء \
    بدايه نهايه";
/// Words between an office and its bearer, at most.
const BETWEEN: usize = 6;
/// Words of a name that are looked at.
const LONGEST: usize = 3;

/// Returns the first bearer of a title or office that no English word sounds like, and how sure it is that it is one.
pub(super) fn unheard(text: &str, source: &[Piece], english: &English) -> Option<(Severity, Span)> {
    (0..source.len()).find_map(|at| {
        let bearers = [bearer(text, source, at), bearer_before(text, source, at)];
        bearers.into_iter().flatten().find_map(|(severity, name)| {
            let words: Vec<&str> = source[name.clone()].iter().filter_map(Piece::word).collect();
            let (severity, from) = match english.hears(&words) {
                false => (severity, name.start),
                // «رئيس بنما خوان كارلوس»: heard is what the office is of.
                true if is_office(source, at) && words.len() > 2 && english.hears(&words[..1]) => {
                    let rest = &words[1..];
                    let lost = !english.hears(rest) && has_a_vowel_each(rest, 2);
                    (lost.then_some(Severity::Minor)?, name.start + 1)
                }
                true => return None,
            };
            Some((severity, source[from].span.start..source[name.end - 1].span.end))
        })
    })
}

/// Returns true for an office that stands before what it is of.
fn is_office(source: &[Piece], at: usize) -> bool {
    source[at].word().is_some_and(|word| unjoined(word).any(|office| is_in(OFFICES, &office)))
}

/// Returns the pieces that name the bearer of the office which begins at a piece.
fn bearer(text: &str, source: &[Piece], at: usize) -> Option<(Severity, Range<usize>)> {
    let office = source[at].word()?;
    let listed = |list| unjoined(office).any(|office| is_in(list, &office));
    let (addressed, titled) = (listed(ADDRESSES), listed(TITLES));
    if !addressed && !titled && !listed(OFFICES) {
        return None;
    }
    let word = |index: usize| source.get(index).and_then(Piece::word);
    // As written, for folding makes the «إل» of «إليزابيث» an article.
    let has_article = |index: usize| source.get(index).is_some_and(|piece| text[piece.span.clone()].starts_with("ال"));
    let skipped = |index: usize| match source.get(index).map(|piece| &piece.kind) {
        Some(Kind::Word(word)) if is_in(NO_NAMES, word) => false,
        Some(Kind::Word(word)) => has_article(index) || is_in(COMPLEMENTS, word),
        Some(Kind::Mark(mark)) => matches!(mark, '"' | '«' | '“' | '/'),
        _ => false,
    };
    let first = (at + 1..).find(|index| !skipped(*index)).filter(|first| first - at <= BETWEEN + 1)?;
    let run = (first..source.len().min(first + LONGEST))
        .take_while(|index| !has_article(*index) && word(*index).is_some_and(may_be_named));
    let end = run.last()? + 1;
    let words: Vec<&str> = (first..end).filter_map(word).collect();
    let direct = (at + 1..first).all(|index| word(index).is_none());
    let severity = match words.iter().any(|word| has_shape_of_name(word)) || (addressed && direct) {
        true => Severity::Major,
        // «الرئيس ترامب», «عضو مجلس الشيوخ جيف فليك»: likely a name, but a noun or a verb may stand there too.
        false if has_a_vowel_each(&words, if direct && titled { 1 } else { 2 }) => Severity::Minor,
        false => return None,
    };
    Some((severity, first..end))
}

/// Returns the pieces that name the bearer before the office: «ستيف جوبز، الرئيس التنفيذي», «كريس كونس عضو مجلس الشيوخ».
fn bearer_before(text: &str, source: &[Piece], at: usize) -> Option<(Severity, Range<usize>)> {
    let office = source[at].word()?;
    let comma = at.checked_sub(1).filter(|index| source[*index].is_mark('،') || source[*index].is_mark(','));
    let end = match comma {
        Some(comma) if is_in(TITLES, office) || is_in(OFFICES, office) => comma,
        // Before other offices without a comma there is as often a noun: «زيارة وزير».
        None if is_in(APPOSED, office) => at,
        _ => return None,
    };
    let named = |index: &usize| {
        let article = text[source[*index].span.clone()].starts_with("ال");
        !article && source[*index].word().is_some_and(|word| may_be_named(word) && !is_in(COMPLEMENTS, word))
    };
    let count = (0..end).rev().take(2).take_while(named).count();
    let words: Vec<&str> = source[end - count..end].iter().filter_map(Piece::word).collect();
    has_a_vowel_each(&words, 2).then_some((Severity::Minor, end - count..end))
}

/// Returns true where a list of words holds this one.
fn is_in(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|listed| listed == word)
}

/// Returns a word without what may be joined to its article or to it: `للجنرال`, `والرئيس`.
fn unjoined(word: &str) -> impl Iterator<Item = String> {
    let dropped = ["", "و", "ف", "ب", "ك", "ل"].into_iter().filter_map(move |joined| word.strip_prefix(joined));
    let article = ["لل", "ولل"].into_iter().filter_map(move |joined| word.strip_prefix(joined));
    dropped.map(str::to_owned).chain(article.map(|rest| format!("ال{rest}")))
}

fn may_be_named(word: &str) -> bool {
    word.chars().count() >= SHORTEST - 1 && !is_in(NO_NAMES, word) && !word.is_ascii()
}

/// Returns true where the first words each have a long vowel inside them, as names from other languages do.
fn has_a_vowel_each(words: &[&str], count: usize) -> bool {
    let inside = |word: &&str| {
        let letters: Vec<char> = word.chars().collect();
        letters.len() + count > SHORTEST
            && letters[1..letters.len() - 1].iter().any(|c| is_long_vowel(*c))
            && !is_inflected(word)
    };
    words.len() >= count && words.iter().take(count).all(inside)
}

fn is_long_vowel(c: char) -> bool {
    matches!(c, 'ا' | 'و' | 'ي')
}

/// Returns true for a word with the letters that names from other languages are spelled with.
fn has_shape_of_name(word: &str) -> bool {
    let plural = ["ون", "ين"].iter().any(|ending| word.ends_with(ending));
    let long_vowels = word.chars().filter(|c| is_long_vowel(*c)).count();
    word.chars().count() >= SHORTEST && long_vowels >= 2 && !plural && !is_inflected(word)
}

/// Returns true for the endings of nouns, and for a noun behind a preposition: «زيارات», «بالقاعة».
fn is_inflected(word: &str) -> bool {
    let ended = ["ات", "ا", "ه"].iter().any(|ending| word.ends_with(ending));
    ended || ["بال", "لل", "كال", "وال", "فال"].iter().any(|prefix| word.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::{super::scan, *};

    fn found<'a>(source: &'a str, target: &str) -> Option<&'a str> {
        let pieces = scan(target);
        unheard(source, &scan(source), &English::new(target, &pieces)).map(|(_, span)| &source[span])
    }

    #[test]
    fn the_bearer_of_an_office_of_several_words_is_found() {
        for (source, name) in [
            ("قال وزير الخارجية التركي هاكان فيدان إن", "هاكان فيدان"),
            ("أعلن رئيس مجلس الوزراء العراقي شياع السوداني أن", "شياع"),
            ("صرح المتحدث باسم وزارة الدفاع إيغور كوناشينكوف أمس", "إيغور كوناشينكوف"),
            ("وقال السيد كلارك إن", "كلارك"),
            ("صرحت السيناتور إليزابيث وارين بأنها", "إليزابيث وارين"),
            ("شكر القاضي «غلين» الحضور", "غلين"),
            ("سأل عضو مجلس الشيوخ جيف فليك عن", "جيف فليك"),
            ("يمكن للجنرال جون كادوالادر شن هجوم", "جون كادوالادر"),
            ("التقى الأمين العام ونائب رئيس الحكومة لافروفيتش في", "لافروفيتش"),
        ] {
            assert_eq!(found(source, "The official said that"), Some(name), "{source}");
        }
        assert_eq!(found("قال وزير الخارجية التركي هاكان فيدان إن", "Turkish Foreign Minister Hakan Fidan said"), None);
    }

    #[test]
    fn the_bearer_before_an_office_is_found() {
        let source = "كشف ستيف جوبز، الرئيس التنفيذي لشركة أبل، عن الجهاز";
        assert_eq!(found(source, "Apple CEO early markets showed the device"), Some("ستيف جوبز"));
        assert_eq!(found(source, "Apple CEO Steve Jobs showed the device"), None);
        let source = "أعده جيف فليك عضو مجلس الشيوخ";
        assert_eq!(found(source, "prepared by Senator black stone"), Some("جيف فليك"));
        assert_eq!(found("وصل إلى المدينة، رئيس الوفد", "The head of the delegation reached the city"), None);
    }

    #[test]
    fn the_bearer_behind_what_the_office_is_of_is_found() {
        let source = "اجتمع مع رئيس بنما خوان كارلوس";
        assert_eq!(found(source, "He met President early markets of Panama"), Some("خوان كارلوس"));
        assert_eq!(found(source, "He met President Juan Carlos of Panama"), None);
        assert_eq!(
            found("قابل وزير الطاقة الأمريكي ريك بيري بموسكو", "He met the secretary in Moscow"),
            Some("ريك بيري بموسكو")
        );
    }

    #[test]
    fn an_office_without_a_bearer_is_none() {
        for source in ["عقد وزير الخارجية اجتماعا طارئا", "قال رئيس الوزراء خلال زيارة", "وصل وزير الدفاع إلى المدينة"]
        {
            assert_eq!(found(source, "He met"), None, "{source}");
        }
    }

    #[test]
    fn every_entry_is_written_as_it_is_matched() {
        for word in
            [ADDRESSES, TITLES, OFFICES, APPOSED, COMPLEMENTS, NO_NAMES].into_iter().flat_map(str::split_whitespace)
        {
            assert_eq!(crate::article::normalize::fold(word), word);
        }
    }
}
