//! The layout of a `pytorch_model.bin` in zip format (PyTorch 1.6 and later).
//!
//! Separate as each format is. The invariant: entries are stored, never compressed, so that tensors are read where they
//! lie; a compressed entry is refused.

use super::{Layout, pickle, state_dict, state_dict::Storage};
use std::{collections::HashMap, io::Cursor, ops::Range};
use zip::{CompressionMethod, ZipArchive};

/// Returns true for a zip archive.
pub(super) fn is_zip(content: &[u8]) -> bool {
    content.starts_with(b"PK\x03\x04")
}

/// Returns the tensors of an archive as `torch.save` writes it: `NAME/data.pkl` and `NAME/data/KEY`.
pub(super) fn layout(content: &[u8]) -> Layout {
    let entries = entries(content)?;
    let name = entries.keys().find(|name| name.as_str() == "data.pkl" || name.ends_with("/data.pkl"));
    let name = name.ok_or("the archive has no data.pkl: it was not written by torch.save")?;
    let folder = name.trim_end_matches("data.pkl");
    if let Some(order) = entries.get(&format!("{folder}byteorder"))
        && &content[order.clone()] != b"little"
    {
        return Err("it was written on a big-endian machine, which is not read".to_owned());
    }
    let pickled = pickle::read(&content[entries[name].clone()])?;
    state_dict::layout(&pickled, |storage: &Storage| {
        let bytes = entries.get(&format!("{folder}data/{}", storage.key));
        let bytes = bytes.ok_or_else(|| format!("the archive has no storage `{}`", storage.key))?;
        storage.within(bytes.clone())
    })
}

/// Returns where the content of each entry lies.
fn entries(content: &[u8]) -> Result<HashMap<String, Range<usize>>, String> {
    let broken = |error: &dyn std::fmt::Display| format!("the archive is broken or cut short ({error})");
    let mut archive = ZipArchive::new(Cursor::new(content)).map_err(|error| broken(&error))?;
    let mut entries = HashMap::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|error| broken(&error))?;
        let name = entry.name().map_err(|error| broken(&error))?.into_owned();
        if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
            return Err(format!("its entry `{name}` is compressed: save it again with torch.save"));
        }
        let start = entry.data_start().and_then(|start| usize::try_from(start).ok());
        let length = usize::try_from(entry.size()).ok();
        let range = start.zip(length).and_then(|(start, length)| Some(start..start.checked_add(length)?));
        let range = range.filter(|range| range.end <= content.len());
        entries.insert(name, range.ok_or_else(|| broken(&"an entry lies beyond its end"))?);
    }
    Ok(entries)
}
