//! One look at a request's top level: what routing must know, and wrong types of what it reads.

use wire::json::{Document, Json, Kind};

use crate::fault::Fault;
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
            "model" => peek.model = text("model", value)?,
            "messages" => {
                of_kind("messages", value, Kind::Array)?;
                messages = true;
            }
            "stream" => peek.stream = flag("stream", value)?,
            "stream_options" => {
                of_kind("stream_options", value, Kind::Object)?;
                if let Some(include) = value.get("include_usage").and_then(Json::non_null) {
                    peek.include_usage = flag("stream_options.include_usage", include)?;
                }
            }
            "usage" => {
                of_kind("usage", value, Kind::Object)?;
                if let Some(include) = value.get("include").and_then(Json::non_null) {
                    peek.include_cost = flag("usage.include", include)?;
                }
            }
            "max_completion_tokens" => {
                peek.max_output = Some(whole("max_completion_tokens", value)?);
                completion = true;
            }
            "max_tokens" => {
                let tokens = whole("max_tokens", value)?;
                if !completion {
                    peek.max_output = Some(tokens);
                }
            }
            "n" => {
                peek.choices = whole("n", value)?;
                if peek.choices == 0 {
                    return Err(Fault::invalid("n", "`n` must be at least 1."));
                }
            }
            "safety_identifier" => {
                let user = text("safety_identifier", value)?;
                if !user.is_empty() {
                    peek.user = Some(user);
                    identified = true;
                }
            }
            "user" => {
                let user = text("user", value)?;
                if !identified && !user.is_empty() {
                    peek.user = Some(user);
                }
            }
            "prompt_cache_key" => peek.session = Some(text("prompt_cache_key", value)?).filter(|key| !key.is_empty()),
            "service_tier" => peek.tier = Some(text("service_tier", value)?),
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
            of_kind(if key == "tools" { "tools" } else { "functions" }, value, Kind::Array)?;
            wants.tools |= value.items().next().is_some();
        }
        "response_format" => {
            of_kind("response_format", value, Kind::Object)?;
            wants.structured = value.get("type").is_some_and(|kind| !kind.is("text"));
        }
        "reasoning_effort" => {
            of_kind("reasoning_effort", value, Kind::String)?;
            wants.reasoning |= !value.is("none");
        }
        "reasoning" => {
            let off = value.get("enabled").and_then(Json::as_bool) == Some(false)
                || value.get("effort").is_some_and(|effort| effort.is("none"));
            wants.reasoning |= !off;
        }
        "thinking" => wants.reasoning |= !value.get("type").is_some_and(|kind| kind.is("disabled")),
        "enable_thinking" => wants.reasoning |= value.as_bool() == Some(true),
        "logprobs" => wants.logprobs = flag("logprobs", value)?,
        _ => {}
    }
    Ok(())
}

fn text(path: &'static str, value: Json<'_>) -> Result<String, Fault> {
    match value.as_str() {
        Some(text) => Ok(text.into_owned()),
        None => Err(Fault::invalid(path, format!("`{path}` must be a string."))),
    }
}

fn flag(path: &'static str, value: Json<'_>) -> Result<bool, Fault> {
    value.as_bool().ok_or_else(|| Fault::invalid(path, format!("`{path}` must be true or false.")))
}

fn whole(path: &'static str, value: Json<'_>) -> Result<u64, Fault> {
    value.as_u64().ok_or_else(|| Fault::invalid(path, format!("`{path}` must be a whole number of 0 or more.")))
}

fn of_kind(path: &'static str, value: Json<'_>, kind: Kind) -> Result<(), Fault> {
    let word = match kind {
        Kind::Array => "an array",
        Kind::String => "a string",
        _ => "an object",
    };
    if value.kind() == kind { Ok(()) } else { Err(Fault::invalid(path, format!("`{path}` must be {word}."))) }
}

#[cfg(test)]
mod tests;
