//! A weight matrix in integers, row after row: for products with a few of its rows.
//!
//! Separate because panels serve products with all of them. The invariant: a score has the bits that the product with the
//! packed matrix has.

use super::Integer;
use rayon::prelude::*;

/// A weight matrix of shape (outputs, inputs) in integers.
#[derive(Debug)]
pub struct Rows<T: Integer> {
    values: Vec<T>,
    scales: Vec<f32>,
    bias: Option<Vec<f32>>,
    inputs: usize,
}

/// A vector in integers.
#[derive(Debug, Clone)]
pub struct Row<T> {
    values: Vec<T>,
    scale: f32,
}

impl<T: Integer> Rows<T> {
    /// Quantizes a matrix of rows of `inputs` values with a bias of one value a row, or none.
    pub fn new(weight: &[f32], bias: Option<&[f32]>, inputs: usize) -> Rows<T> {
        let (mut values, mut scales) = (vec![T::default(); weight.len()], vec![0f32; weight.len() / inputs]);
        let rows = weight.par_chunks_exact(inputs).zip(values.par_chunks_exact_mut(inputs));
        rows.zip(&mut scales).for_each(|((row, out), scale)| *scale = T::quantize(row, out));
        Rows { values, scales, bias: bias.map(<[f32]>::to_vec), inputs }
    }

    /// Returns the count of rows.
    pub fn count(&self) -> usize {
        self.scales.len()
    }

    /// Returns the values that a row has.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Returns a vector in integers.
    pub fn quantized(&self, x: &[f32]) -> Row<T> {
        let mut values = vec![T::default(); x.len()];
        let scale = T::quantize(x, &mut values);
        Row { values, scale }
    }

    /// Returns the product of a row with a vector, plus the row's bias.
    pub fn score(&self, row: usize, x: &Row<T>) -> f32 {
        let values = &self.values[row * self.inputs..][..self.inputs];
        T::dot(values, &x.values, x.scale * self.scales[row], self.bias.as_ref().map_or(0.0, |bias| bias[row]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::{integer::Packed, panels::Panels, tests::values};

    fn assert_same_bits<T: Integer>() {
        let (outputs, inputs) = (45, 70);
        let (weight, bias, x) = (values(outputs * inputs, 1), values(outputs, 2), values(inputs, 3));
        let rows = Rows::<T>::new(&weight, Some(&bias), inputs);
        let direct = Packed::<T>::new(&weight, Some(&bias), outputs, inputs).multiply(&x);
        let quantized = rows.quantized(&x);
        let scores: Vec<f32> = (0..outputs).map(|row| rows.score(row, &quantized)).collect();
        assert_eq!(scores, direct);
    }

    #[test]
    fn a_score_has_the_bits_of_the_product_with_the_packed_matrix() {
        assert_same_bits::<i8>();
        assert_same_bits::<i16>();
    }
}
