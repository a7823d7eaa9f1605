//! Normalization on a device, with the residual sum before it.
//!
//! Separate from `norm.rs` and `rms_norm.rs`, whose forms these are. The invariant: mean and variance are in f32.

use candle_core::{Result, Tensor};
use candle_nn::ops::{layer_norm, rms_norm};

/// Returns the normalization of `x + residual`, (rows, d): layer normalization where there is a bias, else by the root mean
/// square.
pub fn normalize(
    x: &Tensor,
    residual: Option<&Tensor>,
    (weight, bias): (&Tensor, Option<&Tensor>),
    epsilon: f32,
) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if super::cuda::usable(x.device()) {
        return super::cuda::normalize(x, residual, (weight, bias), epsilon);
    }
    plain(x, residual, (weight, bias), epsilon)
}

/// The same in candle's own operations.
pub(super) fn plain(
    x: &Tensor,
    residual: Option<&Tensor>,
    (weight, bias): (&Tensor, Option<&Tensor>),
    epsilon: f32,
) -> Result<Tensor> {
    let x = residual.map_or_else(|| x.contiguous(), |residual| x + residual)?;
    match bias {
        Some(bias) => layer_norm(&x, weight, bias, epsilon),
        None => rms_norm(&x, weight, epsilon),
    }
}
