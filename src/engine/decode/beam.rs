//! Beam search as transformers 5 does it, for one source.
//!
//! Separate from greedy search because finished hypotheses compete with open ones. The invariant: the arithmetic on
//! scores (f32, the order of penalties, -1e9 for "not available") follows `_beam_search` of transformers, since a tie
//! broken elsewhere is another translation.

use super::{
    Open, Search,
    processors::{candidates, wanted},
};
use crate::engine::{
    generation::{EarlyStopping, GenerationConfig},
    kernels::projection::{Scores, Wanted},
};

/// Stands for a beam that is not available; finite, so that sums stay comparable.
const UNAVAILABLE: f32 = -1.0e9;

/// A finished hypothesis, or a place kept for one.
#[derive(Debug, Clone)]
struct Finished {
    hypothesis: Option<Open>,
    score: f32,
}

/// A hypothesis one token on, not yet sorted into open and finished.
struct Candidate {
    beam: usize,
    token: u32,
    score: f32,
    raw: f32,
}

/// The beam search for one source.
#[derive(Debug)]
pub struct Beam {
    config: GenerationConfig,
    open: Vec<Open>,
    open_scores: Vec<f32>,
    finished: Vec<Finished>,
    done: bool,
}

impl Beam {
    /// Returns a search at the start token: one open hypothesis, since all beams would be the same.
    pub fn new(config: GenerationConfig) -> Beam {
        let beams = config.num_beams;
        Beam {
            open: vec![Open::start(&config)],
            open_scores: vec![0.0],
            finished: vec![Finished { hypothesis: None, score: UNAVAILABLE }; beams],
            done: false,
            config,
        }
    }

    /// Returns the best continuations over all beams, best first.
    fn candidates(&self, scores: &mut [Scores]) -> Vec<Candidate> {
        let keep = keep(&self.config);
        let mut all = Vec::with_capacity(keep * (self.open.len() + 1));
        for (beam, scores) in scores.iter_mut().enumerate() {
            for next in candidates(&self.config, &self.open[beam].tokens, scores, keep, true) {
                let score = next.score + self.open_scores[beam];
                all.push(Candidate { beam, token: next.token, score, raw: next.raw });
            }
        }
        // A stable sort keeps the lower beam, then the better-ranked token, first among equals.
        all.sort_by(|a, b| b.score.total_cmp(&a.score));
        all.truncate(keep);
        all
    }

    /// Returns the open hypotheses of the next step with their scores: the best that have not ended.
    fn reopen(&self, candidates: &[Candidate], continued: &[Open], ended: &[bool]) -> (Vec<Open>, Vec<f32>) {
        let penalized = |i: usize| candidates[i].score + if ended[i] { UNAVAILABLE } else { 0.0 };
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_by(|a, b| penalized(*b).total_cmp(&penalized(*a)));
        order.truncate(self.config.num_beams);
        order.iter().map(|i| (continued[*i].clone(), penalized(*i))).unzip()
    }

    /// Lets hypotheses that just ended compete with those finished before.
    fn finish(&mut self, candidates: &[Candidate], continued: &[Open], ended: &[bool], length: usize) {
        let beams = self.config.num_beams;
        let divisor = divisor(&self.config, length);
        for i in (0..candidates.len().min(beams)).filter(|i| ended[*i]) {
            let finished = Finished { hypothesis: Some(continued[i].clone()), score: candidates[i].score / divisor };
            self.finished.push(finished);
        }
        self.finished.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.finished.truncate(beams);
    }

    /// Returns whether an open hypothesis may still better the worst finished one.
    fn may_improve(&self, length: usize) -> bool {
        let best_open = self.open_scores[0] / divisor(&self.config, length_ahead(&self.config, length));
        let worst = self.finished.iter().map(|finished| finished.score).fold(f32::INFINITY, f32::min);
        // A place not taken yet leaves room, unless the open hypotheses are themselves unavailable.
        self.finished.iter().any(|finished| best_open > finished.hypothesis.as_ref().map_or(UNAVAILABLE, |_| worst))
    }
}

/// Returns how many continuations are looked at: enough that `num_beams` stay open whatever ends.
pub(super) fn keep(config: &GenerationConfig) -> usize {
    (1 + config.eos.len()).max(2) * config.num_beams
}

/// Returns what the score of a hypothesis of this length is divided by.
pub(super) fn divisor(config: &GenerationConfig, length: usize) -> f32 {
    (length as f64).powf(config.length_penalty) as f32
}

/// Returns the length at which an open hypothesis of this one is compared with those that ended.
pub(super) fn length_ahead(config: &GenerationConfig, length: usize) -> usize {
    let never = config.early_stopping == EarlyStopping::Never && config.length_penalty > 0.0;
    if never { config.max_length - 1 } else { length }
}

impl Search for Beam {
    fn open(&self) -> &[Open] {
        if self.done { &[] } else { &self.open }
    }

    fn wanted(&self, vocabulary: usize) -> Vec<Wanted> {
        self.open().iter().map(|open| wanted(&self.config, &open.tokens, keep(&self.config), vocabulary)).collect()
    }

    fn advance(&mut self, scores: &mut [Scores]) {
        let candidates = self.candidates(scores);
        let continued: Vec<Open> =
            candidates.iter().map(|c| self.open[c.beam].extend(c.beam, c.token, c.raw)).collect();
        let ended: Vec<bool> = continued.iter().map(|open| open.ends(&self.config)).collect();
        let length = self.open[0].tokens.len(); // tokens after the start token, the new one included
        let (open, open_scores) = self.reopen(&candidates, &continued, &ended);
        self.finish(&candidates, &continued, &ended, length);
        (self.open, self.open_scores) = (open, open_scores);
        let full = self.finished.iter().all(|finished| finished.hypothesis.is_some());
        let satisfied = full && self.config.early_stopping == EarlyStopping::Always;
        self.done = !self.may_improve(length) || satisfied || ended.iter().all(|ended| *ended);
    }

    fn done(&self) -> bool {
        self.done
    }

    fn best(&self) -> Option<&Open> {
        self.finished.first().and_then(|finished| finished.hypothesis.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(num_beams: usize) -> GenerationConfig {
        let json =
            format!(r#"{{"decoder_start_token_id": 3, "eos_token_id": 0, "num_beams": {num_beams}, "max_length": 6}}"#);
        GenerationConfig::of(&json)
    }

    /// Scores of the next token that depend on the last one alone.
    const TABLE: [[f32; 4]; 4] =
        [[0.0, 0.0, 0.0, -9.0], [1.5, 0.0, 1.0, -9.0], [3.0, 0.5, 0.0, -9.0], [-9.0, 1.0, 0.8, -9.0]];

    fn run(search: &mut dyn Search) -> Open {
        while !search.done() {
            let last = |open: &Open| open.tokens[open.tokens.len() - 1] as usize;
            let mut scores: Vec<Scores> =
                search.open().iter().map(|open| Scores::All(TABLE[last(open)].to_vec())).collect();
            search.advance(&mut scores);
        }
        search.best().unwrap().clone()
    }

    #[test]
    fn a_wider_beam_finds_the_output_that_greedy_search_misses() {
        let greedy = run(&mut super::super::greedy::Greedy::new(config(1)));
        let beam = run(&mut Beam::new(config(3)));
        assert_eq!(greedy.tokens, [3, 1, 0]);
        assert_eq!(beam.tokens, [3, 2, 0]);
        assert!(beam.raw_score > greedy.raw_score);
        assert_eq!(beam.lineage.len(), beam.tokens.len() - 1);
    }
}
