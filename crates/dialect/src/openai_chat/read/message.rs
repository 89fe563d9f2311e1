//! Messages of this dialect to messages of the IR: roles, reasoning, tool calls and their results.

use wire::json::{Json, Kind};

use super::part::{Reader, foreign, mark, unknown, word};
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::part::{Body, Opaque, Origin, Part, Reasoning, ToolCall, ToolResult};
use crate::ir::request::{Message, Role};
use crate::loss::Loss;
use crate::members::{array, join, object};
use crate::openai_chat::details::{self, RESPONSES};
use crate::signature;

const HERE: DialectId = DialectId::OpenAiChat;

/// The format word of reasoning details that hold Anthropic's thinking blocks.
const CLAUDE: &str = "anthropic-claude-v1";

/// The format word of those that hold Gemini's thought signatures.
const GEMINI: &str = "google-gemini-v1";

/// Reads the conversation.
pub(super) fn read(reader: &mut Reader, list: Json<'_>) -> Result<Vec<Message>, Fault> {
    let mut messages = Vec::new();
    for (index, value) in array(list, "messages")?.enumerate() {
        let path = format!("messages[{index}]");
        object(value, &path)?;
        messages.push(match &*reader.need(value, "role", &path)? {
            "system" | "developer" => plain(reader, value, Role::System, &path)?,
            "user" => plain(reader, value, Role::User, &path)?,
            "assistant" => assistant(reader, value, index, &path)?,
            "tool" => {
                let id = reader.need(value, "tool_call_id", &path)?;
                result(reader, value, id, &path)?
            }
            "function" => {
                let name = reader.need(value, "name", &path)?;
                let call = reader.calls.iter().rev().find(|(_, own)| *own == name);
                let id = call.map_or_else(|| format!("call_{index}"), |(id, _)| id.clone());
                result(reader, value, id, &path)?
            }
            _ => {
                let path = format!("{path}.role");
                let words = "`system`, `developer`, `user`, `assistant` or `tool`";
                return Err(Fault::invalid(&path, format!("`{path}` must be {words}.")));
            }
        });
    }
    Ok(messages)
}

/// A message that is content and nothing else.
fn plain(reader: &mut Reader, value: Json<'_>, role: Role, path: &str) -> Result<Message, Fault> {
    let at = format!("{path}.content");
    let content = value.get("content").ok_or_else(|| Fault::invalid(&at, format!("`{at}` is missing.")))?;
    let parts = reader.content(content, &at)?;
    finish(reader, value, Message::new(role, parts), &["role", "content", "name", "cache_control"], path)
}

fn assistant(reader: &mut Reader, value: Json<'_>, index: usize, path: &str) -> Result<Message, Fault> {
    let mut parts = reasoning(reader, value, path)?;
    parts.extend(reader.content(value.get("content").unwrap_or(Json::NULL), &format!("{path}.content"))?);
    if let Some(text) = reader.maybe(value, "refusal", path)? {
        parts.push(Body::Refusal(text).into());
    }
    if let Some(calls) = value.get("tool_calls").and_then(Json::non_null) {
        let at = format!("{path}.tool_calls");
        for (place, call) in array(calls, &at)?.enumerate() {
            parts.push(self::call(reader, call, &format!("{at}[{place}]"))?);
        }
    }
    if let Some(call) = value.get("function_call").and_then(Json::non_null) {
        // The old form has no ids; its answer names the function.
        let body = function(reader, call, format!("call_{index}"), &format!("{path}.function_call"))?;
        parts.push(Body::ToolCall(body).into());
    }
    let known = [
        "role",
        "content",
        "name",
        "cache_control",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "refusal",
        "tool_calls",
        "function_call",
    ];
    finish(reader, value, Message::new(Role::Assistant, parts), &known, path)
}

/// Name, cache mark and other members of a message.
fn finish(
    reader: &mut Reader,
    value: Json<'_>,
    mut message: Message,
    known: &[&str],
    path: &str,
) -> Result<Message, Fault> {
    message.name = reader.maybe(value, "name", path)?;
    message.foreign = foreign(value, known);
    if let Some(mark) = mark(value) {
        // A mark on a message is one on its last part.
        match message.parts.last_mut() {
            Some(part) if part.cache.is_none() => part.cache = Some(mark),
            _ => reader.losses.push(Loss::dropped("cache_control", path)),
        }
    }
    Ok(message)
}

/// What a tool answered.
fn result(reader: &mut Reader, value: Json<'_>, call_id: String, path: &str) -> Result<Message, Fault> {
    let content = reader.content(value.get("content").unwrap_or(Json::NULL), &format!("{path}.content"))?;
    let mut known = vec!["role", "content", "tool_call_id", "cache_control"];
    let name = word(value, "name");
    if name.is_some_and(|name| reader.calls.iter().any(|(id, own)| *id == call_id && *own == name)) {
        // The call says it already.
        known.push("name");
    }
    let body = Body::ToolResult(ToolResult { call_id, content, is_error: None });
    let part = Part { body, cache: mark(value), foreign: foreign(value, &known) };
    Ok(Message::new(Role::Tool, vec![part]))
}

/// One of `tool_calls`.
fn call(reader: &mut Reader, call: Json<'_>, path: &str) -> Result<Part, Fault> {
    object(call, path)?;
    let kind = reader.maybe(call, "type", path)?.unwrap_or_default();
    if !matches!(kind.as_str(), "function" | "") {
        return Ok(unknown(&kind, call).into());
    }
    let id = reader.need(call, "id", path)?;
    let at = format!("{path}.function");
    let function = call.get("function").ok_or_else(|| Fault::invalid(&at, format!("`{at}` is missing.")))?;
    let mut body = self::function(reader, function, id, &at)?;
    let mut known = vec!["id", "type", "function", "index", "cache_control"];
    if let Some(signature) = call.get("extra_content").and_then(signature::read) {
        body.proof =
            Some(Opaque { origin: Origin { dialect: DialectId::Gemini, model: String::new() }, data: signature });
        known.push("extra_content");
    }
    Ok(Part { body: Body::ToolCall(body), cache: mark(call), foreign: foreign(call, &known) })
}

/// The function called and its arguments, as the text they are.
fn function(reader: &mut Reader, value: Json<'_>, id: String, path: &str) -> Result<ToolCall, Fault> {
    object(value, path)?;
    let name = reader.need(value, "name", path)?;
    let arguments = match value.get("arguments") {
        None => String::new(),
        Some(text) if text.kind() == Kind::String => reader.text(text, &join(path, "arguments"))?,
        Some(null) if null.is_null() => String::new(),
        Some(other) => other.raw().to_owned(),
    };
    reader.only(value, &["name", "arguments"], path);
    reader.calls.push((id.clone(), name.clone()));
    Ok(ToolCall { id, name, arguments, proof: None })
}

/// What the model thought, in any of the forms that servers give it; the details hold the proofs.
fn reasoning(reader: &mut Reader, message: Json<'_>, path: &str) -> Result<Vec<Part>, Fault> {
    let content = reader.maybe(message, "reasoning_content", path)?.filter(|text| !text.is_empty());
    let mut parts = Vec::new();
    if let Some(details) = message.get("reasoning_details").and_then(Json::non_null) {
        let at = format!("{path}.reasoning_details");
        for (index, value) in array(details, &at)?.enumerate() {
            let at = format!("{at}[{index}]");
            let mut part = detail(reader, value, &at)?;
            if let Body::Reasoning(reasoning) = &mut part.body
                && reasoning.proof.is_some()
                && reasoning.text.is_empty()
                && let Some(span) = value.get("span")
            {
                match details::spanned(value, content.as_deref().unwrap_or_default()) {
                    Some(text) => text.clone_into(&mut reasoning.text),
                    // A proof of a text that did not come back proves nothing.
                    None if span.is_null() => {}
                    None => {
                        reasoning.proof = None;
                        reader.losses.push(Loss::dropped("reasoning signature", at));
                    }
                }
            }
            parts.push(part);
        }
    }
    let other = reader.maybe(message, "reasoning", path)?.filter(|text| !text.is_empty());
    let told = |part: &Part| matches!(&part.body, Body::Reasoning(reasoning) if !reasoning.text.is_empty());
    if parts.iter().any(told) {
        return Ok(parts);
    }
    let text = match (content, other) {
        (Some(content), Some(other)) if content != other => {
            reader.losses.push(Loss::dropped("reasoning", format!("{path}.reasoning")));
            Some(content)
        }
        (content, other) => content.or(other),
    };
    if let Some(text) = text {
        parts.insert(0, Body::Reasoning(Reasoning { text, proof: None, redacted: false }).into());
    }
    Ok(parts)
}

/// One of `reasoning_details`.
fn detail(reader: &mut Reader, value: Json<'_>, path: &str) -> Result<Part, Fault> {
    object(value, path)?;
    let kind = reader.need(value, "type", path)?;
    let claude = value.get("format").is_some_and(|format| format.is(CLAUDE));
    let gemini = value.get("format").is_some_and(|format| format.is(GEMINI));
    // OpenRouter has this format, too, and wants its own back; only we say an origin beside it.
    let responses = value.get("format").is_some_and(|format| format.is(RESPONSES)) && value.get("origin").is_some();
    let proof = |data: String| {
        let dialect = match (claude, gemini, responses) {
            (true, ..) => DialectId::AnthropicMessages,
            (_, true, _) => DialectId::Gemini,
            (.., true) => DialectId::OpenAiResponses,
            _ => HERE,
        };
        let model = word(value, "origin").unwrap_or_default().into_owned();
        Opaque { origin: Origin { dialect, model }, data }
    };
    let body = match kind.as_str() {
        "reasoning.text" => {
            let text = reader.maybe(value, "text", path)?.unwrap_or_default();
            let signature = reader.maybe(value, "signature", path)?.filter(|signature| !signature.is_empty());
            Reasoning { text, proof: signature.map(proof), redacted: false }
        }
        "reasoning.summary" => {
            let text = reader.maybe(value, "summary", path)?.unwrap_or_default();
            Reasoning { text, proof: None, redacted: false }
        }
        "reasoning.encrypted" if value.get("data").is_some() => {
            let data = reader.need(value, "data", path)?;
            Reasoning { text: String::new(), proof: Some(proof(data)), redacted: true }
        }
        _ => return Ok(unknown(&kind, value).into()),
    };
    let foreign = match claude || gemini || responses {
        // Their proofs have no ids: that one is the server's.
        true => {
            foreign(value, &["type", "text", "signature", "data", "summary", "index", "origin", "format", "id", "span"])
        }
        false => foreign(value, &["type", "text", "signature", "data", "summary", "index", "origin", "span"]),
    };
    Ok(Part { body: Body::Reasoning(body), cache: None, foreign })
}
