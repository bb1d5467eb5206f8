//! What only a server can do: other hosts, connections that are lost, workers that do not wait for each other.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use fs_err as fs;
use serde_json::json;

use postgres::Config;
use postgres::config::Host;

use crate::tracking::database::{Access, Database, Failure, params};
use crate::tracking::test_store::TestStore;
use crate::tracking::tests::processes::child_command;
use crate::tracking::*;

/// The address of a store without its schema, and the schema.
fn server_and_schema(test_store: &TestStore) -> (Config, &str) {
    let address = test_store.location().server.as_deref().unwrap();
    let (server, schema) = address.split_once("search_path=").unwrap();
    (server.trim_end_matches(['?', '&']).parse().unwrap(), schema)
}

/// Host and port of the server.
fn host_and_port(test_store: &TestStore) -> (String, u16) {
    let (config, _) = server_and_schema(test_store);
    let Host::Tcp(host) = &config.get_hosts()[0] else { panic!("not over TCP") };
    (host.clone(), config.get_ports().first().copied().unwrap_or(5432))
}

/// The same store with the server behind another port of this host.
fn through(test_store: &TestStore, port: u16) -> Location {
    let (config, schema) = server_and_schema(test_store);
    let (user, database) = (config.get_user().unwrap(), config.get_dbname().unwrap());
    let password = config.get_password().map_or_else(|| "''".into(), String::from_utf8_lossy);
    let address =
        format!("host=127.0.0.1 port={port} user={user} password={password} dbname={database} search_path={schema}");
    Location { server: Some(address), ..test_store.location().clone() }
}

/// Another artifacts folder on the same server, as another host has it.
fn on_another_host(test_store: &TestStore) -> TestStore {
    TestStore::new(test_store.location().server.clone(), None)
}

/// What the proxy does to the next COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// It never reaches the server.
    LoseCommit,
    /// The server does it, but its answer is lost.
    LoseAnswer,
    /// As `LoseAnswer`, and the first question about it is lost as well.
    LoseAnswers,
    LoseQuestion,
    /// No connection at all, until the fault is lifted.
    Down,
    /// Nothing that is sent reaches the server, until the fault is lifted.
    Silent,
}

/// Stands between a store and the server, and cuts connections.
struct Proxy {
    port: u16,
    fault: Arc<Mutex<Fault>>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    fn new(test_store: &TestStore) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (fault, open) = (Arc::new(Mutex::new(Fault::None)), Arc::new(Mutex::new(Vec::new())));
        let address = host_and_port(test_store);
        let (shared_fault, shared_open) = (Arc::clone(&fault), Arc::clone(&open));
        thread::spawn(move || {
            for client in listener.incoming().map(Result::unwrap) {
                if *shared_fault.lock().unwrap() == Fault::Down {
                    continue;
                }
                let server = TcpStream::connect((address.0.as_str(), address.1)).unwrap();
                shared_open.lock().unwrap().extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                let lose = Arc::new(Mutex::new(false));
                let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let lose_answer = Arc::clone(&lose);
                thread::spawn(move || pump(from, to, |_| !*lose_answer.lock().unwrap()));
                let fault = Arc::clone(&shared_fault);
                thread::spawn(move || {
                    pump(client, server, |bytes| {
                        while *fault.lock().unwrap() == Fault::Silent {
                            thread::sleep(Duration::from_millis(10));
                        }
                        let mut fault = fault.lock().unwrap();
                        let has = |text: &[u8]| bytes.windows(text.len()).any(|word| word == text);
                        let next = match *fault {
                            Fault::LoseCommit | Fault::LoseAnswer if has(b"COMMIT") => Fault::None,
                            Fault::LoseAnswers if has(b"COMMIT") => Fault::LoseQuestion,
                            Fault::LoseQuestion if has(b"pg_xact_status") => Fault::None,
                            _ => return true,
                        };
                        *lose.lock().unwrap() = true;
                        matches!(std::mem::replace(&mut *fault, next), Fault::LoseAnswer | Fault::LoseAnswers)
                    });
                });
            }
        });
        Self { port, fault, open }
    }

    fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
        if fault == Fault::Down {
            for stream in self.open.lock().unwrap().drain(..) {
                stream.shutdown(Shutdown::Both).ok();
            }
        }
    }

    fn is_spent(&self) -> bool {
        *self.fault.lock().unwrap() == Fault::None
    }
}

/// Copies until an end or until `passes` says no; then both sides are closed.
fn pump(mut from: TcpStream, mut to: TcpStream, passes: impl Fn(&[u8]) -> bool) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !passes(&buffer[..count]) || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}

fn key() -> MetricKey {
    "train/loss".parse().unwrap()
}

fn point(epoch: u64) -> Point {
    Point { key: key(), epoch, step: epoch, time: epoch as f64, value: 1.0 / epoch as f64 }
}

fn new_run(experiment: &str) -> NewRun {
    NewRun {
        experiment: experiment.to_owned(),
        name: None,
        tags: Vec::new(),
        note: None,
        config_toml: "seed = 1\n".to_owned(),
        params: flatten_config("seed = 1\n").unwrap(),
        environment: json!({ "cores": 2 }),
        seed: 1,
        parent: None,
        sweep: None,
        data: None,
        is_private: false,
    }
}

fn new_sweep(num_trials: u32) -> NewSweep {
    NewSweep {
        experiment: "a".to_owned(),
        config_toml: String::new(),
        method: "grid".to_owned(),
        metric: key(),
        params: Vec::new(),
        num_trials,
        data: "rows".to_owned(),
    }
}

#[test]
fn a_commit_without_an_answer_counts_once() {
    let Some(test_store) = TestStore::postgres() else { return };
    let proxy = Proxy::new(&test_store);
    let mut writer = RunWriter::start_at(&through(&test_store, proxy.port), new_run("a")).unwrap();
    let mut epoch = 0;
    for fault in [Fault::LoseAnswer, Fault::LoseCommit, Fault::LoseAnswers] {
        epoch += 1;
        proxy.set(fault);
        writer.log(&[point(epoch)]).unwrap();
        assert!(proxy.is_spent(), "{fault:?}");
        epoch += 1;
        writer.log(&[point(epoch)]).unwrap();
    }
    let epochs: Vec<u64> = (1..=6).collect();
    let of = |samples: Vec<u64>| assert_eq!(samples, epochs);
    let (id, store) = (writer.id().clone(), test_store.open());
    of(store.series(&id, &key()).unwrap().iter().map(|sample| sample.epoch).collect());
    of(read_points(writer.folder()).unwrap().iter().map(|point| point.epoch).collect());
    assert_eq!(store.run(&id).unwrap().metrics[&key()].points, 6);

    proxy.set(Fault::LoseAnswer);
    writer.finish(Status::Finished, "done", None).unwrap();
    assert_eq!(store.run(&id).unwrap().record.status, Status::Finished);

    // A deletion whose transaction runs again, and the way back.
    let mut store = Store::open_at(&through(&test_store, proxy.port)).unwrap();
    proxy.set(Fault::LoseCommit);
    store.delete(&id).unwrap();
    proxy.set(Fault::LoseCommit);
    store.restore(&id).unwrap();
    assert!(proxy.is_spent());
    assert_eq!(store.run(&id).unwrap().metrics[&key()].points, 6);
}

#[test]
fn a_worker_does_not_lose_its_trial_with_its_connection() {
    let Some(test_store) = TestStore::postgres() else { return };
    let proxy = Proxy::new(&test_store);
    let mut store = Store::open_at(&through(&test_store, proxy.port)).unwrap();
    let sweep = store.create_sweep(new_sweep(2)).unwrap();
    for fault in [Fault::LoseAnswer, Fault::LoseCommit] {
        proxy.set(fault);
        let claim = store.claim(&sweep, "w", Duration::from_secs(60), |_, _| BTreeMap::new()).unwrap().unwrap();
        assert!(proxy.is_spent());
        proxy.set(fault);
        assert!(store.heartbeat(&claim, Duration::from_secs(60)).unwrap());
        proxy.set(fault);
        let outcome = Outcome { state: TrialState::Finished, value: Some(1.0), reason: String::new() };
        assert!(store.complete(&claim, &outcome).unwrap(), "{fault:?}");
        assert!(!store.complete(&claim, &outcome).unwrap());
    }
    let trials = store.trials(&sweep).unwrap();
    assert!(trials.iter().all(|trial| (trial.attempts, trial.state) == (1, TrialState::Finished)));
}

#[test]
fn a_server_that_is_away_for_a_while_ends_no_training() {
    let Some(test_store) = TestStore::postgres() else { return };
    let proxy = Proxy::new(&test_store);
    let location = through(&test_store, proxy.port);
    let mut writer = RunWriter::start_at(&location, new_run("a")).unwrap();
    let reader = Store::open_read_only_at(&location).unwrap();
    writer.log(&[point(1)]).unwrap();
    proxy.set(Fault::Down);
    // A reader gets the error at once.
    let began = Instant::now();
    let error = reader.runs().unwrap_err();
    assert!(matches!(error, TrackingError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&format!("127.0.0.1:{}", proxy.port)), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10));
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_secs(1));
            proxy.set(Fault::None);
        });
        writer.log(&[point(2)]).unwrap();
    });
    assert_eq!(reader.series(writer.id(), &key()).unwrap().len(), 2, "on a new connection");
    let mut reader = reader;
    assert!(matches!(reader.set_note(writer.id(), "x"), Err(TrackingError::ReadOnly { .. })));
}

#[test]
fn a_server_that_takes_a_statement_and_never_answers_keeps_nobody_waiting() {
    let Some(test_store) = TestStore::postgres() else { return };
    let proxy = Proxy::new(&test_store);
    let writer = test_store.start(new_run("a"));
    let mut store = Store::open_at(&through(&test_store, proxy.port)).unwrap();
    let Database::Postgres(server) = &store.database else { panic!("not on a server") };
    server.longest.set(Duration::from_millis(300));
    server.set_patience(Duration::ZERO);
    store.set_note(writer.id(), "before").unwrap();
    proxy.set(Fault::Silent);
    let Database::Postgres(server) = &store.database else { panic!("not on a server") };
    let error = server.batch("SELECT 1").unwrap_err();
    let Failure::Other(error @ TrackingError::Unreachable { .. }) = error else { panic!("{error:?}") };
    assert!(error.to_string().contains("it gave no answer to a statement within"), "{error}");
    proxy.set(Fault::None);
    // Whatever reached the server late is another connection's.
    store.set_note(writer.id(), "after").unwrap();
    assert_eq!(test_store.open().run(writer.id()).unwrap().record.note.as_deref(), Some("after"));
}

#[test]
fn runs_of_another_host_can_be_read_and_edited_but_not_moved() {
    let Some(test_store) = TestStore::postgres() else { return };
    let other = on_another_host(&test_store);
    let mut writer = test_store.start(new_run("a"));
    writer.log(&[point(1)]).unwrap();
    let (id, mut there) = (writer.id().clone(), other.open());
    let home = test_store.location().home();
    assert_eq!(there.home_elsewhere(&id).unwrap().as_ref(), Some(&home));
    assert_eq!(test_store.open().home_elsewhere(&id).unwrap(), None);

    let run = there.find("latest").unwrap();
    assert_eq!((there.environment(&id).unwrap()["cores"].clone(), there.shown(&run)), (json!(2), Shown::Running));
    assert_eq!(there.series(&id, &key()).unwrap().len(), 1);
    assert!(there.files(&id).unwrap().is_empty() && there.open_file(&id, "run.json").unwrap().is_none());
    let named = |error: TrackingError| {
        let text = error.to_string();
        assert!(matches!(error, TrackingError::Elsewhere { .. }) && text.contains(&home), "{text}");
    };
    named(there.config_toml(&id).unwrap_err());
    named(there.delete(&id).unwrap_err());
    named(RunWriter::resume_at(other.location(), &id).unwrap_err());
    assert!(there.recover().unwrap().is_empty());
    assert!(there.reindex().unwrap().dropped.is_empty());

    // Silent for long, by the server's clock; then heard of again.
    there.database.execute("UPDATE run SET heard = heard - ?1", params![1e5]).unwrap();
    assert_eq!(there.shown(&run), Shown::Stalled);
    writer.log(&[point(2)]).unwrap();
    assert_eq!(there.shown(&run), Shown::Running);

    // What is edited there survives here.
    there.edit_tags(&id, &["there".to_owned()], &[]).unwrap();
    writer.finish(Status::Finished, "done", None).unwrap();
    let mut here = test_store.open();
    here.set_note(&id, "here").unwrap();
    here.set_archived(&id, true).unwrap();
    here.reindex().unwrap();
    let record = there.run(&id).unwrap().record;
    assert_eq!((record.status, record.tags.as_slice()), (Status::Finished, &["there".to_owned()][..]));
    assert_eq!((record.note.as_deref(), record.archived), (Some("here"), true));
    let text = fs::read_to_string(here.folder(&id).join("run.json")).unwrap();
    assert_eq!(serde_json::from_str::<RunRecord>(&text).unwrap(), record);

    here.delete(&id).unwrap();
    named(there.restore(&id).unwrap_err());
    here.restore(&id).unwrap();

    // A worker of a lost host.
    let lost = other.start(new_run("b"));
    here.abandon(lost.id(), "its worker was lost").unwrap();
    let record = here.run(lost.id()).unwrap().record;
    assert_eq!((record.status, record.archived), (Status::Crashed, true));
}

#[test]
fn hosts_are_told_apart_where_they_share_the_folder() {
    let Some(test_store) = TestStore::postgres() else { return };
    let mut command = child_command("finish", &test_store);
    assert!(command.env("BURNLAB_HOST", "far").output().unwrap().status.success());
    let mut store = test_store.open();
    let id = store.find("latest").unwrap().record.id;
    assert!(store.folder(&id).exists());
    assert!(store.home_elsewhere(&id).unwrap().unwrap().starts_with("far:/"));
    assert_eq!(store.reindex().unwrap().runs, 0);
    assert!(store.home_elsewhere(&id).unwrap().is_some() && store.delete(&id).is_err());
}

#[test]
fn workers_pass_over_what_others_are_taking() {
    let Some(test_store) = TestStore::postgres() else { return };
    let (slow, mut fast) = (test_store.open(), test_store.open());
    let sweep = fast.create_sweep(new_sweep(2)).unwrap();
    let change = |database: &Database| {
        database.execute("UPDATE store SET revision = revision + 1", &[])?;
        database.execute("UPDATE trial SET reason = '' WHERE number = 1", &[])?;
        // While the first trial and the revision are locked.
        let claim = fast.claim(&sweep, "fast", Duration::from_secs(60), |_, _| BTreeMap::new())?;
        assert_eq!(claim.unwrap().number, 2);
        Ok(())
    };
    slow.database.transaction(Access::Write, change).unwrap();
}

#[test]
fn wrong_addresses_give_one_clear_line() {
    let Some(test_store) = TestStore::postgres() else { return };
    let server = test_store.location().server.clone().unwrap();
    let open = |server: &str| {
        let location = Location { server: Some(server.to_owned()), ..test_store.location().clone() };
        let error = Store::open_at(&location).unwrap_err();
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
        error
    };
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = open(&format!("postgres://a:s3cret@{closed}/b"));
    let text = format!("{error} {error:?}");
    assert!(matches!(error, TrackingError::Unreachable { .. }), "{error}");
    assert!(text.contains(&format!("{closed}/b")) && !text.contains("s3cret"), "{text}");
    // Takes connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let error = open(&format!("postgres://a:s3cret@{}/b?connect_timeout=1", silent.local_addr().unwrap()));
    assert!(matches!(error, TrackingError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("did not answer as PostgreSQL does within 1 s"), "{error}");
    let (host, port) = host_and_port(&test_store);
    let error = open(&format!("postgres://no_such_user:s3cret@{host}:{port}/postgres"));
    assert!(matches!(error, TrackingError::Refused { .. }) && error.to_string().contains("PGPASSWORD"), "{error}");
    let no_database = server.replacen("/postgres?", "/no_such_database?", 1);
    if no_database != server {
        let error = open(&no_database);
        assert!(matches!(error, TrackingError::Refused { .. }), "{error}");
    }

    drop(test_store.open());
    test_store.open().database.execute("UPDATE burnlab_schema SET version = 99", &[]).unwrap();
    for error in [open(&server), Store::open_read_only_at(test_store.location()).unwrap_err()] {
        assert!(matches!(error, TrackingError::ServerTooNew { found: 99, .. }), "{error}");
    }
}

#[test]
fn what_is_to_be_encrypted_is_never_sent_openly() {
    let Some(test_store) = TestStore::postgres() else { return };
    let server = test_store.location().server.clone().unwrap();
    let open = |options: &str| {
        let location = Location { server: Some(format!("{server}&{options}")), ..test_store.location().clone() };
        Store::open_at(&location).map(drop).map_err(|error| error.to_string())
    };
    open("sslmode=disable").unwrap();
    // The server of the tests has no TLS.
    for options in ["sslmode=require", "sslmode=verify-full"] {
        let error = open(options).unwrap_err();
        assert!(error.contains("TLS") || error.contains("authorities"), "{error}");
    }
    let error = open("sslmode=verify-full&sslrootcert=/no/such/file.pem").unwrap_err();
    assert!(error.contains("/no/such/file.pem"), "{error}");
}
