//! What a batch may hold on its device: the tokens that fit the memory, and when to take more.
//!
//! Separate from `batch.rs`, which fills a batch whatever its size. The invariant: it is an estimate and need not be right,
//! since a worker whose device runs out of memory halves its batch and goes on.

use super::{arch::Footprint, kernels::on_host};
use candle_core::Device;

/// Source tokens of a usual sentence.
const USUAL: usize = 32;

/// Bounds of the tokens in flight on a GPU: fewer leave it idle, and more gain nothing.
const GPU_TOKENS: std::ops::RangeInclusive<usize> = 4_096..=262_144;

/// Returns the source tokens times beams that fit this much free memory.
pub fn tokens(free: usize, footprint: Footprint) -> usize {
    // Outputs are half as long again as their sources, and caches that grow are there twice for a moment.
    let cells = 2 * (footprint.target_position * USUAL * 3 / 2 + footprint.source_token * USUAL);
    let rows = free / 10 * 7 / (cells + 2 * footprint.row).max(1);
    (rows * USUAL).clamp(*GPU_TOKENS.start(), *GPU_TOKENS.end())
}

/// How a worker fills its batch.
#[derive(Debug, Clone, Copy)]
pub struct Habits {
    /// Source tokens that are encoded in one go.
    pub encoded_together: usize,
    /// New sources are taken when the batch is filled to less than this many parts of sixteen.
    refilled_below: usize,
    /// Caches are allocated for the usual batch, not for the one of shortest sources.
    pub allocates_at_once: bool,
    /// Searches move on side by side: a GPU waits for all of them, while a core has others to serve.
    pub searches_together: bool,
}

impl Habits {
    /// Returns the habits that suit a device.
    pub fn on(device: &Device) -> Habits {
        match on_host(device) {
            // What lies between the layers stays in cache.
            true => {
                Habits { encoded_together: 256, refilled_below: 16, allocates_at_once: false, searches_together: false }
            }
            // A pass of the encoder costs as much for one source as for many.
            false => {
                Habits { encoded_together: 8_192, refilled_below: 14, allocates_at_once: true, searches_together: true }
            }
        }
    }

    /// Returns true where a batch with so many tokens in flight takes more.
    pub fn refills(self, in_flight: usize, budget: usize) -> bool {
        self.refilled_below == 16 || in_flight * 16 <= budget * self.refilled_below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_memory_holds_more_tokens_between_the_bounds() {
        // OPUS-MT in bf16: 6 layers, 512 wide, 62,834 tokens.
        let cells = 6 * 2 * 512 * 2;
        let footprint = Footprint { row: 62_834 * 4 + 4 * 2_048, target_position: cells, source_token: cells };
        let at = |gib: usize| tokens(gib << 30, footprint);
        assert_eq!((at(0), at(1_000)), (4_096, 262_144));
        assert!(at(4) > 4_096 && at(8) >= 2 * at(4) - USUAL && at(8) < 262_144, "{} {}", at(4), at(8));
    }
}
