//! `POST /api/learn/keep`: records what the reader has trained as a run, as the command in the lesson does.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::request::Wanted;
use super::{LearnState, deeper};
use crate::config::ConfigOrigin;
use crate::experiment::{Environment, Prepared, TrainOptions, TrainingObserver, explain, train};
use crate::figures::hexadecimal;
use crate::tracking::folder::{hold, write_atomic};
use crate::tracking::{RunId, TrackingError};
use crate::web::{ApiError, JsonBody};

/// What a widget trains; or by `kind` one of the deeper networks, as its lesson shows it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepRequest {
    kind: Option<String>,
    config: Option<String>,
    #[serde(default)]
    set: BTreeMap<String, Value>,
    points: Option<Vec<[f64; 3]>>,
    seed: Option<u64>,
}

impl KeepRequest {
    fn wanted(self) -> Result<Wanted, ApiError> {
        let Self { kind, config, set, points, seed } = self;
        match (kind, config) {
            (None, Some(config)) => Ok(Wanted { config, set, points, seed, is_of_program: false }),
            (Some(kind), None) if set.is_empty() && points.is_none() && seed.is_none() => deeper::wanted(&kind),
            (Some(_), _) => Err(ApiError::bad_request("kind: alone, without any other field")),
            (None, None) => Err(ApiError::bad_request("config: missing")),
        }
    }
}

/// The tag of such runs.
const TAG: &str = "learn";

/// Tells the run's id as soon as it is recorded.
struct Told(Mutex<Option<SyncSender<Result<RunId, ApiError>>>>);

impl Told {
    fn tell(&self, what: Result<RunId, ApiError>) {
        let sender = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        // A reader who has left wants no answer.
        sender.map(|sender| sender.send(what).ok());
    }
}

impl TrainingObserver for Told {
    fn recorded(&self, run: &RunId) -> Result<(), TrackingError> {
        self.tell(Ok(run.clone()));
        Ok(())
    }
}

/// `POST /api/learn/keep`: answers when the run has begun.
pub async fn keep(
    State(state): State<LearnState>,
    JsonBody(asked): JsonBody<KeepRequest>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let wanted = asked.wanted()?;
    wanted.config()?;
    let busy =
        |_| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "other runs are being recorded: try again in some seconds");
    let place = Arc::clone(state.recordings()).try_acquire_owned().map_err(busy)?;
    let (sender, told) = sync_channel(1);
    let told_by = Arc::new(Told(Mutex::new(Some(sender))));
    // Goes on when the reader leaves: a run is recorded to the end.
    tokio::task::spawn_blocking(move || {
        let _place = place;
        if let Err(error) = record(&wanted, &state, Arc::clone(&told_by)) {
            told_by.tell(Err(error));
        }
    });
    let told = tokio::task::spawn_blocking(move || told.recv()).await.map_err(ApiError::internal)?;
    let id = told.map_err(ApiError::internal)??;
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": id, "url": format!("./#/run/{id}") }))))
}

fn record(wanted: &Wanted, state: &LearnState, observer: Arc<Told>) -> Result<(), ApiError> {
    let mut prepared = wanted.prepared(state.location(), state.datasets())?;
    if let Some(csv) = wanted.points_csv() {
        write_points(&mut prepared, &csv, &state.location().root).map_err(|error| refused(&error.into()))?;
    }
    let backend = state.backend();
    let joined = state.ending().join();
    let origin = ConfigOrigin::BuiltIn(wanted.config.clone());
    let options = TrainOptions {
        location: state.location(),
        tags: &[TAG.to_owned()],
        backend,
        environment: &Environment::gather(backend).with_config(Some(origin)),
        observer,
        interrupter: joined.interrupter.clone(),
        tui: false,
        sweep: None,
    };
    train(&prepared, &options).map_err(|error| refused(&error))?;
    Ok(())
}

fn refused(error: &anyhow::Error) -> ApiError {
    ApiError::internal(format!("the run cannot be recorded: {}", explain(error)))
}

/// Writes the reader's points beside the runs, so that the run can be trained again: `learn/points-HASH.csv`, a file for each
/// set of points.
fn write_points(prepared: &mut Prepared, csv: &str, root: &Path) -> Result<(), TrackingError> {
    let digest = hexadecimal(&Sha256::digest(csv)[..6]);
    let folder = std::path::absolute(root.join("learn"))?;
    fs_err::create_dir_all(&folder)?;
    let name = format!("points-{digest}.csv");
    // Others may have left links and pipes there.
    write_atomic(&hold(folder.clone())?, &name, csv.as_bytes())?;
    "points".clone_into(&mut prepared.config.name);
    prepared.config.data.path = Some(folder.join(name));
    Ok(())
}
