//! Packages as word processors write them.

use std::io::{Cursor, Write};

use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;

fn package(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn document(body: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><w:document xmlns:w=\"w\"><w:body>{body}</w:body></w:document>")
}

fn blocks_of(parts: &[(&str, &str)]) -> Vec<(BlockKind, String)> {
    let parsed = parse(&package(parts)).unwrap();
    parsed.blocks.into_iter().map(|block| (block.kind, parsed.text[block.range].to_owned())).collect()
}

#[test]
fn styles_runs_breaks_and_entities_are_read() {
    let styles = "<w:styles><w:style w:styleId='a3'><w:name w:val='Title'/></w:style>\
        <w:style w:styleId='1'><w:name w:val='heading 1'/></w:style></w:styles>";
    let body = document(
        "<w:p><w:pPr><w:pStyle w:val='a3'/></w:pPr><w:r><w:t>العنوان</w:t></w:r></w:p>\
         <w:p><w:pPr><w:pStyle w:val='1'/></w:pPr><w:r><w:t>قسم</w:t></w:r></w:p>\
         <w:p><w:r><w:t xml:space='preserve'>نص </w:t></w:r>\
         <w:r><w:t>أول &amp; &#1571;خير</w:t><w:br/><w:t>سطر</w:t></w:r></w:p>\
         <w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>بند</w:t></w:r></w:p>\
         <w:p><w:del><w:r><w:delText>محذوف</w:delText></w:r></w:del><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>",
    );
    let expected = [
        (BlockKind::Title, "العنوان"),
        (BlockKind::Heading, "قسم"),
        (BlockKind::Paragraph, "نص أول & أخير"),
        (BlockKind::Paragraph, "سطر"),
        (BlockKind::ListItem, "بند"),
    ];
    let blocks = blocks_of(&[("word/styles.xml", styles), ("word/document.xml", &body)]);
    assert_eq!(blocks, expected.map(|(kind, words)| (kind, words.to_owned())));
}

#[test]
fn tables_notes_and_margins_are_read() {
    let cell = |text: &str| format!("<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>");
    let body = document(&format!("<w:tbl><w:tr>{}{}</w:tr></w:tbl>", cell("الساحل"), cell("12")));
    let note = "<w:footnotes xmlns:w='w'><w:footnote><w:p><w:r><w:t>حاشية</w:t></w:r></w:p></w:footnote></w:footnotes>";
    let header = "<w:hdr xmlns:w='w'><w:p><w:r><w:t>رأس الصفحة</w:t></w:r></w:p></w:hdr>";
    let blocks = blocks_of(&[("word/document.xml", &body), ("word/footnotes.xml", note), ("word/header1.xml", header)]);
    assert_eq!(
        blocks,
        [
            (BlockKind::TableRow, "الساحل\t12".to_owned()),
            (BlockKind::Paragraph, "حاشية".to_owned()),
            (BlockKind::Outside, "رأس الصفحة".to_owned())
        ]
    );
}

#[test]
fn core_properties_become_metadata() {
    let core = "<cp:coreProperties><dc:title>عنوان</dc:title><dc:creator>سلمى &amp; نادر</dc:creator>\
        <dcterms:created>2024-05-01T08:00:00Z</dcterms:created></cp:coreProperties>";
    let body = document("<w:p><w:r><w:t>نص</w:t></w:r></w:p>");
    let metadata = parse(&package(&[("word/document.xml", &body), ("docProps/core.xml", core)])).unwrap().metadata;
    assert_eq!(metadata.title.as_deref(), Some("عنوان"));
    assert_eq!(metadata.author.as_deref(), Some("سلمى & نادر"));
    assert_eq!(metadata.date.as_deref(), Some("2024-05-01T08:00"));
}

#[test]
fn an_archive_that_unpacks_without_end_is_refused() {
    let bomb = document(&" ".repeat((16 << 20) + 1));
    let bytes = package(&[("word/document.xml", &bomb)]);
    assert!(bytes.len() < 1 << 20);
    assert!(matches!(parse(&bytes), Err(Reason::TooLarge { .. })));
}

#[test]
fn an_archive_without_a_document_is_refused() {
    assert!(matches!(parse(&package(&[("a.txt", "x")])), Err(Reason::Docx(_))));
}
