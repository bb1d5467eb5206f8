//! What the validation rows tell of a trained network beside its best epoch: the temperature of its probabilities, and
//! how far its answers are from the truth, for sets and intervals that hold it as often as is asked for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::predictions::inert;
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
    /// Of quantiles: for each pair of levels that are as many places from the two ends, the outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intervals: Vec<IntervalErrors>,
    /// Whether the model was trained on these rows afterwards, so that the errors are those of the network before.
    pub has_refit: bool,
}

/// How far the truth of validation rows is outside the interval between two quantiles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntervalErrors {
    /// The lower and the higher one.
    pub levels: [f64; 2],
    /// Ascending, in the units of the target: how far outside the nearer limit, negative where it is inside.
    pub errors: Vec<f64>,
}

/// The places of the pairs of `num_levels` quantiles that are as many places from the two ends, the outermost first.
pub fn level_pairs(num_levels: usize) -> impl Iterator<Item = [usize; 2]> {
    (0..num_levels / 2).map(move |lower| [lower, num_levels - 1 - lower])
}

/// Sets of classes, or intervals of numbers, that hold the truth of new rows with a given probability: split conformal
/// prediction (Vovk et al. 2005; Lei et al. 2018, section 2.2; of classes Sadinle et al. 2019; of quantiles Romano, Patterson
/// and Candès 2019, "Conformalized quantile regression"). It holds whatever the network, for rows that come from where the
/// validation rows came from; of many such models on average.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// The largest error that is allowed for.
    error: f64,
    around: Around,
}

/// What the sets or intervals are made of.
#[derive(Clone, Debug)]
enum Around {
    Classes(Arc<[String]>),
    /// The predicted number, in the middle.
    Number,
    /// The numbers between two quantiles.
    Quantiles([usize; 2]),
}

impl Calibration {
    /// # Errors
    /// What in it cannot be of a model with this target.
    pub fn check(&self, target: &PreparedTarget) -> Result<(), &'static str> {
        let all = || self.intervals.iter().map(|interval| &interval.errors).chain([&self.errors]);
        if !all().all(|errors| errors.is_sorted() && errors.iter().all(|error| error.is_finite())) {
            return Err("its errors do not ascend");
        }
        let is_of_classes = matches!(target, PreparedTarget::Classes(_) | PreparedTarget::Ordered(_));
        let is_error = |error: &f64| *error >= 0.0 && (*error <= 1.0 || !is_of_classes);
        if !self.errors.iter().all(is_error) {
            return Err("an error is below 0, or of a class above 1");
        }
        let PreparedTarget::Quantiles { levels, .. } = target else { return Ok(()) };
        let mut pairs = self.intervals.iter().zip(level_pairs(levels.len()));
        match pairs.all(|(interval, pair)| interval.levels == pair.map(|place| levels[place])) {
            true => Ok(()),
            false => Err("its quantiles are not those of preprocessing.json"),
        }
    }
}

impl Coverage {
    /// Those of `calibration` that hold the truth with the probability `share`.
    ///
    /// # Errors
    /// Too few validation rows; a damaged `calibration`.
    pub fn new(calibration: &Calibration, target: &PreparedTarget, share: f64) -> anyhow::Result<Self> {
        // Of several pairs that whose levels promise the most similar share: the least is changed.
        let promised = |of: &IntervalErrors| (of.levels[1] - of.levels[0] - share).abs();
        let pairs = level_pairs(if let PreparedTarget::Quantiles { levels, .. } = target { levels.len() } else { 0 });
        let pairs = calibration.intervals.iter().zip(pairs);
        let pair = pairs.min_by(|(a, _), (b, _)| promised(a).total_cmp(&promised(b)));
        let errors = pair.as_ref().map_or(&calibration.errors, |(of, _)| &of.errors);
        // The rank among the errors and that of the new row.
        let rank = ((errors.len() + 1) as f64 * share).ceil() as usize;
        anyhow::ensure!(
            (1..=errors.len()).contains(&rank),
            "--coverage {share} needs {} validation rows, and the model has {}: train it with a larger \
             data.validation_fraction, or ask for less",
            (share / (1.0 - share)).ceil(),
            errors.len()
        );
        let around = match (target, pair) {
            (PreparedTarget::Classes(names) | PreparedTarget::Ordered(names), _) => {
                Around::Classes(names.clone().into())
            }
            (_, Some((_, pair))) => Around::Quantiles(pair),
            _ => Around::Number,
        };
        Ok(Self { error: errors[rank - 1], around })
    }

    /// The names of its columns.
    pub fn columns(&self) -> &'static [&'static str] {
        if matches!(self.around, Around::Classes(_)) { &["set"] } else { &["lower", "upper"] }
    }

    /// Its cells for an answer: the limits of the interval; or the classes, with ` | ` between, the predicted one among them
    /// even where it is less probable than others usually are.
    pub fn cells(&self, answer: &Answer) -> Vec<String> {
        let Around::Classes(names) = &self.around else {
            return self.limits(answer).map(|limit| limit.to_string()).into();
        };
        let names = names.iter().enumerate().filter(|(class, _)| self.holds(answer, *class as f64));
        let names = names.map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(" | ");
        vec![inert(&names).into_owned()]
    }

    /// The limits of the interval of a number.
    fn limits(&self, answer: &Answer) -> [f64; 2] {
        let [lower, upper] = match self.around {
            Around::Quantiles(pair) => pair.map(|place| answer.quantiles[place]),
            Around::Classes(_) | Around::Number => [answer.first(); 2],
        };
        let [lower, upper] = [lower - self.error, upper + self.error];
        // Where it is narrower than what is to be taken from both sides, a point is left.
        if lower <= upper { [lower, upper] } else { [(lower + upper) / 2.0; 2] }
    }

    /// Whether the set or the interval of an answer holds a class or a number.
    pub fn holds(&self, answer: &Answer, truth: f64) -> bool {
        if !matches!(self.around, Around::Classes(_)) {
            let [lower, upper] = self.limits(answer);
            return (lower..=upper).contains(&truth);
        }
        let probability = answer.probabilities.get(truth as usize);
        probability.is_some_and(|probability| 1.0 - probability <= self.error) || truth == answer.first()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration(errors: Vec<f64>) -> Calibration {
        let (before, after, intervals) = (Vec::new(), Vec::new(), Vec::new());
        Calibration { temperature: None, before, after, errors, intervals, has_refit: false }
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

    /// By hand: the fourth of nine errors for a third, the eighth for four fifths.
    #[test]
    fn quantiles_are_moved_by_how_far_the_truth_was_outside() {
        let target =
            PreparedTarget::Quantiles { mean: 0.0, standard_deviation: 1.0, levels: vec![0.1, 0.4, 0.5, 0.6, 0.9] };
        let errors = |first: i32| (first..first + 9).map(f64::from).collect();
        let intervals = vec![
            IntervalErrors { levels: [0.1, 0.9], errors: errors(-5) },
            IntervalErrors { levels: [0.4, 0.6], errors: errors(-3) },
        ];
        let of = Calibration { intervals, ..calibration(Vec::new()) };
        let quantiles = vec![10.0, 14.0, 15.0, 17.0, 22.0];
        let answer = Answer { predicted: vec![15.0], probabilities: Vec::new(), quantiles };
        for (share, limits) in [(0.8, [8.0, 24.0]), (0.33, [14.0, 17.0]), (0.7, [9.0, 23.0])] {
            let coverage = Coverage::new(&of, &target, share).unwrap();
            assert_eq!(coverage.cells(&answer), limits.map(|limit| limit.to_string()), "{share}");
            assert!(coverage.holds(&answer, limits[0]) && !coverage.holds(&answer, limits[1] + 0.1), "{share}");
        }
        // Errors that are all inside by more than the interval is wide.
        let narrow = IntervalErrors { levels: [0.1, 0.9], errors: (-29..-20).map(f64::from).collect() };
        let of = Calibration { intervals: vec![narrow], ..of };
        assert_eq!(Coverage::new(&of, &target, 0.8).unwrap().cells(&answer), ["16", "16"]);
    }

    #[test]
    fn a_set_of_classes_is_no_formula() {
        let classes = PreparedTarget::Classes(vec!["=1+1".into(), "b".into()]);
        let of = calibration((0..19).map(|error| f64::from(error) / 20.0).collect());
        let answer = Answer { predicted: vec![0.0], probabilities: vec![0.9, 0.1], quantiles: Vec::new() };
        let cells = Coverage::new(&of, &classes, 0.5).unwrap().cells(&answer);
        assert!(cells.len() == 1 && cells[0].starts_with("'=1+1"), "{cells:?}");
    }

    #[test]
    fn what_is_not_of_the_model_is_damaged() {
        let number = PreparedTarget::Number { mean: 0.0, standard_deviation: 1.0 };
        let levels = vec![0.1, 0.5, 0.9];
        let quantiles = PreparedTarget::Quantiles { mean: 0.0, standard_deviation: 1.0, levels };
        let classes = PreparedTarget::Classes(vec!["a".into(), "b".into()]);
        let with = |levels: [f64; 2], errors: &[f64]| {
            let intervals = vec![IntervalErrors { levels, errors: errors.to_vec() }];
            Calibration { intervals, ..calibration(vec![0.0, 1.0]) }
        };
        for (of, target, expected) in [
            (calibration(vec![0.5, 0.25]), &number, "do not ascend"),
            (calibration(vec![0.5, f64::INFINITY]), &number, "do not ascend"),
            (calibration(vec![-0.5, 0.25]), &number, "below 0"),
            (calibration(vec![0.5, 1.25]), &classes, "above 1"),
            (with([0.9, 0.1], &[-1.0, 2.0]), &quantiles, "not those of preprocessing.json"),
            (with([0.1, 0.9], &[2.0, -1.0]), &quantiles, "do not ascend"),
        ] {
            let problem = of.check(target).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
        let sound = with([0.1, 0.9], &[-1.0, 2.0]);
        assert!(sound.check(&quantiles).is_ok() && Coverage::new(&sound, &quantiles, 0.5).is_ok());
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
