//! The tables of the guide that are written from what the program knows: from `burnlab config schema`, from its own tables,
//! and from the heads of the shipped configs.

use std::ops::Range;

use burnlab::experiment::pictures::PICTURES;
use burnlab::metric::{Goal, METRICS};
use burnlab::shipped;
use serde_json::{Map, Value};

use super::page::Page;
use crate::place::Place;

/// Rewrites those tables of a page that are not as they should be. A table stands below a line `<!-- table OF WHAT -->` and
/// ends at an empty line; see [`table`].
pub fn edits(place: &Place, page: &Page) -> Vec<(Range<usize>, Vec<String>)> {
    let mut edits = Vec::new();
    for (at, line) in page.lines.iter().enumerate() {
        let Some(what) = line.strip_prefix("<!-- table ").and_then(|rest| rest.strip_suffix(" -->")) else { continue };
        let start = at + 1;
        let end = (start..page.lines.len()).find(|&at| page.lines[at].is_empty()).unwrap_or(page.lines.len());
        let table = table(place, what);
        if page.lines[start..end] != table {
            edits.push((start..end, table));
        }
    }
    edits
}

/// `keys SECTION [KIND]`: those of a section of the config, such as `training.schedule` (`top`: of no section); of `model`
/// those of a kind of network, or of `any`. `words NAME`: the values of one of the schema's types. `metrics`, `pictures`,
/// `configs`: the tables of those names.
fn table(place: &Place, what: &str) -> Vec<String> {
    let (head, rows): (&[&str], Vec<Vec<String>>) = match what.split_once(' ').unwrap_or((what, "")) {
        ("keys", section) => (&["key", "default", "meaning"], keys(&schema(place), section)),
        ("words", name) => (&["value", "meaning"], words(&schema(place), name)),
        ("metrics", "") => (&["metric", "better", "meaning"], METRICS.iter().map(metric).collect()),
        ("pictures", "") => {
            (&["picture", "shows"], PICTURES.iter().map(|row| vec![code(row.name), row.shows.to_owned()]).collect())
        }
        ("configs", "") => (&["config", "shows", "measured"], configs()),
        _ => panic!("no table `{what}`"),
    };
    assert!(!rows.is_empty(), "table `{what}` has no row");
    let row = |cells: &[String]| {
        format!("| {} |", cells.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | "))
    };
    let head: Vec<String> = head.iter().map(ToString::to_string).collect();
    let rule = format!("|{}", "---|".repeat(head.len()));
    [row(&head), rule].into_iter().chain(rows.iter().map(|cells| row(cells))).collect()
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn metric(metric: &burnlab::metric::Metric) -> Vec<String> {
    let better = match metric.goal {
        Some(Goal::Higher) => "higher",
        Some(Goal::Lower) => "lower",
        None => "",
    };
    vec![code(metric.name), better.to_owned(), metric.meaning.to_owned()]
}

/// A row a shipped config: what it shows, and what its head says was measured.
fn configs() -> Vec<Vec<String>> {
    let row = |config: shipped::ShippedConfig| vec![code(config.name), config.shows(), measured(config.text)];
    shipped::configs().map(row).collect()
}

/// The first sentence after `Measured` in a config's head, with how it was measured at its end.
fn measured(config: &str) -> String {
    let head = config.lines().map_while(|line| line.strip_prefix('#')).map(str::trim);
    let lines = head.skip_while(|line| !line.starts_with("Measured")).take_while(|line| !line.is_empty());
    let text = lines.collect::<Vec<_>>().join(" ");
    let ends = text.match_indices(". ").map(|(at, _)| at);
    let is_end = |at: &usize| text[at + 2..].starts_with(|next: char| next.is_uppercase());
    let end = ends.into_iter().find(is_end).unwrap_or(text.len());
    let sentence = text[..end].trim_start_matches("Measured").trim_start_matches([':', ' ']).trim_end_matches('.');
    // `(30 seeds, benches/configs.sh): accuracy ...`
    match sentence.strip_prefix('(').and_then(|rest| rest.split_once("): ")) {
        Some((how, result)) => format!("{result} ({how})"),
        None => sentence.to_owned(),
    }
}

/// The keys of a piece of a config that the schema does not have.
pub fn unknown(place: &Place, snippet: &str) -> Vec<String> {
    fn leaves(table: &toml::Table, start: &str, found: &mut Vec<String>) {
        for (key, value) in table {
            let key = format!("{start}{key}");
            match value {
                toml::Value::Table(table) if key != "sweep.space" => leaves(table, &format!("{key}."), found),
                _ => found.push(key),
            }
        }
    }
    let table: toml::Table = snippet.parse().unwrap_or_else(|error| panic!("{error}\nin {snippet}"));
    let mut found = Vec::new();
    leaves(&table, "", &mut found);
    let schema = schema(place);
    found.retain(|key| !has(&schema, &schema, &key.split('.').collect::<Vec<_>>()));
    found
}

fn schema(place: &Place) -> Value {
    serde_json::from_slice(&place.run(&["config", "schema"]).stdout).unwrap()
}

/// The schemas that a node stands for: itself, what it refers to, and its alternatives.
fn meanings<'a>(schema: &'a Value, node: &'a Value) -> Vec<&'a Value> {
    let mut found = vec![node];
    if let Some(name) = node["$ref"].as_str() {
        found.extend(meanings(schema, &schema["$defs"][name.rsplit('/').next().unwrap()]));
    }
    for several in ["anyOf", "oneOf", "allOf"] {
        found.extend(node[several].as_array().into_iter().flatten().flat_map(|node| meanings(schema, node)));
    }
    found
}

fn has(schema: &Value, node: &Value, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    meanings(schema, node)
        .into_iter()
        .any(|node| node["properties"].get(first).is_some_and(|node| has(schema, node, rest)))
}

/// The rows of the keys of a section.
fn keys(schema: &Value, section: &str) -> Vec<Vec<String>> {
    let (section, kind) = section.split_once(' ').map_or((section, None), |(section, kind)| (section, Some(kind)));
    let mut nodes = vec![schema];
    for name in section.split('.').filter(|name| *name != "top") {
        let under = |node| meanings(schema, node).into_iter().filter_map(|node| node["properties"].get(name));
        nodes = nodes.into_iter().flat_map(under).collect();
    }
    let objects =
        nodes.into_iter().flat_map(|node| meanings(schema, node)).filter_map(|node| node["properties"].as_object());
    let is_wanted =
        |object: &&Map<String, Value>| match (kind, object.get("kind").and_then(|kind| kind["const"].as_str())) {
            (Some("any"), found) => found.is_none(),
            (Some(kind), found) => found == Some(kind),
            (None, _) => true,
        };
    let is_section = |node: &Value| meanings(schema, node).iter().any(|node| node["properties"].is_object());
    objects
        .filter(is_wanted)
        .flatten()
        .filter(|(_, node)| !is_section(node) && node.get("const").is_none())
        .map(|(name, node)| vec![code(name), default(node), meaning(schema, node)])
        .collect()
}

/// The rows of the values of an enum.
fn words(schema: &Value, name: &str) -> Vec<Vec<String>> {
    let variants = meanings(schema, &schema["$defs"][name]).into_iter();
    let text = |node: &Value, key: &str| node[key].as_str().unwrap_or_default().to_owned();
    variants
        .filter(|node| node.get("const").is_some())
        .map(|node| vec![code(&text(node, "const")), text(node, "description")])
        .collect()
}

fn default(node: &Value) -> String {
    match node.get("default") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) if text.is_empty() => String::new(),
        Some(value) => format!("`{value}`"),
    }
}

/// What the key means, and the words that may be its value.
fn meaning(schema: &Value, node: &Value) -> String {
    let description = node["description"].as_str().unwrap_or_default().replace('\n', " ");
    let words: Vec<String> = meanings(schema, node)
        .into_iter()
        .flat_map(|node| node["enum"].as_array().into_iter().flatten().chain(node.get("const")))
        .filter_map(|value| value.as_str().map(|word| format!("`{word}`")))
        .collect();
    if words.len() < 2 { description } else { format!("{description} One of {}.", words.join(" ")) }.trim().to_owned()
}
