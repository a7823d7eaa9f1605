//! Bytes to text: byte-order mark, then what the bytes prove, then what the file declares, then a guess.
//!
//! Separate because scraped Arabic pages lie about their encoding often enough that a declaration is only a witness.
//! The invariant: decoding never fails; a byte that has no meaning becomes U+FFFD and stays visible.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_8859_6, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, WINDOWS_1256};

/// A text and the name of the encoding it came in, as the WHATWG standard writes it.
pub(super) struct Decoded {
    pub text: String,
    pub encoding: &'static str,
}

/// Bytes looked at for statistics and declarations.
const SAMPLE: usize = 1 << 16;
/// Bytes of a page in which a declaration is looked for (the standard says 1,024; scraped pages put scripts before it).
const DECLARATION: usize = 4096;

/// Decodes bytes that say nothing of their encoding.
pub(super) fn decode(bytes: &[u8]) -> Decoded {
    decode_declared(bytes, None)
}

/// Decodes a page, whose head or XML declaration may name its encoding.
pub(super) fn decode_page(bytes: &[u8]) -> Decoded {
    decode_declared(bytes, declaration(bytes))
}

/// Decodes bytes whose encoding is known; a byte-order mark is dropped.
pub(super) fn decode_known(encoding: &'static Encoding, bytes: &[u8]) -> Decoded {
    let (text, _) = encoding.decode_with_bom_removal(bytes);
    Decoded { text: text.into_owned(), encoding: encoding.name() }
}

fn decode_declared(bytes: &[u8], declared: Option<&'static Encoding>) -> Decoded {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return decode_as(encoding, &bytes[mark..]);
    }
    if let Some(encoding) = utf16_by_statistics(bytes) {
        return decode_as(encoding, bytes);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Decoded { text: text.to_owned(), encoding: UTF_8.name() },
        Err(_) if is_damaged_utf8(bytes) => decode_as(UTF_8, bytes),
        Err(_) => decode_as(legacy(bytes, declared), bytes),
    }
}

fn decode_as(encoding: &'static Encoding, bytes: &[u8]) -> Decoded {
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    Decoded { text: text.into_owned(), encoding: encoding.name() }
}

/// Recognises UTF-16 without a mark: Arabic has 0x06 in every high byte, and spaces, digits and markup have 0x00.
fn utf16_by_statistics(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    let pairs = sample.len() / 2;
    let high = |offset: usize| sample.iter().skip(offset).step_by(2).filter(|&&b| b == 0 || b == 6).count();
    // Nine in ten leaves room for typographic quotes (0x20) and presentation forms (0xFB to 0xFE).
    let fits = |high: usize, low: usize| pairs > 0 && high * 10 >= pairs * 9 && low * 10 < pairs * 5;
    match (high(0), high(1)) {
        (even, odd) if fits(odd, even) => Some(UTF_16LE),
        (even, odd) if fits(even, odd) => Some(UTF_16BE),
        _ => None,
    }
}

/// Returns the bytes from the first that is not ASCII on: a page may begin with long scripts, which tell nothing.
fn telling_part(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
    &bytes[start..bytes.len().min(start + SAMPLE)]
}

/// Returns true where almost all sequences are UTF-8: a cut or patched file, not another encoding.
fn is_damaged_utf8(bytes: &[u8]) -> bool {
    let sample = String::from_utf8_lossy(telling_part(bytes));
    let bad = sample.chars().filter(|&c| c == '\u{fffd}').count();
    let good = sample.chars().filter(|&c| !c.is_ascii() && c != '\u{fffd}').count();
    bad * 4 <= good
}

/// Chooses among the one-byte encodings (and any other that was declared).
fn legacy(bytes: &[u8], declared: Option<&'static Encoding>) -> &'static Encoding {
    let sample = telling_part(bytes);
    let guess = guess(sample);
    match declared.filter(|encoding| ![UTF_8, UTF_16LE, UTF_16BE].contains(encoding)) {
        Some(declared) if arabic_score(declared, sample) >= arabic_score(guess, sample) => declared,
        Some(declared) if !could_be_mislabelled(declared, sample) => declared,
        _ => guess,
    }
}

/// Returns true where a declaration is weak: it leaves bytes without meaning, or names the Western default or one of
/// the two Arabic tables that are taken for each other.
fn could_be_mislabelled(declared: &'static Encoding, sample: &[u8]) -> bool {
    [WINDOWS_1252, WINDOWS_1256, ISO_8859_6].contains(&declared) || declared.decode_without_bom_handling(sample).1
}

fn guess(sample: &[u8]) -> &'static Encoding {
    let (windows, iso) = (arabic_score(WINDOWS_1256, sample), arabic_score(ISO_8859_6, sample));
    // On a tie the far more frequent one.
    let arabic = if iso > windows { ISO_8859_6 } else { WINDOWS_1256 };
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample, true);
    let detected = detector.guess(None, Utf8Detection::Deny);
    let letters = sample.iter().filter(|b| b.is_ascii_alphabetic() || **b >= 0xc0).count() as i64;
    let looks_arabic = windows.max(iso) * 3 > letters;
    if looks_arabic || [WINDOWS_1256, ISO_8859_6].contains(&detected) { arabic } else { WINDOWS_1252 }
}

/// Returns how much a decoding looks like Arabic: letters of words that are Arabic throughout, less those of words that
/// mix scripts or hold bytes without meaning, as the wrong table makes them.
fn arabic_score(encoding: &'static Encoding, sample: &[u8]) -> i64 {
    let (text, _) = encoding.decode_without_bom_handling(sample);
    text.split(|c: char| c.is_ascii() || c.is_whitespace()).map(word_score).sum()
}

fn word_score(word: &str) -> i64 {
    let letters = word.chars().filter(|&c| is_arabic_letter(c)).count();
    let arabic: i64 = word.chars().filter(|&c| is_arabic_letter(c)).map(letter_weight).sum();
    let strange = word.chars().filter(|&c| !is_arabic_letter(c) && !is_expected(c)).count() as i64;
    let article = if word.starts_with("ال") { 2 } else { 0 };
    let marks = word.chars().filter(|&c| matches!(c, '\u{64b}'..='\u{652}')).count();
    // More marks than letters is what other alphabets look like in these tables.
    match strange == 0 && marks <= letters {
        true => arabic + article,
        false => -(arabic + strange + marks as i64),
    }
}

fn is_arabic_letter(c: char) -> bool {
    matches!(c, '\u{621}'..='\u{63a}' | '\u{641}'..='\u{64a}' | 'پ' | 'چ' | 'ژ' | 'گ')
}

/// Weighs a letter by how often it is written: the two tables differ most in these.
fn letter_weight(c: char) -> i64 {
    match c {
        'ا' | 'ل' | 'ي' | 'م' | 'و' | 'ن' | 'ر' | 'ت' | 'ب' => 2,
        'ظ' | 'ض' | 'غ' | 'ذ' | 'ث' => 0,
        _ => 1,
    }
}

/// Returns true for what stands beside Arabic letters in print: marks, Arabic punctuation and digits, quotes, dashes.
fn is_expected(c: char) -> bool {
    matches!(c, '\u{640}' | '\u{64b}'..='\u{652}' | '،' | '؛' | '؟' | '\u{660}'..='\u{669}' | '«' | '»')
        || matches!(c, '\u{2010}'..='\u{2026}' | '\u{200c}'..='\u{200f}' | '°' | '×' | '÷' | '·')
}

/// Returns the encoding a page declares in `<meta charset>`, `<meta http-equiv>` or its XML declaration.
fn declaration(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(DECLARATION)]).to_ascii_lowercase();
    let named = |marker: &str| {
        let value = head.split(marker).nth(1)?.trim_start().strip_prefix('=')?;
        let value = value.trim_start().trim_start_matches(['"', '\'']);
        Encoding::for_label(value.split(['"', '\'', ';', '>', ' ', '/', '?']).next()?.as_bytes())
    };
    let xml = if head.starts_with("<?xml") { named("encoding") } else { None };
    xml.or_else(|| named("charset"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLES: [&str; 3] = [
        "قال المتحدث باسم البلدية إن أعمال الترميم ستبدأ الأسبوع المقبل في ثلاثة أحياء.",
        "أُغلِق المرفأ، وعاد الصيادون؛ فهل يفتح غداً؟ نعم",
        "خبر عاجل",
    ];

    fn encode_utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    #[test]
    fn every_encoding_gives_the_same_text_back() {
        for text in SAMPLES {
            let cases = [
                (text.as_bytes().to_vec(), "UTF-8"),
                ([b"\xef\xbb\xbf", text.as_bytes()].concat(), "UTF-8"),
                (encode_utf16(text, u16::to_le_bytes), "UTF-16LE"),
                (encode_utf16(text, u16::to_be_bytes), "UTF-16BE"),
                (encode_utf16(&format!("\u{feff}{text}"), u16::to_le_bytes), "UTF-16LE"),
                (encode_utf16(&format!("\u{feff}{text}"), u16::to_be_bytes), "UTF-16BE"),
                (WINDOWS_1256.encode(text).0.into_owned(), "windows-1256"),
                (ISO_8859_6.encode(text).0.into_owned(), "ISO-8859-6"),
            ];
            for (bytes, name) in cases {
                let decoded = decode(&bytes);
                assert_eq!((decoded.text.as_str(), decoded.encoding), (text, name));
            }
        }
    }

    #[test]
    fn western_text_is_not_taken_for_arabic() {
        let text = "Le ministre a déclaré à l’été 2021 que la réunion était reportée à décembre.";
        let decoded = decode(&WINDOWS_1252.encode(text).0);
        assert_eq!((decoded.text.as_str(), decoded.encoding), (text, "windows-1252"));
    }

    #[test]
    fn a_wrong_declaration_is_overridden_by_what_the_bytes_prove() {
        let page = |label: &str| format!("<meta charset=\"{label}\"><p>{}</p>", SAMPLES[0]);
        assert_eq!(decode_page(page("windows-1256").as_bytes()).encoding, "UTF-8");
        for label in ["iso-8859-1", "utf-8", "iso-8859-6"] {
            let decoded = decode_page(&WINDOWS_1256.encode(&page(label)).0);
            assert_eq!((decoded.text, decoded.encoding), (page(label), "windows-1256"), "{label}");
        }
    }

    #[test]
    fn a_true_declaration_is_believed() {
        for label in
            ["charset=\"iso-8859-6\"", "charset=ISO-8859-6", "http-equiv=c content='text/html; charset=iso-8859-6'"]
        {
            let page = format!("<meta {label}><p>{}</p>", SAMPLES[1]);
            assert_eq!(decode_page(&ISO_8859_6.encode(&page).0).encoding, "ISO-8859-6");
        }
        let cyrillic = "<?xml version=\"1.0\" encoding=\"windows-1251\"?><p>Новости города и области</p>";
        assert_eq!(decode_page(&encoding_rs::WINDOWS_1251.encode(cyrillic).0).text, cyrillic);
    }

    #[test]
    fn a_long_script_before_the_text_hides_no_encoding() {
        let page = format!("<script>{}</script><p>{}</p>", "x".repeat(SAMPLE + 10), SAMPLES[0]);
        assert_eq!(decode_page(&WINDOWS_1256.encode(&page).0).text, page);
    }

    #[test]
    fn a_few_bad_bytes_in_utf8_stay_visible_and_spoil_nothing_else() {
        let mut bytes = SAMPLES[0].as_bytes().to_vec();
        bytes.insert(4, 0xff);
        let decoded = decode(&bytes);
        assert_eq!(decoded.encoding, "UTF-8");
        assert_eq!(decoded.text.replace('\u{fffd}', ""), SAMPLES[0]);
        assert_eq!(decoded.text.matches('\u{fffd}').count(), 1);
    }
}
