//! An extractive summary: the sentences of the article that say most of it, shown in translation.
//!
//! Separate because it reads the source text only, so a poor translation cannot steer what is chosen. The invariant:
//! every sentence of the summary is the translation of one body sentence, cites it, and stands in source order.
//!
//! The score of sentence i (of n), all parts between 0 and 1:
//!
//! ```text
//! score(i) = length(i) * (0.4 * cos(i, article) + 0.3 * cos(i, title) + 0.15 * position(i))
//! position(i) = 1 / (1 + i)                         news puts first what matters most
//! length(i)   = min(1, words / 16) * min(1, 25 / words)
//! ```
//!
//! The title of an article without one is its first sentence. Vectors hold the square root of the count of each light
//! stem, stop words left out. These are the features of Edmundson (1969, "New Methods in Automatic Extracting"): key words,
//! title, location; the weights are set on half of the news articles that `benches/README.md` measures it on.
//! Sentences are then picked by maximal marginal relevance (Carbonell and Goldstein 1998):
//! `0.85 * score(i) - 0.15 * max cos(i, chosen)`, those that say almost the same as one chosen after all others.

pub(super) mod stem;
pub(super) mod stop_words;

use super::{Cite, Method, SummarySentence};
use crate::article::{Article, Role, Sentence};
use std::{cmp::Ordering, collections::BTreeMap};

/// How much each feature of a sentence counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Likeness to the whole article.
    pub terms: f64,
    /// Likeness to the title.
    pub title: f64,
    /// Nearness to the beginning.
    pub position: f64,
    /// Share of relevance against redundancy.
    pub relevance: f64,
}

impl Default for Weights {
    fn default() -> Weights {
        Weights { terms: 0.4, title: 0.3, position: 0.15, relevance: 0.85 }
    }
}

/// Likeness from which a sentence says what another has said.
const SAME: f64 = 0.7;
/// A sentence of fewer words is rarely understood by itself.
const FULL_LENGTH: f64 = 16.0;
/// A sentence of more words is costly to read.
const LONG: f64 = 25.0;

/// Returns up to `count` body sentences in translation, in source order, each citing its source.
///
/// `translations` holds one text for each sentence of the article. A body of `count` sentences or fewer is given whole.
/// Sentences without a translation are passed over.
pub fn extractive(article: &Article, translations: &[&str], count: usize) -> Vec<SummarySentence> {
    let mut summary = best_first(article, translations, count, Weights::default());
    summary.sort_by_key(|sentence| sentence.cites.first().map(|cite| cite.id));
    summary
}

/// Returns the sentences that score best with these weights, the best first.
pub fn best_first(article: &Article, translations: &[&str], count: usize, weights: Weights) -> Vec<SummarySentence> {
    let pairs = article.sentences.iter().zip(translations);
    let body: Vec<(&Sentence, &str)> = pairs
        .filter(|(sentence, text)| sentence.role == Role::Body && !text.trim().is_empty())
        .map(|(sentence, text)| (sentence, *text))
        .collect();
    let sources: Vec<&str> = body.iter().map(|(sentence, _)| article.source(sentence)).collect();
    choose(&sources, title(article), count, weights).into_iter().map(|index| cited(body[index])).collect()
}

fn cited((sentence, text): (&Sentence, &str)) -> SummarySentence {
    SummarySentence {
        text: text.trim().to_owned(),
        method: Method::Extractive,
        cites: vec![Cite { id: sentence.id, support: 1.0 }],
        flags: Vec::new(),
    }
}

fn title(article: &Article) -> Option<&str> {
    let headline = article.sentences.iter().find(|sentence| sentence.role == Role::Title);
    headline.map(|sentence| article.source(sentence)).or(article.metadata.title.as_deref())
}

/// Returns the indices of up to `count` sentences, best first; of equals the earlier.
fn choose(sources: &[&str], title: Option<&str>, count: usize, weights: Weights) -> Vec<usize> {
    let vectors: Vec<Vector> = sources.iter().map(|source| Vector::of(source)).collect();
    let title = title.map(Vector::of);
    // Without a title the first sentence says what it is about.
    let scores = scores(&vectors, title.as_ref().or(vectors.first()), weights);
    let mut redundancy = vec![0.0f64; sources.len()];
    let mut left: Vec<usize> = (0..sources.len()).collect();
    let mut chosen = Vec::new();
    while chosen.len() < count {
        let value = |index: usize| {
            let repeats = if redundancy[index] >= SAME { 1.0 } else { 0.0 };
            weights.relevance * scores[index] - (1.0 - weights.relevance) * redundancy[index] - repeats
        };
        // Reversed, so that of equal values the earliest sentence is the greatest.
        let order = |a: &usize, b: &usize| value(*a).partial_cmp(&value(*b)).unwrap_or(Ordering::Equal).then(b.cmp(a));
        let Some(best) = left.iter().copied().max_by(order) else { break };
        left.retain(|&index| index != best);
        for &index in &left {
            redundancy[index] = redundancy[index].max(vectors[index].cosine(&vectors[best]));
        }
        chosen.push(best);
    }
    chosen
}

fn scores(vectors: &[Vector], title: Option<&Vector>, weights: Weights) -> Vec<f64> {
    let article = Vector::sum(vectors);
    let score = |(index, vector): (usize, &Vector)| {
        let likeness = title.map_or(0.0, |title| vector.cosine(title));
        let position = 1.0 / (1.0 + index as f64);
        let value = weights.terms * vector.cosine(&article) + weights.title * likeness + weights.position * position;
        value * (vector.words / FULL_LENGTH).min(1.0) * (LONG / vector.words.max(1.0)).min(1.0)
    };
    vectors.iter().enumerate().map(score).collect()
}

/// Weights of light stems. An ordered map, so that sums are made in one order and come out the same on every run.
#[derive(Default)]
struct Vector {
    weights: BTreeMap<String, f64>,
    norm: f64,
    /// Count of all words, stop words too.
    words: f64,
}

impl Vector {
    fn of(text: &str) -> Vector {
        let mut counts: BTreeMap<String, f64> = BTreeMap::new();
        let words = stem::words(text);
        for word in words.iter().filter(|word| !stop_words::contains(word)) {
            *counts.entry(stem::light(word)).or_default() += 1.0;
        }
        Vector::from_counts(counts, words.len() as f64)
    }

    /// Returns the vector of several texts together.
    fn sum(vectors: &[Vector]) -> Vector {
        let mut counts: BTreeMap<String, f64> = BTreeMap::new();
        for (stem, weight) in vectors.iter().flat_map(|vector| &vector.weights) {
            *counts.entry(stem.clone()).or_default() += weight * weight;
        }
        Vector::from_counts(counts, vectors.iter().map(|vector| vector.words).sum())
    }

    fn from_counts(counts: BTreeMap<String, f64>, words: f64) -> Vector {
        let norm = counts.values().sum::<f64>().sqrt();
        Vector { weights: counts.into_iter().map(|(stem, count)| (stem, count.sqrt())).collect(), norm, words }
    }

    fn cosine(&self, other: &Vector) -> f64 {
        let shared = self.weights.iter().filter_map(|(stem, weight)| Some(weight * other.weights.get(stem)?));
        match self.norm * other.norm {
            0.0 => 0.0,
            norms => shared.sum::<f64>() / norms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::SentenceId;

    fn article(lines: &[(Role, &str)]) -> Article {
        let mut article = Article::default();
        for (index, (role, line)) in lines.iter().enumerate() {
            let start = article.text.len();
            article.text.push_str(line);
            let range = start..article.text.len();
            article.sentences.push(Sentence { id: SentenceId(index as u32), role: *role, range, block: index });
            article.text.push('\n');
        }
        article
    }

    const NEWS: [(Role, &str); 6] = [
        (Role::Title, "افتتاح جسر جديد فوق النهر في المدينة"),
        (Role::Body, "افتتح وزير النقل اليوم جسرا جديدا فوق النهر يربط شطري المدينة بعد عامين من العمل"),
        (Role::Body, "افتتح وزير النقل جسرا جديدا فوق النهر يربط شطري المدينة بعد عامين من العمل"),
        (Role::Related, "اقرأ أيضا: افتتاح جسر جديد فوق النهر في المدينة بعد عامين من العمل"),
        (Role::Body, "وقال السكان إن الطريق القديم كان يستغرق ساعة كاملة في أوقات الذروة كل صباح"),
        (Role::Body, "شكرا لكم"),
    ];

    fn ids(summary: &[SummarySentence]) -> Vec<u32> {
        summary.iter().map(|sentence| sentence.cites[0].id.0).collect()
    }

    #[test]
    fn a_sentence_that_repeats_another_is_not_chosen() {
        let summary = extractive(&article(&NEWS), &["t", "a", "b", "r", "c", "d"], 2);
        assert_eq!(ids(&summary), [1, 4]);
        assert_eq!((summary[0].text.as_str(), summary[0].cites[0].support), ("a", 1.0));
    }

    #[test]
    fn a_short_article_is_given_whole_and_only_its_body() {
        let summary = extractive(&article(&NEWS), &["t", "a", "b", "r", "c", "d"], 10);
        assert_eq!(ids(&summary), [1, 2, 4, 5]);
    }

    #[test]
    fn a_sentence_without_translation_is_passed_over() {
        assert_eq!(ids(&extractive(&article(&NEWS), &["t", " ", "b", "r", "c", "d"], 1)), [2]);
    }

    #[test]
    fn an_empty_article_has_an_empty_summary() {
        assert_eq!(extractive(&Article::default(), &[], 3), []);
    }

    #[test]
    fn likeness_to_the_title_lifts_a_late_sentence() {
        let plain = [
            (Role::Body, "تحدث المدير عن خطط الشركة في العام المقبل أمام جمع من الصحفيين"),
            (Role::Body, "حضر اللقاء عدد من الموظفين والضيوف من مدن أخرى قريبة وبعيدة"),
            (Role::Body, "أعلنت الشركة إغلاق مصنع الورق وتسريح مئة عامل قبل نهاية الشهر"),
        ];
        let mut titled = vec![(Role::Title, "إغلاق مصنع الورق وتسريح مئة عامل")];
        titled.extend(plain);
        assert_eq!(ids(&extractive(&article(&plain), &["a", "b", "c"], 1)), [0]);
        assert_eq!(ids(&extractive(&article(&titled), &["t", "a", "b", "c"], 1)), [3]);
    }
}
