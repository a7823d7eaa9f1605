//! Which articles of a window still wait for which translations.
//!
//! Separate because a sentence that occurs in two articles is translated once, and each article is to be written as soon
//! as its own sentences are there. The invariant: a translation is kept until the last article that needs it has left.

use super::{
    units::{Plan, Translations, Units},
    window::Waiting,
};
use crate::engine::Translated;
use std::collections::BTreeSet;

/// An article whose translations are all there, with the plans to put them together.
pub(super) type Complete = (Waiting, Vec<Plan>);

/// The articles of a window and the translations that have arrived for them.
pub(super) struct Arrivals {
    articles: Vec<Option<Complete>>,
    /// For each article, the units it needs; each once.
    needs: Vec<BTreeSet<usize>>,
    /// For each article, how many of its units are missing.
    missing: Vec<usize>,
    /// For each unit, the articles that wait for it or hold it.
    wanted_by: Vec<Vec<usize>>,
    translations: Translations,
    /// The articles that were under way when the run was asked to stop.
    under_way: Option<Vec<usize>>,
}

impl Arrivals {
    /// Expects the translations of some articles; `plan` plans one article's sentences. Also returns the texts, by unit.
    pub fn expect(articles: Vec<Waiting>, plan: impl Fn(&Waiting, &mut Units) -> Vec<Plan>) -> (Self, Vec<String>) {
        let mut units = Units::default();
        let planned: Vec<Complete> = articles
            .into_iter()
            .map(|waiting| {
                let plans = plan(&waiting, &mut units);
                (waiting, plans)
            })
            .collect();
        let texts = units.into_texts();
        let needs: Vec<BTreeSet<usize>> =
            planned.iter().map(|(_, plans)| plans.iter().flat_map(Plan::units).collect()).collect();
        let mut wanted_by = vec![Vec::new(); texts.len()];
        for (article, units) in needs.iter().enumerate() {
            units.iter().for_each(|unit| wanted_by[*unit].push(article));
        }
        let missing = needs.iter().map(BTreeSet::len).collect();
        let articles = planned.into_iter().map(Some).collect();
        let translations = Translations::default();
        (Arrivals { articles, needs, missing, wanted_by, translations, under_way: None }, texts)
    }

    /// Takes in a translation.
    pub fn arrive(&mut self, unit: usize, translated: Translated) {
        self.translations.insert(unit, translated);
        for article in &self.wanted_by[unit] {
            self.missing[*article] -= 1;
        }
    }

    /// Hands over an article whose translations are all there to `write`, if there is one.
    pub fn next_complete<R>(&mut self, write: impl FnOnce(Complete, &Translations) -> R) -> Option<R> {
        let ready = |article: &usize| self.missing[*article] == 0 && self.articles[*article].is_some();
        let article = (0..self.articles.len()).find(ready)?;
        let result = self.articles[article].take().map(|complete| write(complete, &self.translations));
        for unit in std::mem::take(&mut self.needs[article]) {
            self.wanted_by[unit].retain(|other| *other != article);
            if self.wanted_by[unit].is_empty() {
                self.translations.remove(unit);
            }
        }
        result
    }

    /// Returns true where none is left of the articles that were under way at the first call: those of which a part was
    /// translated.
    pub fn finished_those_under_way(&mut self) -> bool {
        let Arrivals { articles, needs, missing, under_way, .. } = self;
        let is_begun = |article: &usize| articles[*article].is_some() && missing[*article] < needs[*article].len();
        let begun = || (0..articles.len()).filter(is_begun).collect();
        under_way.get_or_insert_with(begun).iter().all(|article| articles[*article].is_none())
    }

    /// Returns the articles that were not handed over.
    pub fn left(self) -> impl Iterator<Item = Waiting> {
        self.articles.into_iter().flatten().map(|(waiting, _)| waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{gate::Language, ledger::Ledger},
        *,
    };
    use crate::article::Article;

    fn waiting(text: &str) -> Waiting {
        Waiting {
            place: Ledger::default().open(text),
            article: Article { text: text.into(), ..Article::default() },
            language: Language { code: "ar".into(), detected: true },
            name: text.into(),
        }
    }

    fn translated(text: &str) -> Translated {
        let (source_spans, target_spans, attention) = (vec![], vec![], vec![]);
        Translated { text: text.into(), score: 0.0, source_spans, target_spans, attention, guided: false }
    }

    /// Plans one sentence for each line of the article.
    fn plan(waiting: &Waiting, units: &mut Units) -> Vec<Plan> {
        waiting.article.text.lines().map(|line| Plan::new(line, units, 100, &|text| text.len())).collect()
    }

    #[test]
    fn articles_leave_as_soon_as_their_own_sentences_are_there_and_share_translations() {
        let (mut arrivals, texts) = Arrivals::expect(vec![waiting("a\nb"), waiting("b"), waiting("")], plan);
        assert_eq!(texts, ["a", "b"]);
        let name = |(waiting, _): Complete, _: &Translations| waiting.name;
        assert_eq!(arrivals.next_complete(name).as_deref(), Some(""), "nothing of it is to be translated");
        assert_eq!(arrivals.next_complete(name), None);
        arrivals.arrive(1, translated("B"));
        let text = |(waiting, plans): Complete, there: &Translations| plans[0].assemble(&waiting.name, there).text;
        assert_eq!(arrivals.next_complete(text).as_deref(), Some("B"));
        assert_eq!(arrivals.next_complete(name), None);
        arrivals.arrive(0, translated("A"));
        let last = |(_, plans): Complete, there: &Translations| plans[1].assemble("b", there).text;
        assert_eq!(arrivals.next_complete(last).as_deref(), Some("B"));
        assert_eq!(arrivals.left().count(), 0);
    }

    #[test]
    fn after_a_signal_only_articles_that_were_begun_are_waited_for() {
        let (mut arrivals, texts) = Arrivals::expect(vec![waiting("a\nb"), waiting("c\nd")], plan);
        assert_eq!(texts, ["a", "b", "c", "d"]);
        arrivals.arrive(0, translated("A"));
        assert!(!arrivals.finished_those_under_way());
        arrivals.arrive(2, translated("C"));
        arrivals.arrive(1, translated("B"));
        let name = |(waiting, _): Complete, _: &Translations| waiting.name;
        assert_eq!(arrivals.next_complete(name).as_deref(), Some("a\nb"));
        assert!(arrivals.finished_those_under_way(), "the second was not begun when the signal came");
    }
}
