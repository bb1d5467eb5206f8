//! `burnlab serve`: trained models over HTTP, by the two protocols that clients speak already, and one of our own.
//!
//! ```text
//! client -> web (number and time limits, access control) -> routes
//!        -> predict, scoring (MLflow), inference (Open Inference Protocol v2): a body to rows, answers to a body
//!        -> generate: a request for a text to a stream of characters
//!        -> models (which are loaded, newer ones) -> experiment::Predictor (many requests at once)
//! ```

mod answer;
mod generate;
mod inference;
mod models;
mod observe;
mod openapi;
mod page;
mod predict;
mod rows;
mod scoring;
mod tensor;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub use models::{Model, Models, Writer};

use crate::web::connection::Limits;
use crate::web::{Access, ApiError, Guarded, guarded, serve_within};
use observe::Metrics;

/// The largest request, in bytes.
const MAX_BODY: usize = 16 << 20;
/// Bodies that are smaller than this are taken at any time.
const SMALL_BODY: usize = 64 << 10;
/// KiB of larger bodies at a time, those that are still being sent included.
const MAX_BODIES: usize = 128 << 10;
/// The most rows of a request.
const MAX_ROWS: usize = 100_000;
/// The longest time that a request may take.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// Requests whose rows are read at once; each has a thread, and its rows in memory.
const MAX_READERS: usize = 8;
/// How often newer runs are looked for.
const FOLLOW: Duration = Duration::from_secs(1);

/// What all requests share. Cheap to clone.
#[derive(Clone)]
pub struct ServeState {
    models: Arc<Models>,
    metrics: Arc<Metrics>,
    readers: Arc<Semaphore>,
    /// See [`MAX_BODIES`].
    bodies: Arc<Semaphore>,
    access: Access,
    /// Whether each request is told on standard error, as a line of JSON.
    is_logged: bool,
}

impl ServeState {
    /// A server of `models`.
    pub fn new(models: Models, access: Access, is_logged: bool) -> Self {
        let (models, metrics) = (Arc::new(models), Arc::default());
        let (readers, bodies) = (Arc::new(Semaphore::new(MAX_READERS)), Arc::new(Semaphore::new(MAX_BODIES)));
        Self { models, metrics, readers, bodies, access, is_logged }
    }

    /// The models.
    pub fn models(&self) -> &Arc<Models> {
        &self.models
    }

    /// The model of that name; the first one without a name.
    ///
    /// # Errors
    /// 404 for a model that is not served.
    fn model(&self, name: Option<&str>) -> Result<Arc<Model>, ApiError> {
        let found = match name {
            Some(name) => self.models.find(name),
            None => self.models.first(),
        };
        found.ok_or_else(|| {
            let names: Vec<String> = self.models.all().iter().map(|model| format!("`{}`", model.name)).collect();
            if names.is_empty() {
                return ApiError::not_found(
                    "only language models are served, which predict no rows: `/generate` writes a text",
                );
            }
            ApiError::not_found(format!("no model `{}`; served: {}", name.unwrap_or_default(), names.join(", ")))
        })
    }

    /// The language model of that name; the first one without a name.
    ///
    /// # Errors
    /// 404 for a language model that is not served.
    fn writer(&self, name: Option<&str>) -> Result<Arc<Writer>, ApiError> {
        let all = self.models.writers();
        let found = all.iter().find(|writer| name.is_none_or(|name| writer.name == name));
        found.cloned().ok_or_else(|| {
            let names: Vec<String> = all.iter().map(|writer| format!("`{}`", writer.name)).collect();
            let served = if names.is_empty() { "none".into() } else { names.join(", ") };
            ApiError::not_found(format!("no language model `{}`; served: {served}", name.unwrap_or_default()))
        })
    }

    /// Runs `work` on a thread that may block.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let reader = Arc::clone(&self.readers).acquire_owned().await.map_err(ApiError::internal)?;
        let work = move || {
            // Held by the work, which continues if the client disconnects.
            let _reader = reader;
            work()
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(ApiError::internal(error)))
    }
}

/// Serves until `shutdown` is ready, then finishes the requests that have begun, for two seconds at most. With `follows`,
/// newer runs take the place of older ones meanwhile.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    state: ServeState,
    follows: bool,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let keeping = tokio::spawn(keep_up(Arc::clone(&state.models), follows));
    let access = state.access.clone();
    let served = serve_within(Limits::default(), listener, app(state), &access, || {}, shutdown).await;
    keeping.abort();
    served
}

/// Loads newer runs: on SIGHUP, and all the time if asked to. Requests that have begun keep the model that they began with.
async fn keep_up(models: Arc<Models>, follows: bool) {
    let mut asked = Hangup::new();
    loop {
        let pause = if follows { FOLLOW } else { Duration::from_secs(u64::from(u32::MAX)) };
        tokio::select! {
            () = asked.next() => {}
            () = tokio::time::sleep(pause) => {}
        }
        let models = Arc::clone(&models);
        tokio::task::spawn_blocking(move || models.reload()).await.ok();
    }
}

/// SIGHUP, where there is one.
struct Hangup {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangup {
    fn new() -> Self {
        Self {
            #[cfg(unix)]
            signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok(),
        }
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

/// All routes, behind the guard.
pub fn app(state: ServeState) -> Router {
    // Asking a model changes nothing.
    let guards = Guarded { access: state.access.clone(), time_limit: TIME_LIMIT, pages: &["/"], has_changes: false };
    let routes = Router::new()
        .route("/", get(page::index))
        .route("/serve.js", get(page::script))
        .route("/serve.css", get(page::style))
        .route("/openapi.json", get(openapi::document))
        .route("/metrics", get(observe::metrics))
        .route("/predict", post(predict::first))
        .route("/predict/{model}", post(predict::named))
        .route("/generate", post(generate::first))
        .route("/generate/{model}", post(generate::named))
        .route("/ping", get(health))
        .route("/health", get(health))
        .route("/version", get(scoring::version))
        .route("/invocations", post(scoring::invocations))
        .route("/v2", get(inference::server))
        .route("/v2/health/live", get(health))
        .route("/v2/health/ready", get(health))
        .route("/v2/models/{model}", get(inference::metadata))
        .route("/v2/models/{model}/ready", get(inference::ready))
        .route("/v2/models/{model}/infer", post(inference::infer))
        .route("/v2/models/{model}/versions/{version}", get(inference::metadata_of_version))
        .route("/v2/models/{model}/versions/{version}/ready", get(inference::ready_version))
        .route("/v2/models/{model}/versions/{version}/infer", post(inference::infer_version))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(state.clone(), in_turn))
        .with_state(state.clone());
    // Outside of the guard, so that refused requests are counted and told, too.
    guarded(routes, guards).layer(middleware::from_fn_with_state(state, observed))
}

/// The server is up, and its models are loaded: it does not listen before.
async fn health() -> Response {
    StatusCode::OK.into_response()
}

async fn no_such_route(request: Request) -> ApiError {
    ApiError::not_found(format!("there is no `{}`; `/openapi.json` lists what there is", request.uri().path()))
}

async fn no_such_method(request: Request) -> ApiError {
    let message = format!("`{}` does not take {}", request.uri().path(), request.method());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message)
}

/// Lets a large body wait until there is room for it; how large one without a length will be is not known.
async fn in_turn(State(state): State<ServeState>, request: Request, next: Next) -> Response {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let size = match length {
        None if request.method() == Method::GET => 0,
        length => length.unwrap_or(MAX_BODY).min(MAX_BODY),
    };
    if size <= SMALL_BODY {
        return next.run(request).await;
    }
    match Arc::clone(&state.bodies).acquire_many_owned((size >> 10) as u32).await {
        Ok(_turn) => next.run(request).await,
        Err(error) => ApiError::internal(error).into_response(),
    }
}

/// Counts, times and, if asked to, tells each request.
async fn observed(State(state): State<ServeState>, request: Request, next: Next) -> Response {
    let began = std::time::Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    state.metrics.request(&path, response.status(), began.elapsed());
    if state.is_logged {
        observe::log(&method, &path, response.status(), began.elapsed());
    }
    response
}
