//! Tree-structured Parzen estimator (Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization"), using the
//! crate `tpe`: of 24 draws from the density of the best trials it takes the one with the highest density ratio of the
//! best trials to the others.
//!
//! Its limits: each parameter is modelled independently, so it cannot see interactions; and the best trials are few, so
//! a noisy result may mislead it.

use ::tpe::{TpeOptimizer, TpeOptimizerBuilder, categorical_range, histogram_estimator, parzen_estimator, range};
use rand_chacha::ChaCha8Rng;

use super::dimension::Dimension;
use super::draw::Parameter;
use super::space::Space;
use super::{Params, Told, draw};

/// Fraction of the finished trials that count as the best, and their maximum number, as in Optuna.
const BEST_SHARE: f64 = 0.1;
const MAX_BEST: usize = 25;
/// Maximum number of proposals, and then of independent draws, to find a trial unlike all others; a small space may
/// have none left.
const NUM_DRAWS: usize = 20;

/// A trial similar to the best of `history`, which is sorted by trial number; independent draws until `num_random`
/// trials have finished and one of them has a result. Where some is `is_allowed`, it is.
///
/// Trials that failed rank last, and so do those that are running (a constant liar, Ginsbourger et al. 2010), which
/// makes parallel workers explore different regions.
pub(super) fn sample(
    space: &Space,
    random: &mut ChaCha8Rng,
    history: &[&Told],
    minimize: bool,
    num_random: usize,
    is_allowed: &dyn Fn(&Params) -> bool,
) -> Params {
    let losses: Vec<f64> = history.iter().map(|told| loss(told, minimize)).collect();
    let num_results = losses.iter().filter(|loss| loss.is_finite()).count();
    let num_finished = history.iter().filter(|told| !told.is_running).count();
    if num_results == 0 || num_finished < num_random {
        return draw::allowed(space, random, is_allowed);
    }
    let num_best = (BEST_SHARE * num_finished as f64).ceil().min(MAX_BEST as f64).min(num_results as f64);
    // The crate rounds the number up; subtracting half a trial makes it exact.
    let share = (num_best - 0.5) / history.len() as f64;
    let mut models: Vec<_> = space
        .iter()
        .map(|(key, dimension)| {
            // A key may have several dimensions, of which a trial has one at most.
            let has_it = |told: &&&Told| dimension.is_active(&told.params);
            let told = history.iter().zip(&losses).filter(|(told, _)| has_it(told));
            let told = told.filter_map(|(told, &loss)| Some((told.params.get(key)?, loss)));
            let told: Vec<_> = told.map(|(value, loss)| (dimension.encode(value), loss)).collect();
            let model = |(place, parameter)| model(parameter, share, told.iter().map(|(x, loss)| (x[place], *loss)));
            (dimension, dimension.parameters().into_iter().enumerate().map(model).collect::<Vec<_>>())
        })
        .collect();
    let mut propose = |random: &mut ChaCha8Rng| {
        let value = |(dimension, models): &mut (&Dimension, Vec<TpeOptimizer>)| {
            let drawn: Vec<f64> = models.iter_mut().map(|model| ask(model, random)).collect();
            dimension.decode(&drawn)
        };
        space.active(models.iter_mut().map(value).collect())
    };
    let is_new = |params: &Params| history.iter().all(|told| told.params != *params) && is_allowed(params);
    let propose_or_draw = |i| if i < NUM_DRAWS { propose(random) } else { draw::independent(space, random) };
    let new = (0..2 * NUM_DRAWS).map(propose_or_draw).find(is_new);
    new.unwrap_or_else(|| draw::allowed(space, random, is_allowed))
}

/// The value to minimise; infinite for trials without a result.
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
    // NaN, for positions that the trial's list does not have, is left out of the densities.
    told.for_each(|(number, loss)| model.tell(number, loss).expect("encoded within the range"));
    model
}

fn ask(model: &mut TpeOptimizer, random: &mut ChaCha8Rng) -> f64 {
    let Ok(number) = model.ask(random);
    number
}
