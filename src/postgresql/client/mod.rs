//! Connections, with the feature `postgres`. The module `no_client` reads addresses without it.
//!
//! | file | concept |
//! |---|---|
//! | `settings` | what an address says, as the driver reads it |
//! | `encryption` | TLS, as the address asks for it |
//! | `connector` | [`Connector`]: opens connections to a server |
//! | `failure` | what the server's errors mean |

mod connector;
mod encryption;
mod failure;
mod settings;

pub(crate) use connector::{Connector, Unconnected};
pub(crate) use failure::{is_lost, is_refused, problem_of};
pub(crate) use postgres::Client;
pub(crate) use settings::Settings;
