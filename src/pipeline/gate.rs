//! Which articles are translated at all: those in a language the model reads.
//!
//! Separate because an English article among the inputs must be reported, not turned into nonsense. The invariant: an
//! article that is turned away says which language it is in, or that it was not recognised, and what to do.

use crate::article::{Article, language};

/// The language of an article and how it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language {
    /// ISO 639 code.
    pub code: String,
    /// True where it was detected, false where it was given.
    pub detected: bool,
}

/// Returns the language of an article that can be translated, or why it cannot be.
///
/// `given` is the user's word and is taken as it is; `reads` is the language that the model reads.
pub fn language_of(article: &Article, given: Option<&str>, reads: &str) -> Result<Language, String> {
    if let Some(code) = given {
        return Ok(Language { code: code.to_owned(), detected: false });
    }
    let sentences: Vec<&str> = article.sentences.iter().map(|sentence| article.source(sentence)).collect();
    match language::detect(&sentences.join("\n")).code {
        code if code == reads => Ok(Language { code: code.to_owned(), detected: true }),
        "und" => Err(format!("language not recognised: --from {reads} translates it anyway")),
        code => Err(format!("{}: nothing to translate from {reads}", named(code))),
    }
}

fn named(code: &str) -> String {
    let name = match code {
        "ar" => "Arabic",
        "ckb" => "Kurdish",
        "de" => "German",
        "en" => "English",
        "es" => "Spanish",
        "fa" => "Persian",
        "fr" => "French",
        "he" => "Hebrew",
        "ru" => "Russian",
        "tr" => "Turkish",
        "ur" => "Urdu",
        _ => return format!("article in `{code}`"),
    };
    format!("{name} article")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::{Role, Sentence, SentenceId};

    fn article(text: &str) -> Article {
        let sentence = Sentence { id: SentenceId(1), role: Role::Body, range: 0..text.len(), block: 0 };
        Article { text: text.into(), sentences: vec![sentence], ..Article::default() }
    }

    #[test]
    fn an_english_article_is_named_and_turned_away() {
        let english = article("The minister said that the talks are over and that it was too early for a statement.");
        assert_eq!(language_of(&english, None, "ar"), Err("English article: nothing to translate from ar".into()));
    }

    #[test]
    fn an_arabic_article_passes_and_its_language_counts_as_detected() {
        let language = language_of(&article("قال الوزير إن المحادثات انتهت صباح اليوم."), None, "ar");
        assert_eq!(language, Ok(Language { code: "ar".into(), detected: true }));
    }

    #[test]
    fn a_language_that_was_given_is_not_questioned() {
        let language = language_of(&article("12345"), Some("ar"), "ar");
        assert_eq!(language, Ok(Language { code: "ar".into(), detected: false }));
        assert!(language_of(&article("12345"), None, "ar").unwrap_err().contains("--from ar"));
    }
}
