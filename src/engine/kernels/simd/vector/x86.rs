//! The vector instructions of x86 as [`Simd`].
//!
//! Separate because every intrinsic function of the loops over vectors is here. The invariant: a value of a type proves that the machine has
//! its instructions, and lanes are added in the order of plain Rust.

use super::{EXPONENT, LANES, Simd, bf16};
use std::arch::x86_64::*;

/// Adds the halves of eight lanes until one is left.
#[inline(always)]
fn sum_of_eight(v: __m256) -> f32 {
    // SAFETY: who calls this holds a value of `Avx2` or `Avx512`, so the machine has AVX.
    unsafe {
        let four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
    }
}

/// Returns the least of the first eight lanes and the most of the second.
#[inline(always)]
fn ends_of_eight([least, most]: [__m256; 2]) -> (f32, f32) {
    // SAFETY: who calls this holds a value of `Avx2` or `Avx512`, so the machine has AVX.
    unsafe {
        let least = _mm_min_ps(_mm256_castps256_ps128(least), _mm256_extractf128_ps::<1>(least));
        let most = _mm_max_ps(_mm256_castps256_ps128(most), _mm256_extractf128_ps::<1>(most));
        let least = _mm_min_ps(least, _mm_movehl_ps(least, least));
        let most = _mm_max_ps(most, _mm_movehl_ps(most, most));
        let least = _mm_min_ss(least, _mm_movehdup_ps(least));
        (_mm_cvtss_f32(least), _mm_cvtss_f32(_mm_max_ss(most, _mm_movehdup_ps(most))))
    }
}

/// 256-bit vectors with fused multiply-add.
#[derive(Debug, Clone, Copy)]
pub struct Avx2(());

impl Avx2 {
    /// Returns the proof.
    ///
    /// # Safety
    /// The machine has AVX2 and FMA.
    pub unsafe fn new() -> Avx2 {
        Avx2(())
    }
}

impl Simd for Avx2 {
    type Vector = [__m256; 2];

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe { [_mm256_set1_ps(value); 2] }
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> Self::Vector {
        let at = values.as_ptr();
        // SAFETY: `self` proves the instructions, and there are sixteen values.
        unsafe { [_mm256_loadu_ps(at), _mm256_loadu_ps(at.add(8))] }
    }

    #[inline(always)]
    fn load_bf16(self, values: &[bf16; LANES]) -> Self::Vector {
        let at = values.as_ptr().cast::<__m128i>();
        // SAFETY: `self` proves the instructions, and there are sixteen values of 16 bits.
        unsafe {
            let wide = |half| _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(half)));
            [wide(_mm_loadu_si128(at)), wide(_mm_loadu_si128(at.add(1)))]
        }
    }

    #[inline(always)]
    fn load_i8(self, values: &[i8; LANES]) -> Self::Vector {
        let at = values.as_ptr().cast::<__m128i>();
        // SAFETY: `self` proves the instructions, and there are sixteen bytes.
        unsafe {
            let all = _mm_loadu_si128(at);
            [all, _mm_unpackhi_epi64(all, all)].map(|half| _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(half)))
        }
    }

    #[inline(always)]
    fn load_i32(self, values: &[i32; LANES]) -> Self::Vector {
        let at = values.as_ptr().cast::<__m256i>();
        // SAFETY: `self` proves the instructions, and there are sixteen integers.
        unsafe { [_mm256_cvtepi32_ps(_mm256_loadu_si256(at)), _mm256_cvtepi32_ps(_mm256_loadu_si256(at.add(1)))] }
    }

    #[inline(always)]
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe { [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn larger_magnitude(self, magnitude: Self::Vector, x: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        let larger = |i: usize| unsafe {
            let size = _mm256_and_si256(_mm256_castps_si256(x[i]), _mm256_set1_epi32(i32::MAX));
            _mm256_castsi256_ps(_mm256_max_epu32(_mm256_castps_si256(magnitude[i]), size))
        };
        [larger(0), larger(1)]
    }

    #[inline(always)]
    fn ends(self, [low, high]: Self::Vector) -> (f32, f32) {
        // SAFETY: `self` proves the instructions.
        ends_of_eight(unsafe { [_mm256_min_ps(low, high), _mm256_max_ps(low, high)] })
    }

    #[inline(always)]
    fn two_to(self, shifted: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        shifted.map(|half| unsafe {
            let exponents = _mm256_add_epi32(_mm256_castps_si256(half), _mm256_set1_epi32(EXPONENT));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponents))
        })
    }

    #[inline(always)]
    fn at_least(self, a: Self::Vector, b: Self::Vector) -> u32 {
        // SAFETY: `self` proves the instructions.
        let mask = |i: usize| unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(a[i], b[i])) as u32 };
        mask(0) | mask(1) << 8
    }

    #[inline(always)]
    fn store(self, [low, high]: Self::Vector, values: &mut [f32; LANES]) {
        let at = values.as_mut_ptr();
        // SAFETY: `self` proves the instructions, and there are sixteen values.
        unsafe {
            _mm256_storeu_ps(at, low);
            _mm256_storeu_ps(at.add(8), high);
        }
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn sum(self, [low, high]: Self::Vector) -> f32 {
        // SAFETY: `self` proves the instructions.
        sum_of_eight(unsafe { _mm256_add_ps(low, high) })
    }
}

/// 512-bit vectors.
#[derive(Debug, Clone, Copy)]
pub struct Avx512(());

impl Avx512 {
    /// Returns the proof.
    ///
    /// # Safety
    /// The machine has AVX-512 F, VL, DQ and BW, AVX2 and FMA.
    pub unsafe fn new() -> Avx512 {
        Avx512(())
    }
}

impl Simd for Avx512 {
    type Vector = __m512;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> Self::Vector {
        // SAFETY: `self` proves the instructions, and there are sixteen values.
        unsafe { _mm512_loadu_ps(values.as_ptr()) }
    }

    #[inline(always)]
    fn load_bf16(self, values: &[bf16; LANES]) -> Self::Vector {
        // SAFETY: `self` proves the instructions, and there are sixteen values of 16 bits.
        unsafe {
            let narrow = _mm256_loadu_si256(values.as_ptr().cast());
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(narrow)))
        }
    }

    #[inline(always)]
    fn load_i8(self, values: &[i8; LANES]) -> Self::Vector {
        // SAFETY: `self` proves the instructions, and there are sixteen bytes.
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(values.as_ptr().cast()))) }
    }

    #[inline(always)]
    fn load_i32(self, values: &[i32; LANES]) -> Self::Vector {
        // SAFETY: `self` proves the instructions, and there are sixteen integers.
        unsafe { _mm512_cvtepi32_ps(_mm512_loadu_si512(values.as_ptr().cast())) }
    }

    #[inline(always)]
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    fn larger_magnitude(self, magnitude: Self::Vector, x: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe {
            let size = _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(i32::MAX));
            _mm512_castsi512_ps(_mm512_max_epu32(_mm512_castps_si512(magnitude), size))
        }
    }

    #[inline(always)]
    fn ends(self, vector: Self::Vector) -> (f32, f32) {
        // SAFETY: `self` proves the instructions.
        unsafe {
            let (low, high) = (_mm512_castps512_ps256(vector), _mm512_extractf32x8_ps::<1>(vector));
            ends_of_eight([_mm256_min_ps(low, high), _mm256_max_ps(low, high)])
        }
    }

    #[inline(always)]
    fn two_to(self, shifted: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe {
            let exponents = _mm512_add_epi32(_mm512_castps_si512(shifted), _mm512_set1_epi32(EXPONENT));
            _mm512_castsi512_ps(_mm512_slli_epi32::<23>(exponents))
        }
    }

    #[inline(always)]
    fn at_least(self, a: Self::Vector, b: Self::Vector) -> u32 {
        // SAFETY: `self` proves the instructions.
        u32::from(unsafe { _mm512_cmp_ps_mask::<_CMP_GE_OQ>(a, b) })
    }

    #[inline(always)]
    fn store(self, vector: Self::Vector, values: &mut [f32; LANES]) {
        // SAFETY: `self` proves the instructions, and there are sixteen values.
        unsafe { _mm512_storeu_ps(values.as_mut_ptr(), vector) }
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sum(self, vector: Self::Vector) -> f32 {
        // SAFETY: `self` proves the instructions.
        sum_of_eight(unsafe { _mm256_add_ps(_mm512_castps512_ps256(vector), _mm512_extractf32x8_ps::<1>(vector)) })
    }
}
