//! Operations in the form a GPU wants: batched, padded where they must be, on tensors that stay on the device.
//!
//! Separate from the CPU forms because a device pays for each operation and each copy, not for each row: a step works its
//! addresses out once for all layers. Every operation is plain tensor operations, which also run on the CPU and are tested
//! there; some have a fused CUDA kernel beside them (`kernels.cu`). The invariant: only what search asks of a row leaves the
//! device.

pub mod attend;
mod caches;
#[cfg(feature = "cuda")]
mod cuda;
mod encoder;
mod linear;
mod norm;
mod projection;
mod ring;
pub mod search;
mod sources;
mod table;

pub use caches::{Caches, Step};
pub use encoder::Padding;
pub use linear::Linear;
pub use norm::normalize;
pub use projection::{Projection, Reduced};
pub use sources::SourceRows;

use candle_core::{DType, Device, Result, Tensor};

/// Returns what a user should know of a device's kernels, where there is something.
pub fn note(device: &Device) -> Option<&'static str> {
    #[cfg(feature = "cuda")]
    if matches!(device, Device::Cuda(_)) && !cuda::usable(device) {
        return Some(
            "the fused GPU kernels do not give on this machine what plain operations give; plain operations are used, \
             which is slower",
        );
    }
    let _ = device;
    None
}

/// Returns true where the searches of sources can stay on a device.
pub fn searches(device: &Device) -> bool {
    match device {
        Device::Cpu => !super::on_host(device),
        #[cfg(feature = "cuda")]
        Device::Cuda(_) => cuda::usable(device),
        _ => false,
    }
}

/// Returns the matrix product of two contiguous tensors of one type; sums are in f32.
pub(super) fn product(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    match (a.device(), a.dtype()) {
        // candle has no such product on the CPU, where only tests ask for it.
        (Device::Cpu, DType::BF16) => a.to_dtype(DType::F32)?.matmul(&b.to_dtype(DType::F32)?)?.to_dtype(DType::BF16),
        _ => a.matmul(b),
    }
}

/// Returns what to add to scores so that places beyond a row's length get no weight: 0 or minus infinity, (rows, longest).
fn mask(lengths: &[u32], longest: usize, device: &Device) -> Result<Tensor> {
    let row = |length: &u32| {
        let length = *length as usize;
        (0..longest).map(move |t| if t < length { 0.0 } else { f32::NEG_INFINITY })
    };
    Tensor::from_vec(lengths.iter().flat_map(row).collect::<Vec<f32>>(), (lengths.len(), longest), device)
}
