//! IDX files (the format of MNIST), gzipped or not: a header of sizes, then big-endian cells.

use std::io::Read;
use std::path::Path;

use super::labels::{Interner, Labels};
use super::limits::MAX_CELLS;
use super::origin::{Opened, Origin};
use super::{Column, ColumnKind, DataConfig, Dataset, ImageShape, Matrix, Readings, Target, check_free};
use crate::figures::counted;
use crate::invalid::Invalid;

/// Largest number of cells of an item: each becomes a named input.
const MAX_INPUTS: usize = 1 << 24;
/// Deflate cannot compress further, so a short gzipped file cannot contain as many cells as a large header claims.
const MAX_GZIP_RATIO: u64 = 1032;

/// Images and their labels, and the test files when the section names them.
///
/// # Errors
/// Files that are not IDX, too short or too long for their header, of different counts, or with unseen test labels.
pub(super) fn load(path: &Path, config: &DataConfig) -> Result<Dataset, Invalid> {
    let mut images = read_images(path, "data.path", None)?;
    let labels_path = config.labels.as_deref().unwrap_or(path); // always set: it is what makes the file IDX
    let labels = read_labels(labels_path, "data.labels", images.count, path)?;

    let mut interner = Interner::default();
    let numbers: Vec<u32> = labels.iter().map(|label| interner.intern(&label.to_string(), 0)).collect();
    let (known, order) = interner.sorted();
    let mut labels: Vec<u32> = numbers.iter().map(|&number| order[number as usize]).collect();
    if let [only] = &known.names[..] {
        let message = format!("{} holds label {only} only: there is nothing to learn", labels_path.display());
        return Err(Invalid::at("data.labels", message));
    }

    let num_training_rows = config.test_path.as_ref().map(|_| images.count);
    if let (Some(path), Some(labels_path)) = (&config.test_path, &config.test_labels) {
        let num_training_rows = images.count;
        let shape = images.shape.clone();
        let test = read_images(path, "data.test_path", Some(images))?;
        if test.shape != shape {
            let message =
                format!("{} holds items of {:?}, and the training file of {:?}", path.display(), test.shape, shape);
            return Err(Invalid::at("data.test_path", message));
        }
        let num_test_rows = test.cells.num_rows() - num_training_rows;
        let test_labels = read_labels(labels_path, "data.test_labels", num_test_rows, path)?;
        for (i, label) in test_labels.into_iter().enumerate() {
            labels.push(find_test_label(&known, label, i, labels_path)?);
        }
        images = test;
    }

    let image_shape = match images.shape[..] {
        [height, width] => Some(ImageShape::from([height, width])),
        _ => config.image_shape,
    };
    if let (Some(wanted), Some(found)) = (config.image_shape, image_shape)
        && wanted != found
    {
        let message =
            format!("data.image_shape is {wanted}, and the images of {} are {found}: remove it", path.display());
        return Err(Invalid::at("data.image_shape", message));
    }
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok(Dataset {
        name: name.to_string_lossy().into_owned(),
        columns: pixel_columns(&images.shape),
        cells: images.cells,
        target: Target::Classes { names: known.names, labels },
        target_name: "label".to_owned(),
        image_shape,
        num_training_rows,
        source_rows: Vec::new(),
        division: Default::default(),
        weights: None,
        notes: Vec::new(),
        readings: Readings::default(),
    })
}

fn pixel_columns(shape: &[usize]) -> Vec<Column> {
    let name = |i: usize| match shape {
        [_, width] => format!("pixel_{}_{}", i / width, i % width),
        _ => format!("input_{i}"),
    };
    let column = |i| Column { name: name(i), kind: ColumnKind::Numeric };
    (0..shape.iter().product()).map(column).collect()
}

fn find_test_label(known: &Labels, label: u8, i: usize, path: &Path) -> Result<u32, Invalid> {
    known.find(&label.to_string()).ok_or_else(|| {
        let message = format!(
            "{}: item {i} has label {label}, which is not in the training file; it has {}",
            path.display(),
            super::labels::list(&known.names, 20)
        );
        Invalid::at("data.test_labels", message)
    })
}

struct Images {
    count: usize,
    /// Sizes of one item: rows and columns, or the number of inputs.
    shape: Vec<usize>,
    /// Bytes are divided by 255.
    cells: Matrix,
}

/// The images of a file, after those that were read `before`, unless theirs have another shape.
fn read_images(path: &Path, key: &'static str, before: Option<Images>) -> Result<Images, Invalid> {
    let origin = Origin::file(path, key);
    let mut opened = origin.open()?;
    let header = Header::read(&origin, &mut opened)?;
    let [count, shape @ ..] = &header.sizes[..] else {
        return Err(origin.error("is an empty IDX file"));
    };
    if !(1..=2).contains(&shape.len()) {
        let message = format!("has {} dimensions: images have 3 (or 2, a row of inputs each)", header.sizes.len());
        return Err(origin.error(&message));
    }
    let num_inputs = shape.iter().product::<usize>();
    if num_inputs > MAX_INPUTS {
        return Err(
            origin.error(&format!("holds items of {num_inputs} cells: a network has at most {MAX_INPUTS} inputs"))
        );
    }
    let mut cells = match before {
        Some(before) if before.shape != *shape => {
            return Ok(Images { count: *count, shape: shape.to_vec(), ..before });
        }
        Some(mut before) => {
            before.cells.reopen().map_err(|error| origin.unreadable(&error))?;
            before.cells
        }
        None => Matrix::packing(num_inputs, None),
    };
    // The file's size has bounded what the header claims; still, memory may be short.
    let needed = match header.cell {
        CellType::Byte => header.num_cells,
        CellType::Float => header.num_cells.saturating_mul(size_of::<f32>()),
    };
    if num_inputs == 0 || check_free(needed).is_err() {
        return Err(origin.error(&format!("holds {} cells, more than fit in memory", header.num_cells)));
    }
    let mut num_of_row = 0;
    let mut push = |value: f32| -> Result<(), Invalid> {
        cells.next_row().push(value);
        num_of_row += 1;
        if num_of_row == num_inputs {
            num_of_row = 0;
            cells.end_row().map_err(|_| origin.error("does not fit in memory"))?;
        }
        Ok(())
    };
    match header.cell {
        CellType::Byte => header.for_each_chunk(&origin, &mut opened, |bytes| {
            bytes.iter().try_for_each(|&byte| push(f32::from(byte) / 255.0))
        })?,
        CellType::Float => header.for_each_chunk(&origin, &mut opened, |bytes| {
            for cell in bytes.as_chunks::<4>().0 {
                let value = f32::from_be_bytes(*cell);
                if !value.is_finite() {
                    return Err(origin.error(&format!("holds {value}: every cell must be a finite number")));
                }
                push(value)?;
            }
            Ok(())
        })?,
    }
    cells.finish().map_err(|_| origin.error("does not fit in memory"))?;
    Ok(Images { count: *count, shape: shape.to_vec(), cells })
}

fn read_labels(path: &Path, key: &'static str, count: usize, images: &Path) -> Result<Vec<u8>, Invalid> {
    let origin = Origin::file(path, key);
    let mut opened = origin.open()?;
    let header = Header::read(&origin, &mut opened)?;
    if header.sizes.len() != 1 || header.cell != CellType::Byte {
        return Err(origin.error("does not hold labels: an IDX file of labels starts with 0x00000801"));
    }
    if header.sizes[0] != count {
        let message = format!("has {} labels, and {} has {count} items", header.sizes[0], images.display());
        return Err(origin.error(&message));
    }
    let mut labels = Vec::new();
    header.for_each_chunk(&origin, &mut opened, |bytes| {
        labels.extend_from_slice(bytes);
        Ok(())
    })?;
    Ok(labels)
}

#[derive(Clone, Copy, PartialEq)]
enum CellType {
    Byte,
    Float,
}

struct Header {
    cell: CellType,
    sizes: Vec<usize>,
    num_cells: usize,
}

impl Header {
    /// Reads the header and checks it against the size of the file, so that no allocation relies on the header alone.
    fn read(origin: &Origin, opened: &mut Opened) -> Result<Self, Invalid> {
        let too_short = |_| origin.error("is too short to be an IDX file, or damaged");
        let mut magic = [0; 4];
        opened.reader.read_exact(&mut magic).map_err(too_short)?;
        let (cell, num_sizes) = match magic {
            [0, 0, 0x08, n @ 1..=8] => (CellType::Byte, n),
            [0, 0, 0x0d, n @ 1..=8] => (CellType::Float, n),
            _ => {
                let number = u32::from_be_bytes(magic);
                let message = format!(
                    "is not an IDX file of bytes or floats: it starts with {number:#010x} (0x00000803 for images, 0x00000801 for labels)"
                );
                return Err(origin.error(&message));
            }
        };
        let mut sizes = Vec::new();
        for _ in 0..num_sizes {
            let mut size = [0; 4];
            opened.reader.read_exact(&mut size).map_err(too_short)?;
            sizes.push(u32::from_be_bytes(size) as usize);
        }
        let num_cells = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        let shown = sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
        // A header that claims more is treated as damaged.
        let Some(num_cells) = num_cells.filter(|&n| n <= MAX_CELLS) else {
            return Err(origin.error(&format!("claims {shown} cells in its header: it is damaged")));
        };
        if num_cells == 0 {
            return Err(origin.error(&format!("holds no data: its header says {shown}")));
        }
        let header = Self { cell, sizes, num_cells };
        let num_bytes = header.num_bytes() + 4 + 4 * u64::from(num_sizes);
        let holds = match opened.is_gzipped {
            true => num_bytes <= opened.num_bytes_on_disk.saturating_mul(MAX_GZIP_RATIO),
            false => num_bytes <= opened.num_bytes_on_disk,
        };
        match holds {
            true => Ok(header),
            false => Err(origin.error(&format!("is too short for the {shown} cells that its header promises"))),
        }
    }

    fn num_bytes(&self) -> u64 {
        let width = match self.cell {
            CellType::Byte => 1,
            CellType::Float => 4,
        };
        self.num_cells as u64 * width
    }

    /// Calls `visit` with all cells in chunks, then checks that the file ends there.
    fn for_each_chunk(
        &self,
        origin: &Origin,
        opened: &mut Opened,
        mut visit: impl FnMut(&[u8]) -> Result<(), Invalid>,
    ) -> Result<(), Invalid> {
        let mut buffer = vec![0; 64 << 10];
        let mut num_left = self.num_bytes();
        while num_left > 0 {
            let size = num_left.min(buffer.len() as u64) as usize;
            opened.reader.read_exact(&mut buffer[..size]).map_err(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => {
                    origin.error(&format!("ends {} before its header says", counted(num_left, "byte")))
                }
                _ => origin.unreadable(&error),
            })?;
            visit(&buffer[..size])?;
            num_left -= size as u64;
        }
        match opened.reader.read(&mut buffer[..1]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(origin.error("is longer than its header says: it is damaged")),
            Err(error) => Err(origin.unreadable(&error)),
        }
    }
}
