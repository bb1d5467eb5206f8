//! HTTP servers of burnlab: who gets in, how many and for how long. What they answer is for [`crate::dashboard`],
//! [`crate::learn`] and [`crate::serve`].
//!
//! ```text
//! client -> serve, connection (number and time limits) -> session (its path) -> guard (access control) -> routes
//! ```

pub mod assets;
#[cfg(test)]
pub(crate) mod attacks;
pub mod connection;
mod error;
pub mod guard;
mod request;
pub mod serve;
pub mod session;
mod stream;

use std::time::Duration;

use axum::{Router, middleware};

pub use error::ApiError;
pub use guard::Access;
pub use request::{JsonBody, QueryParams};
pub use serve::{bind, serve_within};
pub use stream::Received;

/// Defines the function `routes`, a router over the state, and for the tests the list of its routes: every route that is added
/// is attacked by them.
macro_rules! routes {
    ($state:ty; $($method:ident $path:literal => $handler:path),* $(,)?) => {
        #[cfg(test)]
        pub(crate) const ROUTES: &[(&str, &str)] = &[$((stringify!($method), $path)),*];

        fn routes() -> axum::Router<$state> {
            axum::Router::new()$(.route($path, axum::routing::$method($handler)))*
        }
    };
}
pub(crate) use routes;

/// What guards the routes of a server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Guarded {
    pub access: Access,
    /// The longest time that a request may take.
    pub time_limit: Duration,
    /// The paths of its pages, which a browser may come to by a link, and where a session may begin; the first one is `/`.
    pub pages: &'static [&'static str],
    /// Whether requests other than GET change anything, so that they must come from the server's own page.
    pub has_changes: bool,
}

/// The routes, behind the guard, below the paths of sessions as well.
pub fn guarded(routes: Router, guarded: Guarded) -> Router {
    // Outermost, so that even unknown routes answer only clients with access.
    let inner = routes.layer(middleware::from_fn_with_state(guarded, guard::guard));
    // Around the router, which goes by the path that this one changes.
    Router::new().fallback_service(inner).layer(middleware::from_fn(session::enter))
}
