//! The glossary's rendering put in the place of the words that are linked to the Arabic.
//!
//! Separate because it edits a text under links that point into it. The invariant: after it, every link still covers
//! the words it covered, moved, or lies on a rendering that was put in.

use super::{Applied, Entry, Span};
use crate::review::{Flag, FlagKind, Note, NoteKind, Severity, WordLink, align};

/// Words around a name that render what Arabic writes onto it; they stay.
const EDGES: [&str; 16] =
    ["a", "an", "and", "as", "at", "by", "for", "from", "in", "into", "like", "of", "on", "the", "to", "with"];
/// A rendering may replace this many words more than the Arabic has; beyond, the links went astray.
const MORE_WORDS: usize = 2;

/// Puts the renderings in.
pub(super) fn apply(uses: &[(&Entry, Span)], source: &str, mut applied: Applied) -> Applied {
    for (entry, span) in uses {
        let wanted = uses.iter().filter(|(other, _)| other.english == entry.english).count();
        if count(&applied.text, &entry.english) >= wanted {
            applied.notes.push(note(entry, None));
            continue;
        }
        match place(source, &applied, span) {
            Some(target) => {
                let before = applied.text[target.clone()].to_owned();
                if before != entry.english {
                    replace(&mut applied, &target, span, &entry.english);
                }
                applied.notes.push(note(entry, Some(before).filter(|before| *before != entry.english)));
            }
            None => applied.flags.push(not_put_in(entry)),
        }
    }
    applied.words.sort_by_key(|(source, target)| (source.start, target.start));
    applied.words.dedup();
    applied
}

/// Returns true where a text has a rendering, as whole words.
pub(super) fn stands(text: &str, english: &str) -> bool {
    count(text, english) > 0
}

fn count(text: &str, english: &str) -> usize {
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    let whole =
        |at: usize| is_edge(text[..at].chars().next_back()) && is_edge(text[at + english.len()..].chars().next());
    text.match_indices(english).filter(|(at, _)| whole(*at)).count()
}

/// Returns the target words that render a piece of the source, without small words around them; `None` where the links
/// lead to none, to many, or to words that also render something else.
fn place(source: &str, applied: &Applied, span: &Span) -> Option<Span> {
    let of_span = |link: &&WordLink| link.0.start < span.end && span.start < link.0.end;
    let linked = applied.words.iter().filter(of_span).map(|(_, target)| target.clone());
    let all = linked.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))?;
    let text = applied.text.as_str();
    let inside: Vec<Span> =
        align::words(text).into_iter().filter(|word| word.start >= all.start && word.end <= all.end).collect();
    let is_edge = |word: &&Span| EDGES.contains(&&text[(*word).clone()]);
    let first = inside.iter().position(|word| !is_edge(&word))?;
    let last = inside.iter().rposition(|word| !is_edge(&word))?;
    let name = &text[inside[first].start..inside[last].end];
    let name = name.strip_suffix("'s").or_else(|| name.strip_suffix("’s")).unwrap_or(name);
    let target = inside[first].start..inside[first].start + name.len();
    let foreign = |link: &WordLink| !of_span(&link) && link.1.start < target.end && target.start < link.1.end;
    let most = align::words(&source[span.clone()]).len() + MORE_WORDS;
    // A mark that ends a clause inside would be lost.
    let broken = name.contains([',', ';', ':', '(', ')', '"', '“', '”', '.', '?', '!']);
    (last - first < most && !broken && !applied.words.iter().any(foreign)).then_some(target)
}

fn replace(applied: &mut Applied, target: &Span, span: &Span, english: &str) {
    let moved = |at: usize| if at >= target.end { at - target.len() + english.len() } else { at };
    let moved = |link: &WordLink| (link.0.clone(), moved(link.1.start)..moved(link.1.end));
    let overlaps = |link: &WordLink| link.1.start < target.end && target.start < link.1.end;
    let mut words = Vec::with_capacity(applied.words.len());
    for link in &applied.words {
        match overlaps(link) {
            true => words.push((link.0.clone(), target.start..target.start + english.len())),
            false => words.push(moved(link)),
        }
    }
    debug_assert!(words.iter().any(|(source, _)| source.start < span.end && span.start < source.end));
    applied.words = words;
    // A mark of the words that were replaced, a hyphen, is gone with them.
    applied.marks = applied.marks.iter().filter(|link| !overlaps(link)).map(moved).collect();
    applied.text.replace_range(target.clone(), english);
}

fn note(entry: &Entry, before: Option<String>) -> Note {
    let Entry { arabic, english, .. } = entry;
    let instead = before.as_deref().map(|before| format!(", put in the place of \"{before}\"")).unwrap_or_default();
    let remark = entry.note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
    let evidence = [arabic.clone(), english.clone()].into_iter().chain(before).collect();
    Note { kind: NoteKind::Glossary, message: format!("«{arabic}» is \"{english}\"{instead}{remark}"), evidence }
}

fn not_put_in(entry: &Entry) -> Flag {
    let Entry { arabic, english, .. } = entry;
    Flag {
        kind: FlagKind::Name,
        severity: Severity::Major,
        message: format!(
            "the glossary has \"{english}\" for «{arabic}», but it is not clear which words render it here: put it in by hand"
        ),
        evidence: vec![arabic.clone(), english.clone()],
    }
}

/// Returns the warning that a person's translation has another rendering than the glossary.
pub(super) fn other_in_memory(entry: &Entry) -> Flag {
    let Entry { arabic, english, .. } = entry;
    Flag {
        kind: FlagKind::Name,
        severity: Severity::Minor,
        message: format!(
            "the glossary has \"{english}\" for «{arabic}», the translation memory has not: decide which is to stand"
        ),
        evidence: vec![arabic.clone(), english.clone()],
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Glossary, *};
    use proptest::prelude::*;

    fn span(text: &str, part: &str) -> Span {
        text.find(part).map(|start| start..start + part.len()).unwrap()
    }

    fn applied(glossary: &str, source: &str, target: &str, links: &[(&str, &str)]) -> Applied {
        let words = links.iter().map(|(s, t)| (span(source, s), span(target, t))).collect();
        let mark = |text: &str| text.find('.').map(|at| at..at + 1);
        let marks = mark(source).zip(mark(target)).into_iter().collect();
        Glossary::parse(glossary).unwrap().apply(source, target.to_owned(), words, marks)
    }

    const DISTRICT: &str = "الحجر الأسود\tal-Hajar al-Aswad\ta district\n";

    #[test]
    fn linked_words_are_replaced_and_the_links_follow() {
        let source = "دخلوا الحجر الأسود صباحا.";
        let links = [("دخلوا", "They entered"), ("الحجر", "stone"), ("الأسود", "the black"), ("صباحا", "morning")];
        let done = applied(DISTRICT, source, "They entered the black stone in the morning.", &links);
        assert_eq!(done.text, "They entered the al-Hajar al-Aswad in the morning.");
        assert_eq!(
            done.notes[0].message,
            "«الحجر الأسود» is \"al-Hajar al-Aswad\", put in the place of \"black stone\" (a district)"
        );
        assert_eq!(done.flags, []);
        let morning = done.words.iter().find(|(s, _)| source[s.clone()] == *"صباحا").unwrap();
        assert_eq!(&done.text[morning.1.clone()], "morning");
        let name = done.words.iter().find(|(s, _)| source[s.clone()] == *"الحجر").unwrap();
        assert_eq!(&done.text[name.1.clone()], "al-Hajar al-Aswad");
        assert_eq!(done.marks, [(source.len() - 1..source.len(), done.text.len() - 1..done.text.len())]);
    }

    #[test]
    fn what_stands_already_is_only_noted() {
        let done = applied("حمص\tHoms\n", "في حمص", "in Homs", &[]);
        assert_eq!((done.text.as_str(), done.notes.len(), done.flags.len()), ("in Homs", 1, 0));
        assert!(!done.notes[0].message.contains("in the place of"));
    }

    #[test]
    fn a_possessive_keeps_its_ending() {
        let done = applied("حمص\tHoms\n", "مدينة حمص", "Hims's city", &[("حمص", "Hims's")]);
        assert_eq!(done.text, "Homs's city");
    }

    #[test]
    fn without_clear_words_there_is_a_warning_and_nothing_is_changed() {
        let source = "دخلوا الحجر الأسود صباحا";
        let far = [("الحجر", "They"), ("الأسود", "morning")];
        let shared = [("الحجر", "entered it"), ("صباحا", "it")];
        for links in [&[][..], &far, &shared] {
            let done = applied(DISTRICT, source, "They entered it early in the morning", links);
            assert_eq!(done.text, "They entered it early in the morning");
            assert_eq!((done.flags.len(), done.notes.len()), (1, 0));
            assert_eq!((done.flags[0].kind, done.flags[0].severity), (FlagKind::Name, Severity::Major));
        }
    }

    #[test]
    fn a_name_that_stands_once_for_two_is_put_in_again() {
        let done = applied("حمص\tHoms\n", "حمص ثم حمص", "Homs then Hims", &[("حمص", "Homs")]);
        assert_eq!(done.notes.len() + done.flags.len(), 2, "each use is accounted for");
    }

    proptest! {
        #[test]
        fn links_stay_on_words_and_every_use_is_accounted_for(
            target in "([a-c]{1,3} ){1,8}[a-c]{1,3}", pairs in prop::collection::vec((0usize..4, 0usize..9), 0..6)
        ) {
            let source = "من حمص إلى الحجر الأسود";
            let (s, t) = (align::words(source), align::words(&target));
            let words: Vec<WordLink> = pairs.iter().filter_map(|(a, b)| Some((s.get(*a)?.clone(), t.get(*b)?.clone()))).collect();
            let glossary = Glossary::parse("حمص\tHoms City\nالحجر الأسود\tal-Hajar\n").unwrap();
            let done = glossary.apply(source, target, words, Vec::new());
            prop_assert_eq!(done.notes.len() + done.flags.len(), 2);
            let ends = align::words(&done.text);
            for (_, link) in &done.words {
                prop_assert!(ends.iter().any(|word| word.start == link.start) && ends.iter().any(|word| word.end == link.end));
            }
        }
    }
}
