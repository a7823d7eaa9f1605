//! From an article and its translations to the document that is written.
//!
//! Separate because it is a pure function: no file, no engine, no clock. The invariant: a document has exactly one
//! translation for each sentence of its article.

use super::{
    aids::Aids,
    gate::Language,
    units::{Assembled, Plan, Translations},
};
use crate::{
    article::Article,
    cli::SummaryKind,
    report::{Document, ModelRecord, SentenceTranslation},
    review::{
        SummarySentence,
        checks::{self, Pair},
        glossary::Applied,
        sort_flags, summary,
    },
};

use std::sync::Arc;

/// What all documents of a run share.
#[derive(Debug, Clone)]
pub struct Common {
    /// The translation model.
    pub model: ModelRecord,
    /// ISO 639 code of the target language.
    pub target_language: String,
    /// How to summarize.
    pub summary: SummaryKind,
    /// Sentences of the summary.
    pub summary_sentences: usize,
    /// What it is made with beside the model.
    pub aids: Arc<Aids>,
    /// The command line.
    pub command: String,
    /// Time of writing.
    pub created: String,
}

/// Returns the name and version that documents give for the tool.
pub fn tool() -> String {
    concat!("summarize ", env!("CARGO_PKG_VERSION")).to_owned()
}

/// Returns the checked translation of each sentence; `plans` holds one plan for each, `translated` what has arrived.
pub fn translations(
    article: &Article,
    plans: &[Plan],
    translated: &Translations,
    aids: &Aids,
) -> Vec<SentenceTranslation> {
    assert_eq!(article.sentences.len(), plans.len(), "every sentence has one plan: it was made from this list");
    let pairs = article.sentences.iter().zip(plans);
    pairs
        .map(|(sentence, plan)| {
            let source = article.source(sentence);
            match aids.known(source) {
                Some(known) => aids.recall(source, known),
                None => checked(source, plan.assemble(source, translated), aids),
            }
        })
        .collect()
}

/// Builds the document of an article; `translations` holds one for each of its sentences.
pub fn build(
    article: Article,
    language: Language,
    translations: Vec<SentenceTranslation>,
    common: &Common,
) -> Document {
    assert_eq!(article.sentences.len(), translations.len(), "every sentence has one translation");
    let summary = summarize(&article, &translations, common);
    Document {
        aids: common.aids.record(article.sentences.iter().map(|sentence| article.source(sentence))),
        article,
        source_language: language.code,
        language_detected: language.detected,
        target_language: common.target_language.clone(),
        translations,
        summary,
        model: common.model.clone(),
        summary_model: None,
        tool: tool(),
        command: common.command.clone(),
        created: common.created.clone(),
    }
}

/// Returns a translation with the glossary put in and its warnings.
pub fn checked(source: &str, assembled: Assembled, aids: &Aids) -> SentenceTranslation {
    let Assembled { text, score, parts, words, marks, unread } = assembled;
    let Applied { text, words, marks, notes, flags: not_put_in } = aids.apply_glossary(source, text, words, marks);
    let mut flags =
        checks::check(&Pair { source, target: &text, score: Some(score), parts, words: &words, unread: &unread });
    flags.extend(not_put_in);
    sort_flags(&mut flags);
    SentenceTranslation { text, score, words, marks, flags, notes }
}

fn summarize(article: &Article, translations: &[SentenceTranslation], common: &Common) -> Vec<SummarySentence> {
    let texts: Vec<&str> = translations.iter().map(|translation| translation.text.as_str()).collect();
    match common.summary {
        SummaryKind::Off => Vec::new(),
        // What a model writes takes the place of this once it is written.
        SummaryKind::Auto | SummaryKind::Extractive | SummaryKind::Abstractive => {
            summary::extractive(article, &texts, common.summary_sentences)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::units::Units, *};
    use crate::{
        article::{Role, Sentence, SentenceId},
        engine::Translated,
    };

    const SOURCE: &str = "وصل 12 صحفياً إلى المدينة صباح اليوم.";

    fn document(target: &str, summary: SummaryKind) -> Document {
        let sentence = Sentence { id: SentenceId(1), role: Role::Body, range: 0..SOURCE.len(), block: 0 };
        let article = Article { text: SOURCE.into(), sentences: vec![sentence], ..Article::default() };
        let mut units = Units::default();
        let plan = Plan::new(SOURCE, &mut units, 100, &|text| text.split_whitespace().count());
        let translated = Translated {
            text: target.into(),
            score: -0.2,
            source_spans: Vec::new(),
            target_spans: Vec::new(),
            attention: Vec::new(),
            guided: false,
        };
        let mut arrived = Translations::default();
        arrived.insert(0, translated);
        let common = Common {
            model: ModelRecord::default(),
            target_language: "en".into(),
            summary,
            summary_sentences: 3,
            aids: Arc::default(),
            command: "summarize".into(),
            created: "2021-02-18T12:18:00Z".into(),
        };
        let translations = translations(&article, &[plan], &arrived, &common.aids);
        build(article, Language { code: "ar".into(), detected: true }, translations, &common)
    }

    #[test]
    fn a_document_has_a_translation_and_a_cited_summary() {
        let document = document("12 journalists arrived in the city this morning.", SummaryKind::Auto);
        assert_eq!(document.translations.len(), document.article.sentences.len());
        assert_eq!(document.summary[0].cites[0].id, SentenceId(1));
        assert_eq!(document.article.account(), Ok(()));
    }

    #[test]
    fn a_changed_number_is_flagged() {
        let document = document("21 journalists arrived in the city this morning.", SummaryKind::Off);
        let kinds: Vec<&str> = document.translations[0].flags.iter().map(|flag| flag.kind.name()).collect();
        assert!(kinds.contains(&"number"), "{kinds:?}");
        assert!(document.summary.is_empty());
    }
}
