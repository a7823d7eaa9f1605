//! The files of a Marian tokenizer (OPUS-MT): pieces from `source.spm`, ids from `vocab.json`.
//!
//! Separate because ids come from a file SentencePiece knows nothing of. The invariant: ids equal those of
//! transformers' `MarianTokenizer` on the same files, special tokens written out in the text included.

use super::{
    pieces::Pieces,
    segment::Segmenter,
    sentencepiece::SpmFile,
    special::{self, Specials, TokenizerConfig, Vocabulary},
    surface::Surfaces,
};
use crate::engine::{EngineError, ModelFiles};

/// Loads `source.spm`, `target.spm`, `vocab.json` and, where vocabularies are separate, `target_vocab.json`.
pub(super) fn load(files: &ModelFiles) -> Result<Pieces, EngineError> {
    let config = TokenizerConfig::load(files)?;
    let source = SpmFile::parse(&files.read("source.spm")?, "source.spm")?;
    let target = SpmFile::parse(&files.read("target.spm")?, "target.spm")?;
    let vocabulary: Vocabulary = special::read(files, "vocab.json")?;
    let (separate, clean_up) = (config.separate_vocabularies(), config.clean_up());
    let specials = Specials::new(config, &vocabulary, "vocab.json")?;
    let surfaces = match separate {
        true => {
            let target_vocabulary = special::read(files, "target_vocab.json")?;
            Surfaces::new(&target_vocabulary, &target, &specials, "target_vocab.json")?
        }
        false => Surfaces::new(&vocabulary, &source, &specials, "vocab.json")?,
    };
    let segmenter = Segmenter::new(&source, "source.spm")?;
    Ok(Pieces::new(&source, segmenter, vocabulary, specials, surfaces).cleaned_up(clean_up).with_codes())
}
