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
    /// For each head what the product with each key is multiplied by, then the weight of each value: (2, padded length).
    scales: Vec<f32>,
    len: usize,
    heads: Heads,
}

impl<T: Cell> Memory<T> {
    /// Lays out `len` positions; at `cells[t * stride..]` is the key of position `t` with its value right behind it, 2 d values.
    #[inline(always)]
    pub fn new<S: Simd>(simd: S, len: usize, heads: Heads, cells: &[f32], stride: usize) -> Memory<T> {
        let mut memory = Memory { values: Vec::new(), scales: Vec::new(), len, heads };
        let (d, dim, padded, size) = (heads.width(), heads.dim, memory.padded(), memory.head_size());
        memory.values = vec![T::default(); heads.count * size];
        memory.scales = vec![0.0; heads.count * 2 * padded];
        let heads_of = memory.values.chunks_exact_mut(size).zip(memory.scales.chunks_exact_mut(2 * padded));
        for (head, (block, scales)) in heads_of.enumerate() {
            let (keys, values) = block.split_at_mut(dim * padded);
            let (key_scales, value_scales) = scales.split_at_mut(padded);
            for (t, value) in values.chunks_exact_mut(dim).enumerate() {
                let [key, wide] = [0, d].map(|start| &cells[t * stride + start + head * dim..][..dim]);
                let (of_key, of_value) = (T::scale(simd, key), T::scale(simd, wide));
                for (i, wide) in key.iter().enumerate() {
                    keys[i * padded + t] = T::narrow(wide * of_key.inverse);
                }
                for (value, wide) in value.iter_mut().zip(wide) {
                    *value = T::narrow(wide * of_value.inverse);
                }
                (key_scales[t], value_scales[t]) = (of_key.step * heads.scale(), of_value.step);
            }
        }
        memory
    }

    /// Returns the heads.
    pub fn heads(&self) -> Heads {
        self.heads
    }

    fn padded(&self) -> usize {
        self.len.next_multiple_of(LANES)
    }

    fn head_size(&self) -> usize {
        self.heads.dim * (self.padded() + self.len)
    }
}

/// Computes the attention of queries over a memory into `out`, (queries, d). With a bias query `i` is at position `i`; `tap` is
/// given the weights of each query and head.
#[inline(always)]
pub fn attend_all<'a, S: Simd, T: Cell>(
    simd: S,
    query: impl Fn(usize) -> &'a [f32],
    memory: &Memory<T>,
    bias: Option<&RelativeBias>,
    out: &mut [f32],
    mut tap: impl FnMut(usize, usize, &[f32]),
) {
    let d = memory.heads.width();
    let (count, mut weights, mut first) = (out.len() / d, Vec::new(), 0);
    while first < count {
        let (bias, out, weights) = (bias.map(|bias| (bias, first)), &mut out[first * d..], &mut weights);
        let tap = |query: usize, head: usize, weights: &[f32]| tap(first + query, head, weights);
        // A key and a value is read once for the queries that are taken together.
        first += match count - first {
            4.. => attend(simd, [0, 1, 2, 3].map(|i| query(first + i)), memory, bias, weights, out, tap),
            2.. => attend(simd, [0, 1].map(|i| query(first + i)), memory, bias, weights, out, tap),
            _ => attend(simd, [query(first)], memory, bias, weights, out, tap),
        };
    }
}

/// Computes the attention of `Q` queries into the first rows of `out`, and returns `Q`. A bias comes with the first query's position.
#[inline(always)]
fn attend<S: Simd, T: Cell, const Q: usize>(
    simd: S,
    queries: [&[f32]; Q],
    memory: &Memory<T>,
    bias: Option<(&RelativeBias, usize)>,
    weights: &mut Vec<f32>,
    out: &mut [f32],
    mut tap: impl FnMut(usize, usize, &[f32]),
) -> usize {
    let (heads, len, padded) = (memory.heads, memory.len, memory.padded());
    weights.resize(Q * padded, 0.0);
    for head in 0..heads.count {
        let part = head * heads.dim..(head + 1) * heads.dim;
        let block = &memory.values[head * memory.head_size()..(head + 1) * memory.head_size()];
        let (keys, values) = block.split_at(heads.dim * padded);
        let (key_scales, value_scales) = memory.scales[2 * head * padded..2 * (head + 1) * padded].split_at(padded);
        let of_head = queries.map(|query| &query[part.clone()]);
        // The next head is asked for while this one is scored; bytes come in time by themselves.
        let next = memory.values.get((head + 1) * memory.head_size()..(head + 2) * memory.head_size());
        let next = next.filter(|_| !T::SCALED);
        let ahead = Ahead::of(next.unwrap_or_default(), padded / LANES * heads.dim);
        for (strip, start) in (0..padded).step_by(LANES).enumerate() {
            let sums = score(simd, of_head, &keys[start..], padded, |i| ahead.ask(strip * heads.dim + i));
            for (query, sum) in sums.into_iter().enumerate() {
                simd.store(sum, block_mut(weights, query * padded + start));
            }
        }
        for (query, weights) in weights.chunks_exact_mut(padded).enumerate() {
            multiply(weights, key_scales);
            if let Some((bias, position)) = bias {
                bias.add(head, position + query, &mut weights[..len]);
            }
            soften(weights, len);
            tap(query, head, &weights[..len]);
            if T::SCALED {
                multiply(weights, value_scales);
            }
        }
        let weights: [&[f32]; Q] = std::array::from_fn(|query| &weights[query * padded..query * padded + len]);
        mix(simd, weights, |t, start| &values[t * heads.dim + start..], &mut out[part.start..], heads);
    }
    Q
}

#[inline(always)]
fn multiply(values: &mut [f32], factors: &[f32]) {
    values.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor);
}

/// Returns the products of queries with sixteen keys; value `i` of the keys lies at `keys[i * stride..]`. `step` is called with each `i`.
#[inline(always)]
fn score<S: Simd, T: Cell, const Q: usize>(
    simd: S,
    queries: [&[f32]; Q],
    keys: &[T],
    stride: usize,
    step: impl Fn(usize),
) -> [S::Vector; Q] {
    let length = queries[0].len();
    let queries = queries.map(|query| &query[..length]);
    let at = |i: usize| block(keys, i * stride);
    // Two chains of sums, since one would wait for itself at every step.
    let (mut even, mut odd) = ([simd.splat(0.0); Q], [simd.splat(0.0); Q]);
    for i in (1..length).step_by(2) {
        step(i - 1);
        step(i);
        let (first, second) = (T::load(simd, at(i - 1)), T::load(simd, at(i)));
        for query in 0..Q {
            even[query] = simd.mul_add(simd.splat(queries[query][i - 1]), first, even[query]);
            odd[query] = simd.mul_add(simd.splat(queries[query][i]), second, odd[query]);
        }
    }
    if length % 2 == 1 {
        let last = T::load(simd, at(length - 1));
        for query in 0..Q {
            even[query] = simd.mul_add(simd.splat(queries[query][length - 1]), last, even[query]);
        }
    }
    for query in 0..Q {
        even[query] = simd.add(even[query], odd[query]);
    }
    even
}

/// Returns the sixteen values at `start`.
#[inline(always)]
fn block<T>(values: &[T], start: usize) -> &[T; LANES] {
    values[start..].first_chunk().expect("whole blocks are asked for only where there are as many values")
}

#[inline(always)]
fn block_mut<T>(values: &mut [T], start: usize) -> &mut [T; LANES] {
    values[start..].first_chunk_mut().expect("whole blocks are asked for only where there are as many values")
}

/// Turns the first `len` scores of a row of whole blocks into probabilities, and what lies behind them into zeros.
#[inline(always)]
fn soften(scores: &mut [f32], len: usize) {
    scores[len..].fill(f32::NEG_INFINITY);
    softmax_in_place(scores);
}

/// Writes the weighted sums of the values of one head: that of each query at `out[query * d..]`; the values of position `t` from
/// `start` on are `values(t, start)`.
#[inline(always)]
fn mix<'a, S: Simd, T: Cell + 'a, const Q: usize>(
    simd: S,
    weights: [&[f32]; Q],
    values: impl Fn(usize, usize) -> &'a [T],
    out: &mut [f32],
    heads: Heads,
) {
    let (d, whole, len) = (heads.width(), heads.dim - heads.dim % LANES, weights[0].len());
    let weights = weights.map(|weights| &weights[..len]);
    #[expect(clippy::needless_range_loop, reason = "several slices are read at one place")]
    for start in (0..whole).step_by(LANES) {
        let mut sums = [simd.splat(0.0); Q];
        for t in 0..len {
            let values = T::load(simd, block(values(t, start), 0));
            for query in 0..Q {
                sums[query] = simd.mul_add(simd.splat(weights[query][t]), values, sums[query]);
            }
        }
        for query in 0..Q {
            simd.store(sums[query], block_mut(out, query * d + start));
        }
    }
    for (query, weights) in weights.into_iter().enumerate() {
        for at in whole..heads.dim {
            let sum = |sum: f32, (t, weight): (usize, &f32)| weight.mul_add(values(t, at)[0].widen(), sum);
            out[query * d + at] = weights.iter().enumerate().fold(0.0, sum);
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
        let first = head * heads.dim;
        mix(simd, [&weights[..len]], |t, start| &cells[t][d + first + start..], &mut out[first..], heads);
    }
}

#[inline(always)]
fn encoder_sequence_body<S: Simd>(simd: S, qkv: &[f32], heads: Heads, bias: Option<&RelativeBias>, out: &mut [f32]) {
    let (d, width) = (heads.width(), 3 * heads.width());
    let memory = Memory::<f32>::new(simd, qkv.len() / width, heads, &qkv[d..], width);
    attend_all(simd, |position| &qkv[position * width..][..d], &memory, bias, out, |_, _, _| {});
}

vectorized! {
    fn encoder_sequence(qkv: &[f32], heads: Heads, bias: Option<&RelativeBias>, out: &mut [f32]) =
        encoder_sequence_body;
}
