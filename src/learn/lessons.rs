//! The lessons' texts: Markdown files, `src/guide/learn/LANGUAGE/NN-ID.md`, in the order of their numbers.
//!
//! Beside them, `src/guide/learn/pictures` has a picture for each, which one of its commands draws.
//!
//! A file begins with `# Title`. In it, `{{widget NAME}}` on a line of its own is the place of something to move, and
//! `[0.961](measure:KEY)` is a measured number, which a test computes again (`tests/burnlab/learn.rs`).

use axum::Json;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};
use serde::{Deserialize, Serialize};

use crate::web::assets::in_attribute;
use crate::web::{ApiError, QueryParams};

/// Path and content, sorted by path. `build.rs` lists the folder.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/lesson_files.rs"));

/// The languages of the lessons: the names of their folders, in ISO 639.
pub const LANGUAGES: [&str; 2] = ["zh", "en"];

/// A text as it is in its file.
#[derive(Clone, Copy, Debug)]
pub struct Lesson {
    pub language: &'static str,
    /// Such as `neuron`, in every language.
    pub id: &'static str,
    pub text: &'static str,
}

/// The place of the pictures, as the lessons have it and as the page does.
const PICTURES: [&str; 2] = ["../pictures/", "learn/pictures/"];

/// `GET /learn/pictures/{name}`
pub async fn picture(Path(name): Path<String>) -> Result<Response, ApiError> {
    let found = FILES.iter().find(|(path, _)| path.strip_prefix("src/guide/learn/pictures/") == Some(&name));
    let (_, content) = found.ok_or_else(|| ApiError::not_found(format!("no picture `{name}`")))?;
    Ok(([(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, "no-cache")], *content).into_response())
}

/// All lessons, those of a language one after the other.
pub fn all() -> impl Iterator<Item = Lesson> {
    FILES.iter().filter_map(|(path, bytes)| {
        let (language, file) = path.strip_prefix("src/guide/learn/")?.split_once('/')?;
        let (_, id) = file.strip_suffix(".md")?.split_once('-')?;
        Some(Lesson { language, id, text: std::str::from_utf8(bytes).ok()? })
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LessonsQuery {
    lang: String,
}

/// A lesson for the page.
#[derive(Serialize)]
pub struct Rendered {
    id: &'static str,
    title: String,
    html: String,
}

/// `GET /api/learn/lessons?lang=zh|en`
pub async fn lessons(QueryParams(query): QueryParams<LessonsQuery>) -> Result<Json<Vec<Rendered>>, ApiError> {
    let LessonsQuery { lang } = query;
    if !LANGUAGES.contains(&lang.as_str()) {
        return Err(ApiError::bad_request(format!("lang: there are the languages {}", LANGUAGES.join(" and "))));
    }
    Ok(Json(all().filter(|lesson| lesson.language == lang).map(render).collect()))
}

/// The title stands apart from the text.
fn render(lesson: Lesson) -> Rendered {
    let (first, rest) = lesson.text.split_once('\n').unwrap_or((lesson.text, ""));
    let title = first.trim_start_matches('#').trim().to_owned();
    Rendered { id: lesson.id, title, html: html_of(rest) }
}

fn html_of(markdown: &str) -> String {
    let text: String = markdown.lines().map(|line| widget(line).unwrap_or_else(|| format!("{line}\n"))).collect();
    let mut is_measure = false;
    let events = Parser::new_ext(&text, Options::ENABLE_TABLES).map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. }) if dest_url.starts_with("measure:") => {
            is_measure = true;
            let key = in_attribute(dest_url.trim_start_matches("measure:"));
            Event::InlineHtml(CowStr::from(format!("<data class=\"measure\" value=\"{key}\">")))
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            let [from, to] = PICTURES;
            let dest_url = dest_url.replacen(from, to, 1).into();
            Event::Start(Tag::Image { link_type, dest_url, title, id })
        }
        Event::End(TagEnd::Link) if is_measure => {
            is_measure = false;
            Event::InlineHtml("</data>".into())
        }
        other => other,
    });
    let mut html = String::new();
    html::push_html(&mut html, events);
    html
}

/// The place of a widget, if the line is one.
fn widget(line: &str) -> Option<String> {
    let name = line.trim().strip_prefix("{{widget ")?.strip_suffix("}}")?;
    Some(format!("\n<div data-widget=\"{}\"></div>\n\n", in_attribute(name.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widgets_and_measured_numbers_have_their_places() {
        let text = "# One *neuron*\n\nIt is [0.961](measure:digits.test) of [a page](x.html).\n{{widget neuron}}\n\n\
                    ```console\n$ burnlab --config iris\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n![a net](../pictures/neuron.svg)\n";
        let lesson = render(Lesson { language: "en", id: "neuron", text });
        assert_eq!((lesson.id, lesson.title.as_str()), ("neuron", "One *neuron*"));
        let html = lesson.html;
        assert!(html.contains("It is <data class=\"measure\" value=\"digits.test\">0.961</data> of"), "{html}");
        assert!(html.contains("<a href=\"x.html\">a page</a>"), "{html}");
        assert!(html.contains("</p>\n<div data-widget=\"neuron\"></div>\n"), "{html}");
        assert!(html.contains("<code class=\"language-console\">$ burnlab --config iris\n</code>"), "{html}");
        assert!(html.contains("<td>2</td>"), "{html}");
        assert!(html.contains("<img src=\"learn/pictures/neuron.svg\" alt=\"a net\" />"), "{html}");
    }

    #[test]
    fn every_file_is_a_lesson() {
        let pictures = FILES.iter().filter(|(path, _)| path.ends_with(".svg")).count();
        assert_eq!(all().count() + pictures, FILES.len());
        assert_eq!(all().count(), LANGUAGES.len() * pictures, "a picture for each lesson");
        for Lesson { language, id, text } in all() {
            assert!(LANGUAGES.contains(&language) && text.starts_with("# "), "{language}/{id}");
        }
    }
}
