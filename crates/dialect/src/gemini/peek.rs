//! One look at a request's top level: what routing must know, and wrong types of what it reads.

use std::borrow::Cow;

use wire::json::{Document, Json, Kind};

use super::member::{get, list, top, word};
use crate::fault::Fault;
use crate::members::{must, object};
use crate::peek::{Peek, Said, Wants};

/// Looks at a request. The model and whether to stream are the path's to say.
///
/// # Errors
/// `invalid_request` with the path of a member of a wrong type, a missing model or missing contents.
pub(super) fn peek(body: &Document, said: Said<'_>) -> Result<Peek, Fault> {
    let model = model(body, said).ok_or_else(|| Fault::invalid("model", "The path names no model to ask."))?;
    let contents = top(body, "contents");
    let contents = contents.ok_or_else(|| Fault::invalid("contents", "`contents` is missing: it must be an array."))?;
    if !matches!(contents.kind(), Kind::Array | Kind::Object) {
        return Err(Fault::invalid("contents", "`contents` must be an array."));
    }
    let config = match top(body, "generationConfig") {
        Some(config) => object(config, "generationConfig")?,
        None => Json::NULL,
    };
    let whole = |name: &str| match get(config, name) {
        Some(value) => {
            let path = format!("generationConfig.{name}");
            must(value.as_u64(), &path, "a whole number").map(Some)
        }
        None => Ok(None),
    };
    let tools = match top(body, "tools") {
        Some(tools) => !list(tools, "tools")?.is_empty(),
        None => false,
    };
    let flag = |name: &str| get(config, name).and_then(Json::as_bool).unwrap_or(false);
    let form = ["responseSchema", "responseJsonSchema"].iter().any(|name| get(config, name).is_some());
    let thinking = get(config, "thinkingConfig").unwrap_or(Json::NULL);
    let off = get(thinking, "thinkingBudget").and_then(Json::as_u64) == Some(0);
    let wants = Wants {
        tools,
        structured: form || word(config, "responseMimeType") == "application/json",
        reasoning: !off && thinking.members().next().is_some(),
        logprobs: flag("responseLogprobs"),
    };
    let include = body.get("usage").and_then(|usage| usage.get("include"));
    Ok(Peek {
        model: model.into_owned(),
        stream: said.stream.unwrap_or(false),
        include_usage: true,
        include_cost: include.and_then(Json::as_bool).unwrap_or(false),
        max_output: whole("maxOutputTokens")?,
        choices: whole("candidateCount")?.unwrap_or(1).max(1),
        user: None,
        session: None,
        stateful: top(body, "cachedContent").map(|_| "cachedContent"),
        tier: top(body, "serviceTier").and_then(Json::as_str).map(|tier| tier.to_ascii_lowercase()),
        wants,
        bytes: body.bytes().len(),
    })
}

/// The model: the path's, else the body's, without the collection it stands in.
pub(super) fn model<'a>(body: &'a Document, said: Said<'a>) -> Option<Cow<'a, str>> {
    let named = said.model.map(Cow::Borrowed).or_else(|| body.get("model").and_then(Json::as_str))?;
    let bare = match named {
        Cow::Borrowed(name) => Cow::Borrowed(bare(name)),
        Cow::Owned(name) => Cow::Owned(bare(&name).to_owned()),
    };
    Some(bare).filter(|name| !name.is_empty())
}

/// A model's name without `models/`.
pub(super) fn bare(name: &str) -> &str {
    name.strip_prefix("models/").unwrap_or(name)
}

#[cfg(test)]
mod tests;
