//! The arithmetic of a run: chosen by name, checked against the device.
//!
//! Separate because layers, caches and the command line all name it. The invariant: a precision asked for by name is that
//! precision or an error that says what to ask for instead.

use super::EngineError;
use candle_core::{DType, Device};
use std::str::FromStr;

/// The arithmetic of a model's matrix products, and with it how caches are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// 32-bit floating point throughout.
    #[default]
    F32,
    /// 16-bit floating point with 32-bit sums. On a GPU; T5 overflows it.
    F16,
    /// The same with the range of f32 and fewer digits. On a GPU.
    Bf16,
    /// 8-bit integer weights and inputs with 32-bit sums; caches in bf16. On the CPU.
    Int8,
    /// 16-bit integer weights and inputs with 32-bit sums. On the CPU.
    Int16,
}

impl Precision {
    /// Returns the name that documents and the command line use.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::F16 => "f16",
            Precision::Bf16 => "bf16",
            Precision::Int8 => "int8",
            Precision::Int16 => "int16",
        }
    }

    /// Returns the source tokens times beams that a CPU worker keeps in flight where nothing else is asked for.
    ///
    /// Beyond them the weights are read often enough and memory grows, most of it caches, which int8 holds in half the space.
    pub fn cpu_tokens(self) -> usize {
        match self {
            Precision::Int8 => 4096,
            _ => 2048,
        }
    }

    /// Returns the type of tensors between layers.
    pub fn dtype(self) -> DType {
        match self {
            Precision::F32 | Precision::Int8 | Precision::Int16 => DType::F32,
            Precision::F16 => DType::F16,
            Precision::Bf16 => DType::BF16,
        }
    }
}

/// How a model computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arithmetic {
    /// The arithmetic of its products.
    pub precision: Precision,
    /// Tokens of a vocabulary from which on greedy search estimates the scores of most of them; on the CPU.
    pub screened_from: usize,
}

impl Arithmetic {
    /// Tokens from which on a screen is worth its while: of 6,000 tokens in 256 dimensions an int8 preview left so many in question
    /// that it took half as long again as all scores in f32, and a shortlist took as long as all of them in int8.
    const LARGE: usize = 16_384;

    /// Returns the arithmetic that computes every score where it is to be `exact`, and screens large vocabularies elsewhere.
    pub fn new(precision: Precision, exact: bool) -> Arithmetic {
        Arithmetic { precision, screened_from: if exact { usize::MAX } else { Arithmetic::LARGE } }
    }
}

impl Default for Arithmetic {
    fn default() -> Arithmetic {
        Arithmetic::new(Precision::default(), false)
    }
}

/// A precision as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PrecisionChoice {
    /// The fastest one that was measured to leave outputs as they are: f32, on every device.
    #[default]
    Auto,
    /// This one.
    Named(Precision),
}

impl PrecisionChoice {
    /// Returns the precision, whatever the device.
    pub fn precision(self) -> Precision {
        match self {
            PrecisionChoice::Auto => Precision::F32,
            PrecisionChoice::Named(precision) => precision,
        }
    }

    /// Returns the precision on a device, or an error where the device does not have it.
    pub fn on(self, device: &Device) -> Result<Precision, EngineError> {
        match (self.precision(), device) {
            (Precision::Int8 | Precision::Int16, Device::Cuda(_) | Device::Metal(_)) => {
                let name = self.precision().name();
                let hint = "is for the CPU: use --precision f32 on a GPU, or --device cpu";
                Err(EngineError::Device(format!("{name} {hint}")))
            }
            (Precision::F16 | Precision::Bf16, Device::Cpu) => {
                let name = self.precision().name();
                Err(EngineError::Device(format!(
                    "{name} is for a GPU: use --precision f32, int16 or int8 on the CPU, or --device cuda"
                )))
            }
            (precision, _) => Ok(precision),
        }
    }
}

impl FromStr for PrecisionChoice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "auto" => Ok(PrecisionChoice::Auto),
            "f32" => Ok(PrecisionChoice::Named(Precision::F32)),
            "f16" => Ok(PrecisionChoice::Named(Precision::F16)),
            "bf16" => Ok(PrecisionChoice::Named(Precision::Bf16)),
            "int8" => Ok(PrecisionChoice::Named(Precision::Int8)),
            "int16" => Ok(PrecisionChoice::Named(Precision::Int16)),
            _ => Err(format!("{name} is no precision: choose auto, f32, int16, int8, bf16 or f16")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_others_refused_with_a_way_out() {
        for precision in [Precision::F32, Precision::F16, Precision::Bf16, Precision::Int8, Precision::Int16] {
            assert_eq!(precision.name().parse(), Ok(PrecisionChoice::Named(precision)));
        }
        assert_eq!("auto".parse(), Ok(PrecisionChoice::Auto));
        assert!("int4".parse::<PrecisionChoice>().unwrap_err().contains("int16, int8"));
    }

    #[test]
    fn sixteen_bits_are_refused_on_the_cpu_with_a_way_out() {
        for name in ["f16", "bf16"] {
            let error = name.parse::<PrecisionChoice>().unwrap().on(&Device::Cpu).unwrap_err().to_string();
            assert!(error.starts_with(name) && error.contains("int8") && error.contains("--device cuda"), "{error}");
        }
    }
}
