//! Tensors whose numbers lie in this process's memory: changed in place, in one pass.
//!
//! Burn's element-wise operations make a tensor each, and read and write the memory each time. On a CPU backend the
//! numbers can be taken out of a tensor and put back without a copy; what happens in between is a plain loop, which the
//! compiler turns into the widest SIMD instructions that the CPU has. Results do not depend on that width, nor on the
//! number of cores: nothing is summed in another order, and no multiplication is fused with an addition.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};
use rayon::prelude::*;

use crate::backend;

mod product;

pub use backend::is_on_host;
pub use product::{Matrix, product};

/// Numbers in a block that one core works on: 32 KiB, the size of a first-level cache.
const BLOCK: usize = 8192;

/// Below this a loop takes some microseconds, and waking a second core as many.
const PARALLEL_FROM: usize = 4 * BLOCK;

/// Changes the numbers of `tensor`, row-major. They are copied only where another tensor shares them.
pub fn in_place<B: Backend, const D: usize, R>(
    tensor: Tensor<B, D>,
    change: impl FnOnce(&mut [f32]) -> R,
) -> (Tensor<B, D>, R) {
    let device = tensor.device();
    let mut primitive = tensor.into_primitive().tensor();
    if let Some(numbers) = backend::numbers_mut::<B>(&mut primitive) {
        let result = change(numbers);
        return (Tensor::from_primitive(TensorPrimitive::Float(primitive)), result);
    }
    let tensor = Tensor::<B, D>::from_primitive(TensorPrimitive::Float(primitive));
    let mut data = tensor.into_data().convert::<f32>();
    let result = change(data.as_mut_slice().expect("converted to f32 above"));
    (Tensor::from_data(data, &device), result)
}

/// Calls `read` with the numbers of `tensor`, row-major. They are copied only where they do not lie so in memory.
pub fn read<B: Backend, const D: usize, R>(tensor: Tensor<B, D>, read: impl FnOnce(&[f32]) -> R) -> R {
    let primitive = tensor.into_primitive().tensor();
    match backend::numbers::<B>(&primitive) {
        Some(numbers) => read(numbers),
        None => {
            let data = Tensor::<B, D>::from_primitive(TensorPrimitive::Float(primitive)).into_data().convert::<f32>();
            read(data.as_slice().expect("converted to f32 above"))
        }
    }
}

/// Runs `loops`, compiled for the CPU that is there.
#[inline(always)]
pub fn simd<R>(loops: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(loops)
}

/// Calls `work` on blocks of the same rows of `a` and `b`, both `[rows, width]`: on several cores where that pays. The
/// results come in the order of the rows. Blocks do not depend on the number of cores.
pub fn for_rows<T: Send>(
    a: &mut [f32],
    b: &mut [f32],
    width: usize,
    work: impl Fn(&mut [f32], &mut [f32]) -> T + Sync,
) -> Vec<T> {
    let block = (BLOCK / width.max(1)).max(1) * width;
    let work = |(a, b): (&mut [f32], &mut [f32])| simd(|| work(a, b));
    if a.len() < PARALLEL_FROM {
        a.chunks_mut(block).zip(b.chunks_mut(block)).map(work).collect()
    } else {
        a.par_chunks_mut(block).zip(b.par_chunks_mut(block)).map(work).collect()
    }
}

/// Calls `work` on blocks of rows of `a`, `[rows, width]`: the blocks of [`for_rows`].
pub fn map_rows<T: Send>(a: &[f32], width: usize, work: impl Fn(&[f32]) -> T + Sync) -> Vec<T> {
    let block = (BLOCK / width.max(1)).max(1) * width;
    let work = |a: &[f32]| simd(|| work(a));
    if a.len() < PARALLEL_FROM { a.chunks(block).map(work).collect() } else { a.par_chunks(block).map(work).collect() }
}

/// Calls `work` with each number below `count`, on all cores; the results come in this order.
pub fn for_each<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    (0..count).into_par_iter().map(work).collect()
}

/// Calls `work` on blocks of the same numbers of `a` and the three others, all equally long: on several cores where that
/// pays. `work` must not depend on where a block ends.
pub fn for_blocks(
    a: &[f32],
    [b, c, d]: [&mut [f32]; 3],
    work: impl Fn(&[f32], &mut [f32], &mut [f32], &mut [f32]) + Sync,
) {
    if a.len() < PARALLEL_FROM {
        return simd(|| work(a, b, c, d));
    }
    // Nothing is summed here: the blocks may depend on the number of cores.
    let block = a.len().div_ceil(4 * rayon::current_num_threads()).max(BLOCK);
    a.par_chunks(block)
        .zip(b.par_chunks_mut(block))
        .zip(c.par_chunks_mut(block).zip(d.par_chunks_mut(block)))
        .for_each(|((a, b), (c, d))| simd(|| work(a, b, c, d)));
}

/// Adds `bias` to each row of `values`.
#[inline(always)]
pub fn add_to_rows(values: &mut [f32], bias: &[f32]) {
    for row in values.chunks_exact_mut(bias.len()) {
        for (value, bias) in row.iter_mut().zip(bias) {
            *value += bias;
        }
    }
}

/// Multiplies `values` by `factors`, one by one.
#[inline(always)]
pub fn multiply(values: &mut [f32], factors: &[f32]) {
    for (value, factor) in values.iter_mut().zip(factors) {
        *value *= factor;
    }
}

/// The sum of each of the `units` columns of `values`, row-major.
#[inline(always)]
pub fn column_sums(values: &[f32], units: usize) -> Vec<f32> {
    let mut sums = vec![0.0; units];
    for row in values.chunks_exact(units) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    sums
}

/// e^x within 2 units in the last place, in straight-line code, for x from -87.3 to 88.3 and beyond that the value at
/// the end of the range (method and coefficients: Cephes, `expf`).
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    /// 1.5 x 2^23: adding it rounds to a whole number, which then stands in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, so that n ln 2 is exact enough
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.3, 88.3);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let mut sum = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_66, 0.5] {
        sum = sum * r + coefficient;
    }
    let power_of_2 = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    (sum * r * r + r + 1.0) * power_of_2
}

/// 1 / (1 + e^-x)
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The hyperbolic tangent within 2 units in the last place (method and coefficients: Cephes, `tanhf`).
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let size = x.abs();
    let far = (1.0 - 2.0 / (exp(2.0 * size) + 1.0)).copysign(x);
    let square = x * x;
    let mut sum = -5.704_988_7e-3;
    for coefficient in [2.063_909e-2, -5.373_971_6e-2, 0.133_314_42, -0.333_332_8] {
        sum = sum * square + coefficient;
    }
    let near = sum * square * x + x;
    if size < 0.625 { near } else { far }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units_in_the_last_place(found: f32, exact: f64) -> f64 {
        (f64::from(found) - exact).abs() / (exact.abs() * f64::from(f32::EPSILON))
    }

    #[test]
    fn functions_agree_with_double_precision() {
        for step in -8_700_000..=8_830_000 {
            let x = step as f32 * 1e-5;
            let exact = f64::from(x);
            assert!(units_in_the_last_place(exp(x), exact.exp()) < 2.0, "exp({x})");
            assert!((f64::from(sigmoid(x)) - 1.0 / (1.0 + (-exact).exp())).abs() < 2e-7, "sigmoid({x})");
            if x != 0.0 {
                assert!(units_in_the_last_place(tanh(x), exact.tanh()) < 2.0, "tanh({x})");
            }
        }
        assert!(exp(f32::NAN).is_nan() && tanh(f32::NAN).is_nan() && sigmoid(f32::NAN).is_nan());
        assert_eq!((tanh(f32::INFINITY), tanh(f32::NEG_INFINITY), sigmoid(f32::INFINITY)), (1.0, -1.0, 1.0));
    }

    #[test]
    fn blocks_cover_every_row_once_and_in_order() {
        for rows in [0, 1, 700, 5_000] {
            let width = 24;
            let mut a: Vec<f32> = (0..rows * width).map(|i| i as f32).collect();
            let mut b = vec![0.0; rows * width];
            let firsts = for_rows(&mut a, &mut b, width, |a, b| {
                b.copy_from_slice(a);
                a.fill(-1.0);
                b[0] as usize
            });
            assert!(firsts.is_sorted() && firsts.iter().all(|first| first % width == 0));
            assert!(b.iter().enumerate().all(|(i, &value)| value == i as f32));
            assert!(a.iter().all(|&value| value == -1.0));
        }
    }
}
