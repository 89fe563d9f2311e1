//! What a response that its provider makes in the background costs: a line of its own in the ledger, once, when it
//! has ended, whether or not its caller comes back.
//!
//! The line's id follows from the response, so it is stored once however often its end is seen: by the job, by a
//! caller's look, after a kill.

use std::sync::Arc;
use std::time::Duration;

use dialect::id::DialectId;
use dialect::outcome::Outcome;
use dialect::stream::Reading;
use jiff::{SignedDuration, Timestamp};
use policy::entry::Status;
use policy::object::{Object, State};
use uuid::{Builder, Uuid};
use wire::json::{Json, Writer};

use super::pin;
use crate::api::requests::by_id;
use crate::env;
use crate::exchange::opening::Opening;
use crate::exchange::settle::{End, Record, wait};
use crate::gateway::Gateway;
use crate::objects::note::Note;
use crate::objects::send::{Going, send};
use crate::state::directory::hash;
use crate::telemetry::log;

/// How long a look may last.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest response that is read, in bytes.
const MOST: usize = 64 << 20;
/// When a response is given up: no provider makes one for longer.
const GIVEN_UP: SignedDuration = SignedDuration::from_hours(48);

/// What a look gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is still being made.
    Pending,
    /// What it costs is in the ledger.
    Settled,
    /// It could not be looked at.
    Failed,
}

/// What is stored with a response in the making.
#[must_use]
pub fn data(request: Uuid, note: &Note) -> Arc<str> {
    let mut json = Writer::with_capacity(256);
    json.object(|json| {
        json.key("request").str(&request.hyphenated().to_string());
        json.key("note").raw(&note.write());
    });
    json.finish().into()
}

fn read_data(data: &str) -> Option<(Uuid, Note)> {
    let json = Json::parse(data).ok()?;
    Some((Uuid::try_parse(&json.get("request")?.as_str()?).ok()?, Note::read(json.get("note")?.raw())?))
}

/// Looks at a response, and puts what it costs into the ledger if it has ended.
pub async fn step(gateway: &Arc<Gateway>, object: &Object) -> Step {
    let step = look(gateway, object).await;
    if step != Step::Settled && env::now().duration_since(object.created) > GIVEN_UP {
        let (id, provider) = (&*object.name.id, &*object.name.provider);
        log::error("a response is given up, what it costs is unknown", &[("response", id), ("provider", provider)]);
        settle(gateway, object, Json::NULL).await;
        return Step::Settled;
    }
    step
}

async fn look(gateway: &Arc<Gateway>, object: &Object) -> Step {
    let snapshot = gateway.snapshot.load_full();
    let Ok(pin) = pin::of(&snapshot, object) else { return Step::Failed };
    let going = Going::look(format!("/{}", object.name.id), DialectId::OpenAiResponses);
    let mut answer = match tokio::time::timeout(PATIENCE, send(gateway, &pin, &going)).await {
        Ok(Ok((answer, _))) => answer,
        Ok(Err(_)) | Err(_) => return Step::Failed,
    };
    if answer.status == 404 {
        // Its provider has it no more: what it cost is not to be known.
        settle(gateway, object, Json::NULL).await;
        return Step::Settled;
    }
    let body = tokio::time::timeout(PATIENCE, answer.body.collect(MOST)).await;
    let (200, Ok(Ok(Some(body)))) = (answer.status, body) else { return Step::Failed };
    match Json::from_bytes(&body) {
        Ok(json) => told(gateway, object, json).await,
        Err(_) => Step::Failed,
    }
}

/// Takes a response's state as its provider tells it.
pub async fn told(gateway: &Arc<Gateway>, object: &Object, json: Json<'_>) -> Step {
    let is = |word: &str| json.get("status").is_some_and(|status| status.is(word));
    match () {
        () if is("queued") || is("in_progress") => Step::Pending,
        () if ["completed", "incomplete", "failed", "cancelled"].into_iter().any(is) => {
            settle(gateway, object, json).await;
            Step::Settled
        }
        () => Step::Failed,
    }
}

/// Writes the line, then that nothing is left to do.
async fn settle(gateway: &Arc<Gateway>, object: &Object, json: Json<'_>) {
    let Some((request, note)) = object.data.as_deref().and_then(read_data) else {
        log::error("what is stored with a response cannot be read", &[("response", &object.name.id)]);
        wait(gateway.objects.noted(&object.name, State::Settled, None)).await;
        return;
    };
    // A stream that its caller read to its end has told it already.
    let line = by_id(gateway, request).await.ok().flatten();
    let reported = line.as_deref().and_then(|line| Json::parse(line).ok()).is_some_and(|line| {
        line.at(&["usage", "source"]).is_some_and(|source| source.is("reported"))
            && line.at(&["usage", "output"]).and_then(Json::as_u64).is_some_and(|tokens| tokens > 0)
    });
    if !reported {
        wait(write(gateway, object, note, json)).await;
    }
    wait(gateway.objects.noted(&object.name, State::Settled, None)).await;
}

fn write(gateway: &Arc<Gateway>, object: &Object, note: Note, json: Json<'_>) -> store::journal::Appended {
    let snapshot = gateway.snapshot.load_full();
    let at = ended_at(object, json);
    let dialect = DialectId::OpenAiResponses;
    let opening = Opening {
        id: line_id(object),
        start: env::instant(),
        dialect: dialect.name(),
        operation: "response",
        client: None,
    };
    let mut record = Record::of_background(gateway, &snapshot, note.caller, at, opening);
    let place = snapshot.provider_place(&object.name.provider);
    let Some(target) =
        place.map(|place| snapshot.target(place, object.model.as_deref().unwrap_or(crate::native::NO_MODEL)))
    else {
        return store::journal::Appended::Written;
    };
    let asked = note.asked.unwrap_or_else(|| target.name.to_string());
    record.asks(&asked, false, None, 0);
    let mut meter = dialect::of(dialect).meter(&target.for_dialect());
    meter.whole(json);
    let Reading { usage, model, finish, .. } = meter.take_reading();
    let reading =
        Reading { usage, model, finish, id: Some(object.name.id.to_string()), complete: true, ..Reading::default() };
    let is = |word: &str| json.get("status").is_some_and(|status| status.is(word));
    let (status, outcome) = match () {
        () if is("cancelled") => (Status::Cancelled, Outcome::Cancelled),
        () if is("failed") || json.is_null() => (Status::Incomplete, Outcome::ServerError),
        () => (Status::Ok, Outcome::Ok),
    };
    record.begin(&target);
    let end = End { status, outcome, upstream_status: 200, http: 200, reading, error: None };
    record.settle(end).1
}

/// When a response ended; a time that cannot be is taken for its making.
fn ended_at(object: &Object, json: Json<'_>) -> Timestamp {
    let seconds = json.get("completed_at").and_then(Json::as_u64).and_then(|seconds| i64::try_from(seconds).ok());
    let ended = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or(object.created);
    let took = ended.duration_since(object.created);
    if took.is_negative() || took > GIVEN_UP { object.created } else { ended }
}

/// The line's id: the same for the same response.
fn line_id(object: &Object) -> Uuid {
    let hash = hash(&format!("response {} {}", object.name.provider, object.name.id));
    let random = hash.first_chunk::<10>().copied().unwrap_or_default();
    // A moment behind its making, whose line stands before it.
    let ms = u64::try_from(object.created.as_millisecond().saturating_add(1)).unwrap_or_default();
    Builder::from_unix_timestamp_millis(ms, &random).into_uuid()
}
