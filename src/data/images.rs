//! Image files as a table: their pixels are columns beside those that name the files.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::origin::{Opened, Origin};
use super::table::{About, Cell, CellTexts, Reader, RowVisitor, Table, content, shorten};
use super::{DataConfig, ImageShape, image_file, labels};
use crate::invalid::Invalid;

/// The columns of a folder.
const FILE: &str = "file";
const LABEL: &str = "label";
const EXTENSIONS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];
/// Numbers of an image, each a named input.
const MAX_CELLS: usize = 1 << 20;
/// Entries of a folder.
const MAX_ENTRIES: usize = 5_000_000;
/// The longer side of images whose shape is suggested.
const MAX_SUGGESTED_SIDE: usize = 64;

/// Reads the image that each row of a table names.
struct Pictures<'a> {
    table: Table<'a>,
    /// The column with the names.
    file: usize,
    /// Where names begin.
    folder: PathBuf,
    shape: ImageShape,
    key: &'static str,
    /// Whether the names were found in the folder, and not in a table.
    is_listed: bool,
}

/// The images of a folder, with the name of the folder that each is in as its `label`; one that is in none has no label.
///
/// # Errors
/// A folder that cannot be read, or has no images; no `data.image_shape`.
pub(super) fn of_folder<'a>(origin: &'a Origin, folder: &Path, config: &DataConfig) -> Result<Table<'a>, Invalid> {
    let listed = Listed::new(origin, folder)?;
    if listed.files.iter().all(|file| file.label.is_empty()) && origin.key.starts_with("data.") {
        return Err(origin.error(
            "has images, but no folder for each class: make such folders, or name a table with a column of file names \
             (data.images)",
        ));
    }
    let shape = shape(origin, config, || folder.join(&listed.files[0].name))?;
    let about = About { target: Some(LABEL.to_owned()), notes: listed.notes.clone(), ..About::default() };
    let names = [FILE, LABEL].map(str::to_owned).to_vec();
    pictures(origin, Table::new(origin, names, about, Box::new(listed)), 0, folder.to_owned(), shape, config)
}

/// The images of a folder.
///
/// # Errors
/// A folder that cannot be read, or has no images.
pub(super) fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Invalid> {
    let listed = Listed::new(&Origin::file(folder, "data.path"), folder)?;
    Ok(listed.files.iter().map(|file| folder.join(&file.name)).collect())
}

/// A single image, without a label.
///
/// # Errors
/// An image that is named for training, or that somebody sent; no `data.image_shape`.
pub(super) fn of_file<'a>(
    origin: &'a Origin,
    _: Opened,
    config: &DataConfig,
    _: Option<&str>,
) -> Result<Table<'a>, Invalid> {
    if origin.is_given() {
        return Err(origin.error(NO_FILES_OF_A_REQUEST));
    }
    let Some(path) = origin.path().filter(|_| !origin.key.starts_with("data.")) else {
        return Err(origin.error("is one image: name a folder that has a folder of images for each class, or a table"));
    };
    let shape = shape(origin, config, || path.to_owned())?;
    let (folder, name) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
    let file = File { name: name.to_string_lossy().into_owned(), label: String::new() };
    let listed = Listed { files: vec![file], notes: Vec::new() };
    let names = [FILE, LABEL].map(str::to_owned).to_vec();
    let table = Table::new(origin, names, About::default(), Box::new(listed));
    pictures(origin, table, 0, folder.to_owned(), shape, config)
}

/// The table with the images that its column `data.images` names; as it is where the section has no such key, or a later
/// table no such column.
///
/// # Errors
/// No such column in the training table; no `data.image_shape`; rows that somebody sent.
pub(super) fn of_table<'a>(table: Table<'a>, origin: &'a Origin, config: &DataConfig) -> Result<Table<'a>, Invalid> {
    let Some(name) = config.images.as_deref().filter(|_| table.about().pixels.is_none()) else { return Ok(table) };
    let Some(file) = table.names().iter().position(|other| other == name) else {
        if origin.key == "data.path" {
            let has = labels::list_columns(table.names(), 20);
            return Err(Invalid::at("data.images", format!("{} has no column `{name}`. It has {has}", origin.display)));
        }
        return Ok(table);
    };
    // The sender could have any file of this machine looked at.
    if origin.is_given() {
        return Err(origin.error(NO_FILES_OF_A_REQUEST));
    }
    let shape = config.image_shape.ok_or_else(needs_shape)?;
    let folder = origin.path().and_then(Path::parent).map_or_else(PathBuf::new, Path::to_owned);
    pictures(origin, table, file, folder, shape, config)
}

pub(super) fn needs_shape() -> Invalid {
    let message = "data.images needs data.image_shape, the size that images are brought to, such as [32, 32], or [32, 32, 3] \
                   with colours";
    Invalid::at("data.image_shape", message)
}

/// The shape that suits the first image of a folder, to begin with; `None` if the path names no folder.
///
/// # Errors
/// A folder without images; an image that cannot be read.
pub fn suggested_shape(path: &Path) -> Result<Option<ImageShape>, Invalid> {
    let origin = Origin::file(path, "data.path");
    let Some(folder) = origin.path().filter(|path| path.is_dir()) else { return Ok(None) };
    let listed = Listed::new(&origin, folder)?;
    suggested(&folder.join(&listed.files[0].name)).map(Some).map_err(|why| Invalid::at("data.path", why))
}

fn suggested(file: &Path) -> Result<ImageShape, String> {
    let shape = image_file::shape(file).map_err(|why| format!("{} {why}", file.display()))?;
    let longer = shape.height.max(shape.width).max(MAX_SUGGESTED_SIDE);
    let [height, width] = [shape.height, shape.width].map(|side| (side * MAX_SUGGESTED_SIDE / longer).max(1));
    let is_small = longer == MAX_SUGGESTED_SIDE;
    Ok(if is_small { shape } else { ImageShape { height, width, ..shape } })
}

/// The shape in the section; without, an error that says what suits the first image.
fn shape(origin: &Origin, config: &DataConfig, first: impl FnOnce() -> PathBuf) -> Result<ImageShape, Invalid> {
    let is_training = origin.key.starts_with("data.");
    match config.image_shape {
        Some(shape) => Ok(shape),
        None if !is_training => Err(origin.error(NOT_OF_IMAGES)),
        None => {
            let suggested = suggested(&first()).map_err(|why| Invalid::at(origin.key, why))?;
            let message = format!(
                "data.image_shape is missing, the size that the images of {} are brought to: set data.image_shape = {:?}",
                origin.display,
                Vec::from(suggested)
            );
            Err(Invalid::at("data.image_shape", message))
        }
    }
}

/// Of image files that rows name, or are, which somebody sent.
const NO_FILES_OF_A_REQUEST: &str =
    "has image files or their names, and no file is read for it: send the numbers of the pixels";

/// Of images for a model that knows none.
pub(super) const NOT_OF_IMAGES: &str = "holds images, and the model was not trained on image files: name a table like that \
                                        of training";

fn pictures<'a>(
    origin: &'a Origin,
    table: Table<'a>,
    file: usize,
    folder: PathBuf,
    shape: ImageShape,
    config: &DataConfig,
) -> Result<Table<'a>, Invalid> {
    if shape.checked_len().is_none_or(|len| len > MAX_CELLS) {
        let message = format!("data.image_shape is {shape}: an image file may become at most {MAX_CELLS} numbers");
        return Err(Invalid::at("data.image_shape", message));
    }
    let mut names = table.names().to_vec();
    let first = names.len();
    names.extend(shape.names());
    let of_pixels: HashSet<&String> = names[first..].iter().collect();
    if let Some(name) = names[..first].iter().find(|name| of_pixels.contains(name)) {
        return Err(table.error(&format!("has a column `{name}`, as that of a pixel: rename it")));
    }
    let about = table.about();
    let is_beside = |&place: &usize| {
        let name = &*names[place];
        let is_target = match &config.target {
            Some(target) => target.has(name),
            None => about.target.as_deref() == Some(name),
        };
        let is_used = place == file
            || is_target
            || config.weight.as_deref() == Some(name)
            || config.divided_by().is_some_and(|(_, by)| by == name);
        !is_used && !config.drop.iter().any(|dropped| dropped == name) && !about.unnamed.contains(&place)
    };
    let beside: Vec<String> = (0..first).filter(is_beside).map(|place| format!("`{}`", names[place])).collect();
    let mut notes = about.notes.clone();
    if !beside.is_empty() && config.target.is_some() {
        notes.push(format!("no inputs, which are the pixels of the images: {}", labels::list(&beside, 6)));
    }
    let about = About {
        is_comma_likely: about.is_comma_likely,
        encoding: about.encoding.clone(),
        unnamed: about.unnamed.clone(),
        target: about.target.clone(),
        notes,
        has_numeric_header: about.has_numeric_header,
        pixels: Some(first..names.len()),
        has_shares: about.has_shares,
        way_out: about.way_out.clone(),
    };
    let (key, is_listed) = (origin.key, config.images.is_none());
    Ok(Table::new(origin, names, about, Box::new(Pictures { table, file, folder, shape, key, is_listed })))
}

impl Pictures<'_> {
    /// Appends the pixels of the image that a row names.
    fn read_image(&self, line: u64, texts: &dyn CellTexts, pixels: &mut Vec<f32>) -> Result<(), Invalid> {
        let name = texts.bytes(self.file);
        let name = std::str::from_utf8(content(&name)).ok().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| {
            let message = format!("column `{}` names no image file", self.table.names()[self.file]);
            self.table.error_at(line, &message)
        })?;
        let path = self.folder.join(name);
        image_file::read(&path, self.shape, pixels).map_err(|why| {
            let shown = path.display();
            match !self.is_listed && !path.exists() {
                true => self.table.error_at(line, &format!("there is no image {}", shorten(&shown.to_string()))),
                false => Invalid::at(self.key, format!("{shown} {why}")),
            }
        })
    }
}

impl Reader for Pictures<'_> {
    fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        let first_pixel = self.table.names().len();
        let mut of_table: Vec<usize> = columns.iter().copied().filter(|&column| column < first_pixel).collect();
        let has_pixels = of_table.len() < columns.len();
        // Of some formats only the columns that are asked for are read.
        of_table.extend(has_pixels.then_some(self.file));
        let (mut pixels, mut cells) = (Vec::with_capacity(self.shape.num_cells()), Vec::with_capacity(columns.len()));
        let mut refused = None;
        let num_rows = self.table.visit(&of_table, &mut |line, of_row, texts| {
            pixels.clear();
            if has_pixels && let Err(invalid) = self.read_image(line, texts, &mut pixels) {
                refused = Some(invalid);
                return ControlFlow::Break(());
            }
            let mut of_row = of_row.iter();
            cells.clear();
            cells.extend(columns.iter().map(|&column| match column.checked_sub(first_pixel) {
                Some(pixel) => Cell::Number(pixels[pixel].into()),
                None => *of_row.next().expect("a cell for each column of the table"),
            }));
            visit(line, &cells, &Texts { texts, pixels: &pixels, first_pixel })
        })?;
        match refused {
            Some(invalid) => Err(invalid),
            None => Ok(num_rows),
        }
    }
}

/// The cells of a row, and the pixels of its image.
struct Texts<'r> {
    texts: &'r dyn CellTexts,
    pixels: &'r [f32],
    first_pixel: usize,
}

impl CellTexts for Texts<'_> {
    fn bytes(&self, column: usize) -> Cow<'_, [u8]> {
        match column.checked_sub(self.first_pixel) {
            Some(pixel) => Cow::Owned(self.pixels[pixel].to_string().into_bytes()),
            None => self.texts.bytes(column),
        }
    }

    fn is_number(&self, column: usize) -> bool {
        column >= self.first_pixel || self.texts.is_number(column)
    }
}

/// The image files of a folder, as a table of names and labels.
struct Listed {
    files: Vec<File>,
    notes: Vec<String>,
}

/// An image file: its name from the folder on, and the folder in it that it is in.
struct File {
    name: String,
    label: String,
}

impl Listed {
    /// The image files in `folder` and its folders, sorted.
    ///
    /// # Errors
    /// A folder that cannot be read; no image.
    fn new(origin: &Origin, folder: &Path) -> Result<Self, Invalid> {
        let mut listed = Self { files: Vec::new(), notes: Vec::new() };
        let (mut others, mut deeper) = (Vec::new(), Vec::new());
        for (name, is_folder) in entries(origin, folder)? {
            if !is_folder {
                listed.add(name, String::new(), &mut others);
                continue;
            }
            let before = listed.files.len();
            let mut has_folder = false;
            for (file, is_folder) in entries(origin, &folder.join(&name))? {
                match is_folder {
                    true => has_folder = true,
                    false => listed.add(format!("{name}/{file}"), name.clone(), &mut others),
                }
            }
            if has_folder && listed.files.len() == before {
                deeper.push(name);
            }
        }
        if let [first, ..] = &deeper[..] {
            let inner = folder.join(first);
            return Err(origin.error(&format!(
                "has folders of folders, such as {first}: name the one that has a folder of images for each class, such as {:?}",
                inner.display().to_string()
            )));
        }
        if listed.files.is_empty() {
            return Err(origin.error(&format!(
                "is a folder without PNG, JPEG or WebP images: {} names a file, or a folder of images",
                origin.key
            )));
        }
        if let [first, ..] = &others[..] {
            let what = match others.len() {
                1 => format!("a file that is no PNG, JPEG or WebP: {first}"),
                count => format!("{count} files that are no PNG, JPEG or WebP, such as {first}"),
            };
            listed.notes.push(format!("left out {what}"));
        }
        Ok(listed)
    }

    fn add(&mut self, name: String, label: String, others: &mut Vec<String>) {
        let extension = Path::new(&name).extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match EXTENSIONS.contains(&&*extension) {
            true => self.files.push(File { name, label }),
            false => others.push(name),
        }
    }
}

/// The names in a folder, sorted, and whether each is a folder, also behind a link; without hidden ones.
fn entries(origin: &Origin, folder: &Path) -> Result<Vec<(String, bool)>, Invalid> {
    let unreadable =
        |error: std::io::Error| Invalid::at(origin.key, format!("{} cannot be read: {error}", folder.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().into_string().map_err(|name| {
            let message = format!("{}: the name of {name:?} is not UTF-8: rename it", folder.display());
            Invalid::at(origin.key, message)
        })?;
        if found.len() == MAX_ENTRIES {
            return Err(Invalid::at(origin.key, format!("{} has more than {MAX_ENTRIES} entries", folder.display())));
        }
        if !name.starts_with('.') {
            let is_folder = entry.path().is_dir();
            found.push((name, is_folder));
        }
    }
    found.sort();
    Ok(found)
}

impl Reader for Listed {
    fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        for (line, file) in (1..).zip(&self.files) {
            // Names: `3` and `NA` are classes like any other.
            let cell = |&column: &usize| if column == 1 && file.label.is_empty() { Cell::Missing } else { Cell::Text };
            let cells: Vec<Cell> = columns.iter().map(cell).collect();
            if visit(line, &cells, file).is_break() {
                break;
            }
        }
        Ok(self.files.len())
    }
}

impl CellTexts for File {
    fn bytes(&self, column: usize) -> Cow<'_, [u8]> {
        Cow::Borrowed(if column == 0 { self.name.as_bytes() } else { self.label.as_bytes() })
    }
}
