//! Scaled dot-product attention over ragged batches: softmax(q k^T / sqrt(head_dim)) v (Vaswani et al. 2017).
//!
//! Separate because it is the one operation that knows which rows belong together. Sequences are laid end to end, not
//! padded: a range of rows is the padding mask. The invariant: a row attends to its own sequence's positions, in
//! order, and to nothing else.

use super::{
    filled,
    relative::RelativeBias,
    simd::{
        self, Ahead, Cell, LANES,
        vector::{Simd, vectorized},
    },
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
    /// Scores are divided by sqrt(dim), as in the paper; T5 was trained without that.
    pub scaled: bool,
}

impl Heads {
    /// Returns heads whose scores are scaled.
    pub fn new(count: usize, dim: usize) -> Heads {
        Heads { count, dim, scaled: true }
    }

    /// Returns the width of all heads together.
    pub fn width(self) -> usize {
        self.count * self.dim
    }

    pub(super) fn scale(self) -> f32 {
        if self.scaled { (self.dim as f32).powf(-0.5) } else { 1.0 }
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
pub fn attend<S: Simd, T: Cell>(
    simd: S,
    query: &[f32],
    memory: &Memory<T>,
    bias: Option<(&RelativeBias, usize)>,
    weights: &mut Vec<f32>,
    out: &mut [f32],
    mut tap: impl FnMut(usize, &[f32]),
) {
    let (heads, padded) = (memory.heads, memory.padded());
    let scale = heads.scale();
    weights.resize(padded, 0.0);
    for head in 0..heads.count {
        let part = head * heads.dim..(head + 1) * heads.dim;
        let block = &memory.values[head * memory.head_size()..(head + 1) * memory.head_size()];
        let (keys, values) = block.split_at(heads.dim * padded);
        for (strip, scores) in weights.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            score(simd, &query[part.clone()], &keys[strip * LANES..], padded, scale, scores);
        }
        if let Some((bias, position)) = bias {
            bias.add(head, position, &mut weights[..memory.len]);
        }
        soften(weights, memory.len);
        tap(head, &weights[..memory.len]);
        let out = &mut out[part];
        out.fill(0.0);
        mix(simd, &weights[..memory.len], |t| &values[t * heads.dim..(t + 1) * heads.dim], out);
    }
}

/// Writes the scaled products of a query with sixteen keys; value `i` of the keys lies at `keys[i * stride..]`.
#[inline(always)]
fn score<S: Simd, T: Cell>(simd: S, query: &[f32], keys: &[T], stride: usize, scale: f32, scores: &mut [f32; LANES]) {
    // Four chains of sums, since one would wait for itself at every step.
    const CHAINS: usize = 4;
    let mut sums = [simd.splat(0.0); CHAINS];
    for (i, value) in query.iter().enumerate() {
        let keys = T::load(simd, block(keys, i * stride));
        sums[i % CHAINS] = simd.mul_add(simd.splat(*value), keys, sums[i % CHAINS]);
    }
    let sum = simd.add(simd.add(sums[0], sums[1]), simd.add(sums[2], sums[3]));
    simd.store(sum, scores);
    scores.iter_mut().for_each(|score| *score *= scale);
}

/// Returns the sixteen values at `start`.
#[inline(always)]
fn block<T>(values: &[T], start: usize) -> &[T; LANES] {
    values[start..].first_chunk().expect("whole blocks are asked for only where there are as many values")
}

/// Turns the first `len` scores of a row of whole blocks into probabilities, and what lies behind them into zeros.
#[inline(always)]
fn soften(scores: &mut [f32], len: usize) {
    scores[len..].fill(f32::NEG_INFINITY);
    softmax_in_place(scores);
}

/// Adds the weighted sum of the values, each of the length of `out`.
#[inline(always)]
fn mix<'a, S: Simd, T: Cell + 'a>(simd: S, weights: &[f32], value_at: impl Fn(usize) -> &'a [T], out: &mut [f32]) {
    // Several positions a time, so that what is summed is not stored and read again for each.
    const TOGETHER: usize = 4;
    let (groups, rest) = weights.as_chunks::<TOGETHER>();
    for (group, weights) in groups.iter().enumerate() {
        add_weighted(simd, weights, std::array::from_fn(|i| value_at(group * TOGETHER + i)), out);
    }
    for (i, weight) in rest.iter().enumerate() {
        add_weighted(simd, &[*weight], [value_at(groups.len() * TOGETHER + i)], out);
    }
}

/// Adds values times their weights, one after the other.
#[inline(always)]
fn add_weighted<S: Simd, T: Cell, const N: usize>(simd: S, weights: &[f32; N], values: [&[T]; N], out: &mut [f32]) {
    let wide = weights.map(|weight| simd.splat(weight));
    let (strips, rest) = out.as_chunks_mut::<LANES>();
    let done = strips.len() * LANES;
    for (strip, out) in strips.iter_mut().enumerate() {
        let mut sum = simd.load(out);
        for i in 0..N {
            sum = simd.mul_add(wide[i], T::load(simd, block(values[i], strip * LANES)), sum);
        }
        simd.store(sum, out);
    }
    for (at, out) in rest.iter_mut().enumerate() {
        for i in 0..N {
            *out = weights[i].mul_add(values[i][done + at].widen(), *out);
        }
    }
}

/// Computes the attention of the query at the last of some positions over all of them; each cell is a key with its value right
/// behind it.
///
/// Position after position, all heads of each: a key is one run of memory. The cells of the `next` query are asked for on the way.
#[inline(always)]
pub fn attend_scattered<S: Simd, T: Cell>(
    simd: S,
    query: &[f32],
    [cells, next]: [&[&[T]]; 2],
    heads: Heads,
    bias: Option<&RelativeBias>,
    weights: &mut Vec<f32>,
    out: &mut [f32],
) {
    let (d, scale, len) = (heads.width(), heads.scale(), cells.len());
    let padded = len.next_multiple_of(LANES);
    weights.resize(heads.count * padded, 0.0);
    for (t, cell) in cells.iter().enumerate() {
        let ahead = Ahead::of(next.get(t).copied().unwrap_or_default(), heads.count);
        for head in 0..heads.count {
            ahead.ask(head);
            let part = head * heads.dim..(head + 1) * heads.dim;
            weights[head * padded + t] = simd::dot(simd, &query[part.clone()], &cell[part]) * scale;
        }
    }
    for (head, weights) in weights.chunks_exact_mut(padded).enumerate() {
        if let Some(bias) = bias {
            bias.add(head, len - 1, &mut weights[..len]);
        }
        soften(weights, len);
        let part = head * heads.dim..(head + 1) * heads.dim;
        let out = &mut out[part.clone()];
        out.fill(0.0);
        mix(simd, &weights[..len], |t| &cells[t][d + part.start..d + part.end], out);
    }
}

#[inline(always)]
fn encoder_sequence_body<S: Simd>(simd: S, qkv: &[f32], heads: Heads, bias: Option<&RelativeBias>, out: &mut [f32]) {
    let d = heads.width();
    let memory = Memory::<f32>::new(qkv.len() / (3 * d), heads, |t| &qkv[t * 3 * d + d..(t + 1) * 3 * d]);
    let mut weights = Vec::with_capacity(memory.padded());
    for (position, (row, out)) in qkv.chunks_exact(3 * d).zip(out.chunks_exact_mut(d)).enumerate() {
        attend(simd, &row[..d], &memory, bias.map(|bias| (bias, position)), &mut weights, out, |_, _| {});
    }
}

vectorized! {
    fn encoder_sequence(qkv: &[f32], heads: Heads, bias: Option<&RelativeBias>, out: &mut [f32]) =
        encoder_sequence_body;
}
