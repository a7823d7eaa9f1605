//! Tokens in, tokens out: models from the hub or the binary, run on CPU or GPU. Knows no article.
//!
//! Separate so that a Rust program can use the engine alone. The invariant: on the CPU the output for a source does not
//! depend on what else is in the batch, on the order of the sources, or on the number of threads, to the last bit.

pub mod arch;
pub mod batch;
pub mod builtin;
pub mod catalogue;
pub mod decode;
pub mod device;
mod error;
pub mod files;
pub mod generation;
pub mod hub;
pub mod kernels;
pub mod precision;
pub mod resolve;
mod room;
mod summarizing;
pub mod tokenizer;
pub mod weights;

pub use device::DeviceChoice;
pub use error::EngineError;
pub use files::{ModelFiles, Origin};

use arch::Seq2Seq;
use batch::{Job, Schedule};
use candle_core::Device;
use decode::Hypothesis;
use generation::GenerationConfig;
use precision::{Arithmetic, Precision, PrecisionChoice};
use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    ops::Range,
    sync::atomic::AtomicBool,
};
use tokenizer::{Direction, Encoding, Tokenizer};

/// Source tokens times beams that a GPU keeps in flight where its memory cannot be asked for.
const GPU_TOKENS: usize = 65_536;

/// What to run a model on.
#[derive(Debug, Clone, Copy)]
pub struct EngineOptions {
    /// The device.
    pub device: DeviceChoice,
    /// The arithmetic.
    pub precision: PrecisionChoice,
    /// Every score is computed in that precision, and none is estimated.
    pub exact: bool,
    /// CPU threads.
    pub threads: usize,
}

/// How to decode: the model's `generation_config.json`, overridden by the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DecodeOptions {
    /// Number of beams; 1 is greedy search. `None` takes the model's own.
    pub beam: Option<usize>,
    /// Tokens in flight (source tokens times beams); `None` lets the engine choose.
    pub batch_tokens: Option<usize>,
}

/// One translated text, with what alignment and checks need.
#[derive(Debug, Clone, PartialEq)]
pub struct Translated {
    /// The target text.
    pub text: String,
    /// Mean log-probability per target token (nats), of the distribution before penalties, end of sentence included.
    pub score: f32,
    /// Bytes of the source text that each source token covers; the closing `</s>` has an empty span.
    pub source_spans: Vec<Range<usize>>,
    /// Bytes of the target text that each target token covers; the closing `</s>` has an empty span.
    pub target_spans: Vec<Range<usize>>,
    /// Attention of each target token over the source tokens: `target_spans.len()` rows of `source_spans.len()`.
    pub attention: Vec<Vec<f32>>,
    /// The attention was trained to align: what it leaves out, the target leaves out.
    pub guided: bool,
}

/// Who waits for translations.
#[derive(Clone, Copy)]
pub struct Sink<'a> {
    /// Is given each translation with the place of its text.
    pub finished: &'a (dyn Fn(usize, Translated) + Sync),
    /// Set to true, it ends the work before the next step.
    pub cancelled: &'a AtomicBool,
}

/// A loaded model with its tokenizer.
pub struct Engine {
    /// The same model on each device; never none.
    models: Vec<Box<dyn Seq2Seq>>,
    tokenizer: Tokenizer,
    generation: GenerationConfig,
    device: Device,
    precision: Precision,
    threads: usize,
    files: BTreeMap<String, String>,
    /// What to put before a text, by the name of the task.
    prompts: BTreeMap<String, String>,
}

impl Engine {
    /// Loads a model; the errors name the file at fault, or the device.
    pub fn load(files: &ModelFiles, options: &EngineOptions) -> Result<Engine, EngineError> {
        let devices = options.device.open()?;
        let device = devices.first().cloned().unwrap_or(Device::Cpu);
        let precision = options.precision.on(&device)?;
        // First, since it refuses a model of another kind, whose tokenizer may be of another kind too.
        let generation = GenerationConfig::read(files)?;
        let tokenizer = Tokenizer::load(files)?;
        let weights = weights::Weights::open(files)?;
        let arithmetic = Arithmetic::new(precision, options.exact);
        let models = devices.iter().map(|device| arch::load(files, &weights, device, arithmetic));
        let models = models.collect::<Result<Vec<_>, _>>()?;
        let (prompts, threads) = (arch::config::prompts(files)?, options.threads.max(1));
        let files = hashes(files, weights.files())?;
        Ok(Engine { models, tokenizer, generation, device, precision, threads, files, prompts })
    }

    /// Sets the languages, as ISO 639-1 codes: a multilingual model is told them with every text.
    ///
    /// A model that names tasks in words (`translation_en_to_fr` of T5's `config.json`) gets those of the pair. An error
    /// says which language a model with language tokens lacks.
    pub fn translating(mut self, source: &str, target: &str) -> Result<Engine, EngineError> {
        let Direction { forced_bos, decoder_start } = self.tokenizer.translate(source, target)?;
        self.generation.forced_bos = forced_bos.or(self.generation.forced_bos);
        self.generation.decoder_start = decoder_start.unwrap_or(self.generation.decoder_start);
        if let Some(prompt) = self.prompts.get(&format!("translation_{source}_to_{target}")) {
            self.tokenizer.prompt(prompt);
        }
        Ok(self)
    }

    fn model(&self) -> &dyn Seq2Seq {
        self.models[0].as_ref()
    }

    /// Runs jobs on all devices.
    fn run(&self, jobs: &[Job], decode: &DecodeOptions, sink: batch::Sink<'_>) -> Result<(), EngineError> {
        let models: Vec<&dyn Seq2Seq> = self.models.iter().map(Box::as_ref).collect();
        batch::run_on(&models, jobs, self.schedule(decode), sink)
    }

    /// Returns what a user should know of how the model is run, in whole sentences.
    pub fn notes(&self) -> Vec<String> {
        let sampling = "the model's generation_config.json asks for sampling; it is searched instead, so that the same \
                        text gives the same output";
        let sampling = self.generation.asks_to_sample.then_some(sampling);
        sampling.into_iter().chain(kernels::device::note(&self.device)).map(str::to_owned).collect()
    }

    /// Returns the count of tokens of a text, `</s>` included.
    pub fn count_tokens(&self, text: &str) -> usize {
        self.tokenizer.count(text)
    }

    /// Returns the most source tokens a text may have, `</s>` included.
    ///
    /// The output of a sentence is about as long as its source; a source of half the positions leaves room for it.
    pub fn max_source_tokens(&self) -> usize {
        let target = self.generation.max_length.min(self.model().max_target_tokens());
        self.model().max_source_tokens().min(target / 2).max(2)
    }

    /// Translates texts, all of them in one batch that is refilled as outputs end.
    ///
    /// Each translation goes to the sink with the place of its text as soon as it is there, from a worker's thread;
    /// about in the order of the texts. A text that comes more than once is translated once. A text over the model's
    /// positions is an error: split it first.
    pub fn translate(&self, texts: &[String], decode: &DecodeOptions, sink: Sink<'_>) -> Result<(), EngineError> {
        let places = places_of_each(texts);
        let encodings = places.iter().map(|places| self.tokenizer.encode(&texts[places[0]]));
        let encodings = encodings.collect::<Result<Vec<_>, _>>()?;
        let config = GenerationConfig { num_beams: self.beam(decode), ..self.generation.clone() };
        let job = |encoding: &Encoding| Job { source: encoding.ids.clone(), config: config.clone() };
        let jobs: Vec<Job> = encodings.iter().map(job).collect();
        let finished = |index: usize, output: Hypothesis| {
            let translated = self.translated(&encodings[index], output);
            places[index].iter().for_each(|place| (sink.finished)(*place, translated.clone()));
        };
        let sink = batch::Sink { finished: &finished, cancelled: sink.cancelled };
        self.run(&jobs, decode, sink)
    }

    /// Scores given translations by walking through them (forced decoding); `text` is the translation given.
    ///
    /// A pair that is longer than the model's positions on either side is passed over: the sink never sees it.
    pub fn score(&self, pairs: &[(String, String)], sink: Sink<'_>) -> Result<(), EngineError> {
        let (mut places, mut encodings, mut jobs) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (source, target)) in pairs.iter().enumerate() {
            let (source, output) = (self.tokenizer.encode(source)?, self.given_output(target)?);
            let length = output.ids.len() + 1;
            if source.ids.len() > self.model().max_source_tokens() || length > self.model().max_target_tokens() {
                continue;
            }
            let forced_output = output.ids.clone();
            let config =
                GenerationConfig { num_beams: 1, max_length: length, forced_output, ..self.generation.clone() };
            jobs.push(Job { source: source.ids.clone(), config });
            places.push(place);
            encodings.push((source, output));
        }
        let finished = |index: usize, output: Hypothesis| {
            let (source, target) = &encodings[index];
            let scored = Translated {
                text: pairs[places[index]].1.clone(),
                score: output.score,
                source_spans: source.spans.clone(),
                target_spans: target.spans.clone(),
                attention: self.attention_by_choice(output.attention),
                guided: !self.model().aligns_as_input(),
            };
            (sink.finished)(places[index], scored);
        };
        let sink = batch::Sink { finished: &finished, cancelled: sink.cancelled };
        self.run(&jobs, &DecodeOptions::default(), sink)
    }

    /// Returns a translation as the model would have to give it, from the token after the start token on.
    fn given_output(&self, text: &str) -> Result<Encoding, EngineError> {
        let mut output = self.tokenizer.encode_target(text)?;
        if let Some(first) = self.generation.forced_bos {
            output.ids.insert(0, first);
            output.spans.insert(0, 0..0);
        }
        Ok(output)
    }

    fn translated(&self, source: &Encoding, hypothesis: Hypothesis) -> Translated {
        let decoding = self.tokenizer.decode(&hypothesis.tokens);
        Translated {
            text: decoding.text,
            score: hypothesis.score,
            source_spans: source.spans.clone(),
            target_spans: decoding.spans,
            attention: self.attention_by_choice(hypothesis.attention),
            guided: !self.model().aligns_as_input(),
        }
    }

    /// Returns the attention of each token, of the step that chose it or of the step that read it, as the model aligns.
    fn attention_by_choice(&self, mut attention: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
        if self.model().aligns_as_input() && attention.len() > 1 {
            // A token is read one step after it was chosen; the last is read by none and keeps its own.
            attention.remove(0);
            attention.extend(attention.last().cloned());
        }
        attention
    }

    fn schedule(&self, decode: &DecodeOptions) -> Schedule {
        let (workers, tokens) = match self.device {
            Device::Cpu => (self.threads, self.cpu_tokens()),
            // One worker a GPU; the fullest decides for all.
            _ => (1, self.models.iter().map(|model| room_of(model.as_ref())).min().unwrap_or(GPU_TOKENS)),
        };
        let all_workers = workers * self.models.len();
        let tokens = decode.batch_tokens.map_or(tokens, |all| (all / all_workers).max(1));
        Schedule { workers, tokens, tap: Some(self.model().alignment_tap()), on_host: false }
    }

    /// Returns the kind of device: `cpu`, `cuda` or `metal`.
    pub fn device(&self) -> &'static str {
        device::kind(&self.device)
    }

    /// Returns the source tokens times beams that a CPU worker keeps in flight where nothing else is asked for.
    pub fn cpu_tokens(&self) -> usize {
        self.precision.cpu_tokens()
    }

    /// Returns the arithmetic the model runs in.
    pub fn precision(&self) -> &'static str {
        self.precision.name()
    }

    /// Returns the number of beams that decoding with these options uses.
    pub fn beam(&self, decode: &DecodeOptions) -> usize {
        decode.beam.unwrap_or(self.generation.num_beams).max(1)
    }

    /// Returns the length penalty of beam search.
    pub fn length_penalty(&self) -> f32 {
        self.generation.length_penalty as f32
    }

    /// Returns true where the model has tokens for languages and is told them with every text.
    pub fn is_told_languages(&self) -> bool {
        self.tokenizer.is_told_languages()
    }

    /// Returns the SHA-256 of each file that was loaded, by name.
    pub fn files(&self) -> &BTreeMap<String, String> {
        &self.files
    }
}

/// Returns the tokens that a worker may keep in flight on a model's GPU.
fn room_of(model: &dyn Seq2Seq) -> usize {
    device::free_memory(model.device()).map_or(GPU_TOKENS, |free| room::tokens(free, model.footprint()))
}

/// Returns where each distinct text stands, in the order of their first places; no list is empty.
fn places_of_each(texts: &[String]) -> Vec<Vec<usize>> {
    let mut found: Vec<Vec<usize>> = Vec::with_capacity(texts.len());
    let mut index: HashMap<&str, usize> = HashMap::new();
    for (place, text) in texts.iter().enumerate() {
        match index.entry(text) {
            Entry::Occupied(known) => found[*known.get()].push(place),
            Entry::Vacant(new) => {
                new.insert(found.len());
                found.push(vec![place]);
            }
        }
    }
    found
}

/// Returns the hashes of the weight files and of every small file that shapes the output.
fn hashes(files: &ModelFiles, weight_files: &[String]) -> Result<BTreeMap<String, String>, EngineError> {
    const SMALL: [&str; 12] = [
        arch::config::FILE,
        generation::FILE,
        "source.spm",
        "target.spm",
        "vocab.json",
        "target_vocab.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "spiece.model",
        "sentencepiece.bpe.model",
        "merges.txt",
    ];
    let small = SMALL.into_iter().filter(|file| files.has(file)).map(str::to_owned);
    small.chain(weight_files.iter().cloned()).map(|file| Ok((file.clone(), files.sha256(&file)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_comes_again_is_listed_with_its_first() {
        let texts = ["a", "b", "a", "c", "b", "a"].map(str::to_owned);
        assert_eq!(places_of_each(&texts), [vec![0, 2, 5], vec![1, 4], vec![3]]);
    }
}
