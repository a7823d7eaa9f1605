//! What a search must know: of its source, and of each step.
//!
//! Separate because `decode` states it and the device follows it. The invariant: nothing in it depends on which tokens were
//! chosen.

/// How one source is searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Open hypotheses.
    pub beams: usize,
    /// Continuations that are looked at.
    pub keep: usize,
    /// The best token is taken at each step, and outputs that ended do not compete.
    pub greedy: bool,
    /// The token the decoder starts from.
    pub start: u32,
    /// The tokens that end an output.
    pub eos: Vec<u32>,
    /// Scores are made log-probabilities again after tokens were ruled out.
    pub renormalize: bool,
    /// As many ended outputs as beams are enough.
    pub stops_when_full: bool,
}

/// What the search of one source must know of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn<'a> {
    /// How it is searched.
    pub rules: &'a Rules,
    /// The slot of its first hypothesis.
    pub slot: usize,
    /// Tokens after the start token so far.
    pub position: usize,
    /// Tokens that may not come.
    pub ruled_out: Vec<u32>,
    /// Tokens of which one must come, the lowest first; none where any may.
    pub forced: Vec<u32>,
    /// The score of each of them.
    pub forced_score: f32,
    /// The longest output is reached: all end.
    pub last: bool,
    /// What the scores of outputs that end now are divided by.
    pub divisor: f32,
    /// What the best open score is divided by when it is asked whether it may still win.
    pub divisor_ahead: f32,
}

impl Turn<'_> {
    /// Returns how many scores of a row are looked at, so that as many as are kept may come.
    pub(super) fn count(&self) -> usize {
        self.rules.keep + self.ruled_out.len()
    }
}

/// How a source stands after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Open,
    /// Its output is final.
    Done,
    /// A total of its scores was no number.
    Damaged,
}

impl Verdict {
    /// Returns the verdict that a number stands for, in the order of the kernel's `enum Verdict`.
    pub(super) fn of(number: u32) -> Verdict {
        match number {
            0 => Verdict::Open,
            1 => Verdict::Done,
            _ => Verdict::Damaged,
        }
    }
}
