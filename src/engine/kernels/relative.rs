//! Relative position biases: what attention adds to a score for how far a key lies from its query (Raffel et al. 2020).
//!
//! Separate because the rule that puts distances into buckets is the model's, while adding a number per distance is the
//! kernels' work. The invariant: distances beyond the largest one share its bias, so a text of any length has one.

use candle_core::{Device, Result, Tensor};

/// How distances share learned values: T5's buckets, exact for near keys and logarithmic for far ones.
#[derive(Debug, Clone, Copy)]
pub struct Buckets {
    /// Count of buckets.
    pub count: usize,
    /// The distance from which on all share the last bucket.
    pub max_distance: usize,
    /// Keys behind the query have buckets of their own, as in an encoder; a decoder has no such keys.
    pub bidirectional: bool,
}

impl Buckets {
    /// Returns the bucket of a key at this place relative to its query, in the arithmetic of transformers.
    fn of(self, offset: isize) -> usize {
        let side = if self.bidirectional { self.count / 2 } else { self.count };
        let (first, distance) = match offset > 0 {
            true if self.bidirectional => (side, offset.unsigned_abs()),
            true => return 0,
            false => (0, offset.unsigned_abs()),
        };
        let exact = side / 2;
        if distance < exact {
            return first + distance;
        }
        // In f32 as there, so that a distance on the border of two buckets falls into the same one.
        let far = (distance as f32 / exact as f32).ln() / (self.max_distance as f64 / exact as f64).ln() as f32;
        first + (exact + (far * (side - exact) as f32) as usize).min(side - 1)
    }
}

/// The biases of one attention layer.
#[derive(Debug)]
pub struct RelativeBias {
    reach: usize,
    /// (heads, 2 * reach + 1): keys `reach` before the query to `reach` behind it.
    values: Vec<f32>,
    /// The same on the device, (2 * reach + 1, heads).
    table: Tensor,
}

impl RelativeBias {
    /// Returns the biases of learned values, (buckets, heads).
    pub fn new(learned: &Tensor, buckets: Buckets, device: &Device) -> Result<RelativeBias> {
        let (heads, learned) = (learned.dim(1)?, learned.to_vec2::<f32>()?);
        let reach = buckets.max_distance;
        let offsets = || (0..=2 * reach).map(|index| index as isize - reach as isize);
        let values = (0..heads).flat_map(|head| offsets().map(move |offset| (head, offset)));
        let values: Vec<f32> = values.map(|(head, offset)| learned[buckets.of(offset)][head]).collect();
        let table = Tensor::from_slice(&values, (heads, 2 * reach + 1), &Device::Cpu)?;
        Ok(RelativeBias { reach, values, table: table.t()?.contiguous()?.to_device(device)? })
    }

    /// Returns the biases on the device, (2 * reach + 1, heads): keys `reach` before the query to `reach` behind it.
    pub(super) fn table(&self) -> &Tensor {
        &self.table
    }

    /// Returns the distance from which on all keys share a bias.
    pub(super) fn reach(&self) -> usize {
        self.reach
    }

    /// Returns the biases of one head.
    fn head(&self, head: usize) -> &[f32] {
        let width = 2 * self.reach + 1;
        &self.values[head * width..(head + 1) * width]
    }

    /// Adds the biases to the scores that the query at position `query` gives the first keys.
    #[inline(always)]
    pub(super) fn add(&self, head: usize, query: usize, scores: &mut [f32]) {
        let values = self.head(head);
        for (key, score) in scores.iter_mut().enumerate() {
            *score += values[self.index(query, key)];
        }
    }

    #[inline(always)]
    fn index(&self, query: usize, key: usize) -> usize {
        (key + self.reach).saturating_sub(query).min(2 * self.reach)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns where each bucket of keys before the query begins.
    fn starts(buckets: Buckets) -> Vec<usize> {
        let of = |distance: usize| buckets.of(-(distance as isize));
        (0..buckets.max_distance + 20).filter(|d| *d == 0 || of(*d) != of(*d - 1)).collect()
    }

    #[test]
    fn buckets_begin_where_those_of_transformers_do() {
        let encoder = Buckets { count: 32, max_distance: 128, bidirectional: true };
        assert_eq!(starts(encoder), [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91]);
        let decoder = Buckets { bidirectional: false, ..encoder };
        assert_eq!(starts(decoder)[16..], [16, 19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113]);
        let small = Buckets { count: 8, max_distance: 20, bidirectional: true };
        assert_eq!((starts(small), small.of(7), small.of(-7)), (vec![0, 1, 2, 7], 7, 3));
    }

    #[test]
    fn a_key_further_than_the_largest_distance_has_its_bias() {
        let learned = Tensor::arange(0f32, 16f32, &Device::Cpu).unwrap().reshape((8, 2)).unwrap();
        let buckets = Buckets { count: 8, max_distance: 20, bidirectional: true };
        let bias = RelativeBias::new(&learned, buckets, &Device::Cpu).unwrap();
        let mut scores = vec![0.0; 60];
        bias.add(1, 30, &mut scores);
        assert_eq!((scores[0], scores[30], scores[31], scores[59]), (7.0, 1.0, 11.0, 15.0));
        let table = bias.table().to_vec2::<f32>().unwrap();
        assert_eq!((table[0][1], table[20][1], table[21][1], table[40][1]), (7.0, 1.0, 11.0, 15.0));
    }
}
