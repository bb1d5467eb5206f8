//! The guide: what the program does and how to use it, a topic a page. The pages are files beside this one, which GitHub
//! shows as well; tests run each of their commands and compare what is printed (`tests/burnlab/guide.rs`).

/// A module a page. The definitions of links come first, so that in rustdoc they hold instead of those at the end of a page,
/// which lead to files.
macro_rules! pages {
    ($($name:ident = $file:literal;)*) => {
        $(
            /// [README]: crate
            /// [artifacts]: crate::guide::artifacts
            /// [backends]: crate::guide::backends
            /// [comparing]: crate::guide::comparing
            /// [config]: crate::guide::config
            /// [extending]: crate::guide::extending
            /// [first_run]: crate::guide::first_run
            /// [language_models]: crate::guide::language_models
            /// [library]: crate::guide::library
            /// [measured]: crate::guide::measured
            /// [models]: crate::guide::models
            /// [networks]: crate::guide::networks
            /// [promises]: crate::guide::promises
            /// [resuming]: crate::guide::resuming
            /// [sweeps]: crate::guide::sweeps
            /// [tables]: crate::guide::tables
            /// [targets]: crate::guide::targets
            /// [tutorial]: crate::guide::tutorial
            /// [attention.svg]: ../../../../../artifacts/pictures/attention.svg
            /// [dashboard.png]: ../../../../../artifacts/pictures/dashboard.png
            /// [gallery.svg]: ../../../../../artifacts/pictures/gallery.svg
            /// [hidden_units.svg]: ../../../../../artifacts/pictures/hidden_units.svg
            /// [sweep.png]: ../../../../../artifacts/pictures/sweep.png
            ///
            // Not in other builds, which would compile the crate again after each change of a page.
            #[cfg_attr(doc, doc = include_str!($file))]
            pub mod $name {}
        )*
    };
}

pages! {
    first_run = "first_run.md";
    tutorial = "tutorial.md";
    networks = "networks.md";
    tables = "tables.md";
    targets = "targets.md";
    config = "config.md";
    comparing = "comparing.md";
    sweeps = "sweeps.md";
    models = "models.md";
    language_models = "language_models.md";
    resuming = "resuming.md";
    library = "library.md";
    artifacts = "artifacts.md";
    backends = "backends.md";
    promises = "promises.md";
    measured = "measured.md";
    extending = "extending.md";
}
