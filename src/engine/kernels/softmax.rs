//! Softmax and selection over one row of scores: the last operations of attention and of a decoding step.
//!
//! Separate because attention and search both need them on plain slices. The invariant: ties go to the lower index.

use super::simd;

/// Returns ln(sum of e^x) over a row, computed from its maximum so that it cannot overflow.
pub fn log_sum_exp(row: &[f32]) -> f32 {
    let (largest, sum) = largest_and_sum(row);
    largest + sum.ln()
}

/// Returns the largest score of a row and the sum of e^(score - largest).
pub fn largest_and_sum(row: &[f32]) -> (f32, f32) {
    let largest = maximum(row);
    (largest, sum_exp(row, largest))
}

/// The sum of e^score over scores that come in parts, relative to the largest so far.
#[derive(Debug, Clone, Copy)]
pub struct RunningSum {
    /// The largest score.
    pub largest: f32,
    /// Sum of e^(score - largest).
    pub sum: f32,
}

impl Default for RunningSum {
    fn default() -> Self {
        RunningSum { largest: f32::NEG_INFINITY, sum: 0.0 }
    }
}

impl RunningSum {
    /// Adds scores and returns the largest of them; a score that is no number makes the sum none.
    pub fn add(&mut self, scores: &[f32]) -> f32 {
        let (largest, sum) = largest_and_sum(scores);
        if largest > f32::NEG_INFINITY {
            self.merge(RunningSum { largest, sum });
        } else if scores.iter().any(|score| score.is_nan()) {
            self.sum = f32::NAN;
        }
        largest
    }

    /// Adds the scores of another sum. The smaller part is brought to the scale of the larger.
    fn merge(&mut self, other: RunningSum) {
        if other.largest > self.largest {
            self.sum = self.sum * simd::exp(self.largest - other.largest) + other.sum;
            self.largest = other.largest;
        } else {
            self.sum += other.sum * simd::exp(other.largest - self.largest);
        }
    }

    /// Returns ln(sum of e^score).
    pub fn total(self) -> f32 {
        self.largest + self.sum.ln()
    }
}

/// The sum of e^score, that of the tokens which may not come apart from that of the others.
///
/// Apart, because where one of them has nearly all the probability the others are lost in a difference.
#[derive(Debug, Clone, Copy, Default)]
pub struct SplitSum {
    /// Over the tokens that may come.
    pub remaining: RunningSum,
    /// Over the tokens that may not.
    pub ruled_out: RunningSum,
}

impl SplitSum {
    /// Adds the scores of the tokens from `first` on and returns the largest of them.
    pub fn add(&mut self, first: usize, scores: &[f32], ruled_out: &[u32]) -> f32 {
        let place = |token: &u32| (*token as usize).checked_sub(first).filter(|place| *place < scores.len());
        if !ruled_out.iter().any(|token| place(token).is_some()) {
            return self.remaining.add(scores);
        }
        let mut others = scores.to_vec();
        for place in ruled_out.iter().filter_map(place) {
            self.ruled_out.add(&[scores[place]]);
            others[place] = f32::NEG_INFINITY;
        }
        self.remaining.add(&others);
        maximum(scores)
    }

    /// Returns ln(sum of e^score) over all tokens.
    pub fn total(self) -> f32 {
        let mut whole = self.remaining;
        if self.ruled_out.largest > f32::NEG_INFINITY || self.ruled_out.sum.is_nan() {
            whole.merge(self.ruled_out);
        }
        whole.total()
    }
}

/// Turns a row of scores into probabilities in place.
#[inline(always)]
pub fn softmax_in_place(row: &mut [f32]) {
    let largest = simd::maximum(row);
    for value in row.iter_mut() {
        *value = simd::exp(*value - largest);
    }
    let scale = 1.0 / simd::reduce(row, |value| value);
    for value in row.iter_mut() {
        *value *= scale;
    }
}

/// Returns the index of the largest value of a row that is not empty.
pub fn argmax(row: &[f32]) -> usize {
    let largest = maximum(row);
    row.iter().position(|value| *value == largest).unwrap_or(0)
}

/// Returns the indices of the `k` largest values, largest first.
pub fn top(row: &[f32], k: usize) -> Vec<usize> {
    const BLOCK: usize = 64;
    let mut best: Vec<usize> = Vec::with_capacity(k + 1);
    let mut threshold = f32::NEG_INFINITY;
    for (block, values) in row.chunks(BLOCK).enumerate() {
        // Nearly all blocks end here, so the scan runs at the speed of a maximum.
        if best.len() == k && maximum(values) <= threshold {
            continue;
        }
        for (i, value) in values.iter().enumerate() {
            if best.len() < k || *value > threshold {
                let place = best.partition_point(|j| row[*j] >= *value);
                best.insert(place, block * BLOCK + i);
                best.truncate(k);
                threshold = best.last().map_or(f32::NEG_INFINITY, |j| row[*j]);
            }
        }
    }
    best
}

#[inline(always)]
fn sum_exp_body(row: &[f32], largest: f32) -> f32 {
    simd::reduce(row, |value| simd::exp(value - largest))
}

simd::dispatch! {
    /// Returns the largest value of a row, negative infinity where it is empty; NaN is passed over.
    pub fn maximum(row: &[f32]) -> f32 = simd::maximum;
}
simd::dispatch! {
    /// Returns the sum of e^(score - largest) over a row.
    pub fn sum_exp(row: &[f32], largest: f32) -> f32 = sum_exp_body;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn top_returns_the_largest_in_order_and_ties_by_index() {
        let row: Vec<f32> = (0..500).map(|i| ((i * 7919) % 211) as f32).collect();
        let mut want: Vec<usize> = (0..row.len()).collect();
        want.sort_by(|a, b| row[*b].total_cmp(&row[*a]).then(a.cmp(b)));
        assert_eq!(top(&row, 9), want[..9]);
        assert_eq!(argmax(&row), want[0]);
        assert_eq!(top(&[1.0, 2.0], 5), [1, 0]);
    }

    #[test]
    fn softmax_sums_to_one_and_log_sum_exp_survives_large_scores() {
        let mut row = vec![1000.0, 1001.0, 999.0];
        let total = log_sum_exp(&row);
        assert!((total - 1_001.407_6).abs() < 1e-3);
        softmax_in_place(&mut row);
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((row[1] - (1001.0f32 - total).exp()).abs() < 1e-4);
    }

    #[test]
    fn a_masked_value_is_never_chosen_over_another() {
        assert_eq!(argmax(&[f32::NEG_INFINITY, -5.0, f32::NEG_INFINITY]), 1);
    }
}
