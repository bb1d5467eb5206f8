//! The way that a run goes with its data, as far as they take it; the fuzz targets and `tests/burnlab/data.rs` share it.

use std::path::Path;

use burnlab::data::{ColumnKind, DataConfig, Dataset, NewRows, PreparedKind, Preprocessor, load, split};
use burnlab::invalid::Invalid;

/// Loads, splits, prepares, writes the test rows to `rewritten` and reads them back. Bad data end it early, and must not
/// panic; what is promised of good ones is asserted.
pub fn try_all(config: &DataConfig, rewritten: &Path) {
    let dataset = match load(config) {
        Ok(dataset) => dataset,
        Err(Invalid { message, .. }) => {
            return assert!(!message.contains('\n') && message.len() <= 10_003, "{message}");
        }
    };
    assert_eq!(dataset.cells.num_rows() * dataset.cells.width(), dataset.num_rows() * dataset.columns.len());
    assert!(!dataset.describe().is_empty());
    let Ok(splits) = split(&dataset, config, 0) else { return };
    let Ok(preprocessor) = Preprocessor::fit(&dataset, &splits.train, config) else { return };
    preprocessor.validate().unwrap();
    for rows in [&splits.train, &splits.validation, &splits.test] {
        let examples = preprocessor.transform(&dataset, rows);
        assert!(examples.inputs.iter().all(|input| input.is_finite()));
    }
    come_back(&dataset, &splits.test, &preprocessor, rewritten);
}

/// The test rows of a run folder must be what they were: to the network, and to the target.
fn come_back(dataset: &Dataset, rows: &[u32], preprocessor: &Preprocessor, file: &Path) {
    if rows.is_empty()
        || !dataset.columns.iter().zip(preprocessor.columns()).all(|(was, is)| is_exact(&was.kind, &is.kind))
    {
        return;
    }
    let mut text = Vec::new();
    dataset.write_rows(rows, &mut text).unwrap();
    std::fs::write(file, text).unwrap();
    let config = DataConfig::of_written_rows();
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    let preprocessor = &preprocessor.for_written_rows();
    let read = NewRows::new(file, preprocessor, &config, true, &[]);
    let read = read.open().and_then(|open| {
        open.for_each_block(|block| {
            inputs.extend(block.examples.inputs);
            targets.extend(block.examples.targets);
            Ok::<_, Invalid>(())
        })
    });
    read.unwrap_or_else(|error| panic!("the written rows cannot be read: {error}"));
    let examples = preprocessor.transform(dataset, rows);
    assert_eq!(inputs, examples.inputs);
    assert_eq!(targets, examples.targets);
}

/// Not so where only numbers were kept of a column of texts: a preprocessor does not say that `1.0` was not `1` there.
fn is_exact(was: &ColumnKind, is: &PreparedKind) -> bool {
    let are_numbers = |names: &[String]| names.iter().all(|name| name.parse::<f64>().is_ok());
    match (was, is) {
        (ColumnKind::Categorical { categories: all }, PreparedKind::Categorical { categories: kept, .. }) => {
            are_numbers(all) || !are_numbers(kept)
        }
        _ => true,
    }
}
