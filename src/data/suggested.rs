//! Keys of the section that a table suggests to whoever writes a config for it, by its first rows.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::columns::are_prose;
use super::images::{Seen, is_image};
use super::origin::Origin;
use super::table::content;
use super::{DataConfig, ImageShape, formats};
use crate::invalid::Invalid;

/// Rows that are looked at.
const MAX_ROWS: usize = 1000;

/// A column and the cells of it that are not empty.
struct Cells {
    name: String,
    texts: Vec<String>,
}

/// The columns of texts of several words, most of which differ: `data.text`.
///
/// # Errors
/// A file that cannot be read, or is no table.
pub fn text_columns(config: &DataConfig) -> Result<Vec<String>, Invalid> {
    let is_text = |column: &Cells| {
        let distinct: HashSet<&String> = column.texts.iter().collect();
        let (num_distinct, distinct) = (distinct.len(), distinct.into_iter().cloned().collect::<Vec<_>>());
        num_distinct * 2 > column.texts.len() && are_prose(&distinct)
    };
    Ok(first_rows(config)?.into_iter().filter(is_text).map(|column| column.name).collect())
}

/// The column of names of image files that are there, `data.images`, and the shape that suits them.
///
/// # Errors
/// A file that cannot be read, or is no table; images of which none can be read.
pub fn image_column(config: &DataConfig) -> Result<Option<(String, ImageShape)>, Invalid> {
    let path = config.path.as_deref().unwrap_or(Path::new(""));
    let folder = path.parent().unwrap_or(Path::new(""));
    for Cells { name, texts } in first_rows(config)? {
        let is_first_there = texts.first().is_some_and(|first| folder.join(first).is_file());
        if is_first_there && texts.iter().all(|text| is_image(text)) {
            let images: Vec<PathBuf> = texts.iter().map(|text| folder.join(text)).collect();
            let seen = Seen::of(&images).map_err(|why| Invalid::at("data.images", why))?;
            return Ok(Some((name, seen.suggested())));
        }
    }
    Ok(None)
}

/// None of a folder of images, whose columns are its own.
fn first_rows(config: &DataConfig) -> Result<Vec<Cells>, Invalid> {
    let origin = Origin::files(config.path.as_deref().unwrap_or(Path::new("")), &config.more_paths, "data.path");
    let table = formats::open(&origin, config, None)?;
    if table.about().pixels.is_some() {
        return Ok(Vec::new());
    }
    let unnamed = &table.about().unnamed;
    let places: Vec<usize> = (0..table.names().len()).filter(|place| !unnamed.contains(place)).collect();
    let mut columns: Vec<Cells> =
        places.iter().map(|&place| Cells { name: table.names()[place].clone(), texts: Vec::new() }).collect();
    let mut num_rows = 0;
    table.visit(&places, &mut |_, _, row| {
        for (column, &place) in columns.iter_mut().zip(&places) {
            let text = String::from_utf8_lossy(content(&row.bytes(place))).into_owned();
            column.texts.extend((!text.is_empty()).then_some(text));
        }
        num_rows += 1;
        if num_rows < MAX_ROWS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(columns)
}
