//! Greedy search: the most likely token at each step.
//!
//! Separate because it needs none of beam search's bookkeeping. The invariant: processors act on raw scores, as in
//! transformers, where a penalty on log-probabilities would choose otherwise.

use super::{
    Open, Search,
    processors::{candidates, wanted},
};
use crate::engine::{
    generation::GenerationConfig,
    kernels::projection::{Scores, Wanted},
};

/// The greedy search for one source.
#[derive(Debug)]
pub struct Greedy {
    config: GenerationConfig,
    current: Open,
    done: bool,
}

impl Greedy {
    /// Returns a search at the start token.
    pub fn new(config: GenerationConfig) -> Greedy {
        let current = Open::start(&config);
        Greedy { done: false, current, config }
    }
}

impl Search for Greedy {
    fn open(&self) -> &[Open] {
        if self.done { &[] } else { std::slice::from_ref(&self.current) }
    }

    fn wanted(&self, vocabulary: usize) -> Vec<Wanted> {
        self.open().iter().map(|open| wanted(&self.config, &open.tokens, 1, vocabulary)).collect()
    }

    fn advance(&mut self, scores: &mut [Scores]) {
        let best = scores
            .first_mut()
            .and_then(|scores| candidates(&self.config, &self.current.tokens, scores, 1, false).pop());
        match best {
            Some(best) => {
                self.current = self.current.extend(0, best.token, best.raw);
                self.done = self.current.ends(&self.config);
            }
            // Every token is ruled out: what there is stays the output.
            None => self.done = true,
        }
    }

    fn done(&self) -> bool {
        self.done
    }

    fn best(&self) -> Option<&Open> {
        self.done.then_some(&self.current)
    }
}
