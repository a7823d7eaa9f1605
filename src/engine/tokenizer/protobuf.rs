//! Reads the wire format of protocol buffers: just what a SentencePiece file needs, which is no schema compiler.
//!
//! Separate so that the one place that trusts lengths from a file is small. The invariant: nothing is read past the
//! end of the message and nothing is allocated, whatever the bytes.

/// The value of one field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    /// An integer, enumeration or boolean.
    Varint(u64),
    /// Four bytes: a float.
    Fixed32(u32),
    /// Eight bytes.
    Fixed64(u64),
    /// A string, bytes or an embedded message.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// Returns the bytes of a string, byte or message field.
    pub fn bytes(self) -> Result<&'a [u8], String> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            other => Err(format!("expected bytes, found {other:?}")),
        }
    }

    /// Returns the text of a string field.
    pub fn text(self) -> Result<&'a str, String> {
        std::str::from_utf8(self.bytes()?).map_err(|error| format!("a string is not UTF-8: {error}"))
    }

    /// Returns an integer or enumeration field.
    pub fn integer(self) -> Result<u64, String> {
        match self {
            Value::Varint(value) => Ok(value),
            other => Err(format!("expected an integer, found {other:?}")),
        }
    }

    /// Returns a boolean field.
    pub fn boolean(self) -> Result<bool, String> {
        Ok(self.integer()? != 0)
    }

    /// Returns a float field.
    pub fn float(self) -> Result<f32, String> {
        match self {
            Value::Fixed32(bits) => Ok(f32::from_bits(bits)),
            other => Err(format!("expected a float, found {other:?}")),
        }
    }
}

/// Iterates over the fields of one message: pairs of field number and value.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Returns the fields of a message.
    pub fn of(message: &'a [u8]) -> Self {
        Fields { rest: message }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(format!("a field of {count} bytes runs past the end")),
        }
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err("an integer is longer than ten bytes".to_owned())
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), String> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.fixed()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|error| error.to_string())?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.fixed()?)),
            wire_type => return Err(format!("field {} has the unknown wire type {wire_type}", key >> 3)),
        };
        Ok((key >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_wire_type_is_read() {
        let message = [0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x1d, 0, 0, 0x80, 0x3f, 0x21, 1, 0, 0, 0, 0, 0, 0, 0];
        let fields: Vec<_> = Fields::of(&message).collect::<Result<_, _>>().unwrap();
        let expected = [
            (1, Value::Varint(150)),
            (2, Value::Bytes(b"hi")),
            (3, Value::Fixed32(0x3f80_0000)),
            (4, Value::Fixed64(1)),
        ];
        assert_eq!(fields, expected);
        assert_eq!(fields[2].1.float(), Ok(1.0));
    }

    #[test]
    fn a_length_past_the_end_is_an_error_and_ends_the_message() {
        let mut fields = Fields::of(&[0x12, 0xff, 0xff, 0xff, 0xff, 0x7f, 1]);
        assert!(fields.next().unwrap().is_err());
        assert!(fields.next().is_none());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Fields::of(&bytes).count() <= bytes.len());
        }
    }
}
