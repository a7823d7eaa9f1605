//! What a page declares of itself: titles, date, author, address.
//!
//! Separate because sites declare these in five ways and the order of trust belongs in one place. The invariant: values
//! are in the page's own words, dates in ISO 8601.

use dom_query::Document;
use serde_json::Value;

use super::super::date::iso_date;

/// What a page declares.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// Titles, the most trusted first.
    pub titles: Vec<String>,
    pub date: Option<String>,
    pub author: Option<String>,
    pub url: Option<String>,
}

/// Reads what a page declares.
pub(super) fn read(document: &Document) -> Head {
    let linked = linked_data(document);
    let linked = linked.as_ref();
    Head {
        titles: titles(document, linked),
        date: date(document, linked),
        author: author(document, linked),
        url: attribute(document, "link[rel=canonical]", "href")
            .or_else(|| meta(document, "og:url"))
            .or_else(|| linked.and_then(|data| text_of(data.get("url")?)))
            .filter(|url| url.starts_with("http")),
    }
}

fn titles(document: &Document, linked: Option<&Value>) -> Vec<String> {
    let page = one_line(&document.select_single("head title").text());
    let named = meta(document, "og:title").or_else(|| meta(document, "twitter:title"));
    let headline = linked.and_then(|data| text_of(data.get("headline")?));
    let site = meta(document, "og:site_name");
    let bare = without_site(&page, site.as_deref());
    let mut titles: Vec<String> = [headline, named.map(|t| without_site(&t, site.as_deref())), Some(bare), Some(page)]
        .into_iter()
        .flatten()
        .filter(|title| !title.is_empty())
        .collect();
    titles.dedup();
    titles
}

/// Cuts the name of the site off a title: `headline - site`, `headline | site`.
fn without_site(title: &str, site: Option<&str>) -> String {
    let separators = [" | ", " - ", " – ", " — ", " :: ", " » ", " • "];
    let cut = separators.iter().filter_map(|s| title.rsplit_once(s)).max_by_key(|(left, _)| left.len());
    match cut {
        Some((headline, name)) if site.is_some_and(|site| site.trim() == name.trim()) => headline.trim().to_owned(),
        // A headline has several words, the name of a site few.
        Some((headline, name)) if words(headline) >= 4 && words(name) <= 3 => headline.trim().to_owned(),
        _ => title.trim().to_owned(),
    }
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

fn date(document: &Document, linked: Option<&Value>) -> Option<String> {
    let names = ["article:published_time", "datePublished", "pubdate", "publishdate", "publish-date", "DC.date.issued"];
    let declared = names.iter().find_map(|name| meta(document, name)).as_deref().and_then(iso_date);
    let linked = || iso_date(&text_of(linked?.get("datePublished")?)?);
    let times =
        ["[itemprop=datePublished][datetime]", "article time[datetime]", "main time[datetime]", "time[datetime]"];
    let marked = || times.iter().find_map(|time| attribute(document, time, "datetime")).as_deref().and_then(iso_date);
    declared.or_else(linked).or_else(marked).or_else(|| iso_date(&meta(document, "date")?))
}

fn author(document: &Document, linked: Option<&Value>) -> Option<String> {
    let linked = linked.and_then(|data| person(data.get("author")?));
    let named = || ["author", "article:author", "dc.creator"].iter().find_map(|name| meta(document, name));
    linked.or_else(named).filter(|author| !author.starts_with("http"))
}

fn person(value: &Value) -> Option<String> {
    match value {
        Value::Array(people) => {
            let names: Vec<String> = people.iter().filter_map(|one| text_of(one.get("name").unwrap_or(one))).collect();
            Some(names.join("، ")).filter(|names| !names.is_empty())
        }
        one => text_of(one.get("name").unwrap_or(one)),
    }
}

/// Returns the content of a `<meta>` by its property, name or itemprop.
fn meta(document: &Document, name: &str) -> Option<String> {
    ["property", "name", "itemprop"]
        .iter()
        .find_map(|key| attribute(document, &format!("meta[{key}=\"{name}\" i]"), "content"))
}

fn attribute(document: &Document, selector: &str, name: &str) -> Option<String> {
    let value = document.try_select(selector)?.iter().find_map(|one| one.attr(name))?;
    Some(one_line(&value)).filter(|value| !value.is_empty())
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().map(one_line).filter(|text| !text.is_empty())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the JSON-LD object that describes the article: the first with a headline, else with a date.
fn linked_data(document: &Document) -> Option<Value> {
    let scripts = document.try_select("script[type=\"application/ld+json\"]")?;
    let values: Vec<Value> = scripts.iter().filter_map(|script| serde_json::from_str(&script.text()).ok()).collect();
    let find = |key| values.iter().find_map(|value| object_with(value, key));
    find("headline").or_else(|| find("datePublished")).cloned()
}

/// Searches a value for an object with a key. The parser limits nesting to 128, so the recursion is shallow.
fn object_with<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) if map.contains_key(key) => Some(value),
        Value::Object(map) => map.values().find_map(|inner| object_with(inner, key)),
        Value::Array(list) => list.iter().find_map(|inner| object_with(inner, key)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linked_data_and_meta_elements_are_read() {
        let page = r#"<head><title>عنوان الخبر الطويل جداً - موقع نبأ</title>
            <link rel="canonical" href="https://example.org/1">
            <meta property="og:title" content="عنوان الخبر الطويل جداً">
            <meta property="og:site_name" content="موقع نبأ">
            <script type="application/ld+json">{"@graph":[{"@type":"WebSite"},
            {"@type":"NewsArticle","headline":"عنوان الخبر",
            "datePublished":"2024-05-01T08:30:00+03:00","author":[{"name":"سلمى"},{"name":"نادر"}]}]}</script></head>"#;
        let head = read(&Document::from(page));
        assert_eq!(head.titles, ["عنوان الخبر", "عنوان الخبر الطويل جداً", "عنوان الخبر الطويل جداً - موقع نبأ"]);
        assert_eq!(head.date.as_deref(), Some("2024-05-01T08:30"));
        assert_eq!(head.author.as_deref(), Some("سلمى، نادر"));
        assert_eq!(head.url.as_deref(), Some("https://example.org/1"));
    }

    #[test]
    fn a_time_element_gives_the_date_where_nothing_else_does() {
        let head = read(&Document::from("<article><time datetime='2023-11-05'>أمس</time></article>"));
        assert_eq!(head.date.as_deref(), Some("2023-11-05"));
    }

    #[test]
    fn a_dash_inside_a_headline_is_not_a_site_name() {
        assert_eq!(without_site("أستانا - جولة جديدة من المباحثات", None), "أستانا - جولة جديدة من المباحثات");
        assert_eq!(without_site("اتفاق جديد على وقف النار | نبأ", None), "اتفاق جديد على وقف النار");
    }
}
