//! Whole answers: read, judged, written, their line before their last byte.

use std::sync::Arc;

use bytes::Bytes;
use dialect::ir::fold::fold;
use dialect::ir::part::Body as PartBody;
use dialect::ir::response::Response as Answered;
use dialect::loss::Loss;
use dialect::outcome::{Outcome, UpstreamFault};
use dialect::stream::Reading;
use dialect::undo::Undo;
use http::{HeaderMap, Response};
use policy::entry::Status;
use policy::money::Nano;
use wire::error::FrameError;
use wire::json::{Document, Edit, Index};

use super::array::Cutter;
use super::arrive::Arrived;
use super::estimate::Counting;
use super::miss::{Miss, bad_answer};
use super::prepare::{Prepared, Way, asked};
use super::redact::redacted;
use super::remains;
use super::settle::{End, Record, wait};
use crate::server::reply::{self, ReplyBody};
use crate::state::target::{Lane, Target};
use crate::upstream::body::BodyError;
use crate::upstream::client::Answer;

/// Longest whole answer, in bytes.
const MOST: usize = 256 * 1024 * 1024;

/// A whole answer that was won.
#[derive(Debug)]
pub struct Whole {
    /// The upstream's status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as it came; empty where it crosses dialects.
    pub body: Bytes,
    /// What it told.
    pub reading: Reading,
    /// What it means, where it crosses dialects.
    pub response: Option<Answered>,
    /// What could not come along.
    pub losses: Vec<Loss>,
    /// Who gave it.
    pub target: Arc<Target>,
    /// It only says that the answer is being made: what that costs is told later.
    pub pending: bool,
}

async fn collect(answer: &mut Answer) -> Result<Bytes, Miss> {
    match answer.body.collect(MOST).await {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(bad_answer(answer.status, "the answer is longer than any answer may be")),
        Err(BodyError::Connection) => {
            let fault = UpstreamFault::new(Outcome::Truncated, answer.status, "the answer broke off before its end");
            Err(Miss { fault, raw: None })
        }
        Err(BodyError::Coding) => Err(bad_answer(answer.status, "the answer is not what its content-encoding says")),
    }
}

fn not_json(status: u16) -> Miss {
    bad_answer(status, "the answer is not JSON")
}

/// Reads a whole answer to a request that asked for one.
///
/// # Errors
/// It broke off, is not what the dialect says, or holds an error.
pub async fn read(
    arrived: &Arrived,
    target: &Arc<Target>,
    lane: &Lane,
    prepared: &Prepared,
    mut answer: Answer,
) -> Result<Box<Whole>, Miss> {
    if let Way::Across { .. } = prepared.way {
        return read_across(target, lane, prepared, answer).await;
    }
    let body = collect(&mut answer).await?;
    let mut index = Index::default();
    let json = index.read_bytes(&body).map_err(|_| not_json(answer.status))?;
    let mut meter = dialect::of(arrived.dialect).meter(&target.for_dialect());
    meter.whole(json);
    let reading = meter.take_reading();
    if let Some(mut fault) = reading.fault {
        fault.message = redacted(fault.message, target);
        return Err(Miss { fault, raw: None });
    }
    if !reading.complete {
        return Err(bad_answer(answer.status, "the answer holds no completion"));
    }
    let target = Arc::clone(target);
    let (status, headers) = (answer.status, answer.headers);
    Ok(Box::new(Whole { status, headers, body, reading, response: None, losses: Vec::new(), target, pending: false }))
}

/// Reads a whole answer into its meaning.
///
/// # Errors
/// As [`read`].
pub async fn read_across(
    target: &Arc<Target>,
    lane: &Lane,
    prepared: &Prepared,
    mut answer: Answer,
) -> Result<Box<Whole>, Miss> {
    let body = collect(&mut answer).await?;
    let mut index = Index::default();
    let json = index.read_bytes(&body).map_err(|_| not_json(answer.status))?;
    let read = dialect::of(lane.dialect).read_response(json, &undo(prepared), &target.for_dialect());
    let read = read.map_err(|mut fault| {
        fault.message = redacted(fault.message, target);
        Miss { fault, raw: None }
    })?;
    Ok(meant(target, answer, read.value, read.losses))
}

/// Gathers a stream that came where a whole answer was asked for.
///
/// # Errors
/// As [`read`].
pub async fn gather(
    _arrived: &Arrived,
    target: &Arc<Target>,
    lane: &Lane,
    prepared: &Prepared,
    mut answer: Answer,
) -> Result<Box<Whole>, Miss> {
    let body = collect(&mut answer).await?;
    let mut framer = Cutter::of(lane);
    let mut frames = Vec::new();
    match framer.push(&body, &mut frames) {
        Ok(()) => {}
        Err(FrameError::TooLong { .. }) => {
            return Err(bad_answer(answer.status, "the answer has a frame longer than any frame may be"));
        }
        Err(FrameError::Corrupt { what }) => return Err(bad_answer(answer.status, what)),
    }
    framer.finish(&mut frames);
    let mut decoder = dialect::of(lane.dialect).decoder(undo(prepared), &target.for_dialect());
    let mut events = Vec::new();
    for frame in &frames {
        decoder.push(frame, &mut events);
    }
    decoder.finish(&mut events);
    let losses = decoder.take_losses();
    match fold(events) {
        Ok(response) => Ok(meant(target, answer, response, losses)),
        Err(mut fault) => {
            fault.message = redacted(fault.message, target);
            Err(Miss { fault, raw: None })
        }
    }
}

fn undo(prepared: &Prepared) -> Undo {
    match &prepared.way {
        Way::Across { undo } => undo.clone(),
        Way::Same { .. } => Undo::default(),
    }
}

fn meant(target: &Arc<Target>, answer: Answer, response: Answered, losses: Vec<Loss>) -> Box<Whole> {
    let reading = Reading {
        usage: response.usage.clone(),
        id: Some(response.id.clone()).filter(|id| !id.is_empty()),
        model: Some(response.model.clone()).filter(|model| !model.is_empty()),
        finish: response.choices.first().and_then(|choice| choice.finish.clone()),
        complete: true,
        text_bytes: text_bytes(&response),
        fault: None,
    };
    Box::new(Whole {
        status: answer.status,
        headers: answer.headers,
        body: Bytes::new(),
        reading,
        response: Some(response),
        losses,
        target: Arc::clone(target),
        pending: false,
    })
}

fn text_bytes(response: &Answered) -> u64 {
    let parts = response.choices.iter().flat_map(|choice| &choice.parts);
    let bytes = parts.map(|part| match &part.body {
        PartBody::Text { text, .. } | PartBody::Refusal(text) => text.len(),
        PartBody::Reasoning(reasoning) => reasoning.text.len(),
        PartBody::ToolCall(call) => call.arguments.len(),
        PartBody::Media(_) | PartBody::ToolResult(_) | PartBody::Unknown { .. } => 0,
    });
    bytes.sum::<usize>() as u64
}

/// Answers: settled, its line written, then sent.
pub async fn answer(mut record: Record, arrived: &Arrived, whole: Box<Whole>) -> Response<ReplyBody> {
    let mut whole = *whole;
    record.first_byte();
    record.lose(std::mem::take(&mut whole.losses));
    let reported = || whole.target.reported_usd(&whole.headers);
    whole.reading.usage.reported_usd = whole.reading.usage.reported_usd.take().or_else(reported);
    if whole.pending {
        record.count(Counting::Free);
    }
    let body = match &whole.response {
        None => whole.body.clone(),
        Some(response) => {
            let written = dialect::of(arrived.dialect).write_response(response, &asked(arrived, &whole.target));
            record.lose(written.losses);
            remains::leave(record.gateway(), arrived, response, &written.value);
            written.value.into()
        }
    };
    let end = End {
        status: Status::Ok,
        outcome: Outcome::Ok,
        upstream_status: whole.status,
        http: 200,
        reading: whole.reading,
        error: None,
    };
    let (cost, appended) = record.settle(end);
    wait(appended).await;
    let body = match cost {
        Some(cost) if wants_cost(arrived) => with_cost(body, cost),
        _ => body,
    };
    let mut response = reply::bytes(if whole.response.is_some() { 200 } else { whole.status }, body);
    response.headers_mut().insert(http::header::CONTENT_TYPE, reply::JSON);
    reply::upstream_headers(&mut response, &whole.headers, one_key(&whole.target));
    reply::record_headers(&mut response, &record);
    if let Some(cost) = cost {
        reply::cost_header(&mut response, cost);
    }
    response
}

/// Rate-limit headers mean something to the caller only where one key stands behind them.
#[must_use]
pub fn one_key(target: &Target) -> bool {
    target.provider.keys() == 1
}

/// Whether the caller or the configuration wants `usage.cost`.
#[must_use]
pub fn wants_cost(arrived: &Arrived) -> bool {
    arrived.peek.include_cost || arrived.snapshot.config.cost_in_usage
}

/// A body with `usage.cost`, unless the upstream reported its own.
#[must_use]
pub fn with_cost(body: Bytes, cost: Nano) -> Bytes {
    let Ok(document) = Document::parse(body.clone()) else { return body };
    let object = |usage: &wire::json::Json<'_>| usage.kind() == wire::json::Kind::Object;
    // The last event of a stream of responses has it in the response.
    let own = document.get("usage").filter(object).map(|usage| (usage, vec!["usage".into(), "cost".into()]));
    let inner = || {
        let usage = document.get("response")?.get("usage").filter(object)?;
        Some((usage, vec!["response".into(), "usage".into(), "cost".into()]))
    };
    match own.or_else(inner) {
        Some((usage, path)) if usage.get("cost").is_none() => document.edit(&[Edit::set_at(path, cost.to_string())]),
        _ => body,
    }
}
