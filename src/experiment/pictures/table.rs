//! The table of pictures.

use super::subject::Subject;
use super::{attention, importance, inputs, layers, maps, overfitting, results};
use crate::tracking::Run;

/// A kind of picture.
#[derive(Debug)]
pub struct Picture {
    /// Its name as an argument of `burnlab plot`.
    pub name: &'static str,
    /// What it shows, for `burnlab plot --help`.
    pub shows: &'static str,
    /// What a run needs for it, completing "it needs ...".
    pub needs: &'static str,
    pub draw: Draw,
    /// Number of input values passed through the network to draw it, if large.
    pub cost: fn(&Subject) -> usize,
}

/// What a picture is drawn from; each function returns the SVG document unless the picture does not apply.
#[derive(Clone, Copy, Debug)]
pub enum Draw {
    /// One run.
    Run(fn(&Subject) -> Option<String>),
    /// A run and all runs of its experiment; the error completes "it needs ...".
    Experiment(fn(&Run, &[Run]) -> Result<String, String>),
}

impl Picture {
    /// Its name in files: `plots/STEM.svg`.
    pub fn stem(&self) -> String {
        self.name.replace('-', "_")
    }

    /// The picture of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PICTURES.iter().find(|picture| picture.name == name)
    }
}

fn cheap(_: &Subject) -> usize {
    0
}

/// All pictures, in the order in which they are drawn and listed.
pub static PICTURES: &[Picture] = &[
    Picture {
        name: "curves",
        shows: "Training and validation by epoch, with the best and the last epoch",
        needs: "a trained run",
        draw: Draw::Run(results::curves),
        cost: cheap,
    },
    Picture {
        name: "confusion",
        shows: "True and predicted classes",
        needs: "classes, and test rows",
        draw: Draw::Run(results::confusion),
        cost: cheap,
    },
    Picture {
        name: "gallery",
        shows: "Test images with label and prediction, wrong ones first",
        needs: "images (data.image_shape), classes, and test rows",
        draw: Draw::Run(results::gallery),
        cost: cheap,
    },
    Picture {
        name: "boundary",
        shows: "Two inputs: the decision boundary between the classes",
        needs: "exactly two numeric inputs, and classes",
        draw: Draw::Run(inputs::boundary),
        cost: cheap,
    },
    Picture {
        name: "surface",
        shows: "Two inputs: the predicted number",
        needs: "exactly two numeric inputs, and a number as target",
        draw: Draw::Run(inputs::surface),
        cost: cheap,
    },
    Picture {
        name: "hidden-units",
        shows: "Two inputs: what each hidden unit separates, next to the output",
        needs: "exactly two numeric inputs, classes, and an mlp with one hidden layer",
        draw: Draw::Run(inputs::hidden_units),
        cost: cheap,
    },
    Picture {
        name: "network",
        shows: "Units and connections with their weights",
        needs: "model.kind = \"mlp\"",
        draw: Draw::Run(layers::network),
        cost: cheap,
    },
    Picture {
        name: "unit-weights",
        shows: "Images: the weights of each unit of the first layer",
        needs: "images (data.image_shape), and model.kind = \"mlp\"",
        draw: Draw::Run(layers::unit_weights),
        cost: cheap,
    },
    Picture {
        name: "forward-pass",
        shows: "Images: one image through the first hidden layer to its probabilities",
        needs: "images (data.image_shape), classes, test rows, and an mlp with a hidden layer",
        draw: Draw::Run(layers::forward_pass),
        cost: cheap,
    },
    Picture {
        name: "feature-maps",
        shows: "Convolutional networks: the first filters, and the maps of one image",
        needs: "model.kind = \"cnn\", images (data.image_shape), and test rows",
        draw: Draw::Run(maps::feature_maps),
        cost: cheap,
    },
    Picture {
        name: "attention",
        shows: "Transformers: where each head looks in one example",
        needs: "model.kind = \"transformer\", and test rows",
        draw: Draw::Run(attention::attention),
        cost: cheap,
    },
    Picture {
        name: "roc",
        shows: "Two classes: true against false positive rate",
        needs: "two classes, and test rows",
        draw: Draw::Run(results::roc),
        cost: cheap,
    },
    Picture {
        name: "calibration",
        shows: "Two classes: predicted against observed probability",
        needs: "two classes, and test rows",
        draw: Draw::Run(results::calibration),
        cost: cheap,
    },
    Picture {
        name: "predicted-vs-true",
        shows: "A number: predicted against true values",
        needs: "a number as target, and test rows",
        draw: Draw::Run(results::predicted_vs_true),
        cost: cheap,
    },
    Picture {
        name: "residuals",
        shows: "A number: errors against predicted values",
        needs: "a number as target, and test rows",
        draw: Draw::Run(results::residuals),
        cost: cheap,
    },
    Picture {
        name: "importance",
        shows: "Importance of each column: the drop in accuracy (or R2) when it is shuffled",
        needs: "a table (no images, no text) with test rows",
        draw: Draw::Run(importance::importance),
        cost: importance::num_cells,
    },
    Picture {
        name: "overfitting",
        shows: "Losses against the number of hidden units, over the runs of the experiment that differ in nothing else",
        needs: "runs of one experiment with different model.hidden and otherwise the same config",
        draw: Draw::Experiment(overfitting::overfitting),
        cost: cheap,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_has_a_name_of_its_own_that_is_found_and_says_what_it_shows_and_needs() {
        let names: BTreeSet<&str> = PICTURES.iter().map(|picture| picture.name).collect();
        assert_eq!(names.len(), PICTURES.len());
        for picture in PICTURES {
            assert!(picture.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", picture.name);
            assert_eq!(Picture::named(picture.name).map(|found| found.shows), Some(picture.shows));
            assert!(picture.shows.starts_with(char::is_uppercase) && !picture.shows.ends_with('.'), "{picture:?}");
            assert!(!picture.needs.is_empty() && !picture.needs.ends_with('.'), "{picture:?}");
        }
    }
}
