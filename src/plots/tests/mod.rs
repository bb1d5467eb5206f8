//! The pictures as their readers get them: every test parses the document.

use roxmltree::{Document, Node};

mod classifiers;
mod drawing;
mod forward;
mod inputs;
mod networks;
mod robust;
mod series;

/// A parsed document, after the checks that every picture must pass.
fn parsed(svg: &str) -> Document<'_> {
    let document = Document::parse(svg).expect("valid XML");
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "svg");
    assert_eq!(root.attribute("role"), Some("img"));
    for child in ["title", "desc"] {
        let child = root.children().find(|node| node.has_tag_name(("http://www.w3.org/2000/svg", child)));
        assert!(child.is_some_and(|child| child.text().is_some_and(|text| !text.is_empty())), "{svg}");
    }
    for attribute in root.descendants().flat_map(|node| node.attributes()) {
        assert_ne!(attribute.name(), "id", "ids of several documents in one page would collide");
        assert!(!attribute.value().contains("NaN") && !attribute.value().contains("inf"), "{attribute:?}");
    }
    document
}

/// The elements with a class.
fn marks<'a>(document: &'a Document, class: &str) -> Vec<Node<'a, 'a>> {
    let has_class = |node: &Node| {
        node.attribute("class").is_some_and(|classes| classes.split(' ').any(|candidate| candidate == class))
    };
    document.descendants().filter(has_class).collect()
}

/// All text of an element.
fn text(node: Node) -> String {
    node.descendants().filter(|node| node.is_text()).filter_map(|node| node.text()).collect()
}

/// The texts of the elements with a class.
fn texts(document: &Document, class: &str) -> Vec<String> {
    marks(document, class).into_iter().map(text).collect()
}

fn description(document: &Document) -> String {
    let desc = document.descendants().find(|node| node.tag_name().name() == "desc");
    text(desc.expect("a description"))
}

fn number(node: Node, attribute: &str) -> f64 {
    node.attribute(attribute).and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{attribute} of {node:?}"))
}

/// The points of path data made of M and L commands.
fn points(path: Node) -> Vec<(f64, f64)> {
    let data = path.attribute("d").expect("path data");
    let point = |pair: &str| {
        let (x, y) = pair.split_once(' ').expect("x and y");
        (x.parse().expect("x"), y.parse().expect("y"))
    };
    data.trim_end_matches('z').split(['M', 'L']).filter(|pair| !pair.is_empty()).map(point).collect()
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| text.to_string()).collect()
}
