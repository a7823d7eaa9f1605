//! Greedy search: the most likely token at each step.
//!
//! Separate because it needs none of beam search's bookkeeping. The invariant: processors act on raw scores, as in
//! transformers, where a penalty on log-probabilities would choose otherwise.

use super::{Open, Search, processors::Scores};
use crate::engine::{
    generation::GenerationConfig,
    kernels::softmax::{argmax, log_sum_exp},
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

    fn advance(&mut self, logits: &mut [f32]) {
        let total = log_sum_exp(logits);
        let scores = Scores::new(&self.config, &self.current.tokens, logits, total, false);
        let token = argmax(scores.processed);
        self.current = self.current.extend(0, token as u32, scores.raw(token));
        self.done = self.current.ends(&self.config);
    }

    fn done(&self) -> bool {
        self.done
    }

    fn best(&self) -> Option<&Open> {
        self.done.then_some(&self.current)
    }
}
