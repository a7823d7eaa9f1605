//! The layout of a `pytorch_model.bin` in the format before PyTorch 1.6: pickles one after another, then raw storages.
//!
//! Separate as each format is. Many checkpoints of 2020 are still in it. The invariant: a storage is found only by
//! walking all before it, so every size is checked on the way.

use super::{
    Layout,
    pickle::{self, Pickled, Value},
    state_dict,
    state_dict::Storage,
};
use std::{collections::HashMap, ops::Range};

/// The pickle of the number 0x1950a86a20f9469cfc6c, by which `torch.load` knows the format too.
const MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
const PROTOCOL: i64 = 1001;

/// Returns true for a file of this format.
pub(super) fn is_legacy(content: &[u8]) -> bool {
    content.starts_with(MAGIC)
}

/// Returns the tensors of a file: magic, protocol, system, state dict, storage keys, then each storage with its length.
pub(super) fn layout(content: &[u8]) -> Layout {
    let mut at = MAGIC.len();
    let mut next = || {
        let pickled = pickle::read(&content[at..])?;
        at += pickled.length;
        Ok::<_, String>(pickled)
    };
    let (protocol, system, state, keys) = (next()?, next()?, next()?, next()?);
    if !matches!(protocol.root(), Value::Int(PROTOCOL)) {
        return Err(format!("it is of an unknown protocol, not {PROTOCOL}"));
    }
    if !is_little_endian(&system) {
        return Err("it was written on a big-endian machine, which is not read".to_owned());
    }
    let places = places(content, at, &state, &keys)?;
    state_dict::layout(&state, |storage| {
        let bytes = places.get(storage.key).ok_or_else(|| format!("the file has no storage `{}`", storage.key))?;
        storage.within(bytes.clone())
    })
}

/// Returns what the system information says of the byte order.
fn is_little_endian(system: &Pickled) -> bool {
    let Value::Dict(entries) = system.root() else { return false };
    entries.iter().any(|&(key, value)| {
        matches!((system.get(key), system.get(value)), (Value::Text("little_endian"), Value::Bool(true)))
    })
}

/// Walks the storages from byte `at` on, in the order of `keys`; returns where each lies.
fn places<'a>(
    content: &[u8],
    mut at: usize,
    state: &Pickled<'a>,
    keys: &Pickled<'a>,
) -> Result<HashMap<&'a str, Range<usize>>, String> {
    let storages = storages(state);
    let Value::List(list) = keys.root() else {
        return Err("it has no list of storages".to_owned());
    };
    let mut places = HashMap::new();
    for &key in list {
        let Value::Text(key) = keys.get(key) else {
            return Err("a storage has no name".to_owned());
        };
        let storage = storages.get(key).ok_or_else(|| format!("no tensor uses storage `{key}`"))?;
        let cut = || format!("it ends within storage `{key}`: it is cut short, fetch it again");
        let count = content.get(at..).and_then(|rest| rest.first_chunk()).ok_or_else(cut)?;
        let bytes = usize::try_from(i64::from_le_bytes(*count)).ok();
        let bytes = bytes.and_then(|count| count.checked_mul(storage.element.size())).ok_or_else(cut)?;
        let start = at + size_of::<i64>();
        at = start.checked_add(bytes).filter(|&end| end <= content.len()).ok_or_else(cut)?;
        places.insert(*key, start..at);
    }
    Ok(places)
}

/// Returns the storages that the state dict refers to, by key.
fn storages<'p, 'a>(state: &'p Pickled<'a>) -> HashMap<&'a str, &'p Storage<'a>> {
    let storage = |value: &'p Value<'a>| match value {
        Value::Storage(storage) => Some((storage.key, &**storage)),
        _ => None,
    };
    state.values().iter().filter_map(storage).collect()
}
