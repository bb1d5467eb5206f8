//! Pictures of a saved model, drawn from its folder.

use std::sync::Arc;

use anyhow::Context;
use burnlab_cpu::TrainingBackend;

use super::subject::{DeviceNetwork, Results, Subject};
use super::table::{Draw, PICTURES, Picture};
use crate::backend::{BackendName, Job, run_on};
use crate::data::Examples;
use crate::experiment::evaluate::score_net;
use crate::experiment::plane::is_planar;
use crate::experiment::run_folder::{EVALUATION, PREDICTIONS};
use crate::experiment::saved_model::SavedModel;
use crate::tracking::read_points_thinned;
use crate::waiting;

/// What was drawn of a run.
#[derive(Debug)]
pub struct Drawn {
    /// Pictures and their SVG documents.
    pub pictures: Vec<(&'static Picture, String)>,
    /// Why some others, or parts of these, are left out.
    pub notes: Vec<String>,
}

/// Draws all pictures available for the run.
///
/// # Errors
/// A backend that is not compiled in; weights that do not fit; a damaged folder.
pub fn draw_all(saved: &SavedModel, backend: BackendName) -> anyhow::Result<Drawn> {
    let all = PICTURES.iter().map(|picture| (picture, false)).collect();
    run_on(backend, DrawJob { saved, pictures: all, row: None }).map_err(anyhow::Error::msg)?
}

/// Draws those of the named pictures that show a single run; pictures of one example show the test row `row`, by default the
/// first.
///
/// # Errors
/// As [`draw_all`]; a picture not available for the run; a row that is no test row.
pub fn draw_named(
    saved: &SavedModel,
    pictures: &[&'static Picture],
    row: Option<usize>,
    backend: BackendName,
) -> anyhow::Result<Drawn> {
    let named = pictures.iter().map(|&picture| (picture, true)).collect();
    run_on(backend, DrawJob { saved, pictures: named, row }).map_err(anyhow::Error::msg)?
}

struct DrawJob<'a> {
    saved: &'a SavedModel,
    /// Pictures, and whether each is required.
    pictures: Vec<(&'static Picture, bool)>,
    row: Option<usize>,
}

impl Job for DrawJob<'_> {
    type Output = anyhow::Result<Drawn>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> Self::Output {
        let SavedModel { folder, config, preprocessor, .. } = self.saved;
        let net = self.saved.net::<B::InnerBackend>(&device)?;
        // Without test rows, or if the data are gone, the other pictures can still be drawn.
        let none = || Examples::none(preprocessor.num_inputs());
        let (test, without_test) = match self.saved.test_examples() {
            Ok(test) => (test, None),
            Err(error) => (none(), folder.has(EVALUATION).then(|| format!("{error:#}"))),
        };
        let test = Arc::new(test);
        let result = (!test.is_empty()).then(|| score_net(self.saved, net.clone(), &test, &device));
        let (evaluation, predictions) = result.unzip();
        let predictions = predictions.unwrap_or_default();
        // Only pictures of two inputs show training rows.
        let data = is_planar(preprocessor).then(|| folder.data(config)).transpose();
        let (data, without_train) = match data {
            Ok(data) => (data, None),
            Err(error) => (None, Some(format!("{error:#}"))),
        };
        let train = data.map(|(dataset, splits)| preprocessor.transform(&dataset, &splits.train));
        let title = folder.name();
        let network = DeviceNetwork { net: &net, model: &config.model, device: &device };
        let best_epoch = folder.record()?.best_epoch;
        let results = Results {
            points: read_points_thinned(folder.path(), best_epoch)?,
            best_epoch,
            evaluation: evaluation.as_ref(),
            predictions: &predictions,
            test: &test,
            train: train.as_ref(),
        };
        let mut subject = Subject::new(&title, &network, preprocessor, results);
        if let Some(row) = self.row {
            let found = test.rows.iter().position(|&other| other as usize == row);
            let some: Vec<String> = test.rows.iter().take(5).map(u32::to_string).collect();
            let more = if test.rows.len() > some.len() { ", ..." } else { "" };
            subject.example = found.with_context(|| {
                format!(
                    "--row {row}: no test row of `{title}`; they are {}{more}: the column `row` of its predictions.csv",
                    some.join(", ")
                )
            })?;
        }
        let mut drawn = Vec::new();
        let lacks_test = without_test.as_ref().map_or_else(String::new, |why| format!("; {why}"));
        for (picture, is_wanted) in self.pictures {
            let Draw::Run(draw) = picture.draw else { continue };
            waiting::check()?;
            match draw(&subject) {
                Some(svg) => drawn.push((picture, svg)),
                None if is_wanted => {
                    let Picture { name, needs, .. } = picture;
                    anyhow::bail!("run `{title}` has no {name} picture: it needs {needs}{lacks_test}")
                }
                None => {}
            }
        }
        let without_test = without_test.map(|why| format!("{why}; pictures of the test rows are left out"));
        let without_train = without_train.map(|why| format!("{why}; the training rows are not shown"));
        // They say which rows of the data the test rows are.
        let unnumbered = folder.check_sum(PREDICTIONS).err();
        let unnumbered = unnumbered.map(|error| format!("{error}; test rows are numbered from 0 in pictures"));
        let notes = [without_test, without_train, unnumbered].into_iter().flatten().collect();
        Ok(Drawn { pictures: drawn, notes })
    }
}
