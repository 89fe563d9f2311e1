//! Streams as state machines: frames to events, events to bytes, and the meter that only watches.

use wire::eventstream::EventStreamFramer;
use wire::frame::{Frame, Framer};
use wire::json::Json;
use wire::ndjson::NdjsonFramer;
use wire::sse::SseFramer;

use crate::ir::event::{Delta, Event};
use crate::ir::finish::Finish;
use crate::loss::Loss;
use crate::outcome::UpstreamFault;
use crate::usage::{Source, Usage};

/// How the streams of a dialect are cut into frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Events,
    /// Messages of an AWS event stream, whose bytes are no text.
    AwsEventStream,
    /// JSON texts, a line each.
    Lines,
}

impl Framing {
    /// Cuts such a stream.
    #[must_use]
    pub fn framer(self) -> Box<dyn Framer> {
        match self {
            Framing::Events => Box::new(SseFramer::default()),
            Framing::AwsEventStream => Box::new(EventStreamFramer::default()),
            Framing::Lines => Box::new(NdjsonFramer::default()),
        }
    }

    /// The media type of such a stream, without parameters.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Framing::Events => "text/event-stream",
            Framing::AwsEventStream => "application/vnd.amazon.eventstream",
            Framing::Lines => "application/x-ndjson",
        }
    }
}

/// Upstream frames to events. Total: bad input is an [`Event::Fault`].
pub trait Decoder: Send {
    /// Takes one frame and appends what it says.
    fn push(&mut self, frame: &Frame, out: &mut Vec<Event>);
    /// The body ended: closes what is open and appends [`Event::End`] or, where the terminal marker is
    /// missing, a fault of [`crate::outcome::Outcome::Truncated`]. Says nothing after a fault or an end.
    fn finish(&mut self, out: &mut Vec<Event>);
    /// What could not be carried so far; given once.
    fn take_losses(&mut self) -> Vec<Loss>;
}

/// Events to the client's bytes.
pub trait Encoder: Send {
    /// Takes one event and appends whole frames.
    fn push(&mut self, event: &Event, out: &mut Vec<u8>);
    /// What could not be carried so far; given once.
    fn take_losses(&mut self) -> Vec<Loss>;
}

/// What a frame of a same-dialect stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Start frames, pings, roles, comments: nothing of the answer yet.
    Preamble,
    /// Text, a tool call, reasoning, a refusal or media.
    Content,
    /// The frame that carries usage and nothing else (OpenAI: empty `choices`, `usage` not null).
    UsageOnly,
    /// The dialect's terminal marker.
    End,
    /// An error inside the stream.
    Fault,
}

/// What an answer told the meter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// Usage so far; its source says whether it is whole.
    pub usage: Usage,
    /// The provider's id of the answer.
    pub id: Option<String>,
    /// The model the provider says it used.
    pub model: Option<String>,
    /// Why the (first) answer ended.
    pub finish: Option<Finish>,
    /// The answer is whole: terminal marker seen, or what stands in for it.
    pub complete: bool,
    /// Bytes of text, reasoning and tool arguments seen: what estimates count.
    pub text_bytes: u64,
    /// An error inside the answer.
    pub fault: Option<UpstreamFault>,
}

/// Watches a same-dialect answer; cannot alter it.
pub trait Meter: Send {
    /// Looks at one frame of a stream.
    fn frame(&mut self, frame: &Frame) -> Seen;
    /// Looks at a whole answer.
    fn whole(&mut self, body: Json<'_>);
    /// The stream's body ended: decides whether it was complete.
    fn finish(&mut self);
    /// What was read so far.
    fn reading(&self) -> &Reading;
    /// The same, given away: for a meter that has seen all it will see.
    fn take_reading(&mut self) -> Reading;
}

/// Makes a [`Reading`] of events, for answers that cross dialects.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    reading: Reading,
}

impl Tally {
    /// Looks at one event; true when it carries content.
    pub fn push(&mut self, event: &Event) -> bool {
        match event {
            Event::Start { id, model, .. } => {
                self.reading.id = Some(id.clone()).filter(|id| !id.is_empty());
                self.reading.model = Some(model.clone()).filter(|model| !model.is_empty());
                false
            }
            Event::Open { kind, .. } => kind.is_content(),
            Event::Delta { delta, .. } => {
                let bytes = match delta {
                    Delta::Text(text) | Delta::Reasoning(text) | Delta::Arguments(text) | Delta::Refusal(text) => {
                        text.len()
                    }
                    Delta::Proof(_) | Delta::Citation(_) => 0,
                };
                self.reading.text_bytes = self.reading.text_bytes.saturating_add(bytes as u64);
                bytes > 0
            }
            Event::Usage(usage) => {
                self.reading.usage = usage.clone();
                false
            }
            Event::Finish { choice, finish } => {
                if *choice == 0 {
                    self.reading.finish = Some(finish.clone());
                }
                false
            }
            Event::Fault(fault) => {
                self.reading.fault = Some(fault.clone());
                if self.reading.usage.source == Source::Reported {
                    self.reading.usage.source = Source::Partial;
                }
                false
            }
            Event::End => {
                self.reading.complete = true;
                false
            }
            Event::Close { .. } => false,
        }
    }

    /// What was read so far.
    #[must_use]
    pub fn reading(&self) -> &Reading {
        &self.reading
    }
}
