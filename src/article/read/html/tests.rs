//! Pages as they are scraped.

use super::*;

fn blocks_of(html: &str) -> Vec<(BlockKind, String)> {
    let parsed = parse(html, None);
    parsed.blocks.into_iter().map(|block| (block.kind, parsed.text[block.range].to_owned())).collect()
}

fn words_of(html: &str, kind: BlockKind) -> Vec<String> {
    blocks_of(html).into_iter().filter(|(own, _)| *own == kind).map(|(_, words)| words).collect()
}

const FIRST: &str =
    "أعلنت بلدية المدينة، صباح اليوم، أن الطريق الساحلي سيغلق أمام حركة السير ثلاثة أيام بسبب أعمال الصيانة.";
const SECOND: &str =
    "وقال رئيس البلدية إن «السلامة أولاً»، مضيفاً أن الحافلات ستسلك الطريق القديم حتى انتهاء الأعمال يوم الخميس.";
const THIRD: &str =
    "ولم تحدد البلدية كلفة المشروع، لكنها ذكرت أن التمويل جاء من صندوق التنمية المحلية، وأن الشركة المنفذة محلية.";

fn page(body: &str) -> String {
    format!(
        "<html><head><title>إغلاق الطريق الساحلي ثلاثة أيام | نبأ</title></head><body>\
         <nav><ul><li><a href='/'>الرئيسية</a></li><li><a href='/s'>رياضة</a></li></ul></nav>\
         <div class='cookie-banner'>نستخدم ملفات تعريف الارتباط. <button>موافق</button></div>{body}\
         <aside class='sidebar'><h3>الأكثر قراءة</h3><ul><li><a href='/1'>خبر أول</a></li></ul></aside>\
         <footer>جميع الحقوق محفوظة</footer></body></html>"
    )
}

#[test]
fn the_article_is_kept_and_what_surrounds_it_is_outside() {
    let html = page(&format!(
        "<article><h1>إغلاق الطريق الساحلي ثلاثة أيام</h1><figure><img src='a.jpg'>\
         <figcaption>الطريق الساحلي</figcaption>\
         </figure><p>{FIRST}</p><h2>تصريح</h2><p>{SECOND}</p><ul><li>{THIRD}</li></ul></article>"
    ));
    assert_eq!(words_of(&html, BlockKind::Title), ["إغلاق الطريق الساحلي ثلاثة أيام"]);
    assert_eq!(words_of(&html, BlockKind::Paragraph), [FIRST, SECOND]);
    assert_eq!(words_of(&html, BlockKind::Heading), ["تصريح"]);
    assert_eq!(words_of(&html, BlockKind::ListItem), [THIRD]);
    assert_eq!(words_of(&html, BlockKind::Caption), ["الطريق الساحلي"]);
    let outside =
        ["الرئيسية", "رياضة", "نستخدم ملفات تعريف الارتباط.", "موافق", "الأكثر قراءة", "خبر أول", "جميع الحقوق محفوظة"];
    assert_eq!(words_of(&html, BlockKind::Outside), outside);
}

#[test]
fn a_title_that_only_the_head_has_comes_first() {
    let html = page(&format!("<div><p>{FIRST}</p><p>{SECOND}</p></div>"));
    assert_eq!(blocks_of(&html)[0], (BlockKind::Title, "إغلاق الطريق الساحلي ثلاثة أيام".into()));
}

#[test]
fn the_date_line_under_the_title_is_read_where_nothing_is_declared() {
    let html = page(&format!(
        "<div><h1>إغلاق الطريق الساحلي ثلاثة أيام</h1><span>الجمعة 8 فيفري 2019</span>\
         <p>{FIRST}</p><p>{SECOND}</p></div>"
    ));
    assert_eq!(parse(&html, None).metadata.date.as_deref(), Some("2019-02-08"));
}

#[test]
fn the_name_of_the_site_in_a_heading_is_not_the_title() {
    let html =
        page(&format!("<h1>نبأ</h1><div><h2>إغلاق الطريق الساحلي ثلاثة أيام</h2><p>{FIRST}</p><p>{SECOND}</p></div>"));
    assert_eq!(words_of(&html, BlockKind::Title), ["إغلاق الطريق الساحلي ثلاثة أيام"]);
}

#[test]
fn no_long_paragraph_is_lost_to_readability() {
    let filler = "<p><a href='/x'>رابط</a></p>".repeat(40);
    let html = page(&format!(
        "<div><p>{FIRST}</p></div>{filler}<div class='extra'><p>{SECOND}</p></div><div><span>{THIRD}</span></div>"
    ));
    for sentence in [FIRST, SECOND, THIRD] {
        let kinds: Vec<_> = blocks_of(&html).into_iter().filter(|(_, words)| words == sentence).collect();
        assert_eq!(kinds.len(), 1);
    }
    let outside = words_of(&html, BlockKind::Outside);
    assert!(!outside.iter().any(|words| words == FIRST), "{outside:?}");
}

#[test]
fn inline_elements_do_not_cut_and_line_breaks_do() {
    let parsed = parse_fragment("<p>قال <b>الو</b>زير:<br>«لا&nbsp;تعليق» <!-- x -->&amp; انصرف</p>", None);
    assert_eq!(parsed.text, "قال الوزير:\n«لا\u{a0}تعليق» & انصرف");
}

#[test]
fn what_is_not_shown_is_set_apart_and_does_not_cut_a_sentence() {
    let html = "<p>نص <span style='display:\nnone'>سر <b>مخفي</b><script>x</script></span>ظاهر</p><p hidden>آخر</p>\
        <script>x</script><template>y</template>";
    for parsed in [parse_fragment(html, None), parse(&format!("<html><body>{html}</body></html>"), None)] {
        let blocks: Vec<_> = parsed.blocks.iter().map(|b| (b.kind, &parsed.text[b.range.clone()])).collect();
        let hidden = |text| (BlockKind::Hidden, text);
        assert_eq!(blocks, [(BlockKind::Paragraph, "نص ظاهر"), hidden("سر مخفي"), hidden("آخر")]);
    }
}

#[test]
fn a_table_of_figures_gives_rows_and_a_layout_table_gives_paragraphs() {
    let rows = "<table><tr><th>المحافظة</th><th>العدد</th></tr><tr><td><p>الساحل</p></td><td>1,204</td></tr></table>";
    let parsed = parse_fragment(rows, None);
    assert_eq!(parsed.text, "المحافظة\tالعدد\nالساحل\t1,204");
    assert!(parsed.blocks.iter().all(|block| block.kind == BlockKind::TableRow));
    let layout = format!("<table><tr><td>قائمة</td><td><p>{FIRST}</p><p>{SECOND}</p></td></tr></table>");
    let parsed = parse_fragment(&layout, None);
    assert_eq!(parsed.text, format!("قائمة\n{FIRST}\n{SECOND}"));
    assert!(parsed.blocks.iter().all(|block| block.kind == BlockKind::Paragraph));
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let html = format!("{}{FIRST}", "<div><b>".repeat(20_000));
    assert_eq!(parse(&html, None).text, FIRST);
    assert_eq!(super::super::markdown::parse(&format!("{} نص", ">".repeat(20_000))).text, "نص");
}
