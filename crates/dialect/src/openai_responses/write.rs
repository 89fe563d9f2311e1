//! Requests of the IR to this dialect, as the server's quirks have it.

use wire::json::Writer;

use super::params::{self, Members};
use super::turns::Turns;
use crate::dialect::Outgoing;
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::request::Request;
use crate::ir::tool::{Function, Tool, ToolChoice};
use crate::loss::Loss;
use crate::quirk::Quirk;
use crate::target::Target;

const HERE: DialectId = DialectId::OpenAiResponses;

/// Parameters of a function that takes none, since the dialect wants some.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

/// Writes a request for a target.
///
/// # Errors
/// `invalid_request` for a request that says nothing that the target can be told.
pub(super) fn request(request: &Request, to: &Target<'_>) -> Result<Outgoing, Fault> {
    let request = request.clone().normalize();
    let mut turns = Turns::new(to);
    turns.names.keep_all(&request);
    let instructions = turns.system(&request.system);
    for (index, message) in request.messages.iter().enumerate() {
        turns.message(message, index);
    }
    let instructions = match instructions {
        // Something must be said beside the instructions: they are said as an item.
        Some(text) if turns.items.is_empty() => {
            turns.instruct(&text);
            None
        }
        instructions => instructions,
    };
    if turns.items.is_empty() {
        let message = "Nothing in `messages` can be sent to this model: say something to it.";
        return Err(Fault::invalid("messages", message));
    }
    let mut body = Members::default();
    body.put("model", |json| _ = json.str(to.model));
    if let Some(instructions) = &instructions {
        body.put("instructions", |json| _ = json.str(instructions));
    }
    let items = std::mem::take(&mut turns.items);
    body.put("input", |json| {
        json.array(|json| items.iter().for_each(|item| _ = json.raw(item)));
    });
    tools(&request, to, &mut turns, &mut body);
    params::write(&request, to, &mut turns, &mut body);
    let losses = std::mem::take(&mut turns.losses);
    Ok(Outgoing { body: body.finish(), headers: Vec::new(), losses, undo: turns.names.into_undo() })
}

/// Tools and which of them to call.
fn tools(request: &Request, to: &Target<'_>, turns: &mut Turns<'_>, body: &mut Members) {
    let mut written = Vec::new();
    for (index, tool) in request.tools.iter().enumerate() {
        let at = format!("tools[{index}]");
        match tool {
            Tool::Function(function) => written.push(self::function(function, to, turns, &at)),
            Tool::Foreign { dialect: HERE, raw, .. } => written.push(raw.as_str().to_owned()),
            Tool::Foreign { kind, .. } => turns.lose(Loss::dropped(kind.clone(), at)),
        }
    }
    if written.is_empty() {
        // Which to call may not be said where there are none.
        if matches!(request.tool_choice, Some(ToolChoice::Any | ToolChoice::Named(_) | ToolChoice::Allowed { .. })) {
            turns.lose(Loss::dropped("tool_choice", "tool_choice"));
        }
        return;
    }
    body.put("tools", |json| {
        json.array(|json| written.iter().for_each(|tool| _ = json.raw(tool)));
    });
    if let Some(choice) = &request.tool_choice {
        self::choice(choice, to, turns, body);
    }
    let refused = to.quirks.has(Quirk::NoParallelToolCalls);
    match request.parallel_tools {
        // Several are welcome anyway.
        Some(true) if refused => {}
        Some(false) if refused => turns.lose(Loss::dropped("parallel_tool_calls", "parallel_tool_calls")),
        Some(parallel) => body.put("parallel_tool_calls", |json| _ = json.bool(parallel)),
        None => {}
    }
}

fn function(function: &Function, to: &Target<'_>, turns: &mut Turns<'_>, at: &str) -> String {
    let name = turns.names.name(&function.name);
    let mark = function.cache.as_ref().filter(|_| to.quirks.has(Quirk::CacheControl));
    if mark.is_none() && function.cache.is_some() {
        turns.lose(Loss::dropped("cache_control", at));
    }
    let own = turns.own(&function.foreign, at);
    let mut json = Writer::new();
    json.object(|json| {
        json.key("type").str("function");
        json.key("name").str(&name);
        if let Some(description) = &function.description {
            json.key("description").str(description);
        }
        json.key("parameters").raw(function.schema.as_ref().map_or(NO_ARGUMENTS, |schema| schema.as_str()));
        // Here, and in no other dialect, a function is strict unless it says that it is not.
        json.key("strict").bool(function.strict.unwrap_or(false));
        if let Some(mark) = mark {
            json.key("cache_control").raw(mark.as_str());
        }
        for (key, value) in &own {
            json.key(key).raw(value);
        }
    });
    json.finish()
}

/// The choice, which some servers do not let be forced.
fn choice(choice: &ToolChoice, to: &Target<'_>, turns: &mut Turns<'_>, body: &mut Members) {
    let forced = matches!(choice, ToolChoice::Any | ToolChoice::Named(_) | ToolChoice::Allowed { required: true, .. });
    let choice = if forced && to.quirks.has(Quirk::NoToolChoice) {
        turns.lose(Loss::approximated("tool_choice", "tool_choice"));
        &ToolChoice::Auto
    } else {
        choice
    };
    match choice {
        ToolChoice::Auto => body.put("tool_choice", |json| _ = json.str("auto")),
        ToolChoice::None => body.put("tool_choice", |json| _ = json.str("none")),
        ToolChoice::Any => body.put("tool_choice", |json| _ = json.str("required")),
        ToolChoice::Named(name) => {
            let name = turns.names.name(name);
            body.put("tool_choice", |json| named(&name, json));
        }
        ToolChoice::Allowed { required, names } => {
            let names: Vec<String> = names.iter().map(|name| turns.names.name(name)).collect();
            body.put("tool_choice", |json| {
                json.object(|json| {
                    json.key("type").str("allowed_tools");
                    json.key("mode").str(if *required { "required" } else { "auto" });
                    json.key("tools").array(|json| names.iter().for_each(|name| named(name, json)));
                });
            });
        }
    }
}

/// `{"type":"function","name":…}`.
fn named(name: &str, json: &mut Writer) {
    json.object(|json| {
        json.key("type").str("function");
        json.key("name").str(name);
    });
}

#[cfg(test)]
mod tests;
