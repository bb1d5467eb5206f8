//! Room for data, asked for before it is taken: an allocation that fails would end the process without a word.

use std::fs;

use super::table::Table;
use crate::invalid::Invalid;

/// Below this, nothing is asked: every machine has it.
const SMALL_BYTES: usize = 2 << 20;
/// From this on, a vector grows by a quarter instead of doubling.
const LARGE_BYTES: usize = 128 << 20;
/// What a row takes besides its cells: its target as text and number, its place in the table, in the split and in the order
/// of an epoch, and what the network makes of it, some of them in vectors that are growing.
const ROW_BYTES: usize = 64;
/// How much more than the rows so far foretell is made room for: what is not used takes no memory.
const MARGIN: f64 = 1.03;

/// Makes room in `values` for one more row of `table` with `width` cells.
///
/// # Errors
/// A table that does not fit in memory.
pub(super) fn make_room(values: &mut Vec<f32>, width: usize, table: &Table<'_>) -> Result<(), Invalid> {
    let needed = values.len() + width;
    if needed <= values.capacity() {
        return Ok(());
    }
    let has = size_of_val(values.as_slice());
    let target = match table.progress().filter(|_| has >= SMALL_BYTES) {
        // All at once: while a vector grows, its numbers are in memory twice.
        Some(progress) => (values.len() as f64 / progress * MARGIN) as usize / width.max(1) * width,
        None if has < LARGE_BYTES => 2 * values.capacity(),
        None => values.capacity() + values.capacity() / 4,
    };
    let target = target.max(needed);
    let num_rows = target / width.max(1);
    let more = (target - values.len()) * size_of::<f32>() + num_rows * ROW_BYTES;
    let is_free = has < SMALL_BYTES || free().is_none_or(|free| more <= free);
    if is_free && values.try_reserve_exact(target - values.len()).is_ok() {
        return Ok(());
    }
    let free = free().map_or_else(|| "no more is".to_owned(), |free| format!("{} are", shown(free)));
    Err(table.error(&format!(
        "does not fit in memory: {num_rows} rows of it need {} more, and {free} free; use \
         fewer rows or columns (data.drop), or a machine with more memory",
        shown(more)
    )))
}

/// Whether `bytes` more are free, as far as the system tells.
///
/// # Errors
/// How much is needed and how much is free, in words.
pub fn check_free(bytes: usize) -> Result<(), String> {
    match free() {
        Some(free) if bytes > SMALL_BYTES && bytes > free => {
            Err(format!("need {} more, and {} are free", shown(bytes), shown(free)))
        }
        _ => Ok(()),
    }
}

/// Bytes that are free, as far as the system tells: of the machine, and of what this process may have.
fn free() -> Option<usize> {
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

fn shown(bytes: usize) -> String {
    if bytes < 1 << 30 {
        format!("{} MB", bytes >> 20)
    } else {
        format!("{:.1} GB", bytes as f64 / (1u64 << 30) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_s_tables_are_read() {
        assert_eq!(in_kib("MemTotal:  5 kB\nMemAvailable:    12 kB\n", "MemAvailable:"), Some(12 << 10));
        assert_eq!(in_kib("", "VmSize:"), None);
        assert_eq!((shown(5 << 20), shown(3 << 29)), ("5 MB".to_owned(), "1.5 GB".to_owned()));
    }
}
