//! Later passes over a training file, for what the first one, over the numbers, could not keep: every cell as a text.

use std::ops::Range;

use super::Matrix;
use super::assemble::{Cells, OutColumn};
use super::infer::{Inference, Texts};
use super::labels::Interner;
use super::limits::MAX_CATEGORIES;
use super::memory;
use super::reading::ColumnReader;
use super::table::{Cell, are_present};
use crate::invalid::Invalid;

impl Inference<'_> {
    /// The texts of the columns that are not plainly numeric; their cells become indices into these.
    pub(super) fn read_texts(&mut self) -> Result<Texts, Invalid> {
        let Self { table, targets, inputs, cells: all, .. } = self;
        let mut texts = Texts::new();
        for input in inputs.iter() {
            texts.push(input.is_text(table)?.then(Interner::default));
        }
        let width = inputs.len();
        let text_inputs: Vec<usize> = (0..width).filter(|&input| texts[input].is_some()).collect();
        if text_inputs.is_empty() {
            return Ok(texts);
        }
        let positions = text_inputs.iter().map(|&input| inputs[input].position);
        let columns: Vec<usize> = targets.iter().copied().chain(positions).collect();
        let mut rows = all.rewriting(width).map_err(|error| memory::refused(&error, all, table))?;
        table.for_each_row(&columns, |row| -> Result<(), Invalid> {
            let cells = row.cells();
            if !are_present(&cells[..targets.len()]) {
                return Ok(());
            }
            let Some(values) = rows.next().map_err(|error| memory::refused(&error, all, table))? else {
                return Err(table.error("changed while it was read: try again"));
            };
            for (i, &input) in (targets.len()..).zip(&text_inputs) {
                let Some(texts) = &mut texts[input] else { continue };
                if let Some(number) = row.typed(i).filter(|number| number.fract() != 0.0) {
                    inputs[input].first_typed.get_or_insert_with(|| (row.place(i), number, row.shown(i)));
                }
                values[input] = match cells[i] {
                    Cell::Number(_) | Cell::Text if texts.len() <= MAX_CATEGORIES => {
                        texts.intern(&row.text(i)?, row.line) as f32
                    }
                    Cell::Number(_) | Cell::Text | Cell::Missing => f32::NAN,
                };
            }
            rows.keep().map_err(|error| memory::refused(&error, all, table))
        })?;
        if rows.next().map_err(|error| memory::refused(&error, all, table))?.is_some() {
            return Err(table.error("changed while it was read: try again"));
        }
        *all = rows.finish().map_err(|error| memory::refused(&error, &Matrix::packing(width, None), table))?;
        Ok(texts)
    }

    /// Reads columns again whose cells could not be kept: numbers or dates of too many distinct texts, large numbers. All in
    /// one pass; `again` has, for each such input, the columns made of it.
    pub(super) fn read_again(
        &mut self,
        columns: &mut [OutColumn],
        again: &[(usize, Range<usize>)],
    ) -> Result<(), Invalid> {
        if again.is_empty() {
            return Ok(());
        }
        let Self { table, targets, inputs, .. } = self;
        let positions = again.iter().map(|(input, _)| inputs[*input].position);
        let positions: Vec<usize> = targets.iter().copied().chain(positions).collect();
        let first = targets.len();
        let places =
            || again.iter().zip(first..).flat_map(|((_, made), cell)| made.clone().map(move |column| (column, cell)));
        let mut read: Vec<(usize, ColumnReader, usize, Vec<f32>)> =
            places().map(|(column, cell)| (column, columns[column].reader(), cell, Vec::new())).collect();
        table.for_each_row(&positions, |row| -> Result<(), Invalid> {
            if are_present(&row.cells()[..first]) {
                for (_, reader, cell, numbers) in &mut read {
                    numbers.push(reader.read(row, *cell)?);
                }
            }
            Ok(())
        })?;
        for (column, _, cell, numbers) in read {
            let (input, made) = &again[cell - first];
            // Of large numbers the first pass saw enough.
            if column == made.start && inputs[*input].has_text() {
                inputs[*input].observe_numbers(numbers.iter().copied());
            }
            columns[column].cells = Cells::ByRow(numbers);
        }
        Ok(())
    }
}
