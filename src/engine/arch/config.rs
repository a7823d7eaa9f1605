//! `config.json`: the sizes and flags of an architecture, under the names transformers gives them.
//!
//! Separate so that reading and refusing stand apart from building. The invariant: an unknown `model_type` is refused
//! by name, never guessed at.

use crate::engine::{EngineError, ModelFiles, kernels::activation::Activation};
use serde::Deserialize;

/// The file every model has.
pub const FILE: &str = "config.json";

/// The architectures this version runs.
const SUPPORTED: &[&str] = &["marian"];

/// A model's configuration, by architecture.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "model_type", rename_all = "snake_case")]
pub enum ModelConfig {
    /// Marian: post-norm BART with sinusoidal positions.
    Marian(BartConfig),
}

impl ModelConfig {
    /// Reads `config.json`.
    pub fn read(files: &ModelFiles) -> Result<ModelConfig, EngineError> {
        let bytes = files.read(FILE)?;
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| EngineError::malformed(FILE, error))?;
        match value.get("model_type").and_then(serde_json::Value::as_str) {
            Some(kind) if SUPPORTED.contains(&kind) => {}
            Some(kind) => {
                return Err(EngineError::Unsupported(format!(
                    "{} is a {kind} model; this version runs {}: choose a model of that kind (`summarize models` \
                     lists some)",
                    files.name,
                    SUPPORTED.join(", ")
                )));
            }
            None => return Err(EngineError::malformed(FILE, "it has no model_type")),
        }
        let config: ModelConfig = serde_json::from_value(value).map_err(|error| EngineError::malformed(FILE, error))?;
        let ModelConfig::Marian(bart) = &config;
        bart.validate()?;
        Ok(config)
    }
}

/// Sizes and flags of the BART family; defaults are those of transformers' `MarianConfig`.
#[derive(Debug, Clone, Deserialize)]
pub struct BartConfig {
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
    #[serde(default = "gelu")]
    pub activation_function: Activation,
    /// Positions the model can address.
    #[serde(default = "one_thousand_and_twenty_four")]
    pub max_position_embeddings: usize,
    /// Embeddings are multiplied by sqrt(d_model).
    #[serde(default)]
    pub scale_embedding: bool,
    /// Source and target share one embedding.
    #[serde(default = "yes")]
    pub share_encoder_decoder_embeddings: bool,
    /// The output projection is the decoder's embedding.
    #[serde(default = "yes")]
    pub tie_word_embeddings: bool,
}

fn gelu() -> Activation {
    Activation::Gelu
}

fn one_thousand_and_twenty_four() -> usize {
    1024
}

fn yes() -> bool {
    true
}

impl BartConfig {
    /// Returns the count of tokens the decoder chooses among.
    pub fn target_vocabulary(&self) -> usize {
        match self.share_encoder_decoder_embeddings {
            true => self.vocab_size,
            false => self.decoder_vocab_size.unwrap_or(self.vocab_size),
        }
    }

    fn validate(&self) -> Result<(), EngineError> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("d_model", self.d_model),
            ("encoder_layers", self.encoder_layers),
            ("decoder_layers", self.decoder_layers),
            ("encoder_attention_heads", self.encoder_attention_heads),
            ("decoder_attention_heads", self.decoder_attention_heads),
            ("encoder_ffn_dim", self.encoder_ffn_dim),
            ("decoder_ffn_dim", self.decoder_ffn_dim),
            ("max_position_embeddings", self.max_position_embeddings),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(EngineError::malformed(FILE, format!("{name} is 0")));
        }
        for heads in [self.encoder_attention_heads, self.decoder_attention_heads] {
            if !self.d_model.is_multiple_of(heads) {
                let reason = format!("d_model {} cannot be shared by {heads} heads", self.d_model);
                return Err(EngineError::malformed(FILE, reason));
            }
        }
        Ok(())
    }
}
