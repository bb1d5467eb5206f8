//! A verdict in one sentence.

use super::{Adjusted, BestOf, Claim, Verdict};
use crate::metric::Goal;

/// One sentence on configs `a` and `b`, told by what differs between them (`hidden = [64]`), and `metric`
/// (`test/accuracy`). Failed runs are always told: a config that often fails is not better for the runs that are left.
pub fn sentence(verdict: &Verdict, a: &str, b: &str, metric: &str) -> String {
    let told = match verdict.claim {
        Claim::Better => format!("{b} reaches {}", figures(verdict, metric)),
        Claim::Worse => format!("{b} is worse than {a}: {}", figures(verdict, metric)),
        Claim::NotDistinguishable => not_distinguishable(verdict),
        Claim::NoClaim => no_claim(verdict, a, b, metric),
    };
    format!("{told}{}.", failures(verdict, a, b))
}

/// The same for one of several comparisons with `a`, whose claim is that of the adjusted p-value.
pub fn adjusted_sentence(adjusted: &Adjusted, a: &str, b: &str, metric: &str) -> String {
    let verdict = &adjusted.verdict;
    let claim = match verdict.claim {
        Claim::Better => "better than",
        Claim::Worse => "worse than",
        Claim::NotDistinguishable => "not distinguishable from",
        Claim::NoClaim => return sentence(verdict, a, b, metric),
    };
    let told = format!("{b} is {claim} {a} in {metric}: {}", difference(verdict, Digits::of(verdict)));
    let p_value = adjusted.adjusted_p.map(p_value).unwrap_or_default();
    format!("{told}{p_value}{}.", failures(verdict, a, b))
}

fn p_value(p_value: f64) -> String {
    if p_value < 1e-4 {
        ", p < 0.0001".to_owned()
    } else {
        format!(", p = {p_value:.*}", if p_value < 0.1 { 4 } else { 2 })
    }
}

/// What luck alone does to the best of `num_configs`, each with `num_seeds` at least; `None` for the excess where no
/// config has two seeds.
pub fn luck(excess: Option<BestOf>, num_configs: usize, num_seeds: usize, goal: Goal) -> String {
    let best = format!("The best of {num_configs} configs looks better than it is");
    let Some(BestOf { expected, upper }) = excess else {
        return format!("{best}; one seed each does not tell by how much.");
    };
    let direction = if goal == Goal::Higher { "above" } else { "below" };
    let digits = Digits::rounding(expected / 10.0);
    let seeds = if num_seeds == 1 { "1 seed".to_owned() } else { format!("{num_seeds} seeds") };
    format!(
        "{best}: if all were equally good, the best result over {seeds} would lie {} {direction} what it is worth by \
         luck alone, and in 1 of 20 cases {} or more.",
        digits.plain(expected),
        digits.plain(upper)
    )
}

fn figures(verdict: &Verdict, metric: &str) -> String {
    let digits = Digits::of(verdict);
    let means = format!("{metric} {} against {}", digits.plain(verdict.mean_b), digits.plain(verdict.mean_a));
    format!("{means}: {}", difference(verdict, digits))
}

/// `+0.023, 95 % interval +0.017 to +0.029 over 10 paired seeds`
fn difference(verdict: &Verdict, digits: Digits) -> String {
    let difference = digits.signed(verdict.difference);
    match verdict.interval {
        Some((low, high)) if low < high => {
            format!(
                "{difference}, 95 % interval {} to {} over {}",
                digits.signed(low),
                digits.signed(high),
                seeds(verdict)
            )
        }
        Some(_) => format!("{difference}, the same over {}", seeds(verdict)),
        None => format!("{difference} over {}", seeds(verdict)),
    }
}

fn seeds(verdict: &Verdict) -> String {
    match (verdict.paired, verdict.num_a, verdict.num_b) {
        (true, _, _) => format!("{} paired seeds", verdict.num_pairs),
        (false, a, b) if a == b => format!("{a} seeds each"),
        (false, a, b) => format!("{b} against {a} seeds"),
    }
}

fn not_distinguishable(verdict: &Verdict) -> String {
    let needed = match verdict.seeds_needed {
        Some(needed) if verdict.paired => format!("; about {needed} seeds would tell"),
        Some(needed) => format!("; about {needed} seeds each would tell"),
        None if verdict.interval.is_some() && verdict.difference != 0.0 => "; 1000 seeds would not tell".to_owned(),
        None => String::new(),
    };
    format!("not distinguishable: {}{needed}", difference(verdict, Digits::of(verdict)))
}

fn no_claim(verdict: &Verdict, a: &str, b: &str, metric: &str) -> String {
    let without: Vec<&str> = [(a, verdict.num_a), (b, verdict.num_b)]
        .into_iter()
        .filter(|(_, num)| *num == 0)
        .map(|(name, _)| name)
        .collect();
    if !without.is_empty() {
        return format!("no claim: no result of {}", without.join(" and of "));
    }
    let single = match (verdict.num_a, verdict.num_b) {
        (1, 1) => "1 seed".to_owned(),
        (1, _) => format!("1 seed of {a}"),
        _ => format!("1 seed of {b}"),
    };
    let digits = Digits::of(verdict);
    let means = format!("{metric} {} against {}", digits.plain(verdict.mean_b), digits.plain(verdict.mean_a));
    format!("{single}: no claim; {b} reaches {means}, and {} may be the seed", digits.signed(verdict.difference))
}

fn failures(verdict: &Verdict, a: &str, b: &str) -> String {
    let told = |(name, failed): (&str, usize)| match failed {
        0 => String::new(),
        1 => format!("; 1 run of {name} failed"),
        _ => format!("; {failed} runs of {name} failed"),
    };
    [(a, verdict.failed_a), (b, verdict.failed_b)].into_iter().map(told).collect()
}

/// How many digits are written behind the point.
#[derive(Clone, Copy)]
struct Digits(usize);

impl Digits {
    /// Rounds by no more than a tenth of the interval's half width (of the difference, where there is no interval), and
    /// shows the bound nearest to 0 as different from 0, for up to two digits more.
    fn of(verdict: &Verdict) -> Self {
        let (low, high) = verdict.interval.unwrap_or((verdict.difference, verdict.difference));
        let half = if low < high { (high - low) / 2.0 } else { low.abs() };
        let nearest = low.abs().min(high.abs());
        Self::rounding((half / 5.0).min(nearest).max(half / 500.0))
    }

    /// As many as show `step`.
    fn rounding(step: f64) -> Self {
        if step > 0.0 && step.is_finite() { Self((-step.log10()).ceil().clamp(0.0, 9.0) as usize) } else { Self(3) }
    }

    fn plain(self, value: f64) -> String {
        let smallest = 10.0_f64.powi(-(self.0 as i32));
        let is_written_out = value.abs() < 1e9 && (value == 0.0 || value.abs() >= smallest || self.0 < 9);
        if is_written_out { format!("{value:.*}", self.0) } else { format!("{value:.3e}") }
    }

    /// With its sign, which a value that rounds to 0 has not.
    fn signed(self, value: f64) -> String {
        let sign = if value < 0.0 { "-" } else { "+" };
        let magnitude = self.plain(value.abs());
        let is_zero = magnitude.chars().all(|character| matches!(character, '0' | '.'));
        if is_zero { magnitude } else { format!("{sign}{magnitude}") }
    }
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
            interval: Some(interval),
            bootstrap: None,
            p_value: None,
            seeds_needed: Some(38),
            failed_a: 0,
            failed_b: 0,
        }
    }

    fn told(verdict: &Verdict) -> String {
        sentence(verdict, "hidden = [16]", "hidden = [64]", "test/accuracy")
    }

    #[test]
    fn claims() {
        let better = verdict(Claim::Better, (0.955, 0.978), (0.017, 0.029));
        assert_eq!(
            told(&better),
            "hidden = [64] reaches test/accuracy 0.978 against 0.955: +0.023, 95 % interval +0.017 to +0.029 over 10 \
             paired seeds."
        );
        let worse = Verdict { paired: false, num_b: 8, ..verdict(Claim::Worse, (0.978, 0.955), (-0.029, -0.017)) };
        assert_eq!(
            told(&worse),
            "hidden = [64] is worse than hidden = [16]: test/accuracy 0.955 against 0.978: -0.023, 95 % interval -0.029 \
             to -0.017 over 8 against 10 seeds."
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
            "not distinguishable: +0.001, 95 % interval -0.006 to +0.008 over 10 paired seeds; about 38 seeds would tell."
        );
        assert_eq!(
            told(&Verdict { paired: false, failed_a: 1, failed_b: 2, ..open.clone() }),
            "not distinguishable: +0.001, 95 % interval -0.006 to +0.008 over 10 seeds each; about 38 seeds each would \
             tell; 1 run of hidden = [16] failed; 2 runs of hidden = [64] failed."
        );
        assert_eq!(
            told(&Verdict { seeds_needed: None, ..open }),
            "not distinguishable: +0.001, 95 % interval -0.006 to +0.008 over 10 paired seeds; 1000 seeds would not tell."
        );
        let ties = Verdict { seeds_needed: None, ..verdict(Claim::NotDistinguishable, (0.95, 0.95), (0.0, 0.0)) };
        assert_eq!(told(&ties), "not distinguishable: 0.000, the same over 10 paired seeds.");
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
    fn digits_follow_the_interval() {
        let of = |means, interval| told(&verdict(Claim::Better, means, interval));
        assert!(of((1500.0, 1725.0), (120.0, 330.0)).contains("1725 against 1500: +225, 95 % interval +120 to +330 "));
        assert!(of((2e-5, 5e-5), (1e-5, 5e-5)).contains("0.000050 against 0.000020: +0.000030, "));
        // A bound just above 0 is not shown as 0.
        assert!(of((0.955, 0.961), (0.0003, 0.0117)).contains("+0.0060, 95 % interval +0.0003 to +0.0117 "));
        assert!(of((1e12, 3e12), (1e12, 3e12)).contains("3.000e12 against 1.000e12: +2.000e12, "));
    }
}
