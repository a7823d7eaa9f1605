//! Attention of one query a row over the cells that a table names: the decoder's self-attention and cross-attention.
//!
//! Separate because both are one operation here: beams share a history, and the keys and values of a source, by naming the
//! same cells, so that nothing is copied or reordered for them. The invariant: scores, softmax and sums are in f32 whatever
//! the type of the cells.

use super::{product, table::Table};
use crate::engine::kernels::{attention::Heads, relative::RelativeBias};
use candle_core::{DType, Result, Tensor};
use candle_nn::ops::softmax_last_dim;

/// Which weights to hand out: none, those of one head, or the mean of all.
pub type Kept = Option<Option<usize>>;

/// What is attended to.
#[derive(Clone, Copy)]
pub struct Memory<'a> {
    /// Keys before values, (cells, 2 d).
    pub cells: &'a Tensor,
    /// The cells of each row.
    pub table: &'a Table,
    /// The heads.
    pub heads: Heads,
    /// What is added to the scores for the distance of a cell from a row's last one.
    pub bias: Option<&'a RelativeBias>,
}

/// Returns attention, (rows, d), of queries (rows, d), and the weights asked for, (rows, longest) in f32.
pub fn attend(queries: &Tensor, memory: Memory<'_>, kept: Kept) -> Result<(Tensor, Option<Tensor>)> {
    #[cfg(feature = "cuda")]
    if super::cuda::usable(queries.device()) && super::cuda::fits(memory) {
        return super::cuda::attend(queries, memory, kept);
    }
    plain(queries, memory, kept)
}

/// The same in plain tensor operations: the cells of all rows are gathered, padded and masked.
pub(super) fn plain(queries: &Tensor, memory: Memory<'_>, kept: Kept) -> Result<(Tensor, Option<Tensor>)> {
    let Memory { cells, table, heads, bias } = memory;
    let ((rows, longest), Heads { count, dim, .. }) = (table.shape(), heads);
    let gathered = cells.index_select(&table.cells.flatten_all()?, 0)?.reshape((rows, longest, 2, count, dim))?;
    let keys = gathered.narrow(2, 0, 1)?.squeeze(2)?.permute((0, 2, 3, 1))?.contiguous()?; // (rows, heads, dim, longest)
    let values = gathered.narrow(2, 1, 1)?.squeeze(2)?.transpose(1, 2)?.contiguous()?; // (rows, heads, longest, dim)
    let queries = queries.contiguous()?.reshape((rows, count, 1, dim))?;
    let scores = product(&queries, &keys)?.to_dtype(DType::F32)?.squeeze(2)?; // (rows, heads, longest)
    let mut scores = (scores * f64::from(heads.scale()))?.broadcast_add(&table.mask()?.unsqueeze(1)?)?;
    if let Some(bias) = bias {
        let biases = bias.table().index_select(table.offsets(bias.reach())?, 0)?; // (rows * longest, heads)
        scores = (scores + biases.reshape((rows, longest, count))?.transpose(1, 2)?)?;
    }
    let weights = softmax_last_dim(&scores.contiguous()?)?;
    let mixed = product(&weights.to_dtype(values.dtype())?.unsqueeze(2)?, &values)?; // (rows, heads, 1, dim)
    let kept = match kept {
        None => None,
        Some(Some(head)) => Some(weights.narrow(1, head, 1)?.squeeze(1)?),
        Some(None) => Some(weights.mean(1)?),
    };
    Ok((mixed.reshape((rows, heads.width()))?, kept))
}
