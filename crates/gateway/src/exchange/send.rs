//! One try: send, wait for the head and for the first content, within the timers.

use std::sync::Arc;
use std::time::Duration;

use dialect::id::DialectId;
use dialect::ir::fold::unfold;
use dialect::outcome::Outcome;
use dialect::stream::Framing;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use tokio::time::{Instant, timeout_at};

use super::array::is_lines;
use super::arrive::Arrived;
use super::flow::{Flow, Head, Step, is_events, is_messages};
use super::hosting;
use super::judge::Won;
use super::miss::{Miss, refusal};
use super::prepare::{Prepared, asked};
use super::redact::redacted;
use super::settle::Record;
use super::whole::{self, Whole};
use crate::config::types::Timeouts;
use crate::demo;
use crate::env;
use crate::state::target::{Lane, Target};
use crate::upstream::client::{Answer, SendError};
use crate::upstream::credential::Payload;

const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");

/// Tries one target with one key.
///
/// # Errors
/// How the try failed.
pub async fn try_one(
    arrived: &Arrived,
    target: &Arc<Target>,
    lane: &Lane,
    prepared: &Prepared,
    key: usize,
    timeouts: Timeouts,
    record: &mut Record,
) -> Result<Won, Miss> {
    let start = env::instant();
    let mut until = start + timeouts.total;
    if let Some(deadline) = arrived.deadline {
        until = until.min(deadline);
    }
    let waiting = env::instant();
    let tried = timeout_at(until, inner(arrived, target, lane, prepared, key, timeouts, until, record)).await;
    record.waited(waiting);
    match tried {
        Ok(tried) => tried,
        Err(_) => Err(Miss::of(Outcome::TimeoutTotal, "no answer within the time for an attempt")),
    }
}

#[expect(clippy::too_many_arguments, reason = "one try has one caller; a struct would only rename the arguments")]
async fn inner(
    arrived: &Arrived,
    target: &Arc<Target>,
    lane: &Lane,
    prepared: &Prepared,
    key: usize,
    timeouts: Timeouts,
    until: Instant,
    record: &mut Record,
) -> Result<Won, Miss> {
    let first_by = arrived.peek.stream.then(|| env::instant() + timeouts.first_byte);
    let sending = send(arrived, target, lane, prepared, key, timeouts.connect, record);
    let answer = match first_by {
        Some(by) => timeout_at(by, sending).await.map_err(|_| first_byte_late())??,
        None => sending.await?,
    };
    if !(200..300).contains(&answer.status) {
        if matches!(answer.status, 401 | 403) {
            target.provider.refused(&record.gateway().tasks);
        }
        return Err(refusal(answer, lane.dialect, target).await);
    }
    // An array came as it was asked for, in pieces.
    let wrapped = lane.hosted.is_some_and(|hosted| hosted.aws_event_stream) && arrived.peek.stream;
    let framing = dialect::of(lane.dialect).framing();
    let messages = framing == Framing::AwsEventStream && is_messages(&answer.headers);
    let lines = framing == Framing::Lines && is_lines(&answer.headers);
    let streamed = is_events(&answer.headers)
        || messages
        || lines
        || wrapped
        || (arrived.array && lane.dialect == arrived.dialect);
    match (arrived.peek.stream, streamed) {
        (false, false) => whole::read(arrived, target, lane, prepared, answer).await.map(Won::Whole),
        (false, true) => whole::gather(arrived, target, lane, prepared, answer).await.map(Won::Whole),
        (true, false) => {
            let whole = whole::read_across(target, lane, prepared, answer).await?;
            Ok(Won::Stream(replay(arrived, target, whole)))
        }
        (true, true) => {
            let head_by = env::instant() + arrived.snapshot.config.server.hold_head;
            let limits = Limits { until, first_by, head_by, idle: timeouts.idle };
            begin(arrived, target, lane, prepared, answer, limits, record).await
        }
    }
}

fn first_byte_late() -> Miss {
    Miss::of(Outcome::TimeoutFirstByte, "no byte of an answer within the time for the first")
}

/// The times a stream must keep.
#[derive(Debug, Clone, Copy)]
struct Limits {
    until: Instant,
    first_by: Option<Instant>,
    head_by: Instant,
    idle: Duration,
}

/// Sends the request; once more on a fresh connection when a kept one was found closed.
async fn send(
    arrived: &Arrived,
    target: &Target,
    lane: &Lane,
    prepared: &Prepared,
    key: usize,
    connect: Duration,
    record: &mut Record,
) -> Result<Answer, Miss> {
    let provider = &target.provider;
    let hurried = (connect != provider.reach.connect).then(|| provider.hurried(connect)).flatten();
    let Some(client) = hurried.as_ref().or(provider.client.as_ref()) else {
        return Ok(demo::answer(&target.model, &prepared.body));
    };
    let mut again = false;
    loop {
        let mut request = Request::new(Full::new(prepared.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = with_query(arrived, lane);
        *request.headers_mut() = headers(arrived, lane, prepared, key, record);
        let authorized =
            provider.authorize(&record.gateway().tasks, &mut request, Payload::Whole(&prepared.body)).await;
        authorized.map_err(|error| Miss::of(Outcome::Auth, error.to_string()))?;
        let miss = match client.send(request).await {
            Ok(answer) => return Ok(answer),
            Err(SendError::Broken { reused: true }) if !again => {
                again = true;
                record.resent();
                continue;
            }
            Err(SendError::ConnectTimeout) => Miss::of(Outcome::TimeoutConnect, "no connection in time"),
            Err(SendError::Connect) => Miss::of(Outcome::Connect, "no connection"),
            Err(SendError::Broken { .. }) => Miss::of(Outcome::Connect, "the connection broke before an answer"),
        };
        return Err(miss);
    }
}

/// The lane's address with the caller's query where the dialect is the same; a stream of another dialect's
/// comes as events.
fn with_query(arrived: &Arrived, lane: &Lane) -> Uri {
    let streams = lane.stream_url.as_ref().filter(|_| arrived.peek.stream);
    let url = streams.unwrap_or(&lane.url);
    let query = match lane.dialect == arrived.dialect {
        true => arrived.query.as_deref(),
        false => streams.filter(|_| lane.dialect == DialectId::Gemini).map(|_| "alt=sse"),
    };
    let Some(query) = query else { return url.clone() };
    let joint = if url.query().is_some() { '&' } else { '?' };
    format!("{url}{joint}{query}").parse().unwrap_or_else(|_| url.clone())
}

/// Request headers that go up; everything else of the caller's stays here. A dialect's own go only to it.
#[must_use]
pub fn goes_up(name: &HeaderName, same_dialect: bool) -> bool {
    match name.as_str() {
        "accept" | "idempotency-key" | "traceparent" | "tracestate" => true,
        "anthropic-version" | "anthropic-beta" | "openai-beta" => same_dialect,
        _ => false,
    }
}

fn headers(arrived: &Arrived, lane: &Lane, prepared: &Prepared, key: usize, record: &Record) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    for (name, value) in &lane.headers {
        headers.insert(name, value.clone());
    }
    let same = lane.dialect == arrived.dialect;
    for name in arrived.headers.keys().filter(|name| goes_up(name, same)) {
        if let Some(value) = arrived.headers.get(name) {
            headers.insert(name, value.clone());
        }
    }
    for (name, value) in &prepared.headers {
        if let Ok(value) = HeaderValue::try_from(value.as_str()) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    if lane.dialect == DialectId::AnthropicMessages && !headers.contains_key(&ANTHROPIC_VERSION) {
        headers.insert(ANTHROPIC_VERSION, HeaderValue::from_static("2023-06-01"));
    }
    if let Some(hosted) = lane.hosted {
        hosting::headers(hosted, &mut headers);
    }
    let framing = dialect::of(lane.dialect).framing();
    if framing == Framing::AwsEventStream {
        let kind = if arrived.peek.stream { framing.media_type() } else { "application/json" };
        headers.insert(header::ACCEPT, HeaderValue::from_static(kind));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("tollgate/", env!("CARGO_PKG_VERSION"))));
    headers.insert(header::VIA, record.gateway().via_header.clone());
    if let Some(Some((name, value))) = lane.auth.get(key.min(lane.auth.len().saturating_sub(1))) {
        headers.insert(name, value.clone());
    }
    headers
}

/// Reads a stream up to its first content: until then it may still fail over.
async fn begin(
    arrived: &Arrived,
    target: &Arc<Target>,
    lane: &Lane,
    prepared: &Prepared,
    answer: Answer,
    limits: Limits,
    record: &mut Record,
) -> Result<Won, Miss> {
    let head = Head::of(&answer, target);
    let mut flow = Flow::new(arrived, target, lane, &prepared.way, answer, limits.idle, limits.until);
    let mut first = true;
    loop {
        let mut by = limits.head_by;
        if first {
            by = limits.first_by.unwrap_or(by);
        }
        let piece = match timeout_at(by, flow.next_piece()).await {
            Ok(piece) => piece,
            Err(_) if first => return Err(first_byte_late()),
            // The head was held as long as it may be: what there is goes out, and the target is final.
            Err(_) => return Ok(Won::Stream(flow.ready(head))),
        };
        first = false;
        match flow.step(piece) {
            Step::More => {}
            Step::Content | Step::Ended => {
                record.first_byte();
                return Ok(Won::Stream(flow.ready(head)));
            }
            Step::Failed(fault) => {
                let mut fault = fault;
                fault.message = redacted(fault.message, target);
                return Err(Miss { fault, raw: None });
            }
        }
    }
}

/// A whole answer as the stream that was asked for.
fn replay(arrived: &Arrived, target: &Arc<Target>, whole: Box<Whole>) -> Box<Flow> {
    let events = unfold(&whole.response.unwrap_or_default());
    Flow::replay(arrived, target, whole.status, whole.headers, &events, &asked(arrived, target))
}
