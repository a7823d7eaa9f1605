//! The output projection: scores over the vocabulary, of which search wants only the best and their total.
//!
//! Separate from `linear.rs` because it is the largest product of a step, and its output need not be written out: each
//! block of columns is reduced while it is in cache. The invariant: what a row gives depends on the row and on what it wants,
//! never on the other rows.

use super::{
    device, gemm, integer, on_host, panels::Panels, preview::Preview, shortlist::Shortlist, softmax, with_values,
};
use crate::engine::precision::{Arithmetic, Precision};
use candle_core::{Device, Result, Tensor, bail};
use std::sync::OnceLock;

/// Columns that are reduced together.
pub const BLOCK: usize = softmax::TOGETHER;

/// The weights in f32 as they lie in memory: (outputs, inputs) with a bias of `outputs` values, or none.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// Row-major.
    pub weight: &'a [f32],
    /// One value an output.
    pub bias: Option<&'a [f32]>,
}

/// What a search wants to know of a row's scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Every score.
    All,
    /// The best scores and the totals.
    Best(Best),
}

/// The scores that are wanted where not all are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Best {
    /// How many of the best, those that may not come among them.
    pub count: usize,
    /// Tokens that may not come.
    pub ruled_out: Vec<u32>,
    /// The total of the others is wanted.
    pub renormalized: bool,
}

impl Best {
    /// Returns how many of the best that may come are wanted.
    pub fn allowed(&self) -> usize {
        self.count.saturating_sub(self.ruled_out.len())
    }

    /// Returns the tokens that are to be left out of the total of the others.
    pub fn apart(&self) -> &[u32] {
        if self.renormalized { &self.ruled_out } else { &[] }
    }
}

impl Wanted {
    pub(super) fn best(&self) -> Option<&Best> {
        match self {
            Wanted::All => None,
            Wanted::Best(best) => Some(best),
        }
    }
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
        /// The same over the tokens that are not ruled out.
        remaining: f32,
    },
}

impl Scores {
    /// Returns true where a score is no number: the weights are damaged.
    pub fn damaged(&self) -> bool {
        match self {
            Scores::All(row) => row.iter().any(|score| score.is_nan()),
            Scores::Best { total, .. } => total.is_nan(),
        }
    }
}

/// A linear layer over the vocabulary.
#[derive(Debug)]
pub struct Projection(Form);

#[derive(Debug)]
enum Form {
    F32(gemm::Packed),
    Int8(integer::Int8),
    Int16(integer::Int16),
    ScreenedF32(Screened<Preview>),
    ScreenedInt8(Screened<Shortlist<i8>>),
    ScreenedInt16(Screened<Shortlist<i16>>),
    Device(device::Projection),
}

/// A way to the best scores that does not compute all of them.
pub trait Screen: Sized {
    /// The product with all weights in the same arithmetic.
    type Whole: Panels;

    /// Prepares weights.
    fn new(weights: Weights<'_>, outputs: usize, inputs: usize) -> Self;

    /// Packs weights for the whole product.
    fn packed(weights: Weights<'_>, outputs: usize, inputs: usize) -> Self::Whole;

    /// Returns true where a row is served well that wants this.
    fn serves(best: &Best) -> bool;

    /// Returns what is wanted of each row of `hidden`, (rows, inputs), with the weights that were prepared.
    fn scores(&self, hidden: &[f32], wanted: &[&Best], weights: Weights<'_>) -> Vec<Scores>;
}

/// A projection over a large vocabulary: a screen for the rows that it serves, and the whole product for the others. Each is
/// made of the weights when the first row wants it, since a search wants one of them alone.
#[derive(Debug)]
struct Screened<S: Screen> {
    weight: Tensor,
    bias: Option<Vec<f32>>,
    screen: OnceLock<S>,
    whole: OnceLock<S::Whole>,
}

impl<S: Screen> Screened<S> {
    fn new(weight: &Tensor, bias: Option<Vec<f32>>) -> Screened<S> {
        Screened { weight: weight.clone(), bias, screen: OnceLock::new(), whole: OnceLock::new() }
    }

    fn scores(&self, hidden: &Tensor, wanted: &[&Wanted]) -> Result<Vec<Scores>> {
        let (outputs, inputs) = self.weight.dims2()?;
        with_values(&self.weight, |weight| {
            let weights = Weights { weight, bias: self.bias.as_deref() };
            let screen = || self.screen.get_or_init(|| S::new(weights, outputs, inputs));
            let whole = || self.whole.get_or_init(|| S::packed(weights, outputs, inputs));
            let best = |x: &[f32], asked: &[&Best]| {
                let few = |x: &[f32], asked: &[&Best]| screen().scores(x, asked, weights);
                apart(x, asked, S::serves, few, |x, asked| reduce(whole(), x, asked))
            };
            with_values(hidden, |hidden| scores(hidden, wanted, |x| whole().multiply(x), best))
        })?
    }
}

impl Projection {
    /// Returns a projection for `device` with a weight of shape (vocabulary, d) and a bias of shape (vocabulary), or none.
    pub fn new(weight: &Tensor, bias: Option<&Tensor>, device: &Device, arithmetic: Arithmetic) -> Result<Projection> {
        if !on_host(device) {
            let dtype = arithmetic.precision.dtype();
            return Ok(Projection(Form::Device(device::Projection::new(weight, bias, device, dtype)?)));
        }
        let (outputs, inputs) = weight.dims2()?;
        let (weight, bias) = (weight.contiguous()?, bias.map(Tensor::to_vec1::<f32>).transpose()?);
        let screened = outputs >= arithmetic.screened_from;
        let packed = with_values(&weight, |values| match (arithmetic.precision, screened) {
            (Precision::Int8, true) => Form::ScreenedInt8(Screened::new(&weight, bias)),
            (Precision::Int8, false) => Form::Int8(integer::Int8::new(values, bias.as_deref(), outputs, inputs)),
            (Precision::Int16, true) => Form::ScreenedInt16(Screened::new(&weight, bias)),
            (Precision::Int16, false) => Form::Int16(integer::Int16::new(values, bias.as_deref(), outputs, inputs)),
            (_, true) => Form::ScreenedF32(Screened::new(&weight, bias)),
            (_, false) => Form::F32(gemm::Packed::new(values, bias.as_deref(), outputs, inputs)),
        })?;
        Ok(Projection(packed))
    }

    /// Returns the scores that each row of `hidden`, (rows, d), wants.
    pub fn scores(&self, hidden: &Tensor, wanted: &[&Wanted]) -> Result<Vec<Scores>> {
        match &self.0 {
            Form::F32(packed) => whole(packed, hidden, wanted),
            Form::Int8(packed) => whole(packed, hidden, wanted),
            Form::Int16(packed) => whole(packed, hidden, wanted),
            Form::ScreenedF32(screened) => screened.scores(hidden, wanted),
            Form::ScreenedInt8(screened) => screened.scores(hidden, wanted),
            Form::ScreenedInt16(screened) => screened.scores(hidden, wanted),
            Form::Device(projection) => projection.scores(hidden, wanted),
        }
    }

    /// Returns what the searches of a step want of the scores of `hidden`, (rows, d), where they stay on a device.
    pub fn reduce(&self, hidden: &Tensor, begun: &device::search::Begun) -> Result<device::Reduced> {
        match &self.0 {
            Form::Device(projection) => projection.reduce(hidden, begun),
            _ => bail!("the output projection is not on a device"),
        }
    }
}

/// Returns the scores that each row wants, of a product that computes them all.
fn whole<P: Panels>(packed: &P, hidden: &Tensor, wanted: &[&Wanted]) -> Result<Vec<Scores>> {
    with_values(hidden, |hidden| scores(hidden, wanted, |x| packed.multiply(x), |x, counts| reduce(packed, x, counts)))
}

/// Gives the rows that want every score to `all` and the others to `best`, and returns the scores in the order of the rows.
fn scores(
    hidden: &[f32],
    wanted: &[&Wanted],
    all: impl Fn(&[f32]) -> Vec<f32>,
    best: impl Fn(&[f32], &[&Best]) -> Vec<Scores>,
) -> Vec<Scores> {
    let whole = |x: &[f32], wanted: &[&Wanted]| {
        let rows = all(x);
        rows.chunks_exact(rows.len() / wanted.len()).map(|row| Scores::All(row.to_vec())).collect()
    };
    let reduced = |x: &[f32], wanted: &[&Wanted]| {
        let asked: Vec<&Best> = wanted.iter().filter_map(|wanted| wanted.best()).collect();
        best(x, &asked)
    };
    apart(hidden, wanted, |wanted| wanted.best().is_none(), whole, reduced)
}

/// Gives the rows whose wish `is_first` to `first` and the others to `second`, and returns the scores in the order of the rows.
fn apart<W: Copy>(
    hidden: &[f32],
    wishes: &[W],
    is_first: impl Fn(W) -> bool,
    first: impl Fn(&[f32], &[W]) -> Vec<Scores>,
    second: impl Fn(&[f32], &[W]) -> Vec<Scores>,
) -> Vec<Scores> {
    match wishes.iter().filter(|wish| is_first(**wish)).count() {
        0 => return second(hidden, wishes),
        all if all == wishes.len() => return first(hidden, wishes),
        _ => {}
    }
    let gather = |firsts: bool| -> (Vec<&[f32]>, Vec<W>) {
        let rows = hidden.chunks_exact(hidden.len() / wishes.len()).zip(wishes);
        rows.filter(|(_, wish)| is_first(**wish) == firsts).map(|(row, wish)| (row, *wish)).unzip()
    };
    let ((rows, asked), (other_rows, others)) = (gather(true), gather(false));
    let mut of_first = first(&rows.concat(), &asked).into_iter();
    let mut of_second = second(&other_rows.concat(), &others).into_iter();
    wishes.iter().filter_map(|wish| if is_first(*wish) { of_first.next() } else { of_second.next() }).collect()
}

/// Returns what is wanted of each row.
fn reduce<P: Panels>(packed: &P, hidden: &[f32], counts: &[&Best]) -> Vec<Scores> {
    let mut running: Vec<Running<'_>> = counts.iter().map(|best| Running::new(best)).collect();
    blocks(packed, hidden, counts.len(), |row, first, scores| running[row].take(first, scores));
    running.into_iter().map(Running::finish).collect()
}

/// Computes the product block by block and hands out each row's scores of a block: row, first token, scores.
pub fn blocks<P: Panels>(packed: &P, hidden: &[f32], rows: usize, mut take: impl FnMut(usize, usize, &[f32])) {
    if rows == 0 {
        return;
    }
    let (input, width) = (packed.prepare(hidden, None), packed.width());
    let mut scratch: Vec<f32> = Vec::with_capacity(rows * BLOCK);
    let cells = scratch.spare_capacity_mut();
    for start in (0..packed.outputs()).step_by(BLOCK) {
        let columns = BLOCK.min(packed.outputs() - start);
        for panel in 0..columns.div_ceil(width) {
            packed.panel(&input, start / width + panel, &mut cells[panel * width..], BLOCK);
        }
        for row in 0..rows {
            // SAFETY: `panel` has written `width` values of every row for each panel, `columns` of them or more.
            let scores = unsafe { cells[row * BLOCK..row * BLOCK + columns].assume_init_ref() };
            take(row, start, scores);
        }
    }
}

/// The best scores so far and the sum of all of them.
struct Running<'a> {
    wanted: &'a Best,
    best: Vec<(u32, f32)>,
    sum: softmax::SplitSum,
    seen: softmax::Seen,
}

impl Running<'_> {
    fn new(wanted: &Best) -> Running<'_> {
        let best = Vec::with_capacity(wanted.count + 1);
        Running { wanted, best, sum: softmax::SplitSum::default(), seen: softmax::Seen::default() }
    }

    /// Takes the scores of the tokens from `first` on.
    fn take(&mut self, first: usize, scores: &[f32]) {
        let threshold = self.threshold();
        self.sum.see(first, scores, self.wanted.apart(), threshold, &mut self.seen);
        if self.seen.largest <= threshold {
            return;
        }
        for place in self.seen.places.iter() {
            let score = scores[place];
            if score > self.threshold() {
                let rank = self.best.partition_point(|best| best.1 >= score);
                self.best.insert(rank, ((first + place) as u32, score));
                self.best.truncate(self.wanted.count);
            }
        }
    }

    /// Returns the score that a further token must exceed.
    fn threshold(&self) -> f32 {
        if self.best.len() < self.wanted.count {
            f32::NEG_INFINITY
        } else {
            self.best.last().map_or(f32::INFINITY, |last| last.1)
        }
    }

    fn finish(self) -> Scores {
        Scores::Best { best: self.best, total: self.sum.total(), remaining: self.sum.remaining.total() }
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
        let (weight, hidden) = (random((17_003, 20)), random((5, 20)));
        let named = [Precision::F32, Precision::Int8, Precision::Int16].map(|precision| (precision, true));
        for (precision, exact) in [(Precision::F32, false)].into_iter().chain(named) {
            let arithmetic = Arithmetic::new(precision, exact);
            let projection = Projection::new(&weight, None, &Device::Cpu, arithmetic).unwrap();
            let best = |count| Wanted::Best(Best { count, ruled_out: vec![16_999, 7], renormalized: true });
            let wanted = [Wanted::All, best(3), best(8), Wanted::All, best(1)];
            let whole = projection.scores(&hidden, &[&Wanted::All; 5]).unwrap();
            let asked: Vec<_> = wanted.iter().collect();
            for ((got, wanted), whole) in projection.scores(&hidden, &asked).unwrap().iter().zip(&wanted).zip(&whole) {
                let Scores::All(row) = whole else { panic!("all scores were wanted") };
                match (got, wanted) {
                    (Scores::All(got), Wanted::All) => assert_eq!(got, row),
                    (Scores::Best { best, total, remaining }, Wanted::Best(wanted)) => {
                        let top = softmax::top(row, wanted.count);
                        let want: Vec<_> = top.into_iter().map(|i| (i as u32, row[i])).collect();
                        assert_eq!(*best, want);
                        let mut others = row.clone();
                        [others[16_999], others[7]] = [f32::NEG_INFINITY; 2];
                        for (got, want) in [(total, row), (remaining, &others)] {
                            let gap = (got - softmax::log_sum_exp(want)).abs();
                            assert!(gap < if exact { 1e-5 } else { 5e-2 }, "{gap}");
                        }
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    #[test]
    fn a_row_gives_the_same_bits_alone_and_in_company() {
        let (weight, hidden) = (random((700, 16)), random((9, 16)));
        let projection = Projection::new(&weight, None, &Device::Cpu, Arithmetic::default()).unwrap();
        let best = Wanted::Best(Best { count: 4, ..Best::default() });
        let together = projection.scores(&hidden, &[&best; 9]).unwrap();
        for (row, want) in together.iter().enumerate() {
            let alone = hidden.narrow(0, row, 1).unwrap();
            assert_eq!(projection.scores(&alone, &[&best]).unwrap()[0], *want);
        }
    }

    #[test]
    fn scores_that_are_no_numbers_give_a_total_that_is_none() {
        let wanted = Best { count: 2, ..Best::default() };
        let mut running = Running::new(&wanted);
        running.take(0, &[f32::NAN; 600]);
        let Scores::Best { total, .. } = running.finish() else { panic!("the best were wanted") };
        assert!(total.is_nan());
    }
}
