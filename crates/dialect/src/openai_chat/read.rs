//! A client's request to the IR. What the IR has no word for is kept as foreign; nothing is guessed.

use std::borrow::Cow;

use wire::json::{Document, Json, Kind};

use super::peek;
use super::read_message;
use super::read_part::Notes;
use super::read_tool;
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::request::{Effort, Request};
use crate::ir::tool::Tool;
use crate::loss::Lossy;

/// Reads a request.
///
/// # Errors
/// `invalid_request` with the path of what is not as the dialect says.
pub(super) fn read(body: &Document) -> Result<Lossy<Request>, Fault> {
    let peek = peek::peek(body)?;
    let mut notes = Notes::default();
    let mut request =
        Request { model: peek.model, user: peek.user, tier: peek.tier, stream: peek.stream, ..Request::default() };
    request.sampling.max_output = peek.max_output;
    let identified = body.get("safety_identifier").is_some_and(|id| !id.is_null());
    for (key, value) in body.members() {
        if value.is_null() {
            continue;
        }
        match key {
            // Read by `peek`, or for the gateway alone.
            "model"
            | "stream"
            | "service_tier"
            | "max_tokens"
            | "max_completion_tokens"
            | "safety_identifier"
            | "stream_options"
            | "models"
            | "provider" => {}
            "user" if !identified => {}
            "usage" if value.get("include").is_some() => {}
            "messages" => read_message::messages(value, &mut request, &mut notes)?,
            "tools" => {
                for (index, item) in value.items().enumerate() {
                    request.tools.push(read_tool::tool(item, &format!("tools[{index}]"), &mut notes)?);
                }
            }
            "functions" => {
                for (index, item) in value.items().enumerate() {
                    let function = read_tool::function(item, &format!("functions[{index}]"), &mut notes)?;
                    request.tools.push(Tool::Function(function));
                }
            }
            _ => member(key, value, &mut request, &mut notes)?,
        }
    }
    Ok(Lossy { value: request, losses: notes.losses })
}

/// Reads one of the other members.
fn member(key: &str, value: Json<'_>, request: &mut Request, notes: &mut Notes) -> Result<(), Fault> {
    let mut effort = request.effort.take().unwrap_or_default();
    let known = read_tool::effort(key, value, &mut effort, notes);
    request.effort = Some(effort).filter(|effort| *effort != Effort::default());
    if known || sampling(key, value, request)? {
        return Ok(());
    }
    let kept = match key {
        "tool_choice" | "function_call" => match read_tool::choice(value) {
            Some(choice) => {
                request.tool_choice = Some(choice);
                true
            }
            None => false,
        },
        "response_format" => match read_tool::format(value) {
            Some(format) => {
                request.format = Some(format);
                true
            }
            None => false,
        },
        "parallel_tool_calls" => {
            let flag = value.as_bool();
            request.parallel_tools = Some(flag.ok_or_else(|| wrong(key, "true or false"))?);
            true
        }
        _ => false,
    };
    if !kept {
        request.foreign.push(DialectId::OpenAiChat, key, value.raw());
    }
    Ok(())
}

fn wrong(path: &str, what: &str) -> Fault {
    Fault::invalid(path, format!("`{path}` must be {what}."))
}

/// Reads a member of [`crate::ir::request::Sampling`]; false where it is none.
fn sampling(key: &str, value: Json<'_>, request: &mut Request) -> Result<bool, Fault> {
    let number = || match value.as_number() {
        Some(number) => Ok(Some(number.into())),
        None => Err(wrong(key, "a number")),
    };
    let sampling = &mut request.sampling;
    match key {
        "temperature" => sampling.temperature = number()?,
        "top_p" => sampling.top_p = number()?,
        "top_k" => sampling.top_k = number()?,
        "seed" | "random_seed" => sampling.seed = number()?,
        "frequency_penalty" => sampling.frequency_penalty = number()?,
        "presence_penalty" => sampling.presence_penalty = number()?,
        "n" => sampling.choices = value.as_u64(),
        "logprobs" => sampling.logprobs = Some(value.as_bool().ok_or_else(|| wrong(key, "true or false"))?),
        "top_logprobs" => sampling.top_logprobs = Some(value.as_u64().ok_or_else(|| wrong(key, "a whole number"))?),
        "stop" => {
            sampling.stop = match value.kind() {
                Kind::String => value.as_str().map(Cow::into_owned).into_iter().collect(),
                Kind::Array => value.items().filter_map(Json::as_str).map(Cow::into_owned).collect(),
                _ => return Err(wrong(key, "a string or an array of strings")),
            };
        }
        _ => return Ok(false),
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
