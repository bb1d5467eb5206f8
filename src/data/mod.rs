//! From a `[data]` section to rows of numbers: load, split, prepare.
//!
//! - here: [`load`]; `config`: [`DataConfig`]; `dataset`: [`Dataset`]; `task`: [`Task`]; `limits`: how large they may be
//! - `catalog`: a row for each source that needs no file, which `builtin` makes; `points`: where the generated ones lie
//! - `table`: the seam between formats and what reads rows; `formats`: which reader opens a file; `csv`, with
//!   `cell_parser`: the reader of CSV; `origin`: opens and gunzips files
//! - `infer`: a table to a data set, by `column_names` (found), `columns` (kinds, refusals), `target` (classes or
//!   numbers) and `labels` (names of classes and categories); `follow`: later files, read as the first one was
//! - `text`: a text in windows, read by `text_file`; `idx`: MNIST files
//! - `new_rows`: a file of rows for a trained network, in blocks; `write`: rows as CSV
//! - `layout`: what the inputs stand for; `check`: conflicts inside the section, checked first
//! - `select`: some of the classes, some rows of each; [`split()`]: which rows are for what
//! - `preprocessor`: raw cells to network inputs; `examples`: what comes out; `batch`: gathered into tensors, for Burn's
//!   Learner
//!
//! Nothing is learned from the data before [`split()`]: a [`Dataset`] holds raw cells, and only
//! [`Preprocessor::fit`] computes statistics, from training rows alone.

mod batch;
mod builtin;
mod catalog;
mod cell_parser;
mod check;
mod column_names;
mod columns;
mod config;
mod csv;
mod dataset;
mod examples;
mod follow;
mod formats;
mod idx;
mod infer;
mod labels;
mod layout;
mod limits;
mod new_rows;
mod origin;
mod points;
mod preprocessor;
mod select;
mod split;
mod table;
mod target;
mod task;
mod text;
mod text_file;
mod write;

use crate::invalid::Invalid;

pub use batch::{Batch, Loader, Order, derive_seed};
pub use catalog::Source;
pub use check::check;
pub use config::{DataConfig, Scale};
pub use dataset::{Column, ColumnKind, Dataset, Target};
pub use examples::Examples;
pub use layout::{InputColumn, Layout};
pub use new_rows::{Block, KeptCells, NewRows, OpenRows};
pub use preprocessor::{Inputs, PreparedColumn, PreparedKind, PreparedTarget, PreparedText, Preprocessor};
pub use split::{Splits, split};
pub use task::{Task, TaskKind};
pub use text::Text;
pub use text_file::of_file as text_of_file;

/// Loads what the section names, after checking the section itself.
///
/// # Errors
/// Conflicting or out-of-range keys, unreadable or malformed files, columns or targets that cannot be learned from.
pub fn load(config: &DataConfig) -> Result<Dataset, Invalid> {
    check(config)?;
    let mut dataset = match (config.source, &config.path) {
        (Some(source), _) => builtin::load(source, config)?,
        (None, Some(path)) if config.is_text() => text_file::of_file(path, "data.path", config.context())?,
        (None, Some(path)) if config.labels.is_some() => idx::load(path, config)?,
        (None, Some(path)) => infer::load(path, config)?,
        (None, None) => return Err(check::no_source()),
    };
    select::keep_classes(&mut dataset, config)?;
    check::check_image_shape(&dataset)?;
    Ok(dataset)
}
