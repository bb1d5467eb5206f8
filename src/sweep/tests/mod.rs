mod config;
mod importance;
mod samplers;
mod tpe;

use super::SweepConfig;

/// A section of `method` with 40 trials, whose space has these lines.
fn sweep(method: &str, space: &str) -> SweepConfig {
    parse(&format!("method = \"{method}\"\ntrials = 40\n[space]\n{space}")).expect("a section that parses")
}

fn parse(text: &str) -> Result<SweepConfig, toml::de::Error> {
    toml::from_str(text)
}
