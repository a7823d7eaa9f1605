//! Markdown: read as the page it stands for, so that markup and link addresses do not stand between the words.
//!
//! Separate from the HTML reader because a Markdown file is an article and nothing else: no navigation, no readability
//! pass. The invariant: every visible word is in a block; the front matter is kept too, outside the article.

use super::{
    super::{BlockKind, Metadata},
    date::iso_date,
    draft::{Parsed, TextBuilder, key},
    html::blocks::{self, Piece},
};

/// Reads a Markdown text (CommonMark with tables, footnotes and front matter).
pub(super) fn parse(text: &str) -> Parsed {
    let (front, body) = split_front_matter(text);
    let mut pieces = blocks::of_fragment(&comrak::markdown_to_html(body, &options()), blocks::Pictures::ByAlt);
    for piece in pieces.iter_mut().filter(|piece| is_address(&piece.text)) {
        piece.kind = BlockKind::Outside;
    }
    let metadata = mark_title(&mut pieces, metadata(front));
    let mut builder = TextBuilder::default();
    if let Some(title) = metadata.title.as_deref().filter(|_| pieces.iter().all(|p| p.kind != BlockKind::Title)) {
        builder.push(BlockKind::Title, title);
    }
    for line in front.lines().filter(|line| field(line, "title").is_none()) {
        builder.push(BlockKind::Outside, line);
    }
    for piece in &pieces {
        builder.push(piece.kind, &piece.text);
    }
    builder.finish(metadata)
}

fn options() -> comrak::Options<'static> {
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.footnotes = true;
    options.extension.tasklist = true;
    // Raw HTML is part of the page: its words are read, nothing of it is run.
    options.render.r#unsafe = true;
    options
}

/// Cuts the front matter off: the lines between two `---`, the first of them the first line of the file.
fn split_front_matter(text: &str) -> (&str, &str) {
    let none = ("", text);
    let Some(rest) = text.strip_prefix("---").filter(|rest| rest.starts_with(['\n', '\r'])) else { return none };
    let mut end = 0;
    for line in rest.split_inclusive('\n') {
        if matches!(line.trim_end(), "---" | "...") {
            return (&rest[..end], &rest[end + line.len()..]);
        }
        end += line.len();
    }
    none
}

fn metadata(front: &str) -> Metadata {
    let find = |names: &[&str]| names.iter().find_map(|name| front.lines().find_map(|line| field(line, name)));
    Metadata {
        title: find(&["title", "headline"]),
        date: find(&["date", "published", "published_at"]).as_deref().and_then(iso_date),
        author: find(&["author", "byline"]),
        url: find(&["url", "source", "canonical"]).filter(|url| is_address(url)),
        ..Metadata::default()
    }
}

/// Returns the value of a line `name: value`, without its quotes.
fn field(line: &str, name: &str) -> Option<String> {
    let value = line.strip_prefix(name)?.trim_start().strip_prefix(':')?.trim();
    let bare = ['"', '\''].iter().find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(value);
    Some(bare.trim().replace("\\\"", "\"")).filter(|value| !value.is_empty())
}

/// Makes the first `# ` heading the title, or the heading that repeats the front matter's.
fn mark_title(pieces: &mut [Piece], mut metadata: Metadata) -> Metadata {
    let known = metadata.title.as_deref().map(key);
    let is_title = |piece: &&mut Piece| match &known {
        Some(title) => piece.level > 0 && key(&piece.text) == *title,
        None => piece.level == 1,
    };
    if let Some(piece) = pieces.iter_mut().find(is_title) {
        piece.kind = BlockKind::Title;
        metadata.title = Some(piece.text.trim().to_owned());
    }
    metadata
}

/// Returns true for a text that is one bare address.
fn is_address(text: &str) -> bool {
    let text = text.trim();
    ["http://", "https://", "www."].iter().any(|scheme| text.starts_with(scheme)) && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks_of(text: &str) -> Vec<(BlockKind, String)> {
        let parsed = parse(text);
        parsed.blocks.into_iter().map(|b| (b.kind, parsed.text[b.range].to_owned())).collect()
    }

    #[test]
    fn words_are_kept_and_markup_is_not() {
        let blocks = blocks_of(
            "# العنوان\n\nقال **الوزير** في [بيان](https://example.org/a) إن الأمر «انتهى».\n\n\
             ## قسم\n\n* أول\n* ثان\n\n![صورة من الميدان](a.jpg)\n\n![1j.png](b.png)\n\n<https://example.org/b>\n\n---\n\n> اقتباس\n",
        );
        let expected = [
            (BlockKind::Title, "العنوان"),
            (BlockKind::Paragraph, "قال الوزير في بيان إن الأمر «انتهى»."),
            (BlockKind::Heading, "قسم"),
            (BlockKind::ListItem, "أول"),
            (BlockKind::ListItem, "ثان"),
            (BlockKind::Caption, "صورة من الميدان"),
            (BlockKind::Outside, "1j.png"),
            (BlockKind::Outside, "https://example.org/b"),
            (BlockKind::Paragraph, "اقتباس"),
        ];
        assert_eq!(blocks, expected.map(|(kind, words)| (kind, words.to_owned())));
    }

    #[test]
    fn a_table_gives_a_block_for_each_row() {
        let blocks = blocks_of("| المدينة | العدد |\n|---|---:|\n| حلب | 12 |\n");
        assert_eq!(
            blocks,
            [(BlockKind::TableRow, "المدينة\tالعدد".to_owned()), (BlockKind::TableRow, "حلب\t12".to_owned())]
        );
    }

    #[test]
    fn a_footnote_mark_does_not_grow_the_number_before_it() {
        let blocks = blocks_of("بلغ العدد 50[^1].\n\n[^1]: بحسب البلدية.\n");
        assert_eq!(blocks[0].1, "بلغ العدد 50.");
        assert_eq!(blocks[1].1, "بحسب البلدية.");
    }

    #[test]
    fn front_matter_becomes_metadata_and_stays_visible() {
        let parsed = parse("---\nlayout: a.html\ntitle: \"عنوان: فرعي\"\ndate: 2017-03-29T00:01:20.055Z\n---\n\nنص.\n");
        assert_eq!(parsed.metadata.title.as_deref(), Some("عنوان: فرعي"));
        assert_eq!(parsed.metadata.date.as_deref(), Some("2017-03-29T00:01"));
        assert_eq!(parsed.text, "عنوان: فرعي\nlayout: a.html\ndate: 2017-03-29T00:01:20.055Z\nنص.");
        assert_eq!(parsed.blocks[0].kind, BlockKind::Title);
        assert_eq!(parsed.blocks[1].kind, BlockKind::Outside);
    }

    #[test]
    fn a_rule_at_the_start_is_no_front_matter() {
        assert_eq!(split_front_matter("---\nنص بلا نهاية"), ("", "---\nنص بلا نهاية"));
    }
}
