//! Explanations as CSV and as pictures.

use super::contributions::{Contributions, Explained};
use super::dependence::{ColumnDependence, Dependence};
use super::occlusion::OcclusionMap;
use super::shapley::Method;
use crate::experiment::predictions::inert;
use crate::figures::{counted, measured};
use crate::plots;

impl Contributions {
    /// How they were computed, in words, with the number of evaluations of the network.
    pub fn method(&self) -> String {
        let (evaluations, plan) = (self.plan.num_evaluations() * self.num_models, self.plan);
        let network = network(self.num_models);
        match plan.method {
            Method::Exact => format!(
                "Shapley values, exact: all {} sets of {}, {evaluations} evaluations of {network}",
                1_u64 << plan.num_columns,
                counted(plan.num_columns, "column")
            ),
            Method::Orders(orders) => format!(
                "Shapley values, sampled: {orders} orders of {} for each background row, {evaluations} evaluations of \
                 {network}; ± is a standard error",
                counted(plan.num_columns, "column")
            ),
        }
    }

    /// A line per column and explained number, the largest first. `mean` and all contributions to a number add up to
    /// `prediction`.
    ///
    /// # Errors
    /// Only if memory cannot be written.
    pub fn csv(&self) -> anyhow::Result<Vec<u8>> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(["row", "of", "column", "cell", "contribution", "standard_error", "mean", "prediction"])?;
        for Explained { outcome, mean, value, columns } in &self.explained {
            for column in columns {
                let cells = [&outcome.name, &column.column, &column.cell].map(|text| inert(text));
                csv.write_field(self.row.to_string())?;
                for cell in &cells {
                    csv.write_field(cell.as_bytes())?;
                }
                for number in [column.amount.value, column.amount.error, *mean, *value] {
                    csv.write_field(number.to_string())?;
                }
                csv.write_record(None::<&[u8]>)?;
            }
        }
        Ok(csv.into_inner()?)
    }

    /// A picture of them; `name` is that of the run.
    pub fn picture(&self, name: &str) -> String {
        let of = |Explained { outcome, mean, value, columns }: &Explained| plots::ContributionsTo {
            what: capital(&outcome.told),
            mean: *mean,
            value: *value,
            columns: columns
                .iter()
                .map(|column| plots::ColumnContribution {
                    name: format!("{} = {}", column.column, column.cell),
                    value: column.amount.value,
                    error: column.amount.error,
                })
                .collect(),
        };
        let numbers: Vec<plots::ContributionsTo> = self.explained.iter().map(of).collect();
        let note = format!("{}. Mean over {}.", self.method(), self.background);
        plots::contributions(&format!("{name}, {}: predicted {}", self.told, self.predicted), &numbers, &note)
    }
}

/// What is evaluated.
pub(super) fn network(num_models: usize) -> String {
    match num_models {
        1 => "the network".to_owned(),
        several => format!("{several} networks, whose mean is explained"),
    }
}

impl Dependence {
    /// The mean over the runs in place of this run's own curves: the partial dependence of the mean of their predictions.
    pub fn of_ensemble(mut self) -> Self {
        for point in self.columns.iter_mut().flat_map(|column| &mut column.points) {
            point.values.iter_mut().zip(&point.over_runs).for_each(|(value, [mean, _])| *value = *mean);
        }
        self.is_of_ensemble = true;
        self
    }

    /// How many rows and networks it is from, in words.
    pub fn method(&self) -> String {
        let runs = match self.num_runs {
            1 => String::new(),
            runs => format!(" of {runs} runs"),
        };
        format!(
            "partial dependence over {}; {} evaluations of the network{runs}",
            self.background, self.num_evaluations
        )
    }

    /// A line per explained number, column and cell, the strongest column first; where the config has several runs, with
    /// mean and standard deviation over them.
    ///
    /// # Errors
    /// Only if memory cannot be written.
    pub fn csv(&self) -> anyhow::Result<Vec<u8>> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let of_runs: &[&str] = if self.num_runs > 1 { &["mean_of_runs", "standard_deviation_of_runs"] } else { &[] };
        let first = ["of", "column", "cell", "partial_dependence"];
        csv.write_record(first.iter().chain(of_runs))?;
        for (i, outcome) in self.outcomes.iter().enumerate() {
            for ColumnDependence { column, points, .. } in &self.columns {
                for point in points {
                    for cell in [&outcome.name, column, &point.cell].map(|text| inert(text)) {
                        csv.write_field(cell.as_bytes())?;
                    }
                    csv.write_field(point.values[i].to_string())?;
                    for number in point.over_runs.get(i).into_iter().flatten() {
                        csv.write_field(number.to_string())?;
                    }
                    csv.write_record(None::<&[u8]>)?;
                }
            }
        }
        Ok(csv.into_inner()?)
    }

    /// A picture of the strongest columns; `name` is that of the run.
    pub fn picture(&self, name: &str) -> String {
        let of = |ColumnDependence { column, is_ordered, points, .. }: &ColumnDependence| plots::DependsOn {
            column: column.clone(),
            is_ordered: *is_ordered,
            points: points
                .iter()
                .map(|point| plots::DependencePoint {
                    name: point.cell.clone(),
                    place: point.number,
                    values: point.values.clone(),
                    bands: point.over_runs.clone(),
                })
                .collect(),
        };
        let columns: Vec<plots::DependsOn> = self.columns.iter().map(of).collect();
        let curves: Vec<String> = self.outcomes.iter().map(|outcome| outcome.short().to_owned()).collect();
        let what = match &self.outcomes[..] {
            [one] => one.told.clone(),
            _ => "what is predicted".to_owned(),
        };
        let band = match self.num_runs {
            1 => String::new(),
            runs if self.is_of_ensemble => {
                format!(" Lines: the mean of {runs} runs; bands: ± their standard deviation.")
            }
            runs => format!(" Lines: this run; bands: mean ± standard deviation over {runs} runs."),
        };
        let method = self.method();
        plots::dependence(
            &format!("Partial dependence: {name}"),
            &capital(&what),
            &curves,
            &columns,
            &format!("{}.{band}", capital(&method)),
        )
    }
}

impl OcclusionMap {
    /// How it was computed, in words, with the number of evaluations.
    pub fn method(&self) -> String {
        format!(
            "occlusion: a square of {0} x {0} pixels is hidden, {1} evaluations of {2}",
            self.patch,
            self.num_evaluations,
            network(self.num_models)
        )
    }

    /// A line per explained number and pixel, row by row.
    ///
    /// # Errors
    /// Only if memory cannot be written.
    pub fn csv(&self) -> anyhow::Result<Vec<u8>> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(["row", "of", "pixel_row", "pixel_column", "fall", "prediction"])?;
        for map in &self.maps {
            for (pixel, fall) in map.falls.iter().enumerate() {
                let [row, column] = [pixel / self.shape[1], pixel % self.shape[1]];
                csv.write_field(self.row.to_string())?;
                csv.write_field(inert(&map.outcome.name).as_bytes())?;
                for number in [row.to_string(), column.to_string(), fall.to_string(), map.value.to_string()] {
                    csv.write_field(number)?;
                }
                csv.write_record(None::<&[u8]>)?;
            }
        }
        Ok(csv.into_inner()?)
    }

    /// A picture of the image and the maps; `name` is that of the run.
    pub fn picture(&self, name: &str) -> String {
        let [height, width] = self.shape;
        let maps = self.maps.iter().map(|map| (map.outcome.short().to_owned(), map.falls.clone())).collect();
        let what = match &self.maps[..] {
            [one] => format!("{}: {}. ", capital(&one.outcome.told), measured(one.value)),
            _ => String::new(),
        };
        let note = format!(
            "{what}Hidden is a square of {0} x {0} pixels, with the mean of {1}, in its place; {2} evaluations of {3}.",
            self.patch,
            self.background,
            self.num_evaluations,
            network(self.num_models)
        );
        let found = plots::Occlusion { height, width, pixels: self.pixels.clone(), maps, note };
        plots::occlusion(&format!("{name}, {}: predicted {}", self.told, self.predicted), &found)
    }
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}
