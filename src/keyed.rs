//! Values that are given by their names alone. serde reads a struct from a list of its values, too, in the order of its fields:
//! nobody means that, and `training = [3]` would pass for a section. And names that are given once.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A `T` from a table of TOML or an object of JSON.
#[derive(Clone, Debug)]
pub struct Keyed<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Keyed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Map<T> {
            type Value = T;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Map(PhantomData)).map(Self)
    }
}

/// For `#[serde(deserialize_with)]`: a value.
///
/// # Errors
/// When it is not a map, or not one of a `T`.
pub fn only<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Keyed::deserialize(deserializer).map(|Keyed(value)| value)
}

/// The same of a value that may be left out.
///
/// # Errors
/// As [`only`].
pub fn maybe<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let found = Option::<Keyed<T>>::deserialize(deserializer)?;
    Ok(found.map(|Keyed(value)| value))
}

/// The same of a list of values.
///
/// # Errors
/// As [`only`].
pub fn all<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let found = Vec::<Keyed<T>>::deserialize(deserializer)?;
    Ok(found.into_iter().map(|Keyed(value)| value).collect())
}

/// A `T` from the JSON of a request.
///
/// # Errors
/// With what is wrong, for whoever sent it.
pub fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    let found: Result<Keyed<T>, _> = serde_json::from_slice(json);
    found.map(|Keyed(value)| value).map_err(|error| error.to_string().replace("expected a map", "expected an object"))
}

/// Any JSON, where no object has a key twice: the last of the two would be taken, in silence.
#[derive(Clone, Debug)]
pub struct KeysOnce(pub Value);

impl<'de> Deserialize<'de> for KeysOnce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Value;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_string<E>(self, value: String) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
                let mut values = Vec::new();
                while let Some(KeysOnce(value)) = list.next_element()? {
                    values.push(value);
                }
                Ok(values.into())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut values = Map::new();
                while let Some((key, KeysOnce(value))) = map.next_entry::<String, _>()? {
                    if values.contains_key(&key) {
                        return Err(A::Error::custom(format!(
                            "duplicate field `{}`",
                            key.chars().take(100).collect::<String>()
                        )));
                    }
                    values.insert(key, value);
                }
                Ok(values.into())
            }
        }

        deserializer.deserialize_any(Any).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Point {
        x: u8,
        #[serde(deserialize_with = "maybe")]
        inner: Option<Box<Point>>,
        #[serde(deserialize_with = "all")]
        list: Vec<Point>,
    }

    impl Default for Point {
        fn default() -> Self {
            Self { x: 1, inner: None, list: vec![] }
        }
    }

    #[test]
    fn a_list_is_no_set_of_named_values() {
        let point = |x| Point { x, ..Point::default() };
        assert_eq!(from_json::<Point>(b"{}"), Ok(point(1)));
        assert_eq!(from_json::<Point>(br#"{"x": 2}"#), Ok(point(2)));
        let nested = Point { inner: Some(Box::new(point(3))), list: vec![point(4)], x: 1 };
        assert_eq!(from_json::<Point>(br#"{"inner": {"x": 3}, "list": [{"x": 4}]}"#), Ok(nested));
        for list in ["[]", "[2]", r#"{"inner": [3]}"#, r#"{"list": [[4]]}"#] {
            let error = from_json::<Point>(list.as_bytes()).unwrap_err();
            assert!(error.starts_with("invalid type: sequence, expected an object at line 1"), "{list}: {error}");
        }
        let json = r#"{"b": [1, -2, 3.5, null, true, "\n"], "a": {"c": {}, "b": []}}"#;
        assert_eq!(
            serde_json::from_str::<KeysOnce>(json).unwrap().0.to_string(),
            json.replace(", ", ",").replace(": ", ":")
        );
        for twice in [r#"{"a": 1, "a": 1}"#, r#"[{"b": {"a": 1, "c": 2, "a": 3}}]"#] {
            let error = serde_json::from_str::<KeysOnce>(twice).unwrap_err().to_string();
            assert!(error.starts_with("duplicate field `a` at line 1"), "{error}");
        }
        assert!(from_json::<Point>(br#"{"y": 1}"#).unwrap_err().starts_with("unknown field `y`"));
        assert!(from_json::<Point>(br#"{"x": "a"}"#).unwrap_err().starts_with("invalid type: string"));
    }
}
