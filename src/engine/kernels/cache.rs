//! Keys and values a decoder has already computed: its own, grown step by step, and the source's, computed once.
//!
//! Separate because search and model both address it. Beams share history instead of copying it: a row names, for each
//! earlier position, the slot that position was written to (its lineage), so reordering beams moves no tensor. The
//! invariant: a cell (slot, position) is written once while any lineage can reach it.

use super::{
    attention::{Heads, Memory, attend, attend_scattered, plain},
    filled,
    relative::RelativeBias,
    simd::{
        self, Cell,
        vector::{Simd, vectorized},
    },
    with_values,
};
use crate::engine::precision::Precision;
use candle_core::{Device, Result, Tensor, bail};
use half::bf16;
use std::{ops::Range, sync::Arc};

/// Where one decoder row reads and writes.
#[derive(Debug, Clone, Copy)]
pub struct RowAddress<'a> {
    /// The slot this row writes at its own position, `lineage.len()`.
    pub slot: usize,
    /// For each earlier position, the slot it was written to.
    pub lineage: &'a [u32],
}

/// The self-attention keys and values of one decoder layer.
#[derive(Debug)]
pub struct SelfCache {
    form: Form,
    heads: Heads,
}

#[derive(Debug)]
enum Form {
    /// One slot a row, (positions, 2 d), keys before values; each grows by itself.
    F32(Vec<Slot<f32>>),
    /// The same at half the size: with int8 products the caches are what memory is read for.
    Bf16(Vec<Slot<bf16>>),
    /// One tensor a position, (slots, 2 d): plain operations cannot write in place.
    Device { slots: usize, positions: Vec<Tensor> },
}

/// Values left free behind each cell: without them the cells of a head would lie a power of two apart, and so in the
/// same few lines of the first-level cache.
const GAP: usize = 16;

/// The positions a row has written, and how many a usual row writes.
#[derive(Debug, Clone)]
struct Slot<T> {
    cells: Vec<T>,
    usual: usize,
}

impl<T: Cell> Slot<T> {
    fn new(usual: usize) -> Slot<T> {
        Slot { cells: Vec::new(), usual }
    }

    fn write(&mut self, position: usize, cell: &[f32]) {
        // A new source begins: what an unusually long one before it took is given back.
        if position <= 1 && self.cells.capacity() > 2 * self.usual {
            self.cells = Vec::new();
        }
        if self.cells.capacity() == 0 {
            self.cells.reserve_exact(self.usual);
        }
        let start = position * (cell.len() + GAP);
        if self.cells.len() < start + cell.len() + GAP {
            self.cells.resize(start + cell.len() + GAP, T::default());
        }
        for (narrow, value) in self.cells[start..].iter_mut().zip(cell) {
            *narrow = T::narrow(*value);
        }
    }
}

impl SelfCache {
    /// Returns an empty cache for `slots` rows of about `capacity` positions; a slot grows where more are written.
    pub fn new(slots: usize, capacity: usize, heads: Heads, device: &Device, precision: Precision) -> SelfCache {
        // At least one position: a slot that just gave back its memory then never seems too large at its second write.
        let usual = capacity.max(1) * (2 * heads.width() + GAP);
        let form = match (device, precision) {
            (Device::Cpu, Precision::F32) => Form::F32(vec![Slot::new(usual); slots]),
            (Device::Cpu, Precision::Int8) => Form::Bf16(vec![Slot::new(usual); slots]),
            _ => Form::Device { slots, positions: Vec::new() },
        };
        SelfCache { form, heads }
    }

    /// Writes the new keys and values of `qkv`, (rows, 3 d), and returns causal self-attention, (rows, d).
    pub fn attend(&mut self, qkv: &Tensor, rows: &[RowAddress<'_>], bias: Option<&RelativeBias>) -> Result<Tensor> {
        let (heads, shape) = (self.heads, (rows.len(), self.heads.width()));
        match &mut self.form {
            Form::F32(slots) => filled(qkv, shape, |qkv, out| decoder_rows_f32(qkv, rows, heads, bias, slots, out)),
            Form::Bf16(slots) => filled(qkv, shape, |qkv, out| decoder_rows_bf16(qkv, rows, heads, bias, slots, out)),
            Form::Device { slots, positions } => plain_decoder_rows(qkv, rows, *slots, heads, bias, positions),
        }
    }
}

#[inline(always)]
fn decoder_rows<S: Simd, T: Cell>(
    simd: S,
    qkv: &[f32],
    rows: &[RowAddress<'_>],
    heads: Heads,
    bias: Option<&RelativeBias>,
    slots: &mut [Slot<T>],
    out: &mut [f32],
) {
    let d = heads.width();
    for (row, qkv) in rows.iter().zip(qkv.chunks_exact(3 * d)) {
        slots[row.slot].write(row.lineage.len(), &qkv[d..]);
    }
    let mut weights = Vec::new();
    for ((row, qkv), out) in rows.iter().zip(qkv.chunks_exact(3 * d)).zip(out.chunks_exact_mut(d)) {
        let at = |t: usize| {
            let slot = row.lineage.get(t).map_or(row.slot, |slot| *slot as usize);
            &slots[slot].cells[t * (2 * d + GAP)..][..2 * d]
        };
        attend_scattered(simd, &qkv[..d], row.lineage.len() + 1, at, heads, bias, &mut weights, out);
    }
}

vectorized! {
    fn decoder_rows_f32(
        qkv: &[f32],
        rows: &[RowAddress<'_>],
        heads: Heads,
        bias: Option<&RelativeBias>,
        slots: &mut [Slot<f32>],
        out: &mut [f32],
    ) = decoder_rows;
}
vectorized! {
    fn decoder_rows_bf16(
        qkv: &[f32],
        rows: &[RowAddress<'_>],
        heads: Heads,
        bias: Option<&RelativeBias>,
        slots: &mut [Slot<bf16>],
        out: &mut [f32],
    ) = decoder_rows;
}

fn plain_decoder_rows(
    qkv: &Tensor,
    rows: &[RowAddress<'_>],
    slots: usize,
    heads: Heads,
    bias: Option<&RelativeBias>,
    steps: &mut Vec<Tensor>,
) -> Result<Tensor> {
    let d = heads.width();
    let mut out = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let t = row.lineage.len();
        while steps.len() <= t {
            steps.push(Tensor::zeros((slots, 2 * d), qkv.dtype(), qkv.device())?);
        }
        let new = qkv.narrow(0, index, 1)?.narrow(1, d, 2 * d)?.contiguous()?; // (1, 2 d)
        steps[t].slice_set(&new, 0, row.slot)?;
    }
    for (index, row) in rows.iter().enumerate() {
        let history = row.lineage.iter().map(|slot| *slot as usize).chain([row.slot]).enumerate();
        let parts = history.map(|(t, slot)| steps[t].narrow(0, slot, 1)).collect::<Result<Vec<_>>>()?;
        let memory = Tensor::cat(&parts, 0)?; // (position + 1, 2 d)
        let query = qkv.narrow(0, index, 1)?.narrow(1, 0, d)?;
        let position = row.lineage.len();
        let bias = bias.map(|bias| bias.tensor(position, 1, position + 1)).transpose()?;
        out.push(plain(&query, &memory.narrow(1, 0, d)?, &memory.narrow(1, d, d)?, heads, bias.as_ref())?.0);
    }
    Tensor::cat(&out, 0)
}

/// The cross-attention keys and values of one source, for all decoder layers: computed once, shared by its beams.
#[derive(Debug, Clone)]
pub struct CrossMemory(CrossForm);

#[derive(Debug, Clone)]
enum CrossForm {
    /// One memory a layer.
    F32(Arc<[Memory<f32>]>),
    /// The same at half the size.
    Bf16(Arc<[Memory<bf16>]>),
    /// (tokens, layers * 2 d): the fused projections of every source that was encoded together, and which rows are this
    /// source's.
    Device { projections: Tensor, rows: Range<usize> },
}

impl CrossMemory {
    /// Returns the memories of sources encoded together from their fused projections, (tokens, layers * 2 d).
    pub fn split(
        projections: &Tensor,
        sources: &[Range<usize>],
        heads: Heads,
        precision: Precision,
    ) -> Result<Vec<CrossMemory>> {
        if !matches!(projections.device(), Device::Cpu) {
            let memory =
                |rows: &Range<usize>| CrossForm::Device { projections: projections.clone(), rows: rows.clone() };
            return Ok(sources.iter().map(|rows| CrossMemory(memory(rows))).collect());
        }
        let (width, cell) = (projections.dim(1)?, 2 * heads.width());
        with_values(projections, |values| {
            let memory = |rows: &Range<usize>| {
                let at = |layer: usize, t: usize| &values[(rows.start + t) * width + layer * cell..][..cell];
                let layers = 0..width / cell;
                CrossMemory(match precision {
                    Precision::F32 => {
                        CrossForm::F32(layers.map(|layer| Memory::new(rows.len(), heads, |t| at(layer, t))).collect())
                    }
                    Precision::Int8 => {
                        CrossForm::Bf16(layers.map(|layer| Memory::new(rows.len(), heads, |t| at(layer, t))).collect())
                    }
                })
            };
            sources.iter().map(memory).collect()
        })
    }
}

/// Which attention weights to hand out: those of one layer, of one head or as the mean of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tap {
    /// Decoder layer, from 0.
    pub layer: usize,
    /// Head, from 0; `None` is the mean over heads.
    pub head: Option<usize>,
}

/// Returns cross-attention, (rows, d), for queries (rows, d), and one tapped row of weights for each where asked.
///
/// `memories[i]` belongs to row `i`.
pub fn cross_attention(
    queries: &Tensor,
    memories: &[&CrossMemory],
    layer: usize,
    heads: Heads,
    tap: Option<Option<usize>>,
) -> Result<(Tensor, Vec<Vec<f32>>)> {
    let d = heads.width();
    if !matches!(queries.device(), Device::Cpu) {
        return plain_cross_attention(queries, memories, layer, heads, tap);
    }
    let mut taps = vec![Vec::new(); if tap.is_some() { memories.len() } else { 0 }];
    let mut out = vec![0f32; memories.len() * d];
    with_values(queries, |queries| {
        for (row, (memory, out)) in memories.iter().zip(out.chunks_exact_mut(d)).enumerate() {
            let (query, kept) = (&queries[row * d..(row + 1) * d], taps.get_mut(row).zip(tap));
            match &memory.0 {
                CrossForm::F32(layers) => cross_row_f32(query, &layers[layer], kept, out),
                CrossForm::Bf16(layers) => cross_row_bf16(query, &layers[layer], kept, out),
                CrossForm::Device { .. } => bail!("the source was encoded on another device"),
            }
        }
        Ok(())
    })??;
    Ok((Tensor::from_vec(out, (memories.len(), d), &Device::Cpu)?, taps))
}

/// Where the weights of one head, or with `None` the mean of all, go.
type Kept<'a> = Option<(&'a mut Vec<f32>, Option<usize>)>;

/// Computes one row.
#[inline(always)]
fn cross_row<S: Simd, T: Cell>(simd: S, query: &[f32], memory: &Memory<T>, mut kept: Kept<'_>, out: &mut [f32]) {
    let heads = query.len() / memory.head_dim();
    attend(
        simd,
        query,
        memory,
        None,
        &mut Vec::with_capacity(memory.positions() + simd::LANES),
        out,
        |head, weights| match &mut kept {
            Some((kept, Some(wanted))) if *wanted == head => **kept = weights.to_vec(),
            Some((kept, None)) => {
                kept.resize(weights.len(), 0.0);
                kept.iter_mut().zip(weights).for_each(|(mean, weight)| *mean += weight / heads as f32);
            }
            _ => {}
        },
    );
}

vectorized! {
    fn cross_row_f32(query: &[f32], memory: &Memory<f32>, kept: Kept<'_>, out: &mut [f32]) = cross_row;
}
vectorized! {
    fn cross_row_bf16(query: &[f32], memory: &Memory<bf16>, kept: Kept<'_>, out: &mut [f32]) = cross_row;
}

fn plain_cross_attention(
    queries: &Tensor,
    memories: &[&CrossMemory],
    layer: usize,
    heads: Heads,
    tap: Option<Option<usize>>,
) -> Result<(Tensor, Vec<Vec<f32>>)> {
    let d = heads.width();
    let (mut out, mut taps) = (Vec::with_capacity(memories.len()), Vec::new());
    for (row, memory) in memories.iter().enumerate() {
        let CrossForm::Device { projections, rows } = &memory.0 else {
            bail!("the source was encoded on another device")
        };
        let source = projections.narrow(0, rows.start, rows.len())?;
        let (k, v) = (source.narrow(1, layer * 2 * d, d)?, source.narrow(1, (layer * 2 + 1) * d, d)?);
        let (mixed, weights) = plain(&queries.narrow(0, row, 1)?, &k, &v, heads, None)?; // weights: (heads, 1, length)
        if let Some(head) = tap {
            let weights = weights.squeeze(1)?;
            let row = match head {
                Some(head) => weights.get(head)?,
                None => weights.mean(0)?,
            };
            taps.push(row.to_vec1()?);
        }
        out.push(mixed);
    }
    Ok((Tensor::cat(&out, 0)?, taps))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::relative::Buckets;

    const HEADS: Heads = Heads { count: 2, dim: 5, scaled: true };

    fn random(shape: (usize, usize)) -> Tensor {
        Tensor::randn(0f32, 1f32, shape, &Device::Cpu).unwrap()
    }

    fn assert_close(a: &Tensor, b: &Tensor) {
        let gap = (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(gap < 1e-5, "differ by {gap}");
    }

    #[test]
    fn rows_follow_their_lineage_across_growth_as_plain_tensors_do() {
        let buckets = Buckets { count: 4, max_distance: 3, bidirectional: false };
        let bias = RelativeBias::new(&random((4, 2)), buckets, &Device::Cpu).unwrap();
        for bias in [None, Some(&bias)] {
            follow_lineages(bias);
        }
    }

    fn follow_lineages(bias: Option<&RelativeBias>) {
        let mut cache = SelfCache::new(3, 0, HEADS, &Device::Cpu, Precision::F32);
        let mut steps = Vec::new();
        // Beams swap slots at each step; each lineage is the parent's plus the slot the parent wrote.
        let lineages: [[&[u32]; 3]; 4] =
            [[&[], &[], &[]], [&[1], &[0], &[1]], [&[0, 1], &[1, 2], &[1, 0]], [&[1, 0, 2], &[1, 0, 2], &[0, 1, 0]]];
        for step in lineages {
            let qkv = random((3, 30));
            let rows: Vec<_> = step.iter().enumerate().map(|(slot, lineage)| RowAddress { slot, lineage }).collect();
            let got = cache.attend(&qkv, &rows, bias).unwrap();
            assert_close(&got, &plain_decoder_rows(&qkv, &rows, 3, HEADS, bias, &mut steps).unwrap());
        }
    }

    #[test]
    fn cross_attention_and_its_taps_agree_with_plain_tensors() {
        let (projections, sources) = (random((9, 40)), [0..4, 4..9]);
        let fused = CrossMemory::split(&projections, &sources, HEADS, Precision::F32).unwrap();
        let plain = sources.map(|rows| CrossMemory(CrossForm::Device { projections: projections.clone(), rows }));
        let (memories, plain) = ([&fused[0], &fused[0], &fused[1]], [&plain[0], &plain[0], &plain[1]]);
        let queries = random((3, 10));
        for tap in [None, Some(None), Some(Some(1))] {
            let (got, taps) = cross_attention(&queries, &memories, 1, HEADS, tap).unwrap();
            let (want, want_taps) = plain_cross_attention(&queries, &plain, 1, HEADS, tap).unwrap();
            assert_close(&got, &want);
            assert_eq!(taps.len(), want_taps.len());
            for (a, b) in taps.iter().flatten().zip(want_taps.iter().flatten()) {
                assert!((a - b).abs() < 1e-5);
            }
        }
    }
}
