//! Networks of two numeric inputs, over the plane of these inputs.

use serde_json::{Value, json};

use super::subject::Subject;
use crate::data::{Examples, Preparation, PreparedKind};
use crate::model::NamedWeights;
use crate::plots::{self, Boundary, Dot, Field, Unit};
use crate::training::Scorer;

/// Cells on a side of a picture's grid, and of one that is redrawn by epoch.
const SIZE: usize = 80;
const SIZE_BY_EPOCH: usize = 48;
/// Room around the points, in parts of their range.
const MARGIN: f64 = 0.05;
/// `boundary.json` writes a class as one base-36 digit.
const MAX_CLASSES: usize = 36;

/// Whether a network's inputs are a plane: exactly two columns, both numbers.
pub fn is_planar(preparation: &Preparation) -> bool {
    preparation.columns().len() == 2 && preparation.columns().iter().all(|column| column.kind.is_numeric())
}

/// Where the classes are divided, with the rows that were to be divided.
pub(super) fn boundary(subject: &Subject) -> Option<String> {
    Some(plots::boundary(&subject.titled("Decision boundary"), &divided(subject)?))
}

/// A number over the plane.
pub(super) fn surface(subject: &Subject) -> Option<String> {
    if !is_planar(subject.preparation) || subject.preparation.task().is_classification() {
        return None;
    }
    let grid = Grid::new(subject.preparation, parts(subject), SIZE);
    let scorer = subject.scorer();
    let values =
        subject.network.logits(&grid.examples(subject.preparation)).into_iter().map(|z| scorer.number(z)).collect();
    let dots: Vec<(f64, f64, f64)> = parts(subject)
        .into_iter()
        .flat_map(|(examples, _)| {
            let target = |row: usize| scorer.number(examples.targets[row]);
            let place = |row: usize| place(subject.preparation, examples, row);
            (0..examples.len()).map(move |row| (place(row).0, place(row).1, target(row)))
        })
        .collect();
    let [x, y] = names(subject.preparation);
    let target = &subject.preparation.target_name;
    Some(plots::surface(&subject.titled("Prediction"), x, y, target, &grid.field(values), &dots))
}

/// What each unit of the one hidden layer makes of the plane, beside what the output makes of the units.
pub(super) fn hidden_units(subject: &Subject) -> Option<String> {
    let [num_units] = subject.model.mlp()?.hidden[..] else { return None };
    let boundary = divided(subject)?;
    let grid = Grid::new(subject.preparation, parts(subject), SIZE);
    let points = grid.examples(subject.preparation);
    let (weights, biases) = (&subject.weights["layers.0.weight"].values, &subject.weights["layers.0.bias"].values);
    let output = &subject.weights["layers.1.weight"];
    let units: Vec<Unit> = (0..num_units)
        .map(|unit| {
            let (first, second) = (weights[unit], weights[num_units + unit]);
            let sums = points.inputs.chunks_exact(2).map(|x| x[0] * first + x[1] * second + biases[unit]);
            let sums: Vec<f32> = sums.collect();
            let field = |values: &[f32]| grid.field(values.iter().map(|&value| f64::from(value)).collect());
            Unit {
                name: format!("unit {}", unit + 1),
                pre_activation: field(&sums),
                activation: field(&subject.network.activate(sums)),
                output_weight: f64::from(output.values[unit * output.shape[1]]),
            }
        })
        .collect();
    Some(plots::hidden_units(&subject.titled("What each hidden unit separates"), &units, &boundary))
}

/// `boundary.json`: the division of the plane after each epoch whose weights were kept, for the dashboard's slider.
/// `logits` gives those of the examples under the weights of an epoch.
pub fn boundary_history(
    preparation: &Preparation,
    parts: [&Examples; 2],
    history: &[(usize, NamedWeights)],
    logits: impl Fn(&NamedWeights, &Examples) -> Vec<f32>,
) -> Option<Value> {
    let num_classes = preparation.class_names().len();
    if !is_planar(preparation) || !(2..=MAX_CLASSES).contains(&num_classes) || history.is_empty() {
        return None;
    }
    let scorer = Scorer::new(preparation);
    let grid = Grid::new(preparation, parts.iter().map(|&part| (part, false)).collect(), SIZE_BY_EPOCH);
    let cells = grid.examples(preparation);
    let floor = 1.0 / num_classes as f64;
    let digit = |number: usize, radix| char::from_digit(number as u32, radix).unwrap_or('0');
    let (mut classes, mut confidence) = (Vec::new(), Vec::new());
    for (_, weights) in history {
        let rows = probabilities(&scorer, &logits(weights, &cells));
        let best = rows.iter().map(|row| {
            let class = (0..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best });
            let sureness = ((row[class] - floor) / (1.0 - floor)).clamp(0.0, 1.0);
            (digit(class, 36), digit((sureness * 15.0).round() as usize, 16))
        });
        let (class_digits, confidence_digits): (String, String) = best.unzip();
        classes.push(class_digits);
        confidence.push(confidence_digits);
    }
    let points: Vec<Value> = parts
        .into_iter()
        .flat_map(|part| {
            (0..part.len()).map(move |row| {
                let (x, y) = place(preparation, part, row);
                json!([x, y, part.targets[row] as usize])
            })
        })
        .collect();
    let [x_name, y_name] = names(preparation);
    Some(json!({
        "x_name": x_name,
        "y_name": y_name,
        "x": grid.x,
        "y": grid.y,
        "size": grid.size,
        "class_names": preparation.class_names(),
        "points": points,
        "epochs": history.iter().map(|(epoch, _)| epoch).collect::<Vec<_>>(),
        "classes": classes,
        "confidence": confidence,
    }))
}

fn divided(subject: &Subject) -> Option<Boundary> {
    let preparation = subject.preparation;
    if !is_planar(preparation) || !preparation.task().is_classification() {
        return None;
    }
    let scorer = subject.scorer();
    let grid = Grid::new(preparation, parts(subject), SIZE);
    let rows = probabilities(&scorer, &subject.network.logits(&grid.examples(preparation)));
    let field = |class: usize| grid.field(rows.iter().map(|row| row[class]).collect());
    let dots = parts(subject).into_iter().flat_map(|(examples, is_test)| {
        let predicted = probabilities(&scorer, &subject.network.logits(examples));
        let dot = |(row, probabilities): (usize, Vec<f64>)| {
            let (x, y) = place(preparation, examples, row);
            let class = examples.targets[row] as usize;
            let is_correct = probabilities.iter().all(|&other| other <= probabilities[class]);
            Dot { x, y, class, is_correct, is_test }
        };
        predicted.into_iter().enumerate().map(dot).collect::<Vec<_>>()
    });
    let [x, y] = names(preparation);
    Some(Boundary {
        x_name: x.to_owned(),
        y_name: y.to_owned(),
        class_names: preparation.class_names().to_vec(),
        probabilities: (0..scorer.num_classes()).map(field).collect(),
        dots: dots.collect(),
    })
}

/// The rows to draw, and whether they are test rows.
fn parts<'a>(subject: &Subject<'a>) -> Vec<(&'a Examples, bool)> {
    subject.train.map(|train| (train, false)).into_iter().chain([(subject.test, true)]).collect()
}

fn probabilities(scorer: &Scorer, logits: &[f32]) -> Vec<Vec<f64>> {
    logits.chunks_exact(scorer.task.num_outputs()).map(|row| scorer.probabilities(row)).collect()
}

fn names(preparation: &Preparation) -> [&str; 2] {
    [&preparation.columns()[0].name, &preparation.columns()[1].name]
}

/// A row's two cells, in their own units.
fn place(preparation: &Preparation, examples: &Examples, row: usize) -> (f64, f64) {
    let raw = preparation.raw_numbers(examples, row);
    (f64::from(raw[0]), f64::from(raw[1]))
}

/// Points spread evenly over the plane, in the columns' own units.
struct Grid {
    x: (f64, f64),
    y: (f64, f64),
    size: usize,
}

impl Grid {
    /// Around all rows of the parts.
    fn new(preparation: &Preparation, parts: Vec<(&Examples, bool)>, size: usize) -> Self {
        let places: Vec<(f64, f64)> = parts
            .into_iter()
            .flat_map(|(examples, _)| (0..examples.len()).map(move |row| place(preparation, examples, row)))
            .collect();
        let around = |values: &dyn Fn(&(f64, f64)) -> f64| {
            let low = places.iter().map(values).fold(f64::INFINITY, f64::min);
            let high = places.iter().map(values).fold(f64::NEG_INFINITY, f64::max);
            if low > high {
                return (-1.0, 1.0);
            }
            let margin = if high > low { MARGIN * (high - low) } else { 1.0 };
            (low - margin, high + margin)
        };
        Self { x: around(&|place| place.0), y: around(&|place| place.1), size }
    }

    /// The points as the network takes them: row by row from the lowest y.
    fn examples(&self, preparation: &Preparation) -> Examples {
        let at = |(low, high): (f64, f64), step: usize| low + (high - low) * step as f64 / (self.size - 1) as f64;
        let mut inputs = Vec::with_capacity(2 * self.size * self.size);
        for row in 0..self.size {
            for column in 0..self.size {
                let raw = [at(self.x, column), at(self.y, row)];
                for (column, raw) in preparation.columns().iter().zip(raw) {
                    let PreparedKind::Numeric { center, spread, .. } = column.kind else { continue };
                    inputs.push(((raw - center) / spread) as f32);
                }
            }
        }
        let num_points = self.size * self.size;
        Examples {
            num_inputs: 2,
            inputs,
            shared: None,
            targets: vec![f32::NAN; num_points],
            rows: (0..num_points).collect(),
        }
    }

    fn field(&self, values: Vec<f64>) -> Field {
        Field { x: self.x, y: self.y, size: self.size, values }
    }
}
