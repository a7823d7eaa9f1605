//! The sums of looked-up entries over a stripe of rows, for each instruction set.
//!
//! Separate so that codes are found once and laid out as each set looks bytes up. AVX-512 with VBMI looks 64 bytes up in the
//! tables of four subspaces at once, so there the four codes of a row lie side by side, each with its subspace in the bits above it,
//! and one dot product with ones adds them. AVX2 and Arm look sixteen bytes up in the table of one subspace, so there the
//! codes of sixteen rows lie side by side. The invariant: all of them give the exact integer sum.

use super::{CENTROIDS, GROUP, STRIPE, TILE};

/// Sums the entries of `N` vectors over a stripe of rows: `groups` groups of codes a tile, `STRIPE` sums for each.
pub(super) type Scan<const N: usize> =
    unsafe fn(codes: *const u8, tables: [*const u8; N], groups: usize, sums: [*mut i32; N]);

/// Bytes of the codes of one tile and group, and of the tables of one group.
const BYTES: usize = TILE * GROUP;

/// How one instruction set lays codes out and sums entries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernel {
    /// Lays the codes of a stripe, row after row of `groups` groups, out for the kernel.
    pub(super) arrange: fn(&[u8], groups: usize, out: &mut [u8]),
    pub(super) one: Scan<1>,
    pub(super) two: Scan<2>,
}

/// Returns all kernels that this machine can run, the fastest last.
pub(super) fn kernels() -> Vec<Kernel> {
    #[allow(unused_mut, reason = "other machines add none")]
    let mut all = vec![Kernel { arrange: by_subspace, one: portable, two: portable }];
    #[cfg(target_arch = "x86_64")]
    all.extend(x86::kernels());
    #[cfg(target_arch = "aarch64")]
    all.push(Kernel { arrange: by_subspace, one: arm::scan, two: arm::scan });
    all
}

/// Lays the codes of a tile's rows side by side, subspace after subspace.
fn by_subspace(codes: &[u8], groups: usize, out: &mut [u8]) {
    arrange(codes, groups, out, |row, subspace| (subspace * TILE + row, 0));
}

/// Calls `place` for each row and subspace of a tile's group: where its code goes, and what is set above it.
fn arrange(codes: &[u8], groups: usize, out: &mut [u8], place: impl Fn(usize, usize) -> (usize, u8)) {
    for (tile, out) in codes.chunks_exact(TILE * groups * GROUP).zip(out.chunks_exact_mut(groups * BYTES)) {
        for (row, codes) in tile.chunks_exact(groups * GROUP).enumerate() {
            for (codes, out) in codes.chunks_exact(GROUP).zip(out.chunks_exact_mut(BYTES)) {
                for (subspace, code) in codes.iter().enumerate() {
                    let (at, above) = place(row, subspace);
                    out[at] = code | above;
                }
            }
        }
    }
}

/// # Safety
/// The pointers must hold what [`Scan`] says.
unsafe fn portable<const N: usize>(codes: *const u8, tables: [*const u8; N], groups: usize, sums: [*mut i32; N]) {
    for (table, sums) in tables.into_iter().zip(sums) {
        // SAFETY: the caller keeps the sizes that `Scan` says.
        let (codes, table, sums) = unsafe {
            (
                std::slice::from_raw_parts(codes, STRIPE * groups * GROUP),
                std::slice::from_raw_parts(table, groups * GROUP * CENTROIDS),
                std::slice::from_raw_parts_mut(sums, STRIPE),
            )
        };
        for (codes, sums) in codes.chunks_exact(groups * BYTES).zip(sums.chunks_exact_mut(TILE)) {
            sums.fill(0);
            for (codes, table) in codes.chunks_exact(TILE).zip(table.chunks_exact(CENTROIDS)) {
                for (sum, code) in sums.iter_mut().zip(codes) {
                    *sum += i32::from(table[usize::from(*code)]);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::super::super::simd::Width;
    use super::{BYTES, GROUP, Kernel, STRIPE, TILE, arrange, by_subspace};
    use std::arch::x86_64::*;

    /// Tiles that are summed side by side.
    const WIDE: usize = STRIPE / TILE;
    const NARROW: usize = 2;

    /// Groups whose entries are summed in bytes, and bytes of the tables of two subspaces.
    const TOGETHER: usize = 2;
    const HALF: usize = BYTES / 2;

    /// Returns those kernels that this machine can run.
    pub(super) fn kernels() -> impl Iterator<Item = Kernel> {
        let width = Width::detect();
        let narrow = (width != Width::Base).then_some(Kernel { arrange: by_subspace, one: narrow, two: narrow });
        let has_wide =
            is_x86_feature_detected!("avx512vbmi") && is_x86_feature_detected!("avx512vnni") && width == Width::Avx512;
        let wide = has_wide.then_some(Kernel { arrange: by_row, one: wide, two: wide });
        narrow.into_iter().chain(wide)
    }

    /// Lays the codes of each row side by side; the two bits above a code name its table.
    fn by_row(codes: &[u8], groups: usize, out: &mut [u8]) {
        arrange(codes, groups, out, |row, subspace| (row * GROUP + subspace, (subspace as u8) << 4));
    }

    /// # Safety
    /// The pointers must hold what [`Scan`](super::Scan) says, and the machine must have the features.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx512vbmi")]
    unsafe fn wide<const N: usize>(codes: *const u8, tables: [*const u8; N], groups: usize, sums: [*mut i32; N]) {
        // SAFETY: the caller keeps the sizes that `Scan` says.
        unsafe {
            let ones = _mm512_set1_epi8(1);
            let mut totals = [[_mm512_setzero_si512(); N]; WIDE];
            for group in 0..groups {
                let entries = tables.map(|table| _mm512_loadu_si512(table.add(group * BYTES).cast()));
                for (tile, totals) in totals.iter_mut().enumerate() {
                    let places = _mm512_loadu_si512(codes.add((tile * groups + group) * BYTES).cast());
                    for (total, entries) in totals.iter_mut().zip(entries) {
                        *total = _mm512_dpbusd_epi32(*total, _mm512_permutexvar_epi8(places, entries), ones);
                    }
                }
            }
            for (tile, totals) in totals.into_iter().enumerate() {
                for (vector, total) in totals.into_iter().enumerate() {
                    _mm512_storeu_si512(sums[vector].add(tile * TILE).cast(), total);
                }
            }
        }
    }

    /// # Safety
    /// The pointers must hold what [`Scan`](super::Scan) says, and the machine must have the features.
    #[target_feature(enable = "avx2")]
    unsafe fn narrow<const N: usize>(codes: *const u8, tables: [*const u8; N], groups: usize, sums: [*mut i32; N]) {
        // SAFETY: the caller keeps the sizes that `Scan` says.
        unsafe {
            let low = _mm256_set1_epi16(0xff);
            for first in (0..STRIPE / TILE).step_by(NARROW) {
                // Of every 16 bits the sum of the even rows, and that of the odd ones: two halves hold two subspaces.
                let mut totals = [[[_mm256_setzero_si256(); 2]; N]; NARROW];
                let mut group = 0;
                while group < groups {
                    // Entries of two groups have room in a byte: four of 63 at most.
                    let count = TOGETHER.min(groups - group);
                    for vector in 0..N {
                        let table = |i: usize| tables[vector].add(group * BYTES + i * HALF);
                        let entries: [__m256i; 2 * TOGETHER] = std::array::from_fn(|i| match i < 2 * count {
                            true => _mm256_loadu_si256(table(i).cast()),
                            false => _mm256_setzero_si256(),
                        });
                        for (tile, totals) in totals.iter_mut().enumerate() {
                            let places = codes.add(((first + tile) * groups + group) * BYTES);
                            let found = |i: usize| {
                                let places = _mm256_loadu_si256(places.add(i * HALF).cast());
                                _mm256_shuffle_epi8(entries[i], places)
                            };
                            let mut sum = _mm256_add_epi8(found(0), found(1));
                            if count == TOGETHER {
                                sum = _mm256_add_epi8(sum, _mm256_add_epi8(found(2), found(3)));
                            }
                            let [even, odd] = totals[vector];
                            totals[vector] = [
                                _mm256_add_epi16(even, _mm256_and_si256(sum, low)),
                                _mm256_add_epi16(odd, _mm256_srli_epi16::<8>(sum)),
                            ];
                        }
                    }
                    group += count;
                }
                for (tile, totals) in totals.into_iter().enumerate() {
                    for (vector, [even, odd]) in totals.into_iter().enumerate() {
                        let halves = |v| _mm_add_epi16(_mm256_castsi256_si128(v), _mm256_extracti128_si256::<1>(v));
                        let (even, odd) = (halves(even), halves(odd));
                        let out = sums[vector].add((first + tile) * TILE);
                        let rows = [_mm_unpacklo_epi16(even, odd), _mm_unpackhi_epi16(even, odd)];
                        _mm256_storeu_si256(out.cast(), _mm256_cvtepu16_epi32(rows[0]));
                        _mm256_storeu_si256(out.add(8).cast(), _mm256_cvtepu16_epi32(rows[1]));
                    }
                }
            }
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::{BYTES, STRIPE, TILE};
    use std::arch::aarch64::*;

    /// # Safety
    /// The pointers must hold what [`Scan`](super::Scan) says.
    pub(super) unsafe fn scan<const N: usize>(
        codes: *const u8,
        tables: [*const u8; N],
        groups: usize,
        sums: [*mut i32; N],
    ) {
        // SAFETY: the caller keeps the sizes that `Scan` says; every 64-bit Arm has NEON.
        unsafe {
            for tile in 0..STRIPE / TILE {
                let mut totals = [[vdupq_n_u16(0); 2]; N];
                for group in 0..groups {
                    let places = codes.add((tile * groups + group) * BYTES);
                    for vector in 0..N {
                        let table = tables[vector].add(group * BYTES);
                        let found = |i: usize| vqtbl1q_u8(vld1q_u8(table.add(i * 16)), vld1q_u8(places.add(i * 16)));
                        // Four entries of 63 at most have room in a byte.
                        let found = vaddq_u8(vaddq_u8(found(0), found(1)), vaddq_u8(found(2), found(3)));
                        let [low, high] = totals[vector];
                        totals[vector] = [vaddw_u8(low, vget_low_u8(found)), vaddw_high_u8(high, found)];
                    }
                }
                for (vector, halves) in totals.into_iter().enumerate() {
                    for (half, total) in halves.into_iter().enumerate() {
                        let out = sums[vector].add(tile * TILE + half * 8).cast::<u32>();
                        vst1q_u32(out, vmovl_u16(vget_low_u16(total)));
                        vst1q_u32(out.add(4), vmovl_high_u16(total));
                    }
                }
            }
        }
    }
}
