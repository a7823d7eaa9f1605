//! Fused operations, each beside its plain fallback: one function an operation, one `match` on the device.
//!
//! Separate because model code must read like the paper: it names operations and never asks where they run. The
//! invariant: on the CPU each row of a result depends on that row of the input alone and is summed in one fixed order,
//! so batching, threads and vector width leave every bit as it is.

pub mod activation;
pub mod attention;
pub mod cache;
mod codes;
pub mod device;
mod gemm;
mod integer;
pub mod linear;
pub mod norm;
mod panels;
mod preview;
pub mod projection;
pub mod relative;
pub mod rms_norm;
pub mod sequences;
mod shortlist;
pub mod simd;
pub mod softmax;
pub mod step;

use candle_core::{CpuStorage, Device, Result, Storage, Tensor, bail};
use std::{
    ops::Deref,
    sync::atomic::{AtomicBool, Ordering},
};

/// Operations on the CPU run in the form they have on a GPU.
static AS_ON_DEVICE: AtomicBool = AtomicBool::new(false);

/// Makes operations on the CPU run in the form they have on a GPU from now on, for the whole process: how that form is tested
/// where there is no GPU. It is slow.
pub fn run_as_on_device() {
    AS_ON_DEVICE.store(true, Ordering::Relaxed);
}

/// Returns true where operations run in the forms written for the CPU.
pub(crate) fn on_host(device: &Device) -> bool {
    matches!(device, Device::Cpu) && !AS_ON_DEVICE.load(Ordering::Relaxed)
}

/// Calls `f` with the values of a contiguous f32 tensor on the CPU.
pub(crate) fn with_values<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(CpuStorage::F32(values)) = storage.deref() else { bail!("expected an f32 tensor on the CPU") };
    let Some((start, end)) = layout.contiguous_offsets() else { bail!("expected a contiguous tensor") };
    Ok(f(&values[start..end]))
}

/// Returns a tensor of `shape`, (rows, columns), that `fill` writes from the values of a contiguous f32 tensor on the CPU.
pub(crate) fn filled(tensor: &Tensor, shape: (usize, usize), fill: impl FnOnce(&[f32], &mut [f32])) -> Result<Tensor> {
    let mut out = vec![0f32; shape.0 * shape.1];
    with_values(tensor, |values| fill(values, &mut out))?;
    Tensor::from_vec(out, shape, &Device::Cpu)
}

#[cfg(test)]
mod tests {
    /// Returns values in -0.5..0.5 that look random and are the same for the same seed.
    pub(crate) fn values(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        })
        .take(count)
        .collect()
    }
}
