//! Which cells of a cache each row of a step attends to.
//!
//! Separate because self-attention and cross-attention read their caches through the same kind of table. The invariant:
//! places beyond a row's length name a cell that exists and are masked.

use super::mask;
use candle_core::{Device, Result, Tensor, bail};
use std::cell::OnceCell;

/// The cells of each row, padded to the longest.
pub struct Table {
    /// (rows, longest), u32.
    pub cells: Tensor,
    /// Count of cells of each row, (rows), u32.
    pub lengths: Tensor,
    host_lengths: Vec<u32>,
    longest: usize,
    mask: OnceCell<Tensor>,
    offsets: OnceCell<Tensor>,
}

impl Table {
    /// Returns the table of these rows, none of them empty.
    pub fn new(rows: &[Vec<u32>], device: &Device) -> Result<Table> {
        let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut cells = Vec::with_capacity(rows.len() * longest);
        for row in rows {
            let Some(last) = row.last() else { bail!("a row attends to nothing") };
            cells.extend_from_slice(row);
            cells.resize(cells.len() + longest - row.len(), *last);
        }
        let host_lengths: Vec<u32> = rows.iter().map(|row| row.len() as u32).collect();
        Ok(Table {
            cells: Tensor::from_vec(cells, (rows.len(), longest), device)?,
            lengths: Tensor::new(host_lengths.as_slice(), device)?,
            host_lengths,
            longest,
            mask: OnceCell::new(),
            offsets: OnceCell::new(),
        })
    }

    /// Returns the table of these cells, (rows, longest), which the device worked out, and of as many of them for each row.
    pub fn of(cells: Tensor, lengths: Tensor, host_lengths: Vec<u32>) -> Result<Table> {
        let longest = cells.dim(1)?;
        Ok(Table { cells, lengths, host_lengths, longest, mask: OnceCell::new(), offsets: OnceCell::new() })
    }

    /// Returns the count of rows and the length of the longest.
    pub fn shape(&self) -> (usize, usize) {
        (self.host_lengths.len(), self.longest)
    }

    /// Returns the count of cells of each row.
    pub fn host_lengths(&self) -> &[u32] {
        &self.host_lengths
    }

    /// Returns what to add to the scores of places, (rows, longest).
    pub fn mask(&self) -> Result<&Tensor> {
        once(&self.mask, || mask(&self.host_lengths, self.longest, self.cells.device()))
    }

    /// Returns the rows of a table of position biases for the last cell of each row as the query, (rows * longest), u32;
    /// the biases reach this far to both sides.
    pub fn offsets(&self, reach: usize) -> Result<&Tensor> {
        once(&self.offsets, || {
            let row = |length: &u32| {
                let query = *length as usize - 1;
                (0..self.longest).map(move |key| (key + reach).saturating_sub(query).min(2 * reach) as u32)
            };
            let offsets: Vec<u32> = self.host_lengths.iter().flat_map(row).collect();
            Tensor::new(offsets, self.cells.device())
        })
    }
}

/// Returns what the cell holds, made now if it holds nothing yet.
pub fn once(cell: &OnceCell<Tensor>, make: impl FnOnce() -> Result<Tensor>) -> Result<&Tensor> {
    match cell.get() {
        Some(tensor) => Ok(tensor),
        None => make().map(|tensor| cell.get_or_init(|| tensor)),
    }
}
