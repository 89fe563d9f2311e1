//! What dialects want as an object where others have text: the arguments of a call, the schema of a tool.

use wire::json::{Json, Kind, Writer};

use crate::ir::foreign::Raw;

/// Arguments as the object that `input` must be, and whether they were one. Nothing said is `{}`;
/// anything else is wrapped so that no word is lost.
pub(crate) fn input(arguments: &str) -> (Raw, bool) {
    match Json::parse(arguments) {
        Ok(json) if json.kind() == Kind::Object => (json.raw().into(), true),
        Ok(json) if json.is_null() => ("{}".into(), true),
        _ if arguments.trim().is_empty() => ("{}".into(), true),
        _ => {
            let mut json = Writer::new();
            json.object(|json| {
                json.key("arguments").str(arguments);
            });
            (json.finish().into(), false)
        }
    }
}

/// A schema of arguments, whose type must be `object`.
pub(crate) fn object_schema(schema: &str) -> String {
    const ANY: &str = r#"{"type":"object","properties":{}}"#;
    match Json::parse(schema) {
        Ok(json) if json.kind() == Kind::Object && json.get("type").is_none() => {
            let rest = json.raw().trim_start_matches('{').trim_start();
            let comma = if rest.starts_with('}') { "" } else { "," };
            format!(r#"{{"type":"object"{comma}{rest}"#)
        }
        Ok(json) if json.kind() == Kind::Object => json.raw().to_owned(),
        _ => ANY.to_owned(),
    }
}
