//! Answers of a provider's own API on their way to the caller: passed as they came, watched for what they used.

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use dialect::outcome::Outcome;
use dialect::stream::Reading;
use dialect::usage::Source;
use http::{Method, Response, header};
use policy::entry::Status;

use policy::route::verdict::verdict;
use tokio::time::Instant;
use wire::json::Json;

use super::{Going, headers};
use crate::exchange::array::is_lines;
use crate::exchange::estimate::Counting;
use crate::exchange::flow::is_messages;
use crate::exchange::pass::{Manner, Passing};
use crate::exchange::redact::cleared;
use crate::exchange::settle::{End, Record, wait};
use crate::exchange::watch::{self, MOST_KEPT, Watch};
use crate::objects::learn;
use crate::server::reply::{self, ReplyBody};

use crate::upstream::body::UpBody;
use crate::upstream::client::Answer;

/// The dialect that its errors are told in.
pub(super) const ERRORS: DialectId = DialectId::OpenAiChat;
/// Longest error that is read.
const MOST_ERROR: usize = 1 << 20;

/// Answers with an error of ours, its line written first.
pub(super) async fn refuse(mut record: Record, fault: &Fault) -> Response<ReplyBody> {
    record.settle_error(fault, fault.status_in(ERRORS)).await;
    let mut response = reply::plain_fault(ERRORS, fault, record.id());
    reply::record_headers(&mut response, &record);
    response
}

/// Passes an answer on.
pub(super) async fn answered(record: Record, going: Going, answer: Answer, until: Instant) -> Response<ReplyBody> {
    let failed = answer.status >= 400;
    if let Some(object) = going.deletes.as_ref().filter(|_| !failed) {
        wait(record.gateway().objects.gone(&object.name)).await;
    }
    let (events, lines) = (headers::is_events(&answer.headers), is_lines(&answer.headers));
    if failed {
        return rejected(record, &going, answer).await;
    }
    let json = going.metered && headers::is_json(&answer.headers);
    if json && !going.stream {
        return whole(record, going, answer, until).await;
    }
    let mut record = record;
    let messages = is_messages(&answer.headers);
    let watch = match (events, json) {
        _ if messages => Watch::messages(going.known, &going.target),
        _ if lines => Watch::lines(going.known, &going.target),
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
        Ok(Some(bytes)) => cleared(bytes, &going.target),
        Ok(None) | Err(_) => Bytes::new(),
    };
    if matches!(status, 401 | 403) {
        going.target.provider.refused(&record.gateway().tasks);
    }
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
    if let Some(making) = &going.making
        && let Ok(json) = Json::from_bytes(&body)
        && let Some(line) = learn::made(record.gateway(), making.clone(), json)
    {
        wait(line).await;
    }
    let mut reading = watch::whole(going.known, &going.target, &body);
    if reading.usage.source == Source::Unknown
        && let Some(usage) = watch::counted_in(&answer.headers)
    {
        reading.usage = usage;
    }
    reading.complete = true;
    let reported = || going.target.reported_usd(&answer.headers);
    reading.usage.reported_usd = reading.usage.reported_usd.take().or_else(reported);
    // Some providers answer 200 and tell an error in the body.
    let told = reading.fault.as_ref().map(|fault| fault.outcome);
    let body = if told.is_some() { cleared(body, &going.target) } else { body };
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
    if let Some(making) = going.making {
        record.keeps(making);
    }
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
    let events = watch.reads_events();
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
