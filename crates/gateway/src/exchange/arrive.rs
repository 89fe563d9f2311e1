//! Who asks, and what: the caller's key, the body, one look at it. One snapshot is taken here.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use dialect::peek::{Peek, Said};
use http::{HeaderMap, HeaderName, Response, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use policy::object::Object;
use tokio::time::Instant;
use uuid::Uuid;
use wire::json::Document;

use super::call::Call;
use super::settle::Record;
use crate::auth;
use crate::coding::{Coding, CodingError, decode};
use crate::gateway::{Gateway, Held};
use crate::kept::turn::Turn;
use crate::server::google;
use crate::server::reply::{self, ReplyBody};
use crate::state::directory::Principal;
use crate::state::names;
use crate::state::snapshot::Snapshot;

/// How long the rest of a refused request is read on.
const DISCARD: Duration = Duration::from_secs(2);
const TIMEOUT: HeaderName = HeaderName::from_static("x-tollgate-timeout");

/// A request that is understood.
#[derive(Debug)]
pub struct Arrived {
    /// Its id.
    pub id: Uuid,
    /// When it arrived.
    pub start: Instant,
    /// The caller's dialect.
    pub dialect: DialectId,
    /// The caller.
    pub who: Arc<Principal>,
    /// The configuration it is served by, from here to its end.
    pub snapshot: Arc<Snapshot>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its query, less `key`.
    pub query: Option<String>,
    /// Its body.
    pub body: Document,
    /// What routing must know of it.
    pub peek: Peek,
    /// A stream goes out as one JSON array rather than as events.
    pub array: bool,
    /// When the caller gives up.
    pub deadline: Option<Instant>,
    /// Its turn in a conversation that the gateway may keep, in dialects that have such.
    pub turn: Option<Arc<Turn>>,
    /// What it goes on from, where a provider keeps that.
    pub held: Option<Object>,
    /// Its bytes count as held in memory until it is done.
    memory: Held,
}

impl Arrived {
    /// Puts another body in the place of the caller's, and looks at it.
    ///
    /// # Errors
    /// No memory for it; it is not what the dialect says.
    pub fn replace(&mut self, gateway: &Gateway, bytes: Bytes) -> Result<(), Fault> {
        let size = bytes.len();
        gateway.grow(&mut self.memory, size as u64, self.snapshot.config.server.max_buffered)?;
        self.body = Document::parse(bytes).map_err(|error| {
            let message = format!("The request with the conversation it goes on from cannot be read: {error}.");
            Fault::invalid("previous_response_id", message)
        })?;
        let said = Said { model: Some(&self.peek.model), stream: Some(self.peek.stream) };
        self.peek = dialect::of(self.dialect).peek(&self.body, said)?;
        self.peek.bytes = size;
        Ok(())
    }
}

/// A request that ended before anyone knew what it asks.
#[derive(Debug)]
pub struct Refused {
    fault: Fault,
    /// A caller that is known gets a line.
    known: Option<Box<Record>>,
}

impl Refused {
    /// The answer.
    pub fn answer(self, gateway: &Gateway, caller: DialectId, id: Uuid) -> Response<ReplyBody> {
        let dialect = dialect::of(caller);
        let status = self.fault.status_in(caller);
        let mut response = match self.known {
            Some(mut record) => {
                record.settle_error_now(&self.fault, status);
                reply::fault(dialect, &self.fault, &record)
            }
            None => {
                gateway.metrics.request(caller.name(), "error", self.fault.kind.name(), 0, 0);
                let body = dialect.write_fault(&self.fault, &id.hyphenated().to_string());
                let mut response = reply::json(status, body);
                reply::fault_headers(&mut response, &self.fault);
                reply::id_header(&mut response, id);
                response
            }
        };
        if matches!(self.fault.kind, Kind::TooLarge | Kind::Unavailable | Kind::Unsupported) {
            // The body was not read: the connection cannot be used again.
            response.headers_mut().insert(header::CONNECTION, reply::CLOSE);
        }
        response
    }
}

/// Reads and understands a request.
///
/// # Errors
/// Unknown callers, bodies that are too large, not JSON, or not what the dialect says.
pub async fn arrive(gateway: &Arc<Gateway>, mut call: Call) -> Result<(Arrived, Record), Refused> {
    let understood = understand(gateway, &mut call).await;
    if understood.is_err() && !call.body.is_end_stream() {
        gateway.tasks.spawn("discard", discard(call.body));
    }
    understood
}

/// Reads on beside the answer what a refused caller still sends: a connection that is closed on unread bytes
/// is reset, and the answer may be lost with it.
pub async fn discard(mut body: Incoming) {
    let read = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = tokio::time::timeout(DISCARD, read).await;
}

async fn understand(gateway: &Arc<Gateway>, call: &mut Call) -> Result<(Arrived, Record), Refused> {
    let stranger = |fault| Refused { fault, known: None };
    let snapshot = gateway.snapshot.load_full();
    if let Some(fault) = gateway.loops(&call.head.headers) {
        return Err(stranger(fault));
    }
    let who = auth::caller(gateway, &snapshot, &call.head, call.peer).await.map_err(stranger)?;
    let mut record = Record::open(gateway, &snapshot, &who, call);
    macro_rules! refuse {
        ($fault:expr) => {
            return Err(Refused { fault: $fault, known: Some(Box::new(record)) })
        };
    }
    if let Err(fault) = record.read_headers(&call.head.headers, &who) {
        refuse!(fault);
    }
    let local = call.peer.is_some() && gateway.directory.load().is_empty();
    if let Some(fault) = unsupported(&call.head.headers, local) {
        refuse!(fault);
    }
    let deadline = match deadline(&call.head.headers, call.start) {
        Ok(deadline) => deadline,
        Err(fault) => refuse!(fault),
    };
    let (bytes, held) = match read(gateway, &snapshot, &call.head.headers, &mut call.body).await {
        Ok(read) => read,
        Err(fault) => refuse!(fault),
    };
    let size = bytes.len();
    let body = match Document::parse(bytes) {
        Ok(body) => body,
        Err(error) => {
            let message = format!("The request body is not the JSON object it must be: {error}.");
            refuse!(Fault::invalid("", message))
        }
    };
    let mut peek =
        match dialect::of(call.dialect).peek(&body, Said { model: call.named.as_deref(), stream: call.stream }) {
            Ok(peek) => peek,
            Err(fault) => refuse!(fault),
        };
    peek.bytes = size;
    record.looked(&peek, &who);
    let arrived = Arrived {
        id: call.id,
        start: call.start,
        dialect: call.dialect,
        who,
        snapshot,
        query: query(call.head.uri.query()),
        headers: std::mem::take(&mut call.head.headers),
        body,
        array: call.dialect == DialectId::Gemini && peek.stream && !google::wants_events(call.head.uri.query()),
        peek,
        deadline,
        turn: None,
        held: None,
        memory: held,
    };
    Ok((arrived, record))
}

/// When the caller gives up, by its `x-tollgate-timeout`.
///
/// # Errors
/// It is no duration.
pub fn deadline(headers: &HeaderMap, start: Instant) -> Result<Option<Instant>, Fault> {
    let Some(value) = headers.get(&TIMEOUT) else { return Ok(None) };
    match value.to_str().ok().and_then(names::duration).filter(|time| !time.is_zero()) {
        Some(time) => Ok(Some(start + time)),
        None => Err(Fault::invalid("x-tollgate-timeout", "`x-tollgate-timeout` is a duration such as `20s`.")),
    }
}

/// The query less `key`, which is a way to send a key.
#[must_use]
pub fn query(query: Option<&str>) -> Option<String> {
    let kept: Vec<&str> = query?.split('&').filter(|pair| !pair.starts_with("key=") && !pair.is_empty()).collect();
    (!kept.is_empty()).then(|| kept.join("&"))
}

/// A content type that is not JSON. None at all is taken for JSON, but not in local mode: a web page may send
/// a body without a type and without asking first.
#[must_use]
pub fn unsupported(headers: &HeaderMap, local: bool) -> Option<Fault> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else {
        let message =
            "Without a key, `content-type: application/json` must be sent: a web page cannot send it unasked.";
        return local.then(|| Fault::new(Kind::Unsupported, message));
    };
    let kind = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json = kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    (!json).then(|| {
        let message = format!("This endpoint takes `application/json`, not `{}`.", kind.escape_default());
        Fault::new(Kind::Unsupported, message)
    })
}

fn too_large(limit: u64) -> Fault {
    Fault::new(
        Kind::TooLarge,
        format!("The request body is longer than {limit} bytes, the limit of this gateway (`server.max_body`)."),
    )
    .with("limit", limit.to_string())
}

/// Reads and decodes a body within the limits.
///
/// # Errors
/// Too long, broken off, in an unknown coding, or no memory for it.
pub async fn read(
    gateway: &Arc<Gateway>,
    snapshot: &Snapshot,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<(Bytes, Held), Fault> {
    let limit = snapshot.config.server.max_body;
    let coding = match headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().map(Coding::parse)) {
        None => Coding::Identity,
        Some(Ok(Some(coding))) => coding,
        Some(_) => {
            let message = "The request's `content-encoding` is none of gzip, deflate, br, zstd. Send it plain.";
            return Err(Fault::new(Kind::Unsupported, message));
        }
    };
    let told = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|told| told > limit) {
        return Err(too_large(limit));
    }
    let mut held = gateway.buffer(told.unwrap_or(0), snapshot.config.server.max_buffered)?;
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    // A body that stops coming is given up: its sender holds memory and a place.
    let patience = Duration::from_secs(60);
    loop {
        let frame = match tokio::time::timeout(patience, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err(Fault::invalid("", "The request body broke off before its end.")),
            Err(_) => return Err(Fault::invalid("", "The request body stopped coming for 60 seconds.")),
        };
        let Ok(piece) = frame.into_data() else { continue };
        let size = (first.len() + all.len() + piece.len()) as u64;
        if size > limit {
            return Err(too_large(limit));
        }
        gateway.grow(&mut held, size, snapshot.config.server.max_buffered)?;
        if first.is_empty() && all.is_empty() {
            first = piece;
            continue;
        }
        if all.is_empty() {
            let room = told.map_or(first.len() + piece.len(), |told| usize::try_from(told).unwrap_or_default());
            all.reserve(room);
            all.extend_from_slice(&first);
            first = Bytes::new();
        }
        all.extend_from_slice(&piece);
    }
    let raw = if all.is_empty() { first } else { all.freeze() };
    if coding == Coding::Identity {
        return Ok((raw, held));
    }
    let bound = usize::try_from(limit).unwrap_or(usize::MAX);
    let decoded = match decode(coding, raw, bound) {
        Ok(decoded) => decoded,
        Err(CodingError::TooLarge) => return Err(too_large(limit)),
        Err(CodingError::Corrupt) => {
            return Err(Fault::invalid("", "The request body is not what its `content-encoding` says."));
        }
    };
    gateway.grow(&mut held, decoded.len() as u64, snapshot.config.server.max_buffered)?;
    Ok((decoded, held))
}
