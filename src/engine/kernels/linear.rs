//! Linear layers: packed once at load on the CPU, the library's matrix product elsewhere.
//!
//! Separate because precision and packing are decided here and nowhere else. The invariant: `forward` is
//! `x * weight^T + bias` for every device.

use super::{
    activation::Activation,
    device, gemm, integer, on_host,
    panels::{Elementwise, Panels},
    with_values,
};
use crate::engine::precision::Precision;
use candle_core::{Device, Result, Tensor};

/// A linear layer.
#[derive(Debug)]
pub struct Linear(Form);

#[derive(Debug)]
enum Form {
    F32(gemm::Packed),
    Int8(integer::Int8),
    Int16(integer::Int16),
    Device(device::Linear),
}

impl Linear {
    /// Returns a layer for `device` with a weight of shape (outputs, inputs) and a bias of shape (outputs), or none.
    pub fn new(weight: &Tensor, bias: Option<&Tensor>, device: &Device, precision: Precision) -> Result<Linear> {
        if !on_host(device) {
            return Ok(Linear(Form::Device(device::Linear::new(weight, bias, device, precision.dtype())?)));
        }
        let (outputs, inputs) = weight.dims2()?;
        let values = bias.map(Tensor::to_vec1::<f32>).transpose()?;
        let form = with_values(&weight.contiguous()?, |weight| match precision {
            Precision::Int8 => Form::Int8(integer::Int8::new(weight, values.as_deref(), outputs, inputs)),
            Precision::Int16 => Form::Int16(integer::Int16::new(weight, values.as_deref(), outputs, inputs)),
            _ => Form::F32(gemm::Packed::new(weight, values.as_deref(), outputs, inputs)),
        })?;
        Ok(Linear(form))
    }

    /// Returns `x * weight^T + bias`, shape (rows, outputs), for `x` of shape (rows, inputs).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match &self.0 {
            Form::F32(packed) => multiply(packed, x, None),
            Form::Int8(packed) => multiply(packed, x, None),
            Form::Int16(packed) => multiply(packed, x, None),
            Form::Device(layer) => layer.forward(x, None),
        }
    }

    /// Returns the activation of `forward`.
    pub fn activated(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        match &self.0 {
            Form::Device(layer) => layer.forward(x, Some(activation)),
            _ => activation.apply(&self.forward(x)?),
        }
    }
}

/// Returns a feed-forward block, `down(activation(up(x)))`: (rows, d) for `x` of shape (rows, d).
pub fn feed_forward(x: &Tensor, up: &Linear, activation: Activation, down: &Linear) -> Result<Tensor> {
    // On the host the activation is taken as rows are made ready for the second product: it is never written out.
    match (&down.0, activation.on_host()) {
        (Form::F32(packed), Some(each)) => multiply(packed, &up.forward(x)?, Some(each)),
        (Form::Int8(packed), Some(each)) => multiply(packed, &up.forward(x)?, Some(each)),
        (Form::Int16(packed), Some(each)) => multiply(packed, &up.forward(x)?, Some(each)),
        _ => down.forward(&up.activated(x, activation)?),
    }
}

fn multiply<P: Panels>(packed: &P, x: &Tensor, first: Option<Elementwise>) -> Result<Tensor> {
    let (rows, inputs) = x.dims2()?;
    if inputs != packed.inputs() {
        candle_core::bail!("a linear layer of {} inputs was given {inputs}", packed.inputs());
    }
    Tensor::from_vec(with_values(x, |x| packed.multiply_of(x, first))?, (rows, packed.outputs()), &Device::Cpu)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packed_form_agrees_with_the_tensor_product() {
        let tensor = |shape: &[usize]| Tensor::randn(0f32, 1f32, shape, &Device::Cpu).unwrap();
        let (weight, bias, x) = (tensor(&[70, 48]), tensor(&[70]), tensor(&[9, 48]));
        let got = Linear::new(&weight, Some(&bias), &Device::Cpu, Precision::F32).unwrap().forward(&x).unwrap();
        let want = x.matmul(&weight.t().unwrap()).unwrap().broadcast_add(&bias).unwrap();
        let gap = (got - want).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(gap < 1e-4);
    }

    #[test]
    fn a_feed_forward_block_is_its_two_products_with_the_activation_between_to_the_last_bit() {
        let tensor = |shape: &[usize]| Tensor::randn(0f32, 1f32, shape, &Device::Cpu).unwrap();
        let (weights, bias, x) = ([tensor(&[70, 48]), tensor(&[48, 70])], tensor(&[70]), tensor(&[29, 48]));
        for precision in [Precision::F32, Precision::Int8, Precision::Int16] {
            let layer = |i: usize, bias| Linear::new(&weights[i], bias, &Device::Cpu, precision).unwrap();
            let (up, down) = (layer(0, Some(&bias)), layer(1, None));
            for activation in [Activation::Relu, Activation::Swish, Activation::Gelu] {
                let got = feed_forward(&x, &up, activation, &down).unwrap();
                let want = down.forward(&up.activated(&x, activation).unwrap()).unwrap();
                assert_eq!(got.to_vec2::<f32>().unwrap(), want.to_vec2::<f32>().unwrap());
            }
        }
    }
}
