//! Selects a subset of the examples: some of the classes, or some rows of each.

use super::{DataConfig, Dataset, Target, labels};
use crate::invalid::Invalid;

const NO_CLASSES: &str = "the target is a number, or several columns, which have no classes: remove the key";

/// Keeps the rows of the classes in `data.classes`, renumbered in their original order.
///
/// # Errors
/// Fewer than two classes, an unknown class, or a target that is a number.
pub(super) fn keep_classes(dataset: &mut Dataset, config: &DataConfig) -> Result<(), Invalid> {
    const KEY: &str = "data.classes";
    if config.classes.is_empty() {
        return Ok(());
    }
    let source_rows: Vec<u32> = (0..dataset.num_rows()).map(|row| dataset.source_row(row) as u32).collect();
    let Target::Classes { names, labels } = &mut dataset.target else {
        return Err(Invalid::at(KEY, NO_CLASSES));
    };
    if let Some(unknown) = config.classes.iter().find(|class| !names.contains(class)) {
        return Err(Invalid::at(KEY, format!("there is no class `{unknown}`; there are {}", labels::list(names, 20))));
    }
    let is_kept: Vec<bool> = names.iter().map(|name| config.classes.contains(name)).collect();
    names.retain(|name| config.classes.contains(name));
    if names.len() < 2 {
        return Err(Invalid::at(KEY, "name two classes or more: with one there is nothing to learn"));
    }
    let mut new_number = vec![0; is_kept.len()];
    let kept = (0..is_kept.len()).filter(|&class| is_kept[class]);
    kept.zip(0..).for_each(|(class, number)| new_number[class] = number);

    let keeps = |label: u32| is_kept[label as usize];
    dataset.source_rows = source_rows;
    if let Some(num_training_rows) = &mut dataset.num_training_rows {
        *num_training_rows = labels[..*num_training_rows].iter().filter(|&&label| keeps(label)).count();
    }
    let rewritten = dataset.cells.rewrite(dataset.columns.len(), |row, _| keeps(labels[row]));
    rewritten.map_err(|error| Invalid::at(KEY, format!("the rows cannot be selected: {error}")))?;
    let mut row = 0;
    dataset.source_rows.retain(|_| {
        row += 1;
        keeps(labels[row - 1])
    });
    dataset.division.retain(|row| keeps(labels[row]));
    if let Some(weights) = &mut dataset.weights {
        let mut labels = labels.iter();
        weights.values.retain(|_| labels.next().is_some_and(|&label| keeps(label)));
    }
    labels.retain(|&label| keeps(label));
    labels.iter_mut().for_each(|label| *label = new_number[*label as usize]);
    Ok(())
}

/// Renumbers the classes in the order of `data.ordered`.
///
/// # Errors
/// A list that is not of all classes, each once; fewer than three; a target that is a number.
pub(super) fn order_classes(dataset: &mut Dataset, config: &DataConfig) -> Result<(), Invalid> {
    const KEY: &str = "data.ordered";
    let ordered = &config.ordered;
    if ordered.is_empty() {
        return Ok(());
    }
    let Target::Classes { names, labels } = &mut dataset.target else { return Err(Invalid::at(KEY, NO_CLASSES)) };
    let all = |message: String| Invalid::at(KEY, format!("{message}: list all classes, the lowest first"));
    if let Some(unknown) = ordered.iter().find(|class| !names.contains(class)) {
        return Err(all(format!("there is no class `{unknown}`, but {}", labels::list(names, 20))));
    }
    if let Some(missing) = names.iter().find(|class| !ordered.contains(class)) {
        return Err(all(format!("{KEY} lacks the class `{missing}`")));
    }
    if let Some((_, twice)) = ordered.iter().enumerate().find(|(i, class)| ordered[..*i].contains(class)) {
        return Err(all(format!("{KEY} lists `{twice}` twice")));
    }
    Invalid::unless(names.len() > 2, KEY, || {
        format!("{KEY} is for three classes or more, since two have no other order: remove it")
    })?;
    let place = |name: &String| ordered.iter().position(|class| class == name).unwrap_or_default() as u32;
    let new_number: Vec<u32> = names.iter().map(place).collect();
    labels.iter_mut().for_each(|label| *label = new_number[*label as usize]);
    names.clone_from(ordered);
    Ok(())
}

/// The first `data.train_per_class` rows of each class out of shuffled training rows.
///
/// # Errors
/// A target that is a number.
pub(super) fn limit_per_class(rows: &mut Vec<u32>, dataset: &Dataset, config: &DataConfig) -> Result<(), Invalid> {
    let Some(limit) = config.train_per_class else { return Ok(()) };
    let Target::Classes { names, labels } = &dataset.target else {
        return Err(Invalid::at("data.train_per_class", NO_CLASSES));
    };
    let mut left = vec![limit; names.len()];
    rows.retain(|&row| {
        let left = &mut left[labels[row as usize] as usize];
        let keeps = *left > 0;
        *left -= usize::from(keeps);
        keeps
    });
    Ok(())
}
