//! `runs list`

use anyhow::Context;

use crate::cli::ListArgs;
use crate::comparison::field::Field;
use crate::comparison::verdict::{Group, best_of, pooled_deviation};
use crate::comparison::{
    self, differences, folds, headline, mean_interval, num_repetitions, order, per_repetition, results, spread,
    tells_configs_apart,
};
use crate::figures::counted;
use crate::tracking::{Run, Shown, Store};

use super::select::{JsonRun, json, select};
use super::table;

/// The width that a terminal shows without wrapping.
const WIDTH: usize = 80;

/// Maximum number of params on a line of `--group`.
const MAX_PARAMS: usize = 3;

/// The list as text or JSON.
pub fn text(store: &Store, options: &ListArgs) -> anyhow::Result<String> {
    let (mut runs, vocabulary) = select(store, &options.filter, options.archived)?;
    let resolve = |option: &str, key: &String| vocabulary.resolve(key).with_context(|| format!("{option} `{key}`"));
    if let Some(key) = &options.sort {
        let field = resolve("--sort", key)?;
        runs.sort_by(|a, b| order(&field, field.of(&a.0, a.1).as_ref(), field.of(&b.0, b.1).as_ref(), options.reverse));
    } else if options.reverse {
        runs.reverse();
    }
    if runs.is_empty() && !options.json {
        let has_hidden = !options.archived && !select(store, &options.filter, true)?.0.is_empty();
        let hidden = if has_hidden { ": --archived shows those that are archived" } else { "" };
        return Ok(match options.filter.trim() {
            "" => format!("no runs{hidden}\n"),
            filter => format!("no run matches `{filter}`{hidden}\n"),
        });
    }
    if options.group {
        return Ok(groups(&runs, options.limit.unwrap_or(usize::MAX)));
    }
    runs.truncate(options.limit.unwrap_or(usize::MAX));
    if options.json {
        return json(&runs.iter().map(|(run, shown)| JsonRun { run, shown: *shown }).collect::<Vec<_>>());
    }
    if !options.columns.is_empty() {
        let fields = options.columns.iter().map(|key| resolve("--columns", key)).collect::<anyhow::Result<Vec<_>>>()?;
        return Ok(render(&runs, &options.columns, &fields, usize::MAX));
    }
    // Ids must not be truncated, so that they can be copied: if they are long, tags are dropped, then the last columns.
    let mut columns = default_columns(&runs);
    let named = |columns: &[String]| -> Vec<Field> {
        columns.iter().map(|column| column.parse().unwrap_or_else(|never| match never {})).collect()
    };
    let mut text = render(&runs, &columns, &named(&columns), usize::MAX);
    while table::width(&text) > WIDTH && columns.len() > 1 {
        columns.pop();
        text = render(&runs, &columns, &named(&columns), usize::MAX);
    }
    let rest = WIDTH.saturating_sub(table::width(&text) + 2);
    if !columns.iter().any(|column| column == "tag") && rest >= "tag".len() {
        columns.push("tag".to_owned());
        text = render(&runs, &columns, &named(&columns), rest);
    }
    Ok(text)
}

/// A line per config: its newest run, and statistics over its seeds. Configs that cannot be compared have different letters
/// under `data`.
fn groups(runs: &[(Run, Shown)], limit: usize) -> String {
    let mut groups = comparison::groups(runs.iter().map(|(run, _)| run));
    groups.truncate(limit);
    // The params that differ between configs, as far as they fit on a line.
    let params: Vec<_> = groups.iter().map(|group| &group[0].record.params).collect();
    let params = differences(&params).into_iter().map(|difference| difference.key);
    let mut params: Vec<String> = params.filter(|key| tells_configs_apart(key)).collect();
    params.sort_by_key(|key| !key.starts_with("model.")); // compared most often, so first
    params.truncate(MAX_PARAMS);
    let sets = comparison::comparable_sets(&groups);
    let mut letters = sets.clone();
    letters.sort_unstable();
    letters.dedup();
    let is_mixed = letters.len() > 1;
    let row = |(group, set): (&Vec<&Run>, &usize)| -> Vec<String> {
        let letter = is_mixed.then(|| letter(letters.iter().position(|first| first == set).unwrap_or_default()));
        let first = [group[0].record.id.to_string(), num_repetitions(group).to_string()].into_iter().chain(letter);
        let metric = headline(group.iter().copied());
        let values = metric.as_ref().map(|key| per_repetition(group, key)).unwrap_or_default();
        let found = spread(&values);
        let number = |number: Option<f64>| number.map(table::short).unwrap_or_default();
        let interval = metric
            .as_ref()
            .and_then(|key| mean_interval(key, &values, folds(group[0])))
            .map(|(low, high)| format!("{} to {}", table::short(low), table::short(high)))
            .unwrap_or_default();
        let deviation = found.filter(|found| found.count > 1).map(|found| found.deviation);
        let rest = [
            metric.map(|key| key.to_string()).unwrap_or_default(),
            number(found.map(|found| found.mean)),
            number(deviation),
            interval,
        ];
        let params = params.iter().map(|key| group[0].record.params.get(key).map(table::json_cell).unwrap_or_default());
        first.chain(params).chain(rest).collect()
    };
    let header: Vec<String> = ["newest run", "seeds"]
        .into_iter()
        .chain(is_mixed.then_some("data"))
        .map(str::to_owned)
        .chain(params.iter().map(|key| key.rsplit('.').next().unwrap_or(key).to_owned()))
        .chain(["metric", "mean", "sd", "95 % interval"].map(str::to_owned))
        .collect();
    let mut text = table::render(&header, &groups.iter().zip(&sets).map(row).collect::<Vec<_>>());
    match is_mixed {
        true => text
            .push_str("\nDifferent letters under `data`: tested on different rows, so that they cannot be compared.\n"),
        false => text.extend(luck_of_the_best(&groups)),
    }
    text
}

/// `a` for 0, `b` for 1, ...
fn letter(index: usize) -> String {
    comparison::judge::letters(index).to_lowercase()
}

/// Selection bias: how much better the best of several equally good configs looks than it is.
fn luck_of_the_best(groups: &[Vec<&Run>]) -> Option<String> {
    let key = headline(groups.iter().flatten().copied())?;
    let results: Vec<Vec<(u64, f64)>> = groups.iter().map(|group| results(group, &key)).collect();
    let configs: Vec<Group> = results.iter().map(|results| Group { name: "", results }).collect();
    let deviation = pooled_deviation(&configs)?;
    // The smallest number of seeds, for which the bias is largest.
    let num_seeds = groups.iter().map(|group| num_repetitions(group)).min().filter(|_| configs.len() > 1)?;
    let excess = best_of(configs.len(), num_seeds, deviation);
    Some(format!(
        "\nThe best of {} equally good configs with {} each would look better than it is by {} in \
         {key}, by luck alone (at most {} in 95 of 100 cases).\n",
        configs.len(),
        counted(num_seeds, "seed"),
        table::short(excess.expected),
        table::short(excess.upper)
    ))
}

/// The table, with the cells of the last column cut to `last` characters.
fn render(runs: &[(Run, Shown)], columns: &[String], fields: &[Field], last: usize) -> String {
    let row = |(run, shown): &(Run, Shown)| {
        let mut cells: Vec<String> = fields.iter().map(|field| table::cell(field.of(run, *shown).as_ref())).collect();
        if let Some(cell) = cells.last_mut().filter(|cell| cell.chars().count() > last) {
            *cell = cell.chars().take(last - 1).chain(['…']).collect();
        }
        cells
    };
    table::render(columns, &runs.iter().map(row).collect::<Vec<_>>())
}

/// The id, the status, the validation loss, one test result, and the tags.
fn default_columns(runs: &[(Run, Shown)]) -> Vec<String> {
    let measured = |key: &str| runs.iter().any(|(run, _)| run.metrics.keys().any(|other| other.as_str() == key));
    let test = ["test/bits_per_character", "test/accuracy", "test/rmse", "test/mae", "test/loss"]
        .into_iter()
        .find(|key| measured(key));
    let columns = ["id", "status", "validation/loss"].into_iter().chain(test).chain(["tag"]);
    columns.map(str::to_owned).collect()
}
