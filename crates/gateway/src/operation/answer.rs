//! Answers of operations: whole ones settled and sent, all others passed as they come.

use bytes::Bytes;
use dialect::id::DialectId;
use dialect::outcome::Outcome;
use http::{HeaderValue, Response, header};
use policy::entry::Status;
use policy::provider::operation::Operation;

use super::attempt::Winner;
use super::request::Request;
use super::usage;
use crate::exchange::pass::{Manner, Passing};
use crate::exchange::settle::{End, Record, wait};
use crate::exchange::watch::Watch;
use crate::exchange::whole::{one_key, with_cost};
use crate::native::headers::is_events;
use crate::server::reply::{self, ReplyBody};

/// Answers.
pub async fn answer(record: Record, request: &Request, winner: Winner) -> Response<ReplyBody> {
    match winner.body.clone() {
        Some(body) => whole(record, request, winner, body).await,
        None => pass(record, request, winner),
    }
}

async fn whole(mut record: Record, request: &Request, winner: Winner, body: Bytes) -> Response<ReplyBody> {
    record.first_byte();
    let mut reading = usage::whole(request.operation, &winner.target, &body);
    reading.complete = true;
    let status = winner.answer.status;
    let end =
        End { status: Status::Ok, outcome: Outcome::Ok, upstream_status: status, http: status, reading, error: None };
    let (cost, appended) = record.settle(end);
    wait(appended).await;
    let body = match cost {
        Some(cost) if record.snapshot().config.cost_in_usage => with_cost(body, cost),
        _ => body,
    };
    let mut response = reply::bytes(status, body);
    heads(&mut response, &record, &winner);
    if let Some(cost) = cost {
        reply::cost_header(&mut response, cost);
    }
    response
}

fn pass(mut record: Record, request: &Request, winner: Winner) -> Response<ReplyBody> {
    record.first_byte();
    record.flows();
    let events = is_events(&winner.answer.headers);
    let hold_usage = request.asks_for_usage(&winner.target);
    let known = (request.operation == Operation::Completions).then_some(DialectId::OpenAiChat);
    let watch = match events {
        true => Watch::events(known, &winner.target, hold_usage),
        false => Watch::Nothing(usage::before(request.characters)),
    };
    let coded = winner.answer.headers.contains_key(header::CONTENT_ENCODING);
    let length = winner.answer.headers.get(header::CONTENT_LENGTH).filter(|_| !coded && !hold_usage);
    let mut response = reply::bytes(winner.answer.status, "");
    heads(&mut response, &record, &winner);
    if events {
        response.headers_mut().insert(header::CACHE_CONTROL, reply::NO_CACHE);
    }
    let how = Manner {
        status: winner.answer.status,
        length: length.and_then(|length| length.to_str().ok()?.parse().ok()),
        idle: events.then_some(winner.target.timeouts.idle),
        until: winner.until,
    };
    let passing = Passing::new(winner.answer.body, Vec::new(), watch, winner.target, record, how);
    *response.body_mut() = ReplyBody::stream(passing);
    response
}

fn heads(response: &mut Response<ReplyBody>, record: &Record, winner: &Winner) {
    let from = &winner.answer.headers;
    let kind = from.get(header::CONTENT_TYPE).cloned();
    let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    reply::upstream_headers(response, from, one_key(&winner.target));
    reply::record_headers(response, record);
}
