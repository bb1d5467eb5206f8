//! Occlusion maps (Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2): how much a prediction
//! falls when a part of the image is hidden.
//!
//! A square passes over the image, also beyond its edges, so that every pixel is under it equally often. Under it are the mean pixels
//! of background rows, which is what the network knows of images in general. The map has, for each pixel, the mean over all squares
//! that cover it of the prediction for the whole image less that for the covered one.

use burnlab_cpu::TrainingBackend;

use super::Request;
use super::members::{Loaded, Models, Prepared};
use super::outcome::Outcome;
use super::rows::of_inputs;
use crate::backend::{BackendName, Job, run_on};
use crate::data::{Examples, ImageShape};
use crate::experiment::saved_model::SavedModel;
use crate::shell::command;
use crate::training::evaluation::logits;
use crate::waiting;

/// Input values of the images that are in memory at a time, 16 MB.
const MOST_INPUTS: usize = 4 << 20;
/// The side of the square, as a part of the image's shorter side, by default.
const PART: usize = 5;

/// What a prediction for an image rests on.
#[derive(Clone, Debug)]
pub struct OcclusionMap {
    pub row: usize,
    /// `test row 7`
    pub told: String,
    /// In words.
    pub predicted: String,
    /// Height and width of the image.
    pub shape: [usize; 2],
    /// Grey levels as the data have them, row-major.
    pub pixels: Vec<f32>,
    /// The side of the square.
    pub patch: usize,
    pub num_evaluations: usize,
    pub num_models: usize,
    /// Which rows' mean is under the square.
    pub background: String,
    /// Per explained number.
    pub maps: Vec<PixelMap>,
}

/// The map of one number of the prediction.
#[derive(Clone, Debug)]
pub struct PixelMap {
    pub outcome: Outcome,
    /// For the whole image.
    pub value: f64,
    /// Row-major, how much it falls where the pixel is hidden; negative where it rises.
    pub falls: Vec<f64>,
}

/// Maps of the prediction for an image, of one model, or of the mean of several. `patch`: the side of the square.
///
/// # Errors
/// A model of no images; as for [`contributions`](super::contributions()).
pub fn occlusion(
    models: &[&SavedModel],
    request: Request<'_>,
    patch: Option<usize>,
    backend: BackendName,
) -> anyhow::Result<OcclusionMap> {
    let models = Models(models);
    let saved = models.first();
    let Some(shape) = saved.preprocessor.image_shape() else {
        anyhow::bail!(
            "run `{}` reads no images, of which --patch hides a part: `{}` explains its columns",
            saved.name(),
            command(&["explain", &saved.name(), "--row", "N"])
        );
    };
    let shorter = shape.height.min(shape.width);
    let patch = patch.unwrap_or((shorter / PART).max(2).min(shorter));
    anyhow::ensure!(patch <= shorter, "--patch {patch}: the images are {shape}, so that it can be {shorter} at most");
    let all = models.outcomes(request.log_odds)?;
    let named = request.of.map(|name| Outcome::named(&all, name)).transpose()?;
    let prepared = models.prepare(&request, |most| most)?;
    let squares = Squares::new(shape, patch, request.evaluations);
    request.check_work(saved, squares.corners.len() + 1, prepared.row.row)?;
    let job = OcclusionJob { models, prepared: &prepared, squares: &squares, shape, named, all };
    let (outcomes, values, predicted) = run_on(backend, job).map_err(anyhow::Error::msg)??;
    let num = outcomes.len();
    let map = |(i, outcome): (usize, Outcome)| PixelMap {
        outcome,
        value: values[i],
        falls: squares.means(|square| values[i] - values[(square + 1) * num + i]),
    };
    Ok(OcclusionMap {
        row: prepared.row.row,
        told: prepared.row.told.clone(),
        predicted,
        shape: [shape.height, shape.width],
        pixels: shape.grey(&saved.preprocessor.raw_numbers(&prepared.row.examples, 0)),
        patch,
        num_evaluations: (squares.corners.len() + 1) * models.0.len(),
        num_models: models.0.len(),
        background: prepared.background.clone(),
        maps: outcomes.into_iter().enumerate().map(map).collect(),
    })
}

/// Where the square is.
struct Squares {
    height: usize,
    width: usize,
    /// Of its rows and columns in the image, the first one and one more than the last one.
    corners: Vec<[std::ops::Range<usize>; 2]>,
}

impl Squares {
    /// All places, or each second, third, ..., so that they are about `most`, if every pixel is still covered.
    fn new(shape: ImageShape, patch: usize, most: usize) -> Self {
        let ImageShape { height, width, .. } = shape;
        let places = |side: usize, stride: usize| -> Vec<std::ops::Range<usize>> {
            // Counted from the first one, which covers one pixel at the edge.
            let ends = (1..side + patch).step_by(stride);
            ends.map(|end| end.saturating_sub(patch)..end.min(side)).collect()
        };
        let count = |stride| places(height, stride).len() * places(width, stride).len();
        let stride = (1..=patch).find(|&stride| count(stride) <= most).unwrap_or(patch);
        let columns = places(width, stride);
        let of_row = |rows: std::ops::Range<usize>| columns.iter().map(move |columns| [rows.clone(), columns.clone()]);
        let corners = places(height, stride).into_iter().flat_map(of_row).collect();
        Self { height, width, corners }
    }

    /// For each pixel the mean of `of` over the squares that cover it.
    fn means(&self, of: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![(0.0, 0.0); self.height * self.width];
        for (square, [rows, columns]) in self.corners.iter().enumerate() {
            let value = of(square);
            for row in rows.clone() {
                for (sum, count) in &mut sums[row * self.width..][columns.clone()] {
                    *sum += value;
                    *count += 1.0;
                }
            }
        }
        sums.into_iter().map(|(sum, count): (f64, f64)| sum / count.max(1.0)).collect()
    }
}

struct OcclusionJob<'a> {
    models: Models<'a>,
    prepared: &'a Prepared,
    squares: &'a Squares,
    shape: ImageShape,
    named: Option<Vec<Outcome>>,
    all: Vec<Outcome>,
}

impl Job for OcclusionJob<'_> {
    type Output = anyhow::Result<(Vec<Outcome>, Vec<f64>, String)>;

    /// The explained numbers of the whole image, then those with the square in each place.
    fn run<B: TrainingBackend>(self, device: B::Device) -> Self::Output {
        let Self { models, prepared, squares, shape, named, all } = self;
        let loaded = Loaded::<B>::new(models, device.clone())?;
        let (answer, predicted) = loaded.answer(prepared);
        let outcomes = named.unwrap_or_else(|| Outcome::of_row(&all, loaded.decoder(), &answer));
        let values = loaded.mean(prepared, &outcomes, |network, row, background| {
            let (whole, mean) = (row.input(0), mean_image(background));
            let num_inputs = whole.len();
            let at_once = (MOST_INPUTS / num_inputs).max(1);
            let mut values = Vec::new();
            let images = squares.corners.len() + 1;
            for first in (0..images).step_by(at_once) {
                waiting::check()?;
                let mut inputs = Vec::with_capacity(at_once.min(images) * num_inputs);
                for image in first..images.min(first + at_once) {
                    let start = inputs.len();
                    inputs.extend_from_slice(&whole);
                    let Some([rows, columns]) = image.checked_sub(1).map(|square| &squares.corners[square]) else {
                        continue;
                    };
                    for row in rows.clone() {
                        let pixels = row * shape.width + columns.start..row * shape.width + columns.end;
                        let hidden = pixels.start * shape.channels..pixels.end * shape.channels;
                        inputs[start..][hidden.clone()].copy_from_slice(&mean[hidden]);
                    }
                }
                let logits = logits(network.net, &of_inputs(num_inputs, inputs), network.device);
                values.extend(Outcome::values(network.outcomes, network.decoder, &logits));
            }
            Ok(values)
        })?;
        Ok((outcomes, values, predicted))
    }
}

/// The mean of each input over some rows.
fn mean_image(examples: &Examples) -> Vec<f32> {
    let mut sums = vec![0.0; examples.num_inputs];
    for row in 0..examples.len() {
        sums.iter_mut().zip(&*examples.input(row)).for_each(|(sum, &input)| *sum += f64::from(input));
    }
    sums.into_iter().map(|sum| (sum / examples.len().max(1) as f64) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_is_covered_equally_often() {
        let shape = ImageShape::from([4, 6]);
        let squares = Squares::new(shape, 3, usize::MAX);
        assert_eq!(squares.corners.len(), 6 * 8);
        let mut counts = [0; 24];
        for [rows, columns] in &squares.corners {
            rows.clone().for_each(|row| columns.clone().for_each(|column| counts[row * 6 + column] += 1));
        }
        assert_eq!(counts, [9; 24]);
        // Fewer places, and none is left out.
        for most in [20, 8, 1] {
            let squares = Squares::new(shape, 3, most);
            assert!(squares.corners.len() <= most.max(8), "{}", squares.corners.len());
            assert!(squares.means(|_| 1.0).iter().all(|&mean| mean == 1.0));
        }
    }

    /// By hand: of a 1 x 3 image, squares of 2 x 2 lie over the first pixel, the first two, the last two, and the last, twice each.
    #[test]
    fn a_pixel_has_the_mean_of_the_squares_over_it() {
        let squares = Squares::new(ImageShape::from([1, 3]), 2, usize::MAX);
        assert_eq!(squares.corners.len(), 8);
        let means = squares.means(|square| (square % 4) as f64);
        assert_eq!(means, [0.5, 1.5, 2.5]);
    }
}
