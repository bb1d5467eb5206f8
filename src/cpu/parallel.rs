//! Loops over blocks of memory, on several cores where that pays off. Their closures belong into a `vectorized!` function.
//!
//! Work comes as `&dyn Fn`: a block takes microseconds, and rayon's code is then compiled once a function of this file, not once for each
//! closure and instruction set (which was a fiftieth of the program, measured).
//!
//! Results depend neither on the number of cores nor on the SIMD width: blocks have a fixed size wherever anything is
//! summed, and no multiplication is fused with an addition.

use rayon::prelude::*;

use super::math::column_sums;
use crate::vectorized::vectorized;

/// Elements of a block that one core processes: 32 KiB, the size of a first-level cache.
const BLOCK: usize = 8192;

/// Smaller loops take a few microseconds, about as long as waking a second core.
const PARALLEL_FROM: usize = 4 * BLOCK;

/// Calls `work` on blocks of the same rows of `a` and `b`, both `[rows, width]`, on several cores where that pays off.
/// Results are in the order of the rows. Blocks do not depend on the number of cores.
pub(super) fn for_rows<T: Send>(
    a: &mut [f32],
    b: &mut [f32],
    width: usize,
    work: &(dyn Fn(&mut [f32], &mut [f32]) -> T + Sync),
) -> Vec<T> {
    let block = (BLOCK / width.max(1)).max(1) * width;
    let work = |(a, b): (&mut [f32], &mut [f32])| work(a, b);
    if a.len() < PARALLEL_FROM {
        a.chunks_mut(block).zip(b.chunks_mut(block)).map(work).collect()
    } else {
        a.par_chunks_mut(block).zip(b.par_chunks_mut(block)).map(work).collect()
    }
}

/// Calls `work` with mutable blocks of rows of `a`, `[rows, width]`; the blocks are those of [`for_rows`].
pub(super) fn change_rows(a: &mut [f32], width: usize, work: &(dyn Fn(&mut [f32]) + Sync)) {
    let block = (BLOCK / width.max(1)).max(1) * width;
    if a.len() < PARALLEL_FROM { a.chunks_mut(block).for_each(work) } else { a.par_chunks_mut(block).for_each(work) }
}

/// Elements from which on work on them is shared out.
pub(super) fn pays_off(elements: usize) -> bool {
    elements >= PARALLEL_FROM
}

/// Calls `work` on parts of `rows` rows of several slices, with the first row of each; on several cores if `shared`. Each
/// slice comes with its elements per row, 0 for one that is not there. Results are in the order of the rows.
pub(super) fn for_parts<const N: usize, T: Send>(
    mut slices: [(&mut [f32], usize); N],
    rows: usize,
    shared: bool,
    work: &(dyn Fn(usize, [&mut [f32]; N]) -> T + Sync),
) -> Vec<T> {
    let mut parts = Vec::new();
    while slices.iter().any(|(slice, _)| !slice.is_empty()) {
        let part = slices.each_mut().map(|(slice, width)| {
            let end = slice.len().min(rows * *width);
            let (part, rest) = std::mem::take(slice).split_at_mut(end);
            *slice = rest;
            part
        });
        parts.push((parts.len() * rows, part));
    }
    let work = |(first, part)| work(first, part);
    match shared && parts.len() > 1 {
        true => parts.into_par_iter().map(work).collect(),
        false => parts.into_iter().map(work).collect(),
    }
}

/// Adds up the column sums of several blocks, in order and in double precision.
pub(super) fn total(blocks: &[Vec<f32>], width: usize) -> Vec<f32> {
    let mut total = vec![0.0f64; width];
    for block in blocks {
        total.iter_mut().zip(block).for_each(|(total, &sum)| *total += f64::from(sum));
    }
    total.into_iter().map(|total| total as f32).collect()
}

/// Calls `work` on blocks of rows of `a`, `[rows, width]`; the blocks are those of [`for_rows`].
pub(super) fn map_rows<T: Send>(a: &[f32], width: usize, work: &(dyn Fn(&[f32]) -> T + Sync)) -> Vec<T> {
    let block = (BLOCK / width.max(1)).max(1) * width;
    if a.len() < PARALLEL_FROM { a.chunks(block).map(work).collect() } else { a.par_chunks(block).map(work).collect() }
}

vectorized! {
    /// The sums of the columns of `values`, `[rows, width]`.
    pub(super) fn all_column_sums(values: &[f32], width: usize) -> Vec<f32> {
        total(&map_rows(values, width, &|rows| column_sums(rows, width)), width)
    }
}

/// Calls `work` on corresponding blocks of `a` and the three other slices, all of the same length, on several cores
/// where that pays off. The result of `work` must not depend on block boundaries.
pub(super) fn for_blocks(
    a: &[f32],
    [b, c, d]: [&mut [f32]; 3],
    work: impl Fn(&[f32], &mut [f32], &mut [f32], &mut [f32]) + Sync,
) {
    if a.len() < PARALLEL_FROM {
        return work(a, b, c, d);
    }
    // Nothing is summed here, so the blocks may depend on the number of cores.
    let block = a.len().div_ceil(4 * rayon::current_num_threads()).max(BLOCK);
    a.par_chunks(block)
        .zip(b.par_chunks_mut(block))
        .zip(c.par_chunks_mut(block).zip(d.par_chunks_mut(block)))
        .for_each(|((a, b), (c, d))| work(a, b, c, d));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_the_same_rows_of_every_slice() {
        for (count, shared) in [(0, true), (1, true), (7, false), (7, true)] {
            let (mut wide, mut narrow) = (vec![0.0; 3 * count], vec![0.0; count]);
            let firsts = for_parts([(&mut wide, 3), (&mut narrow, 1), (&mut [], 0)], 2, shared, &|first, parts| {
                let [wide, narrow, none] = parts;
                assert!(none.is_empty() && wide.len() == 3 * narrow.len());
                wide.fill(first as f32);
                narrow.iter_mut().enumerate().for_each(|(row, value)| *value = (first + row) as f32);
                first
            });
            assert!(firsts.iter().enumerate().all(|(part, &first)| first == 2 * part));
            assert!(narrow.iter().enumerate().all(|(row, &value)| value == row as f32));
            assert!(wide.iter().enumerate().all(|(at, &value)| value == (at / 6 * 2) as f32));
        }
    }

    #[test]
    fn blocks_cover_every_row_once_and_in_order() {
        for rows in [0, 1, 700, 5_000] {
            let width = 24;
            let mut a: Vec<f32> = (0..rows * width).map(|i| i as f32).collect();
            let mut b = vec![0.0; rows * width];
            let firsts = for_rows(&mut a, &mut b, width, &|a, b| {
                b.copy_from_slice(a);
                a.fill(-1.0);
                b[0] as usize
            });
            assert!(firsts.is_sorted() && firsts.iter().all(|first| first % width == 0));
            assert!(b.iter().enumerate().all(|(i, &value)| value == i as f32));
            assert!(a.iter().all(|&value| value == -1.0));
        }
    }
}
