//! What many runs have in common, kept once: params, metric keys and fingerprints of data.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use serde_json::Value;

use crate::tracking::{DataRecord, MetricKey};

/// One param of some runs.
#[derive(Debug, PartialEq)]
pub struct Param {
    pub key: Arc<str>,
    pub value: Value,
}

/// Values that runs share. What no run has any more is forgotten now and then.
#[derive(Debug, Default)]
pub struct Pool {
    keys: Shared<str>,
    params: Shared<Param>,
    metrics: Shared<MetricKey>,
    data: Shared<DataRecord>,
}

impl Pool {
    pub fn param(&mut self, key: &str, value: Value) -> Arc<Param> {
        let key = self.keys.get(key.as_bytes(), |known| known == key, || key.into());
        let mut text = value.to_string().into_bytes();
        text.extend(key.as_bytes());
        let is_same = |known: &Param| known.key == key && known.value == value;
        self.params.get(&text, is_same, || Arc::new(Param { key: Arc::clone(&key), value: value.clone() }))
    }

    pub fn metric(&mut self, key: &MetricKey) -> Arc<MetricKey> {
        self.metrics.get(key.as_str().as_bytes(), |known| known == key, || Arc::new(key.clone()))
    }

    pub fn data(&mut self, data: DataRecord) -> Arc<DataRecord> {
        let text = [data.test.as_str(), &data.rows, &data.inputs].concat();
        self.data.get(text.as_bytes(), |known| *known == data, || Arc::new(data.clone()))
    }
}

#[derive(Debug)]
struct Shared<T: ?Sized> {
    hasher: RandomState,
    /// By hash. Of two values with the same one, only the first is shared.
    known: HashMap<u64, Arc<T>>,
    /// The number of values at which to look for those that nobody has any more.
    full: usize,
}

impl<T: ?Sized> Default for Shared<T> {
    fn default() -> Self {
        Self { hasher: RandomState::new(), known: HashMap::new(), full: 1024 }
    }
}

impl<T: ?Sized> Shared<T> {
    /// The known value that `is_same`, or a new one. `text` is equal for equal values.
    fn get(&mut self, text: &[u8], is_same: impl Fn(&T) -> bool, make: impl Fn() -> Arc<T>) -> Arc<T> {
        let hash = self.hasher.hash_one(text);
        match self.known.get(&hash) {
            Some(known) if is_same(known) => return Arc::clone(known),
            Some(_) => return make(),
            None => {}
        }
        if self.known.len() >= self.full {
            self.known.retain(|_, value| Arc::strong_count(value) > 1);
            self.full = (2 * self.known.len()).max(1024);
        }
        let value = make();
        self.known.insert(hash, Arc::clone(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_values_are_kept_once_and_forgotten_when_nobody_has_them() {
        let mut pool = Pool::default();
        let (a, b) = (pool.param("model.hidden", json!([16])), pool.param("model.hidden", json!([16])));
        assert!(Arc::ptr_eq(&a, &b));
        let others = [pool.param("model.hidden", json!([8])), pool.param("model.other", json!([16]))];
        assert!(others.iter().all(|other| other != &a) && Arc::ptr_eq(&others[0].key, &a.key));
        (0..10_000).for_each(|seed| drop(pool.param("seed", json!(seed))));
        assert!(pool.params.known.len() < 2000, "{}", pool.params.known.len());
        assert!(Arc::ptr_eq(&a, &pool.param("model.hidden", json!([16]))));
    }
}
