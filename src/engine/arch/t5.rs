//! The T5 family of encoder-decoders (Raffel et al. 2020): T5 1.0 and 1.1, FLAN, MADLAD, mT5, umT5.
//!
//! Separate from `bart.rs` because tensors bear other names, positions are biases of the attention, and nothing has a
//! bias of its own. The invariant: attention is not scaled, and no weight is changed to undo a scale, which would round it.

use super::{
    DecoderState, Footprint, Row, Searched, Seq2Seq, StepOutput, Verdicts, config::T5Config, embedding::Tokens,
    footprint, layers::Builder,
};
use crate::engine::{
    EngineError,
    kernels::{
        activation::Activation,
        attention::Heads,
        cache::{CrossMemory, Tap},
        linear::{Linear, feed_forward},
        projection::Projection,
        relative::RelativeBias,
        rms_norm::RmsNorm,
        sequences::{Sequences, ranges},
        step::{Caches, Size, Step, Taps},
    },
    precision::{Arithmetic, Precision},
    weights::Weights,
};
use candle_core::{Device, Tensor};

/// The names under which a file may have the token embedding of each side, and the head; the first that is there counts.
const SOURCE: [&str; 4] =
    ["shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"];
const TARGET: [&str; 4] =
    ["shared.weight", "decoder.embed_tokens.weight", "encoder.embed_tokens.weight", "lm_head.weight"];
const HEAD: [&str; 4] =
    ["lm_head.weight", "shared.weight", "decoder.embed_tokens.weight", "encoder.embed_tokens.weight"];

/// A model of the family, ready to run.
pub struct EncoderDecoder {
    config: T5Config,
    device: Device,
    precision: Precision,
    source_embedding: Tensor,
    target_embedding: Tensor,
    encoder: Vec<EncoderLayer>,
    encoder_norm: RmsNorm,
    decoder: Vec<DecoderLayer>,
    decoder_norm: RmsNorm,
    cross_projections: Linear,
    head: Projection,
}

impl EncoderDecoder {
    /// Builds the model from its tensors.
    pub fn load(
        config: T5Config,
        weights: &Weights,
        device: &Device,
        arithmetic: Arithmetic,
    ) -> Result<EncoderDecoder, EngineError> {
        if arithmetic.precision == Precision::F16 {
            // Its activations overflow f16 (transformers #9295, candle #2480).
            return Err(EngineError::Unsupported(
                "a T5 model overflows f16: use --precision f32, or bf16 on a GPU".into(),
            ));
        }
        let loader = Loader { builder: Builder { weights, device, arithmetic }, config: &config };
        let first =
            |names: [&'static str; 4]| names.into_iter().find(|name| weights.contains(name)).unwrap_or(names[0]);
        let table = |name: &str| loader.builder.table(name, config.vocab_size, config.d_model);
        let (source, target) = (first(SOURCE), first(TARGET));
        let source_embedding = table(source)?;
        let head = match first(HEAD) {
            // One copy in memory does for both.
            name if name == source => source_embedding.clone(),
            name => weights.tensor(name, &[config.vocab_size, config.d_model])?,
        };
        let cross: Vec<String> = (0..config.decoder_layers())
            .flat_map(|i| ["k", "v"].map(|name| format!("decoder.block.{i}.layer.1.EncDecAttention.{name}")))
            .collect();
        Ok(EncoderDecoder {
            target_embedding: if source == target { source_embedding.clone() } else { table(target)? },
            source_embedding,
            encoder: (0..config.num_layers).map(|i| loader.encoder_layer(i)).collect::<Result<_, _>>()?,
            encoder_norm: loader.norm("encoder.final_layer_norm", 1.0)?,
            decoder: (0..config.decoder_layers()).map(|i| loader.decoder_layer(i)).collect::<Result<_, _>>()?,
            // What the head's input is scaled by is a part of the norm before it.
            decoder_norm: loader.norm("decoder.final_layer_norm", config.head_scale())?,
            cross_projections: loader.linear(&cross, config.inner(), config.d_model)?,
            head: Projection::new(&head, None, device, arithmetic)?,
            device: device.clone(),
            // Attention is not scaled, so that scores are large and bf16 caches would change them by more than int8 does.
            precision: wide(arithmetic.precision),
            config,
        })
    }

    fn heads(&self) -> Heads {
        Heads { count: self.config.num_heads, dim: self.config.d_kv, scaled: false }
    }

    /// Returns the head's input, (rows, d), and the attention tapped on the way.
    fn hidden(&self, step: &mut Step<'_>, tokens: Tokens<'_>, tap: Option<Tap>) -> Result<(Tensor, Taps), EngineError> {
        let mut x = tokens.rows_of(&self.target_embedding)?; // (rows, d)
        let mut taps = Taps::Rows(Vec::new());
        for (index, layer) in self.decoder.iter().enumerate() {
            let bias = self.bias(&layer.attention.bias, &self.decoder[0].attention.bias);
            x = layer.attend(&x, index, step, bias)?;
            let wanted = tap.filter(|tap| tap.layer == index).map(|tap| tap.head);
            let (output, tapped) = layer.attend_source(&x, index, step, wanted)?;
            x = layer.feed_forward.forward(&output)?;
            if wanted.is_some() {
                taps = tapped;
            }
        }
        Ok((self.decoder_norm.forward(&x)?, taps))
    }

    /// Returns the position biases of a layer: its own, or the first layer's.
    fn bias<'a>(&self, own: &'a Option<RelativeBias>, first: &'a Option<RelativeBias>) -> Option<&'a RelativeBias> {
        own.as_ref().or(first.as_ref())
    }
}

impl Seq2Seq for EncoderDecoder {
    fn encode(&self, sources: &[&[u32]]) -> Result<Tensor, EngineError> {
        let (sequences, tokens) = (Sequences::new(sources, &self.device)?, sources.concat());
        let mut x = Tokens::Named(&tokens).rows_of(&self.source_embedding)?; // (tokens, d)
        for layer in &self.encoder {
            let bias = self.bias(&layer.attention.bias, &self.encoder[0].attention.bias);
            x = layer.forward(&x, &sequences, self.heads(), bias)?;
        }
        Ok(self.encoder_norm.forward(&x)?)
    }

    fn memories(&self, hidden: &Tensor, sources: &[&[u32]]) -> Result<Vec<CrossMemory>, EngineError> {
        let projections = self.cross_projections.forward(hidden)?; // (tokens, layers * 2 inner)
        Ok(CrossMemory::split(&projections, &ranges(sources), self.heads(), self.precision)?)
    }

    fn state(&self, slots: usize, capacity: usize) -> DecoderState {
        let size = Size { layers: self.decoder.len(), slots, capacity };
        DecoderState(Caches::new(size, self.heads(), &self.device, self.precision))
    }

    fn step(&self, state: &mut DecoderState, rows: &[Row<'_>], tap: Option<Tap>) -> Result<StepOutput, EngineError> {
        let tokens: Vec<u32> = rows.iter().map(|row| row.token).collect();
        let (x, taps) = self.hidden(&mut state.begin(rows)?, Tokens::Named(&tokens), tap)?;
        let wanted: Vec<_> = rows.iter().map(|row| row.wanted).collect();
        Ok(StepOutput { scores: self.head.scores(&x, &wanted)?, taps: taps.rows()? })
    }

    fn search(&self, state: &mut DecoderState, sources: &[Searched<'_>], tap: Option<Tap>) -> Verdicts {
        let (mut step, begun) = state.begin_search(sources)?;
        let (x, taps) = self.hidden(&mut step, Tokens::Chosen(&begun.tokens), tap)?;
        state.advance(&begun, &self.head.reduce(&x, &begun)?, &taps)
    }

    fn footprint(&self) -> Footprint {
        let sizes = (self.config.inner(), self.config.d_ff, self.config.vocab_size);
        footprint(self.precision, self.decoder.len(), sizes)
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn vocabulary(&self) -> usize {
        self.config.vocab_size
    }

    fn max_source_tokens(&self) -> usize {
        self.config.positions()
    }

    fn max_target_tokens(&self) -> usize {
        self.config.positions()
    }

    fn alignment_tap(&self) -> Tap {
        super::untrained_tap(self.decoder.len())
    }

    fn aligns_as_input(&self) -> bool {
        true
    }
}

/// Reads layers by the names transformers gives their tensors.
struct Loader<'a> {
    builder: Builder<'a>,
    config: &'a T5Config,
}

impl Loader<'_> {
    fn norm(&self, name: &str, scale: f64) -> Result<RmsNorm, EngineError> {
        let weight = self.builder.weights.tensor(&format!("{name}.weight"), &[self.config.d_model])?;
        Ok(RmsNorm::new(self.builder.place(&(weight * scale)?)?, self.config.layer_norm_epsilon))
    }

    fn weight(&self, name: &str, outputs: usize, inputs: usize) -> Result<Tensor, EngineError> {
        self.builder.weights.tensor(&format!("{name}.weight"), &[outputs, inputs])
    }

    /// Returns one linear layer whose output is the outputs of several, side by side.
    fn linear(&self, names: &[String], outputs: usize, inputs: usize) -> Result<Linear, EngineError> {
        let weights = names.iter().map(|name| self.weight(name, outputs, inputs)).collect::<Result<Vec<_>, _>>()?;
        self.layer(&Tensor::cat(&weights, 0)?, self.builder.arithmetic.precision)
    }

    fn layer(&self, weight: &Tensor, precision: Precision) -> Result<Linear, EngineError> {
        Ok(Linear::new(weight, None, self.builder.device, precision)?)
    }

    fn self_attention(&self, side: &str, index: usize) -> Result<SelfAttention, EngineError> {
        let (config, layer) = (self.config, format!("{side}.block.{index}.layer.0"));
        let (name, inner, d) = (format!("{layer}.SelfAttention"), config.inner(), config.d_model);
        let qkv = ["q", "k", "v"].map(|of| format!("{name}.{of}"));
        let bias = match index == 0 || config.family.bias_per_layer {
            true => {
                let buckets = config.buckets(side == "encoder");
                let learned =
                    self.weight(&format!("{name}.relative_attention_bias"), buckets.count, config.num_heads)?;
                Some(RelativeBias::new(&learned, buckets, self.builder.device)?)
            }
            false => None,
        };
        Ok(SelfAttention {
            norm: self.norm(&format!("{layer}.layer_norm"), 1.0)?,
            qkv: self.linear(&qkv, inner, d)?,
            out: self.linear(&[format!("{name}.o")], d, inner)?,
            bias,
        })
    }

    fn feed_forward(&self, layer: &str) -> Result<FeedForward, EngineError> {
        let (d, ffn, name) = (self.config.d_model, self.config.d_ff, format!("{layer}.DenseReluDense"));
        let (activation, gated) = self.config.feed_forward()?;
        let (up, gate) = if gated { ("wi_1", Some("wi_0")) } else { ("wi", None) };
        let linear = |of: &str| self.linear(&[format!("{name}.{of}")], ffn, d);
        Ok(FeedForward {
            norm: self.norm(&format!("{layer}.layer_norm"), 1.0)?,
            gate: gate.map(linear).transpose()?,
            up: linear(up)?,
            // Its inputs have outliers that 8 bits cannot hold beside the rest: transformers keeps it in f32 too.
            down: self.layer(&self.weight(&format!("{name}.wo"), d, ffn)?, wide(self.builder.arithmetic.precision))?,
            activation,
        })
    }

    fn encoder_layer(&self, index: usize) -> Result<EncoderLayer, EngineError> {
        Ok(EncoderLayer {
            attention: self.self_attention("encoder", index)?,
            feed_forward: self.feed_forward(&format!("encoder.block.{index}.layer.1"))?,
        })
    }

    fn decoder_layer(&self, index: usize) -> Result<DecoderLayer, EngineError> {
        let layer = format!("decoder.block.{index}.layer.1");
        let (name, inner, d) = (format!("{layer}.EncDecAttention"), self.config.inner(), self.config.d_model);
        Ok(DecoderLayer {
            attention: self.self_attention("decoder", index)?,
            cross_norm: self.norm(&format!("{layer}.layer_norm"), 1.0)?,
            cross_query: self.linear(&[format!("{name}.q")], inner, d)?,
            cross_out: self.linear(&[format!("{name}.o")], d, inner)?,
            feed_forward: self.feed_forward(&format!("decoder.block.{index}.layer.2"))?,
        })
    }
}

/// Returns the precision of what integers and the caches that go with them cannot hold: in the inputs of some products a few values are
/// thousands of times the others.
fn wide(precision: Precision) -> Precision {
    match precision {
        Precision::Int8 | Precision::Int16 => Precision::F32,
        precision => precision,
    }
}

struct SelfAttention {
    norm: RmsNorm,
    qkv: Linear,
    out: Linear,
    bias: Option<RelativeBias>,
}

struct FeedForward {
    norm: RmsNorm,
    gate: Option<Linear>,
    up: Linear,
    down: Linear,
    activation: Activation,
}

impl FeedForward {
    fn forward(&self, x: &Tensor) -> Result<Tensor, EngineError> {
        let input = self.norm.forward(x)?;
        let output = match &self.gate {
            // (rows, ffn)
            Some(gate) => self.down.forward(&(gate.activated(&input, self.activation)? * self.up.forward(&input)?)?)?,
            None => feed_forward(&input, &self.up, self.activation, &self.down)?,
        };
        Ok((x + output)?)
    }
}

struct EncoderLayer {
    attention: SelfAttention,
    feed_forward: FeedForward,
}

impl EncoderLayer {
    /// Returns the layer's output, (tokens, d).
    fn forward(
        &self,
        x: &Tensor,
        sequences: &Sequences,
        heads: Heads,
        bias: Option<&RelativeBias>,
    ) -> Result<Tensor, EngineError> {
        let qkv = self.attention.qkv.forward(&self.attention.norm.forward(x)?)?;
        let mixed = sequences.attention(&qkv, heads, bias)?; // (tokens, inner)
        self.feed_forward.forward(&(x + self.attention.out.forward(&mixed)?)?)
    }
}

struct DecoderLayer {
    attention: SelfAttention,
    cross_norm: RmsNorm,
    cross_query: Linear,
    cross_out: Linear,
    feed_forward: FeedForward,
}

impl DecoderLayer {
    /// Returns the output of the self-attention block, (rows, d).
    fn attend(
        &self,
        x: &Tensor,
        index: usize,
        step: &mut Step<'_>,
        bias: Option<&RelativeBias>,
    ) -> Result<Tensor, EngineError> {
        let qkv = self.attention.qkv.forward(&self.attention.norm.forward(x)?)?;
        let mixed = step.self_attention(index, &qkv, bias)?; // (rows, inner)
        Ok((x + self.attention.out.forward(&mixed)?)?)
    }

    /// Returns the output of the cross-attention block, (rows, d), and its weights where `tap` asks for a head.
    fn attend_source(
        &self,
        x: &Tensor,
        index: usize,
        step: &Step<'_>,
        tap: Option<Option<usize>>,
    ) -> Result<(Tensor, Taps), EngineError> {
        let queries = self.cross_query.forward(&self.cross_norm.forward(x)?)?;
        let (mixed, taps) = step.cross_attention(index, &queries, tap)?;
        Ok(((x + self.cross_out.forward(&mixed)?)?, taps))
    }
}
