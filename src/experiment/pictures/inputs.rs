//! Pictures of networks with two numeric inputs, over the plane of these inputs.

use serde_json::{Value, json};

use super::subject::Subject;
use crate::data::{Examples, Preprocessor, Task};
use crate::experiment::plane::{Grid, is_planar, place, probabilities};
use crate::model::NamedWeights;
use crate::plots::{self, Boundary, Dot, Field, Unit};
use crate::training::OutputDecoder;

/// Grid cells per side of a picture, and of one that is redrawn for each epoch.
const SIZE: usize = 80;
const SIZE_BY_EPOCH: usize = 48;
/// `boundary.json` writes a class as one base-36 digit.
const MAX_CLASSES: usize = 36;

/// The decision boundary, with the data points.
pub(super) fn boundary(subject: &Subject) -> Option<String> {
    Some(plots::boundary(&subject.titled("Decision boundary"), &divided(subject)?))
}

/// The predicted number over the plane.
pub(super) fn surface(subject: &Subject) -> Option<String> {
    if !is_planar(subject.preprocessor) || subject.preprocessor.task() != Task::Regression {
        return None;
    }
    let grid = grid(subject);
    let unit = subject.decoder().units[0];
    let values =
        subject.network.logits(&grid.examples(subject.preprocessor)).into_iter().map(|z| unit.number(z)).collect();
    let dots: Vec<(f64, f64, f64)> = parts(subject)
        .into_iter()
        .flat_map(|(examples, _)| {
            let target = |row: usize| examples.numbers_of(row)[0];
            let place = |row: usize| place(subject.preprocessor, examples, row);
            (0..examples.len()).map(move |row| (place(row).0, place(row).1, target(row)))
        })
        .collect();
    let [x, y] = names(subject.preprocessor);
    let target = &subject.preprocessor.target_name;
    Some(plots::surface(&subject.titled("Prediction"), x, y, target, &field(&grid, values), &dots))
}

/// The plane as each unit of the only hidden layer divides it, next to the network's output.
pub(super) fn hidden_units(subject: &Subject) -> Option<String> {
    let [num_units] = subject.perceptron()?.hidden[..] else { return None };
    let boundary = divided(subject)?;
    let grid = grid(subject);
    let points = grid.examples(subject.preprocessor);
    let (weights, biases) = (&subject.weights["layers.0.weight"].values, &subject.weights["layers.0.bias"].values);
    let output = &subject.weights["layers.1.weight"];
    let units: Vec<Unit> = (0..num_units)
        .map(|unit| {
            let (first, second) = (weights[unit], weights[num_units + unit]);
            let sums = points.inputs.chunks_exact(2).map(|x| x[0] * first + x[1] * second + biases[unit]);
            let sums: Vec<f32> = sums.collect();
            let field = |values: &[f32]| field(&grid, values.iter().map(|&value| f64::from(value)).collect());
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

/// `boundary.json`: the decision regions after each epoch whose weights were kept, for the dashboard's slider. `logits`
/// computes the examples' logits with the weights of an epoch.
pub fn boundary_history(
    preprocessor: &Preprocessor,
    parts: [&Examples; 2],
    history: &[(usize, NamedWeights)],
    logits: impl Fn(&NamedWeights, &Examples) -> Vec<f32>,
) -> Option<Value> {
    let num_classes = preprocessor.class_names().len();
    if !is_planar(preprocessor) || !(2..=MAX_CLASSES).contains(&num_classes) || history.is_empty() {
        return None;
    }
    let decoder = OutputDecoder::new(preprocessor);
    let grid = Grid::around(preprocessor, &parts, SIZE_BY_EPOCH);
    let cells = grid.examples(preprocessor);
    let floor = 1.0 / num_classes as f64;
    let digit = |number: usize, radix| char::from_digit(number as u32, radix).unwrap_or('0');
    let (mut classes, mut confidence) = (Vec::new(), Vec::new());
    for (_, weights) in history {
        let rows = probabilities(&decoder, &logits(weights, &cells));
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
            let targets = part.targets();
            (0..part.len()).map(move |row| {
                let (x, y) = place(preprocessor, part, row);
                json!([x, y, targets[row] as usize])
            })
        })
        .collect();
    let [x_name, y_name] = names(preprocessor);
    Some(json!({
        "x_name": x_name,
        "y_name": y_name,
        "x": grid.x,
        "y": grid.y,
        "size": grid.size,
        "class_names": preprocessor.class_names(),
        "points": points,
        "epochs": history.iter().map(|(epoch, _)| epoch).collect::<Vec<_>>(),
        "classes": classes,
        "confidence": confidence,
    }))
}

fn divided(subject: &Subject) -> Option<Boundary> {
    let preprocessor = subject.preprocessor;
    if !is_planar(preprocessor) || !preprocessor.task().is_classification() {
        return None;
    }
    let decoder = subject.decoder();
    let grid = grid(subject);
    let rows = probabilities(&decoder, &subject.network.logits(&grid.examples(preprocessor)));
    let field = |class: usize| field(&grid, rows.iter().map(|row| row[class]).collect());
    let dots = parts(subject).into_iter().flat_map(|(examples, is_test)| {
        let predicted = probabilities(&decoder, &subject.network.logits(examples));
        let targets = examples.targets();
        let dot = |(row, probabilities): (usize, Vec<f64>)| {
            let (x, y) = place(preprocessor, examples, row);
            let class = targets[row] as usize;
            let is_correct = probabilities.iter().all(|&other| other <= probabilities[class]);
            Dot { x, y, class, is_correct, is_test }
        };
        predicted.into_iter().enumerate().map(dot).collect::<Vec<_>>()
    });
    let [x, y] = names(preprocessor);
    Some(Boundary {
        x_name: x.to_owned(),
        y_name: y.to_owned(),
        class_names: preprocessor.class_names().to_vec(),
        probabilities: (0..decoder.num_classes()).map(field).collect(),
        dots: dots.collect(),
    })
}

/// The rows to draw, and whether they are test rows.
fn parts<'a>(subject: &Subject<'a>) -> Vec<(&'a Examples, bool)> {
    subject.train.map(|train| (train, false)).into_iter().chain([(subject.test, true)]).collect()
}

/// A grid over these rows.
fn grid(subject: &Subject) -> Grid {
    let parts: Vec<&Examples> = parts(subject).into_iter().map(|(part, _)| part).collect();
    Grid::around(subject.preprocessor, &parts, SIZE)
}

fn names(preprocessor: &Preprocessor) -> [&str; 2] {
    [&preprocessor.columns()[0].name, &preprocessor.columns()[1].name]
}

fn field(grid: &Grid, values: Vec<f64>) -> Field {
    Field { x: grid.x, y: grid.y, size: grid.size, values }
}
