//! Text as a SentencePiece model wants to see it, with the way back to the given text.
//!
//! Separate because every position a reader is shown goes through it. The invariant: each byte of the normalised text
//! knows the whole characters of the given text that it came from, and those ranges never go backwards.

use super::{
    charsmap::Charsmap,
    sentencepiece::{Kind, NormalizerSpec, SpmFile},
    trie::Trie,
};
use std::ops::Range;

/// How a space is written inside pieces (U+2581).
pub(super) const SPACE: &str = "▁";

/// Normalised text with the origin of each of its bytes.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Normalized {
    /// The normalised text.
    pub text: String,
    /// For each byte of it, the bytes of the given text it came from.
    origins: Vec<(u32, u32)>,
    /// Length of the given text.
    end: u32,
}

impl Normalized {
    /// Returns the bytes of the given text that a range of the normalised text came from.
    pub fn source(&self, range: Range<usize>) -> Range<usize> {
        match self.origins.get(range.clone()) {
            Some([first, .., last]) => first.0 as usize..last.1 as usize,
            Some([only]) => only.0 as usize..only.1 as usize,
            _ => {
                let at = self.origins.get(range.start).map_or(self.end, |origin| origin.0) as usize;
                at..at
            }
        }
    }

    fn push(&mut self, text: &str, origin: (u32, u32)) {
        self.text.push_str(text);
        self.origins.resize(self.text.len(), origin);
    }

    /// Drops the space at the end, if there is one; what it came from then belongs to what stands before it.
    fn drop_final(&mut self, space: &str) -> bool {
        let Some(kept) = self.text.strip_suffix(space).map(str::len) else { return false };
        let end = self.origins[kept].1;
        self.text.truncate(kept);
        self.origins.truncate(kept);
        self.extend_last(end);
        true
    }

    /// Gives the last byte the text up to `end`, so that no dropped character is outside every token.
    fn extend_last(&mut self, end: u32) {
        if let Some(last) = self.origins.last_mut().filter(|last| last.0 < last.1) {
            last.1 = last.1.max(end);
        }
    }
}

/// The changes a model makes to text before it is cut.
#[derive(Clone)]
pub(super) struct Normalizer {
    charsmap: Option<Charsmap>,
    user_defined: Option<Trie>,
    add_dummy_prefix: bool,
    treat_whitespace_as_suffix: bool,
    remove_extra_whitespaces: bool,
    space: &'static str,
}

impl Normalizer {
    /// Returns the normalizer of a model file.
    pub fn new(file: &SpmFile) -> Result<Self, String> {
        let NormalizerSpec { charsmap, add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces } =
            &file.normalizer;
        Ok(Normalizer {
            charsmap: if charsmap.is_empty() { None } else { Some(Charsmap::parse(charsmap)?) },
            user_defined: user_defined(file),
            add_dummy_prefix: *add_dummy_prefix,
            treat_whitespace_as_suffix: file.treat_whitespace_as_suffix,
            remove_extra_whitespaces: *remove_extra_whitespaces,
            space: if *escape_whitespaces { SPACE } else { " " },
        })
    }

    /// Returns a normalizer that only applies replacement rules.
    pub fn rules_only(charsmap: Charsmap) -> Self {
        Normalizer {
            charsmap: Some(charsmap),
            user_defined: None,
            add_dummy_prefix: false,
            treat_whitespace_as_suffix: false,
            remove_extra_whitespaces: false,
            space: " ",
        }
    }

    /// Returns the normalised text; positions are kept in 32 bits, so the text must be shorter than 4 GiB.
    pub fn normalize(&self, text: &str) -> Normalized {
        let mut out = Normalized::default();
        let mut at = self.leading_space(text);
        if at == text.len() {
            return out;
        }
        out.text.reserve(text.len() + text.len() / 2);
        out.origins.reserve(text.len() + text.len() / 2);
        if self.add_dummy_prefix && !self.treat_whitespace_as_suffix {
            out.push(self.space, (0, at as u32));
        }
        let mut after_space = self.remove_extra_whitespaces;
        while at < text.len() {
            let (length, replacement) = self.next(&text[at..]);
            let kept = if after_space { replacement.trim_start_matches(' ') } else { replacement };
            self.push(&mut out, kept, (at as u32, (at + length) as u32));
            if !kept.is_empty() {
                after_space = self.remove_extra_whitespaces && kept.ends_with(' ');
            }
            at += length;
        }
        out.end = at as u32;
        while self.remove_extra_whitespaces && out.drop_final(self.space) {}
        if self.add_dummy_prefix && self.treat_whitespace_as_suffix {
            out.push(self.space, (out.end, out.end));
        }
        out
    }

    /// Returns the length of what normalises to spaces at the start of the text, where that is dropped.
    fn leading_space(&self, text: &str) -> usize {
        let mut at = 0;
        while self.remove_extra_whitespaces && at < text.len() {
            match self.next(&text[at..]) {
                (length, " ") => at += length,
                _ => break,
            }
        }
        at
    }

    /// Returns how many bytes the text's first unit has and what replaces it; the text is not empty.
    #[inline]
    fn next<'a>(&'a self, text: &'a str) -> (usize, &'a str) {
        if let Some(found) = self.user_defined.as_ref().and_then(|symbols| symbols.longest_prefix(text.as_bytes())) {
            return (found.length, &text[..found.length]);
        }
        self.charsmap.as_ref().and_then(|rules| rules.longest_prefix(text)).unwrap_or_else(|| {
            let length = text.chars().next().map_or(0, char::len_utf8);
            (length, &text[..length])
        })
    }

    fn push(&self, out: &mut Normalized, text: &str, origin: (u32, u32)) {
        match text {
            "" => out.extend_last(origin.1),
            " " => out.push(self.space, origin),
            text if self.space != " " && text.contains(' ') => {
                for (index, word) in text.split(' ').enumerate() {
                    if index > 0 {
                        out.push(self.space, origin);
                    }
                    out.push(word, origin);
                }
            }
            text => out.push(text, origin),
        }
    }
}

/// Returns the symbols that are neither changed nor cut; `None` where there are none.
pub(super) fn user_defined(file: &SpmFile) -> Option<Trie> {
    let mut symbols = (0..).zip(&file.pieces).filter(|(_, piece)| piece.kind == Kind::UserDefined).peekable();
    symbols.peek()?;
    Some(Trie::new(symbols.map(|(id, piece)| (piece.text.as_str(), id, 0.0))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tokenizer::sentencepiece::tests::model;
    use proptest::prelude::*;

    fn plain(spec: NormalizerSpec) -> Normalizer {
        let mut file = SpmFile::parse(&model(&[("<unk>", 0.0, 2), ("<b >", 0.0, 4)], &[]), "source.spm").unwrap();
        file.normalizer = spec;
        Normalizer::new(&file).unwrap()
    }

    #[test]
    fn spaces_are_collapsed_and_written_as_a_mark() {
        let normalized = plain(NormalizerSpec::default()).normalize("  في  بيت ");
        assert_eq!(normalized.text, "▁في▁بيت");
        assert_eq!(normalized.source(3..7), 2..6);
        assert_eq!(normalized.source(0..7), 0..6);
        assert_eq!(normalized.source(10..16), 8..15);
    }

    #[test]
    fn a_text_of_spaces_is_empty() {
        assert_eq!(plain(NormalizerSpec::default()).normalize("   ").text, "");
    }

    #[test]
    fn spaces_stay_where_the_model_wants_them() {
        let spec = NormalizerSpec { remove_extra_whitespaces: false, add_dummy_prefix: false, ..Default::default() };
        assert_eq!(plain(spec).normalize(" a  b ").text, "▁a▁▁b▁");
    }

    #[test]
    fn a_user_defined_symbol_keeps_its_characters() {
        assert_eq!(plain(NormalizerSpec::default()).normalize("x<b >y").text, "▁x<b▁>y");
    }

    proptest! {
        #[test]
        fn origins_are_whole_characters_in_order(text in any::<String>()) {
            let normalized = plain(NormalizerSpec::default()).normalize(&text);
            prop_assert_eq!(normalized.origins.len(), normalized.text.len());
            let mut before = 0;
            for (start, end) in &normalized.origins {
                prop_assert!(text.get(*start as usize..*end as usize).is_some() && *start >= before);
                before = *start;
            }
        }
    }
}
