//! What a written sentence is said to rest on, measured where the answer is known.
//!
//! Separate from the unit tests because it is a measurement: sentences of articles are said otherwise by rules, fused,
//! shuffled, and given false numbers and names. The invariant: what is measured here is text alone, the harder case: no
//! attention helps.
//!
//! `cargo test --test summary_links -- --nocapture` prints the figures.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and prints figures"
)]

mod links;

use links::{Case, Rate, articles, news, plant, retell};
use summarize::{
    article::SentenceId,
    review::abstractive::{Judged, Passage, Sources, settle, unstated_names},
};

/// Returns the places that a sentence is said to rest on.
fn cited(case: &Case, sources: &Sources<'_>) -> Vec<usize> {
    let passage = Passage { text: case.text.clone(), origin: Vec::new() };
    sources.link(&passage).cites.into_iter().map(|(index, _)| index).collect()
}

fn is_flagged(text: &str, sources: &Sources<'_>) -> bool {
    let ids: Vec<SentenceId> = (1..=sources.texts.len() as u32).map(SentenceId).collect();
    let passage = Passage { text: text.to_owned(), origin: Vec::new() };
    let judged = Judged::new(&passage, text, sources, &sources.texts, &ids);
    settle(vec![judged], Vec::new(), 1, true).iter().any(|sentence| !sentence.flags.is_empty())
}

/// Figures over some articles: true links among the first two cites, good sentences flagged, planted errors flagged.
fn measure(articles: &[Vec<String>]) -> (Rate, Rate, Rate, Rate) {
    let (mut links, mut alarms, mut numbers, mut names) = Default::default();
    for (index, article) in articles.iter().enumerate() {
        let sources = Sources::new(article.iter().map(String::as_str).collect());
        for case in retell::cases(article, index as u64) {
            let first_two: Vec<usize> = cited(&case, &sources).into_iter().take(2).collect();
            for truth in &case.sources {
                Rate::count(&mut links, first_two.contains(truth), || {
                    format!("{:?}: {} -> {first_two:?}", truth, case.text)
                });
            }
            Rate::count(&mut alarms, is_flagged(&case.text, &sources), String::new);
            for (kind, planted) in plant::errors(&case, article, index as u64) {
                let rate = if kind == plant::Kind::Number { &mut numbers } else { &mut names };
                let found = is_flagged(&planted, &sources);
                Rate::count(rate, found, || format!("{kind:?}: {planted}"));
            }
        }
    }
    (links, alarms, numbers, names)
}

/// Share of sentences of another article that are flagged, those without a name or number among them alone too.
fn measure_strangers(articles: &[Vec<String>]) -> (Rate, Rate) {
    let (mut all, mut plain) = (Rate::default(), Rate::default());
    for (article, other) in articles.iter().zip(articles.iter().cycle().skip(1)) {
        let sources = Sources::new(article.iter().map(String::as_str).collect());
        for text in other.iter().filter(|text| text.split_whitespace().count() >= 6) {
            let flagged = is_flagged(text, &sources);
            all.count(flagged, || text.clone());
            if !text.contains(|c: char| c.is_ascii_digit()) && unstated_names(text, "").is_empty() {
                plain.count(flagged, || text.clone());
            }
        }
    }
    (all, plain)
}

/// Figures where the model read the Arabic: true links, good sentences flagged, false numbers flagged.
fn measure_originals(articles: &[links::Pairs]) -> (Rate, Rate, Rate) {
    let (mut links, mut alarms, mut numbers) = Default::default();
    for (index, article) in articles.iter().enumerate() {
        let (originals, shown): (Vec<&str>, Vec<&str>) =
            article.iter().map(|(arabic, english)| (arabic.as_str(), english.as_str())).unzip();
        let ids: Vec<SentenceId> = (1..=shown.len() as u32).map(SentenceId).collect();
        let sources = Sources::new(originals);
        let is_flagged = |text: &str, translation: &str| {
            let passage = Passage { text: text.to_owned(), origin: Vec::new() };
            let judged = Judged::new(&passage, translation, &sources, &shown, &ids);
            settle(vec![judged], Vec::new(), 1, true).iter().any(|sentence| !sentence.flags.is_empty())
        };
        for (case, translation) in retell::of_pairs(article, index as u64) {
            let first_two: Vec<usize> = cited(&case, &sources).into_iter().take(2).collect();
            for truth in &case.sources {
                Rate::count(&mut links, first_two.contains(truth), || {
                    format!("{truth}: {} -> {first_two:?}", case.text)
                });
            }
            Rate::count(&mut alarms, is_flagged(&case.text, &translation), String::new);
            if let Some((planted, false_translation)) = plant::number_of_pair(&case.text, &translation) {
                let found = is_flagged(&planted, &false_translation);
                Rate::count(&mut numbers, found, || planted.clone());
            }
        }
    }
    (links, alarms, numbers)
}

fn report(name: &str, (links, alarms, numbers, names): &(Rate, Rate, Rate, Rate)) {
    println!("{name}: true links in the first two cites {links}; good sentences flagged {alarms}");
    println!("{name}: false numbers flagged {numbers}; false names flagged {names}");
    for missed in [links, numbers, names].iter().flat_map(|rate| rate.misses.iter().take(12)) {
        println!("  missed {missed}");
    }
}

#[test]
fn links_and_warnings_on_articles_written_for_this() {
    let figures = measure(&articles());
    report("written", &figures);
    let (links, alarms, numbers, names) = figures;
    assert!(links.of > 500 && links.share() >= 0.95, "{links}");
    assert!(numbers.of > 300 && numbers.share() >= 0.99, "{numbers}");
    assert!(names.of > 300 && names.share() >= 0.99, "{names}");
    assert!(alarms.share() < 0.1, "{alarms}");
}

#[test]
fn links_and_warnings_on_real_news() {
    let Some(articles) = news() else {
        println!("skipped: ../shared/articles/news is not there");
        return;
    };
    let (strangers, plain) = measure_strangers(&articles);
    println!("news: sentences of another article flagged {strangers}; those without name and number {plain}");
    plain.misses.iter().take(5).for_each(|miss| println!("  missed {miss}"));
    assert!(strangers.share() >= 0.99 && plain.share() >= 0.9, "{strangers}, {plain}");
    let figures = measure(&articles);
    report("news", &figures);
    let (links, _, numbers, names) = figures;
    assert!(links.share() >= 0.95, "{links}");
    assert!(numbers.share() >= 0.99, "{numbers}");
    assert!(names.share() >= 0.99, "{names}");
}

#[test]
fn links_and_warnings_where_the_arabic_was_summarized() {
    let Some(articles) = links::news_in_both() else {
        println!("skipped: ../shared/articles/news is not there");
        return;
    };
    let (links, alarms, numbers) = measure_originals(&articles);
    println!("Arabic: true links in the first two cites {links}; good sentences flagged {alarms}");
    println!("Arabic: false numbers flagged {numbers}");
    links.misses.iter().chain(&numbers.misses).take(12).for_each(|miss| println!("  missed {miss}"));
    assert!(links.share() >= 0.95, "{links}");
    assert!(numbers.share() >= 0.99, "{numbers}");
}
