//! Branch-free functions of numbers and of rows, for loops that the compiler vectorises.

/// Adds `bias` to each row of `values`.
#[inline(always)]
pub(super) fn add_to_rows(values: &mut [f32], bias: &[f32]) {
    for row in values.chunks_exact_mut(bias.len()) {
        for (value, bias) in row.iter_mut().zip(bias) {
            *value += bias;
        }
    }
}

/// Multiplies `values` by `factors` elementwise.
#[inline(always)]
pub(super) fn multiply(values: &mut [f32], factors: &[f32]) {
    for (value, factor) in values.iter_mut().zip(factors) {
        *value *= factor;
    }
}

/// The sums of the `width` columns of `values`, row-major.
#[inline(always)]
pub(super) fn column_sums(values: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0; width];
    for row in values.chunks_exact(width) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    sums
}

/// The column sums of the elementwise product of two blocks of rows.
#[inline(always)]
pub(super) fn column_products(a: &[f32], b: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0; width];
    for (a, b) in a.chunks_exact(width).zip(b.chunks_exact(width)) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums
}

/// e^x within 2 units in the last place, without branches, for x from -87.3 to 88.3; x is clamped to that range (method
/// and coefficients: Cephes, `expf`).
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    /// 1.5 x 2^23: adding it rounds to an integer, which is then in the lowest bits.
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
}
