//! No search at all: a given output is walked through, so that the model's opinion of it is known.
//!
//! Separate because it chooses nothing: scores are read, never processed. The invariant: the tokens are those given, to
//! the last one, or as many of them as the maximum length leaves room for.

use super::{Open, Search};
use crate::engine::{
    generation::GenerationConfig,
    kernels::{
        projection::{Scores, Wanted},
        softmax::log_sum_exp,
    },
};

/// The walk through one given output.
#[derive(Debug, Clone)]
pub struct Forced {
    config: GenerationConfig,
    current: Open,
}

impl Forced {
    /// Returns a walk at the start token, through the configuration's `forced_output`.
    pub fn new(config: GenerationConfig) -> Forced {
        Forced { current: Open::start(&config), config }
    }

    fn next(&self) -> Option<u32> {
        self.config.forced_output.get(self.current.lineage.len()).copied()
    }
}

impl Search for Forced {
    fn open(&self) -> &[Open] {
        if self.done() { &[] } else { std::slice::from_ref(&self.current) }
    }

    fn wanted(&self, _vocabulary: usize) -> Vec<Wanted> {
        vec![Wanted::All; self.open().len()]
    }

    fn advance(&mut self, scores: &mut [Scores]) {
        let (Some(token), Some(scores)) = (self.next(), scores.first()) else { return };
        self.current = self.current.extend(0, token, log_probability(scores, token));
    }

    fn done(&self) -> bool {
        self.next().is_none() || self.current.tokens.len() >= self.config.max_length
    }

    fn best(&self) -> Option<&Open> {
        self.done().then_some(&self.current)
    }
}

/// Returns the log-probability of a token; one that the scores do not hold has none.
fn log_probability(scores: &Scores, token: u32) -> f32 {
    match scores {
        Scores::All(row) => row.get(token as usize).map_or(f32::NEG_INFINITY, |score| score - log_sum_exp(row)),
        Scores::Best { best, total, .. } => {
            let found = best.iter().find(|(candidate, _)| *candidate == token);
            found.map_or(f32::NEG_INFINITY, |(_, score)| score - total)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_given_tokens_are_scored_whatever_is_likelier() {
        let config = GenerationConfig::of(r#"{"decoder_start_token_id": 2, "eos_token_id": 0}"#);
        let mut walk = Forced::new(GenerationConfig { forced_output: vec![1, 0], ..config });
        while !walk.done() {
            walk.advance(&mut [Scores::All(vec![0.0, 0.0, f32::NEG_INFINITY])]);
        }
        let best = walk.best().unwrap();
        assert_eq!(best.tokens, [2, 1, 0]);
        assert!((best.raw_score - 2.0 * 0.5f32.ln()).abs() < 1e-6);
    }
}
