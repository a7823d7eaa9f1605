//! The output projection: scores over the vocabulary, of which search wants only the best and their total.
//!
//! Separate from `linear.rs` because it is the largest product of a step, and its output need not be written out: each
//! block of columns is reduced while it is in cache. The invariant: what a row gives depends on the row and on what it wants,
//! never on the other rows.

use super::{gemm, int8, panels::Panels, simd, softmax, with_values};
use crate::engine::precision::Precision;
use candle_core::{Device, Result, Tensor};

/// Columns that are reduced together.
const BLOCK: usize = 512;

/// What a search wants to know of a row's scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Every score.
    All,
    /// The best scores, this many of them, and the total.
    Best(usize),
}

/// Scores of the next token, before softmax.
#[derive(Debug, Clone, PartialEq)]
pub enum Scores {
    /// Every token's.
    All(Vec<f32>),
    /// The best tokens'.
    Best {
        /// Token and score, best first; the lower token first among equals.
        best: Vec<(u32, f32)>,
        /// ln(sum of e^score) over the whole vocabulary.
        total: f32,
    },
}

impl Scores {
    /// Reduces a row of all scores to what is wanted.
    fn reduce(row: Vec<f32>, wanted: Wanted) -> Scores {
        match wanted {
            Wanted::All => Scores::All(row),
            Wanted::Best(count) => {
                let mut running = Running::new(count);
                row.chunks(BLOCK).enumerate().for_each(|(block, scores)| running.take(block * BLOCK, scores));
                running.finish()
            }
        }
    }
}

/// A linear layer over the vocabulary.
#[derive(Debug)]
pub struct Projection(Form);

#[derive(Debug)]
enum Form {
    F32(gemm::Packed),
    Int8(int8::Packed),
    Plain { transposed: Tensor, bias: Option<Tensor> },
}

impl Projection {
    /// Returns a projection for `device` with a weight of shape (vocabulary, d) and a bias of shape (vocabulary), or none.
    pub fn new(weight: &Tensor, bias: Option<&Tensor>, device: &Device, precision: Precision) -> Result<Projection> {
        let (outputs, inputs) = weight.dims2()?;
        let bias_values = bias.map(Tensor::to_vec1::<f32>).transpose()?;
        let form = match (device, precision) {
            (Device::Cpu, Precision::F32) => with_values(&weight.contiguous()?, |weight| {
                Form::F32(gemm::Packed::new(weight, bias_values.as_deref(), outputs, inputs))
            })?,
            (Device::Cpu, Precision::Int8) => with_values(&weight.contiguous()?, |weight| {
                Form::Int8(int8::Packed::new(weight, bias_values.as_deref(), outputs, inputs))
            })?,
            _ => Form::Plain {
                transposed: weight.t()?.contiguous()?.to_device(device)?,
                bias: bias.map(|bias| bias.to_device(device)).transpose()?,
            },
        };
        Ok(Projection(form))
    }

    /// Returns the scores that each row of `hidden`, (rows, d), wants.
    pub fn scores(&self, hidden: &Tensor, wanted: &[Wanted]) -> Result<Vec<Scores>> {
        match &self.0 {
            Form::F32(packed) => with_values(hidden, |hidden| scores(packed, hidden, wanted)),
            Form::Int8(packed) => with_values(hidden, |hidden| scores(packed, hidden, wanted)),
            Form::Plain { transposed, bias } => {
                let product = hidden.matmul(transposed)?;
                let product = bias.as_ref().map_or(Ok(product.clone()), |bias| product.broadcast_add(bias))?;
                let rows = product.to_vec2::<f32>()?;
                Ok(rows.into_iter().zip(wanted).map(|(row, wanted)| Scores::reduce(row, *wanted)).collect())
            }
        }
    }
}

fn scores<P: Panels>(packed: &P, hidden: &[f32], wanted: &[Wanted]) -> Vec<Scores> {
    let d = packed.inputs();
    let (all, best): (Vec<usize>, Vec<usize>) = (0..wanted.len()).partition(|row| wanted[*row] == Wanted::All);
    let gather = |rows: &[usize]| -> Vec<f32> {
        rows.iter().flat_map(|row| hidden[row * d..(row + 1) * d].iter().copied()).collect()
    };
    let whole = packed.multiply(&gather(&all));
    let counts: Vec<Wanted> = best.iter().map(|row| wanted[*row]).collect();
    let mut reduced =
        if all.is_empty() { reduce(packed, hidden, &counts) } else { reduce(packed, &gather(&best), &counts) }
            .into_iter();
    let mut whole = whole.chunks_exact(packed.outputs());
    let take = |wanted: &Wanted| match wanted {
        Wanted::All => whole.next().map(|row| Scores::All(row.to_vec())),
        Wanted::Best(_) => reduced.next(),
    };
    wanted.iter().filter_map(take).collect()
}

/// Computes the product block by block and keeps of each block what is wanted.
fn reduce<P: Panels>(packed: &P, hidden: &[f32], wanted: &[Wanted]) -> Vec<Scores> {
    let counts = wanted.iter().map(|wanted| if let Wanted::Best(count) = wanted { *count } else { 0 });
    let mut running: Vec<Running> = counts.map(Running::new).collect();
    if running.is_empty() {
        return Vec::new();
    }
    let (rows, width) = (running.len(), packed.width());
    let input = packed.prepare(hidden);
    let mut scratch: Vec<f32> = Vec::with_capacity(rows * BLOCK);
    for start in (0..packed.outputs()).step_by(BLOCK) {
        let columns = BLOCK.min(packed.outputs() - start);
        let panels = columns.div_ceil(width);
        scratch.clear();
        let cells = scratch.spare_capacity_mut();
        for panel in 0..panels {
            packed.panel(&input, start / width + panel, &mut cells[panel * width..], BLOCK);
        }
        for (row, running) in running.iter_mut().enumerate() {
            // SAFETY: `panel` has written `width` values of every row for each panel, `columns` of them or more.
            let scores = unsafe { cells[row * BLOCK..row * BLOCK + columns].assume_init_ref() };
            running.take(start, scores);
        }
    }
    running.into_iter().map(Running::finish).collect()
}

/// The best scores so far and the sum of all of them.
struct Running {
    count: usize,
    best: Vec<(u32, f32)>,
    largest: f32,
    /// Sum of e^(score - largest).
    sum: f32,
}

impl Running {
    fn new(count: usize) -> Running {
        Running { count, best: Vec::with_capacity(count + 1), largest: f32::NEG_INFINITY, sum: 0.0 }
    }

    /// Takes the scores of the tokens from `first` on.
    fn take(&mut self, first: usize, scores: &[f32]) {
        let (largest, sum) = softmax::largest_and_sum(scores);
        if largest > self.threshold() {
            self.insert(first, scores);
        }
        // The smaller part is brought to the scale of the larger; a part of nothing but minus infinity adds nothing.
        if largest > self.largest {
            self.sum = self.sum * simd::exp(self.largest - largest) + sum;
            self.largest = largest;
        } else if largest > f32::NEG_INFINITY {
            self.sum += sum * simd::exp(largest - self.largest);
        } else if scores.iter().any(|score| score.is_nan()) {
            self.sum = f32::NAN;
        }
    }

    /// Returns the score that a further token must exceed.
    fn threshold(&self) -> f32 {
        if self.best.len() < self.count {
            f32::NEG_INFINITY
        } else {
            self.best.last().map_or(f32::INFINITY, |last| last.1)
        }
    }

    fn insert(&mut self, first: usize, scores: &[f32]) {
        const STRIP: usize = 64;
        for (strip, values) in scores.chunks(STRIP).enumerate() {
            if softmax::maximum(values) <= self.threshold() {
                continue;
            }
            for (i, value) in values.iter().enumerate() {
                if *value > self.threshold() {
                    let place = self.best.partition_point(|(_, score)| score >= value);
                    self.best.insert(place, ((first + strip * STRIP + i) as u32, *value));
                    self.best.truncate(self.count);
                }
            }
        }
    }

    fn finish(self) -> Scores {
        Scores::Best { best: self.best, total: self.largest + self.sum.ln() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(shape: (usize, usize)) -> Tensor {
        Tensor::randn(0f32, 1f32, shape, &Device::Cpu).unwrap()
    }

    #[test]
    fn the_best_scores_and_their_total_are_those_of_the_whole_row() {
        let (weight, hidden) = (random((1_337, 20)), random((5, 20)));
        for precision in [Precision::F32, Precision::Int8] {
            let projection = Projection::new(&weight, None, &Device::Cpu, precision).unwrap();
            let wanted = [Wanted::All, Wanted::Best(3), Wanted::Best(8), Wanted::All, Wanted::Best(1)];
            let whole = projection.scores(&hidden, &[Wanted::All; 5]).unwrap();
            for ((got, wanted), whole) in projection.scores(&hidden, &wanted).unwrap().iter().zip(wanted).zip(&whole) {
                let Scores::All(row) = whole else { panic!("all scores were wanted") };
                match (got, wanted) {
                    (Scores::All(got), Wanted::All) => assert_eq!(got, row),
                    (Scores::Best { best, total }, Wanted::Best(count)) => {
                        let want: Vec<_> = softmax::top(row, count).into_iter().map(|i| (i as u32, row[i])).collect();
                        assert_eq!(*best, want);
                        assert!((total - softmax::log_sum_exp(row)).abs() < 1e-5);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    #[test]
    fn a_row_gives_the_same_bits_alone_and_in_company() {
        let (weight, hidden) = (random((700, 16)), random((9, 16)));
        let projection = Projection::new(&weight, None, &Device::Cpu, Precision::F32).unwrap();
        let together = projection.scores(&hidden, &[Wanted::Best(4); 9]).unwrap();
        for (row, want) in together.iter().enumerate() {
            let alone = hidden.narrow(0, row, 1).unwrap();
            assert_eq!(projection.scores(&alone, &[Wanted::Best(4)]).unwrap()[0], *want);
        }
    }

    #[test]
    fn scores_that_are_no_numbers_give_a_total_that_is_none() {
        let row = vec![f32::NAN; 600];
        let Scores::Best { total, .. } = Scores::reduce(row, Wanted::Best(2)) else { panic!("the best were wanted") };
        assert!(total.is_nan());
    }
}
