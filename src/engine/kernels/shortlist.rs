//! The output projection by a shortlist: an estimate of every token from its codes, then the tokens that may be among the best in full.
//!
//! Separate from `projection.rs`, which computes every score, and from `preview.rs`, whose bound is certain and so leaves too much
//! in question. Here a token is left out where its estimate is more than [`DEVIATIONS`] standard deviations of its error
//! below as many scores as are wanted. The invariant: scores that are given are those of the whole product, to the last bit; of the
//! total the part of the tokens that were not computed is an estimate.

mod estimate;

use super::{
    codes::{Codes, STRIPE, Tables},
    integer::{Integer, Packed, Row, Rows},
    projection::{Best, Scores, Screen, Weights},
    simd::maximum,
    softmax,
};
use estimate::{Found, Rates, Scale, Sum, estimate};
use std::collections::VecDeque;

/// How far off an estimate may be, in standard deviations of its error. An error is normal, so 2 in 10,000 best tokens would be
/// missed; of the 33,825 of a trained model one was.
const DEVIATIONS: f32 = 3.5;

/// Room for so many tokens in question from the start.
const USUAL: usize = 256;

/// Tokens of a stripe from which on it is looked at again, not they.
const MANY: usize = 8;

/// Tokens whose rows are read together.
const BLOCK: usize = 512;

/// The bias of what stands for a token behind the last: e^score is 0.
const NOTHING: f32 = -1e30;

/// A projection that estimates every score and computes few.
#[derive(Debug)]
pub struct Shortlist<T: Integer> {
    codes: Codes,
    rows: Rows<T>,
    /// The bias of each token, then [`NOTHING`] to the end of the last stripe.
    biases: Vec<f32>,
    /// The largest spread of each stripe.
    widest: Vec<f32>,
    /// Mean of the squared spreads.
    spread: f32,
}

impl<T: Integer> Screen for Shortlist<T> {
    type Whole = Packed<T>;

    fn new(weights: Weights<'_>, outputs: usize, inputs: usize) -> Shortlist<T> {
        let Weights { weight, bias } = weights;
        let (codes, rows) = (Codes::new(weight, inputs), Rows::new(weight, bias, inputs));
        let spread = codes.spreads.iter().map(|spread| spread * spread).sum::<f32>() / outputs as f32;
        let mut biases = bias.map_or_else(|| vec![0.0; outputs], <[f32]>::to_vec);
        biases.resize(codes.spreads.len(), NOTHING);
        let widest = codes.spreads.chunks(STRIPE).map(maximum).collect();
        Shortlist { codes, rows, biases, widest, spread }
    }

    fn packed(weights: Weights<'_>, outputs: usize, inputs: usize) -> Packed<T> {
        Packed::new(weights.weight, weights.bias, outputs, inputs)
    }

    /// Greedy search alone: beams are compared by the total, and its estimate changed 7 of 100 sentences.
    fn serves(best: &Best) -> bool {
        best.allowed() == 1
    }

    fn scores(&self, hidden: &[f32], wanted: &[&Best], _: Weights<'_>) -> Vec<Scores> {
        let inputs = hidden.chunks_exact(self.rows.inputs());
        let tables: Vec<Tables> = inputs.clone().map(|x| self.codes.tables(x)).collect();
        let mut lists: Vec<List<'_, T>> =
            inputs.zip(wanted).zip(&tables).map(|((x, best), tables)| List::new(self, x, best, tables)).collect();
        let (mut sums, mut found, pairs) = ([[0; STRIPE]; 2], Found::default(), tables.len().div_ceil(2));
        for stripe in 0..self.biases.len() / STRIPE {
            let ahead = self.codes.ahead(stripe + 1, pairs);
            for (pair, (tables, lists)) in tables.chunks(2).zip(lists.chunks_mut(2)).enumerate() {
                ahead.ask(pair);
                let [first, second] = &mut sums;
                self.codes.scan(stripe, tables, [first, second]);
                for (list, sums) in lists.iter_mut().zip(&sums) {
                    list.take(stripe, sums, &mut found);
                }
            }
        }
        // Block by block, so that the rows which several lists hold are read together.
        for first in (0..self.rows.count()).step_by(BLOCK) {
            lists.iter_mut().for_each(|list| list.settle(first + BLOCK));
        }
        lists.into_iter().map(List::finish).collect()
    }
}

impl<T: Integer> Shortlist<T> {
    /// Returns what turns the sums of a stripe into estimates.
    fn rates(&self, stripe: usize) -> Rates<'_> {
        Rates {
            slopes: &self.codes.slopes.as_chunks().0[stripe],
            widest: self.widest[stripe],
            biases: &self.biases.as_chunks().0[stripe],
        }
    }
}

/// A token that may be among the best.
#[derive(Debug, Clone, Copy)]
struct Suspect {
    token: u32,
    /// Without the product with the mean row.
    estimate: f32,
}

/// A stripe in which many tokens may be among the best: it is looked at again once more is known, and then few are left as a rule.
#[derive(Debug, Clone, Copy)]
struct Deferred {
    stripe: usize,
    /// The largest estimate.
    largest: f32,
}

/// A token whose score was computed.
#[derive(Debug, Clone, Copy)]
struct Settled {
    token: u32,
    score: f32,
    may_come: bool,
    /// What was expected of it.
    expected: f32,
}

/// The tokens of one row that may come and may be among the best so far, and the sum of all estimates.
struct List<'a, T: Integer> {
    shortlist: &'a Shortlist<T>,
    wanted: &'a Best,
    /// How many of the best that may come.
    count: usize,
    tables: &'a Tables,
    scale: Scale,
    x: Row<T>,
    settled: Vec<Settled>,
    /// The best scores so far without the product with the mean row, best first: as many as are wanted.
    best: Vec<f32>,
    suspects: VecDeque<Suspect>,
    deferred: VecDeque<Deferred>,
    /// How many tokens were computed, in ascending order, while others were still to come.
    early: usize,
    sum: Sum,
    /// The most that was expected of a token whose estimate was above as many scores as are wanted.
    highest: f32,
}

impl<'a, T: Integer> List<'a, T> {
    fn new(shortlist: &'a Shortlist<T>, x: &[f32], wanted: &'a Best, tables: &'a Tables) -> List<'a, T> {
        let shrink = shortlist.codes.explained;
        List {
            shortlist,
            wanted,
            count: wanted.allowed(),
            tables,
            scale: Scale {
                step: tables.step,
                base: tables.base,
                reach: DEVIATIONS * tables.length,
                shrink,
                raise: (0.5 * shrink * shortlist.spread * tables.length * tables.length)
                    .min(0.5 * DEVIATIONS * DEVIATIONS),
            },
            x: shortlist.rows.quantized(x),
            settled: Vec::new(),
            best: Vec::with_capacity(wanted.count + 1),
            suspects: VecDeque::with_capacity(USUAL),
            deferred: VecDeque::new(),
            early: 0,
            sum: Sum::default(),
            highest: f32::NEG_INFINITY,
        }
    }

    /// Returns the score below which a token is not among the best, without the product with the mean row.
    fn threshold(&self) -> f32 {
        if self.best.len() < self.count { f32::NEG_INFINITY } else { self.best[self.count - 1] }
    }

    /// Takes the sums of a stripe of tokens.
    fn take(&mut self, stripe: usize, sums: &[i32; STRIPE], found: &mut Found) {
        let rates = self.shortlist.rates(stripe);
        let before = self.sum;
        let any = estimate(sums, rates, self.scale, self.threshold(), &mut self.sum, found);
        if !any {
            return;
        }
        let largest = maximum(&found.largest);
        if largest > self.threshold() {
            found.places.iter().for_each(|place| self.promise(stripe * STRIPE + place, found.estimates[place]));
            self.early = self.settled.len();
        }
        if self.highest > before.reference + softmax::OVERFLOW {
            self.sum = before.relative_to(self.highest);
            estimate(sums, rates, self.scale, self.threshold(), &mut self.sum, found);
        }
        if found.places.iter().nth(MANY).is_some() {
            self.deferred.push_back(Deferred { stripe, largest });
        } else {
            let suspects = found.places.iter().map(|place| (stripe * STRIPE + place, found.estimates[place]));
            self.suspects.extend(suspects.map(|(token, estimate)| Suspect { token: token as u32, estimate }));
        }
    }

    /// Computes a token's score if it is expected to be among the best.
    fn promise(&mut self, token: usize, estimate: f32) {
        if estimate > self.threshold() {
            self.highest = self.highest.max(self.scale.expected(estimate, self.shortlist.biases[token]));
            self.compute(token, estimate);
        }
    }

    /// Returns how far above its estimate a token's score may be.
    fn reach(&self, token: usize) -> f32 {
        self.shortlist.codes.spreads[token] * self.scale.reach
    }

    /// Computes a token's score.
    fn compute(&mut self, token: usize, estimate: f32) {
        if token >= self.shortlist.rows.count() || self.wanted.apart().contains(&(token as u32)) {
            return;
        }
        let score = self.shortlist.rows.score(token, &self.x);
        let may_come = !self.wanted.ruled_out.contains(&(token as u32));
        let expected = self.scale.expected(estimate, self.shortlist.biases[token]);
        self.settled.push(Settled { token: token as u32, score, may_come, expected });
        if may_come {
            let relative = score - self.tables.offset;
            let place = self.best.partition_point(|best| *best >= relative);
            self.best.insert(place, relative);
            self.best.truncate(self.count);
        }
    }

    /// Computes the tokens below `end` that are still in question.
    fn settle(&mut self, end: usize) {
        while let Some(Suspect { token, estimate }) = self.suspects.pop_front_if(|next| (next.token as usize) < end) {
            self.answer(token as usize, estimate);
        }
        while let Some(Deferred { stripe, largest }) = self.deferred.pop_front_if(|next| next.stripe * STRIPE < end) {
            if largest + self.scale.reach * self.shortlist.widest[stripe] >= self.threshold() {
                let found = self.again(stripe);
                found.places.iter().for_each(|place| self.answer(stripe * STRIPE + place, found.estimates[place]));
            }
        }
    }

    /// Computes a token's score if it may be among the best.
    fn answer(&mut self, token: usize, estimate: f32) {
        let known = || self.settled[..self.early].binary_search_by_key(&token, |early| early.token as usize).is_ok();
        if estimate + self.reach(token) >= self.threshold() && !known() {
            self.compute(token, estimate);
        }
    }

    /// Returns what is known of a stripe by now.
    fn again(&self, stripe: usize) -> Found {
        let (mut sums, mut found) = ([[0; STRIPE]; 2], Found::default());
        let [first, second] = &mut sums;
        self.shortlist.codes.scan(stripe, std::slice::from_ref(self.tables), [first, second]);
        let rates = self.shortlist.rates(stripe);
        estimate(first, rates, self.scale, self.threshold(), &mut self.sum.clone(), &mut found);
        found
    }

    fn finish(mut self) -> Scores {
        // Among equals the lower token comes first.
        self.settled.sort_unstable_by_key(|settled| settled.token);
        let allowed: Vec<&Settled> = self.settled.iter().filter(|settled| settled.may_come).collect();
        let scores: Vec<f32> = allowed.iter().map(|settled| settled.score).collect();
        let best = softmax::top(&scores, self.count);
        let best = best.into_iter().map(|place| (allowed[place].token, scores[place])).collect();
        let mut sum = softmax::SplitSum { remaining: self.remaining(), ..Default::default() };
        sum.ruled_out.add(&self.ruled_out().map(|(_, score)| score).collect::<Vec<_>>());
        let offset = self.tables.offset;
        Scores::Best { best, total: offset + sum.total(), remaining: offset + sum.remaining.total() }
    }

    /// Returns the tokens that are to be left out of the total, with their scores without the product with the mean row.
    fn ruled_out(&self) -> impl Iterator<Item = (usize, f32)> {
        let rows = &self.shortlist.rows;
        let known = self.wanted.apart().iter().map(|token| *token as usize).filter(|token| *token < rows.count());
        known.map(|token| (token, rows.score(token, &self.x) - self.tables.offset))
    }

    /// Returns the sum over the tokens that may come. What was expected of the others, and of those that were computed, is taken
    /// out of it, and what was computed put in.
    fn remaining(&self) -> softmax::RunningSum {
        let settled = self.settled.iter().map(|settled| settled.expected);
        let expected: Vec<f32> = settled.chain(self.ruled_out().map(|(token, _)| self.expected(token))).collect();
        let exact: Vec<f32> = self.settled.iter().map(|settled| settled.score - self.tables.offset).collect();
        let Sum { reference, lanes } = self.sum;
        softmax::RunningSum { reference, sum: lanes.iter().sum() }.replaced(&expected, &exact)
    }

    /// Returns what is expected of a token.
    fn expected(&self, token: usize) -> f32 {
        let estimate = self.again(token / STRIPE).estimates[token % STRIPE];
        self.scale.expected(estimate, self.shortlist.biases[token])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::{panels::Panels, tests::values};

    const INPUTS: usize = 48;
    const OUTPUTS: usize = 3_001;

    /// The best tokens with their scores, and the totals.
    type Given = (Vec<(u32, f32)>, [f32; 2]);

    /// A projection, and vectors that each point along one of its rows more than along the others, as those of a trained model do.
    struct Case {
        weight: Vec<f32>,
        bias: Vec<f32>,
        hidden: Vec<f32>,
    }

    impl Case {
        fn new() -> Case {
            let (weight, noise) = (values(OUTPUTS * INPUTS, 1), values(60 * INPUTS, 2));
            let of_row = |i: usize| weight[i / INPUTS * 50 * INPUTS + i % INPUTS];
            let hidden = noise.iter().enumerate().map(|(i, noise)| 3.0 * (of_row(i) + noise)).collect();
            Case { weight, bias: values(OUTPUTS, 3), hidden }
        }

        fn weights(&self) -> Weights<'_> {
            Weights { weight: &self.weight, bias: Some(&self.bias) }
        }

        fn rows(&self) -> usize {
            self.hidden.len() / INPUTS
        }

        fn listed<T: Integer>(&self, best: &Best) -> Vec<Given> {
            let list = Shortlist::<T>::new(self.weights(), OUTPUTS, INPUTS);
            let got = list.scores(&self.hidden, &vec![best; self.rows()], self.weights());
            got.into_iter().map(unpacked).collect()
        }

        fn whole<T: Integer>(&self) -> Vec<Vec<f32>> {
            let whole = Shortlist::<T>::packed(self.weights(), OUTPUTS, INPUTS).multiply(&self.hidden);
            whole.chunks(OUTPUTS).map(<[f32]>::to_vec).collect()
        }
    }

    fn unpacked(scores: Scores) -> Given {
        match scores {
            Scores::Best { best, total, remaining } => (best, [total, remaining]),
            Scores::All(_) => panic!("the best were wanted"),
        }
    }

    fn assert_the_whole_is_found<T: Integer>() {
        let case = Case::new();
        let best = Best { count: 1, ..Best::default() };
        for ((best, totals), row) in case.listed::<T>(&best).into_iter().zip(case.whole::<T>()) {
            let top = softmax::argmax(&row);
            assert_eq!(best, [(top as u32, row[top])]);
            let want = softmax::log_sum_exp(&row);
            assert!(totals.iter().all(|total| (total - want).abs() < 0.1), "{totals:?} for {want}");
        }
    }

    #[test]
    fn the_best_token_and_its_score_are_those_of_the_whole_projection_to_the_last_bit() {
        assert_the_whole_is_found::<i8>();
        assert_the_whole_is_found::<i16>();
    }

    #[test]
    fn tokens_that_may_not_come_are_never_the_best_and_can_be_left_out_of_the_total() {
        let case = Case::new();
        let whole = case.whole::<i8>();
        let ruled_out: Vec<u32> = whole.iter().map(|row| softmax::argmax(row) as u32).chain([u32::MAX]).collect();
        for renormalized in [false, true] {
            let best = Best { count: ruled_out.len() + 1, ruled_out: ruled_out.clone(), renormalized };
            for ((best, [total, remaining]), row) in case.listed::<i8>(&best).into_iter().zip(&whole) {
                let mut others = row.clone();
                for token in ruled_out.iter().filter(|token| **token < OUTPUTS as u32) {
                    others[*token as usize] = f32::NEG_INFINITY;
                }
                // Without its best token a row is flat, and the next best may be missed: one of sixty is.
                assert!(others[best[0].0 as usize] > f32::NEG_INFINITY && best[0].1 == row[best[0].0 as usize]);
                assert!((total - softmax::log_sum_exp(row)).abs() < 0.1);
                let want = softmax::log_sum_exp(if renormalized { &others } else { row });
                assert!((remaining - want).abs() < 0.1, "{remaining} for {want}");
            }
        }
    }

    #[test]
    fn a_row_gives_the_same_bits_alone_and_in_company() {
        let case = Case::new();
        let best = Best { count: 1, ..Best::default() };
        let list = Shortlist::<i8>::new(case.weights(), OUTPUTS, INPUTS);
        let together = case.listed::<i8>(&best);
        for (row, want) in case.hidden.chunks(INPUTS).zip(together) {
            assert_eq!(unpacked(list.scores(row, &[&best], case.weights()).remove(0)), want);
        }
    }

    #[test]
    fn most_tokens_are_never_computed() {
        let case = Case::new();
        let (list, best) =
            (Shortlist::<i8>::new(case.weights(), OUTPUTS, INPUTS), Best { count: 1, ..Best::default() });
        let x = &case.hidden[..INPUTS];
        let tables = list.codes.tables(x);
        let mut computed = List::new(&list, x, &best, &tables);
        let (mut sums, mut found) = ([[0; STRIPE]; 2], Found::default());
        for stripe in 0..list.biases.len() / STRIPE {
            let [first, second] = &mut sums;
            list.codes.scan(stripe, std::slice::from_ref(&tables), [first, second]);
            computed.take(stripe, first, &mut found);
        }
        computed.settle(OUTPUTS);
        assert!((1..OUTPUTS / 20).contains(&computed.settled.len()), "{}", computed.settled.len());
    }

    #[test]
    fn scores_far_from_zero_do_not_overflow() {
        let mut case = Case::new();
        case.hidden.iter_mut().for_each(|value| *value *= 60.0);
        let best = Best { count: 1, ..Best::default() };
        for ((_, [total, _]), row) in case.listed::<i8>(&best).into_iter().zip(case.whole::<i8>()) {
            let want = softmax::log_sum_exp(&row);
            assert!((total - want).abs() < 1.0, "{total} for {want}");
        }
    }

    #[test]
    fn a_row_that_is_no_number_gives_a_total_that_is_none() {
        let mut case = Case::new();
        case.hidden[5] = f32::NAN;
        let got = case.listed::<i8>(&Best { count: 1, ..Best::default() });
        assert!(got[0].1[0].is_nan() && got[1..].iter().all(|(_, totals)| totals[0].is_finite()));
    }
}
