//! Pictures over two inputs.

use super::super::{Boundary, Dot, Field, Unit, boundary, hidden_units, surface};
use super::{description, marks, number, parsed, points, strings, text, texts};

/// `value` at the cell centres of [-1, 1] x [-1, 1].
fn field(size: usize, value: impl Fn(f64, f64) -> f64) -> Field {
    let at = |index: usize| -1.0 + 2.0 * index as f64 / (size - 1) as f64;
    let values = (0..size * size).map(|cell| value(at(cell % size), at(cell / size))).collect();
    Field { x: (-1.0, 1.0), y: (-1.0, 1.0), size, values }
}

/// Class "high" above the line y = 0.25.
fn half_planes(dots: Vec<Dot>) -> Boundary {
    let high = |y: f64| 0.5 + 0.4 * (y - 0.25);
    Boundary {
        x_name: "length".into(),
        y_name: "width".into(),
        class_names: strings(&["low", "high"]),
        probabilities: vec![field(41, |_, y| 1.0 - high(y)), field(41, |_, y| high(y))],
        dots,
    }
}

fn dot(x: f64, y: f64, class: usize, is_correct: bool, is_test: bool) -> Dot {
    Dot { x, y, class, is_correct, is_test }
}

fn four_dots() -> Vec<Dot> {
    let wrong = dot(0.0, 0.5, 0, false, false);
    vec![dot(-0.5, -0.5, 0, true, false), dot(0.5, 0.75, 1, true, true), wrong, dot(0.0, 0.25, 1, true, true)]
}

#[test]
fn the_boundary_lies_where_the_probability_is_one_half() {
    let svg = boundary("Boundary", &half_planes(four_dots()));
    let document = parsed(&svg);
    // The last dot, at y = 0.25, is a triangle around the line's height.
    let triangle = points(*marks(&document, "dot").last().unwrap());
    let middle = triangle.iter().map(|point| point.1).sum::<f64>() / 3.0;
    let line = points(marks(&document, "limit")[0]);
    assert_eq!(line.len(), 2 * 40);
    assert!(line.iter().all(|point| (point.1 - middle).abs() < 0.02), "{middle} {line:?}");
    assert_eq!(texts(&document, "x-name"), ["length"]);
    assert_eq!(texts(&document, "y-name"), ["width"]);
}

#[test]
fn areas_are_the_most_probable_class_and_fainter_where_unsure() {
    let svg = boundary("Boundary", &half_planes(Vec::new()));
    let document = parsed(&svg);
    let areas: Vec<(bool, f64)> = marks(&document, "area")
        .into_iter()
        .map(|area| (area.attribute("class").unwrap().contains("class0"), number(area, "fill-opacity")))
        .collect();
    // Class 0 reaches probability 1.0 at y = -1, all five levels; class 1 0.8 at y = 1, which is 0.6 sure.
    assert_eq!(areas.iter().filter(|area| area.0).count(), 5);
    let opacities: Vec<f64> = areas.iter().filter(|area| !area.0).map(|area| area.1).collect();
    assert!(opacities.len() >= 3 && opacities.is_sorted(), "{opacities:?}");
    // The image's first row is the highest y, where class 1 is most probable.
    let surest = marks(&document, "class1").into_iter().rfind(|node| node.has_attribute("d")).unwrap();
    assert!(surest.attribute("d").unwrap().starts_with("M0 0h41"), "{surest:?}");
}

#[test]
fn dots_differ_by_class_part_and_result() {
    let svg = boundary("Boundary", &half_planes(four_dots()));
    let document = parsed(&svg);
    let dots = marks(&document, "dot");
    assert_eq!(dots.len(), 4);
    let of =
        |class: &str| dots.iter().filter(|dot| dot.attribute("class").unwrap().split(' ').any(|c| c == class)).count();
    assert_eq!(["class0", "class1", "test", "wrong"].map(of), [2, 2, 2, 1]);
    // Class 0 is a circle, class 1 a triangle.
    assert_eq!(dots.iter().filter(|dot| dot.tag_name().name() == "circle").count(), 2);
    let wrong = marks(&document, "wrong")[0];
    let ring = marks(&document, "ring")[0];
    assert_eq!([number(ring, "cx"), number(ring, "cy")], [number(wrong, "cx"), number(wrong, "cy")]);
    let expected = "1 of 2 training rows and 2 of 2 test rows classified correctly.";
    assert_eq!(description(&document), expected);
    let legend = text(marks(&document, "legend")[0]);
    for entry in ["low", "high", "test row", "classified wrongly", "probability 0.5"] {
        assert!(legend.contains(entry), "{legend}");
    }
}

#[test]
fn three_classes_have_areas_and_no_line() {
    let mut three = half_planes(Vec::new());
    three.class_names.push("third".into());
    three.probabilities =
        (0..3).map(|class| field(5, |x, _| if (x > 0.0) == (class == 2) { 0.8 } else { 0.1 })).collect();
    let svg = boundary("Boundary", &three);
    let document = parsed(&svg);
    assert!(marks(&document, "limit").is_empty());
    let columns = marks(&document, "area").into_iter().map(|area| area.attribute("d").unwrap()).collect::<Vec<_>>();
    assert!(columns.contains(&"M3 0h2v5h-2z"), "{columns:?}");
}

#[test]
fn a_surface_runs_from_low_to_high() {
    let plane = field(10, |x, _| 50.0 + 45.0 * x);
    let svg = surface("Surface", "a", "b", "price", &plane, &[(0.0, 0.0, 50.0), (1.0, 1.0, f64::NAN)]);
    let document = parsed(&svg);
    // Ten columns, ten levels: each column is one.
    let areas = marks(&document, "area");
    assert_eq!(areas.len(), 10);
    for (level, area) in areas.into_iter().enumerate() {
        assert!(area.attribute("class").unwrap().contains(&format!("level{level}")));
        assert_eq!(area.attribute("d"), Some(&*format!("M{level} 0h1v10h-1z")));
    }
    assert_eq!(marks(&document, "dot").len(), 1);
    assert_eq!(marks(&document, "step").len(), 10);
    assert!(description(&document).starts_with("The predicted price runs from 5 to 95. 1 row"));
}

fn unit(index: usize, output_weight: f64) -> Unit {
    let name = format!("unit {index}");
    Unit { name, activation: field(9, |x, _| x.tanh()), pre_activation: field(9, |x, _| x - 0.1), output_weight }
}

#[test]
fn each_hidden_unit_shows_its_line_and_its_weight() {
    let units = [unit(1, 2.314), unit(2, -0.5)];
    let svg = hidden_units("Units", &units, &half_planes(four_dots()));
    let document = parsed(&svg);
    assert_eq!((marks(&document, "unit").len(), marks(&document, "output").len()), (2, 1));
    let weights = ["weight to the output +2.31", "weight to the output -0.5", "what the network predicts"];
    assert_eq!(texts(&document, "weight"), weights);
    let lines: Vec<_> = marks(&document, "zero").into_iter().filter(|line| line.has_attribute("d")).collect();
    assert_eq!(lines.len(), 2);
    // The vertical line x = 0.1; the first two dots of a panel are circles at x = -0.5 and x = 0.
    let [left, middle] = [0, 1].map(|index| number(marks(&document, "dot")[index], "cx"));
    let expected = middle + 0.2 * (middle - left);
    assert!(points(lines[0]).iter().all(|point| (point.0 - expected).abs() < 0.05), "{expected}");
    // Three panels of four dots.
    assert_eq!(marks(&document, "dot").len(), 12);
    assert_eq!(marks(&document, "limit").len(), 1);
}

#[test]
fn of_many_hidden_units_the_strongest_are_shown() {
    let units: Vec<Unit> =
        (0..20).map(|index| unit(index, if index < 4 { 0.01 } else { -1.0 - index as f64 })).collect();
    let svg = hidden_units("Units", &units, &half_planes(four_dots()));
    let document = parsed(&svg);
    assert_eq!(marks(&document, "unit").len(), 16);
    assert_eq!(texts(&document, "name")[0], "unit 4");
    assert!(description(&document).contains("20 hidden units, 4 with smaller weights to the output left out"));
}
