//! A row of a run's data, for a step on it.

use anyhow::Context;

use super::saved_model::SavedModel;
use crate::data::{Examples, Inputs, PreparedTarget};
use crate::figures::short;

/// An example of a run's data.
#[derive(Clone, Debug)]
pub struct StepExample {
    /// As in `predictions.csv`.
    pub row: usize,
    /// As the network gets them.
    pub inputs: Vec<f32>,
    /// A class index or a standardized number; for a text one per position.
    pub labels: Vec<f32>,
    /// What it is, for humans: its first cells and its target.
    pub told: String,
}

impl StepExample {
    /// The class `class`, as it is shown.
    pub fn name_of(&self, saved: &SavedModel, class: usize) -> String {
        match &saved.preprocessor.target {
            PreparedTarget::Characters(characters) => {
                characters.chars().nth(class).map_or_else(|| "(another)".to_owned(), |shown| format!("{shown:?}"))
            }
            _ => {
                let names = saved.preprocessor.class_names();
                let name = names.get(class).map(String::as_str);
                // Of several labels each has a probability.
                format!("`{}`", name.or_else(|| saved.preprocessor.target_names().get(class).copied()).unwrap_or("?"))
            }
        }
    }
}

impl SavedModel {
    /// The row `row` of the run's data; by default the first test row.
    ///
    /// # Errors
    /// A row that the data do not have; data that are gone, or have changed, for a row that is no test row.
    pub fn step_example(&self, row: Option<usize>) -> anyhow::Result<StepExample> {
        let tested = self.test_examples();
        if let Ok(tested) = &tested {
            let found = row
                .map_or((!tested.is_empty()).then_some(0), |row| tested.rows.iter().position(|&r| r as usize == row));
            if let Some(position) = found {
                return self.step_example_of(tested, position, tested.row(position));
            }
        }
        let Some(row) = row else { return Err(tested.err().context("the run has no test rows: name one with --row")?) };
        let (dataset, splits) = self.folder.data(&self.config)?;
        let all = [&splits.train[..], &splits.validation, &splits.test].concat();
        let found = all.iter().copied().find(|&position| dataset.source_row(position as usize) == row);
        let position = found.with_context(|| {
            let last = all.iter().map(|&position| dataset.source_row(position as usize)).max().unwrap_or(0);
            format!("--row {row}: no part of the run has this row; the rows are 0 to {last}")
        })?;
        self.step_example_of(&self.preprocessor.transform(&dataset, &[position]), 0, row)
    }

    fn step_example_of(&self, examples: &Examples, position: usize, row: usize) -> anyhow::Result<StepExample> {
        let labels = examples.targets_of(position);
        anyhow::ensure!(
            labels.iter().all(|label| label.is_finite()),
            "row {row} has a target that training did not have: name another with --row"
        );
        let inputs = examples.gather(position..position + 1);
        let mut example = StepExample { row, inputs, labels, told: String::new() };
        example.told = match &self.preprocessor.inputs {
            Inputs::Text(_) => self.text_of(&example),
            Inputs::Table { .. } => self.cells_of(examples, position, &example),
        };
        Ok(example)
    }

    fn cells_of(&self, examples: &Examples, position: usize, example: &StepExample) -> String {
        const MOST_CELLS: usize = 4;
        let raw = self.preprocessor.raw_numbers(examples, position);
        let columns = self.preprocessor.columns().iter().filter(|column| column.kind.is_numeric());
        let cells: Vec<String> = columns
            .zip(&raw)
            .take(MOST_CELLS)
            .map(|(column, cell)| format!("{} = {}", column.name, short(f64::from(*cell))))
            .collect();
        let more = if self.preprocessor.columns().len() > cells.len() { ", ..." } else { "" };
        let numbers = examples.numbers_of(position);
        let targets = self.preprocessor.target_names().into_iter().enumerate().map(|(i, name)| {
            let target = match (numbers.get(i), self.preprocessor.class_names()) {
                (Some(&number), _) => short(number),
                (None, []) => short(f64::from(example.labels[i])),
                (None, _) => example.name_of(self, example.labels[i] as usize),
            };
            format!("{name} is {target}")
        });
        format!("{}{more}; {}", cells.join(", "), targets.collect::<Vec<_>>().join(", "))
    }

    fn text_of(&self, example: &StepExample) -> String {
        let PreparedTarget::Characters(characters) = &self.preprocessor.target else { return String::new() };
        let characters: Vec<char> = characters.chars().collect();
        let shown: String =
            example.inputs.iter().map(|&at| characters.get(at as usize).unwrap_or(&'\u{fffd}')).collect();
        let next = example.labels.last().map_or(String::new(), |&label| example.name_of(self, label as usize));
        format!("{shown:?}, and then {next}")
    }
}
