//! What the lines around an article say of it: date, place, agency, author, source.
//!
//! Separate because these lines are taken out of the text and raised to metadata. The invariant: nothing declared by the
//! reader is overwritten, and a line is taken only above the first line of prose or below the last.

use super::{Page, dates, line::Line, places};
use crate::article::{BlockKind, Metadata};

/// Date lines of one page, at most: of publication, of updates. More of them are data.
const MOST_DATES: usize = 3;

/// Lines above an article, at most, in which the page's own date line is looked for.
const NEAR: usize = 6;

const DATE: &str = "date line, kept as metadata";
const PLACE: &str = "place and agency line, kept as metadata";
const AUTHOR: &str = "byline, kept as metadata";
const SOURCE: &str = "source line, kept as metadata";

/// Openings of a byline that a colon must follow, folded.
const BYLINES: &[&str] = &[
    "كتب",
    "كتبت",
    "كتبه",
    "بقلم",
    "اعداد",
    "اعداد وتحرير",
    "الكاتب",
    "الكاتبه",
    "المولف",
    "تحرير",
    "by",
    "author",
    "حاوره",
    "حاورها",
    "حاورته",
    "حاورتها",
    "اجري الحوار",
    "اجرت الحوار",
    "اجري المقابله",
];
/// Openings of a source line, folded.
const SOURCES: &[&str] = &["المصدر", "مصدر الخبر", "المصادر", "source"];

/// Labels the lines that metadata is read from, and reads it.
pub fn label(page: &mut Page) {
    let (head, tail) = (page.head(), page.tail());
    // Whatever line speaks of a place for itself goes before the city of a date line.
    let mut beside_date = Metadata::default();
    let around: Vec<usize> = page.open(head.clone()).into_iter().chain(page.open(tail.clone())).collect();
    if around.iter().filter(|&&index| date(&page.lines[index]).is_some()).count() <= MOST_DATES {
        around.iter().for_each(|&index| label_date(page, index, &mut beside_date));
    }
    for index in around.into_iter().filter(|&index| page.is_open(index)).collect::<Vec<_>>() {
        if !label_credit(page, index) && head.contains(&index) {
            label_dateline(page, index);
        }
    }
    read_inline_dateline(page, head.end);
    read_outside_date(page, head.end);
    fill(&mut page.metadata.place, beside_date.place);
    fill(&mut page.metadata.agency, beside_date.agency);
}

fn label_dateline(page: &mut Page, index: usize) {
    let line = &page.lines[index];
    if !line.may_be_stray() || line.words > 8 {
        return;
    }
    if let Some(found) = dateline(line.text) {
        fill(&mut page.metadata.place, found.place);
        fill(&mut page.metadata.agency, found.agency);
        page.remove(index, PLACE);
    }
}

fn date(line: &Line) -> Option<dates::DateLine> {
    (line.may_be_stray() && line.words <= 16).then(|| dates::parse(line.text)).flatten()
}

/// Labels a date line, or the time of day right after one.
fn label_date(page: &mut Page, index: usize, beside_date: &mut Metadata) {
    let line = &page.lines[index];
    if let Some(found) = date(line) {
        fill(&mut page.metadata.date, Some(found.iso));
        fill(&mut beside_date.place, found.place);
        fill(&mut beside_date.agency, found.agency);
        page.remove(index, DATE);
        return;
    }
    let follows_date = index > 0 && page.labels[index - 1] == Some(super::Label::Remove(DATE));
    let Some(time) = dates::parse_time(line.text).filter(|_| follows_date && line.may_be_stray()) else { return };
    if let Some(date) = page.metadata.date.as_mut().filter(|date| date.len() == "2021-02-18".len()) {
        *date = format!("{date}T{time}");
    }
    page.remove(index, DATE);
}

/// Labels a byline or a source line.
fn label_credit(page: &mut Page, index: usize) -> bool {
    let line = &page.lines[index];
    if !line.may_be_stray() {
        return false;
    }
    let name = after_label(line, BYLINES, true).or_else(|| after_label(line, &["بقلم", "by"], false));
    if let Some(name) = name.or_else(|| after_outlet(line)) {
        fill(&mut page.metadata.author, Some(name));
        page.remove(index, AUTHOR);
        return true;
    }
    if let Some(name) = after_label(line, SOURCES, true) {
        fill(&mut page.metadata.agency, Some(name));
        page.remove(index, SOURCE);
        return true;
    }
    false
}

/// Returns the one to six words after an opening, in the source's own words.
fn after_label(line: &Line, openings: &[&str], marked: bool) -> Option<String> {
    let most = if marked { 8 } else { 5 };
    if line.words > most || line.ends_with_stop() {
        return None;
    }
    let marks = [':', '|', '/', '-', '–', '：'];
    let (opening, name) = match marked {
        // A comma makes a byline only behind the English label: in a sentence it follows anything.
        true => {
            line.text.split_once(marks).or_else(|| line.text.strip_prefix("Author,").map(|name| ("author", name)))?
        }
        false => line.text.split_once(char::is_whitespace)?,
    };
    let opening = crate::article::normalize::fold(opening);
    let name = name.trim_matches(|c: char| c.is_whitespace() || marks.contains(&c));
    (openings.contains(&opening.trim()) && name.contains(char::is_alphabetic)).then(|| name.to_owned())
}

/// Returns the author of `الجريدة - خاص - بقلم: فلان`.
fn after_outlet(line: &Line) -> Option<String> {
    let (_, name) = line.text.split_once("بقلم").filter(|_| line.words <= 8 && !line.ends_with_stop())?;
    let name = name.trim_start().strip_prefix(':')?.trim();
    (1..=4).contains(&name.split_whitespace().count()).then(|| name.to_owned())
}

/// Returns the place and agency of a line that names nothing else.
fn dateline(text: &str) -> Option<Metadata> {
    let mut found = Metadata::default();
    let separators = ['-', '–', '—', '|', '/', '،', ',', ':', '(', ')', '[', ']', 'ـ'];
    let parts: Vec<&str> = text.split(separators).map(str::trim).filter(|part| !part.is_empty()).collect();
    // No gazetteer has every town: what stands alone before a wire service is where it files from.
    if let [place, wire] = parts[..]
        && places::is_wire(wire)
        && is_name(place)
        && dates::parse(place).is_none()
    {
        return Some(Metadata { place: Some(place.into()), agency: Some(wire.into()), ..found });
    }
    for part in parts {
        if let Some(date) = dates::parse(part) {
            fill(&mut found.date, Some(date.iso));
            continue;
        }
        let slot = match (places::is_place(part), places::is_agency(part)) {
            (true, _) => &mut found.place,
            (_, true) => &mut found.agency,
            _ => return None,
        };
        // Two places side by side are a subject, not a dateline.
        if slot.replace(part.to_owned()).is_some() {
            return None;
        }
    }
    (found.place.is_some() || found.agency.is_some()).then_some(found)
}

/// Returns true for one to three words of letters.
fn is_name(text: &str) -> bool {
    (1..=3).contains(&text.split_whitespace().count()) && text.chars().all(|c| c.is_alphabetic() || c.is_whitespace())
}

/// Reads `بيروت (وكالة) -` at the head of the first paragraph; it stays part of its sentence.
fn read_inline_dateline(page: &mut Page, first: usize) {
    let Some(line) = page.lines.get(first).filter(|line| line.kind == BlockKind::Paragraph) else { return };
    let opening: String = line.text.chars().take(50).collect();
    let ends = opening.match_indices(['-', '–', '—', ':', ')', '/']).map(|(at, mark)| at + mark.len());
    let found = ends.filter_map(|end| dateline(&opening[..end])).next_back();
    // A lone place or agency before a dash may as well be the subject of the sentence.
    if let Some(found) = found.filter(|found| found.place.is_some() && found.agency.is_some()) {
        fill(&mut page.metadata.date, found.date);
        fill(&mut page.metadata.place, found.place);
        fill(&mut page.metadata.agency, found.agency);
    }
}

/// Reads the date that a page shows beside its article, where the readability pass left it outside.
fn read_outside_date(page: &mut Page, first: usize) {
    let within = |index: &usize| !matches!(page.lines[*index].kind, BlockKind::Outside | BlockKind::Hidden);
    let Some(top) = (0..page.lines.len()).find(within) else { return };
    let near = top.saturating_sub(NEAR)..first.min(page.lines.len());
    let outside = page.lines[near].iter().filter(|line| line.kind == BlockKind::Outside && line.words <= 16);
    let date = outside.filter_map(|line| dates::parse(line.text)).next();
    fill(&mut page.metadata.date, date.map(|found| found.iso));
}

/// Fills a field that is empty.
fn fill(field: &mut Option<String>, value: Option<String>) {
    if field.as_deref().is_none_or(|text| text.trim().is_empty()) {
        *field = value.or(field.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datelines_are_read_in_their_usual_forms() {
        for line in ["بيروت - رويترز", "بيروت (رويترز)", "بيروت/ رويترز", "رويترز - بيروت", "بيروت-رويترز:"]
        {
            let found = dateline(line).unwrap();
            assert_eq!((found.place.as_deref(), found.agency.as_deref()), (Some("بيروت"), Some("رويترز")), "{line}");
        }
    }

    #[test]
    fn a_town_of_no_gazetteer_is_known_by_the_wire_service_after_it() {
        let found = dateline("رأس النخيل - وكالة نبأ الساحل").unwrap();
        assert_eq!((found.place.as_deref(), found.agency.as_deref()), (Some("رأس النخيل"), Some("وكالة نبأ الساحل")));
    }

    #[test]
    fn a_dateline_may_hold_a_date() {
        let found = dateline("الرباط/5 ماي 2022/ومع/").unwrap();
        assert_eq!(found.date.as_deref(), Some("2022-05-05"));
    }

    #[test]
    fn lines_with_other_words_are_no_datelines() {
        for line in [
            "سوريا - تركيا",
            "بيروت - اشتباكات",
            "محمد سالم - الجزيرة",
            "قال إن ذلك لم يحدث - وكالات",
            "بيروت تشتعل",
            "",
            "- -",
        ] {
            assert_eq!(dateline(line), None, "{line}");
        }
    }

    #[test]
    fn an_author_is_read_after_the_outlet() {
        let text = "الجريدة - خاص - بقلم: سامر النجار";
        let draft = crate::article::Draft {
            text: text.to_owned(),
            blocks: vec![crate::article::Block { range: 0..text.len(), kind: BlockKind::Paragraph }],
            ..Default::default()
        };
        assert_eq!(after_outlet(&Line::all(&draft)[0]).as_deref(), Some("سامر النجار"));
    }

    #[test]
    fn an_empty_field_is_filled_and_a_full_one_kept() {
        let mut field = Some(" ".to_owned());
        fill(&mut field, Some("أول".to_owned()));
        fill(&mut field, Some("ثان".to_owned()));
        assert_eq!(field.as_deref(), Some("أول"));
    }
}
