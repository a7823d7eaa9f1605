//! Linear layers on a device: one product, then the bias and the activation behind it in one pass.
//!
//! Separate from the packed layers of the CPU because nothing is packed: the library chooses. The invariant: bias and
//! activation are computed in f32 where the fused kernel runs, and rounded once.

use super::product;
use crate::engine::kernels::activation::Activation;
use candle_core::{DType, Device, Result, Tensor};

/// A linear layer.
#[derive(Debug)]
pub struct Linear {
    /// (inputs, outputs)
    weight: Tensor,
    /// (outputs)
    bias: Option<Tensor>,
}

impl Linear {
    /// Returns a layer of a weight (outputs, inputs) and a bias (outputs) on a device, in this type.
    pub fn new(weight: &Tensor, bias: Option<&Tensor>, device: &Device, dtype: DType) -> Result<Linear> {
        let place = |tensor: &Tensor| tensor.to_dtype(dtype)?.to_device(device);
        Ok(Linear { weight: place(&weight.t()?.contiguous()?)?, bias: bias.map(place).transpose()? })
    }

    /// Returns the activation of `x * weight^T + bias`, (rows, outputs), or that itself.
    pub fn forward(&self, x: &Tensor, activation: Option<Activation>) -> Result<Tensor> {
        finish(&product(x, &self.weight)?, self.bias.as_ref(), activation)
    }
}

/// Returns the activation of `x + bias`; `x` is (rows, columns).
fn finish(x: &Tensor, bias: Option<&Tensor>, activation: Option<Activation>) -> Result<Tensor> {
    if bias.is_none() && activation.is_none() {
        return Ok(x.clone());
    }
    #[cfg(feature = "cuda")]
    if super::cuda::usable(x.device()) {
        return super::cuda::finish(x, bias, activation);
    }
    plain(x, bias, activation)
}

/// The same in plain tensor operations.
pub(super) fn plain(x: &Tensor, bias: Option<&Tensor>, activation: Option<Activation>) -> Result<Tensor> {
    let x = bias.map_or_else(|| Ok(x.clone()), |bias| x.broadcast_add(bias))?;
    activation.map_or_else(|| Ok(x.clone()), |activation| activation.plain(&x))
}
