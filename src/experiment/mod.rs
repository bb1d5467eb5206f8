//! The application layer, which prints nothing: the verbs in `commands` parse arguments, call it, and print.
//!
//! | file | what it does |
//! |---|---|
//! | `prepare` | from config to data, preprocessing and pre-trained weights: [`Prepared`] |
//! | `recipe` | the network and the training chosen by the data, where the config leaves them open |
//! | `kept` | what a change of one key must name besides, so that nothing else changes |
//! | `measurable` | which metrics have a value on which part, told before training |
//! | `train` | [`train()`]: one run, from its initial network to its evaluation |
//! | `fit_network` | its trainings: the one that finds the best epoch, and the one on all rows after it |
//! | `unrecorded` | the same without a record: [`train_unrecorded`] |
//! | `step_example` | a row of a run's data, for a step on it |
//! | `step` | one step of gradient descent on one example, with every number on the way |
//! | `look` | what a trained network makes of inputs |
//! | `run` | the options and the outcome of training: [`TrainOptions`], [`Start`], [`RunOutcome`] |
//! | `record` | the files of a run in addition to its curves |
//! | `describe` | the summary of what is about to be trained |
//! | `environment` | `environment.json`: versions, machine, git, data |
//! | `git` | the commit of the working folder, asked without running what a repository names |
//! | `resume` | where to resume training: [`resume::plan`] |
//! | `repeat` | one config over seeds and folds, in parallel |
//! | `sweep` | a sweep's queue, and a worker that trains its trials |
//! | `tune` | the search around a config, and what it is judged on |
//! | `fingerprint` | fingerprints of the data, by which runs are compared |
//! | `run_folder` | [`RunFolder`]: the files of a run, typed |
//! | `changes` | what has been changed in a run's config since it began |
//! | `weights_file` | weights as safetensors |
//! | `saved_model` | [`SavedModel`]: a run's config, preprocessing and weights |
//! | `ensemble` | [`Ensemble`]: the saved models of several seeds or folds, and the mean of their predictions |
//! | `evaluate`, `predict`, `generate` | a saved model or an ensemble on rows with targets, on new rows, and as a text generator |
//! | `calibrate` | what the validation rows tell of a trained network |
//! | `calibration` | temperatures, and sets and intervals that hold the truth as often as is asked for |
//! | `predictions` | predictions as CSV |
//! | `attribution` | what predictions rest on: contributions of columns, partial dependence |
//! | `export`, `model_card` | a saved model for other programs, and its model card |
//! | `plane` | the plane of two inputs, as a grid of points |
//! | `pictures` | the table of pictures of a run, and what they are drawn from |

pub mod attribution;
mod calibrate;
pub mod calibration;
mod changes;
pub mod describe;
pub mod ensemble;
mod environment;
mod error;
pub mod evaluate;
pub mod export;
mod fingerprint;
mod fit_network;
pub mod generate;
mod git;
mod kept;
pub mod look;
mod measurable;
pub mod model_card;
pub mod pictures;
pub mod plane;
pub mod predict;
pub mod predictions;
mod predictor;
mod prepare;
mod recipe;
mod record;
pub mod repeat;
pub mod resume;
mod run;
pub mod run_folder;
pub mod saved_model;
pub mod step;
mod step_example;
pub mod sweep;
mod train;
pub mod tune;
mod unrecorded;
pub mod weights_file;

pub use ensemble::Ensemble;
pub use environment::{Environment, SystemInfo, found_gpus};
pub use error::explain;
pub use kept::kept;
pub use measurable::check_repetitions;
pub use predictor::{Answered, Begun, Predictor, Unanswered};
pub use prepare::{Prepared, Pretrained, close_store, completed, prepare, prepare_from};
pub use run::{RunOutcome, Start, TrainOptions};
pub use run_folder::RunFolder;
pub use saved_model::SavedModel;
pub use step_example::StepExample;
pub use train::{train, train_from};
pub use unrecorded::{TrainedModel, Unrecorded, UnrecordedOptions, train_unrecorded};

pub use crate::training::{EpochReport, Interrupter, TrainingObserver, TrainingStart, Unobserved};
