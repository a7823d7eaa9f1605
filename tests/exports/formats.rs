//! Each format read back, and what a rerun with other formats does.

use crate::{ARABIC, desk::Desk};
use dom_query::Document as Page;
use quick_xml::{Reader, events::Event};

const ALL: &str = "md,json,html,tsv,tmx,xliff";
const HOSTILE: &str =
    "خبر <script>alert(1)</script>\n\nقال <b onclick=\"x\">إنه</b> & \"آمن\" ]]> \u{202E}نعم. =SUM(A1) أين المدرسة؟\n";

/// Returns name and attributes of each element of an XML file, and the text of those named.
fn elements(xml: &str, named: &str) -> (Vec<(String, String)>, Vec<String>) {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let (mut all, mut texts, mut inside) = (Vec::new(), Vec::new(), false);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) | Event::Empty(start) => {
                let name = start.name().as_ref().to_owned();
                inside = name == named;
                texts.extend(inside.then(String::new));
                all.push((name, start.attributes_raw().to_owned()));
            }
            Event::End(_) => inside = false,
            Event::Text(text) if inside => texts.last_mut().unwrap().push_str(&text),
            Event::GeneralRef(name) if inside => {
                let c = quick_xml::escape::resolve_predefined_entity(&name).unwrap();
                texts.last_mut().unwrap().push_str(c);
            }
            Event::Eof => return (all, texts),
            _ => {}
        }
    }
}

fn sentences(desk: &Desk) -> Vec<(String, String)> {
    let json = desk.json("outputs/a.json");
    let text = |sentence: &serde_json::Value, key: &str| sentence[key].as_str().unwrap().to_owned();
    json["sentences"].as_array().unwrap().iter().map(|s| (text(s, "source"), text(s, "translation"))).collect()
}

#[test]
fn every_format_has_every_sentence_of_a_hostile_article() {
    let desk = Desk::new(&[("a.txt", HOSTILE)]);
    desk.translate(&["a.txt", "--format", ALL]);
    let sentences = sentences(&desk);
    assert!(sentences.len() >= 3);

    let (all, segments) = elements(&desk.read("outputs/a.tmx"), "seg");
    assert_eq!(all.iter().filter(|(name, _)| name == "tu").count(), sentences.len());
    let both: Vec<&String> = sentences.iter().flat_map(|(source, target)| [source, target]).collect();
    assert_eq!(segments.iter().collect::<Vec<_>>(), both, "as they are written");

    let (all, sources) = elements(&desk.read("outputs/a.xliff"), "source");
    assert_eq!(sources, sentences.iter().map(|(source, _)| source.clone()).collect::<Vec<_>>());
    let targets: Vec<&String> =
        all.iter().filter(|(name, _)| name == "target").map(|(_, attributes)| attributes).collect();
    assert_eq!(targets.len(), sentences.len());
    let said = "state=\"needs-review-translation\" state-qualifier=\"leveraged-mt\" its:mtConfidence=\"0.";
    assert!(targets.iter().all(|attributes| attributes.contains(said)), "{targets:?}");

    let tsv = desk.read("outputs/a.tsv");
    let cells: Vec<usize> = tsv.lines().map(|line| line.split('\t').count()).collect();
    assert_eq!(cells, vec![7; sentences.len() + 1]);
    assert!(!tsv.split(['\t', '\n']).any(|cell| cell.starts_with('=')));
}

#[test]
fn the_page_is_whole_and_holds_no_markup_of_the_article() {
    let desk = Desk::new(&[("a.txt", HOSTILE)]);
    desk.translate(&["a.txt", "--format", ALL]);
    let html = desk.read("outputs/a.html");
    let page = Page::from(html.as_str());
    for foreign in ["script", "img", "iframe", "[onclick]", "link", "[src]", "b"] {
        assert_eq!(page.select(foreign).length(), 0, "{foreign}");
    }
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains('\u{202E}'));
    assert_eq!(page.select("[lang=ar]").length(), page.select("[lang=ar][dir=rtl]").length());
    assert_eq!(page.select("h1").length(), 1);
    for anchor in page.select("a[href^='#']").iter() {
        let target = anchor.attr("href").unwrap();
        assert_eq!(page.select(&format!("[id='{}']", &target[1..])).length(), 1, "{target}");
    }
    let titles = desk.read("outputs/a.json").matches("\"role\": \"title\"").count();
    assert_eq!(page.select(".pair").length() + titles, sentences(&desk).len(), "a headline stands above");
}

#[test]
fn another_format_or_layout_is_made_without_a_model() {
    let desk = Desk::new(&[("a.txt", ARABIC)]);
    desk.translate(&["a.txt"]);
    let markdown = desk.read("outputs/a.md");
    let said = desk.translate(&["a.txt", "--format", "html,json"]);
    assert!(!said.contains("translating with") && said.contains("1 written"), "{said}");
    assert!(desk.translate(&["a.txt", "--format", ALL]).contains("1 written"));
    assert!(desk.translate(&["a.txt", "--format", "md,tmx,json"]).contains("1 skipped"));
    assert_eq!(desk.read("outputs/a.md"), markdown, "it is left as it was");
    let fresh = Desk::new(&[("a.txt", ARABIC)]);
    fresh.translate(&["a.txt", "--format", ALL]);
    for file in ["a.html", "a.tsv", "a.tmx", "a.xliff", "a.json"] {
        assert_eq!(desk.read(&format!("outputs/{file}")), fresh.read(&format!("outputs/{file}")), "{file}");
    }
    let said = desk.translate(&["a.txt", "--layout", "table"]);
    assert!(!said.contains("translating with") && said.contains("1 written"), "{said}");
    assert!(desk.read("outputs/a.md").contains("| English | Arabic |\n| --- | ---: |\n| <a name=\"s1\"></a>**S1** "));
    fresh.translate(&["a.txt", "--layout", "table", "--force"]);
    let body = |desk: &Desk| desk.read("outputs/a.md").split("created:").nth(1).unwrap().to_owned();
    assert_eq!(body(&desk), body(&fresh));
}

#[test]
fn an_export_that_was_edited_is_kept() {
    let desk = Desk::new(&[("a.txt", ARABIC)]);
    desk.translate(&["a.txt", "--format", ALL]);
    desk.write("outputs/a.xliff", "<post-edited/>");
    let said = desk.translate(&["a.txt", "--format", ALL, "--layout", "table"]);
    assert!(said.contains("a.xliff was edited"), "{said}");
    assert_eq!(desk.read("outputs/a.xliff"), "<post-edited/>");
}
