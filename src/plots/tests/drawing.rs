//! What the pictures share: texts, numbers, ticks, cells and contours.

use super::super::axes::{Axis, nice_step};
use super::super::contour::segments;
use super::super::field::Field;
use super::super::raster::merged;
use super::super::svg::{Anchor, coordinate, text};
use super::super::words::{figure, shortened, signed, text_width, wrapped};
use super::super::{largest, thinned};

#[test]
fn user_text_is_escaped_and_loses_control_characters() {
    let element = text("x", (0.0, 0.0), Anchor::Start, "a<b>&\"c'\u{0}\u{7}\u{1b}d\u{ffff}").to_string();
    assert!(element.contains(">a&lt;b&gt;&amp;&quot;c&#39;d</text>"), "{element}");
}

#[test]
fn coordinates_are_short_and_always_finite() {
    let short = |value| coordinate(value);
    assert_eq!([1.0, 0.126, -0.001, 100.0, f64::NAN, f64::INFINITY].map(short), ["1", "0.13", "0", "100", "0", "0"]);
}

#[test]
fn figures_have_four_significant_digits() {
    let figures = [0.0, 0.123456, 12.3456, 1234.56, 123456.7, 1234567.0, 0.0000123456, -2.5].map(figure);
    assert_eq!(figures, ["0", "0.1235", "12.35", "1235", "123457", "1.235e6", "1.235e-5", "-2.5"]);
    assert_eq!([2.314, -0.5, 0.0].map(signed), ["+2.31", "-0.5", "0"]);
}

#[test]
fn long_texts_keep_their_ends_and_their_width() {
    let name = shortened("a very long name of class number 17", 120.0, 14.0);
    assert!(name.contains('…') && name.starts_with("a ver") && name.ends_with("17"), "{name}");
    assert!(text_width(&name, 14.0) <= 120.0);
    assert_eq!(shortened("short", 120.0, 14.0), "short");
    let lines = wrapped("one two three four five six", 90.0, 14.0);
    assert_eq!(lines.join(" "), "one two three four five six");
    assert!(lines.len() > 1 && lines.iter().all(|line| text_width(line, 14.0) <= 90.0), "{lines:?}");
}

#[test]
fn ticks_are_round_numbers_within_the_range() {
    let labels = |axis: Axis, wanted| -> Vec<String> { axis.ticks(wanted).into_iter().map(|tick| tick.1).collect() };
    assert_eq!([0.3, 1.0, 2.3, 7.0, 40.0].map(nice_step), [0.5, 1.0, 5.0, 10.0, 50.0]);
    assert_eq!(labels(Axis::exact("", -0.13, 0.52), 4), ["0", "0.2", "0.4"]);
    assert_eq!(labels(Axis::exact("", 0.0, 1.0), 5), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    assert_eq!(labels(Axis::exact("", 1.0, 3.0).whole(), 10), ["1", "2", "3"]);
    assert_eq!(labels(Axis::exact("", 0.0, 3e6), 3), ["0", "1e6", "2e6", "3e6"]);
    assert_eq!(labels(Axis::exact("", 0.0, 4e-6), 4), ["0", "1e-6", "2e-6", "3e-6", "4e-6"]);
    assert_eq!(labels(Axis::logarithmic("", 1.0, 4.0, vec![1.0, 2.0, 4.0]), 9), ["1", "2", "4"]);
    assert_eq!(labels(Axis::logarithmic("", 1.0, 2000.0, vec![0.0; 20]), 9), ["1", "10", "100", "1000"]);
    // A constant has a range too.
    assert_eq!(Axis::exact("", 7.0, 7.0).share(7.0), 0.5);
    assert_eq!(Axis::exact("", 0.0, 0.0).share(0.0), 0.5);
}

#[test]
fn a_logarithmic_axis_gives_every_doubling_the_same_room() {
    let axis = Axis::logarithmic("", 1.0, 64.0, Vec::new());
    let steps = [1.0, 8.0, 64.0].map(|value| axis.share(value));
    assert!((steps[2] - steps[1] - (steps[1] - steps[0])).abs() < 1e-12, "{steps:?}");
}

#[test]
fn equal_neighbours_become_one_rectangle() {
    let picture = ["aab", "aab", ".bb"];
    let kind = |row: usize, column: usize| picture[row].chars().nth(column).filter(|&kind| kind != '.');
    let paths: Vec<(char, String)> = merged(3, 3, kind).into_iter().collect();
    let expected = [('a', "M0 0h2v2h-2z".to_string()), ('b', "M2 0h1v2h-1zM1 2h2v1h-2z".to_string())];
    assert_eq!(paths, expected);
}

#[test]
fn a_contour_of_a_plane_lies_on_its_line() {
    // x + y on [0, 1] x [0, 1]: the level 0.7 is the line x + y = 0.7.
    let size = 6;
    let values = (0..size * size).map(|cell| (cell % size + cell / size) as f64 / 5.0).collect();
    let field = Field { x: (0.0, 1.0), y: (0.0, 1.0), size, values };
    let line = segments(&field, 0.7);
    // It passes through 4 + 3 squares.
    assert_eq!(line.len(), 7);
    assert!(line.iter().flatten().all(|(x, y)| (x + y - 0.7).abs() < 1e-12), "{line:?}");
    assert!(segments(&field, 5.0).is_empty());
}

#[test]
fn a_saddle_is_cut_into_two_pieces() {
    // High at the lower left and upper right; the middle (0.5 on average) is below the level.
    let field = Field { x: (0.0, 1.0), y: (0.0, 1.0), size: 2, values: vec![1.0, 0.0, 0.0, 1.0] };
    let pieces = segments(&field, 0.6);
    assert_eq!(pieces.len(), 2);
    // So each piece cuts off one high corner.
    for [a, b] in pieces {
        let sums = [a.0 + a.1, b.0 + b.1];
        assert!(sums.iter().all(|sum| *sum < 0.5) || sums.iter().all(|sum| *sum > 1.5), "{a:?} {b:?}");
    }
}

#[test]
fn the_largest_keep_their_order_and_thinning_is_even() {
    assert_eq!(largest(&[3.0, 9.0, 1.0, 7.0], 2), [1, 3]);
    let kept: Vec<i32> = thinned(&(0..10).collect::<Vec<_>>(), 4).copied().collect();
    assert_eq!(kept, [0, 2, 5, 7]);
}
