//! No server to test with, since nothing could connect to it.

/// In place of the schema of one test's own on a server.
pub(crate) enum TestServer {}

impl TestServer {
    /// Always `None`.
    pub(crate) fn create() -> Option<Self> {
        crate::without_tools::skip("PostgreSQL client: --features postgres");
        None
    }

    pub(crate) fn address(&self) -> String {
        match *self {}
    }

    pub(crate) fn drop_schema(&self) {
        match *self {}
    }
}
