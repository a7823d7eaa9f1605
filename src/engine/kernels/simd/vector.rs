//! Sixteen lanes of f32 as one value, for loops that the compiler does not turn into good vector code by itself.
//!
//! Separate so that no kernel but the products' tiles names an instruction. A kernel is written once over [`Simd`], and
//! `vectorized` compiles it for each instruction set. The invariant: every set gives the same bits.

use super::LANES;
use half::bf16;

/// The operations on sixteen lanes that one instruction set offers; a value of the type proves that the machine has it.
pub trait Simd: Copy {
    /// Sixteen lanes.
    type Vector: Copy;

    /// Returns the value in every lane.
    fn splat(self, value: f32) -> Self::Vector;

    /// Returns sixteen values.
    fn load(self, values: &[f32; LANES]) -> Self::Vector;

    /// Returns sixteen values, widened.
    fn load_bf16(self, values: &[bf16; LANES]) -> Self::Vector;

    /// Writes sixteen values.
    fn store(self, vector: Self::Vector, values: &mut [f32; LANES]);

    /// Returns `a * b + c`, rounded once.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;

    /// Returns `a + b`.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Returns the sum of the lanes by halving: the order is part of the result.
    fn sum(self, vector: Self::Vector) -> f32;
}

/// Plain Rust, for any machine.
#[derive(Debug, Clone, Copy)]
pub struct Portable;

impl Simd for Portable {
    type Vector = [f32; LANES];

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        [value; LANES]
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> Self::Vector {
        *values
    }

    #[inline(always)]
    fn load_bf16(self, values: &[bf16; LANES]) -> Self::Vector {
        values.map(|value| f32::from_bits(u32::from(value.to_bits()) << 16))
    }

    #[inline(always)]
    fn store(self, vector: Self::Vector, values: &mut [f32; LANES]) {
        *values = vector;
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        std::array::from_fn(|lane| a[lane].mul_add(b[lane], c[lane]))
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    fn sum(self, vector: Self::Vector) -> f32 {
        super::sum_lanes(vector)
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{LANES, Simd, bf16};
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
}

/// Defines a function that runs `$body`, an `#[inline(always)]` function whose first argument is a [`Simd`], with the widest
/// instructions the machine has.
macro_rules! vectorized {
    ($vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? = $body:path;) => {
        $vis fn $name($($arg: $type),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                use $crate::engine::kernels::simd::{Width, vector::{Avx2, Avx512}};
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
                fn wide($($arg: $type),*) $(-> $ret)? {
                    // SAFETY: this function is compiled for what `Avx512` proves, and called where it was found.
                    $body(unsafe { Avx512::new() }, $($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn middle($($arg: $type),*) $(-> $ret)? {
                    // SAFETY: this function is compiled for what `Avx2` proves, and called where it was found.
                    $body(unsafe { Avx2::new() }, $($arg),*)
                }
                match Width::detect() {
                    // SAFETY: `detect` found the features that `wide` is compiled for.
                    Width::Avx512 => return unsafe { wide($($arg),*) },
                    // SAFETY: `detect` found the features that `middle` is compiled for.
                    Width::Avx2 => return unsafe { middle($($arg),*) },
                    Width::Base => {}
                }
            }
            $body($crate::engine::kernels::simd::vector::Portable, $($arg),*)
        }
    };
}
pub(crate) use vectorized;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::{simd::Cell, tests::values};

    #[inline(always)]
    fn everything<S: Simd>(simd: S, x: &[f32; LANES], y: &[bf16; LANES]) -> Vec<f32> {
        let (a, b) = (simd.load(x), simd.load_bf16(y));
        let mut out = [0f32; LANES];
        simd.store(simd.mul_add(a, b, simd.add(b, simd.splat(0.3))), &mut out);
        out.into_iter().chain([simd.sum(a)]).collect()
    }

    vectorized! { fn widest(x: &[f32; LANES], y: &[bf16; LANES]) -> Vec<f32> = everything; }

    #[test]
    fn the_widest_instructions_give_the_bits_of_plain_rust() {
        let x: [f32; LANES] = values(LANES, 1).try_into().unwrap();
        let y: [bf16; LANES] =
            values(LANES, 2).iter().map(|value| bf16::narrow(*value)).collect::<Vec<_>>().try_into().unwrap();
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(widest(&x, &y)), bits(everything(Portable, &x, &y)));
    }
}
