//! The subcommands: what `summarize` does beside translating.
//!
//! Separate because each is short and none is part of the flow. The invariant: what was asked for goes to standard
//! output, everything else to standard error.

mod check;
mod qa;
mod review;

use crate::{
    config::Settings,
    engine::{
        catalogue::{Catalogue, Entry, Task},
        hub::HubOptions,
        resolve::Resolver,
    },
    exit::{Exit, Failure},
    pipeline::model,
    ui::{Downloads, Ui, licence},
};
use clap_complete::Shell;
use indicatif::DecimalBytes;
use serde_json::json;
use std::path::Path;

pub use check::check;
pub use qa::{Request, qa};
pub use review::review;

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
    let languages = match entry.task {
        Task::Translation => format!("{} -> {}", entry.source.join(", "), entry.target.join(", ")),
        Task::Summary => format!("summarizes {}", entry.source.join(", ")),
    };
    let (size, licence) = (DecimalBytes(entry.bytes), licence(&entry.licence));
    let repo = entry.repo.as_ref().map(|repo| format!("  {repo}\n")).unwrap_or_default();
    let head = format!("{}  {languages}{role}\n{repo}", entry.name);
    format!("{head}  {size}, {licence}, {place}\n  {}\n\n", entry.quality)
}

fn json_entry(entry: &Entry, is_here: bool) -> String {
    let object = json!({
        "name": entry.name,
        "repo": entry.repo,
        "revision": entry.revision,
        "task": if entry.task == Task::Summary { "summary" } else { "translation" },
        "architecture": entry.architecture,
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
