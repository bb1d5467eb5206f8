//! Images of cells in few bytes: neighbouring cells of one kind become one rectangle, and a large image is drawn with
//! only every second, third, ... pixel.

use std::collections::BTreeMap;

const MOST_PIXELS_ON_A_SIDE: usize = 64;

/// Which pixels of an image are drawn.
pub(super) struct Sampling {
    width: usize,
    stride: usize,
    pub rows: usize,
    pub columns: usize,
}

impl Sampling {
    pub fn new(height: usize, width: usize) -> Self {
        let stride = height.max(width).div_ceil(MOST_PIXELS_ON_A_SIDE).max(1);
        Self { width, stride, rows: height.div_ceil(stride), columns: width.div_ceil(stride) }
    }

    /// The index of a drawn pixel in the whole image, row-major.
    pub fn pixel(&self, row: usize, column: usize) -> usize {
        row * self.stride * self.width + column * self.stride
    }
}

/// The rectangles that the row above still continues: columns `start..end`, and the top row.
type Open = BTreeMap<(usize, usize), usize>;

/// Path data for each kind of cell, in units of one cell, x to the right and y down from the first row's upper edge.
/// Cells without a kind stay empty.
pub(super) fn merged<K: Ord + Copy>(
    rows: usize,
    columns: usize,
    kind: impl Fn(usize, usize) -> Option<K>,
) -> BTreeMap<K, String> {
    let mut paths = BTreeMap::new();
    let mut open: BTreeMap<K, Open> = BTreeMap::new();
    for row in 0..rows {
        let mut next: BTreeMap<K, Open> = BTreeMap::new();
        for (start, end, kind) in runs(columns, |column| kind(row, column)) {
            // A run right below an equal one continues its rectangle.
            let top = open.get_mut(&kind).and_then(|open| open.remove(&(start, end))).unwrap_or(row);
            next.entry(kind).or_default().insert((start, end), top);
        }
        close(&mut paths, open, row);
        open = next;
    }
    close(&mut paths, open, rows);
    paths
}

/// Columns `start..end` of one kind.
fn runs<K: PartialEq + Copy>(columns: usize, kind: impl Fn(usize) -> Option<K>) -> Vec<(usize, usize, K)> {
    let mut runs: Vec<(usize, usize, K)> = Vec::new();
    for column in 0..columns {
        let Some(kind) = kind(column) else { continue };
        match runs.last_mut() {
            Some(last) if last.1 == column && last.2 == kind => last.1 = column + 1,
            _ => runs.push((column, column + 1, kind)),
        }
    }
    runs
}

fn close<K: Ord>(paths: &mut BTreeMap<K, String>, open: BTreeMap<K, Open>, bottom: usize) {
    for (kind, rectangles) in open {
        let path = paths.entry(kind).or_default();
        for ((start, end), top) in rectangles {
            let (width, height) = (end - start, bottom - top);
            path.push_str(&format!("M{start} {top}h{width}v{height}h-{width}z"));
        }
    }
}
