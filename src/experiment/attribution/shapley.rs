//! Shapley values (Shapley 1953): how a prediction is shared among the columns of its row.
//!
//! The columns are players. A coalition S of them is worth the mean prediction over the background rows, where the
//! columns of S have the cells of the row and the others those of the background row (Štrumbelj and Kononenko 2014,
//! "Explaining prediction models and individual predictions with feature contributions"). The contribution of a column is
//! the mean over all orders of the columns of what it adds to those before it, so that all contributions add up to the
//! prediction less the mean prediction of the background. Few columns: all coalitions, which is exact. More: random orders,
//! each together with its reverse, which cancels a part of the error (Mitchell et al. 2022, "Sampling permutations for
//! Shapley value estimation"), and as many for each background row, so that the sum stays exact.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// A number that is estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    pub value: f64,
    /// Standard error of the random orders, for this background; 0 where it is exact. Where there are only two orders for
    /// each background row, the differences between these rows are in it, too.
    pub error: f64,
}

/// How the contributions are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// From all coalitions.
    Exact,
    /// From random orders, this many for each background row: an even number.
    Orders(usize),
}

/// What is to be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub num_columns: usize,
    /// Background rows; at least 1.
    pub num_background: usize,
    pub method: Method,
}

/// Most orders for a background row: their error is small by then.
const MOST_ORDERS: usize = 1000;
/// Where there are very many columns, not less than so many background rows are used.
const LEAST_BACKGROUND: usize = 10;

impl Plan {
    /// Of `num_columns`, at least 1, and at most `num_background` rows, at least 1, with about `budget` evaluations of the
    /// network; more where two orders for each of ten rows need more.
    pub fn new(num_columns: usize, num_background: usize, budget: usize) -> Self {
        let coalitions = 1_usize.checked_shl(num_columns.try_into().unwrap_or(u32::MAX)).unwrap_or(usize::MAX);
        if coalitions.saturating_mul(num_background) <= budget || num_columns == 1 {
            return Self { num_columns, num_background, method: Method::Exact };
        }
        let num_background = (budget / (2 * num_columns)).max(LEAST_BACKGROUND).min(num_background);
        let pairs = budget / (num_background * 2 * num_columns);
        Self { num_columns, num_background, method: Method::Orders(2 * pairs.clamp(1, MOST_ORDERS / 2)) }
    }

    /// Rows that pass through the network.
    pub fn num_evaluations(&self) -> usize {
        self.num_coalitions() * self.num_background
    }

    /// Of each background row.
    fn num_coalitions(&self) -> usize {
        match self.method {
            Method::Exact => 1 << self.num_columns,
            Method::Orders(orders) => 2 + orders * (self.num_columns - 1),
        }
    }

    /// Bytes of the coalitions that are in memory at a time.
    pub fn bytes(&self) -> usize {
        self.num_coalitions().saturating_mul(size_of::<Coalition>() + self.num_columns)
    }
}

/// The contributions to one or several numbers of a prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Shapley {
    /// The mean of each number over the background.
    pub mean: Vec<f64>,
    /// What the network predicts for the row.
    pub row: Vec<f64>,
    /// Per number, the contribution of each column.
    pub contributions: Vec<Vec<Estimate>>,
}

/// A set of columns.
pub type Coalition = Vec<bool>;

/// Computes the contributions. `evaluate` returns `num_numbers` numbers for each of some coalitions, in their order: the
/// prediction for the row with the cells of that background row in the columns that are not in the coalition.
///
/// # Errors
/// The first one of `evaluate`.
pub fn shapley<E>(
    plan: Plan,
    num_numbers: usize,
    seed: u64,
    mut evaluate: impl FnMut(usize, &[Coalition]) -> Result<Vec<f64>, E>,
) -> Result<Shapley, E> {
    match plan.method {
        Method::Exact => exact(plan, num_numbers, &mut evaluate),
        Method::Orders(orders) => sampled(plan, orders, num_numbers, seed, &mut evaluate),
    }
}

type Evaluate<'a, E> = &'a mut dyn FnMut(usize, &[Coalition]) -> Result<Vec<f64>, E>;

fn exact<E>(plan: Plan, num_numbers: usize, evaluate: Evaluate<'_, E>) -> Result<Shapley, E> {
    let Plan { num_columns, num_background, .. } = plan;
    let num_coalitions = 1 << num_columns;
    let coalition = |mask: usize| (0..num_columns).map(|column| mask >> column & 1 == 1).collect();
    let coalitions: Vec<Coalition> = (0..num_coalitions).map(coalition).collect();
    let mut worth = vec![0.0; num_coalitions * num_numbers];
    for background in 0..num_background {
        let values = evaluate(background, &coalitions)?;
        worth.iter_mut().zip(values).for_each(|(worth, value)| *worth += value / num_background as f64);
    }
    let of = |mask: usize, number: usize| worth[mask * num_numbers + number];
    // The share of the orders in which those before a column are a given coalition of `size`: 1 / (n (n - 1 over size)).
    let mut shares = vec![1.0 / num_columns as f64];
    for size in 1..num_columns {
        shares.push(shares[size - 1] * size as f64 / (num_columns - size) as f64);
    }
    let contribution = |number: usize, column: usize| {
        let without = (0..num_coalitions).filter(|mask| mask >> column & 1 == 0);
        let added = without
            .map(|mask| shares[mask.count_ones() as usize] * (of(mask | 1 << column, number) - of(mask, number)));
        Estimate { value: added.sum(), error: 0.0 }
    };
    Ok(Shapley {
        mean: (0..num_numbers).map(|number| of(0, number)).collect(),
        row: (0..num_numbers).map(|number| of(num_coalitions - 1, number)).collect(),
        contributions: (0..num_numbers)
            .map(|number| (0..num_columns).map(|column| contribution(number, column)).collect())
            .collect(),
    })
}

/// Sums over pairs of orders.
#[derive(Clone, Copy, Default)]
struct Sums {
    values: f64,
    squares: f64,
    /// Of the background rows, the square of the sum of each.
    squares_of_rows: f64,
}

fn sampled<E>(
    plan: Plan,
    orders: usize,
    num_numbers: usize,
    seed: u64,
    evaluate: Evaluate<'_, E>,
) -> Result<Shapley, E> {
    let Plan { num_columns, num_background, .. } = plan;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut sums = vec![vec![Sums::default(); num_columns]; num_numbers];
    let (mut mean, mut row) = (vec![0.0; num_numbers], vec![0.0; num_numbers]);
    for background in 0..num_background {
        let mut coalitions = vec![vec![false; num_columns], vec![true; num_columns]];
        let mut drawn: Vec<Vec<usize>> = Vec::with_capacity(orders);
        for _ in 0..orders / 2 {
            let mut order: Vec<usize> = (0..num_columns).collect();
            order.shuffle(&mut random);
            let reverse = order.iter().rev().copied().collect();
            drawn.extend([order, reverse]);
        }
        for order in &drawn {
            let mut coalition = vec![false; num_columns];
            for &column in &order[..num_columns - 1] {
                coalition[column] = true;
                coalitions.push(coalition.clone());
            }
        }
        let values = evaluate(background, &coalitions)?;
        for number in 0..num_numbers {
            let of = |coalition: usize| values[coalition * num_numbers + number];
            mean[number] += of(0) / num_background as f64;
            row[number] += of(1) / num_background as f64;
            let mut of_row = vec![0.0; num_columns];
            for pair in 0..orders / 2 {
                let mut added = vec![0.0; num_columns];
                for (i, order) in drawn.iter().enumerate().skip(2 * pair).take(2) {
                    let first = 2 + i * (num_columns - 1);
                    let mut before = of(0);
                    for (place, &column) in order.iter().enumerate() {
                        let after = if place + 1 == num_columns { of(1) } else { of(first + place) };
                        added[column] += (after - before) / 2.0;
                        before = after;
                    }
                }
                for (column, added) in added.into_iter().enumerate() {
                    of_row[column] += added;
                    sums[number][column].squares += added * added;
                }
            }
            for (sums, of_row) in sums[number].iter_mut().zip(of_row) {
                sums.values += of_row;
                sums.squares_of_rows += of_row * of_row;
            }
        }
    }
    let (rows, pairs) = (num_background as f64, orders as f64 / 2.0);
    let count = rows * pairs;
    let estimate = |sums: &Sums| {
        let value = sums.values / count;
        // The variance of a sample, over its size: of the pairs around the mean of their background row, since as many are
        // drawn for each; with one pair a row, around the mean of all.
        let variance = match pairs > 1.0 {
            true => (sums.squares - sums.squares_of_rows / pairs) / (rows * (pairs - 1.0)),
            false => (sums.squares - count * value * value) / (count - 1.0).max(1.0),
        };
        Estimate { value, error: (variance.max(0.0) / count).sqrt() }
    };
    let contributions = sums.iter().map(|columns| columns.iter().map(estimate).collect()).collect();
    Ok(Shapley { mean, row, contributions })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// Evaluates a function of cells, over a row and a background.
    fn explained(plan: Plan, row: &[f64], background: &[Vec<f64>], function: impl Fn(&[f64]) -> Vec<f64>) -> Shapley {
        let num_numbers = function(row).len();
        shapley(plan, num_numbers, 7, |b, coalitions| {
            let cells = |coalition: &Coalition| -> Vec<f64> {
                (0..row.len()).map(|i| if coalition[i] { row[i] } else { background[b][i] }).collect()
            };
            Ok::<_, Infallible>(coalitions.iter().flat_map(|coalition| function(&cells(coalition))).collect())
        })
        .unwrap()
    }

    fn background(num_rows: usize, num_columns: usize) -> Vec<Vec<f64>> {
        let cell = |row: usize, column: usize| ((row * 7 + column * 3) % 11) as f64 / 2.0 - column as f64;
        (0..num_rows).map(|row| (0..num_columns).map(|column| cell(row, column)).collect()).collect()
    }

    fn plan(num_columns: usize, num_background: usize, method: Method) -> Plan {
        Plan { num_columns, num_background, method }
    }

    /// Of w x + c the Shapley values are w_i (x_i - mean of the background), whatever the order.
    #[test]
    fn of_a_linear_function_they_are_known() {
        let (row, rows) = ([1.5, -2.0, 0.25, 4.0], background(9, 4));
        let weights = [2.0, -1.0, 0.5, 3.0];
        let linear = |cells: &[f64]| vec![cells.iter().zip(weights).map(|(x, w)| x * w).sum::<f64>() + 10.0];
        for method in [Method::Exact, Method::Orders(2), Method::Orders(6)] {
            let found = explained(plan(4, 9, method), &row, &rows, linear);
            for column in 0..4 {
                let mean = rows.iter().map(|cells| cells[column]).sum::<f64>() / 9.0;
                let expected = weights[column] * (row[column] - mean);
                let value = found.contributions[0][column].value;
                assert!((value - expected).abs() < 1e-12, "{method:?}: {value} {expected}");
            }
            let added: f64 = found.contributions[0].iter().map(|estimate| estimate.value).sum();
            assert!((added - (found.row[0] - found.mean[0])).abs() < 1e-12);
        }
    }

    /// The mean over the 6 orders of 3 columns, by hand: f = x0 x1 + x2^2 from a background of zeros. The first two share
    /// their product, the third has its square.
    #[test]
    fn of_three_columns_they_are_the_mean_over_six_orders() {
        let function = |x: &[f64]| vec![x[0] * x[1] + x[2] * x[2], x[0].max(x[1]).max(x[2])];
        let row = [2.0, 3.0, 5.0];
        let found = explained(plan(3, 1, Method::Exact), &row, &[vec![0.0; 3]], function);
        let values = |number: usize| -> Vec<f64> { found.contributions[number].iter().map(|e| e.value).collect() };
        for (value, expected) in values(0).into_iter().zip([3.0, 3.0, 25.0]) {
            assert!((value - expected).abs() < 1e-12, "{value} {expected}");
        }
        // Of the largest of 2, 3, 5 (an airport game, Littlechild and Owen 1973): 2/3; 2/3 + 1/2; 2/3 + 1/2 + 2.
        for (value, expected) in values(1).into_iter().zip([2.0 / 3.0, 7.0 / 6.0, 19.0 / 6.0]) {
            assert!((value - expected).abs() < 1e-12, "{value} {expected}");
        }
        assert_eq!((&found.mean[..], &found.row[..]), (&[0.0, 0.0][..], &[31.0, 5.0][..]));
    }

    fn sampled_with(evaluate: Evaluate<'_, Infallible>, seed: u64) -> Shapley {
        sampled(plan(6, 20, Method::Orders(10)), 10, 2, seed, evaluate).unwrap()
    }

    #[test]
    fn random_orders_come_near_all_of_them_as_their_error_says() {
        let (row, rows) = ([1.0, 2.0, -1.0, 0.5, 3.0, -2.0], background(20, 6));
        let function = |x: &[f64]| {
            vec![(x[0] * x[1] - x[2]).tanh() + (x[3] * x[4] * x[5]).sin(), (x[0] + x[5]) * (x[1] + x[4]) * x[2] * x[3]]
        };
        let exact = explained(plan(6, 20, Method::Exact), &row, &rows, function);
        let sampled = explained(plan(6, 20, Method::Orders(200)), &row, &rows, function);
        let pairs = exact.contributions.iter().flatten().zip(sampled.contributions.iter().flatten());
        for (exact, sampled) in pairs {
            assert!(sampled.error > 0.0 && exact.error == 0.0);
            assert!((exact.value - sampled.value).abs() < 4.0 * sampled.error, "{exact:?} {sampled:?}");
        }
        // Over many seeds the errors are as large as they say.
        let off = |seed: u64| {
            let mut evaluate = |b: usize, coalitions: &[Coalition]| {
                let cells = |coalition: &Coalition| -> Vec<f64> {
                    (0..6).map(|i| if coalition[i] { row[i] } else { rows[b][i] }).collect()
                };
                Ok(coalitions.iter().flat_map(|coalition| function(&cells(coalition))).collect())
            };
            let found = sampled_with(&mut evaluate, seed);
            let pairs = exact.contributions.iter().flatten().zip(found.contributions.iter().flatten());
            pairs.map(|(exact, found)| ((exact.value - found.value) / found.error).powi(2)).sum::<f64>() / 12.0
        };
        let mean = (0..200).map(off).sum::<f64>() / 200.0;
        assert!((0.8..1.3).contains(&mean), "the mean square of error / standard error is {mean}");
        for number in 0..2 {
            let added: f64 = sampled.contributions[number].iter().map(|estimate| estimate.value).sum();
            assert!((added - (sampled.row[number] - sampled.mean[number])).abs() < 1e-9);
        }
    }

    #[test]
    fn a_plan_stays_near_its_budget_and_counts_what_is_evaluated() {
        for (num_columns, num_background) in [(1, 100), (3, 100), (8, 100), (9, 100), (30, 100), (500, 100), (40, 3)] {
            let plan = Plan::new(num_columns, num_background, 30_000);
            let mut count = 0;
            shapley(plan, 1, 0, |_, coalitions| {
                count += coalitions.len();
                Ok::<_, Infallible>(vec![0.0; coalitions.len()])
            })
            .unwrap();
            assert_eq!(count, plan.num_evaluations(), "{plan:?}");
            assert!(count <= 31_000, "{plan:?}: {count}");
        }
        assert_eq!(Plan::new(8, 100, 30_000).method, Method::Exact);
        assert_eq!(Plan::new(9, 100, 30_000).method, Method::Orders(32));
        // The least there can be.
        assert_eq!(Plan::new(5000, 100, 30_000), plan(5000, 10, Method::Orders(2)));
        assert_eq!(Plan::new(1, 100, 10).method, Method::Exact);
    }
}
