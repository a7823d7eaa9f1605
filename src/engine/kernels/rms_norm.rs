//! Root mean square normalization: layer normalization without mean and bias (Zhang and Sennrich 2019).
//!
//! Separate from `norm.rs` because it has one tensor and never fuses a residual: the models that use it normalize before
//! each block. The invariant: the CPU form equals `x / sqrt(mean(x^2) + epsilon) * weight` within rounding.

use super::{device::normalize, on_host, simd, with_values};
use candle_core::{Device, Result, Tensor};

/// Root mean square normalization over the last dimension.
#[derive(Debug)]
pub struct RmsNorm {
    weight: Tensor,
    epsilon: f32,
}

impl RmsNorm {
    /// Returns a normalization with a weight of shape (d).
    pub fn new(weight: Tensor, epsilon: f32) -> RmsNorm {
        RmsNorm { weight, epsilon }
    }

    /// Returns the normalization of `x`, (rows, d).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match on_host(x.device()) {
            true => self.fused(x),
            false => normalize(x, None, (&self.weight, None), self.epsilon),
        }
    }

    fn fused(&self, x: &Tensor) -> Result<Tensor> {
        let mut out = with_values(x, <[f32]>::to_vec)?;
        with_values(&self.weight, |weight| rows(&mut out, weight, self.epsilon))?;
        Tensor::from_vec(out, x.shape(), &Device::Cpu)
    }
}

#[inline(always)]
fn rows_body(rows: &mut [f32], weight: &[f32], epsilon: f32) {
    for row in rows.chunks_exact_mut(weight.len()) {
        let mean_square = simd::reduce(row, |value| value * value) / weight.len() as f32;
        let scale = 1.0 / (mean_square + epsilon).sqrt();
        for (value, weight) in row.iter_mut().zip(weight) {
            *value = *value * scale * weight;
        }
    }
}

simd::dispatch! { fn rows(rows: &mut [f32], weight: &[f32], epsilon: f32) = rows_body; }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_form_agrees_with_the_device_form() {
        let tensor = |shape: &[usize]| Tensor::randn(0f32, 2f32, shape, &Device::Cpu).unwrap();
        let (norm, x) = (RmsNorm::new(tensor(&[37]), 1e-6), tensor(&[5, 37]));
        let plain = normalize(&x, None, (&norm.weight, None), 1e-6).unwrap();
        let gap = (norm.forward(&x).unwrap() - plain).unwrap().abs().unwrap().max_all().unwrap();
        assert!(gap.to_scalar::<f32>().unwrap() < 1e-5);
    }
}
