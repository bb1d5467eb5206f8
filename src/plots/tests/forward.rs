//! The picture of one image on its way through a network.

use super::super::{ForwardPass, forward_pass};
use super::{description, marks, number, parsed, strings, texts};

fn pass() -> ForwardPass {
    ForwardPass {
        about: "Row 7".to_owned(),
        image: (2, 2, vec![0.0, 1.0, 2.0, 3.0]),
        shape: (2, 2),
        sizes: vec![4, 3, 2],
        units: vec![(vec![1.0, 0.0, -2.0, 0.5], 0.5), (vec![0.0; 4], -2.0), (vec![f32::NAN; 4], 0.0)],
        outputs: vec![("yes".to_owned(), 0.25), ("no".to_owned(), 0.75)],
        label: "yes".to_owned(),
        prediction: "no".to_owned(),
    }
}

#[test]
fn an_image_goes_through_the_units_to_its_probabilities() {
    let svg = forward_pass("Forward pass", &pass());
    let document = parsed(&svg);
    assert_eq!(description(&document), "Row 7");
    assert_eq!(
        texts(&document, "bold"),
        strings(&["4 inputs", "3 hidden units", "2 probabilities", "Label yes", "Prediction no"])
    );
    // The bars of the activations are as long as those are large.
    let bars: Vec<(f64, bool)> = marks(&document, "activation")
        .into_iter()
        .map(|bar| (number(bar, "width"), bar.attribute("class").unwrap().contains("negative")))
        .collect();
    assert_eq!(bars, [(15.0, false), (60.0, true), (0.0, false)]);
    let probabilities: Vec<f64> = marks(&document, "bar").into_iter().map(|bar| number(bar, "width")).collect();
    assert!((probabilities[1] / probabilities[0] - 3.0).abs() < 1e-6, "{probabilities:?}");
    assert_eq!(texts(&document, "chosen").len(), 1);
    assert!(texts(&document, "chosen")[0].contains("75.0 %"));
    // A wrong answer has its sign, a right one none.
    assert_eq!(marks(&document, "cross").len(), 1);
    let right = forward_pass("Forward pass", &ForwardPass { label: "no".to_owned(), ..pass() });
    assert!(marks(&parsed(&right), "cross").is_empty());
}

#[test]
fn of_many_units_and_classes_the_largest_are_shown() {
    let units = (0..20).map(|unit| (vec![1.0; 4], if unit == 3 { 0.0 } else { f64::from(unit) + 1.0 })).collect();
    let outputs = (0..30).map(|class| (class.to_string(), f64::from(class) / 435.0)).collect();
    let many = ForwardPass { units, outputs, sizes: vec![4, 20, 8, 30], prediction: "29".to_owned(), ..pass() };
    let svg = forward_pass("Forward pass", &many);
    let document = parsed(&svg);
    assert_eq!((marks(&document, "unit").len(), marks(&document, "output").len()), (16, 12));
    assert_eq!(texts(&document, "more"), ["+4 less active"]);
    assert!(!texts(&document, "unit").iter().any(|text| text.starts_with("unit 4:")));
    for nothing in [ForwardPass { units: Vec::new(), ..pass() }, ForwardPass { image: (0, 2, Vec::new()), ..pass() }] {
        assert!(forward_pass("Forward pass", &nothing).contains("There is no image"));
    }
}
