//! The files of a Marian tokenizer (OPUS-MT): pieces from `source.spm`, ids from `vocab.json`.
//!
//! Separate because ids come from a file SentencePiece knows nothing of. The invariant: ids equal those of
//! transformers' `MarianTokenizer` on the same files, special tokens written out in the text included.

use super::{
    pieces::{Pieces, Side},
    sentencepiece::SpmFile,
    special::{Specials, TokenizerConfig, Vocabulary},
    surface::Surfaces,
};
use crate::engine::{EngineError, ModelFiles};

/// Loads `source.spm`, `target.spm`, `vocab.json` and, where vocabularies are separate, `target_vocab.json`.
pub(super) fn load(files: &ModelFiles) -> Result<Pieces, EngineError> {
    let config = TokenizerConfig::load(files)?;
    let source = SpmFile::parse(&files.read("source.spm")?, "source.spm")?;
    let target = SpmFile::parse(&files.read("target.spm")?, "target.spm")?;
    let vocabulary: Vocabulary = files.json("vocab.json")?;
    let (separate, clean_up) = (config.separate_vocabularies(), config.clean_up());
    let specials = Specials::new(config, &vocabulary, "vocab.json")?;
    let own: Option<Vocabulary> = separate.then(|| files.json("target_vocab.json")).transpose()?;
    let surfaces = match &own {
        Some(own) => Surfaces::new(own, &target, &specials, "target_vocab.json")?,
        None => Surfaces::new(&vocabulary, &source, &specials, "vocab.json")?,
    };
    let output = Side::new(&target, "target.spm", own.as_ref().unwrap_or(&vocabulary), specials.unknown)?;
    let input = Side::new(&source, "source.spm", &vocabulary, specials.unknown)?;
    let pieces = Pieces::new(input, vocabulary, specials, surfaces);
    Ok(pieces.cleaned_up(clean_up).with_codes().with_output(output))
}
