//! Lines that belong to the page, not to the article: widgets, ribbons, file names, notices.
//!
//! Separate because these rules need nothing but the line itself. The invariant: a rule matches the whole of a short line
//! or the fixed opening of a notice, never a part of a sentence.

use super::{
    Page,
    labels::{COUNTED, EDGE_LABELS, EDGE_NOTICES, NOTICES, Notice, SECTIONS, WHOLE_LINES, entries, listed},
    line::Line,
};
use crate::article::{BlockKind, arabic};

/// Reason given for the name of a picture: the line after one may be its caption.
pub const IMAGE_FILE: &str = "image file name";

/// Notices at the edges of one page, at most.
const MOST_NOTICES: usize = 50;
const IMAGE_ENDINGS: &[&str] = &[".jpg", ".jpeg", ".png", ".webp", ".gif", ".svg", ".bmp", ".avif", ".tiff"];

/// Labels the lines that are boilerplate.
pub fn label(page: &mut Page) {
    for index in page.open(0..page.lines.len()) {
        if let Some(reason) = reason(&page.lines[index]) {
            page.remove(index, reason);
        }
    }
    label_edges(page);
}

/// Labels what is boilerplate only above or below the article. Each notice found may lay another edge bare.
fn label_edges(page: &mut Page) {
    for _ in 0..MOST_NOTICES {
        let (head, tail) = (page.head(), page.tail());
        let edges = (head.start..head.end + 1).chain(tail.start.saturating_sub(1)..tail.end);
        let found = edges.filter(|&index| page.is_open(index)).find_map(|index| {
            let line = &page.lines[index];
            let reason = notice(line, &EDGE_NOTICES)
                .or_else(|| desk(line))
                .or_else(|| head.contains(&index).then(|| above(line)).flatten());
            let reason = reason.or_else(|| whole_line(line).filter(|_| !line.is_prose()));
            reason.filter(|_| line.may_be_stray()).map(|reason| (index, reason))
        });
        match found {
            Some((index, reason)) => page.remove(index, reason),
            None => return,
        }
    }
}

/// Returns why a line is boilerplate wherever it stands.
fn reason(line: &Line) -> Option<&'static str> {
    if line.kind == BlockKind::Heading {
        return whole_line(line);
    }
    if !line.may_be_stray() {
        return None;
    }
    // Among the paragraphs, `فيسبوك` as an item of a list is more likely said than a button.
    let said = line.kind == BlockKind::ListItem || listed(EDGE_LABELS, line.core());
    let widget = if said { None } else { whole_line(line) };
    is_image_file(line)
        .then_some(IMAGE_FILE)
        .or(widget)
        .or_else(|| font_size(line))
        .or_else(|| address(line))
        .or_else(|| hashtags(line))
        .or_else(|| notice(line, &NOTICES))
        .or_else(|| copyright_sign(line))
        .or_else(|| skip_link(line))
        .or_else(|| account(line))
}

/// Returns true for the name of a picture and nothing else.
pub fn is_image_file(line: &Line) -> bool {
    let name = line.folded.trim_end_matches(|c: char| !c.is_alphanumeric());
    let named = IMAGE_ENDINGS.iter().any(|ending| name.ends_with(ending));
    let alone = !line.text.contains(char::is_whitespace);
    // Cameras and screen-shot tools put spaces into names: `Screen Shot 2017-05-11 at 8.15.33 AM.png`.
    let spaced = line.words <= 7 && line.text.chars().all(|c| !arabic::is_letter(c));
    let bare = line.kind == BlockKind::Caption && alone && line.text.is_ascii() && line.text.contains(['_', '-']);
    bare || (named && (alone || spaced))
}

/// Looks the line up, counts in it set aside where its group may carry one.
fn whole_line(line: &Line) -> Option<&'static str> {
    if line.words > 6 {
        return None;
    }
    let words = line.folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let (numbers, names): (Vec<&str>, Vec<&str>) = words.partition(|word| word.chars().all(|c| c.is_ascii_digit()));
    let name = names.join(" ");
    let (reason, _) = WHOLE_LINES.iter().find(|(_, list)| listed(list, &name))?;
    let counted = numbers.is_empty() || COUNTED.contains(reason);
    (counted && !line.text.ends_with(['؟', '?'])).then_some(*reason)
}

fn font_size(line: &Line) -> Option<&'static str> {
    let signs: String = line.folded.chars().filter(|c| !c.is_whitespace()).collect();
    let known = ["+a", "-a", "a+", "a-", "a+a-", "a-a+", "+a-a", "-a+a", "حجمالخط+-", "+حجمالخط-", "-حجمالخط+"];
    known.contains(&signs.as_str()).then_some("font-size widget")
}

fn address(line: &Line) -> Option<&'static str> {
    let word = line.text.trim_matches(['<', '>', '(', ')', '[', ']']);
    let opens = ["http://", "https://", "www."].iter().any(|opening| word.starts_with(opening));
    (opens && !word.contains(char::is_whitespace)).then_some("web address")
}

fn hashtags(line: &Line) -> Option<&'static str> {
    let all = line.folded.split_whitespace().all(|word| word.starts_with('#') || !word.contains(char::is_alphanumeric));
    all.then_some("tags line")
}

fn notice(line: &Line, notices: &[Notice]) -> Option<&'static str> {
    let text = line.folded.trim_start_matches(|c: char| !c.is_alphanumeric());
    let opens = |opening: &str| {
        let rest = text.strip_prefix(opening);
        rest.is_some_and(|rest| opening.ends_with(':') || !rest.starts_with(char::is_alphanumeric))
    };
    let found = notices.iter().find(|(_, most, openings)| line.words <= *most && entries(openings).any(opens));
    found.map(|(reason, _, _)| *reason)
}

/// `تخطى قصص مقترحة وواصل القراءة`, for readers who hear the page.
fn skip_link(line: &Line) -> Option<&'static str> {
    let core = line.core();
    (line.words <= 8 && core.starts_with("تخطي ") && core.ends_with("وواصل القراءه")).then_some("navigation label")
}

/// The account that posted, or how often a post was seen.
fn account(line: &Line) -> Option<&'static str> {
    let alone = !line.text.contains(char::is_whitespace);
    if alone && line.text.starts_with('@') && line.text.is_ascii() {
        return Some("account name");
    }
    (line.text.starts_with('👁') && line.words <= 1).then_some("view count")
}

fn copyright_sign(line: &Line) -> Option<&'static str> {
    (line.words <= 18 && line.text.starts_with('©') || line.words <= 10 && line.text.contains('©'))
        .then_some("copyright line")
}

/// `(إعداد فلان للنشرة العربية - تحرير فلان)`, the desk that a wire story passed through.
fn desk(line: &Line) -> Option<&'static str> {
    let bracketed = line.text.starts_with('(') && line.text.ends_with(')') && line.words <= 16;
    (bracketed && line.core().starts_with("اعداد ") && line.folded.contains("تحرير")).then_some("names of the desk")
}

/// Returns why a line above the article is boilerplate.
fn above(line: &Line) -> Option<&'static str> {
    let core = line.core();
    if listed(SECTIONS, core) {
        return Some("section name");
    }
    if line.words <= 8 && core.starts_with("الرئيسيه") && line.text.contains(['/', '>', '»', '›', '|', '\\'])
    {
        return Some("navigation path");
    }
    if core.chars().all(|c| c.is_ascii_digit()) && core.len() <= 6 {
        return Some("counter");
    }
    (age(core) || short_age(core)).then_some("relative time, no date in it")
}

/// Returns true for `3 س`, as social networks shorten it.
fn short_age(core: &str) -> bool {
    core.split_once(' ').is_some_and(|(count, unit)| {
        count.len() <= 2 && count.chars().all(|c| c.is_ascii_digit()) && matches!(unit, "س" | "د" | "ي" | "h" | "min")
    })
}

/// Returns true for `منذ 3 ساعات` and its like.
fn age(core: &str) -> bool {
    const UNITS: [&str; 16] = [
        "دقيقه",
        "دقيقتين",
        "دقائق",
        "ساعه",
        "ساعتين",
        "ساعات",
        "يوم",
        "يومين",
        "ايام",
        "اسبوع",
        "اسبوعين",
        "اسابيع",
        "شهر",
        "شهرين",
        "اشهر",
        "سنه",
    ];
    let mut words = core.split_whitespace();
    words.next() == Some("منذ")
        && core.split_whitespace().count() <= 3
        && words.all(|word| UNITS.contains(&word) || word.chars().all(|c| c.is_ascii_digit()))
}
