//! Changes to inputs, at random: the ones that break parsers.
//!
//! Separate because it knows no format but for a list of words that some format gives meaning to. The invariant: the same
//! seed gives the same inputs.

/// Bytes of the longest input that is made.
const LONGEST: usize = 1 << 16;

/// Words with a meaning in one of the formats.
const WORDS: [&[u8]; 40] = [
    b"<p>",
    b"</p>",
    b"<div>",
    b"<b>",
    b"<table><tr><td>",
    b"<script>",
    b"<!--",
    b"<![CDATA[",
    b"<w:p>",
    b"<w:t>",
    b"<w:tr>",
    b"<w:tc>",
    b"</w:p>",
    b"<mc:Fallback>",
    b"&amp;",
    b"&#x202e;",
    b"{",
    b"[",
    b"\"text\":",
    b"\"html\":",
    b"\\ud800",
    b"\n",
    b"\r\n",
    b"\n# ",
    b"- ",
    b"> ",
    b"```",
    b"---\n",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\x00",
    "اقرأ أيضاً:".as_bytes(),
    "؟ ".as_bytes(),
    ". ".as_bytes(),
    "\u{202e}".as_bytes(),
    "\u{200f}".as_bytes(),
    b"\x80\x02",
    b"ctorch\nFloatStorage\n",
    b"<tu><tuv xml:lang=\"ar\"><seg>",
    b"1e999",
];

/// Numbers at the edge of a type.
const EDGES: [u64; 9] = [0, 1, 127, 255, 65_535, u32::MAX as u64, i32::MAX as u64, i64::MAX as u64, u64::MAX];

/// A generator of random numbers (Knuth's linear one, MMIX).
pub struct Random(pub u64);

impl Random {
    /// Returns a number from 0 to before `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &'a [&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// Returns a part of some bytes.
    fn part(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let start = self.below(bytes.len() + 1);
        let longest = (bytes.len() - start).min(1 << self.below(12));
        start..start + self.below(longest + 1)
    }
}

/// Returns one of the seeds with some changes, one of them perhaps a part of another seed.
pub fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        change(&mut bytes, seeds, random);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let part = random.part(bytes);
    match random.below(9) {
        0 if !bytes.is_empty() => {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        1 if !bytes.is_empty() => {
            let at = random.below(bytes.len());
            bytes[at] = random.below(256) as u8;
        }
        2 => drop(bytes.drain(part)),
        3 => {
            let copy = bytes[part.clone()].repeat(1 + random.below(3));
            bytes.splice(part.end..part.end, copy);
        }
        4 => {
            let word = random.pick(&WORDS).repeat(1 + random.below(3));
            bytes.splice(part.start..part.start, word);
        }
        // Nesting, and lines without end.
        5 => {
            let word = random.pick(&WORDS).repeat(1 << random.below(12));
            bytes.splice(part.start..part.start, word);
        }
        6 => {
            let other = &seeds[random.below(seeds.len())];
            let from = random.part(other);
            bytes.splice(part, other[from].iter().copied());
        }
        7 => {
            let width = [1, 2, 4, 8][random.below(4)];
            let edge = EDGES[random.below(EDGES.len())].wrapping_add(random.below(3) as u64);
            let end = (part.start + width).min(bytes.len());
            bytes.splice(part.start..end, edge.to_le_bytes()[..width].iter().copied());
        }
        _ => {
            let at = random.below(bytes.len() + 1);
            bytes.truncate(at);
        }
    }
}
