//! The dashboard: a web page over a [`Store`], served to this machine.
//!
//! ```text
//! browser -> web (number and time limits, access control)
//!         -> routes: assets, bundle (the page), api (reads), edit (changes), events (what changed)
//!                \-> listing (pages of the list) -> live -> tracking::Store
//!                     live (what changed) -> snapshot (all runs in memory) -> entry, pool (in little of it)
//! ```
//!
//! [`app`] builds the router, which can be tested without a socket; [`serve()`] serves it on one, with limits.
//! `async` begins here: the store blocks, so each request that needs it runs on a blocking thread.

mod api;
mod assets;
mod bundle;
mod change;
mod compare;
mod contributions;
mod edit;
mod entry;
mod error;
mod events;
mod examples;
mod experiments;
mod files;
mod listing;
mod live;
mod pool;
mod predictions;
mod report;
mod request;
mod series;
mod snapshot;
mod sweeps;
#[cfg(test)]
mod tests;
mod top;
mod views;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore, watch};

pub use crate::web::{Access, ApiError, bind};

use crate::tracking::{Location, Store, TrackingError};
use crate::waiting::Waiting;
use crate::web::connection::Limits;
use crate::web::session::{self, Visitor};
use crate::web::{Guarded, guard, guarded, routes, serve_within};
pub use contributions::Explainer;
use experiments::Boards;
use listing::Pages;
use live::Live;
pub use report::Reporter;
use snapshot::Snapshot;

/// The largest request body in bytes, far above the longest note that anybody writes.
const MAX_BODY: usize = 64 * 1024;

/// The dashboard, and the page of what is served beside it (`burnlab learn`).
const PAGES: &[&str] = &["/", "/learn"];

/// The most requests that read the store or go through all runs at once, each with its own thread, and if it reads with
/// its own database connection. More are not faster, and each holds its result in memory: without this limit a thousand
/// readers took a quarter more memory.
const MAX_READERS: usize = 4;

/// The most requests that read tables of run folders at once. Such a file may have a gigabyte, whoever made the run: the other
/// readers are not to wait for it.
const MAX_SCANNING: usize = 2;

/// What knows the trained models, of which the dashboard itself knows nothing: each is offered where it is there.
#[derive(Clone, Debug, Default)]
pub struct Models {
    /// Writes the reports that the page offers.
    pub reporter: Option<Reporter>,
    /// Explains the predictions of test rows.
    pub explainer: Option<Explainer>,
}

/// The state shared by all requests. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AppState {
    shared: Arc<Shared>,
    /// The longest time that a request may take.
    time_limit: Duration,
    /// What is served beside the dashboard, behind the same guard.
    beside: Router,
}

#[derive(Debug)]
struct Shared {
    location: Location,
    access: Access,
    live: Arc<Live>,
    pages: Pages,
    boards: Boards,
    models: Models,
    /// Held by the request that changes the named views.
    naming: Mutex<()>,
    /// Held by the request that reads what changed; the others wait for it without a thread.
    refreshing: Mutex<()>,
    readers: Arc<Semaphore>,
    /// Places of requests that read tables of run folders.
    scanning: Arc<Semaphore>,
    /// One place, of the request that computes with models.
    computing: Arc<Semaphore>,
    /// How many pages listen to events.
    listeners: AtomicUsize,
    /// Set to true when the server shuts down, to end the event streams.
    ending: watch::Sender<bool>,
}

impl AppState {
    /// The state of a dashboard over the store at `location`, which need not exist yet.
    pub fn new(location: impl Into<Location>, access: Access) -> Self {
        Self::with_models(location, access, Models::default())
    }

    /// As [`AppState::new`], with what knows the models.
    pub fn with_models(location: impl Into<Location>, access: Access, models: Models) -> Self {
        let location = location.into();
        let live = Arc::new(Live::new(location.clone()));
        let (ending, _) = watch::channel(false);
        let listeners = AtomicUsize::new(0);
        let [readers, scanning, computing] =
            [MAX_READERS, MAX_SCANNING, 1].map(|places| Arc::new(Semaphore::new(places)));
        let (pages, boards) = (Pages::default(), Boards::default());
        let (naming, refreshing) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared {
            location,
            access,
            live,
            pages,
            boards,
            models,
            naming,
            refreshing,
            readers,
            scanning,
            computing,
            listeners,
            ending,
        });
        Self { shared, time_limit: guard::TIME_LIMIT, beside: Router::new() }
    }

    /// The same with more routes, behind the same guard.
    pub fn with_routes(self, beside: Router) -> Self {
        Self { beside, ..self }
    }

    /// Starts to watch the store for changes, for as long as this state lives.
    pub fn watch(&self) {
        self.shared.live.watch();
    }

    /// Ends all event streams.
    pub fn end(&self) {
        self.shared.ending.send_replace(true);
    }

    /// The folder `artifacts` of the runs.
    fn root(&self) -> &Path {
        &self.shared.location.root
    }

    #[cfg(test)]
    fn token(&self) -> &str {
        self.shared.access.token()
    }

    fn access(&self) -> &Access {
        &self.shared.access
    }

    fn live(&self) -> &Arc<Live> {
        &self.shared.live
    }

    /// All runs, as they are now.
    async fn snapshot(&self) -> Result<Arc<Snapshot>, ApiError> {
        let begun = self.live().begun();
        let _turn = self.shared.refreshing.lock().await;
        if let Some(snapshot) = self.live().since(begun) {
            return Ok(snapshot);
        }
        let live = Arc::clone(self.live());
        blocking(move || Ok(live.refresh()?)).await
    }

    /// Runs `work` with the store on a thread that may block. The store is opened for each request, which costs less
    /// than a millisecond, so that one that was replaced in the meantime is noticed.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let location = self.shared.location.clone();
        self.work(move || work(&Store::open_read_only_at(&location)?)).await
    }

    /// As [`AppState::read`], for work that reads tables of run folders, row by row, in a place of its own. It ends when the client
    /// leaves, or at the time limit.
    async fn scan<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let location = self.shared.location.clone();
        work_in(&self.shared.scanning, move || work(&Store::open_read_only_at(&location)?)).await
    }

    /// Runs `work` on a thread that may block, in one of the places of readers.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        work_in(&self.shared.readers, work).await
    }

    /// Runs `work` that opens models on a thread that may block, one at a time, in a place of its own: it may take long and much
    /// memory, even when nobody waits for it any more, and the readers of runs are not to wait for it.
    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        work_in(&self.shared.computing, work).await
    }

    /// Changes the store with `work`, then brings the runs in memory up to date.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, TrackingError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let (location, live) = (self.shared.location.clone(), Arc::clone(self.live()));
        blocking(move || {
            // `Store::open_at` alone would create a store in a folder that has none.
            drop(Store::open_read_only_at(&location)?);
            let result = work(&mut Store::open_at(&location)?)?;
            live.refresh()?;
            Ok(result)
        })
        .await
    }

    /// Counts one more listener until the returned guard is dropped; `None` at the limit.
    fn listen(&self) -> Option<Listening> {
        let enter = |count| (count < events::MAX_LISTENERS).then_some(count + 1);
        let entered = self.shared.listeners.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter);
        entered.ok().map(|_| Listening(self.clone()))
    }
}

/// See [`AppState::listen`].
#[derive(Debug)]
struct Listening(AppState);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.shared.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs `work` on a thread that may block, once there is a place. Where the client leaves, which drops this future, it ends at the
/// next piece of a table that it reads.
async fn work_in<T: Send + 'static>(
    places: &Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let place = Arc::clone(places).acquire_owned().await.map_err(ApiError::internal)?;
    let waiting = Waiting::default();
    let awaited = waiting.awaited();
    let done = blocking(move || {
        // Held by the work, which may continue if the client disconnects.
        let _place = place;
        awaited.during(work)
    })
    .await;
    drop(waiting);
    done
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(ApiError::internal(error)))
}

routes! {
    AppState;
    get "/" => assets::index,
    get "/assets/page.js" => assets::script,
    get "/assets/{name}" => assets::asset,
    get "/api/runs" => api::runs,
    get "/api/runs/{id}" => api::run,
    patch "/api/runs/{id}" => edit::edit,
    delete "/api/runs/{id}" => edit::delete,
    post "/api/runs/{id}/stop" => edit::stop,
    get "/api/runs/{id}/files/{*name}" => files::file,
    get "/api/runs/{id}/predictions" => predictions::predictions,
    get "/api/runs/{id}/contributions" => contributions::contributions,
    get "/api/filter" => api::filter,
    get "/api/series" => series::series,
    get "/api/compare" => compare::compare,
    get "/api/compare/examples" => examples::examples,
    get "/api/report" => report::report,
    get "/api/experiments" => experiments::experiments,
    post "/api/experiments/rename" => edit::rename,
    get "/api/leaderboard" => experiments::board,
    get "/api/views" => views::views,
    post "/api/views" => views::save,
    delete "/api/views/{name}" => views::remove,
    get "/api/sweeps" => sweeps::sweeps,
    get "/api/sweeps/{id}" => sweeps::sweep,
    get "/api/events" => events::events,
    get "/api/trash" => edit::trash,
    post "/api/trash/{id}/restore" => edit::restore,
    delete "/api/session" => end_session,
}

/// `DELETE /api/session`: logs out.
async fn end_session(
    State(state): State<AppState>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, ApiError> {
    session::end(state.access().sessions(), visitor)
}

/// All routes, behind the guard.
pub fn app(state: AppState) -> Router {
    let (access, time_limit) = (state.access().clone(), state.time_limit);
    let guards = Guarded { access, time_limit, pages: PAGES, has_changes: true };
    let routes = routes()
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state::<()>(state.clone())
        .merge(state.beside)
        .fallback(api::no_such_route)
        .method_not_allowed_fallback(api::no_such_method);
    guarded(routes, guards)
}

/// Serves until `shutdown` is ready, then ends open streams and waits up to two seconds for the rest.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_with(Limits::default(), listener, state, shutdown).await
}

/// As [`serve()`], with other limits.
async fn serve_with(
    limits: Limits,
    listener: TcpListener,
    state: AppState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    state.watch();
    let (access, ending) = (state.access().clone(), state.clone());
    serve_within(limits, listener, app(state), &access, move || ending.end(), shutdown).await
}
