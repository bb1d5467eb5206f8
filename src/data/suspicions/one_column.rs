//! How well one column alone tells the target.

use super::View;
use crate::data::Target;

/// Training rows that a rule of one column is learned from and tried on, half each.
const MAX_ROWS: usize = 1000;

/// How well one column alone tells the target of rows that its rule was not made from.
pub(super) struct Told {
    /// Share of correct classes, or of the variance of a number.
    share: f64,
    /// The same, without the column.
    chance: f64,
    of_classes: bool,
}

impl Told {
    pub(super) fn is_more_than_chance(&self) -> bool {
        self.share - self.chance > 0.3 * (1.0 - self.chance)
    }

    /// The column leaves next to nothing to learn.
    pub(super) fn is_the_answer(&self) -> bool {
        self.share >= if self.of_classes { 0.99 } else { 0.999 } && 1.0 - self.share <= 0.05 * (1.0 - self.chance)
    }

    pub(super) fn sentence(&self) -> String {
        let share = 100.0 * self.share;
        match self.of_classes {
            true => format!(
                "tells the class of {share:.1} % of the rows (the most frequent class: {:.1} %)",
                100.0 * self.chance
            ),
            false => format!("tells {share:.1} % of the variance of the target"),
        }
    }
}

/// The rule takes the target of the nearest value in one half of the sample (of several such rows, their most frequent
/// class or mean), and is tried on the other half; so is, for numbers, a straight line, of which few rows tell more.
pub(super) fn told_by(view: &View<'_>, column: usize) -> Option<Told> {
    if matches!(view.dataset.target, Target::Several(_)) {
        return None; // no one target
    }
    let rows = view.splits.train.iter().take(MAX_ROWS).map(|&row| row as usize);
    let rows = rows.filter(|&row| !view.cell(row, column).is_nan());
    let pairs: Vec<(f32, f64)> = rows.map(|row| (view.cell(row, column), view.target(row))).collect();
    let (learned, tried) = pairs.split_at(pairs.len() / 2);
    if learned.len() < 20 {
        return None;
    }
    let of_classes = view.has_classes();
    let summary = |targets: &[f64]| if of_classes { most_frequent(targets) } else { mean(targets) };
    let mut sorted = learned.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let rule: Vec<(f32, f64)> = sorted
        .chunk_by(|a, b| a.0 == b.0)
        .map(|equal| (equal[0].0, summary(&equal.iter().map(|pair| pair.1).collect::<Vec<_>>())))
        .collect();
    let is_numeric = view.is_numeric(column);
    let answer = |value: f32| {
        let place = rule.partition_point(|known| known.0 < value);
        let near = [place.checked_sub(1), Some(place)].into_iter().flatten().filter_map(|place| rule.get(place));
        let distance = |known: &&(f32, f64)| (known.0 - value).abs();
        let nearest = near.min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
        // There is nothing between two categories.
        (is_numeric || nearest.0 == value).then_some(nearest.1)
    };
    let all: Vec<f64> = tried.iter().map(|pair| pair.1).collect();
    let usual = summary(&learned.iter().map(|pair| pair.1).collect::<Vec<_>>());
    let predicted: Vec<f64> = tried.iter().map(|pair| answer(pair.0).unwrap_or(usual)).collect();
    let (share, chance) = match of_classes {
        true => {
            let hits = predicted.iter().zip(&all).filter(|(predicted, target)| predicted == target).count();
            let usual = all.iter().filter(|&&target| target == usual).count();
            (hits as f64 / all.len() as f64, usual as f64 / all.len() as f64)
        }
        false => {
            let center = mean(&all);
            let variation: f64 = all.iter().map(|target| (target - center).powi(2)).sum();
            let told = |predicted: &mut dyn Iterator<Item = f64>| {
                1.0 - predicted.zip(&all).map(|(predicted, target)| (predicted - target).powi(2)).sum::<f64>()
                    / variation
            };
            let nearest = told(&mut predicted.into_iter());
            let line = is_numeric.then(|| line_through(learned));
            let linear = line.map(|line| told(&mut tried.iter().map(|pair| line(f64::from(pair.0)))));
            (nearest.max(linear.unwrap_or(f64::NAN)), 0.0)
        }
    };
    share.is_finite().then_some(Told { share, chance, of_classes })
}

/// The straight line of least squares.
fn line_through(pairs: &[(f32, f64)]) -> impl Fn(f64) -> f64 {
    let num = pairs.len() as f64;
    let [x, y] = pairs.iter().fold([0.0; 2], |[x, y], pair| [x + f64::from(pair.0) / num, y + pair.1 / num]);
    let [xx, xy] = pairs.iter().fold([0.0; 2], |[xx, xy], pair| {
        let distance = f64::from(pair.0) - x;
        [xx + distance * distance, xy + distance * (pair.1 - y)]
    });
    let slope = if xx > 0.0 { xy / xx } else { 0.0 };
    move |at| y + slope * (at - x)
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// The first of equally frequent ones.
fn most_frequent(classes: &[f64]) -> f64 {
    let mut sorted = classes.to_vec();
    sorted.sort_by(f64::total_cmp);
    let groups = sorted.chunk_by(|a, b| a == b).rev();
    groups.max_by_key(|group| group.len()).map_or(f64::NAN, |group| group[0])
}
