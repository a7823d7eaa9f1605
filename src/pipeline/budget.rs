//! How much is in memory at once, where the user sets a bound.
//!
//! Separate because it turns one number into two: sentences that wait, and tokens in flight. The invariant: no output
//! depends on it, only the order of work does; what cannot be kept within is refused before the first article.

use super::window::SENTENCES;
use crate::{
    engine::{DecodeOptions, EngineError, ModelFiles, arch::config::ModelConfig},
    exit::Failure,
};
use std::fs;

const MIB: usize = 1 << 20;
/// What a run needs beside its model, at the least.
const SMALLEST: usize = 48 * MIB;
/// Bytes that a waiting or translated sentence holds, with its share of the document that is made of it; measured.
const PER_SENTENCE: usize = 16 << 10;
/// Windows that are in memory: one that is read and one that is translated.
const WINDOWS: usize = 2;
/// Keys and values of the decoder, of its cross-attention and what search keeps beside them, as multiples of the first.
const CACHES: usize = 4;

/// What a run may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    /// Sentences that fill a window.
    pub sentences: usize,
    /// Tokens in flight at most; `None` leaves it to the engine.
    tokens: Option<usize>,
}

impl Budget {
    /// No bound.
    pub const NONE: Budget = Budget { sentences: SENTENCES, tokens: None };

    /// Shares out what a model that was just loaded leaves of so many MiB.
    pub fn within(mebibytes: usize, files: &ModelFiles) -> Result<Budget, Failure> {
        Budget::share(mebibytes, held(files), per_token(files)?)
    }

    fn share(mebibytes: usize, held: usize, per_token: usize) -> Result<Budget, Failure> {
        let room = mebibytes.saturating_mul(MIB).saturating_sub(held);
        if room < SMALLEST {
            let least = (held + SMALLEST).div_ceil(MIB);
            return Err(Failure::Usage(format!(
                "--memory-budget: the model alone takes {} MiB; {mebibytes} MiB is too little, {least} will do",
                held.div_ceil(MIB)
            )));
        }
        let sentences = (room / 2 / WINDOWS / PER_SENTENCE).clamp(1, SENTENCES);
        Ok(Budget { sentences, tokens: Some((room / 2 / per_token).max(1)) })
    }

    /// Returns how to decode within it; what the user set stays, and so does what the engine would take of itself.
    pub fn decode(&self, options: DecodeOptions, of_itself: usize) -> DecodeOptions {
        let tokens = self.tokens.filter(|tokens| *tokens < of_itself);
        DecodeOptions { batch_tokens: options.batch_tokens.or(tokens), ..options }
    }
}

/// Returns the bytes that a token in flight takes.
fn per_token(files: &ModelFiles) -> Result<usize, EngineError> {
    let (layers, width) = match ModelConfig::read(files)? {
        ModelConfig::Bart(config) => (config.decoder_layers, config.d_model),
        ModelConfig::T5(config) => (config.decoder_layers(), config.inner()),
    };
    Ok((2 * size_of::<f32>() * CACHES).saturating_mul(layers).saturating_mul(width).max(1))
}

/// Returns what the process holds now: as the system tells (Linux), else by the size of the weights.
fn held(files: &ModelFiles) -> usize {
    let statm = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = statm.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok());
    let weights = ["model.safetensors", "pytorch_model.bin"].map(|name| files.size(name)).into_iter().max();
    kibibytes.map_or(2 * weights.unwrap_or(0) as usize, |kibibytes| kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_budget_changes_nothing_and_a_small_one_shortens_window_and_batch() {
        let options = DecodeOptions::default();
        let large = Budget::share(100_000, 100 * MIB, 50_000).unwrap();
        assert_eq!((large.sentences, large.decode(options, 8192)), (SENTENCES, options));
        let small = Budget::share(164, 100 * MIB, 50_000).unwrap();
        assert_eq!(small.sentences, 1024);
        assert_eq!(small.decode(options, 8192).batch_tokens, Some(671));
        let given = DecodeOptions { batch_tokens: Some(9), ..options };
        assert_eq!(small.decode(given, 8192), given);
    }

    #[test]
    fn a_budget_that_the_model_alone_exceeds_is_refused_with_one_that_will_do() {
        let message = Budget::share(100, 90 * MIB, 1).unwrap_err().to_string();
        assert!(message.contains("takes 90 MiB") && message.contains("138 will do"), "{message}");
    }
}
