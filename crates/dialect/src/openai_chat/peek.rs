//! One look at a request's top level: what routing must know, and wrong types of what it reads.

use wire::json::{Document, Json};

use crate::fault::Fault;
use crate::members::{array, flag, object, text, whole};
use crate::peek::{Peek, Wants};

/// Looks at a request in one walk over its top-level members; allocates nothing but the strings it
/// returns.
///
/// # Errors
/// `invalid_request` with the path of a member of a wrong type, a missing model or missing messages.
pub(super) fn peek(body: &Document) -> Result<Peek, Fault> {
    let mut peek = Peek { choices: 1, bytes: body.bytes().len(), ..Peek::default() };
    let mut messages = false;
    let mut identified = false;
    let mut completion = false;
    for (key, value) in body.members() {
        if value.is_null() {
            continue;
        }
        match key {
            "model" => peek.model = text(value, "model")?.into_owned(),
            "messages" => {
                array(value, "messages")?;
                messages = true;
            }
            "stream" => peek.stream = flag(value, "stream")?,
            "stream_options" => {
                object(value, "stream_options")?;
                if let Some(include) = value.get("include_usage").and_then(Json::non_null) {
                    peek.include_usage = flag(include, "stream_options.include_usage")?;
                }
            }
            "usage" => {
                object(value, "usage")?;
                if let Some(include) = value.get("include").and_then(Json::non_null) {
                    peek.include_cost = flag(include, "usage.include")?;
                }
            }
            "max_completion_tokens" => {
                peek.max_output = Some(whole(value, "max_completion_tokens")?);
                completion = true;
            }
            "max_tokens" => {
                let tokens = whole(value, "max_tokens")?;
                if !completion {
                    peek.max_output = Some(tokens);
                }
            }
            "n" => {
                peek.choices = whole(value, "n")?;
                if peek.choices == 0 {
                    return Err(Fault::invalid("n", "`n` must be at least 1."));
                }
            }
            "safety_identifier" => {
                let user = text(value, "safety_identifier")?.into_owned();
                if !user.is_empty() {
                    peek.user = Some(user);
                    identified = true;
                }
            }
            "user" => {
                let user = text(value, "user")?.into_owned();
                if !identified && !user.is_empty() {
                    peek.user = Some(user);
                }
            }
            "prompt_cache_key" => {
                peek.session = Some(text(value, "prompt_cache_key")?.into_owned()).filter(|key| !key.is_empty())
            }
            "service_tier" => peek.tier = Some(text(value, "service_tier")?.into_owned()),
            _ => wants(&mut peek.wants, key, value)?,
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

/// Notes a feature that a member asks for.
fn wants(wants: &mut Wants, key: &str, value: Json<'_>) -> Result<(), Fault> {
    match key {
        "tools" | "functions" => {
            array(value, key)?;
            wants.tools |= value.items().next().is_some();
        }
        "response_format" => {
            object(value, "response_format")?;
            wants.structured = value.get("type").is_some_and(|kind| !kind.is("text"));
        }
        "reasoning_effort" => {
            text(value, "reasoning_effort")?;
            wants.reasoning |= !value.is("none");
        }
        "reasoning" => {
            let off = value.get("enabled").and_then(Json::as_bool) == Some(false)
                || value.get("effort").is_some_and(|effort| effort.is("none"));
            wants.reasoning |= !off;
        }
        "thinking" => wants.reasoning |= !value.get("type").is_some_and(|kind| kind.is("disabled")),
        "enable_thinking" => wants.reasoning |= value.as_bool() == Some(true),
        "logprobs" => wants.logprobs = flag(value, "logprobs")?,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
