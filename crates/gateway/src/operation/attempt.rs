//! Tries targets in turn until one answers: as for model calls, with a body that may be gone after the first.

use std::sync::Arc;
use std::time::Duration;

use dialect::fault::Fault;
use dialect::gist::Gist;
use dialect::id::DialectId;
use dialect::loss::Loss;
use dialect::outcome::{Outcome, UpstreamFault};
use http::{HeaderMap, HeaderValue, Method, Request as HttpRequest, Uri, header};
use http_body_util::Full;
use policy::route::retry::{Failed, Next, next};
use tokio::time::{Instant, timeout_at};
use wire::json::{Index, Kind as JsonKind};

use super::count;
use super::leg::{Brought, Leg, Up, leg};
use super::request::Request;
use crate::env;
use crate::exchange::attempt::give_up;
use crate::exchange::hosting;
use crate::exchange::judge::{self, Rejected};
use crate::exchange::miss::{Miss, out_of_time, refusal};
use crate::exchange::plan::Plan;
use crate::exchange::send::goes_up;
use crate::exchange::settle::Record;
use crate::native::headers::{self, is_events};
use crate::native::send::told;
use crate::state::target::Target;
use crate::upstream::client::{Answer, SendError};
use crate::upstream::credential::Payload;
use crate::upstream::sent::Sent;

/// Longest answer that is read whole, in bytes.
const MOST: usize = 256 << 20;

/// What is to be answered.
#[derive(Debug)]
pub enum Won {
    /// An answer.
    Answer(Box<Winner>),
    /// The upstream's refusal.
    Rejected(Box<Rejected>),
    /// The gateway's own estimate of a target's tokens.
    Here(Box<Here>),
}

/// What the gateway itself counts.
#[derive(Debug)]
pub struct Here {
    /// The target it is counted for.
    pub target: Arc<Target>,
    /// What is counted.
    pub gist: Gist,
}

/// An answer that was won.
#[derive(Debug)]
pub struct Winner {
    /// Who gave it.
    pub target: Arc<Target>,
    /// Its head, and the body where it was not read.
    pub answer: Answer,
    /// Its body as the caller gets it, where it was read.
    pub body: Option<Brought>,
    /// What could not come along to it.
    pub losses: Vec<Loss>,
    /// When it must be over.
    pub until: Instant,
}

/// Tries targets until one answers.
///
/// # Errors
/// What the caller is told when none did.
pub async fn attempt_all(request: &Request, plan: &Plan, record: &mut Record) -> Result<Won, Fault> {
    let mut failed: Vec<Failed> = Vec::new();
    let mut last: Option<Miss> = None;
    loop {
        let now = env::instant().saturating_duration_since(request.start);
        let step = match next(&plan.routes, &failed, plan.tries, now, env::roll()) {
            Next::Try { route, key, pause } if failed.is_empty() || !request.touched() => Some((route, key, pause)),
            _ => None,
        };
        let chosen = step.and_then(|(route, key, pause)| Some((plan.targets.get(route)?, route, key, pause)));
        let in_time = |pause| request.deadline.is_none_or(|deadline| env::instant() + pause < deadline);
        let Some((target, route, key, pause)) = chosen.filter(|(.., pause)| in_time(*pause)) else {
            let given_up = give_up(request.start, request.asking.dialect, &failed, last, record)?;
            return match given_up {
                judge::Won::Rejected(rejected) => Ok(Won::Rejected(rejected)),
                _ => Err(out_of_time()),
            };
        };
        let up = match leg(request, target)? {
            Leg::Up(up) => up,
            Leg::Here(gist) => {
                if !failed.is_empty() {
                    record.fell_back();
                }
                return Ok(Won::Here(Box::new(Here { target: Arc::clone(target), gist })));
            }
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
        let tried = try_one(request, plan, target, &up, key, record).await;
        if let Some(trouble) = request.trouble() {
            record.failed(Outcome::Cancelled, None);
            return Err(told(trouble, record.snapshot().config.server.max_upload));
        }
        match tried {
            Ok(winner) => return Ok(Won::Answer(Box::new(winner))),
            Err(miss) => {
                record.failed(miss.fault.outcome, (miss.fault.status != 0).then_some(miss.fault.status));
                if up.may_lack && matches!(miss.fault.status, 404 | 405 | 501) {
                    let gist = count::gist(request)?;
                    return Ok(Won::Here(Box::new(Here { target: Arc::clone(target), gist })));
                }
                let at = env::instant().saturating_duration_since(request.start);
                let (outcome, retry_after) = (miss.fault.outcome, miss.fault.retry_after);
                failed.push(Failed { route, key, outcome, at, retry_after });
                last = Some(miss);
                if request.deadline.is_some_and(|deadline| env::instant() >= deadline) {
                    return Err(out_of_time());
                }
            }
        }
    }
}

async fn try_one(
    request: &Request,
    plan: &Plan,
    target: &Arc<Target>,
    up: &Up,
    key: usize,
    record: &mut Record,
) -> Result<Winner, Miss> {
    let timeouts = plan.timeouts.over(target.timeouts);
    let start = env::instant();
    let total = start + timeouts.total;
    let until = request.deadline.map_or(total, |deadline| deadline.min(total));
    let first_by = if request.stream { until.min(start + timeouts.first_byte) } else { until };
    let sent = timeout_at(first_by, send(request, target, up, key, timeouts.connect, record)).await;
    record.waited(start);
    let mut answer = match sent {
        Ok(sent) => sent?,
        Err(_) if first_by < until => {
            return Err(Miss::of(Outcome::TimeoutFirstByte, "no byte of an answer within the time for the first"));
        }
        Err(_) => return Err(late()),
    };
    if !(200..300).contains(&answer.status) {
        if matches!(answer.status, 401 | 403) {
            target.provider.refused(&record.gateway().tasks);
        }
        return Err(refusal(answer, up.dialect, target).await);
    }
    let read = !is_events(&answer.headers) && (request.wants_json() || headers::is_json(&answer.headers));
    if !read {
        return Ok(Winner { target: Arc::clone(target), answer, body: None, losses: up.losses.clone(), until });
    }
    let waiting = env::instant();
    let body = timeout_at(until, answer.body.collect(MOST)).await;
    record.waited(waiting);
    let bad = |outcome, message: &str| Miss { fault: UpstreamFault::new(outcome, 200, message), raw: None };
    let body = match body {
        Err(_) => return Err(late()),
        Ok(Ok(Some(body))) => body,
        Ok(Ok(None)) => return Err(bad(Outcome::BadAnswer, "the answer is longer than any answer may be")),
        Ok(Err(_)) => return Err(bad(Outcome::Truncated, "the answer broke off before its end")),
    };
    let mut index = Index::default();
    match index.read_bytes(&body) {
        Ok(json) if json.kind() == JsonKind::Object || !request.wants_json() => {}
        _ => return Err(bad(Outcome::BadAnswer, "the answer is not JSON")),
    }
    let tasks = record.gateway().tasks.clone();
    match up.bring(request, target, body, &tasks).await {
        Some(body) => {
            let losses = up.losses.clone();
            Ok(Winner { target: Arc::clone(target), answer, body: Some(body), losses, until })
        }
        None => Err(bad(Outcome::BadAnswer, "the answer is not what was asked for")),
    }
}

fn late() -> Miss {
    Miss::of(Outcome::TimeoutTotal, "no answer within the time for an attempt")
}

async fn send(
    request: &Request,
    target: &Target,
    up: &Up,
    key: usize,
    connect: Duration,
    record: &mut Record,
) -> Result<Answer, Miss> {
    let provider = &target.provider;
    let unsendable = || Miss::of(Outcome::Connect, "the target cannot be reached");
    let hurried = (connect != provider.reach.connect).then(|| provider.hurried(connect)).flatten();
    let client = hurried.as_ref().or(provider.client.as_ref()).ok_or_else(unsendable)?;
    let (url, same) = (&up.url, up.dialect == request.asking.dialect);
    let url = match request.query.as_ref().filter(|_| same) {
        Some(query) => format!("{url}{}{query}", if url.contains('?') { '&' } else { '?' }),
        None => url.clone(),
    };
    let url: Uri = url.parse().map_err(|_| unsendable())?;
    let key = provider.config.keys.get(key).map(crate::config::Secret::reveal);
    let mut again = false;
    loop {
        let body = match &up.body {
            Some(body) => Sent::from(Full::new(body.clone())),
            None => request.body_for(target),
        };
        let mut to = HttpRequest::new(body);
        *to.method_mut() = Method::POST;
        *to.uri_mut() = url.clone();
        let mut carried = HeaderMap::with_capacity(12);
        for (name, value) in request.headers.iter().filter(|(name, _)| goes_up(name, same)) {
            carried.append(name, value.clone());
        }
        let auth = key.and_then(|key| up.auth.header(key));
        headers::ours(&mut carried, target, auth, &record.gateway().via_header);
        carried.insert(header::CONTENT_TYPE, request.content_type());
        if up.dialect == DialectId::AnthropicMessages {
            carried.entry("anthropic-version").or_insert(HeaderValue::from_static("2023-06-01"));
        }
        if let Some(hosted) = up.hosted {
            hosting::headers(hosted, &mut carried);
        }
        *to.headers_mut() = carried;
        // Only signatures look at the body.
        let signed = provider.credential.as_ref().filter(|credential| credential.signs());
        let whole = signed.and_then(|_| up.body.clone().or_else(|| request.json_for(target)));
        let payload = whole.as_deref().map_or(Payload::Through, Payload::Whole);
        let authorized = provider.authorize(&record.gateway().tasks, &mut to, payload).await;
        authorized.map_err(|error| Miss::of(Outcome::Auth, error.to_string()))?;
        match client.send(to).await {
            Ok(answer) => return Ok(answer),
            Err(SendError::Broken { reused: true }) if !again && !request.touched() => {
                again = true;
                record.resent();
            }
            Err(SendError::ConnectTimeout) => {
                return Err(Miss::of(Outcome::TimeoutConnect, "no connection in time"));
            }
            Err(SendError::Connect) => return Err(Miss::of(Outcome::Connect, "no connection")),
            Err(SendError::Broken { .. }) => {
                return Err(Miss::of(Outcome::Connect, "the connection broke before an answer"));
            }
        }
    }
}
