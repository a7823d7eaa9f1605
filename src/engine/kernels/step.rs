//! One step of a decoder as its layers see it: attention over what was computed before, wherever that lies.
//!
//! Separate so that layers name the operation and never ask for the device: the CPU reads each row's cells by itself, a GPU
//! reads those of all rows through one table. The invariant: a step is begun once and serves all layers.

use super::{
    attention::Heads,
    cache::{CrossMemory, RowAddress, SelfCache, cross_attention},
    device::{
        self, Reduced,
        search::{Begun, Output, Turn, Verdict},
    },
    on_host,
    relative::RelativeBias,
};
use crate::engine::precision::Precision;
use candle_core::{Device, Result, Tensor, bail};

/// The size of a decoder's caches.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Decoder layers.
    pub layers: usize,
    /// The most rows of a step.
    pub slots: usize,
    /// Positions that a usual row writes.
    pub capacity: usize,
}

/// The caches of all layers of a decoder.
#[derive(Debug)]
pub struct Caches {
    form: Form,
    heads: Heads,
}

#[derive(Debug)]
enum Form {
    Host(Vec<SelfCache>),
    Device(Box<device::Caches>),
}

impl Caches {
    /// Returns empty caches.
    pub fn new(size: Size, heads: Heads, device: &Device, precision: Precision) -> Caches {
        let Size { layers, slots, capacity } = size;
        let form = match on_host(device) {
            true => Form::Host((0..layers).map(|_| SelfCache::new(slots, capacity, heads, precision)).collect()),
            false => {
                Form::Device(Box::new(device::Caches::new((layers, slots, capacity), heads, device, precision.dtype())))
            }
        };
        Caches { form, heads }
    }

    /// Begins a step of these rows, each with what it knows of its source.
    pub fn begin<'a>(&'a mut self, addresses: Vec<RowAddress<'a>>, memories: Vec<&'a CrossMemory>) -> Result<Step<'a>> {
        let heads = self.heads;
        Ok(Step(match &mut self.form {
            Form::Host(layers) => Inner::Host { layers, addresses, memories, heads },
            Form::Device(caches) => {
                let sources = memories.iter().map(|memory| memory.on_device()).collect::<Result<Vec<_>>>()?;
                Inner::Device(caches.begin(&addresses, &sources)?)
            }
        }))
    }
}

/// The searches of sources, where they stay on a device.
impl Caches {
    /// Begins a step of sources, a row for each of their beams.
    pub fn begin_search(&mut self, turns: &[Turn<'_>], memories: &[&CrossMemory]) -> Result<(Step<'_>, Begun)> {
        let sources = memories.iter().map(|memory| memory.on_device()).collect::<Result<Vec<_>>>()?;
        let (step, begun) = self.on_device()?.begin_search(turns, &sources)?;
        Ok((Step(Inner::Device(step)), begun))
    }

    /// Moves the searches on by what the model gave the rows of a step that has begun.
    pub fn advance(&mut self, begun: &Begun, reduced: &Reduced, taps: &Taps) -> Result<Vec<Verdict>> {
        let weights = match taps {
            Taps::Padded { weights, .. } => Some(weights),
            Taps::Rows(_) => None,
        };
        self.on_device()?.advance(begun, reduced, weights)
    }

    /// Returns the outputs of the sources whose first hypotheses are in these slots, all done; none for one that ended without.
    pub fn outputs(&mut self, slots: &[usize]) -> Result<Vec<Option<Output>>> {
        self.on_device()?.outputs(slots)
    }

    fn on_device(&mut self) -> Result<&mut device::Caches> {
        match &mut self.form {
            Form::Device(caches) => Ok(caches),
            Form::Host(_) => bail!("the caches are not on a device"),
        }
    }
}

/// One step of the decoder.
pub struct Step<'a>(Inner<'a>);

enum Inner<'a> {
    Host { layers: &'a mut [SelfCache], addresses: Vec<RowAddress<'a>>, memories: Vec<&'a CrossMemory>, heads: Heads },
    Device(device::Step<'a>),
}

impl Step<'_> {
    /// Keeps the new keys and values of `qkv`, (rows, 3 d), and returns causal self-attention, (rows, d).
    pub fn self_attention(&mut self, layer: usize, qkv: &Tensor, bias: Option<&RelativeBias>) -> Result<Tensor> {
        match &mut self.0 {
            Inner::Host { layers, addresses, .. } => layers[layer].attend(qkv, addresses, bias),
            Inner::Device(step) => step.self_attention(layer, qkv, bias),
        }
    }

    /// Returns cross-attention, (rows, d), for queries (rows, d), and its weights where `tap` asks for a head, or for the mean
    /// of all.
    pub fn cross_attention(
        &self,
        layer: usize,
        queries: &Tensor,
        tap: Option<Option<usize>>,
    ) -> Result<(Tensor, Taps)> {
        match &self.0 {
            Inner::Host { memories, heads, .. } => {
                let (mixed, taps) = cross_attention(queries, memories, layer, *heads, tap)?;
                Ok((mixed, Taps::Rows(taps)))
            }
            Inner::Device(step) => {
                let (mixed, weights) = step.cross_attention(layer, queries, tap)?;
                let lengths = || step.source_lengths().to_vec();
                let taps =
                    weights.map_or(Taps::Rows(Vec::new()), |weights| Taps::Padded { weights, lengths: lengths() });
                Ok((mixed, taps))
            }
        }
    }
}

/// Attention weights of a step, a row each.
#[derive(Debug)]
pub enum Taps {
    /// On the host; none where none were asked for.
    Rows(Vec<Vec<f32>>),
    /// On the device, (rows, longest source), with the length of each.
    Padded {
        /// The weights.
        weights: Tensor,
        /// Tokens of each row's source.
        lengths: Vec<u32>,
    },
}

impl Taps {
    /// Returns the rows; on a device this waits for the step.
    pub fn rows(self) -> Result<Vec<Vec<f32>>> {
        match self {
            Taps::Rows(rows) => Ok(rows),
            Taps::Padded { weights, lengths } => {
                let mut rows = weights.to_vec2::<f32>()?;
                rows.iter_mut().zip(lengths).for_each(|(row, length)| row.truncate(length as usize));
                Ok(rows)
            }
        }
    }
}
