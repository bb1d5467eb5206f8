//! Writes Protocol Buffers messages, as far as ONNX needs them.
//!
//! After <https://protobuf.dev/programming-guides/encoding/>. Fields are written in call order, so that the same calls
//! always give the same bytes.

/// Wire type: an integer of up to 64 bits, 7 bits per byte.
const VARINT: u32 = 0;
/// Wire type: a length in bytes, then the bytes.
const LENGTH_DELIMITED: u32 = 2;
/// Wire type: 4 bytes, little-endian.
const FIXED_32_BITS: u32 = 5;

/// A message under construction; each method appends one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// A message without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// An int32, int64 or enum.
    pub fn int(mut self, field: u32, value: i64) -> Self {
        self.tag(field, VARINT);
        push_int(&mut self.bytes, value);
        self
    }

    /// A float.
    pub fn float(mut self, field: u32, value: f32) -> Self {
        self.tag(field, FIXED_32_BITS);
        self.bytes.extend(value.to_le_bytes());
        self
    }

    /// A string, or bytes that contain UTF-8.
    pub fn text(self, field: u32, text: &str) -> Self {
        self.delimited(field, text.as_bytes())
    }

    /// A repeated string.
    pub fn texts<'a>(self, field: u32, texts: impl IntoIterator<Item = &'a str>) -> Self {
        texts.into_iter().fold(self, |message, text| message.text(field, text))
    }

    /// A nested message.
    pub fn message(self, field: u32, message: &Self) -> Self {
        self.delimited(field, &message.bytes)
    }

    /// A repeated message.
    pub fn messages<'a>(self, field: u32, messages: impl IntoIterator<Item = &'a Self>) -> Self {
        messages.into_iter().fold(self, |outer, message| outer.message(field, message))
    }

    /// A packed list of int64; nothing if it is empty.
    pub fn ints(self, field: u32, values: &[i64]) -> Self {
        let mut bytes = Vec::new();
        values.iter().for_each(|&value| push_int(&mut bytes, value));
        self.packed(field, &bytes)
    }

    /// A packed list of float; nothing if it is empty.
    pub fn floats(self, field: u32, values: &[f32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.packed(field, &bytes)
    }

    /// A packed list of double; nothing if it is empty.
    pub fn doubles(self, field: u32, values: &[f64]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.packed(field, &bytes)
    }

    /// Bytes with a sign, each as its two's complement; nothing if there are none.
    pub fn signed_bytes(self, field: u32, values: &[i8]) -> Self {
        let bytes: Vec<u8> = values.iter().map(|value| value.cast_unsigned()).collect();
        self.packed(field, &bytes)
    }

    /// The serialised message.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn packed(self, field: u32, bytes: &[u8]) -> Self {
        if bytes.is_empty() { self } else { self.delimited(field, bytes) }
    }

    fn delimited(mut self, field: u32, bytes: &[u8]) -> Self {
        self.tag(field, LENGTH_DELIMITED);
        push_varint(&mut self.bytes, bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
        self
    }

    fn tag(&mut self, field: u32, wire_type: u32) {
        push_varint(&mut self.bytes, u64::from(field << 3 | wire_type));
    }
}

/// Negative numbers take ten bytes: their two's complement as an unsigned 64-bit number.
fn push_int(bytes: &mut Vec<u8>, value: i64) {
    push_varint(bytes, value.cast_unsigned());
}

/// Seven bits per byte, lowest first; the high bit of a byte says that another one follows.
fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
