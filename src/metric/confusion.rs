//! Counts of true against predicted classes, and the rates that follow from them.
//!
//! Definitions are scikit-learn's: zero where a ratio has no denominator, averages over the classes that occur among
//! targets or predictions.

/// Counts of (true class, predicted class), or sums of the examples' weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Confusion {
    num_classes: usize,
    counts: Vec<f64>,
}

/// Averages over classes, each class counting the same (macro averages). In `0.0..=1.0`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Averages {
    pub balanced_accuracy: f64,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

/// Precision, recall and F1 of one class, each in `0.0..=1.0`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ClassReport {
    pub class: String,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    /// Examples of this class.
    pub support: u64,
}

impl Confusion {
    /// No counts yet, for classes `0..num_classes`.
    pub fn new(num_classes: usize) -> Self {
        Self { num_classes, counts: vec![0.0; num_classes * num_classes] }
    }

    /// Adds an example of class `label` that was predicted as `predicted`; 1 counts it.
    pub fn add(&mut self, label: usize, predicted: usize, weight: f64) {
        self.counts[label * self.num_classes + predicted] += weight;
    }

    /// Rows: true class; columns: predicted class. In whole numbers, as counts are.
    pub fn rows(&self) -> Vec<Vec<u64>> {
        let row = |row: &[f64]| row.iter().map(|&count| count as u64).collect();
        self.counts.chunks_exact(self.num_classes).map(row).collect()
    }

    /// Share of examples on the diagonal; NaN without examples.
    pub fn accuracy(&self) -> f64 {
        let correct: f64 = (0..self.num_classes).map(|class| self.hits(class)).sum();
        correct / self.counts.iter().sum::<f64>()
    }

    fn hits(&self, class: usize) -> f64 {
        self.counts[class * self.num_classes + class]
    }

    fn support(&self, class: usize) -> f64 {
        self.counts[class * self.num_classes..][..self.num_classes].iter().sum()
    }

    fn predicted(&self, class: usize) -> f64 {
        self.counts.iter().skip(class).step_by(self.num_classes).sum()
    }

    /// Precision, recall and F1 of `class`; 0 where the denominator is 0.
    fn rates(&self, class: usize) -> (f64, f64, f64) {
        let ratio = |part: f64, whole: f64| if whole == 0.0 { 0.0 } else { part / whole };
        let hits = self.hits(class);
        let (support, predicted) = (self.support(class), self.predicted(class));
        (ratio(hits, predicted), ratio(hits, support), ratio(2.0 * hits, support + predicted))
    }

    /// Mean distance of the predicted class from the true one, in classes of an order.
    pub fn mean_rank_error(&self) -> f64 {
        self.sum_of(|label, predicted| label.abs_diff(predicted) as f64) / self.counts.iter().sum::<f64>()
    }

    /// Cohen's kappa of classes in an order, in which mistakes count by the square of their distance (Cohen 1968). 0 where
    /// there is but one class among targets and predictions.
    pub fn quadratic_kappa(&self) -> f64 {
        let squared = |a: usize, b: usize| (a.abs_diff(b) as f64).powi(2);
        let total: f64 = self.counts.iter().sum();
        let of_labels: Vec<f64> = (0..self.num_classes).map(|class| self.support(class)).collect();
        let of_predicted: Vec<f64> = (0..self.num_classes).map(|class| self.predicted(class)).collect();
        let mut by_chance = 0.0;
        for (label, rows) in of_labels.iter().enumerate() {
            for (predicted, columns) in of_predicted.iter().enumerate() {
                by_chance += squared(label, predicted) * rows * columns / total;
            }
        }
        if by_chance == 0.0 { 0.0 } else { 1.0 - self.sum_of(squared) / by_chance }
    }

    fn sum_of(&self, cost: impl Fn(usize, usize) -> f64) -> f64 {
        let cells = self.counts.iter().enumerate();
        cells.map(|(at, count)| count * cost(at / self.num_classes, at % self.num_classes)).sum()
    }

    /// F1 of `class` by itself; 0 where it occurs neither among targets nor among predictions.
    pub fn f1(&self, class: usize) -> f64 {
        self.rates(class).2
    }

    /// Macro averages over the classes that occur; balanced accuracy over those that occur among the targets.
    pub fn averages(&self) -> Averages {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let seen: Vec<usize> =
            (0..self.num_classes).filter(|&class| self.support(class) + self.predicted(class) > 0.0).collect();
        let rates: Vec<_> = seen.iter().map(|&class| self.rates(class)).collect();
        let true_recalls: Vec<f64> =
            seen.iter().zip(&rates).filter(|&(&class, _)| self.support(class) > 0.0).map(|(_, rate)| rate.1).collect();
        Averages {
            balanced_accuracy: mean(&true_recalls),
            precision: mean(&rates.iter().map(|rate| rate.0).collect::<Vec<_>>()),
            recall: mean(&rates.iter().map(|rate| rate.1).collect::<Vec<_>>()),
            f1: mean(&rates.iter().map(|rate| rate.2).collect::<Vec<_>>()),
        }
    }

    /// One report per class, in the order of `class_names`.
    pub fn report(&self, class_names: &[String]) -> Vec<ClassReport> {
        class_names
            .iter()
            .enumerate()
            .map(|(class, name)| {
                let (precision, recall, f1) = self.rates(class);
                ClassReport { class: name.clone(), precision, recall, f1, support: self.support(class) as u64 }
            })
            .collect()
    }
}
