//! The decoder's own keys and values on a device: one block of cells a step, in a ring of steps.
//!
//! Separate because a device writes a block at once where the CPU writes rows: all rows of a step lie side by side, whatever
//! position each is at, and a table says where the earlier positions of a row are. The invariant: a row's positions were
//! written in the steps just before this one, one each, so the ring need only be as long as the longest output.

use crate::engine::kernels::cache::RowAddress;
use candle_core::{DType, Device, Result, Tensor, bail};
use rayon::prelude::*;

/// No row wrote for this slot.
const NONE: u32 = u32::MAX;

/// The self-attention cells of all layers.
#[derive(Debug)]
pub struct Ring {
    /// One tensor a layer, (blocks * slots, 2 d); none before the first step.
    layers: Vec<Tensor>,
    /// Attention that is kept for outputs to come, (blocks * slots, longest source) in f32; none where none was tapped.
    taps: Option<Tensor>,
    layer_count: usize,
    slots: usize,
    blocks: usize,
    width: usize,
    /// Steps begun, less those forgotten when the ring grew.
    steps: usize,
    /// For each block, the row that each slot wrote in its step.
    rows: Vec<Vec<u32>>,
    device: Device,
    dtype: DType,
}

impl Ring {
    /// Returns an empty ring for `slots` rows of about `capacity` positions; a cell has `width` values.
    pub fn new(shape: (usize, usize, usize, usize), device: &Device, dtype: DType) -> Ring {
        let (layer_count, slots, capacity, width) = shape;
        Ring {
            layers: Vec::new(),
            taps: None,
            layer_count,
            slots,
            blocks: capacity.max(1),
            width,
            steps: 0,
            rows: Vec::new(),
            device: device.clone(),
            dtype,
        }
    }

    /// Begins a step and returns the cells of each row's positions, that of this step last.
    pub fn begin(&mut self, rows: &[RowAddress<'_>]) -> Result<Vec<Vec<u32>>> {
        if rows.len() > self.slots {
            bail!("{} rows do not fit {} slots", rows.len(), self.slots);
        }
        self.reserve(rows.iter().map(|row| row.lineage.len() + 1).max().unwrap_or(1))?;
        let block = self.steps % self.blocks;
        self.rows.resize(self.rows.len().max(block + 1), Vec::new());
        let cells: Result<Vec<Vec<u32>>> =
            rows.par_iter().enumerate().map(|(index, row)| self.cells(index, row)).collect();
        let slots = rows.iter().map(|row| row.slot + 1).max().unwrap_or(0);
        let written = &mut self.rows[block];
        written.clear();
        written.resize(slots, NONE);
        for (index, row) in rows.iter().enumerate() {
            written[row.slot] = index as u32;
        }
        self.steps += 1;
        cells
    }

    /// Begins a step of so many rows, the longest of so many positions, whose earlier cells the device knows. Returns the cell of
    /// the first row and, where cells moved, the new place of each.
    pub fn begin_known(&mut self, rows: usize, positions: usize) -> Result<(u32, Option<Vec<u32>>)> {
        if rows > self.slots {
            bail!("{rows} rows do not fit {} slots", self.slots);
        }
        let moved = self.reserve(positions)?;
        let first = self.steps % self.blocks * self.slots;
        self.steps += 1;
        Ok((first as u32, moved))
    }

    /// Returns the most positions that a row may have without growth.
    pub fn positions(&self) -> usize {
        self.blocks
    }

    fn cells(&self, index: usize, row: &RowAddress<'_>) -> Result<Vec<u32>> {
        let positions = row.lineage.len();
        let Some(first) = self.steps.checked_sub(positions) else { bail!("a row is older than its cache") };
        let mut cells = Vec::with_capacity(positions + 1);
        for (step, slot) in (first..).zip(row.lineage) {
            let block = step % self.blocks;
            match self.rows[block].get(*slot as usize) {
                Some(written) if *written != NONE => cells.push(block as u32 * self.slots as u32 + written),
                _ => bail!("slot {slot} was not written {} steps ago", self.steps - step),
            }
        }
        cells.push((self.steps % self.blocks * self.slots + index) as u32);
        Ok(cells)
    }

    /// Writes the keys and values of the step that began last, (rows, 2 d), and returns the layer's cells.
    pub fn write(&self, layer: usize, cells: &Tensor) -> Result<&Tensor> {
        let block = (self.steps + self.blocks - 1) % self.blocks;
        self.layers[layer].slice_set(cells, 0, block * self.slots)?;
        Ok(&self.layers[layer])
    }

    /// Keeps the tapped attention of the step that began last, (rows, longest source).
    pub fn tap(&mut self, weights: &Tensor) -> Result<()> {
        let longest = weights.dim(1)?;
        let width = self.taps.as_ref().map_or(Ok(0), |taps| taps.dim(1))?;
        if longest > width {
            let wider = Tensor::zeros((self.blocks * self.slots, longest), DType::F32, &self.device)?;
            if let Some(taps) = &self.taps {
                wider.slice_set(taps, 1, 0)?;
            }
            self.taps = Some(wider);
        }
        let Some(taps) = &self.taps else { return Ok(()) };
        let block = (self.steps + self.blocks - 1) % self.blocks;
        taps.slice_set(
            &weights.pad_with_zeros(1, 0, width.saturating_sub(longest))?.contiguous()?,
            0,
            block * self.slots,
        )
    }

    /// Returns the attention that was kept for cells, over as many places as the longest source had; none where none was kept.
    pub fn tapped(&self, cells: &[u32]) -> Result<Option<Vec<Vec<f32>>>> {
        match &self.taps {
            Some(taps) if !cells.is_empty() => {
                taps.index_select(&Tensor::new(cells, &self.device)?, 0)?.to_vec2().map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Makes room for rows of this many positions: allocates the ring, or moves it into one twice as long. Returns the new place
    /// of each cell where they moved.
    fn reserve(&mut self, positions: usize) -> Result<Option<Vec<u32>>> {
        if !self.layers.is_empty() && positions <= self.blocks {
            return Ok(None);
        }
        let (old, kept) = (self.blocks, self.steps.min(self.blocks));
        self.blocks = if positions <= old { old } else { positions.max(2 * old) };
        let cells = self.blocks * self.slots;
        if self.layers.is_empty() {
            let layer = |_| Tensor::zeros((cells, self.width), self.dtype, &self.device);
            self.layers = (0..self.layer_count).map(layer).collect::<Result<_>>()?;
            return Ok(None);
        }
        // The oldest step that is kept becomes step 0.
        let oldest = (self.steps - kept) % old;
        for layer in self.layers.iter_mut().chain(&mut self.taps) {
            let grown = Tensor::zeros((cells, layer.dim(1)?), layer.dtype(), &self.device)?;
            let until_end = kept.min(old - oldest);
            for (from, count, to) in [(oldest, until_end, 0), (0, kept - until_end, until_end)] {
                if count > 0 {
                    let part = layer.narrow(0, from * self.slots, count * self.slots)?;
                    grown.slice_set(&part, 0, to * self.slots)?;
                }
            }
            *layer = grown;
        }
        let forgotten = oldest.min(self.rows.len());
        self.rows.rotate_left(forgotten);
        self.steps = kept;
        let place = |block: usize| (block + old - oldest) % old * self.slots;
        Ok(Some((0..old).flat_map(|block| (0..self.slots).map(move |slot| (place(block) + slot) as u32)).collect()))
    }
}
