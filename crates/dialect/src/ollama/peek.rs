//! One look at a request's top level: what routing must know, and wrong types of what it reads.

use wire::json::{Document, Json, Kind};

use crate::fault::Fault;
use crate::members::{array, flag, object, text};
use crate::peek::Peek;

/// Looks at a request. It is streamed unless it says otherwise.
///
/// # Errors
/// `invalid_request` with the path of a member of a wrong type, a missing model or missing messages.
pub(super) fn peek(body: &Document) -> Result<Peek, Fault> {
    // Usage comes with every answer, asked for or not.
    let bytes = body.bytes().len();
    let mut peek = Peek { choices: 1, bytes, stream: true, include_usage: true, ..Peek::default() };
    let mut messages = false;
    for (key, value) in body.members() {
        if value.is_null() {
            continue;
        }
        match key {
            "model" => peek.model = text(value, key)?.into_owned(),
            "messages" => {
                array(value, key)?;
                messages = true;
            }
            "stream" => peek.stream = flag(value, key)?,
            // Negative numbers say that there is no bound.
            "options" => peek.max_output = object(value, key)?.get("num_predict").and_then(Json::as_u64),
            "tools" => peek.wants.tools = array(value, key)?.next().is_some(),
            "format" => peek.wants.structured = value.kind() != Kind::String || !value.is(""),
            "think" => peek.wants.reasoning = value.as_bool() != Some(false),
            "logprobs" => peek.wants.logprobs = flag(value, key)?,
            "usage" => peek.include_cost = value.get("include").and_then(Json::as_bool).unwrap_or(false),
            _ => {}
        }
    }
    if peek.model.is_empty() {
        return Err(Fault::invalid("model", "`model` is missing: name the model to ask."));
    }
    if !messages {
        return Err(Fault::invalid("messages", "`messages` is missing: it must be an array."));
    }
    Ok(peek)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;
    use bytes::Bytes;

    fn look(body: &str) -> Result<Peek, Fault> {
        peek(&Document::parse(Bytes::copy_from_slice(body.as_bytes())).expect("JSON"))
    }

    #[test]
    fn what_routing_must_know() {
        let plain = look(r#"{"model":"m","messages":[],"format":"","options":{"num_predict":-1},"think":false}"#);
        let plain = plain.expect("a request");
        assert_eq!((plain.stream, plain.max_output, plain.wants.structured), (true, None, false));
        let rich = look(
            r#"{"model":"m","messages":[],"stream":false,"format":{},"options":{"num_predict":5},"think":"low","tools":[1]}"#,
        )
        .expect("a request");
        assert_eq!((rich.stream, rich.max_output), (false, Some(5)));
        assert!(rich.wants.structured && rich.wants.reasoning && rich.wants.tools);
        for (body, path) in [
            (r#"{"messages":[]}"#, "model"),
            (r#"{"model":"m"}"#, "messages"),
            (r#"{"model":"m","messages":[],"options":[]}"#, "options"),
        ] {
            assert_eq!(look(body).expect_err("a fault").path.as_deref(), Some(path), "{body}");
        }
    }
}
