//! Attention within the sources of a batch on a device: padded to the longest, masked, one product for all.
//!
//! Separate because only here are queries padded too; linear layers and norms run on the rows laid end to end. The
//! invariant: padding is read by no row that stays.

use super::{mask, product, table::once};
use crate::engine::kernels::{attention::Heads, relative::RelativeBias};
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::ops::softmax_last_dim;
use std::{cell::OnceCell, ops::Range};

/// Where the rows of a ragged batch lie in the padded one, and back.
#[derive(Debug)]
pub struct Padding {
    batch: usize,
    longest: usize,
    /// For each place of the padded batch its row, (batch * longest), u32.
    rows: Tensor,
    /// For each row its place, (tokens), u32.
    places: Tensor,
    /// (batch, longest)
    mask: Tensor,
    /// Rows of a table of position biases, (longest * longest), u32.
    offsets: OnceCell<Tensor>,
}

impl Padding {
    /// Returns the padding of sequences that lie end to end.
    pub fn new(sequences: &[Range<usize>], device: &Device) -> Result<Padding> {
        let longest = sequences.iter().map(Range::len).max().unwrap_or(0);
        // A place of the padding reads the sequence's last row, whatever it holds.
        let row = |range: &Range<usize>| {
            let range = range.clone();
            (0..longest).map(move |t| (range.start + t).min(range.end - 1) as u32)
        };
        let rows: Vec<u32> = sequences.iter().flat_map(row).collect();
        let place =
            |(index, range): (usize, &Range<usize>)| (0..range.len()).map(move |t| (index * longest + t) as u32);
        let places: Vec<u32> = sequences.iter().enumerate().flat_map(place).collect();
        let lengths: Vec<u32> = sequences.iter().map(|range| range.len() as u32).collect();
        Ok(Padding {
            batch: sequences.len(),
            longest,
            rows: Tensor::new(rows, device)?,
            places: Tensor::new(places, device)?,
            mask: mask(&lengths, longest, device)?,
            offsets: OnceCell::new(),
        })
    }

    /// Returns self-attention, (tokens, d), of fused projections `qkv`, (tokens, 3 d).
    pub fn attention(&self, qkv: &Tensor, heads: Heads, bias: Option<&RelativeBias>) -> Result<Tensor> {
        let (batch, longest, Heads { count, dim, .. }) = (self.batch, self.longest, heads);
        let padded = qkv.index_select(&self.rows, 0)?.reshape((batch, longest, 3, count, dim))?;
        let part = |index: usize| padded.narrow(2, index, 1)?.squeeze(2);
        let queries = part(0)?.transpose(1, 2)?.contiguous()?; // (batch, heads, longest, dim)
        let keys = part(1)?.permute((0, 2, 3, 1))?.contiguous()?; // (batch, heads, dim, longest)
        let values = part(2)?.transpose(1, 2)?.contiguous()?;
        let scores = (product(&queries, &keys)?.to_dtype(DType::F32)? * f64::from(heads.scale()))?;
        let mut scores = scores.broadcast_add(&self.mask.reshape((batch, 1, 1, longest))?)?;
        if let Some(bias) = bias {
            scores = scores.broadcast_add(&self.biases(bias, count)?)?;
        }
        let weights = softmax_last_dim(&scores)?.to_dtype(values.dtype())?;
        let mixed = product(&weights, &values)?.transpose(1, 2)?.contiguous()?; // (batch, longest, heads, dim)
        mixed.reshape((batch * longest, heads.width()))?.index_select(&self.places, 0)
    }

    /// Returns the position biases of every query and key, (1, heads, longest, longest).
    fn biases(&self, bias: &RelativeBias, heads: usize) -> Result<Tensor> {
        let (longest, reach) = (self.longest, bias.reach());
        let offsets = once(&self.offsets, || {
            let row =
                |query: usize| (0..longest).map(move |key| (key + reach).saturating_sub(query).min(2 * reach) as u32);
            Tensor::new((0..longest).flat_map(row).collect::<Vec<u32>>(), self.rows.device())
        })?;
        bias.table()
            .index_select(offsets, 0)?
            .reshape((1, longest, longest, heads))?
            .permute((0, 3, 1, 2))?
            .contiguous()
    }
}
