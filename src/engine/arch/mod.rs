//! Model architectures: configurations over one encoder-decoder core, chosen by `model_type` in `config.json`.
//!
//! Separate because a new family must not touch decoding, batching or kernels. The invariant: nothing about a
//! particular checkpoint is written here; every size, flag and id comes from its files.

pub mod bart;
pub mod config;
mod embedding;
mod layers;
pub mod t5;

use super::{
    EngineError, ModelFiles,
    kernels::{
        cache::{CrossMemory, RowAddress, Tap},
        device::{
            Reduced,
            search::{Begun, Output, Turn, Verdict},
        },
        projection::{Scores, Wanted},
        step::{Caches, Step, Taps},
    },
    precision::{Arithmetic, Precision},
    weights::Weights,
};
use candle_core::{Device, Tensor};
use config::ModelConfig;

/// One decoder row of a step: a hypothesis and where its history lies.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// The token that was chosen last.
    pub token: u32,
    /// The source it translates.
    pub memory: &'a CrossMemory,
    /// The cache slot it writes to at position `lineage.len()`.
    pub slot: usize,
    /// For each earlier position, the slot that was written; its length is the position.
    pub lineage: &'a [u32],
    /// What search wants to know of its scores.
    pub wanted: &'a Wanted,
}

/// What one decoding step gives.
#[derive(Debug)]
pub struct StepOutput {
    /// What each row wanted to know of its scores over the vocabulary, before softmax.
    pub scores: Vec<Scores>,
    /// The tapped cross-attention weights of each row, over its source's tokens.
    pub taps: Vec<Vec<f32>>,
}

/// A source in a step whose search stays on the device.
#[derive(Debug, Clone)]
pub struct Searched<'a> {
    /// What its search must know of the step.
    pub turn: Turn<'a>,
    /// The source.
    pub memory: &'a CrossMemory,
}

/// How the sources of a step stand after it.
pub type Verdicts = Result<Vec<Verdict>, EngineError>;

/// What the decoder has computed of the rows in flight.
#[derive(Debug)]
pub struct DecoderState(Caches);

impl DecoderState {
    /// Begins a step of these rows.
    fn begin<'a>(&'a mut self, rows: &'a [Row<'_>]) -> Result<Step<'a>, EngineError> {
        let address = |row: &'a Row<'_>| RowAddress { slot: row.slot, lineage: row.lineage };
        let memories = rows.iter().map(|row| row.memory).collect();
        Ok(self.0.begin(rows.iter().map(address).collect(), memories)?)
    }

    /// Begins a step of sources whose searches stay on the device.
    fn begin_search(&mut self, sources: &[Searched<'_>]) -> Result<(Step<'_>, Begun), EngineError> {
        let turns: Vec<Turn<'_>> = sources.iter().map(|source| source.turn.clone()).collect();
        let memories: Vec<&CrossMemory> = sources.iter().map(|source| source.memory).collect();
        Ok(self.0.begin_search(&turns, &memories)?)
    }

    /// Moves them on by what the step gave.
    fn advance(&mut self, begun: &Begun, reduced: &Reduced, taps: &Taps) -> Verdicts {
        Ok(self.0.advance(begun, reduced, taps)?)
    }
}

/// The memory of a device that decoding takes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// For each row: its scores, and what lies between the layers.
    pub row: usize,
    /// For each target position of a row.
    pub target_position: usize,
    /// For each token of a source.
    pub source_token: usize,
}

/// A sequence-to-sequence model: what search needs of any architecture.
pub trait Seq2Seq: Send + Sync {
    /// Returns the encoder's last hidden states, (tokens, d): the sources' rows end to end, in the order given.
    fn encode(&self, sources: &[&[u32]]) -> Result<Tensor, EngineError>;

    /// Returns what the decoder attends to for each of the sources whose hidden states `encode` returned.
    fn memories(&self, hidden: &Tensor, sources: &[&[u32]]) -> Result<Vec<CrossMemory>, EngineError>;

    /// Returns empty caches for `slots` rows of about `capacity` positions.
    fn state(&self, slots: usize, capacity: usize) -> DecoderState;

    /// Runs the decoder one position on for each row.
    fn step(&self, state: &mut DecoderState, rows: &[Row<'_>], tap: Option<Tap>) -> Result<StepOutput, EngineError>;

    /// Runs the decoder one position on for every beam of each source and moves their searches on, all on the device; for
    /// devices where `kernels::device::searches` is true.
    fn search(&self, state: &mut DecoderState, sources: &[Searched<'_>], tap: Option<Tap>) -> Verdicts;

    /// Returns the outputs of the sources whose first hypotheses are in these slots, their searches on the device done; none
    /// for one that ended without.
    fn outputs(&self, state: &mut DecoderState, slots: &[usize]) -> Result<Vec<Option<Output>>, EngineError> {
        Ok(state.0.outputs(slots)?)
    }

    /// Returns what decoding takes of the device's memory, beside the weights.
    fn footprint(&self) -> Footprint;

    /// Returns the device that the model is on.
    fn device(&self) -> &Device;

    /// Returns the count of tokens the decoder chooses among.
    fn vocabulary(&self) -> usize;

    /// Returns the largest count of source tokens the model was built for, `</s>` included.
    fn max_source_tokens(&self) -> usize;

    /// Returns the largest count of target positions the model can address.
    fn max_target_tokens(&self) -> usize;

    /// Returns the attention that best aligns target with source in this model.
    fn alignment_tap(&self) -> Tap;

    /// Returns true where the tapped attention aligns the token that a step reads, not the one it chooses.
    fn aligns_as_input(&self) -> bool;
}

/// Loads the model that `config.json` describes.
pub fn load(
    files: &ModelFiles,
    weights: &Weights,
    device: &Device,
    arithmetic: Arithmetic,
) -> Result<Box<dyn Seq2Seq>, EngineError> {
    match ModelConfig::read(files)? {
        ModelConfig::Bart(config) => Ok(Box::new(bart::EncoderDecoder::load(config, weights, device, arithmetic)?)),
        ModelConfig::T5(config) => Ok(Box::new(t5::EncoderDecoder::load(config, weights, device, arithmetic)?)),
    }
}

/// Returns the attention that aligns best where none was trained to: all heads of a middle layer (Chen et al. 2020).
fn untrained_tap(decoder_layers: usize) -> Tap {
    Tap { layer: decoder_layers / 2, head: None }
}

/// Returns the footprint of a decoder of `layers` layers, its attention `width` and its feed-forward blocks `ffn` wide.
fn footprint(precision: Precision, layers: usize, (width, ffn, vocabulary): (usize, usize, usize)) -> Footprint {
    let size = precision.dtype().size_in_bytes();
    let cells = layers * 2 * width * size;
    // Scores are in f32; a block's input, output and what lies between are alive together.
    Footprint { row: vocabulary * 4 + (ffn + 4 * width) * size, target_position: cells, source_token: cells }
}
