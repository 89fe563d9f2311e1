//! Requests of the IR to this dialect.

use wire::json::{Json, Kind, Writer};

use super::answer::around;
use super::model::{Family, family, is_structured};
use super::params::{self, Params};
use super::read::STOP_TEXT;
use super::turns::{Block, Turn, Turns};
use crate::dialect::Outgoing;
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::request::{Format, Request};
use crate::ir::tool::{Function, Tool, ToolChoice};
use crate::loss::Loss;
use crate::members::written;
use crate::object::object_schema;
use crate::target::Target;

const HERE: DialectId = DialectId::BedrockConverse;

/// Writes a request for a target. The path says the model and whether to stream.
///
/// # Errors
/// `invalid_request` for a request that says nothing at all.
pub(super) fn write(request: &Request, to: &Target<'_>) -> Result<Outgoing, Fault> {
    let request = request.clone().normalize();
    if request.messages.is_empty() && request.system.is_empty() {
        return Err(Fault::invalid("messages", "`messages` is empty: say something to the model."));
    }
    let mut turns = Turns::new(to.model);
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
    speak_of_documents(&mut turns);
    let shape = Shape::of(&request, to, &mut turns);
    let mut params = params::choose(&request, to, shape.tool.is_some(), &mut turns.losses);
    if params.budget && !thought_before_results(&turns.turns) {
        // With a budget the turn that a tool answers must begin with its thinking, which did not come along.
        turns.lose(Loss::dropped("reasoning effort", "effort"));
        params.more.retain(|(name, _)| *name != "thinking");
        params.thinks = false;
    }
    let tools = tools(&request, &shape, &params, &mut turns);
    let mut json = Writer::with_capacity(1_024);
    json.object(|json| {
        conversation(&turns, json);
        if let Some(tools) = &tools {
            json.key("toolConfig").raw(tools);
        }
        knobs(&request, to, &shape, &params, &mut turns, json);
    });
    let losses = std::mem::take(&mut turns.losses);
    Ok(Outgoing { body: json.finish(), headers: Vec::new(), losses, undo: turns.names.into_undo() })
}

/// A text that says nothing.
fn nothing() -> Block {
    Block::Text { text: ".".to_owned(), more: Vec::new(), at: String::new() }
}

/// The conversation must begin with the user.
fn begin_with_user(turns: &mut Turns<'_>) {
    if turns.turns.first().is_none_or(|turn| turn.assistant) {
        turns.lose(Loss::approximated("first message", "messages[0]"));
        let mut first = Turn::new(false);
        first.blocks.push(nothing());
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

/// A turn with a document must hold a text, too.
fn speak_of_documents(turns: &mut Turns<'_>) {
    let is_text = |block: &Block| matches!(block, Block::Text { .. });
    let mute = |turn: &&mut Turn| turn.document && !turn.blocks.iter().any(is_text);
    let mut said = false;
    for turn in turns.turns.iter_mut().filter(mute) {
        turn.blocks.push(nothing());
        said = true;
    }
    if said {
        turns.lose(Loss::approximated("text beside a document", "messages"));
    }
}

/// False where the last turn answers tool calls whose turn does not begin with thinking.
fn thought_before_results(turns: &[Turn]) -> bool {
    let [.., calls, answers] = turns else { return true };
    if answers.assistant || answers.results.is_empty() {
        return true;
    }
    let thinks = |block: &Block| matches!(block, Block::Ready(text) if text.starts_with("{\"reasoningContent\""));
    calls.blocks.first().is_none_or(thinks)
}

fn conversation(turns: &Turns<'_>, json: &mut Writer) {
    if !turns.system.is_empty() {
        json.key("system").array(|json| turns.system.iter().for_each(|block| block.write(json)));
    }
    json.key("messages").array(|json| {
        for turn in &turns.turns {
            json.object(|json| {
                json.key("role").str(if turn.assistant { "assistant" } else { "user" });
                let all = turn.results.iter().chain(&turn.blocks);
                json.key("content").array(|json| all.for_each(|block| block.write(json)));
                for (key, value) in &turn.foreign {
                    json.key(key).raw(value);
                }
            });
        }
    });
}

/// How the form of the answer is held.
#[derive(Debug, Default)]
struct Shape {
    /// By the model itself: `outputConfig.textFormat`.
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
                if is_structured(to.model) {
                    let native = native(name.as_deref(), description.as_deref(), schema.as_str());
                    return Self { native: Some(native), tool: None };
                }
                if description.is_some() {
                    turns.lose(Loss::dropped("description", "response_format"));
                }
                turns.lose(Loss::weakened("response_format", "format"));
                (name.as_deref().unwrap_or("json_output"), schema.as_str())
            }
        };
        let schema = object_schema(schema);
        Self { native: None, tool: Some((turns.names.format_tool(name), schema)) }
    }
}

fn native(name: Option<&str>, description: Option<&str>, schema: &str) -> String {
    let mut json = Writer::new();
    json.object(|json| {
        json.key("schema").str(schema);
        for (key, value) in [("name", name), ("description", description)] {
            if let Some(value) = value {
                json.key(key).str(value);
            }
        }
    });
    let structure = around("jsonSchema", &json.finish());
    let mut json = Writer::new();
    json.object(|json| {
        json.key("type").str("json_schema");
        json.key("structure").raw(&structure);
    });
    json.finish()
}

/// Tools and which of them to call; `None` for none.
fn tools(request: &Request, shape: &Shape, params: &Params, turns: &mut Turns<'_>) -> Option<String> {
    let allowed = match &request.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) => Some(names),
        _ => None,
    };
    let history = turns.answered || !turns.called.is_empty();
    // There is no word for "none": without calls to answer the tools stay away.
    let none = request.tool_choice == Some(ToolChoice::None);
    if none && !request.tools.is_empty() {
        turns.lose(match history {
            true => Loss::weakened("tool_choice", "tool_choice"),
            false => Loss::approximated("tool_choice", "tool_choice"),
        });
    }
    let mut declared = Vec::new();
    for (index, tool) in request.tools.iter().enumerate().filter(|_| !none || history) {
        let at = format!("tools[{index}]");
        match tool {
            Tool::Function(function) => {
                if allowed.is_none_or(|names| names.contains(&function.name)) {
                    declared.extend(self::function(function, params, &at, turns));
                }
            }
            Tool::Foreign { dialect: HERE, raw, .. } => declared.push(raw.as_str().to_owned()),
            Tool::Foreign { kind, .. } => turns.lose(Loss::dropped(kind.clone(), at)),
        }
    }
    let own_tools = !declared.is_empty();
    if let Some((name, schema)) = &shape.tool {
        declared.push(spec(name, Some("Gives the answer in the form asked for."), schema, None, &[]));
    }
    if declared.is_empty() && history {
        // A conversation with calls must declare tools: those that it calls.
        turns.lose(Loss::approximated("tools", "tools"));
        let mut names = std::mem::take(&mut turns.called);
        if names.is_empty() {
            names.push("tool".to_owned());
        }
        declared.extend(names.iter().map(|name| spec(name, None, &object_schema(""), None, &[])));
    }
    let own = nested(request, "toolConfig.");
    if declared.is_empty() {
        if matches!(request.tool_choice, Some(ToolChoice::Any | ToolChoice::Named(_) | ToolChoice::Allowed { .. })) {
            turns.lose(Loss::dropped("tool_choice", "tool_choice"));
        }
        own.into_iter()
            .for_each(|(key, _)| turns.lose(Loss::dropped(format!("toolConfig.{key}"), format!("toolConfig.{key}"))));
        return None;
    }
    let choice = choice(request, shape.tool.as_ref().map(|(name, _)| (&**name, own_tools)), own_tools, params, turns);
    Some(written(&own, |json| {
        json.key("tools").array(|json| declared.iter().for_each(|tool| _ = json.raw(tool)));
        if let Some(choice) = &choice {
            json.key("toolChoice").raw(choice);
        }
    }))
}

/// The choice, which thinking and some servers do not let be forced.
fn choice(
    request: &Request,
    format_tool: Option<(&str, bool)>,
    own_tools: bool,
    params: &Params,
    turns: &mut Turns<'_>,
) -> Option<String> {
    let at = "tool_choice";
    let named = |name: &str| around("tool", &written(&[], |json| _ = json.key("name").str(name)));
    let (auto, any) = (r#"{"auto":{}}"#.to_owned(), r#"{"any":{}}"#.to_owned());
    if request.parallel_tools == Some(false) {
        turns.lose(Loss::dropped("parallel_tool_calls", "parallel_tool_calls"));
    }
    let mut choice = match &request.tool_choice {
        None | Some(ToolChoice::None) => None,
        Some(ToolChoice::Auto) => Some(auto.clone()),
        Some(ToolChoice::Any) => Some(any.clone()),
        Some(ToolChoice::Named(name)) => Some(named(&turns.names.name(name))),
        Some(ToolChoice::Allowed { required, .. }) => {
            turns.lose(Loss::approximated("tool_choice", at));
            Some(if *required { any.clone() } else { auto.clone() })
        }
    };
    let mut forced = !matches!(&request.tool_choice, None | Some(ToolChoice::Auto | ToolChoice::None))
        && !matches!(&request.tool_choice, Some(ToolChoice::Allowed { required: false, .. }));
    if forced && !own_tools {
        // What is declared for the history's sake is not to be called.
        turns.lose(Loss::dropped("tool_choice", at));
        (choice, forced) = (None, false);
    }
    if let Some((format, beside)) = format_tool {
        // The form counts for answers that call no tool of the client's; with its tools, some must be called.
        let by_name = matches!(&request.tool_choice, Some(ToolChoice::Named(_)));
        let none = request.tool_choice == Some(ToolChoice::None);
        if !(by_name && beside) {
            choice = Some(if beside && !none { any } else { named(format) });
        }
        forced = true;
    }
    if forced && params.thinks {
        turns.lose(Loss::approximated("tool_choice", at));
        choice = Some(auto);
    }
    choice
}

/// A tool, and the point of its cache mark.
fn function(function: &Function, params: &Params, at: &str, turns: &mut Turns<'_>) -> Vec<String> {
    let name = turns.names.name(&function.name);
    let own = turns.own(&function.foreign, at);
    let schema = function.schema.as_ref().map(|schema| schema.as_str());
    if schema.is_some_and(|schema| !Json::parse(schema).is_ok_and(|schema| schema.kind() == Kind::Object)) {
        turns.lose(Loss::approximated("input_schema", at));
    }
    if function.strict == Some(true) && !params.structured {
        turns.lose(Loss::weakened("strict", at));
    }
    let strict = function.strict.filter(|_| params.structured);
    // An empty one is refused, and says nothing.
    let description = function.description.as_deref().filter(|text| !text.is_empty());
    let tool = spec(&name, description, &object_schema(schema.unwrap_or_default()), strict, &own);
    let mut point = Writer::new();
    let marked = turns.point(function.cache.as_ref(), true, at).map(|block| block.write(&mut point)).is_some();
    std::iter::once(tool).chain(marked.then(|| point.finish())).collect()
}

fn spec(name: &str, description: Option<&str>, schema: &str, strict: Option<bool>, own: &[(String, String)]) -> String {
    let inner = written(own, |json| {
        json.key("name").str(name);
        if let Some(description) = description {
            json.key("description").str(description);
        }
        json.key("inputSchema").object(|json| _ = json.key("json").raw(schema));
        if let Some(strict) = strict {
            json.key("strict").bool(strict);
        }
    });
    around("toolSpec", &inner)
}

/// Members of this dialect's own that go home into an object of the request, by the names they have there.
fn nested(request: &Request, prefix: &str) -> Vec<(String, String)> {
    let own = request.foreign.iter().filter(|(dialect, ..)| *dialect == HERE);
    own.filter_map(|(_, key, value)| Some((key.strip_prefix(prefix)?.to_owned(), value.to_owned()))).collect()
}

/// Objects of the request that have members of their own.
const GROUPS: [&str; 3] = ["toolConfig.", "inferenceConfig.", "additionalModelRequestFields."];

/// Everything beside conversation and tools.
fn knobs(request: &Request, to: &Target<'_>, shape: &Shape, params: &Params, turns: &mut Turns<'_>, json: &mut Writer) {
    let (stop, blank): (Vec<&String>, Vec<&String>) =
        request.sampling.stop.iter().partition(|text| !text.trim().is_empty());
    if !blank.is_empty() {
        turns.lose(Loss::dropped("stop", "stop"));
    }
    let own = nested(request, "inferenceConfig.");
    if !params.config.is_empty() || !stop.is_empty() || !own.is_empty() {
        json.key("inferenceConfig").raw(&written(&own, |json| {
            for (name, value) in &params.config {
                json.key(name).raw(value);
            }
            if !stop.is_empty() {
                json.key("stopSequences").array(|json| stop.iter().for_each(|text| _ = json.str(text)));
            }
        }));
    }
    if let Some(format) = &shape.native {
        json.key("outputConfig").object(|json| _ = json.key("textFormat").raw(format));
    }
    let own = nested(request, "additionalModelRequestFields.");
    if !params.more.is_empty() || !own.is_empty() {
        json.key("additionalModelRequestFields").raw(&written(&own, |json| {
            for (name, value) in &params.more {
                json.key(name).raw(value);
            }
        }));
    }
    let asked = request.foreign.iter().any(|(_, key, _)| key == "additionalModelResponseFieldPaths");
    if !stop.is_empty() && family(to.model) == Family::Claude && !asked {
        json.key("additionalModelResponseFieldPaths").raw(STOP_TEXT);
    }
    match request.tier.as_deref() {
        None => {}
        Some("default" | "standard_only") => tier("default", json),
        Some(word @ ("flex" | "priority" | "reserved")) => tier(word, json),
        Some(_) => turns.lose(Loss::dropped("service_tier", "service_tier")),
    }
    if request.user.is_some() {
        turns.lose(Loss::dropped("user", "user"));
    }
    for (key, value) in turns.own(&request.foreign, "") {
        if !GROUPS.iter().any(|group| key.starts_with(group)) {
            json.key(&key).raw(&value);
        }
    }
}

fn tier(word: &str, json: &mut Writer) {
    json.key("serviceTier").object(|json| _ = json.key("type").str(word));
}

#[cfg(test)]
mod tests;
