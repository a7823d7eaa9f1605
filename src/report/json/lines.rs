//! JSON with one sentence a line: short enough to store 100,000 times, and a change shows as one line of a diff.
//!
//! Separate because serde_json knows only one line for all, or one line for every number. The invariant: the output is
//! the same value as `serde_json::to_vec` writes.

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::io::{self, Write};

/// Containers down to this depth have their members on lines of their own: the document and its lists.
const LINED: usize = 2;

/// Returns the value as JSON that ends with a line break.
pub(in crate::report) fn to_vec(value: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::new();
    let formatter = Lines { depth: 0, filled: Vec::new() };
    value
        .serialize(&mut Serializer::with_formatter(&mut out, formatter))
        .expect("a view has string keys only, and writing to memory does not fail");
    out.push(b'\n');
    out
}

struct Lines {
    depth: usize,
    /// For each open container, whether it has a member.
    filled: Vec<bool>,
}

impl Lines {
    fn open(&mut self, writer: &mut (impl Write + ?Sized), bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.filled.push(false);
        writer.write_all(bracket)
    }

    fn close(&mut self, writer: &mut (impl Write + ?Sized), bracket: &[u8]) -> io::Result<()> {
        let filled = self.filled.pop().unwrap_or(false);
        let lined = self.depth <= LINED;
        self.depth -= 1;
        if filled && lined {
            self.new_line(writer)?;
        }
        writer.write_all(bracket)
    }

    fn member(&mut self, writer: &mut (impl Write + ?Sized), first: bool) -> io::Result<()> {
        if let Some(filled) = self.filled.last_mut() {
            *filled = true;
        }
        match (first, self.depth <= LINED) {
            (false, true) => writer.write_all(b",")?,
            (false, false) => writer.write_all(b", ")?,
            (true, _) => {}
        }
        if self.depth <= LINED { self.new_line(writer) } else { Ok(()) }
    }

    fn new_line(&self, writer: &mut (impl Write + ?Sized)) -> io::Result<()> {
        writer.write_all(b"\n")?;
        writer.write_all("  ".repeat(self.depth).as_bytes())
    }
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.member(writer, first)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.member(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn lists_have_a_member_a_line_and_what_is_deeper_is_short() {
        let value = json!({ "a": 1, "b": [{ "c": [1, 2], "d": {} }, 3], "e": [] });
        let text = "{\n  \"a\": 1,\n  \"b\": [\n    {\"c\": [1, 2], \"d\": {}},\n    3\n  ],\n  \"e\": []\n}\n";
        let written = to_vec(&value);
        assert_eq!(String::from_utf8_lossy(&written), text);
        assert_eq!(serde_json::from_slice::<Value>(&written).ok(), Some(value));
    }
}
