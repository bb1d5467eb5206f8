//! Tree-structured Parzen estimator (Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization"), by the crate
//! `tpe`: of 24 draws from the density of the best trials it takes the one that is most likely among them and least
//! among the others.
//!
//! Its limits: each parameter is modelled by itself, so that it does not see that two go well only together; and the
//! best trials are few, so that a noisy result may mislead it.

use ::tpe::{TpeOptimizer, TpeOptimizerBuilder, categorical_range, histogram_estimator, parzen_estimator, range};
use indexmap::IndexMap;
use rand_chacha::ChaCha8Rng;

use super::dimension::Dimension;
use super::draw::Parameter;
use super::{Params, Told, draw};

/// Share of the finished trials that count as the best, and how many at most: as in Optuna.
const BEST_SHARE: f64 = 0.1;
const MAX_BEST: usize = 25;
/// Proposals, and then independent draws, at most for a trial unlike all others; a space of few values has none left.
const NUM_DRAWS: usize = 20;

/// A trial like the best of `history`, which is in order of trial numbers; independent draws until `num_random` trials
/// have finished and one of them has a result.
///
/// Trials that failed rank last, and so do those that are running (a constant liar, Ginsbourger et al. 2010), which
/// sends workers that run at once to different places.
pub(super) fn sample(
    space: &IndexMap<String, Dimension>,
    random: &mut ChaCha8Rng,
    history: &[&Told],
    minimize: bool,
    num_random: usize,
) -> Params {
    let losses: Vec<f64> = history.iter().map(|told| loss(told, minimize)).collect();
    let num_results = losses.iter().filter(|loss| loss.is_finite()).count();
    let num_finished = history.iter().filter(|told| !told.is_running).count();
    if num_results == 0 || num_finished < num_random {
        return draw::independent(space, random);
    }
    let num_best = (BEST_SHARE * num_finished as f64).ceil().min(MAX_BEST as f64).min(num_results as f64);
    // The crate rounds the share up; half a trial less makes the number exact.
    let share = (num_best - 0.5) / history.len() as f64;
    let mut models: Vec<_> = space
        .iter()
        .map(|(key, dimension)| {
            let told = history.iter().zip(&losses).filter_map(|(told, &loss)| Some((told.params.get(key)?, loss)));
            let told: Vec<_> = told.map(|(value, loss)| (dimension.encode(value), loss)).collect();
            let model = |(place, parameter)| model(parameter, share, told.iter().map(|(x, loss)| (x[place], *loss)));
            (key, dimension, dimension.parameters().into_iter().enumerate().map(model).collect::<Vec<_>>())
        })
        .collect();
    let mut propose = |random: &mut ChaCha8Rng| {
        let value = |(key, dimension, models): &mut (&String, &Dimension, Vec<TpeOptimizer>)| {
            let drawn: Vec<f64> = models.iter_mut().map(|model| ask(model, random)).collect();
            ((*key).clone(), dimension.decode(&drawn))
        };
        models.iter_mut().map(value).collect::<Params>()
    };
    let is_new = |params: &Params| history.iter().all(|told| told.params != *params);
    let propose_or_draw = |i| if i < NUM_DRAWS { propose(random) } else { draw::independent(space, random) };
    let new = (0..2 * NUM_DRAWS).map(propose_or_draw).find(is_new);
    new.unwrap_or_else(|| draw::independent(space, random))
}

/// What to minimise; infinite for trials without a result.
fn loss(told: &Told, minimize: bool) -> f64 {
    match told.value.filter(|value| value.is_finite() && !told.is_running) {
        Some(value) if minimize => value,
        Some(value) => -value,
        None => f64::INFINITY,
    }
}

fn model(parameter: Parameter, share: f64, told: impl Iterator<Item = (f64, f64)>) -> TpeOptimizer {
    let (estimator, range) = match parameter {
        Parameter::Position => (parzen_estimator(), range(0.0, 1.0)),
        Parameter::Index(count) => (histogram_estimator(), categorical_range(count)),
    };
    let range = range.expect("not empty");
    let mut model = TpeOptimizerBuilder::new().gamma(share).build(estimator, range).expect("0 < share < 1");
    // NaN, a place that the trial's list does not have, is left out of the densities.
    told.for_each(|(number, loss)| model.tell(number, loss).expect("encoded within the range"));
    model
}

fn ask(model: &mut TpeOptimizer, random: &mut ChaCha8Rng) -> f64 {
    let Ok(number) = model.ask(random);
    number
}
