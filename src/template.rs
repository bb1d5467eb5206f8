//! Texts with places that are filled in.

/// `template` with each place `{{name}}` replaced by the part of that name. In one pass, so that what is put in is not
/// searched for places.
///
/// # Panics
/// If a place is not closed or has no part, which is a defect of the template.
pub fn filled(template: &str, parts: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("each place of a template is closed");
        let (_, part) = parts.iter().find(|(place, _)| *place == name).expect("each place of a template has a part");
        text.push_str(before);
        text.push_str(part);
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_not_searched() {
        let parts = [("a", "{{b}}"), ("b", "B{{a}}")];
        assert_eq!(filled("x{{a}}y {{b}}{{a}}.", &parts), "x{{b}}y B{{a}}{{b}}.");
    }
}
