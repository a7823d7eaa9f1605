//! Scaled dot-product attention over ragged batches: softmax(q k^T / sqrt(head_dim)) v (Vaswani et al. 2017).
//!
//! Separate because it is the one operation that knows which rows belong together. Sequences are laid end to end, not
//! padded: a range of rows is the padding mask. The invariant: a row attends to its own sequence's positions, in
//! order, and to nothing else.

use super::{simd, softmax::softmax_in_place, with_values};
use candle_core::{D, Device, Result, Tensor};
use std::ops::Range;

/// The heads of an attention layer.
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    /// Count of heads.
    pub count: usize,
    /// Values per head.
    pub dim: usize,
}

impl Heads {
    /// Returns the width of all heads together.
    pub fn width(self) -> usize {
        self.count * self.dim
    }

    fn scale(self) -> f32 {
        (self.dim as f32).powf(-0.5)
    }
}

/// Returns encoder self-attention, (tokens, d), of fused projections `qkv`, (tokens, 3 d).
///
/// Each range of `sequences` is one source; its rows attend to all of its rows.
pub fn self_attention(qkv: &Tensor, sequences: &[Range<usize>], heads: Heads) -> Result<Tensor> {
    let (tokens, d) = (qkv.dim(0)?, heads.width());
    match qkv.device() {
        Device::Cpu => {
            let mut out = vec![0f32; tokens * d];
            with_values(qkv, |qkv| {
                for sequence in sequences {
                    let rows = &qkv[sequence.start * 3 * d..sequence.end * 3 * d];
                    encoder_sequence(rows, heads, &mut out[sequence.start * d..sequence.end * d]);
                }
            })?;
            Tensor::from_vec(out, (tokens, d), &Device::Cpu)
        }
        _ => plain_self_attention(qkv, sequences, heads),
    }
}

fn plain_self_attention(qkv: &Tensor, sequences: &[Range<usize>], heads: Heads) -> Result<Tensor> {
    let d = heads.width();
    let mut parts = Vec::with_capacity(sequences.len());
    for sequence in sequences {
        let rows = qkv.narrow(0, sequence.start, sequence.len())?; // (length, 3 d)
        let (q, k, v) = (rows.narrow(1, 0, d)?, rows.narrow(1, d, d)?, rows.narrow(1, 2 * d, d)?);
        parts.push(plain(&q, &k, &v, heads)?.0);
    }
    Tensor::cat(&parts, 0)
}

/// Returns attention in plain tensor operations, (n, d), with its weights, (heads, n, m).
///
/// `q` is (n, d), `k` and `v` are (m, d); every query sees every key.
pub fn plain(q: &Tensor, k: &Tensor, v: &Tensor, heads: Heads) -> Result<(Tensor, Tensor)> {
    let split = |x: &Tensor| x.reshape((x.dim(0)?, heads.count, heads.dim))?.transpose(0, 1)?.contiguous();
    let (q, k, v) = (split(&q.contiguous()?)?, split(&k.contiguous()?)?, split(&v.contiguous()?)?);
    let scores = (q.matmul(&k.transpose(1, 2)?.contiguous()?)? * f64::from(heads.scale()))?; // (heads, n, m)
    let exponents = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?)?.exp()?;
    let weights = exponents.broadcast_div(&exponents.sum_keepdim(D::Minus1)?)?;
    let mixed = weights.matmul(&v)?.transpose(0, 1)?.contiguous()?;
    Ok((mixed.reshape((mixed.dim(0)?, heads.width()))?, weights))
}

/// Keys and values somewhere in memory: `at(t)` is the memory from position `t`'s key on, `2 d` values or more.
pub struct KeyValues<F> {
    /// Returns the key of a position with its value right behind it.
    pub at: F,
    /// Count of positions.
    pub len: usize,
}

/// Computes one query's attention into `out`; both are (d). `tap` is given the weights of each head, in order.
#[inline(always)]
pub fn attend<'a, F: Fn(usize) -> &'a [f32]>(
    query: &[f32],
    memory: &KeyValues<F>,
    heads: Heads,
    weights: &mut Vec<f32>,
    out: &mut [f32],
    mut tap: impl FnMut(usize, &[f32]),
) {
    let scale = heads.scale();
    for head in 0..heads.count {
        let part = head * heads.dim..(head + 1) * heads.dim;
        let query = &query[part.clone()];
        weights.clear();
        weights
            .extend((0..memory.len).map(|t| simd::reduce2(query, &(memory.at)(t)[part.clone()], |a, b| a * b) * scale));
        softmax_in_place(weights);
        tap(head, weights);
        let out = &mut out[part.clone()];
        out.fill(0.0);
        for (t, weight) in weights.iter().enumerate() {
            let start = heads.width() + part.start;
            for (sum, value) in out.iter_mut().zip(&(memory.at)(t)[start..start + heads.dim]) {
                *sum += weight * value;
            }
        }
    }
}

#[inline(always)]
fn encoder_sequence_body(qkv: &[f32], heads: Heads, out: &mut [f32]) {
    let d = heads.width();
    let len = qkv.len() / (3 * d);
    let memory = KeyValues { at: |t: usize| &qkv[t * 3 * d + d..], len };
    let mut weights = Vec::with_capacity(len);
    for (row, out) in qkv.chunks_exact(3 * d).zip(out.chunks_exact_mut(d)) {
        attend(&row[..d], &memory, heads, &mut weights, out, |_, _| {});
    }
}

simd::dispatch! { fn encoder_sequence(qkv: &[f32], heads: Heads, out: &mut [f32]) = encoder_sequence_body; }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fused_form_agrees_with_plain_tensors_sequence_by_sequence() {
        let heads = Heads { count: 2, dim: 20 };
        let qkv = Tensor::randn(0f32, 1f32, (11, 120), &Device::Cpu).unwrap();
        let sequences = [0..1, 1..6, 6..11];
        let got = self_attention(&qkv, &sequences, heads).unwrap();
        let want = plain_self_attention(&qkv, &sequences, heads).unwrap();
        let gap = (got - want).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(gap < 1e-5);
    }
}
