//! Softmax and selection over one row of scores: the last operations of attention and of a decoding step.
//!
//! Separate because attention and search both need them on plain slices. The invariant: ties go to the lower index.

use super::simd::{
    self, LANES,
    vector::{Simd, add_exp, vectorized},
};

/// Returns ln(sum of e^x) over a row, computed from its maximum so that it cannot overflow.
pub fn log_sum_exp(row: &[f32]) -> f32 {
    let mut sum = RunningSum::default();
    sum.add(row);
    sum.total()
}

/// How far above the reference of a sum a score may be before the sum is brought to another.
pub const OVERFLOW: f32 = 40.0;

/// Scores that are taken together at most.
pub const TOGETHER: usize = 512;

/// The places of some values: for each [`LANES`] of them a bit for each, the first lowest.
#[derive(Debug, Clone)]
pub struct Places<const CHUNKS: usize>(pub [u32; CHUNKS]);

impl<const CHUNKS: usize> Default for Places<CHUNKS> {
    fn default() -> Self {
        Places([0; CHUNKS])
    }
}

impl<const CHUNKS: usize> Places<CHUNKS> {
    /// Returns them in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().filter(|(_, bits)| **bits != 0).flat_map(|(chunk, bits)| {
            let after = |bits: &u32| Some(bits & (bits - 1)).filter(|bits| *bits != 0);
            let left = std::iter::successors(Some(*bits), after);
            left.map(move |bits| chunk * LANES + bits.trailing_zeros() as usize)
        })
    }
}

/// What is seen of scores as they are added to a sum.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The largest; negative infinity where there are none, or none that are numbers.
    pub largest: f32,
    /// Those that were asked for.
    pub places: Places<{ TOGETHER / LANES }>,
}

impl Default for Seen {
    fn default() -> Seen {
        Seen { largest: f32::NEG_INFINITY, places: Places::default() }
    }
}

/// The sum of e^score over scores that come in parts, relative to one of them.
#[derive(Debug, Clone, Copy)]
pub struct RunningSum {
    /// A score that the largest is at most [`OVERFLOW`] above; negative infinity where there are none.
    pub reference: f32,
    /// Sum of e^(score - reference).
    pub sum: f32,
}

impl Default for RunningSum {
    fn default() -> Self {
        RunningSum { reference: f32::NEG_INFINITY, sum: 0.0 }
    }
}

impl RunningSum {
    /// Adds scores; one that is no number makes the sum none.
    pub fn add(&mut self, scores: &[f32]) {
        scores.chunks(TOGETHER).for_each(|scores| self.see(scores, f32::INFINITY, &mut Seen::default()));
    }

    /// Adds at most [`TOGETHER`] scores, and fills in what is seen of them on the way: those of at least `threshold` are asked for.
    pub fn see(&mut self, scores: &[f32], threshold: f32, seen: &mut Seen) {
        if self.reference == f32::NEG_INFINITY {
            self.reference = maximum(scores);
        }
        if self.reference == f32::NEG_INFINITY {
            self.sum += if scores.iter().any(|score| score.is_nan()) { f32::NAN } else { 0.0 };
            *seen = Seen::default();
            return;
        }
        let mut sum = see(scores, self.reference, threshold, seen);
        if seen.largest > self.reference + OVERFLOW {
            self.sum *= simd::exp(self.reference - seen.largest);
            self.reference = seen.largest;
            sum = see(scores, self.reference, threshold, seen);
        }
        self.sum += sum;
    }

    /// Returns the sum with other scores for some of those that were added.
    pub fn replaced(self, scores: &[f32], others: &[f32]) -> RunningSum {
        let mut replaced = RunningSum { reference: self.reference, sum: 0.0 };
        replaced.add(scores);
        let rest = self.sum - replaced.relative_to(self.reference);
        // Rounding may leave less than nothing of a rest that is nothing; `max` would also hide a NaN.
        let mut whole = RunningSum { reference: self.reference, sum: if rest < 0.0 { 0.0 } else { rest } };
        whole.add(others);
        whole
    }

    /// Returns the sum of e^(score - reference) for another reference.
    fn relative_to(self, reference: f32) -> f32 {
        if self.reference == reference { self.sum } else { self.sum * simd::exp(self.reference - reference) }
    }

    /// Adds the scores of another sum. The smaller part is brought to the scale of the larger.
    fn merge(&mut self, other: RunningSum) {
        let reference = if other.reference > self.reference { other.reference } else { self.reference };
        *self = RunningSum { reference, sum: self.relative_to(reference) + other.relative_to(reference) };
    }

    /// Returns ln(sum of e^score).
    pub fn total(self) -> f32 {
        self.reference + self.sum.ln()
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
    /// Adds the scores of at most [`TOGETHER`] tokens from `first` on, and fills in what is seen of all of them on the way.
    pub fn see(&mut self, first: usize, scores: &[f32], ruled_out: &[u32], threshold: f32, seen: &mut Seen) {
        let place = |token: &u32| (*token as usize).checked_sub(first).filter(|place| *place < scores.len());
        if !ruled_out.iter().any(|token| place(token).is_some()) {
            return self.remaining.see(scores, threshold, seen);
        }
        let mut others = scores.to_vec();
        ruled_out.iter().filter_map(place).for_each(|place| others[place] = f32::NEG_INFINITY);
        self.remaining.see(&others, threshold, seen);
        for place in ruled_out.iter().filter_map(place) {
            self.ruled_out.add(&[scores[place]]);
            seen.largest = seen.largest.max(scores[place]);
            seen.places.0[place / LANES] |= u32::from(scores[place] >= threshold) << (place % LANES);
        }
    }

    /// Returns ln(sum of e^score) over all tokens.
    pub fn total(self) -> f32 {
        let mut whole = self.remaining;
        whole.merge(self.ruled_out);
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

/// Fills in what is seen of scores, and returns the sum of e^(score - reference).
#[inline(always)]
fn see_body<S: Simd>(simd: S, scores: &[f32], reference: f32, threshold: f32, seen: &mut Seen) -> f32 {
    let (blocks, rest) = scores.as_chunks::<LANES>();
    let mut tail = [f32::NEG_INFINITY; LANES];
    tail[..rest.len()].copy_from_slice(rest);
    let [origin, threshold] = [-reference, threshold].map(|value| simd.splat(value));
    let (mut sum, mut largest) = (simd.splat(0.0), simd.splat(f32::NEG_INFINITY));
    seen.places = Places::default();
    for (bits, block) in seen.places.0.iter_mut().zip(blocks.iter().chain((!rest.is_empty()).then_some(&tail))) {
        let values = simd.load(block);
        *bits = simd.at_least(values, threshold);
        largest = simd.max(values, largest);
        sum = add_exp(simd, sum, simd.add(values, origin));
    }
    if let Some(bits) = seen.places.0.get_mut(blocks.len()) {
        *bits &= (1 << rest.len()) - 1;
    }
    simd.store(largest, &mut tail);
    seen.largest = simd::maximum(&tail);
    simd.sum(sum)
}

vectorized! {
    fn see(scores: &[f32], reference: f32, threshold: f32, seen: &mut Seen) -> f32 = see_body;
}
simd::dispatch! {
    /// Returns the largest value of a row, negative infinity where it is empty; NaN is passed over.
    pub fn maximum(row: &[f32]) -> f32 = simd::maximum;
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
    fn a_sum_in_parts_is_that_of_the_whole_and_sees_every_place() {
        // The third part lies so far above the first that the sum changes its reference.
        let scores: Vec<f32> = (0..1_300).map(|i| ((i * 7919) % 211) as f32 * 0.05 + (i / 512 * 30) as f32).collect();
        let (mut sum, mut seen, mut found) = (RunningSum::default(), Seen::default(), Vec::new());
        for (part, scores) in scores.chunks(TOGETHER).enumerate() {
            sum.see(scores, 40.0, &mut seen);
            assert_eq!(seen.largest, maximum(scores));
            found.extend(seen.places.iter().map(|place| part * TOGETHER + place));
        }
        let exact = |scores: &[f32]| scores.iter().map(|score| f64::from(*score).exp()).sum::<f64>().ln();
        assert!((f64::from(sum.total()) - exact(&scores)).abs() < 1e-5);
        assert_eq!(found, (0..scores.len()).filter(|i| scores[*i] >= 40.0).collect::<Vec<_>>());
        let others: Vec<f32> = scores[1_100..].iter().map(|score| score + 1.0).collect();
        let whole = [&scores[..1_100], &others].concat();
        assert!((f64::from(sum.replaced(&scores[1_100..], &others).total()) - exact(&whole)).abs() < 1e-4);
    }

    #[test]
    fn a_sum_of_nothing_is_nothing_and_one_with_a_score_that_is_no_number_is_none() {
        let mut sum = RunningSum::default();
        assert_eq!(sum.total(), f32::NEG_INFINITY);
        sum.add(&[f32::NEG_INFINITY; 3]);
        assert_eq!(sum.total(), f32::NEG_INFINITY);
        sum.add(&[1.0, f32::NEG_INFINITY]);
        assert_eq!(sum.total(), 1.0);
        let mut seen = Seen::default();
        sum.see(&[0.5; 3], f32::NEG_INFINITY, &mut seen);
        assert_eq!(seen.places.iter().collect::<Vec<_>>(), [0, 1, 2]);
        for place in 0..3 {
            let mut damaged = RunningSum::default();
            let scores: Vec<f32> = (0..3).map(|i| if i == place { f32::NAN } else { 1.0 }).collect();
            damaged.add(&scores);
            assert!(damaged.total().is_nan());
            let mut damaged = RunningSum::default();
            damaged.add(&[f32::NAN; 2]);
            damaged.add(&[1.0]);
            assert!(damaged.total().is_nan());
        }
    }

    #[test]
    fn a_token_that_may_not_come_is_seen_but_not_in_what_remains() {
        let (mut sum, mut seen) = (SplitSum::default(), Seen::default());
        sum.see(10, &[0.0, 5.0, 1.0], &[3, 11], 4.0, &mut seen);
        assert_eq!((seen.largest, seen.places.iter().collect::<Vec<_>>()), (5.0, vec![1]));
        assert!((sum.remaining.total() - log_sum_exp(&[0.0, 1.0])).abs() < 1e-6);
        assert!((sum.total() - log_sum_exp(&[0.0, 5.0, 1.0])).abs() < 1e-6);
    }

    #[test]
    fn a_masked_value_is_never_chosen_over_another() {
        assert_eq!(argmax(&[f32::NEG_INFINITY, -5.0, f32::NEG_INFINITY]), 1);
    }
}
