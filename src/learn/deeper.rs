//! `GET /api/learn/deeper/{kind}`: networks that take seconds to train. Each is trained once, when a page first asks for it;
//! meanwhile a page is told how far it is.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::LearnState;
use super::fine_tuning::compare;
use super::models::Kept;
use super::request::{Wanted, refused};
use crate::experiment::{
    EpochReport, Prepared, TrainingObserver, Unrecorded, UnrecordedOptions, explain, train_unrecorded,
};
use crate::web::ApiError;

/// A kind of network: its shipped config, made small enough to be trained while somebody waits.
struct Kind {
    name: &'static str,
    config: &'static str,
    /// In JSON, by config key.
    set: &'static [(&'static str, &'static str)],
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "cnn",
        config: "digits-cnn",
        set: &[
            // All pixels alike, so that a stroke looks the same to a filter wherever it is.
            ("data.scale", "\"min_max\""),
            ("model.channels", "[8, 16]"),
            ("model.convolutions", "1"),
            ("model.batch_norm", "false"),
            ("model.dropout", "0.0"),
            ("training.max_epochs", "20"),
            ("training.learning_rate", "0.01"),
        ],
    },
    Kind {
        name: "rnn",
        config: "digits-rnn",
        set: &[
            ("model.units", "32"),
            ("model.bidirectional", "false"),
            ("training.max_epochs", "30"),
            ("training.learning_rate", "0.005"),
        ],
    },
    Kind {
        name: "transformer",
        config: "digits-transformer",
        set: &[("model.width", "32"), ("model.heads", "2"), ("model.dropout", "0.0"), ("training.max_epochs", "30")],
    },
    Kind {
        name: "gpt",
        config: "alice",
        set: &[("model.width", "32"), ("model.heads", "2"), ("training.max_epochs", "3")],
    },
];
/// Trained like the others, but several times.
const FINE_TUNING: &str = "finetune";

/// What there is of a kind.
enum Deep {
    /// In thousandths of the training.
    Training(Arc<AtomicU32>),
    Ready(Arc<Kept>),
    /// Of several networks, of which none is kept.
    Compared(Value),
    /// Why it could not be trained, until that is told.
    Failed(ApiError),
}

/// The networks that were asked for.
pub struct Deeper {
    all: Mutex<HashMap<&'static str, Deep>>,
    /// They are trained one after the other.
    turn: Arc<Semaphore>,
}

impl Default for Deeper {
    fn default() -> Self {
        Self { all: Mutex::default(), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl std::fmt::Debug for Deeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.all().keys()).finish()
    }
}

impl Deeper {
    fn all(&self) -> MutexGuard<'_, HashMap<&'static str, Deep>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub fn keep(&self, kind: &'static str, kept: Kept) {
        self.all().insert(kind, Deep::Ready(Arc::new(kept)));
    }

    /// Ready when none is being trained.
    pub async fn ended(&self) {
        drop(self.turn.acquire().await);
    }

    /// The trained network of a kind.
    pub fn find(&self, kind: &str) -> Option<Arc<Kept>> {
        match self.all().get(kind)? {
            Deep::Ready(kept) => Some(Arc::clone(kept)),
            Deep::Training(_) | Deep::Compared(_) | Deep::Failed(_) => None,
        }
    }
}

/// `GET /api/learn/deeper/{kind}`: 202 with the progress, until it is trained.
pub async fn deeper(
    State(state): State<LearnState>,
    Path(kind): Path<String>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let names = || KINDS.iter().map(|kind| kind.name).chain([FINE_TUNING]);
    let known = names().find(|name| *name == kind);
    let name = known.ok_or_else(|| {
        let names: Vec<&str> = names().collect();
        ApiError::bad_request(format!("kind: there are {}", names.join(", ")))
    })?;
    let progress = {
        let mut all = state.deeper().all();
        match all.get(name) {
            Some(Deep::Ready(kept)) => return Ok((StatusCode::OK, Json(kept.answer.clone()))),
            Some(Deep::Compared(answer)) => return Ok((StatusCode::OK, Json(answer.clone()))),
            Some(Deep::Training(progress)) => return Ok(at(progress)),
            Some(Deep::Failed(_)) => {
                let Some(Deep::Failed(error)) = all.remove(name) else { return Err(ApiError::internal("it is there")) };
                return Err(error);
            }
            None => {
                let progress = Arc::new(AtomicU32::new(0));
                all.insert(name, Deep::Training(Arc::clone(&progress)));
                progress
            }
        }
    };
    let told = at(&progress);
    tokio::spawn(train(state, name, progress));
    Ok(told)
}

fn at(progress: &AtomicU32) -> (StatusCode, Json<Value>) {
    let share = f64::from(progress.load(Ordering::Relaxed)) / 1000.0;
    (StatusCode::ACCEPTED, Json(json!({ "progress": share })))
}

/// Trains in the background, whoever waits. An error is told to the next page that asks; the one after it has it tried again.
async fn train(state: LearnState, name: &'static str, progress: Arc<AtomicU32>) {
    let Ok(turn) = Arc::clone(&state.deeper().turn).acquire_owned().await else { return };
    let shared = state.clone();
    let work = move || {
        let _turn = turn;
        match KINDS.iter().find(|kind| kind.name == name) {
            Some(kind) => kind.train(&shared, progress).map(|kept| Deep::Ready(Arc::new(kept))),
            None => compare(shared.backend(), &shared.ending().join().interrupter, &|share| tell(&progress, share))
                .map(Deep::Compared),
        }
    };
    let found = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(ApiError::internal(error)));
    state.deeper().all().insert(name, found.unwrap_or_else(Deep::Failed));
}

fn tell(progress: &AtomicU32, share: f64) {
    progress.store((share * 1000.0) as u32, Ordering::Relaxed);
}

/// Tells how far a training is.
struct Watcher {
    progress: Arc<AtomicU32>,
    num_steps: usize,
}

impl TrainingObserver for Watcher {
    fn step(&self, step: usize) {
        tell(&self.progress, step as f64 / self.num_steps as f64);
    }

    fn epoch(&self, report: &EpochReport) -> ControlFlow<()> {
        tell(&self.progress, report.epoch as f64 / report.max_epochs as f64);
        ControlFlow::Continue(())
    }
}

/// What the network of this name is trained from.
///
/// # Errors
/// 400 for a name that none has.
pub fn wanted(name: &str) -> Result<Wanted, ApiError> {
    let kind = KINDS.iter().find(|kind| kind.name == name);
    let names = || KINDS.map(|kind| kind.name).join(", ");
    kind.ok_or_else(|| refused("kind", format!("there is no `{name}`: {}", names())))?.wanted()
}

impl Kind {
    fn wanted(&self) -> Result<Wanted, ApiError> {
        let value = |json: &str| serde_json::from_str::<Value>(json).map_err(ApiError::internal);
        let set: Result<BTreeMap<String, Value>, ApiError> =
            self.set.iter().map(|(key, json)| Ok(((*key).to_owned(), value(json)?))).collect();
        Ok(Wanted { config: self.config.to_owned(), set: set?, is_of_program: true, ..Wanted::default() })
    }

    fn train(&self, state: &LearnState, progress: Arc<AtomicU32>) -> Result<Kept, ApiError> {
        let wanted = self.wanted()?;
        let prepared = wanted.prepared(state.location(), state.datasets())?;
        let steps = prepared.train.len().div_ceil(prepared.config.training.batch_size());
        let watcher = Watcher { progress, num_steps: steps * prepared.config.training.max_epochs };
        let options = UnrecordedOptions {
            backend: state.backend(),
            observer: Arc::new(watcher),
            interrupter: &state.ending().join().interrupter,
            keep_history: false,
        };
        let trained = train_unrecorded(&prepared, options).map_err(|error| ApiError::internal(explain(&error)))?;
        let answer = answer(&prepared, &trained, wanted.command());
        Ok(Kept { model: trained.model, answer })
    }
}

fn answer(prepared: &Prepared, trained: &Unrecorded, command: Option<String>) -> Value {
    let metric = |name: &str| trained.evaluation.as_ref().map(|evaluation| evaluation.metric(name));
    let mut answer = json!({ "seconds": trained.seconds, "epochs": trained.num_epochs, "command": command });
    let mut add = |more: Value| {
        if let (Some(answer), Value::Object(more)) = (answer.as_object_mut(), more) {
            answer.extend(more);
        }
    };
    let layout = prepared.preprocessor.layout();
    match prepared.preprocessor.characters() {
        Some(characters) => {
            add(json!({ "loss": metric("loss"), "context": layout.num_inputs(), "characters": characters }));
        }
        None => add(json!({ "accuracy": metric("accuracy"), "examples": examples(prepared, trained) })),
    }
    if let Some(weight) = trained.model.weights.get("convolutions.0.weight") {
        let [_, channels, height, width] = weight.shape[..] else { return answer };
        let filters: Vec<&[f32]> = weight.values.chunks_exact(channels * height * width).collect();
        add(json!({ "filters": filters, "size": [height, width] }));
    }
    if let Some(transformer) = prepared.config.model.transformer() {
        add(json!({ "layers": transformer.depth, "heads": transformer.heads }));
        if let Some([height, width]) = layout.image_shape {
            let [rows, columns] = transformer.patches(&layout);
            add(json!({ "patch": [height / rows, width / columns], "rows": rows, "columns": columns }));
        }
    }
    if let (Some(rnn), Some([steps, _])) = (prepared.config.model.rnn(), layout.image_shape) {
        add(json!({ "steps": steps, "units": rnn.units }));
    }
    answer
}

/// A test row of each class, in their order: the first one that the network tells right.
fn examples(prepared: &Prepared, trained: &Unrecorded) -> Vec<Value> {
    let of_class = |class: usize| {
        let mut rows = trained.predictions.iter().enumerate().filter(|(_, row)| row.truth() as usize == class);
        let right = rows.clone().find(|(_, row)| row.answer.first() == row.truth()).or_else(|| rows.next());
        right.map(|(position, _)| {
            let pixels = prepared.preprocessor.raw_numbers(&prepared.test, position);
            json!({ "pixels": pixels, "label": class })
        })
    };
    (0..prepared.preprocessor.class_names().len()).filter_map(of_class).collect()
}
