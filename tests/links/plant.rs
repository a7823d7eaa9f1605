//! False numbers and names put into a retold sentence.
//!
//! Separate because what counts as false is settled here. The invariant: what is planted stands in none of the sentences
//! that the retold one was made of.

use super::{Case, Dice};

/// What was planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Number,
    Name,
}

/// Names of no article written for this.
const NAMES: [&str; 12] = [
    "Brussels",
    "Kowalski",
    "Nairobi",
    "Petrov",
    "Lisbon",
    "Okafor",
    "Jakarta",
    "Sørensen",
    "Havana",
    "Takahashi",
    "Quito",
    "Lindqvist",
];

/// Returns the sentence with one error each: a digit changed, a number from elsewhere, a number added, a name replaced by
/// one of nowhere, a name replaced by one of another sentence, a name added.
pub fn errors(case: &Case, article: &[String], seed: u64) -> Vec<(Kind, String)> {
    let mut dice = Dice::new(seed * 31 + case.text.len() as u64);
    let own: String = case.sources.iter().map(|place| article[*place].as_str()).collect::<Vec<_>>().join(" ");
    let mut errors = Vec::new();
    if let Some(number) = numbers(&case.text).into_iter().next() {
        errors.push((Kind::Number, case.text.replacen(&number, &changed(&number, &own, &mut dice), 1)));
        let elsewhere: Vec<String> =
            article.iter().flat_map(|text| numbers(text)).filter(|n| !states(&own, n)).collect();
        if !elsewhere.is_empty() {
            errors.push((Kind::Number, case.text.replacen(&number, &elsewhere[dice.below(elsewhere.len())], 1)));
        }
    }
    let body = case.text.trim_end_matches('.');
    let added = (23 + dice.below(70)).to_string();
    if !states(&own, &added) {
        errors.push((Kind::Number, format!("{body} in {added} places.")));
    }
    let foreign = NAMES[dice.below(NAMES.len())];
    errors.push((Kind::Name, format!("{body} near {foreign}.")));
    if let Some(name) = names(&case.text).into_iter().next() {
        errors.push((Kind::Name, case.text.replacen(&name, foreign, 1)));
        let elsewhere: Vec<String> =
            article.iter().flat_map(|text| names(text)).filter(|n| !mentions(&own, n)).collect();
        if !elsewhere.is_empty() {
            errors.push((Kind::Name, case.text.replacen(&name, &elsewhere[dice.below(elsewhere.len())], 1)));
        }
    }
    errors
}

/// Returns an Arabic sentence and its translation with one number changed in both, where both have it in digits.
pub fn number_of_pair(arabic: &str, english: &str) -> Option<(String, String)> {
    let number = numbers(english).into_iter().find(|number| numbers(arabic).contains(number))?;
    let new = changed(&number, &format!("{arabic} {english}"), &mut Dice::new(arabic.len() as u64));
    Some((arabic.replacen(&number, &new, 1), english.replacen(&number, &new, 1)))
}

/// Returns the numbers in digits, two digits and more.
fn numbers(text: &str) -> Vec<String> {
    let words = text.split([' ', ':', '-', '$', '(', ')']).map(|word| word.trim_matches(|c: char| !c.is_ascii_digit()));
    let plain =
        words.filter(|word| word.len() >= 2 && word.chars().all(|c| c.is_ascii_digit() || c == ',' || c == '.'));
    plain.map(str::to_owned).collect()
}

fn states(text: &str, number: &str) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    numbers(text).iter().any(|other| digits(other) == digits(number))
}

/// Returns the number with another last but one digit, one that the text does not have.
fn changed(number: &str, own: &str, dice: &mut Dice) -> String {
    let at = number.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at).next().unwrap_or(0);
    let old = number[at..].chars().next().and_then(|c| c.to_digit(10)).unwrap_or(0) as usize;
    let mut digit = old;
    loop {
        digit = 1 + (digit + dice.below(7)) % 9;
        let new = format!("{}{digit}{}", &number[..at], &number[at + 1..]);
        if digit != old && !states(own, &new) {
            return new;
        }
    }
}

/// Returns words with a capital inside the sentence, four letters and more.
fn names(text: &str) -> Vec<String> {
    let words = text.split(' ').skip(1).map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    let is_name = |word: &&str| {
        let mut chars = word.chars();
        chars.next().is_some_and(char::is_uppercase) && chars.all(char::is_lowercase) && word.chars().count() >= 4
    };
    let first_words =
        ["Another", "More", "They", "About", "Most", "This", "That", "There", "When", "With", "From", "Some"];
    words.filter(is_name).filter(|word| !first_words.contains(word)).map(str::to_owned).collect()
}

fn mentions(text: &str, name: &str) -> bool {
    text.to_lowercase().contains(&name.to_lowercase()[..name.char_indices().nth(4).map_or(name.len(), |(at, _)| at)])
}
