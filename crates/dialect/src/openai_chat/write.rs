//! The IR's request as a body for a server of this dialect, by its quirks.

use wire::json::Writer;

use super::names::Names;
use super::write_message;
use super::write_param;
use super::write_part::Place;
use crate::dialect::Outgoing;
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::request::Request;
use crate::ir::tool::{Function, Tool, ToolChoice};
use crate::loss::Loss;
use crate::quirk::Quirk;
use crate::target::Target;

/// Writes a request for a target.
///
/// # Errors
/// `invalid_request` where no message is left to send.
pub(super) fn write(request: &Request, to: &Target<'_>) -> Result<Outgoing, Fault> {
    let mut place = Place { to, losses: Vec::new() };
    let mut names = Names::new(to.quirks.has(Quirk::NineCharIds));
    for tool in &request.tools {
        if let Tool::Function(function) = tool {
            names.keep(&function.name);
        }
    }
    let mut messages = Writer::new();
    messages.array(|json| write_message::messages(request, &mut place, &mut names, json));
    let messages = messages.finish();
    if messages == "[]" {
        return Err(Fault::invalid("messages", "No message is left that this provider can be sent."));
    }
    let mut json = Writer::with_capacity(messages.len() + 512);
    json.object(|json| {
        json.key("model").str(to.model);
        json.key("messages").raw(&messages);
        tools(request, &mut place, &mut names, json);
        write_param::sampling(request, &mut place, json);
        write_param::format(request, &mut place, json);
        write_param::effort(request, &mut place, json);
        if let Some(user) = &request.user {
            json.key("user").str(user);
        }
        if let Some(tier) = &request.tier {
            // Anthropic's word for "no priority capacity".
            let tier = if tier == "standard_only" { "default" } else { tier };
            if request.tier.as_deref() != Some(tier) {
                place.losses.push(Loss::approximated("service_tier", "service_tier"));
            }
            json.key("service_tier").str(tier);
        }
        if request.stream {
            json.key("stream").bool(true);
            if !to.quirks.has(Quirk::NoStreamOptions) {
                json.key("stream_options").object(|json| {
                    json.key("include_usage").bool(true);
                });
            }
        }
        for (dialect, key, value) in request.foreign.iter() {
            if dialect == DialectId::OpenAiChat {
                json.key(key).raw(value);
            } else {
                place.dropped(key, key);
            }
        }
    });
    Ok(Outgoing { body: json.finish(), headers: Vec::new(), losses: place.losses, undo: names.into_undo() })
}

fn tools(request: &Request, place: &mut Place<'_>, names: &mut Names, json: &mut Writer) {
    let mut written = Vec::new();
    for (index, tool) in request.tools.iter().enumerate() {
        let at = format!("tools[{index}]");
        match tool {
            Tool::Function(tool) => {
                let mut json = Writer::new();
                function(tool, &at, place, names, &mut json);
                written.push(json.finish());
            }
            Tool::Foreign { dialect: DialectId::OpenAiChat, raw, .. } => written.push(raw.as_str().to_owned()),
            Tool::Foreign { kind, .. } => place.dropped(kind, &at),
        }
    }
    if !written.is_empty() {
        json.key("tools").array(|json| {
            for tool in &written {
                json.raw(tool);
            }
        });
    }
    let any = !written.is_empty();
    if let Some(choice) = &request.tool_choice {
        let forced = !matches!(choice, ToolChoice::Auto | ToolChoice::None);
        if (forced && place.has(Quirk::NoToolChoice)) || !any {
            place.dropped("tool_choice", "tool_choice");
        } else {
            json.key("tool_choice");
            tool_choice(choice, place, names, json);
        }
    }
    if let Some(parallel) = request.parallel_tools {
        if place.has(Quirk::NoParallelToolCalls) || !any {
            place.dropped("parallel_tool_calls", "parallel_tool_calls");
        } else {
            json.key("parallel_tool_calls").bool(parallel);
        }
    }
}

fn function(tool: &Function, at: &str, place: &mut Place<'_>, names: &mut Names, json: &mut Writer) {
    json.object(|json| {
        json.key("type").str("function");
        json.key("function").object(|json| {
            json.key("name").str(&names.name(&tool.name));
            if let Some(description) = &tool.description {
                json.key("description").str(description);
            }
            if let Some(schema) = &tool.schema {
                json.key("parameters").raw(schema.as_str());
            }
            if let Some(strict) = tool.strict {
                json.key("strict").bool(strict);
            }
            place.foreign(&tool.foreign, at, json);
        });
        match &tool.cache {
            Some(mark) if place.has(Quirk::CacheControl) => {
                json.key("cache_control").raw(mark.as_str());
            }
            Some(_) => place.dropped("cache_control", at),
            None => {}
        }
    });
}

fn tool_choice(choice: &ToolChoice, place: &Place<'_>, names: &mut Names, json: &mut Writer) {
    let named = |name: &str, names: &mut Names, json: &mut Writer| {
        json.object(|json| {
            json.key("type").str("function");
            json.key("function").object(|json| {
                json.key("name").str(&names.name(name));
            });
        });
    };
    match choice {
        ToolChoice::Auto => {
            json.str("auto");
        }
        ToolChoice::Any => {
            json.str(if place.has(Quirk::ToolChoiceAny) { "any" } else { "required" });
        }
        ToolChoice::None => {
            json.str("none");
        }
        ToolChoice::Named(name) => named(name, names, json),
        ToolChoice::Allowed { required, names: allowed } => {
            json.object(|json| {
                json.key("type").str("allowed_tools");
                json.key("allowed_tools").object(|json| {
                    json.key("mode").str(if *required { "required" } else { "auto" });
                    json.key("tools").array(|json| {
                        for name in allowed {
                            named(name, names, json);
                        }
                    });
                });
            });
        }
    }
}

#[cfg(test)]
mod tests;
