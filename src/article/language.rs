//! The language of a text, from its letters and its commonest words.
//!
//! Separate because an article in another language must be reported, not translated into nonsense. The invariant: what
//! is not recognised is `und`, never a guess.

use super::arabic;

/// A language and how much of the text is in its script.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detected {
    /// ISO 639-1 code, or `und` where the language is not recognised; `ckb` (ISO 639-3) for Central Kurdish, which has none.
    pub code: &'static str,
    /// Share of the text's letters, 0 to 1, that belong to the script of the language.
    pub share: f32,
}

/// Scripts that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Arabic,
    Latin,
    Hebrew,
    Cyrillic,
    Other,
}

/// Returns the language of a text.
pub fn detect(text: &str) -> Detected {
    let text: String = prose(text).collect();
    let mut counts = [0_usize; 5];
    text.chars().filter_map(script).for_each(|script| counts[script as usize] += 1);
    let total: usize = counts.iter().sum();
    let scripts = [Script::Arabic, Script::Latin, Script::Hebrew, Script::Cyrillic, Script::Other];
    let Some(&main) = scripts.iter().max_by_key(|&&script| counts[script as usize]) else {
        return Detected { code: "und", share: 0.0 };
    };
    if total == 0 {
        return Detected { code: "und", share: 0.0 };
    }
    let share = |script: Script| counts[script as usize] as f32 / total as f32;
    let code = match main {
        Script::Arabic => arabic_script_language(&text),
        Script::Latin => latin_script_language(&text),
        Script::Hebrew => "he",
        Script::Cyrillic => cyrillic_script_language(&text),
        Script::Other => "und",
    };
    // Names and brands may outnumber the letters around them, but they are no language of their own.
    if code == "und" && main == Script::Latin && share(Script::Arabic) >= MINORITY {
        return Detected { code: arabic_script_language(&text), share: share(Script::Arabic) };
    }
    Detected { code, share: share(main) }
}

/// Share of Arabic letters that makes a text Arabic where its Latin words are of no known language.
const MINORITY: f32 = 0.3;

/// Returns the words of a text with a space after each, web addresses left out: they are Latin in any language.
fn prose(text: &str) -> impl Iterator<Item = char> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '<' | '>' | '"'));
    let read = words.filter(|word| !word.contains("://") && !word.starts_with("www."));
    read.flat_map(|word| word.chars().chain([' ']))
}

fn script(c: char) -> Option<Script> {
    match c {
        _ if arabic::is_letter(c) => Some(Script::Arabic),
        'a'..='z' | 'A'..='Z' | '\u{C0}'..='\u{24F}' => Some(Script::Latin),
        '\u{5D0}'..='\u{5F2}' => Some(Script::Hebrew),
        '\u{400}'..='\u{52F}' => Some(Script::Cyrillic),
        _ => (c.is_alphabetic() && !arabic::is_mark(c)).then_some(Script::Other),
    }
}

/// Tells the languages of the Arabic script apart by letters that only some of them write.
fn arabic_script_language(text: &str) -> &'static str {
    let count = |letters: &str| text.chars().filter(|&c| letters.contains(c)).count();
    let arabic = count("يكةىأإ");
    let candidates = [("ckb", count("ۆێەڕڵ")), ("ur", count("ٹڈڑںےہھ")), ("fa", count("یکگچپژ"))];
    // Kurdish and Urdu share `ی`, `گ`, `چ` with Persian: their own letters decide before its.
    let own = candidates.iter().find(|(code, own)| *code != "fa" && *own * 2 > candidates[2].1 && *own > arabic);
    match own {
        Some((code, _)) => code,
        None if candidates[2].1 > arabic => "fa",
        None => "ar",
    }
}

fn cyrillic_script_language(text: &str) -> &'static str {
    let count = |belongs: fn(char) -> bool| text.chars().flat_map(char::to_lowercase).filter(|&c| belongs(c)).count();
    let russian = count(|c| matches!(c, 'ы' | 'э' | 'ё'));
    let foreign = count(|c| matches!(c, 'ѐ' | 'ђ'..='џ' | '\u{460}'..='\u{52F}'));
    match russian > 0 && foreign * 20 < russian {
        true => "ru",
        false => "und",
    }
}

/// Words that are common in one language and rare in the others.
const STOP_WORDS: [(&str, &[&str]); 7] = [
    ("en", &["the", "and", "of", "to", "was", "that", "with", "is", "for", "it", "were", "are", "by", "from", "this"]),
    ("fr", &["le", "les", "et", "des", "une", "est", "dans", "pour", "qui", "sur", "du", "au", "avec", "pas", "ont"]),
    (
        "de",
        &["der", "und", "das", "ist", "nicht", "ein", "eine", "mit", "den", "von", "zu", "auf", "im", "sich", "dem"],
    ),
    ("es", &["el", "los", "las", "y", "del", "una", "por", "con", "para", "su", "es", "fue", "como", "más", "pero"]),
    (
        "tr",
        &["ve", "bir", "bu", "için", "ile", "olarak", "da", "de", "çok", "olan", "daha", "gibi", "kadar", "ise", "ne"],
    ),
    // These two only keep their texts from being taken for Spanish or French.
    ("und", &["il", "che", "di", "della", "per", "sono", "non", "gli", "nel", "alla", "è", "dei", "una", "del", "con"]),
    ("und", &["o", "os", "as", "e", "do", "da", "em", "não", "um", "uma", "para", "com", "dos", "na", "no"]),
];

/// Share of words that must be stop words before a language is named.
const ENOUGH: f32 = 0.08;

fn latin_script_language(text: &str) -> &'static str {
    let text = text.to_lowercase();
    let words: Vec<&str> = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let hits = |list: &[&str]| words.iter().filter(|word| list.contains(word)).count();
    let mut ranked: Vec<(usize, &str)> = STOP_WORDS.iter().map(|(code, list)| (hits(list), *code)).collect();
    ranked.sort_by_key(|&(hits, _)| std::cmp::Reverse(hits));
    let (best, code) = ranked[0];
    let clear = best > ranked[1].0 && best as f32 >= ENOUGH * words.len() as f32;
    if clear { code } else { "und" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    fn code(text: &str) -> &'static str {
        detect(text).code
    }

    #[test]
    fn languages_of_the_arabic_script_are_told_apart() {
        assert_eq!(code("أعلنت الحكومة اليوم عن خطة جديدة لإعادة بناء المدرسة في القرية"), "ar");
        assert_eq!(code("دولت امروز گفت که برنامه‌ای تازه برای بازسازی مدرسه‌های روستا دارد"), "fa");
        assert_eq!(code("حکومت نے آج گاؤں کے اسکول کی تعمیر کے لیے ایک نئے منصوبے کا اعلان کیا ہے"), "ur");
        assert_eq!(code("ئەمڕۆ حکوومەت پلانێکی نوێی بۆ دروستکردنەوەی قوتابخانەی گوندەکە ڕاگەیاند"), "ckb");
    }

    #[test]
    fn an_arabic_article_with_latin_names_and_addresses_is_arabic() {
        let text =
            "قالت شركة Example Systems Ltd إن منصة Open Maps متاحة على https://maps.example.org/very/long/path?x=1";
        assert_eq!(code(text), "ar");
        assert!(detect(text).share < 1.0);
    }

    #[test]
    fn an_english_article_with_arabic_quotations_is_english() {
        assert_eq!(
            code("The banner that was held by the crowd said «لن نرحل عن بيوتنا» and it was seen from afar."),
            "en"
        );
    }

    #[test]
    fn other_languages_are_named_or_left_undetermined() {
        assert_eq!(code("Le ministre est arrivé dans la ville et les routes ont été fermées pour deux jours."), "fr");
        assert_eq!(code("Der Minister ist in der Stadt und die Straßen sind nicht mehr mit dem Auto befahrbar."), "de");
        assert_eq!(
            code("El ministro llegó a la ciudad y los caminos fueron cerrados por dos días para el público."),
            "es"
        );
        assert_eq!(
            code("Bakan bu sabah kente geldi ve yollar iki gün için bir kararla daha önce gibi kapatıldı."),
            "tr"
        );
        assert_eq!(
            code("Il ministro è arrivato nella città e le strade sono chiuse per due giorni, non di più."),
            "und"
        );
        assert_eq!(code("השר הגיע לעיר"), "he");
        assert_eq!(code("Министр прибыл в город, и дороги были закрыты на два дня."), "ru");
        assert_eq!(code("Міністр прибув до міста, і дороги були закриті на два дні."), "und");
        assert_eq!(code("部長抵達城市"), "und");
        assert_eq!(code("12 / 34 …"), "und");
        assert_eq!(code(""), "und");
    }

    #[test]
    fn shared_articles_are_detected() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/articles");
        if !folder.is_dir() {
            eprintln!("skipped: {} is absent", folder.display());
            return;
        }
        let mut seen = 0;
        for kind in ["news", "reports", "arabic-only"] {
            for entry in fs::read_dir(folder.join(kind)).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                let expected = if name.contains(".en.") { "en" } else { "ar" };
                assert_eq!(code(&fs::read_to_string(&path).unwrap()), expected, "{name}");
                seen += 1;
            }
        }
        assert!(seen > 0);
    }
}
