//! Members that stand twice in one object: two readers would read two requests, so across dialects they are refused.

use std::collections::HashSet;

use wire::json::{Document, Json, Kind, Step};

use crate::fault::Fault;
use crate::remote::shown;

/// Members whose values pass as they are, whatever they hold: arguments, results and schemas.
const OPAQUE: [&str; 14] = [
    "input_schema",
    "parameters",
    "parametersJsonSchema",
    "parameters_json_schema",
    "schema",
    "responseSchema",
    "response_schema",
    "responseJsonSchema",
    "response_json_schema",
    "arguments",
    "args",
    "response",
    "metadata",
    "logit_bias",
];

/// Refuses a body that holds a member twice where its dialect gives members a meaning. (At the top of a body it was
/// refused on arrival.)
///
/// # Errors
/// `invalid_request` with the path of the first such member.
pub fn refuse(body: &Document) -> Result<(), Fault> {
    for (key, value) in body.members() {
        let mut at = vec![Step::Key(key.to_owned().into())];
        look(value, &mut at)?;
    }
    Ok(())
}

fn look(value: Json<'_>, at: &mut Vec<Step<'static>>) -> Result<(), Fault> {
    match value.kind() {
        Kind::Array => {
            for (index, item) in value.items().enumerate() {
                if matches!(item.kind(), Kind::Array | Kind::Object) {
                    at.push(index.into());
                    look(item, at)?;
                    at.pop();
                }
            }
        }
        Kind::Object => {
            // Anthropic's arguments are an object under the name that another dialect gives its turns.
            let call = value.get("type").is_some_and(|kind| kind.is("tool_use"));
            let mut seen = HashSet::new();
            for (key, inner) in value.members() {
                let opaque = OPAQUE.contains(&&*key) || (call && key == "input");
                let nested = !opaque && matches!(inner.kind(), Kind::Array | Kind::Object);
                if seen.contains(&key) || nested {
                    at.push(Step::Key(key.clone().into_owned().into()));
                    if seen.contains(&key) {
                        let path = shown(at);
                        let message =
                            format!("`{path}` stands twice. Say it once: which of the two is meant cannot be told.");
                        return Err(Fault::invalid(path, message));
                    }
                    look(inner, at)?;
                    at.pop();
                }
                seen.insert(key);
            }
        }
        Kind::Null | Kind::Bool | Kind::Number | Kind::String => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests")]
    use super::*;
    use bytes::Bytes;

    #[test]
    fn what_has_a_meaning_stands_once() {
        for (body, path) in [
            (r#"{"messages":[{"role":"user","content":"a"}]}"#, None),
            (r#"{"messages":[{"role":"user","content":"a","content":"b"}]}"#, Some("messages[0].content")),
            (r#"{"messages":[{"content":"a","c\u006fntent":"b"}]}"#, Some("messages[0].content")),
            (
                r#"{"messages":[{"content":[{"image_url":{"url":"a","url":"b"}}]}]}"#,
                Some("messages[0].content[0].image_url.url"),
            ),
            (r#"{"messages":[{"content":[{"type":"tool_use","input":{"a":1,"a":2}}]}]}"#, None),
            (r#"{"input":[{"type":"message","role":"user","role":"system"}]}"#, Some("input[0].role")),
            (r#"{"tools":[{"function":{"parameters":{"a":1,"a":2}}}]}"#, None),
            (r#"{"tools":[{"function":{"name":"f","name":"g"}}]}"#, Some("tools[0].function.name")),
        ] {
            let document = Document::parse(Bytes::copy_from_slice(body.as_bytes())).unwrap();
            let found = refuse(&document).err().and_then(|fault| fault.path);
            assert_eq!(found.as_deref(), path, "{body}");
        }
    }
}
