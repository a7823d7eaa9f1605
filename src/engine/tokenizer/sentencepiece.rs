//! Reads a SentencePiece model file (`source.spm`, `target.spm`): pieces with their scores, and how text is normalised.
//!
//! Separate because the file's format and its checks are one thing, cutting text with it another. The invariant: a
//! file that is read here satisfies what SentencePiece itself demands of a model (one unknown piece, no empty or
//! doubled piece, finite scores, all 256 byte pieces or none).

use super::protobuf::{Fields, Value};
use crate::engine::EngineError;
use std::collections::HashSet;

/// Longest piece SentencePiece accepts, in bytes.
const LONGEST_PIECE: usize = 8000;

/// What a piece is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A unit of text.
    Normal,
    /// The unit that stands for what the vocabulary lacks.
    Unknown,
    /// A mark such as `</s>`: never made from text, never shown.
    Control,
    /// A unit that is never cut nor normalised.
    UserDefined,
    /// One byte of a character the vocabulary lacks, written `<0x0A>`.
    Byte(u8),
    /// Kept for its number only.
    Unused,
}

/// One entry of the vocabulary.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    /// The text it stands for, with `▁` for a space.
    pub text: String,
    /// Log-probability (unigram), or minus the rank of the merge (BPE).
    pub score: f32,
    /// What it is for.
    pub kind: Kind,
}

/// How text is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ModelType {
    /// The most probable sequence of pieces.
    Unigram,
    /// Merges, best first.
    Bpe,
}

/// How text is changed before it is cut.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NormalizerSpec {
    /// Compiled replacement rules; empty where there are none.
    pub charsmap: Vec<u8>,
    /// Whether a space is put before the text.
    pub add_dummy_prefix: bool,
    /// Whether leading, trailing and doubled spaces are dropped.
    pub remove_extra_whitespaces: bool,
    /// Whether a space is written `▁`.
    pub escape_whitespaces: bool,
}

impl Default for NormalizerSpec {
    fn default() -> Self {
        Self { charsmap: vec![], add_dummy_prefix: true, remove_extra_whitespaces: true, escape_whitespaces: true }
    }
}

/// A model file as read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SpmFile {
    /// The vocabulary; a piece's number is its index.
    pub pieces: Vec<Piece>,
    /// How text is cut.
    pub model_type: ModelType,
    /// Whether characters the vocabulary lacks are spelled in bytes.
    pub byte_fallback: bool,
    /// Whether the space of a word stands after it.
    pub treat_whitespace_as_suffix: bool,
    /// What the unknown piece is shown as.
    pub unk_surface: String,
    /// How text is changed before it is cut.
    pub normalizer: NormalizerSpec,
}

impl SpmFile {
    /// Reads a model file; `name` is what an error calls it.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self, EngineError> {
        let mut file = SpmFile {
            pieces: vec![],
            model_type: ModelType::Unigram,
            byte_fallback: false,
            treat_whitespace_as_suffix: false,
            unk_surface: " \u{2047} ".to_owned(),
            normalizer: NormalizerSpec::default(),
        };
        file.read(bytes).and_then(|()| file.check()).map_err(|reason| EngineError::malformed(name, reason))?;
        Ok(file)
    }

    fn read(&mut self, message: &[u8]) -> Result<(), String> {
        for field in Fields::of(message) {
            match field? {
                (1, value) => self.pieces.push(read_piece(value.bytes()?)?),
                (2, value) => self.read_trainer(value.bytes()?)?,
                (3, value) => read_normalizer(value.bytes()?, &mut self.normalizer)?,
                (5, value) => refuse_denormalizer(value.bytes()?)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_trainer(&mut self, message: &[u8]) -> Result<(), String> {
        for field in Fields::of(message) {
            match field? {
                (3, value) => self.model_type = model_type(value)?,
                (24, value) => self.treat_whitespace_as_suffix = value.boolean()?,
                (35, value) => self.byte_fallback = value.boolean()?,
                (44, value) => self.unk_surface = value.text()?.to_owned(),
                _ => {}
            }
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), String> {
        for piece in self.pieces.iter_mut().filter(|piece| self.byte_fallback && piece.text == "\0") {
            piece.kind = Kind::Unused; // as SentencePiece does for models converted with a raw NUL piece
        }
        let mut seen = HashSet::with_capacity(self.pieces.len());
        // A unigram model may have a mark and a unit of text that are written the same.
        let unigram = self.model_type == ModelType::Unigram;
        let apart = |kind: &Kind| unigram && matches!(kind, Kind::Control | Kind::Unknown | Kind::Byte(_));
        for (number, piece) in self.pieces.iter().enumerate() {
            let fault = match piece {
                Piece { text, .. } if text.is_empty() => "is empty",
                Piece { text, .. } if text.len() >= LONGEST_PIECE => "is too long",
                Piece { text, kind, .. } if text.contains('\0') && *kind != Kind::Unused => "holds a NUL",
                Piece { score, .. } if !score.is_finite() => "has no finite score",
                Piece { text, kind, .. } if !seen.insert((text.as_str(), apart(kind))) => "is there twice",
                Piece { kind: Kind::Byte(_), .. } if !self.byte_fallback => "is a byte, but bytes are off",
                _ => continue,
            };
            return Err(format!("piece {number} {fault}"));
        }
        let count = |wanted: fn(&Kind) -> bool| self.pieces.iter().filter(|piece| wanted(&piece.kind)).count();
        match (count(|kind| *kind == Kind::Unknown), count(|kind| matches!(kind, Kind::Byte(_)))) {
            (2.., _) => Err("it has more than one unknown piece".to_owned()),
            (0, _) if !self.byte_fallback => Err("it has no unknown piece".to_owned()),
            (_, bytes) if self.byte_fallback && bytes != 256 => Err(format!("it has {bytes} of 256 byte pieces")),
            _ => Ok(()),
        }
    }
}

fn read_piece(message: &[u8]) -> Result<Piece, String> {
    let (mut text, mut score, mut kind) = (String::new(), 0.0, 1);
    for field in Fields::of(message) {
        match field? {
            (1, value) => text = value.text()?.to_owned(),
            (2, value) => score = value.float()?,
            (3, value) => kind = value.integer()?,
            _ => {}
        }
    }
    let kind = match kind {
        1 => Kind::Normal,
        2 => Kind::Unknown,
        3 => Kind::Control,
        4 => Kind::UserDefined,
        5 => Kind::Unused,
        6 => Kind::Byte(byte_of(&text).ok_or_else(|| format!("byte piece {text:?} is not of the form <0x0A>"))?),
        other => return Err(format!("piece {text:?} is of the unknown kind {other}")),
    };
    Ok(Piece { text, score, kind })
}

fn byte_of(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    let upper = digits.len() == 2 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'));
    upper.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

fn model_type(value: Value<'_>) -> Result<ModelType, String> {
    match value.integer()? {
        1 => Ok(ModelType::Unigram),
        2 => Ok(ModelType::Bpe),
        3 => Err("it is a word model, which this version does not run".to_owned()),
        4 => Err("it is a character model, which this version does not run".to_owned()),
        other => Err(format!("it is of the unknown model type {other}")),
    }
}

fn read_normalizer(message: &[u8], spec: &mut NormalizerSpec) -> Result<(), String> {
    for field in Fields::of(message) {
        match field? {
            (2, value) => spec.charsmap = value.bytes()?.to_vec(),
            (3, value) => spec.add_dummy_prefix = value.boolean()?,
            (4, value) => spec.remove_extra_whitespaces = value.boolean()?,
            (5, value) => spec.escape_whitespaces = value.boolean()?,
            _ => {}
        }
    }
    Ok(())
}

/// Rules applied to decoded text are in no published translation model; half-applied they would change text unseen.
fn refuse_denormalizer(message: &[u8]) -> Result<(), String> {
    let mut spec = NormalizerSpec::default();
    read_normalizer(message, &mut spec)?;
    match spec.charsmap.is_empty() {
        true => Ok(()),
        false => Err("it has a denormalizer, which this version does not run".to_owned()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2];
        let mut length = bytes.len();
        while length >= 0x80 {
            out.push(length as u8 | 0x80);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend(bytes);
        out
    }

    /// Builds the bytes of a model with these pieces (text, score, kind as the format numbers it) and trainer fields.
    pub fn model(pieces: &[(&str, f32, u8)], trainer: &[u8]) -> Vec<u8> {
        let mut out = vec![];
        for (text, score, kind) in pieces {
            let mut piece = field(1, text.as_bytes());
            piece.push(0x15);
            piece.extend(score.to_le_bytes());
            piece.extend([0x18, *kind]);
            out.extend(field(1, &piece));
        }
        out.extend(field(2, trainer));
        out
    }

    fn fault(pieces: &[(&str, f32, u8)], trainer: &[u8]) -> String {
        SpmFile::parse(&model(pieces, trainer), "source.spm").unwrap_err().to_string()
    }

    #[test]
    fn pieces_and_defaults_are_read() {
        let file = SpmFile::parse(&model(&[("<unk>", 0.0, 2), ("▁a", -1.5, 1)], &[]), "source.spm").unwrap();
        assert_eq!(file.pieces[1], Piece { text: "▁a".to_owned(), score: -1.5, kind: Kind::Normal });
        assert_eq!((file.model_type, file.pieces[0].kind), (ModelType::Unigram, Kind::Unknown));
        assert!(file.normalizer.add_dummy_prefix && file.normalizer.escape_whitespaces);
    }

    #[test]
    fn a_fault_names_the_file_and_the_piece() {
        let unknown = ("<unk>", 0.0, 2);
        assert!(fault(&[], &[]).contains("source.spm is not a usable model file: it has no unknown piece"));
        assert!(fault(&[unknown, ("<u>", 0.0, 2)], &[]).contains("more than one unknown"));
        assert!(fault(&[unknown, ("a", f32::NAN, 1)], &[]).contains("piece 1 has no finite score"));
        assert!(fault(&[unknown, ("a", 0.0, 1), ("a", 0.0, 1)], &[]).contains("piece 2 is there twice"));
        assert!(fault(&[unknown, ("", 0.0, 1)], &[]).contains("piece 1 is empty"));
        assert!(fault(&[unknown, ("<0x41>", 0.0, 6)], &[]).contains("bytes are off"));
        assert!(fault(&[unknown, ("<0x4>", 0.0, 6)], &[]).contains("not of the form"));
        assert!(fault(&[unknown], &[0x18, 3]).contains("word model"));
        assert!(fault(&[unknown], &[0x98, 0x02, 1]).contains("0 of 256 byte pieces"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = SpmFile::parse(&bytes, "source.spm");
        }
    }
}
