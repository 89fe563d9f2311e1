//! The machine of a stream: an upstream's bytes in, the client's bytes out, and how it ended.
//!
//! It does nothing by itself: [`Streaming`](super::relay::Streaming) drives it as the body of the response.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dialect::dialect::Asked;
use dialect::id::DialectId;
use dialect::ir::event::Event;
use dialect::ir::grammar::Grammar;
use dialect::outcome::{Outcome, UpstreamFault};
use dialect::stream::{Decoder, Encoder, Framing, Meter, Reading, Seen, Tally};
use http::{HeaderMap, header};
use policy::entry::Status;
use policy::object::Name;
use policy::price::cost::cost;
use policy::price::sheet::Asked as Priced;
use store::journal::Appended;
use tokio::time::Instant;
use wire::error::FrameError;
use wire::frame::{Frame, Framer as _};
use wire::json::Json;
use wire::sse::SseFramer;

use super::array::{Array, Cutter};
use super::arrive::Arrived;
use super::out::Out;
use super::prepare::{Way, asked};
use super::redact::cleared;
use super::remains::{Remains, settle};
use super::settle::{End, Record};
use super::whole::{one_key, wants_cost, with_cost};
use crate::env;
use crate::state::target::{Lane, Target};
use crate::upstream::body::{BodyError, UpBody};
use crate::upstream::client::Answer;

/// One piece of an upstream's body.
pub type Piece = Option<Result<Bytes, BodyError>>;

/// The upstream's head, kept until the first content.
#[derive(Debug, Default)]
pub struct Head {
    pub(super) headers: HeaderMap,
    pub(super) limits: bool,
}

impl Head {
    /// The head of an answer.
    #[must_use]
    pub fn of(answer: &Answer, target: &Target) -> Self {
        Self { headers: answer.headers.clone(), limits: one_key(target) }
    }
}

/// What a piece brought.
#[derive(Debug)]
pub enum Step {
    /// Nothing of the answer yet.
    More,
    /// Content.
    Content,
    /// The answer is whole without any.
    Ended,
    /// It failed before any.
    Failed(UpstreamFault),
}

enum Machine {
    /// Bytes pass, the meter watches.
    Same { meter: Box<dyn Meter>, hold_usage: bool },
    /// Frames to events to frames.
    Across { decoder: Box<dyn Decoder>, encoder: Box<dyn Encoder>, tally: Box<Tally>, grammar: Grammar },
    /// The bytes are there already.
    Replayed(Box<Reading>),
}

/// How a stream ended.
#[derive(Debug)]
pub(super) enum Ending {
    Complete,
    /// `passed`: the caller has been given the upstream's own error.
    Failed {
        fault: UpstreamFault,
        passed: bool,
    },
}

/// A stream on its way.
pub struct Flow {
    pub(super) body: Option<UpBody>,
    framer: Cutter,
    /// The client takes one array rather than events.
    pub(super) array: Option<Array>,
    machine: Machine,
    pub(super) out: Out,
    content: bool,
    pub(super) ending: Option<Ending>,
    pub(super) head: Head,
    pub(super) caller: DialectId,
    pub(super) target: Arc<Target>,
    status: u16,
    pub(super) idle: Duration,
    pub(super) until: Instant,
    add_cost: bool,
    tier: Option<String>,
    /// The response that its provider goes on to make when this stream is left.
    pub(super) later: Option<Name>,
    /// What stays of it, where it crosses dialects.
    pub(super) remains: Option<Remains>,
    frames: Vec<Frame>,
    events: Vec<Event>,
}

impl std::fmt::Debug for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Flow({} from {}, {} bytes held)", self.caller, self.target.name, self.out.len())
    }
}

impl Flow {
    /// A stream whose answer has begun.
    #[must_use]
    pub fn new(
        arrived: &Arrived,
        target: &Arc<Target>,
        lane: &Lane,
        way: &Way,
        answer: Answer,
        idle: Duration,
        until: Instant,
    ) -> Box<Self> {
        let to = target.for_dialect();
        let machine = match way {
            Way::Same { hold_usage } => {
                Machine::Same { meter: dialect::of(lane.dialect).meter(&to), hold_usage: *hold_usage }
            }
            Way::Across { undo } => Machine::Across {
                decoder: dialect::of(lane.dialect).decoder(undo.clone(), &to),
                encoder: dialect::of(arrived.dialect).encoder(&asked(arrived, target)),
                tally: Box::default(),
                grammar: Grammar::default(),
            },
        };
        let same = matches!(way, Way::Same { .. });
        // Where the dialect is the same, what comes says what goes out.
        let array = arrived.array && !(same && is_events(&answer.headers));
        Box::new(Self {
            body: Some(answer.body),
            framer: if array && same { Cutter::new(true) } else { Cutter::of(lane) },
            array: array.then(Array::default),
            machine,
            out: Out::default(),
            content: false,
            ending: None,
            head: Head::default(),
            caller: arrived.dialect,
            target: Arc::clone(target),
            status: answer.status,
            idle,
            until,
            add_cost: wants_cost(arrived),
            tier: arrived.peek.tier.clone(),
            later: None,
            remains: (!same).then(|| Remains::of(arrived)),
            frames: Vec::new(),
            events: Vec::new(),
        })
    }

    /// A whole answer as a stream: everything is there at once.
    #[must_use]
    pub fn replay(
        arrived: &Arrived,
        target: &Arc<Target>,
        status: u16,
        headers: HeaderMap,
        events: &[Event],
        asked: &Asked,
    ) -> Box<Self> {
        let mut encoder = dialect::of(arrived.dialect).encoder(asked);
        let mut tally = Tally::default();
        let mut bytes = Vec::new();
        let (mut last, mut remains) = (0, Remains::of(arrived));
        for event in events {
            tally.push(event);
            remains.event(event);
            last = bytes.len();
            encoder.push(event, &mut bytes);
        }
        remains.last(bytes.get(last..).unwrap_or_default());
        let mut flow = Box::new(Self {
            body: None,
            framer: Cutter::new(false),
            array: arrived.array.then(Array::default),
            machine: Machine::Replayed(Box::new(tally.reading().clone())),
            out: Out::default(),
            content: true,
            ending: Some(Ending::Complete),
            head: Head { headers, limits: one_key(target) },
            caller: arrived.dialect,
            target: Arc::clone(target),
            status,
            idle: Duration::MAX,
            until: env::instant() + Duration::from_secs(3_600),
            add_cost: wants_cost(arrived),
            tier: arrived.peek.tier.clone(),
            later: None,
            remains: Some(remains),
            frames: Vec::new(),
            events: Vec::new(),
        });
        flow.write(bytes);
        flow
    }

    /// The same with its head, ready to go out.
    #[must_use]
    pub fn ready(mut self: Box<Self>, head: Head) -> Box<Self> {
        self.head = head;
        self
    }

    /// The next piece of the upstream's body.
    pub async fn next_piece(&mut self) -> Piece {
        match &mut self.body {
            Some(body) => body.next().await,
            None => None,
        }
    }

    /// Takes a piece while the head is held.
    pub fn step(&mut self, piece: Piece) -> Step {
        self.take(piece);
        match self.ending.take() {
            _ if self.content => {
                // What ended it, if anything did, is said after the content.
                Step::Content
            }
            None => Step::More,
            Some(Ending::Complete) => {
                self.ending = Some(Ending::Complete);
                Step::Ended
            }
            Some(Ending::Failed { fault, .. }) => Step::Failed(fault),
        }
    }

    /// Takes a piece: appends what goes to the client, and notes how it ended if it did.
    pub(super) fn take(&mut self, piece: Piece) {
        if self.ending.is_some() {
            return;
        }
        let last = piece.is_none();
        let mut frames = std::mem::take(&mut self.frames);
        let over = match piece {
            Some(Ok(chunk)) => match self.framer.push(&chunk, &mut frames) {
                Ok(()) => None,
                Err(FrameError::TooLong { .. }) => {
                    Some((Outcome::BadAnswer, "the stream has a frame longer than any frame may be"))
                }
                Err(FrameError::Corrupt { what }) => Some((Outcome::BadAnswer, what)),
            },
            Some(Err(BodyError::Connection)) => Some((Outcome::Truncated, "the stream broke off before its end")),
            Some(Err(BodyError::Coding)) => {
                Some((Outcome::BadAnswer, "the stream is not what its content-encoding says"))
            }
            None => {
                self.framer.finish(&mut frames);
                None
            }
        };
        for frame in frames.drain(..) {
            if self.ending.is_none() {
                self.frame(&frame);
            }
        }
        self.frames = frames;
        if self.ending.is_some() {
            return;
        }
        match over {
            Some((outcome, message)) => self.fail(outcome, message),
            None if last => self.finish(),
            None => {}
        }
    }

    pub(super) fn fail(&mut self, outcome: Outcome, message: &str) {
        let fault = UpstreamFault::new(outcome, self.status, message);
        self.ending = Some(Ending::Failed { fault, passed: false });
    }

    fn frame(&mut self, frame: &Frame) {
        match &mut self.machine {
            Machine::Same { meter, hold_usage } => {
                let seen = meter.frame(frame);
                match seen {
                    Seen::UsageOnly if *hold_usage => return,
                    Seen::Content => self.content = true,
                    Seen::End => self.ending = Some(Ending::Complete),
                    Seen::Fault => {
                        let fault = meter.reading().fault.clone();
                        let fault =
                            fault.unwrap_or_else(|| UpstreamFault::new(Outcome::ServerError, self.status, "failed"));
                        self.ending = Some(Ending::Failed { fault, passed: true });
                        self.out.push(cleared(frame.raw.clone(), &self.target));
                        self.pass();
                        return;
                    }
                    Seen::Preamble | Seen::UsageOnly => {}
                }
                if self.add_cost
                    && let Some(edited) = self.with_cost(frame)
                {
                    self.out.push(edited);
                    return;
                }
                self.out.push(frame.raw.clone());
                if frame.data.is_some() {
                    self.pass();
                }
            }
            Machine::Across { decoder, .. } => {
                let mut events = std::mem::take(&mut self.events);
                decoder.push(frame, &mut events);
                self.events(&mut events);
                self.events = events;
            }
            Machine::Replayed(_) => {}
        }
    }

    /// An item of an array went out as it came.
    fn pass(&mut self) {
        if let Some(array) = &mut self.array {
            array.passed();
        }
    }

    fn events(&mut self, events: &mut Vec<Event>) {
        let Machine::Across { encoder, tally, grammar, .. } = &mut self.machine else { return };
        let mut written = Vec::new();
        for event in events.drain(..) {
            debug_assert!(grammar.push(&event).is_ok(), "a decoder broke the grammar");
            self.content |= tally.push(&event);
            if let Some(remains) = &mut self.remains {
                remains.event(&event);
            }
            match event {
                Event::Fault(fault) => {
                    self.ending = Some(Ending::Failed { fault, passed: false });
                    break;
                }
                Event::End => {
                    let last = written.len();
                    encoder.push(&Event::End, &mut written);
                    if let Some(remains) = &mut self.remains {
                        remains.last(written.get(last..).unwrap_or_default());
                    }
                    self.ending = Some(Ending::Complete);
                    break;
                }
                event => encoder.push(&event, &mut written),
            }
        }
        self.write(written);
    }

    /// Appends what an encoder wrote, the cost in it where it is wanted.
    fn write(&mut self, written: Vec<u8>) {
        if let Some(array) = &mut self.array {
            let items = array.items(&written);
            return self.out.push(items.into());
        }
        if !self.add_cost || written.is_empty() {
            self.out.push(written.into());
            return;
        }
        let mut frames = Vec::new();
        // What an encoder writes is whole frames within every bound.
        let _ = SseFramer::default().push(&written.into(), &mut frames);
        for frame in &frames {
            let edited = self.with_cost(frame);
            self.out.push(edited.unwrap_or_else(|| frame.raw.clone()));
        }
    }

    /// A frame that carries final usage, with `usage.cost` in it.
    fn with_cost(&self, frame: &Frame) -> Option<Bytes> {
        let data = frame.data.as_ref()?;
        memchr::memmem::find(data, b"\"usage\"")?;
        let json = Json::from_bytes(data).ok()?;
        json.get("usage").or_else(|| json.get("response")?.get("usage"))?.non_null()?;
        let usage = &self.reading().usage;
        if usage.source != dialect::usage::Source::Reported {
            return None;
        }
        let target = &self.target;
        let asked = Priced { tier: self.tier.as_deref(), region: target.region.as_deref() };
        let total = cost(usage, target.sheet.as_ref(), env::now(), asked, target.provider.config.fee).total()?;
        let edited = with_cost(data.clone(), total);
        let mut out = BytesMut::with_capacity(edited.len() + 32);
        if let Some(event) = &frame.event {
            out.extend_from_slice(b"event: ");
            out.extend_from_slice(event);
            out.extend_from_slice(b"\n");
        }
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&edited);
        out.extend_from_slice(b"\n\n");
        Some(out.freeze())
    }

    /// The body ended without a marker.
    fn finish(&mut self) {
        match &mut self.machine {
            Machine::Same { meter, .. } => {
                meter.finish();
                if meter.reading().complete {
                    self.ending = Some(Ending::Complete);
                } else {
                    self.fail(Outcome::Truncated, "the stream ended before its end");
                }
            }
            Machine::Across { decoder, .. } => {
                let mut events = std::mem::take(&mut self.events);
                decoder.finish(&mut events);
                self.events(&mut events);
                self.events = events;
                if self.ending.is_none() {
                    self.fail(Outcome::Truncated, "the stream ended before its end");
                }
            }
            Machine::Replayed(_) => self.ending = Some(Ending::Complete),
        }
    }

    /// Ends an array: one of ours, or one that was broken off.
    pub(super) fn close(&mut self, broken: bool) {
        if let Some(array) = self.array.take()
            && (broken || !matches!(self.machine, Machine::Same { .. }))
        {
            self.out.extend_from_slice(array.close());
        }
    }

    /// It passes in its own dialect.
    #[must_use]
    pub const fn is_same(&self) -> bool {
        matches!(self.machine, Machine::Same { .. })
    }

    /// What it told so far.
    #[must_use]
    pub fn reading(&self) -> &Reading {
        match &self.machine {
            Machine::Same { meter, .. } => meter.reading(),
            Machine::Across { tally, .. } => tally.reading(),
            Machine::Replayed(reading) => reading,
        }
    }

    pub(super) fn settle(
        &mut self,
        record: &mut Record,
        status: Status,
        outcome: Outcome,
        error: Option<&'static str>,
    ) -> Appended {
        if let Machine::Across { decoder, encoder, .. } = &mut self.machine {
            record.lose(decoder.take_losses());
            record.lose(encoder.take_losses());
        }
        let reading = self.reading().clone();
        settle(
            record,
            self.later.take(),
            End { status, outcome, upstream_status: self.status, http: 200, reading, error },
        )
    }
}

/// True for an answer of server-sent events.
#[must_use]
pub fn is_events(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream"))
}

/// True for an AWS event stream.
#[must_use]
pub fn is_messages(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let media_type = Framing::AwsEventStream.media_type();
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with(media_type))
}
