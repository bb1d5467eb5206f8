//! Files of a page, compiled in.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::ApiError;
use super::session::Visitor;

/// The files of a folder `assets`, and where a browser finds them. Defined by `assets!`.
#[derive(Clone, Copy, Debug)]
pub struct Assets {
    /// Below the page's own path, such as `learn`.
    pub path: &'static str,
    /// Names and contents. A file that is not named here is not reachable.
    pub files: &'static [(&'static str, &'static str)],
}

impl Assets {
    /// The content of the file `name`.
    ///
    /// # Errors
    /// 404 for a file that is not listed.
    pub fn text(self, name: &str) -> Result<&'static str, ApiError> {
        let found = self.files.iter().find(|(known, _)| *known == name).map(|(_, content)| *content);
        found.ok_or_else(|| ApiError::not_found(format!("no file `{name}`")))
    }

    /// The answer to a request for the file `name`.
    ///
    /// # Errors
    /// As [`Assets::text`].
    pub fn file(self, name: &str) -> Result<Response, ApiError> {
        let content = self.text(name)?;
        // A newer burnlab on the same port must not be served the files of the older page from the cache.
        Ok(([(CONTENT_TYPE, content_type(name)), (CACHE_CONTROL, "no-cache")], content).into_response())
    }

    /// The page `name` for a visitor: each `{{FIELD}}` becomes its value. Besides `fields`, whose values are HTML,
    /// every page has `modules`, which has the browser ask for all scripts at once, rather than for each when the one that needs
    /// it has come; `token`, which lets the page change things; and `logout`, `hidden` where there is no session to leave.
    ///
    /// # Errors
    /// As [`Assets::text`].
    pub fn page(self, name: &str, visitor: Visitor, fields: &[(&str, String)]) -> Result<String, ApiError> {
        let scripts = self.files.iter().map(|(name, _)| name).filter(|name| name.ends_with(".js"));
        let module = |name| format!("<link rel=\"modulepreload\" href=\"{}/{name}\">", self.path);
        let common = [
            ("modules", scripts.map(module).collect()),
            ("token", visitor.change_token),
            ("logout", if visitor.session.is_some() { "" } else { "hidden" }.to_owned()),
        ];
        let put = |page: String, (field, value): &(&str, String)| page.replace(&format!("{{{{{field}}}}}"), value);
        Ok(common.iter().chain(fields).fold(self.text(name)?.to_owned(), put))
    }
}

/// `text` as the value of an attribute.
pub fn in_attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        _ => "text/html; charset=utf-8",
    }
}

/// Defines `ASSETS`, the files with these names of the folder `assets` beside the module, served below a path; the handler
/// `asset`, which answers with one of them; and a test that none was forgotten.
macro_rules! assets {
    ($path:literal; $($name:literal),* $(,)?) => {
        const ASSETS: $crate::web::assets::Assets = $crate::web::assets::Assets {
            path: $path,
            files: &[$(($name, include_str!(concat!("assets/", $name)))),*],
        };

        #[doc = concat!("`GET /", $path, "/{name}`")]
        pub async fn asset(
            axum::extract::Path(name): axum::extract::Path<String>,
        ) -> Result<axum::response::Response, $crate::web::ApiError> {
            ASSETS.file(&name)
        }

        #[cfg(test)]
        #[test]
        fn every_file_of_the_folder_is_listed() {
            let beside = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file!());
            for entry in fs_err::read_dir(beside.with_file_name("assets")).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(ASSETS.text(&name).is_ok(), "`{name}` is missing in `ASSETS`");
            }
        }
    };
}
pub(crate) use assets;
