//! What a device must know to search by itself as `greedy` and `beam` do, and which searches it cannot do.
//!
//! Separate from the state machines of the host, which do every search. The invariant: a search is left to a device only where
//! a step's rules depend on how many tokens there are, never on which; what they say is what `processors` says.

use super::{
    beam,
    processors::{forced, ruled_out},
};
use crate::engine::{
    generation::{EarlyStopping, GenerationConfig},
    kernels::{
        device::search::{MOST_BEAMS, MOST_CANDIDATES, MOST_TOKENS, Rules, Turn},
        softmax::log_sum_exp,
    },
};

/// The search for one source, as far as it is known on the host.
#[derive(Debug)]
pub struct Resident {
    config: GenerationConfig,
    rules: Rules,
    slot: usize,
    /// What stands for the tokens so far, the start token first: none of them matters.
    tokens: Vec<u32>,
}

impl Resident {
    /// Returns a search at the start token whose first hypothesis is in this slot.
    pub fn new(config: GenerationConfig, slot: usize) -> Resident {
        let greedy = config.num_beams == 1;
        let rules = Rules {
            beams: config.num_beams,
            keep: keep(&config),
            greedy,
            start: config.decoder_start,
            eos: config.eos.clone(),
            renormalize: config.renormalize_logits,
            stops_when_full: config.early_stopping == EarlyStopping::Always,
        };
        Resident { rules, slot, tokens: vec![config.decoder_start], config }
    }

    /// Returns what the search must know of its next step.
    pub fn turn(&self) -> Turn<'_> {
        let forced = forced(&self.config, &self.tokens);
        let rest = match self.config.renormalize_logits && !forced.is_empty() {
            true => log_sum_exp(&vec![0.0; forced.len()]),
            false => 0.0,
        };
        let length = self.tokens.len(); // tokens after the start token, the new one included
        Turn {
            rules: &self.rules,
            slot: self.slot,
            position: length - 1,
            ruled_out: if forced.is_empty() { ruled_out(&self.config, &self.tokens) } else { Vec::new() },
            forced,
            forced_score: 0.0 - rest,
            last: length + 1 >= self.config.max_length,
            divisor: beam::divisor(&self.config, length),
            divisor_ahead: beam::divisor(&self.config, beam::length_ahead(&self.config, length)),
        }
    }

    /// Moves on to the next step.
    pub fn advance(&mut self) {
        self.tokens.push(self.config.decoder_start);
    }
}

/// Returns true where a device can do the search that is asked for, over a vocabulary of this size.
pub fn suits(config: &GenerationConfig, vocabulary: usize) -> bool {
    let within = |token: &u32| (*token as usize) < vocabulary;
    let barred = |token: &u32| config.suppress.contains(token) || config.begin_suppress.contains(token);
    let mut forced = config.forced_bos.iter().chain(&config.forced_eos);
    let ruled_out = config.bad_words.len() + config.suppress.len() + config.begin_suppress.len() + config.eos.len();
    let count = keep(config) + ruled_out;
    config.forced_output.is_empty()
        && config.repetition_penalty == 1.0
        && config.no_repeat_ngram_size == 0
        && config.bad_words.iter().all(|word| word.len() == 1)
        && within(&config.decoder_start)
        && forced.all(|token| within(token) && !barred(token))
        && config.num_beams <= MOST_BEAMS
        && count * config.num_beams <= MOST_CANDIDATES
        && (count + 1..=MOST_TOKENS).contains(&vocabulary)
}

/// Returns how many continuations a search looks at.
fn keep(config: &GenerationConfig) -> usize {
    if config.num_beams == 1 { 1 } else { beam::keep(config) }
}
