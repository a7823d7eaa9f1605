//! Short vector loops that compile to the widest instructions the machine has.
//!
//! Separate so that no other kernel spells out an instruction set. The invariant: sums run in [`LANES`] interleaved
//! partial sums whatever the vector width, so every machine gives the same bits.

pub mod vector;

use half::bf16;
use std::sync::OnceLock;
use vector::Simd;

/// Interleaved partial sums of a reduction: one AVX-512 register, two AVX2 ones.
pub const LANES: usize = 16;

/// Defines a function that is compiled for AVX-512, for AVX2 and for the base instruction set, and picks one at run
/// time. The body must be an `#[inline(always)]` function, so that it is compiled anew under each set.
macro_rules! dispatch {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? = $body:path;) => {
        $(#[$meta])*
        $vis fn $name($($arg: $type),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
                fn wide($($arg: $type),*) $(-> $ret)? { $body($($arg),*) }
                #[target_feature(enable = "avx2,fma")]
                fn middle($($arg: $type),*) $(-> $ret)? { $body($($arg),*) }
                match $crate::engine::kernels::simd::Width::detect() {
                    // SAFETY: `detect` found the features that `wide` is compiled for.
                    $crate::engine::kernels::simd::Width::Avx512 => return unsafe { wide($($arg),*) },
                    // SAFETY: `detect` found the features that `middle` is compiled for.
                    $crate::engine::kernels::simd::Width::Avx2 => return unsafe { middle($($arg),*) },
                    $crate::engine::kernels::simd::Width::Base => {}
                }
            }
            $body($($arg),*)
        }
    };
}
pub(crate) use dispatch;

/// The vector instructions a kernel may use, the fewest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Width {
    /// What the compiler assumes: SSE2 on x86-64, NEON on 64-bit Arm.
    Base,
    /// 256-bit vectors of x86 with fused multiply-add.
    Avx2,
    /// 512-bit vectors of x86.
    Avx512,
}

/// The most that kernels use, where [`limit`] was called.
static LIMIT: OnceLock<Width> = OnceLock::new();

/// Keeps every kernel of this process to the instructions of `most`, as if the machine had no more.
///
/// For benchmarks: an older machine's kernels are timed on a newer one. Returns false where a limit was set before.
pub fn limit(most: Width) -> bool {
    LIMIT.set(most).is_ok()
}

/// Tells whether [`limit`] was called.
pub fn limited() -> bool {
    LIMIT.get().is_some()
}

impl Width {
    /// Returns the widest instructions that kernels may use on this machine.
    pub fn detect() -> Width {
        // Both answers are cached: a call is two loads and their tests.
        let found = Width::of_machine();
        LIMIT.get().map_or(found, |limit| found.min(*limit))
    }

    #[cfg(target_arch = "x86_64")]
    fn of_machine() -> Width {
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
        {
            Width::Avx512
        } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            Width::Avx2
        } else {
            Width::Base
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn of_machine() -> Width {
        Width::Base
    }
}

/// Memory that a loop of known length asks for as it goes, a little at a time: all at once would keep it waiting.
#[derive(Debug, Clone, Copy)]
pub struct Ahead {
    start: *const u8,
    /// Steps from one request to the next, as a power of two.
    interval: u32,
    /// Cache lines of a request.
    lines: usize,
}

impl Ahead {
    /// Bytes of a cache line.
    const LINE: usize = 64;

    /// Returns what asks for `values` in the course of `steps` steps.
    pub fn of<T>(values: &[T], steps: usize) -> Ahead {
        let lines = size_of_val(values).div_ceil(Ahead::LINE);
        let interval = steps.checked_div(lines).and_then(usize::checked_ilog2).unwrap_or(0);
        Ahead { start: values.as_ptr().cast(), interval, lines: lines.div_ceil(steps.max(1)) }
    }

    /// Asks for what is due at this step.
    #[inline(always)]
    pub fn ask(self, step: usize) {
        if step.trailing_zeros() >= self.interval {
            let first = (step >> self.interval) * self.lines;
            (first..first + self.lines).for_each(|line| prefetch(self.start.wrapping_add(line * Ahead::LINE)));
        }
    }
}

/// Asks for the cache line of an address, where the machine can.
#[inline(always)]
fn prefetch(address: *const u8) {
    // SAFETY: a prefetch reads nothing that the program sees and never faults, whatever the address.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(address.cast());
    }
    // SAFETY: as above. The instruction has no stable function.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        std::arch::asm!("prfm pldl2keep, [{}]", in(reg) address, options(readonly, nostack, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}

/// Returns the sum of 16 lanes by halving: the order is part of the result.
#[inline(always)]
fn sum_lanes(mut lanes: [f32; LANES]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// What values are divided by before they are stored.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// The divisor.
    pub step: f32,
    /// One by it.
    pub inverse: f32,
}

/// A value as caches store it.
pub trait Cell: Copy + Default + Send + Sync {
    /// True where values are stored divided by their scale; elsewhere a scale is 1.
    const SCALED: bool = false;

    /// Returns the scale for some values that are stored together.
    #[inline(always)]
    fn scale<S: Simd>(_: S, _: &[f32]) -> Scale {
        Scale { step: 1.0, inverse: 1.0 }
    }

    /// Returns the value in f32.
    fn widen(self) -> f32;

    /// Returns the nearest value that can be stored.
    fn narrow(value: f32) -> Self;

    /// Returns sixteen values in f32.
    fn load<S: Simd>(simd: S, values: &[Self; LANES]) -> S::Vector;
}

impl Cell for f32 {
    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }

    #[inline(always)]
    fn narrow(value: f32) -> f32 {
        value
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, values: &[f32; LANES]) -> S::Vector {
        simd.load(values)
    }
}

impl Cell for bf16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    #[inline(always)]
    fn narrow(value: f32) -> bf16 {
        bf16::from_f32(value)
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, values: &[bf16; LANES]) -> S::Vector {
        simd.load_bf16(values)
    }
}

/// Of many values together: each may be off by 4 in 1,000 of the largest of them.
impl Cell for i8 {
    const SCALED: bool = true;

    #[inline(always)]
    fn scale<S: Simd>(simd: S, values: &[f32]) -> Scale {
        let largest = largest_magnitude(simd, values);
        // Where nothing or next to nothing is stored, the inverse would overflow.
        Scale { step: largest / 127.0, inverse: if largest > 1e-30 { 127.0 / largest } else { 0.0 } }
    }

    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from(self)
    }

    #[inline(always)]
    fn narrow(value: f32) -> i8 {
        nearest(value) as i8
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, values: &[i8; LANES]) -> S::Vector {
        simd.load_i8(values)
    }
}

/// Returns the nearest integer, ties to even, of a value of magnitude below 2^22.
#[inline(always)]
pub fn nearest(value: f32) -> i32 {
    // Adding 1.5 * 2^23 leaves the nearest integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    (value + ROUND).to_bits() as i32 - ROUND.to_bits() as i32
}

/// Returns the largest |x|; where a value is no number, none.
#[inline(always)]
pub fn largest_magnitude<S: Simd>(simd: S, x: &[f32]) -> f32 {
    let (blocks, rest) = x.as_chunks::<LANES>();
    let mut last = [0f32; LANES];
    last[..rest.len()].copy_from_slice(rest);
    let mut largest = simd.larger_magnitude(simd.splat(0.0), simd.load(&last));
    // A closure for `fold` would not be compiled for the instructions that `simd` stands for.
    for block in blocks {
        largest = simd.larger_magnitude(largest, simd.load(block));
    }
    simd.store(largest, &mut last);
    f32::from_bits(last.into_iter().fold(0, |largest, value| largest.max(value.to_bits())))
}

/// Returns the dot product of two slices of equal length.
#[inline(always)]
pub fn dot<S: Simd, T: Cell>(simd: S, x: &[f32], y: &[T]) -> f32 {
    let (x_blocks, x_rest) = x.as_chunks::<LANES>();
    let (y_blocks, y_rest) = y.as_chunks::<LANES>();
    let mut sums = simd.splat(0.0);
    for (a, b) in x_blocks.iter().zip(y_blocks) {
        sums = simd.mul_add(simd.load(a), T::load(simd, b), sums);
    }
    if !x_rest.is_empty() {
        let (mut a, mut b) = ([0f32; LANES], [0f32; LANES]);
        a[..x_rest.len()].copy_from_slice(x_rest);
        b.iter_mut().zip(y_rest).for_each(|(wide, value)| *wide = value.widen());
        sums = simd.mul_add(simd.load(&a), simd.load(&b), sums);
    }
    simd.sum(sums)
}

/// Returns the sum of `f(x)` over a slice.
#[inline(always)]
pub fn reduce(x: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    for block in blocks {
        for i in 0..LANES {
            lanes[i] += f(block[i]);
        }
    }
    for (i, value) in rest.iter().enumerate() {
        lanes[i] += f(*value);
    }
    sum_lanes(lanes)
}

/// Returns the largest value of a slice, negative infinity where it is empty; NaN is passed over.
#[inline(always)]
pub fn maximum(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    for block in blocks {
        for i in 0..LANES {
            lanes[i] = if block[i] > lanes[i] { block[i] } else { lanes[i] };
        }
    }
    lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |a, b| if *b > a { *b } else { a })
}

/// Returns e^x in f32 within 1.2 units in the last place, 0 below -87.3: Cody-Waite reduction and the polynomial of
/// Cephes `expf`, written without branches so that loops over it become vector code.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Adding and taking away 1.5 * 2^23 rounds to the nearest integer, and leaves that integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let clamped = x.clamp(-87.3, 88.3);
    let shifted = clamped.mul_add(LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN2_LOW, n.mul_add(-LN2_HIGH, clamped));
    let mut p = 1.987_569_1e-4_f32;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p.mul_add(r, coefficient);
    }
    let y = p.mul_add(r * r, r) + 1.0;
    let two_to_n = f32::from_bits(shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23);
    if x < -87.3 { 0.0 } else { y * two_to_n }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_library_within_its_stated_error() {
        for i in -870..880 {
            let x = i as f32 * 0.1 + 0.013;
            let want = (x as f64).exp();
            assert!(((exp(x) as f64 - want) / want).abs() < 1.2e-7 * 1.2, "exp({x})");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
    }

    #[test]
    fn reductions_take_the_tail_into_account() {
        let x: Vec<f32> = (0..37).map(|i| i as f32).collect();
        assert_eq!(reduce(&x, |a| a), 666.0);
        assert_eq!(dot(vector::Portable, &x, &x), 16_206.0);
        assert_eq!(maximum(&x), 36.0);
        assert_eq!(maximum(&[]), f32::NEG_INFINITY);
        let negative: Vec<f32> = x.iter().map(|value| -value).collect();
        assert_eq!(largest_magnitude(vector::Portable, &negative), 36.0);
        assert!(largest_magnitude(vector::Portable, &[1.0, f32::NAN, 2.0]).is_nan());
    }
}
