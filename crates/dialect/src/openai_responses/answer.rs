//! Whole answers of this dialect, both ways.

use wire::json::{Json, Kind, Writer};

use super::decode::ResponsesDecoder;
use super::encode::ResponsesEncoder;
use super::fault;
use crate::dialect::Asked;
use crate::ir::fold::{fold, unfold};
use crate::ir::response::Response;
use crate::loss::Lossy;
use crate::outcome::{Outcome, UpstreamFault};
use crate::stream::{Decoder as _, Encoder as _};
use crate::target::Target;
use crate::undo::Undo;

/// Reads a whole answer: a stream of its last event.
///
/// # Errors
/// The error that the body holds, or `bad_answer` where it is not what the dialect says.
pub(super) fn read(body: Json<'_>, undo: &Undo, from: &Target<'_>) -> Result<Lossy<Response>, UpstreamFault> {
    if let Some(fault) = fault::inside(body) {
        return Err(fault);
    }
    if body.get("output").is_none_or(|output| output.kind() != Kind::Array) {
        return Err(UpstreamFault::new(Outcome::BadAnswer, 200, "The answer has no `output`."));
    }
    if body.get("status").is_some_and(|status| status.is("queued") || status.is("in_progress")) {
        let message = "The answer is not done: the provider makes it in the background.";
        return Err(UpstreamFault::new(Outcome::BadAnswer, 200, message));
    }
    let mut decoder = ResponsesDecoder::new(undo.clone(), from);
    let mut events = Vec::new();
    decoder.end(body, &mut events);
    let losses = decoder.take_losses();
    fold(events).map(|value| Lossy { value, losses })
}

/// Writes a whole answer: what a stream of it ends with.
pub(super) fn write(response: &Response, asked: &Asked) -> Lossy<String> {
    let mut encoder = ResponsesEncoder::silent(asked);
    let mut nothing = Vec::new();
    let mut events = unfold(response);
    // The end is written here, as a body and not as a frame.
    events.pop();
    for event in &events {
        encoder.push(event, &mut nothing);
    }
    let mut json = Writer::with_capacity(1_024);
    encoder.object(&mut json);
    Lossy { value: json.finish(), losses: encoder.take_losses() }
}

#[cfg(test)]
mod tests;
