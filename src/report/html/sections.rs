//! The sections of the HTML document.
//!
//! Separate from the page around them, which knows no sentence. The invariant: each sentence and each removed span of
//! the document stands in exactly one section, the headline at the top.

use crate::{
    article::{Removed, Role, Sentence, SentenceId, arabic as script},
    report::{
        Document, SentenceTranslation,
        escape::html,
        markdown::{
            mentions::{self, English, Mention},
            review::grouped,
        },
    },
    review::{Flag, Note, SummarySentence},
};

/// Returns a passage of the source in an element with its language and direction.
pub(super) fn arabic(document: &Document, tag: &str, class: &str, text: &str) -> String {
    let language = html(&document.source_language);
    format!("<{tag} class=\"{class}\" lang=\"{language}\" dir=\"rtl\">{}</{tag}>\n", html(text))
}

/// Returns a text of either direction in an element.
pub(super) fn directed(document: &Document, tag: &str, text: &str) -> String {
    match text.contains(script::is_letter) {
        true => format!("<{tag} lang=\"{}\" dir=\"rtl\">{}</{tag}>", html(&document.source_language), html(text)),
        false => format!("<{tag} dir=\"ltr\">{}</{tag}>", html(text)),
    }
}

/// Returns an English text in which each run of Arabic has its language and direction: a reader aloud changes its voice,
/// and two names do not change places.
pub(super) fn mixed(language: &str, text: &str) -> String {
    // Escaping takes off the white space at both ends, which is what parts a run from the words around it.
    let around = |piece: &str| {
        let ends = |is_space: bool| if is_space { " " } else { "" };
        let (before, after) = (piece.starts_with(char::is_whitespace), piece.ends_with(char::is_whitespace));
        let words = html(piece);
        format!("{}{words}{}", ends(before), ends(after && !words.is_empty()))
    };
    let (mut out, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(script::is_letter) {
        let in_run = |c: char| c.is_whitespace() || script::is_letter(c) || script::is_mark(c);
        let run = rest[start..].split(|c| !in_run(c)).next().unwrap_or_default().trim_end();
        out += &around(&rest[..start]);
        out += &format!("<bdi lang=\"{}\" dir=\"rtl\">{}</bdi>", html(language), html(run));
        rest = &rest[start + run.len()..];
    }
    out + &around(rest)
}

/// Returns the warnings and notes of a sentence as a list; empty where there are none.
pub(super) fn remarks(document: &Document, translation: &SentenceTranslation) -> String {
    let flag = |flag: &Flag| {
        let (severity, kind) = (flag.severity.name(), flag.kind.name());
        let message = mixed(&document.source_language, &flag.message);
        format!("<li class=\"{severity}\"><strong>{severity}, {kind}</strong>: {message}</li>\n")
    };
    let note = |note: &Note| {
        let message = mixed(&document.source_language, &note.message);
        format!("<li class=\"note\"><em>{}</em>: {message}</li>\n", note.kind.name())
    };
    let items: String = translation.flags.iter().map(flag).chain(translation.notes.iter().map(note)).collect();
    if items.is_empty() { items } else { format!("<ul class=\"remarks\">\n{items}</ul>\n") }
}

fn section(id: &str, title: &str, body: &str) -> String {
    format!("<section id=\"{id}\" aria-labelledby=\"h-{id}\">\n<h2 id=\"h-{id}\">{title}</h2>\n{body}</section>\n")
}

fn link(id: SentenceId) -> String {
    format!("<a href=\"#s{}\">{id}</a>", id.0)
}

/// Returns the table of warnings, worst first.
pub(super) fn checks(document: &Document) -> String {
    let of_sentences = document.pairs().flat_map(|(s, t)| t.flags.iter().map(move |flag| (flag, link(s.id))));
    let of_summary = document.summary.iter().enumerate().flat_map(|(index, point)| {
        point.flags.iter().map(move |flag| (flag, format!("<a href=\"#m{0}\">M{0}</a>", index + 1)))
    });
    let row = |(flag, links): &(&Flag, Vec<String>)| {
        let (severity, kind, message) =
            (flag.severity.name(), flag.kind.name(), mixed(&document.source_language, &flag.message));
        let links = links.join(" ");
        format!("<tr class=\"{severity}\"><td>{severity}</td><td>{kind}</td><td>{message}</td><td>{links}</td></tr>\n")
    };
    let rows: String = grouped(of_sentences.chain(of_summary)).iter().map(row).collect();
    let body = match rows.is_empty() {
        true => "<p>No warnings. That does not mean that everything is right.</p>\n".to_owned(),
        false => table(&["severity", "about", "what was seen, what to do", "where"], &rows),
    };
    section("checks", "Check first", &body)
}

fn table(columns: &[&str], rows: &str) -> String {
    let head: String = columns.iter().map(|column| format!("<th scope=\"col\">{column}</th>")).collect();
    format!("<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n")
}

/// Returns the summary, each sentence with links to its sources.
pub(super) fn summary(document: &Document) -> String {
    let item = |(index, point): (usize, &SummarySentence)| {
        let links: Vec<String> = point.cites.iter().map(|cite| link(cite.id)).collect();
        format!(
            "<li id=\"m{}\">{} <span class=\"cites\">{}</span></li>\n",
            index + 1,
            mixed(&document.source_language, &point.text),
            links.join(", ")
        )
    };
    let items: String = document.summary.iter().enumerate().map(item).collect();
    match items.is_empty() {
        true => section("summary", "Summary", "<p>No summary was made.</p>\n"),
        false => section("summary", "Summary", &format!("<ol>\n{items}</ol>\n")),
    }
}

/// Returns the table of names and numbers.
pub(super) fn table_of_names(document: &Document) -> String {
    let row = |mention: &Mention| {
        let english = match &mention.english {
            English::Text(text) => html(text),
            other => format!("<em>{}</em>", other.stand_in().unwrap_or_default()),
        };
        let links: Vec<String> = mention.sentences.iter().map(|id| link(*id)).collect();
        let (arabic, note) = (directed(document, "td", &mention.arabic), mention.note.as_deref().unwrap_or_default());
        format!("<tr><td>{english}</td>{arabic}<td>{}</td><td>{}</td></tr>\n", links.join(" "), html(note))
    };
    let rows: String = mentions::gather(document).iter().map(row).collect();
    match rows.is_empty() {
        true => section("names", "Names and numbers", "<p>None found.</p>\n"),
        false => section("names", "Names and numbers", &table(&["English", "Arabic", "where", "note"], &rows)),
    }
}

/// Returns the running text with its headings, then the captions.
pub(super) fn text(document: &Document) -> String {
    let running = pairs(document, |role| matches!(role, Role::Body | Role::Heading));
    let captions = pairs(document, |role| role == Role::Caption);
    let running = if running.is_empty() { "<p>The article has no running text.</p>\n".to_owned() } else { running };
    let captions = if captions.is_empty() { captions } else { format!("<h3>Captions</h3>\n{captions}") };
    section("text", "Text", &(running + &captions))
}

/// Returns the cross-links to other articles, if there are any.
pub(super) fn related(document: &Document) -> String {
    match pairs(document, |role| role == Role::Related) {
        none if none.is_empty() => none,
        links => section("related", "Related", &format!("<p>The page's own links to other articles.</p>\n{links}")),
    }
}

fn pairs(document: &Document, wanted: impl Fn(Role) -> bool) -> String {
    let mut previous: Option<&Sentence> = None;
    let mut out = String::new();
    for (sentence, translation) in document.pairs().filter(|(sentence, _)| wanted(sentence.role)) {
        let opens = previous.is_none_or(|previous| previous.block != sentence.block);
        out += &pair(document, sentence, translation, if opens { "pair opens" } else { "pair" });
        previous = Some(sentence);
    }
    out
}

fn pair(document: &Document, sentence: &Sentence, translation: &SentenceTranslation, class: &str) -> String {
    let (id, english) = (sentence.id, mixed(&document.source_language, &translation.text));
    let english = if english.is_empty() { "<em>no translation</em>".to_owned() } else { english };
    let tag = if sentence.role == Role::Heading { "h3" } else { "p" };
    let original = arabic(document, "p", "original", document.article.source(sentence));
    format!(
        "<div class=\"{class}\" id=\"s{0}\">\n<div>\n<{tag}><a class=\"id\" href=\"#s{0}\">{id}</a> {english}</{tag}>\n{1}\
         </div>\n{original}</div>\n",
        id.0,
        remarks(document, translation)
    )
}

/// Returns the table of what was taken out, with reasons.
pub(super) fn removed(document: &Document) -> String {
    let row = |removed: &Removed| {
        let text = directed(document, "td", &document.article.text[removed.range.clone()]);
        format!("<tr>{text}<td>{}</td></tr>\n", html(&removed.reason))
    };
    let rows: String = document.article.removed.iter().map(row).collect();
    match rows.is_empty() {
        true => section("removed", "Removed", "<p>Nothing.</p>\n"),
        false => section("removed", "Removed", &table(&["what", "why"], &rows)),
    }
}

#[cfg(test)]
mod tests {
    use super::mixed;

    #[test]
    fn arabic_within_english_has_its_language_and_direction() {
        let bdi = |text: &str| format!("<bdi lang=\"ar\" dir=\"rtl\">{text}</bdi>");
        assert_eq!(
            mixed("ar", "Arabic has «كانون الثاني», then أيار <check> أيار."),
            format!("Arabic has «{}», then {} &lt;check&gt; {}.", bdi("كانون الثاني"), bdi("أيار"), bdi("أيار"))
        );
        assert_eq!(mixed("ar", "no Arabic"), "no Arabic");
        assert_eq!(mixed("ar", "نعم"), bdi("نعم"));
    }
}
