//! Raw little-endian elements of any type, to f32, on all cores.
//!
//! Separate because loading time is spent here. The invariant: the result is the nearest f32 of each element, on any
//! machine and at any alignment.

use half::{f16, slice::HalfFloatSliceExt};
use rayon::prelude::*;

/// Elements converted by one task: small enough to balance, large enough to be worth a task.
const CHUNK: usize = 1 << 16;

/// The type of a tensor's elements.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Element {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
    /// Known to the format but not read here: its name.
    Other(String),
}

impl Element {
    /// Returns the bytes of one element; 0 for a type that is not read.
    pub(super) fn size(&self) -> usize {
        match self {
            Element::F64 | Element::I64 => 8,
            Element::F32 | Element::I32 => 4,
            Element::F16 | Element::Bf16 | Element::I16 => 2,
            Element::I8 | Element::U8 | Element::Bool => 1,
            Element::Other(_) => 0,
        }
    }
}

/// Converts elements to f32; the error names a type that is not read.
pub(super) fn to_f32(element: &Element, bytes: &[u8]) -> Result<Vec<f32>, String> {
    Ok(match element {
        Element::F32 => each(bytes, f32::from_le_bytes),
        Element::F16 => halves(bytes),
        Element::Bf16 => each(bytes, |bytes| f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16)),
        Element::F64 => each(bytes, |bytes| f64::from_le_bytes(bytes) as f32),
        Element::I64 => each(bytes, |bytes| i64::from_le_bytes(bytes) as f32),
        Element::I32 => each(bytes, |bytes| i32::from_le_bytes(bytes) as f32),
        Element::I16 => each(bytes, |bytes| f32::from(i16::from_le_bytes(bytes))),
        Element::I8 => each(bytes, |bytes| f32::from(i8::from_le_bytes(bytes))),
        Element::U8 | Element::Bool => each(bytes, |[byte]| f32::from(byte)),
        Element::Other(name) => {
            return Err(format!("has elements of type {name}: save it again as float16 or float32"));
        }
    })
}

/// Converts elements of `SIZE` bytes one by one.
fn each<const SIZE: usize>(bytes: &[u8], convert: impl Fn([u8; SIZE]) -> f32 + Sync) -> Vec<f32> {
    let (elements, _) = bytes.as_chunks::<SIZE>();
    let mut out = vec![0.0; elements.len()];
    out.par_chunks_mut(CHUNK).zip(elements.par_chunks(CHUNK)).for_each(|(out, elements)| {
        for (out, element) in out.iter_mut().zip(elements) {
            *out = convert(*element);
        }
    });
    out
}

/// Converts f16 by blocks, for which `half` uses the processor's own instruction.
fn halves(bytes: &[u8]) -> Vec<f32> {
    const BLOCK: usize = 1024;
    let (elements, _) = bytes.as_chunks::<2>();
    let mut out = vec![0.0; elements.len()];
    out.par_chunks_mut(CHUNK).zip(elements.par_chunks(CHUNK)).for_each(|(out, elements)| {
        let mut block = [f16::ZERO; BLOCK];
        for (out, elements) in out.chunks_mut(BLOCK).zip(elements.chunks(BLOCK)) {
            for (aligned, element) in block.iter_mut().zip(elements) {
                *aligned = f16::from_le_bytes(*element);
            }
            block[..elements.len()].convert_to_f32_slice(out);
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_f16_becomes_its_f32() {
        let all: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
        // One byte in, so that nothing is aligned.
        let shifted = [&[0], &all[..]].concat();
        let converted = to_f32(&Element::F16, &shifted[1..]).unwrap();
        for (bits, value) in (0..=u16::MAX).zip(converted) {
            let expected = f16::from_bits(bits).to_f32();
            assert!(value == expected || (value.is_nan() && expected.is_nan()), "{bits:#06x}");
        }
    }

    #[test]
    fn more_than_one_task_keeps_the_order() {
        let count = 3 * CHUNK + 17;
        let bytes: Vec<u8> = (0..count).flat_map(|value| (value as f32).to_le_bytes()).collect();
        let converted = to_f32(&Element::F32, &bytes).unwrap();
        assert!(converted.iter().enumerate().all(|(index, &value)| value == index as f32));
        let halves: Vec<u8> = (0..count).flat_map(|value| f16::from_f32((value % 2048) as f32).to_le_bytes()).collect();
        let converted = to_f32(&Element::F16, &halves).unwrap();
        assert!(converted.iter().enumerate().all(|(index, &value)| value == (index % 2048) as f32));
    }

    #[test]
    fn an_unknown_type_is_named() {
        assert!(to_f32(&Element::Other("F8_E4M3".into()), &[1]).unwrap_err().contains("F8_E4M3"));
    }
}
