//! Random steps of searches, and what the plain forms make of them: what the kernels are compared with, on a GPU before they
//! are used there, and by a test that emulates them.
//!
//! Separate because both comparisons take the same steps. The invariant: the steps are the same on every machine.

use super::{Laid, Plan, Rules, State, Turn, Verdict, plain};
use crate::engine::kernels::device::projection::{Reduced, reduce};
use candle_core::{Device, Result, Tensor};

/// Hypotheses of a source, at most.
const WIDEST: usize = 6;
const SEATS: usize = 4;
const SLOTS: usize = SEATS * WIDEST;
const POSITIONS: usize = 12;
const VOCABULARY: usize = 60;

/// One step, all of it on the CPU.
#[derive(Debug)]
pub struct Case {
    /// What the host tells of it.
    pub plan: Plan,
    /// The cell that its first row writes.
    pub first_cell: u32,
    /// The state before it.
    pub before: State,
    /// Its addresses.
    pub laid: Laid,
    /// What the model gave.
    pub reduced: Reduced,
    /// The state after it.
    pub after: State,
    /// How each source stands.
    pub verdicts: Vec<u32>,
}

/// Numbers that look random.
struct Random(u32);

impl Random {
    /// Returns a number below `below`.
    fn pick(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % below
    }

    fn rules(&mut self) -> Rules {
        let beams = [1, 2, 4, WIDEST][self.pick(4)];
        let eos = [vec![0], vec![5, 0], vec![0, 2, 9]][self.pick(3)].clone();
        Rules {
            beams,
            keep: if beams == 1 { 1 } else { (1 + eos.len()) * beams },
            greedy: beams == 1,
            start: 50 + self.pick(3) as u32,
            eos,
            renormalize: self.pick(2) == 0,
            stops_when_full: self.pick(3) == 0,
        }
    }

    fn turn<'a>(&mut self, rules: &'a Rules, seat: usize, position: usize) -> Turn<'a> {
        let forced = [vec![], vec![], vec![], vec![1], vec![0, 8]][self.pick(5)].clone();
        Turn {
            rules,
            slot: seat * WIDEST,
            position,
            ruled_out: if forced.is_empty() { [vec![], vec![3], vec![0, 7]][self.pick(3)].clone() } else { Vec::new() },
            forced,
            forced_score: [0.0, -0.693][self.pick(2)],
            last: position + 1 == POSITIONS,
            divisor: [1.0, (position + 1) as f32, 2.5][self.pick(3)],
            divisor_ahead: [1.0, (position + 1) as f32, POSITIONS as f32][self.pick(3)],
        }
    }

    /// Returns scores, (rows, vocabulary), of which many are equal, some are not to be had, and few are no numbers.
    fn scores(&mut self, rows: usize) -> Result<Tensor> {
        let mut values: Vec<f32> = (0..rows * VOCABULARY).map(|_| self.pick(9) as f32 * 0.75 - 3.0).collect();
        for row in values.chunks_exact_mut(VOCABULARY) {
            match self.pick(40) {
                0 => row[7] = f32::NAN,
                1 | 2 => row[..50].fill(f32::NEG_INFINITY),
                3 => row.iter_mut().for_each(|score| *score *= -0.0),
                _ => {}
            }
        }
        Tensor::from_vec(values, (rows, VOCABULARY), &Device::Cpu)
    }
}

/// Returns this many steps.
pub fn cases(count: usize) -> Result<Vec<Case>> {
    let mut random = Random(1);
    let mut sources: Vec<(Rules, usize)> = (0..SEATS).map(|_| (random.rules(), 0)).collect();
    let mut state = State::new(SLOTS, POSITIONS, &Device::Cpu)?;
    let mut cases = Vec::with_capacity(count);
    for step in 0..count {
        let seats = sources.iter().enumerate();
        let turns: Vec<Turn<'_>> = seats.map(|(seat, (rules, position))| random.turn(rules, seat, *position)).collect();
        let cells: Vec<_> = (0..SEATS).map(|seat| 10 * seat..10 * seat + 1 + random.pick(9)).collect();
        let plan = Plan::new(&turns, &cells, &Device::Cpu)?;
        let first_cell = (step % POSITIONS * SLOTS) as u32;
        let (before, laid) = (state.clone(), plain::lay(&state, &plan, first_cell)?);
        let reduced = reduce(&random.scores(plan.rows)?, None, &plan)?;
        let verdicts = plain::advance(&mut state, &plan, &reduced, first_cell)?;
        for (source, verdict) in sources.iter_mut().zip(&verdicts) {
            match Verdict::of(*verdict) {
                Verdict::Open => source.1 += 1,
                _ => *source = (random.rules(), 0),
            }
        }
        cases.push(Case { plan, first_cell, before, laid, reduced, after: state.clone(), verdicts });
    }
    Ok(cases)
}
