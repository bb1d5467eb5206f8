//! A store on a server is refused with one line that tells how to build the client in.

use crate::tracking::*;

#[test]
fn a_store_on_a_server_needs_a_build_with_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let at = |server: &str| Location { root: folder.path().join("new"), server: Some(server.to_owned()) };
    let location = at("postgres://me:s3cret@db.lan:5433/runs?search_path=mine");
    for error in [Store::open_at(&location).unwrap_err(), Store::open_read_only_at(&location).unwrap_err()] {
        let text = error.to_string();
        assert!(matches!(error, TrackingError::NoPostgres { .. }) && text.lines().count() == 1, "{text}");
        assert!(text.contains("db.lan:5433/runs") && text.contains("--features postgres"), "{text}");
        assert!(!format!("{text} {error:?}").contains("s3cret"), "{text}");
    }
    // A mistake in the address comes first.
    for server in ["postgres://me@db.lan:port/runs", "postgres://me@db.lan/runs?search_path=a;b"] {
        let error = Store::open_at(&at(server)).unwrap_err();
        assert!(matches!(error, TrackingError::InvalidServer { .. }), "{error}");
    }
}
