//! Sizes and flags of the T5 family, and what tells its members apart that `config.json` does not say.
//!
//! Separate because T5 names nothing as BART does. The invariant: whether the head's input is scaled follows
//! transformers 5, which decides it by member and flags and not by whether the head is tied.

use super::{FILE, require_positive};
use crate::engine::{
    EngineError,
    kernels::{activation::Activation, relative::Buckets},
};
use serde::Deserialize;

/// When the decoder's output is multiplied by d_model^-0.5 before the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadScale {
    /// As `scale_decoder_outputs` says, which transformers 5 writes; else unless `tie_word_embeddings` is false, which told
    /// T5 1.0 from 1.1 before.
    UnlessUntied,
    /// Never.
    Never,
    /// Always.
    Always,
}

/// What tells a member of the family apart.
#[derive(Debug)]
pub struct T5Family {
    /// When the head's input is scaled.
    head_scale: HeadScale,
    /// Each layer has position biases of its own; otherwise all use the first layer's.
    pub bias_per_layer: bool,
    /// Feed-forward blocks where `config.json` says nothing.
    feed_forward: &'static str,
    /// The tokens that start and end an output where no file names them.
    pub(super) start_and_end: (u32, u32),
}

pub(super) static T5: T5Family = T5Family {
    head_scale: HeadScale::UnlessUntied,
    bias_per_layer: false,
    feed_forward: "relu",
    start_and_end: (0, 1),
};

pub(super) static MT5: T5Family =
    T5Family { head_scale: HeadScale::Never, bias_per_layer: false, feed_forward: "gated-gelu", start_and_end: (0, 1) };

pub(super) static UMT5: T5Family =
    T5Family { head_scale: HeadScale::Always, bias_per_layer: true, feed_forward: "gated-gelu", start_and_end: (0, 1) };

/// The keys of `config.json` that transformers takes for others.
pub(super) const ALIASES: [(&str, &str); 4] = [
    ("hidden_size", "d_model"),
    ("num_attention_heads", "num_heads"),
    ("num_hidden_layers", "num_layers"),
    ("head_dim", "d_kv"),
];

/// Sizes and flags; defaults are those of transformers' `T5Config`.
#[derive(Debug, Clone, Deserialize)]
pub struct T5Config {
    /// Which member of the family it is.
    #[serde(skip, default = "t5")]
    pub family: &'static T5Family,
    /// Tokens of the vocabulary.
    pub vocab_size: usize,
    /// Width of the model.
    pub d_model: usize,
    /// Width of an attention head.
    pub d_kv: usize,
    /// Width of the feed-forward blocks.
    pub d_ff: usize,
    /// Layers of the encoder.
    pub num_layers: usize,
    num_decoder_layers: Option<usize>,
    /// Attention heads of a layer.
    pub num_heads: usize,
    #[serde(default = "thirty_two")]
    relative_attention_num_buckets: usize,
    #[serde(default = "one_hundred_and_twenty_eight")]
    relative_attention_max_distance: usize,
    /// Keeps the norm's root from zero.
    #[serde(default = "one_millionth")]
    pub layer_norm_epsilon: f32,
    feed_forward_proj: Option<String>,
    /// What transformers made of `feed_forward_proj`, in files that it saved: where they differ, this counts there.
    dense_act_fn: Option<String>,
    is_gated_act: Option<bool>,
    tie_word_embeddings: Option<bool>,
    scale_decoder_outputs: Option<bool>,
    n_positions: Option<usize>,
}

fn t5() -> &'static T5Family {
    &T5
}

fn thirty_two() -> usize {
    32
}

fn one_hundred_and_twenty_eight() -> usize {
    128
}

fn one_millionth() -> f32 {
    1e-6
}

impl T5Config {
    /// The length T5 and its descendants were trained on, where `config.json` states none: relative positions have no end.
    const POSITIONS: usize = 512;

    /// Returns the count of decoder layers.
    pub fn decoder_layers(&self) -> usize {
        self.num_decoder_layers.unwrap_or(self.num_layers)
    }

    /// Returns the width of all attention heads together, which need not be that of the model.
    pub fn inner(&self) -> usize {
        self.num_heads * self.d_kv
    }

    /// Returns the longest source and target.
    pub fn positions(&self) -> usize {
        self.n_positions.unwrap_or(Self::POSITIONS)
    }

    /// Returns how distances share position biases.
    pub fn buckets(&self, bidirectional: bool) -> Buckets {
        let (count, max_distance) = (self.relative_attention_num_buckets, self.relative_attention_max_distance);
        Buckets { count, max_distance, bidirectional }
    }

    /// Returns what the decoder's output is multiplied by before the head.
    pub fn head_scale(&self) -> f64 {
        let tied = || self.tie_word_embeddings != Some(false);
        let scaled = match self.family.head_scale {
            HeadScale::Never => false,
            HeadScale::Always => true,
            HeadScale::UnlessUntied => self.scale_decoder_outputs.unwrap_or_else(tied),
        };
        if scaled { (self.d_model as f64).powf(-0.5) } else { 1.0 }
    }

    /// Returns the activation of the feed-forward blocks, and whether it gates a second product.
    pub fn feed_forward(&self) -> Result<(Activation, bool), EngineError> {
        let name = self.feed_forward_proj.as_deref().unwrap_or(self.family.feed_forward);
        // As in transformers: of the gated forms GELU means its tanh approximation.
        let (function, gated) = match name.strip_prefix("gated-") {
            Some("gelu") => ("gelu_new", true),
            Some(function) => (function, true),
            None => (name, false),
        };
        let function = self.dense_act_fn.as_deref().unwrap_or(function);
        let unknown = |_| EngineError::malformed(FILE, format!("its activation {function:?} is not known"));
        let activation = serde_json::from_value(function.into()).map_err(unknown)?;
        Ok((activation, self.is_gated_act.unwrap_or(gated)))
    }

    pub(super) fn validate(&self) -> Result<(), EngineError> {
        require_positive(&[
            ("vocab_size", self.vocab_size),
            ("d_model", self.d_model),
            ("d_kv", self.d_kv),
            ("d_ff", self.d_ff),
            ("num_layers", self.num_layers),
            ("num_decoder_layers", self.decoder_layers()),
            ("num_heads", self.num_heads),
            ("n_positions", self.positions()),
        ])?;
        let (count, distance) = (self.relative_attention_num_buckets, self.relative_attention_max_distance);
        // Half of the buckets of a side are exact, and the largest distance lies beyond them.
        if count < 4 || distance <= count / 2 || distance > 1 << 20 {
            let reason = format!(
                "relative_attention_num_buckets {count} does not fit relative_attention_max_distance {distance}"
            );
            return Err(EngineError::malformed(FILE, reason));
        }
        self.feed_forward().map(|_| ())
    }
}
