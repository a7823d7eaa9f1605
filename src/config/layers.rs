//! The layers below the command line: the environment and `summarize.toml`.
//!
//! Separate because here, and only here, settings have spelled-out names. The invariant: a layer fills in what the
//! layers above it left open and never overrides them.

use super::{CONFIG_FILE, ConfigError};
use crate::cli::{self, BatchOptions, ComputeOptions, HubOptions, MessageOptions, Options};
use serde::Deserialize;
use std::{env, fs, io};
use toml::{Table, Value};

/// A misspelling this like a real name is taken for it (Jaro-Winkler; 1 is equal).
const LIKENESS: f64 = 0.75;

/// Returns the options given, completed from the environment and from `summarize.toml` in the working folder.
pub fn layered(given: Options) -> Result<Options, ConfigError> {
    let names = cli::setting_names();
    let environment = environment_layer(&names, |variable| env::var(variable).ok())?;
    let file = match fs::read_to_string(CONFIG_FILE) {
        Ok(text) => file_layer(&names, &text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Options::default(),
        Err(error) => return Err(ConfigError::File(error.to_string())),
    };
    Ok(over(over(given, environment), file))
}

/// Reads `SUMMARIZE_BEAM=4` and the like; an empty variable counts as unset.
fn environment_layer(names: &[String], variable: impl Fn(&str) -> Option<String>) -> Result<Options, ConfigError> {
    let mut table = Table::new();
    for name in names {
        let origin = format!("SUMMARIZE_{}", name.replace('-', "_").to_uppercase());
        if let Some(text) = variable(&origin).filter(|text| !text.is_empty()) {
            let value = typed(name, &text).map_err(|reason| ConfigError::Value { origin, reason })?;
            table.insert(name.clone(), value);
        }
    }
    options(table).map_err(ConfigError::File)
}

/// Returns the text as the type that its setting has: as it stands, or as a number, or as true or false.
fn typed(name: &str, text: &str) -> Result<Value, String> {
    let as_text = Value::String(text.to_owned());
    let switch = match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(Value::Boolean(true)),
        "0" | "false" | "no" | "off" => Some(Value::Boolean(false)),
        _ => None,
    };
    let number = text.trim().parse().ok().map(Value::Integer);
    let first_error = match fits(name, &as_text) {
        Ok(()) => return Ok(as_text),
        Err(error) => error,
    };
    number.into_iter().chain(switch).find(|value| fits(name, value).is_ok()).ok_or(first_error)
}

fn file_layer(names: &[String], text: &str) -> Result<Options, ConfigError> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| ConfigError::File(error.to_string()))?;
    for (key, value) in &table {
        if !names.contains(key) {
            return Err(ConfigError::UnknownKey { key: key.clone(), nearest: nearest(key, names) });
        }
        let origin = || format!("{CONFIG_FILE}, key `{key}`");
        fits(key, value).map_err(|reason| ConfigError::Value { origin: origin(), reason })?;
    }
    options(table).map_err(ConfigError::File)
}

fn fits(name: &str, value: &Value) -> Result<(), String> {
    options(Table::from_iter([(name.to_owned(), value.clone())])).map(drop)
}

fn options(table: Table) -> Result<Options, String> {
    Options::deserialize(Value::Table(table)).map_err(|error| error.to_string().trim().replace('\n', " "))
}

fn nearest(key: &str, names: &[String]) -> Option<String> {
    let key = key.replace('_', "-");
    let likeness = |name: &&String| strsim::jaro_winkler(&key, name);
    let best = names.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(&best) >= LIKENESS).then(|| best.clone())
}

/// Takes each field from the first layer, or from the second where the first leaves it open. The struct literals make
/// the compiler ask for every field.
fn over(first: Options, second: Options) -> Options {
    macro_rules! each {
        ($kind:ident, $a:expr, $b:expr; $($field:ident),+ $(; $($whole:ident: $value:expr),+)?) => {
            $kind { $($field: $a.$field.or($b.$field)),+ $(, $($whole: $value),+)? }
        };
    }
    let batch = each!(BatchOptions, first.batch, second.batch; force, dry_run, shard, memory_budget, fail_fast, strict);
    let compute = each!(ComputeOptions, first.compute, second.compute; device, precision, exact, beam, threads);
    let hub = each!(HubOptions, first.hub, second.hub; cache_dir, offline, hub);
    let messages = each!(MessageOptions, first.messages, second.messages; color, log_format;
        quiet: first.messages.quiet, verbose: first.messages.verbose);
    each!(Options, first, second; lang, from, output, format, layout, glossary, memory, summary, summary_sentences,
        keep_unsupported, no_repair, model, summary_model, batch_tokens;
        batch: batch, compute: compute, hub: hub, messages: messages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Format, SummaryKind};

    fn file(text: &str) -> Result<Options, ConfigError> {
        file_layer(&cli::setting_names(), text)
    }

    fn environment(pairs: &[(&str, &str)]) -> Result<Options, ConfigError> {
        let value = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        environment_layer(&cli::setting_names(), value)
    }

    #[test]
    fn the_file_sets_values_of_every_type() {
        let options = file("lang = 'en'\nbeam = 2\noffline = true\nformat = ['md']\nsummary = 'off'").unwrap();
        assert_eq!((options.lang.as_deref(), options.compute.beam), (Some("en"), Some(2)));
        assert_eq!((options.hub.offline, options.summary), (Some(true), Some(SummaryKind::Off)));
        assert_eq!(options.format, Some(vec![Format::Md]));
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let message = file("summary-sentence = 3").unwrap_err().to_string();
        assert_eq!(message, "summarize.toml: unknown key `summary-sentence`, did you mean `summary-sentences`?");
        let message = file("batch_tokens = 3").unwrap_err().to_string();
        assert!(message.ends_with("did you mean `batch-tokens`?"), "{message}");
        assert_eq!(file("zzz = 3").unwrap_err().to_string(), "summarize.toml: unknown key `zzz`");
    }

    #[test]
    fn a_wrong_type_names_the_key() {
        let message = file("beam = 'four'").unwrap_err().to_string();
        assert!(message.starts_with("summarize.toml, key `beam`: invalid type"), "{message}");
        let message = file("summary = 'long'").unwrap_err().to_string();
        assert!(message.contains("key `summary`: unknown variant `long`"), "{message}");
        assert!(file("beam = -1").unwrap_err().to_string().contains("key `beam`"));
    }

    #[test]
    fn the_environment_is_read_as_the_type_of_the_setting() {
        let given = [("SUMMARIZE_BEAM", "4"), ("SUMMARIZE_OFFLINE", "1"), ("SUMMARIZE_MODEL", "12")];
        let options =
            environment(&[&given[..], &[("SUMMARIZE_FORMAT", "md,json"), ("SUMMARIZE_LANG", "")]].concat()).unwrap();
        assert_eq!((options.compute.beam, options.hub.offline), (Some(4), Some(true)));
        assert_eq!((options.model.as_deref(), options.lang), (Some("12"), None));
        assert_eq!(options.format, Some(vec![Format::Md, Format::Json]));
        let message = environment(&[("SUMMARIZE_BEAM", "four")]).unwrap_err().to_string();
        assert!(message.starts_with("SUMMARIZE_BEAM: invalid type"), "{message}");
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_the_environment_over_the_file() {
        let flags = Options { lang: Some("en".into()), ..Options::default() };
        let environment = environment(&[("SUMMARIZE_LANG", "fr"), ("SUMMARIZE_MODEL", "from-env")]).unwrap();
        let file = file("lang = 'de'\nmodel = 'from-file'\nbeam = 3\noffline = true").unwrap();
        let options = over(over(flags, environment), file);
        assert_eq!((options.lang.as_deref(), options.model.as_deref()), (Some("en"), Some("from-env")));
        assert_eq!((options.compute.beam, options.hub.offline), (Some(3), Some(true)));
    }

    #[test]
    fn the_environment_can_switch_off_what_the_file_switches_on() {
        let environment = environment(&[("SUMMARIZE_OFFLINE", "false")]).unwrap();
        assert_eq!(over(environment, file("offline = true").unwrap()).hub.offline, Some(false));
    }
}
