//! The output projection in two looks: an int8 preview of every token, then the tokens that may be among the best in f32.
//!
//! Separate from `projection.rs`, which reduces scores that are already what they shall be. A token is left out only where
//! the Cauchy-Schwarz bound on its preview's error proves that as many others score higher, so the best tokens and
//! their scores are those of the whole projection, to the last bit. The invariant: of the total, only the part of the tokens
//! left out is an estimate, from their previews.

use super::{
    gemm,
    integer::{Int8, Length},
    panels::Panels,
    projection::{BLOCK, Best, Scores, Screen, Weights, blocks},
    simd, softmax,
};
use rayon::prelude::*;

/// Columns that are computed side by side in f32.
const TOGETHER: usize = 8;

/// Tokens up to which a row is previewed. A beam asks for more: beams are compared by the total, and its estimate changed 3 of
/// 100 sentences, where greedy search, which compares within a row, had 3 of 1,000.
const FEW: usize = 4;

/// So many times the wanted tokens are computed in f32, since most of the total is theirs: beams are compared by it.
const SETTLED: usize = 4;

/// A projection that looks at every token in int8 and at few in f32.
#[derive(Debug)]
pub struct Preview {
    coarse: Int8,
    /// The largest lengths in each block of columns.
    lengths: Vec<Length>,
}

impl Screen for Preview {
    type Whole = gemm::Packed;

    fn new(weights: Weights<'_>, outputs: usize, inputs: usize) -> Preview {
        let coarse = Int8::new(weights.weight, weights.bias, outputs, inputs);
        let largest = |block: &[f32]| coarse.lengths(block).into_iter().fold(Length::default(), Length::max);
        Preview { lengths: weights.weight.par_chunks(BLOCK * inputs).map(largest).collect(), coarse }
    }

    fn packed(weights: Weights<'_>, outputs: usize, inputs: usize) -> gemm::Packed {
        gemm::Packed::new(weights.weight, weights.bias, outputs, inputs)
    }

    fn serves(best: &Best) -> bool {
        best.count <= FEW
    }

    fn scores(&self, hidden: &[f32], wanted: &[&Best], weights: Weights<'_>) -> Vec<Scores> {
        let d = self.coarse.inputs();
        let rows = self.coarse.lengths(hidden);
        let mut screens: Vec<Suspects<'_>> = wanted.iter().map(|best| Suspects::new(best)).collect();
        blocks(&self.coarse, hidden, wanted.len(), |row, first, scores| {
            screens[row].take(first, scores, rows[row].bound(self.lengths[first / BLOCK], d));
        });
        let rows = screens.into_iter().zip(hidden.chunks_exact(d));
        rows.map(|(screen, x)| screen.finish(x, weights)).collect()
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
struct Suspects<'a> {
    wanted: &'a Best,
    /// How many are to be settled.
    count: usize,
    /// The best of the scores that tokens have at least, best first: as many as are wanted.
    lowest: Vec<f32>,
    suspects: Vec<Suspect>,
    sum: softmax::SplitSum,
    seen: softmax::Seen,
}

impl Suspects<'_> {
    fn new(wanted: &Best) -> Suspects<'_> {
        let count = wanted.count * SETTLED;
        let lowest = Vec::with_capacity(count + 1);
        let (sum, seen) = (softmax::SplitSum::default(), softmax::Seen::default());
        Suspects { wanted, count, lowest, suspects: Vec::new(), sum, seen }
    }

    /// Returns the score below which a token is not among the best.
    fn threshold(&self) -> f32 {
        if self.lowest.len() < self.count { f32::NEG_INFINITY } else { self.lowest[self.count - 1] }
    }

    /// Takes the previews of the tokens from `first` on, each at most `bound` off.
    fn take(&mut self, first: usize, scores: &[f32], bound: f32) {
        let least = self.threshold() - bound;
        self.sum.see(first, scores, self.wanted.apart(), least, &mut self.seen);
        for place in self.seen.places.iter() {
            let (coarse, highest) = (scores[place], scores[place] + bound);
            if highest >= self.threshold() {
                self.suspects.push(Suspect { token: first + place, coarse, highest });
                let rank = self.lowest.partition_point(|low| *low >= coarse - bound);
                self.lowest.insert(rank, coarse - bound);
                self.lowest.truncate(self.count);
            }
        }
    }

    /// Computes the suspects in f32 and returns the best, with the sums brought up to date.
    fn finish(mut self, x: &[f32], weights: Weights<'_>) -> Scores {
        let threshold = self.threshold();
        self.suspects.retain(|suspect| suspect.highest >= threshold);
        let tokens: Vec<usize> = self.suspects.iter().map(|suspect| suspect.token).collect();
        let exact = settled(x, &tokens, weights);
        let best = softmax::top(&exact, self.wanted.count);
        let best = best.into_iter().map(|place| (tokens[place] as u32, exact[place])).collect();
        let known = |token: &usize| *token < weights.weight.len() / x.len();
        let ruled_out: Vec<usize> = self.wanted.apart().iter().map(|token| *token as usize).filter(known).collect();
        let mut sum = softmax::SplitSum { remaining: self.remaining(&exact), ..Default::default() };
        sum.ruled_out.add(&settled(x, &ruled_out, weights));
        Scores::Best { best, total: sum.total(), remaining: sum.remaining.total() }
    }

    /// Returns the sum over the tokens that may come, where `exact` are the scores of the suspects.
    fn remaining(&self, exact: &[f32]) -> softmax::RunningSum {
        let allowed = |(suspect, _): &(&Suspect, &f32)| !self.wanted.apart().contains(&(suspect.token as u32));
        let (coarse, exact): (Vec<f32>, Vec<f32>) =
            self.suspects.iter().zip(exact).filter(allowed).map(|(suspect, exact)| (suspect.coarse, *exact)).unzip();
        self.sum.remaining.replaced(&coarse, &exact)
    }
}

/// Returns the scores of tokens in f32.
fn settled(x: &[f32], tokens: &[usize], weights: Weights<'_>) -> Vec<f32> {
    tokens.chunks(TOGETHER).flat_map(|part| dense(x, part, weights).into_iter().take(part.len())).collect()
}

#[inline(always)]
fn dense_body(x: &[f32], tokens: &[usize], weights: Weights<'_>) -> [f32; TOGETHER] {
    // Fewer than that are filled up with the last.
    let tokens: [usize; TOGETHER] = std::array::from_fn(|i| tokens[i.min(tokens.len() - 1)]);
    let rows = tokens.map(|token| &weights.weight[token * x.len()..(token + 1) * x.len()]);
    let mut sums = tokens.map(|token| weights.bias.map_or(0.0, |bias| bias[token]));
    // One chain over k for each token, as the packed product has, and several tokens at once, since a chain waits for itself.
    for (k, value) in x.iter().enumerate() {
        for i in 0..TOGETHER {
            sums[i] = value.mul_add(rows[i][k], sums[i]);
        }
    }
    sums
}

simd::dispatch! {
    fn dense(x: &[f32], tokens: &[usize], weights: Weights<'_>) -> [f32; TOGETHER] = dense_body;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::tests::values;

    #[test]
    fn the_best_tokens_and_their_scores_are_those_of_the_whole_projection_to_the_last_bit() {
        for (outputs, inputs, flat) in [(1_337, 32, 1.0), (2_000, 65, 0.01), (40, 8, 1.0)] {
            let (weight, bias) = (values(outputs * inputs, 1), values(outputs, 2));
            let hidden: Vec<f32> = values(6 * inputs, 3).iter().map(|value| value * flat).collect();
            let weights = Weights { weight: &weight, bias: Some(&bias) };
            let wanted = [1, 2, 5, 8, 1, 30].map(|count| Best { count, ruled_out: vec![3], renormalized: true });
            let got = Preview::new(weights, outputs, inputs).scores(&hidden, &wanted.each_ref(), weights);
            let whole = gemm::Packed::new(&weight, Some(&bias), outputs, inputs).multiply(&hidden);
            for ((got, row), count) in got.iter().zip(whole.chunks(outputs)).zip([1, 2, 5, 8, 1, 30]) {
                let Scores::Best { best, total, remaining } = got else { panic!("the best were wanted") };
                let want: Vec<_> = softmax::top(row, count).into_iter().map(|i| (i as u32, row[i])).collect();
                assert_eq!(*best, want);
                let mut others = row.to_vec();
                others[3] = f32::NEG_INFINITY;
                assert!((total - softmax::log_sum_exp(row)).abs() < 2e-3, "{total}");
                assert!((remaining - softmax::log_sum_exp(&others)).abs() < 2e-3, "{remaining}");
            }
        }
    }

    #[test]
    fn most_tokens_are_never_computed_in_full() {
        let (outputs, inputs) = (8_000, 128);
        let (weight, hidden) = (values(outputs * inputs, 4), values(inputs, 5));
        let preview = Preview::new(Weights { weight: &weight, bias: None }, outputs, inputs);
        let bound = preview.coarse.lengths(&hidden)[0];
        let best = Best { count: 1, ..Best::default() };
        let mut screen = Suspects::new(&best);
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
            Preview::new(weights, 700, 8).scores(&[f32::NAN; 8], &[&Best { count: 2, ..Best::default() }], weights);
        assert!(matches!(&got[0], Scores::Best { total, .. } if total.is_nan()));
    }
}
