//! Pictures of the weights.

use super::super::{FeatureMaps, Layer, Sheets, feature_maps, network, unit_weights};
use super::{description, marks, number, parsed, strings, text, texts};

fn layer(num_inputs: usize, num_outputs: usize, weight: impl Fn(usize, usize) -> f32) -> Layer {
    let weights = (0..num_inputs * num_outputs).map(|place| weight(place / num_outputs, place % num_outputs)).collect();
    Layer { weights, biases: vec![0.5; num_outputs], num_inputs, num_outputs }
}

#[test]
fn edges_tell_size_and_sign_of_their_weights() {
    let layers =
        [layer(2, 2, |from, to| [[4.0, -2.0], [1.0, 0.0]][from][to]), layer(2, 1, |from, _| [3.0, -3.0][from])];
    let svg =
        network("Network", &layers, &|input| ["x", "y"].get(input).map(|&name| name.to_owned()), &strings(&["band"]));
    let document = parsed(&svg);
    assert_eq!(marks(&document, "node").len(), 5);
    let edges = marks(&document, "edge");
    // A weight of 0 is no edge.
    assert_eq!(edges.len(), 5);
    let hints: Vec<String> = edges.iter().copied().map(text).collect();
    assert_eq!(hints[..3], ["y to unit 1: +1", "x to unit 2: -2", "x to unit 1: +4"]);
    assert!(edges[1].attribute("class").unwrap().contains("edge-negative"));
    // Beyond a hairline of 0.3 the width is proportional.
    let widths: Vec<f64> = edges.iter().map(|&edge| number(edge, "stroke-width") - 0.3).collect();
    assert!((widths[2] / widths[1] - 2.0).abs() < 0.01 && (widths[2] / widths[0] - 4.0).abs() < 0.05, "{widths:?}");
    assert_eq!(texts(&document, "node-name"), ["x", "y", "band"]);
    let expected =
        "2 inputs, 2 hidden units, 1 output; 9 weights and biases. The strongest weight, +4, leads from x to unit 1.";
    assert_eq!(description(&document), expected);
    assert!(text(marks(&document, "node")[2]).contains("unit 1, bias +0.5"));
    // So few edges have their numbers beside them.
    let mut numbers = texts(&document, "number");
    numbers.sort();
    assert_eq!(numbers, ["+1", "+3", "+4", "-2", "-3", "bias +0.5", "bias +0.5", "bias +0.5"]);
}

/// Ten units: no number stands on another.
#[test]
fn numbers_of_weights_are_apart() {
    let svg = network("Network", &[layer(2, 10, |_, _| 1.0), layer(10, 1, |_, _| 1.0)], &|_| None, &[]);
    let document = parsed(&svg);
    let numbers = marks(&document, "number");
    assert_eq!(numbers.len(), 30 + 11);
    let places: Vec<(f64, f64)> = numbers.iter().map(|&mark| (number(mark, "x"), number(mark, "y"))).collect();
    for (i, a) in places.iter().enumerate() {
        for b in &places[..i] {
            assert!((a.0 - b.0).abs() > 30.0 || (a.1 - b.1).abs() > 11.0, "{a:?} {b:?}");
        }
    }
    let many = network("Network", &[layer(31, 1, |_, _| 1.0)], &|_| None, &[]);
    assert!(marks(&parsed(&many), "number").is_empty());
}

#[test]
fn of_a_large_layer_the_strongest_nodes_are_shown() {
    // Input 50 and the last eleven have the largest weights.
    let strength = |from: usize| if from == 50 || from >= 53 { 2.0 } else { 0.1 };
    let svg = network("Network", &[layer(64, 16, |from, _| strength(from))], &|_| None, &[]);
    let document = parsed(&svg);
    assert_eq!(marks(&document, "node").len(), 12 + 16);
    assert_eq!(texts(&document, "more"), ["+52 more"]);
    assert_eq!(texts(&document, "node-name")[..3], ["input 51", "input 54", "input 55"]);
    assert_eq!(marks(&document, "edge").len(), 12 * 16);
}

#[test]
fn nodes_are_ranked_by_weights_in_and_out() {
    // Hidden units 6 to 11 have large weights in, 15 to 20 large weights out.
    let large = |is_large: bool| if is_large { 1.0 } else { 0.25 };
    let layers = [layer(2, 20, |_, to| large((5..11).contains(&to))), layer(20, 2, |from, _| large(from >= 14))];
    let svg = network("Network", &layers, &|_| None, &[]);
    let document = parsed(&svg);
    let hints: Vec<String> = marks(&document, "edge").into_iter().map(text).collect();
    let leads_to = |unit: usize| hints.iter().any(|hint| hint.contains(&format!("to unit {unit}:")));
    let shown: Vec<usize> = (1..=20).filter(|&unit| leads_to(unit)).collect();
    assert_eq!(shown, [6, 7, 8, 9, 10, 11, 15, 16, 17, 18, 19, 20]);
}

#[test]
fn unit_weights_share_one_scale_around_zero() {
    // Two units of 2 x 2 weights, row-major [inputs, units].
    let weights = [8.0, 0.0, -4.0, 2.0, 0.0, 0.0, 8.0, 0.4];
    let svg = unit_weights("Weights", 2, 2, &weights, 2);
    let document = parsed(&svg);
    assert_eq!(marks(&document, "image").len(), 2);
    let cells: Vec<(&str, &str, f64)> = marks(&document, "crisp")
        .into_iter()
        .map(|cell| (cell.attribute("class").unwrap(), cell.attribute("d").unwrap(), number(cell, "fill-opacity")))
        .collect();
    let expected = [
        ("negative crisp", "M1 0h1v1h-1z", 0.5),
        ("positive crisp", "M0 0h1v1h-1zM1 1h1v1h-1z", 1.0),
        ("positive crisp", "M1 0h1v1h-1z", 0.25),
    ];
    assert_eq!(cells, expected);
    assert_eq!(marks(&document, "step").len(), 17);
    assert!(description(&document).contains("2 units. The largest is 8 in size"));
}

#[test]
fn at_most_64_units_are_shown() {
    let weights: Vec<f32> = (0..4 * 70).map(|place| if place % 70 < 6 { 0.1 } else { 1.0 }).collect();
    let svg = unit_weights("Weights", 2, 2, &weights, 70);
    let document = parsed(&svg);
    assert_eq!(marks(&document, "image").len(), 64);
    assert!(texts(&document, "unit")[0].contains("unit 7"));
    assert!(description(&document).contains("70 units; 6 with smaller weights left out"));
}

#[test]
fn attention_has_a_map_for_each_head_on_one_scale_from_zero() {
    let attention = super::super::Attention {
        about: "Row 7".into(),
        image: Some((2, 4, vec![0.0; 8])),
        shape: (1, 2),
        cell: (2, 2),
        tokens: Vec::new(),
        blocks: vec![vec![vec![0.8, 0.2], vec![0.5, 0.5]], vec![vec![0.0, 1.0], vec![f64::NAN, 0.4]]],
    };
    let svg = super::super::attention("Attention", &attention);
    let document = parsed(&svg);
    assert_eq!(texts(&document, "unit"), ["block 1, head 1", "block 1, head 2", "block 2, head 1", "block 2, head 2"]);
    assert_eq!(marks(&document, "framed").len(), 1);
    assert_eq!(marks(&document, "step").len(), 9);
    // Eighths of the largest share: 0.8 and 0.2 in two colours, twice 0.5 in one, then 1, then 0.4.
    let opacity: Vec<f64> = marks(&document, "crisp").into_iter().map(|cell| number(cell, "fill-opacity")).collect();
    assert_eq!(opacity, [0.25, 0.75, 0.5, 1.0, 0.38]);
    assert!(description(&document).contains("Row 7"));
    let shares = vec![vec![vec![1.0, 0.0, 0.3, 0.7]]];
    let letters =
        super::super::Attention { tokens: strings(&["A", "l"]), shape: (2, 2), blocks: shares, ..attention.clone() };
    let svg = super::super::attention("Attention", &letters);
    // Each beside its row and above its column.
    assert_eq!(texts(&parsed(&svg), "letter"), ["A", "A", "l", "l"]);
    let none = super::super::Attention { blocks: Vec::new(), ..attention };
    assert!(super::super::attention("Attention", &none).contains("There is no attention to show"));
}

#[test]
fn filters_and_maps_have_a_scale_for_each_convolution() {
    let sheets = |side: usize, count: usize, value: f32| Sheets {
        height: side,
        width: side,
        values: (0..count).map(|i| vec![value * i as f32; side * side]).collect(),
    };
    let found = FeatureMaps {
        about: "One digit.".to_owned(),
        image: (4, 4, (0..16).map(|pixel| pixel as f32).collect()),
        filters: Some(sheets(3, 2, -0.5)),
        maps: vec![sheets(2, 2, 4.0), sheets(1, 20, 1.0)],
    };
    let svg = feature_maps("Maps", &found);
    let document = parsed(&svg);
    // Of twenty maps, sixteen.
    assert_eq!(marks(&document, "unit").len(), 2 + 2 + 16);
    assert_eq!(
        texts(&document, "bold"),
        [
            "filters of convolution 1, 3 x 3",
            "maps after convolution 1, 2 x 2",
            "maps after convolution 2, 1 x 1, 16 of 20"
        ]
    );
    // A cell is as large everywhere: a map of one cell is a half as wide as one of two.
    let edges: Vec<f64> = marks(&document, "edge-of-image").into_iter().map(|edge| number(edge, "width")).collect();
    let wide = |width: f64| edges.iter().filter(|&&edge| (edge - width).abs() < 0.1).count();
    let cell = edges.iter().copied().filter(|&edge| edge < 200.0).fold(0.0, f64::max) / 3.0;
    assert_eq!([wide(3.0 * cell), wide(2.0 * cell), wide(cell)], [2, 2, 16], "{edges:?}");
    let full: Vec<&str> = marks(&document, "crisp")
        .into_iter()
        .filter(|cell| cell.attribute("fill-opacity").is_some_and(|opacity| opacity == "1"))
        .filter_map(|cell| cell.attribute("class"))
        .filter(|class| !class.contains("step"))
        .collect();
    assert!(full.contains(&"negative crisp") && full.contains(&"positive crisp"), "{full:?}");
    let nothing = FeatureMaps { filters: None, maps: Vec::new(), ..found };
    assert!(feature_maps("Maps", &nothing).contains("no convolution"));
}
