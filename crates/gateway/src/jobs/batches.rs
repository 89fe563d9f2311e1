//! Prices the requests of batches once their answers are there, whether or not their caller comes back.
//!
//! Each open batch is asked for with growing pauses. When it has ended, its answers are read as a stream and each
//! becomes a line of the ledger, whose id follows from the batch and the caller's id of the request: read twice,
//! after a kill or by two at a time, a line is stored once.

mod outcome;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dialect::fault::Kind as FaultKind;
use dialect::id::DialectId;
use dialect::stream::Reading;
use futures_util::StreamExt as _;
use http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};
use policy::entry::Status;
use policy::object::{Kind as ObjectKind, Name, Object, State};
use policy::provider::kept::Kept;
use store::journal::Appended;
use tokio::time::Instant;
use uuid::{Builder, Uuid};
use wire::json::Json;

use self::outcome::Answered;
use crate::env;
use crate::exchange::estimate::Counting;
use crate::exchange::opening::{Opening, Told};
use crate::exchange::settle::{End, Record, wait};
use crate::exchange::watch;
use crate::gateway::Gateway;
use crate::objects::learn;
use crate::objects::note::Note;
use crate::objects::path::is_id;
use crate::objects::pin::{self, Pin};
use crate::objects::send::{Going, send};
use crate::state::directory::hash;
use crate::state::snapshot::Snapshot;
use crate::telemetry::log;
use crate::upstream::client::Answer;

/// The first pause between two looks at a batch.
const FIRST: Duration = Duration::from_secs(5);
/// The longest.
const LONGEST: Duration = Duration::from_secs(300);
/// How often open batches are looked for where nothing else says that there are some.
const EVERY: Duration = Duration::from_secs(60);
/// How often objects past their time are looked for.
const EXPIRE_EVERY: Duration = Duration::from_secs(3_600);
/// Most batches under watch.
const MOST: usize = 10_000;
/// How many are looked at together.
const AT_ONCE: usize = 4;
/// How long a look, or a silence in answers, may last.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest description of a batch, in bytes.
const MOST_BATCH: usize = 1 << 20;
/// Longest line of answers, in bytes.
const MOST_LINE: usize = 64 << 20;
/// When a batch is given up: providers keep answers for a month.
const GIVEN_UP: SignedDuration = SignedDuration::from_hours(24 * 45);
/// Most objects kept; the oldest go.
const MOST_OBJECTS: usize = 2_000_000;
/// Objects deleted at a time.
const LOT: usize = 5_000;

/// What a look at a batch gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is still under way.
    Pending(Option<Duration>),
    /// Its answers are in the ledger.
    Settled,
    /// It could not be looked at, or not read to its end.
    Failed(Option<Duration>),
}

/// When a batch is looked at next.
#[derive(Debug, Clone, Copy)]
struct Due {
    at: Instant,
    pause: Duration,
}

/// Looks until the gateway stops.
pub async fn run(gateway: Arc<Gateway>) {
    let stop = gateway.tasks.stop().clone();
    tokio::select! {
        () = watch_all(&gateway) => {}
        () = stop.cancelled() => {}
    }
}

async fn watch_all(gateway: &Arc<Gateway>) {
    let mut due: HashMap<Name, Due> = HashMap::new();
    let mut open: Vec<Object> = Vec::new();
    let mut expire_at = env::instant() + EVERY;
    loop {
        // A store that is away changes nothing: what was open is looked at all the same.
        if let Ok(found) = gateway.objects.open(MOST).await {
            open = found;
            open.retain(|object| object.name.kind == ObjectKind::Batch);
            let still: std::collections::HashSet<&Name> = open.iter().map(|batch| &batch.name).collect();
            due.retain(|name, _| still.contains(name));
        }
        let now = env::instant();
        for batch in &open {
            due.entry(batch.name.clone()).or_insert_with(|| Due { at: now + jittered(FIRST), pause: FIRST });
        }
        for name in gateway.objects.hurried() {
            if let Some(due) = due.get_mut(&name) {
                due.at = now;
            }
        }
        let ready: Vec<Object> =
            open.iter().filter(|batch| due.get(&batch.name).is_some_and(|due| due.at <= now)).cloned().collect();
        let mut looks = futures_util::stream::iter(
            ready.into_iter().map(|batch| async move { (step(gateway, &batch).await, batch.name) }),
        )
        .buffer_unordered(AT_ONCE);
        while let Some((step, name)) = looks.next().await {
            let Some(next) = due.get_mut(&name) else { continue };
            let (Step::Pending(told) | Step::Failed(told)) = step else {
                open.retain(|batch| batch.name != name);
                due.remove(&name);
                continue;
            };
            let pause = told.unwrap_or_default().min(LONGEST).max(jittered(next.pause));
            *next = Due { at: env::instant() + pause, pause: (next.pause * 8 / 5).min(LONGEST) };
        }
        if env::instant() >= expire_at {
            expire_at = env::instant() + EXPIRE_EVERY;
            expire(gateway).await;
        }
        let next = due.values().map(|due| due.at).min().unwrap_or(now + EVERY).min(now + EVERY);
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = gateway.objects.woken() => {}
        }
    }
}

/// A pause of four to six fifths of this one.
fn jittered(pause: Duration) -> Duration {
    pause * (800 + u32::try_from(env::roll() % 401).unwrap_or(200)) / 1_000
}

/// Deletes the objects whose time is over, as the ledger does its lines.
async fn expire(gateway: &Gateway) {
    let retention = gateway.snapshot.load().config.retention;
    let before = retention.and_then(|retention| env::now().checked_sub(retention).ok());
    let before = before.map_or(i64::MIN, Timestamp::as_millisecond);
    while gateway.objects.store().expire(before, MOST_OBJECTS, LOT).await.unwrap_or(0) == LOT {}
}

/// Looks at a batch, and prices its requests if it has ended.
pub async fn step(gateway: &Arc<Gateway>, batch: &Object) -> Step {
    let step = look(gateway, batch).await;
    let old = env::now().duration_since(batch.created) > GIVEN_UP;
    if step != Step::Settled && old {
        let (id, provider) = (&*batch.name.id, &*batch.name.provider);
        log::error("a batch is given up, its requests are not in the ledger", &[("batch", id), ("provider", provider)]);
        return close(gateway, batch).await;
    }
    step
}

async fn close(gateway: &Gateway, batch: &Object) -> Step {
    wait(gateway.objects.noted(&batch.name, State::Settled, None)).await;
    Step::Settled
}

async fn look(gateway: &Arc<Gateway>, batch: &Object) -> Step {
    let snapshot = gateway.snapshot.load_full();
    let Some(note) = batch.data.as_deref().and_then(Note::read) else {
        log::error("what is stored with a batch cannot be read", &[("batch", &batch.name.id)]);
        return Step::Failed(Some(LONGEST));
    };
    let Ok(pin) = pin::of(&snapshot, note.family, Kept::Batches, batch) else { return Step::Failed(Some(LONGEST)) };
    let going = Going::look(format!("/{}", batch.name.id), note.family);
    let mut answer = match ask(gateway, &pin, &going).await {
        Ok(answer) => answer,
        Err(step) => return step,
    };
    let body = tokio::time::timeout(PATIENCE, answer.body.collect(MOST_BATCH)).await;
    let Ok(Ok(Some(body))) = body else { return Step::Failed(None) };
    let Ok(told) = Json::from_bytes(&body) else { return Step::Failed(None) };
    let (ended, lines) = learn::batch(gateway, batch, told);
    for line in lines {
        wait(line).await;
    }
    if !ended {
        return Step::Pending(retry_of(&answer.headers));
    }
    let reader = Reader { gateway, snapshot, batch, note, pin, at: ended_at(batch, told), known: endpoint(told) };
    match reader.answers(told).await {
        Ok(()) => close(gateway, batch).await,
        Err(step) => step,
    }
}

/// Asks the provider; an answer that is not 200 is a failure.
async fn ask(gateway: &Arc<Gateway>, pin: &Pin, going: &Going) -> Result<Answer, Step> {
    match tokio::time::timeout(PATIENCE, send(gateway, pin, going)).await {
        Ok(Ok((answer, _))) if answer.status == 200 => Ok(answer),
        Ok(Ok((answer, _))) => Err(Step::Failed(retry_of(&answer.headers))),
        Ok(Err(_)) | Err(_) => Err(Step::Failed(None)),
    }
}

/// What `retry-after` says in seconds.
fn retry_of(headers: &HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// When a batch ended, the same however often it is asked; a time that cannot be is taken for its making.
fn ended_at(batch: &Object, told: Json<'_>) -> Timestamp {
    let time = |name: &str| {
        let value = told.get(name)?.non_null()?;
        match value.as_u64() {
            Some(seconds) => Timestamp::from_second(i64::try_from(seconds).ok()?).ok(),
            None => value.as_str()?.parse().ok(),
        }
    };
    let names = ["ended_at", "completed_at", "expired_at", "cancelled_at", "failed_at"];
    let ended = names.into_iter().find_map(time).unwrap_or(batch.created);
    let took = ended.duration_since(batch.created);
    if took.is_negative() || took > GIVEN_UP { batch.created } else { ended }
}

/// The dialect of a batch's answers.
fn endpoint(told: Json<'_>) -> Option<DialectId> {
    if told.get("processing_status").is_some() {
        return Some(DialectId::AnthropicMessages);
    }
    match told.get("endpoint")?.as_str()?.as_ref() {
        "/v1/chat/completions" => Some(DialectId::OpenAiChat),
        "/v1/responses" => Some(DialectId::OpenAiResponses),
        _ => None,
    }
}

/// Reads the answers of one batch.
struct Reader<'a> {
    gateway: &'a Arc<Gateway>,
    snapshot: Arc<Snapshot>,
    batch: &'a Object,
    note: Note,
    pin: Pin,
    at: Timestamp,
    known: Option<DialectId>,
}

impl Reader<'_> {
    async fn answers(&self, told: Json<'_>) -> Result<(), Step> {
        if self.note.family == DialectId::AnthropicMessages {
            let path = format!("/{}/results", self.batch.name.id);
            return self.read(&self.pin, Going::look(path, self.note.family)).await;
        }
        for member in ["output_file_id", "error_file_id"] {
            let id = told.get(member).and_then(Json::as_str).filter(|id| is_id(id));
            let Some(id) = id else { continue };
            let file =
                Object { name: Name { id: id.as_ref().into(), ..self.batch.name.clone() }, ..self.batch.clone() };
            let pin = pin::of(&self.snapshot, self.note.family, Kept::Files, &file)
                .map_err(|_| Step::Failed(Some(LONGEST)))?;
            self.read(&pin, Going::look(format!("/{id}/content"), self.note.family)).await?;
        }
        Ok(())
    }

    /// Reads lines from the provider; each whole one becomes a line of the ledger.
    async fn read(&self, pin: &Pin, going: Going) -> Result<(), Step> {
        let mut answer = ask(self.gateway, pin, &going).await?;
        let mut coming = BytesMut::new();
        let mut number = 0_u64;
        // The rest of a line that is too long is passed over.
        let mut over = false;
        loop {
            let piece = match tokio::time::timeout(PATIENCE, answer.body.next()).await {
                Ok(Some(Ok(piece))) => piece,
                Ok(None) => break,
                Ok(Some(Err(_))) | Err(_) => return Err(Step::Failed(None)),
            };
            let mut from = coming.len();
            coming.extend_from_slice(&piece);
            while let Some(end) = memchr::memchr(b'\n', coming.get(from..).unwrap_or_default()) {
                let line = coming.split_to(from + end + 1).freeze();
                from = 0;
                number += 1;
                if !std::mem::take(&mut over) {
                    self.line(&line, number).await;
                }
            }
            if coming.len() > MOST_LINE {
                self.bad(number + 1, "is longer than any answer is read");
                coming.clear();
                over = true;
            }
        }
        if !over && !coming.is_empty() {
            self.line(&coming.freeze(), number + 1).await;
        }
        Ok(())
    }

    fn bad(&self, number: u64, what: &str) {
        let number = number.to_string();
        log::error(
            "an answer of a batch is not in the ledger",
            &[("batch", &self.batch.name.id), ("line", &number), ("because", what)],
        );
    }

    async fn line(&self, line: &Bytes, number: u64) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let Ok(json) = Json::from_bytes(line) else { return self.bad(number, "is not JSON") };
        let text = |name: &str| json.get(name).and_then(Json::as_str);
        let Some(custom_id) = text("custom_id").or_else(|| text("id")) else {
            return self.bad(number, "names no request");
        };
        let appended = self.settle(&custom_id, &Answered::read(json));
        let held = matches!(appended, Appended::Held);
        wait(appended).await;
        if held {
            // The journal's memory is for answers that callers wait for.
            while self.gateway.journal.stats().degraded {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }

    /// Writes the ledger's line of one answer.
    fn settle(&self, custom_id: &str, answer: &Answered<'_>) -> Appended {
        let body = answer.body.map(|body| Bytes::copy_from_slice(body.raw().as_bytes()));
        let served = answer.body.and_then(|body| body.get("model")?.as_str());
        let model = self.batch.model.as_deref().or(served.as_deref()).unwrap_or(crate::native::NO_MODEL);
        let target = self.snapshot.target(self.pin.place, model);
        let told = Told {
            at: self.at,
            caller: self.note.caller.clone(),
            batch: Arc::clone(&self.batch.name.id),
            custom_id: custom_id.to_owned(),
        };
        let dialect = self.known.map_or("openai", DialectId::name);
        let id = line_id(self.at, &self.batch.name, custom_id);
        let opening = Opening { id, start: env::instant(), dialect, operation: "batch", client: None };
        let mut record = Record::of_batch(self.gateway, &self.snapshot, told, opening);
        let asked = self.note.asked.clone().unwrap_or_else(|| target.name.to_string());
        record.asks(&asked, false, Some("batch".to_owned()), 0);
        let mut reading = match (&body, answer.status) {
            (Some(body), Status::Ok) => watch::whole(self.known, &target, body),
            _ => {
                record.count(Counting::Free);
                Reading::default()
            }
        };
        reading.complete = true;
        // The price of a batch holds, whatever tier the answer names.
        reading.usage.tier = Some("batch".into());
        record.begin(&target);
        let error = (answer.status == Status::Error).then(|| match answer.http {
            400..500 => FaultKind::UpstreamRejected.name(),
            504 => FaultKind::UpstreamTimeout.name(),
            _ => FaultKind::UpstreamFailed.name(),
        });
        let end = End {
            status: answer.status,
            outcome: answer.outcome,
            upstream_status: answer.http,
            http: answer.http,
            reading,
            error,
        };
        record.settle(end).1
    }
}

/// The id of the ledger's line of a request: a version 7 UUID of the batch's end, the rest a hash of what tells the
/// request apart from all others.
fn line_id(at: Timestamp, batch: &Name, custom_id: &str) -> Uuid {
    let digest = hash(&format!("{}\0{}\0{custom_id}", batch.provider, batch.id));
    let mut random = [0_u8; 10];
    random.copy_from_slice(digest.get(..10).unwrap_or(&[0; 10]));
    Builder::from_unix_timestamp_millis(u64::try_from(at.as_millisecond()).unwrap_or_default(), &random).into_uuid()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_line_follows_from_its_request() {
        let at = Timestamp::from_millisecond(1_795_341_600_000).unwrap();
        let name = |id: &str| Name { provider: "p".into(), kind: policy::object::Kind::Batch, id: id.into() };
        let one = line_id(at, &name("b"), "r");
        assert_eq!(one, line_id(at, &name("b"), "r"));
        assert_eq!((one.get_version_num(), policy::entry::id_ms(one)), (7, 1_795_341_600_000));
        assert!(one != line_id(at, &name("b"), "r2") && one != line_id(at, &name("b2"), "r"));
    }
}
