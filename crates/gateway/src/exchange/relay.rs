//! Streams: upstream bytes to the client's bytes, frame by frame, with the meter watching.
//!
//! A [`Flow`] is the machine: bytes in, bytes out, and how it ended. [`Streaming`] drives it as the body of
//! the response, keeps the timers, settles the record at the end or when the client leaves.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dialect::anthropic_messages::hosting::BedrockFramer;
use dialect::dialect::Asked;
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use dialect::ir::event::Event;
use dialect::ir::grammar::Grammar;
use dialect::ir::proofs::Gather;
use dialect::outcome::{Outcome, UpstreamFault};
use dialect::stream::{Decoder, Encoder, Meter, Reading, Seen, Tally};
use http::{HeaderMap, Response, header};
use policy::entry::Status;
use policy::price::cost::cost;
use policy::price::sheet::Asked as Priced;
use policy::route::verdict::verdict;
use store::journal::Appended;
use tokio::time::{Instant, Sleep};
use wire::error::FrameError;
use wire::frame::{Frame, Framer as _};
use wire::json::Json;
use wire::sse::SseFramer;

use super::array::{Array, Cutter};
use super::arrive::Arrived;
use super::attempt::{Way, asked};
use super::judge::redact;
use super::out::Out;
use super::settle::{End, Record};
use super::whole::{one_key, wants_cost, with_cost};
use crate::config::types::OnDisconnect;
use crate::env;
use crate::kept::turn::Turn;
use crate::server::reply::{self, ReplyBody};
use crate::state::target::{Lane, Target};
use crate::upstream::body::{BodyError, UpBody};
use crate::upstream::client::Answer;

/// How long an answer's last bytes wait for its line.
const PATIENCE: Duration = Duration::from_millis(20);
/// How long an upstream's connection is read on after its answer ended, so that it can be kept.
const TAIL: Duration = Duration::from_secs(1);
/// How long a stream is read on after its caller left, where the provider is set to.
const DRAIN: Duration = Duration::from_secs(600);

/// One piece of an upstream's body.
pub type Piece = Option<Result<Bytes, BodyError>>;

/// The upstream's head, kept until the first content.
#[derive(Debug, Default)]
pub struct Head {
    headers: HeaderMap,
    limits: bool,
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
enum Ending {
    Complete,
    /// `passed`: the caller has been given the upstream's own error.
    Failed {
        fault: UpstreamFault,
        passed: bool,
    },
}

/// A stream on its way.
pub struct Flow {
    body: Option<UpBody>,
    framer: Cutter,
    /// The client takes one array rather than events.
    array: Option<Array>,
    machine: Machine,
    out: Out,
    content: bool,
    ending: Option<Ending>,
    head: Head,
    caller: DialectId,
    target: Arc<Target>,
    status: u16,
    idle: Duration,
    until: Instant,
    add_cost: bool,
    tier: Option<String>,
    /// What is kept of it at its end, and the frames that say it.
    turn: Option<Arc<Turn>>,
    last: Bytes,
    /// What it proves of its reasoning, and whose that is.
    gather: Gather,
    owner: String,
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
            framer: match lane.hosted {
                Some(hosted) if hosted.aws_event_stream => Cutter::Aws(BedrockFramer::default()),
                _ => Cutter::new(array && same),
            },
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
            turn: arrived.turn.clone().filter(|turn| turn.keep && !same),
            last: Bytes::new(),
            gather: Gather::default(),
            owner: arrived.who.owner.text(),
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
        let (mut last, mut gather) = (0, Gather::default());
        for event in events {
            tally.push(event);
            gather.push(event);
            last = bytes.len();
            encoder.push(event, &mut bytes);
        }
        let last = Bytes::copy_from_slice(bytes.get(last..).unwrap_or_default());
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
            turn: arrived.turn.clone().filter(|turn| turn.keep),
            last,
            gather,
            owner: arrived.who.owner.text(),
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
    fn take(&mut self, piece: Piece) {
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

    fn fail(&mut self, outcome: Outcome, message: &str) {
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
                        let keys = self.target.provider.config.keys.iter().map(crate::config::Secret::reveal);
                        self.out.push(redact(frame.raw.clone(), keys));
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
            self.gather.push(&event);
            match event {
                Event::Fault(fault) => {
                    self.ending = Some(Ending::Failed { fault, passed: false });
                    break;
                }
                Event::End => {
                    let last = written.len();
                    encoder.push(&Event::End, &mut written);
                    if self.turn.is_some() {
                        self.last = Bytes::copy_from_slice(written.get(last..).unwrap_or_default());
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
    fn close(&mut self, broken: bool) {
        if let Some(array) = self.array.take()
            && (broken || !matches!(self.machine, Machine::Same { .. }))
        {
            self.out.extend_from_slice(array.close());
        }
    }

    fn reading(&self) -> &Reading {
        match &self.machine {
            Machine::Same { meter, .. } => meter.reading(),
            Machine::Across { tally, .. } => tally.reading(),
            Machine::Replayed(reading) => reading,
        }
    }

    fn settle(
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
        let end =
            End { status, outcome, upstream_status: self.status, http: 200, reading: self.reading().clone(), error };
        record.settle(end).1
    }
}

/// The response of a stream that has begun.
pub fn answer(mut record: Record, arrived: &Arrived, mut flow: Box<Flow>) -> Response<ReplyBody> {
    record.flows();
    let head = std::mem::take(&mut flow.head);
    let mut response = Response::new(ReplyBody::empty());
    let kind = if flow.array.is_some() { reply::JSON } else { reply::EVENT_STREAM };
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert(header::CACHE_CONTROL, reply::NO_CACHE);
    reply::upstream_headers(&mut response, &head.headers, head.limits);
    reply::record_headers(&mut response, &record);
    let now = env::instant();
    *response.body_mut() = ReplyBody::stream(Streaming {
        flow: Some(flow),
        record,
        keepalive: arrived.snapshot.config.server.keepalive,
        state: State::Flowing,
        timer: None,
        read_at: now,
        sent_at: now,
    });
    response
}

enum State {
    /// Pieces come.
    Flowing,
    /// The last bytes wait for the line.
    Waiting {
        line: tokio::sync::oneshot::Receiver<()>,
        by: Pin<Box<Sleep>>,
    },
    /// The answer is out; the upstream's body is read to its end.
    Tail,
    Done,
}

/// A stream as the body of a response.
pub struct Streaming {
    flow: Option<Box<Flow>>,
    record: Record,
    keepalive: Option<Duration>,
    state: State,
    timer: Option<Pin<Box<Sleep>>>,
    read_at: Instant,
    sent_at: Instant,
}

impl std::fmt::Debug for Streaming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Streaming({:?})", self.flow)
    }
}

impl Streaming {
    /// The next bytes for the client; `None` at the end.
    pub fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            let Some(flow) = &mut self.flow else { return Poll::Ready(None) };
            match &mut self.state {
                State::Done => return Poll::Ready(None),
                State::Waiting { line, by } => {
                    if Pin::new(line).poll(cx).is_pending() {
                        ready!(by.as_mut().poll(cx));
                    }
                    self.state = State::Tail;
                    if let Some(bytes) = flow.out.take() {
                        return Poll::Ready(Some(bytes));
                    }
                }
                State::Tail => {
                    if let Some(bytes) = flow.out.take() {
                        return Poll::Ready(Some(bytes));
                    }
                    self.tail(cx);
                    return Poll::Ready(None);
                }
                State::Flowing => {
                    if let Some(ending) = flow.ending.take() {
                        self.end(ending);
                        continue;
                    }
                    if let Some(bytes) = flow.out.take() {
                        self.sent_at = self.read_at;
                        return Poll::Ready(Some(bytes));
                    }
                    match flow.body.as_mut().map_or(Poll::Ready(None), |body| body.poll_data(cx)) {
                        Poll::Ready(piece) => {
                            self.read_at = env::instant();
                            flow.take(piece);
                        }
                        Poll::Pending => match ready!(self.timers(cx)) {
                            Some(bytes) => return Poll::Ready(Some(bytes)),
                            None => continue,
                        },
                    }
                }
            }
        }
    }

    /// Looks at the timers while nothing comes: gives a comment to send, or notes a time-out.
    fn timers(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(flow) = &mut self.flow else { return Poll::Ready(None) };
        loop {
            let idle_at = self.read_at.checked_add(flow.idle).unwrap_or(flow.until);
            let mut next = idle_at.min(flow.until);
            let keepalive_at = self.keepalive.map(|silence| self.sent_at + silence);
            if let Some(at) = keepalive_at {
                next = next.min(at);
            }
            // The timer is set once and looked at when it fires: pieces in between cost nothing.
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(next)));
            if timer.deadline() > next {
                timer.as_mut().reset(next);
            }
            ready!(timer.as_mut().poll(cx));
            let now = env::instant();
            if now >= flow.until {
                flow.fail(Outcome::TimeoutTotal, "the stream took longer than an attempt may take");
                return Poll::Ready(None);
            }
            if now >= idle_at {
                flow.fail(Outcome::TimeoutIdle, "the stream was silent for too long");
                return Poll::Ready(None);
            }
            if keepalive_at.is_some_and(|at| now >= at) {
                self.sent_at = now;
                let sign: &[u8] = if flow.array.is_some() { b"\n" } else { b": keepalive\n\n" };
                return Poll::Ready(Some(Bytes::from_static(sign)));
            }
            timer.as_mut().reset(next);
        }
    }

    /// The answer ended: settles it, appends what the caller is told, and keeps the last bytes back for the
    /// line.
    fn end(&mut self, ending: Ending) {
        let Some(flow) = &mut self.flow else { return };
        let appended = match ending {
            Ending::Complete => {
                // The last frame ends with the first half of a CRLF when the pieces are cut there.
                if flow.out.ends_with(b"\r") {
                    flow.out.extend_from_slice(b"\n");
                }
                flow.close(false);
                let proved = std::mem::take(&mut flow.gather).finish();
                self.record.gateway().proofs.remember(&flow.owner, proved);
                if let Some(turn) = flow.turn.take() {
                    turn.end_stream(self.record.gateway(), &flow.last);
                }
                flow.settle(&mut self.record, Status::Ok, Outcome::Ok, None)
            }
            Ending::Failed { fault, passed } => {
                let kind = verdict(&[(fault.outcome, None)]).kind;
                let appended = flow.settle(&mut self.record, Status::Incomplete, fault.outcome, Some(kind.name()));
                if !passed {
                    let told = told(kind, &fault, &flow.target);
                    let id = self.record.id().hyphenated().to_string();
                    let frames = dialect::of(flow.caller).write_stream_fault(&told, &id);
                    match &mut flow.array {
                        Some(array) => flow.out.extend_from_slice(&array.items(&frames)),
                        None => flow.out.extend_from_slice(&frames),
                    }
                }
                flow.close(true);
                // What is left of a broken answer is of no use to anyone.
                flow.body = None;
                appended
            }
        };
        self.state = match appended {
            Appended::Waiting(line) => State::Waiting { line, by: Box::pin(tokio::time::sleep(PATIENCE)) },
            Appended::Written | Appended::Held => State::Tail,
        };
    }

    /// Reads the upstream's body to its end, here if it is there already, else beside.
    fn tail(&mut self, cx: &mut Context<'_>) {
        self.state = State::Done;
        let Some(mut body) = self.flow.as_mut().and_then(|flow| flow.body.take()) else { return };
        loop {
            match body.poll_data(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(_) => return,
                Poll::Pending => break,
            }
        }
        let tasks = self.record.gateway().tasks.clone();
        tasks.spawn("tail", async move {
            let _ = tokio::time::timeout(TAIL, async { while let Some(Ok(_)) = body.next().await {} }).await;
        });
    }
}

/// True for an answer of server-sent events.
#[must_use]
pub fn is_events(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream"))
}

/// What the caller of a broken stream is told.
fn told(kind: Kind, fault: &UpstreamFault, target: &Target) -> Fault {
    let message = match fault.outcome {
        Outcome::Truncated => {
            "The provider's stream broke off; the answer is incomplete. Retry the request.".to_owned()
        }
        Outcome::TimeoutIdle => "The provider fell silent; the answer is incomplete. Retry the request.".to_owned(),
        Outcome::TimeoutTotal => {
            "The answer took too long and is incomplete. Raise `timeouts.total`, or ask for less.".to_owned()
        }
        _ => super::send::redacted(fault.message.clone(), target),
    };
    let mut told = Fault::new(kind, message);
    told.code.clone_from(&fault.code);
    told.upstream_type.clone_from(&fault.kind);
    told
}

impl Drop for Streaming {
    /// The client left: the upstream is cancelled, or read on beside where the provider is set to; what was
    /// used is charged.
    fn drop(&mut self) {
        let Some(mut flow) = self.flow.take() else { return };
        if !matches!(self.state, State::Flowing) {
            return;
        }
        let drain = flow.target.provider.config.on_disconnect == OnDisconnect::Drain;
        let tasks = self.record.gateway().tasks.clone();
        if !drain || flow.ending.is_some() || flow.body.is_none() || tasks.stop().is_cancelled() {
            drop(flow.settle(&mut self.record, Status::Cancelled, Outcome::Cancelled, None));
            return;
        }
        let mut record = self.record.take_over();
        tasks.spawn("drain", async move {
            let read = async {
                while flow.ending.is_none() {
                    let piece = flow.next_piece().await;
                    flow.take(piece);
                    flow.out.clear();
                }
            };
            let stop = tasks_stop(&record);
            tokio::select! {
                _ = tokio::time::timeout(DRAIN, read) => {}
                () = stop.cancelled() => {}
            }
            drop(flow.settle(&mut record, Status::Cancelled, Outcome::Cancelled, None));
        });
    }
}

fn tasks_stop(record: &Record) -> tokio_util::sync::CancellationToken {
    record.gateway().tasks.stop().clone()
}
