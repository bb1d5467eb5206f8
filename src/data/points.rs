//! Points in the plane with a class each, for pictures of what a network can separate.

use std::f64::consts::{PI, TAU};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::{Column, ColumnKind, DataConfig, Dataset, Source, Target};

const DEFAULT_NUM_EXAMPLES: usize = 400;
/// Turns of a spiral's arm from the centre to radius 1.
const NUM_TURNS: f64 = 1.5;
/// Half the width of the empty strip on each of the band's two borders.
const BAND_MARGIN: f64 = 0.05;
/// Between neighbouring blobs, in standard deviations of the default noise.
const BLOB_DISTANCE: f64 = 5.0;

/// `num_examples` points of a generated set; the same seed gives the same points on every machine.
///
/// Classes come in turn (0, 1, 0, ...) where the set is not drawn by position, so their counts differ by at most 1.
pub(super) fn generate(source: Source, config: &DataConfig) -> Dataset {
    let mut random = ChaCha8Rng::seed_from_u64(config.generator_seed);
    let num_examples = config.num_examples.unwrap_or(DEFAULT_NUM_EXAMPLES);
    let (default_classes, default_noise) = match source {
        Source::Moons => (2, 0.2),
        Source::Circles => (2, 0.1),
        Source::Spirals => (2, 0.03),
        Source::Blobs => (3, 1.0),
        _ => (2, 0.0),
    };
    let num_classes = config.num_classes.unwrap_or(default_classes);
    let noise = config.noise.unwrap_or(default_noise);
    let mut values = Vec::with_capacity(2 * num_examples);
    let mut labels = Vec::with_capacity(num_examples);
    for i in 0..num_examples {
        let turn = Turn {
            class: i % num_classes,
            num_classes,
            index: i / num_classes,
            // Classes before the remainder have one point more.
            count: (num_examples - i % num_classes).div_ceil(num_classes),
        };
        let ([x1, x2], class) = match source {
            Source::Band => band(&mut random),
            Source::Moons => (moon(turn), turn.class),
            Source::Circles => (circle(turn), turn.class),
            Source::Spirals => (spiral(turn, &mut random), turn.class),
            Source::Blobs => (blob_centre(turn), turn.class),
            _ => xor(&mut random),
        };
        for coordinate in [x1, x2] {
            let deviation: f64 = StandardNormal.sample(&mut random);
            values.push((coordinate + noise * deviation) as f32);
        }
        labels.push(class as u32);
    }
    let columns = ["x1", "x2"].map(|name| Column { name: name.to_owned(), kind: ColumnKind::Numeric });
    Dataset {
        name: source.name().to_owned(),
        columns: columns.to_vec(),
        values,
        target: Target::Classes { names: (0..num_classes).map(|class| class.to_string()).collect(), labels },
        target_name: "label".to_owned(),
        image_shape: config.image_shape,
        num_training_rows: None,
        notes: Vec::new(),
    }
}

/// Which point of which class is next.
#[derive(Clone, Copy)]
struct Turn {
    class: usize,
    num_classes: usize,
    index: usize,
    count: usize,
}

impl Turn {
    /// Evenly from 0 to 1, both included.
    fn closed(self) -> f64 {
        self.index as f64 / (self.count.max(2) - 1) as f64
    }

    /// Evenly from 0 to 1, which is left out: on a circle it is 0 again.
    fn open(self) -> f64 {
        self.index as f64 / self.count as f64
    }
}

fn xor(random: &mut ChaCha8Rng) -> ([f64; 2], usize) {
    let point = [random.random_range(-1.0..1.0), random.random_range(-1.0..1.0)];
    (point, usize::from(point[0] * point[1] > 0.0))
}

fn band(random: &mut ChaCha8Rng) -> ([f64; 2], usize) {
    loop {
        let point: [f64; 2] = [random.random(), random.random()];
        // Signed distance of x1 + x2 from the nearer border: positive inside the band.
        let depth = 0.3 - (point[0] + point[1] - 1.0).abs();
        if depth.abs() > BAND_MARGIN {
            return (point, usize::from(depth > 0.0));
        }
    }
}

/// As scikit-learn's `make_moons`.
fn moon(turn: Turn) -> [f64; 2] {
    let (sin, cos) = (PI * turn.closed()).sin_cos();
    match turn.class {
        0 => [cos, sin],
        _ => [1.0 - cos, 0.5 - sin],
    }
}

/// As scikit-learn's `make_circles` with factor 0.5.
fn circle(turn: Turn) -> [f64; 2] {
    let (sin, cos) = (TAU * turn.open()).sin_cos();
    let radius = [1.0, 0.5][turn.class];
    [radius * cos, radius * sin]
}

fn spiral(turn: Turn, random: &mut ChaCha8Rng) -> [f64; 2] {
    // The square root spreads the points evenly along the arm rather than crowding the centre.
    let radius = random.random_range(0.02f64..1.0).sqrt();
    let start = TAU * turn.class as f64 / turn.num_classes as f64;
    let (sin, cos) = (TAU * NUM_TURNS * radius + start).sin_cos();
    [radius * cos, radius * sin]
}

fn blob_centre(turn: Turn) -> [f64; 2] {
    let num_classes = turn.num_classes as f64;
    let radius = BLOB_DISTANCE / 2.0 / (PI / num_classes).sin();
    let (sin, cos) = (TAU * turn.class as f64 / num_classes).sin_cos();
    [radius * cos, radius * sin]
}
