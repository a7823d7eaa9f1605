//! The articles of a `.jsonl` file, one line at a time.
//!
//! Separate because it is the one format that may be larger than the memory. The invariant: no more than one line, and
//! no line over the size limit, is held at a time; a line that cannot be read is an error and the next one follows.

use std::io::{self, BufRead, BufReader, Read};

use encoding_rs::{UTF_16BE, UTF_16LE};

use super::{Draft, ReadError, Reason, bytes, draft_of, encoding, json};

/// How a file marks the ends of its lines.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Byte,
    LittleEndian,
    BigEndian,
}

/// Iterates over the articles of a `.jsonl` file.
pub(super) struct Lines<R> {
    path: String,
    reader: BufReader<R>,
    unit: Option<Unit>,
    line: usize,
    found: bool,
    done: bool,
}

impl<R: Read> Lines<R> {
    /// Begins at the first line.
    pub fn new(path: String, reader: R) -> Self {
        Lines { path, reader: BufReader::new(reader), unit: None, line: 0, found: false, done: false }
    }

    fn error(&self, record: Option<String>, reason: Reason) -> ReadError {
        ReadError { path: self.path.clone(), record, reason }
    }

    /// Reads one line with its end; `None` at the end of the file.
    fn next_line(&mut self) -> Result<Option<Vec<u8>>, Reason> {
        let unit = match self.unit {
            Some(unit) => unit,
            None => *self.unit.insert(unit_of(self.reader.fill_buf()?)),
        };
        self.line += 1;
        let mut line = Vec::new();
        let mut limited = (&mut self.reader).take(bytes::MAX_ARTICLE_BYTES + 1);
        while limited.read_until(b'\n', &mut line)? > 0 && !ends(unit, &mut limited, &mut line)? {}
        if let Err(reason) = bytes::require_size(line.len() as u64, bytes::MAX_ARTICLE_BYTES) {
            skip_line(&mut self.reader)?;
            return Err(reason);
        }
        Ok(Some(line).filter(|line| !line.is_empty()))
    }

    fn article(&mut self, line: &[u8]) -> Option<Result<Draft, ReadError>> {
        let line = without_end(self.unit, line);
        let decoded = match self.unit {
            // Told from the first line: a mark stands there only.
            Some(Unit::LittleEndian) => encoding::decode_known(UTF_16LE, line),
            Some(Unit::BigEndian) => encoding::decode_known(UTF_16BE, line),
            _ => encoding::decode(line),
        };
        if decoded.text.trim().is_empty() {
            return None;
        }
        self.found = true;
        let record = json::line(decoded.text.trim());
        let id = record.id.unwrap_or_else(|| format!("line-{}", self.line));
        Some(draft_of(&self.path, Some(id), line, decoded.encoding, record.article))
    }
}

impl<R: Read> Iterator for Lines<R> {
    type Item = Result<Draft, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            match self.next_line() {
                Ok(Some(line)) => {
                    if let Some(article) = self.article(&line) {
                        return Some(article);
                    }
                }
                Ok(None) => {
                    self.done = true;
                    return (!self.found).then(|| Err(self.error(None, Reason::Empty)));
                }
                Err(reason) => {
                    (self.found, self.done) = (true, matches!(reason, Reason::Io(_)));
                    return Some(Err(self.error(Some(format!("line-{}", self.line)), reason)));
                }
            }
        }
        None
    }
}

/// Tells the unit from the first bytes: a mark, or the zero beside the brace every record begins with.
fn unit_of(start: &[u8]) -> Unit {
    match start {
        [0xff, 0xfe, ..] | [b'{' | b' ' | b'\n' | b'\r', 0, ..] => Unit::LittleEndian,
        [0xfe, 0xff, ..] | [0, b'{' | b' ' | b'\n' | b'\r', ..] => Unit::BigEndian,
        _ => Unit::Byte,
    }
}

fn without_end(unit: Option<Unit>, line: &[u8]) -> &[u8] {
    let (line_feed, carriage_return): (&[u8], &[u8]) = match unit {
        Some(Unit::LittleEndian) => (b"\n\0", b"\r\0"),
        Some(Unit::BigEndian) => (b"\0\n", b"\0\r"),
        _ => (b"\n", b"\r"),
    };
    let line = line.strip_suffix(line_feed).unwrap_or(line);
    line.strip_suffix(carriage_return).unwrap_or(line)
}

/// Returns true where the byte `\n` just read ends the line, and is not half of another character.
fn ends(unit: Unit, reader: &mut impl Read, line: &mut Vec<u8>) -> io::Result<bool> {
    Ok(match unit {
        Unit::Byte => true,
        Unit::BigEndian => line.len().is_multiple_of(2) && line.ends_with(&[0, b'\n']),
        Unit::LittleEndian if line.len().is_multiple_of(2) => false,
        Unit::LittleEndian => {
            let mut high = [1];
            let read = reader.read(&mut high)?;
            line.extend_from_slice(&high[..read]);
            read == 0 || high == [0]
        }
    })
}

/// Passes over what is left of a line that is too long.
fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let (used, finished) = (end.map_or(buffer.len(), |end| end + 1), end.is_some() || buffer.is_empty());
        reader.consume(used);
        if finished {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(bytes: &[u8]) -> Vec<Result<String, String>> {
        let lines = Lines::new("a.jsonl".into(), bytes);
        let id = |draft: Draft| draft.provenance.record.unwrap_or_default();
        lines.map(|one| one.map(id).map_err(|error| error.to_string())).collect()
    }

    const LINES: &str = "{\"id\": \"a\", \"text\": \"نص أول.\"}\r\n\nليس JSON\n{\"text\": \"نص\\nثان.\"}";

    #[test]
    fn a_bad_line_is_an_error_and_the_next_one_follows() {
        let ids = ids(LINES.as_bytes());
        assert_eq!(ids.len(), 3);
        assert_eq!(ids[0].as_deref(), Ok("a"));
        assert!(ids[1].as_ref().unwrap_err().starts_with("a.jsonl (line-3) is not valid JSON"), "{ids:?}");
        assert_eq!(ids[2].as_deref(), Ok("line-4"));
    }

    #[test]
    fn utf16_lines_are_cut_where_they_end() {
        // U+060A and U+0A06 hold the byte of a line end in one half.
        let text = LINES.replace("أول", "أ\u{60a}\u{a06}ول");
        for (mark, to_bytes) in [("\u{feff}", u16::to_le_bytes as fn(u16) -> [u8; 2]), ("", u16::to_le_bytes)]
            .into_iter()
            .chain([("\u{feff}", u16::to_be_bytes as fn(u16) -> [u8; 2]), ("", u16::to_be_bytes)])
        {
            let bytes: Vec<u8> = format!("{mark}{text}").encode_utf16().flat_map(to_bytes).collect();
            let ids = ids(&bytes);
            assert_eq!(ids.len(), 3, "{ids:?}");
            assert_eq!((ids[0].as_deref(), ids[2].as_deref()), (Ok("a"), Ok("line-4")));
        }
    }

    #[test]
    fn the_hash_is_of_the_line_without_its_end() {
        let draft = Lines::new("a.jsonl".into(), LINES.as_bytes()).next().unwrap().unwrap();
        let line = LINES.split("\r\n").next().unwrap();
        assert_eq!(draft.provenance.sha256, bytes::sha256(line.as_bytes()));
        assert_eq!(draft.provenance.bytes, line.len() as u64);
    }

    #[test]
    fn a_line_over_the_limit_is_refused_and_the_next_one_follows() {
        let long = vec![b'x'; bytes::MAX_ARTICLE_BYTES as usize + 10];
        let ids = ids(&[&long[..], b"\n{\"text\": \"a\"}\n"].concat());
        assert!(ids[0].as_ref().unwrap_err().contains("larger than 16 MiB"), "{ids:?}");
        assert_eq!(ids[1].as_deref(), Ok("line-2"));
    }

    #[test]
    fn a_file_without_lines_is_empty() {
        assert!(ids(b"\n \n")[0].as_ref().unwrap_err().contains("holds no text"));
    }
}
