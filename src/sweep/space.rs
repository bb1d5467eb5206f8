//! `[sweep.space]`: the dimensions of a search, some of which may exist only together with certain choices of others.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Index;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Params;
use super::dimension::{Dimension, FIELDS};

/// The values that each dotted config key may take. A key may have several dimensions, if no two of them exist together.
#[derive(Clone, Debug, PartialEq)]
pub struct Space(Vec<(String, Dimension)>);

impl Space {
    /// Each key after those that its `when` name, otherwise in the order of the file; the dimensions of a key stand together,
    /// as they are written into the record of a sweep, since draws depend on the order. Those that are left, since their
    /// conditions go in a circle, are the last.
    fn new(found: Vec<(String, Dimension)>) -> Self {
        let mut rest: IndexMap<String, Vec<Dimension>> = IndexMap::new();
        for (key, dimension) in found {
            rest.entry(key).or_default().push(dimension);
        }
        let mut sorted: Vec<(String, Dimension)> = Vec::new();
        while !rest.is_empty() {
            let waits = |dimension: &Dimension| dimension.when.keys().any(|key| rest.contains_key(key));
            let next = rest.values().position(|dimensions| !dimensions.iter().any(waits)).unwrap_or(0);
            if let Some((key, dimensions)) = rest.shift_remove_index(next) {
                sorted.extend(dimensions.into_iter().map(|dimension| (key.clone(), dimension)));
            }
        }
        Self(sorted)
    }

    /// Number of dimensions.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The dimensions with their keys, each after those that its `when` names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&String, &Dimension)> {
        self.0.iter().map(|(key, dimension)| (key, dimension))
    }

    /// Each key once.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        let is_first = |&(i, (key, _)): &(usize, &(String, Dimension))| self.0[..i].iter().all(|other| other.0 != *key);
        self.0.iter().enumerate().filter(is_first).map(|(_, (key, _))| key)
    }

    pub(super) fn as_slice(&self) -> &[(String, Dimension)] {
        &self.0
    }

    /// Of a value for every dimension, those that exist together.
    pub(super) fn active(&self, values: Vec<Value>) -> Params {
        let mut params = Params::new();
        for ((key, dimension), value) in self.0.iter().zip(values) {
            if dimension.is_active(&params) {
                params.insert(key.clone(), value);
            }
        }
        params
    }

    /// Values of other dimensions with which the dimension exists: for each of its conditions the first that fulfils it.
    /// `None` if there are none.
    pub(super) fn circumstances(&self, dimension: &Dimension) -> Option<Params> {
        let mut params = Params::new();
        for (key, allowed) in &dimension.when {
            params.insert(key.clone(), allowed.first()?.clone());
            let parent = self.iter().find(|(other, parent)| *other == key && parent.offers(&allowed[0]))?.1;
            for (key, value) in self.circumstances(parent)? {
                params.entry(key).or_insert(value);
            }
        }
        Some(params)
    }
}

impl Index<&str> for Space {
    type Output = Dimension;

    /// The first dimension of `key`.
    ///
    /// # Panics
    /// If there is none.
    fn index(&self, key: &str) -> &Dimension {
        &self.0.iter().find(|(other, _)| other == key).expect("a key of the space").1
    }
}

impl Serialize for Space {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of_key = |key: &String| {
            let found: Vec<&Dimension> = self.0.iter().filter(|(other, _)| other == key).map(|(_, one)| one).collect();
            (key.clone(), if let [one] = found[..] { OneOrSeveral::One(one) } else { OneOrSeveral::Several(found) })
        };
        serializer.collect_map(self.keys().map(of_key))
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum OneOrSeveral<'a> {
    One(&'a Dimension),
    Several(Vec<&'a Dimension>),
}

impl<'de> Deserialize<'de> for Space {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut found = Vec::new();
        deserializer.deserialize_map(OfSpace { when: BTreeMap::new(), found: &mut found })?;
        Ok(Self::new(found))
    }
}

/// Reads the keys of a space, all of whose dimensions exist only under the conditions `when`.
struct OfSpace<'a> {
    when: BTreeMap<String, Vec<Value>>,
    found: &'a mut Vec<(String, Dimension)>,
}

impl<'de> Visitor<'de> for OfSpace<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a table of config keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(OfKey { key, when: self.when.clone(), found: &mut *self.found })?;
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for OfSpace<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

/// Reads what belongs to one key: a dimension, a list of them, or a table with a space for each of its choices.
struct OfKey<'a> {
    key: String,
    when: BTreeMap<String, Vec<Value>>,
    found: &'a mut Vec<(String, Dimension)>,
}

impl OfKey<'_> {
    fn push(&mut self, mut dimension: Dimension) {
        for (key, values) in &self.when {
            dimension.when.entry(key.clone()).or_insert_with(|| values.clone());
        }
        self.found.push((self.key.clone(), dimension));
    }
}

impl<'de> DeserializeSeed<'de> for OfKey<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OfKey<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("the values of a key, such as { min = 1, max = 8 }")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, seq: A) -> Result<(), A::Error> {
        let several = Vec::<Dimension>::deserialize(SeqAccessDeserializer::new(seq))?;
        several.into_iter().for_each(|dimension| self.push(dimension));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let Some(first) = map.next_key::<String>()? else {
            return Err(A::Error::custom("set either values, or min and max"));
        };
        // Without its quotes, a dotted key is a table of tables, too.
        if FIELDS.contains(&first.as_str()) || !self.key.contains('.') {
            let dimension = Dimension::deserialize(MapAccessDeserializer::new(Again { first: Some(first), map }))?;
            self.push(dimension);
            return Ok(());
        }
        let place = self.found.len();
        let mut choices = Vec::new();
        let mut next = Some(first);
        while let Some(choice) = next {
            let choice = Value::from(choice);
            let mut when = self.when.clone();
            when.insert(self.key.clone(), vec![choice.clone()]);
            choices.push(choice);
            map.next_value_seed(OfSpace { when, found: &mut *self.found })?;
            next = map.next_key()?;
        }
        let (key, when) = (self.key, self.when);
        self.found.insert(place, (key, Dimension { when, ..Dimension::of_choices(choices) }));
        Ok(())
    }
}

/// A map whose first key was read already.
struct Again<A> {
    first: Option<String>,
    map: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Again<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(first) => seed.deserialize(first.into_deserializer()).map(Some),
            None => self.map.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// A dimension; several that exist under different conditions; or a space for each choice of the key.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Entry {
    One(Dimension),
    Several(Vec<Dimension>),
    Nested(IndexMap<String, IndexMap<String, Entry>>),
}

impl JsonSchema for Space {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Space".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        IndexMap::<String, Entry>::json_schema(generator)
    }
}
