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
    /// These CUDA GPUs, one worker each.
    Cuda(Gpus),
    /// The Apple GPU.
    Metal,
}

/// Numbers of GPUs, as `nvidia-smi` counts them; never none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gpus(u64);

impl Gpus {
    /// Returns the first GPU alone.
    pub fn first() -> Gpus {
        Gpus(1)
    }

    /// Returns the numbers in their order.
    pub fn numbers(self) -> impl Iterator<Item = usize> {
        (0..u64::BITS).filter(move |number| self.0 >> number & 1 == 1).map(|number| number as usize)
    }
}

impl FromStr for Gpus {
    type Err = String;

    fn from_str(list: &str) -> Result<Self, String> {
        let number = |part: &str| part.parse::<u32>().ok().filter(|number| *number < u64::BITS);
        let bits: Option<u64> = list.split(',').map(|part| number(part).map(|number| 1 << number)).sum();
        match bits {
            // Two equal numbers would carry into the next bit.
            Some(bits) if bits.count_ones() as usize == list.split(',').count() => Ok(Gpus(bits)),
            _ => Err(format!("cuda:{list} is no device: write cuda:0, cuda:1 or, for several, cuda:0,1")),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name.split_once(':').map_or((name, None), |(kind, index)| (kind, Some(index))) {
            ("auto", None) => Ok(DeviceChoice::Auto),
            ("cpu", None) => Ok(DeviceChoice::Cpu),
            ("cuda", None) => Ok(DeviceChoice::Cuda(Gpus::first())),
            ("cuda", Some(list)) => list.parse().map(DeviceChoice::Cuda),
            ("metal", None) => Ok(DeviceChoice::Metal),
            _ => Err(format!("{name} is no device: choose auto, cpu, cuda, cuda:N, cuda:N,M or metal")),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceChoice::Auto => f.write_str("auto"),
            DeviceChoice::Cpu => f.write_str("cpu"),
            DeviceChoice::Cuda(gpus) => {
                let numbers: Vec<String> = gpus.numbers().map(|number| number.to_string()).collect();
                write!(f, "cuda:{}", numbers.join(","))
            }
            DeviceChoice::Metal => f.write_str("metal"),
        }
    }
}

impl DeviceChoice {
    /// Opens the devices: one, or as many as were named.
    pub fn open(self) -> Result<Vec<Device>, EngineError> {
        match self {
            DeviceChoice::Cpu => Ok(vec![Device::Cpu]),
            DeviceChoice::Cuda(gpus) => gpus.numbers().map(cuda).collect(),
            DeviceChoice::Metal => Ok(vec![metal()?]),
            DeviceChoice::Auto => Ok(vec![cuda(0).or_else(|_| metal()).unwrap_or(Device::Cpu)]),
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

/// Returns the free memory of a device in bytes, where it can be asked.
#[cfg(feature = "cuda")]
pub fn free_memory(device: &Device) -> Option<usize> {
    let Device::Cuda(device) = device else { return None };
    device.cuda_stream().context().mem_get_info().ok().map(|(free, _)| free)
}

/// Returns the free memory of a device in bytes, where it can be asked.
#[cfg(not(feature = "cuda"))]
pub fn free_memory(_device: &Device) -> Option<usize> {
    None
}

#[cfg(feature = "cuda")]
fn cuda(index: usize) -> Result<Device, EngineError> {
    let hint = "see `nvidia-smi` for the GPUs of this machine and whether its driver knows CUDA 13, or use --device cpu, \
                for which the build without --features cuda is enough";
    // A stream of its own: with one a thread, another thread would not wait for what this one began.
    let device = Device::new_cuda_with_stream(index).map_err(|error| {
        EngineError::Device(format!("cuda:{index} cannot be used: {}; {hint}", super::error::without_backtrace(&error)))
    })?;
    if let Device::Cuda(device) = &device {
        // SAFETY: all work on the device is given to this one stream, which keeps its order.
        unsafe { device.disable_event_tracking() };
    }
    Ok(device)
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
    Device::new_metal(0).map_err(|error| {
        EngineError::Device(format!(
            "metal cannot be used: {}; use --device cpu",
            super::error::without_backtrace(&error)
        ))
    })
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

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_cuda_says_how_to_get_the_other() {
        let error = DeviceChoice::Cuda(Gpus::first()).open().unwrap_err().to_string();
        assert!(error.contains("--features cuda") && error.contains("--device cpu"), "{error}");
    }

    #[test]
    fn names_are_read_and_written_alike() {
        for name in ["auto", "cpu", "cuda:3", "cuda:0,1,63", "metal"] {
            assert_eq!(name.parse::<DeviceChoice>().unwrap().to_string(), name);
        }
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(Gpus::first())));
        assert_eq!("cuda:1,0".parse::<DeviceChoice>().unwrap().to_string(), "cuda:0,1");
        for name in ["cuda:x", "cuda:", "cuda:0,0", "cuda:64", "cuda:1,", "cuda:-1"] {
            assert!(name.parse::<DeviceChoice>().unwrap_err().contains("cuda:0,1"), "{name}");
        }
        assert!("gpu".parse::<DeviceChoice>().is_err());
    }
}
