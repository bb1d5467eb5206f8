//! Verdicts against the figures of scipy 1.17 and statsmodels 0.15 (`tests/golden/verdict_figures.py`), and degenerate input.

use super::pairwise::without_bootstrap;
use super::seeds::Seeds;
use super::*;
use crate::metric::Goal;

const A: [f64; 10] = [0.955, 0.948, 0.962, 0.930, 0.970, 0.951, 0.944, 0.966, 0.958, 0.939];
const B: [f64; 10] = [0.978, 0.969, 0.981, 0.960, 0.985, 0.972, 0.975, 0.983, 0.979, 0.966];
const C: [f64; 10] = [0.953, 0.957, 0.949, 0.941, 0.968, 0.960, 0.951, 0.955, 0.967, 0.934];
const D: [f64; 6] = [0.981, 0.950, 0.984, 0.967, 0.979, 0.921];

/// The verdict on values with seeds from 0 for a and from `first_b` for b; higher is better.
fn compare(a: &[f64], b: &[f64], first_b: u64) -> Verdict {
    let numbered = |values: &[f64], first: u64| -> Vec<(u64, f64)> { (first..).zip(values.iter().copied()).collect() };
    let (a, b) = (numbered(a, 0), numbered(b, first_b));
    verdict(&Group { name: "a", results: &a }, &Group { name: "b", results: &b }, Goal::Higher, Unit::Seeds)
}

/// Compares all of `others` with `first`.
fn against(first: &Group, others: &[Group], goal: Goal, unit: Unit) -> Vec<Adjusted> {
    let pairs: Vec<(Group, Group, Unit)> = others.iter().map(|other| (*first, *other, unit)).collect();
    against_baseline(&pairs, goal)
}

fn names<'a>(a: &'a str, b: &'a str) -> Names<'a> {
    Names { a, b, metric: "test/accuracy", unit: Unit::Seeds }
}

/// Difference, both ends of the interval, p-value and seeds, as scipy and statsmodels have them.
#[track_caller]
fn assert_figures(found: &Verdict, expected: [f64; 4], seeds: usize) {
    let (low, high) = found.interval.unwrap();
    for (found, expected) in [found.difference, low, high, found.p_value.unwrap()].into_iter().zip(expected) {
        assert!((found - expected).abs() < 1e-9 * expected.abs().max(1e-3), "{found} is not {expected}");
    }
    assert!(found.seeds_needed.unwrap().abs_diff(seeds) <= 1, "{:?}", found.seeds_needed);
}

/// `ttest_rel`, `TTestPower().solve_power` (2.66 and 438.9)
#[test]
fn paired_seeds_are_compared_as_by_scipy() {
    let found = compare(&A, &B, 0);
    assert_eq!((found.claim, found.paired, found.num_pairs), (Claim::Better, true, 10));
    assert_figures(&found, [0.0225, 0.018695957041177273, 0.026304042958822747, 3.03081084251681e-07], 3);
    let found = compare(&A, &C, 0);
    assert_eq!(found.claim, Claim::NotDistinguishable);
    assert_figures(&found, [0.0012, -0.005205452008571507, 0.0076054520085715085, 0.681665248066016], 439);
    // statsmodels finds no solution for effects as large as these two: two seeds do.
    let found = compare(&A[..3], &B[..3], 0);
    assert_figures(&found, [0.021, 0.016031724576499352, 0.025968275423500685, 0.0030097886173669278], 2);
    let found = compare(&A[..2], &B[..2], 0);
    assert_figures(&found, [0.022, 0.009293795263825315, 0.03470620473617472, 0.028917357805553403], 2);
}

/// `ttest_ind(equal_var=False)`, `tt_ind_solve_power` (46.5, 4.6 and 38.7)
#[test]
fn seeds_that_do_not_match_are_compared_as_by_scipy() {
    let found = compare(&A, &D, 0);
    assert_eq!((found.claim, found.paired, found.num_pairs), (Claim::NotDistinguishable, false, 6));
    assert_figures(&found, [0.011366666666666747, -0.014241186800057242, 0.03697452013339074, 0.32530853618555006], 47);
    let found = compare(&B, &A, 100);
    assert_eq!((found.claim, found.paired, found.num_pairs), (Claim::Worse, false, 0));
    assert_figures(&found, [-0.0225, -0.03246242121662112, -0.012537578783378807, 0.00021814554017584372], 5);
    let found = compare(&A[..3], &D[..2], 0);
    assert_figures(&found, [0.0105, -0.1430566516610109, 0.1640566516610108, 0.6195008683236138], 39);
}

/// `scipy.stats.bootstrap(method="BCa", n_resamples=200_000)`, within Monte Carlo error
#[test]
fn bootstrap_intervals_are_those_of_scipy() {
    let scipy = [
        (compare(&A, &B, 0), (0.0196, 0.0259)),
        (compare(&A, &C, 0), (-0.0046, 0.0059)),
        (compare(&A[..3], &B[..3], 0), (0.019, 0.023)),
        (compare(&A, &D, 0), (-0.012866666666666582, 0.026899999999999924)),
        (compare(&B, &A, 100), (-0.0313, -0.014)),
    ];
    for (found, (expected_low, expected_high)) in scipy {
        let (low, high) = found.bootstrap.unwrap();
        let tolerance = 0.03 * (expected_high - expected_low);
        assert!((low - expected_low).abs() < tolerance && (high - expected_high).abs() < tolerance, "{low} {high}");
    }
    assert_eq!(compare(&A, &B, 0), compare(&A, &B, 0));
}

#[test]
fn the_better_direction_counts() {
    let results: Vec<Vec<(u64, f64)>> = [A, B].map(|values| (0..).zip(values).collect()).into();
    let [a, b] = [0, 1].map(|index| Group { name: "", results: &results[index] });
    assert_eq!(verdict(&a, &b, Goal::Lower, Unit::Seeds).claim, Claim::Worse);
    assert_eq!(verdict(&b, &a, Goal::Lower, Unit::Seeds).claim, Claim::Better);
    assert_eq!(verdict(&b, &a, Goal::Higher, Unit::Seeds).claim, Claim::Worse);
}

#[test]
fn ties_are_not_distinguishable_and_equal_differences_are_significant_from_three_seeds_on() {
    let found = compare(&A, &A, 0);
    assert_eq!((found.claim, found.interval, found.p_value), (Claim::NotDistinguishable, Some((0.0, 0.0)), Some(1.0)));
    assert_eq!((found.bootstrap, found.seeds_needed), (None, None));
    // 0.1 + 0.2 - 0.3 is 6e-17: rounding, not a difference
    let found = compare(&[0.1 + 0.2, 0.5, 0.7], &[0.3, 0.5, 0.7], 0);
    assert_eq!((found.claim, found.difference), (Claim::NotDistinguishable, 0.0));
    // Differences of 0.02 that rounding sets apart
    let found = compare(&[0.95, 0.94, 0.91], &[0.97, 0.96, 0.93], 0);
    assert_eq!((found.claim, found.p_value, found.seeds_needed), (Claim::Better, Some(0.0), Some(3)));
    let found = compare(&[0.95, 0.94], &[0.97, 0.96], 0);
    assert_eq!((found.claim, found.interval, found.p_value), (Claim::NotDistinguishable, None, None));
    assert_eq!(found.seeds_needed, Some(3));
    assert_eq!(compare(&[0.9; 3], &[0.8; 3], 50).claim, Claim::Worse);
    assert_eq!(compare(&[0.9; 2], &[0.8; 3], 50).claim, Claim::NotDistinguishable);
    // Without spread in one group only
    assert_eq!(compare(&[0.9; 5], &B, 50).claim, Claim::Better);
}

#[test]
fn failed_runs_are_counted_and_break_pairs() {
    let mut broken = B;
    broken[3] = f64::NAN;
    broken[5] = f64::INFINITY;
    let found = compare(&A, &broken, 0);
    assert_eq!((found.failed_a, found.failed_b, found.num_b), (0, 2, 8));
    assert_eq!((found.claim, found.paired, found.num_pairs), (Claim::Better, false, 8));
}

#[test]
fn degenerate_input_gives_no_panic() {
    let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 0.0, -0.0, 1.0];
    let groups: Vec<Vec<f64>> = (0..values.len().pow(3))
        .flat_map(|code| {
            (0..=3).map(move |count| (0..count).map(|place| values[code / 9_usize.pow(place) % 9]).collect())
        })
        .step_by(37)
        .collect();
    for (a, b) in groups.iter().flat_map(|a| groups.iter().map(move |b| (a, b))) {
        for first_b in [0, 2] {
            let numbered =
                |values: &[f64], first| -> Vec<(u64, f64)> { (first..).zip(values.iter().copied()).collect() };
            let (a, b) = (numbered(a, 0), numbered(b, first_b));
            let (a, b) = (Seeds::new(&Group { name: "", results: &a }), Seeds::new(&Group { name: "", results: &b }));
            let found = without_bootstrap(&a, &b, Goal::Lower, Unit::Seeds);
            assert_eq!(found.claim == Claim::NoClaim, found.num_a < 2 || found.num_b < 2);
            assert!(found.interval.is_none_or(|(low, high)| low <= high), "{found:?}");
            assert!(found.p_value.is_none_or(|p_value| (0.0..=1.0).contains(&p_value)), "{found:?}");
            assert!(sentence(&found, names("a", "b")).ends_with('.'));
        }
    }
    let found = compare(&[], &[f64::NAN; 3], 0);
    assert_eq!((found.claim, found.num_a, found.num_b, found.failed_b), (Claim::NoClaim, 0, 0, 3));
    assert!(found.mean_a.is_nan() && found.difference.is_nan());
    compare(&[f64::MAX; 4], &[f64::MIN, f64::MAX, 0.0, 1.0], 0);
}

/// `ttest_rel` and `ttest_ind(equal_var=False)`, then `multipletests(method="holm")`
#[test]
fn several_configs_are_corrected_as_by_statsmodels() {
    const E: [f64; 10] = [0.959, 0.948, 0.968, 0.933, 0.968, 0.956, 0.951, 0.967, 0.956, 0.945];
    let results: Vec<Vec<(u64, f64)>> =
        [&A[..], &B, &C, &D, &E].map(|values| (0..).zip(values.iter().copied()).collect()).into();
    let groups: Vec<Group> = results.iter().map(|results| Group { name: "", results }).collect();
    let found = against(&groups[0], &groups[1..], Goal::Higher, Unit::Seeds);
    let statsmodels = [1.212324337006724e-06, 0.681665248066016, 0.6506170723711001, 0.08136394341560195];
    for (found, expected) in found.iter().zip(statsmodels) {
        assert!((found.adjusted_p.unwrap() / expected - 1.0).abs() < 1e-9, "{found:?}");
    }
    let claims: Vec<Claim> = found.iter().map(|found| found.verdict.claim).collect();
    let open = Claim::NotDistinguishable;
    assert_eq!(claims, [Claim::Better, open, open, open]);
    // By itself the last would be a claim, and its figures stay those of one comparison.
    let alone = &against(&groups[0], &groups[4..], Goal::Higher, Unit::Seeds)[0];
    assert_eq!((alone.verdict.claim, alone.adjusted_p), (Claim::Better, alone.verdict.p_value));
    assert_eq!(found[3].verdict, Verdict { claim: open, ..alone.verdict.clone() });
    assert_eq!(
        adjusted_sentence(&found[3], names("A", "E")),
        "E is not distinguishable from A in test/accuracy: +0.0028, 95 % interval +0.0004 to +0.0052 on these \
         rows over 10 paired seeds, p = 0.0814."
    );
    assert_eq!(against(&groups[0], &groups[1..2], Goal::Lower, Unit::Seeds)[0].verdict.claim, Claim::Worse);
    assert!(against(&groups[0], &[], Goal::Lower, Unit::Seeds).is_empty());
    // Folds share training rows, which makes claims rarer.
    let folds = against(&groups[0], &groups[4..], Goal::Higher, Unit::Folds { num_folds: 10 });
    assert_eq!(folds[0].verdict.claim, open);
}

#[test]
fn one_seed_is_no_claim_and_counts_for_nothing_among_several() {
    let results: Vec<Vec<(u64, f64)>> = [&A[..], &B[..1], &B].map(|b| (0..).zip(b.iter().copied()).collect()).into();
    let groups: Vec<Group> = results.iter().map(|results| Group { name: "", results }).collect();
    let found = against(&groups[0], &groups[1..], Goal::Higher, Unit::Seeds);
    assert_eq!((found[0].verdict.claim, found[0].adjusted_p), (Claim::NoClaim, None));
    assert_eq!((found[1].verdict.claim, found[1].adjusted_p), (Claim::Better, found[1].verdict.p_value));
    assert!(adjusted_sentence(&found[0], names("A", "B")).starts_with("1 seed of B: no claim;"));
    assert!(adjusted_sentence(&found[1], names("A", "C")).ends_with(" paired seeds, p < 0.0001."));
}

/// `best_of(3, 10, 0.012)` is 0.8463 and 2.1212 times 0.012 / sqrt(10)
#[test]
fn luck_is_told_in_units_of_the_result() {
    assert_eq!(
        luck(Some(best_of(3, 10, 0.012)), 3, 10, Goal::Lower),
        "The best of 3 configs looks better than it is: if all were equally good, the best result over 10 seeds would \
         lie 0.0032 below what it is worth by luck alone, and in 1 of 20 cases 0.0080 or more."
    );
    assert!(luck(None, 4, 1, Goal::Higher).ends_with("; one seed each does not tell by how much."));
}

const FOLDS_OF_A: [f64; 10] = [0.944, 1.0, 0.944, 0.944, 1.0, 0.889, 0.944, 1.0, 0.941, 0.941];
const FOLDS_OF_B: [f64; 10] = [0.889, 0.944, 0.944, 0.889, 0.944, 0.833, 0.944, 0.944, 0.882, 0.941];

/// scipy 1.17: t = d / sqrt(var(d, ddof=1) * (1/10 + 1/9)), 9 degrees of freedom; p = 2 * t.sf(abs(t), 9).
#[test]
fn folds_are_compared_as_by_the_corrected_test() {
    let numbered = |values: [f64; 10]| values.iter().enumerate().map(|(fold, &v)| (fold as u64, v)).collect::<Vec<_>>();
    let (a, b) = (numbered(FOLDS_OF_A), numbered(FOLDS_OF_B));
    let (a, b) = (Group { name: "a", results: &a }, Group { name: "b", results: &b });
    let plain = verdict(&a, &b, Goal::Higher, Unit::Seeds);
    assert_eq!(plain.claim, Claim::Worse);
    let found = verdict(&a, &b, Goal::Higher, Unit::Folds { num_folds: 10 });
    let (low, high) = found.interval.unwrap();
    assert!((low - -0.06751091059407059).abs() < 1e-9 && (high - -0.011089089405929415).abs() < 1e-9, "{low} {high}");
    assert!((found.p_value.unwrap() - 0.011711862113296816).abs() < 1e-9, "{:?}", found.p_value);
    assert!((plain.p_value.unwrap() - 0.001330049726924864).abs() < 1e-9, "{:?}", plain.p_value);
    assert_eq!((found.seeds_needed, found.bootstrap), (None, None));
}

#[test]
fn folds_that_agree_exactly_stay_as_they_are() {
    let results: Vec<(u64, f64)> = (0..5).map(|fold| (fold, 0.9)).collect();
    let group = Group { name: "", results: &results };
    let found = verdict(&group, &group, Goal::Higher, Unit::Folds { num_folds: 5 });
    assert_eq!((found.interval, found.claim), (Some((0.0, 0.0)), Claim::NotDistinguishable));
}
