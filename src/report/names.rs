//! Which output file an input becomes: `a/b.txt` -> `a/b`, with clashes and unsafe names settled.
//!
//! Separate because it must be decided for the whole run before anything is written. The invariants: two inputs never
//! share an output, on file systems that ignore case too; no name leaves the output folder; the same inputs give the
//! same names, whatever their order.

use super::sha256;
use std::collections::BTreeMap;

/// Longest file name without extension, in bytes: most file systems take 255, some encrypted ones about 140.
const LONGEST: usize = 120;
/// What the run itself writes at the top of the output folder.
const OWN_FILES: [&str; 3] = ["index", "index.glossary", "run"];
/// Device names that Windows keeps for itself.
const RESERVED: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// The output names of a run, one for each input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputNames {
    names: Vec<String>,
}

impl OutputNames {
    /// Plans the names of all inputs of a run (of all shards, so that every shard plans alike).
    ///
    /// A label is the input's path relative to its folder, `/` between parts; `-` is standard input.
    pub fn plan<L: AsRef<str>>(labels: &[L]) -> OutputNames {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let mut input = |label| {
            let times = seen.entry(label).or_default();
            *times += 1;
            Input::new(label, *times)
        };
        let inputs: Vec<Input> = labels.iter().map(|label| input(label.as_ref())).collect();
        let mut levels = vec![Level::Stem; inputs.len()];
        loop {
            let names: Vec<String> = inputs.iter().zip(&levels).map(|(input, level)| input.name(*level)).collect();
            let clashes = clashes(&inputs, &names);
            // Of those that meet, only the ones that keep least give way: `b.txt.md` makes room for `b.txt`.
            let mut least: BTreeMap<String, Level> = BTreeMap::new();
            for index in &clashes {
                let level = least.entry(names[*index].to_lowercase()).or_insert(levels[*index]);
                *level = levels[*index].min(*level);
            }
            let gives_way = |index: &usize| levels[*index] <= least[&names[*index].to_lowercase()];
            let raised: Vec<usize> =
                clashes.iter().copied().filter(gives_way).filter(|index| levels[*index] != Level::Hashed).collect();
            if raised.is_empty() {
                return OutputNames { names };
            }
            for index in raised {
                levels[index] = levels[index].next();
            }
        }
    }

    /// Returns the output path of an input (by its place among the labels), without extension.
    ///
    /// A record of a `.json` or `.jsonl` file is named by its id, inside a folder named after the file.
    pub fn of(&self, input: usize, record: Option<&str>) -> Option<String> {
        let name = self.names.get(input)?;
        Some(match record {
            Some(id) => format!("{name}/{}", safe(id, "record")),
            None => name.clone(),
        })
    }
}

/// How much of an input's name its output keeps; each level is used where the one before clashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// `b`
    Stem,
    /// `b.txt`
    Full,
    /// `b.txt-1a2b3c4d`
    Hashed,
}

impl Level {
    fn next(self) -> Level {
        match self {
            Level::Stem => Level::Full,
            Level::Full | Level::Hashed => Level::Hashed,
        }
    }
}

struct Input {
    folder: String,
    stem: String,
    full: String,
    hash: String,
    /// Its records go into a folder of its name.
    holds_records: bool,
}

impl Input {
    fn new(label: &str, times: usize) -> Input {
        let parts: Vec<&str> = label.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".").collect();
        let (file, folders) = parts.split_last().map_or(("-", &[][..]), |(file, folders)| (*file, folders));
        let stem = match file.rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => stem,
            _ => file,
        };
        let (stem, full) = if label == "-" { ("stdin", "stdin") } else { (stem, file) };
        let extension = file.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        Input {
            folder: folders.iter().map(|part| safe(part, "folder") + "/").collect(),
            stem: safe(stem, "article"),
            full: safe(full, "article"),
            // The count tells two inputs of one label apart.
            hash: short_hash(&format!("{times} {label}")),
            // A file whose name tells nothing may hold records too, as its content shows when it is read.
            holds_records: label == "-" || matches!(extension.as_deref(), None | Some("json" | "jsonl" | "ndjson")),
        }
    }

    fn name(&self, level: Level) -> String {
        let Input { folder, stem, full, hash, .. } = self;
        match level {
            Level::Stem => format!("{folder}{stem}"),
            Level::Full => format!("{folder}{full}"),
            Level::Hashed => format!("{folder}{full}-{hash}"),
        }
    }
}

/// Returns the inputs whose names would meet those of others, or of the run's own files.
fn clashes(inputs: &[Input], names: &[String]) -> Vec<usize> {
    let keys: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for key in &keys {
        *counts.entry(key).or_default() += 1;
    }
    let clash = |index: &usize| {
        let key = keys[*index].as_str();
        let folder_inside = || {
            let folder = format!("{key}/");
            inputs[*index].holds_records
                && counts.range(folder.as_str()..).next().is_some_and(|(k, _)| k.starts_with(&folder))
        };
        counts[key] > 1 || OWN_FILES.contains(&key) || folder_inside()
    };
    (0..inputs.len()).filter(clash).collect()
}

/// Returns a file name that every system takes; a name that had to be changed gets a short hash, so that two different
/// names stay different.
fn safe(name: &str, fallback: &str) -> String {
    let allowed = |c: char| !c.is_control() && !"/\\<>:\"|?*".contains(c) && !is_invisible(c);
    let kept: String = name.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    let kept = kept.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let base = kept.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let device = RESERVED.iter().any(|word| base == *word || base.strip_prefix(word).is_some_and(is_port));
    if kept == name && !kept.is_empty() && kept.len() <= LONGEST && !device && !looks_hashed(name) {
        return name.to_owned();
    }
    let hash = short_hash(name);
    let kept = if kept.is_empty() { fallback } else { kept };
    let end = kept.floor_char_boundary(LONGEST - hash.len() - 2);
    let mark = if device { "_" } else { "" };
    format!("{mark}{}-{hash}", &kept[..end])
}

/// Returns true for a name that could be the changed form of another.
fn looks_hashed(name: &str) -> bool {
    let end = name.rsplit_once('-').map_or("", |(_, end)| end);
    end.len() == 8 && end.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_port(rest: &str) -> bool {
    rest.len() == 1 && rest.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns true for direction controls and zero-width characters, which make a file name lie.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{061C}')
}

fn short_hash(text: &str) -> String {
    sha256(text.as_bytes())[..8].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn plan(labels: &[&str]) -> Vec<String> {
        OutputNames::plan(labels).names
    }

    #[test]
    fn folders_are_kept_and_the_extension_is_not() {
        assert_eq!(plan(&["a/b.txt", "خبر.html", "v1.2.md", "-"]), ["a/b", "خبر", "v1.2", "stdin"]);
    }

    #[test]
    fn inputs_that_would_share_a_name_both_keep_their_extension() {
        assert_eq!(plan(&["b.txt", "B.html", "c.txt"]), ["b.txt", "B.html", "c"]);
        assert_eq!(plan(&["b.txt", "b.html", "b.txt.md"]), ["b.txt", "b.html", "b.txt.md"]);
        assert_eq!(plan(&["-", "stdin.txt"])[1], "stdin.txt");
    }

    #[test]
    fn the_index_and_the_run_report_are_not_overwritten() {
        assert_eq!(plan(&["index.html", "run.txt", "a/index.html"]), ["index.html", "run.txt", "a/index"]);
        assert!(plan(&["index"])[0].starts_with("index-"));
    }

    #[test]
    fn no_name_leaves_the_output_folder() {
        for name in plan(&["../../etc/passwd", "/abs/x.txt", "a/../b.txt", "..\\c.txt", "..", ""]) {
            assert!(!name.starts_with('/') && !name.split('/').any(|part| part.is_empty() || part == ".."), "{name}");
        }
    }

    #[test]
    fn records_are_named_by_a_safe_id_in_a_folder_of_their_own() {
        let names = OutputNames::plan(&["news.jsonl", "news/7.txt"]);
        assert_eq!(names.of(0, Some("7")).as_deref(), Some("news.jsonl/7"));
        assert_eq!(names.of(1, None).as_deref(), Some("news/7"));
        assert_eq!(names.of(2, None), None);
        let id = |id: &str| names.of(0, Some(id)).unwrap_or_default();
        assert_ne!(id("a/b"), id("a:b"));
        assert!(id("../../x").starts_with("news.jsonl/") && !id("../../x").contains("/../"));
        assert!(id(&"س".repeat(200)).len() < 140);
        assert!(id("NUL").starts_with("news.jsonl/_NUL-"));
    }

    proptest! {
        #[test]
        fn no_two_inputs_share_an_output(labels in proptest::collection::vec("[abA./]{0,6}(\\.txt|\\.md|\\.jsonl)?", 0..8)) {
            let names = OutputNames::plan(&labels).names;
            let distinct: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
            prop_assert_eq!(distinct.len(), labels.len());
            prop_assert!(!distinct.contains("index") && !distinct.contains("run"));
        }

        #[test]
        fn distinct_ids_stay_distinct(a in "\\PC{0,12}", b in "\\PC{0,12}") {
            prop_assert_eq!(safe(&a, "record") == safe(&b, "record"), a == b);
            prop_assert!(!safe(&a, "record").contains(['/', '\\']) && !["", ".", ".."].contains(&safe(&a, "record").as_str()));
        }
    }
}
