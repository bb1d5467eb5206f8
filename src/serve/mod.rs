//! `burnlab serve`: trained models over HTTP, by the two protocols that clients speak already, and one of our own.
//!
//! ```text
//! client -> web (number and time limits, access control) -> routes
//!        -> predict, scoring (MLflow), inference (Open Inference Protocol v2): a body to rows, answers to a body
//!        -> generate: a request for a text to a stream of characters
//!        -> models (which are loaded, newer ones) -> experiment::Predictor (many requests at once)
//! ```

mod answer;
mod extract;
mod generate;
mod inference;
mod log;
mod models;
mod observe;
mod openapi;
mod page;
mod predict;
mod rows;
mod scoring;
mod tensor;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use models::{Model, Models, Writer};

use crate::web::connection::Limits;
use crate::web::{Access, ApiError, Guarded, guarded, routes, serve_within};
use observe::Metrics;

/// The largest request, in bytes.
const MAX_BODY: usize = 16 << 20;
/// Bodies that are no larger than this are taken at any time.
const SMALL_BODY: usize = 8 << 10;
/// KiB of larger bodies at a time, those that are still being sent included.
const MAX_BODIES: usize = 32 << 10;
/// What a larger body counts at least, for what its rows and its answer take: 16 of them are taken at a time.
const LEAST_ROOM: usize = 2 << 20;
/// The longest wait for the next part of a larger body.
const PAUSE: Duration = Duration::from_secs(5);
/// The most rows of a request.
const MAX_ROWS: usize = 100_000;
/// The longest time that a request may take.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// Requests whose rows are read, or whose answers are written, at once; each has a thread, and its body in memory in another
/// form. They do not wait there for the network.
const MAX_READERS: usize = 4;
/// Texts that are written at once; each has a thread.
const MAX_WRITERS: usize = 8;
/// How often newer runs are looked for.
const FOLLOW: Duration = Duration::from_secs(1);

/// What all requests share. Cheap to clone.
#[derive(Clone)]
pub struct ServeState {
    models: Arc<Models>,
    metrics: Arc<Metrics>,
    /// See [`MAX_READERS`].
    readers: Arc<Semaphore>,
    /// See [`MAX_WRITERS`].
    writers: Arc<Semaphore>,
    /// See [`MAX_BODIES`].
    bodies: Arc<Semaphore>,
    access: Access,
    /// Whether each request is told on standard error, as a line of JSON.
    is_logged: bool,
    /// See [`TIME_LIMIT`].
    time_limit: Duration,
}

impl ServeState {
    /// A server of `models`.
    pub fn new(models: Models, access: Access, is_logged: bool) -> Self {
        let (models, metrics) = (Arc::new(models), Arc::default());
        let [readers, writers, bodies] =
            [MAX_READERS, MAX_WRITERS, MAX_BODIES].map(|places| Arc::new(Semaphore::new(places)));
        Self { models, metrics, readers, writers, bodies, access, is_logged, time_limit: TIME_LIMIT }
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

    /// Runs `work` on a thread that may block, as soon as there is one of `places`.
    async fn work<T: Send + 'static>(
        &self,
        places: &Arc<Semaphore>,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let place = Arc::clone(places).acquire_owned().await.map_err(ApiError::internal)?;
        let work = move || {
            // Held by the work, which continues if the client disconnects.
            let _place = place;
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
    serve_with(Limits::default(), listener, state, follows, shutdown).await
}

/// As [`serve()`], with other limits.
async fn serve_with(
    limits: Limits,
    listener: TcpListener,
    state: ServeState,
    follows: bool,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let keeping = tokio::spawn(keep_up(Arc::clone(&state.models), follows));
    let (access, models) = (state.access.clone(), Arc::clone(&state.models));
    let served = serve_within(limits, listener, app(state), &access, || {}, shutdown).await;
    keeping.abort();
    tokio::task::spawn_blocking(move || models.log.wait()).await.ok();
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

routes! {
    ServeState;
    get "/" => page::index,
    get "/serve.js" => page::script,
    get "/serve.css" => page::style,
    get "/openapi.json" => openapi::document,
    get "/metrics" => observe::metrics,
    post "/predict" => predict::first,
    post "/predict/{model}" => predict::named,
    post "/generate" => generate::first,
    post "/generate/{model}" => generate::named,
    get "/ping" => health,
    get "/health" => health,
    get "/version" => scoring::version,
    post "/invocations" => scoring::invocations,
    get "/v2" => inference::server,
    get "/v2/health/live" => health,
    get "/v2/health/ready" => health,
    get "/v2/models/{model}" => inference::metadata,
    get "/v2/models/{model}/ready" => inference::ready,
    post "/v2/models/{model}/infer" => inference::infer,
    get "/v2/models/{model}/versions/{version}" => inference::metadata_of_version,
    get "/v2/models/{model}/versions/{version}/ready" => inference::ready_version,
    post "/v2/models/{model}/versions/{version}/infer" => inference::infer_version,
}

/// All routes, behind the guard.
pub fn app(state: ServeState) -> Router {
    // Asking a model changes nothing.
    let guards =
        Guarded { access: state.access.clone(), time_limit: state.time_limit, pages: &["/"], has_changes: false };
    let routes = routes()
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

/// Lets a body that is not small wait until there is room for it and for what comes of it, reads it, and keeps the room until the
/// answer is sent. How large one without a length will be is not known.
async fn in_turn(State(state): State<ServeState>, request: Request, next: Next) -> Response {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let size = match length {
        None if request.method() == Method::GET => 0,
        length => length.unwrap_or(MAX_BODY),
    };
    if size <= SMALL_BODY {
        return next.run(request).await;
    }
    let answer = async {
        if size > MAX_BODY {
            return Err(too_large());
        }
        let room = Arc::clone(&state.bodies).acquire_many_owned((size.max(LEAST_ROOM) >> 10) as u32);
        let room = room.await.map_err(ApiError::internal)?;
        let (head, body) = request.into_parts();
        let body = arriving(body, length.unwrap_or(0)).await?;
        let response = next.run(Request::from_parts(head, body.into())).await;
        Ok(response.map(|body| Body::new(Kept { body, _room: room })))
    };
    answer.await.unwrap_or_else(ApiError::into_response)
}

fn too_large() -> ApiError {
    let message = format!("a body has at most {} MiB: send fewer rows at a time", MAX_BODY >> 20);
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
}

/// The bytes of a body of about that `size`.
///
/// # Errors
/// 408 for a client that says nothing for [`PAUSE`], 413 for more than [`MAX_BODY`].
async fn arriving(body: Body, size: usize) -> Result<Vec<u8>, ApiError> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::with_capacity(size);
    loop {
        let next = poll_fn(|context| Pin::new(&mut stream).poll_next(context));
        let Ok(next) = tokio::time::timeout(PAUSE, next).await else {
            let message = format!("nothing of the body came for {} s", PAUSE.as_secs());
            return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, message));
        };
        let Some(part) = next else { return Ok(bytes) };
        let part = part.map_err(|error| ApiError::bad_request(format!("the body ends early: {error}")))?;
        if bytes.len() + part.len() > MAX_BODY {
            return Err(too_large());
        }
        bytes.extend_from_slice(&part);
    }
}

/// An answer that is being sent, and the room that it takes.
struct Kept {
    body: Body,
    _room: OwnedSemaphorePermit,
}

impl HttpBody for Kept {
    type Data = axum::body::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

/// Counts, times and, if asked to, tells each request.
async fn observed(State(state): State<ServeState>, request: Request, next: Next) -> Response {
    let began = std::time::Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    state.metrics.request(&path, response.status(), began.elapsed());
    if state.is_logged {
        state.models.log.line(&observe::line(&method, &path, response.status(), began.elapsed()));
    }
    response
}
