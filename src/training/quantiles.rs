//! Quantiles that never cross: an output for the lowest one, and for each further one an output whose softplus is how far
//! it lies above the one before. And their loss.

use burn::tensor::activation::log_sigmoid;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

/// The quantiles that a row of outputs stands for, ascending, in f64.
pub fn quantiles(outputs: &[f32]) -> impl Iterator<Item = f64> {
    let mut before = None;
    outputs.iter().map(move |&output| {
        let quantile = match before {
            None => f64::from(output),
            Some(before) => before + step(f64::from(output)),
        };
        before = Some(quantile);
        quantile
    })
}

/// The outputs that [`quantiles`] makes these of, up to rounding.
pub fn outputs(quantiles: &[f64]) -> Vec<f32> {
    let steps = quantiles.array_windows().map(|[low, high]| (high - low).max(1e-30).exp_m1().ln() as f32);
    quantiles.first().map(|&first| first as f32).into_iter().chain(steps).collect()
}

/// ln(1 + e^z), which neither overflows nor is rounded to 0.
fn step(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

/// The mean over rows and levels of the pinball loss (Koenker and Bassett 1978), `[1]`: of a target y and its quantile q of
/// level t, t (y - q) above q and (1 - t) (q - y) below. `outputs` `[rows, levels]`; `labels` and weights one per row.
pub(super) fn pinball<B: Backend>(
    outputs: Tensor<B, 2>,
    levels: &[f64],
    labels: &[f32],
    weights: Option<Vec<f32>>,
) -> Tensor<B, 1> {
    let device = outputs.device();
    let column = |values: Vec<f32>| {
        let count = values.len();
        Tensor::<B, 2>::from_data(TensorData::new(values, [count, 1]), &device)
    };
    let targets = column(labels.to_vec());
    let [rows, count] = outputs.dims();
    let mut losses = Tensor::<B, 2>::zeros([rows, 1], &device);
    let mut quantile = outputs.clone().narrow(1, 0, 1);
    for (i, &level) in levels.iter().enumerate() {
        if i > 0 {
            quantile = quantile - log_sigmoid(outputs.clone().narrow(1, i, 1).neg()); // + softplus
        }
        let error = targets.clone() - quantile.clone();
        // The larger of t e and (t - 1) e.
        losses = losses + error.clone() * level + error.neg().clamp_min(0.0);
    }
    let losses = losses / count as f64;
    match weights {
        None => losses.mean(),
        Some(weights) => {
            let total: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
            (losses * column(weights)).sum().div_scalar(total)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_never_cross_and_are_found_again() {
        for row in [vec![0.5f32], vec![-3.0, -80.0, 0.0, 40.0], vec![2.0, 1.0, -1.0]] {
            let found: Vec<f64> = quantiles(&row).collect();
            assert!(found.is_sorted(), "{found:?}");
            let again: Vec<f64> = quantiles(&outputs(&found)).collect();
            for (a, b) in found.iter().zip(&again) {
                assert!((a - b).abs() < 1e-5 * a.abs().max(1.0), "{found:?}, then {again:?}");
            }
        }
        // ln 2 above
        assert!((quantiles(&[1.0, 0.0]).last().unwrap() - 1.0 - std::f64::consts::LN_2).abs() < 1e-12);
    }
}
