//! Where a tensor lies in its file: element type, shape, strides and first byte.
//!
//! Separate because it is the one thing all formats have in common. The invariant: a view that could be made lies
//! inside its storage, so reading it cannot go out of bounds and costs at most the storage's size.

use super::convert::{self, Element};
use std::ops::Range;

/// More dimensions than any weight has.
const MAX_DIMENSIONS: usize = 8;

/// A strided view of raw little-endian elements in a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    element: Element,
    shape: Vec<usize>,
    /// In elements, one per dimension.
    strides: Vec<usize>,
    /// Byte of the file where the first element lies.
    start: usize,
    /// Elements from the first to the last, both included; 0 where the tensor is empty.
    extent: usize,
}

impl View {
    /// Returns the view of a whole storage, row by row.
    pub(super) fn contiguous(element: Element, shape: Vec<usize>, storage: Range<usize>) -> Result<View, String> {
        let strides = row_strides(&shape)?;
        View::strided(element, shape, strides, 0, storage)
    }

    /// Returns the view of part of a storage (a range of the file's bytes); `offset` and `strides` are in elements.
    pub(super) fn strided(
        element: Element,
        shape: Vec<usize>,
        strides: Vec<usize>,
        offset: usize,
        storage: Range<usize>,
    ) -> Result<View, String> {
        if shape.len() > MAX_DIMENSIONS || shape.len() != strides.len() {
            return Err(format!("has {} dimensions and {} strides", shape.len(), strides.len()));
        }
        let outside = || format!("of shape {shape:?} does not fit in its storage of {} bytes", storage.len());
        let extent = extent(&shape, &strides).ok_or_else(outside)?;
        let first = offset.checked_mul(element.size()).ok_or_else(outside)?;
        let bytes = extent.checked_mul(element.size()).and_then(|bytes| bytes.checked_add(first));
        if bytes.is_none_or(|bytes| bytes > storage.len()) {
            return Err(outside());
        }
        Ok(View { element, shape, strides, start: storage.start + first, extent })
    }

    /// Returns the tensor's shape.
    pub(super) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the bytes of the file from the first element to the last.
    pub(super) fn bytes(&self) -> Range<usize> {
        self.start..self.start + self.extent * self.element.size()
    }

    /// Returns the elements in row order, as f32; `file` is the content of the file that the view was made for.
    pub(super) fn read(&self, file: &[u8]) -> Result<Vec<f32>, String> {
        let size = self.element.size();
        let stored = file.get(self.bytes()).ok_or("lies outside its file")?;
        if self.extent == 0 || self.is_contiguous() {
            return convert::to_f32(&self.element, stored);
        }
        let count = self.shape.iter().try_fold(1usize, |count, &length| count.checked_mul(length));
        // Rows that overlap (an expanded tensor) would let a small file ask for any amount of memory.
        let Some(count) = count.filter(|&count| count <= self.extent) else {
            return Err("repeats its elements (an expanded tensor): save it again as contiguous".to_owned());
        };
        let mut gathered = Vec::with_capacity(count * size);
        self.gather(stored, size, 0, 0, &mut gathered);
        convert::to_f32(&self.element, &gathered)
    }

    /// Returns true where the elements lie in row order without gaps; the stride of a dimension of one means nothing.
    fn is_contiguous(&self) -> bool {
        row_strides(&self.shape).is_ok_and(|rows| {
            let mut axes = self.shape.iter().zip(rows).zip(&self.strides);
            axes.all(|((&length, row), &stride)| length == 1 || row == stride)
        })
    }

    /// Appends the elements from dimension `axis` on, in row order, beginning at element `at`.
    fn gather(&self, stored: &[u8], size: usize, axis: usize, at: usize, into: &mut Vec<u8>) {
        if axis == self.shape.len() {
            into.extend_from_slice(&stored[at * size..][..size]);
            return;
        }
        for index in 0..self.shape[axis] {
            self.gather(stored, size, axis + 1, at + index * self.strides[axis], into);
        }
    }
}

/// Returns the strides of a contiguous tensor.
fn row_strides(shape: &[usize]) -> Result<Vec<usize>, String> {
    let mut strides = vec![1usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] =
            strides[axis].checked_mul(shape[axis]).ok_or_else(|| format!("has the impossible shape {shape:?}"))?;
    }
    Ok(strides)
}

/// Returns how many elements lie from the first to the last of a view, or `None` where that overflows.
fn extent(shape: &[usize], strides: &[usize]) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0);
    }
    shape
        .iter()
        .zip(strides)
        .try_fold(1usize, |last, (&length, &stride)| last.checked_add(stride.checked_mul(length - 1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
        values.into_iter().flat_map(f32::to_le_bytes).collect()
    }

    fn read(shape: &[usize], strides: &[usize], offset: usize, file: &[u8]) -> Result<Vec<f32>, String> {
        View::strided(Element::F32, shape.to_vec(), strides.to_vec(), offset, 0..file.len())?.read(file)
    }

    #[test]
    fn a_transposed_view_is_read_in_row_order() {
        let file = floats([0., 1., 2., 3., 4., 5.]);
        assert_eq!(read(&[3, 2], &[1, 3], 0, &file).unwrap(), [0., 3., 1., 4., 2., 5.]);
    }

    #[test]
    fn a_column_begins_at_its_offset() {
        let file = floats([0., 1., 2., 3., 4., 5.]);
        assert_eq!(read(&[2], &[3], 2, &file).unwrap(), [2., 5.]);
    }

    #[test]
    fn scalars_and_empty_tensors_are_read() {
        let file = floats([7.]);
        assert_eq!(read(&[], &[], 0, &file).unwrap(), [7.]);
        assert_eq!(read(&[0, 3], &[3, 1], 0, &file).unwrap(), [0.0; 0]);
        assert_eq!(read(&[usize::MAX, usize::MAX, 0], &[0, 0, 1], 0, &file).unwrap(), [0.0; 0]);
    }

    #[test]
    fn a_view_beyond_its_storage_is_refused() {
        let file = floats([0., 1., 2.]);
        for (shape, strides, offset) in [
            (vec![4], vec![1], 0),
            (vec![3], vec![1], 1),
            (vec![2], vec![3], 0),
            (vec![2], vec![usize::MAX], 0),
            (vec![usize::MAX, 2], vec![2, 1], 0),
            (vec![1], vec![1], usize::MAX),
            (vec![1; 9], vec![1; 9], 0),
            (vec![1, 1], vec![1], 0),
        ] {
            assert!(read(&shape, &strides, offset, &file).is_err(), "{shape:?} {strides:?} {offset}");
        }
    }

    #[test]
    fn an_expanded_tensor_is_refused_before_anything_is_allocated() {
        let file = floats([1.]);
        for shape in [vec![1 << 40], vec![1 << 40, 1 << 40], vec![2]] {
            let strides = vec![0; shape.len()];
            assert!(read(&shape, &strides, 0, &file).unwrap_err().contains("expanded"));
        }
    }
}
