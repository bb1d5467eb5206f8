//! The runs of one config: its seeds and folds.

use super::schema::Config;

/// One of the runs of a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Repetition {
    pub seed: u64,
    /// The test fold of a cross-validation.
    pub fold: Option<usize>,
}

impl Repetition {
    /// `config` with this seed and fold.
    pub fn of(self, config: &Config) -> Config {
        let mut config = config.clone();
        config.seed = self.seed;
        config.data.fold = self.fold;
        config
    }

    /// As `--set` overrides.
    pub fn overrides(self) -> Vec<String> {
        let fold = self.fold.map(|fold| format!("data.fold={fold}"));
        std::iter::once(format!("seed={}", self.seed)).chain(fold).collect()
    }
}

impl std::fmt::Display for Repetition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fold = self.fold.map(|fold| format!(" fold {fold}")).unwrap_or_default();
        f.pad(&format!("seed {}{fold}", self.seed))
    }
}

impl Config {
    /// The runs of this config with `num_seeds` consecutive seeds, starting with its own: one run per seed, or one per
    /// seed and fold of a cross-validation that does not name a fold.
    pub fn repetitions(&self, num_seeds: u16) -> Vec<Repetition> {
        let folds: Vec<Option<usize>> = match (self.data.folds, self.data.fold) {
            (Some(num_folds), None) => (1..=num_folds).map(Some).collect(),
            (_, fold) => vec![fold],
        };
        // TOML has no larger integers, so 0 follows the largest seed.
        let seeds = (0..u64::from(num_seeds)).map(|offset| self.seed.wrapping_add(offset) & i64::MAX as u64);
        seeds.flat_map(|seed| folds.iter().map(move |&fold| Repetition { seed, fold })).collect()
    }
}
