//! The state of searches on the device, and the two operations on it.
//!
//! Separate because both have a kernel beside their plain form. The invariant: the host never reads it but for sources that are
//! done.

use super::{Plan, plain};
use crate::engine::kernels::device::projection::Reduced;
use candle_core::{DType, Device, Result, Tensor};

/// Numbers of an open hypothesis: its last token, score and summed log-probability (f32), and whether it is one.
pub const OPEN: usize = 4;

/// Numbers of an ended hypothesis: its score and summed log-probability (f32), the count of its tokens, the beam that its last
/// one continues, and that token. Sorted by score within a source.
pub const ENDED: usize = 5;

/// Count of the tokens of an ended hypothesis that is not there.
pub const ABSENT: u32 = u32::MAX;

/// What the searches of all sources know, a row a slot; all in u32.
#[derive(Debug, Clone)]
pub struct State {
    /// (slots, `OPEN`)
    pub open: Tensor,
    /// (slots, `ENDED`)
    pub ended: Tensor,
    /// The token that each beam took at each position, and above it in 8 bits the beam that it continued; (slots, capacity)
    pub trail: Tensor,
    /// The cell of each position of an open hypothesis, (slots, capacity).
    pub cells: Tensor,
}

impl State {
    /// Returns the state of no search, for `slots` hypotheses of up to `capacity` tokens.
    pub fn new(slots: usize, capacity: usize, device: &Device) -> Result<State> {
        let zeros = |width: usize| Tensor::zeros((slots, width), DType::U32, device);
        Ok(State { open: zeros(OPEN)?, ended: zeros(ENDED)?, trail: zeros(capacity)?, cells: zeros(capacity)? })
    }

    /// Returns its parts, in their order.
    pub fn parts(&self) -> [&Tensor; 4] {
        [&self.open, &self.ended, &self.trail, &self.cells]
    }
}

/// The addresses of a step, worked out on the device.
#[derive(Debug)]
pub struct Laid {
    /// The last token of each row, (rows).
    pub tokens: Tensor,
    /// The cells of each row's positions, (rows, longest).
    pub history: Tensor,
    /// The cells of each row's source, (rows, longest).
    pub sources: Tensor,
}

impl Laid {
    /// Returns its parts, in their order.
    pub fn parts(&self) -> [&Tensor; 3] {
        [&self.tokens, &self.history, &self.sources]
    }
}

/// Returns the addresses of a step whose first row writes this cell.
pub fn lay(state: &State, plan: &Plan, first_cell: u32) -> Result<Laid> {
    #[cfg(feature = "cuda")]
    if super::super::cuda::usable(state.open.device()) {
        return super::super::cuda::search::lay(state, plan, first_cell);
    }
    plain::lay(state, plan, first_cell)
}

/// Moves every search on and returns its verdict, a number.
pub fn advance(state: &mut State, plan: &Plan, reduced: &Reduced, first_cell: u32) -> Result<Vec<u32>> {
    #[cfg(feature = "cuda")]
    if super::super::cuda::usable(state.open.device()) {
        // In place: the kernel changes what the tensors hold.
        return super::super::cuda::search::advance(state, plan, reduced, first_cell);
    }
    plain::advance(state, plan, reduced, first_cell)
}
