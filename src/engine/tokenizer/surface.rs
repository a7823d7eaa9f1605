//! Token ids back to text: what each id of a Marian vocabulary is written as.
//!
//! Separate because decoding needs a table and a rule for bytes, and no model. The invariant: decoding is total (any id,
//! in any order) and there is one span for each id, inside the text and in order.

use super::{
    Decoding,
    normalize::SPACE,
    sentencepiece::{Kind, Piece, SpmFile},
    special::{Specials, Vocabulary},
};
use crate::engine::EngineError;
use std::{collections::HashMap, ops::Range};

/// What one id is written as.
#[derive(Debug, Clone, PartialEq)]
enum Surface {
    /// Nothing, and as if it were not there: a special token.
    Special,
    /// Text, with spaces for `▁`; empty for marks of the SentencePiece model.
    Text(Box<str>),
    /// One byte of a character.
    Byte(u8),
}

/// The table of a vocabulary.
#[derive(Debug, Clone)]
pub(super) struct Surfaces {
    table: Vec<Surface>,
}

impl Surfaces {
    /// Returns the table of a vocabulary; kinds of pieces come from `spm`, which also fills ids the vocabulary lacks.
    pub fn new(vocabulary: &Vocabulary, spm: &SpmFile, specials: &Specials, file: &str) -> Result<Self, EngineError> {
        let highest = vocabulary.values().copied().max().unwrap_or(0) as usize;
        if highest > 2 * vocabulary.len() + 1024 {
            let reason = format!("id {highest} is out of proportion to its {} entries", vocabulary.len());
            return Err(EngineError::malformed(file, reason));
        }
        let marks: HashMap<&str, Surface> = spm.pieces.iter().filter_map(|piece| mark(piece, spm)).collect();
        let surface =
            |piece: &str| marks.get(piece).cloned().unwrap_or_else(|| Surface::Text(piece.replace(SPACE, " ").into()));
        let mut table: Vec<Surface> = spm.pieces.iter().map(|piece| surface(&piece.text)).collect();
        table.resize(table.len().max(highest + 1), Surface::Special);
        for (piece, id) in vocabulary {
            table[*id as usize] = surface(piece);
        }
        for (token, id) in &specials.hidden {
            let id = vocabulary.get(token).unwrap_or(id);
            if let Some(surface) = table.get_mut(*id as usize) {
                *surface = Surface::Special;
            }
        }
        Ok(Surfaces { table })
    }

    /// Returns the text of ids, without special tokens and without the white space around it.
    pub fn decode(&self, ids: &[u32]) -> Decoding {
        let mut text = String::with_capacity(ids.len() * 5);
        let mut spans = vec![0..0; ids.len()];
        let mut bytes = vec![];
        for (index, id) in ids.iter().enumerate() {
            match self.table.get(*id as usize).unwrap_or(&Surface::Special) {
                Surface::Special => {}
                Surface::Byte(byte) => bytes.push((index, *byte)),
                Surface::Text(surface) => {
                    write_bytes(&mut bytes, &mut text, &mut spans);
                    let start = text.len();
                    text.push_str(surface);
                    spans[index] = start..text.len();
                }
            }
        }
        write_bytes(&mut bytes, &mut text, &mut spans);
        trimmed(&text, spans)
    }
}

/// Returns what a piece is written as where that is not its own text.
fn mark<'a>(piece: &'a Piece, spm: &SpmFile) -> Option<(&'a str, Surface)> {
    let surface = match piece.kind {
        Kind::Control => Surface::Text("".into()),
        Kind::Unknown => Surface::Text(spm.unk_surface.as_str().into()),
        Kind::Byte(byte) => Surface::Byte(byte),
        Kind::Normal | Kind::UserDefined | Kind::Unused => return None,
    };
    Some((&piece.text, surface))
}

/// Writes a run of bytes as characters: the last byte of a character carries it, a stray byte becomes U+FFFD.
fn write_bytes(bytes: &mut Vec<(usize, u8)>, text: &mut String, spans: &mut [Range<usize>]) {
    let raw: Vec<u8> = bytes.iter().map(|(_, byte)| *byte).collect();
    let mut at = 0;
    for chunk in raw.utf8_chunks() {
        let characters = chunk.valid().chars().map(|character| (character, character.len_utf8()));
        let strays = chunk.invalid().iter().map(|_| (char::REPLACEMENT_CHARACTER, 1));
        for (character, length) in characters.chain(strays) {
            let start = text.len();
            for (index, _) in &bytes[at..at + length] {
                spans[*index] = start..start;
            }
            at += length;
            text.push(character);
            spans[bytes[at - 1].0] = start..text.len();
        }
    }
    bytes.clear();
}

/// Returns the text without white space at its ends, and spans without white space at theirs; an id that wrote nothing
/// has an empty span where it stands.
fn trimmed(text: &str, spans: Vec<Range<usize>>) -> Decoding {
    let shown = text.trim_matches(is_python_space);
    let offset = text.len() - text.trim_start_matches(is_python_space).len();
    let mut end = 0;
    let spans = spans.into_iter().map(|span| {
        let start = span.start.saturating_sub(offset).min(shown.len());
        let span = start..span.end.saturating_sub(offset).clamp(start, shown.len());
        let span = super::without_white_space(shown, span);
        let span = if span.is_empty() { end..end } else { span };
        end = span.end;
        span
    });
    let spans = spans.collect();
    Decoding { text: shown.to_owned(), spans }
}

/// What Python's `str.strip` takes off: white space, and four control characters Unicode does not count as such.
fn is_python_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tokenizer::{sentencepiece::tests::model, special::TokenizerConfig};
    use proptest::prelude::*;

    fn surfaces() -> Surfaces {
        let names: Vec<String> = (0..=255).map(|byte| format!("<0x{byte:02X}>")).collect();
        let mut pieces = vec![("<unk>", 0.0, 2), ("</s>", 0.0, 3), ("<s>", 0.0, 3), ("▁the", -1.0, 1), ("▁", -1.0, 1)];
        pieces.extend(names.iter().map(|name| (name.as_str(), 0.0, 6)));
        let spm = SpmFile::parse(&model(&pieces, &[0x98, 0x02, 1]), "source.spm").unwrap();
        let vocabulary = (0..).zip(&spm.pieces).map(|(id, piece)| (piece.text.clone(), id)).collect();
        let specials = Specials::new(TokenizerConfig::default(), &vocabulary, "vocab.json").unwrap();
        Surfaces::new(&vocabulary, &spm, &specials, "vocab.json").unwrap()
    }

    #[test]
    fn spans_are_words_without_their_space() {
        let decoding = surfaces().decode(&[2, 3, 4, 3, 1]);
        assert_eq!((decoding.text.as_str(), decoding.spans), ("the  the", vec![0..0, 0..3, 3..3, 5..8, 8..8]));
    }

    #[test]
    fn bytes_make_characters_and_a_stray_one_is_shown() {
        let decoding = surfaces().decode(&[5 + 0xd8, 5 + 0xa8, 5 + 0xd8, 3]);
        assert_eq!((decoding.text.as_str(), decoding.spans), ("ب\u{fffd} the", vec![0..0, 0..2, 2..5, 6..9]));
    }

    #[test]
    fn an_id_out_of_proportion_is_refused() {
        let spm = SpmFile::parse(&model(&[("<unk>", 0.0, 2)], &[]), "source.spm").unwrap();
        let vocabulary = Vocabulary::from([("<unk>".to_owned(), 0), ("a".to_owned(), u32::MAX)]);
        let specials = Specials::new(TokenizerConfig::default(), &vocabulary, "vocab.json").unwrap();
        assert!(Surfaces::new(&vocabulary, &spm, &specials, "vocab.json").is_err());
    }

    proptest! {
        #[test]
        fn any_ids_decode_to_ordered_spans_inside_the_text(
            ids in proptest::collection::vec(prop_oneof![0..270_u32, any::<u32>()], 0..40),
        ) {
            let decoding = surfaces().decode(&ids);
            prop_assert_eq!(decoding.spans.len(), ids.len());
            let mut end = 0;
            for span in &decoding.spans {
                prop_assert!(span.start >= end && decoding.text.get(span.clone()).is_some());
                end = span.end;
            }
        }
    }
}
