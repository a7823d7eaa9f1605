//! `summarize check`: what a model is, whether its files are whole, what it needs and how fast it is here.
//!
//! Separate because it looks at one model from every side. The invariant: every figure was measured in this very run; what
//! is not known is said to be so.

use crate::{
    cli::SummaryKind,
    config::Settings,
    engine::{
        DecodeOptions, Engine, EngineError, ModelFiles, Origin, Sink, Translated,
        arch::config::model_type,
        catalogue::{Entry, Task},
        hub, resolve,
    },
    exit::{Exit, Failure},
    pipeline::{
        model::{self, Model},
        summarizer::{Side, Summarizer},
    },
    ui::{Ui, licence},
};
use indicatif::DecimalBytes;
use std::{
    fs,
    sync::{Mutex, PoisonError, atomic::AtomicBool},
    time::{Duration, Instant},
};

/// The sentence that is translated, and what is summarized in Arabic, written for it.
const SAMPLE: &str = "وصل وفد من الصحفيين إلى المدينة القديمة صباح يوم الثلاثاء.";
/// What is summarized in English, written for it.
const ENGLISH: &str = "The ferry to the island was cancelled on Tuesday because of high waves. About 300 passengers spent \
    the night in a school near the harbour. The mayor brought blankets and soup. A second ferry is expected on Thursday, \
    if the wind turns.";
/// The work is repeated for about this long, so that the speed means something.
const MEASURED: Duration = Duration::from_secs(2);
/// Families that only summarize, where the catalogue does not know a model.
const SUMMARIZERS: [&str; 2] = ["bart", "pegasus"];
/// What the members of a family are called.
const FAMILIES: [(&str, &str); 8] = [
    ("marian", "Marian, as OPUS-MT"),
    ("bart", "BART"),
    ("mbart", "mBART, mBART-50"),
    ("m2m_100", "M2M100, NLLB"),
    ("pegasus", "Pegasus"),
    ("t5", "T5, FLAN-T5, MADLAD"),
    ("mt5", "mT5"),
    ("umt5", "umT5"),
];

/// A model that was loaded, with how to try it.
struct Tried {
    files: ModelFiles,
    verified: usize,
    engine: std::sync::Arc<Engine>,
    loading: Duration,
    sample: &'static str,
    decode: DecodeOptions,
    languages: String,
}

/// Loads a model, verifies its hashes, tries it on a short text and says what it is, needs and does.
pub fn check(settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let catalogue = model::catalogue()?;
    let entry = catalogue.find(&settings.model);
    let tried = match entry.map(|entry| entry.task) {
        Some(Task::Summary) => summarizer(settings, ui)?,
        Some(Task::Translation) => translator(settings, ui)?,
        None => {
            let family = model_type(&Model::new(settings, ui)?.resolved()?.files)?;
            if SUMMARIZERS.contains(&family.as_str()) { summarizer(settings, ui)? } else { translator(settings, ui)? }
        }
    };
    let (output, speed) = measured(&tried)?;
    ui.data(report(&tried, entry, &output, speed)?.as_bytes())?;
    Ok(Exit::Done)
}

fn translator(settings: &Settings, ui: &Ui) -> Result<Tried, Failure> {
    let mut model = Model::new(settings, ui)?;
    let files = model.resolved()?.files.clone();
    let verified = resolve::verify(&files)?;
    let started = Instant::now();
    let engine = model.loaded()?;
    let languages = format!("{} into {}", model.reads(), settings.lang);
    Ok(Tried { files, verified, engine, loading: started.elapsed(), sample: SAMPLE, decode: model.decode(), languages })
}

fn summarizer(settings: &Settings, ui: &Ui) -> Result<Tried, Failure> {
    let settings = Settings {
        summary: SummaryKind::Abstractive,
        summary_model: settings.model.clone(),
        model: "auto".to_owned(),
        ..settings.clone()
    };
    let source = Model::new(&settings, ui)?.reads().to_owned();
    let none =
        || EngineError::UnknownModel { name: settings.summary_model.clone(), hint: "it is not there".to_owned() };
    let mut summarizer = Summarizer::choose(&settings, ui)?.ok_or_else(none)?;
    let files = summarizer.files()?;
    let verified = resolve::verify(&files)?;
    let started = Instant::now();
    summarizer.load(&source)?;
    let loading = started.elapsed();
    let loaded = summarizer.loaded().ok_or_else(none)?.clone();
    let (sample, languages) = match loaded.side {
        Side::Source => (SAMPLE, source),
        Side::Target => (ENGLISH, settings.lang.clone()),
    };
    Ok(Tried { files, verified, engine: loaded.engine, loading, sample, decode: summarizer.decode(), languages })
}

/// Runs the sample until the time is up; returns the output and target tokens per second.
fn measured(tried: &Tried) -> Result<(String, f64), EngineError> {
    let text = [tried.sample.to_owned()];
    let (last, cancelled) = (Mutex::new(None), AtomicBool::new(false));
    let finished =
        |_: usize, translated: Translated| *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(translated);
    let (mut tokens, mut output) = (0, String::new());
    let started = Instant::now();
    while tokens == 0 || started.elapsed() < MEASURED {
        tried.engine.translate(&text, &tried.decode, Sink { finished: &finished, cancelled: &cancelled })?;
        if let Some(translated) = last.lock().unwrap_or_else(PoisonError::into_inner).take() {
            tokens += translated.target_spans.len().max(1);
            output = translated.text;
        }
    }
    Ok((output, tokens as f64 / started.elapsed().as_secs_f64()))
}

fn report(tried: &Tried, entry: Option<&Entry>, output: &str, speed: f64) -> Result<String, EngineError> {
    let Tried { files, verified, engine, loading, sample, decode, .. } = tried;
    let family = model_type(files)?;
    let members = FAMILIES.iter().find(|(name, _)| *name == family).map_or("", |(_, members)| members);
    let licence = files.licence.as_deref().map_or("licence not stated".to_owned(), licence);
    let hashes: String = engine.files().iter().map(|(name, hash)| format!("  {hash}  {name}\n")).collect();
    let agreement = match verified {
        0 => "no published hashes to compare with; those of the files are".to_owned(),
        count => format!("{count} files have the hashes they were published with; those loaded are"),
    };
    Ok(format!(
        "{} ({licence})\nfamily: {family} ({members})\nlanguages: {}\nrevision: {}\n{agreement}\n{hashes}memory: {}\n\
         loaded in {:.2} s on {}, {}, beam {}\n{sample}\n{output}\n{speed:.0} tokens/s, one text at a time\n",
        files.name,
        languages(tried, entry),
        files.revision.as_deref().unwrap_or("none"),
        memory(files, engine),
        loading.as_secs_f64(),
        engine.device(),
        engine.precision(),
        engine.beam(decode),
    ))
}

/// Returns what is known of a model's languages, and where from.
fn languages(tried: &Tried, entry: Option<&Entry>) -> String {
    let listed = |languages: &[String]| languages.join(", ");
    let card = match &tried.files.origin {
        Origin::Folder(folder) => hub::card_languages(folder),
        Origin::Builtin(_) => Vec::new(),
    };
    match entry {
        Some(entry) if entry.task == Task::Summary => format!("summarizes {}", listed(&entry.source)),
        Some(entry) => format!("{} into {}", listed(&entry.source), listed(&entry.target)),
        None if !card.is_empty() => format!("{}, as its card says", listed(&card)),
        None if tried.engine.is_told_languages() => format!("{}: it has tokens for them", tried.languages),
        None => format!("its files do not say; it was run as {}", tried.languages),
    }
}

/// Returns the size of the weights, and the most memory that this process has held.
fn memory(files: &ModelFiles, engine: &Engine) -> String {
    let is_weights = |name: &&String| name.ends_with(".safetensors") || name.ends_with(".bin");
    let weights: u64 = engine.files().keys().filter(is_weights).map(|name| files.size(name)).sum();
    let held = match peak() {
        Some(bytes) => format!("{} held at most to load it and to run the text below", DecimalBytes(bytes)),
        None => "what it holds when run is not known on this system".to_owned(),
    };
    format!("{} of weights; {held}", DecimalBytes(weights))
}

/// Returns the largest resident set of this process so far, where the system tells (Linux).
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}
