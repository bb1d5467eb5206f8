//! The tables shipped inside the binary, read by the same code as the user's files. Origin and licence: `builtin/README.md`.

use super::csv::Origin;
use super::{DataConfig, Dataset, Source, Target, TaskKind, infer};
use crate::invalid::Invalid;

/// A shipped set.
///
/// # Errors
/// Column names in the section that the set does not have.
pub(super) fn load(source: Source, config: &DataConfig) -> Result<Dataset, Invalid> {
    let bytes: &'static [u8] = match source {
        Source::Iris => include_bytes!("builtin/iris.csv.gz"),
        Source::Wine => include_bytes!("builtin/wine.csv.gz"),
        Source::BreastCancer => include_bytes!("builtin/breast_cancer.csv.gz"),
        Source::Diabetes => include_bytes!("builtin/diabetes.csv.gz"),
        // Neither the text nor the generated sets come here.
        _ => include_bytes!("builtin/digits.csv.gz"),
    };
    let task = match source {
        Source::Diabetes => TaskKind::Regression,
        _ => TaskKind::Classification,
    };
    let mut config = config.clone();
    config.target = Some("target".to_owned());
    config.task = config.task.or(Some(task));
    if source == Source::Digits {
        config.image_shape = config.image_shape.or(Some([8, 8]));
    }
    let origin = Origin::shipped(source.name(), bytes);
    let mut dataset = infer::read(source.name(), &origin, &config)?;
    if source == Source::BreastCancer {
        number_as_scikit_learn(&mut dataset.target);
    }
    Ok(dataset)
}

/// scikit-learn calls malignant 0 and benign 1, the reverse of the alphabet; published numbers follow it.
fn number_as_scikit_learn(target: &mut Target) {
    if let Target::Classes { names, labels } = target {
        names.reverse();
        labels.iter_mut().for_each(|label| *label = 1 - *label);
    }
}
