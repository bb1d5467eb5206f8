//! Weights of a layer.

use std::borrow::Cow;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// Numbers and their shape, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Array<'a> {
    pub shape: Vec<usize>,
    pub values: Cow<'a, [f32]>,
}

impl<'a> Array<'a> {
    /// # Panics
    /// If the shape has another number of values.
    pub fn new(shape: &[usize], values: impl Into<Cow<'a, [f32]>>) -> Self {
        let array = Self { shape: shape.to_vec(), values: values.into() };
        assert_eq!(array.values.len(), array.shape.iter().product::<usize>(), "values of an array {shape:?}");
        array
    }

    /// The size of a dimension, counted from 0.
    pub fn size(&self, dimension: usize) -> usize {
        self.shape[dimension]
    }
}

impl Serialize for Array<'_> {
    /// The shape, and the values as little-endian 32-bit floats in base64.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let mut array = serializer.serialize_struct("Array", 2)?;
        array.serialize_field("shape", &self.shape)?;
        array.serialize_field("values", &base64(&bytes))?;
        array.end()
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_base64_are_those_of_the_standard() {
        // RFC 4648, section 10.
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0x00]), "//4A");
    }

    #[test]
    fn an_array_is_its_shape_and_its_little_endian_floats() {
        // 1.0 is 0x3f800000.
        let json = serde_json::to_string(&Array::new(&[1, 1], vec![1.0])).unwrap();
        assert_eq!(json, r#"{"shape":[1,1],"values":"AACAPw=="}"#);
    }
}
