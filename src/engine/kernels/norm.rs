//! Layer normalization, alone or fused with the residual sum before it.
//!
//! Separate because every sub-layer of the model begins or ends in it. The invariant: the CPU form equals
//! `layer_norm(x + residual)` within rounding.

use super::{device::normalize, on_host, simd, with_values};
use candle_core::{Device, Result, Tensor};

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
        match on_host(x.device()) {
            true => self.fused(x, Some(residual)),
            false => normalize(x, Some(residual), (&self.weight, Some(&self.bias)), self.epsilon),
        }
    }

    /// Returns the normalization of `x`, (rows, d).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match on_host(x.device()) {
            true => self.fused(x, None),
            false => normalize(x, None, (&self.weight, Some(&self.bias)), self.epsilon),
        }
    }

    fn fused(&self, x: &Tensor, residual: Option<&Tensor>) -> Result<Tensor> {
        let mut out = Vec::with_capacity(x.elem_count());
        with_values(residual.unwrap_or(x), |values| {
            let residual = if residual.is_some() { values } else { &[] };
            with_values(x, |x| {
                with_values(&self.weight, |weight| {
                    with_values(&self.bias, |bias| rows([x, residual], [weight, bias], self.epsilon, &mut out))
                })
            })
        })????;
        Tensor::from_vec(out, x.shape(), &Device::Cpu)
    }
}

/// Appends the normalized rows of the sum of both inputs; the second has no rows where there is none.
#[inline(always)]
fn rows_body([x, residual]: [&[f32]; 2], [weight, bias]: [&[f32]; 2], epsilon: f32, out: &mut Vec<f32>) {
    let d = weight.len();
    for (i, x) in x.chunks_exact(d).enumerate() {
        match residual.get(i * d..(i + 1) * d) {
            Some(residual) => out.extend(x.iter().zip(residual).map(|(x, residual)| x + residual)),
            None => out.extend_from_slice(x),
        }
        let row = &mut out[i * d..];
        let mean = simd::reduce(row, |value| value) / d as f32;
        let variance = simd::reduce(row, |value| (value - mean) * (value - mean)) / d as f32;
        let scale = 1.0 / (variance + epsilon).sqrt();
        for ((value, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
            *value = (*value - mean) * scale * weight + bias;
        }
    }
}

simd::dispatch! {
    fn rows(inputs: [&[f32]; 2], scales: [&[f32]; 2], epsilon: f32, out: &mut Vec<f32>) = rows_body;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_form_agrees_with_the_device_form() {
        let tensor = |shape: &[usize]| Tensor::randn(0f32, 2f32, shape, &Device::Cpu).unwrap();
        let norm = LayerNorm::new(tensor(&[37]), tensor(&[37]), 1e-5);
        let (x, residual) = (tensor(&[5, 37]), tensor(&[5, 37]));
        let sum = (&x + &residual).unwrap();
        let plain = normalize(&x, Some(&residual), (&norm.weight, Some(&norm.bias)), 1e-5).unwrap();
        for fused in [norm.add(&x, &residual).unwrap(), norm.forward(&sum).unwrap()] {
            let gap = (fused - &plain).unwrap().abs().unwrap().max_all().unwrap();
            assert!(gap.to_scalar::<f32>().unwrap() < 1e-5);
        }
    }
}
