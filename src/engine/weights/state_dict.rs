//! What the pickle of a state dict means: classes, storages, and tensors as views of storages.
//!
//! Separate from the machine that runs pickles, which knows only their syntax. The invariant: numbers from the file are
//! checked against the file before they are used.

use super::{
    Layout,
    convert::Element,
    pickle::{Id, Pickled, Value},
    view::View,
};
use std::ops::Range;

/// The classes a state dict may name; none of them is run.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Class {
    OrderedDict,
    /// `torch._utils._rebuild_tensor_v2`.
    Tensor,
    /// `torch._utils._rebuild_parameter`.
    Parameter,
    /// `torch.FloatStorage` and its like.
    Storage(Element),
}

impl Class {
    /// Returns the class of this name, or `None` where it is not one of a state dict.
    pub(super) fn find(module: &str, name: &str) -> Option<Class> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Class::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Class::Tensor,
            ("torch._utils", "_rebuild_parameter") => Class::Parameter,
            ("torch", "DoubleStorage") => Class::Storage(Element::F64),
            ("torch", "FloatStorage") => Class::Storage(Element::F32),
            ("torch", "HalfStorage") => Class::Storage(Element::F16),
            ("torch", "BFloat16Storage") => Class::Storage(Element::Bf16),
            ("torch", "LongStorage") => Class::Storage(Element::I64),
            ("torch", "IntStorage") => Class::Storage(Element::I32),
            ("torch", "ShortStorage") => Class::Storage(Element::I16),
            ("torch", "CharStorage") => Class::Storage(Element::I8),
            ("torch", "ByteStorage") => Class::Storage(Element::U8),
            ("torch", "BoolStorage") => Class::Storage(Element::Bool),
            _ => return None,
        })
    }
}

/// A storage that a pickle refers to: a run of elements elsewhere in the file.
#[derive(Debug)]
pub(super) struct Storage<'a> {
    /// Its name among the storages of the file.
    pub(super) key: &'a str,
    pub(super) element: Element,
    /// Elements in it, as the pickle says.
    pub(super) elements: usize,
}

impl<'a> Storage<'a> {
    /// Reads `("storage", class, key, location, elements)`; the legacy format adds the view it is of another, or None.
    pub(super) fn new(values: &[Value<'a>], parts: &[Id]) -> Result<Storage<'a>, String> {
        let parts: Vec<&Value> = parts.iter().map(|&id| &values[id]).collect();
        match parts[..] {
            [Value::Text("storage"), Value::Class(Class::Storage(element)), Value::Text(key), _, elements]
            | [
                Value::Text("storage"),
                Value::Class(Class::Storage(element)),
                Value::Text(key),
                _,
                elements,
                Value::None,
            ] => {
                let elements = size(elements).ok_or("a storage has no size")?;
                Ok(Storage { key, element: element.clone(), elements })
            }
            _ => Err("a reference to something else than a storage".to_owned()),
        }
    }

    /// Returns the storage's bytes in the file, which holds `available` of them for it; the error names the storage.
    pub(super) fn within(&self, available: Range<usize>) -> Result<Range<usize>, String> {
        match self.elements.checked_mul(self.element.size()) {
            Some(bytes) if bytes <= available.len() => Ok(available.start..available.start + bytes),
            _ => Err(format!(
                "storage `{}` should have {} elements, the file has {} bytes for it: is it cut short?",
                self.key,
                self.elements,
                available.len()
            )),
        }
    }
}

/// A tensor as the pickle has it: part of a storage.
#[derive(Debug)]
pub(super) struct TensorRecord {
    storage: Id,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

impl TensorRecord {
    /// Reads the arguments of `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)`.
    pub(super) fn new(values: &[Value], arguments: &[Id]) -> Result<TensorRecord, String> {
        let &[storage, offset, shape, strides, ..] = arguments else {
            return Err(format!("a tensor is made from {} arguments", arguments.len()));
        };
        match (&values[storage], size(&values[offset]), sizes(values, shape), sizes(values, strides)) {
            (Value::Storage(_), Some(offset), Some(shape), Some(strides)) => {
                Ok(TensorRecord { storage, offset, shape, strides })
            }
            _ => Err("a tensor is made from something else than storage, offset, shape and strides".to_owned()),
        }
    }
}

/// Returns the tensors of a pickled state dict; `locate` gives the bytes that hold a storage.
pub(super) fn layout(pickled: &Pickled, locate: impl Fn(&Storage) -> Result<Range<usize>, String>) -> Layout {
    let Value::Dict(entries) = pickled.root() else {
        return Err("it holds no state dict (names with tensors), but something else".to_owned());
    };
    let mut tensors = Vec::new();
    for &(key, value) in entries {
        if let (Value::Text(name), Value::Tensor(tensor)) = (pickled.get(key), pickled.get(value)) {
            let view = view(pickled, tensor, &locate).map_err(|reason| format!("tensor `{name}` {reason}"))?;
            tensors.push(((*name).to_owned(), view));
        }
    }
    if tensors.is_empty() {
        return Err("it holds no tensor by name: is it a training checkpoint around a state dict?".to_owned());
    }
    Ok(tensors)
}

fn view(
    pickled: &Pickled,
    tensor: &TensorRecord,
    locate: impl Fn(&Storage) -> Result<Range<usize>, String>,
) -> Result<View, String> {
    let Value::Storage(storage) = pickled.get(tensor.storage) else {
        return Err("has no storage".to_owned());
    };
    let bytes = locate(storage).map_err(|reason| format!("cannot be found: {reason}"))?;
    View::strided(storage.element.clone(), tensor.shape.clone(), tensor.strides.clone(), tensor.offset, bytes)
}

/// Returns a value as a size, or `None` where it is negative or no number.
fn size(value: &Value) -> Option<usize> {
    match value {
        Value::Int(number) => usize::try_from(*number).ok(),
        _ => None,
    }
}

/// Returns a tuple of sizes.
fn sizes(values: &[Value], tuple: Id) -> Option<Vec<usize>> {
    match &values[tuple] {
        Value::Tuple(items) => items.iter().map(|&id| size(&values[id])).collect(),
        _ => None,
    }
}
