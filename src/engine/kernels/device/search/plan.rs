//! What the host tells a device of a step: which rows there are, and what the search of each source must know.
//!
//! Separate because the plain form and the kernel read the same numbers. The invariant: it is one copy to the device, and
//! none of it grows with the length of an output.

use super::Turn;
use candle_core::{Device, Result, Tensor};
use std::ops::Range;

/// Stands for no token where lists of several lengths lie side by side.
pub const NONE: u32 = u32::MAX;

/// What is known of a row, each a list of its own; in the order of the kernel's `enum RowField`.
#[derive(Debug, Clone, Copy)]
pub enum RowField {
    /// The slot that holds its hypothesis.
    Slot,
    /// Cells it attends to, that of this step included.
    Length,
    /// The token before its first one.
    Start,
    /// The first cell of its source.
    SourceStart,
    /// Cells of its source.
    SourceLength,
}

const ROW_FIELDS: usize = 5;

/// What is known of a source, side by side; in the order of the kernel's `enum Field`. Behind it come the tokens that end an
/// output.
#[derive(Debug, Clone, Copy)]
pub enum Field {
    /// The slot of its first hypothesis.
    Slot,
    /// Its first row in this step.
    FirstRow,
    /// Its hypotheses, a row each.
    Beams,
    /// Continuations that are looked at.
    Keep,
    /// Scores of a row that are looked at.
    Count,
    /// Tokens after the start token so far.
    Position,
    /// Bits, see `Flag`.
    Flags,
    /// Tokens that are forced.
    Forced,
    /// The score of a token that is forced, f32.
    ForcedScore,
    /// What the scores of outputs that end now are divided by, f32.
    Divisor,
    /// What the best open score is divided by when it is asked whether it may still win, f32.
    DivisorAhead,
}

/// Numbers of a source before the tokens that end an output.
pub const FIELDS: usize = 11;

/// In the order of the kernel's `enum Flag`.
#[derive(Debug, Clone, Copy)]
pub enum Flag {
    /// Greedy search.
    Greedy = 1,
    /// Scores are made log-probabilities again after tokens were ruled out.
    Renormalize = 2,
    /// Every output ends now.
    Last = 4,
    /// It is enough that as many outputs have ended as there are beams.
    StopsWhenFull = 8,
}

/// The numbers of a step, here and on the device.
#[derive(Debug)]
pub struct Plan {
    values: Vec<u32>,
    device: Tensor,
    /// Rows of the step.
    pub rows: usize,
    /// Sources of the step.
    pub sources: usize,
    /// Tokens that are ruled out, at most.
    pub names: usize,
    /// Tokens that are forced, at most.
    pub forced: usize,
    /// Numbers of a source.
    pub width: usize,
    /// Scores to take of each row, at most.
    pub count: usize,
    renormalizes: bool,
}

impl Plan {
    /// Returns the plan of a step of these sources, each with the cells that it lies in.
    pub fn new(turns: &[Turn<'_>], cells: &[Range<usize>], device: &Device) -> Result<Plan> {
        let most = |of: fn(&Turn<'_>) -> usize| turns.iter().map(of).max().unwrap_or(0);
        let names = most(|turn| turn.ruled_out.len());
        let forced = most(|turn| turn.forced.len());
        let endings = most(|turn| turn.rules.eos.len());
        let rows =
            || turns.iter().zip(cells).flat_map(|(turn, cells)| (0..turn.rules.beams).map(move |b| (b, turn, cells)));
        let mut values = Vec::new();
        values.extend(rows().map(|(beam, turn, _)| (turn.slot + beam) as u32));
        values.extend(rows().map(|(_, turn, _)| turn.position as u32 + 1));
        values.extend(rows().map(|(_, turn, _)| turn.rules.start));
        values.extend(rows().map(|(_, _, cells)| cells.start as u32));
        values.extend(rows().map(|(_, _, cells)| cells.len() as u32));
        let rows_count = values.len() / ROW_FIELDS;
        values.extend(rows().flat_map(|(_, turn, _)| padded(&turn.ruled_out, names, NONE)));
        // A token that is there: what is gathered for it is not looked at.
        values.extend(rows().flat_map(|(_, turn, _)| padded(&turn.forced, forced, 0)));
        let mut first_row = 0;
        for turn in turns {
            values.extend(record(turn, first_row));
            values.extend(padded(&turn.rules.eos, endings, NONE));
            first_row += turn.rules.beams;
        }
        Ok(Plan {
            device: Tensor::new(values.as_slice(), device)?,
            values,
            rows: rows_count,
            sources: turns.len(),
            names,
            forced,
            width: FIELDS + endings,
            count: most(|turn| turn.count()),
            renormalizes: turns.iter().any(|turn| turn.rules.renormalize),
        })
    }

    /// Returns the same plan on a device.
    pub fn to_device(&self, device: &Device) -> Result<Plan> {
        Ok(Plan { device: self.device.to_device(device)?, values: self.values.clone(), ..*self })
    }

    /// Returns every number: those of the rows, the tokens ruled out, the tokens forced, those of the sources.
    pub fn values(&self) -> &[u32] {
        &self.values
    }

    /// Returns the most candidates of a source, and the most continuations that one keeps.
    pub fn room(&self) -> [usize; 2] {
        let records = || (0..self.sources).map(|source| self.record(source));
        let candidates = |record: Record<'_>| record.number(Field::Beams) * record.number(Field::Count);
        let most = |of: &dyn Fn(Record<'_>) -> usize| records().map(of).max().unwrap_or(0);
        [most(&candidates), most(&|record| record.number(Field::Keep))]
    }

    /// Returns one number of each row, (rows), on the device.
    pub fn row_field(&self, field: RowField) -> Result<Tensor> {
        self.device.narrow(0, field as usize * self.rows, self.rows)
    }

    /// Returns one number of each row.
    pub fn host_row_field(&self, field: RowField) -> &[u32] {
        &self.values[field as usize * self.rows..][..self.rows]
    }

    /// Returns the tokens ruled out in each row, (rows, names), on the device.
    pub fn ruled_out(&self) -> Result<Option<Tensor>> {
        self.lists(ROW_FIELDS * self.rows, self.names)
    }

    /// Returns the same where their total is asked for.
    pub fn ruled_out_of_totals(&self) -> Result<Option<Tensor>> {
        if self.renormalizes { self.ruled_out() } else { Ok(None) }
    }

    /// Returns the tokens forced in each row, (rows, forced), on the device.
    pub fn forced_tokens(&self) -> Result<Option<Tensor>> {
        self.lists((ROW_FIELDS + self.names) * self.rows, self.forced)
    }

    fn lists(&self, start: usize, width: usize) -> Result<Option<Tensor>> {
        match width {
            0 => Ok(None),
            _ => self.device.narrow(0, start, self.rows * width)?.reshape((self.rows, width)).map(Some),
        }
    }

    fn records_start(&self) -> usize {
        (ROW_FIELDS + self.names + self.forced) * self.rows
    }

    /// Returns the numbers of each source, (sources, width), on the device.
    pub fn records(&self) -> Result<Tensor> {
        self.device.narrow(0, self.records_start(), self.sources * self.width)?.reshape((self.sources, self.width))
    }

    /// Returns the numbers of a source.
    pub fn record(&self, source: usize) -> Record<'_> {
        let values = &self.values[self.records_start() + source * self.width..][..self.width];
        let row = values[Field::FirstRow as usize] as usize;
        let names = &self.values[ROW_FIELDS * self.rows + row * self.names..][..self.names];
        let forced = &self.values[(ROW_FIELDS + self.names) * self.rows + row * self.forced..][..self.forced];
        Record { forced: &forced[..values[Field::Forced as usize] as usize], values, names }
    }
}

/// What the plan says of one source.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    values: &'a [u32],
    /// Tokens that may not come.
    pub names: &'a [u32],
    /// Tokens of which one must come, the lowest first; none where any may.
    pub forced: &'a [u32],
}

impl Record<'_> {
    /// Returns a count or a place.
    pub fn number(&self, field: Field) -> usize {
        self.values[field as usize] as usize
    }

    /// Returns a number that is no whole one.
    pub fn real(&self, field: Field) -> f32 {
        f32::from_bits(self.values[field as usize])
    }

    /// Returns whether a flag is set.
    pub fn is(&self, flag: Flag) -> bool {
        self.values[Field::Flags as usize] & flag as u32 != 0
    }

    /// Returns true where a token ends an output.
    pub fn ends(&self, token: u32) -> bool {
        self.values[FIELDS..].contains(&token)
    }
}

fn padded(tokens: &[u32], width: usize, none: u32) -> impl Iterator<Item = u32> + '_ {
    tokens.iter().copied().chain(std::iter::repeat(none)).take(width)
}

/// Returns the numbers of a source, in the order of `Field`.
fn record(turn: &Turn<'_>, first_row: usize) -> [u32; FIELDS] {
    let rules = turn.rules;
    let flags = [
        (Flag::Greedy, rules.greedy),
        (Flag::Renormalize, rules.renormalize),
        (Flag::Last, turn.last),
        (Flag::StopsWhenFull, rules.stops_when_full),
    ];
    let set: u32 = flags.into_iter().filter(|(_, set)| *set).map(|(flag, _)| flag as u32).sum();
    [
        turn.slot as u32,
        first_row as u32,
        rules.beams as u32,
        rules.keep as u32,
        turn.count() as u32,
        turn.position as u32,
        set,
        turn.forced.len() as u32,
        turn.forced_score.to_bits(),
        turn.divisor.to_bits(),
        turn.divisor_ahead.to_bits(),
    ]
}
