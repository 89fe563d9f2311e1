//! Requests of the IR to this dialect, as the server's quirks have it.

mod body;
pub(crate) mod names;
mod params;
mod part;
mod turns;

pub(super) use part::audio_format;

use wire::json::Writer;

use self::turns::Turns;
use crate::dialect::Outgoing;
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::request::{Effort, Request};
use crate::ir::tool::{Function, Tool, ToolChoice};
use crate::loss::Loss;
use crate::quirk::Quirk;
use crate::target::Target;

const HERE: DialectId = DialectId::OpenAiChat;

/// Writes a request for a target.
///
/// # Errors
/// `invalid_request` for a request that says nothing that the target can be told.
pub(super) fn request(request: &Request, to: &Target<'_>) -> Result<Outgoing, Fault> {
    let request = request.clone().normalize();
    let mut turns = Turns::new(to);
    turns.names.keep_all(&request);
    turns.system(&request.system);
    for (index, message) in request.messages.iter().enumerate() {
        turns.last = index + 1 == request.messages.len();
        turns.message(message, index);
    }
    turns.bring_moved();
    if turns.messages.is_empty() {
        let message = "Nothing in `messages` can be sent to this model: say something to it.";
        return Err(Fault::invalid("messages", message));
    }
    turns.body.put("model", |json| _ = json.str(to.model));
    let messages = std::mem::take(&mut turns.messages);
    turns.body.put("messages", |json| {
        json.array(|json| messages.iter().for_each(|message| _ = json.raw(message)));
    });
    tools(&request, to, &mut turns);
    params::write(&request, to, &mut turns.body);
    let refused: &[&str] = if to.quirks.has(Quirk::NoLogitBias) { &["logit_bias"] } else { &[] };
    turns.body.foreign(&request.foreign, refused);
    let (body, losses) = turns.body.finish();
    Ok(Outgoing { body, headers: Vec::new(), losses, undo: turns.names.into_undo() })
}

/// Tools and which of them to call.
fn tools(request: &Request, to: &Target<'_>, turns: &mut Turns<'_>) {
    let mut written = Vec::new();
    for (index, tool) in request.tools.iter().enumerate() {
        let at = format!("tools[{index}]");
        match tool {
            Tool::Function(function) => written.push(self::function(function, to, turns, &at)),
            Tool::Foreign { dialect: HERE, raw, .. } => written.push(raw.as_str().to_owned()),
            Tool::Foreign { kind, .. } => turns.body.lose(Loss::dropped(kind.clone(), at)),
        }
    }
    if written.is_empty() {
        // Which to call may not be said where there are none.
        if matches!(request.tool_choice, Some(ToolChoice::Any | ToolChoice::Named(_) | ToolChoice::Allowed { .. })) {
            turns.body.lose(Loss::dropped("tool_choice", "tool_choice"));
        }
        return;
    }
    turns.body.put("tools", |json| {
        json.array(|json| written.iter().for_each(|tool| _ = json.raw(tool)));
    });
    if let Some(choice) = &request.tool_choice {
        let off = |effort: &Effort| effort.enabled == Some(false) || effort.level.as_deref() == Some("none");
        let thinks = request.effort.as_ref().is_some_and(|effort| !off(effort));
        self::choice(choice, thinks, to, turns);
    }
    let refused = to.quirks.has(Quirk::NoParallelToolCalls);
    match request.parallel_tools {
        // Several are welcome anyway.
        Some(true) if refused => {}
        Some(false) if refused => turns.body.lose(Loss::dropped("parallel_tool_calls", "parallel_tool_calls")),
        Some(parallel) => turns.body.put("parallel_tool_calls", |json| _ = json.bool(parallel)),
        None => {}
    }
}

fn function(function: &Function, to: &Target<'_>, turns: &mut Turns<'_>, at: &str) -> String {
    let name = turns.names.name(&function.name);
    let mark = function.cache.as_ref().filter(|_| to.quirks.has(Quirk::CacheControl));
    if mark.is_none() && function.cache.is_some() {
        turns.body.lose(Loss::dropped("cache_control", at));
    }
    let own = turns.body.own(&function.foreign, at);
    let mut json = Writer::new();
    json.object(|json| {
        json.key("type").str("function");
        json.key("function").object(|json| {
            json.key("name").str(&name);
            if let Some(description) = &function.description {
                json.key("description").str(description);
            }
            if let Some(schema) = &function.schema {
                json.key("parameters").raw(schema.as_str());
            }
            if let Some(strict) = function.strict {
                json.key("strict").bool(strict);
            }
        });
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
fn choice(choice: &ToolChoice, thinks: bool, to: &Target<'_>, turns: &mut Turns<'_>) {
    let forced = matches!(choice, ToolChoice::Any | ToolChoice::Named(_) | ToolChoice::Allowed { required: true, .. });
    let thinks = to.quirks.has(Quirk::NoForcedChoiceThinking) && thinks;
    let choice = if forced && (thinks || to.quirks.has(Quirk::NoToolChoice)) {
        turns.body.lose(Loss::approximated("tool_choice", "tool_choice"));
        &ToolChoice::Auto
    } else {
        choice
    };
    let word = match choice {
        ToolChoice::Auto => "auto",
        ToolChoice::None => "none",
        ToolChoice::Any if to.quirks.has(Quirk::ToolChoiceAny) => "any",
        ToolChoice::Any => "required",
        ToolChoice::Named(name) => {
            let name = turns.names.name(name);
            turns.body.put("tool_choice", |json| named(&name, json));
            return;
        }
        ToolChoice::Allowed { required, names } => {
            let names: Vec<String> = names.iter().map(|name| turns.names.name(name)).collect();
            turns.body.put("tool_choice", |json| {
                json.object(|json| {
                    json.key("type").str("allowed_tools");
                    json.key("allowed_tools").object(|json| {
                        json.key("mode").str(if *required { "required" } else { "auto" });
                        json.key("tools").array(|json| names.iter().for_each(|name| named(name, json)));
                    });
                });
            });
            return;
        }
    };
    turns.body.put("tool_choice", |json| _ = json.str(word));
}

/// `{"type":"function","function":{"name":…}}`.
fn named(name: &str, json: &mut Writer) {
    json.object(|json| {
        json.key("type").str("function");
        json.key("function").object(|json| _ = json.key("name").str(name));
    });
}

#[cfg(test)]
mod tests;
