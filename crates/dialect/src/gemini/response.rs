//! Whole answers of this dialect, both ways.

use wire::json::{Json, Writer};

use super::answer::Voice;
use super::decode::GeminiDecoder;
use super::{fault, finish, usage};
use crate::dialect::Asked;
use crate::ir::finish::{Finish, Reason};
use crate::ir::fold::fold;
use crate::ir::response::Response;
use crate::loss::{Loss, Lossy};
use crate::outcome::UpstreamFault;
use crate::stream::Decoder as _;
use crate::target::Target;
use crate::undo::Undo;
use crate::usage::Usage;

/// Reads a whole answer: a stream of one chunk.
///
/// # Errors
/// The error that the body holds, or `bad_answer` where it is not what the dialect says.
pub(super) fn read(body: Json<'_>, undo: &Undo, from: &Target<'_>) -> Result<Lossy<Response>, UpstreamFault> {
    if let Some(fault) = fault::inside(body) {
        return Err(fault);
    }
    let mut decoder = GeminiDecoder::new(undo.clone(), from);
    let mut events = Vec::new();
    decoder.take(body, &mut events);
    decoder.end(true, &mut events);
    let losses = decoder.take_losses();
    fold(events).map(|value| Lossy { value, losses })
}

/// Writes a whole answer.
pub(super) fn write(response: &Response, asked: &Asked) -> Lossy<String> {
    let mut losses = Vec::new();
    let mut json = Writer::with_capacity(512);
    json.object(|json| {
        json.key("candidates").array(|json| {
            for (index, choice) in (0u64..).zip(&response.choices) {
                let mut voice = Voice::default();
                let mut parts = Vec::new();
                for (place, part) in choice.parts.iter().enumerate() {
                    parts.extend(voice.part(part, &format!("choices[{index}].content[{place}]"), &mut losses));
                }
                json.object(|json| {
                    content(&parts, json);
                    end(choice.finish.as_ref(), index, &mut voice, &mut losses, json);
                    json.key("index").u64(index);
                });
            }
        });
        tell_usage(&response.usage, &mut losses, json);
        tail(&response.id, &response.model, asked, json);
    });
    Lossy { value: json.finish(), losses }
}

/// Parts as a candidate's content.
pub(super) fn content(parts: &[String], json: &mut Writer) {
    json.key("content").object(|json| {
        json.key("parts").array(|json| parts.iter().for_each(|part| _ = json.raw(part)));
        json.key("role").str("model");
    });
}

/// Finish reason and grounding: what stands at a candidate's end.
pub(super) fn end(finish: Option<&Finish>, index: u64, voice: &mut Voice, losses: &mut Vec<Loss>, json: &mut Writer) {
    let (word, exact) = finish::write(finish, voice.calls);
    let at = || format!("choices[{index}].finish_reason");
    if !exact || finish.is_some_and(|finish| finish.reason == Reason::StopSequence) {
        losses.push(Loss::approximated("finish_reason", at()));
    }
    json.key("finishReason").str(word);
    if let Some(grounding) = voice.grounding(losses) {
        json.key("groundingMetadata").raw(&grounding);
    }
}

/// The usage member; none where nobody knows.
pub(super) fn tell_usage(used: &Usage, losses: &mut Vec<Loss>, json: &mut Writer) {
    if used.is_empty() {
        return;
    }
    usage::write(used, json.key("usageMetadata"));
    if !usage::is_told(used) {
        losses.push(Loss::approximated("usage", "usage"));
    }
}

/// Model and id: the last members of an answer and of every chunk.
pub(super) fn tail(id: &str, model: &str, asked: &Asked, json: &mut Writer) {
    json.key("modelVersion").str(if model.is_empty() { &asked.model } else { model });
    json.key("responseId").str(if id.is_empty() { &asked.id } else { id });
}

#[cfg(test)]
mod tests;
