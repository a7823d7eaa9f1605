//! What may not be said next: transformers' logits processors, in transformers' order.
//!
//! Separate because greedy and beam search share them. The invariant: a processor sees the tokens so far, the start
//! token included, and one row of scores, and changes nothing else.

use crate::engine::{
    generation::GenerationConfig,
    kernels::{
        projection::{Best, Scores, Wanted},
        softmax::{log_sum_exp, top},
    },
};

const RULED_OUT: f32 = f32::NEG_INFINITY;

/// A token that may come next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The token.
    pub token: u32,
    /// Its score after processing.
    pub score: f32,
    /// Its log-probability in the model's own distribution.
    pub raw: f32,
}

/// Returns what must be known of the next token's scores so that the `keep` best after processing are among them.
pub fn wanted(config: &GenerationConfig, tokens: &[u32], keep: usize, vocabulary: usize) -> Wanted {
    if alters_scores(config, tokens) {
        return Wanted::All;
    }
    let ruled_out = ruled_out(config, tokens);
    let count = keep + ruled_out.len();
    match count < vocabulary {
        true => Wanted::Best(Best { count, ruled_out, renormalized: config.renormalize_logits }),
        false => Wanted::All,
    }
}

/// Returns the `keep` best continuations after processing, best first, the lower token first among equals.
///
/// `normalize` takes log-probabilities for scores, as beam search does, instead of the scores before softmax.
pub fn candidates(
    config: &GenerationConfig,
    tokens: &[u32],
    scores: &mut Scores,
    keep: usize,
    normalize: bool,
) -> Vec<Candidate> {
    match scores {
        Scores::All(row) => {
            let total = log_sum_exp(row);
            let offset = if normalize { total } else { 0.0 };
            row.iter_mut().for_each(|score| *score -= offset);
            let before = row.clone();
            process(config, tokens, row);
            let candidate = |i: usize| Candidate { token: i as u32, score: row[i], raw: before[i] - (total - offset) };
            top(row, keep).into_iter().map(candidate).collect()
        }
        Scores::Best { best, total, remaining } => {
            let ruled_out = ruled_out(config, tokens);
            let allowed = || best.iter().filter(|(token, _)| !ruled_out.contains(token));
            let (offset, rest) = match normalize {
                true => (*total, *remaining - *total),
                // No choice depends on what is taken from all scores alike.
                false => (0.0, 0.0),
            };
            let candidate = |(token, score): &(u32, f32)| {
                let score = score - offset;
                Candidate { token: *token, score: score - rest, raw: score - (*total - offset) }
            };
            let mut candidates: Vec<Candidate> = allowed().map(candidate).collect();
            // Two scores may have become equal by the subtraction.
            candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.token.cmp(&b.token)));
            candidates.truncate(keep);
            candidates
        }
    }
}

/// Applies every processor of the configuration to one row of scores.
fn process(config: &GenerationConfig, tokens: &[u32], scores: &mut [f32]) {
    penalize_repetition(config.repetition_penalty, tokens, scores);
    rule_out(&ruled_out_first(config, tokens), scores);
    let forced = forced(config, tokens);
    if !forced.is_empty() {
        force(&forced, scores);
    }
    rule_out(&ruled_out_last(config, tokens), scores);
    if config.renormalize_logits {
        let total = log_sum_exp(scores);
        scores.iter_mut().for_each(|score| *score -= total);
    }
}

/// Returns true where processing may change the score of a token that can still be chosen, not only rule tokens out.
fn alters_scores(config: &GenerationConfig, tokens: &[u32]) -> bool {
    config.repetition_penalty != 1.0 || !forced(config, tokens).is_empty()
}

/// Returns the tokens of which one must come next, the lowest first; none where any may.
pub(super) fn forced(config: &GenerationConfig, tokens: &[u32]) -> Vec<u32> {
    let mut forced: Vec<u32> = match config.forced_bos {
        _ if !config.forced_eos.is_empty() && tokens.len() + 1 == config.max_length => config.forced_eos.clone(),
        Some(forced) if tokens.len() == 1 => vec![forced],
        _ => Vec::new(),
    };
    forced.sort_unstable();
    forced.dedup();
    forced
}

/// Returns the tokens ruled out where none is forced, each once.
pub(super) fn ruled_out(config: &GenerationConfig, tokens: &[u32]) -> Vec<u32> {
    let mut ids = [ruled_out_first(config, tokens), ruled_out_last(config, tokens)].concat();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Returns the tokens ruled out before any token is forced.
fn ruled_out_first(config: &GenerationConfig, tokens: &[u32]) -> Vec<u32> {
    let mut ids = repeated_ngrams(config.no_repeat_ngram_size, tokens);
    ids.extend(bad_words(&config.bad_words, tokens));
    if tokens.len() < config.min_length || tokens.len() - 1 < config.min_new_tokens {
        ids.extend(&config.eos);
    }
    ids
}

/// Returns the tokens ruled out even where they are forced.
fn ruled_out_last(config: &GenerationConfig, tokens: &[u32]) -> Vec<u32> {
    let begin = if config.forced_bos.is_none() { 1 } else { 2 };
    let at_begin: &[u32] = if tokens.len() == begin { &config.begin_suppress } else { &[] };
    [&config.suppress, at_begin].concat()
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

/// Returns the tokens that would complete an n-gram of this size a second time.
fn repeated_ngrams(size: usize, tokens: &[u32]) -> Vec<u32> {
    if size == 0 || tokens.len() < size {
        return Vec::new();
    }
    let prefix = &tokens[tokens.len() + 1 - size..];
    let repeated = tokens.windows(size).filter(|window| window[..size - 1] == *prefix);
    repeated.map(|window| window[size - 1]).collect()
}

/// Returns the tokens that would complete a bad word.
fn bad_words<'a>(bad_words: &'a [Vec<u32>], tokens: &'a [u32]) -> impl Iterator<Item = u32> + 'a {
    let last =
        |word: &Vec<u32>| word.split_last().filter(|(_, prefix)| tokens.ends_with(prefix)).map(|(last, _)| *last);
    bad_words.iter().filter_map(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ngram_is_not_completed_twice() {
        assert_eq!(repeated_ngrams(3, &[5, 1, 2, 3, 1, 2]), [3]);
        assert_eq!(repeated_ngrams(1, &[5, 1]), [5, 1]);
        assert!(repeated_ngrams(3, &[5, 1]).is_empty());
    }

    #[test]
    fn a_bad_word_of_two_tokens_is_blocked_only_after_its_first() {
        let words = [vec![1, 2], vec![3]];
        assert_eq!(bad_words(&words, &[0, 2]).collect::<Vec<_>>(), [3]);
        assert_eq!(bad_words(&words, &[0, 1]).collect::<Vec<_>>(), [2, 3]);
    }

    fn remaining(row: &[f32], wanted: &Best) -> f32 {
        let mut row = row.to_vec();
        rule_out(wanted.apart(), &mut row);
        log_sum_exp(&row)
    }

    #[test]
    fn the_best_scores_give_the_candidates_that_all_scores_give() {
        let config = GenerationConfig::of(
            r#"{"decoder_start_token_id": 9, "eos_token_id": 0, "suppress_tokens": [4], "no_repeat_ngram_size": 2}"#,
        );
        let tokens = [9, 3, 5, 3];
        let row: Vec<f32> = (0..12).map(|i| ((i * 5) % 12) as f32 * 0.5).collect();
        for (normalize, renormalize_logits) in [(false, false), (true, false), (true, true)] {
            let config = GenerationConfig { renormalize_logits, ..config.clone() };
            let Wanted::Best(wanted) = wanted(&config, &tokens, 3, row.len()) else { panic!("nothing alters scores") };
            let best = top(&row, wanted.count).into_iter().map(|i| (i as u32, row[i])).collect();
            let mut reduced = Scores::Best { best, total: log_sum_exp(&row), remaining: remaining(&row, &wanted) };
            let got = candidates(&config, &tokens, &mut reduced, 3, normalize);
            let want = candidates(&config, &tokens, &mut Scores::All(row.clone()), 3, normalize);
            assert_eq!(got.iter().map(|candidate| candidate.token).collect::<Vec<_>>(), [7, 2, 9]);
            for (got, want) in got.iter().zip(&want) {
                assert_eq!(got.token, want.token);
                assert!((got.score - want.score).abs() < 1e-5 && (got.raw - want.raw).abs() < 1e-5, "{got:?} {want:?}");
            }
        }
    }

    #[test]
    fn a_ruled_out_token_that_had_nearly_all_the_probability_leaves_the_others_as_they_are() {
        let config = GenerationConfig::of(
            r#"{"decoder_start_token_id": 9, "eos_token_id": 0, "suppress_tokens": [0], "renormalize_logits": true}"#,
        );
        let row = [30.0, 1.0, 3.0, 2.0, -1.0, 0.5, -2.0, 0.0, -3.0, -4.0];
        let Wanted::Best(wanted) = wanted(&config, &[9], 3, row.len()) else { panic!("nothing alters scores") };
        let best = top(&row, wanted.count).into_iter().map(|i| (i as u32, row[i])).collect();
        let mut reduced = Scores::Best { best, total: log_sum_exp(&row), remaining: remaining(&row, &wanted) };
        let got = candidates(&config, &[9], &mut reduced, 3, true);
        let want = candidates(&config, &[9], &mut Scores::All(row.to_vec()), 3, true);
        assert_eq!(got.iter().map(|candidate| candidate.token).collect::<Vec<_>>(), [2, 3, 1]);
        for (got, want) in got.iter().zip(&want) {
            assert!(got.token == want.token && (got.score - want.score).abs() < 1e-5, "{got:?} {want:?}");
        }
    }

    #[test]
    fn repetition_is_penalized_once_per_token_towards_less_likely() {
        let mut scores = vec![2.0, -2.0, 1.0];
        penalize_repetition(2.0, &[0, 1, 1], &mut scores);
        assert_eq!(scores, [1.0, -4.0, 1.0]);
    }
}
