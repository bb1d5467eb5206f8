use serde_json::json;

use super::super::{Method, Params, SweepConfig, Told};
use super::sweep;

const SPACE: &str = "rate = { min = 1e-5, max = 1.0, scale = \"log\" }\n\
    dropout = { min = 0.0, max = 1.0 }\nunits = { min = 1, max = 128 }";

/// Smallest at rate 0.003, dropout 0.3 and 40 units.
fn loss(params: &Params) -> f64 {
    let number = |key: &str| params[key].as_f64().unwrap();
    let rate = (number("rate") / 0.003).ln() / 1e5f64.ln();
    4.0 * rate.powi(2) + (number("dropout") - 0.3).powi(2) + ((number("units") - 40.0) / 128.0).powi(2)
}

fn told(number: u32, params: Params, value: f64) -> Told {
    Told { number, params, value: Some(value), is_running: false }
}

/// `num_trials` trials by workers that each start one when the oldest running one has finished.
fn search(config: &SweepConfig, seed: u64, minimize: bool, num_trials: u32, num_workers: usize) -> Vec<Told> {
    let mut history: Vec<Told> = Vec::new();
    for number in 1..=num_trials {
        let params = config.sample(seed, number, &history, minimize);
        let value = if minimize { loss(&params) } else { -loss(&params) };
        history.push(told(number, params, value));
        let num_finished = (history.len() + 1).saturating_sub(num_workers);
        history.iter_mut().enumerate().for_each(|(i, told)| told.is_running = i >= num_finished);
    }
    history
}

fn median_of_best(config: &SweepConfig, minimize: bool, num_workers: usize) -> f64 {
    let best = |seed| {
        let values = search(config, seed, minimize, 60, num_workers).into_iter().map(|told| loss(&told.params));
        values.fold(f64::INFINITY, f64::min)
    };
    let mut bests: Vec<f64> = (0..20).map(best).collect();
    bests.sort_by(f64::total_cmp);
    (bests[9] + bests[10]) / 2.0
}

fn with_trials(method: Method, trials: u32) -> SweepConfig {
    SweepConfig { method, trials: Some(trials), ..sweep("tpe", SPACE) }
}

#[test]
fn it_finds_better_values_than_random_draws() {
    let random = median_of_best(&with_trials(Method::Random, 60), true, 1);
    for (minimize, num_workers) in [(true, 1), (false, 1), (true, 4)] {
        let tpe = median_of_best(&with_trials(Method::Tpe, 60), minimize, num_workers);
        println!("{num_workers} workers: {tpe}, random {random}");
        assert!(tpe < random / 2.0, "{tpe} {random}");
    }
}

#[test]
fn the_first_trials_are_random() {
    let num_random = |trials: u32| {
        let (tpe, random) = (with_trials(Method::Tpe, trials), with_trials(Method::Random, trials));
        let history = search(&tpe, 1, true, trials.min(30), 1);
        history.iter().take_while(|told| told.params == random.sample(1, told.number, &[], true)).count()
    };
    assert_eq!((num_random(60), num_random(12)), (10, 4));
}

#[test]
fn it_depends_on_seed_number_and_history_alone() {
    let config = with_trials(Method::Tpe, 60);
    let mut history = search(&config, 5, true, 30, 1);
    let next = config.sample(5, 31, &history, true);
    history.reverse();
    assert_eq!(config.sample(5, 31, &history, true), next);
    // The trial itself is not part of its history.
    history.push(Told { number: 31, params: next.clone(), value: None, is_running: true });
    assert_eq!(config.sample(5, 31, &history, true), next);
    assert_ne!(config.sample(6, 31, &history, true), next);
    assert_ne!(config.sample(5, 32, &history, true), next);
}

#[test]
fn values_stay_in_the_space_whatever_its_form() {
    let space = "a = { length = [0, 3], min = 8, max = 128, scale = \"log\" }\nb = { values = [\"x\", 1, [2]] }\n\
        c = { values = [7] }\nd = { length = [2, 2], values = [true, false] }\ne = { min = -2.0, max = -1.0 }";
    let config = SweepConfig { trials: Some(100), ..sweep("tpe", space) };
    config.validate().unwrap();
    let mut history: Vec<Told> = Vec::new();
    for number in 1..=100 {
        let params = config.sample(2, number, &history, true);
        let list = params["a"].as_array().unwrap();
        assert!(list.len() <= 3 && list.iter().all(|x| (8..=128).contains(&x.as_i64().unwrap())), "{params:?}");
        assert!([json!("x"), json!(1), json!([2])].contains(&params["b"]) && params["c"] == json!(7), "{params:?}");
        assert!(params["d"].as_array().unwrap().len() == 2, "{params:?}");
        assert!((-2.0..=-1.0).contains(&params["e"].as_f64().unwrap()), "{params:?}");
        // Good: two elements, "x".
        let value = (list.len() as f64 - 2.0).abs() + f64::from(params["b"] != json!("x"));
        history.push(told(number, params, value));
    }
    let num_good = history[60..].iter().filter(|told| told.value == Some(0.0)).count();
    assert!(num_good >= 20, "{num_good} of 40, 3 by chance");
}

#[test]
fn failed_trials_count_as_the_worst() {
    let config = with_trials(Method::Tpe, 200);
    for failure in [None, Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY)] {
        let mut history: Vec<Told> = Vec::new();
        for number in 1..=100 {
            let params = config.sample(8, number, &history, true);
            let has_failed = params["dropout"].as_f64().unwrap() < 0.5;
            let value = if has_failed { failure } else { params["units"].as_f64() };
            history.push(Told { number, params, value, is_running: false });
        }
        let low = history[20..].iter().filter(|told| told.params["dropout"].as_f64().unwrap() < 0.5).count();
        assert!(low < 20, "{low} of 80 at {failure:?}");
    }
    // Without any result there is nothing to go by.
    let history: Vec<_> = (1..=30).map(|number| told(number, Params::new(), f64::NAN)).collect();
    let random = with_trials(Method::Random, 200).sample(8, 31, &[], true);
    assert_eq!(config.sample(8, 31, &history, true), random);
}

#[test]
fn running_trials_keep_others_away() {
    let config = with_trials(Method::Tpe, 60);
    let distance = |a: &Params, b: &Params| {
        let number = |params: &Params, key: &str| params[key].as_f64().unwrap();
        let rate = (number(a, "rate") / number(b, "rate")).ln() / 1e5f64.ln();
        let units = (number(a, "units") - number(b, "units")) / 128.0;
        (rate.powi(2) + (number(a, "dropout") - number(b, "dropout")).powi(2) + units.powi(2)).sqrt()
    };
    let (mut alone, mut crowded) = (0.0, 0.0);
    for seed in 0..20 {
        let mut history = search(&config, seed, true, 40, 1);
        let likely = config.sample(seed, 41, &history, true);
        // The mean distance of 20 proposals from a likely place, without and with four trials that run there.
        let mean = |history: &[Told]| {
            let proposals = (100..120).map(|number| config.sample(seed, number, history, true));
            proposals.map(|params| distance(&params, &likely)).sum::<f64>() / 20.0
        };
        alone += mean(&history) / 20.0;
        let running = |number| Told { number, params: likely.clone(), value: None, is_running: true };
        history.extend((41..45).map(running));
        crowded += mean(&history) / 20.0;
    }
    println!("{alone} {crowded}");
    assert!(crowded > 1.2 * alone, "{crowded} {alone}");
}

#[test]
fn few_values_are_not_repeated_while_others_are_left() {
    let space = "a = { values = [1, 2, 3, 4, 5, 6] }\nb = { min = 1, max = 5 }";
    let config = SweepConfig { trials: Some(30), ..sweep("tpe", space) };
    let mut history: Vec<Told> = Vec::new();
    for number in 1..=30 {
        let params = config.sample(9, number, &history, true);
        let value = params["a"].as_f64().unwrap() + params["b"].as_f64().unwrap();
        // Four trials run at once.
        history.push(told(number, params, value));
        let num_told = history.len();
        history.iter_mut().enumerate().for_each(|(i, told)| told.is_running = i + 4 > num_told);
    }
    let repeated = |(i, told): (usize, &Told)| i >= 10 && history[..i].iter().any(|other| other.params == told.params);
    let num_repeated = (0..30).filter(|&i| repeated((i, &history[i]))).count();
    println!("{num_repeated}");
    assert!(num_repeated <= 5, "{num_repeated} of 20");
}
