//! Requests of this dialect to the IR. What refers to history that a provider keeps is refused: a prompt
//! that lacks it must not be sent.

use wire::json::{Document, Json, Kind};

use super::item::{Reader, foreign};
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::foreign::Raw;
use crate::ir::request::{Effort, Format, Request};
use crate::ir::tool::{Function, Tool, ToolChoice};
use crate::loss::{Loss, Lossy};
use crate::members::{array, flag, must, number, object, raw};

const HERE: DialectId = DialectId::OpenAiResponses;

/// The name of a schema that has none, since the dialect wants one.
pub(super) const NO_NAME: &str = "response";

/// The schema of a function that stands for a custom tool: its free text under one name.
const FREE_TEXT: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}"#;

/// Reads a request.
///
/// # Errors
/// `invalid_request` with the path of what is not as the dialect says, or of state that another provider
/// keeps.
pub(super) fn request(body: &Document) -> Result<Lossy<Request>, Fault> {
    let mut reader = Reader::default();
    let mut request = Request::default();
    if body.get("model").is_none() {
        return Err(Fault::invalid("model", "`model` is missing."));
    }
    for (key, value) in body.members() {
        if !value.is_null() {
            member(&mut reader, &mut request, key, value)?;
        }
    }
    let identified = body.get("safety_identifier").and_then(Json::non_null);
    let user = body.get("user").and_then(Json::non_null);
    if let (Some(identified), Some(user)) = (identified, user)
        && identified.as_str() != user.as_str()
    {
        reader.losses.push(Loss::dropped("user", "user"));
    }
    Ok(Lossy { value: request, losses: reader.losses })
}

/// One top-level member.
fn member(reader: &mut Reader, request: &mut Request, key: &str, value: Json<'_>) -> Result<(), Fault> {
    let sampling = &mut request.sampling;
    match key {
        "model" => request.model = reader.text(value, key)?,
        "instructions" => request.system = reader.content(value, key)?,
        "input" => request.messages = reader.input(value)?,
        "previous_response_id" | "conversation" | "prompt" => return Err(kept(key)),
        "background" if flag(value, key)? => {
            let message = "`background` answers are kept by the provider that makes them, and this model's provider \
                           speaks another dialect. Ask without `background`, or a model of a provider that speaks \
                           this one.";
            return Err(Fault::invalid(key, message));
        }
        // Nothing is kept across dialects, which is what `false` asks for.
        "store" if flag(value, key)? => reader.losses.push(Loss::dropped("store", "store")),
        "background" | "store" => {}
        // How the history is cut where it is too long, and padding of streams: the defaults say nothing.
        "truncation" if value.is("disabled") => {}
        "stream_options" => {}
        "metadata" if value.members().next().is_none() => {}
        "max_output_tokens" => sampling.max_output = Some(whole(value, key)?),
        "temperature" => sampling.temperature = Some(number(value, key)?),
        "top_p" => sampling.top_p = Some(number(value, key)?),
        "top_k" => sampling.top_k = Some(number(value, key)?),
        "top_logprobs" => sampling.top_logprobs = Some(whole(value, key)?),
        "include" => include(reader, request, value)?,
        "stream" => request.stream = flag(value, key)?,
        "safety_identifier" => request.user = Some(reader.text(value, key)?),
        "user" => {
            let user = reader.text(value, key)?;
            request.user.get_or_insert(user);
        }
        "service_tier" => request.tier = Some(reader.text(value, key)?),
        "reasoning" => effort(reader, request, object(value, key)?)?,
        "text" => {
            if let Some(format) = object(value, key)?.get("format").and_then(Json::non_null) {
                request.format = self::format(reader, format)?;
                if request.format.is_none() {
                    request.foreign.push(HERE, "text.format", format.raw());
                }
            }
            nested(request, key, value, &["format"]);
        }
        "tools" => {
            for (index, tool) in array(value, key)?.enumerate() {
                request.tools.push(self::tool(reader, tool, &format!("tools[{index}]"))?);
            }
        }
        "tool_choice" => tool_choice(reader, request, value)?,
        "parallel_tool_calls" => request.parallel_tools = Some(flag(value, key)?),
        // Controls of routing, read by the gateway itself.
        "provider" | "models" => {}
        "usage" if value.get("include").is_some() => {}
        _ => request.foreign.push(HERE, key, value.raw()),
    }
    Ok(())
}

/// The refusal of a member that stands for history kept elsewhere.
fn kept(key: &str) -> Fault {
    let message = format!(
        "`{key}` names what one provider keeps, and this model's provider speaks another dialect: the answer would \
         lack that history. Send the whole conversation in `input`, or ask a model of the provider that keeps it."
    );
    Fault::invalid(key, message)
}

/// What the answer is to hold beside the usual. Reasoning comes encrypted or not at all.
fn include(reader: &mut Reader, request: &mut Request, value: Json<'_>) -> Result<(), Fault> {
    for (index, item) in array(value, "include")?.enumerate() {
        let at = format!("include[{index}]");
        match &*reader.text(item, &at)? {
            "message.output_text.logprobs" => request.sampling.logprobs = Some(true),
            "reasoning.encrypted_content" => {}
            other => reader.losses.push(Loss::dropped(other.to_owned(), at)),
        }
    }
    Ok(())
}

/// How much to think; `none` says not at all.
fn effort(reader: &mut Reader, request: &mut Request, value: Json<'_>) -> Result<(), Fault> {
    let mut effort = Effort::default();
    if let Some(word) = reader.maybe(value, "effort", "reasoning")? {
        match word.as_str() {
            "none" => effort.enabled = Some(false),
            _ => effort.level = Some(word),
        }
    }
    // OpenRouter's words.
    if let Some(enabled) = value.get("enabled").and_then(Json::non_null) {
        effort.enabled = Some(flag(enabled, "reasoning.enabled")?);
    }
    if let Some(budget) = value.get("max_tokens").and_then(Json::non_null) {
        effort.budget = Some(whole(budget, "reasoning.max_tokens")?);
    }
    request.effort = (effort != Effort::default()).then_some(effort);
    nested(request, "reasoning", value, &["effort", "enabled", "max_tokens"]);
    Ok(())
}

/// The form of the answer; `None` for one that only this dialect knows.
fn format(reader: &mut Reader, value: Json<'_>) -> Result<Option<Format>, Fault> {
    let path = "text.format";
    Ok(Some(match &*reader.need(object(value, path)?, "type", path)? {
        "text" => Format::Text,
        "json_object" => Format::JsonObject,
        "json_schema" => {
            let at = "text.format.schema";
            let schema = value.get("schema").filter(|schema| matches!(schema.kind(), Kind::Object | Kind::Bool));
            let schema = schema.ok_or_else(|| Fault::invalid(at, format!("`{at}` must be a schema.")))?;
            Format::JsonSchema {
                name: reader.maybe(value, "name", path)?.filter(|name| name != NO_NAME),
                description: reader.maybe(value, "description", path)?,
                schema: raw(schema),
                strict: value.get("strict").and_then(Json::as_bool),
            }
        }
        _ => return Ok(None),
    }))
}

/// A tool. A custom one, which takes free text, becomes a function of one parameter.
fn tool(reader: &mut Reader, tool: Json<'_>, path: &str) -> Result<Tool, Fault> {
    let kind = reader.need(object(tool, path)?, "type", path)?;
    let known: &[&str] = match kind.as_str() {
        "function" => &["type", "name", "description", "parameters", "strict", "cache_control"],
        "custom" => &["type", "name", "description", "cache_control"],
        _ => return Ok(Tool::Foreign { dialect: HERE, kind, raw: raw(tool) }),
    };
    let custom = kind == "custom";
    let schema = if custom {
        reader.losses.push(Loss::approximated("custom tool", path));
        Some(Raw::from(FREE_TEXT))
    } else {
        tool.get("parameters").and_then(Json::non_null).map(raw)
    };
    let mut foreign = foreign(tool, known);
    // A custom tool's plain form is what it takes anyway.
    foreign.0.retain(|(_, key, value)| !(custom && key == "format" && value.as_str() == r#"{"type":"text"}"#));
    Ok(Tool::Function(Function {
        name: reader.need(tool, "name", path)?,
        description: reader.maybe(tool, "description", path)?,
        schema,
        strict: tool.get("strict").and_then(Json::as_bool),
        cache: tool.get("cache_control").and_then(Json::non_null).map(raw),
        foreign,
    }))
}

fn tool_choice(reader: &mut Reader, request: &mut Request, value: Json<'_>) -> Result<(), Fault> {
    let path = "tool_choice";
    let own = |request: &mut Request| request.foreign.push(HERE, path, value.raw());
    if value.kind() == Kind::String {
        request.tool_choice = Some(match &*reader.text(value, path)? {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" | "any" => ToolChoice::Any,
            _ => {
                own(request);
                return Ok(());
            }
        });
        return Ok(());
    }
    match &*reader.need(object(value, path)?, "type", path)? {
        "function" | "custom" => request.tool_choice = Some(ToolChoice::Named(reader.need(value, "name", path)?)),
        "allowed_tools" => {
            let required = match &*reader.need(value, "mode", path)? {
                "auto" => false,
                "required" => true,
                _ => {
                    return Err(Fault::invalid("tool_choice.mode", "`tool_choice.mode` must be `auto` or `required`."));
                }
            };
            let tools = value.get("tools").unwrap_or(Json::NULL);
            let mut names = Vec::new();
            for (index, tool) in array(tools, "tool_choice.tools")?.enumerate() {
                let named = tool.get("type").is_some_and(|kind| kind.is("function") || kind.is("custom"));
                if !named {
                    // One of the provider's own tools: the choice stays this dialect's.
                    own(request);
                    return Ok(());
                }
                names.push(reader.need(tool, "name", &format!("tool_choice.tools[{index}]"))?);
            }
            request.tool_choice = Some(ToolChoice::Allowed { required, names });
        }
        _ => own(request),
    }
    Ok(())
}

/// Members of a nested object beyond those known, under a dotted key.
fn nested(request: &mut Request, key: &str, value: Json<'_>, known: &[&str]) {
    for (dialect, name, raw) in foreign(value, known).iter() {
        request.foreign.push(dialect, &format!("{key}.{name}"), raw);
    }
}

fn whole(value: Json<'_>, path: &str) -> Result<u64, Fault> {
    must(value.as_u64(), path, "a whole number, 0 or more")
}

#[cfg(test)]
mod tests;
