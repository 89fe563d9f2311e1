//! One look at a request's top level: what routing must know, and wrong types of what it reads.

use std::borrow::Cow;

use wire::json::{Document, Json, Kind};

use crate::fault::Fault;
use crate::members::{must, object};
use crate::peek::{Peek, Said, Wants};

/// Looks at a request. The model and whether to stream are the path's to say.
///
/// # Errors
/// `invalid_request` with the path of a member of a wrong type, a missing model or missing messages.
pub(super) fn peek(body: &Document, said: Said<'_>) -> Result<Peek, Fault> {
    let model = model(body, said).ok_or_else(|| Fault::invalid("model", "The path names no model to ask."))?;
    match body.get("messages").and_then(Json::non_null).map(Json::kind) {
        Some(Kind::Array) => {}
        Some(_) => return Err(Fault::invalid("messages", "`messages` must be an array.")),
        None => return Err(Fault::invalid("messages", "`messages` is missing: it must be an array.")),
    }
    let group = |name: &str| match body.get(name).and_then(Json::non_null) {
        Some(value) => object(value, name).map(Some),
        None => Ok(None),
    };
    let most = group("inferenceConfig")?.and_then(|config| config.get("maxTokens")).and_then(Json::non_null);
    let most = most.map(|most| must(most.as_u64(), "inferenceConfig.maxTokens", "a whole number")).transpose()?;
    let tools = group("toolConfig")?.and_then(|config| config.get("tools"));
    let more = group("additionalModelRequestFields")?;
    let thinks = |name: &&str| {
        let value = more.and_then(|more| more.get(name)).and_then(Json::non_null);
        value.is_some_and(|value| value.get("type").is_none_or(|kind| !kind.is("disabled")))
    };
    let include = body.get("usage").and_then(|usage| usage.get("include"));
    Ok(Peek {
        model: model.into_owned(),
        stream: said.stream.unwrap_or(false),
        include_usage: true,
        include_cost: include.and_then(Json::as_bool).unwrap_or(false),
        max_output: most,
        choices: 1,
        user: None,
        session: None,
        tier: tier(body),
        wants: Wants {
            tools: tools.is_some_and(|tools| tools.items().next().is_some()),
            structured: group("outputConfig")?.and_then(|config| config.get("textFormat")).is_some(),
            reasoning: ["thinking", "reasoning_config", "reasoningConfig", "reasoning_effort"].iter().any(thinks),
            logprobs: false,
        },
        stateful: None,
        bytes: body.bytes().len(),
    })
}

/// The tier asked for.
fn tier(body: &Document) -> Option<String> {
    body.get("serviceTier")?.get("type")?.as_str().map(Cow::into_owned)
}

/// The model: the path's, else the body's.
pub(super) fn model<'a>(body: &'a Document, said: Said<'a>) -> Option<Cow<'a, str>> {
    let named = said.model.map(Cow::Borrowed).or_else(|| body.get("model").and_then(Json::as_str));
    named.filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;
    use bytes::Bytes;

    fn look(body: &str) -> Result<Peek, Fault> {
        let document = Document::parse(Bytes::copy_from_slice(body.as_bytes())).expect("JSON");
        peek(&document, Said { model: Some("m"), stream: Some(true) })
    }

    #[test]
    fn routing_knows_what_it_must() {
        let peek = look(
            r#"{"messages":[],"inferenceConfig":{"maxTokens":7},"toolConfig":{"tools":[{}]},"serviceTier":{"type":"flex"},
            "outputConfig":{"textFormat":{}},"additionalModelRequestFields":{"thinking":{"type":"enabled"}}}"#,
        )
        .expect("a request");
        assert_eq!(
            (&*peek.model, peek.stream, peek.max_output, peek.tier.as_deref()),
            ("m", true, Some(7), Some("flex"))
        );
        assert_eq!(peek.wants, Wants { tools: true, structured: true, reasoning: true, logprobs: false });
        let plain = look(r#"{"messages":[],"additionalModelRequestFields":{"thinking":{"type":"disabled"}}}"#);
        assert_eq!(plain.expect("a request").wants, Wants::default());
    }

    #[test]
    fn wrong_types_are_named() {
        for (body, path) in [
            ("{}", "messages"),
            (r#"{"messages":{}}"#, "messages"),
            (r#"{"messages":[],"inferenceConfig":[]}"#, "inferenceConfig"),
            (r#"{"messages":[],"inferenceConfig":{"maxTokens":"1"}}"#, "inferenceConfig.maxTokens"),
        ] {
            assert_eq!(look(body).expect_err("refused").path.as_deref(), Some(path), "{body}");
        }
    }
}
