//! Requests of the IR to this dialect.

use wire::json::Writer;

use super::model::abilities;
use super::turns::{Content, Turns};
use super::{params, tools};
use crate::dialect::Outgoing;
use crate::fault::Fault;
use crate::ir::request::Request;
use crate::ir::tool::Tool;
use crate::loss::Loss;
use crate::target::Target;

/// Writes a request for a target. The model and whether to stream go into the path.
///
/// # Errors
/// `invalid_request` for a request that says nothing at all.
pub(super) fn write(request: &Request, to: &Target<'_>) -> Result<Outgoing, Fault> {
    let request = request.clone().normalize();
    if request.messages.is_empty() && request.system.is_empty() {
        return Err(Fault::invalid("messages", "`messages` is empty: say something to the model."));
    }
    let mut turns = Turns::new(to.model, abilities(to.model));
    for tool in &request.tools {
        if let Tool::Function(function) = tool {
            turns.names.keep(&function.name);
        }
    }
    turns.instruct(&request.system, "system");
    for (index, message) in request.messages.iter().enumerate() {
        turns.message(message, index);
    }
    turns.settle();
    begin_with_user(&mut turns);
    if request.user.is_some() {
        turns.lose(Loss::dropped("user", "user"));
    }
    let mut own = turns.own(&request.foreign, "");
    let mut nested = |prefix: &str| -> Vec<(String, String)> {
        let (inside, rest) = std::mem::take(&mut own).into_iter().partition(|(key, _)| key.starts_with(prefix));
        own = rest;
        inside
    };
    let (choice, config) = (nested("toolConfig."), nested("generationConfig."));
    let functions = request.tools.iter().any(|tool| matches!(tool, Tool::Function(_)));
    let mut rest = Writer::new();
    rest.object(|json| {
        let some = tools::write(&request, &mut turns, json);
        tools::config(&request, some, choice, &mut turns, json);
        params::write(&request, to, config, functions, &mut turns, json);
        tier(request.tier.as_deref(), &mut turns, json);
        for (key, value) in &own {
            json.key(key).raw(value);
        }
    });
    let rest = rest.finish();
    let mut json = Writer::with_capacity(1_024);
    json.object(|json| conversation(&turns, json));
    let mut body = json.finish();
    // What stands beside the conversation was written first, because it may instruct.
    if rest.len() > 2 {
        body.pop();
        body.push(',');
        body.push_str(rest.get(1..).unwrap_or("}"));
    }
    let losses = std::mem::take(&mut turns.losses);
    Ok(Outgoing { body, headers: Vec::new(), losses, undo: turns.names.into_undo() })
}

/// The conversation must begin with the user.
fn begin_with_user(turns: &mut Turns<'_>) {
    if turns.contents.first().is_none_or(|content| content.model) {
        turns.lose(Loss::approximated("first message", "messages[0]"));
        let first = Content { model: false, parts: vec![r#"{"text":"."}"#.to_owned()], foreign: Vec::new() };
        turns.contents.insert(0, first);
    }
}

fn conversation(turns: &Turns<'_>, json: &mut Writer) {
    let parts = |json: &mut Writer, parts: &[String]| {
        json.key("parts").array(|json| parts.iter().for_each(|part| _ = json.raw(part)));
    };
    if !turns.system.is_empty() {
        json.key("systemInstruction").object(|json| parts(json, &turns.system));
    }
    json.key("contents").array(|json| {
        for content in &turns.contents {
            json.object(|json| {
                json.key("role").str(if content.model { "model" } else { "user" });
                parts(json, &content.parts);
                for (key, value) in &content.foreign {
                    json.key(key).raw(value);
                }
            });
        }
    });
}

fn tier(tier: Option<&str>, turns: &mut Turns<'_>, json: &mut Writer) {
    match tier {
        None => {}
        Some("default" | "standard_only") => _ = json.key("serviceTier").str("standard"),
        Some(tier @ ("flex" | "priority")) => _ = json.key("serviceTier").str(tier),
        Some(_) => turns.lose(Loss::dropped("service_tier", "service_tier")),
    }
}

#[cfg(test)]
mod tests;
