//! Matrix product of a few rows with a large packed weight matrix, in 8-bit integers with 32-bit sums.
//!
//! Separate from `gemm.rs` because the arithmetic differs: weights have one scale a column (output), rows of the input get one
//! scale each as they come. Both are symmetric, in -127..=127. The invariant: sums are exact integers and the
//! last multiplication is one fused operation, so every instruction set gives the same bits.

mod tiles;

use super::{
    panels::{Panels, bands, padded_bias, prefetched},
    simd::{self, Ahead, LANES},
};
use rayon::prelude::*;
use std::mem::MaybeUninit;
use tiles::{Kernel, Output};

/// The largest magnitude of a quantized value.
const LARGEST: f32 = 127.0;

/// A weight matrix packed in int8.
#[derive(Debug)]
pub struct Packed {
    /// Panels of the kernel's width of columns, groups of inputs within; the last is padded with columns of zeros.
    panels: Vec<i8>,
    scales: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
    outputs: usize,
    kernel: Kernel,
}

/// The Euclidean length of a vector, and that of its quantization error.
#[derive(Debug, Clone, Copy, Default)]
pub struct Length {
    /// Of the vector.
    pub whole: f32,
    /// Of the vector less its quantized form.
    pub error: f32,
}

impl Length {
    /// Returns the larger of each part.
    pub fn max(self, other: Length) -> Length {
        Length { whole: self.whole.max(other.whole), error: self.error.max(other.error) }
    }

    /// Returns how far the int8 product of two vectors of `n` values can be from their product in f32.
    ///
    /// Cauchy-Schwarz on `x.w - x'.w' = (x - x').w + x'.(w - w')`, plus the rounding of `n` operations in f32.
    pub fn bound(self, other: Length, n: usize) -> f32 {
        let quantization = self.error * other.whole + (self.whole + self.error) * other.error;
        let rounding = 2.0 * n as f32 * f32::EPSILON * self.whole * other.whole;
        quantization * 1.001 + rounding
    }
}

/// Rows of an input in int8, as the tiles read them.
#[derive(Debug)]
pub struct Quantized {
    /// Row after row of groups; a group is what one 32-bit broadcast carries.
    groups: Vec<i32>,
    /// For each row, what its values were divided by.
    scales: Vec<f32>,
    /// For each row, where its sums start: it undoes the offset the kernel adds to weights.
    starts: Vec<i32>,
}

impl Packed {
    /// Quantizes and packs a weight matrix of shape (outputs, inputs), row-major, with a bias of `outputs` values or none.
    pub fn new(weight: &[f32], bias: Option<&[f32]>, outputs: usize, inputs: usize) -> Packed {
        Packed::with_kernel(weight, bias, outputs, inputs, Kernel::detect())
    }

    fn with_kernel(weight: &[f32], bias: Option<&[f32]>, outputs: usize, inputs: usize, kernel: Kernel) -> Packed {
        assert_eq!(weight.len(), outputs * inputs, "a weight matrix has outputs * inputs values");
        let (width, group) = (kernel.width, kernel.group);
        let (padded, groups) = (outputs.next_multiple_of(width), inputs.div_ceil(group));
        let mut panels = vec![0i8; padded * groups * group];
        let mut scales = vec![0f32; padded];
        let panel = |((panel, scales), rows): ((&mut [i8], &mut [f32]), &[f32])| {
            let mut columns = vec![0i8; width * groups * group];
            for ((row, column), scale) in
                rows.chunks_exact(inputs).zip(columns.chunks_exact_mut(groups * group)).zip(scales)
            {
                *scale = quantize(row, &mut column[..inputs]);
            }
            match group {
                2 => interleave::<2>(&columns, panel, kernel),
                _ => interleave::<4>(&columns, panel, kernel),
            }
        };
        let parts = panels.par_chunks_mut(width * groups * group).zip(scales.par_chunks_mut(width));
        parts.zip(weight.par_chunks(width * inputs)).for_each(panel);
        Packed { panels, scales, bias: padded_bias(bias, padded), inputs, outputs, kernel }
    }

    /// Returns the lengths of vectors of `inputs` values each, rows of an input or columns of weights.
    pub fn lengths(&self, vectors: &[f32]) -> Vec<Length> {
        let mut quantized = vec![0i8; self.inputs];
        let length = |vector: &[f32]| {
            let scale = quantize(vector, &mut quantized);
            length(vector, &quantized, scale)
        };
        vectors.chunks_exact(self.inputs).map(length).collect()
    }

    fn groups(&self) -> usize {
        self.inputs.div_ceil(self.kernel.group)
    }
}

impl Panels for Packed {
    type Input = Quantized;

    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn width(&self) -> usize {
        self.kernel.width
    }

    fn prepare(&self, x: &[f32]) -> Quantized {
        let (rows, groups) = (x.len() / self.inputs, self.groups());
        let mut input = Quantized {
            groups: vec![0; rows * groups],
            scales: Vec::with_capacity(rows),
            starts: Vec::with_capacity(rows),
        };
        let mut values = vec![0i8; groups * self.kernel.group];
        for (row, out) in x.chunks_exact(self.inputs).zip(input.groups.chunks_exact_mut(groups)) {
            input.scales.push(quantize(row, &mut values[..self.inputs]));
            input.starts.push(-self.kernel.offset * sum(&values));
            (self.kernel.pack)(&values, out);
        }
        input
    }

    fn panel(&self, input: &Quantized, panel: usize, out: &mut [MaybeUninit<f32>], stride: usize) {
        let (width, groups, tallest) = (self.kernel.width, self.groups(), self.kernel.tiles.len());
        let bytes = width * groups * self.kernel.group;
        let b = &self.panels[panel * bytes..(panel + 1) * bytes];
        let (scales, bias) = (&self.scales[panel * width..][..width], &self.bias[panel * width..][..width]);
        let bands = bands(input.scales.len(), tallest);
        let mut next = prefetched(&self.panels, panel + 1, bytes, bands.len());
        for (row, height) in bands {
            let a = &input.groups[row * groups..(row + height) * groups];
            let c = &mut out[row * stride..(row + height - 1) * stride + width];
            let output = Output {
                values: c.as_mut_ptr().cast(),
                stride,
                column_scales: scales.as_ptr(),
                bias: bias.as_ptr(),
                row_scales: input.scales[row..row + height].as_ptr(),
                starts: input.starts[row..row + height].as_ptr(),
                ahead: Ahead::of(next.next().unwrap_or(&b[..0]), groups),
            };
            // SAFETY: every pointer is of a slice cut just above to what a tile of this height reads and writes, and
            // the kernel was chosen by the features this machine has.
            unsafe { self.kernel.tiles[height - 1](a.as_ptr(), b.as_ptr(), groups, output) };
        }
    }
}

/// Rounds a row to -127..=127 and returns the scale that takes it back; NaN where the row holds a value that is no number.
#[inline(always)]
fn quantize_body(row: &[f32], out: &mut [i8]) -> f32 {
    // Adding and taking away 1.5 * 2^23 rounds to the nearest integer, ties to even.
    const ROUND: f32 = 12_582_912.0;
    let largest = largest_magnitude(row);
    let factor = if largest > 0.0 { LARGEST / largest } else { 0.0 };
    for (out, value) in out.iter_mut().zip(row) {
        *out = ((value * factor + ROUND).to_bits() as i32 - ROUND.to_bits() as i32) as i8;
    }
    largest / LARGEST
}

/// Returns the largest |x|. Compared as bits, where a NaN is larger than any number, so that it is not passed over.
#[inline(always)]
fn largest_magnitude(row: &[f32]) -> f32 {
    let mut lanes = [0u32; LANES];
    let (blocks, rest) = row.as_chunks::<LANES>();
    for block in blocks {
        for i in 0..LANES {
            lanes[i] = lanes[i].max(block[i].abs().to_bits());
        }
    }
    let rest = rest.iter().map(|value| value.abs().to_bits());
    f32::from_bits(lanes.into_iter().chain(rest).max().unwrap_or(0))
}

/// Writes quantized columns as a panel: a group of each column, then the next group of each.
fn interleave<const GROUP: usize>(columns: &[i8], panel: &mut [i8], kernel: Kernel) {
    let length = columns.len() / kernel.width;
    let (panel, _) = panel.as_chunks_mut::<GROUP>();
    for (place, groups) in panel.chunks_exact_mut(kernel.width).enumerate() {
        for (column, group) in columns.chunks_exact(length).zip(groups) {
            *group = column.as_chunks::<GROUP>().0[place].map(|value| value.wrapping_add(kernel.offset as i8));
        }
    }
}

/// Returns the length of a vector and that of its quantization error.
#[inline(always)]
fn length_body(values: &[f32], quantized: &[i8], scale: f32) -> Length {
    let (mut whole, mut error) = ([0f32; LANES], [0f32; LANES]);
    for (values, quantized) in values.chunks(LANES).zip(quantized.chunks(LANES)) {
        for (i, (value, q)) in values.iter().zip(quantized).enumerate() {
            let gap = value - f32::from(*q) * scale;
            (whole[i], error[i]) = (value.mul_add(*value, whole[i]), gap.mul_add(gap, error[i]));
        }
    }
    Length { whole: whole.iter().sum::<f32>().sqrt(), error: error.iter().sum::<f32>().sqrt() }
}

#[inline(always)]
fn sum_body(values: &[i8]) -> i32 {
    values.iter().map(|value| i32::from(*value)).sum()
}

simd::dispatch! { fn quantize(row: &[f32], out: &mut [i8]) -> f32 = quantize_body; }
simd::dispatch! { fn length(values: &[f32], quantized: &[i8], scale: f32) -> Length = length_body; }
simd::dispatch! { fn sum(values: &[i8]) -> i32 = sum_body; }

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::tests::values;

    /// The product as the module defines it, one value at a time.
    fn plain(x: &[f32], weight: &[f32], bias: f32) -> f32 {
        let (mut a, mut w) = (vec![0; x.len()], vec![0; x.len()]);
        let (x_scale, w_scale) = (quantize(x, &mut a), quantize(weight, &mut w));
        let sum: i32 = a.iter().zip(&w).map(|(a, w)| i32::from(*a) * i32::from(*w)).sum();
        (sum as f32).mul_add(x_scale * w_scale, bias)
    }

    #[test]
    fn every_kernel_gives_the_same_bits_for_every_row_count_and_ragged_shape() {
        for (outputs, inputs) in [(1, 1), (16, 8), (45, 7), (64, 33), (97, 24)] {
            let (weight, bias) = (values(outputs * inputs, 1), values(outputs, 2));
            for kernel in Kernel::all() {
                let packed = Packed::with_kernel(&weight, Some(&bias), outputs, inputs, kernel);
                for rows in [1, 2, 5, 12, 13, 29] {
                    let x = values(rows * inputs, 3);
                    for (i, value) in packed.multiply(&x).iter().enumerate() {
                        let (row, column) = (i / outputs, i % outputs);
                        let weight = &weight[column * inputs..(column + 1) * inputs];
                        let want = plain(&x[row * inputs..(row + 1) * inputs], weight, bias[column]);
                        assert_eq!(value.to_bits(), want.to_bits(), "{rows} rows, {outputs} x {inputs}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_largest_values_do_not_overflow_a_kernel() {
        let (inputs, outputs) = (4096, 33);
        for sign in [1.0, -1.0] {
            let (weight, x) = (vec![sign * 0.5; inputs * outputs], vec![2.0; inputs]);
            for kernel in Kernel::all() {
                let got = Packed::with_kernel(&weight, None, outputs, inputs, kernel).multiply(&x);
                assert!(got.iter().all(|value| (value - sign * 4096.0).abs() < 1.0), "{got:?}");
            }
        }
    }

    #[test]
    fn a_product_is_within_a_percent_of_the_one_in_f32() {
        let (rows, inputs, outputs) = (3, 256, 40);
        let (weight, x) = (values(outputs * inputs, 5), values(rows * inputs, 6));
        let got = Packed::new(&weight, None, outputs, inputs).multiply(&x);
        let want = super::super::gemm::Packed::new(&weight, None, outputs, inputs).multiply(&x);
        let error: f32 = got.iter().zip(&want).map(|(a, b)| (a - b) * (a - b)).sum();
        let power: f32 = want.iter().map(|value| value * value).sum();
        assert!((error / power).sqrt() < 0.01, "{}", (error / power).sqrt());
    }

    #[test]
    fn a_value_that_is_no_number_spoils_its_own_row_and_no_other() {
        let packed = Packed::new(&values(20, 1), None, 4, 5);
        let mut x = values(10, 2);
        x[3] = f32::NAN;
        let got = packed.multiply(&x);
        assert!(got[..4].iter().all(|value| value.is_nan()) && got[4..].iter().all(|value| value.is_finite()));
    }

    #[test]
    fn a_row_of_zeros_gives_the_bias() {
        assert_eq!(
            Packed::new(&values(20, 1), Some(&[1.0, 2.0, 3.0, 4.0]), 4, 5).multiply(&[0.0; 5]),
            [1.0, 2.0, 3.0, 4.0]
        );
    }
}
