//! Scaled dot-product attention over ragged batches: softmax(q k^T / sqrt(head_dim)) v (Vaswani et al. 2017).
//!
//! Separate because it is the one operation that knows which rows belong together. Sequences are laid end to end, not
//! padded: a range of rows is the padding mask. The invariant: a row attends to its own sequence's positions, in
//! order, and to nothing else.

use super::{
    filled,
    relative::RelativeBias,
    simd::{self, Cell, LANES},
    softmax::softmax_in_place,
};
use candle_core::{Result, Tensor};
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

    pub(super) fn scale(self) -> f32 {
        (self.dim as f32).powf(-0.5)
    }
}

/// Returns encoder self-attention, (tokens, d), of fused projections `qkv`, (tokens, 3 d).
///
/// Each range of `sequences` is one source; its rows attend to all of its rows.
pub fn self_attention(
    qkv: &Tensor,
    sequences: &[Range<usize>],
    heads: Heads,
    bias: Option<&RelativeBias>,
) -> Result<Tensor> {
    let (tokens, d) = (qkv.dim(0)?, heads.width());
    filled(qkv, (tokens, d), |qkv, out| {
        for sequence in sequences {
            let rows = &qkv[sequence.start * 3 * d..sequence.end * 3 * d];
            encoder_sequence(rows, heads, bias, &mut out[sequence.start * d..sequence.end * d]);
        }
    })
}

/// Keys and values of one sequence, laid out so that a query scores sixteen positions at once.
///
/// For each head the keys, (head_dim, padded length), then the values, (length, head_dim).
#[derive(Debug, Clone)]
pub struct Memory<T> {
    values: Vec<T>,
    len: usize,
    heads: Heads,
}

impl<T: Cell> Memory<T> {
    /// Lays out `len` positions; `at(t)` is the key of position `t` with its value right behind it, 2 d values.
    pub fn new<'a>(len: usize, heads: Heads, at: impl Fn(usize) -> &'a [f32]) -> Memory<T> {
        let mut memory = Memory { values: Vec::new(), len, heads };
        let (d, dim, padded, size) = (heads.width(), heads.dim, memory.padded(), memory.head_size());
        memory.values = vec![T::default(); heads.count * size];
        for (head, block) in memory.values.chunks_exact_mut(size).enumerate() {
            let (keys, values) = block.split_at_mut(dim * padded);
            for (t, value) in values.chunks_exact_mut(dim).enumerate() {
                let cell = at(t);
                for (i, key) in cell[head * dim..(head + 1) * dim].iter().enumerate() {
                    keys[i * padded + t] = T::narrow(*key);
                }
                for (value, wide) in value.iter_mut().zip(&cell[d + head * dim..d + (head + 1) * dim]) {
                    *value = T::narrow(*wide);
                }
            }
        }
        memory
    }

    /// Returns the count of positions.
    pub fn positions(&self) -> usize {
        self.len
    }

    /// Returns the values per head.
    pub fn head_dim(&self) -> usize {
        self.heads.dim
    }

    fn padded(&self) -> usize {
        self.len.next_multiple_of(LANES)
    }

    fn head_size(&self) -> usize {
        self.heads.dim * (self.padded() + self.len)
    }
}

/// Computes one query's attention over a memory into `out`; both are (d). `bias` comes with the query's position, `tap` is
/// given the weights of each head, in order.
#[inline(always)]
pub fn attend<T: Cell>(
    query: &[f32],
    memory: &Memory<T>,
    bias: Option<(&RelativeBias, usize)>,
    weights: &mut Vec<f32>,
    out: &mut [f32],
    mut tap: impl FnMut(usize, &[f32]),
) {
    let (heads, padded) = (memory.heads, memory.padded());
    let scale = heads.scale();
    for head in 0..heads.count {
        let part = head * heads.dim..(head + 1) * heads.dim;
        let block = &memory.values[head * memory.head_size()..(head + 1) * memory.head_size()];
        let (keys, values) = block.split_at(heads.dim * padded);
        weights.resize(padded, 0.0);
        for (strip, scores) in weights.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            *scores = score(&query[part.clone()], &keys[strip * LANES..], padded, scale);
        }
        weights.truncate(memory.len);
        if let Some((bias, position)) = bias {
            bias.add(head, position, weights);
        }
        softmax_in_place(weights);
        tap(head, weights);
        mix(weights, |t| &values[t * heads.dim..(t + 1) * heads.dim], &mut out[part]);
    }
}

/// Returns the scaled products of a query with sixteen keys; value `i` of the keys lies at `keys[i * stride..]`.
#[inline(always)]
fn score<T: Cell>(query: &[f32], keys: &[T], stride: usize, scale: f32) -> [f32; LANES] {
    // Four chains of sums, since one would wait for itself at every step.
    const CHAINS: usize = 4;
    let mut sums = [[0f32; LANES]; CHAINS];
    let (groups, rest) = query.as_chunks::<CHAINS>();
    for (group, values) in groups.iter().enumerate() {
        for chain in 0..CHAINS {
            let keys = &keys[(group * CHAINS + chain) * stride..][..LANES];
            for lane in 0..LANES {
                sums[chain][lane] = values[chain].mul_add(keys[lane].widen(), sums[chain][lane]);
            }
        }
    }
    for (i, value) in rest.iter().enumerate() {
        let keys = &keys[(groups.len() * CHAINS + i) * stride..][..LANES];
        for lane in 0..LANES {
            sums[0][lane] = value.mul_add(keys[lane].widen(), sums[0][lane]);
        }
    }
    let mut scores = [0f32; LANES];
    for lane in 0..LANES {
        scores[lane] = ((sums[0][lane] + sums[1][lane]) + (sums[2][lane] + sums[3][lane])) * scale;
    }
    scores
}

/// Writes the weighted sum of the values, each of the length of `out`.
#[inline(always)]
fn mix<'a, T: Cell + 'a>(weights: &[f32], value_at: impl Fn(usize) -> &'a [T], out: &mut [f32]) {
    let (strips, rest) = out.as_chunks_mut::<LANES>();
    let done = strips.len() * LANES;
    for (strip, out) in strips.iter_mut().enumerate() {
        let mut sums = [0f32; LANES];
        for (t, weight) in weights.iter().enumerate() {
            let value = &value_at(t)[strip * LANES..(strip + 1) * LANES];
            for lane in 0..LANES {
                sums[lane] = weight.mul_add(value[lane].widen(), sums[lane]);
            }
        }
        *out = sums;
    }
    for (i, out) in rest.iter_mut().enumerate() {
        *out = 0.0;
        for (t, weight) in weights.iter().enumerate() {
            *out = weight.mul_add(value_at(t)[done + i].widen(), *out);
        }
    }
}

/// Computes the attention of the query at position `len - 1` over positions that lie apart; `at(t)` is the key of position
/// `t` with its value right behind it.
#[inline(always)]
pub fn attend_scattered<'a, T: Cell + 'a>(
    query: &[f32],
    len: usize,
    at: impl Fn(usize) -> &'a [T],
    heads: Heads,
    bias: Option<&RelativeBias>,
    weights: &mut Vec<f32>,
    out: &mut [f32],
) {
    let (d, scale) = (heads.width(), heads.scale());
    for head in 0..heads.count {
        let part = head * heads.dim..(head + 1) * heads.dim;
        // A loop, not `extend`: a closure given to an iterator may be compiled without this function's instructions.
        weights.resize(len, 0.0);
        for (t, weight) in weights.iter_mut().enumerate() {
            *weight = simd::dot(&query[part.clone()], &at(t)[part.clone()]) * scale;
        }
        if let Some(bias) = bias {
            bias.add(head, len - 1, weights);
        }
        softmax_in_place(weights);
        mix(weights, |t| &at(t)[d + part.start..d + part.end], &mut out[part.clone()]);
    }
}

#[inline(always)]
fn encoder_sequence_body(qkv: &[f32], heads: Heads, bias: Option<&RelativeBias>, out: &mut [f32]) {
    let d = heads.width();
    let memory = Memory::<f32>::new(qkv.len() / (3 * d), heads, |t| &qkv[t * 3 * d + d..(t + 1) * 3 * d]);
    let mut weights = Vec::with_capacity(memory.padded());
    for (position, (row, out)) in qkv.chunks_exact(3 * d).zip(out.chunks_exact_mut(d)).enumerate() {
        attend(&row[..d], &memory, bias.map(|bias| (bias, position)), &mut weights, out, |_, _| {});
    }
}

simd::dispatch! {
    fn encoder_sequence(qkv: &[f32], heads: Heads, bias: Option<&RelativeBias>, out: &mut [f32]) =
        encoder_sequence_body;
}
