//! What others may see of a text in a run that somebody sent, in a terminal, a page or a JSON file: names and cells in it could
//! hold sequences that change a terminal, or characters that show the rest of a line in another order than it has.

use std::borrow::Cow;

/// Whether a character is a command to what shows it, apart from the end of a line and a tab: a control, or one of Unicode's
/// bidirectional embeddings, overrides and isolates (UAX #9, section 2).
pub fn is_foreign(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        character => character.is_control(),
    }
}

/// `text` as it may be shown.
pub fn without_escapes(text: &str) -> Cow<'_, str> {
    match text.contains(is_foreign) {
        true => Cow::Owned(text.replace(is_foreign, "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

/// A JSON document that says the same in characters that may be shown: in its texts `\u202e` stands for that character. The
/// basic strings of TOML have the same escapes.
pub fn escaped_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_foreign) {
        return Cow::Borrowed(json);
    }
    let escaped = |c: char| if is_foreign(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    Cow::Owned(json.chars().map(escaped).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_the_same_without_commands() {
        let text = "a\u{202e}\u{9b}31m\u{7f}\u{1b}\"\n\u{2066}é";
        let json = serde_json::to_string_pretty(&[text]).unwrap();
        let escaped = escaped_json(&json);
        assert!(!escaped.contains(is_foreign) && escaped.contains("a\\u202e\\u009b31m\\u007f"), "{escaped}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&escaped).unwrap(), [text]);
        assert_eq!(escaped_json("[\n\t\"é\"]"), "[\n\t\"é\"]");
        let toml: toml::Table =
            toml::from_str(&format!("key = {}", escaped_json(&serde_json::to_string(text).unwrap()))).unwrap();
        assert_eq!(toml["key"].as_str(), Some(text));
    }
}
