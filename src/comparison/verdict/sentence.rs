//! A verdict in one sentence.

use super::baseline::Adjusted;
use super::best_of::BestOf;
use super::digits::Digits;
use super::result::{Claim, Verdict};
use super::unit::{Scope, Unit};
use crate::figures::counted;
use crate::metric::Goal;

/// What a sentence is about.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// The configs, for example by what differs between them: `hidden = [64]`.
    pub a: &'a str,
    pub b: &'a str,
    /// Such as `test/accuracy`.
    pub metric: &'a str,
    /// What the results are repeated over.
    pub unit: Unit,
}

/// One sentence on config b compared with a. Failed runs are always mentioned: a config that often fails is not better
/// for the runs that are left.
pub fn sentence(verdict: &Verdict, names: Names) -> String {
    let Names { a, b, metric, .. } = names;
    let claim = match verdict.claim {
        Claim::Better => format!("{b} reaches {}", figures(verdict, names)),
        Claim::Worse => format!("{b} is worse than {a}: {}", figures(verdict, names)),
        Claim::NotDistinguishable => {
            let difference = difference(verdict, names.unit);
            format!("Not distinguishable in {metric} ({b} less {a}): {difference}{}", needed(verdict, names.unit))
        }
        Claim::NoClaim => no_claim(verdict, names),
    };
    format!("{claim}{}.", failures(verdict, names))
}

/// As [`sentence`], for one of several comparisons with a, with the claim and the adjusted p-value.
pub fn adjusted_sentence(adjusted: &Adjusted, names: Names) -> String {
    let Names { a, b, metric, unit } = names;
    let verdict = &adjusted.verdict;
    let claim = match verdict.claim {
        Claim::Better => "better than",
        Claim::Worse => "worse than",
        Claim::NotDistinguishable => "not distinguishable from",
        Claim::NoClaim => return sentence(verdict, names),
    };
    let p_value = adjusted.adjusted_p.map(p_value).unwrap_or_default();
    let difference = difference(verdict, unit);
    format!("{b} is {claim} {a} in {metric}: {difference}{p_value}{}.", failures(verdict, names))
}

fn p_value(p_value: f64) -> String {
    if p_value < 1e-4 {
        ", p < 0.0001".to_owned()
    } else {
        format!(", p = {p_value:.*}", if p_value < 0.1 { 4 } else { 2 })
    }
}

/// How much the best of `num_configs` configs, each with at least `num_seeds` seeds, owes to chance. `excess` is `None`
/// where no config has two seeds.
pub fn luck(excess: Option<BestOf>, num_configs: usize, num_seeds: usize, goal: Goal) -> String {
    let best = format!("The best of {num_configs} configs looks better than it is");
    let Some(BestOf { expected, upper }) = excess else {
        return format!("{best}; one seed each does not tell by how much.");
    };
    let direction = if goal == Goal::Higher { "above" } else { "below" };
    let digits = Digits::rounding(expected / 10.0);
    let seeds = counted(num_seeds, "seed");
    format!(
        "{best}: if all were equally good, the best result over {seeds} would lie {} {direction} what it is worth by \
         luck alone, and in 1 of 20 cases {} or more.",
        digits.plain(expected),
        digits.plain(upper)
    )
}

/// `test/accuracy 0.978 against 0.955: +0.023, 95 % interval ...`
fn figures(verdict: &Verdict, names: Names) -> String {
    format!("{}: {}", means(verdict, names), difference(verdict, names.unit))
}

/// `test/accuracy 0.978 against 0.955`
fn means(verdict: &Verdict, names: Names) -> String {
    let digits = Digits::of(verdict);
    format!("{} {} against {}", names.metric, digits.plain(verdict.mean_b), digits.plain(verdict.mean_a))
}

/// `+0.023, 95 % interval +0.017 to +0.029 over 10 paired seeds`
fn difference(verdict: &Verdict, unit: Unit) -> String {
    let digits = Digits::of(verdict);
    let difference = digits.signed(verdict.difference);
    let repetitions = repetitions(verdict, unit);
    match verdict.interval {
        Some((low, high)) if low < high => {
            let ends = |(low, high): (f64, f64)| format!("{} to {}", digits.signed(low), digits.signed(high));
            let narrower = verdict.interval_on_these_rows.filter(|_| verdict.scope != Scope::TheseRows);
            let narrower = narrower.map(|narrower| format!(" ({} on these rows)", ends(narrower))).unwrap_or_default();
            let scope = verdict.scope.words();
            format!("{difference}, 95 % interval {} {scope}{narrower} over {repetitions}", ends((low, high)))
        }
        Some(_) => format!("{difference}, the same over {repetitions}"),
        None => format!("{difference} over {repetitions}"),
    }
}

/// `10 paired seeds`, `10 seeds each`, `8 against 10 seeds`; and why they are not paired where some could be.
fn repetitions(verdict: &Verdict, unit: Unit) -> String {
    let unit = unit.plural();
    let counts = match (verdict.paired, verdict.num_a, verdict.num_b) {
        (true, _, _) => format!("{} paired {unit}", verdict.num_pairs),
        (false, a, b) if a == b => format!("{a} {unit} each"),
        (false, a, b) => format!("{b} against {a} {unit}"),
    };
    match verdict.num_pairs {
        shared if shared >= 2 && !verdict.paired => format!("{counts} (not paired, since they share only {shared})"),
        _ => counts,
    }
}

/// What would settle an open comparison.
fn needed(verdict: &Verdict, unit: Unit) -> String {
    let is_open = verdict.interval.is_some() && verdict.difference != 0.0;
    match (unit, verdict.seeds_needed) {
        _ if !is_open && verdict.seeds_needed.is_none() => String::new(),
        (Unit::Folds { .. }, _) => "; more folds of these rows would not tell".to_owned(),
        (_, Some(needed)) if verdict.paired => format!("; about {needed} seeds would tell"),
        (_, Some(needed)) => format!("; about {needed} seeds each would tell"),
        (Unit::TestRows { .. }, None) if verdict.only_more_data => {
            "; no number of seeds would tell, only more test rows".to_owned()
        }
        (_, None) if verdict.only_more_data => "; no number of seeds would tell, only more data".to_owned(),
        (_, None) => "; 1000 seeds would not tell".to_owned(),
    }
}

fn no_claim(verdict: &Verdict, names: Names) -> String {
    let Names { a, b, unit, .. } = names;
    let configs = [(a, verdict.num_a), (b, verdict.num_b)];
    let without: Vec<&str> = configs.into_iter().filter(|(_, count)| *count == 0).map(|(name, _)| name).collect();
    if !without.is_empty() {
        return format!("no claim: no result of {}", without.join(" and of "));
    }
    let unit = unit.singular();
    let single = match (verdict.num_a, verdict.num_b) {
        (1, 1) => format!("1 {unit}"),
        (1, _) => format!("1 {unit} of {a}"),
        _ => format!("1 {unit} of {b}"),
    };
    let difference = Digits::of(verdict).signed(verdict.difference);
    format!("{single}: no claim; {b} reaches {}, and {difference} may be the {unit}", means(verdict, names))
}

fn failures(verdict: &Verdict, names: Names) -> String {
    let failed = |(name, count): (&str, usize)| match count {
        0 => String::new(),
        count => format!("; {} of {name} failed", counted(count, "run")),
    };
    [(names.a, verdict.failed_a), (names.b, verdict.failed_b)].into_iter().map(failed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten paired seeds.
    fn verdict(claim: Claim, means: (f64, f64), interval: (f64, f64)) -> Verdict {
        Verdict {
            claim,
            paired: true,
            num_a: 10,
            num_b: 10,
            num_pairs: 10,
            mean_a: means.0,
            mean_b: means.1,
            difference: means.1 - means.0,
            scope: Scope::TheseRows,
            interval: Some(interval),
            interval_on_these_rows: Some(interval),
            bootstrap: None,
            p_value: None,
            seeds_needed: Some(38),
            only_more_data: false,
            failed_a: 0,
            failed_b: 0,
        }
    }

    fn told(verdict: &Verdict) -> String {
        over(verdict, Unit::Seeds)
    }

    fn over(verdict: &Verdict, unit: Unit) -> String {
        sentence(verdict, Names { a: "hidden = [16]", b: "hidden = [64]", metric: "test/accuracy", unit })
    }

    #[test]
    fn claims() {
        let better = verdict(Claim::Better, (0.955, 0.978), (0.017, 0.029));
        assert_eq!(
            told(&better),
            "hidden = [64] reaches test/accuracy 0.978 against 0.955: +0.023, 95 % interval +0.017 to +0.029 on these \
             rows over 10 paired seeds."
        );
        let worse = Verdict {
            paired: false,
            num_b: 8,
            num_pairs: 5,
            ..verdict(Claim::Worse, (0.978, 0.955), (-0.029, -0.017))
        };
        assert_eq!(
            told(&worse),
            "hidden = [64] is worse than hidden = [16]: test/accuracy 0.955 against 0.978: -0.023, 95 % interval -0.029 \
             to -0.017 on these rows over 8 against 10 seeds (not paired, since they share only 5)."
        );
        let equal = Verdict { num_pairs: 3, ..verdict(Claim::Better, (0.95, 0.97), (0.02, 0.02)) };
        assert_eq!(
            told(&equal),
            "hidden = [64] reaches test/accuracy 0.970 against 0.950: +0.020, the same over 3 paired seeds."
        );
    }

    #[test]
    fn not_distinguishable() {
        let open = verdict(Claim::NotDistinguishable, (0.955, 0.956), (-0.006, 0.008));
        assert_eq!(
            told(&open),
            "Not distinguishable in test/accuracy (hidden = [64] less hidden = [16]): +0.001, 95 % interval -0.006 to \
             +0.008 on these rows over 10 paired seeds; about 38 seeds would tell."
        );
        assert_eq!(
            told(&Verdict { paired: false, num_pairs: 0, failed_a: 1, failed_b: 2, ..open.clone() }),
            "Not distinguishable in test/accuracy (hidden = [64] less hidden = [16]): +0.001, 95 % interval -0.006 to \
             +0.008 on these rows over 10 seeds each; about 38 seeds each would tell; 1 run of hidden = [16] failed; 2 runs of hidden = [64] failed."
        );
        assert_eq!(
            told(&Verdict { seeds_needed: None, ..open }),
            "Not distinguishable in test/accuracy (hidden = [64] less hidden = [16]): +0.001, 95 % interval -0.006 to \
             +0.008 on these rows over 10 paired seeds; 1000 seeds would not tell."
        );
        let ties = Verdict { seeds_needed: None, ..verdict(Claim::NotDistinguishable, (0.95, 0.95), (0.0, 0.0)) };
        assert_eq!(
            told(&ties),
            "Not distinguishable in test/accuracy (hidden = [64] less hidden = [16]): 0.000, the same over 10 paired seeds."
        );
    }

    #[test]
    fn no_claim() {
        let single = Verdict {
            num_a: 1,
            num_b: 1,
            interval: None,
            paired: false,
            ..verdict(Claim::NoClaim, (0.955, 0.978), (0.0, 0.0))
        };
        assert_eq!(
            told(&single),
            "1 seed: no claim; hidden = [64] reaches test/accuracy 0.978 against 0.955, and +0.023 may be the seed."
        );
        assert_eq!(
            told(&Verdict { num_b: 10, ..single.clone() }),
            "1 seed of hidden = [16]: no claim; hidden = [64] reaches test/accuracy 0.978 against 0.955, and +0.023 may \
             be the seed."
        );
        assert_eq!(
            told(&Verdict { num_b: 0, failed_b: 3, ..single }),
            "no claim: no result of hidden = [64]; 3 runs of hidden = [64] failed."
        );
    }

    #[test]
    fn folds_are_called_folds() {
        let open =
            Verdict { seeds_needed: None, ..verdict(Claim::NotDistinguishable, (0.955, 0.956), (-0.006, 0.008)) };
        assert_eq!(
            over(&open, Unit::Folds { num_folds: 10 }),
            "Not distinguishable in test/accuracy (hidden = [64] less hidden = [16]): +0.001, 95 % interval -0.006 to \
             +0.008 on these rows over 10 paired folds; more folds of these rows would not tell."
        );
        let single = Verdict { num_a: 1, num_b: 1, interval: None, claim: Claim::NoClaim, paired: false, ..open };
        assert_eq!(
            over(&single, Unit::Folds { num_folds: 10 }),
            "1 fold: no claim; hidden = [64] reaches test/accuracy 0.9560 against 0.9550, and +0.0010 may \
             be the fold."
        );
    }

    /// The interval that decides, what it is about, and the narrower one beside it.
    #[test]
    fn a_verdict_says_what_it_is_about() {
        let open = Verdict {
            scope: Scope::NewData,
            interval_on_these_rows: Some((0.012, 0.022)),
            seeds_needed: None,
            only_more_data: true,
            ..verdict(Claim::NotDistinguishable, (0.955, 0.972), (-0.003, 0.037))
        };
        assert_eq!(
            over(&open, Unit::Splits { ratio: 0.5 }),
            "Not distinguishable in test/accuracy (hidden = [64] less hidden = [16]): +0.017, 95 % interval -0.003 to \
             +0.037 for new data (+0.012 to +0.022 on these rows) over 10 paired seeds; no number of seeds would tell, \
             only more data."
        );
        let rows = Verdict { scope: Scope::NewTestRows, ..open };
        assert!(over(&rows, Unit::TestRows { error: 0.01, num_rows: 54 }).contains(
            "+0.037 for new test rows (+0.012 to +0.022 on these rows) over 10 paired seeds; no number of seeds would \
             tell, only more test rows."
        ));
    }

    #[test]
    fn digits_follow_the_interval() {
        let of = |means, interval| told(&verdict(Claim::Better, means, interval));
        assert!(
            of((1500.0, 1725.0), (120.0, 330.0)).contains("1725 against 1500: +225, 95 % interval +120 to +330 on")
        );
        assert!(of((2e-5, 5e-5), (1e-5, 5e-5)).contains("0.000050 against 0.000020: +0.000030, "));
        // A bound just above 0 is not shown as 0.
        assert!(of((0.955, 0.961), (0.0003, 0.0117)).contains("+0.0060, 95 % interval +0.0003 to +0.0117 on"));
        assert!(of((1e12, 3e12), (1e12, 3e12)).contains("3.000e12 against 1.000e12: +2.000e12, "));
    }
}
