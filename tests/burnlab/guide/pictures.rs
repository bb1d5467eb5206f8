//! Pictures that a page shows, and that one of its commands draws: `-o NAME.svg`, and `![...](../pictures/NAME.svg)`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::page::Page;

/// The picture that the page shows of what `command` draws into this file: its path in the repository, if there is one.
pub fn shown(page: &Page, command: &str) -> Option<(String, PathBuf)> {
    let (_, name) = command.split_once(" -o ")?;
    let target = format!("../pictures/{name}");
    let is_shown = page.prose().iter().any(|(_, line)| line.contains(&format!("]({target})")));
    is_shown.then(|| (name.to_owned(), super::root().join(&page.name).with_file_name(target)))
}

/// What two drawings of the same thing have in common on each machine: the texts without their numbers and dates, and about how
/// many elements of each kind there are.
#[derive(Debug)]
pub struct Outline {
    texts: Vec<String>,
    elements: BTreeMap<String, usize>,
}

impl Outline {
    /// # Panics
    /// For what is no SVG document.
    pub fn of(svg: &str) -> Self {
        let document = roxmltree::Document::parse(svg).unwrap();
        let named = |name: &str| document.descendants().find(|node| node.tag_name().name() == name).unwrap();
        let plain = |text: &str| -> String {
            // A run's id ends in its time and four random digits.
            let text = text.split("-20").next().unwrap_or(text);
            text.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect::<String>().replace("##", "#")
        };
        let bold = document.descendants().filter(|node| node.attribute("class") == Some("text bold"));
        let texts = std::iter::once(named("title")).chain(bold).filter_map(|node| node.text()).map(plain);
        let mut elements = BTreeMap::new();
        document.descendants().filter(|node| node.is_element()).for_each(|node| {
            *elements.entry(node.tag_name().name().to_owned()).or_default() += 1;
        });
        Self { texts: texts.collect(), elements }
    }

    pub fn is_like(&self, other: &Self) -> bool {
        let near = |(name, count): (&String, &usize)| {
            let found = other.elements.get(name).copied().unwrap_or(0);
            count.abs_diff(found) <= 3 + count / 4
        };
        self.texts == other.texts && self.elements.iter().all(near)
    }
}
