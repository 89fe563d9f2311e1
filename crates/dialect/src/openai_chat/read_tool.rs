//! Tools, their choice, the form of the answer and how much to think.

use std::borrow::Cow;

use wire::json::{Json, Kind};

use super::read_part::{Notes, foreign};
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::request::{Effort, Format};
use crate::ir::tool::{Function, Tool, ToolChoice};
use crate::loss::Loss;

fn text(object: Json<'_>, name: &str) -> Option<String> {
    object.get(name).and_then(Json::as_str).map(Cow::into_owned)
}

/// Reads one of `tools`.
///
/// # Errors
/// A function without a name.
pub(super) fn tool(item: Json<'_>, path: &str, notes: &mut Notes) -> Result<Tool, Fault> {
    let kind = text(item, "type").unwrap_or_else(|| "function".to_owned());
    if kind != "function" {
        return Ok(Tool::Foreign { dialect: DialectId::OpenAiChat, kind, raw: item.raw().into() });
    }
    let inner = item.get("function").unwrap_or(Json::NULL);
    let mut function = function(inner, &format!("{path}.function"), notes)?;
    function.cache = item.get("cache_control").and_then(Json::non_null).map(|mark| mark.raw().into());
    for (_, key, _) in foreign(item, &["type", "function", "cache_control"]).iter() {
        notes.losses.push(Loss::dropped(key.to_owned(), path));
    }
    Ok(Tool::Function(function))
}

/// Reads a function: of a tool, or one of the older `functions`.
///
/// # Errors
/// No name.
pub(super) fn function(inner: Json<'_>, path: &str, notes: &mut Notes) -> Result<Function, Fault> {
    let description = match inner.get("description").and_then(Json::non_null) {
        Some(value) => Some(notes.text(value, &format!("{path}.description"))?),
        None => None,
    };
    Ok(Function {
        name: notes.text(inner.get("name").unwrap_or(Json::NULL), &format!("{path}.name"))?,
        description,
        schema: inner.get("parameters").and_then(Json::non_null).map(|schema| schema.raw().into()),
        strict: inner.get("strict").and_then(Json::as_bool),
        cache: None,
        foreign: foreign(inner, &["name", "description", "parameters", "strict"]),
    })
}

/// Reads `tool_choice` or the older `function_call`; `None` for a form that only this dialect knows.
pub(super) fn choice(value: Json<'_>) -> Option<ToolChoice> {
    if let Some(word) = value.as_str() {
        return match &*word {
            "auto" => Some(ToolChoice::Auto),
            "required" | "any" => Some(ToolChoice::Any),
            "none" => Some(ToolChoice::None),
            _ => None,
        };
    }
    let kind = text(value, "type");
    match kind.as_deref() {
        Some("function") => value.get("function").and_then(|function| text(function, "name")).map(ToolChoice::Named),
        Some("allowed_tools") => {
            let inner = value.get("allowed_tools").unwrap_or(value);
            let mut names = Vec::new();
            for tool in inner.get("tools")?.items() {
                names.push(text(tool.get("function").unwrap_or(tool), "name")?);
            }
            Some(ToolChoice::Allowed { required: inner.get("mode").is_some_and(|mode| mode.is("required")), names })
        }
        None => text(value, "name").map(ToolChoice::Named),
        Some(_) => None,
    }
}

/// Reads `response_format`; `None` for a form that only this dialect knows.
pub(super) fn format(value: Json<'_>) -> Option<Format> {
    match text(value, "type").as_deref()? {
        "text" => Some(Format::Text),
        "json_object" => Some(Format::JsonObject),
        "json_schema" => {
            let inner = value.get("json_schema")?;
            Some(Format::JsonSchema {
                name: text(inner, "name"),
                description: text(inner, "description"),
                schema: inner.get("schema").unwrap_or_else(|| empty()).raw().into(),
                strict: inner.get("strict").and_then(Json::as_bool),
            })
        }
        _ => None,
    }
}

fn empty() -> Json<'static> {
    Json::parse("{}").unwrap_or(Json::NULL)
}

/// Adds what one member says of how much to think; false where it is no such member.
pub(super) fn effort(key: &str, value: Json<'_>, effort: &mut Effort, notes: &mut Notes) -> bool {
    match key {
        "reasoning_effort" => level(value, effort),
        "reasoning" if value.kind() == Kind::Object => {
            for (key, value) in value.members() {
                match &*key {
                    "effort" => level(value, effort),
                    "max_tokens" => effort.budget = value.as_u64(),
                    "enabled" => effort.enabled = value.as_bool(),
                    _ if value.is_null() => {}
                    other => notes.losses.push(Loss::dropped(format!("reasoning.{other}"), "reasoning")),
                }
            }
        }
        "thinking" if value.kind() == Kind::Object => {
            match text(value, "type").as_deref() {
                Some("disabled") => effort.enabled = Some(false),
                Some("adaptive") => effort.adaptive = true,
                _ => effort.enabled = Some(true),
            }
            effort.budget = value.get("budget_tokens").and_then(Json::as_u64).or(effort.budget);
        }
        "enable_thinking" => effort.enabled = value.as_bool(),
        "thinking_budget" => effort.budget = value.as_u64(),
        _ => return false,
    }
    true
}

fn level(value: Json<'_>, effort: &mut Effort) {
    match value.as_str() {
        Some(word) if word == "none" => effort.enabled = Some(false),
        Some(word) => effort.level = Some(word.into_owned()),
        None => {}
    }
}
