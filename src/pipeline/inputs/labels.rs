//! Labels: the short, relative name of each input.
//!
//! Separate because two inputs may end in the same name. The invariant: labels differ from each other, and one that
//! nothing else shares is the path below the folder that was named.

use super::Candidate;
use std::{
    collections::{HashMap, HashSet},
    path::{Component, Path},
};

/// Returns the plain parts of a path, without root, `.` and `..`.
pub(super) fn parts(path: &Path) -> Vec<String> {
    let plain = |component| match component {
        Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
        _ => None,
    };
    path.components().filter_map(plain).collect()
}

/// Returns one label for each candidate; equal ones grow to the left until they differ.
pub(super) fn assign(candidates: &[Candidate]) -> Vec<String> {
    let mut lengths: Vec<usize> = candidates.iter().map(|candidate| candidate.label_parts).collect();
    loop {
        let labels: Vec<String> = candidates.iter().zip(&lengths).map(|(c, length)| tail(c, *length)).collect();
        let shared = shared(&labels);
        let grow = |i: &usize| shared.contains(labels[*i].as_str()) && lengths[*i] < candidates[*i].parts.len();
        let growing: Vec<usize> = (0..labels.len()).filter(grow).collect();
        if growing.is_empty() {
            return numbered(labels);
        }
        growing.into_iter().for_each(|i| lengths[i] += 1);
    }
}

fn tail(candidate: &Candidate, length: usize) -> String {
    candidate.parts[candidate.parts.len().saturating_sub(length)..].join("/")
}

fn shared(labels: &[String]) -> HashSet<&str> {
    let mut seen = HashSet::new();
    labels.iter().map(String::as_str).filter(|label| !seen.insert(*label)).collect()
}

/// Numbers labels that still are equal: names that are not Unicode, or a file called like standard input.
fn numbered(labels: Vec<String>) -> Vec<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let number = |label: String| {
        let count = counts.entry(label.clone()).or_default();
        *count += 1;
        if *count == 1 { label } else { format!("{label}-{count}") }
    };
    labels.into_iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::Place, *};

    fn candidate(path: &str, label_parts: usize) -> Candidate {
        Candidate { place: Place::Stdin, parts: parts(Path::new(path)), label_parts }
    }

    #[test]
    fn root_and_dots_are_no_part_of_a_label() {
        assert_eq!(parts(Path::new("/a/../b/./c.txt")), ["a", "b", "c.txt"]);
    }

    #[test]
    fn only_equal_labels_grow() {
        let candidates = [candidate("x/n/a.txt", 1), candidate("y/n/a.txt", 1), candidate("y/n/b.txt", 1)];
        assert_eq!(assign(&candidates), ["x/n/a.txt", "y/n/a.txt", "b.txt"]);
    }

    #[test]
    fn what_cannot_grow_is_numbered() {
        assert_eq!(assign(&[candidate("stdin", 1), candidate("stdin", 1)]), ["stdin", "stdin-2"]);
    }
}
