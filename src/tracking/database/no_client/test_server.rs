//! No server to test with, since nothing could connect to it.

use std::env;

/// In place of the schema of one test's own on a server.
pub(crate) enum TestServer {}

impl TestServer {
    /// Always `None`, which is a failure where everything is required.
    pub(crate) fn create() -> Option<Self> {
        let is_required = env::var("BURNLAB_REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(!is_required, "PostgreSQL is not in this build: test with --features postgres");
        None
    }

    pub(crate) fn address(&self) -> String {
        match *self {}
    }

    pub(crate) fn drop_schema(&self) {
        match *self {}
    }
}
