//! `burnlab learn`: lessons whose networks are trained, by the path that trains every run, while the reader moves a slider.
//!
//! ```text
//! /learn (page, assets) -> lessons (texts) | train, step, digits ... -> pool (who may compute, how long) -> experiment
//! ```
//!
//! The routes are served beside the dashboard's, behind the same guard. Nothing is recorded unless the reader asks for it.

mod assets;
mod lessons;
mod pool;
mod request;
mod shapes;
#[cfg(test)]
mod tests;
mod train;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;

use crate::backend::BackendName;
use crate::tracking::Location;
use crate::web::routes;
use pool::Pool;
use request::Datasets;

/// The largest request body in bytes: a thousand points take 40 kB.
const MAX_BODY: usize = 128 * 1024;

/// The state shared by all requests. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LearnState(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    location: Location,
    backend: BackendName,
    pool: Pool,
    datasets: Datasets,
}

impl LearnState {
    /// The lessons' state; what is kept is recorded at `location`, which need not exist yet.
    pub fn new(location: impl Into<Location>) -> Self {
        let (location, backend) = (location.into(), BackendName::chosen(None));
        Self(Arc::new(Shared { location, backend, pool: Pool::default(), datasets: Datasets::default() }))
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

    fn datasets(&self) -> &Datasets {
        &self.0.datasets
    }
}

routes! {
    LearnState;
    get "/learn" => assets::index,
    get "/learn/{name}" => assets::asset,
    get "/api/learn/lessons" => lessons::lessons,
    post "/api/learn/train" => train::train,
}

/// All routes, which need a guard around them.
pub fn router(state: LearnState) -> Router {
    routes().layer(DefaultBodyLimit::max(MAX_BODY)).with_state(state)
}
