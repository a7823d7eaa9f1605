//! The bar of a run: articles, sentences, words per second, time left.
//!
//! Separate because the flow counts in articles and words, a bar in steps. The invariant: where standard error is not a terminal it draws nothing
//! and costs next to nothing, so the flow need not ask.

use super::Ui;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::{
    fmt,
    time::{Duration, Instant},
};

const TICK: Duration = Duration::from_millis(200);
const RUN_TEMPLATE: &str = "{bar:30} {percent:>3}%  {msg}  {eta} left";

/// Progress of the whole run. Its length is in bytes of input, which is known before any article is read.
#[derive(Debug)]
pub struct RunBar {
    bar: ProgressBar,
    started: Instant,
    articles: (u64, u64),
    sentences: u64,
    words: u64,
    /// Bytes of the window in hand that each word of it stands for.
    bytes_per_word: f64,
    /// Part of a byte not yet shown.
    rest: f64,
}

impl Ui {
    /// Starts the bar of a run over this many inputs of this many bytes together.
    pub fn run_bar(&self, inputs: u64, bytes: u64) -> RunBar {
        let bar = self.bars.add(ProgressBar::new(bytes).with_style(style(RUN_TEMPLATE)));
        if self.has_bars {
            bar.enable_steady_tick(TICK);
        }
        let run = RunBar {
            bar,
            started: Instant::now(),
            articles: (0, inputs),
            sentences: 0,
            words: 0,
            bytes_per_word: 0.0,
            rest: 0.0,
        };
        run.show();
        run
    }
}

pub(super) fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ")
}

impl RunBar {
    /// An input held one article more than the one that was counted for it.
    pub fn one_more_article(&mut self) {
        self.articles.1 += 1;
    }

    /// An article needs no translation: its bytes are no work to do.
    pub fn passed_over(&mut self, bytes: u64) {
        self.articles.0 += 1;
        self.needs_no_work(bytes);
    }

    /// The bytes of an article are no work to do; what becomes of it is not settled yet.
    pub fn needs_no_work(&mut self, bytes: u64) {
        self.bar.set_length(self.bar.length().unwrap_or(0).saturating_sub(bytes).max(self.bar.position()));
        self.show();
    }

    /// Work on a window of articles begins.
    pub fn window(&mut self, bytes: u64, words: u64) {
        self.bytes_per_word = bytes as f64 / words.max(1) as f64;
        self.show();
    }

    /// A piece of text of this many words is translated.
    pub fn translated(&mut self, words: u64) {
        self.words += words;
        let bytes = words as f64 * self.bytes_per_word + self.rest;
        self.rest = bytes.fract();
        self.bar.inc(bytes as u64);
        self.show();
    }

    /// The documents of an article are written.
    pub fn written(&mut self, sentences: u64) {
        self.articles.0 += 1;
        self.sentences += sentences;
        self.show();
    }

    /// Takes the bar off the screen.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn show(&self) {
        if !self.bar.is_hidden() {
            self.bar.set_message(self.to_string());
        }
    }
}

impl fmt::Display for RunBar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((done, all), seconds) = (self.articles, self.started.elapsed().as_secs_f64());
        let speed = (self.words as f64 / seconds.max(0.001)).round() as u64;
        let (sentences, speed) = (HumanCount(self.sentences), HumanCount(speed));
        write!(f, "{done}/{all} articles, {sentences} sentences, {speed} words/s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::MessageOptions;

    #[test]
    fn the_template_is_well_formed() {
        assert!(ProgressStyle::with_template(RUN_TEMPLATE).is_ok());
    }

    #[test]
    fn words_move_the_bar_by_the_bytes_they_stand_for() {
        let ui = Ui::new(&MessageOptions { quiet: true, ..MessageOptions::default() });
        let mut run = ui.run_bar(2, 300);
        run.passed_over(100);
        assert_eq!(run.bar.length(), Some(200));
        run.window(200, 30);
        (0..30).for_each(|_| run.translated(1));
        run.written(7);
        assert!((199..=200).contains(&run.bar.position()));
        assert!(run.to_string().starts_with("2/2 articles, 7 sentences, "), "{run}");
    }
}
