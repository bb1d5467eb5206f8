//! Tensors of the Open Inference Protocol, in JSON or in the binary form that clients of Triton send by default.

use serde::Deserialize;
use serde_json::{Value, json};

use super::rows::kind;
use crate::web::ApiError;

/// An input of a request.
#[derive(Debug, Deserialize)]
pub(super) struct Tensor {
    pub name: String,
    pub shape: Vec<u64>,
    pub datatype: String,
    #[serde(default, deserialize_with = "crate::keyed::only")]
    pub parameters: Parameters,
    /// Row by row, in one list or in nested ones; absent if it is binary.
    pub data: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    pub binary_data_size: Option<usize>,
}

/// How many bytes a number of this type has, and how it is read from them.
type Decode = (usize, fn(&[u8]) -> Value);

macro_rules! number {
    ($kind:ty) => {
        (size_of::<$kind>(), |bytes| json!(<$kind>::from_le_bytes(bytes.try_into().expect("as many bytes"))))
    };
}

macro_rules! float {
    ($kind:ty) => {
        (size_of::<$kind>(), |bytes| {
            let number = <$kind>::from_le_bytes(bytes.try_into().expect("as many bytes"));
            match number.is_infinite() {
                // JSON has no such number: the reader refuses the text, as in a file.
                true => json!(number.to_string()),
                // In the fewest digits that tell it from others of its type: 0.1, and not 0.10000000149011612.
                false => json!(number.to_string().parse::<f64>().ok().filter(|number| !number.is_nan())),
            }
        })
    };
}

/// The types of the protocol but for text.
fn decode(datatype: &str) -> Option<Decode> {
    Some(match datatype {
        "BOOL" => (1, |bytes| json!(bytes[0] != 0)),
        "UINT8" => number!(u8),
        "UINT16" => number!(u16),
        "UINT32" => number!(u32),
        "UINT64" => number!(u64),
        "INT8" => number!(i8),
        "INT16" => number!(i16),
        "INT32" => number!(i32),
        "INT64" => number!(i64),
        "FP32" => float!(f32),
        "FP64" => float!(f64),
        _ => return None,
    })
}

impl Tensor {
    /// The number of rows: the first of its dimensions.
    pub fn num_rows(&self) -> u64 {
        self.shape.first().copied().unwrap_or(0)
    }

    /// Takes its values, row by row; binary ones are taken from the beginning of `binary`.
    ///
    /// # Errors
    /// 400 for values that do not fit the shape or the type.
    pub fn values(&mut self, binary: &mut &[u8]) -> Result<Vec<Value>, ApiError> {
        let name = &self.name;
        if self.datatype != "BYTES" && decode(&self.datatype).is_none() {
            let message = format!("input `{name}` is of type `{}`, which burnlab does not take", self.datatype);
            return Err(ApiError::bad_request(message));
        }
        let values = match (self.parameters.binary_data_size, self.data.take()) {
            (Some(size), None) => self.binary(size, binary)?,
            (None, Some(data)) if !data.is_array() => {
                let message = format!("`data` of input `{name}` is {}, not a list of values", kind(&data));
                return Err(ApiError::bad_request(message));
            }
            (None, Some(data)) => {
                if !is_of_shape(&data, &self.shape) {
                    let message =
                        format!("the lists in `data` of input `{name}` are not those of shape {:?}", self.shape);
                    return Err(ApiError::bad_request(message));
                }
                let values = match data {
                    Value::Array(flat) if !flat.iter().any(Value::is_array) => flat,
                    nested => {
                        let mut values = Vec::new();
                        flatten(nested, &mut values);
                        values
                    }
                };
                if let Some(wrong) = values.iter().find(|value| !self.takes(value)) {
                    let wrong = if wrong.is_number() { format!("the number {wrong}") } else { kind(wrong).to_owned() };
                    let message = format!("input `{name}` of type {} has {wrong}", self.datatype);
                    return Err(ApiError::bad_request(message));
                }
                values
            }
            _ => return Err(ApiError::bad_request(format!("input `{name}` needs `data`, or `binary_data_size`"))),
        };
        let count = self.shape.iter().try_fold(1u64, |count, &size| count.checked_mul(size));
        if count != Some(values.len() as u64) {
            let message = format!("input `{name}` of shape {:?} has {} values", self.shape, values.len());
            return Err(ApiError::bad_request(message));
        }
        Ok(values)
    }

    /// Whether a value in JSON is of its type. A missing cell is null, in any.
    fn takes(&self, value: &Value) -> bool {
        match &*self.datatype {
            _ if value.is_null() => true,
            "BYTES" => value.is_string(),
            "BOOL" => value.is_boolean(),
            kind if kind.starts_with("FP") => value.is_number(),
            kind => {
                let (is_signed, bits) = (kind.starts_with("INT"), kind.trim_start_matches(|c: char| c.is_alphabetic()));
                let bits: u32 = bits.parse().unwrap_or(64);
                let most = (1i128 << (bits - u32::from(is_signed))) - 1;
                let least = if is_signed { -most - 1 } else { 0 };
                // 3.0 is a whole number in JSON, too; a larger one than any of 64 bits is no longer exact.
                let whole = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from)).or_else(|| {
                    let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 1e15)?;
                    Some(number as i128)
                });
                whole.is_some_and(|whole| (least..=most).contains(&whole))
            }
        }
    }

    fn binary(&self, size: usize, binary: &mut &[u8]) -> Result<Vec<Value>, ApiError> {
        let wrong = |what: &str| ApiError::bad_request(format!("the binary data of input `{}` {what}", self.name));
        let (bytes, rest) = binary.split_at_checked(size).ok_or_else(|| wrong("end early"))?;
        *binary = rest;
        let Some((width, read)) = decode(&self.datatype) else {
            return texts(bytes).ok_or_else(|| wrong("are no texts"));
        };
        if !bytes.len().is_multiple_of(width) {
            return Err(wrong("are no whole number of values"));
        }
        // NaN is the missing cell, which JSON has no other number for.
        Ok(bytes.chunks_exact(width).map(read).collect())
    }
}

/// Nothing may be left of the binary data once all inputs have taken theirs: the sizes would not be what was meant.
///
/// # Errors
/// 400 otherwise.
pub(super) fn rest_is_empty(binary: &[u8]) -> Result<(), ApiError> {
    match binary.len() {
        0 => Ok(()),
        count => Err(ApiError::bad_request(format!("{count} bytes of the binary data belong to no input"))),
    }
}

/// Texts, each after its length in four bytes.
fn texts(mut bytes: &[u8]) -> Option<Vec<Value>> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        texts.push(json!(std::str::from_utf8(text).ok()?));
        bytes = rest;
    }
    Some(texts)
}

/// Whether a list is flat, or has lists in it as the shape says.
fn is_of_shape(data: &Value, shape: &[u64]) -> bool {
    fn is_nested(value: &Value, shape: &[u64]) -> bool {
        match (value, shape) {
            (Value::Array(items), [size, inner @ ..]) => {
                items.len() as u64 == *size && items.iter().all(|item| is_nested(item, inner))
            }
            (value, rest) => rest.is_empty() && !value.is_array(),
        }
    }
    data.as_array().is_some_and(|items| !items.iter().any(Value::is_array)) || is_nested(data, shape)
}

fn flatten(value: Value, values: &mut Vec<Value>) {
    match value {
        Value::Array(inner) => inner.into_iter().for_each(|value| flatten(value, values)),
        value => values.push(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(tensor: Value) -> Tensor {
        serde_json::from_value(tensor).unwrap()
    }

    #[test]
    fn json_and_binary_values_are_the_same() {
        let nested = json!({"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [[1.5, 2.0], [-3.0, 4.0]]});
        let flat = json!({"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [1.5, 2.0, -3.0, 4.0]});
        let numbers = [1.5f32, 2.0, -3.0, 4.0];
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let binary = json!({"name": "x", "shape": [2, 2], "datatype": "FP32", "parameters": {"binary_data_size": 16}});
        let tenth = json!({"name": "x", "shape": [4], "datatype": "FP32", "parameters": {"binary_data_size": 16}});
        let bytes_of = |numbers: [f32; 4]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
        let values = tensor(tenth).values(&mut &bytes_of([0.1, f32::NAN, f32::INFINITY, -1e30])[..]).unwrap();
        assert_eq!(values, [json!(0.1), json!(null), json!("inf"), json!(-1e30)]);
        let expected: Vec<Value> = numbers.iter().map(|&number| json!(f64::from(number))).collect();
        let whole = json!({"name": "x", "shape": [2], "datatype": "INT8", "data": [1, 2.0]});
        assert_eq!(tensor(whole).values(&mut &[][..]).unwrap(), [json!(1), json!(2.0)]);
        for given in [nested, flat, binary] {
            let mut rest = &[&bytes[..], b"more"].concat()[..];
            assert_eq!(tensor(given).values(&mut rest).unwrap(), expected);
        }
        let text = json!({"name": "x", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": 11}});
        let bytes = [&2u32.to_le_bytes()[..], b"ab", &1u32.to_le_bytes(), b"c"].concat();
        assert_eq!(tensor(text).values(&mut &bytes[..]).unwrap(), ["ab", "c"]);
        let whole = json!({"name": "x", "shape": [2], "datatype": "INT16", "parameters": {"binary_data_size": 4}});
        assert_eq!(tensor(whole).values(&mut &[1, 0, 0xff, 0xff][..]).unwrap(), [1, -1]);
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        for (given, told) in [
            (json!({"name": "x", "shape": [2], "datatype": "FP32", "data": [1]}), "of shape [2] has 1 values"),
            (json!({"name": "x", "shape": [1], "datatype": "FP16", "data": [1]}), "`FP16`"),
            (json!({"name": "x", "shape": [1], "datatype": "INT8", "data": [1.5]}), "of type INT8 has the number 1.5"),
            (json!({"name": "x", "shape": [1], "datatype": "INT8", "data": [128]}), "of type INT8 has the number 128"),
            (json!({"name": "x", "shape": [1], "datatype": "UINT8", "data": [-5]}), "of type UINT8 has the number -5"),
            (json!({"name": "x", "shape": [2, 4], "datatype": "FP64", "data": [[1, 2, 3, 4, 5, 6, 7], [8]]}), "[2, 4]"),
            (
                json!({"name": "x", "shape": [2, 1], "datatype": "FP64", "data": [[1, 2]]}),
                "are not those of shape [2, 1]",
            ),
            (json!({"name": "x", "shape": [1], "datatype": "BYTES", "data": [1]}), "of type BYTES has the number 1"),
            (json!({"name": "x", "shape": [1], "datatype": "BYTES", "data": "a"}), "is a text, not a list of values"),
            (json!({"name": "x", "shape": [1], "datatype": "FP32"}), "needs `data`"),
            (json!({"name": "x", "shape": [u64::MAX, 2], "datatype": "FP32", "data": []}), "has 0 values"),
            (
                json!({"name": "x", "shape": [1], "datatype": "FP32", "parameters": {"binary_data_size": 99}}),
                "end early",
            ),
            (
                json!({"name": "x", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": 4}}),
                "are no texts",
            ),
        ] {
            let error = tensor(given).values(&mut &[0xff; 8][..]).unwrap_err().message;
            assert!(error.contains(told), "{error}");
        }
    }
}
