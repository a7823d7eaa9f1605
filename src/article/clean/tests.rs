//! Whole drafts through the cleaner.

use super::*;
use crate::article::Block;
use proptest::prelude::*;
use std::{fs, path::Path};

mod shapes;

/// A page in the shape that news sites leave when their text is copied.
const SCRAPED: &str = "icon
التغطية الحية

وزير الري في الحكومة المحلية: السد لن يغلق قبل نهاية الصيف

2022.07.05 | 09:40 عمّان

20220705_reservoir_118.jpg
عمال الصيانة عند بوابة السد الـ 3 في الوادي - (إنترنت)
بيروت - وكالات
+A
حجم الخط
-A

قال وزير الري في الحكومة المحلية، إن بوابات السد ستبقى مفتوحة حتى نهاية الصيف وإن القرى لن تعطش هذا العام.\u{a0}

وأضاف الوزير الذي زار الموقع أمس الاثنين، إن: الأولوية هي مياه الشرب ثم الحقول بموجب الخطة 118.

وتابع أن العمال يعملون \"ليل نهار\" مع فرق الهندسة لإصلاح الشقوق التي ظهرت في الجدار الغربي.

اقرأ أيضاً: بين الجفاف والسد.. كيف يعيش أهل الوادي \"صيفاً بلا ماء\"

وأكد بيان الوزارة أن المرحلة 2من الإصلاح تبدأ بعد أسبوع وأن الطريق القديم سيبقى مغلقاً أمام الشاحنات.

اقرأ أيضاً:  السد-2.. \"شقوق\" جديدة تظهر في الجدار الغربي";

/// Returns a draft in which every line with text in it is a paragraph, as a reader of plain text makes it.
fn draft(text: &str) -> Draft {
    let mut blocks = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let range = segment::trim(text, start..start + line.len());
        start += line.len();
        if !range.is_empty() {
            blocks.push(Block { range, kind: BlockKind::Paragraph });
        }
    }
    Draft { text: text.to_owned(), blocks, ..Draft::default() }
}

fn cleaned(text: &str) -> Article {
    let article = clean(draft(text));
    article.account().unwrap();
    article
}

fn texts(article: &Article, role: Role) -> Vec<&str> {
    article.sentences.iter().filter(|sentence| sentence.role == role).map(|sentence| article.source(sentence)).collect()
}

fn removed(article: &Article) -> Vec<(&str, &str)> {
    article.removed.iter().map(|span| (&article.text[span.range.clone()], span.reason.as_str())).collect()
}

#[test]
fn a_scraped_page_is_taken_apart_as_a_reader_would() {
    let article = cleaned(SCRAPED);
    assert_eq!(article.sentences[0].id, SentenceId(0));
    assert_eq!(texts(&article, Role::Title), ["وزير الري في الحكومة المحلية: السد لن يغلق قبل نهاية الصيف"]);
    assert_eq!(article.metadata.title.as_deref(), Some("وزير الري في الحكومة المحلية: السد لن يغلق قبل نهاية الصيف"));
    assert_eq!(article.metadata.date.as_deref(), Some("2022-07-05T09:40"));
    assert_eq!(article.metadata.place.as_deref(), Some("بيروت"));
    assert_eq!(article.metadata.agency.as_deref(), Some("وكالات"));
    assert_eq!(texts(&article, Role::Caption), ["عمال الصيانة عند بوابة السد الـ 3 في الوادي - (إنترنت)"]);
    assert_eq!(
        removed(&article),
        [
            ("icon", "icon name"),
            ("التغطية الحية", "ribbon"),
            ("2022.07.05 | 09:40 عمّان", "date line, kept as metadata"),
            ("20220705_reservoir_118.jpg", "image file name"),
            ("بيروت - وكالات", "place and agency line, kept as metadata"),
            ("+A", "font-size widget"),
            ("حجم الخط", "font-size widget"),
            ("-A", "font-size widget"),
        ]
    );
    assert_eq!(texts(&article, Role::Related).len(), 2);
    assert_eq!(texts(&article, Role::Body).len(), 4);
    let numbers: Vec<u32> = article.sentences.iter().map(|sentence| sentence.id.0).collect();
    assert_eq!(numbers, (0..numbers.len() as u32).collect::<Vec<_>>());
}

#[test]
fn the_shared_scraped_article_is_taken_apart_as_required() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/seed/000_e83b1a22e68e27e6.txt");
    let Ok(text) = fs::read_to_string(&path) else {
        eprintln!("skipped: {} is absent", path.display());
        return;
    };
    let article = cleaned(&text);
    let fingerprint = |text: &str| (text.split_whitespace().count(), text.chars().next(), text.chars().last());
    assert_eq!(
        texts(&article, Role::Title).into_iter().map(fingerprint).collect::<Vec<_>>(),
        [(10, Some('م'), Some('ا'))]
    );
    assert_eq!(article.metadata.date.as_deref(), Some("2021-02-18T12:18"));
    assert_eq!(article.metadata.place.as_deref(), Some("إسطنبول"));
    assert_eq!(article.metadata.agency.as_deref(), Some("متابعات"));
    assert_eq!(
        texts(&article, Role::Caption).into_iter().map(fingerprint).collect::<Vec<_>>(),
        [(8, Some('ا'), Some(')'))]
    );
    assert_eq!(texts(&article, Role::Related).len(), 2);
    let paragraphs: std::collections::BTreeSet<usize> = article
        .sentences
        .iter()
        .filter(|sentence| sentence.role == Role::Body)
        .map(|sentence| sentence.block)
        .collect();
    assert_eq!(paragraphs.len(), 10);
    let widgets = removed(&article).into_iter().filter(|(_, reason)| !reason.ends_with("kept as metadata")).count();
    assert_eq!((widgets, article.removed.len()), (6, 8));
}

#[test]
fn every_shared_article_is_accounted_for() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/articles");
    if !folder.is_dir() {
        eprintln!("skipped: {} is absent", folder.display());
        return;
    }
    let mut seen = 0;
    for kind in ["news", "reports", "arabic-only"] {
        for entry in fs::read_dir(folder.join(kind)).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            assert!(!cleaned(&text).sentences.is_empty());
            seen += 1;
        }
    }
    assert!(seen > 0);
}

#[test]
fn declared_metadata_wins_and_empty_fields_are_filled() {
    let mut draft = draft(SCRAPED);
    draft.metadata.date = Some("2022-07-06".to_owned());
    draft.metadata.place = Some(String::new());
    let article = clean(draft);
    assert_eq!(article.metadata.date.as_deref(), Some("2022-07-06"));
    assert_eq!(article.metadata.place.as_deref(), Some("بيروت"));
}

#[test]
fn a_marked_title_is_taken_and_its_repetition_removed() {
    let text =
        "عودة الكهرباء\nعودة الكهرباء\nعادت الكهرباء إلى المدينة مساء أمس بعد انقطاع دام ثلاثة أيام كاملة في كل الأحياء.";
    let mut draft = draft(text);
    draft.blocks[0].kind = BlockKind::Title;
    let article = clean(draft);
    assert_eq!(texts(&article, Role::Title), ["عودة الكهرباء"]);
    assert_eq!(removed(&article), [("عودة الكهرباء", "repeats the headline")]);
}

#[test]
fn the_line_that_the_page_declares_as_its_title_is_the_title() {
    let text = "قسم الأخبار المحلية في المدينة\nعودة الكهرباء إلى أحياء المدينة القديمة\nعادت الكهرباء إلى المدينة مساء أمس بعد انقطاع دام ثلاثة أيام كاملة في كل الأحياء.";
    let mut draft = draft(text);
    draft.metadata.title = Some("عودة الكهرباء إلى أحياء المدينة القديمة | الجريدة".to_owned());
    assert_eq!(texts(&clean(draft), Role::Title), ["عودة الكهرباء إلى أحياء المدينة القديمة"]);
}

#[test]
fn an_article_that_opens_with_prose_or_has_one_line_has_no_title() {
    let prose = "أعلنت البلدية صباح اليوم عن إغلاق الطريق الساحلي مدة أسبوع كامل لأعمال الصيانة.";
    assert!(texts(&cleaned(&format!("{prose}\nوقالت إن البديل جاهز")), Role::Title).is_empty());
    assert!(texts(&cleaned("البلدية تغلق الطريق الساحلي"), Role::Title).is_empty());
}

#[test]
fn sentences_that_speak_of_widgets_are_kept() {
    for prose in [
        "شارك في الاجتماع وزراء من خمس دول",
        "مباشر من الميدان قال المراسل إن الطريق مغلق",
        "تابعنا على مدى ثلاثة أيام سير المفاوضات بين الطرفين من داخل القاعة ومن خارجها، ولم نر ما يدل على قرب الاتفاق.",
        "للمزيد من الدقة سألنا الخبير",
        "شاهد رجال الإنقاذ الحريق من بعيد",
        "كتب الرئيس على حسابه أنه مستعد",
        "المصدر نفسه نفى الخبر",
        "طباعة الكتب تزدهر في المدينة",
        "هل تعليق؟",
        "12",
    ] {
        let text = format!(
            "وصل الوفد إلى المدينة صباح اليوم بعد رحلة طويلة دامت يومين كاملين.\n{prose}\nوغادر الوفد المدينة مساء اليوم بعد اجتماع دام ثلاث ساعات مع المحافظ."
        );
        assert_eq!(removed(&cleaned(&text)), [], "{prose}");
    }
}

#[test]
fn widgets_around_an_article_are_removed_with_their_reasons() {
    let text = "الرئيسية / أخبار / محليات\nأخبار\n12 مشاركة\nعاد القطار إلى العمل بعد عام من التوقف\nمنذ 3 ساعات\nكتب: سامر النجار\nالخميس، ٥ أيار/مايو ٢٠٢٢\n09:30 ص\n3 دقائق قراءة\nعاد القطار إلى العمل أمس بعد عام كامل من التوقف بسبب أعمال الصيانة في المحطة.\n***\nhttps://example.org/a\n#قطار #نقل\nالمصدر: صحيفة الساحل\nتابعونا على فيسبوك\n© 2022 الجريدة\nجميع الحقوق محفوظة";
    let article = cleaned(text);
    let reasons: Vec<&str> = removed(&article).into_iter().map(|(_, reason)| reason).collect();
    assert_eq!(
        reasons,
        [
            "navigation path",
            "section name",
            "share widget",
            "relative time, no date in it",
            "byline, kept as metadata",
            "date line, kept as metadata",
            "date line, kept as metadata",
            "reading time",
            "no words in it",
            "web address",
            "tags line",
            "source line, kept as metadata",
            "follow-us line",
            "copyright line",
            "copyright line",
        ]
    );
    assert_eq!(article.metadata.date.as_deref(), Some("2022-05-05T09:30"));
    assert_eq!(article.metadata.author.as_deref(), Some("سامر النجار"));
    assert_eq!(article.metadata.agency.as_deref(), Some("صحيفة الساحل"));
    assert_eq!(texts(&article, Role::Title), ["عاد القطار إلى العمل بعد عام من التوقف"]);
}

#[test]
fn a_dateline_inside_the_first_sentence_is_read_and_left_there() {
    let text = "بيروت (رويترز) - قال متحدث باسم البلدية يوم الخميس إن الطريق الساحلي سيبقى مغلقاً حتى إشعار آخر.";
    let article = cleaned(text);
    assert_eq!(article.metadata.place.as_deref(), Some("بيروت"));
    assert_eq!(article.metadata.agency.as_deref(), Some("رويترز"));
    assert_eq!(texts(&article, Role::Body), [text]);
}

#[test]
fn headlines_under_a_lone_label_are_related() {
    let text = "وصل الوفد إلى المدينة صباح اليوم بعد رحلة طويلة دامت يومين كاملين.\nمواضيع ذات صلة\nالوفد يؤجل زيارته إلى الساحل\nالمحافظ: ننتظر الوفد منذ شهر";
    assert_eq!(texts(&cleaned(text), Role::Related).len(), 3);
}

#[test]
fn short_unfinished_lines_between_paragraphs_are_headings() {
    let prose = "وصل الوفد إلى المدينة صباح اليوم بعد رحلة طويلة دامت يومين كاملين.";
    assert_eq!(texts(&cleaned(&format!("{prose}\nما بعد الزيارة\n{prose}")), Role::Heading), ["ما بعد الزيارة"]);
}

#[test]
fn blocks_outside_the_article_are_removed_whole() {
    let mut draft = draft("قائمة التنقل في الموقع\nوصل الوفد إلى المدينة.");
    draft.blocks[0].kind = BlockKind::Outside;
    assert_eq!(removed(&clean(draft)), [("قائمة التنقل في الموقع", "outside the article")]);
}

#[test]
fn a_list_of_networks_in_the_text_is_kept_and_one_above_it_removed() {
    let prose = "حجبت السلطات عدداً من المنصات صباح اليوم لمدة يومين كاملين بحسب الوزارة.";
    let mut draft = draft(&format!("فيسبوك\n{prose}\nفيسبوك\nتويتر\n{prose}"));
    for index in [0, 2, 3] {
        draft.blocks[index].kind = BlockKind::ListItem;
    }
    let article = clean(draft);
    assert_eq!(removed(&article), [("فيسبوك", "social network name")]);
    assert_eq!(texts(&article, Role::Body).len(), 4);
}

#[test]
fn a_line_under_a_picture_in_the_body_is_a_caption_only_if_it_touches_it_or_is_credited() {
    let prose = "وصل الوفد إلى المدينة صباح اليوم بعد رحلة طويلة دامت يومين كاملين.";
    let text = format!(
        "{prose}\na1.jpg\nالوفد عند البوابة\n\n{prose}\na2.jpg\n\nوهذا ما قاله\n{prose}\na3.jpg\n\nالوفد في القاعة (رويترز)\n{prose}"
    );
    assert_eq!(texts(&cleaned(&text), Role::Caption), ["الوفد عند البوابة", "الوفد في القاعة (رويترز)"]);
}

#[test]
fn the_dates_of_a_table_are_data() {
    let rows: String = (1..=28).map(|day| format!("محطة رقم {day}\n{day}/2/2021\n")).collect();
    assert_eq!(removed(&cleaned(&rows)), []);
}

#[test]
fn a_date_left_outside_just_above_the_article_is_read() {
    let far = "تقويم\n1 آذار 2001\nأ\nب\nج\nد\nهـ\nو";
    let text =
        format!("{far}\nالسبت 2 آذار 2019\nغرّد\nوصل الوفد إلى المدينة صباح اليوم بعد رحلة طويلة دامت يومين كاملين.");
    let mut draft = draft(&text);
    let outside = draft.blocks.len() - 1;
    draft.blocks[..outside].iter_mut().for_each(|block| block.kind = BlockKind::Outside);
    let article = clean(draft);
    assert_eq!(article.metadata.date.as_deref(), Some("2019-03-02"));
    assert_eq!(article.removed.len(), outside);
}

#[test]
fn an_empty_draft_gives_an_empty_article() {
    assert_eq!(cleaned(" \n "), Article { text: " \n ".to_owned(), ..Article::default() });
}

proptest! {
    #[test]
    fn every_draft_is_accounted_for(
        lines in prop::collection::vec(
            prop_oneof![
                prop::sample::select(SCRAPED.lines().collect::<Vec<_>>()).prop_map(str::to_owned),
                "([ء-ي]{1,6}[ .،]){0,20}",
                "\\PC{0,12}",
                Just("مواضيع ذات صلة".to_owned()),
                Just("\u{200f}".to_owned()),
            ],
            0..20,
        ),
        kinds in prop::collection::vec(0_usize..8, 20),
    ) {
        const KINDS: [BlockKind; 8] = [
            BlockKind::Title, BlockKind::Heading, BlockKind::Paragraph, BlockKind::ListItem, BlockKind::TableRow,
            BlockKind::Caption, BlockKind::Outside, BlockKind::Hidden,
        ];
        let mut draft = draft(&lines.join("\n"));
        draft.blocks.iter_mut().zip(kinds).for_each(|(block, kind)| block.kind = KINDS[kind]);
        let article = clean(draft);
        prop_assert_eq!(article.account(), Ok(()));
        prop_assert!(texts(&article, Role::Title).len() <= 1);
        let roles = article.sentences.iter().map(|sentence| (sentence.id.0 == 0) == (sentence.role == Role::Title));
        prop_assert!(roles.into_iter().all(|agrees| agrees));
    }
}
