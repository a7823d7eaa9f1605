//! Rules that say a sentence otherwise without changing what it says.
//!
//! Separate from planting errors, which starts from these. The invariant: a retold sentence has no number, name or claim
//! that its sources lack.

use super::{Case, Dice, Pairs};

/// Words that summaries use for one another.
const SYNONYMS: [(&str, &str); 44] = [
    ("said", "stated"),
    ("warned", "cautioned"),
    ("showed", "presented"),
    ("about", "roughly"),
    ("more than", "over"),
    ("costs", "is priced at"),
    ("cost", "came to"),
    ("families", "households"),
    ("children", "kids"),
    ("doctors", "physicians"),
    ("hope", "expect"),
    ("fall", "drop"),
    ("fallen", "dropped"),
    ("quickly", "soon"),
    ("promised", "pledged"),
    ("replaced", "renewed"),
    ("rebuilt", "restored"),
    ("blocked", "closed off"),
    ("protest", "demonstrate"),
    ("denied", "rejected the claim"),
    ("blamed", "held responsible"),
    ("appeal", "go"),
    ("planned", "scheduled"),
    ("opened", "reopened"),
    ("burned", "set on fire"),
    ("hid", "concealed"),
    ("oldest", "earliest"),
    ("donated", "gave"),
    ("because", "since"),
    ("borrow", "take home"),
    ("refused", "declined"),
    ("sentenced", "condemned"),
    ("prison", "jail"),
    ("guilty", "responsible"),
    ("seizure", "confiscation"),
    ("lasted", "took"),
    ("arrested", "detained"),
    ("released", "freed"),
    ("crossed", "passed"),
    ("largest", "biggest"),
    ("killed", "destroyed"),
    ("damaged", "harmed"),
    ("reached", "arrived in"),
    ("employs", "has"),
];

/// Small numbers that are said in words as well as in digits.
const IN_WORDS: [(&str, &str); 12] = [
    ("3", "three"),
    ("4", "four"),
    ("5", "five"),
    ("6", "six"),
    ("7", "seven"),
    ("9", "nine"),
    ("11", "eleven"),
    ("12", "twelve"),
    ("14", "fourteen"),
    ("16", "sixteen"),
    ("17", "seventeen"),
    ("19", "nineteen"),
];

/// Words that may go without changing the claim.
const DROPPED: [&str; 16] = [
    "again", "still", "often", "quickly", "also", "very", "really", "already", "only", "just", "single", "new",
    "local", "first", "every", "last",
];

/// Returns each sentence of an article said otherwise in each way, and neighbours and others fused.
pub fn cases(article: &[String], seed: u64) -> Vec<Case> {
    let mut dice = Dice::new(seed);
    let mut cases = Vec::new();
    // Sentences of few words say too little to be told apart.
    let long_enough = |text: &String| text.split_whitespace().count() >= 6;
    let places: Vec<usize> = (0..article.len()).filter(|&place| long_enough(&article[place])).collect();
    for (at, &place) in places.iter().enumerate() {
        let text = &article[place];
        for retold in [synonyms(text), turned(text), shorter(text), reported(text), in_words(&synonyms(text))] {
            cases.push(Case { text: retold, sources: vec![place] });
        }
        cases.push(Case { text: shuffled(text, &mut dice), sources: vec![place] });
        if let Some(&other) = places.get((at + 1 + dice.below(3)) % places.len()).filter(|other| **other != place) {
            cases.push(Case { text: fused(text, &article[other]), sources: vec![place, other] });
        }
    }
    cases
}

/// Returns sentences of an article in Arabic with their translations: every fifth word left out, in another order, and
/// two fused. What the model wrote is the Arabic.
pub fn of_pairs(article: &Pairs, seed: u64) -> Vec<(Case, String)> {
    let mut dice = Dice::new(seed);
    let mut cases = Vec::new();
    let long_enough = |place: &usize| article[*place].0.split_whitespace().count() >= 6;
    let places: Vec<usize> = (0..article.len()).filter(long_enough).collect();
    for (at, &place) in places.iter().enumerate() {
        let (arabic, english) = &article[place];
        let words: Vec<&str> = arabic.split_whitespace().collect();
        let fewer: Vec<&str> = words.iter().enumerate().filter(|(at, _)| at % 5 != 4).map(|(_, word)| *word).collect();
        let mut groups: Vec<String> = words.chunks(3).map(|group| group.join(" ")).collect();
        dice.shuffle(&mut groups);
        for text in [fewer.join(" "), groups.join(" ")] {
            cases.push((Case { text, sources: vec![place] }, english.clone()));
        }
        if let Some(&other) = places.get((at + 1) % places.len()).filter(|other| **other != place) {
            let (second, translation) = &article[other];
            let text = format!("{} و{second}", arabic.trim_end_matches('.'));
            let english = format!("{}, while {}", english.trim_end_matches('.'), small(translation));
            cases.push((Case { text, sources: vec![place, other] }, english));
        }
    }
    cases
}

fn synonyms(text: &str) -> String {
    let mut retold = format!(" {text} ");
    for (word, other) in SYNONYMS {
        for end in [" ", ",", "."] {
            retold = retold.replace(&format!(" {word}{end}"), &format!(" {other}{end}"));
        }
    }
    retold.trim().to_owned()
}

/// Says numbers in words and takes the marks out of thousands.
fn in_words(text: &str) -> String {
    let word = |word: &str| match IN_WORDS.iter().find(|(digits, _)| *digits == word) {
        Some((_, words)) => (*words).to_owned(),
        None if word.starts_with(|c: char| c.is_ascii_digit()) && !word.contains('.') => word.replace(',', ""),
        None => word.to_owned(),
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Puts what follows the first comma, or the last phrase of time, before the rest.
fn turned(text: &str) -> String {
    let body = text.trim_end_matches('.');
    match body.split_once(", ") {
        Some((first, second)) if !second.contains(", ") && !first.is_empty() => {
            format!("{}, {}.", capital(second), small(first))
        }
        _ => match body.rfind(" on ").filter(|at| *at > 10) {
            Some(at) => format!("{}, {}.", capital(body[at..].trim()), small(&body[..at])),
            None => format!("{body}."),
        },
    }
}

/// Leaves out words that only colour, and a relative clause between commas.
fn shorter(text: &str) -> String {
    let clause = [", who ", ", which "].iter().find_map(|open| {
        let start = text.find(open)?;
        let end = text[start + 2..].find(", ")? + start + 2;
        Some(format!("{}{}", &text[..start], &text[end + 1..]))
    });
    let text = clause.unwrap_or_else(|| text.to_owned());
    let kept = text.split(' ').filter(|word| !DROPPED.contains(word));
    kept.collect::<Vec<_>>().join(" ")
}

fn reported(text: &str) -> String {
    format!("It was reported that {}", small(text))
}

fn shuffled(text: &str, dice: &mut Dice) -> String {
    // Numbers stay with what they count, and names of several words stay together.
    let words: Vec<&str> = text.trim_end_matches('.').split(' ').collect();
    let mut groups: Vec<String> = words.chunks(3).map(|group| group.join(" ")).collect();
    dice.shuffle(&mut groups);
    format!("It says {}.", small(&groups.join(" ")))
}

fn fused(first: &str, second: &str) -> String {
    format!("{}, while {}", shorter(first).trim_end_matches('.'), small(&synonyms(second)))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Returns the text with a small first letter where its first word is no name: one that is followed by a small letter.
fn small(text: &str) -> String {
    const STARTS: [&str; 30] = [
        "The",
        "A",
        "An",
        "About",
        "Another",
        "More",
        "They",
        "It",
        "He",
        "She",
        "Two",
        "One",
        "In",
        "On",
        "At",
        "For",
        "After",
        "Most",
        "Each",
        "Four",
        "Children",
        "Farmers",
        "Doctors",
        "Residents",
        "Trains",
        "This",
        "But",
        "We",
        "There",
        "Some",
    ];
    let first = text.split(' ').next().unwrap_or_default();
    match STARTS.contains(&first) {
        true => text[..1].to_lowercase() + &text[1..],
        false => text.to_owned(),
    }
}
