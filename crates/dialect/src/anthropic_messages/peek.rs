//! One look at a request's top level: what routing must know, and wrong types of what it reads.

use std::borrow::Cow;

use wire::json::{Document, Json, Kind};

use crate::fault::Fault;
use crate::peek::{Peek, Wants};

/// Looks at a request. Touches top-level members only; allocates nothing but the strings it returns.
///
/// # Errors
/// `invalid_request` with the path of a member of a wrong type, a missing model or missing messages.
/// A missing `max_tokens` is for the provider to refuse.
pub(super) fn peek(body: &Document) -> Result<Peek, Fault> {
    let model = text(body, "model")?.filter(|model| !model.is_empty());
    let model = model.ok_or_else(|| Fault::invalid("model", "`model` is missing: name the model to ask."))?;
    match body.get("messages").map(Json::kind) {
        Some(Kind::Array) => {}
        Some(_) => return Err(Fault::invalid("messages", "`messages` must be an array.")),
        None => return Err(Fault::invalid("messages", "`messages` is missing: it must be an array.")),
    }
    let metadata = object(body, "metadata")?;
    let user = match metadata.and_then(|metadata| metadata.get("user_id")).and_then(Json::non_null) {
        Some(user) => {
            Some(user.as_str().ok_or_else(|| Fault::invalid("metadata.user_id", "`user_id` must be a string."))?)
        }
        None => None,
    };
    let include = object(body, "usage")?.and_then(|usage| usage.get("include"));
    Ok(Peek {
        model: model.into_owned(),
        stream: flag(body, "stream")?.unwrap_or(false),
        include_usage: true,
        include_cost: include.and_then(Json::as_bool).unwrap_or(false),
        max_output: whole(body, "max_tokens")?,
        choices: 1,
        user: user.map(Cow::into_owned).filter(|user| !user.is_empty()),
        session: None,
        tier: text(body, "service_tier")?.map(Cow::into_owned),
        wants: wants(body)?,
        stateful: None,
        bytes: body.bytes().len(),
    })
}

/// Features the top level tells of.
fn wants(body: &Document) -> Result<Wants, Fault> {
    let tools = match body.get("tools").and_then(Json::non_null) {
        Some(tools) if tools.kind() == Kind::Array => tools.items().next().is_some(),
        Some(_) => return Err(Fault::invalid("tools", "`tools` must be an array.")),
        None => false,
    };
    let thinking = object(body, "thinking")?.and_then(|thinking| thinking.get("type"));
    let output = object(body, "output_config")?;
    let given = |name: &str| output.and_then(|output| output.get(name)).and_then(Json::non_null).is_some();
    Ok(Wants {
        tools,
        structured: given("format") || object(body, "output_format")?.is_some(),
        reasoning: thinking.is_some_and(|kind| !kind.is("disabled")) || given("effort"),
        logprobs: false,
    })
}

/// A string member; `null` is as good as missing.
fn text<'a>(body: &'a Document, name: &'static str) -> Result<Option<Cow<'a, str>>, Fault> {
    match body.get(name).and_then(Json::non_null) {
        Some(value) => match value.as_str() {
            Some(text) => Ok(Some(text)),
            None => Err(Fault::invalid(name, format!("`{name}` must be a string."))),
        },
        None => Ok(None),
    }
}

fn flag(body: &Document, name: &'static str) -> Result<Option<bool>, Fault> {
    match body.get(name).and_then(Json::non_null) {
        Some(value) => match value.as_bool() {
            Some(flag) => Ok(Some(flag)),
            None => Err(Fault::invalid(name, format!("`{name}` must be true or false."))),
        },
        None => Ok(None),
    }
}

fn whole(body: &Document, name: &'static str) -> Result<Option<u64>, Fault> {
    match body.get(name).and_then(Json::non_null) {
        Some(value) => match value.as_u64() {
            Some(number) => Ok(Some(number)),
            None => Err(Fault::invalid(name, format!("`{name}` must be a whole number."))),
        },
        None => Ok(None),
    }
}

fn object<'a>(body: &'a Document, name: &'static str) -> Result<Option<Json<'a>>, Fault> {
    match body.get(name).and_then(Json::non_null) {
        Some(value) if value.kind() == Kind::Object => Ok(Some(value)),
        Some(_) => Err(Fault::invalid(name, format!("`{name}` must be an object."))),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests;
