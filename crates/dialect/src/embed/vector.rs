//! Vectors as JSON numbers and as base64 of little-endian 32-bit floats. A vector that is not asked for in
//! another form keeps its numbers as they were written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wire::json::{Json, Kind, Writer};

/// How a caller wants vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// JSON numbers.
    #[default]
    Float,
    /// Base64 of 32-bit floats, lowest byte first.
    Base64,
    /// A form of some server's own: vectors stay as they come.
    Own,
}

impl Encoding {
    /// The encoding of a request's `encoding_format`.
    #[must_use]
    pub fn of(format: Option<Json<'_>>) -> Self {
        match format.and_then(Json::non_null) {
            None => Self::Float,
            Some(format) if format.is("float") => Self::Float,
            Some(format) if format.is("base64") => Self::Base64,
            Some(_) => Self::Own,
        }
    }
}

/// An array of numbers as base64; `None` where it is none.
#[must_use]
pub fn pack(array: Json<'_>) -> Option<String> {
    if array.kind() != Kind::Array {
        return None;
    }
    let mut bytes = Vec::new();
    for number in array.items() {
        let number: f32 = number.as_number()?.parse().ok()?;
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    Some(STANDARD.encode(bytes))
}

/// Base64 as a JSON array of numbers, each the shortest that reads as the same float; `None` for what is no base64 of
/// finite 32-bit floats.
#[must_use]
pub fn unpack(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text).ok()?;
    let (numbers, []) = bytes.as_chunks::<4>() else { return None };
    let numbers =
        numbers.iter().map(|four| f32::from_le_bytes(*four)).map(|number| number.is_finite().then_some(number));
    let numbers: Vec<f32> = numbers.collect::<Option<_>>()?;
    let mut json = Writer::with_capacity(numbers.len() * 12);
    json.array(|json| {
        for number in &numbers {
            json.raw(&number.to_string());
        }
    });
    Some(json.finish())
}
