//! The device a run uses: chosen by name, never silently another one.
//!
//! Separate because it is the only place outside `kernels` where a build feature decides. The invariant: `auto` takes
//! what is there, a device asked for by name is that device or an error that says how to get it.

use super::EngineError;
use candle_core::Device;
use std::{fmt, str::FromStr};

/// A device as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// A GPU where this build and machine have one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA GPU of this number.
    Cuda(usize),
    /// The Apple GPU.
    Metal,
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name.split_once(':').map_or((name, None), |(kind, index)| (kind, Some(index))) {
            ("auto", None) => Ok(DeviceChoice::Auto),
            ("cpu", None) => Ok(DeviceChoice::Cpu),
            ("cuda", None) => Ok(DeviceChoice::Cuda(0)),
            ("cuda", Some(index)) => match index.parse() {
                Ok(index) => Ok(DeviceChoice::Cuda(index)),
                Err(_) => Err(format!("cuda:{index} is no device: write cuda:0, cuda:1 and so on")),
            },
            ("metal", None) => Ok(DeviceChoice::Metal),
            _ => Err(format!("{name} is no device: choose auto, cpu, cuda, cuda:N or metal")),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceChoice::Auto => f.write_str("auto"),
            DeviceChoice::Cpu => f.write_str("cpu"),
            DeviceChoice::Cuda(index) => write!(f, "cuda:{index}"),
            DeviceChoice::Metal => f.write_str("metal"),
        }
    }
}

impl DeviceChoice {
    /// Opens the device.
    pub fn open(self) -> Result<Device, EngineError> {
        match self {
            DeviceChoice::Cpu => Ok(Device::Cpu),
            DeviceChoice::Cuda(index) => cuda(index),
            DeviceChoice::Metal => metal(),
            DeviceChoice::Auto => Ok(cuda(0).or_else(|_| metal()).unwrap_or(Device::Cpu)),
        }
    }
}

/// Returns the kind of a device as documents name it.
pub fn kind(device: &Device) -> &'static str {
    match device {
        Device::Cpu => "cpu",
        Device::Cuda(_) => "cuda",
        Device::Metal(_) => "metal",
    }
}

#[cfg(feature = "cuda")]
fn cuda(index: usize) -> Result<Device, EngineError> {
    let hint = "see `nvidia-smi` for the GPUs of this machine, or use --device cpu";
    Device::new_cuda(index)
        .map_err(|error| EngineError::Device(format!("cuda:{index} cannot be used: {error}; {hint}")))
}

#[cfg(not(feature = "cuda"))]
fn cuda(index: usize) -> Result<Device, EngineError> {
    Err(EngineError::Device(format!(
        "cuda:{index} cannot be used: this program was built without CUDA; build it with `cargo build --release \
         --features cuda` on a machine with the CUDA toolkit, or use --device cpu"
    )))
}

#[cfg(feature = "metal")]
fn metal() -> Result<Device, EngineError> {
    Device::new_metal(0)
        .map_err(|error| EngineError::Device(format!("metal cannot be used: {error}; use --device cpu")))
}

#[cfg(not(feature = "metal"))]
fn metal() -> Result<Device, EngineError> {
    Err(EngineError::Device(
        "metal cannot be used: this program was built without it; build it with `cargo build --release --features \
         metal` on a Mac, or use --device cpu"
            .into(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written_alike() {
        for name in ["auto", "cpu", "cuda:3", "metal"] {
            assert_eq!(name.parse::<DeviceChoice>().unwrap().to_string(), name);
        }
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(0)));
        assert!("cuda:x".parse::<DeviceChoice>().unwrap_err().contains("cuda:0"));
        assert!("gpu".parse::<DeviceChoice>().is_err());
    }
}
