//! One look at a request's top level: what routing must know, and wrong types of what it reads.

use std::borrow::Cow;

use wire::json::{Document, Json, Kind};

use crate::fault::Fault;
use crate::members::{array, flag, must, object, text};
use crate::peek::{Peek, Wants};

/// Looks at a request. Touches top-level members only; allocates nothing but the strings it returns.
///
/// # Errors
/// `invalid_request` with the path of a member of a wrong type, a missing model or missing messages.
/// A missing `max_tokens` is for the provider to refuse.
pub(super) fn peek(body: &Document) -> Result<Peek, Fault> {
    let model = maybe(body, "model", text)?.filter(|model| !model.is_empty());
    let model = model.ok_or_else(|| Fault::invalid("model", "`model` is missing: name the model to ask."))?;
    match body.get("messages").map(Json::kind) {
        Some(Kind::Array) => {}
        Some(_) => return Err(Fault::invalid("messages", "`messages` must be an array.")),
        None => return Err(Fault::invalid("messages", "`messages` is missing: it must be an array.")),
    }
    let metadata = maybe(body, "metadata", object)?;
    let user = match metadata.and_then(|metadata| metadata.get("user_id")).and_then(Json::non_null) {
        Some(user) => {
            Some(user.as_str().ok_or_else(|| Fault::invalid("metadata.user_id", "`user_id` must be a string."))?)
        }
        None => None,
    };
    let include = maybe(body, "usage", object)?.and_then(|usage| usage.get("include"));
    Ok(Peek {
        model: model.into_owned(),
        stream: maybe(body, "stream", flag)?.unwrap_or(false),
        include_usage: true,
        include_cost: include.and_then(Json::as_bool).unwrap_or(false),
        max_output: maybe(body, "max_tokens", whole)?,
        choices: 1,
        user: user.map(Cow::into_owned).filter(|user| !user.is_empty()),
        session: None,
        tier: maybe(body, "service_tier", text)?.map(Cow::into_owned),
        wants: wants(body)?,
        // A thread that is begun needs nobody's memory yet, and may be begun anywhere.
        stateful: maybe(body, "thread", object)?.filter(|thread| continues(*thread)).map(|_| "thread"),
        bytes: body.bytes().len(),
    })
}

/// Whether a thread goes on from an answer that the provider keeps for some minutes (beta `message-threads-2026-08-12`).
pub(super) fn continues(thread: Json<'_>) -> bool {
    thread.get("type").is_some_and(|kind| kind.is("continue"))
}

/// Features the top level tells of.
fn wants(body: &Document) -> Result<Wants, Fault> {
    let tools = maybe(body, "tools", array)?.is_some_and(|mut tools| tools.next().is_some());
    let thinking = maybe(body, "thinking", object)?.and_then(|thinking| thinking.get("type"));
    let output = maybe(body, "output_config", object)?;
    let given = |name: &str| output.and_then(|output| output.get(name)).and_then(Json::non_null).is_some();
    Ok(Wants {
        tools,
        structured: given("format") || maybe(body, "output_format", object)?.is_some(),
        reasoning: thinking.is_some_and(|kind| !kind.is("disabled")) || given("effort"),
        logprobs: false,
    })
}

/// A member read as what it must be; `null` is as good as missing.
fn maybe<'a, T>(
    body: &'a Document,
    name: &str,
    read: impl Fn(Json<'a>, &str) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    body.get(name).and_then(Json::non_null).map(|value| read(value, name)).transpose()
}

fn whole(value: Json<'_>, path: &str) -> Result<u64, Fault> {
    must(value.as_u64(), path, "a whole number")
}

#[cfg(test)]
mod tests;
