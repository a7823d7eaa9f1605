//! Layer normalization fused with the residual sum before it.
//!
//! Separate because every sub-layer of the model ends in it. The invariant: the CPU form equals
//! `layer_norm(x + residual)` within rounding.

use super::{simd, with_values};
use candle_core::{D, Device, Result, Tensor};

/// Layer normalization over the last dimension (Ba et al. 2016): `(x - mean) / sqrt(variance + epsilon) * weight + bias`.
#[derive(Debug)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f32,
}

impl LayerNorm {
    /// Returns a normalization with weight and bias of shape (d).
    pub fn new(weight: Tensor, bias: Tensor, epsilon: f32) -> LayerNorm {
        LayerNorm { weight, bias, epsilon }
    }

    /// Returns the normalization of `x + residual`, both (rows, d).
    pub fn add(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        match x.device() {
            Device::Cpu => self.add_fused(x, residual),
            _ => self.plain(&(x + residual)?),
        }
    }

    fn add_fused(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        let d = x.dim(D::Minus1)?;
        let mut out = vec![0f32; x.elem_count()];
        with_values(&self.weight, |weight| {
            with_values(&self.bias, |bias| {
                with_values(x, |x| with_values(residual, |r| rows(x, r, weight, bias, self.epsilon, d, &mut out)))
            })
        })????;
        Tensor::from_vec(out, x.shape(), &Device::Cpu)
    }

    fn plain(&self, x: &Tensor) -> Result<Tensor> {
        let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let normal = centred.broadcast_div(&(variance + f64::from(self.epsilon))?.sqrt()?)?;
        normal.broadcast_mul(&self.weight)?.broadcast_add(&self.bias)
    }
}

#[inline(always)]
fn rows_body(x: &[f32], residual: &[f32], weight: &[f32], bias: &[f32], epsilon: f32, d: usize, out: &mut [f32]) {
    for ((x, residual), out) in x.chunks_exact(d).zip(residual.chunks_exact(d)).zip(out.chunks_exact_mut(d)) {
        for ((out, x), r) in out.iter_mut().zip(x).zip(residual) {
            *out = x + r;
        }
        let mean = simd::reduce(out, |value| value) / d as f32;
        let variance = simd::reduce(out, |value| (value - mean) * (value - mean)) / d as f32;
        let scale = 1.0 / (variance + epsilon).sqrt();
        for ((out, weight), bias) in out.iter_mut().zip(weight).zip(bias) {
            *out = (*out - mean) * scale * weight + bias;
        }
    }
}

simd::dispatch! {
    fn rows(x: &[f32], residual: &[f32], weight: &[f32], bias: &[f32], epsilon: f32, d: usize, out: &mut [f32]) =
        rows_body;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fused_form_agrees_with_the_plain_one() {
        let tensor = |shape: &[usize]| Tensor::randn(0f32, 2f32, shape, &Device::Cpu).unwrap();
        let norm = LayerNorm::new(tensor(&[37]), tensor(&[37]), 1e-5);
        let (x, residual) = (tensor(&[5, 37]), tensor(&[5, 37]));
        let plain = norm.plain(&(&x + &residual).unwrap()).unwrap();
        let gap = (norm.add(&x, &residual).unwrap() - plain).unwrap().abs().unwrap().max_all().unwrap();
        assert!(gap.to_scalar::<f32>().unwrap() < 1e-5);
    }
}
