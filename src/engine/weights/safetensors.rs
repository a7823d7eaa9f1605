//! The layout of a safetensors file.
//!
//! Separate as each format is. The invariant: the crate's own checks (header size, offsets without gaps or overlaps,
//! sizes that equal the shapes) have passed before a tensor is offered.

use super::{Layout, convert::Element, view::View};
use safetensors::{Dtype, SafeTensors};

/// Bytes of the header's length, before the header.
const LENGTH_BYTES: usize = 8;

/// Returns the tensors of a safetensors file.
pub(super) fn layout(content: &[u8]) -> Layout {
    let (header, metadata) = SafeTensors::read_metadata(content).map_err(|error| error.to_string())?;
    let data = LENGTH_BYTES + header;
    let view = |(name, info): (String, &safetensors::tensor::TensorInfo)| {
        let (start, end) = info.data_offsets;
        let (element, shape) = (element(info.dtype), info.shape.clone());
        match View::contiguous(element, shape, data + start..data + end) {
            Ok(view) => Ok((name, view)),
            Err(reason) => Err(format!("tensor `{name}` {reason}")),
        }
    };
    metadata.tensors().into_iter().map(view).collect()
}

/// Returns our name of an element type.
fn element(dtype: Dtype) -> Element {
    match dtype {
        Dtype::F64 => Element::F64,
        Dtype::F32 => Element::F32,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::Bf16,
        Dtype::I64 => Element::I64,
        Dtype::I32 => Element::I32,
        Dtype::I16 => Element::I16,
        Dtype::I8 => Element::I8,
        Dtype::U8 => Element::U8,
        Dtype::BOOL => Element::Bool,
        other => Element::Other(format!("{other:?}")),
    }
}
