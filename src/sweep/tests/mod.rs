mod conditions;
mod config;
mod importance;
mod samplers;
mod tpe;

use super::SweepConfig;

/// A section with this method and space, and 40 trials.
fn sweep(method: &str, space: &str) -> SweepConfig {
    parse(&format!("method = \"{method}\"\ntrials = 40\n[space]\n{space}")).expect("a section that parses")
}

fn parse(text: &str) -> Result<SweepConfig, toml::de::Error> {
    toml::from_str(text)
}
