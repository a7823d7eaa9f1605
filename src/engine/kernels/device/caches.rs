//! What a decoder has computed already, on a device, and the step that reads and adds to it.
//!
//! Separate because the addresses of a step are the same for all layers: they are worked out and copied to the device
//! once. The invariant: between steps nothing is reordered; beams are told apart by the cells that their rows name.

use super::{
    attend::{Kept, Memory, attend},
    projection::Reduced,
    ring::Ring,
    search::{Begun, Output, Plan, RowField, Searches, Turn, Verdict},
    sources::{SourceRows, Sources},
    table::Table,
};
use crate::engine::kernels::{attention::Heads, cache::RowAddress, relative::RelativeBias};
use candle_core::{DType, Device, Result, Tensor, bail};

/// The caches of all layers of a decoder.
#[derive(Debug)]
pub struct Caches {
    ring: Ring,
    sources: Sources,
    /// Where searches stay on the device; none before the first step of one.
    searches: Option<Searches>,
    slots: usize,
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
        Caches { ring, sources: Sources::default(), searches: None, slots, heads, device: device.clone() }
    }

    /// Begins a step of these rows.
    pub fn begin(&mut self, rows: &[RowAddress<'_>], memories: &[&SourceRows]) -> Result<Step<'_>> {
        let history = Table::new(&self.ring.begin(rows)?, &self.device)?;
        let source = Table::new(&self.sources.begin(memories)?, &self.device)?;
        Ok(Step { caches: self, history, source })
    }

    /// Begins a step of sources whose searches are here, a row for each of their beams.
    pub fn begin_search(&mut self, turns: &[Turn<'_>], memories: &[&SourceRows]) -> Result<(Step<'_>, Begun)> {
        let plan = Plan::new(turns, &self.sources.ranges(memories)?, &self.device)?;
        let longest = turns.iter().map(|turn| turn.position + 1).max().unwrap_or(1);
        let (first_cell, moved) = self.ring.begin_known(plan.rows, longest)?;
        let positions = self.ring.positions();
        let searches = match &mut self.searches {
            Some(searches) => searches,
            none => none.insert(Searches::new(self.slots, positions, &self.device)?),
        };
        searches.grow(positions, moved.as_deref())?;
        let (begun, laid) = searches.begin(turns, plan, first_cell)?;
        let table =
            |cells, field| Table::of(cells, begun.plan.row_field(field)?, begun.plan.host_row_field(field).to_vec());
        let history = table(laid.history, RowField::Length)?;
        let source = table(laid.sources, RowField::SourceLength)?;
        Ok((Step { caches: self, history, source }, begun))
    }

    /// Moves the searches on by what the model gave the rows of a step that has begun, and keeps its tapped attention, (rows,
    /// longest source).
    pub fn advance(&mut self, begun: &Begun, reduced: &Reduced, taps: Option<&Tensor>) -> Result<Vec<Verdict>> {
        if let Some(taps) = taps {
            self.ring.tap(taps)?;
        }
        match &mut self.searches {
            Some(searches) => searches.advance(begun, reduced),
            None => bail!("no search has begun"),
        }
    }

    /// Returns the outputs of the sources whose first hypotheses are in these slots, all done; none for one that ended without.
    pub fn outputs(&self, slots: &[usize]) -> Result<Vec<Option<Output>>> {
        match &self.searches {
            Some(searches) => searches.outputs(slots, &self.ring),
            None => bail!("no search has begun"),
        }
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
