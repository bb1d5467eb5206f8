//! Generates points in the plane, each with a class, to show what a network can separate.

use std::f64::consts::{PI, TAU};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Turns of a spiral's arm from the centre to radius 1.
const NUM_TURNS: f64 = 1.5;
/// Half the width of the empty strip on each of the band's two borders.
const BAND_MARGIN: f64 = 0.05;
/// Between neighbouring blobs, in standard deviations of the default noise.
const BLOB_DISTANCE: f64 = 5.0;

/// The index and class of the next point.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    class: usize,
    num_classes: usize,
    /// Among the points of its class.
    index: usize,
    /// Points of its class.
    count: usize,
}

impl Turn {
    /// Point `i` of `num_examples`; the classes take turns (0, 1, 0, ...), so that their counts differ by at most 1.
    pub(super) fn new(i: usize, num_examples: usize, num_classes: usize) -> Self {
        Self {
            class: i % num_classes,
            num_classes,
            index: i / num_classes,
            // Classes before the remainder have one point more.
            count: (num_examples - i % num_classes).div_ceil(num_classes),
        }
    }

    /// Evenly from 0 to 1, both included.
    fn closed(self) -> f64 {
        self.index as f64 / (self.count.max(2) - 1) as f64
    }

    /// Evenly from 0 to 1 exclusive: on a circle 1 is 0 again.
    fn open(self) -> f64 {
        self.index as f64 / self.count as f64
    }
}

/// The position determines the class, so the counts are only about equal.
pub(super) fn xor(_: Turn, random: &mut ChaCha8Rng) -> ([f64; 2], usize) {
    let point = [random.random_range(-1.0..1.0), random.random_range(-1.0..1.0)];
    (point, usize::from(point[0] * point[1] > 0.0))
}

/// As in [`xor`], the position determines the class.
pub(super) fn band(_: Turn, random: &mut ChaCha8Rng) -> ([f64; 2], usize) {
    loop {
        let point: [f64; 2] = [random.random(), random.random()];
        // Signed distance of x1 + x2 from the nearer border: positive inside the band.
        let depth = 0.3 - (point[0] + point[1] - 1.0).abs();
        if depth.abs() > BAND_MARGIN {
            return (point, usize::from(depth > 0.0));
        }
    }
}

/// Like scikit-learn's `make_moons`.
pub(super) fn moon(turn: Turn, _: &mut ChaCha8Rng) -> ([f64; 2], usize) {
    let (sin, cos) = (PI * turn.closed()).sin_cos();
    let point = match turn.class {
        0 => [cos, sin],
        _ => [1.0 - cos, 0.5 - sin],
    };
    (point, turn.class)
}

/// Like scikit-learn's `make_circles` with factor 0.5.
pub(super) fn circle(turn: Turn, _: &mut ChaCha8Rng) -> ([f64; 2], usize) {
    let (sin, cos) = (TAU * turn.open()).sin_cos();
    let radius = [1.0, 0.5][turn.class];
    ([radius * cos, radius * sin], turn.class)
}

/// One arm per class.
pub(super) fn spiral(turn: Turn, random: &mut ChaCha8Rng) -> ([f64; 2], usize) {
    // The square root spreads the points evenly along the arm rather than crowding the centre.
    let radius = random.random_range(0.02f64..1.0).sqrt();
    let start = TAU * turn.class as f64 / turn.num_classes as f64;
    let (sin, cos) = (TAU * NUM_TURNS * radius + start).sin_cos();
    ([radius * cos, radius * sin], turn.class)
}

/// The centre of the class's cloud; the noise added later spreads it.
pub(super) fn blob(turn: Turn, _: &mut ChaCha8Rng) -> ([f64; 2], usize) {
    let num_classes = turn.num_classes as f64;
    let radius = BLOB_DISTANCE / 2.0 / (PI / num_classes).sin();
    let (sin, cos) = (TAU * turn.class as f64 / num_classes).sin_cos();
    ([radius * cos, radius * sin], turn.class)
}
