//! Forty scraped pages, each line labelled, and what the cleaner makes of them.
//!
//! Separate because the labels are data: `+` is text of the article, `-` is to be removed, `@` is metadata that must be
//! found. In `shapes.txt` each page has one kind of furniture; in `copied.txt` pages have all that is copied along from a
//! broadcaster, an agency, a social network, a table. The invariant: every line of a page is labelled.

use super::{cleaned, texts};
use crate::article::Role;

/// Pages, least precision and least recall of the lines taken out.
const SETS: [(&str, &str, f64, f64); 2] = [
    ("one kind of furniture", include_str!("shapes.txt"), 1.0, 0.95),
    ("as copied", include_str!("copied.txt"), 1.0, 0.80),
];
/// Weight of a line of text lost.
const LOSS: usize = 10;

#[derive(Default)]
struct Count {
    right: usize,
    lost: usize,
    left: usize,
}

/// With `--nocapture` it prints the table of `benches/README.md` and the lines that were judged wrong.
#[test]
fn lines_are_removed_from_forty_pages_and_no_text_is_lost() {
    eprintln!(
        "| pages | lines to remove | removed | text lost | precision | recall |\n| --- | ---: | ---: | ---: | ---: | ---: |"
    );
    for (set, pages, least_precision, least_recall) in SETS {
        let mut count = Count::default();
        let mut wrong = Vec::new();
        let pages: Vec<&str> = pages.split("=== ").skip(1).collect();
        assert_eq!(pages.len(), 20);
        for page in pages {
            let (name, page) = page.split_once('\n').unwrap();
            judge(name, page, &mut count, &mut wrong);
        }
        let to_remove = count.right + count.left;
        let precision = count.right as f64 / (count.right + LOSS * count.lost) as f64;
        let recall = count.right as f64 / to_remove as f64;
        let (right, lost) = (count.right, count.lost);
        let row = format!("| {set} | {to_remove} | {right} | {lost} | {precision:.3} | {recall:.3} |");
        eprintln!("{row}");
        let wrong = wrong.join("\n");
        assert!(precision >= least_precision && recall >= least_recall, "{row}\n{wrong}");
        eprintln!("{wrong}");
    }
}

fn judge(name: &str, page: &str, count: &mut Count, wrong: &mut Vec<String>) {
    let (declared, lines): (Vec<&str>, Vec<&str>) = page.lines().partition(|line| line.starts_with('@'));
    let text: Vec<&str> = lines.iter().map(|line| line.get(2..).unwrap_or_default()).collect();
    let article = cleaned(&text.join("\n"));
    let mut start = 0;
    for (line, text) in lines.iter().zip(&text) {
        let end = start + text.len();
        let gone = article.removed.iter().any(|span| span.range.start >= start && span.range.end <= end);
        match (line.as_bytes().first(), gone && !text.is_empty()) {
            (Some(b'-'), true) => count.right += 1,
            (Some(b'-'), false) => count.left += 1,
            (Some(b'+'), true) => count.lost += 1,
            _ => {}
        }
        if !text.is_empty() && line.starts_with('-') != gone {
            wrong.push(format!("{name}: {line}"));
        }
        start = end + 1;
    }
    let found = &article.metadata;
    for line in declared {
        let (field, value) = line[2..].split_once(": ").unwrap();
        let found = match field {
            "title" => found.title.as_deref(),
            "date" => found.date.as_deref(),
            "place" => found.place.as_deref(),
            "agency" => found.agency.as_deref(),
            "author" => found.author.as_deref(),
            other => panic!("no such field: {other}"),
        };
        assert_eq!(found, Some(value), "{name}: {field}");
    }
}

#[test]
fn a_common_word_alone_among_the_paragraphs_is_kept() {
    let prose = "قال المهندس إن الجسر سيفتح أمام السيارات في نهاية الشهر بعد فحص أخير للأعمدة والحواجز.";
    for word in ["رد", "مباشر", "استمع", "التالي", "بحث"] {
        let article = cleaned(&format!("{prose}\n{word}\n{prose}"));
        let kept = article.sentences.iter().any(|sentence| article.source(sentence) == word);
        assert!(kept, "{word}: {:?}", texts(&article, Role::Body));
    }
}
