//! How much of the variation between trials a single param explains.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::Params;

/// Minimum number of trials for an estimate.
const MIN_TRIALS: usize = 10;
const MAX_BINS: usize = 4;
const MIN_TRIALS_PER_BIN: usize = 5;

/// The importance of one param by itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Importance {
    pub key: String,
    /// The explained fraction of the variance of the values' ranks, 0 to 1. Pure noise has about 0.01 with 100 trials,
    /// 0.03 with 40. The shares of several params need not add up to 1: interactions are in none of them.
    pub share: f64,
    /// Trials with a result and this param.
    pub num_trials: usize,
}

/// The share of each param, largest first. Params with fewer than 10 finite results, and those that did not vary, are
/// left out.
///
/// The share is epsilon-squared (Kelley 1935, "An Unbiased Correlation Ratio Measure") of a one-way layout, which
/// unlike eta-squared is not biased towards params with more values. Ranks make it invariant to monotonic
/// transformations such as the log of a loss. Numbers are binned at their quantiles into at most 4 groups, of at least
/// 5 trials unless many are equal; other params are grouped by value, lists by length, or by their element if all have
/// one.
pub fn importance(trials: &[(Params, f64)]) -> Vec<Importance> {
    let trials: Vec<_> = trials.iter().filter(|(_, value)| value.is_finite()).collect();
    let keys: BTreeSet<&String> = trials.iter().flat_map(|(params, _)| params.keys()).collect();
    let of_key = |key: &String| {
        let with_key = trials.iter().filter_map(|(params, value)| Some((params.get(key)?, *value)));
        let (params, values): (Vec<_>, Vec<_>) = with_key.unzip();
        let share = epsilon_squared(&groups(&params), &ranks(&values));
        share.filter(|_| values.len() >= MIN_TRIALS).map(|share| Importance {
            key: key.clone(),
            share,
            num_trials: values.len(),
        })
    };
    let mut shares: Vec<_> = keys.into_iter().filter_map(of_key).collect();
    shares.sort_by(|a, b| b.share.total_cmp(&a.share));
    shares
}

/// The group of each trial, by its param.
fn groups(params: &[&Value]) -> Vec<String> {
    let lists: Option<Vec<_>> = params.iter().map(|value| value.as_array()).collect();
    if let Some(lists) = lists {
        let only = |list: &&Vec<Value>| list.len() == 1;
        return match lists.iter().all(only) {
            true => groups(&lists.into_iter().flatten().collect::<Vec<_>>()),
            false => lists.iter().map(|list| list.len().to_string()).collect(),
        };
    }
    let numbers: Option<Vec<f64>> = params.iter().map(|value| value.as_f64()).collect();
    match numbers {
        Some(numbers) => bins(&numbers).iter().map(usize::to_string).collect(),
        None => params.iter().map(|value| value.to_string()).collect(),
    }
}

/// The bin of each number; bins are separated at quantiles, or one per distinct number if these are few.
fn bins(numbers: &[f64]) -> Vec<usize> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut distinct = sorted.clone();
    distinct.dedup();
    let num_bins = MAX_BINS.min(numbers.len() / MIN_TRIALS_PER_BIN).max(1);
    let starts = match distinct.len() <= num_bins {
        true => distinct,
        false => (0..num_bins).map(|bin| sorted[bin * sorted.len() / num_bins]).collect(),
    };
    numbers.iter().map(|number| starts.iter().filter(|start| number >= start).count()).collect()
}

/// Ranks from 1; equal values share the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count();
        let equal = values.iter().filter(|other| *other == value).count();
        below as f64 + (equal + 1) as f64 / 2.0
    };
    values.iter().map(rank).collect()
}

/// (SSB - df_b * MSW) / SST, at least 0; `None` unless there are at least two groups, and more values than groups.
fn epsilon_squared(groups: &[String], values: &[f64]) -> Option<f64> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let squares = |values: &[f64]| {
        let mean = mean(values);
        values.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
    };
    let mut by_group: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    groups.iter().zip(values).for_each(|(group, value)| by_group.entry(group).or_default().push(*value));
    let num_groups = by_group.len();
    if num_groups < 2 || values.len() <= num_groups {
        return None;
    }
    let total = squares(values);
    let within: f64 = by_group.values().map(|values| squares(values)).sum();
    let per_degree = within / (values.len() - num_groups) as f64;
    let explained = total - within - (num_groups - 1) as f64 * per_degree;
    Some(if total > 0.0 { (explained / total).max(0.0) } else { 0.0 })
}
