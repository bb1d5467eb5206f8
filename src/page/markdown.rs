//! The Markdown of model cards as HTML: headings, paragraphs, lists, tables, code. What else there is in a card is text.

use super::escaped;

/// HTML of a card, which may have `&amp;` and `&lt;`, and backslashes before characters that Markdown would take.
pub(super) fn html(card: &str) -> String {
    let mut html = String::new();
    let mut lines = card.lines().peekable();
    while let Some(line) = lines.next() {
        let mut more = |holds: &dyn Fn(&str) -> bool| -> Vec<&str> {
            std::iter::from_fn(|| lines.next_if(|next| holds(next))).collect()
        };
        let ticks = line.len() - line.trim_start_matches('`').len();
        if line.trim().is_empty() {
            continue;
        } else if ticks >= 3 {
            let fence = &line[..ticks];
            let code = more(&|next| next != fence);
            html += &pre(&code);
            more(&|next| next == fence);
        } else if let Some(first) = line.strip_prefix("    ") {
            let rest = more(&|next| next.starts_with("    "));
            html += &pre(&std::iter::once(first).chain(rest.iter().map(|line| &line[4..])).collect::<Vec<_>>());
        } else if line.starts_with('#') {
            // The page has a heading of its own.
            let level = (line.len() - line.trim_start_matches('#').len() + 1).min(6);
            html += &format!("<h{level}>{}</h{level}>\n", inline(line.trim_start_matches('#').trim()));
        } else if line.starts_with('|') {
            let rest = more(&|next| next.starts_with('|'));
            html += &table(line, &rest);
        } else if line.starts_with("- ") {
            let rest = more(&|next| next.starts_with("- "));
            let items = std::iter::once(line).chain(rest).map(|item| format!("<li>{}</li>", inline(&item[2..])));
            html += &format!("<ul>{}</ul>\n", items.collect::<String>());
        } else {
            let is_text = |next: &str| !next.trim().is_empty() && !next.starts_with(['|', '#', '`']);
            let rest = more(&is_text);
            let text = std::iter::once(line).chain(rest).collect::<Vec<_>>().join(" ");
            html += &format!("<p>{}</p>\n", inline(&text));
        }
    }
    html
}

fn pre(lines: &[&str]) -> String {
    format!("<pre>{}</pre>\n", escaped(&lines.join("\n")))
}

/// The second line of a table divides its head from the rest.
fn table(head: &str, rest: &[&str]) -> String {
    let row = |line: &str, cell: &str| -> String {
        let cells = cells(line).into_iter().map(|text| format!("<{cell}>{}</{cell}>", inline(text)));
        format!("<tr>{}</tr>", cells.collect::<String>())
    };
    let rows: String = rest.iter().skip(1).map(|line| row(line, "td")).collect();
    format!("<div class=\"wide\"><table>{}{rows}</table></div>\n", row(head, "th"))
}

/// Divided at the bars that have no backslash before them.
fn cells(line: &str) -> Vec<&str> {
    let line = line.trim().trim_start_matches('|');
    let mut cells = Vec::new();
    let (mut start, mut is_escaped) = (0, false);
    for (place, character) in line.char_indices() {
        if character == '|' && !is_escaped {
            cells.push(line[start..place].trim());
            start = place + 1;
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    cells
}

/// Code between backticks, which is as it is but for bars; elsewhere backslashes are taken off, and `&` begins an entity.
fn inline(text: &str) -> String {
    let mut html = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let ticks = rest.len() - rest.trim_start_matches('`').len();
        let (fence, after) = rest.split_at(ticks);
        if ticks > 0
            && let Some((code, after)) = closed(after, fence)
        {
            html += &format!("<code>{}</code>", escaped(code.trim()).replace("\\|", "|"));
            rest = after;
            continue;
        }
        let taken = match rest.strip_prefix('\\').and_then(|after| after.chars().next()) {
            Some(escaped) if escaped.is_ascii_punctuation() => 1 + escaped.len_utf8(),
            _ => next.len_utf8(),
        };
        match &rest[..taken] {
            "<" => html += "&lt;",
            "\"" => html += "&quot;",
            plain => html += plain.strip_prefix('\\').filter(|after| !after.is_empty()).unwrap_or(plain),
        }
        rest = &rest[taken..];
    }
    html
}

/// What is before and after as many backticks as `fence` has, not more.
fn closed<'a>(text: &'a str, fence: &str) -> Option<(&'a str, &'a str)> {
    let mut start = 0;
    loop {
        let place = start + text[start..].find('`')?;
        let ticks = text[place..].len() - text[place..].trim_start_matches('`').len();
        if ticks == fence.len() {
            return Some((&text[..place], &text[place + ticks..]));
        }
        start = place + ticks;
    }
}

#[cfg(test)]
mod tests {
    use super::html;

    #[test]
    fn a_card_is_headings_text_lists_tables_and_code() {
        let card = "# run-1\n\nA network\nof `a<b`.\n\n## Use\n\n    burnlab predict\n\n- rows: 3\n- x\n\n\
                    | metric | value |\n|---|---|\n| a \\| b | `c\\|d` |\n\n```toml\nx = \"<\"\n\n```\n";
        let expected = "<h2>run-1</h2>\n<p>A network of <code>a&lt;b</code>.</p>\n<h3>Use</h3>\n<pre>burnlab predict</pre>\n\
                        <ul><li>rows: 3</li><li>x</li></ul>\n<div class=\"wide\"><table><tr><th>metric</th><th>value</th></tr>\
                        <tr><td>a | b</td><td><code>c|d</code></td></tr></table></div>\n<pre>x = &quot;&lt;&quot;\n</pre>\n";
        assert_eq!(html(card), expected);
    }

    #[test]
    fn what_a_card_quotes_is_no_html() {
        // As model cards write a hostile name: in text, in code with more backticks, in a longer fence.
        let card = "&lt;img onerror=x> \\[a\\] ``b` <i>``\n\n````\n```\n<script>\n````\n";
        let expected = "<p>&lt;img onerror=x> [a] <code>b` &lt;i></code></p>\n<pre>```\n&lt;script></pre>\n";
        assert_eq!(html(card), expected);
        assert_eq!(html("<b> \" `open"), "<p>&lt;b> &quot; `open</p>\n");
    }
}
