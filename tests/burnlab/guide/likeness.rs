//! Whether a command prints what a page shows of it.
//!
//! Words and whole numbers must be the same. Ids, dates, durations and ports are not compared, since they differ each time.
//! Numbers with decimals may differ by a quarter, and by a hundredth at most (above 1: by one percent), and the counts in a
//! confusion matrix by 2: other processors add up in another order. A line `...` stands for any number of lines, ` ...` at
//! the end of a line for the rest of it.

const ELISION: &str = "...";

/// Whether the lines printed are those shown.
pub fn is_like(shown: &[String], printed: &[String]) -> bool {
    let mut next = 0;
    let segments = segments(shown);
    let last = segments.len() - 1;
    segments.iter().enumerate().all(|(number, segment)| {
        let Some(end) = printed.len().checked_sub(segment.len()) else { return false };
        let is_here = |start: &usize| segment.iter().zip(&printed[*start..]).all(|(a, b)| is_line_like(a, b));
        let start = match number {
            0 => Some(0).filter(|_| last > 0 || end == 0),
            _ if number == last => Some(end).filter(|end| *end >= next),
            _ => (next..=end).find(is_here),
        };
        next = start.unwrap_or(next) + segment.len();
        start.is_some_and(|start| is_here(&start))
    })
}

/// The lines that an update takes from a page, after `-`, and those that it puts there, after `+`.
pub fn difference(shown: &[String], updated: &[String]) -> Vec<String> {
    let (rows, columns) = (shown.len(), updated.len());
    // How many lines the rests of both have in common.
    let mut common = vec![vec![0; columns + 1]; rows + 1];
    for (row, column) in (0..rows).rev().flat_map(|row| (0..columns).rev().map(move |column| (row, column))) {
        common[row][column] = match shown[row] == updated[column] {
            true => 1 + common[row + 1][column + 1],
            false => common[row + 1][column].max(common[row][column + 1]),
        };
    }
    let mut lines = Vec::new();
    let (mut row, mut column) = (0, 0);
    while row < rows || column < columns {
        if row < rows && column < columns && shown[row] == updated[column] {
            (row, column) = (row + 1, column + 1);
        } else if row < rows && (column == columns || common[row + 1][column] >= common[row][column + 1]) {
            lines.push(format!("- {}", shown[row]));
            row += 1;
        } else {
            lines.push(format!("+ {}", updated[column]));
            column += 1;
        }
    }
    lines
}

/// What a page should show: the lines printed, with `...` where the page has it now.
pub fn updated(shown: &[String], printed: &[String]) -> Vec<String> {
    let places = aligned(shown, printed);
    if places.iter().all(Option::is_none) {
        return printed.to_vec();
    }
    let segments = segments(shown);
    let mut lines = Vec::new();
    let mut at = 0;
    for (number, segment) in segments.iter().enumerate() {
        if number > 0 && lines.last().is_none_or(|line| line != ELISION) {
            lines.push(ELISION.to_owned());
        }
        let mine = &places[at..at + segment.len()];
        let first = if number == 0 { Some(0) } else { mine.iter().flatten().next().copied() };
        let is_end = number + 1 == segments.len() && !segment.is_empty();
        let last = if is_end { printed.len().checked_sub(1) } else { mine.iter().flatten().next_back().copied() };
        if let (Some(first), Some(last), false) = (first, last, segment.is_empty()) {
            for (place, text) in printed.iter().enumerate().take(last + 1).skip(first) {
                let old = mine.iter().position(|found| *found == Some(place)).map(|index| &segment[index]);
                lines.push(match old {
                    Some(old) if is_line_like(old, text) => old.clone(),
                    Some(old) if old.ends_with(" ...") => shortened(text, old.split_whitespace().count() - 1),
                    _ => text.clone(),
                });
            }
        }
        at += segment.len() + 1;
    }
    lines
}

/// The lines between those that say `...`.
fn segments(shown: &[String]) -> Vec<&[String]> {
    shown.split(|line| line.trim() == ELISION).collect()
}

/// The printed line that each shown one stands for: in order, and as like as can be.
fn aligned(shown: &[String], printed: &[String]) -> Vec<Option<usize>> {
    let (rows, columns) = (shown.len(), printed.len());
    let mut best = vec![vec![0.0; columns + 1]; rows + 1];
    let value = |row: usize, column: usize| {
        let value = similarity(&shown[row], &printed[column]);
        if value >= 0.5 { value } else { f64::NEG_INFINITY }
    };
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            let taken = value(row, column) + best[row + 1][column + 1];
            best[row][column] = f64::max(taken, best[row + 1][column].max(best[row][column + 1]));
        }
    }
    let mut places = vec![None; rows];
    let (mut row, mut column) = (0, 0);
    while row < rows && column < columns {
        if best[row][column] == value(row, column) + best[row + 1][column + 1] {
            places[row] = Some(column);
            (row, column) = (row + 1, column + 1);
        } else if best[row][column] == best[row + 1][column] {
            row += 1;
        } else {
            column += 1;
        }
    }
    places
}

/// The share of words that two lines have in common, from 0 to 1; `...` has nothing in common with any line.
fn similarity(shown: &str, printed: &str) -> f64 {
    if shown.trim() == ELISION {
        return f64::NEG_INFINITY;
    }
    let (shown, printed) = (without_ids(shown), without_ids(printed));
    let mut left: Vec<&str> = printed.split_whitespace().collect();
    let mut words: Vec<&str> = shown.split_whitespace().collect();
    if words.last() == Some(&ELISION) {
        words.pop();
        left.truncate(words.len());
    }
    let most = words.len().max(left.len());
    if most == 0 {
        return 1.0;
    }
    let common =
        words.iter().filter(|word| left.iter().position(|other| other == *word).map(|at| left.remove(at)).is_some());
    common.count() as f64 / most as f64
}

fn shortened(line: &str, num_words: usize) -> String {
    let words: Vec<&str> = line.split_whitespace().take(num_words).collect();
    format!("{} ...", words.join(" "))
}

fn is_line_like(shown: &str, printed: &str) -> bool {
    // How far a line is indented may follow from what is not compared, but not whether it is.
    let is_indented = |line: &str| line.starts_with(' ');
    if is_indented(shown) != is_indented(printed) {
        return false;
    }
    let (shown, printed) = (without_ids(without_rest(shown)), without_ids(without_rest(printed)));
    let (mut words, mut others): (Vec<_>, Vec<_>) =
        (shown.split_whitespace().collect(), printed.split_whitespace().collect());
    if words.len() > 1 && words.last() == Some(&ELISION) {
        words.pop();
        others.truncate(words.len());
    }
    // Seconds, of each epoch.
    if words.first() == Some(&"train/seconds") {
        return others.first() == words.first();
    }
    let is_matrix = words.contains(&"·") || others.contains(&"·");
    let (pieces, others) = (pieces(&words, is_matrix), pieces(&others, is_matrix));
    pieces.len() == others.len() && pieces.iter().zip(&others).all(|(a, b)| a.is_like(b, is_matrix))
}

/// An epoch's line without the time that is left, which a fast machine does not print.
fn without_rest(line: &str) -> &str {
    line.split("  at most ").next().unwrap_or(line)
}

#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    Whole(i64),
    Decimal(f64),
    NotCompared,
}

impl Piece {
    fn is_like(&self, printed: &Piece, is_matrix: bool) -> bool {
        match (self, printed) {
            (Self::Whole(a), Self::Whole(b)) if is_matrix => (a - b).abs() <= 2,
            (Self::Whole(a), Self::Decimal(b)) => is_near(*a as f64, *b),
            (Self::Decimal(a), Self::Whole(b)) => is_near(*a, *b as f64),
            (Self::Decimal(a), Self::Decimal(b)) => is_near(*a, *b),
            (a, b) => a == b,
        }
    }
}

fn is_near(shown: f64, printed: f64) -> bool {
    let most = if shown.abs() > 1.0 { 0.01 * shown.abs() } else { (0.25 * shown.abs()).clamp(0.0015, 0.01) };
    // The last digit is rounded.
    (shown - printed).abs() <= most * 1.0001
}

fn pieces(words: &[&str], is_matrix: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let unit = words.get(at + 1).map_or("", |next| next.trim_end_matches([',', '.', ';', ')', ':']));
        let is_ratio = unit == "times" && words.get(at + 2) == Some(&"as");
        let is_duration = is_ratio || ["s", "ms", "min"].contains(&unit);
        if *word == "·" && is_matrix {
            pieces.push(Piece::Whole(0));
        } else if is_moment(word) {
            pieces.push(Piece::NotCompared);
        } else {
            let parts = numbers_and_text(word).into_iter();
            pieces.extend(parts.map(|piece| match piece {
                Piece::Whole(_) | Piece::Decimal(_) if is_duration => Piece::NotCompared,
                piece => piece,
            }));
        }
    }
    pieces
}

/// A date or a time of day.
fn is_moment(word: &str) -> bool {
    let shape: String = word.chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
    shape.starts_with("0000-00-00") || shape.starts_with("00:00")
}

/// Digits that are part of a name, as in `f1`, belong to the text.
fn numbers_and_text(word: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = word;
    while let Some(next) = rest.chars().next() {
        let is_in_name = text.chars().next_back().is_some_and(|last| last.is_alphanumeric() || last == '_');
        let length = if is_in_name { 0 } else { number_length(rest) };
        if length == 0 {
            text.push(next);
            rest = &rest[next.len_utf8()..];
            continue;
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        let number = &rest[..length];
        pieces.push(match number.parse() {
            Ok(whole) => Piece::Whole(whole),
            Err(_) => number.parse().map_or_else(|_| Piece::Text(number.to_owned()), Piece::Decimal),
        });
        rest = &rest[length..];
        // `8x8`, `30s`: what follows a number is text, and a number after that is part of it.
        if let Some(next) = rest.chars().next().filter(|next| next.is_alphabetic()) {
            text.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

/// How much of the beginning is a number such as `-3`, `0.25` or `3e-5`; 0 if it is none.
fn number_length(text: &str) -> usize {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let sign = usize::from(text.starts_with(['+', '-']));
    let mut length = sign + digits(sign);
    if length == sign {
        return 0;
    }
    if text[length..].starts_with('.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    if let Some(power) = text[length..].strip_prefix('e') {
        let sign = usize::from(power.starts_with('-'));
        if digits(length + 1 + sign) > 0 {
            length += 1 + sign + digits(length + 1 + sign);
        }
    }
    length
}

/// `digits-20261129-020434-2b56` becomes `digits-ID`, and the port after `127.0.0.1:` is left out.
fn without_ids(line: &str) -> String {
    const SHAPE: &str = "-00000000-000000-";
    let mut kept = String::new();
    let mut rest = line;
    while let Some(next) = rest.chars().next() {
        let shape: String =
            rest.chars().take(SHAPE.len()).map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
        if let Some(after) = rest.strip_prefix("127.0.0.1:") {
            kept += "127.0.0.1:PORT";
            rest = after.trim_start_matches(|char: char| char.is_ascii_digit());
        } else if shape == SHAPE {
            kept += "-ID";
            rest = rest[SHAPE.len()..].trim_start_matches(|char: char| char.is_ascii_hexdigit());
        } else {
            kept.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    fn is_like(shown: &str, printed: &str) -> bool {
        super::is_like(&lines(shown), &lines(printed))
    }

    #[test]
    fn what_differs_each_time_is_not_compared_and_all_else_is() {
        assert!(is_like("run    digits-20261129-020434-2b56", "run    digits-20261130-120000-00ff"));
        assert!(!is_like("run    digits-20261129-020434-2b56", "run    iris-20261129-020434-2b56"));
        assert!(is_like("epoch 5/9 at most 2 s left", "epoch 5/9 at most 71 s left"));
        assert!(is_like("epoch 5/9  best 0.5  at most 2 s left", "epoch 5/9  best 0.5"));
        assert!(is_like("  note: a", "       note: a") && !is_like("note: a", "       note: a"));
        assert!(!is_like("epoch 5/9 at most 2 s left", "epoch 6/9 at most 2 s left"));
        assert!(is_like("10 epochs (0.21 s); 1.72 times as long.", "10 epochs (3.5 s); 0.9 times as long."));
        assert!(is_like("started     2026-11-29T02:06:27.083935Z", "started     2027-01-01T00:00:00Z"));
        assert!(is_like("http://127.0.0.1:6007", "http://127.0.0.1:46007"));
        assert!(!is_like("64-16-10 relu, 1210 parameters", "64-16-10 relu, 1211 parameters"));
        assert!(!is_like("test f1 0.97", "test f2 0.97"));
    }

    #[test]
    fn decimals_are_near_and_counts_of_a_matrix_within_two() {
        assert!(is_like("accuracy 0.9778", "accuracy 0.9870"));
        assert!(!is_like("accuracy 0.9778", "accuracy 0.9889"));
        assert!(!is_like("interval +0.012 to +0.023", "interval -0.012 to +0.023"));
        assert!(!is_like("learning rate 0.003", "learning rate 0.01"));
        assert!(is_like("train/accuracy 0.99900 @ 192", "train/accuracy 1 @ 192"));
        assert!(is_like("8    ·    2   49", "8    1    ·   50"));
        assert!(!is_like("8    ·    2   49", "8    ·    2   46"));
        assert!(!is_like("8 of 40 trials", "9 of 40 trials"));
    }

    #[test]
    fn elided_lines_may_be_any_and_the_others_must_be_there() {
        assert!(is_like("a\n...\nd", "a\nb\nc\nd"));
        assert!(is_like("a\n...\nc\n...\nd", "a\nb\nc\nx\nd"));
        assert!(!is_like("a\n...\nd", "a\nb\nd\ne"));
        assert!(!is_like("a\n...\nx\n...\nd", "a\nb\nc\nd"));
        assert!(!is_like("a", "a\nb"));
        assert!(!is_like("a\nb", "a"));
        assert!(is_like("Alice, when ...", "Alice, when she"));
        assert!(!is_like("Alice, when ...", "Alice, if she"));
        assert!(is_like("...", ""));
    }

    #[test]
    fn a_difference_shows_the_lines_that_change() {
        let found = difference(&lines("a\nb 1\n...\nd"), &lines("a\nnew\nb 2\n...\nd"));
        assert_eq!(found, ["- b 1", "+ new", "+ b 2"]);
    }

    #[test]
    fn an_update_keeps_what_is_alike_and_elided() {
        let shown = lines(
            "run digits-20261129-020434-2b56\n...\nepoch 2/3 loss 0.5\nepoch 3/3 loss 0.4\n\ndone in 3 s\nword one two ...",
        );
        let printed = lines(
            "run digits-20270101-000000-0000\nnote\nepoch 1/3 loss 0.9\nepoch 2/3 loss 0.7\nepoch 3/3 loss 0.4\nnew\n\ndone in 4 s\nword one three four five",
        );
        let expected = lines(
            "run digits-20261129-020434-2b56\n...\nepoch 2/3 loss 0.7\nepoch 3/3 loss 0.4\nnew\n\ndone in 3 s\nword one three ...",
        );
        let found = updated(&shown, &printed);
        assert_eq!(found, expected);
        assert!(super::is_like(&found, &printed));
        assert_eq!(updated(&lines("?"), &printed), printed);
    }
}
