//! A verdict in one sentence.

use super::{Claim, Verdict};

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
        let step = (half / 5.0).min(nearest).max(half / 500.0);
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
