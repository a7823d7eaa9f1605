//! Searches that stay on the device: the host counts the steps of each source and learns whether it is done.
//!
//! Separate from `on_host.rs`, which is given scores. The invariant: of a source nothing is copied to the host before it is
//! done but its verdict of each step.

use super::{Active, Means, Outputs, Searching, damaged};
use crate::engine::{
    EngineError,
    arch::{DecoderState, Searched},
    decode::{Hypothesis, resident},
    generation::GenerationConfig,
    kernels::device::search::{Output, Verdict},
};

/// A search whose state is on the device.
pub struct Resident {
    search: resident::Resident,
    done: bool,
}

impl Searching for Resident {
    fn begin(config: GenerationConfig, first_slot: usize) -> Resident {
        Resident { search: resident::Resident::new(config, first_slot), done: false }
    }

    fn step(active: &mut [Active<Resident>], means: Means<'_>, state: &mut DecoderState) -> Result<(), EngineError> {
        let sources: Vec<Searched<'_>> = active.iter().map(Active::searched).collect();
        let verdicts = means.model.search(state, &sources, means.tap)?;
        for (source, verdict) in active.iter_mut().zip(verdicts) {
            match verdict {
                Verdict::Open => source.search.search.advance(),
                Verdict::Done => source.search.done = true,
                Verdict::Damaged => return Err(damaged()),
            }
        }
        Ok(())
    }

    fn done(&self) -> bool {
        self.done
    }

    fn outputs(ended: &[Active<Resident>], means: Means<'_>, state: &mut DecoderState) -> Outputs {
        let slots: Vec<usize> = ended.iter().map(|source| source.first_slot).collect();
        let hypothesis = |output: Output| Hypothesis::new(output.tokens, output.raw_score, output.attention);
        let outputs = means.model.outputs(state, &slots)?.into_iter();
        Ok(outputs.map(|output| output.map(hypothesis)).collect())
    }
}

impl Active<Resident> {
    fn searched(&self) -> Searched<'_> {
        Searched { turn: self.search.search.turn(), memory: &self.memory }
    }
}
