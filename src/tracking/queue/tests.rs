//! Workers that come, stop, pause and die: each trial gets exactly one result.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::tracking::test_store::{TestStore, on_each_backend};
use crate::tracking::tests::finished_run;
use crate::tracking::*;

on_each_backend![
    a_new_sweep_waits_and_is_found,
    a_trial_gets_its_params_once_and_one_result,
    a_worker_whose_lease_ran_out_can_change_nothing,
    a_trial_that_loses_its_workers_is_given_up,
    what_is_given_back_does_not_count,
    a_dead_worker_s_trials_wait_at_once,
    a_fault_of_the_machine_is_no_attempt,
    a_lease_of_a_clock_that_was_ahead_is_not_believed,
    rungs_are_seen_by_all,
    abandoned_runs_are_put_away,
    claims_of_many_threads_never_meet,
    a_killed_worker_s_trial_goes_to_another,
];

/// Long enough that no test sees it end.
const LONG: Duration = Duration::from_secs(3600);
/// Over before the next claim, by the same clock.
const OVER: Duration = Duration::ZERO;

fn create(store: &mut Store, experiment: &str, num_trials: u32) -> RunId {
    let sweep = NewSweep {
        experiment: experiment.to_owned(),
        config_toml: "[sweep]\n".to_owned(),
        method: "random".to_owned(),
        metric: "validation/loss".parse().unwrap(),
        params: vec!["training.learning_rate".to_owned()],
        num_trials,
        data: "rows".to_owned(),
    };
    store.create_sweep(sweep).unwrap()
}

fn sampled(number: u32) -> BTreeMap<String, Value> {
    BTreeMap::from([("training.learning_rate".to_owned(), json!(f64::from(number) / 10.0))])
}

fn claim(store: &mut Store, sweep: &RunId, worker: &str, lease: Duration) -> Option<Claim> {
    store.claim(sweep, worker, lease, |number, _| sampled(number)).unwrap()
}

fn finished(value: f64) -> Outcome {
    Outcome { state: TrialState::Finished, value: Some(value), reason: String::new() }
}

fn run_id(text: &str) -> RunId {
    format!("a-20261124-235039-{text}").parse().unwrap()
}

fn new_run(sweep: Option<SweepTrial>) -> NewRun {
    NewRun {
        experiment: "a".to_owned(),
        name: None,
        tags: Vec::new(),
        note: None,
        config_toml: String::new(),
        params: BTreeMap::new(),
        environment: json!({}),
        seed: 1,
        parent: None,
        sweep,
        data: None,
        is_private: false,
    }
}

fn a_new_sweep_waits_and_is_found(test_store: &TestStore) {
    let mut store = test_store.open();
    let first = create(&mut store, "Digits 2", 3);
    let second = create(&mut store, "Digits 2", 1);
    let third = create(&mut store, "other", 2);
    let find = |query: &str| store.find_sweep(query).map(|sweep| sweep.id);
    assert_eq!(find("latest").unwrap(), third);
    assert_eq!(find("digits-2").unwrap(), second);
    assert_eq!(find("Digits 2").unwrap(), second);
    assert_eq!(find(first.as_str()).unwrap(), first);
    assert!(matches!(find("digi"), Err(TrackingError::AmbiguousSweep { count: 2, .. })));
    for unknown in ["", "nothing", "%"] {
        assert!(matches!(find(unknown), Err(TrackingError::NoSuchSweep { .. })), "{unknown}");
    }
    let sweep = store.find_sweep(first.as_str()).unwrap();
    assert_eq!((sweep.experiment.as_str(), sweep.method.as_str(), sweep.num_trials), ("Digits 2", "random", 3));
    assert_eq!((sweep.config_toml.as_str(), sweep.params.len()), ("[sweep]\n", 1));
    assert_eq!(sweep.counts, Counts { waiting: 3, ..Counts::default() });
    let newest_first: Vec<RunId> = store.sweeps().unwrap().0.into_iter().map(|sweep| sweep.id).collect();
    assert_eq!(newest_first, [third.clone(), second, first.clone()]);
    let trials = store.trials(&first).unwrap();
    assert_eq!(trials.iter().map(|trial| trial.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(trials.iter().all(|trial| trial.state == TrialState::Waiting && trial.params.is_empty()));
    let none = run_id("0000");
    assert!(matches!(store.trials(&none), Err(TrackingError::NoSuchSweep { .. })));
    let claimed = store.claim(&none, "w", LONG, |number, _| sampled(number));
    assert!(matches!(claimed, Err(TrackingError::NoSuchSweep { .. })));

    // By the name that its experiment has now.
    let run = finished_run(test_store, "other");
    store.rename_experiment("other", "another", false).unwrap();
    assert_eq!(store.find_sweep("another").unwrap().id, third);
    assert_eq!(store.find_sweep(third.as_str()).unwrap().experiment, store.run(&run).unwrap().record.experiment);
    // The id begins with the old name, until another sweep has it.
    assert_eq!(store.find_sweep("other").unwrap().id, third);
    let fourth = create(&mut store, "other", 1);
    assert_eq!(store.find_sweep("other").unwrap().id, fourth);
}

fn a_trial_gets_its_params_once_and_one_result(test_store: &TestStore) {
    let mut store = test_store.open();
    let sweep = create(&mut store, "a", 2);
    let first = claim(&mut store, &sweep, "w", LONG).unwrap();
    let seen = |number: u32, trials: &[Trial]| {
        assert_eq!((number, trials.len(), &trials[0].params), (2, 2, &sampled(1)));
        sampled(number)
    };
    let second = store.claim(&sweep, "w", LONG, seen).unwrap().unwrap();
    assert_eq!((first.number, second.number, second.attempt), (1, 2, 1));
    assert_eq!((first.params.clone(), second.params.clone()), (sampled(1), sampled(2)));
    assert_eq!(claim(&mut store, &sweep, "w", LONG), None);
    assert!(store.heartbeat(&first, LONG).unwrap());

    assert!(matches!(
        store.complete(&first, &Outcome { state: TrialState::Running, ..finished(1.0) }),
        Err(TrackingError::NoResult { .. })
    ));
    assert!(store.complete(&first, &finished(0.5)).unwrap());
    assert!(!store.complete(&first, &finished(0.1)).unwrap(), "a second result");
    assert!(!store.heartbeat(&first, LONG).unwrap() && !store.release(&first).unwrap());
    let failed = Outcome { state: TrialState::Failed, value: Some(f64::NAN), reason: "the loss is NaN".to_owned() };
    assert!(store.complete(&second, &failed).unwrap());

    let trials = store.trials(&sweep).unwrap();
    assert_eq!((trials[0].state, trials[0].value), (TrialState::Finished, Some(0.5)));
    assert_eq!((trials[1].state, trials[1].value), (TrialState::Failed, None));
    assert_eq!(trials[1].reason, "the loss is NaN");
    assert!(trials[0].ended.unwrap() >= trials[0].started.unwrap());
    let counts = store.find_sweep(sweep.as_str()).unwrap().counts;
    assert_eq!(counts, Counts { finished: 1, failed: 1, ..Counts::default() });
}

fn a_worker_whose_lease_ran_out_can_change_nothing(test_store: &TestStore) {
    let mut store = test_store.open();
    let sweep = create(&mut store, "a", 1);
    let lease = Duration::from_millis(150);
    let old = claim(&mut store, &sweep, "old", lease).unwrap();
    assert!(store.begin_run(&old, &run_id("0001")).unwrap());
    store.reach_rung(&old, 1, 0.5).unwrap().unwrap();
    assert_eq!(claim(&mut store, &sweep, "new", LONG), None, "the lease lasts");
    // Renewed, it lasts longer.
    assert!(store.heartbeat(&old, lease).unwrap());

    let deadline = Instant::now() + Duration::from_secs(20);
    let new = loop {
        match store.claim(&sweep, "new", LONG, |_, _| panic!("the params are kept")).unwrap() {
            Some(new) => break new,
            None => assert!(Instant::now() < deadline, "the lease never ran out"),
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!((new.number, new.attempt, &new.params), (1, 2, &sampled(1)));
    assert_eq!(new.abandoned, [run_id("0001")]);
    let trial = &store.trials(&sweep).unwrap()[0];
    assert!(trial.runs.is_empty() && trial.rungs.is_empty());
    assert_eq!((trial.worker.as_deref(), trial.attempts), (Some("new"), 2));

    assert!(!store.heartbeat(&old, LONG).unwrap());
    assert!(!store.begin_run(&old, &run_id("0002")).unwrap());
    assert_eq!(store.reach_rung(&old, 2, 0.1).unwrap(), None);
    assert!(!store.complete(&old, &finished(0.0)).unwrap());
    assert!(!store.release(&old).unwrap());
    assert!(store.begin_run(&new, &run_id("0003")).unwrap());
    assert!(store.complete(&new, &finished(1.0)).unwrap());
    let trial = &store.trials(&sweep).unwrap()[0];
    assert_eq!((trial.value, trial.runs.as_slice()), (Some(1.0), &[run_id("0003")][..]));
}

fn a_trial_that_loses_its_workers_is_given_up(test_store: &TestStore) {
    let mut store = test_store.open();
    let sweep = create(&mut store, "a", 1);
    for attempt in 1..=MAX_ATTEMPTS {
        let claim = claim(&mut store, &sweep, "w", OVER).unwrap();
        assert_eq!(claim.attempt, attempt);
    }
    assert_eq!(claim(&mut store, &sweep, "w", OVER), None);
    let trial = &store.trials(&sweep).unwrap()[0];
    assert_eq!((trial.state, trial.reason.as_str()), (TrialState::Failed, "given up: 3 workers were lost"));
}

fn what_is_given_back_does_not_count(test_store: &TestStore) {
    let mut store = test_store.open();
    let sweep = create(&mut store, "a", 1);
    for _ in 0..2 * MAX_ATTEMPTS {
        let claimed = claim(&mut store, &sweep, "w", LONG).unwrap();
        assert_eq!(claimed.params, sampled(1));
        assert!(store.release(&claimed).unwrap());
        assert!(!store.heartbeat(&claimed, LONG).unwrap());
        assert_eq!(store.find_sweep("latest").unwrap().counts.waiting, 1);
    }
    let old = claim(&mut store, &sweep, "w", LONG).unwrap();
    assert!(store.release(&old).unwrap());
    let new = claim(&mut store, &sweep, "w", LONG).unwrap();
    assert!(!store.complete(&old, &finished(0.0)).unwrap(), "given back, then taken by another");
    assert!(store.complete(&new, &finished(1.0)).unwrap());
    assert_eq!(store.trials(&sweep).unwrap()[0].attempts, 1);
}

fn a_dead_worker_s_trials_wait_at_once(test_store: &TestStore) {
    let mut store = test_store.open();
    let sweep = create(&mut store, "a", 3);
    let dead = claim(&mut store, &sweep, "dead", LONG).unwrap();
    claim(&mut store, &sweep, "alive", LONG).unwrap();
    let done = claim(&mut store, &sweep, "dead", LONG).unwrap();
    store.complete(&done, &finished(1.0)).unwrap();
    assert_eq!(store.release_worker(&sweep, "dead", false).unwrap(), 1);
    assert!(!store.complete(&dead, &finished(0.0)).unwrap());
    let again = claim(&mut store, &sweep, "alive", LONG).unwrap();
    assert_eq!((again.number, again.attempt), (1, 2));
    assert_eq!(store.trials(&sweep).unwrap()[0].attempts, 2);
}

fn a_fault_of_the_machine_is_no_attempt(test_store: &TestStore) {
    let mut store = test_store.open();
    let sweep = create(&mut store, "a", 1);
    for _ in 0..2 * MAX_ATTEMPTS {
        claim(&mut store, &sweep, "w", LONG).unwrap();
        assert_eq!(store.release_worker(&sweep, "w", true).unwrap(), 1);
        assert_eq!(store.release_worker(&sweep, "w", true).unwrap(), 0);
    }
    assert_eq!(store.trials(&sweep).unwrap()[0].attempts, 0);
}

fn a_lease_of_a_clock_that_was_ahead_is_not_believed(test_store: &TestStore) {
    let mut store = test_store.open();
    let sweep = create(&mut store, "a", 1);
    let minute = Duration::from_secs(60);
    claim(&mut store, &sweep, "ahead", minute).unwrap();
    let held = store.held(&sweep).unwrap();
    assert_eq!((held.len(), held[0].number, held[0].worker.as_str()), (1, 1, "ahead"));
    assert!(held[0].seconds > 50.0 && held[0].seconds <= 60.0, "{held:?}");
    assert_eq!(claim(&mut store, &sweep, "now", minute), None);
    // As if it had been taken two hours from now.
    store.database.execute("UPDATE trial SET lease = lease + 7200", &[]).unwrap();
    assert_eq!(claim(&mut store, &sweep, "now", minute).unwrap().number, 1);
}

fn rungs_are_seen_by_all(test_store: &TestStore) {
    let mut store = test_store.open();
    let sweep = create(&mut store, "a", 3);
    let claims: Vec<Claim> = (0..3).map(|_| claim(&mut store, &sweep, "w", LONG).unwrap()).collect();
    assert_eq!(store.reach_rung(&claims[0], 1, 0.5).unwrap().unwrap(), [0.5]);
    store.reach_rung(&claims[0], 3, 0.25).unwrap().unwrap();
    let values = store.reach_rung(&claims[1], 1, f64::NAN).unwrap().unwrap();
    assert!(values.len() == 2 && values.contains(&0.5) && values.iter().any(|value| value.is_nan()));
    store.complete(&claims[0], &finished(0.25)).unwrap();
    let values = store.reach_rung(&claims[2], 3, f64::INFINITY).unwrap().unwrap();
    assert!(values.len() == 2 && values.contains(&0.25) && values.contains(&f64::INFINITY), "{values:?}");
    assert_eq!(store.trials(&sweep).unwrap()[0].rungs, BTreeMap::from([(1, 0.5), (3, 0.25)]));
}

fn abandoned_runs_are_put_away(test_store: &TestStore) {
    let mut store = test_store.open();
    let sweep = create(&mut store, "a", 1);
    let trial = SweepTrial { sweep, trial: 1 };
    let live = test_store.start(new_run(Some(trial.clone())));
    let id = live.id().clone();
    store.abandon(&id, "its worker was lost").unwrap();
    let record = store.run(&id).unwrap().record;
    assert_eq!((record.status, record.reason.as_str()), (Status::Crashed, "its worker was lost"));
    assert!(record.archived && record.ended.is_some());
    let text = fs_err::read_to_string(store.folder(&id).join("run.json")).unwrap();
    assert_eq!(serde_json::from_str::<RunRecord>(&text).unwrap(), record);
    assert_eq!(record.sweep, Some(trial));

    let done = test_store.start(new_run(None));
    let done_id = done.id().clone();
    assert!(!fs_err::read_to_string(store.folder(&done_id).join("run.json")).unwrap().contains("sweep"));
    done.finish(Status::Interrupted, "Ctrl-C", None).unwrap();
    store.abandon(&done_id, "lost").unwrap();
    let record = store.run(&done_id).unwrap().record;
    assert_eq!((record.status, record.reason.as_str(), record.archived), (Status::Interrupted, "Ctrl-C", true));
    store.abandon(&run_id("0000"), "lost").unwrap();
}

fn claims_of_many_threads_never_meet(test_store: &TestStore) {
    let sweep = create(&mut test_store.open(), "a", 200);
    let work = |worker: usize| {
        let (mut store, mut taken) = (test_store.open(), Vec::new());
        while let Some(claim) = claim(&mut store, &sweep, &worker.to_string(), LONG) {
            taken.push(claim.number);
            assert!(store.heartbeat(&claim, LONG).unwrap());
            assert!(store.complete(&claim, &finished(f64::from(claim.number))).unwrap());
        }
        taken
    };
    let work = &work;
    let taken: Vec<Vec<u32>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|worker| scope.spawn(move || work(worker))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut all = taken.concat();
    all.sort_unstable();
    assert_eq!(all, (1..=200).collect::<Vec<_>>());
    let trials = test_store.open().trials(&sweep).unwrap();
    for trial in &trials {
        assert_eq!((trial.state, trial.attempts), (TrialState::Finished, 1));
        assert_eq!((trial.value, &trial.params), (Some(f64::from(trial.number)), &sampled(trial.number)));
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Several processes. The test binary runs itself again with one test, `child`, that does the work.

/// In the child: the sweep to work on. Unset in an ordinary test run.
const SWEEP: &str = "BURNLAB_TEST_SWEEP";

fn spawn(test_store: &TestStore, sweep: &RunId) -> Child {
    let path = module_path!().split_once("::").map_or("", |(_, path)| path);
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([&format!("{path}::child"), "--exact", "--nocapture"]).env(SWEEP, sweep.as_str());
    test_store.describe_to(&mut command);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// Works on trials; the first one without end.
#[test]
fn child() {
    let Ok(sweep) = env::var(SWEEP) else { return };
    let (mut store, sweep) = (TestStore::from_parent().open(), sweep.parse().unwrap());
    let claim = claim(&mut store, &sweep, "killed", LONG).unwrap();
    println!("\nclaimed {}", claim.number);
    for epoch in 1.. {
        store.reach_rung(&claim, epoch, 1.0).unwrap();
        println!("\nepoch {epoch}");
    }
}

fn a_killed_worker_s_trial_goes_to_another(test_store: &TestStore) {
    let mut store = test_store.open();
    let sweep = create(&mut store, "a", 2);
    for kill_after in [1, 7] {
        let mut child = spawn(test_store, &sweep);
        let mut reached = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap) {
            let Some(("epoch", epoch)) = line.split_once(' ') else { continue };
            reached = epoch.parse().unwrap();
            if reached == kill_after {
                child.kill().unwrap(); // SIGKILL on Unix; lines already in the pipe are still read
            }
        }
        child.wait().unwrap();
        let trials = store.trials(&sweep).unwrap();
        let lost = trials.iter().find(|trial| trial.state == TrialState::Running).unwrap();
        assert!(lost.rungs.len() as u64 >= reached, "{} of {reached}", lost.rungs.len());
        assert_eq!(store.release_worker(&sweep, "killed", false).unwrap(), 1);
        let again = claim(&mut store, &sweep, "w", LONG).unwrap();
        assert_eq!((again.number, again.attempt), (lost.number, 2));
        assert!(store.complete(&again, &finished(1.0)).unwrap());
    }
    assert_eq!(store.find_sweep("latest").unwrap().counts, Counts { finished: 2, ..Counts::default() });
}
