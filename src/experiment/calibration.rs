//! What the validation rows tell of a trained network beside its best epoch: the temperature of its probabilities, and
//! how far its answers are from the truth, for sets and intervals that hold it as often as is asked for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::PreparedTarget;
use crate::training::evaluation::{Answer, NamedValue};

/// `calibration.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// By what the logits were divided; the weights of the output layer have it already. `None` if it was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Metrics of the validation rows without the temperature, and with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<NamedValue>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<NamedValue>,
    /// Of validation rows, ascending: the absolute error of a number, in its units; of a class, 1 minus the probability of
    /// the true one.
    pub errors: Vec<f64>,
    /// Whether the model was trained on these rows afterwards, so that the errors are those of the network before.
    pub has_refit: bool,
}

/// Sets of classes, or intervals of numbers, that hold the truth of new rows with a given probability: split conformal
/// prediction (Vovk et al. 2005; Lei et al. 2018, section 2.2; of classes Sadinle et al. 2019). It holds whatever the
/// network, for rows that come from where the validation rows came from; of many such models on average.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// The largest error that is allowed for.
    error: f64,
    class_names: Arc<[String]>,
}

impl Coverage {
    /// Those of `calibration` that hold the truth with the probability `share`.
    ///
    /// # Errors
    /// Too few validation rows.
    pub fn new(calibration: &Calibration, target: &PreparedTarget, share: f64) -> anyhow::Result<Self> {
        let errors = &calibration.errors;
        // The rank among the errors and that of the new row.
        let rank = ((errors.len() + 1) as f64 * share).ceil() as usize;
        anyhow::ensure!(
            (1..=errors.len()).contains(&rank),
            "--coverage {share} needs {} validation rows, and the model has {}: train it with a larger \
             data.validation_fraction, or ask for less",
            (share / (1.0 - share)).ceil(),
            errors.len()
        );
        let class_names = match target {
            PreparedTarget::Classes(names) | PreparedTarget::Ordered(names) => names.clone().into(),
            _ => Vec::new().into(),
        };
        Ok(Self { error: errors[rank - 1], class_names })
    }

    /// The names of its columns.
    pub fn columns(&self) -> &'static [&'static str] {
        if self.class_names.is_empty() { &["lower", "upper"] } else { &["set"] }
    }

    /// Its cells for an answer: the limits of the interval; or the classes, with ` | ` between, the predicted one among them
    /// even where it is less probable than others usually are.
    pub fn cells(&self, answer: &Answer) -> Vec<String> {
        if self.class_names.is_empty() {
            return [answer.first() - self.error, answer.first() + self.error].map(|limit| limit.to_string()).into();
        }
        let names = self.class_names.iter().enumerate().filter(|(class, _)| self.holds(answer, *class as f64));
        vec![names.map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(" | ")]
    }

    /// Whether the set or the interval of an answer holds a class or a number.
    pub fn holds(&self, answer: &Answer, truth: f64) -> bool {
        match answer.probabilities.get(truth as usize).filter(|_| !self.class_names.is_empty()) {
            Some(probability) => 1.0 - probability <= self.error || truth == answer.first(),
            None => (answer.first() - truth).abs() <= self.error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration(errors: Vec<f64>) -> Calibration {
        Calibration { temperature: None, before: Vec::new(), after: Vec::new(), errors, has_refit: false }
    }

    #[test]
    fn the_rank_counts_the_new_row() {
        let of = calibration((1..=19).map(f64::from).collect());
        let number = PreparedTarget::Number { mean: 0.0, standard_deviation: 1.0 };
        let answer = Answer { predicted: vec![100.0], probabilities: Vec::new(), quantiles: Vec::new() };
        // ceil(20 x 0.9) = 18, ceil(20 x 0.5) = 10
        for (share, error) in [(0.9, 18.0), (0.5, 10.0), (0.95, 19.0)] {
            let coverage = Coverage::new(&of, &number, share).unwrap();
            assert_eq!(coverage.cells(&answer), [(100.0 - error).to_string(), (100.0 + error).to_string()]);
            assert!(coverage.holds(&answer, 100.0 - error) && !coverage.holds(&answer, 100.1 + error));
        }
        let error = Coverage::new(&of, &number, 0.99).unwrap_err().to_string();
        assert!(error.starts_with("--coverage 0.99 needs 99 validation rows, and the model has 19"), "{error}");
    }

    #[test]
    fn a_set_has_the_probable_classes_and_the_predicted_one() {
        let of = calibration((1..=9).map(|i| f64::from(i) / 10.0).collect());
        let classes = PreparedTarget::Classes(["a", "b", "c"].map(String::from).to_vec());
        let coverage = Coverage::new(&of, &classes, 0.7).unwrap();
        assert_eq!(coverage.columns(), ["set"]);
        for (probabilities, predicted, set) in [
            (vec![0.5, 0.35, 0.15], 0.0, "a | b"),
            (vec![0.29, 0.29, 0.42], 2.0, "c"),
            (vec![0.28, 0.28, 0.29], 2.0, "c"),
        ] {
            assert_eq!(
                coverage.cells(&Answer { predicted: vec![predicted], probabilities, quantiles: Vec::new() }),
                [set]
            );
        }
    }
}
