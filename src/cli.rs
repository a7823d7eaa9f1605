//! The command line: the one source of `--help`, the man page, the completions and the names of all settings.
//!
//! Separate because it only says what can be asked; [`crate::config`] decides what then holds. The invariant: every
//! option here does something, and each is `None` unless it was given, so that the layers below can fill it.

#![allow(rustdoc::broken_intra_doc_links, reason = "the comments are the help texts, word for word")]

mod options;

use clap::{Arg, ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand, parser::ValueSource};
use clap_complete::Shell;
use std::path::PathBuf;

pub use options::{
    BatchOptions, Color, ComputeOptions, Format, HubOptions, Layout, LogFormat, MessageOptions, Options, SummaryKind,
};

const USAGE: &str = "summarize [OPTIONS] <INPUT>...\n       summarize <COMMAND>";

/// Options of the main job on its inputs and outputs.
const NOT_OF_A_WORKER: [&str; 6] = ["output", "force", "dry_run", "shard", "fail_fast", "strict"];

const EXAMPLES: &str = "\
Examples:
  summarize inputs/ --lang en             every article of a folder, into outputs/
  summarize 'news/**/*.html' -o results   a pattern, another output folder
  cat article.txt | summarize - -o -      one article, Markdown to standard output
  summarize inputs/ --shard 3/16          one of 16 batch jobs
  summarize fetch opus-mt-ar-en --into models/
                                          a model to carry to another machine

Settings: a flag wins over the environment (SUMMARIZE_LANG=en), which wins over
summarize.toml in the working folder (lang = \"en\"). Every option can be set so,
but for --force, --dry-run, --quiet and --verbose.

Exit status: 0 all written, 1 some articles failed, 2 usage or configuration,
3 no model, hub or device, 4 --strict and a critical flag, 130 interrupted.";

/// Translates and summarizes Arabic articles; every English sentence is linked to its source.
#[derive(Debug, Parser)]
#[command(name = "summarize", version, about, override_usage = USAGE, after_help = EXAMPLES)]
#[command(subcommand_negates_reqs = true, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do beside the main job.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Files, folders (with all below them), patterns such as 'news/**/*.html', or - for standard input
    #[arg(value_name = "INPUT", required = true)]
    pub inputs: Vec<PathBuf>,
    /// Options of the main job.
    #[command(flatten)]
    pub options: Options,
}

/// What `summarize` does beside translating.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the known models: licence, size, languages, whether on this machine
    Models {
        /// Print one JSON object a line to standard output
        #[arg(long)]
        json: bool,
        /// Folder of downloaded models [default: the one Python's huggingface_hub uses]
        #[arg(long, value_name = "DIR", help_heading = "Model")]
        cache_dir: Option<PathBuf>,
        /// What is said on the way.
        #[command(flatten)]
        messages: MessageOptions,
    },
    /// Download and verify models ahead of time
    Fetch {
        /// Catalogue name or org/repo[@revision]
        #[arg(value_name = "MODEL", required = true)]
        models: Vec<String>,
        /// Put each model into DIR/NAME, a plain folder to carry to another machine
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
        /// Where models come from.
        #[command(flatten)]
        hub: HubOptions,
        /// What is said on the way.
        #[command(flatten)]
        messages: MessageOptions,
    },
    /// Load a model, verify its hashes, try it on a short text; print family, languages, memory and speed
    Check {
        /// Catalogue name, org/repo[@revision], a folder, or builtin
        #[arg(value_name = "MODEL")]
        model: String,
        /// How it computes.
        #[command(flatten)]
        compute: ComputeOptions,
        /// Where models come from.
        #[command(flatten)]
        hub: HubOptions,
        /// What is said on the way.
        #[command(flatten)]
        messages: MessageOptions,
    },
    /// Take in documents that a person has corrected: write their TMX and add them to a translation memory
    Review {
        /// Markdown documents with a name at `reviewed_by`, each beside its .json
        #[arg(value_name = "FILE.md", required = true)]
        files: Vec<PathBuf>,
        /// The translation memory to add to; made where it is not there [default: memory.tmx]
        #[arg(long, value_name = "FILE")]
        memory: Option<PathBuf>,
        /// What is said on the way.
        #[command(flatten)]
        messages: MessageOptions,
    },
    /// Run the checks on a translation made elsewhere: lines of text, or TSV, TMX, XLIFF
    Qa {
        /// The Arabic, one sentence a line; or a .tsv, .tmx or .xliff file with both sides
        #[arg(value_name = "SOURCE")]
        source: PathBuf,
        /// The English, line by line; left out where SOURCE holds both sides
        #[arg(value_name = "TRANSLATION")]
        translation: Option<PathBuf>,
        /// Print one JSON object a pair to standard output: its line and its flags
        #[arg(long)]
        json: bool,
        /// Score the translation with this model, for links, omissions and low scores [default: text alone]
        #[arg(long, value_name = "M", help_heading = "Model")]
        model: Option<String>,
        /// How it computes.
        #[command(flatten)]
        compute: ComputeOptions,
        /// Where models come from.
        #[command(flatten)]
        hub: HubOptions,
        /// What is said on the way.
        #[command(flatten)]
        messages: MessageOptions,
    },
    /// Translate articles from standard input, one JSON object a line, to documents on standard output
    #[command(mut_arg("output", hidden), mut_arg("force", hidden), mut_arg("dry_run", hidden))]
    #[command(mut_arg("shard", hidden), mut_arg("fail_fast", hidden), mut_arg("strict", hidden))]
    Worker {
        /// Options of the main job, but for those on files.
        #[command(flatten)]
        options: Options,
    },
    /// Print the articles that a run would translate, one a line, for workers on this or other machines
    Feed {
        /// Files, folders or patterns, as for the main job
        #[arg(value_name = "INPUT", required = true)]
        inputs: Vec<PathBuf>,
        /// Options of the main job.
        #[command(flatten)]
        options: Options,
    },
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

impl Cli {
    /// Reads the arguments of the process; prints help or a usage error and exits (status 2) where they call for it.
    pub fn from_process() -> Self {
        let matches = Cli::command().get_matches();
        Cli::from_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    fn from_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        if let (Some((name, _)), Some(id)) = (matches.subcommand(), first_given(matches)) {
            let message = format!("--{} stands before `{name}`: options of a subcommand go after it", dashed(id));
            return Err(Cli::command().error(clap::error::ErrorKind::ArgumentConflict, message));
        }
        let cli = Cli::from_arg_matches(matches)?;
        match matches.subcommand_matches("worker").and_then(|matches| given_of(matches, &NOT_OF_A_WORKER)) {
            Some(id) => {
                let message = format!("--{} means nothing to `worker`, which reads and writes no files", dashed(id));
                Err(Cli::command().error(clap::error::ErrorKind::ArgumentConflict, message))
            }
            None => Ok(cli),
        }
    }

    /// Returns the options that hold for the messages of any command.
    pub fn messages(&self) -> &MessageOptions {
        match &self.command {
            Some(
                Command::Models { messages, .. }
                | Command::Fetch { messages, .. }
                | Command::Check { messages, .. }
                | Command::Review { messages, .. }
                | Command::Qa { messages, .. },
            ) => messages,
            Some(Command::Worker { options } | Command::Feed { options, .. }) => &options.messages,
            _ => &self.options.messages,
        }
    }

    /// Returns the options given, whichever command they were given to.
    pub fn given(&self) -> Options {
        let messages = self.messages().clone();
        match &self.command {
            Some(Command::Models { cache_dir, .. }) => {
                let hub = HubOptions { cache_dir: cache_dir.clone(), ..HubOptions::default() };
                Options { hub, messages, ..Options::default() }
            }
            Some(Command::Fetch { hub, .. }) => Options { hub: hub.clone(), messages, ..Options::default() },
            Some(Command::Check { model, compute, hub, .. }) => Options {
                model: Some(model.clone()),
                compute: compute.clone(),
                hub: hub.clone(),
                messages,
                ..Options::default()
            },
            Some(Command::Review { memory, .. }) => Options { memory: memory.clone(), messages, ..Options::default() },
            Some(Command::Qa { model, compute, hub, .. }) => Options {
                model: model.clone(),
                compute: compute.clone(),
                hub: hub.clone(),
                messages,
                ..Options::default()
            },
            Some(Command::Worker { options }) => options.clone(),
            Some(Command::Feed { options, .. }) => {
                let batch = BatchOptions { dry_run: Some(true), ..options.batch.clone() };
                Options { batch, ..options.clone() }
            }
            _ => self.options.clone(),
        }
    }

    /// Returns the options of all layers with what the command takes where none of them says otherwise.
    pub fn completed(&self, options: Options) -> Options {
        match &self.command {
            Some(Command::Worker { .. }) => {
                let format = options.format.or_else(|| Some(vec![Format::Json]));
                Options { format, output: None, ..options }
            }
            _ => options,
        }
    }
}

/// Returns the names of the options that may also stand in `summarize.toml` and the environment, as written after `--`.
pub fn setting_names() -> Vec<String> {
    const PER_RUN: [&str; 6] = ["force", "dry-run", "quiet", "verbose", "help", "version"];
    let command = Cli::command();
    let names = command.get_arguments().filter_map(|argument| argument.get_long().map(str::to_owned));
    names.filter(|name| !PER_RUN.contains(&name.as_str())).collect()
}

fn first_given(matches: &ArgMatches) -> Option<&str> {
    let command = Cli::command();
    let of_main: Vec<&str> = command.get_arguments().map(|argument| argument.get_id().as_str()).collect();
    given_of(matches, &of_main)
}

/// Returns the first of these options that is on the command line.
fn given_of<'a>(matches: &'a ArgMatches, options: &[&str]) -> Option<&'a str> {
    let is_given = |id: &&str| matches.value_source(id) == Some(ValueSource::CommandLine);
    matches.ids().map(|id| id.as_str()).filter(|id| options.contains(id)).find(is_given)
}

/// Changes an option to one that no help text shows.
fn hidden(argument: Arg) -> Arg {
    argument.hide(true)
}

fn dashed(id: &str) -> String {
    id.replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Cli, clap::Error> {
        let matches = Cli::command().try_get_matches_from(words)?;
        Cli::from_matches(&matches)
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_main_job_needs_no_subcommand_word() {
        let cli = parse(&["summarize", "inputs/", "--lang", "en", "--offline"]).unwrap();
        assert_eq!(cli.inputs, [PathBuf::from("inputs/")]);
        assert_eq!(cli.options.lang.as_deref(), Some("en"));
        assert_eq!(cli.options.hub.offline, Some(true));
        assert_eq!(cli.options.batch.force, None);
    }

    #[test]
    fn an_input_is_required_but_not_by_a_subcommand() {
        assert!(parse(&["summarize"]).is_err());
        assert!(parse(&["summarize", "models", "--json"]).is_ok());
    }

    #[test]
    fn an_option_before_a_subcommand_is_refused_rather_than_ignored() {
        let error = parse(&["summarize", "--offline", "fetch", "org/repo"]).unwrap_err();
        assert!(error.to_string().contains("--offline stands before `fetch`"), "{error}");
    }

    #[test]
    fn options_of_a_subcommand_become_settings() {
        let cli = parse(&["summarize", "check", "builtin", "--beam", "2", "--hub", "http://mirror"]).unwrap();
        let given = cli.given();
        assert_eq!((given.model.as_deref(), given.compute.beam), (Some("builtin"), Some(2)));
        assert_eq!(given.hub.hub.as_deref(), Some("http://mirror"));
    }

    #[test]
    fn settings_leave_out_what_is_per_run() {
        let names = setting_names();
        assert!(names.contains(&"summary-sentences".to_owned()) && names.contains(&"log-format".to_owned()));
        assert!(!names.contains(&"force".to_owned()) && !names.contains(&"help".to_owned()));
    }

    #[test]
    fn formats_are_a_list_with_commas() {
        let cli = parse(&["summarize", "a", "--format", "md,json"]).unwrap();
        assert_eq!(cli.options.format, Some(vec![Format::Md, Format::Json]));
        assert!(parse(&["summarize", "a", "--format", "pdf"]).is_err());
    }
}
