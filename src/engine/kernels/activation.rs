//! The activation functions of feed-forward blocks, by the names `config.json` gives them.
//!
//! Separate so that a new one is added in one place. The invariant: the CPU form and the tensor form are the same
//! function of x.

use super::{on_host, panels::Elementwise, simd, with_values};
use candle_core::{Device, Result, Tensor};
use serde::Deserialize;

/// An activation function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// x / (1 + e^-x), also called SiLU
    #[serde(alias = "silu")]
    Swish,
    /// x / (1 + e^(-1.702 x))
    QuickGelu,
    /// x * Phi(x), with the exact error function
    #[serde(alias = "gelu_python")]
    Gelu,
    /// The tanh approximation of GELU
    #[serde(alias = "gelu_pytorch_tanh", alias = "gelu_fast", alias = "gelu_python_tanh", alias = "gelu_accurate")]
    GeluNew,
    /// tanh(x)
    Tanh,
}

impl Activation {
    /// Returns the activation of every value; the shape stays.
    pub fn apply(self, x: &Tensor) -> Result<Tensor> {
        match self.on_host() {
            Some(each) if on_host(x.device()) => map(x, each),
            _ => self.plain(x),
        }
    }

    /// Returns the form for the CPU, where there is one.
    pub(super) fn on_host(self) -> Option<Elementwise> {
        match self {
            Activation::Relu => Some(relu),
            Activation::Swish => Some(swish),
            Activation::QuickGelu => Some(quick_gelu),
            Activation::Gelu | Activation::GeluNew | Activation::Tanh => None,
        }
    }

    /// Returns the same by candle's own operations.
    pub(super) fn plain(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Activation::Relu => x.relu(),
            Activation::Swish => x.silu(),
            Activation::QuickGelu => (x * f64::from(QUICK))?.silu()? / f64::from(QUICK),
            Activation::Gelu => x.gelu_erf(),
            Activation::GeluNew => x.gelu(),
            Activation::Tanh => x.tanh(),
        }
    }
}

/// The slope at which a sigmoid is nearest to Phi (Hendrycks and Gimpel 2016).
const QUICK: f32 = 1.702;

fn map(x: &Tensor, f: Elementwise) -> Result<Tensor> {
    let mut out = Vec::with_capacity(x.elem_count());
    with_values(x, |values| f(values, &mut out))?;
    Tensor::from_vec(out, x.shape(), &Device::Cpu)
}

#[inline(always)]
fn relu_body(x: &[f32], out: &mut Vec<f32>) {
    out.extend(x.iter().map(|value| if *value > 0.0 { *value } else { 0.0 }));
}

#[inline(always)]
fn swish_body(x: &[f32], out: &mut Vec<f32>) {
    out.extend(x.iter().map(|value| value / (1.0 + simd::exp(-value))));
}

#[inline(always)]
fn quick_gelu_body(x: &[f32], out: &mut Vec<f32>) {
    out.extend(x.iter().map(|value| value / (1.0 + simd::exp(-QUICK * value))));
}

simd::dispatch! { fn relu(x: &[f32], out: &mut Vec<f32>) = relu_body; }
simd::dispatch! { fn swish(x: &[f32], out: &mut Vec<f32>) = swish_body; }
simd::dispatch! { fn quick_gelu(x: &[f32], out: &mut Vec<f32>) = quick_gelu_body; }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_forms_agree_with_the_tensor_forms() {
        let values: Vec<f32> = (-200..200).map(|i| i as f32 * 0.1).collect();
        let x = Tensor::from_vec(values, (20, 20), &Device::Cpu).unwrap();
        let quick = (&x / (((&x * -1.702).unwrap().exp().unwrap() + 1.0).unwrap())).unwrap();
        for (ours, theirs) in [
            (Activation::Relu, x.relu().unwrap()),
            (Activation::Swish, x.silu().unwrap()),
            (Activation::QuickGelu, quick),
        ] {
            let gap = (ours.apply(&x).unwrap() - theirs).unwrap().abs().unwrap().max_all().unwrap();
            assert!(gap.to_scalar::<f32>().unwrap() < 2e-6);
        }
    }

    #[test]
    fn names_are_those_of_config_json() {
        for (name, want) in [
            ("\"swish\"", Activation::Swish),
            ("\"silu\"", Activation::Swish),
            ("\"relu\"", Activation::Relu),
            ("\"gelu_fast\"", Activation::GeluNew),
            ("\"quick_gelu\"", Activation::QuickGelu),
        ] {
            assert_eq!(serde_json::from_str::<Activation>(name).unwrap(), want);
        }
        assert!(serde_json::from_str::<Activation>("\"mish\"").is_err());
    }
}
