//! The folder of a run: finds it, and reads its files as the types that they were written from.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::calibration::Calibration;
use super::environment::RunEnvironment;
use super::weights_file;
use crate::config::{Config, ConfigError, LoadedConfig};
use crate::data::{self, Author, DataConfig, Dataset, Inputs, PREPROCESSING_VERSIONS, Preprocessor, Splits};
use crate::invalid::one_line;
use crate::model::NamedWeights;
use crate::permissions::{is_own_number, is_public, left_by_another};
use crate::tracking::folder::Kept;
use crate::tracking::{Location, Run, RunId, RunRecord, Status, Store, TrackingError, folder};
use crate::training::Checkpoint;
use crate::training::evaluation::Evaluation;

/// The resolved configuration.
pub const CONFIG: &str = "config.toml";
/// The weights, f32, by name; each linear layer's `weight` is `[inputs, outputs]`.
pub const MODEL: &str = "model.safetensors";
/// The preprocessor fitted on the training part.
pub const PREPROCESSING: &str = "preprocessing.json";
/// The metrics on the test part.
pub const EVALUATION: &str = "evaluation.json";
/// What the validation rows tell of the trained network.
pub const CALIBRATION: &str = "calibration.json";
/// The predictions of the test rows.
pub const PREDICTIONS: &str = "predictions.csv";
/// Whom each test row is of, where `data.group` says so: verdicts draw the rows of one together.
pub const TEST_GROUPS: &str = "test_groups.csv";
/// The raw test rows, in the order of the predictions, so that the evaluation can be repeated from the folder alone.
pub const TEST_ROWS: &str = "test.csv";
/// The same for a run on a text.
pub const TEST_TEXT: &str = "test.txt";
/// The initial weights of a fine-tuned run, in the format of the model, so that the run is complete without its parent.
pub const INITIAL: &str = "initial.safetensors";

/// Test parts with more cells or characters than this (about 10 MB for a table) are not copied into the run folder.
pub(super) const MAX_TEST_CELLS: usize = 2_000_000;

/// Values in a file, keys counted: ten of each of a million columns, or a million categories, are fewer.
const MAX_VALUES: usize = 1 << 25;
/// What one takes in memory: a short text, in a vector that is growing. A column of `readings`, the largest, takes some 300 with
/// its name, and has two keys.
const BYTES_OF_A_VALUE: usize = 80;

/// The shape of each weight of a network, by name.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// A run's folder; it may be a copy with another name.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

/// A copy of a file of a run folder, which nobody else can change.
#[derive(Debug)]
pub struct Copied {
    kept: Kept,
    original: PathBuf,
}

impl Copied {
    pub fn path(&self) -> &Path {
        self.kept.path()
    }

    /// An error of who read the copy, with the name of what it is a copy of.
    pub fn named(&self, error: anyhow::Error) -> anyhow::Error {
        let text = format!("{error:#}");
        anyhow::Error::msg(text.replace(&*self.path().to_string_lossy(), &self.original.to_string_lossy()))
    }
}

impl RunFolder {
    /// The folder at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The folder that `run` names: a run that [`recorded`] finds in the store, or a path. It has a model. Only a path that
    /// the user wrote may hold a link.
    ///
    /// A name without a separator is that of a run first: a folder of this name may be anybody's.
    ///
    /// # Errors
    /// No such run, several, or one without a model.
    pub fn find(location: &Location, run: &str) -> anyhow::Result<Self> {
        let is_path = run.starts_with('.') || run.contains(std::path::is_separator);
        if is_path && let Some(named) = Self::by_path(run)? {
            return Ok(named);
        }
        Self::in_store(location, run).or_else(|error| {
            let is_unknown = matches!(
                error.downcast_ref(),
                Some(
                    TrackingError::NoSuchRun { .. }
                        | TrackingError::NoStore { .. }
                        | TrackingError::NoServerStore { .. }
                )
            );
            // The newest run is no folder's name.
            let can_be_folder = is_unknown && run != "latest";
            match Self::by_path(run)?.filter(|_| can_be_folder) {
                Some(named) => match left_by_another(Path::new(run)) {
                    None => Ok(named),
                    Some(owner) => anyhow::bail!(
                        "no run is called {run}; the folder of that name here belongs to {owner}, and others may write where \
                         it is: name it as ./{run} if it is meant"
                    ),
                },
                None if can_be_folder && Path::new(run).is_dir() => {
                    anyhow::bail!("{run} is not the folder of a run: it has no {PREPROCESSING}")
                }
                None => Err(error),
            }
        })
    }

    /// `None` where there is no folder of a run.
    ///
    /// # Errors
    /// A folder that may not be looked into.
    fn by_path(path: &str) -> anyhow::Result<Option<Self>> {
        let Ok(canonical) = Path::new(path).canonicalize() else { return Ok(None) };
        let has_links = std::path::absolute(path).is_ok_and(|absolute| absolute != canonical);
        let named = Self::at(if has_links { canonical } else { path.into() });
        let has_model = match folder::try_has(&named.path, PREPROCESSING) {
            // A file, or a name that is none of a folder's: a run may be called so.
            Err(TrackingError::Damaged { .. }) => named.has(PREPROCESSING),
            has_model => has_model?,
        };
        Ok(has_model.then_some(named))
    }

    fn in_store(location: &Location, run: &str) -> anyhow::Result<Self> {
        let store = Store::open_read_only_at(location)?;
        let has_model = |id: &RunId| folder::has(&store.folder(id), MODEL);
        let of_experiment = store.ids_of(run)?;
        if let Some(newest) = of_experiment.iter().find(|id| has_model(id)) {
            return Ok(Self::at(store.folder(newest)));
        }
        let found = recorded(&store, run)?;
        let id = &found.record.id;
        if let Some(home) = store.home_elsewhere(id)? {
            anyhow::bail!("the files of run `{id}` are at `{home}`: work there, or name a copy's path");
        }
        let has_model = folder::try_has(&store.folder(id), MODEL)?;
        anyhow::ensure!(
            has_model || found.record.status != Status::Finished,
            "run `{id}` is finished, and {} is missing: restore the file that training wrote, or name another run",
            store.folder(id).join(MODEL).display()
        );
        anyhow::ensure!(
            has_model,
            "run `{id}` has no model, it is {}: `{}` resumes it, or name another run",
            store.shown(&found),
            location.command(&["resume", id.as_str()])
        );
        Ok(Self::at(store.folder(id)))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether everybody may read it: the folder, and the files with what was learned of the data. The mode of either may have been
    /// changed by hand.
    pub fn is_public(&self) -> bool {
        let files = [CONFIG, PREPROCESSING, MODEL].map(|name| self.file(name));
        is_public(&self.path) && files.iter().all(|file| !file.exists() || is_public(file))
    }

    /// The path of one of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether there is anything of that name.
    pub fn has(&self, name: &str) -> bool {
        folder::has(&self.path, name)
    }

    /// A copy of a file, for code that opens files by their paths: what stands under the path inside of the folder may be
    /// another file by then. `None` if there is none.
    ///
    /// # Errors
    /// A link, or anything else but a file; one that is larger than what burnlab writes, or not what training wrote.
    pub fn copy(&self, name: &str) -> Result<Option<Copied>, TrackingError> {
        let Some(mut file) = folder::open_sound(&self.path, name)? else { return Ok(None) };
        folder::check_sum(&self.path, name)?;
        let kept =
            Kept::new(name, |copy| std::io::copy(&mut file, copy).map(drop)).map_err(TrackingError::Temporary)?;
        Ok(Some(Copied { kept, original: self.file(name) }))
    }

    /// Writes a picture into the subfolder `plots`; returns its path. `None` for a folder of another user, into which nothing is
    /// written: he could read it there, and his permissions say who else.
    ///
    /// # Errors
    /// A folder that cannot be written, or is a link.
    pub fn write_picture(&self, stem: &str, svg: &str) -> Result<Option<PathBuf>, TrackingError> {
        let held = folder::hold(self.path.clone())?;
        if !is_own_number(held.directory().owner()?) {
            return Ok(None);
        }
        let name = format!("plots/{stem}.svg");
        folder::write_renamed(&held, &name, svg.as_bytes())?;
        Ok(Some(self.file(&name)))
    }

    /// The folder's name: the run's id, unless it was renamed. Whoever sent it may have put the end of a line into it, after which
    /// anything could seem to be said by burnlab.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().replace(char::is_control, "_")
    }

    /// `config.toml`.
    ///
    /// # Errors
    /// As [`LoadedConfig::load`], and a missing file, as for all files.
    pub fn config(&self) -> anyhow::Result<Config> {
        let text = folder::read_text(&self.path, CONFIG)?.with_context(|| self.missing(CONFIG))?;
        let loaded = LoadedConfig::parse(&text, &self.file(CONFIG).display().to_string(), "config", &[]);
        let newer = |error: ConfigError| match self.newer_burnlab() {
            Some(newer) => ConfigError { message: format!("{} ({newer})", error.message), ..error },
            None => error,
        };
        Ok(loaded.map_err(newer)?.config)
    }

    /// `run.json`.
    ///
    /// # Errors
    /// A missing or damaged file, as for all files.
    pub fn record(&self) -> anyhow::Result<RunRecord> {
        self.json("run.json", None)
    }

    /// `environment.json`.
    pub fn environment(&self) -> anyhow::Result<RunEnvironment> {
        self.json("environment.json", None)
    }

    /// `evaluation.json`; `None` for a run without a test part.
    pub fn evaluation(&self) -> anyhow::Result<Option<Evaluation>> {
        let evaluation = self.has(EVALUATION).then(|| self.json(EVALUATION, None)).transpose()?;
        self.check_sum(EVALUATION)?;
        Ok(evaluation)
    }

    /// `calibration.json`; `None` for a run without validation rows, or of an older version.
    pub fn calibration(&self) -> anyhow::Result<Option<Calibration>> {
        self.has(CALIBRATION).then(|| self.json(CALIBRATION, None)).transpose()
    }

    /// `preprocessing.json`, checked against the data section `config`.
    pub fn preprocessor(&self, config: &DataConfig) -> anyhow::Result<Preprocessor> {
        let preprocessor: Preprocessor = self.json(PREPROCESSING, Some(PREPROCESSING_VERSIONS))?;
        preprocessor.validate().map_err(anyhow::Error::msg).with_context(|| self.damaged(PREPROCESSING))?;
        let context = match &preprocessor.inputs {
            Inputs::Table { .. } => None,
            Inputs::Text(text) => Some(text.context),
        };
        let fits = context == config.is_text().then(|| config.context());
        anyhow::ensure!(
            fits,
            "{} does not fit the [data] section next to it: restore the files that training wrote",
            self.file(PREPROCESSING).display()
        );
        Ok(preprocessor)
    }

    /// The number of each of the `count` test rows in the data, from `predictions.csv`; `None` where that cannot be read, is not what
    /// training wrote, or has another number of rows.
    pub fn tested_rows(&self, count: usize) -> Option<Vec<u32>> {
        self.check_sum(PREDICTIONS).ok()?;
        let mut reader = csv::Reader::from_reader(folder::open_table(&self.path, PREDICTIONS).ok()??);
        let column = reader.headers().ok()?.iter().position(|name| name == "row")?;
        let rows = reader.records().take(count + 1).map(|record| record.ok()?.get(column)?.parse().ok());
        rows.collect::<Option<Vec<u32>>>().filter(|rows| rows.len() == count)
    }

    /// That a file is what training wrote, as far as `SHA256SUMS` tells.
    ///
    /// # Errors
    /// [`TrackingError::Altered`]; a file that cannot be read.
    pub fn check_sum(&self, name: &str) -> Result<(), TrackingError> {
        folder::check_sum(&self.path, name)
    }

    /// Bytes of a file; 0 if there is none.
    ///
    /// # Errors
    /// A link, or anything else but a file.
    pub fn size_of(&self, name: &str) -> anyhow::Result<u64> {
        Ok(folder::open(&self.path, name)?.map_or(Ok(0), |file| file.metadata().map(|data| data.len()))?)
    }

    /// Bytes of memory that a file of JSON takes, about; 0 if there is none.
    ///
    /// # Errors
    /// As [`RunFolder::size_of`]; a file that is larger than what burnlab writes.
    pub fn memory_of(&self, name: &str) -> anyhow::Result<usize> {
        Ok(folder::read(&self.path, name)?.map_or(0, |json| memory_of(json.len(), num_values(&json))))
    }

    /// The weights in one of its files, of a network with these shapes; `None` if there is none.
    ///
    /// # Errors
    /// A file that is much larger than such a network, is damaged, or is not what training wrote.
    pub fn weights(&self, name: &str, shapes: &Shapes) -> anyhow::Result<Option<NamedWeights>> {
        let Some(bytes) = folder::read_within(&self.path, name, weights_file::most(shapes, 1))? else {
            return Ok(None);
        };
        let weights = weights_file::decode(&bytes).with_context(|| self.damaged(name))?;
        folder::check_sum_of(&bytes, &self.path, name)?;
        Ok(Some(weights))
    }

    /// The checkpoint `name` of a network with these shapes; `None` for a run that ended before the first one.
    ///
    /// # Errors
    /// As [`RunFolder::weights`].
    pub fn checkpoint(&self, name: &str, shapes: &Shapes) -> anyhow::Result<Option<Checkpoint>> {
        // The network, its best weights, and what the optimizer keeps of each.
        let bytes = folder::read_within(&self.path, name, weights_file::most(shapes, 8))?;
        let decode = |bytes: Vec<u8>| Checkpoint::decode(&bytes).with_context(|| self.file(name).display().to_string());
        bytes.map(decode).transpose()
    }

    /// The data that the run was trained on, and its split.
    ///
    /// # Errors
    /// Data that are gone, or whose fingerprint differs from the recorded one, or on a server.
    pub fn data(&self, config: &Config) -> anyhow::Result<(Dataset, Splits)> {
        self.data_of(config, false)
    }

    /// The same; `connects`: also from the server that the record names.
    ///
    /// # Errors
    /// As [`RunFolder::data`].
    pub fn data_of(&self, config: &Config, connects: bool) -> anyhow::Result<(Dataset, Splits)> {
        let dataset = data::load_of(Author::Record { connects }, &config.data).map_err(|error| {
            match config.data.path.as_ref().filter(|path| path.exists()) {
                // What is wrong with it would show parts of a file that only the config of somebody else may have named.
                Some(path) => anyhow::anyhow!(
                    "`{}` is not the data that the run was trained on: restore the old file, or train a new run",
                    path.display()
                ),
                None => anyhow::Error::from(error).context("the run's data cannot be loaded again"),
            }
        })?;
        anyhow::ensure!(
            self.environment()?.dataset.fingerprint == dataset.fingerprint(),
            "the data of `{}` have changed since the run was trained: restore the old file, or train a new run",
            dataset.name
        );
        let splits = data::split(&dataset, &config.data, config.seed)?;
        Ok((dataset, splits))
    }

    /// The file `name`; `versions` are those of its format that can be read, if it has any.
    fn json<T: DeserializeOwned>(&self, name: &str, versions: Option<RangeInclusive<u32>>) -> anyhow::Result<T> {
        let bytes = folder::read(&self.path, name)?.with_context(|| self.missing(name))?;
        self.check_values(name, &bytes)?;
        let error = match serde_json::from_slice(&bytes) {
            Ok(value) => return Ok(value),
            Err(error) => anyhow::anyhow!(one_line(&error.to_string())),
        };
        // The other keys of another version may be anything.
        let found = serde_json::from_slice::<Versioned>(&bytes).ok().map(|versioned| versioned.version);
        let path = self.file(name);
        let path = path.display();
        match found.zip(versions.map(RangeInclusive::into_inner)) {
            Some((found, (_, newest))) if found > newest => anyhow::bail!(
                "{path} was written by a newer burnlab (format {found}, this one reads {newest}): update burnlab"
            ),
            Some((found, (oldest, _))) if found < oldest => anyhow::bail!(
                "{path} was written by an older burnlab (format {found}, this one reads {oldest} and later): train the \
                 run again, or use the older version"
            ),
            _ => Err(error.context(self.damaged(name))),
        }
    }

    /// # Errors
    /// JSON of so many values that they, each of them as small as it can be, are many times its bytes in memory.
    fn check_values(&self, name: &str, json: &[u8]) -> anyhow::Result<()> {
        let count = num_values(json);
        anyhow::ensure!(
            count <= MAX_VALUES,
            "{}: it has {count} values, and burnlab writes at most {MAX_VALUES}",
            self.damaged(name)
        );
        data::check_free(memory_of(json.len(), count)).map_err(|why| {
            anyhow::anyhow!("{} does not fit in memory: its {count} values {why}", self.file(name).display())
        })
    }

    fn missing(&self, name: &str) -> String {
        format!("{} is missing: restore the file that training wrote", self.file(name).display())
    }

    /// What is wrong with a file that cannot be read.
    fn damaged(&self, name: &str) -> String {
        let path = self.file(name);
        match self.newer_burnlab() {
            Some(newer) => format!("{} cannot be read, {newer}", path.display()),
            None => format!("{} is damaged: restore the file that training wrote", path.display()),
        }
    }

    /// Says so if the run was recorded by a newer version than this one.
    fn newer_burnlab(&self) -> Option<String> {
        let bytes = folder::read(&self.path, "environment.json").ok()??;
        let recorded = serde_json::from_slice::<Recorded>(&bytes).ok()?.burnlab;
        let parts = |version: &str| -> Option<Vec<u64>> {
            version.split(['-', '+']).next()?.split('.').map(|part| part.parse().ok()).collect()
        };
        let this = env!("CARGO_PKG_VERSION");
        (parts(&recorded)? > parts(this)?)
            .then(|| format!("written by the newer burnlab {recorded}, and this is {this}: update burnlab"))
    }
}

/// The part of a versioned file that every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// The part of `environment.json` that every version has.
#[derive(Deserialize)]
struct Recorded {
    burnlab: String,
}

/// The run that `run` names: its id, a unique prefix of one, `latest`, or an experiment (its newest run). Commands that
/// change runs use [`Store::find`], which does not accept experiments.
///
/// # Errors
/// No such run, or several.
pub fn recorded(store: &Store, run: &str) -> Result<Run, TrackingError> {
    match store.ids_of(run)?.first() {
        Some(newest) => store.run(newest),
        None => store.find(run),
    }
}
/// Bytes of memory of the values of a JSON text, and of the text.
fn memory_of(num_bytes: usize, num_values: usize) -> usize {
    num_bytes + BYTES_OF_A_VALUE * num_values
}

/// How many values and keys a JSON text has, about: each value but the first of a list or an object comes after a comma, and a
/// colon after each key.
fn num_values(json: &[u8]) -> usize {
    let (mut count, mut in_text, mut is_escaped) = (1, false, false);
    for &byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_text,
            b'"' => in_text = !in_text,
            b',' | b':' if !in_text => count += 1,
            _ => {}
        }
    }
    count
}
