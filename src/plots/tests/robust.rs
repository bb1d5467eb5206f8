//! No input breaks a picture: nothing, numbers that are not finite, sizes that do not fit, very many rows.

use super::super::*;
use super::{description, marks, parsed};

fn field(size: usize, value: f64) -> Field {
    Field { x: (0.0, 1.0), y: (0.0, 1.0), size, values: vec![value; size * size] }
}

fn over_inputs(probabilities: Vec<Field>, dots: Vec<Dot>) -> Boundary {
    Boundary { x_name: String::new(), y_name: String::new(), class_names: Vec::new(), probabilities, dots }
}

/// Every picture of nothing.
fn empties() -> Vec<String> {
    let no_boundary = over_inputs(Vec::new(), Vec::new());
    vec![
        curves("t", &[], None, None),
        confusion("t", &[], &[]),
        confusion("t", &["a".to_string()], &[vec![0]]),
        gallery("t", 28, 28, &[]),
        boundary("t", &no_boundary),
        surface("t", "x", "y", "z", &field(0, 0.0), &[]),
        hidden_units("t", &[], &no_boundary),
        network("t", &[], &|_| None, &[]),
        unit_weights("t", 28, 28, &[], 0),
        roc("t", "a", &[], &[]),
        calibration("t", "a", &[], &[]),
        predicted_vs_true("t", "", Vec::new()),
        residuals("t", "", Vec::new()),
        importance("t", "m", &[]),
        contributions("t", &[], ""),
        dependence("t", "x", &[], &[], ""),
        overfitting("t", &[], ""),
    ]
}

#[test]
fn without_data_a_document_says_so() {
    for svg in empties() {
        let document = parsed(&svg);
        assert_eq!(marks(&document, "empty").len(), 1);
        assert!(description(&document).ends_with('.') && svg.len() < 6000, "{}", svg.len());
    }
}

/// Every picture of one bad number beside a good one, with a mark and how many of it the good ones make.
fn with(bad: f64) -> Vec<(String, &'static str, usize)> {
    let dot = |x| Dot { x, y: 0.5, class: 0, is_correct: true, is_test: false };
    let mut holed = field(4, 0.6);
    holed.values[5] = bad;
    let two_inputs = over_inputs(vec![holed.clone(), field(4, 0.4)], vec![dot(bad), dot(0.5)]);
    let unit = |output_weight| Unit {
        name: "u".into(),
        activation: holed.clone(),
        pre_activation: holed.clone(),
        output_weight,
    };
    let layer =
        |weights: Vec<f32>| Layer { num_inputs: weights.len(), num_outputs: 1, weights, biases: vec![bad as f32] };
    let sample = Sample {
        row: 0,
        pixels: vec![bad as f32, 1.0, 2.0],
        label: "a".into(),
        prediction: "a".into(),
        probabilities: vec![("a".into(), bad), ("b".into(), 0.1)],
    };
    let feature = |mean, deviation| Importance { name: "f".into(), mean, deviation };
    let capacity = |train_loss, validation_loss| Capacity { units: 4, train_loss, validation_loss };
    let added = |first, second| ContributionsTo {
        what: "y".into(),
        mean: 1.0,
        value: 2.0,
        columns: vec![
            ColumnContribution { name: "a".into(), value: first, error: second },
            ColumnContribution { name: "b".into(), value: second, error: first },
        ],
    };
    let depends = |value, place| DependsOn {
        column: "a".into(),
        is_ordered: true,
        points: vec![DependencePoint {
            name: "1".into(),
            place: Some(place),
            values: vec![value],
            bands: vec![[place, value]],
        }],
    };
    let curve = Curve {
        metric: "loss".into(),
        train: vec![(1.0, bad), (bad, 1.0), (2.0, 3.0)],
        validation: vec![(1.0, bad)],
        refit: vec![(bad, bad)],
    };
    vec![
        (curves("t", &[curve], Some(1), None), "point", 1),
        (gallery("t", 2, 2, &[sample]), "bar", 1),
        (boundary("t", &two_inputs), "dot", 1),
        (surface("t", "x", "y", "z", &holed, &[(0.5, 0.5, bad), (bad, 0.5, 1.0), (0.5, 0.5, 1.0)]), "dot", 1),
        (hidden_units("t", &[unit(bad), unit(1.0)], &two_inputs), "dot", 3),
        (network("t", &[layer(vec![bad as f32, 1.0])], &|_| None, &[]), "edge", 1),
        (unit_weights("t", 2, 1, &[bad as f32, 1.0], 1), "crisp", 1),
        (roc("t", "a", &[true, true, false], &[bad, 0.7, 0.1]), "roc-line", 1),
        (calibration("t", "a", &[true, false], &[bad, 0.1]), "count-point", 1),
        (predicted_vs_true("t", "", vec![(bad, 1.0), (1.0, bad), (2.0, 2.0)]), "dot", 1),
        (residuals("t", "", vec![(bad, 1.0), (1.0, bad), (2.0, 2.0)]), "dot", 1),
        (importance("t", "m", &[feature(bad, 1.0), feature(1.0, bad)]), "bar", 1),
        (overfitting("t", &[capacity(bad, 1.0), capacity(1.0, bad)], ""), "dot", 2),
        (contributions("t", &[added(bad, 1.0), added(1.0, bad)], ""), "bar-up", 2),
        (dependence("t", "x", &["y".into()], &[depends(bad, 1.0), depends(1.0, bad)], ""), "dot", 1),
    ]
}

#[test]
fn numbers_that_are_not_finite_are_left_out() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
        for (svg, mark, count) in with(bad) {
            assert_eq!(marks(&parsed(&svg), mark).len(), count, "{mark} with {bad}: {svg}");
        }
    }
}

#[test]
fn sizes_that_do_not_fit_are_no_panic() {
    let layer = |num_inputs, num_outputs| Layer { weights: vec![1.0; 3], biases: Vec::new(), num_inputs, num_outputs };
    parsed(&network("t", &[layer(3, 20), layer(30, 2)], &|_| None, &[]));
    parsed(&confusion("t", &[], &[vec![1], vec![1, 2, 3], vec![]]));
    parsed(&unit_weights("t", 5, 5, &[1.0; 7], 3));
    parsed(&boundary("t", &over_inputs(vec![field(4, 0.5), field(2, 0.4), field(0, 0.0)], Vec::new())));
    parsed(&surface("t", "x", "y", "z", &field(1, 2.0), &[]));
    parsed(&surface("t", "x", "y", "z", &Field { values: vec![1.0], ..field(3, 0.0) }, &[]));
    parsed(&residuals("t", "", vec![(1.0, 1.0)]));
}

#[test]
fn an_image_of_any_size_fits_its_frame() {
    let pixels: Vec<f32> = (0..200 * 3).map(|pixel| (pixel % 5) as f32).collect();
    let sample = Sample { row: 0, pixels, label: "a".into(), prediction: "a".into(), probabilities: Vec::new() };
    let svg = gallery("t", 200, 3, &[sample]);
    let document = parsed(&svg);
    // Every fourth row of 200, and one column of 3.
    let rows: usize =
        marks(&document, "shade").iter().map(|shade| shade.attribute("d").unwrap().matches('M').count()).sum();
    assert!((30..=50).contains(&rows), "{rows}");
}

#[test]
fn very_many_rows_make_a_document_of_bounded_size() {
    let count = 100_000;
    let dots = (0..count).map(|i| Dot {
        x: i as f64,
        y: (i % 97) as f64,
        class: i % 2,
        is_correct: i % 3 > 0,
        is_test: i % 5 == 0,
    });
    let two_inputs = over_inputs(vec![field(4, 0.6), field(4, 0.4)], dots.collect());
    let svg = boundary("t", &two_inputs);
    let document = parsed(&svg);
    assert_eq!(marks(&document, "dot").len(), 3000);
    assert!(description(&document).contains("(3000 of 100000 drawn)"));
    let truths: Vec<bool> = (0..count).map(|row| row % 2 == 0).collect();
    let scores: Vec<f64> = (0..count).map(|row| (row * 7919 % count) as f64 / count as f64).collect();
    assert!(roc("t", "a", &truths, &scores).len() < 60_000);
}
