//! `data.cache`: a table that was read once, in a file of its own, whose cells need not fit in memory.
//!
//! The file has a header, the chunks of the [`Matrix`], and then all else that a [`Dataset`] has, of which the header tells
//! the place. It is built anew where the files that it was made of, the keys that say how they are read, or burnlab have
//! changed, and where it is damaged; a file that is no cache is never written over.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cache_config::KEY;
use super::chunk_file::{ChunkFile, HEADER_BYTES, StoredChunk, checksum, place_of, read_exact_at};
use super::chunk_layout::ChunkLayout;
use super::matrix::WINDOW_BYTES;
use super::origin::{Origin, is_pattern, is_server, matching, without_waiting};
use super::{
    Cache, Column, ColumnKind, DataConfig, Dataset, Division, ImageShape, Matrix, Part, Readings, RowWeights, Several,
    Target, TargetColumn, infer, readers, select,
};
use crate::directory::Purpose;
use crate::figures::hexadecimal;
use crate::invalid::Invalid;
use crate::permissions::{is_of_another, is_shared};

const MAGIC: &[u8; 16] = b"burnlab cache\0\r\n";
const VERSION: u32 = 1;
/// What follows the chunks is written and checked in pieces of so many bytes.
const PIECE_BYTES: usize = 1 << 20;
/// Bytes at the beginning and the end of a file that are hashed, beside its size and time, to tell whether it has changed.
const HASHED_BYTES: u64 = 64 << 10;

/// Loads the section's table from its cache, which is built if it is not there.
///
/// # Errors
/// As [`infer::load`]; a cache that cannot be read or written; data that are not for a cache.
pub(super) fn load(path: &Path, place: &Path, config: &DataConfig) -> Result<Dataset, Invalid> {
    load_within(WINDOW_BYTES, path, place, config)
}

/// The section's table from its cache, if that is there and up to date.
pub(super) fn existing(path: &Path, place: &Path, config: &DataConfig) -> Option<Dataset> {
    if is_server(path) {
        return None;
    }
    match open(place, WINDOW_BYTES, &key(config), &sources(path, config).ok()?) {
        Ok(Found::Table(mut dataset)) => {
            dataset.name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            dataset.notes.push(format!("read from the cache {}", place.display()));
            Some(*dataset)
        }
        _ => None,
    }
}

/// Whether only training makes the cache, and no command that merely looks at a config, which may be somebody else's: it is not
/// there, and would be neither beside the table nor in a folder below the current one that is not hidden.
pub(super) fn is_left_to_training(path: &Path, place: &Path, config: &DataConfig) -> bool {
    let real = |folder: Option<&Path>| {
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs_err::canonicalize(folder).ok()
    };
    // What cannot be used is for `load` to say, before it writes anything.
    let (Some(folder), false) = (real(place.parent()), is_server(path)) else { return false };
    let is_hidden = |part: std::path::Component<'_>| part.as_os_str().to_string_lossy().starts_with('.');
    let is_below = real(None)
        .and_then(|here| folder.strip_prefix(here).ok().map(|rest| !rest.components().any(is_hidden)))
        .unwrap_or(false);
    if is_below || real(path.parent()).as_ref() == Some(&folder) {
        return false;
    }
    let Ok(sources) = sources(path, config) else { return false };
    matches!(open(place, WINDOW_BYTES, &key(config), &sources), Ok(Found::None | Found::Unusable(_)))
}

/// The same with another window: smaller tables are read into memory.
fn load_within(window_bytes: usize, path: &Path, place: &Path, config: &DataConfig) -> Result<Dataset, Invalid> {
    let shown = place.display();
    Invalid::unless(!is_server(path), KEY, || {
        "data.cache is for tables in files, and data.path is a server's address: remove it".to_owned()
    })?;
    if is_pattern(path) && config.cache == Some(Cache::Beside(true)) {
        let message = "data.cache = true is for one file, and data.path is a pattern: name the file, such as \
                       data.cache = \"all.cache\"";
        return Err(Invalid::at(KEY, message));
    }
    if !matching(path).iter().all(|path| path.exists() || crate::shipped::stands_in_for(path)) {
        return infer::load(path, config); // which says where it was looked for
    }
    let is_source = matching(path).iter().chain(&config.more_paths).chain(&config.test_path).any(|path| path == place);
    Invalid::unless(!is_source, KEY, || {
        format!("data.cache is {shown}, which is one of the tables: name another file")
    })?;
    let sources = sources(path, config)?;
    let key = key(config);
    let found = open(place, window_bytes, &key, &sources)?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let note = match found {
        Found::Table(mut dataset) => {
            dataset.name = name.into_owned();
            dataset.notes.push(format!("read from the cache {shown}"));
            if !readers::are_public(config) && is_shared(place) {
                let closed = place_of(place).and_then(|(folder, name)| folder.set_mode(name, 0o600));
                dataset.notes.push(match closed {
                    Ok(()) => format!("the cache {shown} is closed to other users from now on, as the table is"),
                    Err(error) => format!("others may read the cache {shown}, and not the table: {error}"),
                });
            }
            return Ok(*dataset);
        }
        Found::None => format!("built the cache {shown}, which later runs read instead of the table"),
        Found::Unusable(why) => format!("the cache {shown} {why}: built it again"),
    };
    build(&name, path, place, window_bytes, config, &key, sources)?;
    match open(place, window_bytes, &key, &self::sources(path, config)?)? {
        Found::Table(mut dataset) => {
            dataset.name = name.into_owned();
            dataset.notes.push(note);
            Ok(*dataset)
        }
        _ => {
            let message = format!("{} changed while the cache {shown} was built: try again", path.display());
            Err(Invalid::at("data.path", message))
        }
    }
}

/// What tells whether a file has changed.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct SourceFile {
    is_test: bool,
    num_bytes: u64,
    /// Seconds and nanoseconds since 1970.
    modified: (u64, u32),
    /// SHA-256 of its beginning and its end.
    ends: String,
}

/// The files of the section, in their order.
fn sources(path: &Path, config: &DataConfig) -> Result<Vec<SourceFile>, Invalid> {
    let paths = std::iter::once(path).chain(config.more_paths.iter().map(PathBuf::as_path)).map(|path| (false, path));
    let tests = config.test_path.as_deref().map(|path| (true, path));
    let mut found = Vec::new();
    for (is_test, path) in paths.chain(tests) {
        for path in matching(path) {
            let key = if is_test { "data.test_path" } else { "data.path" };
            found.extend(source(&path, is_test, key)?);
        }
    }
    Ok(found)
}

fn source(path: &Path, is_test: bool, key: &'static str) -> Result<Vec<SourceFile>, Invalid> {
    let unreadable = |error: io::Error| Invalid::at(key, format!("{} cannot be read: {error}", path.display()));
    let refused = |what: &str| {
        Err(Invalid::at(KEY, format!("data.cache is for tables in files, and {} is {what}: remove it", path.display())))
    };
    let found = match path.metadata() {
        Ok(found) if found.is_dir() => return refused("a folder"),
        Ok(found) if !found.is_file() => return refused("no file"),
        Ok(found) => found,
        Err(_) if crate::shipped::stands_in_for(path) => return refused("the one that is built into burnlab"),
        Err(error) => return Err(unreadable(error)),
    };
    let file = without_waiting().open(path).map_err(unreadable)?;
    let num_bytes = found.len();
    let mut hash = Sha256::new();
    let at_most = num_bytes.min(HASHED_BYTES);
    for start in [0, num_bytes - at_most] {
        let mut bytes = vec![0; at_most as usize];
        read_exact_at(&file, &mut bytes, start).map_err(unreadable)?;
        hash.update(&bytes);
    }
    let modified = found.modified().map_err(unreadable)?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let modified = (modified.as_secs(), modified.subsec_nanos());
    let own = SourceFile { is_test, num_bytes, modified, ends: hexadecimal(hash.finalize()) };
    // What a database was told lately may be in a file beside it.
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log = PathBuf::from(log);
    let mut all = vec![own];
    if log.is_file() {
        all.extend(source(&log, is_test, key)?);
    }
    Ok(all)
}

/// The keys of the section that say what is read, and burnlab's version: another one may read it otherwise.
fn key(config: &DataConfig) -> String {
    let of = DataConfig::default();
    let config = DataConfig {
        // Told by the files themselves.
        path: None,
        more_paths: Vec::new(),
        test_path: None,
        cache: None,
        // What comes after the rows are read.
        train_per_class: None,
        text_buckets: None,
        gap: None,
        test_fraction: of.test_fraction,
        validation_fraction: of.validation_fraction,
        folds: None,
        fold: None,
        repeats: None,
        repeat: None,
        stratify: of.stratify,
        stratify_bins: None,
        split_seed: None,
        scale: of.scale,
        bins: of.bins,
        augment: None,
        ..config.clone()
    };
    let text = serde_json::to_string(&config).expect("every field of a config has a JSON form");
    hexadecimal(Sha256::new().chain_update(env!("CARGO_PKG_VERSION")).chain_update(text).finalize())
}

/// What a data set has beside its cells and other numbers of rows.
#[derive(Serialize, Deserialize)]
struct Described {
    key: String,
    sources: Vec<SourceFile>,
    fingerprint: String,
    columns: Vec<DescribedColumn>,
    num_rows: usize,
    num_chunks: usize,
    target: DescribedTarget,
    target_name: String,
    image_shape: Option<ImageShape>,
    num_training_rows: Option<usize>,
    has_source_rows: bool,
    division: DescribedDivision,
    /// The column.
    weights: Option<String>,
    notes: Vec<String>,
    readings: Readings,
}

#[derive(Serialize, Deserialize)]
enum DescribedColumn {
    Numeric(String),
    Categorical(String, Vec<String>),
    Text(String, Vec<String>),
}

#[derive(Serialize, Deserialize)]
enum DescribedTarget {
    Classes(Vec<String>),
    Numbers,
    Several(Vec<(String, Option<[String; 2]>)>),
}

#[derive(Serialize, Deserialize, Clone, Copy)]
enum DescribedDivision {
    Free,
    Groups,
    Order { are_dates: bool },
    Given,
}

// ---- building

/// Reads the table, and writes it to `place`.
fn build(
    name: &str,
    path: &Path,
    place: &Path,
    window_bytes: usize,
    config: &DataConfig,
    key: &str,
    sources: Vec<SourceFile>,
) -> Result<(), Invalid> {
    let unwritable = |error: io::Error| {
        let message = format!("the cache {} cannot be written: {error}", place.display());
        Invalid::at(KEY, message)
    };
    let file = ChunkFile::create(place, window_bytes, readers::are_public(config)).map_err(unwritable)?;
    let origin = Origin::files(path, &config.more_paths, "data.path");
    let mut dataset = infer::read(name, &origin, config, Some(file))?;
    select::keep_classes(&mut dataset, config)?;
    select::order_classes(&mut dataset, config)?;
    // Of what was read, whatever was under the path before.
    if !readers::are_public(config)
        && let Some(file) = dataset.cells.file()
    {
        file.close_to_others().map_err(unwritable)?;
    }
    write(&dataset, key, sources).map_err(unwritable)
}

fn write(dataset: &Dataset, key: &str, sources: Vec<SourceFile>) -> io::Result<()> {
    let file = dataset.cells.file().ok_or(io::ErrorKind::NotFound)?;
    let column = |Column { name, kind }: &Column| match kind {
        ColumnKind::Numeric => DescribedColumn::Numeric(name.clone()),
        ColumnKind::Categorical { categories } => DescribedColumn::Categorical(name.clone(), categories.clone()),
        ColumnKind::Text { texts } => DescribedColumn::Text(name.clone(), texts.to_vec()),
    };
    let described = Described {
        key: key.to_owned(),
        sources,
        fingerprint: dataset.fingerprint(),
        columns: dataset.columns.iter().map(column).collect(),
        num_rows: dataset.num_rows(),
        num_chunks: dataset.cells.stored_chunks().count(),
        target: match &dataset.target {
            Target::Classes { names, .. } => DescribedTarget::Classes(names.clone()),
            Target::Several(several) => {
                let columns = several.columns.iter().map(|column| (column.name.clone(), column.words.clone()));
                DescribedTarget::Several(columns.collect())
            }
            Target::Numbers(_) | Target::Text(_) => DescribedTarget::Numbers, // no text is a table
        },
        target_name: dataset.target_name.clone(),
        image_shape: dataset.image_shape,
        num_training_rows: dataset.num_training_rows,
        has_source_rows: !dataset.source_rows.is_empty(),
        division: match dataset.division {
            Division::Free => DescribedDivision::Free,
            Division::Groups(_) => DescribedDivision::Groups,
            Division::Order { are_dates, .. } => DescribedDivision::Order { are_dates },
            Division::Given(_) => DescribedDivision::Given,
        },
        weights: dataset.weights.as_ref().map(|weights| weights.name.clone()),
        notes: dataset.notes.clone(),
        readings: dataset.readings.clone(),
    };
    // The fingerprint needed all cells.
    if let Some(why) = file.failure() {
        return Err(io::Error::other(why.to_owned()));
    }
    let json = serde_json::to_vec(&described)?;
    let mut writer = PieceWriter { file, piece: Vec::with_capacity(PIECE_BYTES), start: None, len: 0, hash: 0 };
    writer.put(&(json.len() as u64).to_le_bytes())?;
    writer.put(&json)?;
    let mut bytes = Vec::new();
    for chunk in dataset.cells.stored_chunks() {
        bytes.clear();
        for number in [chunk.offset, chunk.num_bytes as u64, chunk.checksum] {
            bytes.extend(number.to_le_bytes());
        }
        chunk.layout.write(&mut bytes);
        writer.put(&bytes)?;
    }
    match &dataset.target {
        Target::Classes { labels, .. } => writer.put_all(labels, |label| label.to_le_bytes())?,
        Target::Numbers(numbers) => writer.put_all(numbers, |number| number.to_le_bytes())?,
        Target::Several(several) => writer.put_all(&several.values, |value| value.to_le_bytes())?,
        Target::Text(_) => {}
    }
    writer.put_all(&dataset.source_rows, |row| row.to_le_bytes())?;
    match &dataset.division {
        Division::Free => {}
        Division::Groups(groups) => writer.put_all(groups, |group| group.to_le_bytes())?,
        Division::Order { times, .. } => writer.put_all(times, |time| time.to_le_bytes())?,
        Division::Given(parts) => writer.put_all(parts, |part| [part_code(part)])?,
    }
    if let Some(weights) = &dataset.weights {
        writer.put_all(&weights.values, |weight| weight.to_le_bytes())?;
    }
    let (start, len, hash) = writer.finish()?;
    let mut header = [0; HEADER_BYTES as usize];
    header[..16].copy_from_slice(MAGIC);
    header[16..20].copy_from_slice(&VERSION.to_le_bytes());
    for (number, place) in [start, len, hash].into_iter().zip([24, 32, 40]) {
        header[place..place + 8].copy_from_slice(&number.to_le_bytes());
    }
    let own = checksum(&header[..56]);
    header[56..].copy_from_slice(&own.to_le_bytes());
    file.keep(&header)
}

const PARTS: [Part; 3] = [Part::Train, Part::Validation, Part::Test];

fn part_code(part: Part) -> u8 {
    PARTS.iter().position(|other| *other == part).unwrap_or_default() as u8
}

/// Writes bytes after the chunks, in pieces.
struct PieceWriter<'a> {
    file: &'a ChunkFile,
    piece: Vec<u8>,
    start: Option<u64>,
    len: u64,
    hash: u64,
}

impl PieceWriter<'_> {
    fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - self.piece.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
            if self.piece.len() == PIECE_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn put_all<T: Copy, const N: usize>(&mut self, values: &[T], bytes: impl Fn(T) -> [u8; N]) -> io::Result<()> {
        values.iter().try_for_each(|&value| self.put(&bytes(value)))
    }

    fn flush(&mut self) -> io::Result<()> {
        let offset = self.file.append_bytes(&self.piece)?;
        self.start.get_or_insert(offset);
        self.len += self.piece.len() as u64;
        self.hash = followed_by(self.hash, &self.piece);
        self.piece.clear();
        Ok(())
    }

    /// Where the bytes begin, how many they are, and their hash.
    fn finish(mut self) -> io::Result<(u64, u64, u64)> {
        self.flush()?;
        Ok((self.start.unwrap_or_default(), self.len, self.hash))
    }
}

/// The hash of pieces and another one.
fn followed_by(hash: u64, piece: &[u8]) -> u64 {
    hash.rotate_left(1) ^ checksum(piece)
}

// ---- reading

enum Found {
    Table(Box<Dataset>),
    /// There is no such file.
    None,
    /// It must be built again, and why: a clause after its name.
    Unusable(String),
}

/// The table in the cache at `place`, if it was built with this `key` from these files.
///
/// # Errors
/// A file that is no cache, or cannot be read.
fn open(place: &Path, window_bytes: usize, key: &str, sources: &[SourceFile]) -> Result<Found, Invalid> {
    let shown = place.display();
    let unreadable = |error: io::Error| Invalid::at(KEY, format!("the cache {shown} cannot be read: {error}"));
    let file = match place_of(place).and_then(|(folder, name)| folder.file(name, Purpose::Read)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::None),
        Err(error) => return Err(unreadable(error)),
    };
    let metadata = file.metadata().map_err(unreadable)?;
    let foreign = || Invalid::at(KEY, format!("{shown} is there and no cache: name another file, or remove it"));
    if !metadata.is_file() || metadata.len() < MAGIC.len() as u64 {
        return Err(foreign());
    }
    let mut header = [0; HEADER_BYTES as usize];
    let num_bytes = metadata.len().min(HEADER_BYTES) as usize;
    read_exact_at(&file, &mut header[..num_bytes], 0).map_err(unreadable)?;
    if !header.starts_with(MAGIC) {
        return Err(foreign());
    }
    if let Some(user) = is_of_another(&metadata, place) {
        let message = format!(
            "the cache {shown} is a file of {user} in a folder that others may write in: name another file, or ask for it to be removed"
        );
        return Err(Invalid::at(KEY, message));
    }
    let number = |place: usize| u64::from_le_bytes(*header[place..].first_chunk().expect("within the header"));
    if header[16..20] != VERSION.to_le_bytes() {
        return Ok(Found::Unusable("has the format of another version of burnlab".into()));
    }
    let [start, len, hash] = [24, 32, 40].map(number);
    let is_whole = number(56) == checksum(&header[..56]) && start.checked_add(len) == Some(metadata.len());
    if !is_whole || start < HEADER_BYTES {
        return Ok(Found::Unusable("is damaged".into()));
    }
    let reader = PieceReader { file: &file, piece: Vec::new(), next: 0, offset: start, left: len, hash: 0 };
    let read = match read(reader, hash, key, sources) {
        Ok(Ok(read)) => read,
        Ok(Err(why)) => return Ok(Found::Unusable(why.into())),
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
            return Ok(Found::Unusable("is damaged".into()));
        }
        Err(error) => return Err(unreadable(error)),
    };
    let (mut dataset, chunks, fingerprint) = read;
    let is_within = |chunk: &StoredChunk| {
        let end = chunk.offset.checked_add(chunk.num_bytes as u64);
        chunk.offset >= HEADER_BYTES && end.is_some_and(|end| end <= start)
    };
    if !chunks.iter().all(is_within) {
        return Ok(Found::Unusable("is damaged".into()));
    }
    let file = ChunkFile::of(file, place, window_bytes);
    file.fingerprint.set(fingerprint).ok();
    let cells = Matrix::stored(dataset.columns.len(), dataset.num_rows(), chunks, Arc::new(file));
    match cells.in_memory_within(window_bytes) {
        Ok(cells) => dataset.cells = cells,
        Err(error) if error.kind() == io::ErrorKind::Other => return Ok(Found::Unusable("is damaged".into())),
        Err(error) => return Err(unreadable(error)),
    }
    Ok(Found::Table(Box::new(dataset)))
}

/// Reads what [`PieceWriter`] wrote.
struct PieceReader<'a> {
    file: &'a File,
    piece: Vec<u8>,
    /// In the piece.
    next: usize,
    /// Of the next piece.
    offset: u64,
    /// Bytes after the piece.
    left: u64,
    hash: u64,
}

impl PieceReader<'_> {
    fn take(&mut self, mut bytes: &mut [u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.next == self.piece.len() {
                self.piece.resize(self.left.min(PIECE_BYTES as u64) as usize, 0);
                if self.piece.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                read_exact_at(self.file, &mut self.piece, self.offset)?;
                self.hash = followed_by(self.hash, &self.piece);
                self.offset += self.piece.len() as u64;
                self.left -= self.piece.len() as u64;
                self.next = 0;
            }
            let now = bytes.len().min(self.piece.len() - self.next);
            bytes[..now].copy_from_slice(&self.piece[self.next..][..now]);
            self.next += now;
            bytes = &mut bytes[now..];
        }
        Ok(())
    }

    fn number(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.take(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// So many bytes, of which there must be as many left.
    fn bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        self.all(count, |[byte]| byte)
    }

    fn all<T, const N: usize>(&mut self, count: usize, value: impl Fn([u8; N]) -> T) -> io::Result<Vec<T>> {
        let has = self.left + (self.piece.len() - self.next) as u64;
        if (count as u64).checked_mul(N as u64).is_none_or(|needed| needed > has) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut values = Vec::new();
        values.try_reserve_exact(count).map_err(|_| io::ErrorKind::OutOfMemory)?;
        for _ in 0..count {
            let mut bytes = [0; N];
            self.take(&mut bytes)?;
            values.push(value(bytes));
        }
        Ok(values)
    }
}

/// A data set without its cells, the chunks of these, and the fingerprint of all; or why the cache must be built again.
type Read = (Dataset, Vec<StoredChunk>, String);

fn read(
    mut reader: PieceReader<'_>,
    hash: u64,
    key: &str,
    sources: &[SourceFile],
) -> io::Result<Result<Read, &'static str>> {
    let damaged = || io::Error::from(io::ErrorKind::InvalidData);
    let len = usize::try_from(reader.number()?).map_err(|_| damaged())?;
    let json = reader.bytes(len)?;
    let described: Described = serde_json::from_slice(&json).map_err(|_| damaged())?;
    // Told before the numbers are read, which may be many.
    if described.key != key {
        return Ok(Err("was built with other keys of [data], or by another version of burnlab"));
    }
    if described.sources != sources {
        return Ok(Err("was built before the table changed"));
    }
    let (width, num_rows) = (described.columns.len(), described.num_rows);
    let mut chunks = Vec::new();
    for number in 0..described.num_chunks {
        let [offset, num_bytes, checksum] = [reader.number()?, reader.number()?, reader.number()?];
        let layout = read_layout(&mut reader, width)?.ok_or_else(damaged)?;
        let rows = Matrix::rows_of_chunk(width);
        let rows = number.checked_mul(rows).and_then(|first| num_rows.checked_sub(first)).unwrap_or(0).min(rows);
        let num_bytes = usize::try_from(num_bytes).map_err(|_| damaged())?;
        if rows == 0 || rows.checked_mul(layout.stride()) != Some(num_bytes) {
            return Err(damaged());
        }
        chunks.push(StoredChunk { layout, offset, num_bytes, checksum });
    }
    if chunks.len() != num_rows.div_ceil(Matrix::rows_of_chunk(width)) {
        return Err(damaged());
    }
    let target = match described.target {
        DescribedTarget::Classes(names) => {
            let labels = reader.all(num_rows, u32::from_le_bytes)?;
            if labels.iter().any(|&label| label as usize >= names.len()) {
                return Err(damaged());
            }
            Target::Classes { names, labels }
        }
        DescribedTarget::Numbers => Target::Numbers(reader.all(num_rows, f64::from_le_bytes)?),
        DescribedTarget::Several(columns) => {
            let count = num_rows.checked_mul(columns.len()).filter(|_| !columns.is_empty()).ok_or_else(damaged)?;
            let values = reader.all(count, f64::from_le_bytes)?;
            let columns = columns.into_iter().map(|(name, words)| TargetColumn { name, words }).collect();
            Target::Several(Several { columns, values })
        }
    };
    let source_rows = if described.has_source_rows { num_rows } else { 0 };
    let source_rows = reader.all(source_rows, u32::from_le_bytes)?;
    let division = match described.division {
        DescribedDivision::Free => Division::Free,
        DescribedDivision::Groups => Division::Groups(reader.all(num_rows, u32::from_le_bytes)?),
        DescribedDivision::Order { are_dates } => {
            Division::Order { times: reader.all(num_rows, f64::from_le_bytes)?, are_dates }
        }
        DescribedDivision::Given => {
            let codes = reader.bytes(num_rows)?;
            let parts = codes.iter().map(|&code| PARTS.get(usize::from(code)).copied()).collect::<Option<_>>();
            Division::Given(parts.ok_or_else(damaged)?)
        }
    };
    let weights = match described.weights {
        Some(name) => Some(RowWeights { name, values: reader.all(num_rows, f32::from_le_bytes)? }),
        None => None,
    };
    let are_all_read = reader.left == 0 && reader.next == reader.piece.len();
    let is_divided = described.num_training_rows.is_none_or(|count| count <= num_rows);
    if !are_all_read || reader.hash != hash || !is_divided {
        return Err(damaged());
    }
    let column = |column| match column {
        DescribedColumn::Numeric(name) => Column { name, kind: ColumnKind::Numeric },
        DescribedColumn::Categorical(name, categories) => Column { name, kind: ColumnKind::Categorical { categories } },
        DescribedColumn::Text(name, texts) => Column { name, kind: ColumnKind::Text { texts: texts.into() } },
    };
    let dataset = Dataset {
        name: String::new(),
        columns: described.columns.into_iter().map(column).collect(),
        cells: Matrix::of_floats(width, Vec::new()),
        target,
        target_name: described.target_name,
        image_shape: described.image_shape,
        num_training_rows: described.num_training_rows,
        source_rows,
        division,
        weights,
        notes: described.notes,
        readings: described.readings,
    };
    Ok(Ok((dataset, chunks, described.fingerprint)))
}

/// A layout is as long as its first number says.
fn read_layout(reader: &mut PieceReader<'_>, width: usize) -> io::Result<Option<ChunkLayout>> {
    let mut bytes = reader.bytes(4)?;
    let num_runs = u32::from_le_bytes(*bytes.first_chunk().expect("four bytes")) as usize;
    if num_runs > width {
        return Ok(None);
    }
    bytes.append(&mut reader.bytes(5 * num_runs)?);
    Ok(ChunkLayout::read(&mut &bytes[..], width))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write;

    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::data::{Nearness, Preprocessor, split};

    /// Of three columns a chunk has 65536 rows: here are four chunks, and a window of two.
    const NUM_ROWS: usize = 200_000;
    const WINDOW: usize = 2 * 65_536 * 3 * 4;

    fn table(folder: &Path) -> DataConfig {
        let mut text = String::from("x,c,n,y,g,w\n");
        for row in 0..NUM_ROWS {
            let name = ["u", "v", "", "w"][row * 7919 % 4];
            let target = if row % 17 == 3 { String::new() } else { format!("{}.5", row % 1009) };
            writeln!(text, "{}.{},{name},{},{target},{},1.5", row % 977, row % 7, row % 300, row % 5000).unwrap();
        }
        let path = folder.join("a.csv");
        std::fs::write(&path, text).unwrap();
        let target = Some("y".into());
        let (group, weight) = (Some("g".to_owned()), Some("w".to_owned()));
        DataConfig { path: Some(path), target, group, weight, ..DataConfig::default() }
    }

    fn loaded(config: &DataConfig, window_bytes: usize) -> Result<Dataset, Invalid> {
        let path = config.path.as_ref().unwrap();
        load_within(window_bytes, path, &path.with_extension("cache"), config)
    }

    fn last_note(dataset: &Dataset) -> String {
        let note = dataset.notes.last().unwrap();
        note.split_once(".cache").map_or("", |(_, rest)| rest).to_owned()
    }

    #[test]
    fn a_table_in_a_file_is_the_one_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let config = table(folder.path());
        let plain = infer::load(config.path.as_ref().unwrap(), &config).unwrap();
        assert!(!plain.cells.is_windowed() && plain.source_rows.len() == plain.num_rows());
        let built = loaded(&config, WINDOW).unwrap();
        assert_eq!(last_note(&built), ", which later runs read instead of the table");
        let read = loaded(&config, WINDOW).unwrap();
        assert!(read.notes.last().unwrap().starts_with("read from the cache"));
        let in_memory = loaded(&config, usize::MAX).unwrap();
        assert!(read.cells.is_windowed() && !in_memory.cells.is_windowed());
        let bits = |dataset: &Dataset| dataset.cells.to_floats().into_iter().map(f32::to_bits).collect::<Vec<_>>();
        let splits = split(&plain, &config, 3).unwrap();
        let fitted = Preprocessor::fit(&plain, &splits.train, &config).unwrap();
        for dataset in [built, read, in_memory] {
            assert_eq!(dataset.fingerprint(), plain.fingerprint());
            assert!(bits(&dataset) == bits(&plain));
            let random: Vec<u32> = (0..500).map(|i| i * 7919 % plain.num_rows() as u32).collect();
            let row_bits = |row: &[f32]| row.iter().map(|cell| cell.to_bits()).collect::<Vec<_>>();
            for &row in &random {
                assert_eq!(row_bits(&dataset.row(row as usize)), row_bits(&plain.row(row as usize)));
            }
            // Nothing else is left out either.
            let is_windowed = dataset.cells.is_windowed();
            let parts = split(&dataset, &config, 3).unwrap();
            assert_eq!(parts.train, splits.train);
            let mut test = splits.test.to_vec();
            if is_windowed {
                test.sort_unstable();
            }
            assert_eq!(*parts.test, test);
            assert_eq!(Preprocessor::fit(&dataset, &splits.train, &config).unwrap(), fitted);
            let notes = dataset.notes[..dataset.notes.len() - 1].to_vec();
            // Cells that are missing are equal to none.
            let without_cells = |dataset: Dataset| Dataset { cells: Matrix::of_floats(3, Vec::new()), ..dataset };
            assert_eq!(without_cells(Dataset { notes, ..dataset }), without_cells(plain.clone()));
        }
    }

    #[test]
    fn an_epoch_reads_each_chunk_once_and_visits_each_row_once() {
        let folder = tempfile::tempdir().unwrap();
        let config = table(folder.path());
        let dataset = Arc::new(loaded(&config, WINDOW).unwrap());
        let splits = split(&dataset, &config, 1).unwrap();
        let preprocessor = Preprocessor::fit(&dataset, &splits.train, &config).unwrap();
        let examples = preprocessor.share(&dataset, splits.train.clone());
        let epoch = |seed: u64| {
            let mut positions: Vec<u32> = (0..examples.len() as u32).collect();
            examples.shuffle(&mut positions, &mut ChaCha8Rng::seed_from_u64(seed));
            positions
        };
        let order = epoch(5);
        assert_eq!(order, epoch(5));
        assert_ne!(order, epoch(6));
        assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), examples.len());
        let chunk = |position: &u32| examples.row(*position as usize) / Matrix::rows_of_chunk(3);
        let chunks: Vec<usize> = order.iter().map(chunk).collect();
        // From the first to the last row of each chunk: they overlap within a window, and not otherwise.
        let mut spans: Vec<[usize; 2]> = (0..3)
            .map(|chunk| {
                let is_in = |other: &usize| *other == chunk;
                [chunks.iter().position(is_in).unwrap(), chunks.iter().rposition(is_in).unwrap()]
            })
            .collect();
        spans.sort_unstable();
        assert_eq!((spans[0][0], spans.iter().map(|span| span[1]).max()), (0, Some(order.len() - 1)));
        let are_together: Vec<bool> = spans.array_windows().map(|[one, next]| next[0] < one[1]).collect();
        assert_eq!(are_together.iter().filter(|&&together| together).count(), 1, "{spans:?}");
        // Rows are not in their order, as they are in the chunks.
        assert!(order.array_windows().filter(|[one, next]| one < next).count() < order.len() * 6 / 10);
        // What is read so is what is read row by row.
        let mut reader = examples.reader(Nearness::InWindows);
        let positions = || order[order.len() / 2 - 500..][..1000].iter().map(|&position| position as usize);
        assert_eq!(examples.gather_by(reader.as_mut(), positions()), examples.gather(positions()));
    }

    #[test]
    fn a_cache_that_does_not_fit_is_built_again_and_a_file_that_is_none_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let place = path.with_extension("cache");
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        write("x,y\n1,2.5\n3,1\n5,4\n");
        let test = folder.path().join("test.csv");
        std::fs::write(&test, "y,x\n7,8\n9,10\n").unwrap();
        let config = DataConfig { path: Some(path.clone()), target: Some("y".into()), ..DataConfig::default() };
        let note = |config: &DataConfig| last_note(&loaded(config, 0).unwrap());
        let (new, read) = (", which later runs read instead of the table", "");
        assert_eq!((&*note(&config), &*note(&config)), (new, read));
        // What comes after reading is no reason to read again.
        assert_eq!(note(&DataConfig { test_fraction: 0.5, bins: 3, ..config.clone() }), read);
        let with_test = DataConfig { test_path: Some(test), ..config.clone() };
        let dataset = loaded(&with_test, 0).unwrap();
        assert_eq!((dataset.num_training_rows, dataset.cells.to_floats()), (Some(3), vec![1.0, 3.0, 5.0, 8.0, 10.0]));
        std::fs::remove_file(&place).unwrap();
        assert_eq!(note(&config), new);
        let others = " was built with other keys of [data], or by another version of burnlab: built it again";
        assert_eq!(note(&DataConfig { numeric: vec!["x".into()], ..config.clone() }), others);
        assert_eq!(note(&config), others);
        write("x,y\n1,2.5\n3,1\n5,6\n");
        assert_eq!(note(&config), " was built before the table changed: built it again");
        let Target::Numbers(numbers) = loaded(&config, 0).unwrap().target else { panic!() };
        assert_eq!(numbers, [2.5, 1.0, 6.0]);

        // Bytes changed, and the file cut: never another table, and never a panic.
        let whole = std::fs::read(&place).unwrap();
        let expected = loaded(&config, usize::MAX).unwrap();
        let same = |dataset: &Dataset| dataset.cells == expected.cells && dataset.target == expected.target;
        for at in (0..whole.len()).filter(|at| *at < 80 || at % 13 == 0) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            for bytes in [&damaged[..], &whole[..at]] {
                std::fs::write(&place, bytes).unwrap();
                match loaded(&config, usize::MAX) {
                    Ok(dataset) => assert!(same(&dataset) && last_note(&dataset).ends_with("built it again"), "{at}"),
                    Err(error) => {
                        assert!(error.message.contains("is there and no cache"), "{at}: {}", error.message);
                        assert!(at < MAGIC.len() && std::fs::read(&place).unwrap() == bytes, "{at}");
                    }
                }
            }
        }

        // Damage that is met while rows are read.
        std::fs::remove_file(&place).unwrap();
        let mut damaged = loaded(&config, 0).map(|_| std::fs::read(&place).unwrap()).unwrap();
        damaged[HEADER_BYTES as usize] ^= 1;
        std::fs::write(&place, &damaged).unwrap();
        let dataset = loaded(&config, 0).unwrap();
        assert!(dataset.check_read().is_ok());
        assert!(dataset.cells.to_floats().iter().all(|cell| cell.is_nan()));
        let error = dataset.check_read().unwrap_err();
        assert!(
            error
                .message
                .ends_with("cannot be read while it is used (it is damaged): remove it, and it is built again")
        );

        for (text, what) in [("", "empty"), ("x,y\n1,2\n", "a table")] {
            std::fs::write(&place, text).unwrap();
            let error = loaded(&config, 0).unwrap_err();
            assert!(error.message.ends_with("is there and no cache: name another file, or remove it"), "{what}");
            assert_eq!(std::fs::read_to_string(&place).unwrap(), text);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "nothing is left beside it");
    }
}
