//! Tokenizers of one SentencePiece file and no `tokenizer.json`: T5, Pegasus, mBART and NLLB, M2M100.
//!
//! Separate because each family numbers the pieces in its own way, for reasons of the toolkit it was trained in. The
//! invariant: ids are those that transformers gives the same files.

use super::{
    languages,
    pieces::{Pieces, Side},
    sentencepiece::{Kind, SpmFile},
    special::{Specials, TokenizerConfig, Vocabulary},
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
    let model: Model = files.json(config::FILE)?;
    let spm = SpmFile::parse(&files.read(name)?, name)?;
    let clean_up = config.clean_up();
    let mut vocabulary = match model.model_type.as_str() {
        "m2m_100" if files.has("vocab.json") => files.json("vocab.json")?,
        "m2m_100" | "mbart" => fairseq(&spm),
        "pegasus" => pegasus(&spm, config.offset()),
        _ => numbered(&spm).collect(),
    };
    let marks = match model.model_type.as_str() {
        "m2m_100" if files.has("vocab.json") => m2m100_marks(&vocabulary, &config),
        "m2m_100" | "mbart" => fairseq_marks(&spm, languages_of(&config, &model)?),
        "pegasus" => pegasus_marks(config.offset()),
        _ => t5_marks(&spm, &vocabulary, config.extra_ids()),
    };
    let config = config.with_special(marks.iter().map(|(mark, _)| mark.clone()));
    vocabulary.extend(marks);
    let specials = Specials::new(config, &vocabulary, name)?;
    let surfaces = Surfaces::new(&vocabulary, &spm, &specials, name)?;
    let input = Side::new(&spm, name, &vocabulary, specials.unknown)?;
    Ok(Pieces::new(input, vocabulary, specials, surfaces).cleaned_up(clean_up))
}

fn numbered(spm: &SpmFile) -> impl Iterator<Item = (String, u32)> {
    spm.pieces.iter().map(|piece| piece.text.clone()).zip(0..)
}

/// Special tokens with their ids.
type Marks = Vec<(String, u32)>;

/// The sentinels follow the pieces, the highest first; pieces that the trainer was given, as MADLAD's `<2fr>`, are marks.
fn t5_marks(spm: &SpmFile, pieces: &Vocabulary, sentinels: u32) -> Marks {
    let end = pieces.len() as u32 + sentinels;
    let sentinel = |number: u32| (format!("<extra_id_{number}>"), end - 1 - number);
    let given = spm.pieces.iter().zip(0..).filter(|(piece, _)| piece.kind == Kind::UserDefined);
    let given = given.map(|(piece, number)| (piece.text.clone(), number));
    (0..sentinels).map(sentinel).filter(|(token, _)| !pieces.contains_key(token)).chain(given).collect()
}

/// Pieces lie `offset` behind their number.
fn pegasus(spm: &SpmFile, offset: u32) -> Vocabulary {
    numbered(spm).map(|(piece, number)| (piece, number + offset)).collect()
}

/// Padding and end, masks, and names kept for pretraining lie before them.
fn pegasus_marks(offset: u32) -> Marks {
    let first = ["<pad>", "</s>", "<mask_1>", "<mask_2>"].map(str::to_owned);
    let kept = (2..offset).map(|number| format!("<unk_{number}>"));
    first.into_iter().chain(kept).zip(0..).collect()
}

/// Pieces lie one behind their number, but for SentencePiece's own three marks.
fn fairseq(spm: &SpmFile) -> Vocabulary {
    numbered(spm).skip(3).map(|(piece, number)| (piece, number + 1)).collect()
}

/// Marks in the order of fairseq's dictionaries stand before the pieces, the languages and the mask behind them.
fn fairseq_marks(spm: &SpmFile, languages: Vec<String>) -> Marks {
    let first = ["<s>", "<pad>", "</s>", "<unk>"].map(str::to_owned).into_iter().zip(0..);
    let last = languages.into_iter().chain(["<mask>".to_owned()]).zip(spm.pieces.len() as u32 + 1..);
    first.chain(last).collect()
}

/// The languages follow the ids of `vocab.json`.
fn m2m100_marks(vocabulary: &Vocabulary, config: &TokenizerConfig) -> Marks {
    let languages = languages::m2m100(config.language_codes()).map(|language| format!("__{language}__"));
    languages.zip(vocabulary.len() as u32..).collect()
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
