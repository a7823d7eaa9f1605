//! From the sums of looked-up entries to estimates: what each token of a stripe may score, and their share of the total.
//!
//! Separate from the shortlist, which decides what to compute: this is the loop over all tokens. The invariant: every instruction
//! set gives the same bits.

use super::super::{
    codes::STRIPE,
    simd::{
        LANES,
        vector::{Simd, add_power, vectorized},
    },
    softmax::Places,
};
use std::f32::consts::LOG2_E;

/// What is known of a stripe of tokens.
#[derive(Debug)]
pub(super) struct Found {
    /// The estimates, without the product with the mean row.
    pub(super) estimates: [f32; STRIPE],
    /// Those that may be among the best.
    pub(super) places: Places<{ STRIPE / LANES }>,
    /// The largest estimates, lane by lane.
    pub(super) largest: [f32; LANES],
}

impl Default for Found {
    fn default() -> Found {
        Found { estimates: [0.0; STRIPE], places: Places::default(), largest: [0.0; LANES] }
    }
}

/// A sum of e^score, relative to a reference that the largest is not far above.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    pub(super) reference: f32,
    pub(super) lanes: [f32; LANES],
}

impl Sum {
    /// Returns the same sum relative to a larger reference.
    pub(super) fn relative_to(self, reference: f32) -> Sum {
        Sum { reference, lanes: self.lanes.map(|lane| lane * (self.reference - reference).exp()) }
    }
}

/// What turns the sums of a vector into estimates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// An estimate is `sum * step + base` times the row's slope.
    pub(super) step: f32,
    pub(super) base: f32,
    /// How far above its estimate a score may be, by its spread.
    pub(super) reach: f32,
    /// How much of an estimate is to be expected, and what is added: see `expected`.
    pub(super) shrink: f32,
    pub(super) raise: f32,
}

impl Scale {
    /// Returns the score that an estimate stands for in a sum of e^score: an estimate shrinks towards the mean as far as it is noise, and a
    /// normal error of deviation s makes the mean of e^score larger by e^(s^2/2), which is less where s is so large that the tokens above
    /// make up most of it: those are computed.
    pub(super) fn expected(self, estimate: f32, bias: f32) -> f32 {
        estimate * self.shrink + (bias * (1.0 - self.shrink) + self.raise)
    }
}

/// What turns the sums of some tokens into estimates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates<'a> {
    pub(super) slopes: &'a [f32; STRIPE],
    /// The largest spread.
    pub(super) widest: f32,
    pub(super) biases: &'a [f32; STRIPE],
}

/// Fills in what is known of a stripe, adds it to the sum, and returns true where a token may reach the threshold.
#[inline(always)]
fn estimate_body<S: Simd>(
    simd: S,
    sums: &[i32; STRIPE],
    rates: Rates<'_>,
    scale: Scale,
    threshold: f32,
    sum: &mut Sum,
    found: &mut Found,
) -> bool {
    let [step, base, threshold] =
        [scale.step, scale.base, threshold - scale.reach * rates.widest].map(|value| simd.splat(value));
    // In powers of two, which are faster than those of e.
    let [shrink, rest, raise] =
        [scale.shrink, 1.0 - scale.shrink, scale.raise - sum.reference].map(|value| simd.splat(value * LOG2_E));
    let (mut any, mut total, mut largest) = (0, simd.load(&sum.lanes), simd.splat(f32::NEG_INFINITY));
    for i in 0..STRIPE / LANES {
        let at = |values: &[f32; STRIPE]| simd.load(&values.as_chunks().0[i]);
        let bias = at(rates.biases);
        let estimate = simd.mul_add(simd.load_i32(&sums.as_chunks().0[i]), step, base);
        let estimate = simd.mul_add(estimate, at(rates.slopes), bias);
        simd.store(estimate, &mut found.estimates.as_chunks_mut().0[i]);
        found.places.0[i] = simd.at_least(estimate, threshold);
        any |= found.places.0[i];
        largest = simd.max(estimate, largest);
        total = add_power(simd, total, simd.mul_add(estimate, shrink, simd.mul_add(bias, rest, raise)));
    }
    simd.store(total, &mut sum.lanes);
    simd.store(largest, &mut found.largest);
    any != 0
}

vectorized! {
    pub(super) fn estimate(
        sums: &[i32; STRIPE],
        rates: Rates<'_>,
        scale: Scale,
        threshold: f32,
        sum: &mut Sum,
        found: &mut Found,
    ) -> bool = estimate_body;
}
