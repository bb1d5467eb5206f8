//! A server to test with, which `BURNLAB_POSTGRES` names; `.ci/postgres start DIR PORT` starts one and prints its URL.

use std::env;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use postgres::{Client, NoTls};

/// A schema of one test's own on the server.
pub(crate) struct TestServer {
    /// The address without the schema.
    server: String,
    schema: String,
}

impl TestServer {
    /// A schema that does not exist yet; `None` without a server.
    pub(crate) fn create() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = env::var("BURNLAB_POSTGRES") else {
            crate::without_tools::skip("PostgreSQL server in BURNLAB_POSTGRES");
            return None;
        };
        let schema = format!("burnlab_test_{}_{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Some(Self { server, schema })
    }

    pub(crate) fn address(&self) -> String {
        let separator = if self.server.contains('?') { '&' } else { '?' };
        format!("{}{separator}search_path={}", self.server, self.schema)
    }

    pub(crate) fn drop_schema(&self) {
        let mut client = Client::connect(&self.server, NoTls).unwrap();
        client.batch_execute(&format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema)).unwrap();
    }
}
