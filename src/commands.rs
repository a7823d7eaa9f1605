//! The subcommands: what `summarize` does beside translating.
//!
//! Separate because each is short and none is part of the flow. The invariant: what was asked for goes to standard
//! output, everything else to standard error.

mod qa;
mod review;

use crate::{
    config::Settings,
    engine::{
        Engine, EngineError, ModelFiles, Sink, Translated,
        catalogue::{Catalogue, Entry},
        hub::HubOptions,
        resolve::{self, Resolver},
    },
    exit::{Exit, Failure},
    pipeline::model::{self, Model},
    ui::{Downloads, Ui},
};
use clap_complete::Shell;
use indicatif::DecimalBytes;
use serde_json::json;
use std::{
    path::Path,
    sync::{Mutex, PoisonError, atomic::AtomicBool},
    time::{Duration, Instant},
};

pub use qa::{Request, qa};
pub use review::review;

/// The sentence that `check` translates, written for it.
const SAMPLE: &str = "وصل وفد من الصحفيين إلى المدينة القديمة صباح يوم الثلاثاء.";
/// `check` repeats the sentence for about this long, so that the speed means something.
const MEASURED: Duration = Duration::from_secs(2);

/// Lists the models of the catalogue.
pub fn models(as_json: bool, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let (catalogue, options) = (model::catalogue()?, HubOptions { offline: true, ..model::hub_options(settings) });
    let downloads = Downloads::new(ui);
    let resolver = resolver(&catalogue, &options, &downloads);
    let lines = catalogue.entries().iter().map(|entry| {
        let is_here = resolver.local(entry).is_some();
        if as_json { json_entry(entry, is_here) } else { text_entry(entry, is_here) }
    });
    let text: String = lines.collect();
    ui.data(text.as_bytes())?;
    Ok(Exit::Done)
}

fn resolver<'a>(catalogue: &'a Catalogue, options: &'a HubOptions, progress: &'a Downloads<'a>) -> Resolver<'a> {
    Resolver { catalogue, options, working_folder: Path::new("."), progress }
}

fn text_entry(entry: &Entry, is_here: bool) -> String {
    let place = match (&entry.repo, is_here) {
        (None, true) => "in this program",
        (None, false) => "not in this build",
        (Some(_), true) => "on this machine",
        (Some(_), false) => "not downloaded",
    };
    let role = match (entry.default, entry.fast) {
        (true, _) => ", the default",
        (_, true) => ", the fast one",
        _ => "",
    };
    let (source, target) = (entry.source.join(", "), entry.target.join(", "));
    let (size, licence) = (DecimalBytes(entry.bytes), &entry.licence);
    let repo = entry.repo.as_ref().map(|repo| format!("  {repo}\n")).unwrap_or_default();
    let head = format!("{}  {source} -> {target}{role}\n{repo}", entry.name);
    format!("{head}  {size}, {licence}, {place}\n  {}\n\n", entry.quality)
}

fn json_entry(entry: &Entry, is_here: bool) -> String {
    let object = json!({
        "name": entry.name,
        "repo": entry.repo,
        "revision": entry.revision,
        "source": entry.source,
        "target": entry.target,
        "licence": entry.licence,
        "bytes": entry.bytes,
        "quality": entry.quality,
        "default": entry.default,
        "fast": entry.fast,
        "on_this_machine": is_here,
    });
    format!("{object}\n")
}

/// Downloads and verifies models; `into` puts each into a plain folder of its own.
pub fn fetch(names: &[String], into: Option<&Path>, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let (catalogue, options) = (model::catalogue()?, model::hub_options(settings));
    let downloads = Downloads::new(ui);
    let resolver = resolver(&catalogue, &options, &downloads);
    let mut failed = 0;
    for name in names {
        match resolver.fetch(name, into) {
            Ok(fetched) => {
                let revision = fetched.files.revision.as_deref().unwrap_or("no revision");
                ui.note(format!("{} at {revision}: verified, in {}", fetched.files.name, fetched.folder.display()));
            }
            Err(error) if names.len() == 1 => return Err(error.into()),
            Err(error) => {
                failed += 1;
                ui.error(error);
            }
        }
    }
    Ok(if failed > 0 { Exit::NoStart } else { Exit::Done })
}

/// Loads a model, verifies its hashes, translates one sentence and says how fast.
pub fn check(settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let mut model = Model::new(settings, ui)?;
    let files = model.resolved()?.files.clone();
    let verified = resolve::verify(&files)?;
    let started = Instant::now();
    let engine = model.loaded()?;
    let loading = started.elapsed();
    let (translation, speed) = measured(&engine, &model)?;
    ui.data(checked(&files, &engine, &model, verified, loading, &translation, speed).as_bytes())?;
    Ok(Exit::Done)
}

/// Translates the sample until the time is up; returns the translation and target tokens per second.
fn measured(engine: &Engine, model: &Model<'_>) -> Result<(String, f64), EngineError> {
    let (text, decode) = ([SAMPLE.to_owned()], model.decode());
    let (last, cancelled) = (Mutex::new(None), AtomicBool::new(false));
    let finished =
        |_: usize, translated: Translated| *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(translated);
    let (mut tokens, mut translation) = (0, String::new());
    let started = Instant::now();
    while tokens == 0 || started.elapsed() < MEASURED {
        engine.translate(&text, &decode, Sink { finished: &finished, cancelled: &cancelled })?;
        if let Some(translated) = last.lock().unwrap_or_else(PoisonError::into_inner).take() {
            tokens += translated.target_spans.len().max(1);
            translation = translated.text;
        }
    }
    Ok((translation, tokens as f64 / started.elapsed().as_secs_f64()))
}

fn checked(
    files: &ModelFiles,
    engine: &Engine,
    model: &Model<'_>,
    verified: usize,
    loading: Duration,
    translation: &str,
    speed: f64,
) -> String {
    let hashes: String = engine.files().iter().map(|(name, hash)| format!("  {hash}  {name}\n")).collect();
    let verified = match verified {
        0 => "no published hashes to compare with; those of the files are".to_owned(),
        count => format!("{count} files have the hashes they were published with; those loaded are"),
    };
    format!(
        "{} ({})\nrevision: {}\n{verified}\n{hashes}loaded in {:.2} s on {}, {}, beam {}\n{SAMPLE}\n{translation}\n{speed:.0} tokens/s, one sentence at a time\n",
        files.name,
        files.licence.as_deref().unwrap_or("licence not stated"),
        files.revision.as_deref().unwrap_or("none"),
        loading.as_secs_f64(),
        engine.device(),
        engine.precision(),
        engine.beam(&model.decode()),
    )
}

/// Prints the completion script of a shell.
pub fn completions(shell: Shell, mut command: clap::Command, ui: &Ui) -> Result<Exit, Failure> {
    let (mut script, name) = (Vec::new(), command.get_name().to_owned());
    clap_complete::generate(shell, &mut command, name, &mut script);
    ui.data(&script)?;
    Ok(Exit::Done)
}

/// Prints the manual page.
pub fn man(command: clap::Command, ui: &Ui) -> Result<Exit, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    ui.data(&page)?;
    Ok(Exit::Done)
}
