//! The columns of a file, before anything is known of what they are for.

use std::path::Path;

use super::origin::Origin;
use super::{DataConfig, formats};
use crate::invalid::Invalid;

/// The names of the columns in the file of the section, without those that are left out since they have none, and without pixels of images.
///
/// # Errors
/// A file that cannot be read, or does not hold a table.
pub fn column_names(config: &DataConfig) -> Result<Vec<String>, Invalid> {
    let origin = Origin::files(config.path.as_deref().unwrap_or(Path::new("")), &config.more_paths, "data.path");
    let table = formats::open(&origin, config, None)?;
    let unnamed = &table.about().unnamed;
    let is_pixel = |position: usize| table.about().pixels.as_ref().is_some_and(|pixels| pixels.contains(&position));
    let is_named = |position: usize| !unnamed.contains(&position) && !is_pixel(position);
    let named = table.names().iter().enumerate().filter(|(position, _)| is_named(*position));
    Ok(named.map(|(_, name)| name.clone()).collect())
}
