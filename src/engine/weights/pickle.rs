//! A stack machine for the part of Python's pickle protocol 2 that `torch.save` writes for a state dict.
//!
//! Separate because it decides what a pickle may do: a class outside the whitelist ends the reading with its name, and no
//! class is ever called, only recorded. The invariant: an operation costs at most about a hundred bytes, and their
//! number is limited.

use super::state_dict::{Class, Storage, TensorRecord};
use std::collections::HashMap;

/// More operations than the state dict of any model needs (about 40 a tensor).
const MAX_OPERATIONS: usize = 4 << 20;

/// Where a value lies in the arena: values never nest in memory, so that no depth of nesting can exhaust the call stack.
pub(super) type Id = usize;

/// A value that a pickle built.
#[derive(Debug)]
pub(super) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    Float,
    Text(&'a str),
    Tuple(Box<[Id]>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Class(Class),
    Storage(Box<Storage<'a>>),
    Tensor(Box<TensorRecord>),
}

/// What a pickle holds.
pub(super) struct Pickled<'a> {
    values: Vec<Value<'a>>,
    root: Id,
    /// Bytes from its first operation to its last, both included.
    pub(super) length: usize,
}

impl<'a> Pickled<'a> {
    /// Returns the value that the pickle is of.
    pub(super) fn root(&self) -> &Value<'a> {
        &self.values[self.root]
    }

    /// Returns a value that another refers to.
    pub(super) fn get(&self, id: Id) -> &Value<'a> {
        &self.values[id]
    }

    /// Returns all values, in the order they were made.
    pub(super) fn values(&self) -> &[Value<'a>] {
        &self.values
    }
}

/// Reads one pickle from the start of `bytes`, to its end mark.
pub(super) fn read(bytes: &[u8]) -> Result<Pickled<'_>, String> {
    let mut machine =
        Machine { bytes, at: 0, values: Vec::new(), stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
    for _ in 0..MAX_OPERATIONS {
        let at = machine.at;
        match machine.step() {
            Ok(None) => {}
            Ok(Some(root)) => return Ok(Pickled { values: machine.values, root, length: machine.at }),
            Err(reason) => return Err(format!("the pickle breaks at byte {at}: {reason}")),
        }
    }
    Err(format!("the pickle has more than {MAX_OPERATIONS} operations, which no state dict has"))
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack where MARK was met.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<'a> Machine<'a> {
    /// Runs one operation; returns the result's place at the last.
    fn step(&mut self) -> Result<Option<Id>, String> {
        match self.take::<1>()?[0] {
            // PROTO; later protocols have operations that are not read here, and would fail at the first of them.
            0x80 => match self.take::<1>()?[0] {
                2 => {}
                other => return Err(format!("it is of protocol {other}, torch.save writes 2")),
            },
            b'.' => return self.pop().map(Some),
            b'(' => self.marks.push(self.stack.len()),
            b'c' => self.class()?,
            b'q' => self.memoize(u32::from(self.peek::<1>(0)?[0]), 1)?,
            b'r' => self.memoize(u32::from_le_bytes(self.peek(0)?), 4)?,
            b'h' => self.recall(u32::from(self.peek::<1>(0)?[0]), 1)?,
            b'j' => self.recall(u32::from_le_bytes(self.peek(0)?), 4)?,
            b')' => self.push(Value::Tuple(Box::new([]))),
            b']' => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'K' => self.integer(|[byte]: [u8; 1]| byte.into())?,
            b'M' => self.integer(|bytes| u16::from_le_bytes(bytes).into())?,
            b'J' => self.integer(|bytes| i32::from_le_bytes(bytes).into())?,
            0x8a => self.long()?,
            b'G' => {
                self.take::<8>()?;
                self.push(Value::Float);
            }
            b'X' => self.text()?,
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b't' => {
                let items = self.since_mark()?;
                self.push(Value::Tuple(items.into()));
            }
            b'a' | b'e' | b's' | b'u' => self.extend(self.bytes[self.at - 1])?,
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            b'Q' => self.persistent()?,
            other => return Err(format!("operation {other:#04x} is not one of a state dict")),
        }
        Ok(None)
    }

    /// Returns the next `N` bytes after `skip`, without moving on.
    fn peek<const N: usize>(&self, skip: usize) -> Result<[u8; N], String> {
        let rest = self.bytes.get(self.at + skip..).and_then(|rest| rest.first_chunk());
        rest.copied().ok_or_else(|| "the file ends there".to_owned())
    }

    /// Returns the next `N` bytes and moves past them.
    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let taken = self.peek(0)?;
        self.at += N;
        Ok(taken)
    }

    /// Returns the next `length` bytes as text and moves past them.
    fn take_text(&mut self, length: usize) -> Result<&'a str, String> {
        let bytes = self.bytes[self.at..].get(..length).ok_or("a text is longer than the file")?;
        self.at += length;
        str::from_utf8(bytes).map_err(|_| "a text is not UTF-8".to_owned())
    }

    fn push(&mut self, value: Value<'a>) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    fn pop(&mut self) -> Result<Id, String> {
        self.stack.pop().ok_or_else(|| "the stack is empty".to_owned())
    }

    fn top(&self) -> Result<Id, String> {
        self.stack.last().copied().ok_or_else(|| "the stack is empty".to_owned())
    }

    /// Takes what was pushed after the last mark.
    fn since_mark(&mut self) -> Result<Vec<Id>, String> {
        let height = self.marks.pop().ok_or("there is no mark")?;
        if height > self.stack.len() {
            return Err("the mark is above the stack".to_owned());
        }
        Ok(self.stack.split_off(height))
    }

    fn memoize(&mut self, key: u32, width: usize) -> Result<(), String> {
        self.at += width;
        self.memo.insert(key, self.top()?);
        Ok(())
    }

    fn recall(&mut self, key: u32, width: usize) -> Result<(), String> {
        self.at += width;
        let id = *self.memo.get(&key).ok_or_else(|| format!("nothing was kept as {key}"))?;
        self.stack.push(id);
        Ok(())
    }

    fn integer<const N: usize>(&mut self, read: impl Fn([u8; N]) -> i64) -> Result<(), String> {
        let value = read(self.take()?);
        self.push(Value::Int(value));
        Ok(())
    }

    /// LONG1: a length, then that many bytes of a two's complement number.
    fn long(&mut self) -> Result<(), String> {
        let length = usize::from(self.take::<1>()?[0]);
        let bytes = self.bytes[self.at..].get(..length).ok_or("a number is longer than the file")?;
        if length > 8 {
            return Err(format!("a number of {length} bytes"));
        }
        let sign = bytes.last().is_some_and(|&last| last >= 0x80);
        let mut filled = [if sign { 0xff } else { 0 }; 8];
        filled[..length].copy_from_slice(bytes);
        self.at += length;
        self.push(Value::Int(i64::from_le_bytes(filled)));
        Ok(())
    }

    fn text(&mut self) -> Result<(), String> {
        let length = u32::from_le_bytes(self.take()?);
        let text = self.take_text(length as usize)?;
        self.push(Value::Text(text));
        Ok(())
    }

    /// GLOBAL: module and name of a class, a line each.
    fn class(&mut self) -> Result<(), String> {
        let mut line = || {
            let rest = &self.bytes[self.at..];
            let length = rest.iter().take(256).position(|&byte| byte == b'\n').ok_or("a class name does not end")?;
            let line = self.take_text(length)?;
            self.at += 1;
            Ok::<_, String>(line)
        };
        let (module, name) = (line()?, line()?);
        let class = Class::find(module, name).ok_or_else(|| {
            format!("it asks for `{module}.{name}`, which no state dict needs; nothing of it was run. Save the model's state_dict() alone, or as safetensors")
        })?;
        self.push(Value::Class(class));
        Ok(())
    }

    fn tuple(&mut self, length: usize) -> Result<(), String> {
        let height = self.stack.len().checked_sub(length).ok_or("the stack is too low for a tuple")?;
        let items = self.stack.split_off(height);
        self.push(Value::Tuple(items.into()));
        Ok(())
    }

    /// APPEND, APPENDS, SETITEM, SETITEMS: adds what lies on the stack to the list or dict below it.
    fn extend(&mut self, operation: u8) -> Result<(), String> {
        let items = match operation {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.since_mark()?,
        };
        let into = self.top()?;
        match (&mut self.values[into], operation) {
            (Value::List(list), b'a' | b'e') => list.extend(items),
            (Value::Dict(dict), b's' | b'u') => {
                let (pairs, rest) = items.as_chunks::<2>();
                if !rest.is_empty() {
                    return Err("a key has no value".to_owned());
                }
                dict.extend(pairs.iter().map(|&[key, value]| (key, value)));
            }
            _ => return Err("items are added to something else than a list or dict".to_owned()),
        }
        Ok(())
    }

    /// REDUCE: what Python would call, recorded as a value.
    fn reduce(&mut self) -> Result<(), String> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let (Value::Class(class), Value::Tuple(arguments)) = (&self.values[callee], &self.values[arguments]) else {
            return Err("something is called that is no class".to_owned());
        };
        let made = match (class, &arguments[..]) {
            (Class::OrderedDict, []) => Value::Dict(Vec::new()),
            (Class::Tensor, arguments) => Value::Tensor(Box::new(TensorRecord::new(&self.values, arguments)?)),
            (Class::Parameter, &[tensor, ..]) => {
                self.stack.push(tensor);
                return Ok(());
            }
            (class, arguments) => return Err(format!("{class:?} is called with {} arguments", arguments.len())),
        };
        self.push(made);
        Ok(())
    }

    /// BUILD: attributes of an object; of a state dict only `_metadata`, which nothing here needs.
    fn build(&mut self) -> Result<(), String> {
        self.pop()?;
        match self.values[self.top()?] {
            Value::Dict(_) => Ok(()),
            _ => Err("attributes are set on something else than a dict".to_owned()),
        }
    }

    /// BINPERSID: a reference to a storage, whose bytes lie outside the pickle.
    fn persistent(&mut self) -> Result<(), String> {
        let reference = self.pop()?;
        let Value::Tuple(parts) = &self.values[reference] else {
            return Err("a storage is not named by a tuple".to_owned());
        };
        let storage = Storage::new(&self.values, parts)?;
        self.push(Value::Storage(Box::new(storage)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(bytes: &[u8]) -> String {
        read(bytes).err().expect("should be refused")
    }

    #[test]
    fn a_dict_of_numbers_and_texts_is_read() {
        let bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00aK\x07X\x01\x00\x00\x00bJ\xfe\xff\xff\xffu.rest";
        let pickled = read(bytes).unwrap();
        assert_eq!(&bytes[pickled.length..], b"rest");
        let Value::Dict(entries) = pickled.root() else { panic!("no dict") };
        let texts = entries.iter().map(|&(key, value)| format!("{:?} {:?}", pickled.get(key), pickled.get(value)));
        assert_eq!(texts.collect::<Vec<_>>(), [r#"Text("a") Int(7)"#, r#"Text("b") Int(-2)"#]);
    }

    #[test]
    fn long_numbers_have_their_sign() {
        for (bytes, expected) in [
            (&b"\x8a\x00."[..], 0),
            (b"\x8a\x01\xff.", -1),
            (b"\x8a\x02\x00\x80.", -32768),
            (b"\x8a\x03\x00\x80\x00.", 32768),
            (b"\x8a\x05\x00\x00\x00\x00\x01.", 1 << 32),
        ] {
            assert!(matches!(read(bytes).unwrap().root(), Value::Int(number) if *number == expected), "{expected}");
        }
        assert!(refusal(b"\x8a\x09\x01\x01\x01\x01\x01\x01\x01\x01\x01.").contains("9 bytes"));
    }

    #[test]
    fn a_class_outside_the_whitelist_is_named_and_not_run() {
        let message = refusal(b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00exit\x85R.");
        assert!(message.contains("`posix.system`") && message.contains("nothing of it was run"), "{message}");
    }

    #[test]
    fn deep_nesting_does_not_exhaust_the_stack() {
        let mut bytes = b")".to_vec();
        bytes.extend([0x85].repeat(1_000_000));
        bytes.push(b'.');
        assert!(read(&bytes).is_ok());
    }

    #[test]
    fn endless_operations_end() {
        assert!(refusal(&b"N".repeat(MAX_OPERATIONS + 1)).contains("operations"));
    }

    #[test]
    fn broken_pickles_are_refused() {
        for bytes in [
            &b""[..],
            b".",
            b"\x80\x04.",
            b"q\x00.",
            b"h\x00.",
            b"t.",
            b"NQ.",
            b"Na.",
            b"((.t",
            b"NNs.",
            b"}NR.",
            b"]Nb.",
            b"](Nu.",
            b"}(Nu.",
            b"}(Ne.",
            b"X\xff\xff\xff\xffa.",
            b"X\x01\x00\x00\x00\xff.",
            b"c",
            b"ca\nb",
            b"(N0.",
            b"ctorch\nFloatStorage\n)R.",
            b"ctorch._utils\n_rebuild_tensor_v2\n)R.",
            b"ctorch._utils\n_rebuild_parameter\n)R.",
        ] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_sequence_of_operations_panics(
            pieces in prop::collection::vec(prop::sample::select(vec![
                &b"\x80\x02"[..], b".", b"(", b"q\x00", b"r\x00\x00\x00\x00", b"h\x00", b"j\x01\x00\x00\x00", b")", b"]",
                b"}", b"N", b"\x88", b"K\x05", b"M\x05\x00", b"J\x05\x00\x00\x00", b"\x8a\x01\x05", b"X\x01\x00\x00\x00a",
                b"X\x07\x00\x00\x00storage", b"\x85", b"\x86", b"\x87", b"t", b"a", b"e", b"s", b"u", b"R", b"b", b"Q",
                b"ccollections\nOrderedDict\n", b"ctorch\nFloatStorage\n", b"ctorch._utils\n_rebuild_tensor_v2\n",
                b"ctorch._utils\n_rebuild_parameter\n", b"G\x00\x00\x00\x00\x00\x00\x00\x00",
            ]), 0..40),
        ) {
            let _ = read(&pieces.concat());
        }
    }
}
