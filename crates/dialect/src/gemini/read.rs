//! Requests of this dialect to the IR. What refers to contents that Google keeps is refused.

use std::borrow::Cow;

use wire::json::{Document, Json, Kind};

use super::member::{camel, foreign, get, list, word};
use super::part::Reader;
use super::{peek, schema};
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::foreign::Raw;
use crate::ir::request::{Effort, Format, Message, Request, Role};
use crate::ir::tool::{Function, Tool, ToolChoice};
use crate::loss::Lossy;
use crate::members::{self, must, object};
use crate::peek::Said;

const HERE: DialectId = DialectId::Gemini;

/// Where the IR keeps the mode `VALIDATED`, which promises more than its `auto`.
pub(super) const VALIDATED: &str = "toolConfig.functionCallingConfig.mode";

/// Reads a request.
///
/// # Errors
/// `invalid_request` with the path of what is not as the dialect says.
pub(super) fn read(body: &Document, said: Said<'_>) -> Result<Lossy<Request>, Fault> {
    let mut reader = Reader::default();
    let mut request = Request {
        model: peek::model(body, said).map(Cow::into_owned).unwrap_or_default(),
        stream: said.stream.unwrap_or(false),
        ..Request::default()
    };
    if !body.members().any(|(key, _)| key == "contents") {
        return Err(Fault::invalid("contents", "`contents` is missing."));
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
    match &*camel(key) {
        "model" => {}
        "contents" => request.messages = contents(reader, value)?,
        "systemInstruction" => {
            request.system = match value.kind() {
                Kind::String => vec![crate::ir::part::Part::text(reader.text(value, key)?)],
                _ => match get(object(value, key)?, "parts") {
                    Some(parts) => reader.parts(parts, "systemInstruction.parts")?,
                    None => Vec::new(),
                },
            };
        }
        "tools" => {
            for (index, tool) in list(value, key)?.into_iter().enumerate() {
                self::tool(reader, tool, &format!("tools[{index}]"), &mut request.tools)?;
            }
        }
        "toolConfig" => tool_config(reader, request, object(value, key)?)?,
        "generationConfig" => config(reader, request, object(value, key)?)?,
        "serviceTier" => {
            let tier = reader.text(value, key)?.to_ascii_lowercase();
            request.tier = match tier.as_str() {
                "" | "unspecified" | "service_tier_unspecified" => None,
                // What other dialects call the default.
                "standard" => Some("default".to_owned()),
                _ => Some(tier),
            };
        }
        "cachedContent" => {
            let message = "`cachedContent` names what one account at Google keeps: only a target of Google's own \
                           dialect can read it.";
            return Err(Fault::invalid("cachedContent", message));
        }
        // Controls of routing, read by the gateway itself.
        "provider" | "models" => {}
        "usage" if value.get("include").is_some() => {}
        _ => request.foreign.push(HERE, key, value.raw()),
    }
    Ok(())
}

fn contents(reader: &mut Reader, value: Json<'_>) -> Result<Vec<Message>, Fault> {
    let mut messages = Vec::new();
    for (index, content) in list(value, "contents")?.into_iter().enumerate() {
        let path = format!("contents[{index}]");
        object(content, &path)?;
        let role = match &*reader.maybe(content, "role", &path)? {
            "user" | "" => Role::User,
            "model" => Role::Assistant,
            "function" | "tool" => Role::Tool,
            "system" => Role::System,
            _ => {
                let path = format!("{path}.role");
                return Err(Fault::invalid(&path, format!("`{path}` must be `user` or `model`.")));
            }
        };
        let parts = match get(content, "parts") {
            Some(parts) => reader.parts(parts, &format!("{path}.parts"))?,
            None => Vec::new(),
        };
        messages.push(Message { role, parts, name: None, foreign: foreign(content, &["role", "parts"]) });
    }
    Ok(messages)
}

/// One of `tools`: declarations of functions, and tools that run at Google.
fn tool(reader: &mut Reader, value: Json<'_>, path: &str, out: &mut Vec<Tool>) -> Result<(), Fault> {
    object(value, path)?;
    let mut own = Vec::new();
    for (key, member) in value.members().filter(|(_, member)| !member.is_null()) {
        let name = camel(key);
        if name != "functionDeclarations" {
            own.push((name.into_owned(), member));
            continue;
        }
        let path = format!("{path}.functionDeclarations");
        for (index, function) in list(member, &path)?.into_iter().enumerate() {
            out.push(Tool::Function(self::function(reader, function, &format!("{path}[{index}]"))?));
        }
    }
    for (kind, member) in own {
        let raw = format!("{{\"{kind}\":{}}}", member.raw());
        // A key that needs escapes names no tool.
        if Json::parse(&raw).is_ok() {
            out.push(Tool::Foreign { dialect: HERE, kind, raw: raw.into() });
        }
    }
    Ok(())
}

fn function(reader: &mut Reader, value: Json<'_>, path: &str) -> Result<Function, Fault> {
    object(value, path)?;
    let schema = match (get(value, "parametersJsonSchema"), get(value, "parameters")) {
        (Some(schema), _) => Some(schema.raw().into()),
        (None, Some(subset)) => Some(schema::from_subset(subset).into()),
        (None, None) => None,
    };
    Ok(Function {
        name: reader.need(value, "name", path)?,
        description: match get(value, "description") {
            Some(text) => Some(reader.text(text, &format!("{path}.description"))?),
            None => None,
        },
        schema,
        strict: None,
        cache: None,
        foreign: foreign(value, &["name", "description", "parameters", "parametersJsonSchema"]),
    })
}

fn tool_config(reader: &mut Reader, request: &mut Request, value: Json<'_>) -> Result<(), Fault> {
    let path = "toolConfig.functionCallingConfig";
    if let Some(calling) = get(value, "functionCallingConfig") {
        object(calling, path)?;
        let mut names = Vec::new();
        if let Some(allowed) = get(calling, "allowedFunctionNames") {
            for name in allowed.items() {
                names.push(reader.text(name, &format!("{path}.allowedFunctionNames"))?);
            }
        }
        let mode = reader.maybe(calling, "mode", path)?.to_ascii_uppercase();
        request.tool_choice = match (mode.as_str(), names.as_slice()) {
            ("ANY", []) => Some(ToolChoice::Any),
            ("ANY", [only]) => Some(ToolChoice::Named(only.clone())),
            ("ANY", _) => Some(ToolChoice::Allowed { required: true, names }),
            ("NONE", _) => Some(ToolChoice::None),
            ("AUTO" | "VALIDATED" | "MODE_UNSPECIFIED" | "", [_, ..]) => {
                Some(ToolChoice::Allowed { required: false, names })
            }
            ("AUTO" | "MODE_UNSPECIFIED", []) => Some(ToolChoice::Auto),
            ("VALIDATED", []) => {
                request.foreign.push(HERE, VALIDATED, "\"VALIDATED\"");
                Some(ToolChoice::Auto)
            }
            ("", []) => None,
            _ => {
                let path = format!("{path}.mode");
                return Err(Fault::invalid(&path, format!("`{path}` must be AUTO, ANY, NONE or VALIDATED.")));
            }
        };
        nested(request, path, calling, &["mode", "allowedFunctionNames"]);
    }
    nested(request, "toolConfig", value, &["functionCallingConfig"]);
    Ok(())
}

fn config(reader: &mut Reader, request: &mut Request, value: Json<'_>) -> Result<(), Fault> {
    let at = |name: &str| format!("generationConfig.{name}");
    let number = |name: &str| -> Result<Option<Raw>, Fault> {
        get(value, name).map(|value| members::number(value, &at(name))).transpose()
    };
    let whole = |name: &str| -> Result<Option<u64>, Fault> {
        get(value, name).map(|value| must(value.as_u64(), &at(name), "a whole number")).transpose()
    };
    let sampling = &mut request.sampling;
    sampling.max_output = whole("maxOutputTokens")?;
    sampling.temperature = number("temperature")?;
    sampling.top_p = number("topP")?;
    sampling.top_k = number("topK")?;
    sampling.seed = number("seed")?;
    sampling.frequency_penalty = number("frequencyPenalty")?;
    sampling.presence_penalty = number("presencePenalty")?;
    sampling.choices = whole("candidateCount")?;
    sampling.logprobs = get(value, "responseLogprobs").and_then(Json::as_bool);
    sampling.top_logprobs = whole("logprobs")?;
    for text in get(value, "stopSequences").unwrap_or(Json::NULL).items() {
        sampling.stop.push(reader.text(text, &at("stopSequences"))?);
    }
    form(request, value);
    let mut known = vec![
        "maxOutputTokens",
        "temperature",
        "topP",
        "topK",
        "seed",
        "frequencyPenalty",
        "presencePenalty",
        "candidateCount",
        "responseLogprobs",
        "logprobs",
        "stopSequences",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
        "thinkingConfig",
    ];
    if !matches!(&*word(value, "responseMimeType"), "" | "text/plain" | "application/json") {
        // A form of this dialect's own (`text/x.enum`), with its schema.
        request.format = None;
        known.retain(|name| !matches!(*name, "responseMimeType" | "responseSchema" | "responseJsonSchema"));
    }
    let texts = get(value, "responseModalities").is_some_and(|modes| modes.items().all(|mode| mode.is("TEXT")));
    if texts {
        known.push("responseModalities");
    }
    if let Some(thinking) = get(value, "thinkingConfig") {
        effort(reader, request, object(thinking, &at("thinkingConfig"))?)?;
    }
    nested(request, "generationConfig", value, &known);
    Ok(())
}

/// The form of the answer. The provider always holds the answer to a schema.
fn form(request: &mut Request, config: Json<'_>) {
    let schema = match (get(config, "responseJsonSchema"), get(config, "responseSchema")) {
        (Some(schema), _) => Some(schema.raw().to_owned()),
        (None, subset) => subset.map(schema::from_subset),
    };
    let json = word(config, "responseMimeType") == "application/json";
    request.format = match schema {
        Some(schema) => {
            Some(Format::JsonSchema { name: None, description: None, schema: schema.into(), strict: Some(true) })
        }
        None if json => Some(Format::JsonObject),
        None => None,
    };
}

/// How much to think: no budget, one that the model chooses (-1), a number of tokens, or a level.
fn effort(reader: &mut Reader, request: &mut Request, value: Json<'_>) -> Result<(), Fault> {
    let path = "generationConfig.thinkingConfig";
    let mut effort = Effort::default();
    let shown = get(value, "includeThoughts").and_then(Json::as_bool);
    match get(value, "thinkingBudget") {
        None => {}
        Some(budget) if budget.raw() == "-1" => (effort.enabled, effort.adaptive) = (Some(true), true),
        Some(budget) => {
            let at = format!("{path}.thinkingBudget");
            match must(budget.as_u64(), &at, "a whole number")? {
                0 => effort.enabled = Some(false),
                budget => (effort.enabled, effort.budget) = (Some(true), Some(budget)),
            }
        }
    }
    let level = reader.maybe(value, "thinkingLevel", path)?.to_ascii_lowercase();
    if !matches!(level.as_str(), "" | "thinking_level_unspecified") {
        effort.level = Some(level);
    }
    if shown == Some(true) && effort == Effort::default() {
        effort.enabled = Some(true);
    }
    if effort != Effort::default() {
        request.effort = Some(effort);
    }
    nested(request, path, value, &["thinkingBudget", "thinkingLevel", "includeThoughts"]);
    Ok(())
}

/// Members of a nested object beyond those known, under a dotted key.
fn nested(request: &mut Request, key: &str, value: Json<'_>, known: &[&str]) {
    for (dialect, name, raw) in foreign(value, known).iter() {
        request.foreign.push(dialect, &format!("{key}.{name}"), raw);
    }
}

#[cfg(test)]
mod tests;
