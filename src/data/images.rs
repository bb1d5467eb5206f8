//! Image files as a table: their pixels are columns beside those that name the files.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::origin::{Opened, Origin};
use super::part::Part;
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
/// Images that are looked at for their sizes, spread over the folder.
const MAX_SEEN: usize = 200;
/// What systems leave in folders: archives of macOS, previews and settings of Windows, those of network storage.
const OF_SYSTEMS: [&str; 4] = ["__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir"];

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
    let shape = shape(origin, config, || listed.seen(folder))?;
    let mut notes = listed.notes.clone();
    if origin.key == "data.path"
        && let Ok(seen) = listed.seen(folder)
    {
        notes.extend(seen.note(shape));
    }
    let about = About { target: Some(LABEL.to_owned()), notes, ..About::default() };
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
    let shape = shape(origin, config, || Seen::of(&[path.to_owned()]))?;
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

/// The shape that suits most images of a folder, to begin with; `None` if the path names no folder.
///
/// # Errors
/// A folder without images; none that can be read.
pub fn suggested_shape(path: &Path) -> Result<Option<ImageShape>, Invalid> {
    let origin = Origin::file(path, "data.path");
    let Some(folder) = origin.path().filter(|path| path.is_dir()) else { return Ok(None) };
    let listed = Listed::new(&origin, folder)?;
    listed.seen(folder).map(|seen| Some(seen.suggested())).map_err(|why| Invalid::at("data.path", why))
}

/// The sizes of some images, in pixels.
pub(super) struct Seen {
    shapes: Vec<(PathBuf, ImageShape)>,
    /// Images from which they were picked, evenly.
    num_images: usize,
}

impl Seen {
    /// # Errors
    /// Why the first of them cannot be read, if none can; that of others is told when all of them are read.
    pub(super) fn of(images: &[PathBuf]) -> Result<Self, String> {
        let num_seen = images.len().min(MAX_SEEN);
        let picked = (0..num_seen).map(|i| &images[i * images.len() / num_seen]);
        let mut first_error = None;
        let mut shapes = Vec::with_capacity(num_seen);
        for path in picked {
            match image_file::shape(path) {
                Ok(shape) => shapes.push((path.clone(), shape)),
                Err(why) => _ = first_error.get_or_insert_with(|| format!("{} {why}", path.display())),
            }
        }
        match first_error {
            Some(why) if shapes.is_empty() => Err(why),
            _ => Ok(Self { shapes, num_images: images.len() }),
        }
    }

    /// The most frequent size, the first of several; `None` if less than half of the images have it.
    fn most_frequent(&self) -> Option<[usize; 2]> {
        let size = |shape: &ImageShape| [shape.height, shape.width];
        let count = |of: [usize; 2]| self.shapes.iter().filter(|(_, shape)| size(shape) == of).count();
        // The last of equal ones is the one that is taken.
        let most = self.shapes.iter().rev().map(|(_, shape)| size(shape)).max_by_key(|&of| count(of))?;
        (count(most) * 2 >= self.shapes.len()).then_some(most)
    }

    /// The most frequent size, or, where there is none, that of the image whose proportions are in the middle; brought to a
    /// longer side that networks are quick with.
    pub(super) fn suggested(&self) -> ImageShape {
        let [height, width] = self.most_frequent().unwrap_or_else(|| {
            let mut sizes: Vec<[usize; 2]> = self.shapes.iter().map(|(_, shape)| [shape.height, shape.width]).collect();
            sizes.sort_by(|[height, width], [other_height, other_width]| {
                (height * other_width).cmp(&(other_height * width)).then(height.cmp(other_height))
            });
            sizes[sizes.len() / 2]
        });
        let num_colours = self.shapes.iter().filter(|(_, shape)| shape.channels == 3).count();
        let channels = if num_colours * 2 >= self.shapes.len() { 3 } else { 1 };
        let longer = height.max(width).max(MAX_SUGGESTED_SIDE);
        let brought = |side: usize| (side * MAX_SUGGESTED_SIDE / longer).max(1);
        ImageShape { height: brought(height), width: brought(width), channels }
    }

    /// What is said of images whose proportions are not those of most, which scaling will change.
    fn note(&self, shape: ImageShape) -> Option<String> {
        let is_alike = |other: &ImageShape, [height, width]: [usize; 2]| other.height * width == height * other.width;
        let looked = match self.num_images > self.shapes.len() {
            true => format!("{} images that were looked at", self.shapes.len()),
            false => format!("{} images", self.shapes.len()),
        };
        let brought = format!("all are brought to {} x {}", shape.height, shape.width);
        let shown = |(path, shape): &(PathBuf, ImageShape)| {
            format!("{} with {} x {}", shorten_path(path), shape.height, shape.width)
        };
        match self.most_frequent() {
            Some(most) => {
                let others: Vec<_> = self.shapes.iter().filter(|(_, shape)| !is_alike(shape, most)).collect();
                let what = match others.len() {
                    0 => return None,
                    1 => "has other proportions",
                    _ => "have other proportions",
                };
                let [height, width] = most;
                Some(format!(
                    "{} of {looked} {what} than most, which have {height} x {width} pixels, such as {}: {brought}",
                    others.len(),
                    shown(others[0])
                ))
            }
            None => {
                let ratio = |(_, shape): &&(PathBuf, ImageShape)| shape.width as f64 / shape.height as f64;
                let narrow = self.shapes.iter().min_by(|one, other| ratio(one).total_cmp(&ratio(other)))?;
                let wide = self.shapes.iter().max_by(|one, other| ratio(one).total_cmp(&ratio(other)))?;
                let is_much = ratio(&wide) > 2.0 * ratio(&narrow);
                is_much.then(|| {
                    format!(
                        "{looked} differ in their proportions, from {} to {}: {brought}",
                        shown(narrow),
                        shown(wide)
                    )
                })
            }
        }
    }
}

fn shorten_path(path: &Path) -> String {
    shorten(&path.display().to_string())
}

/// The shape in the section; without, an error that says what suits the images.
fn shape(
    origin: &Origin,
    config: &DataConfig,
    seen: impl FnOnce() -> Result<Seen, String>,
) -> Result<ImageShape, Invalid> {
    let is_training = origin.key.starts_with("data.");
    match config.image_shape {
        Some(shape) => Ok(shape),
        None if !is_training => Err(origin.error(NOT_OF_IMAGES)),
        None => {
            let suggested = seen().map_err(|why| Invalid::at(origin.key, why))?.suggested();
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
        let (mut others, mut deeper, mut too_deep) = (Vec::new(), Vec::new(), Vec::new());
        for (name, is_folder) in entries(origin, folder)? {
            if !is_folder {
                listed.add(name, String::new(), &mut others);
                continue;
            }
            let before = listed.files.len();
            let mut folders = Vec::new();
            for (file, is_folder) in entries(origin, &folder.join(&name))? {
                match is_folder {
                    true => folders.push(format!("{name}/{file}")),
                    false => listed.add(format!("{name}/{file}"), name.clone(), &mut others),
                }
            }
            match listed.files.len() == before {
                true if !folders.is_empty() => deeper.push((name, folders)),
                true => {}
                false => too_deep.extend(folders),
            }
        }
        if !deeper.is_empty() {
            return Err(origin.error(&of_folders_of_folders(folder, &deeper, listed.files.is_empty())));
        }
        let mut num_too_deep = 0;
        for inner in &too_deep {
            let files = entries(origin, &folder.join(inner))?;
            num_too_deep += files.iter().filter(|(file, is_folder)| !is_folder && is_image(file)).count();
        }
        if num_too_deep > 0 {
            let images = if num_too_deep == 1 { "image" } else { "images" };
            listed.notes.push(format!(
                "left out {num_too_deep} {images} in folders inside those of the classes, such as {}: move them up to use them",
                too_deep[0]
            ));
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

    /// The sizes of some of them.
    fn seen(&self, folder: &Path) -> Result<Seen, String> {
        Seen::of(&self.files.iter().map(|file| folder.join(&file.name)).collect::<Vec<_>>())
    }

    fn add(&mut self, name: String, label: String, others: &mut Vec<String>) {
        match is_image(&name) {
            true => self.files.push(File { name, label }),
            false => others.push(name),
        }
    }
}

/// Whether a file is called like an image.
pub(super) fn is_image(name: &str) -> bool {
    let extension = Path::new(name).extension().unwrap_or_default().to_string_lossy().to_lowercase();
    EXTENSIONS.contains(&&*extension)
}

/// What is wrong with a folder in which folders have no image but folders, `deeper`, and what to do.
fn of_folders_of_folders(folder: &Path, deeper: &[(String, Vec<String>)], are_all: bool) -> String {
    let shown = |name: &str| format!("{:?}", folder.join(name).display().to_string());
    let of_part = |part| deeper.iter().find(|(name, _)| Part::named(name) == Some(part));
    if let (Some((train, _)), true) = (of_part(Part::Train), are_all) {
        let test = of_part(Part::Test).map_or_else(String::new, |(test, _)| {
            format!(", and the one of the test images as data.test_path = {}", shown(test))
        });
        return format!(
            "has a folder for each part: name the one of the training images, {}{test}; validation images are set aside from \
             those of training",
            shown(train)
        );
    }
    let (first, inner) = &deeper[0];
    match are_all {
        true => format!(
            "has folders of folders, such as {first}: name the one that has a folder of images for each class, such as {}",
            shown(first)
        ),
        false => format!(
            "has a folder without an image of its own, {first}, beside those of classes: move the images of {} up into it, or \
             remove it",
            inner[0]
        ),
    }
}

/// The names in a folder, sorted, and whether each is a folder, also behind a link; without hidden ones and [`OF_SYSTEMS`].
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
        if !name.starts_with('.') && !OF_SYSTEMS.iter().any(|other| name.eq_ignore_ascii_case(other)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(sizes: &[(&str, [usize; 2])], num_images: usize) -> Seen {
        Seen { shapes: sizes.iter().map(|(name, size)| (PathBuf::from(name), (*size).into())).collect(), num_images }
    }

    #[test]
    fn the_shape_is_the_most_frequent_one_or_of_the_proportions_in_the_middle() {
        let most = seen(&[("a", [10, 300]), ("b", [96, 128]), ("c", [48, 64]), ("d", [96, 128])], 400);
        assert_eq!(Vec::from(most.suggested()), [48, 64], "96 x 128, half as large");
        assert_eq!(
            most.note(most.suggested()).unwrap(),
            "1 of 4 images that were looked at has other proportions than most, which have 96 x 128 pixels, such as a with \
             10 x 300: all are brought to 48 x 64"
        );
        // Heights over widths of 0.1, 0.98 and 4.5.
        let none = seen(&[("a", [10, 100]), ("b", [90, 20]), ("c", [40, 41])], 3);
        assert_eq!(Vec::from(none.suggested()), [40, 41]);
        assert_eq!(
            none.note(none.suggested()).unwrap(),
            "3 images differ in their proportions, from b with 90 x 20 to a with 10 x 100: all are brought to 40 x 41"
        );
        let alike = seen(&[("a", [10, 10]), ("b", [20, 20]), ("c", [30, 30])], 3);
        assert_eq!(alike.note(alike.suggested()), None);
    }
}
