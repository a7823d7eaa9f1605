//! Sizes and flags of the BART family, and what tells its members apart that `config.json` does not say.
//!
//! Separate because each member is a row of this table. The invariant: a flag that transformers' class of a member
//! ignores (`normalize_before` of Marian, say) is ignored here.

use super::{FILE, require_positive, yes};
use crate::engine::{EngineError, kernels::activation::Activation};
use serde::Deserialize;

/// How a member of the family knows where a token stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positions {
    /// Fixed: the sines of all frequencies, then the cosines; the frequencies of Vaswani et al. 2017.
    Sinusoids,
    /// Fixed, as in tensor2tensor: frequencies down to exactly 1/10,000; counted from behind the padding token's id, whose
    /// own row is zero.
    PaddedSinusoids,
    /// Learned; the first position is row 2.
    Learned,
}

/// What tells a member of the family apart.
#[derive(Debug)]
pub struct BartFamily {
    /// Blocks normalize their input and both stacks end in a norm; otherwise blocks normalize their output.
    pub pre_norm: bool,
    /// Embeddings are normalized.
    pub embedding_norm: bool,
    /// Where tokens stand.
    pub positions: Positions,
    /// Embeddings are multiplied by sqrt(d_model) where `config.json` says nothing.
    scale_embedding: bool,
    /// Activation where `config.json` names none.
    activation: Activation,
    /// The tokens that start and end an output where no file names them.
    pub(super) start_and_end: Option<(u32, u32)>,
    /// The head that aligns: of the last layer where guided alignment trained it, else none.
    pub guided_head: Option<usize>,
}

const POST_NORM: BartFamily = BartFamily {
    pre_norm: false,
    embedding_norm: false,
    positions: Positions::Sinusoids,
    scale_embedding: false,
    activation: Activation::Gelu,
    start_and_end: None,
    guided_head: None,
};

// OPUS-MT was trained with guided alignment of the first head (Garg et al. 2019).
pub(super) static MARIAN: BartFamily = BartFamily { guided_head: Some(0), ..POST_NORM };

pub(super) static BART: BartFamily =
    BartFamily { embedding_norm: true, positions: Positions::Learned, start_and_end: Some((2, 2)), ..POST_NORM };

pub(super) static MBART: BartFamily =
    BartFamily { pre_norm: true, embedding_norm: true, positions: Positions::Learned, ..POST_NORM };

pub(super) static M2M100: BartFamily = BartFamily {
    pre_norm: true,
    positions: Positions::PaddedSinusoids,
    scale_embedding: true,
    activation: Activation::Relu,
    start_and_end: Some((2, 2)),
    ..POST_NORM
};

pub(super) static PEGASUS: BartFamily = BartFamily { pre_norm: true, start_and_end: Some((0, 1)), ..POST_NORM };

/// The keys of `config.json` that transformers takes for others.
pub(super) const ALIASES: [(&str, &str); 3] = [
    ("hidden_size", "d_model"),
    ("num_attention_heads", "encoder_attention_heads"),
    ("num_hidden_layers", "encoder_layers"),
];

/// More positions than any such model was trained with.
const MAX_POSITIONS: usize = 1 << 17;

/// Sizes and flags; defaults are those of transformers' configuration classes.
#[derive(Debug, Clone, Deserialize)]
pub struct BartConfig {
    /// Which member of the family it is.
    #[serde(skip, default = "marian")]
    pub family: &'static BartFamily,
    /// Tokens of the source vocabulary.
    pub vocab_size: usize,
    /// Tokens of the target vocabulary, where it is another one.
    pub decoder_vocab_size: Option<usize>,
    /// Width of the model.
    pub d_model: usize,
    /// Layers of the encoder.
    pub encoder_layers: usize,
    /// Layers of the decoder.
    pub decoder_layers: usize,
    /// Attention heads of an encoder layer.
    pub encoder_attention_heads: usize,
    /// Attention heads of a decoder layer.
    pub decoder_attention_heads: usize,
    /// Width of the encoder's feed-forward blocks.
    pub encoder_ffn_dim: usize,
    /// Width of the decoder's feed-forward blocks.
    pub decoder_ffn_dim: usize,
    /// Activation of the feed-forward blocks.
    activation_function: Option<Activation>,
    /// Positions the model can address.
    #[serde(default = "one_thousand_and_twenty_four")]
    pub max_position_embeddings: usize,
    scale_embedding: Option<bool>,
    /// The padding token; some count positions from it.
    #[serde(default = "one")]
    pub pad_token_id: u32,
    /// Source and target share one embedding.
    #[serde(default = "yes")]
    pub share_encoder_decoder_embeddings: bool,
    /// The output projection is the decoder's embedding.
    #[serde(default = "yes")]
    pub tie_word_embeddings: bool,
}

fn marian() -> &'static BartFamily {
    &MARIAN
}

fn one_thousand_and_twenty_four() -> usize {
    1024
}

fn one() -> u32 {
    1
}

impl BartConfig {
    /// Returns the count of tokens the decoder chooses among.
    pub fn target_vocabulary(&self) -> usize {
        match self.share_encoder_decoder_embeddings {
            true => self.vocab_size,
            false => self.decoder_vocab_size.unwrap_or(self.vocab_size),
        }
    }

    /// Returns the activation of the feed-forward blocks.
    pub fn activation(&self) -> Activation {
        self.activation_function.unwrap_or(self.family.activation)
    }

    /// Returns what embeddings are multiplied by.
    pub fn embedding_scale(&self) -> f64 {
        let scaled = self.scale_embedding.unwrap_or(self.family.scale_embedding);
        if scaled { (self.d_model as f64).sqrt() } else { 1.0 }
    }

    pub(super) fn validate(&self) -> Result<(), EngineError> {
        require_positive(&[
            ("vocab_size", self.vocab_size),
            ("d_model", self.d_model),
            ("encoder_layers", self.encoder_layers),
            ("decoder_layers", self.decoder_layers),
            ("encoder_attention_heads", self.encoder_attention_heads),
            ("decoder_attention_heads", self.decoder_attention_heads),
            ("encoder_ffn_dim", self.encoder_ffn_dim),
            ("decoder_ffn_dim", self.decoder_ffn_dim),
            ("max_position_embeddings", self.max_position_embeddings),
        ])?;
        for heads in [self.encoder_attention_heads, self.decoder_attention_heads] {
            if !self.d_model.is_multiple_of(heads) {
                let reason = format!("d_model {} cannot be shared by {heads} heads", self.d_model);
                return Err(EngineError::malformed(FILE, reason));
            }
        }
        // Tables of positions are computed, not read: here alone a small file could ask for any amount of memory.
        let computed =
            [("max_position_embeddings", self.max_position_embeddings), ("pad_token_id", self.pad_token_id as usize)];
        match computed.into_iter().zip([MAX_POSITIONS, self.vocab_size]).find(|((_, size), most)| size > most) {
            Some(((name, size), most)) => Err(EngineError::malformed(FILE, format!("{name} {size} is over {most}"))),
            None => Ok(()),
        }
    }
}
