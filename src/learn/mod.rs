//! `burnlab learn`: lessons whose networks are trained, by the path that trains every run, while the reader moves a slider.
//!
//! ```text
//! /learn (page, assets) -> lessons (texts) | train, step, digits ... -> pool (who may compute, how long) -> experiment
//! ```
//!
//! The routes are served beside the dashboard's, behind the same guard. Nothing is recorded unless the reader asks for it.

mod assets;
mod curves;
mod deeper;
mod digits;
mod ending;
mod fine_tuning;
mod keep;
mod lessons;
mod look;
mod models;
mod pool;
mod request;
mod shapes;
mod step;
#[cfg(test)]
mod tests;
mod train;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use tokio::sync::Semaphore;

use crate::backend::BackendName;
use crate::tracking::Location;
use crate::web::routes;
use deeper::Deeper;
use ending::Ending;
use models::Models;
use pool::Pool;
use request::Datasets;

/// The largest request body in bytes: a thousand points take 40 kB.
const MAX_BODY: usize = 128 * 1024;

/// Runs that are recorded at once.
const MOST_RECORDINGS: usize = 2;

/// The state shared by all requests. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LearnState(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    location: Location,
    backend: BackendName,
    pool: Pool,
    datasets: Datasets,
    models: Models,
    deeper: Deeper,
    /// Held by the runs that are recorded.
    recordings: Arc<Semaphore>,
    ending: Ending,
}

impl LearnState {
    /// The lessons' state; what is kept is recorded at `location`, which need not exist yet.
    pub fn new(location: impl Into<Location>) -> Self {
        let (location, backend) = (location.into(), BackendName::chosen(None));
        let (pool, datasets) = (Pool::default(), Datasets::default());
        let (models, deeper) = (Models::default(), Deeper::default());
        let recordings = Arc::new(Semaphore::new(MOST_RECORDINGS));
        let ending = Ending::default();
        Self(Arc::new(Shared { location, backend, pool, datasets, models, deeper, recordings, ending }))
    }

    /// Asks what is trained in the background to end: a run that is being kept ends as one in the terminal does.
    pub fn end(&self) {
        self.0.ending.come();
    }

    /// Ready when nothing is trained in the background any more.
    pub async fn ended(&self) {
        // Semaphores that are never closed.
        let recordings = self.0.recordings.acquire_many(MOST_RECORDINGS as u32).await;
        drop((recordings, self.0.deeper.ended().await));
    }

    fn ending(&self) -> &Ending {
        &self.0.ending
    }

    fn location(&self) -> &Location {
        &self.0.location
    }

    fn backend(&self) -> BackendName {
        self.0.backend
    }

    fn pool(&self) -> &Pool {
        &self.0.pool
    }

    fn models(&self) -> &Models {
        &self.0.models
    }

    fn deeper(&self) -> &Deeper {
        &self.0.deeper
    }

    fn recordings(&self) -> &Arc<Semaphore> {
        &self.0.recordings
    }

    fn datasets(&self) -> &Datasets {
        &self.0.datasets
    }
}

routes! {
    LearnState;
    get "/learn" => assets::index,
    get "/learn/{name}" => assets::asset,
    get "/api/learn/lessons" => lessons::lessons,
    get "/api/learn/curves" => curves::curves,
    post "/api/learn/train" => train::train,
    post "/api/learn/step" => step::step_once,
    get "/api/learn/digits" => digits::digits,
    post "/api/learn/predict" => digits::predict,
    get "/api/learn/deeper/{kind}" => deeper::deeper,
    post "/api/learn/look" => look::look,
    post "/api/learn/keep" => keep::keep,
}

/// All routes, which need a guard around them.
pub fn router(state: LearnState) -> Router {
    routes().layer(DefaultBodyLimit::max(MAX_BODY)).with_state(state)
}
