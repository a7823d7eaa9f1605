//! Matrix product of a few rows with a large packed weight matrix, in f32: where the time goes.
//!
//! Separate from `linear.rs`, which decides what to multiply; here is only how. The weights are packed once into
//! panels of a few vectors of columns, so that the inner loop streams through memory. The invariant: each output
//! value is one chain of fused multiply-adds over k = 0, 1, 2, ..., started at the bias, whatever the row count, the
//! tile height or the vector width; a row's result never depends on its neighbours.

use super::{
    panels::{Elementwise, Panels, bands, padded_bias, prefetched, taken},
    simd::{Ahead, Width},
};
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// A weight matrix packed in f32.
#[derive(Debug)]
pub struct Packed {
    /// Panels of the kernel's width of columns; a panel holds row after row of `width` values. The last is padded with zeros.
    panels: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
    outputs: usize,
    kernel: Kernel,
}

/// Computes one tile: `rows` packed rows of A times one panel of B, into C.
///
/// `a` holds `k` groups of `rows` values, `b` holds `k` groups of `width` values, `bias` holds `width` values, and `c`
/// points at `rows` rows of `width` values, `c_stride` apart. `ahead` is asked for in `k` steps.
type Tile =
    unsafe fn(a: *const f32, b: *const f32, bias: *const f32, k: usize, c: *mut f32, c_stride: usize, ahead: Ahead);

/// The tile functions of one instruction set, by height.
#[derive(Debug, Clone, Copy)]
struct Kernel {
    width: usize,
    tiles: &'static [Tile],
}

impl Kernel {
    fn detect() -> Kernel {
        match Width::detect() {
            #[cfg(target_arch = "x86_64")]
            Width::Avx512 => Kernel { width: 32, tiles: &x86::AVX512 },
            #[cfg(target_arch = "x86_64")]
            Width::Avx2 => Kernel { width: 16, tiles: &x86::AVX2 },
            _ => Kernel { width: 16, tiles: &portable::TILES },
        }
    }
}

impl Packed {
    /// Packs a weight matrix of shape (outputs, inputs), row-major, with a bias of `outputs` values or none.
    pub fn new(weight: &[f32], bias: Option<&[f32]>, outputs: usize, inputs: usize) -> Packed {
        Packed::with_kernel(weight, bias, outputs, inputs, Kernel::detect())
    }

    fn with_kernel(weight: &[f32], bias: Option<&[f32]>, outputs: usize, inputs: usize, kernel: Kernel) -> Packed {
        assert_eq!(weight.len(), outputs * inputs, "a weight matrix has outputs * inputs values");
        let width = kernel.width;
        let padded = outputs.next_multiple_of(width);
        let mut panels = vec![0f32; padded * inputs];
        let panel = |(panel, rows): (&mut [f32], &[f32])| {
            for (column, row) in rows.chunks_exact(inputs).enumerate() {
                for (k, value) in row.iter().enumerate() {
                    panel[k * width + column] = *value;
                }
            }
        };
        panels.par_chunks_exact_mut(width * inputs).zip(weight.par_chunks(width * inputs)).for_each(panel);
        Packed { panels, bias: padded_bias(bias, padded), inputs, outputs, kernel }
    }
}

impl Panels for Packed {
    type Input = Tiles;

    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn width(&self) -> usize {
        self.kernel.width
    }

    fn prepare(&self, x: &[f32], first: Option<Elementwise>) -> Tiles {
        Tiles::new(x, first, x.len() / self.inputs, self.inputs, self.kernel.tiles.len())
    }

    fn panel(&self, tiles: &Tiles, panel: usize, out: &mut [MaybeUninit<f32>], stride: usize) {
        let width = self.kernel.width;
        let b = &self.panels[panel * width * self.inputs..(panel + 1) * width * self.inputs];
        let bias = &self.bias[panel * width..(panel + 1) * width];
        let mut next = prefetched(&self.panels, panel + 1, width * self.inputs, tiles.list.len());
        for tile in &tiles.list {
            let ahead = Ahead::of(next.next().unwrap_or(&b[..0]), self.inputs);
            let start = tile.row * stride;
            let end = start + (tile.height - 1) * stride + width;
            let a = &tiles.packed[tile.row * self.inputs..(tile.row + tile.height) * self.inputs];
            let c = &mut out[start..end];
            let function = self.kernel.tiles[tile.height - 1];
            // SAFETY: `a`, `b`, `bias` and `c` were sliced just above to exactly what a tile of this height reads and
            // writes, and the kernel was chosen by the features this machine has.
            unsafe {
                function(a.as_ptr(), b.as_ptr(), bias.as_ptr(), self.inputs, c.as_mut_ptr().cast(), stride, ahead)
            };
        }
    }
}

/// A horizontal band of the input.
#[derive(Debug)]
struct TileRows {
    row: usize,
    height: usize,
}

/// The input, cut into bands of nearly equal height and transposed within each: k-major, as the tiles read it.
#[derive(Debug)]
pub struct Tiles {
    packed: Vec<f32>,
    list: Vec<TileRows>,
}

impl Tiles {
    fn new(x: &[f32], first: Option<Elementwise>, rows: usize, inputs: usize, tallest: usize) -> Tiles {
        let mut scratch = Vec::new();
        let mut packed = vec![0f32; rows * inputs];
        let mut list = Vec::with_capacity(rows.div_ceil(tallest));
        for (row, height) in bands(rows, tallest) {
            let band = taken(first, &x[row * inputs..(row + height) * inputs], &mut scratch);
            let into = &mut packed[row * inputs..(row + height) * inputs];
            for (k, group) in into.chunks_exact_mut(height).enumerate() {
                for (i, value) in group.iter_mut().enumerate() {
                    *value = band[i * inputs + k];
                }
            }
            list.push(TileRows { row, height });
        }
        Tiles { packed, list }
    }
}

/// Tiles in plain Rust: NEON on Arm. An x86 machine without fused multiply-add gets the same bits from them, slowly.
mod portable {
    use super::{Ahead, Tile};

    const WIDTH: usize = 16;
    pub(super) static TILES: [Tile; 4] = [tile::<1>, tile::<2>, tile::<3>, tile::<4>];

    /// # Safety
    /// The pointers must hold what [`Tile`] says.
    unsafe fn tile<const M: usize>(
        a: *const f32,
        b: *const f32,
        bias: *const f32,
        k: usize,
        c: *mut f32,
        stride: usize,
        ahead: Ahead,
    ) {
        // SAFETY: the caller keeps the sizes that `Tile` says.
        let (a, b, bias) = unsafe {
            (
                std::slice::from_raw_parts(a, k * M),
                std::slice::from_raw_parts(b, k * WIDTH),
                std::slice::from_raw_parts(bias, WIDTH),
            )
        };
        let mut sums = [[0f32; WIDTH]; M];
        for row in &mut sums {
            row.copy_from_slice(bias);
        }
        for (step, (a, b)) in a.chunks_exact(M).zip(b.chunks_exact(WIDTH)).enumerate() {
            ahead.ask(step);
            for (row, value) in sums.iter_mut().zip(a) {
                for (sum, weight) in row.iter_mut().zip(b) {
                    *sum = value.mul_add(*weight, *sum);
                }
            }
        }
        for (i, row) in sums.iter().enumerate() {
            // SAFETY: row `i` of `c` has `WIDTH` values, `stride` apart from the next, as `Tile` says.
            unsafe { std::ptr::copy_nonoverlapping(row.as_ptr(), c.add(i * stride), WIDTH) };
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Ahead, Tile};
    use std::arch::x86_64::*;

    /// Up to 14 rows of two 512-bit columns: 28 of 32 registers hold sums.
    pub(super) static AVX512: [Tile; 14] = [
        wide::<1>, wide::<2>, wide::<3>, wide::<4>, wide::<5>, wide::<6>, wide::<7>, wide::<8>, wide::<9>, wide::<10>,
        wide::<11>, wide::<12>, wide::<13>, wide::<14>,
    ];

    /// Up to 6 rows of two 256-bit columns: 12 of 16 registers hold sums.
    pub(super) static AVX2: [Tile; 6] = [middle::<1>, middle::<2>, middle::<3>, middle::<4>, middle::<5>, middle::<6>];

    macro_rules! tile {
        ($name:ident, $feature:literal, $lanes:literal, $load:ident, $set:ident, $fma:ident, $store:ident) => {
            /// # Safety
            /// The pointers must hold what [`Tile`] says, and the machine must have the features.
            #[target_feature(enable = $feature)]
            unsafe fn $name<const M: usize>(
                a: *const f32,
                b: *const f32,
                bias: *const f32,
                k: usize,
                c: *mut f32,
                stride: usize,
                ahead: Ahead,
            ) {
                // SAFETY: the caller keeps the sizes that `Tile` says.
                unsafe {
                    let start = [$load(bias), $load(bias.add($lanes))];
                    let mut sums = [start; M];
                    for step in 0..k {
                        ahead.ask(step);
                        let left = $load(b.add(step * 2 * $lanes));
                        let right = $load(b.add(step * 2 * $lanes + $lanes));
                        for row in 0..M {
                            let value = $set(*a.add(step * M + row));
                            sums[row] = [$fma(value, left, sums[row][0]), $fma(value, right, sums[row][1])];
                        }
                    }
                    for row in 0..M {
                        $store(c.add(row * stride), sums[row][0]);
                        $store(c.add(row * stride + $lanes), sums[row][1]);
                    }
                }
            }
        };
    }
    tile!(wide, "avx512f", 16, _mm512_loadu_ps, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_storeu_ps);
    tile!(middle, "avx2,fma", 8, _mm256_loadu_ps, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::tests::values;

    fn kernels() -> Vec<Kernel> {
        #[allow(unused_mut, reason = "other machines add none")]
        let mut list = vec![Kernel { width: 16, tiles: &portable::TILES }];
        #[cfg(target_arch = "x86_64")]
        {
            if Width::detect() != Width::Base {
                list.push(Kernel { width: 16, tiles: &x86::AVX2 });
            }
            if Width::detect() == Width::Avx512 {
                list.push(Kernel { width: 32, tiles: &x86::AVX512 });
            }
        }
        list
    }

    /// One chain of fused multiply-adds over k, as the module promises.
    fn chain(x: &[f32], weight: &[f32], bias: f32) -> f32 {
        x.iter().zip(weight).fold(bias, |sum, (a, b)| a.mul_add(*b, sum))
    }

    #[test]
    fn every_kernel_gives_the_same_bits_for_every_row_count_and_ragged_width() {
        for (outputs, inputs) in [(1, 1), (16, 8), (45, 7), (64, 33), (97, 24)] {
            let (weight, bias) = (values(outputs * inputs, 1), values(outputs, 2));
            for kernel in kernels() {
                let packed = Packed::with_kernel(&weight, Some(&bias), outputs, inputs, kernel);
                for rows in [1, 2, 5, 13, 14, 15, 29, 64] {
                    let x = values(rows * inputs, 3);
                    let got = packed.multiply(&x);
                    for (i, value) in got.iter().enumerate() {
                        let (row, column) = (i / outputs, i % outputs);
                        let want = chain(
                            &x[row * inputs..(row + 1) * inputs],
                            &weight[column * inputs..(column + 1) * inputs],
                            bias[column],
                        );
                        assert_eq!(value.to_bits(), want.to_bits(), "{rows} rows, {outputs} x {inputs}");
                    }
                }
            }
        }
    }

    #[test]
    fn no_rows_give_no_output() {
        assert!(Packed::new(&[1.0, 2.0], None, 1, 2).multiply(&[]).is_empty());
    }
}
