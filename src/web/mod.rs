//! HTTP servers of burnlab: who gets in, how many and for how long. What they answer is for [`crate::dashboard`] and
//! [`crate::serve`].
//!
//! ```text
//! client -> serve, connection (number and time limits) -> session (its path) -> guard (access control) -> routes
//! ```

pub mod connection;
mod error;
pub mod guard;
pub mod serve;
pub mod session;
mod stream;

use std::time::Duration;

use axum::{Router, middleware};

pub use error::ApiError;
pub use guard::Access;
pub use serve::{bind, serve_within};
pub use stream::Received;

/// What guards the routes of a server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Guarded {
    pub access: Access,
    /// The longest time that a request may take.
    pub time_limit: Duration,
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
