//! What may not be said next: transformers' logits processors, in transformers' order.
//!
//! Separate because greedy and beam search share them. The invariant: a processor sees the tokens so far, the start
//! token included, and one row of scores, and changes nothing else.

use crate::engine::{generation::GenerationConfig, kernels::softmax::log_sum_exp};

const RULED_OUT: f32 = f32::NEG_INFINITY;

/// Applies every processor of the configuration to one row of scores.
pub fn process(config: &GenerationConfig, tokens: &[u32], scores: &mut [f32]) {
    penalize_repetition(config.repetition_penalty, tokens, scores);
    block_repeated_ngrams(config.no_repeat_ngram_size, tokens, scores);
    block_bad_words(&config.bad_words, tokens, scores);
    if tokens.len() < config.min_length || tokens.len() - 1 < config.min_new_tokens {
        rule_out(&config.eos, scores);
    }
    if let (Some(forced), 1) = (config.forced_bos, tokens.len()) {
        force(&[forced], scores);
    }
    if !config.forced_eos.is_empty() && tokens.len() + 1 == config.max_length {
        force(&config.forced_eos, scores);
    }
    rule_out(&config.suppress, scores);
    let begin = if config.forced_bos.is_none() { 1 } else { 2 };
    if tokens.len() == begin {
        rule_out(&config.begin_suppress, scores);
    }
    if config.renormalize_logits {
        let total = log_sum_exp(scores);
        scores.iter_mut().for_each(|score| *score -= total);
    }
}

/// Returns true where processing may change the score of a token that can still be chosen, not only rule tokens out.
pub fn alters_scores(config: &GenerationConfig, tokens: &[u32]) -> bool {
    config.repetition_penalty != 1.0
        || config.renormalize_logits
        || (config.forced_bos.is_some() && tokens.len() == 1)
        || (!config.forced_eos.is_empty() && tokens.len() + 1 == config.max_length)
}

/// Scores of one row, before and after processing.
pub struct Scores<'a> {
    /// After.
    pub processed: &'a [f32],
    before: Option<Vec<f32>>,
    offset: f32,
}

impl<'a> Scores<'a> {
    /// Subtracts `offset` from a row of logits in place where `normalize` asks, then processes it.
    ///
    /// `total` is the row's log-sum-exp, so that [`Scores::raw`] is a log-probability either way.
    pub fn new(config: &GenerationConfig, tokens: &[u32], row: &'a mut [f32], total: f32, normalize: bool) -> Self {
        if normalize {
            row.iter_mut().for_each(|score| *score -= total);
        }
        let before = alters_scores(config, tokens).then(|| row.to_vec());
        process(config, tokens, row);
        Scores { processed: row, before, offset: if normalize { 0.0 } else { total } }
    }

    /// Returns a token's log-probability in the model's own distribution.
    pub fn raw(&self, token: usize) -> f32 {
        self.before.as_deref().unwrap_or(self.processed)[token] - self.offset
    }
}

fn rule_out(ids: &[u32], scores: &mut [f32]) {
    for id in ids {
        if let Some(score) = scores.get_mut(*id as usize) {
            *score = RULED_OUT;
        }
    }
}

fn force(ids: &[u32], scores: &mut [f32]) {
    scores.fill(RULED_OUT);
    for id in ids {
        if let Some(score) = scores.get_mut(*id as usize) {
            *score = 0.0;
        }
    }
}

/// Divides positive and multiplies negative scores of tokens already there (Keskar et al. 2019).
fn penalize_repetition(penalty: f32, tokens: &[u32], scores: &mut [f32]) {
    if penalty == 1.0 {
        return;
    }
    let mut seen = tokens.to_vec();
    seen.sort_unstable();
    seen.dedup();
    for id in seen {
        if let Some(score) = scores.get_mut(id as usize) {
            *score = if *score < 0.0 { *score * penalty } else { *score / penalty };
        }
    }
}

fn block_repeated_ngrams(size: usize, tokens: &[u32], scores: &mut [f32]) {
    if size == 0 || tokens.len() < size {
        return;
    }
    let prefix = &tokens[tokens.len() + 1 - size..];
    for window in tokens.windows(size).filter(|window| window[..size - 1] == *prefix) {
        rule_out(&window[size - 1..], scores);
    }
}

fn block_bad_words(bad_words: &[Vec<u32>], tokens: &[u32], scores: &mut [f32]) {
    for word in bad_words {
        if let Some((last, prefix)) = word.split_last()
            && tokens.ends_with(prefix)
        {
            rule_out(&[*last], scores);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ngram_is_not_completed_twice() {
        let mut scores = vec![0.0; 6];
        block_repeated_ngrams(3, &[5, 1, 2, 3, 1, 2], &mut scores);
        assert_eq!(scores, [0.0, 0.0, 0.0, RULED_OUT, 0.0, 0.0]);
        block_repeated_ngrams(1, &[5, 1], &mut scores);
        assert_eq!(scores, [0.0, RULED_OUT, 0.0, RULED_OUT, 0.0, RULED_OUT]);
    }

    #[test]
    fn a_bad_word_of_two_tokens_is_blocked_only_after_its_first() {
        let mut scores = vec![0.0; 4];
        block_bad_words(&[vec![1, 2], vec![3]], &[0, 2], &mut scores);
        assert_eq!(scores, [0.0, 0.0, 0.0, RULED_OUT]);
        block_bad_words(&[vec![1, 2]], &[0, 1], &mut scores);
        assert_eq!(scores[2], RULED_OUT);
    }

    #[test]
    fn repetition_is_penalized_once_per_token_towards_less_likely() {
        let mut scores = vec![2.0, -2.0, 1.0];
        penalize_repetition(2.0, &[0, 1, 1], &mut scores);
        assert_eq!(scores, [1.0, -4.0, 1.0]);
    }
}
