//! The tiles of the integer products: a few rows times one panel, for each instruction set.
//!
//! Separate so that packing is written once. VNNI multiplies unsigned by signed bytes: there int8 weights are stored 128 higher,
//! and a row's sums start at -128 times the sum of its values. AVX2's own product of bytes saturates, so there the bytes are
//! widened to 16 bits. The dot product of 64-bit Arm multiplies signed bytes as they are. Pairs of 16-bit values have one
//! instruction each on x86. The invariant: all of them give the exact integer sum.

use super::super::simd::Ahead;

/// Computes one tile: packed rows of A times one panel of B, scaled into C.
///
/// `a` holds rows of `groups` 32-bit groups, `b` holds `groups` groups of the kernel's width of columns.
pub(super) type Tile<T> = unsafe fn(a: *const i32, b: *const T, groups: usize, out: Output);

/// Where a tile writes, what it multiplies its sums by, and what it asks for on the way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    pub values: *mut f32,
    /// Values from one row of the output to the next.
    pub stride: usize,
    pub column_scales: *const f32,
    pub bias: *const f32,
    pub row_scales: *const f32,
    pub starts: *const i32,
    /// Asked for in as many steps as there are groups.
    pub ahead: Ahead,
}

/// How one instruction set lays out and multiplies values of one type.
#[derive(Debug, Clone, Copy)]
pub struct Kernel<T: 'static> {
    /// Columns in a panel.
    pub(super) width: usize,
    /// Inputs in a group.
    pub(super) group: usize,
    /// What is added to each weight so that it can be stored unsigned.
    pub(super) offset: i32,
    /// Appends a row of quantized values, a whole number of groups, as groups of 32 bits.
    pub(super) pack: fn(&[T], &mut Vec<i32>),
    /// By height, from 1.
    pub(super) tiles: &'static [Tile<T>],
}

/// Returns all int8 kernels that this machine can run, the fastest last.
pub(super) fn of_bytes() -> Vec<Kernel<i8>> {
    #[allow(unused_mut, reason = "other machines add none")]
    let mut all = vec![portable::BYTES];
    #[cfg(target_arch = "x86_64")]
    all.extend(x86::among([x86::AVX2_BYTES, x86::AVX_VNNI_BYTES, x86::AVX512_VNNI_BYTES]));
    #[cfg(target_arch = "aarch64")]
    if std::arch::is_aarch64_feature_detected!("dotprod") {
        all.push(arm::DOT);
    }
    all
}

/// Returns all int16 kernels that this machine can run, the fastest last.
pub(super) fn of_words() -> Vec<Kernel<i16>> {
    #[allow(unused_mut, reason = "other machines add none")]
    let mut all = vec![portable::WORDS];
    #[cfg(target_arch = "x86_64")]
    all.extend(x86::among([x86::AVX2_WORDS, x86::AVX_VNNI_WORDS, x86::AVX512_VNNI_WORDS]));
    all
}

fn pack_quads(values: &[i8], out: &mut Vec<i32>) {
    out.extend(values.as_chunks::<4>().0.iter().map(|group| i32::from_le_bytes(group.map(|value| value as u8))));
}

fn pack_pairs<T: Copy + Into<i32>>(values: &[T], out: &mut Vec<i32>) {
    let pairs = values.as_chunks::<2>().0.iter();
    out.extend(pairs.map(|[low, high]| (*low).into() & 0xffff | (*high).into() << 16));
}

/// Returns the instances of a tile function by height.
macro_rules! tiles {
    ($name:ident: $($height:literal)*) => { [$($name::<$height>),*] };
}

/// Tiles in plain Rust, for every other machine.
mod portable {
    use super::{Kernel, Output, pack_pairs, pack_quads};

    const WIDTH: usize = 16;
    pub(super) const BYTES: Kernel<i8> =
        Kernel { width: WIDTH, group: 4, offset: 0, pack: pack_quads, tiles: &tiles!(bytes: 1 2 3 4) };
    pub(super) const WORDS: Kernel<i16> =
        Kernel { width: WIDTH, group: 2, offset: 0, pack: pack_pairs, tiles: &tiles!(words: 1 2 3 4) };

    /// # Safety
    /// The pointers must hold what [`Tile`] and [`Output`] say.
    unsafe fn bytes<const M: usize>(a: *const i32, b: *const i8, groups: usize, out: Output) {
        // SAFETY: as the caller keeps it.
        unsafe { tile::<M, 4, i8>(a, b, groups, out, |group| group.to_le_bytes().map(|byte| i32::from(byte as i8))) };
    }

    /// # Safety
    /// The pointers must hold what [`Tile`] and [`Output`] say.
    unsafe fn words<const M: usize>(a: *const i32, b: *const i16, groups: usize, out: Output) {
        // SAFETY: as the caller keeps it.
        unsafe { tile::<M, 2, i16>(a, b, groups, out, |group| [i32::from(group as i16), group >> 16]) };
    }

    /// # Safety
    /// The pointers must hold what [`Tile`] and [`Output`] say.
    unsafe fn tile<const M: usize, const GROUP: usize, T: Copy + Into<i32>>(
        a: *const i32,
        b: *const T,
        groups: usize,
        out: Output,
        unpack: impl Fn(i32) -> [i32; GROUP],
    ) {
        // SAFETY: the caller keeps the sizes that `Tile` says.
        let (a, b) = unsafe {
            (std::slice::from_raw_parts(a, M * groups), std::slice::from_raw_parts(b, groups * WIDTH * GROUP))
        };
        for (row, a) in a.chunks_exact(groups).enumerate() {
            // SAFETY: there is one start and one scale a row, and `WIDTH` scales and biases.
            let (start, scale) = unsafe { (*out.starts.add(row), *out.row_scales.add(row)) };
            let mut sums = [start; WIDTH];
            for (index, (group, b)) in a.iter().zip(b.chunks_exact(WIDTH * GROUP)).enumerate() {
                if row == 0 {
                    out.ahead.ask(index);
                }
                let values = unpack(*group);
                for (sum, weights) in sums.iter_mut().zip(b.as_chunks::<GROUP>().0) {
                    *sum += (0..GROUP).map(|i| values[i] * weights[i].into()).sum::<i32>();
                }
            }
            for (column, sum) in sums.iter().enumerate() {
                // SAFETY: as above, and row `row` of the output has `WIDTH` values.
                unsafe {
                    let factor = scale * *out.column_scales.add(column);
                    let value = (*sum as f32).mul_add(factor, *out.bias.add(column));
                    out.values.add(row * out.stride + column).write(value);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::super::super::simd::{self, Width};
    use super::{Kernel, Output, pack_pairs, pack_quads};
    use std::arch::x86_64::*;

    /// Up to 12 rows of two 512-bit columns: 24 of 32 registers hold sums.
    pub(super) const AVX512_VNNI_BYTES: Kernel<i8> = Kernel {
        width: 32,
        group: 4,
        offset: 128,
        pack: pack_quads,
        tiles: &tiles!(wide_bytes: 1 2 3 4 5 6 7 8 9 10 11 12),
    };
    pub(super) const AVX512_VNNI_WORDS: Kernel<i16> = Kernel {
        width: 32,
        group: 2,
        offset: 0,
        pack: pack_pairs,
        tiles: &tiles!(wide_words: 1 2 3 4 5 6 7 8 9 10 11 12),
    };
    /// Up to 6 rows of two 256-bit columns: 12 of 16 registers hold sums.
    pub(super) const AVX_VNNI_BYTES: Kernel<i8> =
        Kernel { width: 16, group: 4, offset: 128, pack: pack_quads, tiles: &tiles!(narrow_bytes: 1 2 3 4 5 6) };
    pub(super) const AVX_VNNI_WORDS: Kernel<i16> =
        Kernel { width: 16, group: 2, offset: 0, pack: pack_pairs, tiles: &tiles!(narrow_words: 1 2 3 4 5 6) };
    /// The same with 16-bit products and sums apart.
    pub(super) const AVX2_BYTES: Kernel<i8> =
        Kernel { width: 16, group: 2, offset: 0, pack: pack_pairs, tiles: &tiles!(paired_bytes: 1 2 3 4 5 6) };
    pub(super) const AVX2_WORDS: Kernel<i16> =
        Kernel { width: 16, group: 2, offset: 0, pack: pack_pairs, tiles: &tiles!(paired_words: 1 2 3 4 5 6) };

    /// Returns those kernels that this machine can run.
    pub(super) fn among<T>([avx2, avx_vnni, avx512_vnni]: [Kernel<T>; 3]) -> impl Iterator<Item = Kernel<T>> {
        let width = Width::detect();
        let vector = (width != Width::Base).then_some(avx2);
        // A machine that is to be AVX2 at most stands for one without VNNI.
        let has_vnni = is_x86_feature_detected!("avxvnni") && width != Width::Base && !simd::limited();
        let has_wide_vnni = is_x86_feature_detected!("avx512vnni") && width == Width::Avx512;
        vector.into_iter().chain(has_vnni.then_some(avx_vnni)).chain(has_wide_vnni.then_some(avx512_vnni))
    }

    macro_rules! tile {
        ($name:ident: $type:ty, $feature:literal, 512 bits, $group:literal, $weights:expr, $product:expr) => {
            tile!(
                $name: $type, $feature, 16, $group, $weights, $product, _mm512_set1_epi32, _mm512_set1_ps, _mm512_cvtepi32_ps,
                _mm512_loadu_ps, _mm512_mul_ps, _mm512_fmadd_ps, _mm512_storeu_ps
            );
        };
        ($name:ident: $type:ty, $feature:literal, 256 bits, $group:literal, $weights:expr, $product:expr) => {
            tile!(
                $name: $type, $feature, 8, $group, $weights, $product, _mm256_set1_epi32, _mm256_set1_ps, _mm256_cvtepi32_ps,
                _mm256_loadu_ps, _mm256_mul_ps, _mm256_fmadd_ps, _mm256_storeu_ps
            );
        };
        ($name:ident: $type:ty, $feature:literal, $lanes:literal, $group:literal, $weights:expr, $product:expr,
         $set_int:ident, $set:ident, $convert:ident, $load:ident, $mul:ident, $fma:ident, $store:ident) => {
            /// # Safety
            /// The pointers must hold what [`Tile`] and [`Output`] say, and the machine must have the features.
            #[target_feature(enable = $feature)]
            unsafe fn $name<const M: usize>(a: *const i32, b: *const $type, groups: usize, out: Output) {
                // SAFETY: the caller keeps the sizes that `Tile` and `Output` say.
                unsafe {
                    let step = $lanes * $group;
                    let mut sums = [[$set_int(0); 2]; M];
                    for row in 0..M {
                        sums[row] = [$set_int(*out.starts.add(row)); 2];
                    }
                    for group in 0..groups {
                        out.ahead.ask(group);
                        let left = $weights(b.add(group * 2 * step));
                        let right = $weights(b.add(group * 2 * step + step));
                        for row in 0..M {
                            let value = $set_int(*a.add(row * groups + group));
                            sums[row] = [$product(sums[row][0], left, value), $product(sums[row][1], right, value)];
                        }
                    }
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
        wide_bytes: i8, "avx512f,avx512bw,avx512vl,avx512vnni", 512 bits, 4,
        |b: *const i8| _mm512_loadu_si512(b.cast()),
        |sum, weights, value| _mm512_dpbusd_epi32(sum, weights, value)
    );
    tile!(
        wide_words: i16, "avx512f,avx512bw,avx512vl,avx512vnni", 512 bits, 2,
        |b: *const i16| _mm512_loadu_si512(b.cast()),
        |sum, weights, value| _mm512_dpwssd_epi32(sum, weights, value)
    );
    tile!(
        narrow_bytes: i8, "avx2,fma,avxvnni", 256 bits, 4,
        |b: *const i8| _mm256_loadu_si256(b.cast()),
        |sum, weights, value| _mm256_dpbusd_avx_epi32(sum, weights, value)
    );
    tile!(
        narrow_words: i16, "avx2,fma,avxvnni", 256 bits, 2,
        |b: *const i16| _mm256_loadu_si256(b.cast()),
        |sum, weights, value| _mm256_dpwssd_avx_epi32(sum, weights, value)
    );
    tile!(
        paired_bytes: i8, "avx2,fma", 256 bits, 2,
        |b: *const i8| _mm256_cvtepi8_epi16(_mm_loadu_si128(b.cast())),
        |sum, weights, value| _mm256_add_epi32(sum, _mm256_madd_epi16(weights, value))
    );
    tile!(
        paired_words: i16, "avx2,fma", 256 bits, 2,
        |b: *const i16| _mm256_loadu_si256(b.cast()),
        |sum, weights, value| _mm256_add_epi32(sum, _mm256_madd_epi16(weights, value))
    );
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::{Kernel, Output, pack_quads};
    use std::arch::{aarch64::*, asm};

    /// Vectors of four columns in a panel.
    const VECTORS: usize = 4;
    /// Up to 6 rows of four 128-bit columns: 24 of 32 registers hold sums.
    pub(super) const DOT: Kernel<i8> =
        Kernel { width: 4 * VECTORS, group: 4, offset: 0, pack: pack_quads, tiles: &tiles!(dot: 1 2 3 4 5 6) };

    /// Adds to each sum the products of its four weights with its four values.
    #[inline]
    #[target_feature(enable = "neon,dotprod")]
    fn dot_add(mut sums: int32x4_t, weights: int8x16_t, values: int8x16_t) -> int32x4_t {
        // SAFETY: the instruction works on these registers alone. It has no stable function yet.
        unsafe {
            asm!(
                "sdot {sums:v}.4s, {weights:v}.16b, {values:v}.16b",
                sums = inout(vreg) sums, weights = in(vreg) weights, values = in(vreg) values,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        sums
    }

    /// # Safety
    /// The pointers must hold what [`Tile`] and [`Output`] say, and the machine must have the features.
    #[target_feature(enable = "neon,dotprod")]
    unsafe fn dot<const M: usize>(a: *const i32, b: *const i8, groups: usize, out: Output) {
        // SAFETY: the caller keeps the sizes that `Tile` and `Output` say.
        unsafe {
            let mut sums = [[vdupq_n_s32(0); VECTORS]; M];
            for row in 0..M {
                sums[row] = [vdupq_n_s32(*out.starts.add(row)); VECTORS];
            }
            for group in 0..groups {
                out.ahead.ask(group);
                let weights: [int8x16_t; VECTORS] =
                    std::array::from_fn(|i| vld1q_s8(b.add((group * VECTORS + i) * 16)));
                for row in 0..M {
                    let values = vreinterpretq_s8_s32(vdupq_n_s32(*a.add(row * groups + group)));
                    for i in 0..VECTORS {
                        sums[row][i] = dot_add(sums[row][i], weights[i], values);
                    }
                }
            }
            for row in 0..M {
                for (i, sum) in sums[row].into_iter().enumerate() {
                    let factor = vmulq_n_f32(vld1q_f32(out.column_scales.add(i * 4)), *out.row_scales.add(row));
                    let value = vfmaq_f32(vld1q_f32(out.bias.add(i * 4)), vcvtq_f32_s32(sum), factor);
                    vst1q_f32(out.values.add(row * out.stride + i * 4), value);
                }
            }
        }
    }
}
