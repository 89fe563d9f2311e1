//! Whole answers of this dialect, both ways.

use wire::json::{Json, Kind, Writer};

use super::answer::{self, Teller};
use super::block::Reader;
use super::{fault, stop, usage};
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
    let content = body.at(&["output", "message", "content"]).filter(|content| content.kind() == Kind::Array);
    let content = content.ok_or_else(|| bad("The answer has no `output.message.content`."))?;
    let mut reader = Reader::of(from.model);
    let parts = reader.content(content, "content", false).map_err(|fault| bad(&fault.message))?;
    let parts: Vec<Part> = parts.into_iter().map(|part| undone(part, undo)).collect();
    let calls = parts.iter().any(|part| matches!(part.body, Body::ToolCall(_)));
    let finish = stop::read(body).map(|finish| without_format_tool(finish, undo, calls));
    for (key, value) in body.members() {
        // `metrics` is how long it took.
        let known = matches!(
            &*key,
            "output"
                | "stopReason"
                | "usage"
                | "metrics"
                | "serviceTier"
                | "performanceConfig"
                | "additionalModelResponseFields"
        );
        if !known && !value.is_null() {
            reader.losses.push(Loss::dropped(key.clone().into_owned(), key));
        }
    }
    answer::more(body, &mut reader.losses);
    let value = Response { choices: vec![Choice { parts, finish }], usage: usage::read(body), ..Response::default() };
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
    answer::nameless(&response.id, &response.model, &mut losses);
    if usage::is_less(&response.usage) {
        losses.push(Loss::dropped("usage", "usage"));
    }
    let choice = response.choices.first();
    let parts = choice.map(|choice| choice.parts.as_slice()).unwrap_or_default();
    let teller = Teller::new(asked, &response.model);
    let mut blocks = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        blocks.extend(teller.block(part, &format!("content[{index}]"), &mut losses));
    }
    let calls = parts.iter().any(|part| matches!(part.body, Body::ToolCall(_)));
    let finish = choice.and_then(|choice| choice.finish.as_ref());
    let (word, stop_sequence) = answer::ending(finish, calls, &mut losses);
    let mut json = Writer::with_capacity(512);
    json.object(|json| {
        json.key("output").object(|json| {
            json.key("message").object(|json| {
                json.key("role").str("assistant");
                json.key("content").array(|json| blocks.iter().for_each(|block| _ = json.raw(block)));
            });
        });
        json.key("stopReason").str(word);
        answer::stopped_by(stop_sequence, json);
        usage::write(&response.usage, json.key("usage"));
        if let Some(tier) = response.usage.tier.as_deref() {
            json.key("serviceTier").object(|json| _ = json.key("type").str(tier));
        }
    });
    Lossy { value: json.finish(), losses }
}
