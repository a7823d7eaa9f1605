//! Keys and values a decoder has already computed: its own, grown step by step, and the source's, computed once.
//!
//! Separate because search and model both address it. Beams share history instead of copying it: a row names, for each
//! earlier position, the slot that position was written to (its lineage), so reordering beams moves no tensor. The
//! invariant: a cell (slot, position) is written once while any lineage can reach it.

use super::{
    attention::{Heads, Memory, attend_all, attend_scattered},
    device::SourceRows,
    filled, on_host,
    relative::RelativeBias,
    simd::{
        Cell,
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

    #[inline(always)]
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
    pub fn new(slots: usize, capacity: usize, heads: Heads, precision: Precision) -> SelfCache {
        // At least one position: a slot that just gave back its memory then never seems too large at its second write.
        let usual = capacity.max(1) * (2 * heads.width() + GAP);
        let form = match precision {
            Precision::Int8 => Form::Bf16(vec![Slot::new(usual); slots]),
            _ => Form::F32(vec![Slot::new(usual); slots]),
        };
        SelfCache { form, heads }
    }

    /// Writes the new keys and values of `qkv`, (rows, 3 d), and returns causal self-attention, (rows, d).
    pub fn attend(&mut self, qkv: &Tensor, rows: &[RowAddress<'_>], bias: Option<&RelativeBias>) -> Result<Tensor> {
        let (heads, shape) = (self.heads, (rows.len(), self.heads.width()));
        match &mut self.form {
            Form::F32(slots) => filled(qkv, shape, |qkv, out| decoder_rows_f32(qkv, rows, heads, bias, slots, out)),
            Form::Bf16(slots) => filled(qkv, shape, |qkv, out| decoder_rows_bf16(qkv, rows, heads, bias, slots, out)),
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
    let find = |row: Option<&RowAddress<'_>>, cells: &mut Vec<_>| {
        cells.clear();
        if let Some(row) = row {
            let history = row.lineage.iter().map(|slot| *slot as usize).chain([row.slot]).enumerate();
            cells.extend(history.map(|(t, slot)| &slots[slot].cells[t * (2 * d + GAP)..][..2 * d]));
        }
    };
    let (mut weights, mut cells, mut next) = (Vec::new(), Vec::new(), Vec::new());
    find(rows.first(), &mut next);
    for (row, (qkv, out)) in qkv.chunks_exact(3 * d).zip(out.chunks_exact_mut(d)).enumerate() {
        std::mem::swap(&mut cells, &mut next);
        find(rows.get(row + 1), &mut next);
        attend_scattered(simd, &qkv[..d], [&cells, &next], heads, bias, &mut weights, out);
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

/// The cross-attention keys and values of one source, for all decoder layers: computed once, shared by its beams.
#[derive(Debug, Clone)]
pub struct CrossMemory(CrossForm);

#[derive(Debug, Clone)]
enum CrossForm {
    /// One memory a layer.
    F32(Arc<[Memory<f32>]>),
    /// The same at a quarter of the size.
    Int8(Arc<[Memory<i8>]>),
    /// Beside those of the sources that were encoded with it.
    Device(SourceRows),
}

impl CrossMemory {
    /// Returns the memories of sources encoded together from their fused projections, (tokens, layers * 2 d).
    pub fn split(
        projections: &Tensor,
        sources: &[Range<usize>],
        heads: Heads,
        precision: Precision,
    ) -> Result<Vec<CrossMemory>> {
        if !on_host(projections.device()) {
            let memories = SourceRows::split(projections, sources, 2 * heads.width())?;
            return Ok(memories.into_iter().map(|memory| CrossMemory(CrossForm::Device(memory))).collect());
        }
        let (width, cell) = (projections.dim(1)?, 2 * heads.width());
        with_values(projections, |values| {
            let memory = |rows: &Range<usize>| {
                let cells = (0..width / cell).map(|layer| &values[rows.start * width + layer * cell..]);
                CrossMemory(match precision {
                    Precision::Int8 => {
                        CrossForm::Int8(cells.map(|cells| in_int8(rows.len(), heads, cells, width)).collect())
                    }
                    _ => CrossForm::F32(cells.map(|cells| in_f32(rows.len(), heads, cells, width)).collect()),
                })
            };
            sources.iter().map(memory).collect()
        })
    }

    /// Returns true where both are of one source.
    fn is(&self, other: &CrossMemory) -> bool {
        match (&self.0, &other.0) {
            (CrossForm::F32(a), CrossForm::F32(b)) => Arc::ptr_eq(a, b),
            (CrossForm::Int8(a), CrossForm::Int8(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// Returns where it lies on the device.
    pub(super) fn on_device(&self) -> Result<&SourceRows> {
        match &self.0 {
            CrossForm::Device(rows) => Ok(rows),
            _ => bail!("the source was encoded on another device"),
        }
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
    let (d, rows) = (heads.width(), memories.len());
    let mut taps = vec![Vec::new(); if tap.is_some() { rows } else { 0 }];
    let mut out = vec![0f32; rows * d];
    with_values(queries, |queries| {
        let mut first = 0;
        for beams in memories.chunk_by(|a, b| a.is(b)) {
            let part = first * d..(first + beams.len()) * d;
            let kept = taps.get_mut(first..first + beams.len()).zip(tap);
            first += beams.len();
            match &beams[0].0 {
                CrossForm::F32(layers) => {
                    cross_rows_f32(&queries[part.clone()], &layers[layer], kept, &mut out[part]);
                }
                CrossForm::Int8(layers) => {
                    cross_rows_int8(&queries[part.clone()], &layers[layer], kept, &mut out[part]);
                }
                CrossForm::Device(_) => bail!("the source was encoded on another device"),
            }
        }
        Ok(())
    })??;
    Ok((Tensor::from_vec(out, (rows, d), &Device::Cpu)?, taps))
}

/// Where each row's weights of one head, or with `None` the mean of all, go.
type Kept<'a> = Option<(&'a mut [Vec<f32>], Option<usize>)>;

/// Computes the rows of one source.
#[inline(always)]
fn cross_rows<S: Simd, T: Cell>(simd: S, queries: &[f32], memory: &Memory<T>, mut kept: Kept<'_>, out: &mut [f32]) {
    let (heads, d) = (memory.heads().count, memory.heads().width());
    let tap = |row: usize, head: usize, weights: &[f32]| match &mut kept {
        Some((kept, Some(wanted))) if *wanted == head => kept[row] = weights.to_vec(),
        Some((kept, None)) => {
            kept[row].resize(weights.len(), 0.0);
            kept[row].iter_mut().zip(weights).for_each(|(mean, weight)| *mean += weight / heads as f32);
        }
        _ => {}
    };
    attend_all(simd, |row| &queries[row * d..(row + 1) * d], memory, None, out, tap);
}

vectorized! {
    fn cross_rows_f32(queries: &[f32], memory: &Memory<f32>, kept: Kept<'_>, out: &mut [f32]) = cross_rows;
}
vectorized! {
    fn cross_rows_int8(queries: &[f32], memory: &Memory<i8>, kept: Kept<'_>, out: &mut [f32]) = cross_rows;
}
vectorized! {
    fn in_f32(len: usize, heads: Heads, cells: &[f32], stride: usize) -> Memory<f32> = Memory::<f32>::new;
}
vectorized! {
    fn in_int8(len: usize, heads: Heads, cells: &[f32], stride: usize) -> Memory<i8> = Memory::<i8>::new;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::{device, relative::Buckets};
    use candle_core::DType;

    const HEADS: Heads = Heads { count: 2, dim: 5, scaled: true };

    fn random(shape: (usize, usize)) -> Tensor {
        Tensor::randn(0f32, 1f32, shape, &Device::Cpu).unwrap()
    }

    fn assert_close(a: &Tensor, b: &Tensor) {
        let gap = (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(gap < 1e-5, "differ by {gap}");
    }

    #[test]
    fn rows_follow_their_lineage_across_growth_as_in_the_device_form() {
        let buckets = Buckets { count: 4, max_distance: 3, bidirectional: false };
        let bias = RelativeBias::new(&random((4, 2)), buckets, &Device::Cpu).unwrap();
        for bias in [None, Some(&bias)] {
            follow_lineages(bias);
        }
    }

    fn follow_lineages(bias: Option<&RelativeBias>) {
        let mut cache = SelfCache::new(4, 0, HEADS, Precision::F32);
        // One position at first, so that it grows on the way.
        let mut on_device = device::Caches::new((1, 4, 1), HEADS, &Device::Cpu, DType::F32);
        let source = SourceRows::split(&random((2, 20)), std::slice::from_ref(&(0..2)), 20).unwrap();
        // Beams swap slots at each step; each lineage is the parent's plus the slot the parent wrote. The third row's source
        // begins a step later than the others, and a new one begins where the second ends.
        let lineages: [&[(usize, &[u32])]; 5] = [
            &[(0, &[]), (1, &[])],
            &[(0, &[1]), (1, &[0]), (2, &[])],
            &[(1, &[0, 1]), (2, &[2]), (0, &[1, 0])],
            &[(0, &[1, 0, 0]), (3, &[]), (2, &[2, 2])],
            &[(3, &[3]), (0, &[1, 0, 0, 0]), (2, &[2, 2, 2])],
        ];
        for step in lineages {
            let qkv = random((step.len(), 30));
            let rows: Vec<_> = step.iter().map(|(slot, lineage)| RowAddress { slot: *slot, lineage }).collect();
            let got = cache.attend(&qkv, &rows, bias).unwrap();
            let step = on_device.begin(&rows, &vec![&source[0]; rows.len()]).unwrap();
            assert_close(&got, &step.self_attention(0, &qkv, bias).unwrap());
        }
    }

    #[test]
    fn cross_attention_and_its_taps_are_those_of_the_device_form() {
        let (projections, sources) = (random((9, 40)), [0..4, 4..9]);
        let fused = CrossMemory::split(&projections, &sources, HEADS, Precision::F32).unwrap();
        let rows = SourceRows::split(&projections, &sources, 20).unwrap();
        let memories = [&fused[0], &fused[0], &fused[1]];
        let mut on_device = device::Caches::new((2, 3, 1), HEADS, &Device::Cpu, DType::F32);
        let address = |slot| RowAddress { slot, lineage: &[] };
        let step = on_device.begin(&[0, 1, 2].map(address), &[&rows[0], &rows[0], &rows[1]]).unwrap();
        let queries = random((3, 10));
        for tap in [None, Some(None), Some(Some(1))] {
            let (got, taps) = cross_attention(&queries, &memories, 1, HEADS, tap).unwrap();
            let (want, weights) = step.cross_attention(1, &queries, tap).unwrap();
            assert_close(&got, &want);
            let want = weights.map_or_else(Vec::new, |weights| weights.to_vec2::<f32>().unwrap());
            assert_eq!(taps.len(), want.len());
            for (a, b) in taps.iter().zip(&want) {
                assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5));
                assert!(b[a.len()..].iter().all(|padding| *padding == 0.0));
            }
        }
    }

    #[test]
    fn a_beam_gives_the_same_bits_alone_and_with_others_and_bytes_are_near_to_f32() {
        let (projections, queries) = (random((21, 40)), random((7, 10)));
        let attention = |precision, rows: Range<usize>| {
            let source = &CrossMemory::split(&projections, &[0..4, 4..21], HEADS, precision).unwrap()[1];
            let part = queries.narrow(0, rows.start, rows.len()).unwrap().contiguous().unwrap();
            let (mixed, taps) = cross_attention(&part, &vec![source; rows.len()], 1, HEADS, Some(None)).unwrap();
            (mixed.to_vec2::<f32>().unwrap(), taps)
        };
        for precision in [Precision::F32, Precision::Int8] {
            let (mixed, taps) = attention(precision, 0..7);
            for row in 0..7 {
                let (alone, tap) = attention(precision, row..row + 1);
                assert_eq!((&alone[0], &tap[0]), (&mixed[row], &taps[row]));
            }
        }
        let flat = |precision| attention(precision, 0..7).0.concat();
        let (exact, bytes) = (flat(Precision::F32), flat(Precision::Int8));
        let mean = exact.iter().zip(&bytes).map(|(a, b)| (a - b).abs()).sum::<f32>() / exact.len() as f32;
        assert!(mean > 0.0 && mean < 0.02, "{mean}");
    }
}
