//! Articles whose sentences are known, and the count of what was found in them.
//!
//! Separate because both tests share it. The invariant: the same articles give the same cases on every run.

pub mod plant;
pub mod retell;

use std::{fmt, fs, path::Path};

/// A sentence said otherwise, with the places of those it was made of.
#[derive(Debug, Clone)]
pub struct Case {
    pub text: String,
    pub sources: Vec<usize>,
}

/// A share, with what is not in it.
#[derive(Debug, Default)]
pub struct Rate {
    pub yes: usize,
    pub of: usize,
    pub misses: Vec<String>,
}

impl Rate {
    pub fn count(&mut self, yes: bool, miss: impl Fn() -> String) {
        self.of += 1;
        self.yes += usize::from(yes);
        if !yes {
            self.misses.push(miss());
        }
    }

    pub fn share(&self) -> f64 {
        self.yes as f64 / self.of.max(1) as f64
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} % of {}", self.share() * 100.0, self.of)
    }
}

/// A generator of numbers that are the same on every machine (xorshift64*, Vigna 2016).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % end.max(1)
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        (1..items.len()).rev().for_each(|last| items.swap(last, self.below(last + 1)));
    }
}

/// Returns the sentences of each article, its headline left out.
pub fn articles() -> Vec<Vec<String>> {
    let text = include_str!("articles.txt");
    text.split("\n\n").map(|article| article.lines().skip(1).map(str::to_owned).collect()).collect()
}

/// Sentences of an article, Arabic and English.
pub type Pairs = Vec<(String, String)>;

/// Returns the news articles line by line in both languages, headlines left out, where they are there.
pub fn news_in_both() -> Option<Vec<Pairs>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/articles/news");
    let mut files: Vec<_> = fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(".en.txt"));
    files.sort();
    let lines = |path: &str| -> Vec<String> {
        fs::read_to_string(path).unwrap().lines().map(|l| l.trim().to_owned()).collect()
    };
    let article = |path: &std::path::PathBuf| {
        let english = path.to_string_lossy();
        let pairs = lines(&english.replace(".en.txt", ".ar.txt")).into_iter().zip(lines(&english)).skip(1);
        pairs.filter(|(arabic, english)| !arabic.is_empty() && !english.is_empty()).collect()
    };
    Some(files.iter().map(article).collect())
}

/// Returns their English alone.
pub fn news() -> Option<Vec<Vec<String>>> {
    let english = |article: Pairs| article.into_iter().map(|(_, english)| english).collect();
    Some(news_in_both()?.into_iter().map(english).collect())
}
