//! Requests of this dialect to the IR.

use std::borrow::Cow;

use wire::json::{Document, Json, Kind};

use super::block::{Reader, foreign};
use super::peek::continues;
use crate::fault::{Fault, Kind as FaultKind};
use crate::id::DialectId;
use crate::ir::request::{Effort, Format, Message, Request, Role};
use crate::ir::tool::{Function, Tool, ToolChoice};
use crate::loss::Lossy;
use crate::members::{array, flag, must, number, object, raw};

const HERE: DialectId = DialectId::AnthropicMessages;

/// Reads a request.
///
/// # Errors
/// `invalid_request` with the path of what is not as the dialect says.
pub(super) fn read(body: &Document) -> Result<Lossy<Request>, Fault> {
    let mut reader = Reader::default();
    let mut request = Request::default();
    for name in ["model", "messages"] {
        if body.get(name).is_none() {
            return Err(Fault::invalid(name, format!("`{name}` is missing.")));
        }
    }
    for (key, value) in body.members() {
        if !value.is_null() {
            member(&mut reader, &mut request, key, value)?;
        }
    }
    Ok(Lossy { value: request, losses: reader.losses })
}

/// One top-level member.
fn member(reader: &mut Reader, request: &mut Request, key: &str, value: Json<'_>) -> Result<(), Fault> {
    let sampling = &mut request.sampling;
    match key {
        "model" => request.model = reader.text(value, key)?,
        "system" => request.system = reader.content(value, key)?,
        "messages" => request.messages = messages(reader, value)?,
        "max_tokens" => sampling.max_output = Some(must(value.as_u64(), key, "a whole number")?),
        "temperature" => sampling.temperature = Some(number(value, key)?),
        "top_p" => sampling.top_p = Some(number(value, key)?),
        "top_k" => sampling.top_k = Some(number(value, key)?),
        "stop_sequences" => {
            for (index, text) in array(value, key)?.enumerate() {
                sampling.stop.push(reader.text(text, &format!("{key}[{index}]"))?);
            }
        }
        "stream" => request.stream = flag(value, key)?,
        // Threads are kept at best: who is told so sends the whole conversation again, as Anthropic documents it.
        "thread" if continues(object(value, key)?) => {
            let message = "This model's provider keeps no threads. Send the whole conversation again.";
            let code = Some("thread_not_found".to_owned());
            return Err(Fault { code, path: Some(key.to_owned()), ..Fault::new(FaultKind::NotFound, message) });
        }
        "metadata" => {
            if let Some(user) = object(value, key)?.get("user_id").and_then(Json::non_null) {
                request.user = Some(reader.text(user, "metadata.user_id")?);
            }
            request.foreign.nest(key, &foreign(value, &["user_id"]));
        }
        "service_tier" => {
            // The standard tier only, which is what other dialects call the default.
            let tier = reader.text(value, key)?;
            request.tier = Some(if tier == "standard_only" { "default".to_owned() } else { tier });
        }
        "thinking" => thinking(reader, request, object(value, key)?)?,
        "output_config" => {
            if let Some(level) = object(value, key)?.get("effort").and_then(Json::non_null) {
                let level = reader.text(level, "output_config.effort")?;
                request.effort.get_or_insert_default().level = Some(level);
            }
            if let Some(format) = value.get("format").and_then(Json::non_null) {
                request.format = Some(output_format(format, "output_config.format")?);
            }
            request.foreign.nest(key, &foreign(value, &["effort", "format"]));
        }
        "output_format" => request.format = Some(output_format(object(value, key)?, key)?),
        "tools" => {
            let tools = array(value, key)?.enumerate();
            request.tools =
                tools.map(|(index, each)| tool(reader, each, &format!("tools[{index}]"))).collect::<Result<_, _>>()?;
        }
        "tool_choice" => tool_choice(reader, request, object(value, key)?)?,
        // Controls of routing, read by the gateway itself.
        "provider" | "models" => {}
        "usage" if value.get("include").is_some() => {}
        _ => request.foreign.push(HERE, key, value.raw()),
    }
    Ok(())
}

fn messages(reader: &mut Reader, list: Json<'_>) -> Result<Vec<Message>, Fault> {
    let mut messages = Vec::new();
    for (index, message) in array(list, "messages")?.enumerate() {
        let path = format!("messages[{index}]");
        object(message, &path)?;
        let role = match &*reader.need(message, "role", &path)? {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => {
                let path = format!("{path}.role");
                return Err(Fault::invalid(&path, format!("`{path}` must be `user` or `assistant`.")));
            }
        };
        let at = format!("{path}.content");
        let content = message.get("content").filter(|content| !content.is_null());
        let content = content.ok_or_else(|| Fault::invalid(&at, format!("`{at}` is missing.")))?;
        let parts = reader.content(content, &at)?;
        messages.push(Message { role, parts, name: None, foreign: foreign(message, &["role", "content"]) });
    }
    Ok(messages)
}

/// What thinking says. Other ways than those known stay this dialect's own.
fn thinking(reader: &mut Reader, request: &mut Request, value: Json<'_>) -> Result<(), Fault> {
    let kind = reader.need(value, "type", "thinking")?;
    let effort = request.effort.get_or_insert_default();
    match kind.as_str() {
        "enabled" => {
            let budget = value.get("budget_tokens").and_then(Json::non_null);
            let whole = |budget: Json<'_>| must(budget.as_u64(), "thinking.budget_tokens", "a whole number");
            effort.budget = budget.map(whole).transpose()?;
            effort.enabled = Some(true);
        }
        "adaptive" => {
            effort.enabled = Some(true);
            effort.adaptive = true;
        }
        "disabled" => effort.enabled = Some(false),
        _ => {
            if *effort == Effort::default() {
                request.effort = None;
            }
            request.foreign.push(HERE, "thinking", value.raw());
            return Ok(());
        }
    }
    request.foreign.nest("thinking", &foreign(value, &["type", "budget_tokens"]));
    Ok(())
}

/// The form of the answer. The provider always holds the answer to the schema.
fn output_format(value: Json<'_>, path: &str) -> Result<Format, Fault> {
    let at = format!("{path}.type");
    match value.get("type").and_then(Json::as_str).as_deref() {
        Some("json_schema") => {
            let at = format!("{path}.schema");
            let schema = value.get("schema").filter(|schema| matches!(schema.kind(), Kind::Object | Kind::Bool));
            let schema = schema.ok_or_else(|| Fault::invalid(&at, format!("`{at}` must be a schema.")))?;
            let text = |name: &str| value.get(name).and_then(Json::as_str).map(Cow::into_owned);
            Ok(Format::JsonSchema {
                name: text("name"),
                description: None,
                schema: schema.raw().into(),
                strict: Some(true),
            })
        }
        _ => Err(Fault::invalid(&at, format!("`{at}` must be `json_schema`."))),
    }
}

fn tool(reader: &mut Reader, tool: Json<'_>, path: &str) -> Result<Tool, Fault> {
    object(tool, path)?;
    let kind = match tool.get("type").and_then(Json::non_null) {
        Some(kind) => reader.text(kind, &format!("{path}.type"))?,
        None => "custom".to_owned(),
    };
    if kind != "custom" {
        return Ok(Tool::Foreign { dialect: HERE, kind, raw: tool.raw().into() });
    }
    let description = match tool.get("description").and_then(Json::non_null) {
        Some(text) => Some(reader.text(text, &format!("{path}.description"))?),
        None => None,
    };
    Ok(Tool::Function(Function {
        name: reader.need(tool, "name", path)?,
        description,
        schema: tool.get("input_schema").and_then(Json::non_null).map(raw),
        strict: tool.get("strict").and_then(Json::as_bool),
        cache: tool.get("cache_control").and_then(Json::non_null).map(raw),
        foreign: foreign(tool, &["type", "name", "description", "input_schema", "strict", "cache_control"]),
    }))
}

fn tool_choice(reader: &mut Reader, request: &mut Request, value: Json<'_>) -> Result<(), Fault> {
    let path = "tool_choice";
    request.tool_choice = Some(match &*reader.need(value, "type", path)? {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Any,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(reader.need(value, "name", path)?),
        _ => {
            let message = "`tool_choice.type` must be `auto`, `any`, `tool` or `none`.";
            return Err(Fault::invalid("tool_choice.type", message));
        }
    });
    let single = value.get("disable_parallel_tool_use").and_then(Json::as_bool);
    request.parallel_tools = single.map(|single| !single);
    Ok(())
}

#[cfg(test)]
mod tests;
