//! The confusion matrix.

use super::page::{MARGIN, Page, WIDTH, empty};
use super::svg::{Anchor, Element, group, rectangle, text};
use super::words::{counted, percent, shortened, text_width};

/// With more classes, cells carry no text.
const MOST_CLASSES_WITH_TEXT: usize = 30;
/// Of more cells than these, those with the largest counts are drawn.
const MOST_CELLS: usize = 10_000;

/// One count of the matrix, with its share of the row's total.
#[derive(Clone, Copy)]
struct Cell {
    row: usize,
    column: usize,
    count: u64,
    share: f64,
}

/// Counts of (true class, predicted class): `matrix` has a row for each true class and a column for each predicted
/// one. A cell is shaded by its share of the row; correct ones have another colour than errors.
pub fn confusion(title: &str, class_names: &[String], matrix: &[Vec<u64>]) -> String {
    let num_classes = matrix.iter().map(Vec::len).chain([matrix.len(), class_names.len()]).max().unwrap_or(0);
    let cells = cells(matrix);
    if cells.is_empty() {
        return empty(title, "No row has been predicted.");
    }
    let name = |class: usize| class_names.get(class).cloned().unwrap_or_else(|| class.to_string());
    let page = Page::new(title, &summary(&cells, &name));
    let with_text = num_classes <= MOST_CLASSES_WITH_TEXT;
    let names: Vec<String> = (0..num_classes).map(|class| shortened(&name(class), 150.0, 14.0)).collect();
    let widest = names.iter().map(|name| text_width(name, 14.0)).fold(0.0, f64::max);
    let beside = if with_text { widest.max(70.0) + 8.0 } else { 82.0 };
    let cell_size = ((WIDTH - 2.0 * MARGIN - beside) / num_classes as f64).min(96.0);
    let are_upright = with_text && widest > cell_size - 4.0;
    let above = 22.0 + if are_upright { widest + 8.0 } else { 20.0 };
    let (left, top) = (MARGIN + beside, page.top + above);
    let mut body = group("matrix");
    body.add(text("text", (left, page.top + 12.0), Anchor::Start, "predicted class →"));
    body.add(text("text", (left - 8.0, top - 7.0), Anchor::End, "true ↓"));
    if with_text {
        body.extend(labels(&names, (left, top), cell_size, are_upright));
    }
    for cell in most(cells) {
        let hint = format!("{} predicted as {}: {}", name(cell.row), name(cell.column), cell.count);
        body.add(drawn(cell, (left, top), cell_size, with_text).hint(&hint));
    }
    let side = num_classes as f64 * cell_size;
    body.add(rectangle("edge-of-image", left, top, side, side));
    page.finish(body, top + side)
}

/// The cells with a count above 0.
fn cells(matrix: &[Vec<u64>]) -> Vec<Cell> {
    let of_row = |(row, counts): (usize, &Vec<u64>)| {
        let total: f64 = counts.iter().map(|&count| count as f64).sum();
        let cell = move |(column, &count): (usize, &u64)| Cell { row, column, count, share: count as f64 / total };
        counts.iter().enumerate().map(cell).filter(|cell| cell.count > 0).collect::<Vec<_>>()
    };
    matrix.iter().enumerate().flat_map(of_row).collect()
}

fn most(mut cells: Vec<Cell>) -> Vec<Cell> {
    if cells.len() > MOST_CELLS {
        cells.sort_by_key(|cell| std::cmp::Reverse(cell.count));
        cells.truncate(MOST_CELLS);
    }
    cells
}

fn summary(cells: &[Cell], name: &impl Fn(usize) -> String) -> String {
    let total: u64 = cells.iter().map(|cell| cell.count).sum();
    let hits: u64 = cells.iter().filter(|cell| cell.row == cell.column).map(|cell| cell.count).sum();
    let share = percent(hits as f64 / total as f64);
    let mut summary = format!("{}, {hits} on the diagonal ({share}).", counted(total as usize, "row"));
    // The first of equal ones.
    let misses = cells.iter().rev().filter(|cell| cell.row != cell.column);
    if let Some(worst) = misses.max_by_key(|cell| cell.count) {
        let (truth, predicted) = (name(worst.row), name(worst.column));
        summary +=
            &format!(" Most often mistaken: {truth} for {predicted} ({}).", counted(worst.count as usize, "row"));
    }
    if cells.len() > MOST_CELLS {
        summary += &format!(" The {MOST_CELLS} largest of {} cells are drawn.", cells.len());
    }
    summary
}

/// Class names beside the rows and above the columns, the latter rotated where they are too wide.
fn labels(names: &[String], (left, top): (f64, f64), cell_size: f64, are_upright: bool) -> Vec<Element> {
    let size = cell_size.min(14.0);
    let sized = |element: Element| element.attribute("style", &format!("font-size:{size:.1}px"));
    let label = |(class, name): (usize, &String)| {
        let middle = (class as f64 + 0.5) * cell_size;
        let beside = text("text row-name", (left - 8.0, top + middle + size * 0.35), Anchor::End, name);
        let above = if are_upright {
            let upright = text("text column-name", (0.0, 0.0), Anchor::Start, name);
            let place = (left + middle + size * 0.35, top - 7.0);
            upright.attribute("transform", &format!("translate({:.2} {:.2}) rotate(-90)", place.0, place.1))
        } else {
            text("text column-name", (left + middle, top - 7.0), Anchor::Middle, name)
        };
        [sized(beside), sized(above)]
    };
    names.iter().enumerate().flat_map(label).collect()
}

fn drawn(cell: Cell, (left, top): (f64, f64), size: f64, with_text: bool) -> Element {
    let (x, y) = (left + cell.column as f64 * size, top + cell.row as f64 * size);
    let kind = if cell.row == cell.column { "hit" } else { "miss" };
    // A single row of a large class must still be visible.
    let shade = rectangle(&format!("cell {kind}"), x, y, size, size).opacity(cell.share.max(0.12));
    let mut drawn = group("").with(shade);
    if with_text {
        let count = cell.count.to_string();
        let font_size = (size * 0.86 / text_width(&count, 1.0)).min(15.0).min(size * 0.7);
        let ink = if cell.share > 0.6 { "strong" } else { "text" };
        let count =
            text(&format!("{ink} count"), (x + size / 2.0, y + size / 2.0 + font_size * 0.36), Anchor::Middle, &count);
        drawn.add(count.attribute("style", &format!("font-size:{font_size:.1}px")));
    }
    drawn
}
