//! Requests of this dialect to the IR.

mod message;
mod part;

use wire::json::{Document, Json, Kind};

use self::part::{Reader, foreign, mark};
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::request::{Effort, Format, Request};
use crate::ir::tool::{Function, Tool, ToolChoice};
use crate::loss::{Loss, Lossy};
use crate::members::{array, flag, must, number, object, raw};

const HERE: DialectId = DialectId::OpenAiChat;

/// The name of a schema that stands for none, since the dialect wants one.
pub(super) const NO_NAME: &str = "response";
pub(super) use self::part::NO_FILE_NAMES;

/// Reads a request.
///
/// # Errors
/// `invalid_request` with the path of what is not as the dialect says.
pub(super) fn request(body: &Document) -> Result<Lossy<Request>, Fault> {
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
    twofold(&mut reader, &mut request, body)?;
    Ok(Lossy { value: request, losses: reader.losses })
}

/// One top-level member.
fn member(reader: &mut Reader, request: &mut Request, key: &str, value: Json<'_>) -> Result<(), Fault> {
    let sampling = &mut request.sampling;
    match key {
        "model" => request.model = reader.text(value, key)?,
        "messages" => request.messages = message::read(reader, value)?,
        "temperature" => sampling.temperature = Some(number(value, key)?),
        "top_p" => sampling.top_p = Some(number(value, key)?),
        "top_k" => sampling.top_k = Some(number(value, key)?),
        "frequency_penalty" => sampling.frequency_penalty = Some(number(value, key)?),
        "presence_penalty" => sampling.presence_penalty = Some(number(value, key)?),
        "n" => sampling.choices = Some(whole(value, key)?),
        "logprobs" => sampling.logprobs = Some(flag(value, key)?),
        "top_logprobs" => sampling.top_logprobs = Some(whole(value, key)?),
        "stop" if value.kind() == Kind::String => sampling.stop.push(reader.text(value, key)?),
        "stop" => {
            for (index, text) in array(value, key)?.enumerate() {
                sampling.stop.push(reader.text(text, &format!("{key}[{index}]"))?);
            }
        }
        "stream" => request.stream = flag(value, key)?,
        "service_tier" => request.tier = Some(reader.text(value, key)?),
        "response_format" => request.format = format(reader, request, value)?,
        "parallel_tool_calls" => request.parallel_tools = Some(flag(value, key)?),
        "tools" => {
            for (index, tool) in array(value, key)?.enumerate() {
                let tool = self::tool(reader, tool, &format!("tools[{index}]"))?;
                request.tools.push(tool);
            }
        }
        "functions" => {
            for (index, each) in array(value, key)?.enumerate() {
                let function = function(reader, each, &format!("functions[{index}]"))?;
                request.tools.push(Tool::Function(function));
            }
        }
        "tool_choice" | "function_call" => choice(reader, request, key, value)?,
        "reasoning_effort" | "reasoning" | "thinking" | "enable_thinking" | "thinking_budget" => {
            effort(reader, request, key, value)?;
        }
        // Two words for one thing each.
        "max_completion_tokens" | "max_tokens" | "seed" | "random_seed" | "safety_identifier" | "user" => {}
        // Controls of routing, read by the gateway itself, and of how the answer is delivered.
        "provider" | "models" | "usage" | "stream_options" | "prompt_cache_key" => {}
        _ => request.foreign.push(HERE, key, value.raw()),
    }
    Ok(())
}

/// Members with two names: the newer one counts, and that the other differs is named.
fn twofold(reader: &mut Reader, request: &mut Request, body: &Document) -> Result<(), Fault> {
    let choose = |reader: &mut Reader, newer: &'static str, older: &'static str| {
        let get = |name: &'static str| body.get(name).and_then(Json::non_null).map(|value| (name, value));
        let (first, second) = (get(newer), get(older));
        if let (Some((_, first)), Some((_, second))) = (first, second)
            && first != second
        {
            reader.losses.push(Loss::dropped(older, older));
        }
        first.or(second)
    };
    if let Some((key, value)) = choose(reader, "max_completion_tokens", "max_tokens") {
        request.sampling.max_output = Some(whole(value, key)?);
    }
    if let Some((key, value)) = choose(reader, "seed", "random_seed") {
        request.sampling.seed = Some(number(value, key)?);
    }
    if let Some((key, value)) = choose(reader, "safety_identifier", "user") {
        request.user = Some(reader.text(value, key)?);
    }
    Ok(())
}

/// The form of the answer; one of a kind not known stays this dialect's own.
fn format(reader: &mut Reader, request: &mut Request, value: Json<'_>) -> Result<Option<Format>, Fault> {
    let key = "response_format";
    Ok(match &*reader.need(object(value, key)?, "type", key)? {
        "text" => Some(Format::Text),
        "json_object" => {
            reader.only(value, &["type"], key);
            Some(Format::JsonObject)
        }
        "json_schema" => {
            let at = "response_format.json_schema";
            let inner = object(value.get("json_schema").unwrap_or(Json::NULL), at)?;
            let path = "response_format.json_schema.schema";
            let schema = inner.get("schema").filter(|schema| matches!(schema.kind(), Kind::Object | Kind::Bool));
            let schema = schema.ok_or_else(|| Fault::invalid(path, format!("`{path}` must be a schema.")))?;
            reader.only(inner, &["name", "description", "schema", "strict"], at);
            let strict = inner.get("strict").and_then(Json::non_null);
            Some(Format::JsonSchema {
                name: reader.maybe(inner, "name", at)?.filter(|name| name != NO_NAME),
                description: reader.maybe(inner, "description", at)?,
                schema: raw(schema),
                strict: strict.map(|strict| flag(strict, "response_format.json_schema.strict")).transpose()?,
            })
        }
        _ => {
            request.foreign.push(HERE, key, value.raw());
            None
        }
    })
}

fn tool(reader: &mut Reader, tool: Json<'_>, path: &str) -> Result<Tool, Fault> {
    object(tool, path)?;
    let kind = reader.maybe(tool, "type", path)?.unwrap_or_else(|| "function".to_owned());
    if kind != "function" {
        return Ok(Tool::Foreign { dialect: HERE, kind, raw: raw(tool) });
    }
    let at = format!("{path}.function");
    let inner = tool.get("function").ok_or_else(|| Fault::invalid(&at, format!("`{at}` is missing.")))?;
    let mut function = function(reader, inner, &at)?;
    function.cache = mark(tool).or(function.cache);
    function.foreign = foreign(tool, &["type", "function", "cache_control"]);
    Ok(Tool::Function(function))
}

fn function(reader: &mut Reader, value: Json<'_>, path: &str) -> Result<Function, Fault> {
    object(value, path)?;
    reader.only(value, &["name", "description", "parameters", "strict", "cache_control"], path);
    let strict = value.get("strict").and_then(Json::non_null);
    Ok(Function {
        name: reader.need(value, "name", path)?,
        description: reader.maybe(value, "description", path)?,
        schema: value.get("parameters").and_then(Json::non_null).map(raw),
        strict: strict.map(|strict| flag(strict, &format!("{path}.strict"))).transpose()?,
        cache: mark(value),
        foreign: Default::default(),
    })
}

/// Which tools to call.
fn choice(reader: &mut Reader, request: &mut Request, key: &str, value: Json<'_>) -> Result<(), Fault> {
    if value.kind() == Kind::String {
        request.tool_choice = Some(match &*reader.text(value, key)? {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" | "any" => ToolChoice::Any,
            _ => return Err(Fault::invalid(key, format!("`{key}` must be `auto`, `none`, `required` or an object."))),
        });
        return Ok(());
    }
    object(value, key)?;
    if key == "function_call" {
        request.tool_choice = Some(ToolChoice::Named(reader.need(value, "name", key)?));
        return Ok(());
    }
    // Clients of Hugging Face leave the type out.
    let kind = match value.get("type") {
        None if value.get("function").is_some() => "function".to_owned(),
        _ => reader.need(value, "type", key)?,
    };
    request.tool_choice = Some(match kind.as_str() {
        "auto" => ToolChoice::Auto,
        "none" => ToolChoice::None,
        "required" | "any" => ToolChoice::Any,
        "function" => {
            let at = "tool_choice.function";
            let function = object(value.get("function").unwrap_or(Json::NULL), at)?;
            ToolChoice::Named(reader.need(function, "name", at)?)
        }
        "allowed_tools" => return allowed(reader, request, value),
        _ => {
            request.foreign.push(HERE, key, value.raw());
            return Ok(());
        }
    });
    Ok(())
}

/// A choice among some of the tools; where one of them is no function, it stays this dialect's own.
fn allowed(reader: &mut Reader, request: &mut Request, value: Json<'_>) -> Result<(), Fault> {
    let at = "tool_choice.allowed_tools";
    let allowed = object(value.get("allowed_tools").unwrap_or(Json::NULL), at)?;
    let required = match &*reader.need(allowed, "mode", at)? {
        "auto" => false,
        "required" => true,
        _ => {
            let path = format!("{at}.mode");
            return Err(Fault::invalid(&path, format!("`{path}` must be `auto` or `required`.")));
        }
    };
    let at = format!("{at}.tools");
    let tools = allowed.get("tools").ok_or_else(|| Fault::invalid(&at, format!("`{at}` is missing.")))?;
    let mut names = Vec::new();
    for (index, tool) in array(tools, &at)?.enumerate() {
        let Some(function) = tool.get("function") else {
            request.foreign.push(HERE, "tool_choice", value.raw());
            return Ok(());
        };
        names.push(reader.need(function, "name", &format!("{at}[{index}].function"))?);
    }
    request.tool_choice = Some(ToolChoice::Allowed { required, names });
    Ok(())
}

/// How much to think, in any of the forms that servers take.
fn effort(reader: &mut Reader, request: &mut Request, key: &str, value: Json<'_>) -> Result<(), Fault> {
    let mut effort = request.effort.take().unwrap_or_default();
    match key {
        "reasoning_effort" => level(&mut effort, reader.text(value, key)?),
        "enable_thinking" => effort.enabled = Some(flag(value, key)?),
        "thinking_budget" => effort.budget = Some(whole(value, key)?),
        "reasoning" => {
            let get = |name: &str| object(value, key).map(|value| value.get(name).and_then(Json::non_null));
            if let Some(enabled) = get("enabled")? {
                effort.enabled = Some(flag(enabled, "reasoning.enabled")?);
            }
            if let Some(budget) = get("max_tokens")? {
                effort.budget = Some(whole(budget, "reasoning.max_tokens")?);
            }
            if let Some(word) = get("effort")? {
                level(&mut effort, reader.text(word, "reasoning.effort")?);
            }
            reader.only(value, &["enabled", "max_tokens", "effort"], key);
        }
        _ => {
            match reader.maybe(object(value, key)?, "type", key)?.as_deref() {
                Some("enabled") => effort.enabled = Some(true),
                Some("disabled") => effort.enabled = Some(false),
                Some("adaptive") => (effort.enabled, effort.adaptive) = (Some(true), true),
                Some(_) => reader.losses.push(Loss::dropped("thinking", "thinking.type")),
                None => {}
            }
            if let Some(budget) = value.get("budget_tokens").and_then(Json::non_null) {
                effort.budget = Some(whole(budget, "thinking.budget_tokens")?);
            }
            reader.only(value, &["type", "budget_tokens"], key);
        }
    }
    request.effort = (effort != Effort::default()).then_some(effort);
    Ok(())
}

/// A level; `none` says not at all.
fn level(effort: &mut Effort, word: String) {
    if word == "none" { effort.enabled = Some(false) } else { effort.level = Some(word) }
}

fn whole(value: Json<'_>, path: &str) -> Result<u64, Fault> {
    must(value.as_u64(), path, "a whole number, 0 or more")
}

#[cfg(test)]
mod tests;
