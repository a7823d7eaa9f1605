//! Documents as a reader meets them: the whole file, rendered the way GitHub does, and its JSON against its schema.
//!
//! Separate from the unit tests because here the sections stand together: text that is harmless in one place must not
//! become markup in another.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it did not expect")]

use comrak::{Arena, Options, nodes::NodeValue, parse_document};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use summarize::{
    article::{Article, Metadata, Provenance, Removed, Role, Sentence, SentenceId},
    report::{
        Document, Html, Json, Layout, Markdown, ModelRecord, Render, SentenceTranslation, SummaryRecord, Tmx, Tsv,
        Xliff,
        json::{SCHEMA, Stored, restore},
    },
    review::{Cite, Flag, FlagKind, Method, Severity, SummarySentence},
};

/// Builds a document from lines: role, paragraph, Arabic, English. A line without a role is a removed span.
fn document(lines: &[(Option<Role>, usize, &str, &str)]) -> Document {
    let mut article = Article {
        provenance: Provenance {
            path: "a/bridge.txt".to_owned(),
            record: None,
            sha256: "0".repeat(64),
            bytes: 812,
            encoding: "UTF-8".to_owned(),
        },
        ..Article::default()
    };
    let mut translations = Vec::new();
    for (role, block, arabic, english) in lines {
        let start = article.text.len();
        article.text += arabic;
        let range = start..article.text.len();
        article.text.push('\n');
        let Some(role) = *role else {
            article.removed.push(Removed { range, reason: (*english).to_owned() });
            continue;
        };
        let id = SentenceId(translations.len() as u32);
        article.sentences.push(Sentence { id, role, range, block: *block });
        translations.push(SentenceTranslation { text: (*english).to_owned(), score: -0.41, ..Default::default() });
    }
    let files = BTreeMap::from([("model.safetensors".to_owned(), "1".repeat(64))]);
    let model = ModelRecord {
        name: "builtin".to_owned(),
        files,
        device: "cpu".to_owned(),
        precision: "f32".to_owned(),
        beam: 4,
        length_penalty: 1.0,
        demonstration: true,
        ..ModelRecord::default()
    };
    Document {
        article,
        source_language: "ar".to_owned(),
        language_detected: true,
        target_language: "en".to_owned(),
        translations,
        model,
        tool: "summarize 0.1.0".to_owned(),
        command: "summarize inputs/ --lang en".to_owned(),
        created: "2024-05-01T08:00:00Z".to_owned(),
        ..Document::default()
    }
}

fn flag(kind: FlagKind, severity: Severity, message: &str, evidence: &[&str]) -> Flag {
    let evidence = evidence.iter().map(|piece| (*piece).to_owned()).collect();
    Flag { kind, severity, message: message.to_owned(), evidence }
}

/// A small article with everything a document can hold, some of it hostile.
fn sample() -> Document {
    use Role::{Body, Caption, Heading, Related, Title};
    let mut document = document(&[
        (Some(Title), 0, "افتتاح جسر «السلام» فوق نهر العاصي", "Opening of the \"Salam\" bridge | over the Orontes"),
        (None, 1, "icon <img src=x>", "icon name"),
        (
            Some(Body),
            2,
            "افتتح الوزير سامر حداد الجسر في 18 شباط بكلفة 2254 ألف دولار.",
            "Minister Samer Haddad opened the bridge on February 18 at a cost of $2245 thousand.",
        ),
        (
            Some(Body),
            2,
            "وقال <b>إنه</b> [آمن](http://evil.example)\u{202E}.",
            "He said it is <b>safe</b> [here](javascript:alert(1)), see www.evil.example.",
        ),
        (Some(Heading), 3, "ماذا بعد؟", "# What next?"),
        (Some(Body), 4, "لم يحدد موعد.", "1. No date was set."),
        (Some(Caption), 5, "صورة الجسر", "A picture of the bridge"),
        (Some(Related), 6, "اقرأ أيضا: جسر آخر", "Read also: another bridge"),
        (None, 7, "+A حجم الخط -A", "font-size widget"),
    ]);
    document.article.metadata = Metadata {
        date: Some("2021-02-18T12:18".to_owned()),
        place: Some("حمص".to_owned()),
        url: Some("https://evil.example/a_b?c=<d>".to_owned()),
        ..Metadata::default()
    };
    let message = "Arabic has 2254, English has 2245: check the number";
    document.translations[1].flags = vec![flag(FlagKind::Number, Severity::Critical, message, &["2254", "2245"])];
    let message = "the Arabic has characters that cannot be seen (U+202E): it may read otherwise than it looks";
    document.translations[2].flags = vec![flag(FlagKind::Bidi, Severity::Major, message, &["U+202E"])];
    // سامر -> Samer, حداد -> Haddad, السلام -> Salam
    document.translations[1].words = link(&document, 1, &[("سامر", "Samer"), ("حداد", "Haddad")]);
    document.translations[1].marks = link(&document, 1, &[(".", ".")]);
    document.translations[0].words = link(&document, 0, &[("السلام", "Salam"), ("العاصي", "Orontes")]);
    document.summary = vec![SummarySentence {
        text: document.translations[1].text.clone(),
        method: Method::Extractive,
        cites: vec![Cite { id: SentenceId(1), support: 1.0 }],
        flags: Vec::new(),
    }];
    document
}

fn link(
    document: &Document,
    index: usize,
    pairs: &[(&str, &str)],
) -> Vec<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    let source = document.article.source(&document.article.sentences[index]);
    let target = &document.translations[index].text;
    let span = |text: &str, part: &str| text.find(part).map(|start| start..start + part.len()).unwrap();
    pairs.iter().map(|(arabic, english)| (span(source, arabic), span(target, english))).collect()
}

fn text(format: &impl Render, document: &Document) -> String {
    String::from_utf8(format.render(document)).unwrap()
}

#[test]
fn the_markdown_document() {
    insta::assert_snapshot!(text(&Markdown, &sample()));
}

#[test]
fn the_json_document() {
    let outputs = BTreeMap::from([("bridge.md".to_owned(), "2".repeat(64))]);
    insta::assert_snapshot!(text(&Json { outputs }, &sample()));
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    assert_eq!(Markdown.render(&sample()), Markdown.render(&sample()));
    assert_eq!(Json::default().render(&sample()), Json::default().render(&sample()));
}

#[test]
fn an_empty_article_is_a_document_too() {
    let empty = document(&[]);
    let markdown = text(&Markdown, &empty);
    assert!(markdown.contains("# a/bridge\\.txt") && markdown.contains("0 of 0 sentences translated; 0 spans removed"));
    assert_eq!(foreign_markup(&markdown), Vec::<String>::new());
    assert_eq!(broken_rules(&schema(), &json(&empty), "", &schema()), Vec::<String>::new());
}

#[test]
fn two_columns_hold_the_same_and_no_markup_of_the_article() {
    let columns = |mut document: Document| {
        document.aids.layout = Layout::Table;
        document
    };
    let markdown = text(&Markdown, &columns(sample()));
    for id in 0..7 {
        assert_eq!(markdown.matches(&format!("<a name=\"s{id}\"></a>")).count(), 1, "S{id}");
    }
    let body = |block| (Some(Role::Body), block, "نعم", "Yes.");
    let paragraphs = text(&Markdown, &columns(document(&[body(0), body(0), body(1)])));
    assert_eq!(paragraphs.matches("| | |\n").count(), 1, "an empty row parts paragraphs");
    for hostile in HOSTILE {
        let markdown = text(&Markdown, &columns(filled_with(hostile)));
        assert_eq!(foreign_markup(&markdown), Vec::<String>::new(), "{hostile:?}\n{markdown}");
        let rows = markdown.lines().filter(|line| line.starts_with("| <a name=\"s"));
        assert!(rows.clone().count() == 4, "body, body, caption, related");
        assert!(rows.into_iter().all(|row| row.matches(" | <div dir=\"rtl\"").count() == 1 && row.ends_with(" |")));
    }
}

#[test]
fn a_document_restored_from_its_json_renders_to_the_same_bytes() {
    for mut document in HOSTILE.into_iter().map(filled_with).chain([sample()]) {
        // What the JSON does not hold is given by the run that restores.
        (document.command, document.created) = Default::default();
        document.summary.iter_mut().for_each(|sentence| sentence.method = Method::Extractive);
        document.article.provenance.bytes = document.article.text.len() as u64;
        let json = Json::default().render(&document);
        let restored = restore(&json).unwrap();
        let formats: [&dyn Render; 6] = [&Markdown, &Html, &Tsv, &Tmx, &Xliff, &Json::default()];
        for format in formats {
            let (before, after) = (format.render(&document), format.render(&restored));
            assert_eq!(String::from_utf8_lossy(&before), String::from_utf8_lossy(&after), "{}", format.extension());
        }
    }
}

#[test]
fn sections_stand_in_their_order() {
    let markdown = text(&Markdown, &sample());
    let sections = ["Check first", "Summary", "Names and numbers", "Text", "Related", "Removed", "How to read this"];
    let places = sections.map(|section| markdown.find(&format!("\n## {section}\n")));
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
    assert!(!text(&Markdown, &document(&[])).contains("## Related"));
}

#[test]
fn every_link_has_its_anchor() {
    let markdown = text(&Markdown, &sample());
    for target in markdown.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert_eq!(markdown.matches(&format!("<a name=\"{target}\"></a>")).count(), 1, "{target}");
    }
}

#[test]
fn the_sample_has_no_markup_of_its_own() {
    assert_eq!(foreign_markup(&text(&Markdown, &sample())), Vec::<String>::new());
}

#[test]
fn a_document_read_back_says_what_was_written() {
    let outputs = BTreeMap::from([("bridge.md".to_owned(), "2".repeat(64))]);
    let stored = Stored::read(&Json { outputs: outputs.clone() }.render(&sample())).unwrap();
    assert_eq!((stored.sentences, stored.flags, stored.outputs), (7, sample().flag_counts(), outputs));
    assert_eq!(stored.headline.unwrap().1, "افتتاح جسر «السلام» فوق نهر العاصي");
    assert_eq!(stored.date.as_deref(), Some("2021-02-18T12:18"));
    let bytes = Json::default().render(&sample());
    assert_eq!(Stored::read(&bytes[..bytes.len() / 2]), None);
}

#[test]
fn a_warning_said_of_several_sentences_is_one_row() {
    let mut document = sample();
    let unsure = |severity| flag(FlagKind::LowScore, severity, "the model was unsure", &["-1.5"]);
    for index in [0, 3, 4] {
        document.translations[index].flags.push(unsure(Severity::Minor));
    }
    document.translations[5].flags.push(unsure(Severity::Major));
    let markdown = text(&Markdown, &document);
    assert!(markdown.contains("| minor | low_score | the model was unsure | [S0](#s0) [S3](#s3) [S4](#s4) |\n"));
    assert!(markdown.contains("| major | low_score | the model was unsure | [S5](#s5) |\n"));
    assert_eq!(markdown.matches("> **minor, low_score**").count(), 3);
}

#[test]
fn what_is_not_known_of_an_article_is_not_mentioned() {
    assert!(
        text(&Markdown, &sample())
            .contains("\n\nPublished: <b dir=\"ltr\">2021-02-18 12:18</b> · Place: <b dir=\"rtl\"")
    );
    let markdown = text(&Markdown, &document(&[(Some(Role::Title), 0, "خبر", "News")]));
    assert!(["Published", "Place", "Agency", "Author", "Address"].iter().all(|label| !markdown.contains(label)));
}

#[test]
fn a_sentence_without_translation_says_so() {
    let markdown = text(&Markdown, &document(&[(Some(Role::Title), 0, "خبر", ""), (Some(Role::Body), 1, "نعم", " ")]));
    assert!(markdown.contains("# *no translation*\n") && markdown.contains("\n**S1** *no translation*\n"));
    assert!(markdown.contains("0 of 2 sentences translated"));
}

#[test]
fn sentences_of_a_paragraph_stand_together() {
    use Role::{Body, Heading};
    let lines = [(Some(Body), 0), (Some(Body), 0), (Some(Heading), 1), (Some(Body), 2), (Some(Body), 3)];
    let lines: Vec<_> = lines.iter().map(|(role, block)| (*role, *block, "نعم", "Yes.")).collect();
    let markdown = text(&Markdown, &document(&lines));
    let text = markdown.split("## Text").nth(1).and_then(|rest| rest.split("## Removed").next()).unwrap();
    let marks = text.lines().filter(|line| *line == "---" || line.starts_with("**S") || line.starts_with("### "));
    let marks: Vec<&str> = marks.map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(marks, ["**S0**", "**S1**", "---", "###", "**S3**", "---", "**S4**"]);
}

/// Returns what the rendered document holds beyond the program's own markup.
fn foreign_markup(markdown: &str) -> Vec<String> {
    let mut options = Options::default();
    options.extension.front_matter_delimiter = Some("---".to_owned());
    let extension = &mut options.extension;
    (extension.autolink, extension.table, extension.strikethrough, extension.tasklist) = (true, true, true, true);
    (extension.footnotes, extension.math_dollars, extension.alerts) = (true, true, true);
    let arena = Arena::new();
    let root = parse_document(&arena, markdown, &options);
    root.descendants().filter_map(|node| foreign(&node.data.borrow().value)).collect()
}

fn foreign(node: &NodeValue) -> Option<String> {
    let own = match node {
        NodeValue::Link(link) => is_own_anchor(link.url.strip_prefix('#')?),
        NodeValue::HtmlInline(tag) => is_own_tag(tag),
        NodeValue::HtmlBlock(block) => block
            .literal
            .split_inclusive('>')
            .all(|piece| piece.rfind('<').is_none_or(|at| is_own_tag(piece[at..].trim()))),
        NodeValue::Heading(_) | NodeValue::ThematicBreak | NodeValue::BlockQuote | NodeValue::List(_) => true,
        NodeValue::Code(code) => code.literal == "reviewed_by",
        NodeValue::Image(_) | NodeValue::CodeBlock(_) | NodeValue::Math(_) => false,
        NodeValue::FootnoteReference(_) | NodeValue::Strikethrough | NodeValue::TaskItem(_) | NodeValue::Alert(_) => {
            false
        }
        _ => true,
    };
    (!own).then(|| format!("{node:?}"))
}

fn is_own_anchor(name: &str) -> bool {
    name.strip_prefix(['s', 'm']).is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_own_tag(tag: &str) -> bool {
    let name = tag.strip_prefix("<a name=\"").and_then(|rest| rest.strip_suffix("\">"));
    let plain = [
        "<p dir=\"rtl\" lang=\"ar\">",
        "<div dir=\"rtl\" lang=\"ar\">",
        "<strong>",
        "</strong>",
        "</p>",
        "</div>",
        "</a>",
        "<br>",
        "<b dir=\"rtl\" lang=\"ar\">",
        "<b dir=\"ltr\">",
        "<div dir=\"ltr\">",
        "</b>",
    ];
    plain.contains(&tag) || tag == "<!-- -->" || name.is_some_and(is_own_anchor)
}

fn headings(markdown: &str) -> usize {
    let arena = Arena::new();
    let mut options = Options::default();
    options.extension.front_matter_delimiter = Some("---".to_owned());
    let root = parse_document(&arena, markdown, &options);
    root.descendants().filter(|node| matches!(node.data.borrow().value, NodeValue::Heading(_))).count()
}

/// A document that holds `text` wherever text of an article can stand.
fn filled_with(text: &str) -> Document {
    use Role::{Body, Caption, Heading, Related, Title};
    let roles = [Some(Title), Some(Body), Some(Heading), Some(Body), Some(Caption), Some(Related), None];
    let lines: Vec<_> = roles.iter().enumerate().map(|(block, role)| (*role, block, text, text)).collect();
    let mut document = document(&lines);
    for translation in &mut document.translations {
        translation.flags = vec![flag(FlagKind::Number, Severity::Critical, text, &[text])];
        translation.words = vec![(0..text.len(), 0..text.len())];
    }
    let fact = || Some(text.to_owned());
    document.article.metadata =
        Metadata { title: None, date: fact(), place: fact(), agency: fact(), author: fact(), url: fact() };
    document.article.provenance.path = text.to_owned();
    document.article.provenance.record = Some(text.to_owned());
    document.command = text.to_owned();
    let model = ModelRecord { name: text.to_owned(), demonstration: false, ..document.model.clone() };
    document.summary_model = Some(SummaryRecord { model, sentences: 3, keep_unsupported: true });
    document.summary = vec![SummarySentence {
        text: text.to_owned(),
        method: Method::Abstractive,
        cites: vec![Cite { id: SentenceId(1), support: 0.5 }],
        flags: vec![flag(FlagKind::Unsupported, Severity::Major, text, &[])],
    }];
    document
}

const HOSTILE: [&str; 14] = [
    "<script>alert(1)</script>",
    "</p></div><img src=x onerror=alert(1)>",
    "[x](javascript:alert(1)) ![y](http://evil.example/t.gif)",
    "text\n\n# Heading\n\n---\n\n- item",
    "| a | b |\n| - | - |\n| c | d |",
    "http://evil.example www.evil.example a@evil.example <http://evil.example>",
    "\u{202E}gpj.exe\u{2066}\u{200B}",
    "```\ncode\n```",
    "\"\n---\nstatus: \"reviewed\"",
    "[^1]: note\n\n[x]: http://evil.example\n\n[x]",
    "> [!NOTE]\n> quoted",
    "&lt;b&gt; &#60;b&#62; \\<b>",
    "<!-- comment",
    "«<b>Name</b>» 2254 \"Q | R\"",
];

#[test]
fn a_hostile_article_gets_no_markup_anywhere() {
    let usual = headings(&text(&Markdown, &filled_with("Plain words")));
    for hostile in HOSTILE {
        let markdown = text(&Markdown, &filled_with(hostile));
        assert_eq!(foreign_markup(&markdown), Vec::<String>::new(), "{hostile:?}\n{markdown}");
        assert_eq!(headings(&markdown), usual, "{hostile:?}\n{markdown}");
        assert!(!markdown.contains(['\u{202E}', '\u{2066}', '\u{200B}']));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_article_gets_markup_anywhere(text in "[-a-c0-2 .:/@<>&\\[\\]()!*_`~#|$=%^{}\\\\+w'\"«»\n\t\u{202E}بA]{1,30}") {
        let markdown = String::from_utf8(Markdown.render(&filled_with(&text))).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(foreign_markup(&markdown), Vec::<String>::new(), "{}", markdown);
        prop_assert_eq!(headings(&markdown), headings(&String::from_utf8_lossy(&Markdown.render(&filled_with("Plain words")))));
    }
}

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn json(document: &Document) -> Value {
    serde_json::from_slice(&Json::default().render(document)).unwrap()
}

#[test]
fn the_json_keeps_to_its_schema_and_the_schema_refuses_others() {
    let valid = json(&sample());
    assert_eq!(broken_rules(&schema(), &valid, "", &schema()), Vec::<String>::new());
    for hostile in HOSTILE {
        assert_eq!(broken_rules(&schema(), &json(&filled_with(hostile)), "", &schema()), Vec::<String>::new());
    }
    let spoil: [fn(&mut Value); 4] = [
        |json| json["extra"] = Value::Null,
        |json| json["sentences"][0]["role"] = "footer".into(),
        |json| json["sentences"][1]["flags"][0]["severity"] = "fatal".into(),
        |json| json["input"]["sha256"] = "abc".into(),
    ];
    for spoil in spoil {
        let mut json = valid.clone();
        spoil(&mut json);
        assert_eq!(broken_rules(&schema(), &json, "", &schema()).len(), 1);
    }
}

#[test]
fn the_keys_stand_in_the_order_of_the_schema() {
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let (schema, json) = (schema(), json(&sample()));
    let required = |value: &Value| {
        value["required"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(keys(&json), required(&schema));
    assert_eq!(keys(&json["sentences"][0]), required(&schema["$defs"]["sentence"]));
    assert_eq!(keys(&json["model"]), required(&schema["$defs"]["model"]));
    assert_eq!(keys(&json["metadata"]), required(&schema["properties"]["metadata"]));
}

/// Returns the rules of a JSON Schema that a value breaks: the part of the standard that the document's schema uses.
fn broken_rules(rules: &Value, value: &Value, at: &str, root: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    for (keyword, rule) in rules.as_object().unwrap() {
        let holds = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => true,
            "required" => rule.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some()),
            "$ref" => {
                let target = root.pointer(rule.as_str().unwrap().trim_start_matches('#')).unwrap();
                broken.extend(broken_rules(target, value, at, root));
                true
            }
            "properties" => {
                for (key, rules) in rule.as_object().unwrap() {
                    let member = value.get(key);
                    broken
                        .extend(member.into_iter().flat_map(|v| broken_rules(rules, v, &format!("{at}/{key}"), root)));
                }
                true
            }
            "additionalProperties" => {
                let known = |key: &str| rules.get("properties").is_some_and(|known| known.get(key).is_some());
                let others = value.as_object().unwrap().iter().filter(|(key, _)| !known(key));
                let mut count = 0;
                for (key, value) in others {
                    count += 1;
                    if rule.is_object() {
                        broken.extend(broken_rules(rule, value, &format!("{at}/{key}"), root));
                    }
                }
                rule.is_object() || count == 0
            }
            "items" => {
                let items = value.as_array().unwrap().iter().enumerate();
                broken.extend(items.flat_map(|(i, v)| broken_rules(rule, v, &format!("{at}/{i}"), root)));
                true
            }
            "anyOf" => rule.as_array().unwrap().iter().any(|rules| broken_rules(rules, value, at, root).is_empty()),
            "type" => match rule {
                Value::Array(types) => types.iter().any(|name| has_type(value, name)),
                name => has_type(value, name),
            },
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_f64() >= rule.as_f64(),
            "maximum" => value.as_f64() <= rule.as_f64(),
            "minItems" => value.as_array().unwrap().len() as u64 >= rule.as_u64().unwrap(),
            "maxItems" => value.as_array().unwrap().len() as u64 <= rule.as_u64().unwrap(),
            "pattern" => matches_pattern(value.as_str().unwrap(), rule.as_str().unwrap()),
            other => panic!("the test knows no rule {other}"),
        };
        if !holds {
            broken.push(format!("{at}: {keyword} {rule}"));
        }
    }
    broken
}

fn has_type(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the test knows no type {other}"),
    }
}

/// The schema has three patterns.
fn matches_pattern(text: &str, pattern: &str) -> bool {
    let number = |prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    match pattern {
        "^[0-9a-f]{64}$" => text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
        "^S[0-9]+$" => number('S'),
        "^M[0-9]+$" => number('M'),
        other => panic!("the test knows no pattern {other}"),
    }
}
