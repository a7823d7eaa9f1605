//! Weight matrices cut into panels of columns: what the f32 and the int8 product have in common.
//!
//! Separate so that the layers and the output projection walk panels without knowing their arithmetic. The invariant:
//! each value of a product depends on its row and its column alone, never on the row's company.

use std::mem::MaybeUninit;

/// Returns the parts of panel `index` to ask for during each of `tiles` tiles of the panel before it.
///
/// All of it at once would keep the tiles waiting.
pub fn prefetched<T>(panels: &[T], index: usize, size: usize, tiles: usize) -> std::slice::Chunks<'_, T> {
    let panel = panels.get(index * size..(index + 1) * size).unwrap_or_default();
    panel.chunks(size.div_ceil(tiles.max(1)).max(1))
}

/// Returns a bias, or zeros for none, with zeros for the columns that fill the last panel.
pub fn padded_bias(bias: Option<&[f32]>, columns: usize) -> Vec<f32> {
    let mut padded = bias.map_or_else(Vec::new, <[f32]>::to_vec);
    padded.resize(columns, 0.0);
    padded
}

/// Cuts rows into as few bands of at most `tallest` as there can be, of nearly equal height: (first row, height) each.
pub fn bands(rows: usize, tallest: usize) -> impl ExactSizeIterator<Item = (usize, usize)> {
    let count = rows.div_ceil(tallest);
    (0..count).map(move |i| {
        let first = i * (rows / count) + i.min(rows % count);
        (first, rows / count + usize::from(i < rows % count))
    })
}

/// A function of each value alone; what it returns is appended.
pub type Elementwise = fn(&[f32], &mut Vec<f32>);

/// Returns `x`, or where a function is to be taken first what it makes of `x`, in `scratch`.
pub fn taken<'a>(first: Option<Elementwise>, x: &'a [f32], scratch: &'a mut Vec<f32>) -> &'a [f32] {
    let Some(first) = first else { return x };
    scratch.clear();
    first(x, scratch);
    scratch
}

/// A weight matrix, (outputs, inputs), packed for products with a few rows.
pub trait Panels {
    /// Rows of an input as the kernel reads them.
    type Input;

    /// Returns the count of input columns.
    fn inputs(&self) -> usize;

    /// Returns the count of output columns.
    fn outputs(&self) -> usize;

    /// Returns the count of output columns in a panel; the last panel is padded to it.
    fn width(&self) -> usize;

    /// Returns `x`, (rows, inputs), or a function of it, as the kernel reads it.
    fn prepare(&self, x: &[f32], first: Option<Elementwise>) -> Self::Input;

    /// Computes one panel for all rows: row `i` is written at `out[i * stride..][..width]`.
    fn panel(&self, input: &Self::Input, panel: usize, out: &mut [MaybeUninit<f32>], stride: usize);

    /// Returns `x * weight^T + bias`, shape (rows, outputs), for `x` of shape (rows, inputs).
    fn multiply(&self, x: &[f32]) -> Vec<f32> {
        self.multiply_of(x, None)
    }

    /// Returns `multiply` of `x`, or of a function of it.
    fn multiply_of(&self, x: &[f32], first: Option<Elementwise>) -> Vec<f32> {
        let rows = x.len() / self.inputs();
        let (outputs, width) = (self.outputs(), self.width());
        if rows == 0 {
            return Vec::new();
        }
        // Zeroing megabytes at every layer would cost more than its norm.
        let mut out = Vec::with_capacity(rows * outputs);
        let cells = &mut out.spare_capacity_mut()[..rows * outputs];
        let input = self.prepare(x, first);
        let full = outputs / width;
        for panel in 0..full {
            self.panel(&input, panel, &mut cells[panel * width..], outputs);
        }
        let kept = outputs - full * width;
        if kept > 0 {
            // The padded last panel is computed beside the output and its true columns are copied over.
            let mut edge = vec![MaybeUninit::uninit(); rows * width];
            self.panel(&input, full, &mut edge, width);
            for (row, values) in cells.chunks_exact_mut(outputs).zip(edge.chunks_exact(width)) {
                row[full * width..].copy_from_slice(&values[..kept]);
            }
        }
        // SAFETY: `panel` writes `width` columns of every row, and the panels with the edge cover all columns.
        unsafe { out.set_len(rows * outputs) };
        out
    }
}
