use rand::RngExt;
use serde_json::{Value, json};

use super::super::{Importance, Params, draw, importance};

/// Trials of the params `keys`, from the values that `params` gives.
fn trials<const N: usize>(keys: [&str; N], params: impl IntoIterator<Item = ([Value; N], f64)>) -> Vec<(Params, f64)> {
    let named = |values: [Value; N]| keys.map(str::to_owned).into_iter().zip(values).collect();
    params.into_iter().map(|(values, value)| (named(values), value)).collect()
}

fn share(params: impl IntoIterator<Item = (Value, f64)>) -> Option<f64> {
    let trials = trials(["a"], params.into_iter().map(|(param, value)| ([param], value)));
    importance(&trials).first().map(|importance| importance.share)
}

fn assert_near(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|found| (found - expected).abs() < 1e-12), "{found:?} is not {expected}");
}

#[test]
fn shares_are_those_computed_by_hand() {
    // Ranks 1 to 5 and 6 to 10: SST 82.5, SSB 62.5, MSW 20 / 8.
    let halves = (1..=10).map(|i| (json!(if i <= 5 { "x" } else { "y" }), f64::from(i)));
    assert_near(share(halves.clone()), 60.0 / 82.5);
    // Any value that keeps the order has the same ranks; numbers of two values group as text does.
    assert_near(share(halves.map(|(param, value)| (json!(param == json!("x")), -value.exp()))), 60.0 / 82.5);
    assert_near(share((1..=10).map(|i| (json!(if i <= 5 { 0.1 } else { 7.0 }), f64::from(i)))), 60.0 / 82.5);
    // Alternating: SSB 2.5 is less than MSW 10.
    assert_near(share((1..=10).map(|i| (json!(i % 2 == 0), f64::from(i)))), 0.0);
    // Tied halves: the ranks 3 and 8 have no variance within groups.
    assert_near(share((1..=10).map(|i| (json!(i <= 5), if i <= 5 { 1.0 } else { 2.0 }))), 1.0);
    assert_near(share((1..=10).map(|i| (json!(i <= 5), 1.0))), 0.0);
}

#[test]
fn numbers_are_cut_at_quantiles() {
    // Four bins of five ranks: SST 665, SSW 40, MSW 2.5, df_b 3.
    assert_near(share((1..=20).map(|i| (json!(i), f64::from(i)))), (625.0 - 7.5) / 665.0);
    // Ten trials: two bins.
    assert_near(share((1..=10).map(|i| (json!(1.5 * f64::from(i)), f64::from(i)))), 60.0 / 82.5);
}

#[test]
fn lists_count_by_length_or_by_their_only_number() {
    let by_length = (1..=10).map(|i| (if i <= 5 { json!([i]) } else { json!([i, 2 * i]) }, f64::from(i)));
    assert_near(share(by_length), 60.0 / 82.5);
    assert_near(share((1..=10).map(|i| (json!([i]), f64::from(i)))), 60.0 / 82.5);
    assert_eq!(share((1..=10).map(|i| (json!([i, i]), f64::from(i)))), None);
}

#[test]
fn too_few_trials_and_constant_params_have_no_share() {
    assert_eq!(share((1..=9).map(|i| (json!(i), f64::from(i)))), None);
    assert_eq!(share((1..=30).map(|i| (json!(1), f64::from(i)))), None);
    assert_eq!(share((1..=12).map(|i| (json!(i), if i <= 3 { f64::NAN } else { 1.0 }))), None);
    // Every trial has a text of its own.
    assert_eq!(share((1..=12).map(|i| (json!(format!("{i}")), f64::from(i)))), None);
    assert_eq!(importance(&[]), []);
}

#[test]
fn noise_has_next_to_no_share_and_what_decides_most() {
    let mut random = draw::generator(1, 0);
    let mut means = [0.0; 3];
    for _ in 0..200 {
        let rows = (0..100).map(|_| {
            let (rate, batch, noise): (f64, u8, f64) = (random.random(), random.random_range(0..3), random.random());
            ([json!(rate), json!(["x", "y", "z"][batch as usize]), json!(noise)], 10.0 * rate + noise - 0.5)
        });
        let rows: Vec<_> = rows.collect();
        let shares = importance(&trials(["rate", "batch", "other"], rows.iter().cloned()));
        let first: &Importance = &shares[0];
        assert!(first.key == "rate" && first.share > 0.8 && first.num_trials == 100, "{shares:?}");
        let noise = rows.iter().cloned().map(|(params, _)| (params, random.random()));
        for importance in importance(&trials(["rate", "batch", "other"], noise.collect::<Vec<_>>())) {
            let key = ["rate", "batch", "other"].iter().position(|key| *key == importance.key).unwrap();
            means[key] += importance.share / 200.0;
        }
    }
    println!("{means:?}");
    assert!(means.iter().all(|&mean| mean < 0.02), "{means:?}");
}
