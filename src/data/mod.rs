//! From a `[data]` section to rows of numbers: load, split, prepare.
//!
//! - here: [`load`]; `config`: [`DataConfig`]; `dataset`: [`Dataset`] and [`Task`]
//! - `builtin`: the tables shipped inside the binary; `synthetic`: the generated 2-D sets; `text`: texts, the shipped one too
//! - `csv`: a file to a table, by `rows` (reading safely), `columns` (kinds, refusals), `target` (classes or
//!   numbers) and `labels` (names of classes and categories)
//! - `batch`: rows gathered into tensors, for Burn's Learner
//! - `new_rows`: a file of rows for a trained network, in blocks; `write`: rows as CSV
//! - `layout`: what the inputs stand for; `idx`: MNIST files; `check`: conflicts inside the section, checked first
//! - `select`: some of the classes, some rows of each; [`split()`]: which rows are for what; `prepare`: raw cells to network inputs
//!
//! Nothing is learned from the data before [`split()`]: a [`Dataset`] holds raw cells, and only
//! [`Preparation::fit`] computes statistics, from training rows alone.

mod batch;
mod builtin;
mod check;
mod columns;
mod config;
mod csv;
mod dataset;
mod idx;
mod infer;
mod labels;
mod layout;
mod new_rows;
mod points;
mod preprocessor;
mod select;
mod split;

mod target;
mod text;
mod write;

use crate::invalid::Invalid;

pub use batch::{Batch, Loader, Order, mix};
pub use check::check;
pub use config::{DataConfig, Scale, Source, TaskKind};
pub use dataset::{Column, ColumnKind, Dataset, Target, Task};
pub use layout::{InputColumn, Layout};
pub use new_rows::{Block, NewRows, OpenRows};
pub use preprocessor::{Examples, Preparation, PreparedColumn, PreparedKind, PreparedTarget};
pub use split::{Splits, split};
pub use text::{PreparedText, Text, of_file as text_of_file};

/// Loads what the section names, after checking the section itself.
///
/// # Errors
/// Conflicting or out-of-range keys, unreadable or malformed files, columns or targets that cannot be learned from.
pub fn load(config: &DataConfig) -> Result<Dataset, Invalid> {
    check(config)?;
    let mut dataset = match (config.source, &config.path) {
        _ if config.is_text() => text::load(config)?,
        (Some(source), _) if source.is_generated() => points::generate(source, config),
        (Some(source), _) => builtin::load(source, config)?,
        (None, Some(path)) if config.labels.is_some() => idx::load(path, config)?,
        (None, Some(path)) => infer::load(path, config)?,
        (None, None) => return Err(check::no_source()),
    };
    select::keep_classes(&mut dataset, config)?;
    check::check_image_shape(&dataset)?;
    Ok(dataset)
}
