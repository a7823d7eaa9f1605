//! Greedy and beam search whose state stays on the device: hypotheses, their histories and scores, and what has ended.
//!
//! Separate from `decode`, whose state machines do the same on the host for every configuration: here a step is one kernel
//! for all sources, and the host is told of each only whether it is done. The invariant: the same tokens as there, from the
//! same scores, ties included.

pub mod plain;
mod plan;
mod rules;
mod state;
pub mod trial;

pub use plan::{Field, Plan, RowField};
pub use rules::{Rules, Turn, Verdict};
pub use state::{Laid, State};

use super::{projection::Reduced, ring::Ring};
use candle_core::{Device, Result, Tensor, bail};
use state::{ABSENT, advance, lay};

/// Continuations that the search of a source may look at in one step.
pub const MOST_CANDIDATES: usize = 1536;

/// Hypotheses of a source that may be open.
pub const MOST_BEAMS: usize = 32;

/// Tokens of a vocabulary: a token and the beam before it share 32 bits.
pub const MOST_TOKENS: usize = 1 << 24;

/// What the host keeps of a source.
#[derive(Debug, Clone, Default)]
struct Seat {
    beams: usize,
    source_tokens: usize,
    /// The cell that its first beam wrote at each position; those of the others lie behind it.
    written: Vec<u32>,
}

/// The output of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The tokens after the start token.
    pub tokens: Vec<u32>,
    /// Summed log-probability of the tokens before any processing.
    pub raw_score: f32,
    /// Tapped attention of the step that chose each token; empty where none was tapped.
    pub attention: Vec<Vec<f32>>,
}

/// A step that has begun.
#[derive(Debug)]
pub struct Begun {
    pub(super) plan: Plan,
    /// The last token of each row, (rows).
    pub tokens: Tensor,
    /// The cell that the first row writes.
    first_cell: u32,
}

impl Begun {
    /// Returns the count of each row's tokens after the start token.
    pub fn positions(&self) -> Vec<u32> {
        self.plan.host_row_field(RowField::Length).iter().map(|length| length - 1).collect()
    }
}

/// The searches of a batch.
#[derive(Debug)]
pub struct Searches {
    state: State,
    capacity: usize,
    /// Of the source whose first hypothesis is in a slot.
    seats: Vec<Seat>,
}

impl Searches {
    /// Returns searches of nothing, for `slots` hypotheses of up to `capacity` tokens.
    pub fn new(slots: usize, capacity: usize, device: &Device) -> Result<Searches> {
        Ok(Searches { state: State::new(slots, capacity, device)?, capacity, seats: vec![Seat::default(); slots] })
    }

    /// Makes room for hypotheses of `capacity` tokens, whose cells may have moved.
    pub fn grow(&mut self, capacity: usize, moved: Option<&[u32]>) -> Result<()> {
        if let Some(moved) = moved {
            let shape = self.state.cells.shape().clone();
            let places = Tensor::new(moved, self.state.cells.device())?;
            self.state.cells = places.index_select(&self.state.cells.flatten_all()?, 0)?.reshape(shape)?;
            let cells = self.seats.iter_mut().flat_map(|seat| &mut seat.written);
            // A source that is long gone may name a cell that is not there any more.
            cells.for_each(|cell| *cell = moved.get(*cell as usize).copied().unwrap_or(0));
        }
        if capacity <= self.capacity {
            return Ok(());
        }
        for tensor in [&mut self.state.trail, &mut self.state.cells] {
            let grown = Tensor::zeros((tensor.dim(0)?, capacity), tensor.dtype(), tensor.device())?;
            grown.slice_set(tensor, 1, 0)?;
            *tensor = grown;
        }
        self.capacity = capacity;
        Ok(())
    }

    /// Begins a step whose first row writes this cell.
    pub fn begin(&mut self, turns: &[Turn<'_>], plan: Plan, first_cell: u32) -> Result<(Begun, Laid)> {
        let lengths = plan.host_row_field(RowField::SourceLength);
        let mut row = 0;
        for turn in turns {
            let seat = &mut self.seats[turn.slot];
            (seat.beams, seat.source_tokens) = (turn.rules.beams, lengths[row] as usize);
            seat.written.truncate(turn.position);
            if seat.written.len() < turn.position {
                bail!("a source was passed over in a step");
            }
            seat.written.push(first_cell + row as u32);
            row += turn.rules.beams;
        }
        let laid = lay(&self.state, &plan, first_cell)?;
        Ok((Begun { plan, tokens: laid.tokens.clone(), first_cell }, laid))
    }

    /// Moves every search on by what the model gave its rows.
    pub fn advance(&mut self, begun: &Begun, reduced: &Reduced) -> Result<Vec<Verdict>> {
        let verdicts = advance(&mut self.state, &begun.plan, reduced, begun.first_cell)?;
        Ok(verdicts.into_iter().map(Verdict::of).collect())
    }

    /// Returns the outputs of the sources whose first hypotheses are in these slots; none for one that ended without.
    pub fn outputs(&self, slots: &[usize], ring: &Ring) -> Result<Vec<Option<Output>>> {
        let (seats, device) = (|| slots.iter().map(|slot| (*slot, &self.seats[*slot])), self.state.open.device());
        let firsts: Vec<u32> = slots.iter().map(|slot| *slot as u32).collect();
        let all: Vec<u32> =
            seats().flat_map(|(slot, seat)| (slot..slot + seat.beams).map(|slot| slot as u32)).collect();
        let longest = seats().map(|(_, seat)| seat.written.len()).max().unwrap_or(0);
        let ended = self.state.ended.index_select(&Tensor::new(firsts, device)?, 0)?.to_vec2::<u32>()?;
        let trails = self.state.trail.index_select(&Tensor::new(all, device)?, 0)?.narrow(1, 0, longest)?;
        let trails = trails.to_vec2::<u32>()?;
        let (mut trails, mut cells) = (trails.as_slice(), Vec::new());
        let mut outputs = Vec::with_capacity(slots.len());
        for ((_, seat), best) in seats().zip(ended) {
            let (own, others) = trails.split_at(seat.beams);
            trails = others;
            outputs.push(walk(&best, own).map(|(tokens, lineage)| {
                cells.extend(seat.written.iter().zip(lineage).map(|(first, beam)| first + beam));
                Output { tokens, raw_score: f32::from_bits(best[1]), attention: Vec::new() }
            }));
        }
        let Some(taps) = ring.tapped(&cells)? else { return Ok(outputs) };
        let mut taps = taps.into_iter();
        for ((_, seat), output) in seats().zip(&mut outputs) {
            let Some(output) = output else { continue };
            output.attention = taps.by_ref().take(output.tokens.len()).collect();
            output.attention.iter_mut().for_each(|row| row.truncate(seat.source_tokens));
        }
        Ok(outputs)
    }
}

/// Returns the tokens of an ended hypothesis, and the beam that wrote each position.
fn walk(ended: &[u32], trail: &[Vec<u32>]) -> Option<(Vec<u32>, Vec<u32>)> {
    let [_, _, count, mut beam, mut token] = ended[..] else { return None };
    if count == ABSENT {
        return None;
    }
    let (mut tokens, mut lineage) = (vec![0; count as usize], vec![0; count as usize]);
    for position in (0..count as usize).rev() {
        (tokens[position], lineage[position]) = (token, beam);
        if position > 0 {
            let before = trail[beam as usize][position - 1];
            (token, beam) = (before & 0xff_ffff, before >> 24);
        }
    }
    Some((tokens, lineage))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{
        decode::{Search, resident, search},
        generation::{EarlyStopping, GenerationConfig},
        kernels::{
            device::projection::{reduce, unpack},
            projection::{Best, Scores, Wanted},
            tests::values,
        },
    };
    use candle_core::DType;

    const VOCABULARY: usize = 64;
    const WIDEST: usize = 6;

    /// A source with its search on the host and on the device.
    struct Both {
        seed: u32,
        host: Box<dyn Search>,
        here: resident::Resident,
        /// The first cell of each step.
        cells: Vec<u32>,
    }

    /// Returns a number below `below` that looks random.
    fn pick(seed: u32, salt: u32, below: usize) -> usize {
        let value = values(1, seed.wrapping_mul(7919) ^ salt.wrapping_mul(104_729))[0] + 0.5;
        ((value * below as f32) as usize).min(below - 1)
    }

    fn config(seed: u32) -> GenerationConfig {
        let pick = |salt, below| pick(seed, salt, below);
        let config = GenerationConfig {
            num_beams: [1, 1, 2, 3, 4, WIDEST][pick(1, 6)],
            // Short ones first, so that what holds them has gone round more than once when it grows.
            max_length: 2 + pick(2, 14.min(1 + seed as usize / 8)),
            min_length: pick(3, 5),
            min_new_tokens: pick(4, 3),
            length_penalty: [1.0, 0.0, -0.5, 2.0, 0.6][pick(5, 5)],
            early_stopping: [EarlyStopping::Heuristic, EarlyStopping::Always, EarlyStopping::Never][pick(6, 3)],
            bad_words: vec![vec![3]],
            forced_bos: [None, None, Some(9)][pick(7, 3)],
            forced_eos: [vec![], vec![0], vec![5, 0]][pick(8, 3)].clone(),
            suppress: vec![4; pick(9, 2)],
            begin_suppress: vec![6; pick(10, 2)],
            renormalize_logits: pick(11, 2) == 1,
            eos: [vec![0], vec![0, 5], vec![7, 0, 5]][pick(12, 3)].clone(),
            ..GenerationConfig::of(r#"{"decoder_start_token_id": 3, "eos_token_id": 0}"#)
        };
        assert!(resident::suits(&config, VOCABULARY));
        config
    }

    /// Returns the scores of the next token: few different ones, so that many tie, in a row and between beams.
    fn scores(seed: u32, tokens: &[u32]) -> Vec<f32> {
        let alike = pick(seed, 13, 2) == 0;
        let told = if alike {
            tokens.len() as u32
        } else {
            tokens.iter().fold(7, |hash: u32, token| hash.wrapping_mul(31) ^ token)
        };
        let mut row: Vec<f32> = values(VOCABULARY, seed ^ told.wrapping_mul(2_654_435_761))
            .into_iter()
            .map(|value| (value * 8.0).round() / 2.0)
            .collect();
        if pick(seed ^ told, 14, 8) == 0 {
            // Fewer that may come at all than are looked at.
            (0..VOCABULARY).filter(|token| !(10..13).contains(token)).for_each(|token| row[token] = f32::NEG_INFINITY);
        }
        row
    }

    /// The attention that a beam has at a position: two places, so that it is told where they are cut.
    fn attention(seed: u32, position: usize, beam: u32) -> [f32; 2] {
        [seed as f32, (position * WIDEST) as f32 + beam as f32]
    }

    impl Both {
        fn new(seed: u32, slot: usize) -> Both {
            let config = config(seed);
            Both { seed, host: search(&config), here: resident::Resident::new(config, slot), cells: Vec::new() }
        }

        /// Moves the host's search on by what was reduced for its rows.
        fn advance(&mut self, reduced: &[Vec<f32>], count: usize) {
            let wanted = self.host.wanted(VOCABULARY);
            let of_row = |(row, wanted): (usize, &Wanted)| match wanted {
                Wanted::All => Scores::All(scores(self.seed, &self.host.open()[row].tokens)),
                Wanted::Best(best) => {
                    assert_eq!(best.count, self.here.turn().count());
                    let mut own = reduced[row].clone();
                    if !self.here.turn().rules.renormalize {
                        // Taken for the sake of others.
                        own[1] = own[0];
                    }
                    unpack(&own, count, &Best { ruled_out: Vec::new(), ..best.clone() })
                }
            };
            let mut scores: Vec<Scores> = wanted.iter().enumerate().map(of_row).collect();
            self.host.advance(&mut scores);
        }

        fn assert_output(&self, got: Option<Output>) {
            let Some(best) = self.host.best() else {
                assert!(got.is_none(), "seed {}", self.seed);
                return;
            };
            let got = got.unwrap();
            assert_eq!(got.tokens, best.tokens[1..], "seed {}", self.seed);
            let same = got.raw_score == best.raw_score || (got.raw_score - best.raw_score).abs() < 1e-4;
            assert!(same, "seed {}: {} {}", self.seed, got.raw_score, best.raw_score);
            let attention = |(position, beam): (usize, &u32)| attention(self.seed, position, *beam).to_vec();
            let want: Vec<Vec<f32>> = best.lineage.iter().enumerate().map(attention).collect();
            assert_eq!(got.attention, want, "seed {}", self.seed);
        }
    }

    /// Runs sources side by side, another one in the place of each that is done, until so many have begun.
    fn run(sources: u32) -> usize {
        let slots = 3 * WIDEST;
        // One position at first, so that it grows on the way.
        let mut ring = Ring::new((1, slots, 1, 1), &Device::Cpu, DType::F32);
        let mut searches = Searches::new(slots, 1, &Device::Cpu).unwrap();
        let (mut begun_sources, mut done, mut moves) = (0, 0, 0);
        let mut seats: Vec<Option<Both>> = (0..3).map(|_| None).collect();
        loop {
            for (seat, both) in seats.iter_mut().enumerate().filter(|(_, both)| both.is_none()) {
                if begun_sources < sources {
                    *both = Some(Both::new(begun_sources, seat * WIDEST));
                    begun_sources += 1;
                }
            }
            let mut active: Vec<&mut Both> = seats.iter_mut().flatten().collect();
            if active.is_empty() {
                assert!(moves > 0);
                return done;
            }
            let verdicts = step(&mut active, &mut ring, &mut searches, &mut moves);
            for (verdict, both) in verdicts.into_iter().zip(active) {
                assert_eq!(verdict == Verdict::Done, both.host.done(), "seed {}", both.seed);
                match verdict {
                    Verdict::Open => both.here.advance(),
                    _ => {
                        let slot = both.here.turn().slot;
                        both.assert_output(searches.outputs(&[slot], &ring).unwrap().remove(0));
                        done += 1;
                    }
                }
            }
            seats
                .iter_mut()
                .filter(|both| both.as_ref().is_some_and(|both| both.host.done()))
                .for_each(|both| *both = None);
        }
    }

    /// Moves every source on; `moves` counts the steps before which cells that lay elsewhere moved.
    fn step(active: &mut [&mut Both], ring: &mut Ring, searches: &mut Searches, moves: &mut usize) -> Vec<Verdict> {
        let turns: Vec<Turn<'_>> = active.iter().map(|both| both.here.turn()).collect();
        let plan = Plan::new(&turns, &vec![5..7; turns.len()], &Device::Cpu).unwrap();
        let longest = turns.iter().map(|turn| turn.position + 1).max().unwrap();
        let (first_cell, moved) = ring.begin_known(plan.rows, longest).unwrap();
        searches.grow(ring.positions(), moved.as_deref()).unwrap();
        *moves += usize::from(moved.iter().flatten().zip(0..).any(|(to, from)| *to != from));
        let (begun, laid) = searches.begin(&turns, plan, first_cell).unwrap();
        let widths: Vec<usize> = turns.iter().map(|turn| turn.rules.beams).collect();
        drop(turns);
        let (tokens, history) = (laid.tokens.to_vec1::<u32>().unwrap(), laid.history.to_vec2::<u32>().unwrap());
        assert_eq!(laid.sources.to_vec2::<u32>().unwrap(), vec![vec![5, 6]; tokens.len()]);
        let (mut rows, mut taps, mut row) = (Vec::new(), Vec::new(), 0);
        for (both, width) in active.iter_mut().zip(&widths) {
            if let Some(moved) = &moved {
                both.cells.iter_mut().for_each(|cell| *cell = moved[*cell as usize]);
            }
            both.cells.push(first_cell + row as u32);
            for beam in 0..*width {
                taps.extend(attention(both.seed, both.cells.len() - 1, beam as u32));
                let Some(open) = both.host.open().get(beam) else {
                    rows.extend(scores(99, &[beam as u32]));
                    row += 1;
                    continue;
                };
                assert_eq!(tokens[row], *open.tokens.last().unwrap(), "seed {}", both.seed);
                let own = both.cells.iter().zip(open.lineage.iter().copied().chain([beam as u32]));
                let want: Vec<u32> = own.map(|(first, beam)| first + beam).collect();
                assert_eq!(history[row][..want.len()], want, "seed {}", both.seed);
                rows.extend(scores(both.seed, &open.tokens));
                row += 1;
            }
        }
        let tensor = |values, width| Tensor::from_vec(values, (row, width), &Device::Cpu).unwrap();
        ring.tap(&tensor(taps, 2)).unwrap();
        let reduced = reduce(&tensor(rows, VOCABULARY), None, &begun.plan).unwrap();
        let verdicts = searches.advance(&begun, &reduced).unwrap();
        let best = reduced.best.to_vec2::<f32>().unwrap();
        let mut best = best.as_slice();
        for (both, width) in active.iter_mut().zip(widths) {
            let (own, others) = best.split_at(width);
            both.advance(own, begun.plan.count);
            best = others;
        }
        verdicts
    }

    #[test]
    fn every_source_gets_the_tokens_that_the_hosts_search_gives_it_ties_included() {
        assert_eq!(run(1500), 1500);
    }

    #[test]
    fn scores_that_are_no_numbers_are_told_of_the_source_that_has_them() {
        let mut searches = Searches::new(4, 1, &Device::Cpu).unwrap();
        let config = GenerationConfig::of(r#"{"decoder_start_token_id": 3, "eos_token_id": 0, "num_beams": 2}"#);
        let both = [0, 2].map(|slot| resident::Resident::new(config.clone(), slot));
        let turns = [both[0].turn(), both[1].turn()];
        let plan = Plan::new(&turns, &[0..1, 0..1], &Device::Cpu).unwrap();
        let (begun, _) = searches.begin(&turns, plan, 0).unwrap();
        let mut rows = vec![1f32; 4 * VOCABULARY];
        // The second row is nobody's yet.
        (rows[VOCABULARY], rows[2 * VOCABULARY]) = (f32::NAN, f32::NAN);
        let rows = Tensor::from_vec(rows, (4, VOCABULARY), &Device::Cpu).unwrap();
        let reduced = reduce(&rows, None, &begun.plan).unwrap();
        assert_eq!(searches.advance(&begun, &reduced).unwrap(), [Verdict::Open, Verdict::Damaged]);
    }
}
