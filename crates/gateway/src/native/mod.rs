//! The native lane: `/native/{provider}/…` is the provider's own API, untranslated, with the gateway's key, ledger
//! and guards.

pub mod headers;
pub mod look;
pub mod owned;
pub mod path;
pub mod send;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use dialect::outcome::Outcome;
use dialect::stream::Reading;
use http::{HeaderMap, Method, Response, header, request::Parts};
use http_body::Body as _;
use hyper::body::Incoming;
use policy::entry::{Decision, Status};
use policy::route::verdict::verdict;
use tokio::time::Instant;
use uuid::Uuid;

use crate::auth;
use crate::exchange::admit::admit_one;
use crate::exchange::arrive::{self, discard};
use crate::exchange::estimate::Counting;
use crate::exchange::opening::{Opening, client};
use crate::exchange::pass::{Manner, Passing};
use crate::exchange::redact::redact;
use crate::exchange::settle::{End, Record, wait};
use crate::exchange::watch::{self, MOST_KEPT, Watch};
use crate::gateway::{Gateway, Held};
use crate::server::reply::{self, ReplyBody};
use crate::state::directory::Principal;
use crate::state::snapshot::Snapshot;
use crate::state::target::Target;
use crate::upstream::body::UpBody;
use crate::upstream::client::Answer;
use crate::upstream::sent::Upload;

/// The dialect that its errors are told in.
const ERRORS: DialectId = DialectId::OpenAiChat;
/// The word for no dialect in ledger lines.
pub const NATIVE: &str = "native";
/// The model's name where a call has none.
pub const NO_MODEL: &str = "*";
/// Longest error that is read.
const MOST_ERROR: usize = 1 << 20;

/// A request of the native lane as it comes from the socket.
#[derive(Debug)]
pub struct Ask {
    /// Its id.
    pub id: Uuid,
    /// When it arrived.
    pub start: Instant,
    /// The caller's address; `None` on the local socket.
    pub peer: Option<SocketAddr>,
    /// The head.
    pub head: Parts,
    /// The body.
    pub body: Incoming,
}

/// A request that may go up.
#[derive(Debug)]
pub struct Going {
    method: Method,
    headers: HeaderMap,
    path: String,
    query: Option<String>,
    known: Option<DialectId>,
    /// A streamed answer was asked for.
    stream: bool,
    target: Arc<Target>,
    body: Carried,
    deadline: Option<Instant>,
    /// Its answer may tell what was used.
    metered: bool,
}

/// The body of a request.
#[derive(Debug)]
pub enum Carried {
    /// It was read.
    Read(Bytes, Held),
    /// It goes through.
    Through(Upload),
}

/// Serves one request.
pub async fn run(gateway: Arc<Gateway>, ask: Ask) -> Response<ReplyBody> {
    let Ask { id, start, peer, head, body } = ask;
    let snapshot = gateway.snapshot.load_full();
    if let Some(fault) = gateway.loops(&head.headers) {
        return stranger(&gateway, &fault, id, body);
    }
    let who = match auth::caller(&gateway, &snapshot, &head, peer).await {
        Ok(who) => who,
        Err(fault) => return stranger(&gateway, &fault, id, body),
    };
    let client = client(peer, &head.headers, &snapshot);
    let opening = Opening { id, start, dialect: NATIVE, operation: NATIVE, client };
    let mut record = Record::begun(&gateway, &snapshot, &who, opening);
    record.count(Counting::Reported);
    let local = peer.is_some() && gateway.directory.load().is_empty() && !body.is_end_stream();
    let mut body = Some(body);
    let unasked = local.then(|| headers::unasked(&head)).flatten();
    let ready = match unasked {
        Some(fault) => Err(fault),
        None => ready(&gateway, &snapshot, &who, head, &mut body, start, &mut record).await,
    };
    let going = match ready {
        Ok(going) => going,
        Err(fault) => {
            if let Some(body) = body.filter(|body| !body.is_end_stream()) {
                gateway.tasks.spawn("discard", discard(body));
            }
            return refuse(record, &fault).await;
        }
    };
    record.begin(&going.target);
    let until = going.until();
    let sent = send::send(&going, until, &mut record).await;
    if let Carried::Through(upload) = &going.body
        && let Some(rest) = upload.rest()
    {
        gateway.tasks.spawn("discard", discard(rest));
    }
    match sent {
        Ok(answer) => answered(record, going, answer, until).await,
        Err(miss) => {
            record.failed(miss.0, None);
            refuse(record, &miss.1).await
        }
    }
}

impl Going {
    fn until(&self) -> Instant {
        let total = crate::env::instant() + self.target.timeouts.total;
        self.deadline.map_or(total, |deadline| deadline.min(total))
    }
}

/// The answer to a caller that nobody knows: no line.
fn stranger(gateway: &Gateway, fault: &Fault, id: Uuid, body: Incoming) -> Response<ReplyBody> {
    gateway.metrics.request(NATIVE, "error", fault.kind.name(), 0, 0);
    let mut response = reply::plain_fault(ERRORS, fault, id);
    if !body.is_end_stream() {
        response.headers_mut().insert(header::CONNECTION, reply::CLOSE);
        gateway.tasks.spawn("discard", discard(body));
    }
    response
}

/// Answers with an error of ours, its line written first.
async fn refuse(mut record: Record, fault: &Fault) -> Response<ReplyBody> {
    record.settle_error(fault, fault.status_in(ERRORS)).await;
    let mut response = reply::plain_fault(ERRORS, fault, record.id());
    reply::record_headers(&mut response, &record);
    response
}

/// Checks a request against everything it must hold, and makes it ready.
async fn ready(
    gateway: &Arc<Gateway>,
    snapshot: &Arc<Snapshot>,
    who: &Principal,
    head: Parts,
    body: &mut Option<Incoming>,
    start: Instant,
    record: &mut Record,
) -> Result<Going, Fault> {
    record.read_headers(&head.headers, who)?;
    let deadline = arrive::deadline(&head.headers, start)?;
    if matches!(head.method, Method::TRACE | Method::CONNECT) {
        let message = "The native lane takes GET, HEAD, POST, PUT, PATCH and DELETE.";
        return Err(
            Fault::new(Kind::MethodNotAllowed, message).with("allow", "\"GET, HEAD, POST, PUT, PATCH, DELETE\"")
        );
    }
    if head.version < http::Version::HTTP_2 && head.uri.authority().is_some() {
        return Err(Fault::invalid("", "The native lane takes a path, not a whole URL: the provider's host is fixed."));
    }
    let (name, raw) = path::split(head.uri.path()).ok_or_else(nobody)?;
    let place = snapshot.provider_place(name).ok_or_else(|| unknown(snapshot, name))?;
    let plain = path::check(raw)?;
    let provider = &snapshot.config.providers[place];
    if !provider.native || provider.is_demo() {
        let message = format!("The provider `{name}` may not be reached by the native lane (`native: false`).");
        return Err(Fault::new(Kind::Forbidden, message));
    }
    keeps_base(&provider.base_url, name, raw)?;
    if owned::needs_admin(&head.method, &plain) && !who.admin {
        let message = "Lists, deletions and the administration of a provider's account show or end what others made: \
                       this path needs an admin key.";
        return Err(Fault::new(Kind::Forbidden, message));
    }
    let call = (head.method == Method::POST).then(|| path::known(&plain));
    let looked = look::look(gateway, snapshot, &head, call.as_ref(), body).await?;
    look::allowed(snapshot, place, who, &looked)?;
    let model = looked.model.as_deref().unwrap_or(NO_MODEL);
    let target = snapshot.target(place, model);
    let known = call.as_ref().and_then(|call| call.dialect);
    record.asks(&target.name, looked.stream, looked.tier, looked.bytes);
    record.decide(Decision { why: "only_target".to_owned(), candidates: Vec::new() });
    if let Some(user) = &looked.user {
        record.for_user(user);
    }
    if let Some(dialect) = known {
        record.speaks(dialect.name());
        record.count(Counting::Estimated);
    }
    if provider.keys.is_empty() && !provider.row.keyless {
        let message = format!("The provider `{name}` has no key. Set its `api_key`.");
        return Err(Fault::new(Kind::NoCandidate, message));
    }
    record.hold(admit_one(gateway, snapshot.config.server.max_in_flight)?);
    let limit = snapshot.config.server.max_upload;
    let length = body.as_ref().and_then(|body| body.size_hint().exact());
    let carried = match looked.body {
        Some((bytes, held)) => Carried::Read(bytes, held),
        None if length.is_some_and(|length| length > limit) => return Err(send::too_large(limit)),
        None => match body.take() {
            Some(body) => Carried::Through(Upload::new(body, limit)),
            None => return Err(Fault::invalid("", "The request body broke off before its end.")),
        },
    };
    let mut headers = headers::up(&head.headers);
    if matches!(carried, Carried::Read(..)) {
        headers.remove(header::CONTENT_ENCODING);
    }
    Ok(Going {
        headers,
        path: raw.to_owned(),
        query: arrive::query(head.uri.query()),
        known,
        stream: looked.stream,
        target,
        body: carried,
        deadline,
        metered: head.method == Method::POST,
        method: head.method,
    })
}

fn nobody() -> Fault {
    Fault::new(Kind::NotFound, "The native lane is `/native/{provider}/…`: name a configured provider.")
}

fn unknown(snapshot: &Snapshot, name: &str) -> Fault {
    let names = || snapshot.config.providers.iter().map(|provider| &*provider.name);
    let near = policy::catalog::near_of(names(), name, 3);
    let shown: String = name.chars().take(64).collect();
    let hint = match near.first() {
        Some(near) => format!("Did you mean `{near}`?"),
        None => "It must be one of the configuration's `providers`.".to_owned(),
    };
    Fault::new(Kind::NotFound, format!("There is no provider `{shown}` here. {hint}"))
}

/// The path keeps what the provider's `base_url` begins it with.
fn keeps_base(base_url: &str, name: &str, raw: &str) -> Result<(), Fault> {
    let base = base_url.parse::<http::Uri>().ok();
    let prefix = base.as_ref().map_or("", |base| base.path()).trim_end_matches('/');
    let kept = raw.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if kept {
        return Ok(());
    }
    let message = format!("Paths of `{name}` begin with `/native/{name}{prefix}/`, as its `base_url` does.");
    Err(Fault::new(Kind::NotFound, message))
}

/// Passes an answer on.
async fn answered(record: Record, going: Going, answer: Answer, until: Instant) -> Response<ReplyBody> {
    let failed = answer.status >= 400;
    let events = headers::is_events(&answer.headers);
    if failed {
        return rejected(record, &going, answer).await;
    }
    let json = going.metered && headers::is_json(&answer.headers);
    if json && !going.stream {
        return whole(record, going, answer, until).await;
    }
    let mut record = record;
    let watch = match (events, json) {
        (true, _) => Watch::events(going.known, &going.target, false),
        // Google's stream as one array.
        (false, true) => Watch::Kept { kept: Some(Vec::new()), known: going.known, reading: Reading::default() },
        (false, false) => {
            // Bytes that tell nothing are not estimated.
            record.count(Counting::Reported);
            Watch::Nothing(Reading::default())
        }
    };
    pass(record, going, answer, Vec::new(), watch, until)
}

/// A failure of the provider's, as it told it, without our keys.
async fn rejected(mut record: Record, going: &Going, answer: Answer) -> Response<ReplyBody> {
    let Answer { status, headers, mut body } = answer;
    let bytes = match body.collect(MOST_ERROR).await {
        Ok(Some(bytes)) => redact(bytes, going.target.secrets()),
        Ok(None) | Err(_) => Bytes::new(),
    };
    let dialect = dialect::of(going.known.unwrap_or(ERRORS));
    let read = dialect.read_fault(status, &headers, &bytes, crate::env::unix_seconds());
    record.failed(read.outcome, Some(status));
    let kind = match read.outcome {
        Outcome::RateLimited => Kind::UpstreamRateLimited,
        Outcome::Overloaded => Kind::UpstreamOverloaded,
        Outcome::Auth | Outcome::Billing => Kind::UpstreamAuth,
        Outcome::ServerError => Kind::UpstreamFailed,
        _ => Kind::UpstreamRejected,
    };
    let mut fault = Fault::new(kind, read.message);
    fault.status = Some(status);
    record.settle_error(&fault, status).await;
    let mut response = reply::bytes(status, bytes);
    headers::down(&mut response, &headers, &going.target);
    reply::record_headers(&mut response, &record);
    let kind = http::HeaderValue::from_static(fault.kind.name());
    response.headers_mut().insert("x-tollgate-error", kind);
    response
}

/// An answer that is read before it passes, so that its cost can be told.
async fn whole(mut record: Record, going: Going, mut answer: Answer, until: Instant) -> Response<ReplyBody> {
    let mut pieces: Vec<Bytes> = Vec::new();
    let mut size = 0;
    loop {
        match tokio::time::timeout_at(until, answer.body.next()).await {
            Ok(None) => break,
            Ok(Some(Ok(piece))) => {
                size += piece.len();
                pieces.push(piece);
                if size > MOST_KEPT {
                    record.count(Counting::Reported);
                    return pass(record, going, answer, pieces, Watch::Nothing(Reading::default()), until);
                }
            }
            Ok(Some(Err(_))) => return broken(record, Outcome::Truncated, Kind::UpstreamFailed).await,
            Err(_) => return broken(record, Outcome::TimeoutTotal, Kind::UpstreamTimeout).await,
        }
    }
    let body = match pieces.as_slice() {
        [one] => one.clone(),
        pieces => pieces.concat().into(),
    };
    record.first_byte();
    let mut reading = watch::whole(going.known, &going.target, &body);
    reading.complete = true;
    // Some providers answer 200 and tell an error in the body.
    let told = reading.fault.as_ref().map(|fault| fault.outcome);
    let body = if told.is_some() { redact(body, going.target.secrets()) } else { body };
    let end = End {
        status: if told.is_some() { Status::Incomplete } else { Status::Ok },
        outcome: told.unwrap_or(Outcome::Ok),
        upstream_status: answer.status,
        http: answer.status,
        reading,
        error: told.map(|outcome| verdict(&[(outcome, None)]).kind.name()),
    };
    let (cost, appended) = record.settle(end);
    wait(appended).await;
    let mut response = reply::bytes(answer.status, body);
    headers::down(&mut response, &answer.headers, &going.target);
    reply::record_headers(&mut response, &record);
    if let Some(cost) = cost {
        reply::cost_header(&mut response, cost);
    }
    response
}

async fn broken(mut record: Record, outcome: Outcome, kind: Kind) -> Response<ReplyBody> {
    record.failed(outcome, None);
    let message = "The provider's answer broke off before its end. Retry the request.";
    refuse(record, &Fault::new(kind, message)).await
}

/// An answer that passes as it comes.
fn pass(
    mut record: Record,
    going: Going,
    answer: Answer,
    first: Vec<Bytes>,
    watch: Watch,
    until: Instant,
) -> Response<ReplyBody> {
    record.first_byte();
    record.flows();
    let mut response = Response::new(ReplyBody::empty());
    *response.status_mut() = http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::BAD_GATEWAY);
    headers::down(&mut response, &answer.headers, &going.target);
    reply::record_headers(&mut response, &record);
    let coded = answer.headers.contains_key(header::CONTENT_ENCODING);
    let length = answer.headers.get(header::CONTENT_LENGTH).filter(|_| !coded);
    if let Some(length) = length {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.clone());
    }
    let bodiless = going.method == Method::HEAD || matches!(answer.status, 204 | 304);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let events = matches!(watch, Watch::Known { .. } | Watch::Events { .. });
    let how = Manner {
        status: answer.status,
        length: if bodiless { Some(0) } else { length },
        idle: events.then_some(going.target.timeouts.idle),
        until,
    };
    let body: UpBody = answer.body;
    *response.body_mut() = ReplyBody::stream(Passing::new(body, first, watch, going.target, record, how));
    response
}
