//! The arithmetic of a run: chosen by name, checked against the device.
//!
//! Separate because layers, caches and the command line all name it. The invariant: a precision asked for by name is that
//! precision or an error that says what to ask for instead.

use super::EngineError;
use candle_core::Device;
use std::str::FromStr;

/// The arithmetic of a model's matrix products, and with it how caches are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// 32-bit floating point throughout.
    #[default]
    F32,
    /// 8-bit integer weights and inputs with 32-bit sums; caches in bf16. On the CPU.
    Int8,
}

impl Precision {
    /// Returns the name that documents and the command line use.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Int8 => "int8",
        }
    }
}

/// How a model computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Arithmetic {
    /// The arithmetic of its products.
    pub precision: Precision,
    /// Every score of the output projection is computed in that precision, and none is estimated.
    pub exact: bool,
}

/// A precision as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PrecisionChoice {
    /// The fastest one that was measured to leave outputs as they are: f32.
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
            (Precision::Int8, Device::Cuda(_) | Device::Metal(_)) => {
                Err(EngineError::Device("int8 is for the CPU: use --precision f32 on a GPU, or --device cpu".into()))
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
            "int8" => Ok(PrecisionChoice::Named(Precision::Int8)),
            "f16" | "bf16" => Err(format!("{name} is not there yet: choose auto, f32 or int8")),
            _ => Err(format!("{name} is no precision: choose auto, f32 or int8")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_others_refused_with_a_way_out() {
        for precision in [Precision::F32, Precision::Int8] {
            assert_eq!(precision.name().parse(), Ok(PrecisionChoice::Named(precision)));
        }
        assert_eq!("auto".parse(), Ok(PrecisionChoice::Auto));
        for name in ["bf16", "int4"] {
            assert!(name.parse::<PrecisionChoice>().unwrap_err().contains("f32 or int8"));
        }
    }
}
