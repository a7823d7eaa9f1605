//! Search for the best output: greedy and beam search with the semantics of transformers' `generate`.
//!
//! Separate from the model, which only scores, and from batching, which only schedules: a search is a state machine
//! for one source, fed one step's scores at a time. The invariant: given the same scores, the same tokens as
//! transformers 5.

pub mod beam;
pub mod forced;
pub mod greedy;
pub mod processors;
pub mod resident;

use super::{
    generation::GenerationConfig,
    kernels::projection::{Scores, Wanted},
};

/// A finished output.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// The tokens after the start token, the closing end of sentence included where it was reached.
    pub tokens: Vec<u32>,
    /// Mean log-probability per token (nats), of the model's own distribution before any processing.
    pub score: f32,
    /// Attention of the step that chose each token, over the source's tokens; empty where it was not tapped.
    pub attention: Vec<Vec<f32>>,
}

impl Hypothesis {
    /// Returns an output of this summed log-probability.
    pub(super) fn new(tokens: Vec<u32>, raw_score: f32, attention: Vec<Vec<f32>>) -> Hypothesis {
        Hypothesis { score: raw_score / tokens.len().max(1) as f32, tokens, attention }
    }
}

/// An open hypothesis: what the model runs next.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    /// The tokens so far, the start token first.
    pub tokens: Vec<u32>,
    /// The beam whose cache slot holds each position before the last token's.
    pub lineage: Vec<u32>,
    /// Summed log-probability of the tokens before any processing.
    pub raw_score: f32,
}

impl Open {
    fn start(config: &GenerationConfig) -> Open {
        Open { tokens: vec![config.decoder_start], lineage: Vec::new(), raw_score: 0.0 }
    }

    /// Returns the hypothesis one token on; `beam` is where the model wrote this one's position.
    fn extend(&self, beam: usize, token: u32, log_probability: f32) -> Open {
        Open {
            tokens: self.tokens.iter().copied().chain([token]).collect(),
            lineage: self.lineage.iter().copied().chain([beam as u32]).collect(),
            raw_score: self.raw_score + log_probability,
        }
    }

    fn ends(&self, config: &GenerationConfig) -> bool {
        let last = self.tokens.last();
        self.tokens.len() >= config.max_length || last.is_some_and(|token| config.eos.contains(token))
    }
}

/// The search for one source.
pub trait Search: Send {
    /// Returns the open hypotheses, in beam order: the rows of the next step.
    fn open(&self) -> &[Open];

    /// Returns what each open hypothesis wants to know of its next token's scores.
    fn wanted(&self, vocabulary: usize) -> Vec<Wanted>;

    /// Takes the scores of each open hypothesis' next token and moves on; the scores are scratch.
    fn advance(&mut self, scores: &mut [Scores]);

    /// Returns true when the output is final.
    fn done(&self) -> bool;

    /// Returns the best finished hypothesis: its tokens, the start token first, with lineage and score.
    fn best(&self) -> Option<&Open>;
}

/// Returns a search as the configuration asks: none for a forced output, greedy for one beam.
pub fn search(config: &GenerationConfig) -> Box<dyn Search> {
    if !config.forced_output.is_empty() {
        return Box::new(forced::Forced::new(config.clone()));
    }
    match config.num_beams {
        1 => Box::new(greedy::Greedy::new(config.clone())),
        _ => Box::new(beam::Beam::new(config.clone())),
    }
}
