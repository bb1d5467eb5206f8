//! Addresses without the feature `postgres`: they are read, and servers cannot be reached.

mod settings;

pub(crate) use settings::Settings;
