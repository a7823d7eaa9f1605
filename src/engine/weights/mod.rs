//! The tensors of a model by name, from safetensors or from PyTorch pickles, read only when asked for.
//!
//! Separate so that model code never asks how its weights were stored: each format only says where in its file a tensor
//! lies (a `View`). The invariant: nothing in a file is executed, and nothing is allocated on the word of a file beyond
//! a small multiple of its size.

mod bytes;
mod convert;
mod index;
mod legacy;
mod pickle;
mod safetensors;
mod state_dict;
mod view;
mod zip;

use self::{bytes::Bytes, view::View};
use super::{EngineError, ModelFiles};
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;

/// Tensor names with where each lies, as one file gives them; the error is a reason, and the caller names the file.
type Layout = Result<Vec<(String, View)>, String>;

/// File names by preference: the first that the model has is read.
const CANDIDATES: [&str; 4] =
    ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"];

/// The tensors of a model file by name, loaded lazily, as f32 on the CPU.
pub struct Weights {
    files: Vec<String>,
    contents: Vec<Bytes>,
    tensors: BTreeMap<String, Entry>,
}

/// A tensor: which of the files it is in, and where there.
struct Entry {
    file: usize,
    view: View,
}

impl Weights {
    /// Opens a model's weight files and reads their tables of contents.
    ///
    /// Takes the first there is of `model.safetensors`, its index with shards, `pytorch_model.bin` (zip or legacy
    /// format) and its index.
    pub fn open(files: &ModelFiles) -> Result<Weights, EngineError> {
        let Some(first) = CANDIDATES.into_iter().find(|name| files.has(name)) else {
            let reason = format!("none of {} is there: is this the folder of a model?", CANDIDATES.join(", "));
            return Err(EngineError::file(bytes::place(files, ""), reason));
        };
        let mut weights = Weights { files: Vec::new(), contents: Vec::new(), tensors: BTreeMap::new() };
        if first.ends_with(".json") {
            let map = index::read(files, first)?;
            for shard in index::shards(&map) {
                weights.add(files, shard, |name| map.get(name).is_some_and(|file| file == shard))?;
            }
            weights.check_index(files, first, &map)?;
        } else {
            weights.add(files, first, |_| true)?;
        }
        Ok(weights)
    }

    /// Returns the names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Returns true where there is a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// Returns the tensor of this name, or of the name without `model.`, which files saved without a head lack.
    fn entry(&self, name: &str) -> Option<&Entry> {
        self.tensors.get(name).or_else(|| self.tensors.get(name.strip_prefix("model.")?))
    }

    /// Returns the shape of a tensor, or `None` where there is none of this name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entry(name).map(|entry| entry.view.shape())
    }

    /// Returns a tensor in f32 on the CPU; the error names it and the file where it is absent or of another shape.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor, EngineError> {
        let Some(Entry { file, view }) = self.entry(name) else {
            return Err(EngineError::malformed(self.place(), format!("it has no tensor `{name}`")));
        };
        let content = &self.contents[*file];
        if view.shape() != shape {
            let reason = format!("tensor `{name}` has shape {:?}, the configuration expects {shape:?}", view.shape());
            return Err(EngineError::malformed(content.place(), reason));
        }
        let values = view
            .read(content)
            .map_err(|reason| EngineError::malformed(content.place(), format!("tensor `{name}` {reason}")))?;
        // Else the whole file would stand in memory beside what is made of it.
        content.release(view.bytes());
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
    }

    /// Returns the names of the weight files that were opened.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// Opens one file and adds those of its tensors that `wanted` says.
    fn add(&mut self, files: &ModelFiles, file: &str, wanted: impl Fn(&str) -> bool) -> Result<(), EngineError> {
        let content = bytes::open(files, file)?;
        let found = layout(file, &content).map_err(|reason| EngineError::malformed(content.place(), reason))?;
        let file_index = self.contents.len();
        let kept = found.into_iter().filter(|(name, _)| wanted(name));
        self.tensors.extend(kept.map(|(name, view)| (name, Entry { file: file_index, view })));
        self.files.push(file.to_owned());
        self.contents.push(content);
        Ok(())
    }

    /// Returns an error where a shard lacks a tensor that the index says it has.
    fn check_index(&self, files: &ModelFiles, file: &str, map: &BTreeMap<String, String>) -> Result<(), EngineError> {
        match map.iter().find(|(name, _)| !self.contains(name)) {
            None => Ok(()),
            Some((name, shard)) => {
                let reason = format!("it says that `{name}` is in {shard}, which has no such tensor");
                Err(EngineError::malformed(bytes::place(files, file), reason))
            }
        }
    }

    /// Returns the files' places, for messages.
    fn place(&self) -> String {
        self.contents.iter().map(Bytes::place).collect::<Vec<_>>().join(", ")
    }
}

/// Returns the tensors of a file, its format told from its first bytes where it is a `.bin`.
fn layout(file: &str, content: &[u8]) -> Layout {
    if let Some(what) = bytes::not_weights(content) {
        return Err(what.to_owned());
    }
    if file.ends_with(".safetensors") {
        safetensors::layout(content)
    } else if zip::is_zip(content) {
        zip::layout(content)
    } else if legacy::is_legacy(content) {
        legacy::layout(content)
    } else {
        Err("it begins like no format of PyTorch (zip, or the pickles before version 1.6)".to_owned())
    }
}
