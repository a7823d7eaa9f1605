//! The kernels of searches that stay on the device, one launch a step each, and their comparison with the plain forms.
//!
//! Separate from `cuda.rs` because they work on the state of searches, not on tensors of a model. The invariant: the state is
//! changed where it lies, and of `advance` only the verdicts are copied to the host.

use super::{Argument, SHARED, THREADS, address, address_or_null, cuda, launch, unwritten};
use crate::engine::kernels::device::{
    projection::Reduced,
    search::{Laid, MOST_CANDIDATES, Plan, RowField, State, trial::cases},
};
use candle_core::{DType, Device, Result, Tensor};

/// Steps that are compared before the kernels are used.
const STEPS: usize = 60;

// Four numbers of each candidate and of each continuation that is kept, of which there are at most half as many where there is
// more than one beam, beside what the kernel declares for itself.
const _: () = assert!(4 * (MOST_CANDIDATES + MOST_CANDIDATES / 2) * size_of::<f32>() + 1024 <= SHARED);

/// Returns the addresses of a step; see `search::lay`.
pub fn lay(state: &State, plan: &Plan, first_cell: u32) -> Result<Laid> {
    let (device, rows) = (cuda(&state.open)?, plan.rows);
    let longest = |field| plan.host_row_field(field).iter().copied().max().unwrap_or(0) as usize;
    let (longest, source_longest) = (longest(RowField::Length), longest(RowField::SourceLength));
    let table = |width: usize| unwritten(&device, (rows, width), DType::U32);
    let laid = Laid {
        tokens: unwritten(&device, rows, DType::U32)?,
        history: table(longest)?,
        sources: table(source_longest)?,
    };
    let arguments = [
        Argument::Address(address(&plan.row_field(RowField::Slot)?)?),
        Argument::Address(address(&state.open)?),
        Argument::Address(address(&state.cells)?),
        Argument::U32(state.cells.dim(1)? as u32),
        Argument::U32(first_cell),
        Argument::U32(longest as u32),
        Argument::U32(source_longest as u32),
        Argument::Address(address(&laid.tokens)?),
        Argument::Address(address(&laid.history)?),
        Argument::Address(address(&laid.sources)?),
    ];
    launch(&device, "lay", ((rows as u32, 1), THREADS, 0), &arguments)?;
    Ok(laid)
}

/// Moves every search on and returns its verdict; see `search::advance`.
pub fn advance(state: &State, plan: &Plan, reduced: &Reduced, first_cell: u32) -> Result<Vec<u32>> {
    let device = cuda(&state.open)?;
    let (names, forced) = (plan.ruled_out()?, plan.forced_tokens()?);
    let [candidates, most_kept] = plan.room();
    let verdicts = unwritten(&device, plan.sources, DType::U32)?;
    let arguments = [
        Argument::Address(address(&plan.records()?)?),
        Argument::U32(plan.width as u32),
        address_or_null(names.as_ref())?,
        Argument::U32(plan.names as u32),
        address_or_null(forced.as_ref())?,
        address_or_null(reduced.forced.as_ref())?,
        Argument::U32(plan.forced as u32),
        Argument::Address(address(&reduced.best)?),
        Argument::U32(plan.count as u32),
        Argument::Address(address(&state.open)?),
        Argument::Address(address(&state.ended)?),
        Argument::Address(address(&state.trail)?),
        Argument::Address(address(&state.cells)?),
        Argument::U32(state.cells.dim(1)? as u32),
        Argument::U32(first_cell),
        Argument::U32(candidates as u32),
        Argument::U32(most_kept as u32),
        Argument::Address(address(&verdicts)?),
    ];
    launch(&device, "advance", ((plan.sources as u32, 1), THREADS, 4 * (candidates + most_kept)), &arguments)?;
    verdicts.to_vec1()
}

/// Compares both kernels with their plain forms over some steps, to the last bit.
pub fn check(device: &Device) -> Result<bool> {
    let there = |tensor: &Tensor| tensor.to_device(device);
    for case in cases(STEPS)? {
        let [open, ended, trail, cells] = case.before.parts().map(there);
        let state = State { open: open?, ended: ended?, trail: trail?, cells: cells? };
        let forced = case.reduced.forced.as_ref().map(there).transpose()?;
        let reduced = Reduced { best: there(&case.reduced.best)?, forced };
        let plan = case.plan.to_device(device)?;
        let laid = lay(&state, &plan, case.first_cell)?;
        let verdicts = advance(&state, &plan, &reduced, case.first_cell)?;
        let (got, want) =
            (state.parts().into_iter().chain(laid.parts()), case.after.parts().into_iter().chain(case.laid.parts()));
        for (got, want) in got.zip(want) {
            if got.flatten_all()?.to_vec1::<u32>()? != want.flatten_all()?.to_vec1::<u32>()? {
                return Ok(false);
            }
        }
        if verdicts != case.verdicts {
            return Ok(false);
        }
    }
    Ok(true)
}
