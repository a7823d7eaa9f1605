//! Token embeddings with positions: what enters the first layer of either side.
//!
//! Separate from `bart.rs` because here the members of the family differ most. The invariant: a token or a position
//! outside its table is an error that says so, never another row.

use super::{
    config::{BartConfig, Positions},
    layers::Builder,
};
use crate::engine::{EngineError, kernels::norm::LayerNorm};
use candle_core::{DType, Device, Tensor};

/// Token embeddings, scaled, plus positions, normalized where the model does.
pub(super) struct Embedding {
    tokens: Tensor,
    /// In f32: sums are rounded once, whatever the layers compute in.
    positions: Tensor,
    scale: f64,
    norm: Option<LayerNorm>,
    /// Row of the first position.
    first: u32,
    /// A token that stands nowhere, with its row.
    nowhere: Option<u32>,
}

/// The tokens that enter a decoder or an encoder.
#[derive(Clone, Copy)]
pub(super) enum Tokens<'a> {
    /// The host names them.
    Named(&'a [u32]),
    /// A search on the device chose them among those the model has, (tokens).
    Chosen(&'a Tensor),
}

impl Tokens<'_> {
    /// Returns their rows of a table.
    pub fn rows_of(self, table: &Tensor) -> Result<Tensor, EngineError> {
        Ok(match self {
            Tokens::Named(tokens) => {
                require(tokens, table, "token id")?;
                table.index_select(&Tensor::new(tokens, table.device())?, 0)?
            }
            Tokens::Chosen(tokens) => table.index_select(tokens, 0)?,
        })
    }
}

/// Rows of a learned table before that of the first position.
const LEARNED_FIRST: usize = 2;

impl Embedding {
    /// Loads the embedding of a side, `encoder` or `decoder`, whose token table is there already.
    pub fn load(
        builder: &Builder<'_>,
        side: &str,
        tokens: Tensor,
        config: &BartConfig,
    ) -> Result<Embedding, EngineError> {
        let (count, d) = (config.max_position_embeddings, config.d_model);
        let name = format!("model.{side}.embed_positions.weight");
        let (first, positions) = match config.family.positions {
            Positions::Learned => (LEARNED_FIRST as u32, builder.table(&name, count + LEARNED_FIRST, d)?),
            Positions::PaddedSinusoids => {
                let pad = config.pad_token_id;
                (pad + 1, padded_sinusoids(count + pad as usize + 1, d, pad, builder.device)?)
            }
            // Old files carry the table, new ones leave it out: transformers takes the file's where there is one.
            Positions::Sinusoids if builder.weights.contains(&name) => (0, builder.table(&name, count, d)?),
            Positions::Sinusoids => (0, sinusoids(count, d, builder.device)?),
        };
        let positions = positions.to_dtype(DType::F32)?;
        let norm = match config.family.embedding_norm {
            true => Some(builder.norm(&format!("model.{side}.layernorm_embedding"), d)?),
            false => None,
        };
        let nowhere = (config.family.positions == Positions::PaddedSinusoids).then_some(config.pad_token_id);
        Ok(Embedding { tokens, positions, scale: config.embedding_scale(), norm, first, nowhere })
    }

    /// Returns the embeddings, (tokens, d), of tokens at these positions, counted from 0.
    pub fn forward(&self, tokens: Tokens<'_>, positions: &[u32]) -> Result<Tensor, EngineError> {
        let (rows, places) = (tokens.rows_of(&self.tokens)?, self.places(tokens, positions)?);
        let scaled = (rows.to_dtype(DType::F32)? * self.scale)?;
        let sum = (scaled + self.positions.index_select(&places, 0)?)?.to_dtype(self.tokens.dtype())?;
        Ok(match &self.norm {
            Some(norm) => norm.forward(&sum)?,
            None => sum,
        })
    }

    /// Returns the row of each position, (tokens): that of the token which stands nowhere is its own.
    fn places(&self, tokens: Tokens<'_>, positions: &[u32]) -> Result<Tensor, EngineError> {
        let mut rows: Vec<u32> = positions.iter().map(|position| position + self.first).collect();
        if let (Some(pad), Tokens::Named(tokens)) = (self.nowhere, tokens) {
            rows.iter_mut().zip(tokens).filter(|(_, token)| **token == pad).for_each(|(row, _)| *row = pad);
        }
        require(&rows, &self.positions, "position")?;
        let rows = Tensor::new(rows, self.positions.device())?;
        Ok(match (self.nowhere, tokens) {
            (Some(pad), Tokens::Chosen(tokens)) => {
                let pads = Tensor::full(pad, rows.shape(), rows.device())?;
                tokens.eq(&pads)?.where_cond(&pads, &rows)?
            }
            _ => rows,
        })
    }
}

/// Returns an error where a value has no row in a table.
pub(super) fn require(values: &[u32], table: &Tensor, what: &str) -> Result<(), EngineError> {
    let rows = table.dim(0)?;
    match values.iter().find(|value| **value as usize >= rows) {
        Some(value) => Err(EngineError::Unsupported(format!(
            "{what} {value} is outside the model's table of {rows}: its tokenizer files and its weights do not belong \
             together, or the text is too long for it"
        ))),
        None => Ok(()),
    }
}

/// Returns Marian's sinusoidal positions, (positions, d): sines in the first half of the width, cosines in the second.
fn sinusoids(positions: usize, d: usize, device: &Device) -> Result<Tensor, EngineError> {
    let half = d.div_ceil(2);
    let value = |position: usize, column: usize| {
        let pair = if column < half { column } else { column - half };
        let angle = position as f64 / 10_000f64.powf(2.0 * pair as f64 / d as f64);
        (if column < half { angle.sin() } else { angle.cos() }) as f32
    };
    let table: Vec<f32> = (0..positions).flat_map(|p| (0..d).map(move |c| value(p, c))).collect();
    Ok(Tensor::from_vec(table, (positions, d), device)?)
}

/// Returns tensor2tensor's sinusoidal positions, (positions, d), the padding's row zero; in f32 throughout, since
/// transformers computes them so.
fn padded_sinusoids(positions: usize, d: usize, pad: u32, device: &Device) -> Result<Tensor, EngineError> {
    let half = d / 2;
    let step = (10_000f64.ln() / (half.max(2) - 1) as f64) as f32;
    let value = |position: usize, column: usize| {
        if position == pad as usize || column >= 2 * half {
            return 0.0;
        }
        let angle = position as f32 * ((column % half) as f32 * -step).exp();
        if column < half { angle.sin() } else { angle.cos() }
    };
    let table: Vec<f32> = (0..positions).flat_map(|p| (0..d).map(move |c| value(p, c))).collect();
    Ok(Tensor::from_vec(table, (positions, d), device)?)
}
