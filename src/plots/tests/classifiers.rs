//! Pictures of a classifier's predictions. Figures are scikit-learn's (1.9.1) or computed by hand.

use super::super::calibration::{bins, expected_error};
use super::super::roc::{area, rated, steps};
use super::super::{Sample, calibration, confusion, gallery, roc};
use super::{description, marks, number, parsed, points, strings, text, texts};

const TRUTHS: [bool; 10] = [false, false, true, true, false, true, true, false, true, false];
const SCORES: [f64; 10] = [0.1, 0.4, 0.35, 0.8, 0.4, 0.7, 0.3, 0.2, 0.9, 0.7];

#[test]
fn roc_steps_and_area_are_those_of_scikit_learn() {
    let steps = steps(&rated(&TRUTHS, &SCORES));
    let false_positive_rates = [0.0, 0.0, 0.0, 0.2, 0.6, 0.6, 0.6, 0.8, 1.0];
    let true_positive_rates = [0.0, 0.2, 0.4, 0.6, 0.6, 0.8, 1.0, 1.0, 1.0];
    let expected: Vec<(f64, f64)> = false_positive_rates.into_iter().zip(true_positive_rates).collect();
    assert_eq!(steps, expected);
    assert!((area(&steps) - 0.74).abs() < 1e-12);
}

#[test]
fn roc_draws_the_steps_and_says_the_area() {
    let svg = roc("ROC", "ill", &TRUTHS, &SCORES);
    let document = parsed(&svg);
    assert!(description(&document).contains("(AUC) is 0.74:"), "{}", description(&document));
    let line = points(marks(&document, "roc-line")[0]);
    // Nine steps, of which three lie inside a straight run.
    assert_eq!(line.len(), 6, "{line:?}");
    let diagonal = marks(&document, "diagonal")[0];
    assert_eq!(line[0], (number(diagonal, "x1"), number(diagonal, "y1")));
    assert_eq!(line[5], (number(diagonal, "x2"), number(diagonal, "y2")));
    let only_ill = roc("ROC", "ill", &[true, true], &[0.1, 0.2]);
    assert!(description(&parsed(&only_ill)).contains("both classes"));
}

#[test]
fn calibration_bins_are_those_of_scikit_learn() {
    let truths = [false, true, true, false, true, true, false, true];
    let scores = [0.0, 0.05, 0.1, 0.1, 0.95, 1.0, 0.92, 0.5];
    let bins = bins(&rated(&truths, &scores));
    let filled: Vec<(usize, usize, f64, f64)> = bins
        .iter()
        .enumerate()
        .filter(|(_, bin)| bin.count > 0)
        .map(|(index, bin)| (index, bin.count, bin.observed, bin.mean_predicted))
        .collect();
    let expected = [(0, 4, 0.5, 0.0625), (4, 1, 1.0, 0.5), (9, 3, 2.0 / 3.0, 0.956_666_666_666_666_7)];
    for (bin, expected) in filled.iter().zip(expected) {
        assert_eq!((bin.0, bin.1), (expected.0, expected.1));
        assert!((bin.2 - expected.2).abs() < 1e-12 && (bin.3 - expected.3).abs() < 1e-12, "{bin:?}");
    }
    assert_eq!(filled.len(), 3);
    assert!((expected_error(&bins) - 0.39).abs() < 1e-12);
    // Of the other set: 0.3 and 0.7 lie on edges, and belong to the bins below them.
    let counts: Vec<usize> =
        super::super::calibration::bins(&rated(&TRUTHS, &SCORES)).iter().map(|bin| bin.count).collect();
    assert_eq!(counts, [1, 1, 1, 3, 0, 0, 2, 1, 1, 0]);
}

#[test]
fn calibration_draws_a_point_and_a_bar_for_each_filled_bin() {
    let svg = calibration("Calibration", "ill", &TRUTHS, &SCORES);
    let document = parsed(&svg);
    assert_eq!((marks(&document, "count-point").len(), marks(&document, "bar").len()), (7, 7));
    // Areas by count: three rows in the fourth bin, one in the first.
    let radii: Vec<f64> = marks(&document, "count-point").into_iter().map(|point| number(point, "r")).collect();
    assert!((radii[3] / radii[0] - 3f64.sqrt()).abs() < 0.01, "{radii:?}");
    let outside = calibration("Calibration", "ill", &[true], &[1.5]);
    assert!(description(&parsed(&outside)).contains("no row"));
}

#[test]
fn confusion_counts_shades_and_tells_the_result() {
    let names = strings(&["<a> & \"b\"", "it's", "c"]);
    let svg = confusion("Confusion", &names, &[vec![8, 2, 0], vec![0, 5, 0], vec![1, 0, 3]]);
    let document = parsed(&svg);
    let shades: Vec<f64> = marks(&document, "cell").into_iter().map(|cell| number(cell, "fill-opacity")).collect();
    assert_eq!(shades, [0.8, 0.2, 1.0, 0.25, 0.75]);
    assert_eq!((marks(&document, "hit").len(), marks(&document, "miss").len()), (3, 2));
    assert_eq!(texts(&document, "count"), ["8", "2", "5", "1", "3"]);
    assert_eq!(texts(&document, "row-name"), names);
    assert_eq!(texts(&document, "column-name"), names);
    let expected = "19 rows, 16 on the diagonal (84.2 %). Most often mistaken: <a> & \"b\" for it's (2 rows).";
    assert_eq!(description(&document), expected);
}

#[test]
fn confusion_has_text_for_up_to_thirty_classes() {
    let diagonal = |size: usize| -> Vec<Vec<u64>> {
        (0..size).map(|row| (0..size).map(|column| u64::from(row == column)).collect()).collect()
    };
    for (size, num_texts) in [(30, 30), (31, 0)] {
        let svg = confusion("Confusion", &[], &diagonal(size));
        let document = parsed(&svg);
        assert_eq!(marks(&document, "cell").len(), size);
        assert_eq!((marks(&document, "count").len(), marks(&document, "row-name").len()), (num_texts, num_texts));
    }
}

fn sample(pixels: Vec<f32>, label: &str, prediction: &str) -> Sample {
    let probabilities = vec![(prediction.to_string(), 0.75), ("7".to_string(), 0.25)];
    Sample { row: 12, pixels, label: label.into(), prediction: prediction.into(), probabilities }
}

#[test]
fn gallery_marks_wrong_predictions_by_a_sign() {
    let samples = [sample(vec![0.0, 255.0], "3", "8"), sample(vec![255.0, 0.0], "1", "1")];
    let svg = gallery("Test images", 1, 2, &samples);
    let document = parsed(&svg);
    assert_eq!((marks(&document, "sample").len(), marks(&document, "wrong").len()), (2, 1));
    assert_eq!(marks(&document, "cross").len(), 1);
    assert!(text(marks(&document, "wrong")[0]).contains("row 12: label 3, prediction 8"));
    assert_eq!(texts(&document, "caption"), ["Label 3 / Prediction 8", "Label 1 / Prediction 1"]);
    let bars: Vec<f64> = marks(&document, "bar").into_iter().map(|bar| number(bar, "width")).collect();
    assert!(bars.len() == 4 && (bars[0] / bars[1] - 3.0).abs() < 0.01, "{bars:?}");
    assert!(description(&document).contains("2 images, 1 of them predicted wrongly"));
    let long = [sample(vec![0.0, 1.0], "ankle boot", "sandal")];
    assert_eq!(
        texts(&parsed(&gallery("Test images", 1, 2, &long)), "caption"),
        ["Label ankle boot / Prediction sandal"]
    );
}

#[test]
fn gallery_draws_dark_pixels_for_large_values_over_the_range_of_all_samples() {
    // 16 levels over 0 to 150: 10 a level; the second sample alone would have another range.
    let samples = [sample(vec![0.0, 150.0, 50.0, 50.0], "1", "1"), sample(vec![100.0, 100.0, 4.0, f32::NAN], "1", "1")];
    let svg = gallery("Test images", 2, 2, &samples);
    let document = parsed(&svg);
    let shades: Vec<(&str, f64)> = marks(&document, "shade")
        .into_iter()
        .map(|shade| (shade.attribute("d").unwrap(), number(shade, "fill-opacity")))
        .collect();
    assert_eq!(shades, [("M0 1h2v1h-2z", 0.33), ("M1 0h1v1h-1z", 1.0), ("M0 0h2v1h-2z", 0.67)]);
}

#[test]
fn forty_images_stay_small() {
    let pixels = |seed: usize| (0..784).map(|pixel| ((pixel * seed * 7919) % 256) as f32).collect();
    let samples: Vec<Sample> = (1..41).map(|seed| sample(pixels(seed), "1", "1")).collect();
    // Noise is the worst case: hardly any neighbours are alike.
    assert!(gallery("Test images", 28, 28, &samples).len() < 600_000);
}
