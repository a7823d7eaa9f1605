//! Arguments in, exit status out.
//!
//! Separate from the library so that everything else can be called and tested without a process. The invariant: every
//! way to end is an [`Exit`], and what the user should know of it was said before.

use clap::CommandFactory;
use std::process::ExitCode;
use summarize::{
    cli::{Cli, Command, Options},
    commands,
    config::{self, Settings},
    exit::{Exit, Failure},
    pipeline,
    ui::Ui,
};

fn main() -> ExitCode {
    let cli = Cli::from_process();
    let options = config::layered(cli.given());
    let ui = Ui::new(options.as_ref().map_or(cli.messages(), |options| &options.messages));
    match options.map_err(Failure::from).and_then(|options| run(&cli, options, &ui)) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            ui.error(&failure);
            failure.hint().inspect(|hint| ui.hint(hint));
            failure.exit().into()
        }
    }
}

fn run(cli: &Cli, options: Options, ui: &Ui) -> Result<Exit, Failure> {
    let settings = Settings::new(cli.completed(options))?;
    limit_threads(&settings);
    match &cli.command {
        None => pipeline::run(&cli.inputs, &settings, ui),
        Some(Command::Worker { .. }) => pipeline::work(&settings, ui),
        Some(Command::Feed { inputs, .. }) => pipeline::feed(inputs, &settings, ui),
        Some(Command::Models { json, .. }) => commands::models(*json, &settings, ui),
        Some(Command::Fetch { models, into, .. }) => commands::fetch(models, into.as_deref(), &settings, ui),
        Some(Command::Check { .. }) => commands::check(&settings, ui),
        Some(Command::Review { files, .. }) => commands::review(files, &settings, ui),
        Some(Command::Qa { source, translation, json, model, .. }) => {
            let translation = translation.as_deref();
            let request = commands::Request { source, translation, as_json: *json, with_model: model.is_some() };
            commands::qa(request, &settings, ui)
        }
        Some(Command::Completions { shell }) => commands::completions(*shell, Cli::command(), ui),
        Some(Command::Man) => commands::man(Cli::command(), ui),
    }
}

/// Makes `--threads` hold for every part that shares the global pool.
fn limit_threads(settings: &Settings) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(settings.threads);
    // It fails only where a pool is there already, and nothing before this line starts one.
    let _ = pool.build_global();
}
