//! Requests of this dialect to the IR.

use wire::json::{Document, Json, Kind};

use super::part::{Reader, foreign};
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::part::{Body, Part, ToolResult};
use crate::ir::request::{Effort, Format, Message, Request, Role};
use crate::ir::tool::{Function, Tool, ToolChoice};
use crate::loss::{Loss, Lossy};
use crate::members::{array, flag, join, must, number, object, raw, whole};

const HERE: DialectId = DialectId::CohereV2;

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
    let mut strict = false;
    for (key, value) in body.members().filter(|(_, value)| !value.is_null()) {
        match key {
            "strict_tools" => strict = flag(value, key)?,
            _ => member(&mut reader, &mut request, key, value)?,
        }
    }
    for tool in request.tools.iter_mut().filter(|_| strict) {
        if let Tool::Function(function) = tool {
            function.strict = Some(true);
        }
    }
    Ok(Lossy { value: request, losses: reader.losses })
}

fn member(reader: &mut Reader, request: &mut Request, key: &str, value: Json<'_>) -> Result<(), Fault> {
    let sampling = &mut request.sampling;
    match key {
        "model" => request.model = reader.text(value, key)?,
        "messages" => {
            for (index, message) in array(value, key)?.enumerate() {
                let message = self::message(reader, message, &format!("messages[{index}]"))?;
                request.messages.push(message);
            }
        }
        "stream" => request.stream = flag(value, key)?,
        "max_tokens" => sampling.max_output = Some(whole(value, key)?),
        "temperature" => sampling.temperature = Some(number(value, key)?),
        "p" => sampling.top_p = Some(number(value, key)?),
        "k" => sampling.top_k = Some(number(value, key)?),
        "seed" => sampling.seed = Some(number(value, key)?),
        "frequency_penalty" => sampling.frequency_penalty = Some(number(value, key)?),
        "presence_penalty" => sampling.presence_penalty = Some(number(value, key)?),
        "logprobs" => sampling.logprobs = Some(flag(value, key)?),
        "stop_sequences" => {
            for (index, text) in array(value, key)?.enumerate() {
                sampling.stop.push(reader.text(text, &format!("{key}[{index}]"))?);
            }
        }
        "tools" => {
            for (index, tool) in array(value, key)?.enumerate() {
                let tool = self::tool(reader, tool, &format!("tools[{index}]"))?;
                request.tools.push(tool);
            }
        }
        "tool_choice" => {
            request.tool_choice = Some(match &*reader.text(value, key)? {
                "REQUIRED" => ToolChoice::Any,
                "NONE" => ToolChoice::None,
                _ => return Err(Fault::invalid(key, "`tool_choice` must be `REQUIRED` or `NONE`.")),
            });
        }
        "response_format" => request.format = format(reader, request, value)?,
        "thinking" => request.effort = Some(thinking(reader, value)?),
        // Documents that are none say nothing.
        "documents" if value.kind() == Kind::Array && value.items().next().is_none() => {}
        // Controls of routing, read by the gateway itself.
        "provider" | "models" | "usage" => {}
        _ => request.foreign.push(HERE, key, value.raw()),
    }
    Ok(())
}

fn format(reader: &mut Reader, request: &mut Request, value: Json<'_>) -> Result<Option<Format>, Fault> {
    let key = "response_format";
    Ok(match &*reader.need(object(value, key)?, "type", key)? {
        "text" => Some(Format::Text),
        "json_object" => {
            // Both spellings are taken.
            let schema = value.get("json_schema").and_then(Json::non_null);
            let schema = schema.or_else(|| value.get("schema").and_then(Json::non_null));
            reader.only(value, &["type", "json_schema", "schema"], key);
            Some(match schema {
                None => Format::JsonObject,
                Some(schema) => {
                    let is_schema = matches!(schema.kind(), Kind::Object | Kind::Bool);
                    let path = "response_format.json_schema";
                    must(is_schema.then_some(()), path, "a schema")?;
                    Format::JsonSchema { name: None, description: None, schema: raw(schema), strict: Some(true) }
                }
            })
        }
        _ => {
            request.foreign.push(HERE, key, value.raw());
            None
        }
    })
}

fn thinking(reader: &mut Reader, value: Json<'_>) -> Result<Effort, Fault> {
    let key = "thinking";
    let mut effort = Effort::default();
    match reader.maybe(object(value, key)?, "type", key)?.as_deref() {
        Some("disabled") => effort.enabled = Some(false),
        Some("enabled") | None => effort.enabled = Some(true),
        Some(_) => reader.losses.push(Loss::dropped("thinking", "thinking.type")),
    }
    if let Some(budget) = value.get("token_budget").and_then(Json::non_null) {
        effort.budget = Some(whole(budget, "thinking.token_budget")?);
    }
    reader.only(value, &["type", "token_budget"], key);
    Ok(effort)
}

fn tool(reader: &mut Reader, tool: Json<'_>, path: &str) -> Result<Tool, Fault> {
    object(tool, path)?;
    let kind = reader.maybe(tool, "type", path)?.unwrap_or_else(|| "function".to_owned());
    if kind != "function" {
        return Ok(Tool::Foreign { dialect: HERE, kind, raw: raw(tool) });
    }
    let at = join(path, "function");
    let function = object(tool.get("function").unwrap_or(Json::NULL), &at)?;
    reader.only(function, &["name", "description", "parameters"], &at);
    Ok(Tool::Function(Function {
        name: reader.need(function, "name", &at)?,
        description: reader.maybe(function, "description", &at)?,
        schema: function.get("parameters").and_then(Json::non_null).map(raw),
        strict: None,
        cache: None,
        foreign: foreign(tool, &["type", "function"]),
    }))
}

fn message(reader: &mut Reader, value: Json<'_>, path: &str) -> Result<Message, Fault> {
    object(value, path)?;
    let mut known = vec!["role", "content"];
    let content = value.get("content").unwrap_or(Json::NULL);
    let at = join(path, "content");
    let (role, parts) = match &*reader.need(value, "role", path)? {
        "system" | "developer" => (Role::System, plain(reader, content, &at)?),
        "user" => (Role::User, plain(reader, content, &at)?),
        "assistant" => {
            known.extend(["tool_plan", "tool_calls", "citations"]);
            (Role::Assistant, reader.said(value, path)?)
        }
        "tool" => {
            let call_id = reader.need(value, "tool_call_id", path)?;
            known.push("tool_call_id");
            let content = plain(reader, content, &at)?;
            let body = Body::ToolResult(ToolResult { call_id, content, is_error: None });
            let part = Part { body, cache: None, foreign: foreign(value, &known) };
            return Ok(Message::new(Role::Tool, vec![part]));
        }
        _ => {
            let path = join(path, "role");
            return Err(Fault::invalid(&path, format!("`{path}` must be `system`, `user`, `assistant` or `tool`.")));
        }
    };
    Ok(Message { foreign: foreign(value, &known), ..Message::new(role, parts) })
}

fn plain(reader: &mut Reader, content: Json<'_>, path: &str) -> Result<Vec<Part>, Fault> {
    Ok(reader.content(content, path)?.into_iter().map(|(_, part)| part).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
    use super::*;
    use bytes::Bytes;

    fn asked(body: &str) -> Result<Lossy<Request>, Fault> {
        read(&Document::parse(Bytes::copy_from_slice(body.as_bytes())).expect("JSON"))
    }

    #[test]
    fn a_turn_with_a_plan_and_a_document() {
        let body = r#"{"model":"c","strict_tools":true,"documents":[],"safety_mode":"OFF",
            "tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"tool_choice":"REQUIRED",
            "thinking":{"type":"enabled","token_budget":5},"k":3,"p":0.5,"messages":[
            {"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]},
            {"role":"assistant","tool_plan":"I will.","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":null}}]},
            {"role":"tool","tool_call_id":"1","content":[{"type":"document","document":{"id":"d","data":{"output":"15"}}}]}]}"#;
        let read = asked(body).expect("a request");
        let request = read.value;
        assert_eq!(read.losses.len(), 1, "{:?}", read.losses);
        assert_eq!((request.tool_choice, request.sampling.top_k.is_some()), (Some(ToolChoice::Any), true));
        assert_eq!(request.effort.and_then(|effort| effort.budget), Some(5));
        assert!(matches!(&request.tools[0], Tool::Function(function) if function.strict == Some(true)));
        assert_eq!(request.foreign.iter().collect::<Vec<_>>(), [(HERE, "safety_mode", "\"OFF\"")]);
        let [user, model, tool] = request.messages.as_slice() else { panic!("three messages") };
        assert!(matches!(&user.parts[0].body, Body::Media(_)));
        assert_eq!(model.parts[0], Part::text("I will."));
        assert!(matches!(&model.parts[1].body, Body::ToolCall(call) if call.arguments.is_empty()));
        let Body::ToolResult(result) = &tool.parts[0].body else { panic!("a result") };
        assert_eq!(result.content, [Part::text(r#"{"output":"15"}"#)]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (members, path) in [
            (r#""messages":[{"role":"x"}]"#, "messages[0].role"),
            (r#""messages":[{"role":"tool","content":"x"}]"#, "messages[0].tool_call_id"),
            (r#""messages":[{"role":"user","content":[{"text":"x"}]}]"#, "messages[0].content[0].type"),
            (r#""messages":[],"tool_choice":"auto""#, "tool_choice"),
            (r#""messages":[],"response_format":{"type":"json_object","schema":1}"#, "response_format.json_schema"),
            (r#""messages":[],"p":"x""#, "p"),
        ] {
            let fault = asked(&format!(r#"{{"model":"c",{members}}}"#)).expect_err("a fault");
            assert_eq!(fault.path.as_deref(), Some(path));
        }
    }
}
