//! The compiled replacement rules of a SentencePiece model (`precompiled_charsmap`): NFKC and its kin as a trie.
//!
//! Separate because the rules come from a file and two routes use them: the `.spm` one and `tokenizer.json`. The
//! longest rule that matches at a position wins, whole characters only, never grapheme by grapheme: a walk by graphemes
//! loses the haraka after an Arabic presentation form. The invariant: a replacement is a whole UTF-8 string.

/// Units of the Darts-clone double array (bit layout of `darts.h`).
#[derive(Clone, Copy)]
struct Unit(u32);

impl Unit {
    fn label(self) -> u32 {
        self.0 & (1 << 31 | 0xff)
    }

    fn has_leaf(self) -> bool {
        self.0 >> 8 & 1 == 1
    }

    fn value(self) -> usize {
        (self.0 & 0x7fff_ffff) as usize
    }

    fn offset(self) -> usize {
        ((self.0 >> 10) << ((self.0 & 1 << 9) >> 6)) as usize
    }

    fn is_leaf(self) -> bool {
        self.label() > 0xff
    }
}

/// Replacement rules, longest first.
#[derive(Clone)]
pub(super) struct Charsmap {
    units: Vec<Unit>,
    replacements: String,
    /// One bit per code point under 0x800: set where no rule begins with that character.
    plain: [u64; 32],
}

impl Charsmap {
    /// Reads the compiled form: length of the trie in bytes, trie, replacements each ended by NUL.
    pub fn parse(blob: &[u8]) -> Result<Self, String> {
        let (length, rest) = blob.split_first_chunk().ok_or("the replacement rules are cut short")?;
        let length = u32::from_le_bytes(*length) as usize;
        let (trie, replacements) = rest.split_at_checked(length).ok_or("the replacement trie runs past the end")?;
        if length < 1024 || !length.is_multiple_of(1024) {
            return Err(format!("the replacement trie has {length} bytes, not a multiple of 1024"));
        }
        let units = trie.as_chunks().0.iter().map(|unit| Unit(u32::from_le_bytes(*unit))).collect();
        let replacements =
            std::str::from_utf8(replacements).map_err(|error| format!("a replacement is not UTF-8: {error}"))?;
        let mut charsmap = Charsmap { units, replacements: replacements.to_owned(), plain: [0; 32] };
        charsmap.check()?;
        charsmap.mark_plain();
        Ok(charsmap)
    }

    /// Returns the longest rule that `text` begins with: its length in bytes and the replacement.
    #[inline]
    pub fn longest_prefix(&self, text: &str) -> Option<(usize, &str)> {
        if self.is_plain(text.as_bytes()) {
            return None;
        }
        let (length, value) = self.walk(text)?;
        let replacement = &self.replacements[value..];
        Some((length, replacement.split_once('\0').map_or(replacement, |(first, _)| first)))
    }

    fn is_plain(&self, text: &[u8]) -> bool {
        let code_point = match text {
            [byte, ..] if *byte < 0x80 => u32::from(*byte),
            [first, second, ..] if first >> 5 == 0b110 => u32::from(first & 0x1f) << 6 | u32::from(second & 0x3f),
            _ => return false,
        };
        self.plain[code_point as usize / 64] >> (code_point % 64) & 1 == 1
    }

    fn walk(&self, text: &str) -> Option<(usize, usize)> {
        let mut at = self.units[0].offset();
        let mut longest = None;
        for (index, byte) in text.bytes().enumerate() {
            at ^= usize::from(byte);
            let unit = self.units[at];
            if unit.label() != u32::from(byte) {
                break;
            }
            at ^= unit.offset();
            if unit.has_leaf() && text.is_char_boundary(index + 1) {
                longest = Some((index + 1, self.units[at].value()));
            }
        }
        longest
    }

    /// Checks what the walk relies on: every edge lies inside the array and every value begins a replacement.
    fn check(&self) -> Result<(), String> {
        let inside = |at: usize| at | 0xff < self.units.len();
        for (index, unit) in self.units.iter().enumerate() {
            let sound = match unit.is_leaf() {
                true => index > 0 && self.begins_replacement(unit.value()),
                false => {
                    let children = index ^ unit.offset();
                    inside(children) && (!unit.has_leaf() || self.units[children].is_leaf())
                }
            };
            if !sound {
                return Err(format!("unit {index} of the replacement trie points outside it"));
            }
        }
        Ok(())
    }

    fn begins_replacement(&self, at: usize) -> bool {
        at < self.replacements.len() && self.replacements.is_char_boundary(at)
    }

    fn mark_plain(&mut self) {
        let mut utf8 = [0; 4];
        for code_point in 0..0x800_u32 {
            let Some(character) = char::from_u32(code_point) else { continue };
            let mut at = self.units[0].offset();
            let begins_rule = character.encode_utf8(&mut utf8).bytes().all(|byte| {
                at ^= usize::from(byte);
                let unit = self.units[at];
                at ^= unit.offset();
                unit.label() == u32::from(byte)
            });
            self.plain[code_point as usize / 64] |= u64::from(!begins_rule) << (code_point % 64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_blob_that_lies_about_its_size_is_refused() {
        assert!(Charsmap::parse(&[]).is_err());
        assert!(Charsmap::parse(&[0xff, 0xff, 0xff, 0xff, 0]).is_err());
        assert!(Charsmap::parse(&[0, 0, 0, 0, 0]).is_err());
    }

    proptest! {
        #[test]
        fn a_corrupt_trie_is_refused_or_walked_without_panic(
            units in proptest::collection::vec(any::<u32>(), 256),
            text in any::<String>(),
        ) {
            let mut blob = 1024_u32.to_le_bytes().to_vec();
            blob.extend(units.iter().flat_map(|unit| (unit & 0x3ff | 1 << 10).to_le_bytes()));
            blob.extend(b"replacement\0");
            if let Ok(charsmap) = Charsmap::parse(&blob) {
                charsmap.longest_prefix(&text);
            }
        }
    }
}
