//! The review loop: an editor corrects a document, later runs use it; and the glossary.

use crate::{ARABIC, OTHER, desk::Desk};

#[test]
fn a_corrected_sentence_is_used_by_the_next_run_and_says_so() {
    let desk = Desk::new(&[("a.txt", ARABIC), ("b.txt", OTHER)]);
    desk.translate(&["a.txt"]);
    desk.edit("outputs/a.md", "reviewed_by: null", "reviewed_by: Rim Haddad");
    let before = desk.json("outputs/a.json")["sentences"][1]["translation"].as_str().unwrap().to_owned();
    let line = desk.read("outputs/a.md").lines().find(|line| line.starts_with("**S1** ")).unwrap().to_owned();
    desk.edit("outputs/a.md", &line, "**S1** Where is the *school*?");
    let said = desk.run(&["review", "outputs/a.md", "--memory", "desk.tmx"], 0);
    assert!(said.contains("3 sentences, 1 of them changed, reviewed by Rim Haddad"), "{said}");
    assert!(desk.read("outputs/a.reviewed.tmx").contains("<seg>Where is the school?</seg>"));

    desk.translate(&["b.txt", "--memory", "desk.tmx"]);
    let sentences = desk.json("outputs/b.json")["sentences"].clone();
    let found = sentences.as_array().unwrap().iter().find(|s| s["source"] == "أين المدرسة؟").unwrap();
    assert_eq!(found["translation"], "Where is the school?");
    assert_ne!(before, "Where is the school?");
    assert!(found["score"].is_null() && found["notes"][0]["kind"] == "memory");
    assert!(
        desk.read("outputs/b.md")
            .contains("> *memory*: the same sentence was translated before, reviewed by Rim Haddad")
    );
    let others = sentences.as_array().unwrap().iter().filter(|s| s["source"] != "أين المدرسة؟");
    assert!(others.into_iter().all(|s| s["score"].is_number() && s.get("notes").is_none()));
    assert!(desk.translate(&["a.txt", "--memory", "desk.tmx"]).contains("edited"), "the corrected document stays");
}

#[test]
fn two_columns_are_read_back_too() {
    let desk = Desk::new(&[("a.txt", ARABIC)]);
    desk.translate(&["a.txt", "--layout", "table"]);
    desk.edit("outputs/a.md", "reviewed_by: null", "reviewed_by: \"Rim\"");
    let said = desk.run(&["review", "outputs/a.md"], 0);
    assert!(said.contains("3 sentences, 0 of them changed, reviewed by Rim"), "{said}");
    desk.edit("outputs/a.md", "**S2** ", "**S2** Indeed: ");
    let said = desk.run(&["review", "outputs/a.md"], 0);
    assert!(said.contains("1 of them changed") && said.contains("the memory had"), "{said}");
    assert!(desk.read("memory.tmx").contains("<seg>Indeed: "));
}

#[test]
fn what_was_touched_beside_the_english_is_named() {
    let desk = Desk::new(&[("a.txt", ARABIC)]);
    desk.translate(&["a.txt"]);
    let whole = desk.read("outputs/a.md");
    let said = |from: &str, to: &str| {
        desk.write("outputs/a.md", &whole.replacen("reviewed_by: null", "reviewed_by: Rim", 1));
        desk.edit("outputs/a.md", from, to);
        desk.run(&["review", "outputs/a.md"], 1)
    };
    assert!(said("reviewed_by: Rim", "reviewed_by: null").contains("no name at `reviewed_by`"));
    assert!(said("أين المدرسة", "أين الجامعة").contains("the Arabic of S1 was changed"));
    assert!(said("**S2**", "S2").contains("S2: its English does not begin with **S2**"));
    assert!(said("<a name=\"s2\"></a>", "").contains("S2 is missing"));
    assert!(said("source_sha256: \"", "source_sha256: \"0").contains("source_sha256"));
    assert!(!desk.path("memory.tmx").exists() && !desk.path("outputs/a.reviewed.tmx").exists());
}

#[test]
fn an_article_that_is_known_throughout_is_made_of_the_memory_alone() {
    let desk = Desk::new(&[("a.txt", ARABIC), ("again.txt", ARABIC)]);
    desk.translate(&["a.txt"]);
    desk.edit("outputs/a.md", "reviewed_by: null", "reviewed_by: Rim");
    desk.run(&["review", "outputs/a.md"], 0);
    desk.translate(&["again.txt", "--memory", "memory.tmx", "--format", "json,xliff"]);
    let json = desk.json("outputs/again.json");
    assert!(json["sentences"].as_array().unwrap().iter().all(|s| s["notes"][0]["kind"] == "memory"));
    assert_eq!(desk.json("outputs/run.json")["totals"]["source_words"], 0, "no word went through the model");
    assert!(desk.read("outputs/again.xliff").contains("state=\"translated\" state-qualifier=\"exact-match\""));
}

#[test]
fn a_glossary_is_enforced_or_its_absence_is_a_warning() {
    let desk = Desk::new(&[("a.txt", ARABIC), ("names.tsv", "مكتبة\tthe Reading House\ta name\nمكتبات\tLibraries\n")]);
    desk.translate(&["a.txt", "--glossary", "names.tsv"]);
    let json = desk.json("outputs/a.json");
    let title = &json["sentences"][0];
    let applied = title["notes"][0]["kind"] == "glossary";
    let warned = title["flags"].as_array().unwrap().iter().any(|f| f["kind"] == "name" && f["evidence"][0] == "مكتبة");
    assert!(applied != warned, "{title:#}");
    assert_eq!(title["translation"].as_str().unwrap().contains("the Reading House"), applied);
    assert!(desk.read("outputs/a.md").contains(if applied {
        "> *glossary*: «مكتبة» is"
    } else {
        "**major, name**"
    }));
}

#[test]
fn only_what_a_changed_glossary_or_memory_touches_is_made_again() {
    let desk = Desk::new(&[("in/a.txt", ARABIC), ("in/b.txt", "إعادة فتح الطريق\n\nاضغط على موافق.\n")]);
    desk.write("names.tsv", "مكتبة\tlibrary\n");
    desk.translate(&["in", "--glossary", "names.tsv"]);
    assert!(desk.translate(&["in", "--glossary", "names.tsv"]).contains("0 written, 2 skipped"));
    desk.write("names.tsv", "مكتبة\tlibrary\nحلب\tAleppo\n");
    assert!(desk.translate(&["in", "--glossary", "names.tsv"]).contains("0 written, 2 skipped"), "no article has it");
    desk.write("names.tsv", "مكتبة\tbookshop\n");
    let said = desk.translate(&["in", "--glossary", "names.tsv"]);
    assert!(said.contains("1 written, 1 skipped") && said.contains("a.txt -> "), "{said}");
    assert!(desk.translate(&["in"]).contains("1 written, 1 skipped"), "without a glossary");
    let unit = |arabic: &str| {
        format!(
            "<tu><tuv xml:lang=\"ar\"><seg>{arabic}</seg></tuv><tuv xml:lang=\"en\"><seg>Press OK.</seg></tuv></tu>"
        )
    };
    desk.write("m.tmx", &format!("<tmx version=\"1.4\"><header/><body>{}</body></tmx>", unit("اضغط على موافق.")));
    let said = desk.translate(&["in", "--memory", "m.tmx"]);
    assert!(said.contains("1 written, 1 skipped") && said.contains("b.txt -> "), "{said}");
}

#[test]
fn files_that_cannot_be_used_are_named_before_any_work() {
    let desk = Desk::new(&[("a.txt", ARABIC), ("bad.tsv", "Homs\tحمص\n"), ("bad.tmx", "<html/>")]);
    let said = |option: &str, file: &str| desk.run(&["a.txt", "--model", "builtin", option, file], 2);
    assert!(said("--glossary", "bad.tsv").contains("--glossary bad.tsv: line 1: its first column has no Arabic word"));
    assert!(said("--memory", "bad.tmx").contains("--memory bad.tmx: no TMX file"));
    assert!(said("--memory", "none.tmx").contains("none.tmx"));
}
