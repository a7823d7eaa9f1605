//! Licences: from the hub's lower-case identifiers to SPDX, and from a model card on disk.
//!
//! Separate because the hub's answer, a cached model and a local folder all state a licence. The invariant: an
//! identifier that is not known is passed on as written, never guessed at.

use super::selection::CARD;
use std::{fs, path::Path};

/// Licence families whose SPDX identifiers are the hub's in capitals.
const CAPITALS: [&str; 6] = ["cc", "mit", "gpl", "lgpl", "agpl", "mpl"];

/// Returns the SPDX spelling of one of the hub's licence identifiers.
pub(super) fn spdx(hub: &str) -> String {
    let family = hub.split('-').next().unwrap_or(hub).trim_end_matches('0');
    match family {
        "apache" => hub.replacen("apache", "Apache", 1),
        family if CAPITALS.contains(&family) => hub.to_ascii_uppercase(),
        _ => hub.to_owned(),
    }
}

/// Returns the licence that the model card of a folder states in its front matter.
pub fn of_folder(folder: &Path) -> Option<String> {
    let licence = front_matter(folder)?.iter().find_map(|line| Some(unquoted(line.strip_prefix("license:")?)))?;
    Some(spdx(&licence)).filter(|licence| !licence.is_empty())
}

/// Returns the languages that it states there: one, a list in brackets, or a list line by line.
pub fn languages_of_folder(folder: &Path) -> Vec<String> {
    let lines = front_matter(folder).unwrap_or_default();
    let mut lines = lines.iter().skip_while(|line| !line.starts_with("language:"));
    let first = lines.next().and_then(|line| line.strip_prefix("language:")).unwrap_or_default();
    let below = lines.map_while(|line| line.trim_start().strip_prefix("- "));
    let named = first.trim().trim_matches(['[', ']']).split(',').chain(below).map(unquoted);
    named.filter(|language| !language.is_empty()).collect()
}

fn front_matter(folder: &Path) -> Option<Vec<String>> {
    let card = fs::read_to_string(folder.join(CARD)).ok()?;
    let mut lines = card.lines();
    lines.next().filter(|line| line.trim() == "---")?;
    Some(lines.take_while(|line| line.trim() != "---").map(str::to_owned).collect())
}

fn unquoted(value: &str) -> String {
    value.trim().trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hubs_identifiers_become_spdx() {
        let known =
            [("apache-2.0", "Apache-2.0"), ("cc-by-nc-4.0", "CC-BY-NC-4.0"), ("cc0-1.0", "CC0-1.0"), ("mit", "MIT")];
        for (hub, expected) in known.into_iter().chain([("bigscience-openrail-m", "bigscience-openrail-m")]) {
            assert_eq!(spdx(hub), expected);
        }
    }

    #[test]
    fn a_card_states_its_licence_in_the_front_matter_only() {
        let folder = tempfile::tempdir().unwrap();
        let card = folder.path().join(CARD);
        assert_eq!(of_folder(folder.path()), None);
        fs::write(&card, "---\nlanguage:\n- ar\nlicense: cc-by-4.0\n---\n# Model\n").unwrap();
        assert_eq!(of_folder(folder.path()).as_deref(), Some("CC-BY-4.0"));
        assert_eq!(languages_of_folder(folder.path()), ["ar"]);
        fs::write(&card, "---\nlicense: mit\nlanguage: [ar, \"no\"]\n---\n").unwrap();
        assert_eq!(languages_of_folder(folder.path()), ["ar", "no"]);
        fs::write(&card, "# Model\nlicense: mit\n").unwrap();
        assert_eq!(of_folder(folder.path()), None);
    }
}
