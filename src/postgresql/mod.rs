//! Addresses of PostgreSQL servers and connections to them, for whoever keeps runs or has data there.
//!
//! | file | concept |
//! |---|---|
//! | `address` | [`Address`], read without showing its password |
//! | `ssl_mode` | what it says of encryption |
//! | `client` | [`Connector`], with the feature `postgres`: the driver's settings, TLS, errors |
//! | `no_client` | what is in place of `client` without it, which only this file knows |

mod address;
#[cfg(feature = "postgres")]
mod client;
#[cfg(not(feature = "postgres"))]
mod no_client;
mod ssl_mode;

#[cfg(not(feature = "postgres"))]
use no_client as client;

/// Whether this build has the client of PostgreSQL.
pub const HAS_POSTGRES: bool = cfg!(feature = "postgres");

pub(crate) use address::Address;
#[cfg(feature = "postgres")]
pub(crate) use client::{Client, Connector, Unconnected, is_lost, is_refused, problem_of};

/// Whether a text is an address and no path: `postgres://user@host/database`, the scheme in any case (RFC 3986, 3.1).
pub(crate) fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme))
}

fn is_scheme(text: &str) -> bool {
    ["postgres", "postgresql"].iter().any(|scheme| text.eq_ignore_ascii_case(scheme))
}

/// How to get the client, where a build has none.
pub(crate) const GET_CLIENT: &str = "needs the client of PostgreSQL, which is not in this build; build it in with `cargo run \
                                     --features postgres -- ...` or `cargo install --path . --features postgres`";
