//! Streams through framer, decoder and encoder, cut anywhere.

use bytes::Bytes;
use dialect::dialect::{Asked, Dialect};
use dialect::ir::event::Event;
use dialect::ir::part::Body;
use dialect::ir::request::Request;
use dialect::ir::tool::{Tool, ToolChoice};
use dialect::loss::Loss;
use dialect::target::Target;
use dialect::undo::Undo;
use proptest::sample::Index;
use wire::eventstream::EventStreamFramer;
use wire::frame::{Frame, Framer};
use wire::jsonarray::JsonArrayFramer;
use wire::ndjson::NdjsonFramer;
use wire::sse::SseFramer;

/// Cuts bytes at the given places.
pub fn cut(stream: &[u8], cuts: &[Index]) -> Vec<Bytes> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    at.sort_unstable();
    at.push(stream.len());
    let mut from = 0;
    at.into_iter().map(|to| Bytes::copy_from_slice(&stream[std::mem::replace(&mut from, to)..to])).collect()
}

/// The frames of a stream that comes in chunks, by the look of its first byte: an array, JSON lines, an AWS event
/// stream (whose messages are shorter than 16 MiB), else server-sent events. What cannot be cut on ends there.
pub fn frames(chunks: &[Bytes]) -> Vec<Frame> {
    let first = chunks.iter().flatten().find(|byte| !byte.is_ascii_whitespace());
    let mut framer: Box<dyn Framer> = match first {
        Some(b'[') => Box::new(JsonArrayFramer::default()),
        Some(b'{') => Box::new(NdjsonFramer::default()),
        Some(0) => Box::new(EventStreamFramer::default()),
        _ => Box::new(SseFramer::default()),
    };
    let mut frames = Vec::new();
    for chunk in chunks {
        if framer.push(chunk, &mut frames).is_err() {
            return frames;
        }
    }
    framer.finish(&mut frames);
    frames
}

/// The events of a stream that comes in chunks, and what was lost.
pub fn decode(dialect: &dyn Dialect, from: &Target<'_>, chunks: &[Bytes]) -> (Vec<Event>, Vec<Loss>) {
    let mut decoder = dialect.decoder(Undo::default(), from);
    let mut events = Vec::new();
    for frame in frames(chunks) {
        decoder.push(&frame, &mut events);
    }
    decoder.finish(&mut events);
    (events, decoder.take_losses())
}

/// The bytes of events, and what was lost.
pub fn encode(dialect: &dyn Dialect, asked: &Asked, events: &[Event]) -> (Vec<u8>, Vec<Loss>) {
    let mut encoder = dialect.encoder(asked);
    let mut out = Vec::new();
    for event in events {
        encoder.push(event, &mut out);
    }
    (out, encoder.take_losses())
}

/// What a client of a stream asked for when it wants to see everything.
pub fn asked() -> Asked {
    Asked {
        include_usage: true,
        now: 1_700_000_000,
        id: "made-up".to_owned(),
        model: "asked-model".to_owned(),
        echo: Vec::new(),
    }
}

/// The request with the names and ids that the client knows.
pub fn undone(mut request: Request, undo: &Undo) -> Request {
    for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        match &mut part.body {
            Body::ToolCall(call) => {
                call.id = undo.id(&call.id).to_owned();
                call.name = undo.name(&call.name).to_owned();
            }
            Body::ToolResult(result) => result.call_id = undo.id(&result.call_id).to_owned(),
            _ => {}
        }
    }
    for tool in &mut request.tools {
        if let Tool::Function(function) = tool {
            function.name = undo.name(&function.name).to_owned();
        }
    }
    match &mut request.tool_choice {
        Some(ToolChoice::Named(name)) => *name = undo.name(name).to_owned(),
        Some(ToolChoice::Allowed { names, .. }) => {
            names.iter_mut().for_each(|name| *name = undo.name(name).to_owned());
        }
        _ => {}
    }
    request
}
