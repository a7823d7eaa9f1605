//! How alike an Arabic word and an English one sound: the distance that tells a name from a translation.
//!
//! Separate because it knows letters only. The invariant: the distance is 0 for letters that always stand for each
//! other, and grows with every consonant that the other word lacks.
//!
//! An edit distance over letters, in which vowels and breathings are cheap: Arabic leaves most of them out.

use unicode_normalization::char::decompose_canonical;

/// Cost of a vowel, a breathing or a glide that only one side writes.
const SOFT: f32 = 0.25;
/// Cost of a consonant of one side, or of two that do not stand for each other.
const HARD: f32 = 1.0;
/// Cost of two consonants that stand for each other in some names.
const NEAR: f32 = 0.3;

/// Returns the distance of a folded Arabic word and a lower-case English one, per consonant: 0 is alike, 1 unlike.
pub(super) fn distance(arabic: &str, english: &str) -> f32 {
    let (arabic, english) = (letters(arabic), sounds(english));
    let hard = |letters: &[char], soft: fn(char) -> bool| letters.iter().filter(|c| !soft(**c)).count();
    let consonants = hard(&arabic, is_soft_arabic).max(hard(&english, is_soft_english)).max(1);
    let mut row: Vec<f32> = english
        .iter()
        .scan(0.0, |sum, c| {
            *sum += alone(is_soft_english(*c));
            Some(*sum)
        })
        .collect();
    row.insert(0, 0.0);
    for a in &arabic {
        let mut before = row[0];
        row[0] += alone(is_soft_arabic(*a));
        for (index, e) in english.iter().enumerate() {
            let changed = before + change(*a, *e);
            before = row[index + 1];
            let dropped = before + alone(is_soft_arabic(*a));
            let added = row[index] + alone(is_soft_english(*e));
            row[index + 1] = changed.min(dropped).min(added);
        }
    }
    row.last().copied().unwrap_or(HARD) / consonants as f32
}

/// Returns true where the first letters may stand for each other, as they nearly always do in one name.
pub(super) fn begins_alike(arabic: &str, english: &str) -> bool {
    match (letters(arabic).first(), sounds(english).first()) {
        (Some(a), Some(e)) => change(*a, *e) <= 2.0 * SOFT,
        _ => false,
    }
}

/// Returns the letters of an Arabic word, with «تش» as the one sound that it spells: «تشيلي», Chile.
fn letters(word: &str) -> Vec<char> {
    word.replace("تش", "چ").chars().collect()
}

fn alone(soft: bool) -> f32 {
    if soft { SOFT } else { HARD }
}

/// Returns the letters of an English word with each digraph as one letter and doubled letters once.
fn sounds(word: &str) -> Vec<char> {
    const DIGRAPHS: [(&str, char); 9] = [
        ("sch", 'ʃ'),
        ("sh", 'ʃ'),
        ("ch", 'č'),
        ("ph", 'f'),
        ("th", 'θ'),
        ("kh", 'ħ'),
        ("gh", 'ɣ'),
        ("ck", 'k'),
        ("ts", 's'),
    ];
    let plain: String = word.chars().map(plain_letter).collect();
    let mut rest = plain.as_str();
    let mut letters: Vec<char> = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (letter, length) = match DIGRAPHS.iter().find(|(digraph, _)| rest.starts_with(digraph)) {
            Some((digraph, letter)) => (*letter, digraph.len()),
            None => (first, first.len_utf8()),
        };
        if letters.last() != Some(&letter) {
            letters.push(letter);
        }
        if first == 'x' {
            letters.push('s');
        }
        rest = &rest[length..];
    }
    letters
}

/// Returns the letter without its accent.
fn plain_letter(c: char) -> char {
    let mut plain = c;
    let mut first = true;
    decompose_canonical(c, |part| {
        plain = if first { part } else { plain };
        first = false;
    });
    plain
}

fn is_soft_english(c: char) -> bool {
    matches!(c, 'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'h' | 'w' | '\'')
}

fn is_soft_arabic(c: char) -> bool {
    matches!(c, 'ا' | 'و' | 'ي' | 'ه' | 'ع' | 'ء' | 'ئ' | 'ؤ')
}

/// Returns the cost of reading one letter for the other.
fn change(arabic: char, english: char) -> f32 {
    let (same, near): (&str, &str) = match arabic {
        'ب' | 'پ' => ("bp", "v"),
        'ت' | 'ط' => ("t", "dθ"),
        'ث' => ("θ", "st"),
        'ج' => ("jg", "čzʃɣ"),
        'چ' => ("č", "cʃtjg"),
        'ح' => ("h", "ħ"),
        'خ' => ("ħ", "khčjx"),
        'د' => ("d", "tθ"),
        'ذ' => ("θ", "dz"),
        'ر' => ("r", ""),
        'ز' => ("z", "sjθ"),
        'س' => ("sc", "zθʃx"),
        'ص' => ("s", "cz"),
        'ش' => ("ʃč", "scjt"),
        'ض' => ("d", "zθ"),
        'ظ' => ("z", "dθ"),
        'ع' => ("aeiou'", "h"),
        'غ' => ("gɣ", "hrj"),
        'ف' | 'ڤ' => ("fv", "bp"),
        'ق' => ("qk", "gcx"),
        'ك' | 'ڪ' => ("kcqx", "gčħ"),
        'گ' => ("g", "jk"),
        'ل' => ("l", ""),
        'م' => ("m", "n"),
        'ن' => ("n", "m"),
        'ه' => ("h", "aet"),
        'و' => ("wuo", "veai"),
        'ي' => ("yiej", "au"),
        'ا' | 'ء' | 'ئ' | 'ؤ' => ("aeoiu", "hyw"),
        _ => ("", ""),
    };
    match (same.contains(english), near.contains(english)) {
        (true, _) => 0.0,
        (_, true) => NEAR,
        _ if is_soft_arabic(arabic) && is_soft_english(english) => 2.0 * SOFT,
        _ => 2.0 * HARD,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sound_alike_in_both_scripts() {
        for (arabic, english) in [
            ("واشنطن", "washington"),
            ("شيراك", "chirac"),
            ("غوغل", "google"),
            ("جوجل", "google"),
            ("دمشق", "dimashq"),
            ("فيكتوريا", "victoria"),
            ("محمد", "mohammed"),
            ("باريس", "paris"),
            ("طوكيو", "tokyo"),
            ("تشيلي", "chile"),
            ("تشوك", "chuuk"),
        ] {
            assert!(distance(arabic, english) < 0.45, "{arabic} {english} {}", distance(arabic, english));
        }
    }

    #[test]
    fn other_names_do_not() {
        for (arabic, english) in [("واشنطن", "berlin"), ("شيراك", "merkel"), ("الاسود", "stone"), ("باريس", "london")]
        {
            assert!(distance(arabic, english) > 0.55, "{arabic} {english} {}", distance(arabic, english));
        }
    }
}
