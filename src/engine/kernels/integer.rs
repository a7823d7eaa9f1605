//! Matrix product of a few rows with a large packed weight matrix, in 8-bit or 16-bit integers with 32-bit sums.
//!
//! Separate from `gemm.rs` because the arithmetic differs: weights have one scale a column (output), rows of the input get one
//! scale each as they come; both are symmetric. The invariant: sums are exact integers and the
//! last multiplication is one fused operation, so every instruction set gives the same bits.

mod element;
mod rows;
mod tiles;

use super::{
    panels::{Elementwise, Panels, bands, padded_bias, prefetched, taken},
    simd::{self, Ahead, LANES},
};
pub use element::Integer;
use rayon::prelude::*;
pub use rows::{Row, Rows};
use std::mem::MaybeUninit;
use tiles::{Kernel, Output};

/// A weight matrix packed in int8.
pub type Int8 = Packed<i8>;

/// A weight matrix packed in int16.
pub type Int16 = Packed<i16>;

/// A weight matrix packed in integers.
#[derive(Debug)]
pub struct Packed<T: Integer> {
    /// Panels of the kernel's width of columns, groups of inputs within; the last is padded with columns of zeros.
    panels: Vec<T>,
    scales: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
    outputs: usize,
    kernel: Kernel<T>,
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

/// Rows of an input in integers, as the tiles read them.
#[derive(Debug)]
pub struct Quantized {
    /// Row after row of groups; a group is what one 32-bit broadcast carries.
    groups: Vec<i32>,
    /// For each row, what its values were divided by.
    scales: Vec<f32>,
    /// For each row, where its sums start: it undoes the offset the kernel adds to weights.
    starts: Vec<i32>,
}

impl<T: Integer> Packed<T> {
    /// Quantizes and packs a weight matrix of shape (outputs, inputs), row-major, with a bias of `outputs` values or none.
    pub fn new(weight: &[f32], bias: Option<&[f32]>, outputs: usize, inputs: usize) -> Packed<T> {
        let kernel = T::kernels().pop().expect("every machine has the portable kernel");
        Packed::with_kernel(weight, bias, outputs, inputs, kernel)
    }

    fn with_kernel(
        weight: &[f32],
        bias: Option<&[f32]>,
        outputs: usize,
        inputs: usize,
        kernel: Kernel<T>,
    ) -> Packed<T> {
        assert_eq!(weight.len(), outputs * inputs, "a weight matrix has outputs * inputs values");
        let (width, group) = (kernel.width, kernel.group);
        let (padded, groups) = (outputs.next_multiple_of(width), inputs.div_ceil(group));
        let mut panels = vec![T::default(); padded * groups * group];
        let mut scales = vec![0f32; padded];
        let panel = |((panel, scales), rows): ((&mut [T], &mut [f32]), &[f32])| {
            let mut columns = vec![T::default(); width * groups * group];
            for ((row, column), scale) in
                rows.chunks_exact(inputs).zip(columns.chunks_exact_mut(groups * group)).zip(scales)
            {
                *scale = T::quantize(row, &mut column[..inputs]);
            }
            match group {
                2 => interleave::<T, 2>(&columns, panel, kernel),
                _ => interleave::<T, 4>(&columns, panel, kernel),
            }
        };
        let parts = panels.par_chunks_mut(width * groups * group).zip(scales.par_chunks_mut(width));
        parts.zip(weight.par_chunks(width * inputs)).for_each(panel);
        Packed { panels, scales, bias: padded_bias(bias, padded), inputs, outputs, kernel }
    }

    fn groups(&self) -> usize {
        self.inputs.div_ceil(self.kernel.group)
    }
}

impl Int8 {
    /// Returns the lengths of vectors of `inputs` values each, rows of an input or columns of weights.
    pub fn lengths(&self, vectors: &[f32]) -> Vec<Length> {
        let mut quantized = vec![0i8; self.inputs];
        let length = |vector: &[f32]| {
            let scale = i8::quantize(vector, &mut quantized);
            length(vector, &quantized, scale)
        };
        vectors.chunks_exact(self.inputs).map(length).collect()
    }
}

impl<T: Integer> Panels for Packed<T> {
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

    fn prepare(&self, x: &[f32], first: Option<Elementwise>) -> Quantized {
        let (rows, groups) = (x.len() / self.inputs, self.groups());
        let mut input = Quantized {
            groups: Vec::with_capacity(rows * groups),
            scales: Vec::with_capacity(rows),
            starts: Vec::with_capacity(rows),
        };
        let (mut values, mut scratch) = (vec![T::default(); groups * self.kernel.group], Vec::new());
        for row in x.chunks_exact(self.inputs) {
            let row = taken(first, row, &mut scratch);
            input.scales.push(T::quantize(row, &mut values[..self.inputs]));
            input.starts.push(if self.kernel.offset == 0 { 0 } else { -self.kernel.offset * T::sum(&values) });
            (self.kernel.pack)(&values, &mut input.groups);
        }
        input
    }

    fn panel(&self, input: &Quantized, panel: usize, out: &mut [MaybeUninit<f32>], stride: usize) {
        let (width, groups, tallest) = (self.kernel.width, self.groups(), self.kernel.tiles.len());
        let size = width * groups * self.kernel.group;
        let b = &self.panels[panel * size..(panel + 1) * size];
        let (scales, bias) = (&self.scales[panel * width..][..width], &self.bias[panel * width..][..width]);
        let bands = bands(input.scales.len(), tallest);
        let mut next = prefetched(&self.panels, panel + 1, size, bands.len());
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

/// Writes quantized columns as a panel: a group of each column, then the next group of each.
fn interleave<T: Integer, const GROUP: usize>(columns: &[T], panel: &mut [T], kernel: Kernel<T>) {
    let length = columns.len() / kernel.width;
    let (panel, _) = panel.as_chunks_mut::<GROUP>();
    for (place, groups) in panel.chunks_exact_mut(kernel.width).enumerate() {
        for (column, group) in columns.chunks_exact(length).zip(groups) {
            *group = column.as_chunks::<GROUP>().0[place].map(|value| value.offset(kernel.offset));
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

simd::dispatch! { fn length(values: &[f32], quantized: &[i8], scale: f32) -> Length = length_body; }

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::{gemm, tests::values};

    /// The product as the module defines it, one value at a time.
    fn plain<T: Integer + Into<i32>>(x: &[f32], weight: &[f32], bias: f32) -> f32 {
        let (mut a, mut w) = (vec![T::default(); x.len()], vec![T::default(); x.len()]);
        let (x_scale, w_scale) = (T::quantize(x, &mut a), T::quantize(weight, &mut w));
        let sum: i32 = a.iter().zip(&w).map(|(a, w)| (*a).into() * (*w).into()).sum();
        (sum as f32).mul_add(x_scale * w_scale, bias)
    }

    fn assert_same_bits<T: Integer + Into<i32>>((outputs, inputs): (usize, usize)) {
        let (weight, bias) = (values(outputs * inputs, 1), values(outputs, 2));
        for kernel in T::kernels() {
            let packed = Packed::<T>::with_kernel(&weight, Some(&bias), outputs, inputs, kernel);
            for rows in [1, 2, 5, 12, 13, 29] {
                let x = values(rows * inputs, 3);
                for (i, value) in packed.multiply(&x).iter().enumerate() {
                    let (row, column) = (i / outputs, i % outputs);
                    let weight = &weight[column * inputs..(column + 1) * inputs];
                    let want = plain::<T>(&x[row * inputs..(row + 1) * inputs], weight, bias[column]);
                    assert_eq!(value.to_bits(), want.to_bits(), "{rows} rows, {outputs} x {inputs}");
                }
            }
        }
    }

    #[test]
    fn every_kernel_gives_the_same_bits_for_every_row_count_and_ragged_shape() {
        for shape in [(1, 1), (16, 8), (45, 7), (64, 33), (97, 24)] {
            assert_same_bits::<i8>(shape);
            assert_same_bits::<i16>(shape);
        }
    }

    fn assert_no_overflow<T: Integer>(rounding: f32) {
        let (inputs, outputs) = (4096, 33);
        for sign in [1.0, -1.0] {
            let (weight, x) = (vec![sign * 0.5; inputs * outputs], vec![2.0; inputs]);
            for kernel in T::kernels() {
                let got = Packed::<T>::with_kernel(&weight, None, outputs, inputs, kernel).multiply(&x);
                assert!(got.iter().all(|value| (value - sign * 4096.0).abs() < rounding), "{got:?}");
            }
        }
    }

    #[test]
    fn the_largest_values_do_not_overflow_a_kernel() {
        assert_no_overflow::<i8>(1.0);
        // Rows this long have 10 bits a value.
        assert_no_overflow::<i16>(8.0);
    }

    #[test]
    fn a_product_is_as_close_to_the_one_in_f32_as_its_bits_allow() {
        let (rows, inputs, outputs) = (3, 256, 40);
        let (weight, x) = (values(outputs * inputs, 5), values(rows * inputs, 6));
        let want = gemm::Packed::new(&weight, None, outputs, inputs).multiply(&x);
        let power: f32 = want.iter().map(|value| value * value).sum();
        let error = |got: Vec<f32>| {
            let error: f32 = got.iter().zip(&want).map(|(a, b)| (a - b) * (a - b)).sum();
            (error / power).sqrt()
        };
        let bytes = error(Int8::new(&weight, None, outputs, inputs).multiply(&x));
        let words = error(Int16::new(&weight, None, outputs, inputs).multiply(&x));
        assert!(bytes < 0.01 && words < 0.000_2, "{bytes}, {words}");
    }

    #[test]
    fn a_value_that_is_no_number_spoils_its_own_row_and_no_other() {
        let mut x = values(10, 2);
        x[3] = f32::NAN;
        let products =
            [Int8::new(&values(20, 1), None, 4, 5).multiply(&x), Int16::new(&values(20, 1), None, 4, 5).multiply(&x)];
        for got in products {
            assert!(got[..4].iter().all(|value| value.is_nan()) && got[4..].iter().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn a_row_of_zeros_gives_the_bias() {
        let (weight, bias) = (values(20, 1), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(Int8::new(&weight, Some(&bias), 4, 5).multiply(&[0.0; 5]), bias);
        assert_eq!(Int16::new(&weight, Some(&bias), 4, 5).multiply(&[0.0; 5]), bias);
    }
}
