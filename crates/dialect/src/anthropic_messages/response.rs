//! Whole answers of this dialect, both ways.

use std::borrow::Cow;

use wire::json::{Json, Kind, Writer};

use super::block::Reader;
use super::{answer, fault, stop, usage};
use crate::dialect::Asked;
use crate::ir::finish::{Finish, Reason};
use crate::ir::part::{Body, Part};
use crate::ir::response::{Choice, Response};
use crate::loss::{Loss, Lossy};
use crate::outcome::{Outcome, UpstreamFault};
use crate::target::Target;
use crate::undo::Undo;

/// Reads a whole answer.
///
/// # Errors
/// The error that the body holds, or `bad_answer` where it is not what the dialect says.
pub(super) fn read(body: Json<'_>, undo: &Undo, from: &Target<'_>) -> Result<Lossy<Response>, UpstreamFault> {
    if let Some(fault) = fault::inside(body) {
        return Err(fault);
    }
    let bad = |message: &str| UpstreamFault::new(Outcome::BadAnswer, 200, message);
    let content = body.get("content").filter(|content| content.kind() == Kind::Array);
    let content = content.ok_or_else(|| bad("The answer has no `content`."))?;
    let mut reader = Reader { model: from.model.to_owned(), answer: true, losses: Vec::new() };
    let mut parts = Vec::new();
    for (index, block) in content.items().enumerate() {
        let part = reader.block(block, &format!("content[{index}]"));
        parts.push(undone(part.map_err(|fault| bad(&fault.message))?, undo));
    }
    let calls = parts.iter().any(|part| matches!(part.body, Body::ToolCall(_)));
    let finish = stop::read(body).map(|finish| without_format_tool(finish, undo, calls));
    for (key, value) in body.members() {
        let known =
            matches!(&*key, "id" | "type" | "role" | "model" | "content" | "stop_reason" | "stop_sequence" | "usage");
        if !known && !value.is_null() {
            reader.losses.push(Loss::dropped(key.clone().into_owned(), key));
        }
    }
    let text = |name: &str| body.get(name).and_then(Json::as_str).map(Cow::into_owned).unwrap_or_default();
    let value = Response {
        id: text("id"),
        model: text("model"),
        created: None,
        choices: vec![Choice { parts, finish }],
        usage: body.get("usage").map(usage::read).unwrap_or_default(),
    };
    Ok(Lossy { value, losses: reader.losses })
}

/// A part with the client's names, and the input of the tool that stood for the answer's form as text.
fn undone(mut part: Part, undo: &Undo) -> Part {
    if let Body::ToolCall(call) = &mut part.body {
        if undo.format_tool.as_deref() == Some(call.name.as_str()) {
            return Part::text(std::mem::take(&mut call.arguments));
        }
        call.id = undo.id(&call.id).to_owned();
        call.name = undo.name(&call.name).to_owned();
    }
    part
}

/// A finish for tool use, where the only tool was the one that stood for the answer's form, is a stop.
pub(super) fn without_format_tool(finish: Finish, undo: &Undo, calls: bool) -> Finish {
    if undo.format_tool.is_some() && finish.reason == Reason::ToolUse && !calls {
        Finish::new(Reason::Stop)
    } else {
        finish
    }
}

/// Writes a whole answer: the first choice.
pub(super) fn write(response: &Response, asked: &Asked) -> Lossy<String> {
    let mut losses = Vec::new();
    if response.choices.len() > 1 {
        losses.push(Loss::dropped("choices", "choices[1]"));
    }
    let choice = response.choices.first();
    let parts = choice.map(|choice| choice.parts.as_slice()).unwrap_or_default();
    let mut blocks = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        blocks.extend(answer::block(part, &format!("content[{index}]"), &asked.id, &mut losses));
    }
    let calls = parts.iter().any(|part| matches!(part.body, Body::ToolCall(_)));
    let refuses = parts.iter().any(|part| matches!(part.body, Body::Refusal(_)));
    let finish = choice.and_then(|choice| choice.finish.as_ref());
    let (word, stop_sequence) = answer::ending(finish, calls, refuses, &mut losses);
    let own = |own: &str, else_: &str| if own.is_empty() { else_.to_owned() } else { own.to_owned() };
    let mut json = Writer::with_capacity(512);
    json.object(|json| {
        json.key("id").str(&own(&response.id, &asked.id));
        json.key("type").str("message");
        json.key("role").str("assistant");
        json.key("model").str(&own(&response.model, &asked.model));
        json.key("content").array(|json| {
            for block in &blocks {
                json.raw(block);
            }
        });
        json.key("stop_reason").str(word);
        match stop_sequence {
            Some(text) => json.key("stop_sequence").str(text),
            None => json.key("stop_sequence").null(),
        };
        json.key("usage");
        usage::write(&response.usage, json);
    });
    Lossy { value: json.finish(), losses }
}

#[cfg(test)]
mod tests;
