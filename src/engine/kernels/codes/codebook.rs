//! Centroids of every subspace: found, assigned to rows, and multiplied with a vector.
//!
//! Separate from the codes' layout. The invariant: the same matrix gives the same centroids on every machine, since
//! each sum has one order.

use super::{
    CENTROIDS, LARGEST, Tables, VALUES, dot,
    simd::{
        self,
        vector::{Simd, vectorized},
    },
};
use rayon::prelude::*;

/// Rows that centroids are found from, spread evenly over the matrix.
const SAMPLE: usize = 4_096;

/// Rounds of Lloyd's algorithm; more left the variance that centroids explain as it was.
const ROUNDS: usize = 8;

/// The centroids of one subspace, value by value: sixteen first values, sixteen second ones, and so on.
type Centroids = [[f32; CENTROIDS]; VALUES];

/// The centroids of every subspace, of rows less the mean of the sample.
#[derive(Debug)]
pub(super) struct Codebook {
    mean: Vec<f32>,
    subspaces: Vec<Centroids>,
}

/// How well the centroids of a row stand for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fit {
    /// What they are multiplied by.
    pub slope: f32,
    /// Length of what is left of the row then.
    pub error: f32,
    /// The squared length of what is left without the slope, and of the row less the mean.
    pub lost: f64,
    pub variance: f64,
}

impl Codebook {
    /// Returns centroids for rows of `inputs` values.
    pub(super) fn train(rows: &[f32], inputs: usize) -> Codebook {
        let count = rows.len() / inputs;
        let sample: Vec<&[f32]> = rows.chunks_exact(inputs).step_by(count.div_ceil(SAMPLE).max(1)).collect();
        let mean = mean(&sample, inputs);
        let subspaces = (0..inputs.div_ceil(VALUES)).into_par_iter();
        let subspaces = subspaces.map(|subspace| {
            let points: Vec<[f32; VALUES]> = sample.iter().map(|row| part(row, &mean, subspace)).collect();
            lloyd(&points)
        });
        Codebook { subspaces: subspaces.collect(), mean }
    }

    pub(super) fn subspaces(&self) -> usize {
        self.subspaces.len()
    }

    /// Writes the code of each subspace of a row.
    pub(super) fn encode(&self, row: &[f32], codes: &mut [u8]) -> Fit {
        let [own, both, theirs] = encode(&self.subspaces, row, &self.mean, codes).map(f64::from);
        // With this slope what is left of the row stands at a right angle to it: a vector that points along the row, as that of the
        // best token does, meets no error.
        let slope = if both > 1e-3 * own { own / both } else { 1.0 };
        let left = |slope: f64| (own - 2.0 * slope * both + slope * slope * theirs).max(0.0);
        Fit { slope: slope as f32, error: left(slope).sqrt() as f32, lost: left(1.0), variance: own }
    }

    /// Returns the product of each centroid with its part of a vector, rounded to the steps of a table.
    pub(super) fn tables(&self, x: &[f32], padded: usize) -> Tables {
        let mut products = vec![[0f32; CENTROIDS]; self.subspaces.len()];
        multiply(&self.subspaces, x, &mut products);
        let mut entries = vec![0u8; padded * CENTROIDS];
        let (step, base) = round(&products, &mut entries);
        Tables { entries, step, base, offset: dot(x, &self.mean), length: dot(x, x).sqrt() }
    }
}

/// Returns one subspace of a row less the mean, filled up with zeros.
#[inline(always)]
fn part(row: &[f32], mean: &[f32], subspace: usize) -> [f32; VALUES] {
    let first = subspace * VALUES;
    std::array::from_fn(|i| match row.get(first + i) {
        Some(value) => value - mean[first + i],
        None => 0.0,
    })
}

fn mean(sample: &[&[f32]], inputs: usize) -> Vec<f32> {
    let mut sums = vec![0f64; inputs];
    for row in sample {
        sums.iter_mut().zip(*row).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    sums.into_iter().map(|sum| (sum / sample.len().max(1) as f64) as f32).collect()
}

/// Returns centroids by Lloyd's algorithm from points spread evenly over the sample.
#[inline(always)]
fn lloyd_body(points: &[[f32; VALUES]]) -> Centroids {
    let mut centroids = [[0f32; CENTROIDS]; VALUES];
    for k in 0..CENTROIDS {
        let point = points[k * points.len() / CENTROIDS];
        (0..VALUES).for_each(|i| centroids[i][k] = point[i]);
    }
    for _ in 0..ROUNDS {
        let (mut sums, mut counts) = ([[0f32; CENTROIDS]; VALUES], [0f32; CENTROIDS]);
        for point in points {
            let k = nearest(point, &centroids);
            counts[k] += 1.0;
            (0..VALUES).for_each(|i| sums[i][k] += point[i]);
        }
        for k in (0..CENTROIDS).filter(|k| counts[*k] > 0.0) {
            (0..VALUES).for_each(|i| centroids[i][k] = sums[i][k] / counts[k]);
        }
    }
    centroids
}

/// Writes the code of each subspace of a row, and returns the sum of squares of the row less the mean, of its products with the centroids,
/// and of their squares.
#[inline(always)]
fn encode_body(subspaces: &[Centroids], row: &[f32], mean: &[f32], codes: &mut [u8]) -> [f32; 3] {
    let mut sums = [[0f32; VALUES]; 3];
    for (subspace, (centroids, code)) in subspaces.iter().zip(codes).enumerate() {
        let point = part(row, mean, subspace);
        let nearest = nearest(&point, centroids);
        *code = nearest as u8;
        for i in 0..VALUES {
            let (value, centroid) = (point[i], centroids[i][nearest]);
            sums[0][i] += value * value;
            sums[1][i] += value * centroid;
            sums[2][i] += centroid * centroid;
        }
    }
    sums.map(|sums| sums.iter().sum())
}

/// Returns the centroid nearest to a point, to 19 bits of the distance, the first among equals.
#[inline(always)]
fn nearest(point: &[f32; VALUES], centroids: &Centroids) -> usize {
    let mut distances = [0f32; CENTROIDS];
    for (value, of_all) in point.iter().zip(centroids) {
        for k in 0..CENTROIDS {
            let gap = value - of_all[k];
            distances[k] = gap.mul_add(gap, distances[k]);
        }
    }
    // The bits of numbers that are not negative are in the order of the numbers; the lowest four make room for which it is.
    const PLACE: u32 = CENTROIDS as u32 - 1;
    let mut least = u32::MAX;
    for (k, distance) in distances.iter().enumerate() {
        least = least.min(distance.to_bits() & !PLACE | k as u32);
    }
    (least & PLACE) as usize
}

#[inline(always)]
fn multiply_body(subspaces: &[Centroids], x: &[f32], products: &mut [[f32; CENTROIDS]]) {
    for (subspace, (centroids, products)) in subspaces.iter().zip(products).enumerate() {
        for (value, of_all) in x[subspace * VALUES..].iter().zip(centroids) {
            for k in 0..CENTROIDS {
                products[k] = value.mul_add(of_all[k], products[k]);
            }
        }
    }
}

/// Rounds products to steps above the least of each subspace, and returns the step and the sum of the least.
#[inline(always)]
fn round_body<S: Simd>(simd: S, products: &[[f32; CENTROIDS]], entries: &mut [u8]) -> (f32, f32) {
    let (mut widest, mut base) = (0f32, 0f32);
    for of_one in products {
        let vector = simd.load(of_one);
        let (least, most) = simd.ends(vector);
        // A product that is no number makes the base none.
        base += least + 0.0 * simd.sum(vector);
        widest = widest.max(most - least);
    }
    let factor = if widest > 1e-30 { LARGEST / widest } else { 0.0 };
    for (of_one, entries) in products.iter().zip(entries.as_chunks_mut::<CENTROIDS>().0) {
        let (least, _) = simd.ends(simd.load(of_one));
        for k in 0..CENTROIDS {
            entries[k] = (of_one[k] - least).mul_add(factor, 0.5) as u8;
        }
    }
    (widest / LARGEST, base)
}

simd::dispatch! {
    fn lloyd(points: &[[f32; VALUES]]) -> Centroids = lloyd_body;
}
simd::dispatch! {
    fn encode(subspaces: &[Centroids], row: &[f32], mean: &[f32], codes: &mut [u8]) -> [f32; 3] = encode_body;
}
simd::dispatch! {
    fn multiply(subspaces: &[Centroids], x: &[f32], products: &mut [[f32; CENTROIDS]]) = multiply_body;
}
vectorized! {
    fn round(products: &[[f32; CENTROIDS]], entries: &mut [u8]) -> (f32, f32) = round_body;
}
