//! What a decoder has computed already, on a device, and the step that reads and adds to it.
//!
//! Separate because the addresses of a step are the same for all layers: they are worked out and copied to the device
//! once. The invariant: between steps nothing is reordered; beams are told apart by the cells that their rows name.

use super::{
    attend::{Kept, Memory, attend},
    ring::Ring,
    sources::{SourceRows, Sources},
    table::Table,
};
use crate::engine::kernels::{attention::Heads, cache::RowAddress, relative::RelativeBias};
use candle_core::{DType, Device, Result, Tensor};

/// The caches of all layers of a decoder.
#[derive(Debug)]
pub struct Caches {
    ring: Ring,
    sources: Sources,
    heads: Heads,
    device: Device,
}

impl Caches {
    /// Returns empty caches of `layers` layers for `slots` rows of about `capacity` positions.
    pub fn new(
        (layers, slots, capacity): (usize, usize, usize),
        heads: Heads,
        device: &Device,
        dtype: DType,
    ) -> Caches {
        let ring = Ring::new((layers, slots, capacity, 2 * heads.width()), device, dtype);
        Caches { ring, sources: Sources::default(), heads, device: device.clone() }
    }

    /// Begins a step of these rows.
    pub fn begin(&mut self, rows: &[RowAddress<'_>], memories: &[&SourceRows]) -> Result<Step<'_>> {
        let history = Table::new(&self.ring.begin(rows)?, &self.device)?;
        let source = Table::new(&self.sources.begin(memories)?, &self.device)?;
        Ok(Step { caches: self, history, source })
    }
}

/// One step of the decoder.
pub struct Step<'a> {
    caches: &'a Caches,
    history: Table,
    source: Table,
}

impl Step<'_> {
    /// Writes the new keys and values of `qkv`, (rows, 3 d), and returns causal self-attention, (rows, d).
    pub fn self_attention(&self, layer: usize, qkv: &Tensor, bias: Option<&RelativeBias>) -> Result<Tensor> {
        let (heads, d) = (self.caches.heads, self.caches.heads.width());
        let cells = self.caches.ring.write(layer, &qkv.narrow(1, d, 2 * d)?.contiguous()?)?;
        Ok(attend(&qkv.narrow(1, 0, d)?, Memory { cells, table: &self.history, heads, bias }, None)?.0)
    }

    /// Returns cross-attention, (rows, d), for queries (rows, d), and the weights asked for, (rows, longest source).
    pub fn cross_attention(&self, layer: usize, queries: &Tensor, kept: Kept) -> Result<(Tensor, Option<Tensor>)> {
        let cells = self.caches.sources.layer(layer)?;
        attend(queries, Memory { cells: &cells, table: &self.source, heads: self.caches.heads, bias: None }, kept)
    }

    /// Returns the tokens of each row's source.
    pub fn source_lengths(&self) -> &[u32] {
        self.source.host_lengths()
    }
}
