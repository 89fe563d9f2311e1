//! Opens a socket at one of the targets: tried in turn like any request, until one has become a socket.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dialect::fault::Fault;
use dialect::outcome::{Outcome, UpstreamFault};
use http::{HeaderMap, Request, Uri, header};
use http_body_util::Full;
use hyper::upgrade::Upgraded;
use policy::provider::operation::Operation;
use policy::provider::url::segment;
use policy::route::retry::{Failed, Next, next};
use tokio::time::{Instant, timeout_at};

use super::ERRORS;
use super::handshake::{self, Opening};
use crate::env;
use crate::exchange::attempt::give_up;
use crate::exchange::judge::{self, Rejected};
use crate::exchange::miss::{Miss, out_of_time, refusal};
use crate::exchange::plan::Plan;
use crate::exchange::send::goes_up;
use crate::exchange::settle::Record;
use crate::native::headers;
use crate::operation::leg::place;
use crate::state::target::Target;
use crate::upstream::client::{SendError, Switched};
use crate::upstream::credential::Payload;
use crate::upstream::sent::Sent;

/// What came of it.
#[derive(Debug)]
pub enum Won {
    /// A socket.
    Opened(Box<Opened>),
    /// The upstream's refusal.
    Rejected(Box<Rejected>),
}

/// A socket at a target.
#[derive(Debug)]
pub struct Opened {
    /// The target.
    pub target: Arc<Target>,
    /// The connection.
    pub stream: Upgraded,
}

/// Tries targets until one is a socket.
///
/// # Errors
/// What the caller is told when none is.
pub async fn open(
    opening: &Opening,
    from: &HeaderMap,
    plan: &Plan,
    start: Instant,
    deadline: Option<Instant>,
    record: &mut Record,
) -> Result<Won, Fault> {
    let mut failed: Vec<Failed> = Vec::new();
    let mut last: Option<Miss> = None;
    loop {
        let now = env::instant().saturating_duration_since(start);
        let step = match next(&plan.routes, &failed, plan.tries, now, env::roll()) {
            Next::Try { route, key, pause } => plan.targets.get(route).map(|target| (target, route, key, pause)),
            Next::GiveUp => None,
        };
        let in_time = |pause: Duration| deadline.is_none_or(|deadline| env::instant() + pause < deadline);
        let Some((target, route, key, pause)) = step.filter(|(.., pause)| in_time(*pause)) else {
            return match give_up(start, ERRORS, &failed, last, record)? {
                judge::Won::Rejected(rejected) => Ok(Won::Rejected(rejected)),
                _ => Err(out_of_time()),
            };
        };
        if !pause.is_zero() {
            let waiting = env::instant();
            tokio::time::sleep(pause).await;
            record.waited(waiting);
        }
        if !failed.is_empty() {
            record.fell_back();
        }
        record.begin(target);
        let timeouts = plan.timeouts.over(target.timeouts);
        let until = env::instant() + timeouts.first_byte.min(timeouts.total);
        let until = deadline.map_or(until, |deadline| deadline.min(until));
        let waiting = env::instant();
        let tried = timeout_at(until, ask(opening, from, target, key, record)).await;
        record.waited(waiting);
        let miss = match tried {
            Ok(Ok(stream)) => return Ok(Won::Opened(Box::new(Opened { target: Arc::clone(target), stream }))),
            Ok(Err(miss)) => miss,
            Err(_) => Miss::of(Outcome::TimeoutFirstByte, "no answer within the time for the first byte"),
        };
        record.failed(miss.fault.outcome, (miss.fault.status != 0).then_some(miss.fault.status));
        let at = env::instant().saturating_duration_since(start);
        let (outcome, retry_after) = (miss.fault.outcome, miss.fault.retry_after);
        failed.push(Failed { route, key, outcome, at, retry_after });
        last = Some(miss);
        if deadline.is_some_and(|deadline| env::instant() >= deadline) {
            return Err(out_of_time());
        }
    }
}

async fn ask(
    opening: &Opening,
    from: &HeaderMap,
    target: &Target,
    key: usize,
    record: &Record,
) -> Result<Upgraded, Miss> {
    let provider = &target.provider;
    let unsendable = || Miss::of(Outcome::Connect, "the target cannot be reached");
    let client = provider.sockets().ok_or_else(unsendable)?;
    let (url, auth) = place(Operation::Realtime, target).ok_or_else(unsendable)?;
    let key = provider.config.keys.get(key).map(crate::config::Secret::reveal);
    let mut request = Request::new(Sent::from(Full::new(Bytes::new())));
    *request.uri_mut() = with_query(&url, opening, target).parse::<Uri>().map_err(|_| unsendable())?;
    let mut carried = HeaderMap::with_capacity(12);
    for (name, value) in from.iter().filter(|(name, _)| goes_up(name, true) && *name != header::ACCEPT) {
        carried.append(name, value.clone());
    }
    headers::ours(&mut carried, target, key.and_then(|key| auth.header(key)), &record.gateway().via_header);
    let accept = handshake::ask(&mut carried);
    *request.headers_mut() = carried;
    let authorized = provider.authorize(&record.gateway().tasks, &mut request, Payload::Whole(b"")).await;
    authorized.map_err(|error| Miss::of(Outcome::Auth, error.to_string()))?;
    match client.switch(request).await {
        Ok(Switched::Yes { headers, stream }) => match headers.get(header::SEC_WEBSOCKET_ACCEPT) {
            Some(answer) if *answer == accept => Ok(stream),
            _ => Err(bad("the upstream's answer is that of no WebSocket")),
        },
        Ok(Switched::No(answer)) if (200..300).contains(&answer.status) => {
            Err(bad("the upstream answered without becoming a WebSocket"))
        }
        Ok(Switched::No(answer)) => {
            if matches!(answer.status, 401 | 403) {
                provider.refused(&record.gateway().tasks);
            }
            Err(refusal(*answer, ERRORS, target).await)
        }
        Err(SendError::ConnectTimeout) => Err(Miss::of(Outcome::TimeoutConnect, "no connection in time")),
        Err(SendError::Connect) => Err(Miss::of(Outcome::Connect, "no connection")),
        Err(SendError::Broken { .. }) => Err(Miss::of(Outcome::Connect, "the connection broke before an answer")),
    }
}

fn bad(message: &str) -> Miss {
    Miss { fault: UpstreamFault::new(Outcome::BadAnswer, 200, message), raw: None }
}

/// The address with the model, where neither it nor the session names that, and the caller's own query.
fn with_query(url: &str, opening: &Opening, target: &Target) -> String {
    let named = url.contains("deployment=") || opening.transcription;
    let model = (!named).then(|| format!("model={}", segment(&target.model)));
    let pairs: Vec<&str> = model.iter().chain(&opening.query).map(String::as_str).collect();
    let joint = if url.contains('?') { '&' } else { '?' };
    if pairs.is_empty() { url.to_owned() } else { format!("{url}{joint}{}", pairs.join("&")) }
}
