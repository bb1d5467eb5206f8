//! The built-in data sources, one row each.
//!
//! To add one, write a row here, and put its file into `builtin/` or its function into `points.rs`.

use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TaskKind;
use super::points::{self, Turn};

/// What is known about a source before it is loaded.
pub(super) struct Row {
    /// Its name in the config file.
    name: &'static str,
    /// The task, unless the config sets another.
    task: TaskKind,
    /// Height and width of an image, where a row is one.
    image_shape: Option<[usize; 2]>,
    /// Where it comes from.
    pub(super) origin: SourceOrigin,
}

/// Where a source comes from.
pub(super) enum SourceOrigin {
    /// A gzipped CSV file inside the binary, whose target is the column `target`.
    Table { file: &'static [u8], class_order: ClassOrder },
    /// A gzipped text inside the binary.
    Text { file: &'static [u8] },
    /// Points in the plane, drawn one by one.
    Generated { classes: GeneratedClasses, noise: f64, draw: Draw },
}

/// Draws the coordinates and the class of the next point.
pub(super) type Draw = fn(Turn, &mut ChaCha8Rng) -> ([f64; 2], usize);

/// How the classes of a shipped table are numbered.
#[derive(Clone, Copy)]
pub(super) enum ClassOrder {
    /// As those of the user's files: numbers as numbers, names by alphabet.
    Sorted,
    /// The reverse. scikit-learn calls malignant 0 and benign 1; published numbers follow it.
    Reversed,
}

/// How many classes a generated set has.
#[derive(Clone, Copy)]
pub(super) enum GeneratedClasses {
    /// Always two.
    Two,
    /// As many as `data.num_classes` says.
    Chosen {
        /// Without the key.
        default: usize,
    },
}

/// Declares [`Source`] together with its rows, so that neither can exist without the other.
macro_rules! catalog {
    ($($(#[doc = $doc:literal])+ $source:ident: $row:expr,)+) => {
        /// A built-in data set, shipped or generated; the inputs of generated ones are `x1` and `x2`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Source {
            $($(#[doc = $doc])+ $source,)+
        }

        impl Source {
            /// Every source, in the order of the catalog.
            pub const ALL: &[Self] = &[$(Self::$source),+];

            pub(super) fn row(self) -> &'static Row {
                match self {
                    $(Self::$source => const { &$row },)+
                }
            }
        }
    };
}

catalog! {
    /// 1797 images of 8x8 pixels (0 to 16), 10 classes.
    Digits: Row {
        name: "digits",
        task: TaskKind::Classification,
        image_shape: Some([8, 8]),
        origin: table(include_bytes!("builtin/digits.csv.gz")),
    },
    /// 150 flowers, 4 numbers, 3 classes.
    Iris: Row {
        name: "iris",
        task: TaskKind::Classification,
        image_shape: None,
        origin: table(include_bytes!("builtin/iris.csv.gz")),
    },
    /// 178 wines, 13 numbers, 3 classes.
    Wine: Row {
        name: "wine",
        task: TaskKind::Classification,
        image_shape: None,
        origin: table(include_bytes!("builtin/wine.csv.gz")),
    },
    /// 569 tumours, 30 numbers, malignant (class 0) or benign (class 1).
    BreastCancer: Row {
        name: "breast_cancer",
        task: TaskKind::Classification,
        image_shape: None,
        origin: SourceOrigin::Table {
            file: include_bytes!("builtin/breast_cancer.csv.gz"),
            class_order: ClassOrder::Reversed,
        },
    },
    /// 442 patients, 10 numbers; the target is a number from 25 to 346.
    Diabetes: Row {
        name: "diabetes",
        task: TaskKind::Regression,
        image_shape: None,
        origin: table(include_bytes!("builtin/diabetes.csv.gz")),
    },
    /// Alice's Adventures in Wonderland, a text of 148425 characters, 70 distinct; the target is the next one.
    Alice: Row {
        name: "alice",
        task: TaskKind::LanguageModel,
        image_shape: None,
        origin: SourceOrigin::Text { file: include_bytes!("builtin/alice.txt.gz") },
    },
    /// Uniform in [-1, 1]^2; class 1 where x1 and x2 have the same sign.
    Xor: generated("xor", GeneratedClasses::Two, 0.0, points::xor),
    /// Uniform in [0, 1]^2; class 1 along the diagonal 0.7 < x1 + x2 < 1.3, with a gap on both sides.
    Band: generated("band", GeneratedClasses::Two, 0.0, points::band),
    /// Two interleaved half circles.
    Moons: generated("moons", GeneratedClasses::Two, 0.2, points::moon),
    /// A circle inside a circle of twice its radius.
    Circles: generated("circles", GeneratedClasses::Two, 0.1, points::circle),
    /// Arms of 1.5 turns.
    Spirals: generated("spirals", GeneratedClasses::Chosen { default: 2 }, 0.03, points::spiral),
    /// Round clouds, centres on a circle, neighbours 5 apart.
    Blobs: generated("blobs", GeneratedClasses::Chosen { default: 3 }, 1.0, points::blob),
}

const fn table(file: &'static [u8]) -> SourceOrigin {
    SourceOrigin::Table { file, class_order: ClassOrder::Sorted }
}

/// `noise`: standard deviation of the noise on the coordinates unless `data.noise` is set.
const fn generated(name: &'static str, classes: GeneratedClasses, noise: f64, draw: Draw) -> Row {
    let origin = SourceOrigin::Generated { classes, noise, draw };
    Row { name, task: TaskKind::Classification, image_shape: None, origin }
}

impl Source {
    /// Its name in the config file.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The task, unless the config sets another.
    pub fn task(self) -> TaskKind {
        self.row().task
    }

    /// Height and width of an image, where a row is one.
    pub fn image_shape(self) -> Option<[usize; 2]> {
        self.row().image_shape
    }

    /// Whether the points are computed rather than shipped.
    pub fn is_generated(self) -> bool {
        matches!(self.row().origin, SourceOrigin::Generated { .. })
    }

    /// Whether `data.num_classes` sets the number of classes.
    pub fn has_chosen_classes(self) -> bool {
        matches!(self.row().origin, SourceOrigin::Generated { classes: GeneratedClasses::Chosen { .. }, .. })
    }

    /// The names of the sources for which `holds` is true, in the order of the catalog.
    pub(super) fn names_where(holds: impl Fn(Self) -> bool) -> Vec<&'static str> {
        Self::ALL.iter().filter(|&&source| holds(source)).map(|source| source.name()).collect()
    }
}
