//! Sentences in doubt are decoded again, and what came of it is said beside them.

use crate::desk::Desk;
use serde_json::Value;

/// Enough numbers, dates and negations that a small model gets some of them wrong.
const ARTICLE: &str = "أعلنت الوزارة أن 1,274 أسرة عادت إلى 38 قرية بين 14 آذار و29 نيسان 2019، ولم تعد 512 أسرة أخرى إلى بيوتها.\n\n\
    قال الناطق باسم البلدية إن المستشفى لم يغلق أبوابه يوم الخميس، ولا توجد خطة لإغلاقه قبل عام 2027.\n\n\
    بلغت كلفة المشروع 4.75 مليون دولار، أي أقل بنسبة 12 في المئة من الميزانية التي أقرت في 3 تشرين الثاني 2018.\n\n\
    لم يصب أحد من الركاب البالغ عددهم 186 راكباً، وليس هناك ما يدل على أن الطائرة لم تكن صالحة للطيران.\n\n\
    يضم المعرض 2,340 وثيقة، ولم تنشر 615 منها من قبل.\n";

fn sentences(desk: &Desk, options: &[&str]) -> Vec<Value> {
    desk.translate(&[&["a.txt", "--force"], options].concat());
    desk.json("outputs/a.json")["sentences"].as_array().unwrap().clone()
}

fn repairs(sentence: &Value) -> Vec<&Value> {
    let notes = sentence["notes"].as_array().into_iter().flatten();
    notes.filter(|note| note["kind"] == "repair").collect()
}

/// Critical and major flags, in this order.
fn grave(sentence: &Value) -> [usize; 2] {
    let flags = sentence["flags"].as_array().unwrap();
    ["critical", "major"].map(|severity| flags.iter().filter(|flag| flag["severity"] == severity).count())
}

#[test]
fn sentences_in_doubt_are_decoded_again_and_no_other_changes() {
    let desk = Desk::new(&[("a.txt", ARTICLE)]);
    let plain = sentences(&desk, &["--no-repair"]);
    assert!(plain.iter().all(|sentence| repairs(sentence).is_empty()));
    assert_eq!(desk.json("outputs/a.json")["model"]["decode"].get("repair"), None);
    let repaired = sentences(&desk, &[]);
    assert_eq!(desk.json("outputs/a.json")["model"]["decode"]["repair"], true);
    assert!(
        repaired.iter().any(|sentence| !repairs(sentence).is_empty()),
        "the article holds nothing hard: {plain:#?}"
    );
    for (before, after) in plain.iter().zip(&repaired) {
        match repairs(after)[..] {
            [] => assert_eq!(before, after),
            [note] => {
                assert!(grave(after) <= grave(before), "{before:#} {after:#}");
                let first = note["evidence"].as_array().unwrap();
                let expected = if first.is_empty() { &after["translation"] } else { &first[0] };
                assert_eq!(expected, &before["translation"], "the first translation is told");
            }
            _ => panic!("more than one note: {after:#}"),
        }
    }
}

#[test]
fn a_document_made_without_repair_is_made_again_with_it() {
    let desk = Desk::new(&[("a.txt", ARTICLE)]);
    assert!(desk.translate(&["a.txt", "--no-repair"]).contains("1 written"));
    assert!(desk.translate(&["a.txt", "--no-repair"]).contains("1 skipped"));
    assert!(desk.translate(&["a.txt"]).contains("1 written"));
}
