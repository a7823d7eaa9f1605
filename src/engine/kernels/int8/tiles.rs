//! The tiles of the int8 product: a few rows times one panel, for each instruction set.
//!
//! Separate so that packing is written once. The byte products of x86 take unsigned by signed values: rows of the input are stored
//! higher by an offset, and a column's sums start at minus the offset times the sum of its weights. AVX2's product adds
//! in 16 bits that saturate: it takes rows without their signs, or weights that [`Depth::Narrow`] keeps small enough. The
//! invariant: all of them give the exact integer sum.

use super::{
    super::simd::{self, Width},
    Depth,
};

/// Inputs in a group: what one 32-bit broadcast carries.
pub(super) const GROUP: usize = 4;

/// Inputs in a step of a tile; inputs are padded to whole steps.
pub(super) const STEP: usize = 2 * GROUP;

/// Computes one tile: packed rows of A times one panel of B, scaled into C.
///
/// `a` holds rows of `groups` 32-bit groups, `b` holds `groups` groups of the kernel's width of columns; `groups` is even.
pub(super) type Tile = unsafe fn(a: *const i32, b: *const i8, groups: usize, out: Output);

/// Where a tile writes, and what it multiplies its sums by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    pub values: *mut f32,
    /// Values from one row of the output to the next.
    pub stride: usize,
    pub row_scales: *const f32,
    pub column_scales: *const f32,
    pub bias: *const f32,
    /// Where a column's sums start.
    pub starts: *const i32,
}

/// How one instruction set lays out and multiplies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernel {
    /// Columns in a panel.
    pub width: usize,
    /// What is added to each value of a row of the input so that it can be stored unsigned.
    pub offset: i32,
    /// By height, from 1.
    pub tiles: &'static [Tile],
}

impl Kernel {
    /// Returns the fastest of this machine.
    pub fn detect(depth: Depth) -> Kernel {
        Kernel::all(depth).pop().unwrap_or(portable::KERNEL)
    }

    /// Returns all that this machine can run on weights of this depth, the fastest last.
    pub fn all(depth: Depth) -> Vec<Kernel> {
        #[allow(unused_mut, reason = "other machines add none")]
        let mut all = vec![portable::KERNEL];
        #[cfg(target_arch = "x86_64")]
        {
            if Width::detect() != Width::Base {
                all.push(x86::AVX2);
                if depth == Depth::Narrow {
                    all.push(x86::AVX2_NARROW);
                }
            }
            // A machine that is to be AVX2 at most stands for one without VNNI.
            if is_x86_feature_detected!("avxvnni") && Width::detect() != Width::Base && !simd::limited() {
                all.push(x86::AVX_VNNI);
            }
            if is_x86_feature_detected!("avx512vnni") && Width::detect() == Width::Avx512 {
                all.push(x86::AVX512_VNNI);
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = depth;
        all
    }
}

/// The most to which weights of one sign may add up wherever [`Depth::Narrow`] adds four of them in 16 bits: 255 times
/// 128 is the most that these hold, and each of the four may have been rounded up by a half.
pub(super) const NARROW_SUM: f32 = 126.0;

/// Returns the larger of the sums of the positive and of the negative weights of any four that are added in 16 bits.
pub(super) fn largest_sum(weights: &[f32]) -> f32 {
    let half = |step: &[f32], first: usize| {
        let mut sums = [0f32; 2];
        for k in [first, first + 1, first + GROUP, first + GROUP + 1] {
            let value = step.get(k).copied().unwrap_or_default();
            sums[usize::from(value < 0.0)] += value.abs();
        }
        sums[0].max(sums[1])
    };
    weights.chunks(STEP).map(|step| half(step, 0).max(half(step, 2))).fold(0.0, f32::max)
}

/// Tiles in plain Rust, for every other machine.
mod portable {
    use super::{GROUP, Kernel, Output, Tile};

    const WIDTH: usize = 16;
    pub(super) const KERNEL: Kernel = Kernel { width: WIDTH, offset: 128, tiles: &TILES };
    static TILES: [Tile; 4] = [tile::<1>, tile::<2>, tile::<3>, tile::<4>];

    /// # Safety
    /// The pointers must hold what [`Tile`] and [`Output`] say.
    unsafe fn tile<const M: usize>(a: *const i32, b: *const i8, groups: usize, out: Output) {
        // SAFETY: the caller keeps the sizes that `Tile` and `Output` say.
        let (a, b, starts) = unsafe {
            (
                std::slice::from_raw_parts(a, M * groups),
                std::slice::from_raw_parts(b, groups * WIDTH * GROUP),
                std::slice::from_raw_parts(out.starts, WIDTH),
            )
        };
        for (row, a) in a.chunks_exact(groups).enumerate() {
            let mut sums = [0; WIDTH];
            sums.copy_from_slice(starts);
            for (group, b) in a.iter().zip(b.chunks_exact(WIDTH * GROUP)) {
                let values = group.to_le_bytes().map(i32::from);
                for (sum, weights) in sums.iter_mut().zip(b.as_chunks::<GROUP>().0) {
                    *sum += (0..GROUP).map(|i| values[i] * i32::from(weights[i])).sum::<i32>();
                }
            }
            for (column, sum) in sums.iter().enumerate() {
                // SAFETY: there is a scale a row, `WIDTH` scales and biases, and row `row` of the output has `WIDTH` values.
                unsafe {
                    let factor = *out.row_scales.add(row) * *out.column_scales.add(column);
                    let value = (*sum as f32).mul_add(factor, *out.bias.add(column));
                    out.values.add(row * out.stride + column).write(value);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{GROUP, Kernel, Output, Tile};
    use std::arch::x86_64::*;

    /// Up to 12 rows of two 512-bit columns: 24 of 32 registers hold sums.
    pub(super) const AVX512_VNNI: Kernel = Kernel { width: 32, offset: 128, tiles: &WIDE_TILES };
    /// Up to 6 rows of two 256-bit columns: 12 of 16 registers hold sums.
    pub(super) const AVX_VNNI: Kernel = Kernel { width: 16, offset: 128, tiles: &NARROW_TILES };
    /// Up to 5 rows of two 256-bit columns, the sign of each value moved to the weights: 2 * 127 * 127 fits 16 bits.
    pub(super) const AVX2: Kernel = Kernel { width: 16, offset: 0, tiles: &SIGNED_TILES };
    /// Up to 6 rows of one 256-bit column, twice; half as many additions in 32 bits.
    pub(super) const AVX2_NARROW: Kernel = Kernel { width: 16, offset: 128, tiles: &PAIR_TILES };

    static WIDE_TILES: [Tile; 12] = [
        wide::<1>, wide::<2>, wide::<3>, wide::<4>, wide::<5>, wide::<6>, wide::<7>, wide::<8>, wide::<9>, wide::<10>,
        wide::<11>, wide::<12>,
    ];
    static NARROW_TILES: [Tile; 6] = [narrow::<1>, narrow::<2>, narrow::<3>, narrow::<4>, narrow::<5>, narrow::<6>];
    static SIGNED_TILES: [Tile; 5] = [signed::<1>, signed::<2>, signed::<3>, signed::<4>, signed::<5>];
    static PAIR_TILES: [Tile; 6] = [pairs::<1>, pairs::<2>, pairs::<3>, pairs::<4>, pairs::<5>, pairs::<6>];

    /// Adds products with an instruction that takes groups of four: a broadcast serves both halves of the panel.
    macro_rules! quads {
        ($sums:ident, $a:ident, $weights:ident, $groups:ident, $set:ident, $product:expr) => {
            for group in 0..$groups {
                let (left, right) = ($weights(group, 0), $weights(group, 1));
                for row in 0..M {
                    let values = $set(*$a.add(row * $groups + group));
                    $sums[row] = [$product($sums[row][0], values, left), $product($sums[row][1], values, right)];
                }
            }
        };
    }

    /// Adds products in 16 bits over two groups, then in 32; one half of the panel after the other, since values shared by both
    /// would push sums out of the registers.
    macro_rules! pairs_of_groups {
        ($sums:ident, $a:ident, $weights:ident, $groups:ident, $set:ident, $product:expr) => {
            for half in 0..2 {
                for group in (0..$groups).step_by(2) {
                    let (first, second) = ($weights(group, half), $weights(group + 1, half));
                    for row in 0..M {
                        let values = |group: usize| $set(*$a.add(row * $groups + group));
                        let pairs =
                            _mm256_add_epi16($product(values(group), first), $product(values(group + 1), second));
                        $sums[row][half] =
                            _mm256_add_epi32($sums[row][half], _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
                    }
                }
            }
        };
    }

    macro_rules! tile {
        ($name:ident, $feature:literal, $lanes:literal, $walk:ident, $product:expr, $load_int:ident,
         $set_int:ident, $set:ident, $convert:ident, $load:ident, $mul:ident, $fma:ident, $store:ident) => {
            /// # Safety
            /// The pointers must hold what [`Tile`] and [`Output`] say, and the machine must have the features.
            #[target_feature(enable = $feature)]
            unsafe fn $name<const M: usize>(a: *const i32, b: *const i8, groups: usize, out: Output) {
                // SAFETY: the caller keeps the sizes that `Tile` and `Output` say.
                unsafe {
                    let start = |half: usize| $load_int(out.starts.add(half * $lanes).cast());
                    let weights =
                        |group: usize, half: usize| $load_int(b.add((group * 2 + half) * $lanes * GROUP).cast());
                    let mut sums = [[start(0), start(1)]; M];
                    $walk!(sums, a, weights, groups, $set_int, $product);
                    for row in 0..M {
                        let scale = $set(*out.row_scales.add(row));
                        for (half, sum) in sums[row].into_iter().enumerate() {
                            let factor = $mul(scale, $load(out.column_scales.add(half * $lanes)));
                            let value = $fma($convert(sum), factor, $load(out.bias.add(half * $lanes)));
                            $store(out.values.add(row * out.stride + half * $lanes), value);
                        }
                    }
                }
            }
        };
    }
    tile!(
        wide,
        "avx512f,avx512bw,avx512vl,avx512vnni",
        16,
        quads,
        |sum, values, weights| _mm512_dpbusd_epi32(sum, values, weights),
        _mm512_loadu_si512,
        _mm512_set1_epi32,
        _mm512_set1_ps,
        _mm512_cvtepi32_ps,
        _mm512_loadu_ps,
        _mm512_mul_ps,
        _mm512_fmadd_ps,
        _mm512_storeu_ps
    );
    tile!(
        narrow,
        "avx2,fma,avxvnni",
        8,
        quads,
        |sum, values, weights| _mm256_dpbusd_avx_epi32(sum, values, weights),
        _mm256_loadu_si256,
        _mm256_set1_epi32,
        _mm256_set1_ps,
        _mm256_cvtepi32_ps,
        _mm256_loadu_ps,
        _mm256_mul_ps,
        _mm256_fmadd_ps,
        _mm256_storeu_ps
    );
    tile!(
        signed,
        "avx2,fma",
        8,
        quads,
        |sum, values, weights| {
            let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(values), _mm256_sign_epi8(weights, values));
            _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
        },
        _mm256_loadu_si256,
        _mm256_set1_epi32,
        _mm256_set1_ps,
        _mm256_cvtepi32_ps,
        _mm256_loadu_ps,
        _mm256_mul_ps,
        _mm256_fmadd_ps,
        _mm256_storeu_ps
    );
    tile!(
        pairs,
        "avx2,fma",
        8,
        pairs_of_groups,
        |values, weights| _mm256_maddubs_epi16(values, weights),
        _mm256_loadu_si256,
        _mm256_set1_epi32,
        _mm256_set1_ps,
        _mm256_cvtepi32_ps,
        _mm256_loadu_ps,
        _mm256_mul_ps,
        _mm256_fmadd_ps,
        _mm256_storeu_ps
    );
}
