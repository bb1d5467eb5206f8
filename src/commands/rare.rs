//! Rare classes: whether a model overlooks one, and what a result is held against where there are any.

use crate::experiment::evaluate::{ClassEvaluation, Evaluation};
use crate::metric::ClassReport;

/// A class with a smaller share of the rows is rare, unless there are so many classes that it is an ordinary one.
const RARE: f64 = 0.1;

/// The share of the rows below which one of so many classes is rare.
fn rare_share(num_classes: usize) -> f64 {
    RARE.min(0.5 / num_classes as f64)
}

/// A class's share of the rows.
pub fn share(classes: &ClassEvaluation, class: &ClassReport) -> f64 {
    class.support as f64 / classes.report.iter().map(|class| class.support as f64).sum::<f64>()
}

/// The rare class that is missed the most, if at least half of its rows are: it hides in a high accuracy.
pub fn overlooked(classes: &ClassEvaluation) -> Option<&ClassReport> {
    let missed = rare(classes).filter(|class| class.recall < 0.5);
    missed.max_by(|a, b| (1.0 - a.recall).total_cmp(&(1.0 - b.recall)))
}

fn rare(classes: &ClassEvaluation) -> impl Iterator<Item = &ClassReport> {
    let limit = rare_share(classes.report.len());
    classes.report.iter().filter(move |class| class.support > 0 && share(classes, class) < limit)
}

/// Says so if the test result is not better than that of a baseline that ignores the inputs; of accuracies, by more than
/// two standard deviations of guesses. Where the classes are weighted, or one of them is rare, the most frequent class is
/// not what a model should answer: guessing every class equally often is the baseline then.
pub fn no_better_than_the_baseline(evaluation: &Evaluation, has_weights: bool) -> Option<String> {
    let (name, baseline) = (evaluation.baseline.name.as_str(), evaluation.baseline.value);
    match &evaluation.classes {
        Some(classes) if has_weights || rare(classes).next().is_some() => {
            let counts: Vec<f64> =
                classes.report.iter().map(|class| class.support as f64).filter(|count| *count > 0.0).collect();
            let (num_classes, chance) = (counts.len() as f64, 1.0 / counts.len() as f64);
            let variance: f64 = counts.iter().map(|count| chance * (1.0 - chance) / count).sum();
            let value = evaluation.metric("balanced_accuracy");
            (value <= chance + 2.0 * variance.sqrt() / num_classes).then(|| {
                format!("balanced_accuracy {value:.4} is not clearly better than {chance:.4}, which guessing reaches")
            })
        }
        Some(_) => {
            let value = evaluation.metric(name);
            let deviation = (baseline * (1.0 - baseline) / evaluation.num_examples as f64).sqrt();
            (value <= baseline + 2.0 * deviation)
                .then(|| format!("{name} {value:.4} is not clearly better than the baseline's {baseline:.4}"))
        }
        None => {
            let value = evaluation.metric(name);
            (value >= baseline).then(|| format!("{name} {value:.4} is no better than the baseline's {baseline:.4}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes of `counts` rows, of each of which a model gets a share right.
    fn evaluation(counts: [u64; 2], recall: [f64; 2]) -> Evaluation {
        let total = (counts[0] + counts[1]) as f64;
        let accuracy = (counts[0] as f64 * recall[0] + counts[1] as f64 * recall[1]) / total;
        let class = |(name, (count, recall)): (&str, (u64, f64))| serde_json::json!({ "class": name, "precision": 0.5, "recall": recall, "f1": 0.5, "support": count });
        let report: Vec<_> = ["a", "b"].into_iter().zip(counts.into_iter().zip(recall)).map(class).collect();
        let metric = |name: &str, value: f64| serde_json::json!({ "name": name, "value": value });
        serde_json::from_value(serde_json::json!({
            "num_examples": counts[0] + counts[1],
            "metrics": [metric("accuracy", accuracy), metric("balanced_accuracy", f64::midpoint(recall[0], recall[1]))],
            "baseline": metric("accuracy", counts[0] as f64 / total),
            "classes": { "confusion_matrix": [[1, 0], [0, 1]], "report": report },
        }))
        .unwrap()
    }

    #[test]
    fn a_rare_class_is_judged_by_balanced_accuracy() {
        // Of 570 and 30 rows, 85 % and 80 % right: less accurate than always `a` (0.95), but far from guessing.
        let balanced = evaluation([570, 30], [0.85, 0.8]);
        assert!(overlooked(balanced.classes.as_ref().unwrap()).is_none());
        assert_eq!(no_better_than_the_baseline(&balanced, false), None);
        // Two standard deviations of guessing are sqrt(0.25 / 570 + 0.25 / 30), 0.0936.
        for (recall, is_told) in [(0.68, true), (0.70, false)] {
            let told = no_better_than_the_baseline(&evaluation([570, 30], [0.5, recall]), false);
            assert_eq!(told.is_some(), is_told, "{told:?}");
        }
        let missed = evaluation([570, 30], [1.0, 0.1]);
        assert_eq!(overlooked(missed.classes.as_ref().unwrap()).unwrap().class, "b");
        // Without a rare class and without weights, by accuracy: 0.55 and two standard deviations are 0.5906 of 600.
        let even = |recall| evaluation([330, 270], [recall, recall]);
        assert!(no_better_than_the_baseline(&even(0.59), false).unwrap().contains("is not clearly better than"));
        assert_eq!(no_better_than_the_baseline(&even(0.592), false), None);
        // With weights, by balanced accuracy: two standard deviations of guessing are 0.0410.
        assert_eq!(no_better_than_the_baseline(&even(0.55), true), None);
    }
}
