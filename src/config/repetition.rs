//! The runs of one config: its seeds and folds.

use super::schema::Config;

/// One of the runs of a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Repetition {
    pub seed: u64,
    /// The test fold of a cross-validation.
    pub fold: Option<usize>,
    /// The repeat of the cross-validation that the fold is of.
    pub repeat: Option<usize>,
}

impl Repetition {
    /// `config` with this seed and fold.
    pub fn of(self, config: &Config) -> Config {
        let mut config = config.clone();
        config.seed = self.seed;
        config.data.fold = self.fold;
        config.data.repeat = self.repeat;
        config
    }

    /// As `--set` overrides.
    pub fn overrides(self) -> Vec<String> {
        let fold = self.fold.map(|fold| format!("data.fold={fold}"));
        let repeat = self.repeat.map(|repeat| format!("data.repeat={repeat}"));
        std::iter::once(format!("seed={}", self.seed)).chain(repeat).chain(fold).collect()
    }
}

impl std::fmt::Display for Repetition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fold = self.fold.map(|fold| format!(" fold {fold}")).unwrap_or_default();
        let repeat = self.repeat.map(|repeat| format!(" repeat {repeat}")).unwrap_or_default();
        f.pad(&format!("seed {}{repeat}{fold}", self.seed))
    }
}

impl Config {
    /// The runs of this config with `num_seeds` consecutive seeds, starting with its own: one run per seed, or one per
    /// seed, repeat and fold of a cross-validation that does not name them.
    pub fn repetitions(&self, num_seeds: u16) -> Vec<Repetition> {
        let each = |count: Option<usize>, one: Option<usize>| -> Vec<Option<usize>> {
            match (count, one) {
                (Some(count), None) => (1..=count).map(Some).collect(),
                (_, one) => vec![one],
            }
        };
        let repeats = each(self.data.repeats, self.data.repeat);
        let folds = each(self.data.folds, self.data.fold);
        let of_seed = |seed: u64| {
            let of_repeat = |&repeat| folds.iter().map(move |&fold| Repetition { seed, fold, repeat });
            repeats.iter().flat_map(of_repeat).collect::<Vec<_>>()
        };
        // TOML has no larger integers, so 0 follows the largest seed.
        let seeds = (0..u64::from(num_seeds)).map(|offset| self.seed.wrapping_add(offset) & i64::MAX as u64);
        seeds.flat_map(of_seed).collect()
    }
}
