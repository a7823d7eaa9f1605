//! Summaries that a model writes, through the whole program.
//!
//! The model is tiny and trained to write the first sentence of what it reads, so what it ought to write is known.

use crate::desk::Desk;
use serde_json::Value;
use std::{fs, path::Path};

const ARTICLE: &str = "افتتاح مكتبة جديدة\n\nلا أريد أن أذهب اليوم. وصل 12 صحفيا إلى المدينة صباح اليوم. قال الوزير إن العمل يبدأ غدا. \
                       اضغط على موافق لحفظ الإعدادات. هذا بيت كبير.\n";

/// Returns a desk with the tiny summarizer under `models/` by this name.
fn desk(article: &str, model: &str) -> Desk {
    let desk = Desk::new(&[("a.txt", article)]);
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    desk.write(&format!("models/{model}/note.txt"), "a summarizer that copies");
    for (folder, files) in [
        ("summarizer", vec!["config.json", "generation_config.json", "model.safetensors"]),
        ("tokenizer/bart", vec!["vocab.json", "merges.txt", "tokenizer_config.json"]),
    ] {
        for file in files {
            fs::copy(goldens.join(folder).join(file), desk.path(&format!("models/{model}/{file}"))).unwrap();
        }
    }
    desk
}

fn summary(desk: &Desk) -> Vec<Value> {
    desk.json("outputs/a.json")["summary"].as_array().unwrap().clone()
}

/// Makes the model unable to write a 1, so that 12 becomes another number.
fn forbid_ones(desk: &Desk, model: &str) {
    let one = &desk.json(&format!("models/{model}/vocab.json"))["1"];
    desk.edit(
        &format!("models/{model}/generation_config.json"),
        "\"max_length\"",
        &format!("\"suppress_tokens\": [{one}], \"max_length\""),
    );
}

#[test]
fn a_written_sentence_cites_what_it_was_read_from() {
    let desk = desk(ARTICLE, "copier");
    let said = desk.translate(&["a.txt", "--summary-model", "copier"]);
    assert!(said.contains("summarizing the translations with copier"), "{said}");
    let (json, summary) = (desk.json("outputs/a.json"), summary(&desk));
    assert_eq!(summary.len(), 1, "the model writes one sentence");
    assert_eq!(summary[0]["method"], "abstractive");
    assert_eq!(summary[0]["text"], json["sentences"][1]["translation"]);
    assert_eq!((&summary[0]["cites"][0]["id"], &summary[0]["cites"][0]["support"]), (&"S1".into(), &1.0.into()));
    assert_eq!((&json["summary_model"]["name"], &json["summary_model"]["sentences"]), (&"copier".into(), &3.into()));
    let markdown = desk.read("outputs/a.md");
    assert!(markdown.contains("summary_model: \"copier\"") && markdown.contains("[S1](#s1) (100 %)"), "{markdown}");
}

#[test]
fn a_rerun_is_done_until_the_summary_is_to_be_another() {
    let desk = desk(ARTICLE, "copier");
    let run = |more: &[&str]| desk.translate(&[&["a.txt", "--summary-model", "copier"], more].concat());
    run(&[]);
    let first = desk.files("outputs");
    let said = run(&[]);
    assert!(said.contains("1 skipped") && !said.contains("summarizing"), "{said}");
    let said = run(&["--format", "md,json,html"]);
    assert!(said.contains("1 written") && !said.contains("summarizing"), "made from the JSON: {said}");
    assert_eq!(desk.files("outputs")["a.md"], first["a.md"]);
    assert!(desk.read("outputs/a.html").contains("copier"));
    assert!(run(&["--summary-sentences", "2"]).contains("summarizing"));
    assert!(desk.translate(&["a.txt"]).contains("1 written"), "extractive");
    assert!(desk.json("outputs/a.json")["summary_model"].is_null());
}

#[test]
fn a_false_number_is_replaced_or_kept_with_a_critical_warning() {
    let article = ARTICLE.replacen("لا أريد أن أذهب اليوم. ", "", 1);
    let desk = desk(&article, "liar");
    forbid_ones(&desk, "liar");
    desk.translate(&["a.txt", "--summary-model", "liar"]);
    let replaced = summary(&desk);
    assert_eq!((&replaced[0]["method"], &replaced[0]["flags"][0]["severity"]), (&"extractive".into(), &"minor".into()));
    assert!(replaced[0]["flags"][0]["message"].as_str().unwrap().contains("in place of one that the model wrote"));

    let keep =
        ["a.txt", "--summary-model", "liar", "--keep-unsupported", "--model", "builtin", "--beam", "1", "--strict"];
    desk.run(&keep, 4);
    let kept = summary(&desk);
    assert_eq!((&kept[0]["method"], &kept[0]["flags"][0]["kind"]), (&"abstractive".into(), &"unsupported".into()));
    assert_eq!(kept[0]["flags"][0]["severity"], "critical");
    assert!(desk.read("outputs/a.md").contains("[M1](#m1)"), "it is under Check first");
}

#[test]
fn an_article_longer_than_the_model_is_summarized_in_parts() {
    let more: String = (20..50).map(|number| format!("وصل {number} صحفيا إلى المدينة صباح اليوم. ")).collect();
    let desk = desk(&format!("{ARTICLE}\n{more}\n"), "copier");
    desk.translate(&["a.txt", "--summary-model", "copier"]);
    let (json, summary) = (desk.json("outputs/a.json"), summary(&desk));
    assert!(json["sentences"].as_array().unwrap().len() > 30);
    assert_eq!(summary[0]["text"], json["sentences"][1]["translation"], "the first of the first part");
    assert_eq!(summary[0]["cites"][0]["id"], "S1");
}

#[test]
fn a_multilingual_model_reads_the_arabic_and_its_summary_is_translated() {
    let desk = desk(ARTICLE, "mt5-multilingual-xlsum");
    let said = desk.translate(&["a.txt", "--summary-model", "mt5-multilingual-xlsum"]);
    assert!(said.contains("summarizing the articles"), "{said}");
    let (json, summary) = (desk.json("outputs/a.json"), summary(&desk));
    assert_eq!(summary[0]["text"], json["sentences"][1]["translation"]);
    assert_eq!((&summary[0]["method"], &summary[0]["cites"][0]["id"]), (&"abstractive".into(), &"S1".into()));
}

#[test]
fn auto_takes_the_catalogues_summarizer_where_it_is_on_this_machine() {
    let desk = desk(ARTICLE, "distilbart-cnn-12-6");
    assert!(desk.translate(&["a.txt"]).contains("summarizing the translations"));
    assert!(!desk.translate(&["a.txt", "--summary", "extractive"]).contains("summarizing"));
}

#[test]
fn a_summarizer_that_cannot_be_had_is_an_error_and_never_another_summary() {
    let desk = Desk::new(&[("a.txt", ARTICLE)]);
    let said = desk.run(&["a.txt", "--model", "builtin", "--summary", "abstractive", "--offline"], 3);
    assert!(said.contains("distilbart-cnn-12-6"), "{said}");
    let said = desk.run(&["a.txt", "--model", "builtin", "--summary-model", "opus-mt-ar-en"], 3);
    assert!(said.contains("it translates: name it with --model"), "{said}");
}

#[test]
fn a_summarizer_is_checked_as_one() {
    let desk = desk(ARTICLE, "copier");
    let said = desk.output(&["check", "copier", "--offline"], 0);
    for part in ["copier (licence not stated)", "family: bart (BART)", "it was run as en", "of weights", "tokens/s"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(said.contains("The ferry to the island was cancelled on Tuesday because of high waves."), "{said}");
    desk.write("models/copier/README.md", "---\nlicense: mit\nlanguage:\n- en\n---\n");
    let said = desk.output(&["check", "copier", "--offline"], 0);
    assert!(said.contains("copier (MIT)") && said.contains("languages: en, as its card says"), "{said}");
    let said = desk.output(&["check", "builtin", "--beam", "1"], 0);
    assert!(said.contains("family: marian (Marian, as OPUS-MT)") && said.contains("languages: ar into en"), "{said}");
}
