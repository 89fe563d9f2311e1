//! Responses: their body, and the headers that every answer carries.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use policy::money::Nano;
use uuid::Uuid;

use crate::exchange::settle::Record;

/// `application/json`
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// `text/event-stream`
pub const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
/// `no-cache`
pub const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
/// `close`
pub const CLOSE: HeaderValue = HeaderValue::from_static("close");

const REQUEST_ID: HeaderName = HeaderName::from_static("x-tollgate-request-id");
const SERVED_BY: HeaderName = HeaderName::from_static("x-tollgate-served-by");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-tollgate-attempts");
const COST: HeaderName = HeaderName::from_static("x-tollgate-cost-usd");
const CACHE: HeaderName = HeaderName::from_static("x-tollgate-cache");
const WHY: HeaderName = HeaderName::from_static("x-tollgate-why");
const LOSS: HeaderName = HeaderName::from_static("x-tollgate-loss");
const ERROR: HeaderName = HeaderName::from_static("x-tollgate-error");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Headers of a usual answer, with what the server adds.
const USUAL: usize = 12;
/// Longest `x-tollgate-loss`, in bytes.
const MOST_LOSS: usize = 1_024;
/// Upstream headers that go down.
const DOWN: [&str; 4] = ["request-id", "x-request-id", "openai-processing-ms", "retry-after"];

/// An answer that was broken off: the connection ends without its proper end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider's answer broke off")]
pub struct Broken;

/// Where the bytes of a response come from, as they come.
pub trait Source: Send + std::fmt::Debug {
    /// The next bytes; `None` at the end.
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>>;
    /// How many bytes there are in all, where that is known.
    fn length(&self) -> Option<u64> {
        None
    }
}

/// The body of a response.
#[derive(Debug)]
pub enum ReplyBody {
    /// All of it.
    Full(Option<Bytes>),
    /// As it comes.
    Stream(Box<dyn Source>),
}

impl ReplyBody {
    /// No body.
    #[must_use]
    pub const fn empty() -> Self {
        Self::Full(None)
    }

    /// A stream.
    #[must_use]
    pub fn stream(source: impl Source + 'static) -> Self {
        Self::Stream(Box::new(source))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(source) => source.poll_bytes(cx).map(|bytes| bytes.map(|bytes| bytes.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Full(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Stream(source) => source.length().map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

/// A response of bytes without a content type.
#[must_use]
pub fn bytes(status: u16, body: impl Into<Bytes>) -> Response<ReplyBody> {
    let body: Bytes = body.into();
    let mut response = Response::new(ReplyBody::Full((!body.is_empty()).then_some(body)));
    response.headers_mut().reserve(USUAL);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response
}

/// A JSON response.
#[must_use]
pub fn json(status: u16, body: impl Into<Bytes>) -> Response<ReplyBody> {
    let mut response = bytes(status, body);
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// A text response.
#[must_use]
pub fn text(status: u16, body: impl Into<Bytes>) -> Response<ReplyBody> {
    let mut response = bytes(status, body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// A header value of any text: visible ASCII, the rest percent-encoded.
#[must_use]
pub fn value(text: &str) -> HeaderValue {
    if let Ok(value) = HeaderValue::from_str(text)
        && text.is_ascii()
    {
        return value;
    }
    let encoded = text.bytes().fold(String::with_capacity(text.len() + 16), |mut out, byte| {
        match byte {
            0x20..0x7f if byte != b'%' => out.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(std::fmt::Write::write_fmt(&mut out, format_args!("%{byte:02X}"))),
        }
        out
    });
    HeaderValue::try_from(encoded).unwrap_or(HeaderValue::from_static(""))
}

/// The request's id.
pub fn id_header(response: &mut Response<ReplyBody>, id: Uuid) {
    let mut buffer = Uuid::encode_buffer();
    if let Ok(id) = HeaderValue::from_str(id.hyphenated().encode_lower(&mut buffer)) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
}

/// What the record knows: id, who served, after how many tries, why, what was lost.
pub fn record_headers(response: &mut Response<ReplyBody>, record: &Record) {
    id_header(response, record.id());
    let entry = record.entry();
    let headers = response.headers_mut();
    let good = entry.error.is_none() || entry.served.is_some();
    if let Some(served) = record.served_by().filter(|_| good) {
        headers.insert(SERVED_BY, value(served));
    }
    headers.insert(ATTEMPTS, HeaderValue::from(record.attempts()));
    headers.insert(CACHE, HeaderValue::from_static(entry.cache));
    if !entry.decision.why.is_empty() {
        headers.insert(WHY, value(&entry.decision.why));
    }
    if !entry.losses.is_empty() {
        headers.insert(LOSS, loss_value(&entry.losses));
    }
}

fn loss_value(losses: &[dialect::loss::Loss]) -> HeaderValue {
    let mut said = String::new();
    for (place, loss) in losses.iter().enumerate() {
        let next = value(&loss.to_string());
        let next = next.to_str().unwrap_or_default();
        let joint = if place == 0 { "" } else { "; " };
        // Room is kept for the count of those that find none.
        if said.len() + joint.len() + next.len() + "; +99999 more".len() > MOST_LOSS {
            let left = losses.len() - place;
            said.push_str(&format!("; +{left} more"));
            break;
        }
        said.push_str(joint);
        said.push_str(next);
    }
    HeaderValue::try_from(said).unwrap_or(HeaderValue::from_static(""))
}

/// What the answer cost.
pub fn cost_header(response: &mut Response<ReplyBody>, cost: Nano) {
    if let Ok(cost) = HeaderValue::from_str(&cost.figures()) {
        response.headers_mut().insert(COST, cost);
    }
}

/// The answer that tells a fault outside of a model call.
#[must_use]
pub fn plain_fault(dialect: DialectId, fault: &Fault, id: Uuid) -> Response<ReplyBody> {
    let body = dialect::of(dialect).write_fault(fault, &id.hyphenated().to_string());
    let mut response = json(fault.status_in(dialect), body);
    fault_headers(&mut response, fault);
    if let Some((_, allow)) = fault.details.iter().find(|(name, _)| *name == "allow")
        && let Ok(allow) = HeaderValue::try_from(allow.trim_matches('"'))
    {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    id_header(&mut response, id);
    response
}

/// The answer that tells a fault.
#[must_use]
pub fn fault(dialect: &dyn dialect::dialect::Dialect, fault: &Fault, record: &Record) -> Response<ReplyBody> {
    let body = dialect.write_fault(fault, &record.id().hyphenated().to_string());
    let mut response = json(fault.status_in(dialect.id()), body);
    fault_headers(&mut response, fault);
    record_headers(&mut response, record);
    response
}

/// What a failure adds: its kind, when to come back, whether at all.
pub fn fault_headers(response: &mut Response<ReplyBody>, fault: &Fault) {
    let headers = response.headers_mut();
    headers.insert(ERROR, HeaderValue::from_static(fault.kind.name()));
    match fault.retry_after {
        Some(seconds) => drop(headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds))),
        None if matches!(fault.kind, Kind::OverBudget) || matches!(response.status().as_u16(), 402 | 502 | 504) => {
            response.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        None => {}
    }
}

/// Upstream headers that go down: ids and times, and rate limits where they are the caller's own.
pub fn upstream_headers(response: &mut Response<ReplyBody>, from: &HeaderMap, limits: bool) {
    for (name, value) in from {
        let listed = DOWN.contains(&name.as_str());
        let limit =
            limits && (name.as_str().starts_with("x-ratelimit-") || name.as_str().starts_with("anthropic-ratelimit-"));
        if listed || limit {
            response.headers_mut().append(name, value.clone());
        }
    }
}
