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

/// Phi(x) and e^(-x^2 / 2), where Phi is the normal distribution function: its error is below 3e-7 of 1, and below 3e-6 of
/// itself for x above -9.
#[inline(always)]
pub(super) fn normal_distribution(x: f32) -> (f32, f32) {
    /// erfc(z) e^(z^2) is a polynomial in t = 1 / (1 + 0.33 z) times t: the form of Abramowitz and Stegun 7.1.26, with two
    /// terms more, fitted from z = 0 to 9.4 by least squares that were reweighted to the least largest relative error, 8e-8.
    const SCALE: f32 = 0.33 * std::f32::consts::FRAC_1_SQRT_2;
    const COEFFICIENTS: [f32; 8] =
        [-0.135_927_19, 0.462_681_4, -0.355_426_93, 0.412_530_15, 0.045_017_01, 0.201_921_77, 0.182_837_6, 0.186_366_1];
    let power = exp(-0.5 * x * x);
    let t = 1.0 / (1.0 + SCALE * x.abs());
    let mut sum = 0.0;
    for coefficient in COEFFICIENTS {
        sum = sum * t + coefficient;
    }
    let tail = 0.5 * power * t * sum;
    (if x > 0.0 { 1.0 - tail } else { tail }, power)
}

/// cos(2 pi x) within 5e-7, for |x| below 2^22.
#[inline(always)]
pub(super) fn cos_turns(x: f32) -> f32 {
    /// See [`exp`].
    const ROUND: f32 = 12_582_912.0;
    /// Of the squared distance to the nearest integer, fitted like the coefficients above; largest error 1e-8.
    const COEFFICIENTS: [f32; 7] =
        [6.529_582_4, -25.968_294, 60.167_828, -85.450_165, 64.939_12, -19.739_205, 0.999_999_99];
    let rest = x - ((x + ROUND) - ROUND);
    let square = rest * rest;
    let mut sum = 0.0;
    for coefficient in COEFFICIENTS {
        sum = sum * square + coefficient;
    }
    sum
}

/// Partial sums that a loop keeps: as many as fit into the widest register, so that each SIMD width adds in the same order.
const LANES: usize = 16;

/// The sum of the values of `term` at each index below `count`.
#[inline(always)]
pub(super) fn sum_of(count: usize, term: impl Fn(usize) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let whole = count / LANES * LANES;
    for start in (0..whole).step_by(LANES) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += term(start + lane);
        }
    }
    (whole..count).for_each(|at| sums[at - whole] += term(at));
    sums.into_iter().sum()
}

#[inline(always)]
pub(super) fn sum(values: &[f32]) -> f32 {
    sum_of(values.len(), |at| values[at])
}

/// The sum of the elementwise products; `b` must not be shorter than `a`.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let b = &b[..a.len()];
    sum_of(a.len(), |at| a[at] * b[at])
}

/// The largest value, or NaN if there is one.
#[inline(always)]
pub(super) fn largest(values: &[f32]) -> f32 {
    // NaN is not <= anything, and nothing is <= NaN.
    let larger = |most: f32, value: f32| if value <= most || most.is_nan() { most } else { value };
    let mut most = [f32::NEG_INFINITY; LANES];
    let parts = values.chunks_exact(LANES);
    let rest = parts.remainder();
    for part in parts {
        most.iter_mut().zip(part).for_each(|(most, &value)| *most = larger(*most, value));
    }
    most.iter_mut().zip(rest).for_each(|(most, &value)| *most = larger(*most, value));
    most.into_iter().fold(f32::NEG_INFINITY, larger)
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
        for step in -900_000..=900_000 {
            let x = step as f32 * 1e-5;
            let exact = f64::from(x);
            let exact_phi = 0.5 * statrs::function::erf::erfc(-exact / 2f64.sqrt());
            let (phi, power) = normal_distribution(x);
            let apart = (f64::from(phi) - exact_phi).abs();
            assert!(apart < 3e-7 && apart < 3e-6 * exact_phi, "Phi({x}) = {phi}, not {exact_phi}");
            assert!((f64::from(power) - (-0.5 * exact * exact).exp()).abs() < 3e-7, "{x}");
            assert!((f64::from(cos_turns(x)) - (std::f64::consts::TAU * exact).cos()).abs() < 5e-7, "cos_turns({x})");
        }
        assert!(cos_turns(f32::NAN).is_nan() && normal_distribution(f32::NAN).0.is_nan());
        assert!(normal_distribution(f32::INFINITY).0 == 1.0 && normal_distribution(-40.0).0 < 1e-37);
        assert!(exp(f32::NAN).is_nan() && tanh(f32::NAN).is_nan() && sigmoid(f32::NAN).is_nan());
        assert_eq!((tanh(f32::INFINITY), tanh(f32::NEG_INFINITY), sigmoid(f32::INFINITY)), (1.0, -1.0, 1.0));
    }

    #[test]
    fn rows_of_any_length_are_summed_and_searched() {
        for count in [0, 1, 15, 16, 17, 50] {
            let mut values: Vec<f32> = (0..count).map(|i| ((i * 7 % 11) as f32) - 5.0).collect();
            assert_eq!(sum(&values), values.iter().sum::<f32>());
            assert_eq!(dot(&values, &values), values.iter().map(|value| value * value).sum::<f32>());
            assert_eq!(largest(&values), values.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            if let Some(value) = values.get_mut(count / 2) {
                *value = f32::NAN;
                assert!(largest(&values).is_nan(), "{count}");
            }
        }
    }
}
