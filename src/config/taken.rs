//! What a key of a config takes, by its schema, for the error about a value of another type.

use std::ops::Range;

use serde_json::Value;
use toml::de::DeTable;

use super::schema::Config;

/// Keys of a section that an error names.
const MAX_KEYS: usize = 4;

/// Where a value was given, and hence how another one is.
#[derive(Clone, Copy)]
pub(super) enum Given {
    InFile,
    BySet,
}

/// serde's message about the value of `key`, in terms that users know, with what to write instead where it does not say so.
pub(super) fn told(message: String, key: &str, given: Given) -> String {
    let schema = Config::schema();
    let found = at(&schema, key);
    let words = words(&found);
    // The parser's words for a value that is no text, where one of a few is expected.
    let is_of_choice =
        ["expected string only", "wanted string or table", "expected variant identifier", "expected string or map"];
    if is_of_choice.iter().any(|words| message.contains(words)) && !words.is_empty() {
        return format!("expected one of {}", quoted(words.iter().copied(), usize::MAX));
    }
    if !message.ends_with("expected a table of keys") {
        return message;
    }
    let properties: Vec<(&String, &Value)> =
        found.iter().filter_map(|node| node["properties"].as_object()).flatten().collect();
    let text = message.split_once("string \"").and_then(|(_, rest)| rest.split('"').next());
    let takes_it = |(_, property): &&(&String, &Value)| {
        let leaves = leaves(&schema, property);
        text.is_some_and(|text| self::words(&leaves).contains(&text))
    };
    if let (Some((name, _)), Some(text)) = (properties.iter().find(takes_it), text) {
        return format!("{message}; did you mean `{key}.{name} = \"{text}\"`?");
    }
    let names = properties.iter().map(|(name, _)| name.as_str());
    match given {
        _ if properties.is_empty() => message,
        Given::InFile => format!("{message}: write [{key}], and below it {}", quoted(names, MAX_KEYS)),
        Given::BySet => {
            let names: Vec<String> = names.map(|name| format!("{key}.{name}")).collect();
            format!("{message}: set {}", quoted(names.iter().map(String::as_str), MAX_KEYS))
        }
    }
}

/// The key which stands at `span` of a config, or whose value does, with those of its sections.
pub(super) fn key_at(text: &str, span: &Range<usize>) -> Option<String> {
    fn within(table: &DeTable<'_>, span: &Range<usize>) -> Option<String> {
        let holds = |at: Range<usize>| at.start <= span.start && span.end <= at.end;
        table.iter().find_map(|(name, value)| {
            // The place of a section is that of its header alone.
            let inner = value.get_ref().as_table().and_then(|inner| within(inner, span));
            let own = name.get_ref();
            let is_here = || holds(name.span()) || holds(value.span());
            inner.map(|inner| format!("{own}.{inner}")).or_else(|| is_here().then(|| own.to_string()))
        })
    }
    within(DeTable::parse(text).ok()?.get_ref(), span)
}

fn quoted<'n>(names: impl Iterator<Item = &'n str>, most: usize) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let more = if names.len() > most { " and others" } else { "" };
    format!("{}{more}", names[..names.len().min(most)].join(", "))
}

/// The types of a key's value: it may have several.
fn at<'s>(schema: &'s Value, key: &str) -> Vec<&'s Value> {
    key.split('.').fold(leaves(schema, schema), |nodes, part| {
        let properties = nodes.iter().filter_map(|node| node["properties"].get(part));
        properties.flat_map(|property| leaves(schema, property)).collect()
    })
}

/// The types that a part of the schema refers to, or is one of.
fn leaves<'s>(schema: &'s Value, node: &'s Value) -> Vec<&'s Value> {
    if let Some(name) = node["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        return leaves(schema, &schema["$defs"][name]);
    }
    let choices = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|key| node[key].as_array()).flatten();
    let inner: Vec<&Value> = choices.flat_map(|choice| leaves(schema, choice)).collect();
    if inner.is_empty() { vec![node] } else { [vec![node], inner].concat() }
}

/// The texts that a value may be, where they are listed.
fn words<'s>(nodes: &[&'s Value]) -> Vec<&'s str> {
    let listed = |node: &&'s Value| -> Vec<&'s str> {
        let all = node["enum"].as_array().into_iter().flatten();
        all.chain(node.get("const")).filter_map(Value::as_str).collect()
    };
    // Several kinds of network have the same key.
    let mut words: Vec<&str> = Vec::new();
    for word in nodes.iter().flat_map(listed) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_place_is_found() {
        let text = "name = \"a\"\n[training]\nschedule = \"cosine\"\n[training.early_stopping]\npatience = 3\n";
        let key = |part: &str| {
            let start = text.find(part).unwrap();
            key_at(text, &(start..start + part.len()))
        };
        assert_eq!(key("\"cosine\"").as_deref(), Some("training.schedule"));
        assert_eq!(key("3").as_deref(), Some("training.early_stopping.patience"));
        assert_eq!(key("\"a\"").as_deref(), Some("name"));
    }

    /// Every section within a section says what to write in its place.
    #[test]
    fn every_section_and_every_choice_says_what_it_takes() {
        let schema = Config::schema();
        let mut num_told = 0;
        for section in ["data", "training", "sweep"] {
            for node in at(&schema, section) {
                for name in node["properties"].as_object().into_iter().flatten().map(|(name, _)| name) {
                    let key = format!("{section}.{name}");
                    let found = at(&schema, &key);
                    let is_section = found.iter().any(|node| node["properties"].is_object());
                    let table = told("invalid type, expected a table of keys".into(), &key, Given::InFile);
                    assert_eq!(table.contains(&format!("write [{key}], and below it `")), is_section, "{key}: {table}");
                    let choice = told("invalid type: unit variant, expected string only".into(), &key, Given::InFile);
                    let has_words = !words(&found).is_empty();
                    assert_eq!(choice.starts_with("expected one of `"), has_words, "{key}: {choice}");
                    num_told += usize::from(is_section) + usize::from(has_words);
                }
            }
        }
        assert!(num_told > 10, "{num_told}");
    }
}
