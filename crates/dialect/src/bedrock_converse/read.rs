//! Requests of this dialect to the IR.

use wire::json::{Document, Json, Kind};

use super::block::{Reader, mark, proofs};
use super::peek;
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::foreign::Foreign;
use crate::ir::request::{Effort, Format, Message, Request, Role};
use crate::ir::tool::{Function, Tool, ToolChoice};
use crate::loss::{Loss, Lossy};
use crate::members::{self, array, must, number, object, raw};
use crate::peek::Said;

const HERE: DialectId = DialectId::BedrockConverse;

/// Reads a request, with what its path said.
///
/// # Errors
/// `invalid_request` with the path of what is not as the dialect says.
pub(super) fn read(body: &Document, said: Said<'_>) -> Result<Lossy<Request>, Fault> {
    let model = peek::model(body, said).ok_or_else(|| Fault::invalid("model", "The path names no model to ask."))?;
    let mut reader = Reader { model: String::new(), proofs: Some(proofs(&model)), losses: Vec::new() };
    let stream = said.stream.unwrap_or(false);
    let mut request = Request { model: model.into_owned(), stream, ..Request::default() };
    if body.get("messages").is_none() {
        return Err(Fault::invalid("messages", "`messages` is missing."));
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
    match key {
        "system" => request.system = reader.content(value, key, false)?,
        "messages" => request.messages = messages(reader, value)?,
        "inferenceConfig" => config(reader, request, object(value, key)?)?,
        "toolConfig" => tools(reader, request, object(value, key)?)?,
        "outputConfig" => match value.get("textFormat").filter(|_| value.members().count() == 1) {
            Some(format) => request.format = text_format(reader, format)?,
            None => request.foreign.push(HERE, key, value.raw()),
        },
        "additionalModelRequestFields" => more(request, object(value, key)?),
        "serviceTier" => match value.get("type").and_then(Json::as_str).filter(|_| value.members().count() == 1) {
            Some(tier) => request.tier = Some(tier.into_owned()),
            None => request.foreign.push(HERE, key, value.raw()),
        },
        // The stop text, which other dialects always tell.
        "additionalModelResponseFieldPaths" if value.raw() == STOP_TEXT => {}
        // Controls of routing, read by the gateway itself.
        "model" | "provider" | "models" => {}
        "usage" if value.get("include").is_some() => {}
        _ => request.foreign.push(HERE, key, value.raw()),
    }
    Ok(())
}

/// Asks for the stop text that ended an answer.
pub(super) const STOP_TEXT: &str = r#"["/stop_sequence"]"#;

fn messages(reader: &mut Reader, list: Json<'_>) -> Result<Vec<Message>, Fault> {
    let mut messages = Vec::new();
    for (index, message) in array(list, "messages")?.enumerate() {
        let path = format!("messages[{index}]");
        object(message, &path)?;
        let role = match &*reader.need(message, "role", &path)? {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            _ => {
                let path = format!("{path}.role");
                return Err(Fault::invalid(&path, format!("`{path}` must be `user` or `assistant`.")));
            }
        };
        let at = format!("{path}.content");
        let content = message.get("content").and_then(Json::non_null);
        let content = content.ok_or_else(|| Fault::invalid(&at, format!("`{at}` is missing.")))?;
        let parts = reader.content(content, &at, role == Role::User)?;
        messages.push(Message { role, parts, name: None, foreign: foreign(message, &["role", "content"]) });
    }
    Ok(messages)
}

fn foreign(object: Json<'_>, known: &[&str]) -> Foreign {
    members::foreign(HERE, object, |key, _| known.contains(&key))
}

fn config(reader: &mut Reader, request: &mut Request, config: Json<'_>) -> Result<(), Fault> {
    let sampling = &mut request.sampling;
    for (key, value) in config.members().filter(|(_, value)| !value.is_null()) {
        let path = format!("inferenceConfig.{key}");
        match &*key {
            "maxTokens" => sampling.max_output = Some(must(value.as_u64(), &path, "a whole number")?),
            "temperature" => sampling.temperature = Some(number(value, &path)?),
            "topP" => sampling.top_p = Some(number(value, &path)?),
            "stopSequences" => {
                for (index, text) in array(value, &path)?.enumerate() {
                    sampling.stop.push(reader.text(text, &format!("{path}[{index}]"))?);
                }
            }
            _ => request.foreign.push(HERE, &path, value.raw()),
        }
    }
    Ok(())
}

/// What only some models know: thinking and `top_k` have their place, all else stays this dialect's own.
fn more(request: &mut Request, fields: Json<'_>) {
    for (key, value) in fields.members().filter(|(_, value)| !value.is_null()) {
        let known = match &*key {
            "top_k" => value.as_number().map(|top_k| request.sampling.top_k = Some(top_k.into())),
            "inferenceConfig" => only(value, "topK").and_then(Json::as_number).map(|top_k| {
                request.sampling.top_k = Some(top_k.into());
            }),
            "reasoning_config" if value.kind() == Kind::String => level(value, request.effort.get_or_insert_default()),
            "thinking" | "reasoning_config" => thinking(value, request.effort.get_or_insert_default()),
            "reasoningConfig" => nova(value, request.effort.get_or_insert_default()),
            "reasoning_effort" => level(value, request.effort.get_or_insert_default()),
            "output_config" => {
                only(value, "effort").and_then(|value| level(value, request.effort.get_or_insert_default()))
            }
            _ => None,
        };
        if known.is_none() {
            request.foreign.push(HERE, &format!("additionalModelRequestFields.{key}"), value.raw());
        }
    }
    if request.effort == Some(Effort::default()) {
        request.effort = None;
    }
}

/// A member that stands alone in its object.
fn only<'a>(object: Json<'a>, name: &str) -> Option<Json<'a>> {
    object.get(name).filter(|_| object.members().count() == 1)
}

fn level(value: Json<'_>, effort: &mut Effort) -> Option<()> {
    effort.level = Some(value.as_str()?.into_owned());
    Some(())
}

/// A Claude's thinking; `None` for ways other than those known.
fn thinking(value: Json<'_>, effort: &mut Effort) -> Option<()> {
    let kind = value.get("type").and_then(Json::as_str)?;
    let members = value.members().count();
    match &*kind {
        "enabled" => {
            let budget = value.get("budget_tokens").and_then(Json::as_u64);
            if members != 1 + usize::from(budget.is_some()) {
                return None;
            }
            (effort.enabled, effort.budget) = (Some(true), budget);
        }
        "adaptive" if members == 1 => (effort.enabled, effort.adaptive) = (Some(true), true),
        "disabled" if members == 1 => effort.enabled = Some(false),
        _ => return None,
    }
    Some(())
}

/// A Nova's.
fn nova(value: Json<'_>, effort: &mut Effort) -> Option<()> {
    let kind = value.get("type").and_then(Json::as_str)?;
    match (&*kind, value.get("maxReasoningEffort"), value.members().count()) {
        ("disabled", None, 1) => effort.enabled = Some(false),
        ("enabled", None, 1) => effort.enabled = Some(true),
        ("enabled", Some(word), 2) => return level(word, effort),
        _ => return None,
    }
    Some(())
}

/// The form of the answer, its schema a text.
fn text_format(reader: &mut Reader, format: Json<'_>) -> Result<Option<Format>, Fault> {
    let path = "outputConfig.textFormat";
    match format.get("type").and_then(Json::as_str).as_deref() {
        Some("json_schema") => {}
        Some("text") => return Ok(Some(Format::Text)),
        _ => return Err(Fault::invalid(path, format!("`{path}.type` must be `json_schema`."))),
    }
    let path = format!("{path}.structure.jsonSchema");
    let schema = format.at(&["structure", "jsonSchema"]).unwrap_or(Json::NULL);
    object(schema, &path)?;
    let text = reader.need(schema, "schema", &path)?;
    let valid = Json::parse(&text).is_ok_and(|schema| matches!(schema.kind(), Kind::Object | Kind::Bool));
    must(valid.then_some(()), &format!("{path}.schema"), "a schema in a string")?;
    let mut word = |name: &str| match schema.get(name).and_then(Json::non_null) {
        Some(value) => reader.text(value, &format!("{path}.{name}")).map(Some),
        None => Ok(None),
    };
    let (name, description) = (word("name")?, word("description")?);
    Ok(Some(Format::JsonSchema { name, description, schema: text.into(), strict: Some(true) }))
}

fn tools(reader: &mut Reader, request: &mut Request, config: Json<'_>) -> Result<(), Fault> {
    for (key, value) in config.members().filter(|(_, value)| !value.is_null()) {
        match &*key {
            "tools" => {
                for (index, each) in array(value, "toolConfig.tools")?.enumerate() {
                    tool(reader, request, each, &format!("toolConfig.tools[{index}]"))?;
                }
            }
            "toolChoice" => request.tool_choice = choice(reader, object(value, "toolConfig.toolChoice")?)?,
            _ => request.foreign.push(HERE, &format!("toolConfig.{key}"), value.raw()),
        }
    }
    Ok(())
}

fn tool(reader: &mut Reader, request: &mut Request, tool: Json<'_>, path: &str) -> Result<(), Fault> {
    object(tool, path)?;
    if let Some(mark) = only(tool, "cachePoint").and_then(mark)
        && let Some(Tool::Function(last)) = request.tools.last_mut()
        && last.cache.is_none()
    {
        last.cache = Some(mark);
        return Ok(());
    }
    let Some(spec) = only(tool, "toolSpec").filter(|spec| spec.kind() == Kind::Object) else {
        let kind = tool.members().next().map_or_else(|| "tool".to_owned(), |(key, _)| key.into_owned());
        request.tools.push(Tool::Foreign { dialect: HERE, kind, raw: tool.raw().into() });
        return Ok(());
    };
    let path = format!("{path}.toolSpec");
    let description = match spec.get("description").and_then(Json::non_null) {
        Some(text) => Some(reader.text(text, &format!("{path}.description"))?),
        None => None,
    };
    request.tools.push(Tool::Function(Function {
        name: reader.need(spec, "name", &path)?,
        description,
        schema: spec.at(&["inputSchema", "json"]).and_then(Json::non_null).map(raw),
        strict: spec.get("strict").and_then(Json::as_bool),
        cache: None,
        foreign: foreign(spec, &["name", "description", "inputSchema", "strict"]),
    }));
    Ok(())
}

fn choice(reader: &mut Reader, choice: Json<'_>) -> Result<Option<ToolChoice>, Fault> {
    let path = "toolConfig.toolChoice";
    let Some((key, value)) = choice.members().find(|(_, value)| !value.is_null()) else { return Ok(None) };
    Ok(Some(match &*key {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Any,
        "tool" => ToolChoice::Named(reader.need(value, "name", &format!("{path}.tool"))?),
        _ => {
            reader.losses.push(Loss::dropped("tool_choice", "tool_choice"));
            return Ok(None);
        }
    }))
}
