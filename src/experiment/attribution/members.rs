//! The models that an explanation is about: one, or the members of an ensemble, each with the same rows prepared in its own way.

use std::borrow::Cow;

use anyhow::Context;
use burnlab_cpu::TrainingBackend;

use super::Request;
use super::network::Explainable;
use super::outcome::Outcome;
use super::rows::{ExplainedRow, OwnRows, Rows, row_of_file};
use crate::data::Examples;
use crate::experiment::ensemble::{average, is_ordered};
use crate::experiment::predictions::AnswerFormat;
use crate::experiment::saved_model::SavedModel;
use crate::model::Net;
use crate::training::OutputDecoder;
use crate::training::evaluation::{Answer, logits};

/// At least one model. The mean of their predictions is explained: as it is linear, the contributions to it are the means of those to
/// each.
#[derive(Clone, Copy)]
pub struct Models<'a>(pub &'a [&'a SavedModel]);

/// A row and the rows that it is held against, as each model reads them.
pub struct Prepared {
    pub row: ExplainedRow,
    /// Which rows the background is.
    pub background: String,
    pub num_background: usize,
    /// So many there might have been.
    pub most_background: usize,
    /// Per model, the row and the background.
    examples: Vec<(Examples, Examples)>,
}

impl<'a> Models<'a> {
    pub fn first(self) -> &'a SavedModel {
        self.0[0]
    }

    /// The numbers of a prediction that can be explained.
    ///
    /// # Errors
    /// Log odds of numbers, or of the mean of several probabilities.
    pub fn outcomes(self, log_odds: bool) -> anyhow::Result<Vec<Outcome>> {
        anyhow::ensure!(
            self.0.len() == 1 || !log_odds,
            "--log-odds are of one model: those of a mean probability are not the mean of its members' log odds"
        );
        Outcome::all(&self.first().preprocessor, log_odds)
    }

    /// The row of `request`, and the background that `num_background` says how many rows of, given how many there may be.
    ///
    /// # Errors
    /// A row that is not there; of several models, data that cannot be had.
    pub fn prepare(self, request: &Request<'_>, num_background: impl Fn(usize) -> usize) -> anyhow::Result<Prepared> {
        let first = self.first();
        let own = if request.is_from_folder { OwnRows::in_folder(first)? } else { OwnRows::of(first)? };
        let mut row = match request.data {
            Some(file) => row_of_file(first, file, request.row.unwrap_or(0))?,
            None => own.row(first, request.row)?,
        };
        let (mut background, mut told) = own.background(first, request.background, request.seed)?;
        let most_background = background.len();
        let num = num_background(most_background);
        // Fewer ones are drawn like the others.
        if num < background.len() {
            (background, told) = own.background(first, num, request.seed)?;
        }
        let mut examples = vec![(row.examples.clone(), background.examples.clone())];
        for other in &self.0[1..] {
            const GONE: &str = "an ensemble is explained by the data of its runs, which cannot be had any more";
            let of_row = match (request.data, &row.positions) {
                (Some(file), _) => row_of_file(other, file, request.row.unwrap_or(0))?.examples,
                (None, positions) => own.prepared_by(other, positions.as_deref())?.context(GONE)?,
            };
            examples.push((of_row, own.background_of(other, &background)?.context(GONE)?));
        }
        if let (None, true) = (request.data, self.0.len() > 1) {
            // In which part it is depends on the run.
            row.told = format!("row {}", row.row);
        }
        Ok(Prepared { row, background: told, num_background: Rows::len(&background), most_background, examples })
    }
}

/// The networks of some models.
pub struct Loaded<'a, B: TrainingBackend> {
    models: Models<'a>,
    nets: Vec<Net<B::InnerBackend>>,
    decoders: Vec<OutputDecoder>,
    sources: Vec<Vec<crate::data::SourceColumn>>,
    device: B::Device,
}

impl<'a, B: TrainingBackend> Loaded<'a, B> {
    /// # Errors
    /// Weights that cannot be read.
    pub fn new(models: Models<'a>, device: B::Device) -> anyhow::Result<Self> {
        let nets = models.0.iter().map(|model| model.net::<B::InnerBackend>(&device)).collect::<anyhow::Result<_>>()?;
        let decoders = models.0.iter().map(|model| OutputDecoder::new(&model.preprocessor)).collect();
        let sources = models.0.iter().map(|model| model.preprocessor.sources()).collect();
        Ok(Self { models, nets, decoders, sources, device })
    }

    pub fn decoder(&self) -> &OutputDecoder {
        &self.decoders[0]
    }

    /// The answer to the row, and what is predicted, in words.
    pub fn answer(&self, prepared: &Prepared) -> (Answer, String) {
        let of = |((net, decoder), (row, _)): ((&Net<_>, &OutputDecoder), &(Examples, Examples))| {
            Answer::new(decoder, &logits(net, row, &self.device))
        };
        let answers: Vec<Answer> = self.nets.iter().zip(&self.decoders).zip(&prepared.examples).map(of).collect();
        let preprocessor = &self.models.first().preprocessor;
        let answer = match &answers[..] {
            [one] => one.clone(),
            several => average(&several.iter().collect::<Vec<_>>(), is_ordered(preprocessor)).answer,
        };
        let told = AnswerFormat::new(preprocessor).told(&answer);
        (answer, told)
    }

    /// The outcomes of `num_rows` rows, row-major, the mean over the models: each is background row `base` with the cells of the
    /// explained row in the columns that `is_replaced` says.
    ///
    /// # Errors
    /// As [`Explainable::values`].
    pub fn values(
        &self,
        prepared: &Prepared,
        outcomes: &[Outcome],
        num_rows: usize,
        base: usize,
        is_replaced: impl Fn(usize, usize) -> bool,
    ) -> anyhow::Result<Vec<f64>> {
        self.mean(prepared, outcomes, |network, row, background| {
            let (base, explained) = (background.input(base), row.input(0));
            network.values(num_rows, |_| Cow::Borrowed(&base), |_| Cow::Borrowed(&explained), &is_replaced)
        })
    }

    /// The mean over the models of what `of` makes of each network, the explained row, and its background.
    ///
    /// # Errors
    /// The first one of `of`.
    pub fn mean(
        &self,
        prepared: &Prepared,
        outcomes: &[Outcome],
        of: impl Fn(&Explainable<'_, B::InnerBackend>, &Examples, &Examples) -> anyhow::Result<Vec<f64>>,
    ) -> anyhow::Result<Vec<f64>> {
        let mut sum: Vec<f64> = Vec::new();
        for (i, (row, background)) in prepared.examples.iter().enumerate() {
            let network = Explainable {
                net: &self.nets[i],
                decoder: &self.decoders[i],
                outcomes,
                sources: &self.sources[i],
                device: &self.device,
            };
            let values = of(&network, row, background)?;
            match sum.is_empty() {
                true => sum = values,
                false => sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value),
            }
        }
        let num = prepared.examples.len() as f64;
        if num > 1.0 {
            sum.iter_mut().for_each(|sum| *sum /= num);
        }
        Ok(sum)
    }
}
