//! Answers of operations: whole ones settled and sent, all others passed as they come.

use dialect::id::DialectId;
use dialect::loss::Loss;
use dialect::outcome::Outcome;
use http::{HeaderValue, Response, header};
use policy::entry::Status;
use policy::money::Nano;
use policy::provider::operation::Operation;

use super::attempt::{Here, Winner};
use super::leg::Brought;
use super::request::Request;
use super::{tokens, usage};
use crate::env;
use crate::exchange::pass::{Manner, Passing};
use crate::exchange::settle::{End, Record, wait};
use crate::exchange::watch::Watch;
use crate::exchange::whole::{one_key, with_cost};
use crate::native::headers::is_events;
use crate::server::reply::{self, ReplyBody};

/// Answers.
pub async fn answer(mut record: Record, request: &Request, mut winner: Winner) -> Response<ReplyBody> {
    record.lose(std::mem::take(&mut winner.losses));
    match winner.body.take() {
        Some(body) => whole(record, winner, body).await,
        None => pass(record, request, winner),
    }
}

/// Answers with the gateway's own estimate, marked as one.
pub async fn here(mut record: Record, request: &Request, here: Here) -> Response<ReplyBody> {
    let tasks = record.gateway().tasks.clone();
    let waiting = env::instant();
    let tokens = tokens::count(&tasks, here.gist, &here.target.model).await;
    record.waited(waiting);
    record.first_byte();
    record.lose(vec![Loss::approximated("input_tokens", "")]);
    wait(record.settle_own(&here.target)).await;
    let mut response = reply::json(200, dialect::count::write(request.asking.dialect, tokens, true));
    reply::record_headers(&mut response, &record);
    reply::cost_header(&mut response, Nano(0));
    reply::estimated_header(&mut response);
    response
}

async fn whole(mut record: Record, winner: Winner, brought: Brought) -> Response<ReplyBody> {
    record.first_byte();
    let Brought { body, reading, estimated } = brought;
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
    if estimated {
        reply::estimated_header(&mut response);
    }
    response
}

fn pass(mut record: Record, request: &Request, winner: Winner) -> Response<ReplyBody> {
    record.first_byte();
    record.flows();
    let events = is_events(&winner.answer.headers);
    let hold_usage = request.asks_for_usage(&winner.target);
    let known = (request.asking.operation == Operation::Completions).then_some(DialectId::OpenAiChat);
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
