//! The output projection in two looks: an int8 preview of every token, then the tokens that may be among the best in f32.
//!
//! Separate from `projection.rs`, which reduces scores that are already what they shall be. A token is left out only where
//! the Cauchy-Schwarz bound on its preview's error proves that as many others score higher, so the best tokens and
//! their scores are those of the whole projection, to the last bit. The invariant: of the total, only the part of the tokens
//! left out is an estimate, from their previews.

use super::{
    int8::{self, Length},
    panels::Panels,
    projection::{BLOCK, Best, Scores, blocks},
    simd, softmax,
};
use rayon::prelude::*;

/// Columns that are computed side by side in f32.
const TOGETHER: usize = 8;

/// So many times the wanted tokens are computed in f32, since most of the total is theirs: beams are compared by it.
const SETTLED: usize = 4;

/// A projection that looks at every token in int8 and at few in f32.
#[derive(Debug)]
pub struct Preview {
    coarse: int8::Packed,
    /// The largest lengths in each block of columns.
    lengths: Vec<Length>,
}

/// The weights in f32 as they lie in memory: (outputs, inputs) with a bias of `outputs` values, or none.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// Row-major.
    pub weight: &'a [f32],
    /// One value an output.
    pub bias: Option<&'a [f32]>,
}

impl Preview {
    /// Quantizes a projection.
    pub fn new(weights: Weights<'_>, outputs: usize, inputs: usize) -> Preview {
        let coarse = int8::Packed::new(weights.weight, weights.bias, outputs, inputs);
        let largest = |block: &[f32]| coarse.lengths(block).into_iter().fold(Length::default(), Length::max);
        Preview { lengths: weights.weight.par_chunks(BLOCK * inputs).map(largest).collect(), coarse }
    }

    /// Returns what is wanted of each row of `hidden`, (rows, inputs).
    pub fn scores(&self, hidden: &[f32], wanted: &[&Best], weights: Weights<'_>) -> Vec<Scores> {
        let d = self.coarse.inputs();
        let rows = self.coarse.lengths(hidden);
        let mut screens: Vec<Screen> = wanted.iter().map(|best| Screen::new(best.count * SETTLED)).collect();
        blocks(&self.coarse, hidden, wanted.len(), |row, first, scores| {
            screens[row].take(first, scores, rows[row].bound(self.lengths[first / BLOCK], d));
        });
        let rows = screens.into_iter().zip(hidden.chunks_exact(d)).zip(wanted);
        rows.map(|((screen, x), best)| screen.finish(x, weights, best)).collect()
    }
}

/// A token that may be among the best.
#[derive(Debug, Clone, Copy)]
struct Suspect {
    token: usize,
    coarse: f32,
    /// The most its score can be.
    highest: f32,
}

/// The tokens of one row that may be among the best so far, and the sum of all previews.
struct Screen {
    count: usize,
    /// The best of the scores that tokens have at least, best first: as many as are wanted.
    lowest: Vec<f32>,
    suspects: Vec<Suspect>,
    total: softmax::RunningSum,
}

impl Screen {
    fn new(count: usize) -> Screen {
        let lowest = Vec::with_capacity(count + 1);
        Screen { count, lowest, suspects: Vec::new(), total: softmax::RunningSum::default() }
    }

    /// Returns the score below which a token is not among the best.
    fn threshold(&self) -> f32 {
        if self.lowest.len() < self.count { f32::NEG_INFINITY } else { self.lowest[self.count - 1] }
    }

    /// Takes the previews of the tokens from `first` on, each at most `bound` off.
    fn take(&mut self, first: usize, scores: &[f32], bound: f32) {
        const STRIP: usize = 64;
        if self.total.add(scores) + bound < self.threshold() {
            return;
        }
        for (strip, values) in scores.chunks(STRIP).enumerate() {
            if softmax::maximum(values) + bound < self.threshold() {
                continue;
            }
            for (i, coarse) in values.iter().enumerate() {
                let highest = coarse + bound;
                if highest >= self.threshold() {
                    self.suspects.push(Suspect { token: first + strip * STRIP + i, coarse: *coarse, highest });
                    let place = self.lowest.partition_point(|low| *low >= coarse - bound);
                    self.lowest.insert(place, coarse - bound);
                    self.lowest.truncate(self.count);
                }
            }
        }
    }

    /// Computes the suspects in f32 and returns the best, with the total brought up to date.
    fn finish(mut self, x: &[f32], weights: Weights<'_>, wanted: &Best) -> Scores {
        let threshold = self.threshold();
        self.suspects.retain(|suspect| suspect.highest >= threshold);
        let (coarse, mut exact): (Vec<f32>, Vec<f32>) =
            self.suspects.iter().map(|suspect| (suspect.coarse, 0.0)).unzip();
        for (suspects, scores) in self.suspects.chunks(TOGETHER).zip(exact.chunks_mut(TOGETHER)) {
            scores.copy_from_slice(&dense(x, suspects, weights)[..suspects.len()]);
        }
        let largest = self.total.largest;
        let rest = self.total.sum - softmax::sum_exp(&coarse, largest);
        let settled = softmax::sum_exp(&exact, largest);
        let best = softmax::top(&exact, wanted.count);
        let best = best.into_iter().map(|place| (self.suspects[place].token as u32, exact[place])).collect();
        // Rounding may leave less than nothing of a rest that is nothing; `max` would also hide a NaN.
        let rest = if rest < 0.0 { 0.0 } else { rest };
        let named = wanted.named.iter().map(|token| {
            let suspect = Suspect { token: *token as usize, coarse: 0.0, highest: 0.0 };
            dense(x, &[suspect], weights)[0]
        });
        Scores::Best { best, total: largest + (rest + settled).ln(), named: named.collect() }
    }
}

#[inline(always)]
fn dense_body(x: &[f32], suspects: &[Suspect], weights: Weights<'_>) -> [f32; TOGETHER] {
    let row = |i: usize| {
        let token = suspects[i.min(suspects.len() - 1)].token;
        &weights.weight[token * x.len()..(token + 1) * x.len()]
    };
    let rows: [&[f32]; TOGETHER] = std::array::from_fn(row);
    let start = |i: usize| weights.bias.map_or(0.0, |bias| bias[suspects[i.min(suspects.len() - 1)].token]);
    let mut sums: [f32; TOGETHER] = std::array::from_fn(start);
    // One chain over k for each token, as the packed product has, and several tokens at once, since a chain waits for itself.
    for (k, value) in x.iter().enumerate() {
        for i in 0..TOGETHER {
            sums[i] = value.mul_add(rows[i][k], sums[i]);
        }
    }
    sums
}

simd::dispatch! {
    fn dense(x: &[f32], suspects: &[Suspect], weights: Weights<'_>) -> [f32; TOGETHER] = dense_body;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::{gemm, tests::values};

    #[test]
    fn the_best_tokens_and_their_scores_are_those_of_the_whole_projection_to_the_last_bit() {
        for (outputs, inputs, flat) in [(1_337, 32, 1.0), (2_000, 65, 0.01), (40, 8, 1.0)] {
            let (weight, bias) = (values(outputs * inputs, 1), values(outputs, 2));
            let hidden: Vec<f32> = values(6 * inputs, 3).iter().map(|value| value * flat).collect();
            let weights = Weights { weight: &weight, bias: Some(&bias) };
            let wanted = [1, 2, 5, 8, 1, 30].map(|count| Best { count, named: vec![3] });
            let got = Preview::new(weights, outputs, inputs).scores(&hidden, &wanted.each_ref(), weights);
            let whole = gemm::Packed::new(&weight, Some(&bias), outputs, inputs).multiply(&hidden);
            for ((got, row), count) in got.iter().zip(whole.chunks(outputs)).zip([1, 2, 5, 8, 1, 30]) {
                let Scores::Best { best, total, named } = got else { panic!("the best were wanted") };
                let want: Vec<_> = softmax::top(row, count).into_iter().map(|i| (i as u32, row[i])).collect();
                assert_eq!(*best, want);
                assert_eq!(*named, [row[3]]);
                assert!((total - softmax::log_sum_exp(row)).abs() < 2e-3, "{total}");
            }
        }
    }

    #[test]
    fn most_tokens_are_never_computed_in_full() {
        let (outputs, inputs) = (8_000, 128);
        let (weight, hidden) = (values(outputs * inputs, 4), values(inputs, 5));
        let preview = Preview::new(Weights { weight: &weight, bias: None }, outputs, inputs);
        let bound = preview.coarse.lengths(&hidden)[0];
        let mut screen = Screen::new(4);
        blocks(&preview.coarse, &hidden, 1, |_, first, scores| {
            screen.take(first, scores, bound.bound(preview.lengths[first / BLOCK], inputs));
        });
        let threshold = screen.threshold();
        let left = screen.suspects.iter().filter(|suspect| suspect.highest >= threshold).count();
        assert!((4..outputs / 20).contains(&left), "{left}");
    }

    #[test]
    fn a_row_that_is_no_number_gives_a_total_that_is_none() {
        let weight = values(700 * 8, 6);
        let weights = Weights { weight: &weight, bias: None };
        let got =
            Preview::new(weights, 700, 8).scores(&[f32::NAN; 8], &[&Best { count: 2, named: Vec::new() }], weights);
        assert!(matches!(&got[0], Scores::Best { total, .. } if total.is_nan()));
    }
}
