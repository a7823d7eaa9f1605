//! Laws that hold for every format, and the way from a file to drafts.

use std::{fs, path::Path};

use proptest::prelude::*;

use super::*;

fn from_bytes(label: &str, bytes: &[u8]) -> Vec<Result<Draft, ReadError>> {
    read(Source { label: label.into(), content: Content::Bytes(bytes.to_vec()) }).collect()
}

/// Checks the law of blocks: in order, whole characters, trimmed, and nothing but white space outside them.
fn assert_blocks(draft: &Draft) {
    let mut end = 0;
    for block in &draft.blocks {
        assert!(block.range.start >= end, "blocks overlap: {draft:?}");
        let words = draft.text.get(block.range.clone()).expect("a block lies on character boundaries");
        assert!(!words.is_empty() && words.trim() == words, "{words:?}");
        assert!(draft.text[end..block.range.start].trim().is_empty(), "lost: {draft:?}");
        end = block.range.end;
    }
    assert!(draft.text[end..].trim().is_empty(), "lost: {draft:?}");
}

const LABELS: [&str; 7] = ["a.txt", "a.md", "a.html", "a.docx", "a.json", "a.jsonl", "-"];

#[test]
fn extensions_are_known_in_any_case() {
    for name in [
        "a.txt",
        "a.TEXT",
        "b.md",
        "b.Markdown",
        "c.html",
        "c.HTM",
        "c.xhtml",
        "d.DOCX",
        "e.json",
        "e.jsonl",
        "e.ndjson",
    ] {
        assert!(is_readable(Path::new(name)), "{name}");
    }
    for name in ["a.pdf", "a", ".txt", "a.doc", "a.jpg"] {
        assert!(!is_readable(Path::new(name)), "{name}");
    }
}

#[test]
fn a_file_is_read_with_its_hash_count_and_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    let (bytes, ..) = encoding_rs::WINDOWS_1256.encode("خبر قصير من المدينة.\r\n");
    fs::write(&path, &bytes).unwrap();
    let drafts: Vec<_> = read(Source { label: "a.txt".into(), content: Content::File(path) }).collect();
    let draft = drafts[0].as_ref().unwrap();
    assert_eq!(draft.text, "خبر قصير من المدينة.\r\n");
    assert_eq!(draft.provenance.encoding, "windows-1256");
    assert_eq!(draft.provenance.bytes, bytes.len() as u64);
    assert_eq!(draft.provenance.sha256, bytes::sha256(&bytes));
}

#[test]
fn what_cannot_be_read_is_an_error_that_says_what_to_do() {
    let cases: [(&str, &[u8], &str); 8] = [
        ("a.txt", b"", "a.txt holds no text"),
        ("a.html", b"<html><title>x</title><script>y</script>", "a.html holds no text"),
        ("a.txt", b"%PDF-1.4 ...", "pdftotext"),
        ("a.md", b"abc\0def", "a binary file"),
        ("a.docx", b"not a zip", "save it again as .docx"),
        ("a.json", b"[]", "holds no text"),
        ("a.json", b"[1, {\"text\": \"x\"}]", "a.json (record-1) holds a number where an article is expected"),
        ("-", b"  ", "standard input holds no text"),
    ];
    for (label, bytes, expected) in cases {
        let error = from_bytes(label, bytes).remove(0).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let missing = Source { label: "b.txt".into(), content: Content::File("no/such/file.txt".into()) };
    assert!(read(missing).next().unwrap().unwrap_err().to_string().starts_with("b.txt cannot be read"));
}

#[test]
fn a_file_over_the_limit_is_refused_with_the_limit_and_a_device_is_never_opened() {
    let folder = tempfile::tempdir().unwrap();
    let read_file = |name: &str, size: u64| {
        let path = folder.path().join(name);
        fs::File::create(&path).unwrap().set_len(size).unwrap();
        read(Source { label: name.into(), content: Content::File(path) }).next().unwrap().unwrap_err().to_string()
    };
    for name in ["a.txt", "a.md", "a.html", "a.docx"] {
        assert!(read_file(name, bytes::MAX_ARTICLE_BYTES + 1).contains("larger than 16 MiB, the limit here"), "{name}");
    }
    assert!(read_file("a.json", 1 << 40).contains("larger than 128 MiB"));
    #[cfg(unix)]
    {
        let device = Source { label: "a.txt".into(), content: Content::File("/dev/zero".into()) };
        assert!(read(device).next().unwrap().unwrap_err().to_string().contains("it is not a file"));
    }
}

#[test]
fn nesting_without_end_is_an_error_in_json_and_harmless_in_a_page() {
    for (label, text) in [("a.json", "[".repeat(1 << 20)), ("a.jsonl", "{\"a\":".repeat(1 << 20))] {
        let error = from_bytes(label, text.as_bytes()).remove(0).unwrap_err().to_string();
        assert!(error.contains("recursion limit exceeded"), "{error}");
    }
    let page = "<div><b><table><tr><td>".repeat(20_000) + "نص.";
    assert!(from_bytes("a.html", page.as_bytes()).remove(0).unwrap().text.contains("نص."));
}

#[test]
fn a_line_of_ten_megabytes_and_an_article_of_100_000_sentences_are_read_whole() {
    let sentence = "قال المتحدث إن العمل سيبدأ غداً. ";
    let lines = (0..100_000).map(|i| format!("زار {i} صحفياً المدينة.")).collect::<Vec<_>>().join("\n");
    for (text, least) in [(sentence.repeat(10_000_000 / sentence.len()), 100_000), (lines, 100_000)] {
        let draft = from_bytes("a.txt", text.as_bytes()).remove(0).unwrap();
        let article = crate::article::clean::clean(draft);
        assert_eq!(article.account(), Ok(()));
        assert!(article.sentences.len() >= least, "{}", article.sentences.len());
    }
}

#[test]
fn a_record_of_a_list_that_is_bad_does_not_stop_the_others() {
    let drafts =
        from_bytes("a.json", "{\"articles\": [1, {\"id\": \"x\", \"text\": \"نص.\"}, {\"text\": \"نص.\"}]}".as_bytes());
    assert_eq!(drafts.len(), 3);
    assert!(drafts[0].is_err());
    let record = |draft: &Result<Draft, ReadError>| draft.as_ref().unwrap().provenance.record.clone();
    assert_eq!((record(&drafts[1]).as_deref(), record(&drafts[2]).as_deref()), (Some("x"), Some("record-3")));
}

#[test]
fn standard_input_is_told_by_its_content() {
    let kinds = |text: &str| Format::of_bytes(text.as_bytes());
    assert_eq!(kinds("خبر"), Format::Text);
    assert_eq!(kinds("\n<!DOCTYPE html><p>"), Format::Html);
    assert_eq!(kinds("{\"text\": \"a\"}\n{\"text\": \"b\"}\n"), Format::JsonLines);
    assert_eq!(kinds("{\n\"text\": \"a\"\n}"), Format::Json);
    assert_eq!(kinds("[{\"text\": \"a\"}]"), Format::Json);
    assert_eq!(kinds("[صورة] خبر"), Format::Text);
    assert_eq!(kinds("{خبر}"), Format::Json);
}

#[test]
fn the_samples_are_all_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("inputs");
    let folders = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    let source = |path: PathBuf| Source { label: path.display().to_string(), content: Content::File(path) };
    let drafts: Vec<Draft> = files.flat_map(|path| read(source(path))).map(Result::unwrap).collect();
    drafts.iter().for_each(assert_blocks);
    assert!(drafts.len() >= 9, "{}", drafts.len());
    assert!(drafts.iter().any(|draft| draft.provenance.encoding == "windows-1256"));
}

/// Reads every article of a folder of the material beside the repository; skips, and says so, where it is absent.
fn shared(folder: &str) -> Vec<Draft> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(folder);
    let Ok(entries) = fs::read_dir(&folder) else {
        eprintln!("skipped: {} is not there", folder.display());
        return Vec::new();
    };
    let source = |path: PathBuf| Source { label: path.display().to_string(), content: Content::File(path) };
    entries.flat_map(|entry| read(source(entry.unwrap().path()))).map(Result::unwrap).collect()
}

#[test]
fn real_articles_keep_the_law_of_blocks() {
    for folder in ["seed", "articles/news", "articles/arabic-only", "articles/reports", "articles/html"] {
        shared(folder).iter().for_each(assert_blocks);
    }
}

#[test]
fn every_line_of_real_articles_is_decoded_from_both_arabic_tables() {
    let drafts: Vec<Draft> = ["seed", "articles/news", "articles/arabic-only"].into_iter().flat_map(shared).collect();
    let lines = || drafts.iter().flat_map(|draft| draft.text.lines()).filter(|line| line.chars().count() > 40);
    for encoding in [encoding_rs::WINDOWS_1256, encoding_rs::ISO_8859_6] {
        // English lines and those with characters the table lacks prove nothing.
        let encoded =
            lines().map(|line| (line, encoding.encode(line))).filter(|(line, (.., lost))| !lost && !line.is_ascii());
        let wrong: Vec<_> = encoded.filter(|(line, (bytes, ..))| encoding::decode(bytes).text != **line).collect();
        assert!(wrong.is_empty(), "{} {}: {wrong:?}", encoding.name(), wrong.len());
    }
}

#[test]
fn a_real_page_gives_its_title_date_and_text() {
    for draft in shared("articles/html") {
        use super::super::BlockKind::*;
        let chars = |wanted: &[super::super::BlockKind]| -> usize {
            let blocks = draft.blocks.iter().filter(|block| wanted.contains(&block.kind));
            blocks.map(|block| draft.text[block.range.clone()].chars().count()).sum()
        };
        let title = draft.metadata.title.as_deref().unwrap_or_default();
        assert!(title.starts_with("الناشط الحقوقي السوداني"), "{title}");
        assert!(draft.blocks.iter().any(|block| block.kind == Title));
        assert_eq!(draft.metadata.date.as_deref(), Some("2019-02-08"));
        assert!(chars(&[Paragraph, Heading, ListItem]) > 5000, "{draft:?}");
        assert!(chars(&[Outside]) < 2000, "{draft:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_bytes_never_panic_and_keep_the_law(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for label in LABELS {
            from_bytes(label, &bytes).iter().flatten().for_each(assert_blocks);
        }
    }

    #[test]
    fn arbitrary_text_keeps_the_law(text in "(\\PC|[\\s\u{200f}\u{feff}]){0,200}") {
        for label in LABELS {
            from_bytes(label, text.as_bytes()).iter().flatten().for_each(assert_blocks);
        }
    }

    #[test]
    fn pages_of_random_elements_keep_the_law_and_every_word(parts in proptest::collection::vec(part(), 0..60)) {
        let page: String = parts.concat();
        for label in ["a.html", "a.md"] {
            for draft in from_bytes(label, page.as_bytes()).iter().flatten() {
                assert_blocks(draft);
                if label == "a.html" && !page.contains("<script") {
                    let words = page.matches("كلمة").count();
                    prop_assert_eq!(draft.text.matches("كلمة").count(), words);
                }
            }
        }
    }

    #[test]
    fn random_records_keep_the_law(title in ".{0,20}", text in "(\\PC|\n){0,200}") {
        let record = serde_json::json!({ "title": title, "text": text, "id": title }).to_string();
        for label in ["a.json", "a.jsonl", "-"] {
            from_bytes(label, record.as_bytes()).iter().flatten().for_each(assert_blocks);
        }
        let list = format!("[{record},{record}]");
        prop_assert_eq!(from_bytes("a.json", list.as_bytes()).len(), 2);
    }
}

/// A part of a page: a tag, opened or closed at random, or words.
fn part() -> impl Strategy<Value = String> {
    let tag = prop_oneof![
        Just("p"),
        Just("div"),
        Just("span"),
        Just("li"),
        Just("ul"),
        Just("table"),
        Just("tr"),
        Just("td"),
        Just("h1"),
        Just("h2"),
        Just("a"),
        Just("b"),
        Just("article"),
        Just("nav"),
        Just("figcaption"),
        Just("br"),
        Just("pre"),
        Just("blockquote"),
        Just("section"),
        Just("font"),
        Just("center"),
        Just("td><td"),
        Just("tr><td"),
    ];
    prop_oneof![
        tag.clone().prop_map(|tag| format!("<{tag}>")),
        tag.prop_map(|tag| format!("</{tag}>")),
        Just("كلمة".to_owned()),
        Just(" كلمة، كلمة. ".to_owned()),
        Just("قال المتحدث إن العمل سيبدأ غداً، وإن كلمة أخرى لن تُحذف مهما طال الكلام في النص.\n".to_owned()),
        Just("&nbsp;&amp;&#8207;".to_owned()),
        Just("<script>x</script>".to_owned()),
    ]
}
