//! Sources laid end to end, and the encoder's attention within each of them.
//!
//! Separate from `attention.rs`, which is the CPU's arithmetic. The invariant: a row attends to the rows of its own source
//! and to no other.

use super::{
    attention::{self, Heads},
    device, on_host,
    relative::RelativeBias,
};
use candle_core::{Device, Result, Tensor};
use std::ops::Range;

/// The rows of each source.
#[derive(Debug)]
pub struct Sequences {
    ranges: Vec<Range<usize>>,
    /// How they are padded, where the device wants them so.
    padding: Option<device::Padding>,
}

impl Sequences {
    /// Returns the rows of these sources when they are laid end to end.
    pub fn new(sources: &[&[u32]], device: &Device) -> Result<Sequences> {
        let ranges = ranges(sources);
        let padding = if on_host(device) { None } else { Some(device::Padding::new(&ranges, device)?) };
        Ok(Sequences { ranges, padding })
    }

    /// Returns encoder self-attention, (tokens, d), of fused projections `qkv`, (tokens, 3 d).
    pub fn attention(&self, qkv: &Tensor, heads: Heads, bias: Option<&RelativeBias>) -> Result<Tensor> {
        match &self.padding {
            None => attention::self_attention(qkv, &self.ranges, heads, bias),
            Some(padding) => padding.attention(qkv, heads, bias),
        }
    }

    /// Returns the place of each row in its source.
    pub fn positions(&self) -> Vec<u32> {
        self.ranges.iter().flat_map(|range| 0..range.len() as u32).collect()
    }
}

/// Returns the rows of each source when they are laid end to end.
pub fn ranges(sources: &[&[u32]]) -> Vec<Range<usize>> {
    let mut end = 0;
    let range = |source: &&[u32]| {
        let start = end;
        end += source.len();
        start..end
    };
    sources.iter().map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::relative::Buckets;

    #[test]
    fn padded_attention_is_that_of_each_source_alone() {
        let heads = Heads::new(2, 20);
        let qkv = Tensor::randn(0f32, 1f32, (11, 120), &Device::Cpu).unwrap();
        let ranges = [0..1, 1..6, 6..11];
        let learned = Tensor::randn(0f32, 1f32, (8, 2), &Device::Cpu).unwrap();
        let buckets = Buckets { count: 8, max_distance: 3, bidirectional: true };
        let bias = RelativeBias::new(&learned, buckets, &Device::Cpu).unwrap();
        let padding = device::Padding::new(&ranges, &Device::Cpu).unwrap();
        for bias in [None, Some(&bias)] {
            let got = padding.attention(&qkv, heads, bias).unwrap();
            let want = attention::self_attention(&qkv, &ranges, heads, bias).unwrap();
            let gap = (got - want).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(gap < 1e-5);
        }
    }
}
