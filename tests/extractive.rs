//! The extractive summary against the first sentences and against TextRank, where a person has said what matters most.
//!
//! Separate because it is a measurement: headline and first paragraph of an article are held out, the summary is chosen
//! from the rest and compared with them. The invariant: every method sees the same sentences and gives three of them.
//!
//! `cargo test --test extractive -- --nocapture` prints the table.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and prints figures"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use summarize::{
    article::{Article, Role, Sentence, SentenceId, clean::clean, normalize::fold, read},
    review::summary::{self, Weights},
};
use unicode_segmentation::UnicodeSegmentation;

const SENTENCES: usize = 3;

/// An article without its headline and first paragraph, and these two as what a summary ought to say.
struct Held {
    rest: Article,
    /// What is compared: each sentence of the rest, in the language of the reference.
    shown: Vec<String>,
    reference: String,
}

/// Means over articles.
#[derive(Default)]
struct Row {
    rouge_1: f64,
    rouge_2: f64,
    rouge_l: f64,
    coverage: f64,
    redundancy: f64,
}

type Method = fn(&Held) -> Vec<usize>;

const METHODS: [(&str, Method); 3] = [("summarize", ours), ("lead-3", lead), ("TextRank", text_rank)];

fn ours(held: &Held) -> Vec<usize> {
    let texts: Vec<&str> = vec!["-"; held.rest.sentences.len()];
    let chosen = summary::extractive(&held.rest, &texts, SENTENCES);
    chosen.iter().map(|sentence| sentence.cites[0].id.0 as usize).collect()
}

fn ours_with(held: &Held, weights: Weights) -> Vec<usize> {
    let texts: Vec<&str> = vec!["-"; held.rest.sentences.len()];
    let chosen = summary::best_first(&held.rest, &texts, SENTENCES, weights);
    let mut places: Vec<usize> = chosen.iter().map(|sentence| sentence.cites[0].id.0 as usize).collect();
    places.sort_unstable();
    places
}

fn lead(held: &Held) -> Vec<usize> {
    (0..held.rest.sentences.len().min(SENTENCES)).collect()
}

/// TextRank (Mihalcea and Tarau 2004): sentences linked by words in common over the logarithms of their lengths.
fn text_rank(held: &Held) -> Vec<usize> {
    let bags: Vec<Vec<String>> = sources(held).iter().map(|text| words(text)).collect();
    let sets: Vec<BTreeSet<&String>> = bags.iter().map(|bag| bag.iter().collect()).collect();
    let likeness = |a: usize, b: usize| {
        let size = (bags[a].len().max(1) as f64).ln() + (bags[b].len().max(1) as f64).ln();
        if a == b || size <= 0.0 { 0.0 } else { sets[a].intersection(&sets[b]).count() as f64 / size }
    };
    let n = bags.len();
    let links: Vec<Vec<f64>> = (0..n).map(|a| (0..n).map(|b| likeness(a, b)).collect()).collect();
    let sums: Vec<f64> = links.iter().map(|row| row.iter().sum::<f64>().max(f64::MIN_POSITIVE)).collect();
    let mut ranks = vec![1.0; n];
    for _ in 0..50 {
        let from = |a: usize| (0..n).map(|b| links[b][a] / sums[b] * ranks[b]).sum::<f64>();
        ranks = (0..n).map(|a| 0.15 + 0.85 * from(a)).collect();
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| ranks[*b].total_cmp(&ranks[*a]));
    order.truncate(SENTENCES);
    order
}

fn sources(held: &Held) -> Vec<&str> {
    held.rest.sentences.iter().map(|sentence| held.rest.source(sentence)).collect()
}

/// Returns the words of a text, folded, without the Arabic article.
fn words(text: &str) -> Vec<String> {
    let bare = |word: String| match word.strip_prefix("ال").filter(|rest| rest.chars().count() > 2) {
        Some(rest) => rest.to_owned(),
        None => word,
    };
    text.unicode_words().map(fold).map(bare).collect()
}

fn grams(words: &[String], n: usize) -> BTreeMap<&[String], usize> {
    let mut counts = BTreeMap::new();
    words.windows(n).for_each(|gram| *counts.entry(gram).or_default() += 1);
    counts
}

fn f1(common: usize, ours: usize, theirs: usize) -> f64 {
    2.0 * common as f64 / (ours + theirs).max(1) as f64
}

/// ROUGE-N as F1 (Lin 2004).
fn rouge(summary: &[String], reference: &[String], n: usize) -> f64 {
    let (ours, theirs) = (grams(summary, n), grams(reference, n));
    let common = ours.iter().map(|(gram, count)| count.min(theirs.get(gram).unwrap_or(&0))).sum();
    f1(common, ours.values().sum(), theirs.values().sum())
}

/// ROUGE-L as F1: the longest common subsequence.
fn rouge_l(summary: &[String], reference: &[String]) -> f64 {
    let mut row = vec![0; reference.len() + 1];
    for word in summary {
        let mut diagonal = 0;
        for (at, other) in reference.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if word == other { diagonal + 1 } else { above.max(row[at]) };
            diagonal = above;
        }
    }
    f1(row[reference.len()], summary.len(), reference.len())
}

fn cosine(a: &BTreeMap<&[String], usize>, b: &BTreeMap<&[String], usize>) -> f64 {
    let dot: usize = a.iter().map(|(gram, count)| count * b.get(gram).unwrap_or(&0)).sum();
    let norm =
        |bag: &BTreeMap<&[String], usize>| (bag.values().map(|count| count * count).sum::<usize>() as f64).sqrt();
    dot as f64 / (norm(a) * norm(b)).max(f64::MIN_POSITIVE)
}

/// Adds one article to a row: likeness to the reference, to the whole article, and of its sentences to each other.
fn add(row: &mut Row, held: &Held, chosen: &[usize]) {
    let shown: Vec<Vec<String>> = chosen.iter().map(|place| words(&held.shown[*place])).collect();
    let (summary, reference) = (shown.concat(), words(&held.reference));
    row.rouge_1 += rouge(&summary, &reference, 1);
    row.rouge_2 += rouge(&summary, &reference, 2);
    row.rouge_l += rouge_l(&summary, &reference);
    let article = words(&held.shown.join(" "));
    row.coverage += cosine(&grams(&summary, 1), &grams(&article, 1));
    let bags: Vec<_> = shown.iter().map(|words| grams(words, 1)).collect();
    let likeness = bags.iter().enumerate().flat_map(|(at, a)| bags[..at].iter().map(move |b| cosine(a, b)));
    row.redundancy += likeness.fold(0.0, f64::max);
}

fn table(name: &str, all: &[Held]) -> Vec<Row> {
    println!("{name}, {} articles: ROUGE-1, ROUGE-2, ROUGE-L, coverage, redundancy", all.len());
    let rows = METHODS.iter().map(|(method, choose)| {
        let mut row = Row::default();
        all.iter().for_each(|held| add(&mut row, held, &choose(held)));
        let mean = |sum: f64| 100.0 * sum / all.len().max(1) as f64;
        let Row { rouge_1, rouge_2, rouge_l, coverage, redundancy } = row;
        println!(
            "  {method:<10} {:.1} {:.1} {:.1} {:.1} {:.1}",
            mean(rouge_1),
            mean(rouge_2),
            mean(rouge_l),
            mean(coverage),
            mean(redundancy)
        );
        row_means(&row, all.len())
    });
    rows.collect()
}

fn row_means(row: &Row, count: usize) -> Row {
    let count = count.max(1) as f64;
    let Row { rouge_1, rouge_2, rouge_l, coverage, redundancy } = row;
    Row {
        rouge_1: rouge_1 / count,
        rouge_2: rouge_2 / count,
        rouge_l: rouge_l / count,
        coverage: coverage / count,
        redundancy: redundancy / count,
    }
}

/// Builds an article of these sentences alone.
fn article(sentences: &[&str]) -> Article {
    let mut article = Article::default();
    for (index, text) in sentences.iter().enumerate() {
        let start = article.text.len();
        article.text.push_str(text);
        let range = start..article.text.len();
        article.sentences.push(Sentence { id: SentenceId(index as u32), role: Role::Body, range, block: index });
        article.text.push('\n');
    }
    article
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/articles").join(folder);
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    files.sort();
    files
}

/// The news: chosen on the Arabic, compared in the English original, line by line.
fn news() -> Vec<Held> {
    let held = |path: PathBuf| {
        let arabic = fs::read_to_string(&path).unwrap();
        let english = fs::read_to_string(path.to_string_lossy().replace(".ar.txt", ".en.txt")).unwrap();
        let pairs: Vec<(&str, &str)> = arabic.lines().zip(english.lines()).collect();
        let (first, rest) = pairs.split_at(2.min(pairs.len()));
        Held {
            rest: article(&rest.iter().map(|(arabic, _)| *arabic).collect::<Vec<_>>()),
            shown: rest.iter().map(|(_, english)| (*english).to_owned()).collect(),
            reference: first.iter().map(|(_, english)| *english).collect::<Vec<_>>().join(" "),
        }
    };
    files("news", ".ar.txt").into_iter().map(held).filter(|held| held.shown.len() > SENTENCES).collect()
}

/// The reports: chosen and compared in Arabic, as the program reads them.
fn reports() -> Vec<Held> {
    let held = |path: PathBuf| {
        let source = read::Source { label: "report.md".into(), content: read::Content::File(path) };
        let article_read = clean(read::read(source).next()?.ok()?);
        let sentences = article_read.sentences.iter();
        let title = sentences.clone().find(|s| s.role == Role::Title).map(|s| article_read.source(s));
        let body: Vec<&Sentence> = sentences.filter(|s| s.role == Role::Body).collect();
        let first = body.first()?.block;
        let (opening, rest): (Vec<&Sentence>, Vec<&Sentence>) = body.iter().partition(|s| s.block == first);
        let texts = |part: &[&Sentence]| part.iter().map(|s| article_read.source(s)).collect::<Vec<_>>();
        let (opening, rest) = (texts(&opening), texts(&rest));
        Some(Held {
            rest: article(&rest),
            shown: rest.iter().map(|text| (*text).to_owned()).collect(),
            reference: title.into_iter().chain(opening).collect::<Vec<_>>().join(" "),
        })
    };
    files("reports", ".ar.md").into_iter().filter_map(held).filter(|held| held.shown.len() > SENTENCES).collect()
}

#[test]
fn the_extractive_summary_beats_the_first_sentences_and_text_rank() {
    let (news, reports) = (news(), reports());
    if news.is_empty() || reports.is_empty() {
        println!("skipped: ../shared/articles is not there");
        return;
    }
    for (name, articles) in [("news", news), ("reports", reports)] {
        let rows = table(name, &articles);
        for other in &rows[1..] {
            assert!(rows[0].rouge_1 > other.rouge_1 && rows[0].rouge_l > other.rouge_l, "{name}");
        }
    }
}

/// Weights to choose among.
fn grid() -> Vec<Weights> {
    let mut grid = Vec::new();
    for title in [0.15, 0.3, 0.45] {
        for position in [0.0, 0.1, 0.15, 0.2, 0.3, 0.5] {
            for relevance in [0.7, 0.85, 0.95] {
                grid.push(Weights { title, position, relevance, ..Weights::default() });
            }
        }
    }
    grid
}

/// Returns ROUGE-1 and ROUGE-L of an article's summary.
fn both(held: &Held, chosen: &[usize]) -> [f64; 2] {
    let mut row = Row::default();
    add(&mut row, held, chosen);
    [row.rouge_1, row.rouge_l]
}

#[test]
fn weights_chosen_on_other_articles_beat_the_first_sentences_too() {
    const FOLDS: usize = 5;
    for (name, articles) in [("news", news()), ("reports", reports())] {
        if articles.is_empty() {
            println!("skipped: ../shared/articles is not there");
            return;
        }
        let grid = grid();
        let found = |weights: &Weights| articles.iter().map(|held| both(held, &ours_with(held, *weights))).collect();
        let of_weights: Vec<Vec<[f64; 2]>> = grid.iter().map(found).collect();
        let mut means = [0.0; 4];
        for fold in 0..FOLDS {
            let elsewhere = |row: &[[f64; 2]]| -> f64 {
                row.iter().enumerate().filter(|(index, _)| index % FOLDS != fold).flat_map(|(_, both)| both).sum()
            };
            let value = |at: &usize| elsewhere(&of_weights[*at]);
            let best = (0..grid.len()).max_by(|a, b| value(a).total_cmp(&value(b))).unwrap();
            println!("{name}, fold {fold}: {:?}", grid[best]);
            for (index, held) in articles.iter().enumerate().filter(|(index, _)| index % FOLDS == fold) {
                let values = [of_weights[best][index], both(held, &lead(held))].concat();
                means.iter_mut().zip(values).for_each(|(mean, value)| *mean += 100.0 * value / articles.len() as f64);
            }
        }
        let [rouge_1, rouge_l, first_1, first_l] = means;
        println!(
            "{name}: ROUGE-1 and ROUGE-L {rouge_1:.1} {rouge_l:.1}, the first sentences {first_1:.1} {first_l:.1}"
        );
        assert!(rouge_1 > first_1 && rouge_l > first_l, "{name}");
    }
}
