//! Answers about objects: as the provider gave them, after what they tell was recorded.

use std::sync::Arc;

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use dialect::outcome::Outcome;
use dialect::stream::Reading;
use http::{Method, Response, header};
use policy::entry::Status;
use tokio::time::Instant;
use wire::json::{Document, Edit, Json, Writer};

use super::learn::{self, Making};
use super::path::{Verb, Wanted};
use super::pin::Pin;
use policy::object::Object;
use policy::provider::kept::Kept;

use crate::exchange::judge::Rejected;
use crate::exchange::miss::refusal;
use crate::exchange::pass::{Manner, Passing};
use crate::exchange::redact::cleared;
use crate::exchange::settle::{End, Record, wait};
use crate::exchange::watch::Watch;
use crate::native::headers;
use crate::server::reply::{self, ReplyBody};
use crate::upstream::client::Answer;

/// Longest answer that is read, in bytes.
const MOST: usize = 16 << 20;

/// What an answer is about.
#[derive(Debug)]
pub struct About<'a> {
    /// What was asked.
    pub wanted: Wanted<'a>,
    /// Of whom.
    pub pin: Pin,
    /// The object, where it is known.
    pub object: Option<Object>,
    /// What is known of a new one.
    pub making: Option<Making>,
    /// The request's method.
    pub method: Method,
    /// When the answer must be over.
    pub until: Instant,
}

/// Answers.
pub async fn answer(record: Record, about: About<'_>, answer: Answer) -> Response<ReplyBody> {
    if answer.status >= 400 {
        return rejected(record, &about, answer).await;
    }
    if about.wanted.verb == Verb::Content || about.method == Method::HEAD {
        return pass(record, about, answer);
    }
    whole(record, about, answer).await
}

/// Answers with an error of ours, its line written first.
pub async fn refuse(mut record: Record, family: DialectId, fault: &Fault) -> Response<ReplyBody> {
    record.settle_error(fault, fault.status_in(family)).await;
    let mut response = reply::plain_fault(family, fault, record.id());
    reply::record_headers(&mut response, &record);
    response
}

/// A refusal of the provider's: the caller's own fault as it came, its account's told as such.
async fn rejected(mut record: Record, about: &About<'_>, answer: Answer) -> Response<ReplyBody> {
    let family = about.wanted.family;
    let miss = refusal(answer, family, &about.pin.target).await;
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
            return Rejected::new(family, miss, kind, retry_after).answer(record).await;
        }
    };
    refuse(record, family, &fault).await
}

async fn whole(mut record: Record, about: About<'_>, mut answer: Answer) -> Response<ReplyBody> {
    let family = about.wanted.family;
    let body = match tokio::time::timeout_at(about.until, answer.body.collect(MOST)).await {
        Ok(Ok(Some(body))) => body,
        Ok(Ok(None)) => return broken(record, family, Outcome::BadAnswer, Kind::UpstreamFailed).await,
        Ok(Err(_)) => return broken(record, family, Outcome::Truncated, Kind::UpstreamFailed).await,
        Err(_) => return broken(record, family, Outcome::TimeoutTotal, Kind::UpstreamTimeout).await,
    };
    record.first_byte();
    let status = answer.status;
    let mut reading = Reading { complete: true, ..Reading::default() };
    let mut lines = Vec::new();
    if let Ok(json) = Json::from_bytes(&body) {
        reading.id = json.get("id").and_then(Json::as_str).map(Into::into);
        lines = tell(&record, &about, json);
    }
    let end =
        End { status: Status::Ok, outcome: Outcome::Ok, upstream_status: status, http: status, reading, error: None };
    let (cost, appended) = record.settle(end);
    for line in lines {
        wait(line).await;
    }
    wait(appended).await;
    let mut response = reply::bytes(status, patched(&about.wanted, cleared(body, &about.pin.target)));
    headers::down(&mut response, &answer.headers, &about.pin.target);
    reply::record_headers(&mut response, &record);
    if let Some(cost) = cost {
        reply::cost_header(&mut response, cost);
    }
    response
}

async fn broken(mut record: Record, family: DialectId, outcome: Outcome, kind: Kind) -> Response<ReplyBody> {
    record.failed(outcome, None);
    let message = "The provider's answer broke off before its end. What was asked may have been done: look before \
                   asking again.";
    refuse(record, family, &Fault::new(kind, message)).await
}

/// Records what an answer tells.
fn tell(record: &Record, about: &About<'_>, json: Json<'_>) -> Vec<store::journal::Appended> {
    let gateway = record.gateway();
    let mut lines = Vec::new();
    match (about.wanted.verb, &about.making, &about.object) {
        (Verb::Make, Some(making), _) => lines.extend(learn::made(gateway, making.clone(), json)),
        (Verb::Delete, _, Some(object)) => lines.push(gateway.objects.gone(&object.name)),
        (Verb::Get | Verb::Cancel, _, Some(object)) if about.wanted.kept == Kept::Batches => {
            let (ended, files) = learn::batch(gateway, object, json);
            lines = files;
            if ended && object.state == Some(policy::object::State::Open) {
                gateway.objects.hurry(&object.name);
            }
        }
        _ => {}
    }
    lines
}

/// Anthropic's clients read results where the batch says, and would take the gateway's key to the provider: the
/// address is given as the gateway's path.
#[must_use]
pub fn patched(wanted: &Wanted<'_>, body: Bytes) -> Bytes {
    if wanted.kept != Kept::Batches || wanted.family != DialectId::AnthropicMessages {
        return body;
    }
    let Ok(document) = Document::parse(body.clone()) else { return body };
    let told = document.get("results_url").and_then(Json::as_str).is_some();
    let Some(id) = document.get("id").and_then(Json::as_str).filter(|id| told && super::path::is_id(id)) else {
        return body;
    };
    let mut json = Writer::new();
    json.str(&format!("/v1/messages/batches/{id}/results"));
    document.edit(&[Edit::set("results_url", json.finish())])
}

/// Bytes as they come.
fn pass(mut record: Record, about: About<'_>, answer: Answer) -> Response<ReplyBody> {
    record.first_byte();
    record.flows();
    let target = Arc::clone(&about.pin.target);
    let mut response = Response::new(ReplyBody::empty());
    *response.status_mut() = http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::BAD_GATEWAY);
    headers::down(&mut response, &answer.headers, &target);
    reply::record_headers(&mut response, &record);
    let coded = answer.headers.contains_key(header::CONTENT_ENCODING);
    let length = answer.headers.get(header::CONTENT_LENGTH).filter(|_| !coded);
    if let Some(length) = length {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.clone());
    }
    let bodiless = about.method == Method::HEAD || matches!(answer.status, 204 | 304);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let how = Manner {
        status: answer.status,
        length: if bodiless { Some(0) } else { length },
        idle: None,
        until: about.until,
    };
    let watch = Watch::Nothing(Reading::default());
    let passing = Passing::new(answer.body, Vec::new(), watch, target, record, how);
    *response.body_mut() = ReplyBody::stream(passing);
    response
}
