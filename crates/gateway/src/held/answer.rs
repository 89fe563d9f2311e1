//! Answers about responses and conversations: as the provider gave them, after what they tell was recorded.

use std::sync::Arc;

use dialect::fault::{Fault, Kind};
use dialect::outcome::Outcome;
use dialect::stream::Reading;
use http::{Response, StatusCode};
use policy::entry::Status;
use policy::object::{Kind as ObjectKind, Name, Object, Owner, State};
use store::journal::Appended;
use tokio::time::Instant;
use wire::json::Json;

use super::path::{Verb, Wanted};
use super::{FAMILY, price};
use crate::env;
use crate::exchange::judge::Rejected;
use crate::exchange::miss::refusal;
use crate::exchange::pass::{Manner, Passing};
use crate::exchange::redact::cleared;
use crate::exchange::settle::{End, Record, wait};
use crate::exchange::watch::Watch;
use crate::native::headers;
use crate::objects::path::is_id;
use crate::objects::pin::Pin;
use crate::server::reply::{self, ReplyBody};
use crate::upstream::client::Answer;

/// Longest answer that is read, in bytes.
const MOST: usize = 64 << 20;

/// What an answer is about.
#[derive(Debug)]
pub struct About<'a> {
    /// What was asked.
    pub wanted: Wanted<'a>,
    /// Of whom.
    pub pin: Pin,
    /// The object, where it is known.
    pub object: Option<Object>,
    /// Whose a new one is.
    pub owner: Owner,
    /// No body comes.
    pub bodiless: bool,
    /// A stream was asked for.
    pub streams: bool,
    /// When the answer must be over.
    pub until: Instant,
}

/// Answers.
pub async fn answer(record: Record, about: About<'_>, answer: Answer) -> Response<ReplyBody> {
    match answer.status {
        400.. => rejected(record, &about, answer).await,
        _ if about.bodiless || about.streams => pass(record, about, answer),
        _ => whole(record, about, answer).await,
    }
}

/// Answers with an error of ours, its line written first.
pub async fn refuse(mut record: Record, fault: &Fault) -> Response<ReplyBody> {
    record.settle_error(fault, fault.status_in(FAMILY)).await;
    let mut response = reply::plain_fault(FAMILY, fault, record.id());
    reply::record_headers(&mut response, &record);
    response
}

/// A refusal of the provider's: the caller's own fault as it came, its account's told as such.
async fn rejected(mut record: Record, about: &About<'_>, answer: Answer) -> Response<ReplyBody> {
    let miss = refusal(answer, FAMILY, &about.pin.target).await;
    let (outcome, status) = (miss.fault.outcome, miss.fault.status);
    record.failed(outcome, Some(status));
    let retry_after = miss.fault.retry_after.map(|wait| wait.as_secs().max(1));
    let told = |kind, message: &str| Fault { retry_after, ..Fault::new(kind, message) };
    let fault = match outcome {
        Outcome::Auth | Outcome::Billing => {
            told(Kind::UpstreamAuth, "The provider refuses the gateway's key or account. Tell the gateway's operator.")
        }
        Outcome::Overloaded => told(Kind::UpstreamOverloaded, "The provider is overloaded. Retry later."),
        _ if status >= 500 => told(Kind::UpstreamFailed, "The provider failed. Retry shortly."),
        outcome => {
            let kind = if outcome == Outcome::RateLimited { Kind::UpstreamRateLimited } else { Kind::UpstreamRejected };
            return Rejected::new(FAMILY, miss, kind, retry_after).answer(record).await;
        }
    };
    refuse(record, &fault).await
}

async fn whole(mut record: Record, about: About<'_>, mut answer: Answer) -> Response<ReplyBody> {
    let body = match tokio::time::timeout_at(about.until, answer.body.collect(MOST)).await {
        Ok(Ok(Some(body))) => body,
        Ok(_) => return broken(record, Outcome::Truncated, Kind::UpstreamFailed).await,
        Err(_) => return broken(record, Outcome::TimeoutTotal, Kind::UpstreamTimeout).await,
    };
    record.first_byte();
    let gateway = Arc::clone(record.gateway());
    if let Ok(json) = Json::from_bytes(&body) {
        for line in tell(&gateway, &about, json) {
            wait(line).await;
        }
        if let Some(object) = about.object.as_ref().filter(|object| object.state == Some(State::Open)) {
            // What it costs, once: not by how often it is looked at.
            price::told(&gateway, object, json).await;
        }
    }
    let status = answer.status;
    // Its id leads to the line of its making.
    let reading = Reading { complete: true, ..Reading::default() };
    let end =
        End { status: Status::Ok, outcome: Outcome::Ok, upstream_status: status, http: status, reading, error: None };
    let (cost, appended) = record.settle(end);
    wait(appended).await;
    let mut response = reply::bytes(status, cleared(body, &about.pin.target));
    headers::down(&mut response, &answer.headers, &about.pin.target);
    reply::record_headers(&mut response, &record);
    if let Some(cost) = cost {
        reply::cost_header(&mut response, cost);
    }
    response
}

async fn broken(mut record: Record, outcome: Outcome, kind: Kind) -> Response<ReplyBody> {
    record.failed(outcome, None);
    let message = "The provider's answer broke off before its end. What was asked may have been done: look before \
                   asking again.";
    refuse(record, &Fault::new(kind, message)).await
}

/// Records what was made or is gone.
fn tell(gateway: &crate::gateway::Gateway, about: &About<'_>, json: Json<'_>) -> Vec<Appended> {
    match (about.wanted.verb, &about.object) {
        (Verb::Delete, Some(object)) => vec![gateway.objects.gone(&object.name)],
        (Verb::Make, _) => {
            let Some(id) = json.get("id").and_then(Json::as_str).filter(|id| is_id(id)) else { return Vec::new() };
            let provider = Arc::clone(&about.pin.target.provider_name);
            vec![gateway.objects.made(Object {
                name: Name { provider, kind: ObjectKind::Conversation, id: id.as_ref().into() },
                owner: about.owner.clone(),
                key: about.pin.fingerprint(),
                model: None,
                created: env::now(),
                expires: None,
                state: None,
                data: None,
            })]
        }
        _ => Vec::new(),
    }
}

/// Bytes as they come.
fn pass(mut record: Record, about: About<'_>, answer: Answer) -> Response<ReplyBody> {
    record.first_byte();
    record.flows();
    let target = Arc::clone(&about.pin.target);
    let mut response = Response::new(ReplyBody::empty());
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    headers::down(&mut response, &answer.headers, &target);
    reply::record_headers(&mut response, &record);
    if let Some(object) = about.object.as_ref().filter(|object| object.state == Some(State::Open)) {
        record.gateway().objects.hurry(&object.name);
    }
    let idle = Some(target.timeouts.idle);
    let how = Manner { status: answer.status, length: about.bodiless.then_some(0), idle, until: about.until };
    let watch = Watch::Nothing(Reading::default());
    let passing = Passing::new(answer.body, Vec::new(), watch, target, record, how);
    *response.body_mut() = ReplyBody::stream(passing);
    response
}
