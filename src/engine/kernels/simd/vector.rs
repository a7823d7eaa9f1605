//! Sixteen lanes of f32 as one value, for loops that the compiler does not turn into good vector code by itself.
//!
//! Separate so that no kernel but the products' tiles names an instruction. A kernel is written once over [`Simd`], and
//! `vectorized` compiles it for each instruction set. The invariant: every set gives the same bits.

#[cfg(target_arch = "x86_64")]
mod x86;

use super::LANES;
use half::bf16;
use std::f32::consts::LOG2_E;

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

    /// Returns sixteen integers.
    fn load_i8(self, values: &[i8; LANES]) -> Self::Vector;

    /// Returns sixteen integers, each rounded to the nearest value.
    fn load_i32(self, values: &[i32; LANES]) -> Self::Vector;

    /// Writes sixteen values.
    fn store(self, vector: Self::Vector, values: &mut [f32; LANES]);

    /// Returns `a * b + c`, rounded once.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;

    /// Returns `a + b`.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Returns `a` where it is larger than `b`, else `b`: also where one is no number.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Returns |x| where it is larger than `magnitude`, which is not negative, else that. Compared as bits, where a value that is no
    /// number is larger than any number.
    fn larger_magnitude(self, magnitude: Self::Vector, x: Self::Vector) -> Self::Vector;

    /// Returns the least and the most of the lanes, where all are numbers.
    fn ends(self, vector: Self::Vector) -> (f32, f32);

    /// Returns 2^n for each n that 1.5 * 2^23 was added to, -126 to 127.
    fn two_to(self, shifted: Self::Vector) -> Self::Vector;

    /// Returns a bit for each lane where `a >= b`, that of the first lane lowest; none where one is no number.
    fn at_least(self, a: Self::Vector, b: Self::Vector) -> u32;

    /// Returns the sum of the lanes by halving: the order is part of the result.
    fn sum(self, vector: Self::Vector) -> f32;
}

/// What adding 1.5 * 2^23 to an integer leaves to take away from its bits, with the exponent's own offset.
const EXPONENT: i32 = 127 - ROUND.to_bits() as i32;

/// 1.5 * 2^23: adding it rounds to the nearest integer.
const ROUND: f32 = 12_582_912.0;

/// Returns `sum + 2^x` with an error of 2 in 1,000 of the power, which is next to nothing below -126; x is at most 127. For sums of many.
#[inline(always)]
pub fn add_power<S: Simd>(simd: S, sum: S::Vector, x: S::Vector) -> S::Vector {
    // The polynomial of degree 2 with the least largest relative error over -0.5 to 0.5, where r lies.
    const COEFFICIENTS: [f32; 3] = [0.238428, 0.703447, 1.000443];
    let x = simd.max(simd.splat(-126.0), x);
    let shifted = simd.add(x, simd.splat(ROUND));
    let r = simd.add(x, simd.mul_add(shifted, simd.splat(-1.0), simd.splat(ROUND)));
    let [square, linear, constant] = COEFFICIENTS.map(|coefficient| simd.splat(coefficient));
    let p = simd.mul_add(simd.mul_add(square, r, linear), r, constant);
    simd.mul_add(p, simd.two_to(shifted), sum)
}

/// Returns `sum + e^x` with an error of 2e-7 + 2e-8 |x| of the power, which is next to nothing below -87; x is at most 88. e^0 is 1.
#[inline(always)]
pub fn add_exp<S: Simd>(simd: S, sum: S::Vector, x: S::Vector) -> S::Vector {
    // The polynomial of degree 5 for 2^r, 1 at 0, with the least largest relative error (1e-7) over -0.5 to 0.5, where r lies.
    const COEFFICIENTS: [f32; 6] = [0.001_326_472_7, 0.009_671_513, 0.055_507_336, 0.240_222_42, 0.693_147_04, 1.0];
    let (x, to_powers) = (simd.max(simd.splat(-87.0), x), simd.splat(LOG2_E));
    let shifted = simd.mul_add(x, to_powers, simd.splat(ROUND));
    let r = simd.mul_add(x, to_powers, simd.mul_add(shifted, simd.splat(-1.0), simd.splat(ROUND)));
    let mut p = simd.splat(0.0);
    for coefficient in COEFFICIENTS {
        p = simd.mul_add(p, r, simd.splat(coefficient));
    }
    simd.mul_add(p, simd.two_to(shifted), sum)
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
    fn load_i8(self, values: &[i8; LANES]) -> Self::Vector {
        values.map(f32::from)
    }

    #[inline(always)]
    fn load_i32(self, values: &[i32; LANES]) -> Self::Vector {
        values.map(|value| value as f32)
    }

    #[inline(always)]
    fn store(self, vector: Self::Vector, values: &mut [f32; LANES]) {
        *values = vector;
    }

    #[inline(always)]
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        std::array::from_fn(|lane| if a[lane] > b[lane] { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    fn larger_magnitude(self, magnitude: Self::Vector, x: Self::Vector) -> Self::Vector {
        std::array::from_fn(|lane| f32::from_bits(magnitude[lane].to_bits().max(x[lane].abs().to_bits())))
    }

    #[inline(always)]
    fn ends(self, vector: Self::Vector) -> (f32, f32) {
        let ends = |(least, most): (f32, f32), value: f32| (least.min(value), most.max(value));
        vector.into_iter().fold((f32::INFINITY, f32::NEG_INFINITY), ends)
    }

    #[inline(always)]
    fn two_to(self, shifted: Self::Vector) -> Self::Vector {
        shifted.map(|value| f32::from_bits(value.to_bits().wrapping_add(EXPONENT as u32) << 23))
    }

    #[inline(always)]
    fn at_least(self, a: Self::Vector, b: Self::Vector) -> u32 {
        (0..LANES).map(|lane| u32::from(a[lane] >= b[lane]) << lane).sum()
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
        let integers = simd.load_i32(&std::array::from_fn(|i| i as i32 * 0x0101_0101 - 77));
        let bytes = simd.load_i8(&std::array::from_fn(|i| (i as i8 - 8) * 16));
        simd.store(simd.mul_add(a, b, simd.add(integers, simd.add(bytes, simd.splat(0.3)))), &mut out);
        let mask = simd.at_least(a, simd.splat(0.1));
        assert!(mask.count_ones() > 0 && mask < 0xffff);
        let mut powers = [0f32; LANES];
        simd.store(add_power(simd, b, simd.max(a, b)), &mut powers);
        let mut exponentials = [0f32; LANES];
        simd.store(add_exp(simd, b, a), &mut exponentials);
        let (mut magnitudes, (least, most)) = ([0f32; LANES], simd.ends(a));
        simd.store(simd.larger_magnitude(simd.splat(0.2), a), &mut magnitudes);
        assert!(least == x.iter().copied().fold(1.0, f32::min) && most == x.iter().copied().fold(-1.0, f32::max));
        assert!(magnitudes.iter().zip(x).all(|(magnitude, x)| *magnitude == x.abs().max(0.2)));
        out.into_iter().chain([simd.sum(a), mask as f32]).chain(powers).chain(exponentials).collect()
    }

    #[test]
    fn a_power_is_as_rough_as_it_says() {
        let power = |x: f32| add_power(Portable, Portable.splat(0.0), Portable.splat(x))[0];
        for i in -1250..1270 {
            let x = i as f32 * 0.1 + 0.013;
            assert!((power(x) / x.exp2() - 1.0).abs() < 2e-3, "2^{x} is not {}", power(x));
        }
        assert!(power(f32::NEG_INFINITY) < 1.2e-38 && power(f32::NAN).is_nan());
    }

    #[test]
    fn an_exponential_is_as_exact_as_it_says() {
        let exp = |x: f32| add_exp(Portable, Portable.splat(0.0), Portable.splat(x))[0];
        for i in -8690..880 {
            let x = i as f32 * 0.01 + 0.0013;
            let want = f64::from(x).exp();
            let error = (f64::from(exp(x)) - want).abs() / want;
            assert!(error < 2e-7 + 2e-8 * f64::from(x.abs()), "e^{x} is not {}", exp(x));
        }
        assert!(exp(0.0) == 1.0);
        assert!(exp(f32::NEG_INFINITY) < 2e-38 && exp(f32::NAN).is_nan());
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
