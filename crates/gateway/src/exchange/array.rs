//! Forms of streams: how an upstream's is cut, and the one JSON array that Google's clients may ask for.

use bytes::Bytes;
use dialect::hosting::BedrockFramer;
use dialect::stream::Framing;
use http::HeaderMap;
use wire::error::FrameError;
use wire::eventstream::EventStreamFramer;
use wire::frame::{Frame, Framer as _};
use wire::jsonarray::JsonArrayFramer;
use wire::ndjson::NdjsonFramer;
use wire::sse::SseFramer;

use crate::state::target::Lane;
use crate::upstream::kind::kind;

/// Cuts an upstream's stream in the form it has.
#[derive(Debug)]
pub enum Cutter {
    /// Server-sent events.
    Events(SseFramer),
    /// The items of an array.
    Array(JsonArrayFramer),
    /// AWS event streams.
    Messages(EventStreamFramer),
    /// AWS event streams that hold another dialect's events.
    Aws(BedrockFramer),
    /// JSON lines.
    Lines(NdjsonFramer),
}

impl Cutter {
    /// For an array or, mostly, for events.
    #[must_use]
    pub fn new(array: bool) -> Self {
        if array { Self::Array(JsonArrayFramer::default()) } else { Self::Events(SseFramer::default()) }
    }

    /// For the streams of a target: its host's, else its dialect's.
    #[must_use]
    pub fn of(lane: &Lane) -> Self {
        match (lane.hosted, dialect::of(lane.dialect).framing()) {
            (Some(hosted), _) if hosted.aws_event_stream => Self::Aws(BedrockFramer::new(lane.dialect)),
            (_, framing) => Self::framed(framing),
        }
    }

    /// For streams of a framing.
    #[must_use]
    pub fn framed(framing: Framing) -> Self {
        match framing {
            Framing::Events => Self::new(false),
            Framing::AwsEventStream => Self::Messages(EventStreamFramer::default()),
            Framing::Lines => Self::Lines(NdjsonFramer::default()),
        }
    }

    /// As [`wire::frame::Framer::push`].
    ///
    /// # Errors
    /// A frame longer than any may be.
    pub fn push(&mut self, chunk: &Bytes, out: &mut Vec<Frame>) -> Result<(), FrameError> {
        match self {
            Self::Events(framer) => framer.push(chunk, out),
            Self::Array(framer) => framer.push(chunk, out),
            Self::Messages(framer) => framer.push(chunk, out),
            Self::Aws(framer) => framer.push(chunk, out),
            Self::Lines(framer) => framer.push(chunk, out),
        }
    }

    /// As [`wire::frame::Framer::finish`].
    pub fn finish(&mut self, out: &mut Vec<Frame>) {
        match self {
            Self::Events(framer) => framer.finish(out),
            Self::Array(framer) => framer.finish(out),
            Self::Messages(framer) => framer.finish(out),
            Self::Aws(framer) => framer.finish(out),
            Self::Lines(framer) => framer.finish(out),
        }
    }
}

/// Whether a header says JSON lines.
#[must_use]
pub fn is_lines(headers: &HeaderMap) -> bool {
    matches!(kind(headers).as_str(), "application/x-ndjson" | "application/ndjson" | "application/jsonl")
}

/// An array on its way to a client.
#[derive(Debug, Default)]
pub struct Array {
    /// Its bracket and an item are out.
    begun: bool,
}

impl Array {
    /// An item passed as it came, brackets and commas with it.
    pub fn passed(&mut self) {
        self.begun = true;
    }

    /// Frames of events as items.
    pub fn items(&mut self, frames: &[u8]) -> Vec<u8> {
        let (mut framer, mut cut) = (SseFramer::default(), Vec::new());
        // What an encoder writes is whole frames within every bound.
        let _ = framer.push(&Bytes::copy_from_slice(frames), &mut cut);
        framer.finish(&mut cut);
        let mut out = Vec::with_capacity(frames.len());
        for data in cut.iter().filter_map(|frame| frame.data.as_deref()) {
            out.extend_from_slice(if self.begun { b"\n,\r\n" } else { b"[" });
            out.extend_from_slice(data);
            self.begun = true;
        }
        out
    }

    /// The end of the array.
    #[must_use]
    pub fn close(&self) -> &'static [u8] {
        if self.begun { b"]" } else { b"[]" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_items() {
        let mut array = Array::default();
        assert_eq!(array.close(), b"[]");
        assert_eq!(array.items(b"data: {\"a\":1}\r\n\r\ndata: 2\r\n\r\n"), b"[{\"a\":1}\n,\r\n2");
        assert_eq!(array.items(b": nothing\n\n"), b"");
        assert_eq!(array.items(b"data: 3\n\n"), b"\n,\r\n3");
        assert_eq!(array.close(), b"]");
    }
}
