//! One look at a request's top level: what routing must know, and wrong types of what it reads.

use wire::json::{Document, Json};

use crate::fault::Fault;
use crate::members::{array, flag, object, text, whole};
use crate::peek::Peek;

/// Looks at a request.
///
/// # Errors
/// `invalid_request` with the path of a member of a wrong type, a missing model or missing messages.
pub(super) fn peek(body: &Document) -> Result<Peek, Fault> {
    // Usage comes with every answer, asked for or not.
    let mut peek = Peek { choices: 1, bytes: body.bytes().len(), include_usage: true, ..Peek::default() };
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
            "max_tokens" => peek.max_output = Some(whole(value, key)?),
            "tools" => peek.wants.tools = array(value, key)?.next().is_some(),
            "response_format" => {
                let kind = object(value, key)?.get("type");
                peek.wants.structured = kind.is_some_and(|kind| !kind.is("text"));
            }
            "thinking" => {
                let kind = object(value, key)?.get("type");
                peek.wants.reasoning = !kind.is_some_and(|kind| kind.is("disabled"));
            }
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
        let body = r#"{"model":"c","messages":[],"stream":true,"max_tokens":7,"tools":[{}],
            "response_format":{"type":"json_object"},"thinking":{"type":"disabled"},"logprobs":true}"#;
        let peek = look(body).expect("a request");
        assert_eq!((peek.model.as_str(), peek.stream, peek.max_output, peek.choices), ("c", true, Some(7), 1));
        let wants = peek.wants;
        assert_eq!((wants.tools, wants.structured, wants.reasoning, wants.logprobs), (true, true, false, true));
        for (body, path) in [
            (r#"{"messages":[]}"#, "model"),
            (r#"{"model":"c"}"#, "messages"),
            (r#"{"model":"c","messages":{}}"#, "messages"),
            (r#"{"model":"c","messages":[],"stream":1}"#, "stream"),
            (r#"{"model":"c","messages":[],"max_tokens":-1}"#, "max_tokens"),
        ] {
            assert_eq!(look(body).expect_err("a fault").path.as_deref(), Some(path), "{body}");
        }
    }
}
