//! Room for data, asked for before it is taken: an allocation that fails would end the process without a word.

use std::{fs, io};

use super::Matrix;
use super::table::Table;
use crate::invalid::Invalid;

/// Below this, nothing is asked: every machine has it.
const SMALL_BYTES: usize = 2 << 20;
/// From this on, a quarter more is looked ahead where it is not known how much comes, and as much again below.
const LARGE_BYTES: usize = 512 << 20;
/// What a row takes besides its cells: its target as text and number, its place in the table, in the split and in the order
/// of an epoch, and what the network makes of it, some of them in vectors that are growing.
const ROW_BYTES: usize = 64;
/// How much more than the rows so far foretell is made room for: what is not used takes no memory.
const MARGIN: f64 = 1.03;

/// Foresees whether all rows of `table` fit in memory, of which `cells` are those so far; returns how many they will be, a little
/// more than fewer, where that can be told.
///
/// # Errors
/// A table that does not.
pub(super) fn foresee(cells: &Matrix, table: &Table<'_>) -> Result<Option<usize>, Invalid> {
    let num_rows = cells.num_rows();
    let has = cells.num_bytes() + num_rows * ROW_BYTES;
    if has < SMALL_BYTES {
        return Ok(None);
    }
    let progress = table.progress();
    let most = match progress {
        Some(progress) => num_rows as f64 / progress * MARGIN,
        None if has < LARGE_BYTES => 2.0 * num_rows as f64,
        None => 1.25 * num_rows as f64,
    } as usize;
    let row = cells.num_bytes() / num_rows.max(1) + ROW_BYTES;
    let more = most.saturating_sub(num_rows).saturating_mul(row);
    match free() {
        Some(free) if more > free => Err(table.error(&does_not_fit(most, Some((more, free)), cells.file().is_some()))),
        _ => Ok(progress.map(|_| most)),
    }
}

/// What becomes of an error of adding rows to the `cells` of a table.
pub(super) fn refused(error: &io::Error, cells: &Matrix, table: &Table<'_>) -> Invalid {
    match error.kind() {
        io::ErrorKind::OutOfMemory => table.error(&does_not_fit(cells.num_rows(), None, false)),
        _ => Invalid::at("data.cache", format!("the cache cannot be written: {error}")),
    }
}

fn does_not_fit(num_rows: usize, need: Option<(usize, usize)>, is_cached: bool) -> String {
    let why = match need {
        Some((more, free)) => {
            format!("{num_rows} rows of it {}", needed(more, free))
        }
        None => format!("the system gives no more for row {num_rows}"),
    };
    let way_out = if is_cached { "" } else { " data.cache = true, which leaves the cells on the disk," };
    format!(
        "does not fit in memory: {why}; use fewer rows or columns (data.drop),{way_out} or a machine with more memory"
    )
}

/// Whether `bytes` more are free, as far as the system tells.
///
/// # Errors
/// How much is needed and how much is free, in words.
pub fn check_free(bytes: usize) -> Result<(), String> {
    match free() {
        Some(free) if bytes > SMALL_BYTES && bytes > free => Err(needed(bytes, free)),
        _ => Ok(()),
    }
}

/// Bytes that are free, as far as the system tells: of the machine, and of what this process may have.
pub(super) fn free() -> Option<usize> {
    let of_machine = in_kib(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")?;
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let limit =
        limits.lines().find_map(|line| line.strip_prefix("Max address space")?.split_whitespace().next()?.parse().ok());
    let has = fs::read_to_string("/proc/self/status").ok().and_then(|status| in_kib(&status, "VmSize:"));
    let allowed = limit.zip(has).map(|(limit, has): (usize, usize)| limit.saturating_sub(has));
    Some(allowed.map_or(of_machine, |allowed| allowed.min(of_machine)))
}

/// The bytes in the line `name   123 kB`.
fn in_kib(text: &str, name: &str) -> Option<usize> {
    let number = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(number.trim().trim_end_matches(" kB").parse::<usize>().ok()? << 10)
}

/// What is needed is rounded up and what is free down: near each other, they are never told as the same.
fn needed(more: usize, free: usize) -> String {
    format!("need {} more, and {} are free", shown(more, f64::ceil), shown(free, f64::floor))
}

fn shown(bytes: usize, round: fn(f64) -> f64) -> String {
    let (mib, gib) = ((1 << 20) as f64, (1 << 30) as f64);
    let bytes = bytes as f64;
    let megabytes = round(bytes / mib);
    if megabytes < gib / mib {
        format!("{megabytes} MB")
    } else {
        format!("{:.1} GB", round(bytes / gib * 10.0) / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_s_tables_are_read() {
        assert_eq!(in_kib("MemTotal:  5 kB\nMemAvailable:    12 kB\n", "MemAvailable:"), Some(12 << 10));
        assert_eq!(in_kib("", "VmSize:"), None);
    }

    #[test]
    fn more_is_needed_than_is_free_in_what_is_told_too() {
        const MIB: usize = 1 << 20;
        for (more, free, told) in [
            (5 * MIB, 4 * MIB, "need 5 MB more, and 4 MB are free"),
            (82 * MIB + 300, 82 * MIB + 200, "need 83 MB more, and 82 MB are free"),
            (1536 * MIB + 1, 1536 * MIB, "need 1.6 GB more, and 1.5 GB are free"),
            (1024 * MIB - 1, 1024 * MIB - 2, "need 1.0 GB more, and 1023 MB are free"),
        ] {
            assert_eq!(needed(more, free), told);
        }
    }
}
