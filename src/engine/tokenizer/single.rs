//! Tokenizers of one SentencePiece file and no `tokenizer.json`: T5, Pegasus, mBART and NLLB, M2M100.
//!
//! Separate because each family numbers the pieces in its own way, for reasons of the toolkit it was trained in. The
//! invariant: ids are those that transformers gives the same files.

use super::{
    languages,
    pieces::Pieces,
    segment::Segmenter,
    sentencepiece::SpmFile,
    special::{self, Specials, TokenizerConfig, Vocabulary},
    surface::Surfaces,
};
use crate::engine::{EngineError, ModelFiles, arch::config};
use serde::Deserialize;

/// The file of T5 and Pegasus, and that of mBART, NLLB and M2M100.
const NAMES: [&str; 2] = ["spiece.model", "sentencepiece.bpe.model"];

/// The part of `config.json` that decides how pieces are numbered.
#[derive(Debug, Deserialize)]
struct Model {
    model_type: String,
    #[serde(default)]
    vocab_size: usize,
}

/// Returns the name of the SentencePiece file, where the model has one.
pub(super) fn file_of(files: &ModelFiles) -> Option<&'static str> {
    NAMES.into_iter().find(|name| files.has(name))
}

/// Loads the SentencePiece file `name` and what gives its pieces ids.
pub(super) fn load(files: &ModelFiles, name: &'static str) -> Result<Pieces, EngineError> {
    let config = TokenizerConfig::load(files)?;
    let model: Model = special::read(files, config::FILE)?;
    let spm = SpmFile::parse(&files.read(name)?, name)?;
    let clean_up = config.clean_up();
    let vocabulary = match model.model_type.as_str() {
        "pegasus" => pegasus(&spm, config.offset()),
        "mbart" => fairseq(&spm, &languages_of(&config, &model)?),
        "m2m_100" if files.has("vocab.json") => m2m100(special::read(files, "vocab.json")?, &config),
        "m2m_100" => fairseq(&spm, &languages_of(&config, &model)?),
        _ => t5(&spm, config.extra_ids()),
    };
    let specials = Specials::new(config, &vocabulary, name)?;
    let surfaces = Surfaces::new(&vocabulary, &spm, &specials, name)?;
    let segmenter = Segmenter::new(&spm, name)?;
    Ok(Pieces::new(&spm, segmenter, vocabulary, specials, surfaces).cleaned_up(clean_up))
}

fn numbered(spm: &SpmFile) -> impl Iterator<Item = (String, u32)> {
    spm.pieces.iter().map(|piece| piece.text.clone()).zip(0..)
}

/// Pieces by their number, then the sentinels, the highest first.
fn t5(spm: &SpmFile, sentinels: u32) -> Vocabulary {
    let mut vocabulary: Vocabulary = numbered(spm).collect();
    let end = spm.pieces.len() as u32 + sentinels;
    for sentinel in 0..sentinels {
        vocabulary.entry(format!("<extra_id_{sentinel}>")).or_insert(end - 1 - sentinel);
    }
    vocabulary
}

/// Padding and end first, then masks and names kept for pretraining, then the pieces `offset` behind their number.
fn pegasus(spm: &SpmFile, offset: u32) -> Vocabulary {
    let mut vocabulary: Vocabulary = numbered(spm).map(|(piece, number)| (piece, number + offset)).collect();
    vocabulary.extend((2..offset).map(|number| (format!("<unk_{number}>"), number + 2)));
    vocabulary.extend((0..).zip(["<pad>", "</s>", "<mask_1>", "<mask_2>"]).map(|(id, token)| (token.to_owned(), id)));
    vocabulary
}

/// Marks in the order of fairseq's dictionaries, pieces one behind their number, then the languages and the mask.
fn fairseq(spm: &SpmFile, languages: &[String]) -> Vocabulary {
    let mut vocabulary: Vocabulary = numbered(spm).skip(3).map(|(piece, number)| (piece, number + 1)).collect();
    let marks = ["<s>", "<pad>", "</s>", "<unk>"];
    vocabulary.extend((0..).zip(marks).map(|(id, token)| (token.to_owned(), id)));
    let behind = spm.pieces.len() as u32 + 1..;
    let mask = "<mask>".to_owned();
    vocabulary.extend(languages.iter().chain([&mask]).cloned().zip(behind));
    vocabulary
}

/// The ids of `vocab.json`, then the languages.
fn m2m100(mut vocabulary: Vocabulary, config: &TokenizerConfig) -> Vocabulary {
    let behind = vocabulary.len() as u32..;
    let languages = languages::m2m100(config.language_codes());
    vocabulary.extend(languages.map(|language| format!("__{language}__")).zip(behind));
    vocabulary
}

/// Returns the languages of a model in the order of their ids, as its files list them or as mBART's versions have them.
fn languages_of(config: &TokenizerConfig, model: &Model) -> Result<Vec<String>, EngineError> {
    let listed: Vec<String> =
        config.additional().into_iter().filter(|token| languages::is_code_with_place(token)).collect();
    match (listed.is_empty(), model.model_type.as_str()) {
        (false, _) => Ok(listed),
        (true, "mbart") => Ok(languages::mbart(model.vocab_size).map(str::to_owned).collect()),
        (true, _) => {
            let reason = "it lists no languages: without tokenizer.json their ids are not known";
            Err(EngineError::malformed("special_tokens_map.json", reason))
        }
    }
}
