//! How much an answer says: bytes of its strings, which estimates count.

use wire::json::{Json, Kind};

/// The bytes of a string as it reads.
pub(crate) fn length(value: Json<'_>) -> usize {
    value.as_str().map_or(0, |text| text.len())
}

/// The bytes of everything said in a value, however it is spaced and spelled.
pub(crate) fn weight(value: Json<'_>) -> usize {
    match value.kind() {
        Kind::String => length(value),
        Kind::Object => value.members().map(|(key, value)| key.len() + weight(value)).sum(),
        Kind::Array => value.items().map(weight).sum(),
        Kind::Null | Kind::Bool | Kind::Number => value.raw().len(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    #[test]
    fn spacing_and_spelling_weigh_nothing() {
        for (text, expected) in
            [(r#""a\u00e9""#, 3), (r#"{ "ab" : [1.5, true , null] }"#, 13), ("[]", 0), (r#"{"a":{"b":"c"}}"#, 3)]
        {
            assert_eq!(weight(Json::parse(text).unwrap()), expected, "{text}");
        }
    }
}
