//! Product quantization of the rows of a matrix: four values of a row become one of sixteen centroids.
//!
//! Separate because it knows vectors alone, neither tokens nor search. A product of a row with a vector becomes a sum of
//! entries looked up in small tables, a quarter of the work of the product in int8 (Jégou et al. 2011; the tables in
//! registers are André et al. 2015). The invariant: sums are exact integers, so every instruction set gives the same bits, and
//! codebooks depend on the matrix alone.

mod codebook;
mod scan;

use super::simd::{self, Ahead, vector::vectorized};
use codebook::Codebook;
use rayon::prelude::*;
use scan::Kernel;
use std::ops::Range;

/// Values of a row that share a code.
const VALUES: usize = 4;

/// Centroids of a subspace: what four bits tell apart.
const CENTROIDS: usize = 16;

/// Subspaces whose codes lie together.
const GROUP: usize = 4;

/// Rows whose codes lie together.
const TILE: usize = 16;

/// Rows that are scanned at once.
pub const STRIPE: usize = 128;

/// The largest entry of a table: four of them have room in a byte.
const LARGEST: f32 = 63.0;

/// The rows of a matrix, as codes.
#[derive(Debug)]
pub struct Codes {
    codebook: Codebook,
    /// Stripe after stripe, tile after tile, group after group; the last stripe is padded.
    codes: Vec<u8>,
    groups: usize,
    /// For each row, what the product with its centroids is multiplied by, so that the error stands at a right angle to the row; zeros
    /// to the end of the last stripe.
    pub slopes: Vec<f32>,
    /// For each row, the length of that error, by the root of the row's length in values: times the length of a vector it is the standard deviation of
    /// the error of their product, where the vector points anywhere. Zeros to the end of the last stripe.
    pub spreads: Vec<f32>,
    /// The part of the rows' variance that their centroids have.
    pub explained: f32,
    kernel: Kernel,
}

/// A vector that is to be multiplied with every row.
#[derive(Debug, Clone)]
pub struct Tables {
    entries: Vec<u8>,
    /// A product is `sum * step + base` before its row's slope, plus `offset` after it.
    pub step: f32,
    /// See `step`.
    pub base: f32,
    /// Its product with the mean row.
    pub offset: f32,
    /// Its length.
    pub length: f32,
}

impl Codes {
    /// Returns the codes of a matrix of rows of `inputs` values.
    pub fn new(rows: &[f32], inputs: usize) -> Codes {
        let kernel = scan::kernels().pop().expect("every machine has the portable kernel");
        Codes::with_kernel(rows, inputs, kernel)
    }

    fn with_kernel(rows: &[f32], inputs: usize, kernel: Kernel) -> Codes {
        let codebook = Codebook::train(rows, inputs);
        let (groups, count) = (codebook.subspaces().div_ceil(GROUP), rows.len() / inputs);
        let stripe = STRIPE * groups * GROUP;
        let mut codes = vec![0u8; count.div_ceil(STRIPE) * stripe];
        let fits: Vec<codebook::Fit> = codes
            .par_chunks_exact_mut(stripe)
            .zip(rows.par_chunks(STRIPE * inputs))
            .flat_map_iter(|(stripe, rows)| {
                // A row that is not there has the codes of none: every byte must name an entry of its subspace all the same.
                let mut all = vec![0u8; STRIPE * groups * GROUP];
                let rows = rows.chunks_exact(inputs).zip(all.chunks_exact_mut(groups * GROUP));
                let fits: Vec<_> = rows.map(|(row, codes)| codebook.encode(row, codes)).collect();
                (kernel.arrange)(&all, groups, stripe);
                fits
            })
            .collect();
        let (lost, variance) =
            fits.iter().fold((0.0, 0.0), |(lost, variance), fit| (lost + fit.lost, variance + fit.variance));
        let explained = if variance > 0.0 { (1.0 - lost / variance).max(0.0) as f32 } else { 0.0 };
        let padded = |of: &dyn Fn(&codebook::Fit) -> f32| {
            let mut all: Vec<f32> = fits.iter().map(of).collect();
            all.resize(count.next_multiple_of(STRIPE), 0.0);
            all
        };
        let (slopes, spreads) = (padded(&|fit| fit.slope), padded(&|fit| fit.error / (inputs as f32).sqrt()));
        Codes { codebook, codes, groups, slopes, spreads, explained, kernel }
    }

    /// Returns the tables of a vector of as many values as a row has.
    pub fn tables(&self, x: &[f32]) -> Tables {
        self.codebook.tables(x, self.groups * GROUP)
    }

    /// Returns what asks for the codes of a stripe, if there is one, in the course of `steps` steps.
    pub fn ahead(&self, stripe: usize, steps: usize) -> Ahead {
        Ahead::of(self.codes.get(self.place(stripe)).unwrap_or_default(), steps)
    }

    /// Returns where the codes of a stripe lie.
    fn place(&self, stripe: usize) -> Range<usize> {
        let size = STRIPE * self.groups * GROUP;
        stripe * size..(stripe + 1) * size
    }

    /// Writes the sums of one vector or two over the rows of a stripe, one a row.
    pub fn scan(&self, stripe: usize, tables: &[Tables], sums: [&mut [i32]; 2]) {
        let codes = &self.codes[self.place(stripe)];
        let entries = self.groups * GROUP * CENTROIDS;
        assert!(sums.iter().all(|sums| sums.len() == STRIPE), "a stripe has a sum for each row and vector");
        assert!(tables.iter().all(|tables| tables.entries.len() == entries), "tables are of these codes");
        let sums = sums.map(<[i32]>::as_mut_ptr);
        // SAFETY: the kernel was chosen by the features of this machine; a stripe has `STRIPE` rows of `groups` groups of codes,
        // tables have an entry for each code that there can be, and the sums have room.
        unsafe {
            match tables {
                [first, second] => {
                    let entries = [first.entries.as_ptr(), second.entries.as_ptr()];
                    (self.kernel.two)(codes.as_ptr(), entries, self.groups, sums);
                }
                [one] => (self.kernel.one)(codes.as_ptr(), [one.entries.as_ptr()], self.groups, [sums[0]]),
                _ => unreachable!("vectors are scanned by twos"),
            }
        }
    }
}

vectorized! {
    fn dot(x: &[f32], y: &[f32]) -> f32 = simd::dot;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::tests::values;

    /// Returns the products of a vector with every row, as the codes estimate them.
    fn estimates(codes: &Codes, x: &[f32], rows: usize) -> Vec<f32> {
        let tables = [codes.tables(x)];
        let stripes = (0..rows.div_ceil(STRIPE)).flat_map(|stripe| {
            let mut sums = [[0; STRIPE]; 2];
            let [first, second] = &mut sums;
            codes.scan(stripe, &tables, [first, second]);
            sums[0]
        });
        let Tables { step, base, offset, .. } = tables[0];
        stripes.zip(&codes.slopes).take(rows).map(|(sum, slope)| (sum as f32 * step + base) * slope + offset).collect()
    }

    #[test]
    fn an_estimate_is_off_by_what_the_spread_says() {
        let (rows, inputs) = (3_000, 64);
        let (matrix, x) = (values(rows * inputs, 1), values(inputs, 2));
        let codes = Codes::new(&matrix, inputs);
        let length = dot(&x, &x).sqrt();
        let errors = estimates(&codes, &x, rows)
            .into_iter()
            .enumerate()
            .map(|(i, estimate)| (estimate - dot(&x, &matrix[i * inputs..][..inputs])) / (codes.spreads[i] * length));
        let squares: Vec<f32> = errors.map(|error| error * error).collect();
        let mean = squares.iter().sum::<f32>() / rows as f32;
        assert!((0.8..1.2).contains(&mean), "{mean}");
        assert!(squares.iter().all(|square| *square < 25.0));
        assert!((0.5..0.9).contains(&codes.explained), "{}", codes.explained);
    }

    #[test]
    fn a_row_of_the_matrix_is_estimated_without_bias() {
        let (rows, inputs) = (2_000, 32);
        let matrix = values(rows * inputs, 3);
        let codes = Codes::new(&matrix, inputs);
        for row in [0, 77, 1_999] {
            let x = &matrix[row * inputs..][..inputs];
            let (want, got) = (dot(x, x), estimates(&codes, x, rows)[row]);
            assert!((got / want - 1.0).abs() < 0.1, "{got} for {want}");
        }
    }

    #[test]
    fn every_kernel_gives_the_same_sums_for_every_ragged_shape() {
        for (rows, inputs) in [(1, 4), (130, 12), (300, 20), (16, 64), (500, 7)] {
            let (matrix, xs) = (values(rows * inputs, 4), [values(inputs, 5), values(inputs, 6)]);
            let mut all = scan::kernels().into_iter().map(|kernel| {
                let codes = Codes::with_kernel(&matrix, inputs, kernel);
                let tables = xs.each_ref().map(|x| codes.tables(x));
                let mut sums = Vec::new();
                for stripe in 0..rows.div_ceil(STRIPE) {
                    let [mut first, mut second, mut alone, mut none] = [[0; STRIPE]; 4];
                    codes.scan(stripe, &tables, [&mut first, &mut second]);
                    codes.scan(stripe, &tables[1..], [&mut alone, &mut none]);
                    assert_eq!(second, alone);
                    sums.extend(first.into_iter().chain(second));
                }
                sums
            });
            let first = all.next().unwrap();
            assert!(rows == 1 || first.iter().any(|sum| *sum > 0));
            all.for_each(|sums| assert_eq!(sums, first));
        }
    }

    #[test]
    fn a_vector_that_is_no_number_gives_estimates_that_are_none() {
        let codes = Codes::new(&values(40 * 8, 7), 8);
        let mut x = values(8, 8);
        x[5] = f32::NAN;
        assert!(estimates(&codes, &x, 40).iter().all(|estimate| estimate.is_nan()));
    }

    #[test]
    fn rows_that_are_all_alike_have_no_error() {
        let codes = Codes::new(&values(8, 9).repeat(50), 8);
        assert!(codes.spreads.iter().all(|spread| *spread < 1e-6), "{:?}", codes.spreads);
        assert!(codes.slopes.iter().all(|slope| slope.is_finite()));
    }
}
