//! Requests of the IR to this dialect.

use wire::json::{Json, Kind, Writer};

use super::params::{self, Params, Thinking};
use super::turns::{Block, Turn, Turns};
use crate::dialect::Outgoing;
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::request::{Format, Request};
use crate::ir::tool::{Function, Tool, ToolChoice};
use crate::loss::Loss;
use crate::names::Names;
use crate::object::object_schema;
use crate::quirk::Quirk;
use crate::target::Target;

const HERE: DialectId = DialectId::AnthropicMessages;

/// The version whose wire this writes: the later one refuses sampling parameters.
const VERSION: &str = "2023-06-01";

/// Longest tool name.
const LONGEST_NAME: usize = 128;

/// Writes a request for a target.
///
/// # Errors
/// `invalid_request` for a request that says nothing at all.
pub(super) fn write(request: &Request, to: &Target<'_>) -> Result<Outgoing, Fault> {
    let request = request.clone().normalize();
    if request.messages.is_empty() && request.system.is_empty() {
        return Err(Fault::invalid("messages", "`messages` is empty: say something to the model."));
    }
    let (system, turns, losses) = Default::default();
    let mut turns = Turns { model: to.model, names: Names::new(usize::MAX, LONGEST_NAME), system, turns, losses };
    for tool in &request.tools {
        if let Tool::Function(function) = tool {
            turns.names.keep(&function.name);
        }
    }
    turns.instruct(&request.system, "system");
    for (index, message) in request.messages.iter().enumerate() {
        turns.message(message, index);
    }
    begin_with_user(&mut turns);
    trim_end(&mut turns);
    let shape = Shape::of(&request, to, &mut turns);
    let mut params = params::choose(&request, to, shape.tool.is_some(), &mut turns.losses);
    if matches!(params.thinking, Thinking::Budget(_)) && !thought_before_results(&turns.turns) {
        // With a budget the turn that a tool answers must begin with its thinking, which did not come along.
        turns.lose(Loss::dropped("reasoning effort", "effort"));
        params.thinking = Thinking::Unsaid;
    }
    let mut json = Writer::with_capacity(1_024);
    json.object(|json| {
        json.key("model").str(to.model);
        json.key("max_tokens").u64(params.max_tokens);
        conversation(&turns, json);
        tools(&request, to, &shape, &params, &mut turns, json);
        knobs(&request, &shape, &params, &mut turns, json);
    });
    let losses = std::mem::take(&mut turns.losses);
    let headers = vec![("anthropic-version", VERSION.to_owned())];
    Ok(Outgoing { body: json.finish(), headers, losses, undo: turns.names.into_undo() })
}

/// The conversation must begin with the user.
fn begin_with_user(turns: &mut Turns<'_>) {
    if turns.turns.first().is_none_or(|turn| turn.assistant) {
        turns.lose(Loss::approximated("first message", "messages[0]"));
        let text = Block::Text { text: ".".to_owned(), more: Vec::new(), at: String::new() };
        let first = Turn { assistant: false, results: Vec::new(), blocks: vec![text], foreign: Vec::new() };
        turns.turns.insert(0, first);
    }
}

/// White space at the end of a last assistant turn is refused.
fn trim_end(turns: &mut Turns<'_>) {
    let last = turns.turns.last_mut().filter(|turn| turn.assistant);
    if let Some(Block::Text { text, at, .. }) = last.and_then(|turn| turn.blocks.last_mut()) {
        let kept = text.trim_end().len();
        if kept < text.len() {
            text.truncate(kept);
            let at = at.clone();
            turns.lose(Loss::approximated("trailing white space", at));
        }
    }
}

/// False where the last turn answers tool calls whose turn does not begin with thinking.
fn thought_before_results(turns: &[Turn]) -> bool {
    let [.., calls, answers] = turns else { return true };
    if answers.assistant || answers.results.is_empty() {
        return true;
    }
    let thinks = |block: &Block| match block {
        Block::Ready(text) => {
            let kind = Json::parse(text).ok().and_then(|json| json.get("type"));
            kind.is_some_and(|kind| kind.is("thinking") || kind.is("redacted_thinking"))
        }
        Block::Text { .. } => false,
    };
    calls.blocks.first().is_none_or(thinks)
}

fn conversation(turns: &Turns<'_>, json: &mut Writer) {
    content("system", &turns.system, json);
    json.key("messages").array(|json| {
        for turn in &turns.turns {
            json.object(|json| {
                json.key("role").str(if turn.assistant { "assistant" } else { "user" });
                match (turn.results.as_slice(), turn.blocks.as_slice()) {
                    ([], blocks) => content("content", blocks, json),
                    (results, blocks) => {
                        let all = results.iter().chain(blocks);
                        json.key("content").array(|json| all.for_each(|block| block.write(json)));
                    }
                }
                for (key, value) in &turn.foreign {
                    json.key(key).raw(value);
                }
            });
        }
    });
}

/// Blocks, as a string where that says the same; nothing for none.
fn content(key: &str, blocks: &[Block], json: &mut Writer) {
    match blocks {
        [] => {}
        [only] if only.plain().is_some() => {
            json.key(key).str(only.plain().unwrap_or_default());
        }
        many => {
            json.key(key).array(|json| many.iter().for_each(|block| block.write(json)));
        }
    }
}

/// How the form of the answer is held.
#[derive(Debug, Default)]
struct Shape {
    /// By the model itself: the schema.
    native: Option<String>,
    /// By a tool that it must call: name and schema.
    tool: Option<(String, String)>,
}

impl Shape {
    fn of(request: &Request, to: &Target<'_>, turns: &mut Turns<'_>) -> Self {
        let (name, schema) = match &request.format {
            None | Some(Format::Text) => return Self::default(),
            Some(Format::JsonObject) => {
                turns.lose(Loss::approximated("response_format", "format"));
                ("json_output", r#"{"type":"object"}"#)
            }
            Some(Format::JsonSchema { name, description, schema, .. }) => {
                if description.is_some() {
                    turns.lose(Loss::dropped("description", "response_format"));
                }
                if super::model::abilities(to.model).structured {
                    return Self { native: Some(schema.as_str().to_owned()), tool: None };
                }
                turns.lose(Loss::weakened("response_format", "format"));
                (name.as_deref().unwrap_or("json_output"), schema.as_str())
            }
        };
        let schema = object_schema(schema);
        Self { native: None, tool: Some((turns.names.format_tool(name), schema)) }
    }
}

/// Tools and which of them to call.
fn tools(request: &Request, to: &Target<'_>, shape: &Shape, params: &Params, turns: &mut Turns<'_>, json: &mut Writer) {
    let allowed = match &request.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) => Some(names),
        _ => None,
    };
    let mut written = Vec::new();
    for (index, tool) in request.tools.iter().enumerate() {
        match tool {
            Tool::Function(function) => {
                if allowed.is_none_or(|names| names.contains(&function.name)) {
                    written.push(self::function(function, params, &format!("tools[{index}]"), turns));
                }
            }
            Tool::Foreign { dialect: HERE, raw, .. } => written.push(raw.as_str().to_owned()),
            Tool::Foreign { kind, .. } => turns.lose(Loss::dropped(kind.clone(), format!("tools[{index}]"))),
        }
    }
    let own_tools = !written.is_empty();
    if let Some((name, schema)) = &shape.tool {
        let mut tool = Writer::new();
        tool.object(|json| {
            json.key("name").str(name);
            json.key("description").str("Gives the answer in the form asked for.");
            json.key("input_schema").raw(schema);
        });
        written.push(tool.finish());
    }
    if written.is_empty() {
        if matches!(request.tool_choice, Some(ToolChoice::Any | ToolChoice::Named(_) | ToolChoice::Allowed { .. })) {
            turns.lose(Loss::dropped("tool_choice", "tool_choice"));
        }
        return;
    }
    json.key("tools").array(|json| {
        for tool in &written {
            json.raw(tool);
        }
    });
    choice(request, to, shape.tool.as_ref().map(|(name, _)| (&**name, own_tools)), params, turns, json);
}

/// The choice, which thinking and some servers do not let be forced.
fn choice(
    request: &Request,
    to: &Target<'_>,
    format_tool: Option<(&str, bool)>,
    params: &Params,
    turns: &mut Turns<'_>,
    json: &mut Writer,
) {
    let at = "tool_choice";
    let (mut kind, mut name) = match &request.tool_choice {
        None => (None, None),
        Some(ToolChoice::Auto) => (Some("auto"), None),
        Some(ToolChoice::Any) => (Some("any"), None),
        Some(ToolChoice::None) => (Some("none"), None),
        Some(ToolChoice::Named(name)) => (Some("tool"), Some(turns.names.name(name))),
        Some(ToolChoice::Allowed { required, .. }) => {
            turns.lose(Loss::approximated("tool_choice", at));
            (Some(if *required { "any" } else { "auto" }), None)
        }
    };
    if let Some((format, beside)) = format_tool {
        // The form counts for answers that call no tool of the client's; with its tools, some must be called.
        match (kind, beside) {
            (None | Some("auto" | "any"), true) => (kind, name) = (Some("any"), None),
            (Some("tool"), true) => {}
            _ => (kind, name) = (Some("tool"), Some(format.to_owned())),
        }
    }
    let forced = matches!(kind, Some("any" | "tool"));
    if forced && (params.thinking.is_on() || to.quirks.has(Quirk::NoToolChoice)) {
        turns.lose(Loss::approximated("tool_choice", at));
        (kind, name) = (Some("auto"), None);
    }
    let single = match (request.parallel_tools, format_tool) {
        (_, Some(_)) => Some(true),
        (Some(parallel), None) => Some(!parallel),
        (None, None) => None,
    };
    if kind == Some("none") && single == Some(true) {
        turns.lose(Loss::dropped("parallel_tool_calls", "parallel_tool_calls"));
    }
    let Some(kind) = kind.or(single.map(|_| "auto")) else { return };
    json.key("tool_choice").object(|json| {
        json.key("type").str(kind);
        if let Some(name) = &name {
            json.key("name").str(name);
        }
        if let Some(single) = single.filter(|_| kind != "none") {
            json.key("disable_parallel_tool_use").bool(single);
        }
    });
}

fn function(function: &Function, params: &Params, at: &str, turns: &mut Turns<'_>) -> String {
    let name = turns.names.name(&function.name);
    let own = turns.own(&function.foreign, at);
    let schema = function.schema.as_ref().map(|schema| schema.as_str());
    if schema.is_some_and(|schema| !Json::parse(schema).is_ok_and(|schema| schema.kind() == Kind::Object)) {
        turns.lose(Loss::approximated("input_schema", at));
    }
    if function.strict == Some(true) && !params.able.structured {
        turns.lose(Loss::weakened("strict", at));
    }
    let mut json = Writer::new();
    json.object(|json| {
        json.key("name").str(&name);
        if let Some(description) = &function.description {
            json.key("description").str(description);
        }
        json.key("input_schema").raw(&object_schema(schema.unwrap_or_default()));
        if let Some(strict) = function.strict.filter(|_| params.able.structured) {
            json.key("strict").bool(strict);
        }
        if let Some(mark) = &function.cache {
            json.key("cache_control").raw(mark.as_str());
        }
        for (key, value) in &own {
            json.key(key).raw(value);
        }
    });
    json.finish()
}

/// Everything beside conversation and tools.
fn knobs(request: &Request, shape: &Shape, params: &Params, turns: &mut Turns<'_>, json: &mut Writer) {
    for (name, value) in &params.sampling {
        json.key(name).raw(value);
    }
    let (stop, blank): (Vec<&String>, Vec<&String>) =
        request.sampling.stop.iter().partition(|text| !text.trim().is_empty());
    if !blank.is_empty() {
        turns.lose(Loss::dropped("stop", "stop"));
    }
    if !stop.is_empty() {
        json.key("stop_sequences").array(|json| {
            for text in stop {
                json.str(text);
            }
        });
    }
    if request.stream {
        json.key("stream").bool(true);
    }
    match request.tier.as_deref() {
        None => {}
        Some("auto") => {
            json.key("service_tier").str("auto");
        }
        Some("default" | "standard_only") => {
            json.key("service_tier").str("standard_only");
        }
        Some(_) => turns.lose(Loss::dropped("service_tier", "service_tier")),
    }
    let mut own = turns.own(&request.foreign, "");
    let mut nested = |prefix: &str| -> Vec<(String, String)> {
        let (inside, rest) = std::mem::take(&mut own).into_iter().partition(|(key, _)| key.starts_with(prefix));
        own = rest;
        inside
    };
    let (metadata, output, thinking) = (nested("metadata."), nested("output_config."), nested("thinking."));
    group(json, "metadata", &metadata, request.user.is_some(), |json| {
        if let Some(user) = &request.user {
            json.key("user_id").str(user);
        }
    });
    let effort = match params.thinking {
        Thinking::Adaptive(effort) => effort,
        _ => None,
    };
    group(json, "output_config", &output, effort.is_some() || shape.native.is_some(), |json| {
        if let Some(effort) = effort {
            json.key("effort").str(effort);
        }
        if let Some(schema) = &shape.native {
            json.key("format").object(|json| {
                json.key("type").str("json_schema");
                json.key("schema").raw(schema);
            });
        }
    });
    if params.thinking == Thinking::Unsaid {
        for (key, _) in thinking {
            turns.lose(Loss::dropped(key.clone(), key));
        }
    } else {
        group(json, "thinking", &thinking, true, |json| match params.thinking {
            Thinking::Budget(budget) => {
                json.key("type").str("enabled");
                json.key("budget_tokens").u64(budget);
            }
            Thinking::Adaptive(_) => {
                json.key("type").str("adaptive");
            }
            Thinking::Disabled | Thinking::Unsaid => {
                json.key("type").str("disabled");
            }
        });
    }
    for (key, value) in &own {
        json.key(key).raw(value);
    }
}

/// A nested object of members written here and members that go home to it.
fn group(json: &mut Writer, name: &str, own: &[(String, String)], some: bool, members: impl FnOnce(&mut Writer)) {
    if !some && own.is_empty() {
        return;
    }
    json.key(name).object(|json| {
        members(json);
        for (key, value) in own {
            json.key(key.split_once('.').map_or(key, |(_, name)| name)).raw(value);
        }
    });
}

#[cfg(test)]
mod tests;
