//! Searches on the host: it picks the tokens from what a step gives, whatever the rules are.
//!
//! Separate from `on_device.rs`, which never sees a score. The invariant: each source's search sees the scores of its own rows
//! and of no others.

use super::{Active, Means, Outputs, Searching, damaged};
use crate::engine::{
    EngineError,
    arch::{DecoderState, Row},
    decode::{Hypothesis, Search, search},
    generation::GenerationConfig,
    kernels::projection::{Scores, Wanted},
};
use rayon::prelude::*;

/// A search whose state is here.
pub struct OnHost {
    search: Box<dyn Search>,
    /// Tapped attention of each position, by beam.
    taps: Vec<Vec<Vec<f32>>>,
}

impl Searching for OnHost {
    fn begin(config: GenerationConfig, _first_slot: usize) -> OnHost {
        OnHost { search: search(&config), taps: vec![Vec::new(); config.num_beams] }
    }

    fn step(active: &mut [Active<OnHost>], means: Means<'_>, state: &mut DecoderState) -> Result<(), EngineError> {
        let Means { model, tap, habits } = means;
        let lineages: Vec<Vec<u32>> = active.iter().flat_map(slot_lineages).collect();
        let vocabulary = model.vocabulary();
        let wanted: Vec<Wanted> = active.iter().flat_map(|source| source.search.search.wanted(vocabulary)).collect();
        let opens = active.iter().flat_map(|source| {
            source.search.search.open().iter().enumerate().map(move |(beam, open)| (source, beam, open))
        });
        let rows: Vec<Row<'_>> = opens
            .zip(&lineages)
            .zip(&wanted)
            .map(|(((source, beam, open), lineage), wanted)| Row {
                token: open.tokens.last().copied().unwrap_or_default(),
                memory: &source.memory,
                slot: source.first_slot + beam,
                lineage,
                wanted,
            })
            .collect();
        let mut output = model.step(state, &rows, tap)?;
        let (mut scores, mut taps) = (output.scores.as_mut_slice(), output.taps.into_iter());
        let mut shares = Vec::with_capacity(active.len());
        for source in active {
            let open = source.search.search.open().len();
            let (own, rest) = scores.split_at_mut(open);
            scores = rest;
            shares.push((own, taps.by_ref().take(open).collect(), &mut source.search));
        }
        match habits.searches_together {
            false => shares.into_iter().try_for_each(|(own, taps, search)| search.advance(own, taps)),
            true => shares.into_par_iter().try_for_each(|(own, taps, search)| search.advance(own, taps)),
        }
    }

    fn done(&self) -> bool {
        self.search.done()
    }

    fn outputs(ended: &[Active<OnHost>], _: Means<'_>, _: &mut DecoderState) -> Outputs {
        Ok(ended.iter().map(|source| source.search.output()).collect())
    }
}

impl OnHost {
    /// Takes what a step gave for its open hypotheses and moves on.
    fn advance(&mut self, scores: &mut [Scores], taps: Vec<Vec<f32>>) -> Result<(), EngineError> {
        for (beam, tap) in taps.into_iter().enumerate() {
            let position = self.search.open()[beam].lineage.len();
            self.taps[beam].resize(position, Vec::new());
            self.taps[beam].push(tap);
        }
        if scores.iter().any(Scores::damaged) {
            return Err(damaged());
        }
        self.search.advance(scores);
        Ok(())
    }

    fn output(&self) -> Option<Hypothesis> {
        let best = self.search.best()?;
        let tapped = self.taps.iter().any(|positions| !positions.is_empty());
        let row =
            |(position, beam): (usize, &u32)| self.taps[*beam as usize].get(position).cloned().unwrap_or_default();
        let attention = if tapped { best.lineage.iter().enumerate().map(row).collect() } else { Vec::new() };
        Some(Hypothesis::new(best.tokens[1..].to_vec(), best.raw_score, attention))
    }
}

/// Returns, for each open hypothesis, the cache slot of each of its earlier positions.
fn slot_lineages(source: &Active<OnHost>) -> impl Iterator<Item = Vec<u32>> {
    let first = source.first_slot as u32;
    source.search.search.open().iter().map(move |open| open.lineage.iter().map(|beam| first + beam).collect())
}
