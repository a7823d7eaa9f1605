//! What an earlier run left: done, to be done again, or edited by a person since.
//!
//! Separate because it decides what is overwritten. The invariant: a document that was changed after it was written is
//! never overwritten without `--force`.

use super::{
    aids::Aids,
    model::{Made, Model},
    summarizer::Summarizer,
    write::{ORDER, extension, fingerprint, with_extension},
};
use crate::{
    cli::{Format, SummaryKind},
    config::Settings,
    engine::EngineError,
    report::{Aids as Record, Document, json::Stored},
};
use std::{collections::BTreeMap, fs, path::Path};

/// What an earlier run left of an article.
#[derive(Debug)]
pub enum Earlier {
    /// Nothing that stands for the article as it is now.
    Nothing,
    /// Documents that this run would make alike.
    Done(Box<Stored>),
    /// Documents that this run would translate alike, and set otherwise or in other formats.
    Rerender(Box<Rerender>),
    /// A document that is not as it was written; also what its JSON says, where it can be read.
    Edited(Option<Box<Stored>>, String),
}

/// What is to be written from a translation that is there.
#[derive(Debug)]
pub struct Rerender {
    /// The document as this run would make it, but for command and time.
    pub document: Document,
    /// The formats that were asked for and those that were there.
    pub formats: Vec<Format>,
    /// Fingerprints of the files that were written, by name.
    pub outputs: BTreeMap<String, String>,
}

/// Looks for the documents of an article: `base` is the output path without extension, `sha256` that of the input.
pub fn look(
    base: &Path,
    source: &str,
    settings: &Settings,
    aids: &Aids,
    model: &mut Model<'_>,
    summarizer: Option<&mut Summarizer<'_>>,
) -> Result<Earlier, EngineError> {
    if settings.force {
        return Ok(Earlier::Nothing);
    }
    let Ok(bytes) = fs::read(with_extension(base, "json")) else { return Ok(without_record(base, settings)) };
    let Some(stored) = Stored::read(&bytes).map(Box::new) else {
        let reason = "its .json is not one of this version, so it may have been edited";
        return Ok(Earlier::Edited(None, reason.into()));
    };
    if let Some(file) = edited(base, &stored) {
        return Ok(Earlier::Edited(Some(stored), format!("{file} was edited since it was written")));
    }
    let Some(wanted) = record(&stored, aids).filter(|_| stored.sha256 == source) else { return Ok(Earlier::Nothing) };
    let made = Record { layout: wanted.layout, ..stored.aids.clone() };
    if made != wanted || !is_alike(&stored, settings, model, summarizer)? {
        return Ok(Earlier::Nothing);
    }
    if stored.aids == wanted && is_complete(base, &stored, settings) {
        return Ok(Earlier::Done(stored));
    }
    Ok(rerender(*stored, wanted, settings).map_or(Earlier::Nothing, |rerender| Earlier::Rerender(Box::new(rerender))))
}

/// Returns what a document of this article would be made with; `None` where its sentences cannot be told.
fn record(stored: &Stored, aids: &Aids) -> Option<Record> {
    let article = &stored.document.as_ref()?.article;
    Some(aids.record(article.sentences.iter().map(|sentence| article.source(sentence))))
}

fn rerender(stored: Stored, wanted: Record, settings: &Settings) -> Option<Rerender> {
    let mut document = *stored.document?;
    // Another version of the program may clean and translate alike, yet it is not the one that the document names.
    if document.tool != super::document::tool() {
        return None;
    }
    document.aids = wanted;
    let was_there = |format: &Format| has(&stored.outputs, *format) || *format == Format::Json;
    let formats = ORDER.into_iter().filter(|format| settings.formats.contains(format) || was_there(format)).collect();
    Some(Rerender { document, formats, outputs: stored.outputs })
}

fn has(outputs: &BTreeMap<String, String>, format: Format) -> bool {
    outputs.keys().any(|file| file.ends_with(&format!(".{}", extension(format))))
}

/// Without JSON there is no telling whether a document was edited, nor whether it is whole; where JSON is written, it is
/// what a run that was killed left, if it is a document of this program at all.
fn without_record(base: &Path, settings: &Settings) -> Earlier {
    let expected = settings.formats.contains(&Format::Json);
    match fs::read(with_extension(base, "md")) {
        Err(_) => Earlier::Nothing,
        Ok(text) if !text.starts_with(FIRST_LINES) => {
            Earlier::Edited(None, "it was not written by this program".into())
        }
        Ok(_) if expected => Earlier::Nothing,
        Ok(_) => Earlier::Edited(None, "it is there, without a .json that tells whether it was edited".into()),
    }
}

/// How every Markdown document of this program begins.
const FIRST_LINES: &[u8] = b"---\nschema: ";

fn edited(base: &Path, stored: &Stored) -> Option<String> {
    let folder = base.parent().unwrap_or(Path::new(""));
    let differs = |(file, hash): &(&String, &String)| {
        fs::read(folder.join(file)).is_ok_and(|bytes| fingerprint(&bytes) != **hash)
    };
    stored.outputs.iter().find(differs).map(|(file, _)| file.clone())
}

fn is_complete(base: &Path, stored: &Stored, settings: &Settings) -> bool {
    let folder = base.parent().unwrap_or(Path::new(""));
    let mut wanted = settings.formats.iter().filter(|format| **format != Format::Json);
    wanted.all(|format| has(&stored.outputs, *format)) && stored.outputs.keys().all(|file| folder.join(file).is_file())
}

fn is_alike(
    stored: &Stored,
    settings: &Settings,
    model: &mut Model<'_>,
    summarizer: Option<&mut Summarizer<'_>>,
) -> Result<bool, EngineError> {
    let summary = match (settings.summary, summarizer) {
        (SummaryKind::Off, _) => stored.summary_sentences == 0,
        (_, None) => {
            let sentences = settings.summary_sentences.min(stored.summarizable);
            stored.summary_model.is_null() && stored.summary_sentences == sentences
        }
        (_, Some(summarizer)) => summarizer.would_make(&stored.summary_model),
    };
    let made = Made {
        name: stored.model["name"].as_str().unwrap_or_default(),
        revision: stored.model["revision"].as_str(),
        beam: stored.model["decode"]["beam"].as_u64().unwrap_or_default(),
        precision: stored.model["precision"].as_str().unwrap_or_default(),
        repair: stored.model["decode"]["repair"].as_bool().unwrap_or_default(),
    };
    Ok(stored.target_language == settings.lang && summary && model.would_make(made)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::{HubOptions, MessageOptions, Options},
        report::{Json, ModelRecord, Render},
        ui::Ui,
    };
    struct Place {
        folder: tempfile::TempDir,
    }

    impl Place {
        /// Writes a document with a Markdown file beside it, as a run does.
        fn written() -> Place {
            let place = Place { folder: tempfile::tempdir().unwrap() };
            let tool = super::super::document::tool();
            let mut document = Document { target_language: "en".into(), tool, ..Document::default() };
            document.article.provenance.sha256 = "abc".into();
            document.model = ModelRecord {
                name: "Helsinki-NLP/opus-mt-ar-en".into(),
                beam: 4,
                precision: "f32".into(),
                repair: true,
                ..ModelRecord::default()
            };
            let outputs = BTreeMap::from([("v1.2.md".to_owned(), fingerprint(b"text"))]);
            fs::write(place.folder.path().join("v1.2.md"), "text").unwrap();
            fs::write(place.folder.path().join("v1.2.json"), Json { outputs }.render(&document)).unwrap();
            place
        }

        fn look(&self, source: &str, change: impl Fn(&mut Options)) -> Earlier {
            let hub = HubOptions { offline: Some(true), cache_dir: Some("no-such-cache".into()), hub: None };
            let mut options = Options { model: Some("opus-mt-ar-en".into()), hub, ..Options::default() };
            change(&mut options);
            let settings = Settings::new(options).unwrap();
            let ui = Ui::new(&MessageOptions { quiet: true, ..MessageOptions::default() });
            let mut model = Model::new(&settings, &ui).unwrap();
            look(&self.folder.path().join("v1.2"), source, &settings, &Aids::default(), &mut model, None).unwrap()
        }
    }

    #[test]
    fn the_same_article_model_and_options_are_done() {
        let place = Place::written();
        assert!(matches!(place.look("abc", |_| ()), Earlier::Done(_)));
        assert!(matches!(place.look("other", |_| ()), Earlier::Nothing), "the source changed");
        assert!(matches!(place.look("abc", |o| o.model = Some("opus-mt-tc-big-ar-en".into())), Earlier::Nothing));
        assert!(matches!(place.look("abc", |o| o.no_repair = Some(true)), Earlier::Nothing));
        assert!(matches!(place.look("abc", |o| o.batch.force = Some(true)), Earlier::Nothing));
    }

    #[test]
    fn an_edited_document_is_seen_whatever_else_changed() {
        let place = Place::written();
        fs::write(place.folder.path().join("v1.2.md"), "corrected").unwrap();
        for source in ["abc", "other"] {
            let earlier = place.look(source, |_| ());
            assert!(
                matches!(&earlier, Earlier::Edited(Some(_), reason) if reason.starts_with("v1.2.md was edited")),
                "{earlier:?}"
            );
        }
    }

    #[test]
    fn a_json_that_is_none_of_ours_is_kept() {
        let place = Place::written();
        fs::remove_file(place.folder.path().join("v1.2.md")).unwrap();
        fs::write(place.folder.path().join("v1.2.json"), "{\"text\": \"an article\"}").unwrap();
        assert!(matches!(place.look("abc", |_| ()), Earlier::Edited(None, _)));
    }

    #[test]
    fn a_lost_document_is_made_again() {
        let place = Place::written();
        fs::remove_file(place.folder.path().join("v1.2.md")).unwrap();
        assert!(matches!(place.look("abc", |_| ()), Earlier::Rerender(_)), "it needs no model");
    }

    #[test]
    fn markdown_alone_is_kept_where_no_json_is_asked_for_and_redone_where_it_is() {
        let place = Place::written();
        fs::remove_file(place.folder.path().join("v1.2.json")).unwrap();
        assert!(matches!(place.look("abc", |_| ()), Earlier::Edited(None, _)), "a person wrote it");
        fs::write(place.folder.path().join("v1.2.md"), "---\nschema: 1\n---\n").unwrap();
        assert!(matches!(place.look("abc", |_| ()), Earlier::Nothing), "a killed run left it");
        assert!(matches!(place.look("abc", |o| o.format = Some(vec![Format::Md])), Earlier::Edited(None, _)));
    }
}
