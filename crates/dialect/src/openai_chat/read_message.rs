//! A client's messages: roles, tool calls and results, reasoning, the older functions.

use std::borrow::Cow;

use wire::json::{Json, Kind};

use super::read_part::{Notes, content, foreign};
use super::{cite, proof};
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::part::{Body, Opaque, Origin, Part, Reasoning, ToolCall, ToolResult};
use crate::ir::request::{Message, Request, Role};

/// Reads `messages`: leading instructions to [`Request::system`], results of one turn into one message.
///
/// # Errors
/// `invalid_request` with the path of what is not as the dialect says.
pub(super) fn messages(list: Json<'_>, request: &mut Request, notes: &mut Notes) -> Result<(), Fault> {
    let mut leading = true;
    // The last call of each function of the older form, which had no ids.
    let mut called: Vec<(String, String)> = Vec::new();
    for (index, item) in list.items().enumerate() {
        let path = format!("messages[{index}]");
        if item.kind() != Kind::Object {
            return Err(Fault::invalid(&path, format!("`{path}` must be an object.")));
        }
        let role = item.get("role").and_then(Json::as_str).unwrap_or_default();
        let message = match &*role {
            "system" | "developer" => said(item, Role::System, &path, notes)?,
            "user" => said(item, Role::User, &path, notes)?,
            "assistant" => assistant(item, index, &path, &mut called, notes)?,
            "tool" => result(item, &path, None, notes)?,
            "function" => {
                let name = item.get("name").and_then(Json::as_str).unwrap_or_default();
                let id = called.iter().rfind(|(known, _)| *known == name).map(|(_, id)| id.clone());
                result(item, &path, Some(id.unwrap_or_else(|| format!("call_{name}"))), notes)?
            }
            _ => {
                let at = format!("{path}.role");
                let words = "`system`, `developer`, `user`, `assistant` or `tool`";
                return Err(Fault::invalid(&at, format!("`{at}` must be {words}.")));
            }
        };
        let system = message.role == Role::System;
        if system && leading && message.name.is_none() && message.foreign.is_empty() {
            request.system.extend(message.parts);
            continue;
        }
        leading &= system;
        match request.messages.last_mut() {
            Some(last)
                if last.role == Role::Tool
                    && message.role == Role::Tool
                    && last.foreign.is_empty()
                    && message.foreign.is_empty() =>
            {
                last.parts.extend(message.parts);
            }
            _ => request.messages.push(message),
        }
    }
    Ok(())
}

/// A message of the operator or the user.
fn said(item: Json<'_>, role: Role, path: &str, notes: &mut Notes) -> Result<Message, Fault> {
    let parts = content(item.get("content"), &format!("{path}.content"), notes)?;
    let mut message = Message::new(role, parts);
    message.name = item.get("name").and_then(Json::as_str).map(Cow::into_owned);
    message.foreign = foreign(item, &["role", "content", "name", "cache_control"]);
    mark(item, &mut message.parts);
    Ok(message)
}

/// A cache mark on the whole message stands behind its last part.
fn mark(item: Json<'_>, parts: &mut [Part]) {
    if let (Some(mark), Some(last)) = (item.get("cache_control").and_then(Json::non_null), parts.last_mut()) {
        last.cache = Some(mark.raw().into());
    }
}

/// What a tool answered.
fn result(item: Json<'_>, path: &str, id: Option<String>, notes: &mut Notes) -> Result<Message, Fault> {
    let call_id = match id {
        Some(id) => id,
        None => notes.text(item.get("tool_call_id").unwrap_or(Json::NULL), &format!("{path}.tool_call_id"))?,
    };
    let content = content(item.get("content"), &format!("{path}.content"), notes)?;
    let mut part = Part::from(Body::ToolResult(ToolResult { call_id, content, is_error: None }));
    part.cache = item.get("cache_control").and_then(Json::non_null).map(|mark| mark.raw().into());
    let function = item.get("role").is_some_and(|role| role.is("function"));
    let name = if function { "name" } else { "role" };
    part.foreign = foreign(item, &["role", "content", "tool_call_id", "cache_control", name]);
    Ok(Message::new(Role::Tool, vec![part]))
}

/// What the model said before.
fn assistant(
    item: Json<'_>,
    index: usize,
    path: &str,
    called: &mut Vec<(String, String)>,
    notes: &mut Notes,
) -> Result<Message, Fault> {
    let mut parts = reasoning(item, path, notes)?;
    parts.extend(content(item.get("content"), &format!("{path}.content"), notes)?);
    if let Some(refusal) = item.get("refusal").and_then(Json::non_null) {
        let text = notes.text(refusal, &format!("{path}.refusal"))?;
        if !text.is_empty() {
            parts.push(Body::Refusal(text).into());
        }
    }
    let sources = item.get("annotations").into_iter().flat_map(Json::items).filter_map(cite::read);
    if let Some(Body::Text { citations, .. }) =
        parts.iter_mut().map(|part| &mut part.body).find(|body| matches!(body, Body::Text { .. }))
    {
        citations.extend(sources);
    }
    let calls = item.get("tool_calls").and_then(Json::non_null);
    if calls.is_some_and(|calls| calls.kind() != Kind::Array) {
        let at = format!("{path}.tool_calls");
        return Err(Fault::invalid(&at, format!("`{at}` must be an array.")));
    }
    for (place, item) in calls.into_iter().flat_map(Json::items).enumerate() {
        parts.push(call(item, &format!("{path}.tool_calls[{place}]"), notes)?);
    }
    if let Some(function) = item.get("function_call").and_then(Json::non_null) {
        let name = notes.text(function.get("name").unwrap_or(Json::NULL), &format!("{path}.function_call.name"))?;
        let arguments = arguments(function);
        let id = format!("call_{index}_{name}");
        called.push((name.clone(), id.clone()));
        parts.push(Body::ToolCall(ToolCall { id, name, arguments, proof: None }).into());
    }
    mark(item, &mut parts);
    let mut message = Message::new(Role::Assistant, parts);
    message.name = item.get("name").and_then(Json::as_str).map(Cow::into_owned);
    message.foreign = foreign(item, ASSISTANT);
    Ok(message)
}

/// The members of an assistant message that the IR has a place for.
const ASSISTANT: &[&str] = &[
    "role",
    "content",
    "name",
    "refusal",
    "tool_calls",
    "function_call",
    "annotations",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "cache_control",
];

/// Reasoning that the client kept: details with their proofs, else the bare text.
fn reasoning(item: Json<'_>, path: &str, notes: &mut Notes) -> Result<Vec<Part>, Fault> {
    let details: Vec<Json<'_>> = item.get("reasoning_details").into_iter().flat_map(Json::items).collect();
    if details.is_empty() {
        let given = |name: &str| item.get(name).and_then(Json::non_null).filter(|value| value.raw() != "\"\"");
        let Some(text) = given("reasoning_content").or_else(|| given("reasoning")) else { return Ok(Vec::new()) };
        let text = notes.text(text, &format!("{path}.reasoning"))?;
        return Ok(vec![Body::Reasoning(Reasoning { text, proof: None, redacted: false }).into()]);
    }
    let mut parts: Vec<Part> = Vec::new();
    let mut last: Option<u64> = None;
    for detail in details {
        let read = proof::read(detail, None);
        let text = read.inside.map(|inside| wire::json::unescape(inside).text.into_owned()).unwrap_or_default();
        // Details as a stream gave them: pieces of one index are one.
        if let Some(Body::Reasoning(open)) = parts.last_mut().map(|part| &mut part.body) {
            if read.index.is_some() && read.index == last && open.proof.is_none() && !read.redacted {
                open.text.push_str(&text);
                open.proof = read.proof;
                continue;
            }
        }
        last = read.index;
        parts.push(Body::Reasoning(Reasoning { text, proof: read.proof, redacted: read.redacted }).into());
    }
    Ok(parts)
}

fn call(item: Json<'_>, path: &str, notes: &mut Notes) -> Result<Part, Fault> {
    let custom = item.get("custom").and_then(Json::non_null);
    if custom.is_some() {
        let body = Body::Unknown { dialect: DialectId::OpenAiChat, kind: "custom".to_owned(), raw: item.raw().into() };
        return Ok(body.into());
    }
    let function = item.get("function").unwrap_or(Json::NULL);
    let id = notes.text(item.get("id").unwrap_or(Json::NULL), &format!("{path}.id"))?;
    let name = notes.text(function.get("name").unwrap_or(Json::NULL), &format!("{path}.function.name"))?;
    let proof = item.get("extra_content").and_then(Json::non_null).map(|extra| Opaque {
        origin: Origin { dialect: DialectId::OpenAiChat, model: String::new() },
        data: extra.raw().to_owned(),
    });
    let mut part = Part::from(Body::ToolCall(ToolCall { id, name, arguments: arguments(function), proof }));
    part.cache = item.get("cache_control").and_then(Json::non_null).map(|mark| mark.raw().into());
    part.foreign = foreign(item, &["id", "type", "function", "extra_content", "index", "cache_control"]);
    Ok(part)
}

/// The arguments as their text; some clients send the object itself.
fn arguments(function: Json<'_>) -> String {
    let value = function.get("arguments").and_then(Json::non_null);
    value.map(|value| value.as_str().unwrap_or(Cow::Borrowed(value.raw())).into_owned()).unwrap_or_default()
}
