//! The steps of a search in plain Rust, on copies of the state: what the kernels are compared with, and what runs where
//! operations on the CPU take the form they have on a device.
//!
//! Separate because it reads as `decode` does, where the kernels count ranks. The invariant: every bit of the state is the one
//! that the kernels leave, but for hypotheses that are not open.

use super::{
    Field, Laid, Plan, RowField, State,
    plan::{Flag, Record},
    state::ABSENT,
};
use crate::engine::kernels::device::projection::Reduced;
use candle_core::{Result, Tensor};

/// Stands for a beam that is not available; see `decode::beam`.
const UNAVAILABLE: f32 = -1.0e9;

/// Returns the addresses of a step; see `Laid`.
pub fn lay(state: &State, plan: &Plan, first_cell: u32) -> Result<Laid> {
    let (open, cells) = (state.open.to_vec2::<u32>()?, state.cells.to_vec2::<u32>()?);
    let field = |field| plan.host_row_field(field).iter().map(|value| *value as usize);
    let (slots, lengths) = (|| field(RowField::Slot), || field(RowField::Length));
    let starts = plan.host_row_field(RowField::Start);
    let token = |((slot, length), start): ((usize, usize), &u32)| if length == 1 { *start } else { open[slot][0] };
    let tokens: Vec<u32> = slots().zip(lengths()).zip(starts).map(token).collect();
    let longest = lengths().max().unwrap_or(0);
    let history = slots().zip(lengths()).enumerate().flat_map(|(row, (slot, length))| {
        let earlier = cells[slot][..length - 1].iter().copied();
        earlier.chain(std::iter::repeat(first_cell + row as u32)).take(longest)
    });
    let source_longest = field(RowField::SourceLength).max().unwrap_or(0);
    let sources = field(RowField::SourceStart)
        .zip(field(RowField::SourceLength))
        .flat_map(|(start, length)| (0..source_longest).map(move |t| (start + t.min(length - 1)) as u32));
    let (device, table) = (state.open.device(), |longest| (plan.rows, longest));
    Ok(Laid {
        tokens: Tensor::new(tokens, device)?,
        history: Tensor::from_vec(history.collect::<Vec<_>>(), table(longest), device)?,
        sources: Tensor::from_vec(sources.collect::<Vec<_>>(), table(source_longest), device)?,
    })
}

/// Moves every search on and returns its verdict.
pub fn advance(state: &mut State, plan: &Plan, reduced: &Reduced, first_cell: u32) -> Result<Vec<u32>> {
    let best = reduced.best.to_vec2::<f32>()?;
    let forced = match &reduced.forced {
        Some(forced) => forced.to_vec2::<f32>()?,
        None => vec![Vec::new(); plan.rows],
    };
    let mut rows = Rows {
        open: state.open.to_vec2()?,
        ended: state.ended.to_vec2()?,
        trail: state.trail.to_vec2()?,
        cells: state.cells.to_vec2()?,
    };
    let verdict = |source: usize| {
        let record = plan.record(source);
        let (first, beams) = (record.number(Field::FirstRow), record.number(Field::Beams));
        let given = (first..first + beams).map(|row| Given { best: &best[row], forced: &forced[row] }).collect();
        let step = Step { record, given, first_cell: first_cell + first as u32, count: plan.count };
        step.advance(&mut rows)
    };
    let verdicts = (0..plan.sources).map(verdict).collect();
    let device = state.open.device().clone();
    for (tensor, rows) in [
        (&mut state.open, rows.open),
        (&mut state.ended, rows.ended),
        (&mut state.trail, rows.trail),
        (&mut state.cells, rows.cells),
    ] {
        *tensor = Tensor::new(rows, &device)?;
    }
    Ok(verdicts)
}

/// The state, a row a slot.
struct Rows {
    open: Vec<Vec<u32>>,
    ended: Vec<Vec<u32>>,
    trail: Vec<Vec<u32>>,
    cells: Vec<Vec<u32>>,
}

/// What the model gave for a row.
struct Given<'a> {
    best: &'a [f32],
    forced: &'a [f32],
}

/// One source in one step.
struct Step<'a> {
    record: Record<'a>,
    given: Vec<Given<'a>>,
    first_cell: u32,
    count: usize,
}

#[derive(Clone, Copy)]
struct Open {
    token: u32,
    score: f32,
    raw: f32,
}

/// A hypothesis one token on.
#[derive(Clone, Copy)]
struct Candidate {
    beam: usize,
    token: u32,
    score: f32,
    raw: f32,
}

#[derive(Clone, Copy)]
struct Ended {
    score: f32,
    raw: f32,
    count: u32,
    beam: u32,
    token: u32,
}

impl Step<'_> {
    fn advance(&self, rows: &mut Rows) -> u32 {
        let open = self.open(rows);
        if self.given.iter().take(open.len()).any(|given| given.best[0].is_nan()) {
            return 2;
        }
        let (keep, slot, position) = (self.number(Field::Keep), self.number(Field::Slot), self.number(Field::Position));
        let mut candidates = Vec::new();
        for (beam, open) in open.iter().enumerate() {
            for candidate in self.of_row(beam) {
                let score = match self.record.is(Flag::Greedy) {
                    true => candidate.score,
                    false => candidate.score + open.score,
                };
                candidates.push(Candidate { score, raw: open.raw + candidate.raw, ..candidate });
            }
        }
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
        candidates.truncate(keep);
        let (chosen, done) = match self.record.is(Flag::Greedy) {
            true => self.greedy(&candidates, &open, rows),
            false => self.beam(&candidates, rows),
        };
        if done {
            return 1;
        }
        self.reopen(&chosen, (slot, position), rows);
        0
    }

    fn number(&self, field: Field) -> usize {
        self.record.number(field)
    }

    fn open(&self, rows: &Rows) -> Vec<Open> {
        if self.number(Field::Position) == 0 {
            return vec![Open { token: ABSENT, score: 0.0, raw: 0.0 }];
        }
        let own = rows.open[self.number(Field::Slot)..].iter().take(self.number(Field::Beams));
        let open = |row: &Vec<u32>| Open { token: row[0], score: f32::from_bits(row[1]), raw: f32::from_bits(row[2]) };
        own.filter(|row| row[3] == 1).map(open).collect()
    }

    /// Returns the best continuations of a row, best first; see `decode::processors::candidates`.
    fn of_row(&self, beam: usize) -> Vec<Candidate> {
        let (keep, given) = (self.number(Field::Keep), &self.given[beam]);
        let (total, remaining) = (given.best[0], given.best[1]);
        let mut candidates = Vec::new();
        if self.record.forced.is_empty() {
            let greedy = self.record.is(Flag::Greedy);
            let offset = if greedy { 0.0 } else { total };
            let rest = if !greedy && self.record.is(Flag::Renormalize) { remaining - total } else { 0.0 };
            let (values, tokens) = given.best[2..].split_at(self.count);
            for (value, token) in values.iter().zip(tokens).take(self.number(Field::Count)) {
                let (token, score) = (*token as u32, value - offset);
                if !self.record.names.contains(&token) {
                    candidates.push(Candidate { beam, token, score: score - rest, raw: score - (total - offset) });
                }
            }
            candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.token.cmp(&b.token)));
        } else {
            for (token, score) in self.record.forced.iter().zip(given.forced) {
                let forced_score = self.record.real(Field::ForcedScore);
                candidates.push(Candidate { beam, token: *token, score: forced_score, raw: score - total });
            }
            let others = (0..).filter(|token| !self.record.forced.contains(token));
            let impossible = |token| Candidate { beam, token, score: f32::NEG_INFINITY, raw: f32::NEG_INFINITY };
            candidates.extend(others.take(keep).map(impossible));
        }
        candidates.truncate(keep);
        candidates
    }

    fn ends(&self, candidate: &Candidate) -> bool {
        self.record.is(Flag::Last) || self.record.ends(candidate.token)
    }

    /// Returns the open hypothesis, and true where the search is done.
    fn greedy(&self, candidates: &[Candidate], open: &[Open], rows: &mut Rows) -> (Vec<Candidate>, bool) {
        let (slot, position) = (self.number(Field::Slot), self.number(Field::Position) as u32);
        let Some(best) = candidates.first() else {
            // Every token is ruled out: what there is stays the output.
            let current = Ended { score: 0.0, raw: open[0].raw, count: position, beam: 0, token: open[0].token };
            write_ended(&mut rows.ended[slot], current);
            return (Vec::new(), true);
        };
        let ended = Ended { score: 0.0, raw: best.raw, count: position + 1, beam: 0, token: best.token };
        write_ended(&mut rows.ended[slot], ended);
        (vec![*best], self.ends(best))
    }

    /// Returns the open hypotheses, and true where the search is done; see `decode::beam`.
    fn beam(&self, candidates: &[Candidate], rows: &mut Rows) -> (Vec<Candidate>, bool) {
        let (slot, beams) = (self.number(Field::Slot), self.number(Field::Beams));
        let position = self.number(Field::Position) as u32;
        let penalized = |candidate: &Candidate| {
            let penalty = if self.ends(candidate) { UNAVAILABLE } else { 0.0 };
            Candidate { score: candidate.score + penalty, ..*candidate }
        };
        let mut chosen: Vec<Candidate> = candidates.iter().map(penalized).collect();
        chosen.sort_by(|a, b| b.score.total_cmp(&a.score));
        chosen.truncate(beams);

        let absent = Ended { score: UNAVAILABLE, raw: 0.0, count: ABSENT, beam: 0, token: 0 };
        let mut ended: Vec<Ended> = match position {
            0 => vec![absent; beams],
            _ => rows.ended[slot..slot + beams].iter().map(|row| read_ended(row)).collect(),
        };
        for candidate in candidates.iter().take(beams).filter(|candidate| self.ends(candidate)) {
            let score = candidate.score / self.record.real(Field::Divisor);
            let (beam, count) = (candidate.beam as u32, position + 1);
            ended.push(Ended { score, raw: candidate.raw, count, beam, token: candidate.token });
        }
        ended.sort_by(|a, b| b.score.total_cmp(&a.score));
        ended.truncate(beams);
        ended.iter().zip(&mut rows.ended[slot..]).for_each(|(ended, row)| write_ended(row, *ended));

        let worst = ended.iter().map(|ended| ended.score).fold(f32::INFINITY, f32::min);
        let may_improve = chosen.first().is_some_and(|best| {
            let best = best.score / self.record.real(Field::DivisorAhead);
            ended.iter().any(|ended| best > if ended.count == ABSENT { UNAVAILABLE } else { worst })
        });
        let full = ended.iter().all(|ended| ended.count != ABSENT);
        let satisfied = full && self.record.is(Flag::StopsWhenFull);
        let done = !may_improve || satisfied || candidates.iter().all(|candidate| self.ends(candidate));
        (chosen, done)
    }

    /// Opens the hypotheses of the next step.
    fn reopen(&self, chosen: &[Candidate], (slot, position): (usize, usize), rows: &mut Rows) {
        let before: Vec<Vec<u32>> = rows.cells[slot..slot + self.number(Field::Beams)].to_vec();
        for beam in 0..before.len() {
            let place = slot + beam;
            let Some(next) = chosen.get(beam) else {
                rows.open[place][3] = 0;
                // What it reads must be there, though nobody asks what comes of it.
                rows.cells[place][..position].copy_from_slice(&before[0][..position]);
                rows.cells[place][position] = self.first_cell;
                continue;
            };
            rows.open[place] = vec![next.token, next.score.to_bits(), next.raw.to_bits(), 1];
            rows.trail[place][position] = (next.beam as u32) << 24 | next.token;
            rows.cells[place][..position].copy_from_slice(&before[next.beam][..position]);
            rows.cells[place][position] = self.first_cell + next.beam as u32;
        }
    }
}

fn read_ended(row: &[u32]) -> Ended {
    Ended { score: f32::from_bits(row[0]), raw: f32::from_bits(row[1]), count: row[2], beam: row[3], token: row[4] }
}

fn write_ended(row: &mut [u32], ended: Ended) {
    row.copy_from_slice(&[ended.score.to_bits(), ended.raw.to_bits(), ended.count, ended.beam, ended.token]);
}
