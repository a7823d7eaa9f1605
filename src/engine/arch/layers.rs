//! The layers of the BART family: attention and feed-forward blocks, each with a residual and a norm before or behind it.
//!
//! Separate so that `bart.rs` reads as the model and this file as the paper. The invariant: a block's input and output
//! have the same shape, (rows, d).

use super::config::BartConfig;
use crate::engine::{
    EngineError,
    kernels::{
        activation::Activation,
        attention::Heads,
        linear::{Linear, feed_forward},
        norm::LayerNorm,
        sequences::Sequences,
        step::{Step, Taps},
    },
    precision::Arithmetic,
    weights::Weights,
};
use candle_core::{Device, Tensor};

/// PyTorch's default, which every BART-like model keeps.
const LAYER_NORM_EPSILON: f32 = 1e-5;

/// Reads layers by the names transformers gives their tensors.
pub(super) struct Builder<'a> {
    pub weights: &'a Weights,
    pub device: &'a Device,
    pub arithmetic: Arithmetic,
}

impl Builder<'_> {
    /// Returns the weight, (outputs, inputs), and bias, (outputs), of a linear layer.
    fn pair(&self, name: &str, outputs: usize, inputs: usize) -> Result<(Tensor, Tensor), EngineError> {
        let weight = self.weights.tensor(&format!("{name}.weight"), &[outputs, inputs])?;
        Ok((weight, self.weights.tensor(&format!("{name}.bias"), &[outputs])?))
    }

    /// Returns one linear layer whose output is the outputs of several, side by side.
    pub fn fused(&self, names: &[String], outputs: usize, inputs: usize) -> Result<Linear, EngineError> {
        let pairs = names.iter().map(|name| self.pair(name, outputs, inputs)).collect::<Result<Vec<_>, _>>()?;
        let (weights, biases): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let (weight, bias) = (Tensor::cat(&weights, 0)?, Tensor::cat(&biases, 0)?);
        Ok(Linear::new(&weight, Some(&bias), self.device, self.arithmetic.precision)?)
    }

    pub fn linear(&self, name: String, outputs: usize, inputs: usize) -> Result<Linear, EngineError> {
        self.fused(&[name], outputs, inputs)
    }

    pub fn norm(&self, name: &str, d: usize) -> Result<LayerNorm, EngineError> {
        let weight = self.weights.tensor(&format!("{name}.weight"), &[d])?;
        let bias = self.weights.tensor(&format!("{name}.bias"), &[d])?;
        Ok(LayerNorm::new(self.place(&weight)?, self.place(&bias)?, LAYER_NORM_EPSILON))
    }

    /// Returns an embedding table, (tokens, d), on the device.
    pub fn table(&self, name: &str, tokens: usize, d: usize) -> Result<Tensor, EngineError> {
        self.place(&self.weights.tensor(name, &[tokens, d])?)
    }

    /// Returns a tensor on the device, in the type that layers compute in.
    pub fn place(&self, tensor: &Tensor) -> Result<Tensor, EngineError> {
        Ok(tensor.to_dtype(self.arithmetic.precision.dtype())?.to_device(self.device)?)
    }
}

/// The norm of a block, and where it stands.
struct BlockNorm {
    norm: LayerNorm,
    first: bool,
}

impl BlockNorm {
    fn load(builder: &Builder<'_>, name: &str, config: &BartConfig) -> Result<BlockNorm, EngineError> {
        Ok(BlockNorm { norm: builder.norm(name, config.d_model)?, first: config.family.pre_norm })
    }

    /// Returns what the block computes on.
    fn input(&self, x: &Tensor) -> Result<Tensor, EngineError> {
        Ok(if self.first { self.norm.forward(x)? } else { x.clone() })
    }

    /// Returns the block's output from what it computed and its input.
    fn output(&self, computed: &Tensor, x: &Tensor) -> Result<Tensor, EngineError> {
        Ok(if self.first { (x + computed)? } else { self.norm.add(computed, x)? })
    }
}

/// Self-attention with fused query, key and value projections.
struct SelfAttention {
    qkv: Linear,
    out: Linear,
    norm: BlockNorm,
}

impl SelfAttention {
    fn load(builder: &Builder<'_>, layer: &str, config: &BartConfig) -> Result<SelfAttention, EngineError> {
        let d = config.d_model;
        let names = ["q_proj", "k_proj", "v_proj"].map(|name| format!("{layer}.self_attn.{name}"));
        Ok(SelfAttention {
            qkv: builder.fused(&names, d, d)?,
            out: builder.linear(format!("{layer}.self_attn.out_proj"), d, d)?,
            norm: BlockNorm::load(builder, &format!("{layer}.self_attn_layer_norm"), config)?,
        })
    }

    /// Returns the projections of the queries, keys and values, (rows, 3 d).
    fn project(&self, x: &Tensor) -> Result<Tensor, EngineError> {
        Ok(self.qkv.forward(&self.norm.input(x)?)?)
    }

    /// Returns the block's output from the mixed values.
    fn finish(&self, mixed: &Tensor, x: &Tensor) -> Result<Tensor, EngineError> {
        self.norm.output(&self.out.forward(mixed)?, x)
    }
}

struct FeedForward {
    up: Linear,
    down: Linear,
    activation: Activation,
    norm: BlockNorm,
}

impl FeedForward {
    fn load(builder: &Builder<'_>, layer: &str, ffn: usize, config: &BartConfig) -> Result<FeedForward, EngineError> {
        let d = config.d_model;
        Ok(FeedForward {
            up: builder.linear(format!("{layer}.fc1"), ffn, d)?,
            down: builder.linear(format!("{layer}.fc2"), d, ffn)?,
            activation: config.activation(),
            norm: BlockNorm::load(builder, &format!("{layer}.final_layer_norm"), config)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor, EngineError> {
        let output = feed_forward(&self.norm.input(x)?, &self.up, self.activation, &self.down)?;
        self.norm.output(&output, x)
    }
}

/// One layer of the encoder.
pub(super) struct EncoderLayer {
    attention: SelfAttention,
    feed_forward: FeedForward,
    heads: Heads,
}

impl EncoderLayer {
    pub fn load(builder: &Builder<'_>, index: usize, config: &BartConfig) -> Result<EncoderLayer, EngineError> {
        let (layer, d) = (format!("model.encoder.layers.{index}"), config.d_model);
        Ok(EncoderLayer {
            attention: SelfAttention::load(builder, &layer, config)?,
            feed_forward: FeedForward::load(builder, &layer, config.encoder_ffn_dim, config)?,
            heads: Heads::new(config.encoder_attention_heads, d / config.encoder_attention_heads),
        })
    }

    /// Returns the layer's output, (tokens, d).
    pub fn forward(&self, x: &Tensor, sequences: &Sequences) -> Result<Tensor, EngineError> {
        let mixed = sequences.attention(&self.attention.project(x)?, self.heads, None)?;
        let x = self.attention.finish(&mixed, x)?;
        self.feed_forward.forward(&x)
    }
}

/// One layer of the decoder.
pub(super) struct DecoderLayer {
    attention: SelfAttention,
    cross_query: Linear,
    cross_out: Linear,
    cross_norm: BlockNorm,
    feed_forward: FeedForward,
    index: usize,
}

impl DecoderLayer {
    pub fn load(builder: &Builder<'_>, index: usize, config: &BartConfig) -> Result<DecoderLayer, EngineError> {
        let (layer, d) = (format!("model.decoder.layers.{index}"), config.d_model);
        Ok(DecoderLayer {
            attention: SelfAttention::load(builder, &layer, config)?,
            cross_query: builder.linear(format!("{layer}.encoder_attn.q_proj"), d, d)?,
            cross_out: builder.linear(format!("{layer}.encoder_attn.out_proj"), d, d)?,
            cross_norm: BlockNorm::load(builder, &format!("{layer}.encoder_attn_layer_norm"), config)?,
            feed_forward: FeedForward::load(builder, &layer, config.decoder_ffn_dim, config)?,
            index,
        })
    }

    /// Returns the layer's output, (rows, d), and the tapped cross-attention weights where `tap` asks for a head.
    pub fn forward(
        &self,
        x: &Tensor,
        step: &mut Step<'_>,
        tap: Option<Option<usize>>,
    ) -> Result<(Tensor, Taps), EngineError> {
        let mixed = step.self_attention(self.index, &self.attention.project(x)?, None)?;
        let x = self.attention.finish(&mixed, x)?;
        let queries = self.cross_query.forward(&self.cross_norm.input(&x)?)?;
        let (mixed, taps) = step.cross_attention(self.index, &queries, tap)?;
        let x = self.cross_norm.output(&self.cross_out.forward(&mixed)?, &x)?;
        Ok((self.feed_forward.forward(&x)?, taps))
    }
}
