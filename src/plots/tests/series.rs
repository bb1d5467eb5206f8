//! Curves, scatter plots, bars and the loss over hidden units.

use super::super::{
    Capacity, ColumnContribution, ContributionsTo, Curve, DependencePoint, DependsOn, Importance, contributions,
    curves, dependence, importance, overfitting, predicted_vs_true, residuals,
};
use super::{description, marks, number, parsed, points, text, texts};

fn curve(metric: &str) -> Curve {
    let train = (1..=10).map(|epoch| (f64::from(epoch), 1.0 / f64::from(epoch))).collect();
    let validation = vec![(1.0, 1.0), (2.0, f64::NAN), (5.0, 0.5), (10.0, 0.25)];
    Curve { metric: metric.into(), train, validation, refit: Vec::new() }
}

#[test]
fn curves_have_a_panel_for_each_metric_and_marked_epochs() {
    let all = ["loss", "accuracy", "f1", "recall", "precision"].map(curve);
    let svg = curves("Training", &all, Some(5), Some(10));
    let document = parsed(&svg);
    assert_eq!(texts(&document, "metric"), ["loss", "accuracy", "f1", "recall"]);
    assert_eq!((marks(&document, "best").len(), marks(&document, "stop").len()), (4, 4));
    assert_eq!(texts(&document, "best-label")[0], "best 5");
    assert_eq!(texts(&document, "stop-label")[0], "stopped 10");
    let expected =
        "loss at the end: training 0.1, validation 0.25. Best epoch 5. Stopped after epoch 10. Not drawn: precision.";
    assert_eq!(description(&document), expected);
    let panel = marks(&document, "panel")[0];
    let lines: Vec<Vec<(f64, f64)>> = panel.children().filter(|node| node.has_attribute("d")).map(points).collect();
    // The value that is not finite is skipped.
    assert_eq!((lines[0].len(), lines[1].len()), (10, 3));
    // The best epoch's line passes through the validation point of that epoch.
    assert_eq!(number(marks(&document, "best")[0], "x1"), lines[1][1].0);
}

#[test]
fn labels_of_neighbouring_epochs_stand_side_by_side() {
    let svg = curves("Training", &[curve("loss"), curve("f1")], Some(9), Some(10));
    let document = parsed(&svg);
    let (best, stop) = (marks(&document, "best-label")[0], marks(&document, "stop-label")[0]);
    assert!(number(stop, "x") - number(best, "x") > 60.0);
}

#[test]
fn a_long_curve_keeps_its_peaks() {
    let value = |epoch: i32| if epoch == 77_777 { 9.0 } else { f64::from(epoch % 7) / 7.0 };
    let train = (0..100_000).map(|epoch| (f64::from(epoch), value(epoch))).collect();
    let svg = curves(
        "Training",
        &[Curve { metric: "loss".into(), train, validation: Vec::new(), refit: Vec::new() }],
        None,
        None,
    );
    let document = parsed(&svg);
    let line = points(marks(&document, "curve").into_iter().find(|node| node.has_attribute("d")).unwrap());
    assert!(line.len() <= 1200);
    let top = line.iter().map(|point| point.1).fold(f64::MAX, f64::min);
    assert!(line.iter().filter(|point| point.1 < top + 50.0).count() == 1, "one peak");
}

#[test]
fn a_perfect_prediction_lies_on_the_diagonal() {
    let svg = predicted_vs_true("Prices", "€", vec![(1.0, 1.0), (2.0, 2.0), (4.0, 1.0)]);
    let document = parsed(&svg);
    let dots = marks(&document, "dot");
    let diagonal = marks(&document, "diagonal")[0];
    let [x1, y1, x2, y2] = ["x1", "y1", "x2", "y2"].map(|name| number(diagonal, name));
    let off = |dot| number(dot, "cy") - (y1 + (number(dot, "cx") - x1) / (x2 - x1) * (y2 - y1));
    assert!(off(dots[0]).abs() < 0.05 && off(dots[1]).abs() < 0.05 && off(dots[2]) > 100.0);
    // |1 - 4| / 3 = 1, and the root of 9 / 3.
    assert!(description(&document).contains("mean absolute error 1, RMSE 1.732 (in €)."));
    assert_eq!(texts(&document, "x-name"), ["true (€)"]);
}

#[test]
fn residuals_are_predicted_minus_true() {
    let svg = residuals("Prices", "€", vec![(1.0, 3.0), (2.0, 2.0), (3.0, 3.0), (4.0, 4.0)]);
    let document = parsed(&svg);
    let dots = marks(&document, "dot");
    let zero = number(marks(&document, "zero")[0], "y1");
    assert!(number(dots[0], "cy") < zero - 100.0);
    assert!((number(dots[1], "cy") - zero).abs() < 0.02);
    // Mean 2 / 4; deviations 1.5 and three times 0.5: variance 3 / 4.
    assert!(description(&document).contains("+0.5 € on average, with a standard deviation of 0.866"));
    let hints: Vec<String> = marks(&document, "bar").into_iter().map(text).collect();
    assert_eq!(hints, ["3 rows", "1 row"]);
}

#[test]
fn a_hundred_thousand_rows_are_thinned_and_said_so() {
    let rows: Vec<(f64, f64)> = (0..100_000).map(|i| (f64::from(i), f64::from(i))).collect();
    for svg in [predicted_vs_true("", "", rows.clone()), residuals("Residuals", "", rows)] {
        let document = roxmltree::Document::parse(&svg).expect("valid XML");
        assert_eq!(marks(&document, "dot").len(), 3000);
        assert!(description(&document).starts_with("100000 rows (3000 of 100000 drawn)"));
    }
}

#[test]
fn importances_are_sorted_with_whiskers() {
    let feature = |name: &str, mean, deviation| Importance { name: name.into(), mean, deviation };
    let features =
        [feature("b", 0.2, 0.05), feature("c", -0.1, 0.0), feature("a", 0.4, 0.1), feature("d", f64::NAN, 0.0)];
    let svg = importance("Importance", "Accuracy", &features);
    let document = parsed(&svg);
    assert_eq!(texts(&document, "feature"), ["a", "b", "c"]);
    let bars = marks(&document, "bar");
    let widths: Vec<f64> = bars.iter().map(|&bar| number(bar, "width")).collect();
    assert!((widths[0] / widths[1] - 2.0).abs() < 0.01 && (widths[0] / widths[2] - 4.0).abs() < 0.02, "{widths:?}");
    // The negative one ends at zero, where the others begin.
    assert!((number(bars[2], "x") + widths[2] - number(bars[0], "x")).abs() < 0.02);
    let whiskers = marks(&document, "whisker");
    assert_eq!(whiskers.len(), 2);
    let line = whiskers[0].first_element_child().unwrap();
    assert!(((number(line, "x2") - number(line, "x1")) / widths[0] - 0.5).abs() < 0.01);
    assert_eq!(description(&document), "Accuracy falls by 0.4 when a is shuffled.");
    let many: Vec<Importance> = (0..30).map(|index| feature("x", f64::from(index), 0.0)).collect();
    let svg = importance("Importance", "Accuracy", &many);
    let document = parsed(&svg);
    assert_eq!((marks(&document, "bar").len(), texts(&document, "more")), (25, vec!["+5 more".to_string()]));
}

#[test]
fn overfitting_draws_means_and_marks_the_best_size() {
    let runs = [(1, 0.9, 1.0), (1, 0.7, 0.8), (8, 0.3, 0.5), (64, 0.1, 0.7)];
    let points_of_runs =
        runs.map(|(units, train_loss, validation_loss)| Capacity { units, train_loss, validation_loss });
    let svg = overfitting("Overfitting", &points_of_runs, " Not all.");
    let document = parsed(&svg);
    assert_eq!(marks(&document, "dot").len(), 8);
    let series = marks(&document, "series");
    let line = points(series[1].children().find(|node| node.has_attribute("d")).unwrap());
    assert_eq!(line.len(), 3);
    // Log axis: from 1 to 8 as far as from 8 to 64; the first point lies midway between its two runs.
    assert!((line[2].0 - 2.0 * line[1].0 + line[0].0).abs() < 0.05, "{line:?}");
    let heights: Vec<f64> =
        series[1].children().filter(|node| node.has_attribute("cy")).map(|dot| number(dot, "cy")).collect();
    assert!((line[0].1 - (heights[0] + heights[1]) / 2.0).abs() < 0.02);
    assert_eq!(texts(&document, "best-label"), ["best 8"]);
    let expected = "4 runs. The validation loss is least, 0.5, with 8 hidden units. \
                    With 64 it is 0.7, while the training loss falls from 0.3 to 0.1. Losses of the last epoch. \
                    Not all.";
    assert_eq!(description(&document), expected);
}

#[test]
fn contributions_go_to_both_sides_of_zero() {
    let column = |name: &str, value, error| ColumnContribution { name: name.into(), value, error };
    let columns = vec![column("a = 1", 0.4, 0.1), column("b = x", -0.2, 0.0), column("c = 3", 0.1, 0.0)];
    let to = ContributionsTo { what: "The probability of yes".into(), mean: 0.5, value: 0.8, columns };
    let svg = contributions("Row 3", std::slice::from_ref(&to), "Note.");
    let document = parsed(&svg);
    assert_eq!(description(&document), "The probability of yes: 0.8, the mean (0.5) and +0.3 by the columns. Note.");
    let (up, down) = (marks(&document, "bar-up"), marks(&document, "bar-down"));
    assert_eq!((up.len(), down.len(), marks(&document, "whisker").len()), (2, 1, 1));
    let zero = number(marks(&document, "zero")[0], "x1");
    assert!((number(up[0], "x") - zero).abs() < 0.02);
    assert!((number(down[0], "x") + number(down[0], "width") - zero).abs() < 0.02);
    assert!((number(up[0], "width") / number(down[0], "width") - 2.0).abs() < 0.01);
    assert_eq!(text(up[0]), "a = 1: +0.4 ± 0.1");
    // Very many columns: the rest is one bar, with their sum.
    let columns = (0..30).map(|i| column(&format!("c{i}"), 1.0, 0.0)).collect();
    let svg = contributions("Row 3", &[ContributionsTo { columns, ..to.clone() }], "");
    let document = parsed(&svg);
    let bars = marks(&document, "bar-up");
    assert_eq!((bars.len(), text(bars[20])), (21, "10 other columns: +10".to_owned()));
    let many: Vec<ContributionsTo> = (0..8).map(|_| to.clone()).collect();
    let svg = contributions("Row 3", &many, "");
    let document = parsed(&svg);
    assert_eq!(marks(&document, "panel").len(), 6);
    assert!(description(&document).contains("2 more are not drawn."));
}

#[test]
fn dependence_has_a_panel_per_column_with_bands() {
    let point = |name: &str, place, value: f64| DependencePoint {
        name: name.into(),
        place,
        values: vec![value, 1.0 - value],
        bands: vec![[value, 0.1], [1.0 - value, 0.2]],
    };
    let number_column = DependsOn {
        column: "size".into(),
        is_ordered: true,
        points: vec![point("1", Some(1.0), 0.2), point("2", Some(2.0), 0.4), point("4", Some(4.0), 0.8)],
    };
    let names = DependsOn {
        column: "kind".into(),
        is_ordered: false,
        points: vec![point("blue", None, 0.3), point("red", None, 0.5)],
    };
    let curves = ["no".to_owned(), "yes".to_owned()];
    let svg = dependence("Dependence", "What is predicted", &curves, &[number_column, names.clone()], "Note.");
    let document = parsed(&svg);
    assert_eq!(description(&document), "What is predicted depends most on size. Note.");
    assert_eq!(texts(&document, "column"), ["size", "kind"]);
    let panels = marks(&document, "panel");
    let line = points(panels[0].children().find(|node| node.attribute("class") == Some("curve line0")).unwrap());
    assert!(((line[2].0 - line[1].0) / (line[1].0 - line[0].0) - 2.0).abs() < 0.01, "the axis is to scale: {line:?}");
    // The band of the first: 0.1 above and below, where the line climbs by 0.2 from the first to the second point.
    let band = panels[0].children().find(|node| node.attribute("class") == Some("band class0")).unwrap();
    let ends = points(band);
    assert!(((ends[5].1 - ends[0].1) / (line[0].1 - line[1].1) - 1.0).abs() < 0.02, "{ends:?} {line:?}");
    // Names have bars for bands, and no line between them.
    assert_eq!(panels[1].children().filter(|node| node.has_attribute("d")).count(), 0);
    assert_eq!(
        panels[1].children().filter(|node| node.attribute("class").is_some_and(|c| c.starts_with("band"))).count(),
        4
    );
    let dots: Vec<String> = marks(&document, "dot").into_iter().map(text).collect();
    assert_eq!(dots[0], "size = 1, no: 0.2; over the runs 0.2 ± 0.1");
    let many: Vec<DependsOn> = (0..9).map(|_| names.clone()).collect();
    let svg = dependence("Dependence", "It", &curves, &many, "");
    let document = parsed(&svg);
    assert_eq!(marks(&document, "panel").len(), 6);
    assert!(description(&document).contains("Not drawn, with less: 3 columns."));
}
