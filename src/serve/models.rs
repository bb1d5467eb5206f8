//! The models that are served, each under a name, and newer runs that take their places.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::log::Log;
use crate::backend::BackendName;
use crate::experiment::ensemble::difference;
use crate::experiment::{Predictor, RunFolder, SavedModel};
use crate::tracking::Location;

/// A model that is served.
pub struct Model {
    /// Its experiment's name, or the run's if several of the experiment are served.
    pub name: String,
    /// The run: its version.
    pub run: String,
    pub predictor: Predictor,
}

/// A language model that is served: it writes a text, and predicts no rows.
pub struct Writer {
    /// As [`Model::name`].
    pub name: String,
    /// The run.
    pub run: String,
    pub saved: SavedModel,
    pub backend: BackendName,
}

/// All of them, in the order of the command line.
pub struct Models {
    location: Location,
    backend: BackendName,
    /// What the user named: runs, or experiments for their newest run. Those of models that predict rows.
    queries: Vec<String>,
    loaded: RwLock<Vec<Arc<Model>>>,
    /// Of each language model what the user named, and the model.
    writers: RwLock<Vec<(String, Arc<Writer>)>>,
    /// The last error of each model that could not be replaced.
    told: Mutex<HashMap<String, String>>,
    pub(super) log: Log,
}

impl Models {
    /// Loads the models of the runs that `queries` name.
    ///
    /// # Errors
    /// No such run, or one without a model; a backend that is not compiled in; no more threads for this user.
    pub fn open(location: Location, queries: Vec<String>, backend: BackendName) -> anyhow::Result<Self> {
        let (mut of_rows, mut loaded, mut writers) = (Vec::new(), Vec::new(), Vec::new());
        let mut served: Vec<[String; 2]> = Vec::new();
        for query in queries {
            let saved = SavedModel::open(&RunFolder::find(&location, &query)?)?;
            let (run, experiment) = (saved.name(), saved.config.name.clone());
            anyhow::ensure!(served.iter().all(|[_, other]| *other != run), "the run `{run}` is named twice");
            let is_taken = served.iter().any(|[name, _]| *name == experiment);
            let name = if is_taken { run.clone() } else { experiment };
            served.push([name.clone(), run.clone()]);
            if is_writer(&saved) {
                writers.push((query, Arc::new(Writer { name, run, saved, backend })));
            } else {
                loaded.push(Arc::new(Model { name, run, predictor: Predictor::start(saved, backend)? }));
                of_rows.push(query);
            }
        }
        let (loaded, writers) = (RwLock::new(loaded), RwLock::new(writers));
        Ok(Self { location, backend, queries: of_rows, loaded, writers, told: Mutex::default(), log: Log::start()? })
    }

    /// The language models, in the order of the command line.
    pub fn writers(&self) -> Vec<Arc<Writer>> {
        let writers = self.writers.read().unwrap_or_else(PoisonError::into_inner);
        writers.iter().map(|(_, writer)| Arc::clone(writer)).collect()
    }

    /// All models that predict rows, in the order of the command line.
    pub fn all(&self) -> Vec<Arc<Model>> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first one.
    pub fn first(&self) -> Option<Arc<Model>> {
        self.all().into_iter().next()
    }

    /// The one with this name.
    pub fn find(&self, name: &str) -> Option<Arc<Model>> {
        self.all().into_iter().find(|model| model.name == name)
    }

    /// Looks again for the runs that were named, and loads those that are not served yet. One that cannot be loaded leaves
    /// the model that is there in its place, and is told in the log.
    pub fn reload(&self) {
        for (i, query) in self.queries.iter().enumerate() {
            self.tell(query, self.reload_one(i, query));
        }
        for (i, writer) in self.writers().iter().enumerate() {
            self.tell(&writer.name, self.reload_writer(i));
        }
    }

    /// Writes an error to the log, once for as long as it stays the same.
    fn tell(&self, model: &str, result: anyhow::Result<()>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(()) => _ = told.remove(model),
            Err(error) => {
                let error = format!("{error:#}");
                if told.get(model) != Some(&error) {
                    self.log.line(&serde_json::json!({ "model": model, "error": error }));
                    told.insert(model.to_owned(), error);
                }
            }
        }
    }

    fn reload_writer(&self, i: usize) -> anyhow::Result<()> {
        let (query, present) = self.writers.read().unwrap_or_else(PoisonError::into_inner)[i].clone();
        let folder = RunFolder::find(&self.location, &query)?;
        if folder.name() == present.run {
            return Ok(());
        }
        let saved = SavedModel::open(&folder)?;
        anyhow::ensure!(is_writer(&saved), "run `{}` is no language model", saved.name());
        let (name, run) = (present.name.clone(), saved.name());
        self.log.line(&serde_json::json!({ "model": name, "run": run, "instead_of": present.run }));
        let writer = Arc::new(Writer { name, run, saved, backend: self.backend });
        self.writers.write().unwrap_or_else(PoisonError::into_inner)[i].1 = writer;
        Ok(())
    }

    fn reload_one(&self, i: usize, query: &str) -> anyhow::Result<()> {
        let folder = RunFolder::find(&self.location, query)?;
        let present = Arc::clone(&self.all()[i]);
        if folder.name() == present.run {
            return Ok(());
        }
        let saved = SavedModel::open(&folder)?;
        let run = saved.name();
        if let Some(difference) = difference(present.predictor.model(), &saved) {
            anyhow::bail!("runs `{}` and `{run}` {difference}: it is not taken instead", present.run);
        }
        let predictor = Predictor::start(saved, self.backend)?;
        self.log.line(&serde_json::json!({ "model": present.name, "run": run, "instead_of": present.run }));
        let model = Arc::new(Model { name: present.name.clone(), run, predictor });
        self.loaded.write().unwrap_or_else(PoisonError::into_inner)[i] = model;
        Ok(())
    }
}

fn is_writer(saved: &SavedModel) -> bool {
    saved.preprocessor.characters().is_some()
}
