//! Deals rows into parts such that all rows of an entity are in one of them, and the parts are of the wanted sizes with the
//! same share of each class, as far as that goes.
//!
//! Entities are dealt one after the other, each to the part where it disturbs the shares least: the greedy way of
//! scikit-learn's `StratifiedGroupKFold`, for parts of different sizes, too.

use std::collections::{BTreeMap, HashMap};

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Random orders that are tried for a part that is held out: the best is taken.
const NUM_TRIES: usize = 10;

/// Whom rows are of, and their classes.
#[derive(Clone, Copy)]
pub(super) struct Entities<'a> {
    /// Per row of the data set.
    pub(super) of_row: &'a [u32],
    /// Per row of the data set, if the shares of classes are to be the same.
    pub(super) strata: Option<&'a [u32]>,
}

/// An entity among those that are dealt.
struct Hand {
    /// Places in the rows that are dealt.
    places: Vec<usize>,
    /// Rows by class; the last item counts all.
    counts: Vec<(usize, f64)>,
}

/// Hands dealt to parts.
struct Dealt {
    part_of_hand: Vec<usize>,
    /// Squared deviation of the parts from the wanted shares.
    cost: f64,
}

/// The fold, from 0, of each of `rows`.
///
/// # Errors
/// The number of entities, if there are fewer than folds.
pub(super) fn folds(
    rows: &[u32],
    entities: Entities<'_>,
    num_folds: usize,
    random: &mut ChaCha8Rng,
) -> Result<Vec<usize>, usize> {
    let (hands, totals) = hands(rows, entities);
    if hands.len() < num_folds {
        return Err(hands.len());
    }
    let mut order: Vec<usize> = (0..hands.len()).collect();
    order.shuffle(random);
    // Large ones first: small ones then even out what they leave uneven.
    order.sort_by_key(|&hand| std::cmp::Reverse(hands[hand].places.len()));
    let dealt = deal(&hands, &totals, &order, &vec![1.0 / num_folds as f64; num_folds]);
    let mut fold_of = vec![0; rows.len()];
    for (hand, fold) in hands.iter().zip(dealt.part_of_hand) {
        hand.places.iter().for_each(|&place| fold_of[place] = fold);
    }
    Ok(fold_of)
}

/// Splits shuffled rows in two: the ones that stay, and about `num_out` held out; none if that is 0.
///
/// # Errors
/// The number of entities, if that is below 2.
pub(super) fn hold_out(
    rows: Vec<u32>,
    num_out: usize,
    entities: Entities<'_>,
    random: &mut ChaCha8Rng,
) -> Result<(Vec<u32>, Vec<u32>), usize> {
    if num_out == 0 {
        return Ok((rows, Vec::new()));
    }
    let (hands, totals) = hands(&rows, entities);
    if hands.len() < 2 {
        return Err(hands.len());
    }
    let share = (num_out as f64 / rows.len() as f64).min(1.0 - 1.0 / rows.len() as f64);
    // In order of size the largest would be in training for every seed.
    let mut order: Vec<usize> = (0..hands.len()).collect();
    let tries = (0..NUM_TRIES).map(|_| {
        order.shuffle(random);
        deal(&hands, &totals, &order, &[1.0 - share, share])
    });
    let best = tries.min_by(|a, b| a.cost.total_cmp(&b.cost)).expect("there are several tries");
    let mut is_out: Vec<bool> = best.part_of_hand.iter().map(|&part| part == 1).collect();
    let smallest = (0..hands.len()).min_by_key(|&hand| hands[hand].places.len()).expect("two hands at least");
    if is_out.iter().all(|&out| out) {
        is_out[smallest] = false;
    } else if !is_out.contains(&true) {
        is_out[smallest] = true;
    }
    let mut goes = vec![false; rows.len()];
    for (hand, &is_out) in hands.iter().zip(&is_out) {
        hand.places.iter().for_each(|&place| goes[place] = is_out);
    }
    let mut place = 0;
    let (out, stay) = rows.into_iter().partition(|_| {
        place += 1;
        goes[place - 1]
    });
    Ok((stay, out))
}

/// The entities among `rows`, in order of appearance, and the number of rows by class; the last item counts all.
fn hands(rows: &[u32], entities: Entities<'_>) -> (Vec<Hand>, Vec<f64>) {
    let mut number: HashMap<u32, usize> = HashMap::new();
    let mut places: Vec<Vec<usize>> = Vec::new();
    for (place, &row) in rows.iter().enumerate() {
        let hand = *number.entry(entities.of_row[row as usize]).or_insert(places.len());
        if hand == places.len() {
            places.push(Vec::new());
        }
        places[hand].push(place);
    }
    let class = |place: usize| entities.strata.map_or(0, |strata| strata[rows[place] as usize] as usize);
    let num_classes = entities.strata.map_or(0, |_| (0..rows.len()).map(|place| class(place) + 1).max().unwrap_or(0));
    let mut totals = vec![0.0; num_classes + 1];
    let hands = places.into_iter().map(|places| {
        let mut counts: BTreeMap<usize, f64> = BTreeMap::new();
        if num_classes > 0 {
            places.iter().for_each(|&place| *counts.entry(class(place)).or_default() += 1.0);
        }
        counts.insert(num_classes, places.len() as f64);
        counts.iter().for_each(|(&class, count)| totals[class] += count);
        Hand { places, counts: counts.into_iter().collect() }
    });
    let hands = hands.collect();
    (hands, totals)
}

/// Deals the hands in `order` to parts of these shares, which add up to 1.
///
/// A part has the share x of a class, and s of it is wanted: the sum of x^2 / s over the parts is least where x = s. An
/// entity goes where this sum, over the classes, rises least. All rows count as much as all classes together.
fn deal(hands: &[Hand], totals: &[f64], order: &[usize], shares: &[f64]) -> Dealt {
    let num_classes = totals.len() - 1;
    let weight = |class: usize| if class == num_classes { num_classes.max(1) as f64 } else { 1.0 };
    let mut held = vec![vec![0.0; totals.len()]; shares.len()];
    let mut part_of_hand = vec![0; hands.len()];
    for &hand in order {
        let rises = |part: usize| -> f64 {
            let of_class = |&(class, count): &(usize, f64)| {
                weight(class) * (2.0 * held[part][class] + count) * count / (totals[class] * totals[class])
            };
            hands[hand].counts.iter().map(of_class).sum::<f64>() / shares[part]
        };
        let costs: Vec<f64> = (0..shares.len()).map(rises).collect();
        let part = (0..shares.len()).min_by(|&a, &b| costs[a].total_cmp(&costs[b])).expect("two parts at least");
        hands[hand].counts.iter().for_each(|&(class, count)| held[part][class] += count);
        part_of_hand[hand] = part;
    }
    let deviation = |part: usize, class: usize| {
        let share = if totals[class] > 0.0 { held[part][class] / totals[class] } else { shares[part] };
        weight(class) * (share - shares[part]).powi(2) / shares[part]
    };
    let cost = (0..shares.len()).flat_map(|part| (0..totals.len()).map(move |class| (part, class)));
    Dealt { part_of_hand, cost: cost.map(|(part, class)| deviation(part, class)).sum() }
}
