//! Members in both spellings: Google takes `maxOutputTokens` and `max_output_tokens`.

use std::borrow::Cow;

use wire::json::{Document, Json, Kind};

use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::foreign::Foreign;
use crate::members;

/// A key as it is documented: `max_output_tokens` is `maxOutputTokens`.
pub(crate) fn camel<'a>(key: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
    let key = key.into();
    if !key.get(1..).is_some_and(|rest| rest.contains('_')) {
        return key;
    }
    let mut out = String::with_capacity(key.len());
    let mut upper = false;
    for char in key.chars() {
        if char == '_' && !out.is_empty() {
            upper = true;
        } else if upper {
            out.extend(char.to_uppercase());
            upper = false;
        } else {
            out.push(char);
        }
    }
    Cow::Owned(out)
}

/// The member of that documented name, in either spelling; `null` is as good as missing.
pub(crate) fn get<'a>(object: Json<'a>, name: &str) -> Option<Json<'a>> {
    let mut found = None;
    for (key, value) in object.members() {
        if camel(key) == name {
            found = value.non_null();
        }
    }
    found
}

/// The same of a body's top level.
pub(super) fn top<'a>(body: &'a Document, name: &str) -> Option<Json<'a>> {
    body.members().filter(|(key, _)| camel(*key) == name).find_map(|(_, value)| value.non_null())
}

/// The text of a member, empty where there is none.
pub(super) fn word<'a>(object: Json<'a>, name: &str) -> Cow<'a, str> {
    get(object, name).and_then(Json::as_str).unwrap_or_default()
}

/// The items of a list; a lone object stands for a list of one, as Google reads it.
pub(crate) fn list<'a>(value: Json<'a>, path: &str) -> Result<Vec<Json<'a>>, Fault> {
    match value.kind() {
        Kind::Array => Ok(value.items().collect()),
        Kind::Object => Ok(vec![value]),
        _ => Err(Fault::invalid(path, format!("`{path}` must be an array."))),
    }
}

/// Members beyond those known, in either spelling.
pub(super) fn foreign(object: Json<'_>, known: &[&str]) -> Foreign {
    members::foreign(DialectId::Gemini, object, |key, _| known.contains(&&*camel(key)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    #[test]
    fn both_spellings_are_one_name() {
        for (key, name) in
            [("max_output_tokens", "maxOutputTokens"), ("topP", "topP"), ("_x", "_x"), ("a_b", "aB"), ("", "")]
        {
            assert_eq!(camel(key), name);
        }
        let json = Json::parse(r#"{"tool_config":1,"b":null}"#).expect("JSON");
        assert_eq!(get(json, "toolConfig").and_then(Json::as_u64), Some(1));
        assert_eq!(get(json, "b"), None);
    }
}
