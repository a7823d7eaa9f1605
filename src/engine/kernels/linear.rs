//! Linear layers: packed once at load on the CPU, a plain matrix product elsewhere.
//!
//! Separate because precision and packing are decided here and nowhere else. The invariant: `forward` is
//! `x * weight^T + bias` for every device.

use super::{gemm::Packed, with_values};
use candle_core::{Device, Result, Tensor};

/// A linear layer.
#[derive(Debug)]
pub struct Linear(Form);

#[derive(Debug)]
enum Form {
    Packed(Packed),
    Plain { transposed: Tensor, bias: Option<Tensor> },
}

impl Linear {
    /// Returns a layer for `device` with a weight of shape (outputs, inputs) and a bias of shape (outputs), or none.
    pub fn new(weight: &Tensor, bias: Option<&Tensor>, device: &Device) -> Result<Linear> {
        let (outputs, inputs) = weight.dims2()?;
        let form = match device {
            Device::Cpu => {
                let bias = bias.map(Tensor::to_vec1::<f32>).transpose()?;
                let pack = |weight: &[f32]| Packed::new(weight, bias.as_deref(), outputs, inputs);
                Form::Packed(with_values(&weight.contiguous()?, pack)?)
            }
            _ => Form::Plain {
                transposed: weight.t()?.contiguous()?.to_device(device)?,
                bias: bias.map(|bias| bias.to_device(device)).transpose()?,
            },
        };
        Ok(Linear(form))
    }

    /// Returns `x * weight^T + bias`, shape (rows, outputs), for `x` of shape (rows, inputs).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match &self.0 {
            Form::Packed(packed) => {
                Tensor::from_vec(self.forward_values(x)?, (x.dim(0)?, packed.outputs()), &Device::Cpu)
            }
            Form::Plain { transposed, bias: Some(bias) } => x.matmul(transposed)?.broadcast_add(bias),
            Form::Plain { transposed, bias: None } => x.matmul(transposed),
        }
    }

    /// Returns the same as `forward` as values on the host, row-major.
    pub fn forward_values(&self, x: &Tensor) -> Result<Vec<f32>> {
        match &self.0 {
            Form::Packed(packed) => {
                let (_, inputs) = x.dims2()?;
                if inputs != packed.inputs() {
                    candle_core::bail!("a linear layer of {} inputs was given {inputs}", packed.inputs());
                }
                with_values(x, |x| packed.multiply(x))
            }
            Form::Plain { .. } => self.forward(x)?.flatten_all()?.to_vec1(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packed_form_agrees_with_the_tensor_product() {
        let tensor = |shape: &[usize]| Tensor::randn(0f32, 1f32, shape, &Device::Cpu).unwrap();
        let (weight, bias, x) = (tensor(&[70, 48]), tensor(&[70]), tensor(&[9, 48]));
        let got = Linear::new(&weight, Some(&bias), &Device::Cpu).unwrap().forward(&x).unwrap();
        let want = x.matmul(&weight.t().unwrap()).unwrap().broadcast_add(&bias).unwrap();
        let gap = (got - want).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(gap < 1e-4);
    }
}
