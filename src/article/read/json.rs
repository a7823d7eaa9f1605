//! JSON articles: one object, an array of them, or one a line.
//!
//! Separate because records carry their own metadata and ids. The invariant: a record that is no article is an error
//! of its own and never stops the ones after it.

use serde_json::{Map, Value};

use super::{super::Metadata, Reason, date::iso_date, draft::Parsed, html, plain};

/// One record: its id where it has one, and its article.
#[derive(Debug)]
pub(super) struct Record {
    pub id: Option<String>,
    pub article: Result<Parsed, Reason>,
}

/// The records of a `.json` file.
pub(super) enum Records {
    /// The file is one article.
    One(Box<Value>),
    /// The file is a list of articles.
    Many(Vec<Value>),
}

/// Parses a `.json` file.
pub(super) fn records(text: &str) -> Result<Records, Reason> {
    let value: Value = serde_json::from_str(text).map_err(|error| Reason::Json(error.to_string()))?;
    Ok(match value {
        Value::Array(list) => Records::Many(list),
        Value::Object(mut map) => match map.remove("articles") {
            Some(Value::Array(list)) => Records::Many(list),
            Some(other) => Records::One(Box::new(restore(map, other))),
            None => Records::One(Box::new(Value::Object(map))),
        },
        other => Records::One(Box::new(other)),
    })
}

fn restore(mut map: Map<String, Value>, articles: Value) -> Value {
    map.insert("articles".into(), articles);
    Value::Object(map)
}

/// Parses one line of a `.jsonl` file.
pub(super) fn line(text: &str) -> Record {
    match serde_json::from_str(text) {
        Ok(value) => record(&value),
        Err(error) => Record { id: None, article: Err(Reason::Json(error.to_string())) },
    }
}

/// Reads one record.
pub(super) fn record(value: &Value) -> Record {
    match value {
        Value::Object(map) => Record { id: id(map), article: article(map) },
        other => Record { id: None, article: Err(Reason::NotAnArticle(type_name(other))) },
    }
}

fn id(map: &Map<String, Value>) -> Option<String> {
    match map.get("id")? {
        Value::Number(number) => Some(number.to_string()),
        value => string(value),
    }
}

fn article(map: &Map<String, Value>) -> Result<Parsed, Reason> {
    let title = find(map, &["title", "headline"]).map(|title| without_markup(&title));
    let mut parsed = body(map, title.as_deref())?;
    let page = std::mem::take(&mut parsed.metadata);
    parsed.metadata = Metadata {
        title: title.or(page.title),
        date: date(map).or(page.date),
        author: author(map).or(page.author),
        url: find(map, &["url", "link", "canonical_url"]).or(page.url),
        ..Metadata::default()
    };
    Ok(parsed)
}

fn body(map: &Map<String, Value>, title: Option<&str>) -> Result<Parsed, Reason> {
    let text = find(map, &["text", "body", "content"]);
    let html = find(map, &["html"]);
    match (text, html) {
        (Some(text), _) if is_markup(&text) => Ok(markup(&text, title)),
        (Some(text), _) => Ok(plain::parse_titled(text, title)),
        (None, Some(html)) => Ok(markup(&html, title)),
        (None, None) => Err(Reason::NoText { keys: map.keys().map(String::as_str).collect::<Vec<_>>().join(", ") }),
    }
}

/// Reads HTML: a whole page as scraped, or the inside of an article.
fn markup(html: &str, title: Option<&str>) -> Parsed {
    if html::is_page(html) { html::parse(html, title) } else { html::parse_fragment(html, title) }
}

/// Returns true for a text that is HTML, whatever its key says (content systems export it as `content`).
fn is_markup(text: &str) -> bool {
    ["</p>", "<br", "</div>", "<p>"].iter().any(|tag| text.contains(tag))
}

fn without_markup(title: &str) -> String {
    match title.contains(['<', '&']) {
        true => html::parse_fragment(title, None).text.split_whitespace().collect::<Vec<_>>().join(" "),
        false => title.trim().to_owned(),
    }
}

fn date(map: &Map<String, Value>) -> Option<String> {
    let keys = ["date", "published", "published_at", "datePublished", "pubDate"];
    keys.iter().find_map(|key| match map.get(*key)? {
        Value::Number(number) => iso_date(&number.to_string()),
        value => iso_date(&string(value)?),
    })
}

fn author(map: &Map<String, Value>) -> Option<String> {
    match map.get("author").or_else(|| map.get("authors"))? {
        Value::Array(list) => {
            Some(list.iter().filter_map(name).collect::<Vec<_>>().join("، ")).filter(|names| !names.is_empty())
        }
        value => name(value),
    }
}

fn name(value: &Value) -> Option<String> {
    string(value.get("name").unwrap_or(value))
}

fn find(map: &Map<String, Value>, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| string(map.get(*key)?))
}

/// Returns the text of a value: a string, a list of paragraphs, or WordPress's `{"rendered": "..."}`.
fn string(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
        Value::Object(map) => map.get("rendered")?.as_str()?.to_owned(),
        _ => return None,
    };
    Some(text).filter(|text| !text.trim().is_empty())
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::BlockKind, *};

    fn parsed(text: &str) -> Parsed {
        line(text).article.unwrap()
    }

    #[test]
    fn a_record_gives_text_and_metadata() {
        let parsed = parsed(
            r#"{"id": 7, "title": "عنوان", "date": "2024-05-01 10:00:00", "url": "https://example.org/7",
                "author": {"name": "ليلى"}, "text": "سطر أول.\nسطر ثان."}"#,
        );
        assert_eq!(parsed.text, "عنوان\n\nسطر أول.\nسطر ثان.");
        assert_eq!(parsed.blocks[0].kind, BlockKind::Title);
        assert_eq!(parsed.metadata.date.as_deref(), Some("2024-05-01T10:00"));
        assert_eq!(parsed.metadata.author.as_deref(), Some("ليلى"));
        assert_eq!(parsed.metadata.url.as_deref(), Some("https://example.org/7"));
    }

    #[test]
    fn html_is_read_under_any_key_and_keeps_its_title() {
        for record in [
            r#"{"title": "عنوان الخبر", "html": "<p>فقرة <b>أولى</b>.</p><p>ثانية.</p>"}"#,
            r#"{"title": {"rendered": "عنوان&nbsp;الخبر"}, "content": {"rendered": "<p>فقرة أولى.</p><p>ثانية.</p>"}}"#,
            r#"{"title": "عنوان الخبر", "html": "<html><body><h1>عنوان الخبر</h1><p>فقرة أولى.</p><p>ثانية.</p>"}"#,
        ] {
            let parsed = parsed(record);
            assert_eq!(parsed.text, "عنوان الخبر\nفقرة أولى.\nثانية.", "{record}");
            assert_eq!(parsed.blocks[0].kind, BlockKind::Title);
        }
    }

    #[test]
    fn a_record_without_text_names_the_keys_it_has() {
        let record = line(r#"{"id": "a", "summary": "…", "text": null}"#);
        assert_eq!(record.id.as_deref(), Some("a"));
        let message = record.article.unwrap_err().to_string();
        assert!(message.contains("id, summary, text"), "{message}");
    }

    #[test]
    fn all_three_shapes_of_a_file_are_read() {
        assert!(matches!(records(r#"{"text": "أ"}"#), Ok(Records::One(_))));
        assert!(matches!(records(r#"[{"text": "أ"}, {"text": "ب"}]"#), Ok(Records::Many(list)) if list.len() == 2));
        assert!(matches!(records(r#"{"articles": [{"text": "أ"}]}"#), Ok(Records::Many(list)) if list.len() == 1));
        assert!(matches!(records("{"), Err(Reason::Json(_))));
    }
}
