//! One look at a request's top level: what routing must know, and wrong types of what it reads.

use wire::json::{Document, Json, Kind};

use crate::fault::Fault;
use crate::members::{array, flag, object, text, whole};
use crate::peek::{Peek, Wants};

/// Looks at a request in one walk over its top-level members; allocates nothing but the strings it returns.
///
/// # Errors
/// `invalid_request` with the path of a member of a wrong type, a missing model, or nothing to answer.
pub(super) fn peek(body: &Document) -> Result<Peek, Fault> {
    let mut peek = Peek { choices: 1, include_usage: true, bytes: body.bytes().len(), ..Peek::default() };
    let mut said = false;
    let mut identified = false;
    for (key, value) in body.members() {
        if value.is_null() {
            continue;
        }
        match key {
            "model" => peek.model = text(value, "model")?.into_owned(),
            "input" => {
                if !matches!(value.kind(), Kind::String | Kind::Array) {
                    return Err(Fault::invalid("input", "`input` must be a string or an array of items."));
                }
                said = true;
                // Most requests name no kept item; those that do not are told by a search of their text.
                if value.raw().contains("item_reference") && value.items().any(is_reference) {
                    peek.stateful.get_or_insert("input");
                }
            }
            "prompt" => {
                said = true;
                peek.stateful.get_or_insert("prompt");
            }
            "previous_response_id" => {
                text(value, "previous_response_id")?;
                said = true;
                peek.stateful = Some("previous_response_id");
            }
            "conversation" => {
                let id = value.as_str().or_else(|| value.get("id").and_then(Json::as_str));
                peek.session = id.map(std::borrow::Cow::into_owned).or(peek.session);
                said = true;
                peek.stateful = Some("conversation");
            }
            "stream" => peek.stream = flag(value, "stream")?,
            "usage" => {
                object(value, "usage")?;
                if let Some(include) = value.get("include").and_then(Json::non_null) {
                    peek.include_cost = flag(include, "usage.include")?;
                }
            }
            "max_output_tokens" => peek.max_output = Some(whole(value, "max_output_tokens")?),
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
                let key = text(value, "prompt_cache_key")?.into_owned();
                if peek.session.is_none() && !key.is_empty() {
                    peek.session = Some(key);
                }
            }
            "service_tier" => peek.tier = Some(text(value, "service_tier")?.into_owned()),
            _ => wants(&mut peek.wants, key, value)?,
        }
    }
    if peek.model.is_empty() {
        return Err(Fault::invalid("model", "`model` is missing: name the model to ask."));
    }
    if !said {
        return Err(Fault::invalid("input", "`input` is missing: it must be a string or an array of items."));
    }
    Ok(peek)
}

fn is_reference(item: Json<'_>) -> bool {
    item.get("type").is_some_and(|kind| kind.is("item_reference"))
}

/// Notes a feature that a member asks for.
fn wants(wants: &mut Wants, key: &str, value: Json<'_>) -> Result<(), Fault> {
    match key {
        "tools" => {
            array(value, "tools")?;
            wants.tools = value.items().next().is_some();
        }
        "text" => {
            object(value, "text")?;
            let kind = value.at(&["format", "type"]);
            wants.structured = kind.is_some_and(|kind| !kind.is("text"));
        }
        "reasoning" => {
            object(value, "reasoning")?;
            let effort = value.get("effort").and_then(Json::non_null);
            wants.reasoning = effort.is_some_and(|effort| !effort.is("none"));
        }
        "include" => {
            array(value, "include")?;
            wants.logprobs |= value.items().any(|item| item.is("message.output_text.logprobs"));
        }
        "top_logprobs" => wants.logprobs |= value.as_u64().is_some_and(|most| most > 0),
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
