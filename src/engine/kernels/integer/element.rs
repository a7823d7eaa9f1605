//! The integers that products are computed in, and how a row of numbers becomes a row of them.
//!
//! Separate because packing and tiles are the same for all. The invariant: no sum of products of two quantized rows, whole or
//! in part, leaves 32 bits.

use super::{
    super::simd::{
        self, Cell, largest_magnitude, nearest,
        vector::{Simd, vectorized},
    },
    tiles::{self, Kernel},
};

/// The largest magnitude of a quantized value in int16.
const LARGEST_WORD: f32 = 32_767.0;

/// The greatest Euclidean length of a row in int16 before rounding. By Cauchy-Schwarz a sum of products is at most the product of two
/// lengths: 2^31 of 46,340 each, less what the rounding of factors may add.
const LONGEST: f32 = 46_335.0;

/// Rows whose largest value is no more than this become zeros: the factor of smaller ones would overflow.
const NOTHING: f32 = 1e-30;

/// A type of quantized values.
pub trait Integer: Copy + Default + Send + Sync + 'static {
    /// Returns the kernels that this machine can run, the fastest last.
    fn kernels() -> Vec<Kernel<Self>>;

    /// Rounds a row to integers and returns the scale that takes it back; NaN where the row holds a value that is no number.
    fn quantize(row: &[f32], out: &mut [Self]) -> f32;

    /// Returns the sum of values.
    fn sum(values: &[Self]) -> i32;

    /// Returns the sum of products of two quantized rows of one length times `factor`, plus `bias`.
    fn dot(a: &[Self], b: &[Self], factor: f32, bias: f32) -> f32;

    /// Returns the value with `offset` added, modulo the size of the type.
    fn offset(self, offset: i32) -> Self;
}

impl Integer for i8 {
    fn kernels() -> Vec<Kernel<i8>> {
        tiles::of_bytes()
    }

    fn quantize(row: &[f32], out: &mut [i8]) -> f32 {
        bytes(row, out)
    }

    fn sum(values: &[i8]) -> i32 {
        sum(values)
    }

    fn dot(a: &[i8], b: &[i8], factor: f32, bias: f32) -> f32 {
        dot_of_bytes(a, b, factor, bias)
    }

    fn offset(self, offset: i32) -> i8 {
        self.wrapping_add(offset as i8)
    }
}

impl Integer for i16 {
    fn kernels() -> Vec<Kernel<i16>> {
        tiles::of_words()
    }

    fn quantize(row: &[f32], out: &mut [i16]) -> f32 {
        words(row, out)
    }

    fn sum(values: &[i16]) -> i32 {
        values.iter().map(|value| i32::from(*value)).sum()
    }

    fn dot(a: &[i16], b: &[i16], factor: f32, bias: f32) -> f32 {
        dot_of_words(a, b, factor, bias)
    }

    fn offset(self, offset: i32) -> i16 {
        self.wrapping_add(offset as i16)
    }
}

/// Rounds a row to -127..=127: symmetric, by its largest value.
#[inline(always)]
fn bytes_body<S: Simd>(simd: S, row: &[f32], out: &mut [i8]) -> f32 {
    let scale = <i8 as Cell>::scale(simd, row);
    for (out, value) in out.iter_mut().zip(row) {
        *out = i8::narrow(value * scale.inverse);
    }
    scale.step
}

/// Rounds a row to -32767..=32767, by its largest value or its Euclidean length, whichever leaves it shorter.
#[inline(always)]
fn words_body<S: Simd>(simd: S, row: &[f32], out: &mut [i16]) -> f32 {
    let largest = largest_magnitude(simd, row);
    let inverse = if largest > NOTHING { 1.0 / largest } else { 0.0 };
    // In units of the largest value nothing overflows or vanishes.
    let length = simd::reduce(row, |value| (value * inverse) * (value * inverse)).sqrt();
    // Rounding moves each value by half at most.
    let longest = LONGEST - 0.5 * (row.len() as f32).sqrt();
    let top = if length * LARGEST_WORD > longest { longest / length } else { LARGEST_WORD };
    let factor = top * inverse;
    for (out, value) in out.iter_mut().zip(row) {
        *out = nearest(value * factor) as i16;
    }
    largest / top
}

#[inline(always)]
fn sum_body(values: &[i8]) -> i32 {
    values.iter().map(|value| i32::from(*value)).sum()
}

#[inline(always)]
fn dot_body<T: Copy + Into<i32>>(a: &[T], b: &[T], factor: f32, bias: f32) -> f32 {
    let sum: i32 = a.iter().zip(b).map(|(a, b)| (*a).into() * (*b).into()).sum();
    (sum as f32).mul_add(factor, bias)
}

vectorized! { fn bytes(row: &[f32], out: &mut [i8]) -> f32 = bytes_body; }
vectorized! { fn words(row: &[f32], out: &mut [i16]) -> f32 = words_body; }
simd::dispatch! { fn sum(values: &[i8]) -> i32 = sum_body; }
simd::dispatch! { fn dot_of_bytes(a: &[i8], b: &[i8], factor: f32, bias: f32) -> f32 = dot_body; }
simd::dispatch! { fn dot_of_words(a: &[i16], b: &[i16], factor: f32, bias: f32) -> f32 = dot_body; }

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::tests::values;

    #[test]
    fn quantized_values_are_those_of_the_row_within_half_a_scale() {
        for (scaled, n) in [(1.0, 300), (1e-28, 33), (1e30, 33), (1.0, 1)] {
            let row: Vec<f32> = values(n, 1).iter().map(|value| value * scaled).collect();
            let (mut narrow, mut wide) = (vec![0i8; n], vec![0i16; n]);
            let scales = [i8::quantize(&row, &mut narrow), i16::quantize(&row, &mut wide)];
            for (i, value) in row.iter().enumerate() {
                assert!((f32::from(narrow[i]) * scales[0] - value).abs() < 0.501 * scales[0]);
                assert!((f32::from(wide[i]) * scales[1] - value).abs() < 0.501 * scales[1]);
            }
            assert!(scales[1] * 30.0 < scales[0], "{scales:?}");
        }
    }

    #[test]
    fn no_sum_of_two_rows_in_int16_leaves_32_bits() {
        let ends = |n: usize| (0..n).map(|i| if i == 0 { 1.0 } else { 1e-3 }).collect();
        for n in [1, 2, 3, 500, 4096, 65_536] {
            for row in [vec![1.0; n], vec![1e-29; n], vec![1e38; n], values(n, 2), ends(n)] {
                let mut quantized = vec![0i16; n];
                i16::quantize(&row, &mut quantized);
                let square: i64 = quantized.iter().map(|value| i64::from(*value).pow(2)).sum();
                assert!(square <= i64::from(i32::MAX), "{n}: {square}");
                assert!(n == 1 || square > 1 << 28, "{n}: {square} leaves digits unused");
            }
        }
    }

    #[test]
    fn a_row_of_zeros_stays_one_and_a_value_that_is_no_number_gives_a_scale_that_is_none() {
        let mut out = [7i16; 3];
        for nothing in [0.0, f32::MIN_POSITIVE] {
            let scale = i16::quantize(&[nothing; 3], &mut out);
            assert!(scale < 1e-30 && out == [0; 3], "{scale}, {out:?}");
        }
        assert!(i16::quantize(&[0.0, f32::NAN, 1.0], &mut out).is_nan());
        assert!(i8::quantize(&[0.0, f32::NAN, 1.0], &mut [0; 3]).is_nan());
    }
}
