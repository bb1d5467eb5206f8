//! The nodes of a network diagram: which are shown, their positions and their names.

use super::largest;
use super::layer::Layer;
use super::page::{MARGIN, WIDTH};
use super::svg::{Anchor, Element, circle, group, text};
use super::words::{counted, shortened, signed, text_width};

/// A layer with more nodes than `MOST_NODES` shows those `NUM_SHOWN` with the largest weights.
const MOST_NODES: usize = 16;
const NUM_SHOWN: usize = 12;

const RADIUS: f64 = 10.0;
const LEAST_GAP: f64 = 32.0;
/// Leaves room for the bias below a node.
const NUMBERED_GAP: f64 = 46.0;
const LARGEST_GAP: f64 = 90.0;
const LEAST_HEIGHT: f64 = 230.0;
const NAME_WIDTH: f64 = 130.0;
/// Room below the nodes for the layer's name and size.
const FOOT_HEIGHT: f64 = 46.0;

/// Names of nodes; column 0 holds the inputs.
pub(super) struct Names<'a> {
    pub num_layers: usize,
    pub input: &'a dyn Fn(usize) -> Option<String>,
    pub outputs: &'a [String],
}

impl Names<'_> {
    pub fn node(&self, column: usize, node: usize) -> String {
        let given = match column {
            0 => (self.input)(node),
            column if column == self.num_layers => self.outputs.get(node).cloned(),
            _ => None,
        };
        given.unwrap_or_else(|| match column {
            0 => format!("input {}", node + 1),
            column if column == self.num_layers => format!("output {}", node + 1),
            _ => format!("unit {}", node + 1),
        })
    }

    fn column(&self, column: usize) -> String {
        match column {
            0 => "input".into(),
            column if column == self.num_layers => "output".into(),
            column => format!("hidden {column}"),
        }
    }
}

/// The nodes of a layer.
pub(super) struct Column {
    pub x: f64,
    size: usize,
    /// Number and y coordinate of each shown node.
    pub shown: Vec<(usize, f64)>,
    /// The y coordinate at which a further node would lie.
    next: f64,
}

/// A column for the inputs and one for each layer, and the y coordinate of the picture's lower end.
pub(super) fn columns(layers: &[Layer], names: &Names, is_numbered: bool, top: f64) -> (Vec<Column>, f64) {
    let sizes: Vec<usize> =
        layers.iter().map(|layer| layer.num_inputs).chain(layers.last().map(|layer| layer.num_outputs)).collect();
    let shown: Vec<Vec<usize>> = (0..sizes.len()).map(|column| shown_nodes(layers, column, sizes[column])).collect();
    let rows = |column: usize| shown[column].len() + usize::from(shown[column].len() < sizes[column]);
    let most_rows = (0..sizes.len()).map(rows).max().unwrap_or(0);
    let least_gap = if is_numbered { NUMBERED_GAP } else { LEAST_GAP };
    let height = (most_rows as f64 * least_gap).max(LEAST_HEIGHT);
    let widest = |column: usize| {
        let width = |&node: &usize| text_width(&names.node(column, node), 14.0);
        shown[column].iter().map(width).fold(40.0, f64::max).min(NAME_WIDTH) + RADIUS + 8.0
    };
    let left = MARGIN + widest(0);
    let step = (WIDTH - MARGIN - widest(sizes.len() - 1) - left) / (sizes.len() - 1) as f64;
    let place = |(column, nodes): (usize, &Vec<usize>)| {
        let gap = (height / rows(column).max(1) as f64).min(LARGEST_GAP);
        let first = top + height / 2.0 - gap * (rows(column) as f64 - 1.0) / 2.0;
        let at = |row: usize| first + row as f64 * gap;
        let shown = nodes.iter().enumerate().map(|(row, &node)| (node, at(row))).collect();
        Column { x: left + column as f64 * step, size: sizes[column], shown, next: at(nodes.len()) }
    };
    (shown.iter().enumerate().map(place).collect(), top + height + FOOT_HEIGHT)
}

/// All nodes of a column, or those with the largest sums of absolute incoming and outgoing weights.
fn shown_nodes(layers: &[Layer], column: usize, size: usize) -> Vec<usize> {
    if size <= MOST_NODES {
        return (0..size).collect();
    }
    let outgoing = |node: usize| {
        layers.get(column).map_or(0.0, |layer| (0..layer.num_outputs).map(|to| layer.weight(node, to).abs()).sum())
    };
    let incoming = |node: usize| {
        let layer = column.checked_sub(1).map(|index| &layers[index]);
        layer.map_or(0.0, |layer| (0..layer.num_inputs).map(|from| layer.weight(from, node).abs()).sum())
    };
    let sums: Vec<f64> = (0..size).map(|node| -> f64 { outgoing(node) + incoming(node) }).collect();
    largest(&sums, NUM_SHOWN)
}

impl Column {
    /// How far apart the nodes are; of one node, as far as any could be.
    pub fn gap(&self) -> f64 {
        match self.shown[..] {
            [(_, first), (_, second), ..] => second - first,
            _ => LARGEST_GAP,
        }
    }

    /// The nodes with the names of inputs and outputs, the number of hidden nodes, and the layer's name and size; with
    /// `is_numbered`, the biases below them.
    pub fn drawn(
        &self,
        index: usize,
        names: &Names,
        biases: Option<&[f32]>,
        is_numbered: bool,
        bottom: f64,
    ) -> Element {
        let mut column = group("column");
        for &(node, y) in &self.shown {
            let name = names.node(index, node);
            let bias = biases.and_then(|biases| biases.get(node)).filter(|bias| bias.is_finite());
            let hint = bias.map_or(name.clone(), |&bias| format!("{name}, bias {}", signed(f64::from(bias))));
            column.add(circle("node", (self.x, y), RADIUS).hint(&hint));
            if let Some(&bias) = bias.filter(|_| is_numbered) {
                let place = (self.x, y + RADIUS + 13.0);
                column.add(text("muted number", place, Anchor::Middle, &format!("bias {}", signed(f64::from(bias)))));
            }
            let name = shortened(&name, NAME_WIDTH, 14.0);
            if index == 0 {
                column.add(text("text node-name", (self.x - RADIUS - 6.0, y + 5.0), Anchor::End, &name));
            } else if index == names.num_layers {
                column.add(text("text node-name", (self.x + RADIUS + 6.0, y + 5.0), Anchor::Start, &name));
            }
        }
        let middle = |class: &str, y: f64, content: &str| text(class, (self.x, y), Anchor::Middle, content);
        if self.shown.len() < self.size {
            column.add(middle("muted more", self.next + 5.0, &format!("+{} more", self.size - self.shown.len())));
        }
        column.add(middle("text bold", bottom - 24.0, &names.column(index)));
        column.with(middle("muted tick", bottom - 5.0, &counted(self.size, "node")))
    }
}
