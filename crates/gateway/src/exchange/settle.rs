//! The record of a request: filled on its way, settled once at its end, on every way out, also on drop.
//!
//! Settling prices what was used, writes the ledger line to the journal, counts metrics, logs one line and
//! gives back what was set aside. There is no other place that does any of these.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use dialect::fault::Fault;
use dialect::loss::Loss;
use dialect::outcome::Outcome;
use dialect::peek::Peek;
use dialect::stream::Reading;
use dialect::usage::{Source, Usage};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use policy::entry::{Attempt, Caller, Decision, Entry, Status};
use policy::money::Nano;
use policy::price::cost::{Cost, cost};
use policy::price::sheet::Asked;
use store::journal::Appended;
use tokio::time::Instant;
use uuid::Uuid;

use super::access;
use super::call::Call;
use super::estimate::{Counting, free, whole_usage};
use super::expect::Size;
use super::hold::Hold;
use super::opening::{Opening, client};
use super::tags::{bounded, tags_of};
use crate::env;
use crate::gateway::Gateway;
use crate::state::directory::Principal;
use crate::state::live::Busy;
use crate::state::snapshot::Snapshot;
use crate::state::target::Target;
use crate::telemetry::log;

/// How long an answer's last bytes wait for its line to be written.
const PATIENCE: Duration = Duration::from_millis(20);
const TAGS: HeaderName = HeaderName::from_static("x-tollgate-tags");
const USER: HeaderName = HeaderName::from_static("x-tollgate-user");
const SESSION: HeaderName = HeaderName::from_static("x-tollgate-session");
const SESSION_TOO: HeaderName = HeaderName::from_static("x-session-id");

/// An attempt that is under way.
#[derive(Debug)]
struct Active {
    target: Arc<Target>,
    start: Instant,
    at: Timestamp,
    /// Until its first content.
    first: Option<Duration>,
    resent: bool,
    /// It counts as under way at its target.
    _busy: Busy,
}

/// The record of one request.
#[derive(Debug)]
pub struct Record {
    gateway: Arc<Gateway>,
    snapshot: Arc<Snapshot>,
    start: Instant,
    entry: Box<Entry>,
    active: Option<Active>,
    hold: Option<Hold>,
    /// Time spent waiting for upstreams, in µs.
    waited_us: u64,
    /// The gateway's own time, once the answer flows, in µs.
    own_us: Option<u64>,
    /// What is known of the request before it is sent.
    size: Size,
    counting: Counting,
    /// Where the request came from, for the access log; `None` on the local socket.
    client: Option<IpAddr>,
    settled: bool,
}

/// How an answer ended.
#[derive(Debug)]
pub struct End {
    /// How the request ended.
    pub status: Status,
    /// How the attempt ended.
    pub outcome: Outcome,
    /// The upstream's status.
    pub upstream_status: u16,
    /// The status the caller got.
    pub http: u16,
    /// What the answer told.
    pub reading: Reading,
    /// The error, where there was one.
    pub error: Option<&'static str>,
}

impl Record {
    /// Begins the record of a caller that is known.
    #[must_use]
    pub fn open(gateway: &Arc<Gateway>, snapshot: &Arc<Snapshot>, who: &Principal, call: &Call) -> Self {
        let client = client(call.peer, &call.head.headers, snapshot);
        let opening =
            Opening { id: call.id, start: call.start, dialect: call.dialect.name(), operation: "chat", client };
        Self::begun(gateway, snapshot, who, opening)
    }

    /// The same for any operation.
    #[must_use]
    pub fn begun(gateway: &Arc<Gateway>, snapshot: &Arc<Snapshot>, who: &Principal, opening: Opening) -> Self {
        let caller = Caller {
            key: Arc::clone(&who.name),
            team: who.team.clone(),
            organization: who.organization.clone(),
            user: who.user.as_deref().map(str::to_owned),
            tags: Vec::new(),
            session: None,
        };
        let entry = Box::new(Entry {
            id: opening.id,
            at: env::now(),
            status: Status::Cancelled,
            http: None,
            error: None,
            upstream_id: None,
            node: Arc::clone(&gateway.node),
            config: Arc::clone(&snapshot.config.hash),
            caller,
            dialect: opening.dialect,
            operation: opening.operation,
            stream: false,
            asked: String::new(),
            served: None,
            attempts: Vec::new(),
            usage: Usage::unknown(),
            cost: Cost::zero(),
            prices: Arc::clone(&snapshot.prices),
            total_ms: 0,
            first_byte_ms: None,
            gateway_us: 0,
            cache: "off",
            losses: Vec::new(),
            decision: Decision::default(),
        });
        Self {
            gateway: Arc::clone(gateway),
            snapshot: Arc::clone(snapshot),
            start: opening.start,
            entry,
            active: None,
            hold: None,
            waited_us: 0,
            own_us: None,
            size: Size::default(),
            counting: Counting::Estimated,
            client: opening.client,
            settled: false,
        }
    }

    /// Reads tags, user and session from the request's headers.
    ///
    /// # Errors
    /// Tags that are not `k=v,…` within their bounds.
    pub fn read_headers(&mut self, headers: &HeaderMap, who: &Principal) -> Result<(), Fault> {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        if let Some(tags) = headers.get(&TAGS) {
            let tags = std::str::from_utf8(tags.as_bytes()).ok().and_then(tags_of).ok_or_else(|| {
                Fault::invalid(
                    "x-tollgate-tags",
                    "`x-tollgate-tags` is `name=value,name=value`: at most 16, names of [a-z0-9_.-] up to 64 \
                     characters, values up to 256 bytes.",
                )
            })?;
            self.entry.caller.tags = tags;
        }
        if who.user.is_none() {
            self.entry.caller.user = text(&USER).filter(|user| !user.is_empty()).map(bounded);
        }
        let session = text(&SESSION).or_else(|| text(&SESSION_TOO));
        self.entry.caller.session = session.filter(|session| !session.is_empty()).map(bounded);
        Ok(())
    }

    /// Notes what one look at the body told.
    pub fn looked(&mut self, peek: &Peek, who: &Principal) {
        self.entry.asked = bounded(&peek.model);
        self.entry.stream = peek.stream;
        self.size = Size::of(peek);
        if who.user.is_none() && self.entry.caller.user.is_none() {
            self.entry.caller.user = peek.user.as_deref().map(bounded);
        }
        if self.entry.caller.session.is_none() {
            self.entry.caller.session = peek.session.as_deref().map(bounded);
        }
    }

    /// Notes what is asked for, where the body is none of a dialect's.
    pub fn asks(&mut self, model: &str, stream: bool, tier: Option<String>, bytes: u64) {
        self.entry.asked = bounded(model);
        self.entry.stream = stream;
        self.size = Size { bytes, tier, silent: true, ..Size::default() };
    }

    /// Notes the end user that the body tells, where no header or key does.
    pub fn for_user(&mut self, user: &str) {
        if self.entry.caller.user.is_none() {
            self.entry.caller.user = Some(bounded(user));
        }
    }

    /// Notes the dialect, once it is known.
    pub fn speaks(&mut self, dialect: &'static str) {
        self.entry.dialect = dialect;
    }

    /// Notes how what is used is known.
    pub fn count(&mut self, counting: Counting) {
        self.counting = counting;
    }

    /// Notes why the request goes where it goes.
    pub fn decide(&mut self, decision: Decision) {
        self.entry.decision = decision;
    }

    /// Keeps what was set aside until the end.
    pub fn hold(&mut self, hold: Hold) {
        self.hold = Some(hold);
    }

    /// An attempt begins.
    pub fn begin(&mut self, target: &Arc<Target>) {
        let start = env::instant();
        let since = Duration::from_millis(env::ms_since(self.start));
        let at = self.entry.at.checked_add(since).unwrap_or(self.entry.at);
        let busy = Busy::begin(&target.live);
        self.active = Some(Active { target: Arc::clone(target), start, at, first: None, resent: false, _busy: busy });
    }

    /// The attempt was sent again on a fresh connection.
    pub fn resent(&mut self) {
        if let Some(active) = &mut self.active {
            active.resent = true;
        }
    }

    /// The attempt failed.
    pub fn failed(&mut self, outcome: Outcome, status: Option<u16>) {
        if let Some(active) = self.active.take() {
            self.end_attempt(&active, outcome, status, Some(Nano(0)));
        }
    }

    /// Things that could not come along.
    pub fn lose(&mut self, losses: Vec<Loss>) {
        self.entry.losses.extend(losses);
    }

    /// Time was spent waiting for an upstream.
    pub fn waited(&mut self, since: Instant) {
        self.waited_us = self.waited_us.saturating_add(env::us_since(since));
    }

    /// The first content is there.
    pub fn first_byte(&mut self) {
        if self.entry.first_byte_ms.is_none() {
            self.entry.first_byte_ms = Some(env::ms_since(self.start));
            if let Some(active) = &mut self.active {
                active.first = Some(env::instant().saturating_duration_since(active.start));
            }
        }
    }

    /// The answer flows from here on: what the gateway spent until now is its own time.
    pub fn flows(&mut self) {
        self.own_us = Some(env::us_since(self.start).saturating_sub(self.waited_us));
    }

    /// The request's id.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.entry.id
    }

    /// The request's line as far as it is known.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// What is known of the request before it is sent.
    #[must_use]
    pub fn size(&self) -> &Size {
        &self.size
    }

    /// The configuration the request is served by.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The gateway.
    #[must_use]
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// The target that is being tried or that served, as it stands in headers.
    #[must_use]
    pub fn served_by(&self) -> Option<&str> {
        self.active.as_ref().map(|active| &*active.target.name)
    }

    /// Upstream tries made, the one under way included.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.entry.attempts.len() + usize::from(self.active.is_some() && !self.settled)
    }

    /// Why the target under way was chosen, for `x-tollgate-why`.
    pub fn fell_back(&mut self) {
        if let Some(last) = self.entry.attempts.last() {
            self.entry.decision.why = format!("fallback:{}", last.outcome.name());
        }
    }

    /// Hands the record on; what stays behind is settled and says nothing.
    #[must_use]
    pub fn take_over(&mut self) -> Self {
        let rest = Self {
            gateway: Arc::clone(&self.gateway),
            snapshot: Arc::clone(&self.snapshot),
            start: self.start,
            entry: self.entry.clone(),
            active: self.active.take(),
            hold: self.hold.take(),
            waited_us: self.waited_us,
            own_us: self.own_us,
            size: std::mem::take(&mut self.size),
            counting: self.counting,
            client: self.client,
            settled: self.settled,
        };
        self.settled = true;
        rest
    }

    /// Settles an answer. Returns the cost, and the journal's answer to wait for.
    pub fn settle(&mut self, end: End) -> (Option<Nano>, Appended) {
        let answered = end.outcome != Outcome::Cancelled || end.reading.text_bytes > 0;
        let End { reading, .. } = end;
        // An error in place of an answer delivered nothing, and unless it says so nothing was billed.
        let refused = reading.fault.is_some() && reading.text_bytes == 0 && reading.usage.source == Source::Unknown;
        let usage = match self.counting {
            _ if refused => reading.usage,
            Counting::Estimated => whole_usage(reading.usage, reading.text_bytes, self.size.bytes, answered),
            Counting::Reported => reading.usage,
            Counting::Free => free(),
        };
        let Some(active) = self.active.take() else { return (None, Appended::Written) };
        let asked = Asked { tier: self.size.tier.as_deref(), region: active.target.region.as_deref() };
        let fee = active.target.provider.config.fee;
        let cost = match self.counting {
            Counting::Free => Cost::zero(),
            _ if refused => Cost::zero(),
            _ => cost(&usage, active.target.sheet.as_ref(), active.at, asked, fee),
        };
        let total = cost.total();
        self.end_attempt(&active, end.outcome, Some(end.upstream_status), total);
        if end.outcome == Outcome::Ok {
            let whole = env::instant().saturating_duration_since(active.start);
            let rest = whole.saturating_sub(active.first.unwrap_or_default());
            let (prompt, output) = (usage.prompt_tokens(), usage.completion_tokens());
            active.target.live.answered(env::uptime(), prompt, active.first, output, rest);
        }
        let entry = &mut self.entry;
        entry.status = end.status;
        entry.http = Some(end.http);
        entry.error = end.error.map(|kind| (kind, Some(end.outcome)));
        entry.upstream_id = reading.id;
        let target = &active.target;
        entry.served = Some((Arc::clone(&target.provider_name), Arc::clone(&target.model), target.region.clone()));
        entry.usage = usage;
        entry.cost = cost;
        self.active = Some(active);
        let appended = self.write();
        if let Some(active) = &self.active {
            let entry = &self.entry;
            let metrics = &self.gateway.metrics;
            let nanos = total.map(|total| total.0);
            metrics.answer(&active.target.metrics, &entry.usage, nanos, entry.total_ms, entry.first_byte_ms);
        }
        (total, appended)
    }

    /// Settles a request that is answered with an error, and waits for its line.
    pub async fn settle_error(&mut self, fault: &Fault, status: u16) {
        let appended = self.close_error(fault, status);
        wait(appended).await;
    }

    /// Settles a request that is answered with an error.
    pub fn settle_error_now(&mut self, fault: &Fault, status: u16) {
        drop(self.close_error(fault, status));
    }

    fn close_error(&mut self, fault: &Fault, status: u16) -> Appended {
        self.active = None;
        self.entry.status = Status::Error;
        self.entry.http = Some(status);
        let class = self.entry.attempts.last().map(|attempt| attempt.outcome);
        self.entry.error = Some((fault.kind.name(), class));
        self.write()
    }

    fn end_attempt(&mut self, active: &Active, outcome: Outcome, status: Option<u16>, cost: Option<Nano>) {
        self.gateway.metrics.attempt(&active.target.metrics, outcome);
        self.entry.attempts.push(Attempt {
            provider: Arc::clone(&active.target.provider_name),
            model: Arc::clone(&active.target.model),
            outcome,
            status,
            ms: env::ms_since(active.start),
            cost,
            resent: active.resent,
        });
    }

    /// Writes the line, counts it, logs it, gives back what was set aside.
    fn write(&mut self) -> Appended {
        if self.settled {
            return Appended::Written;
        }
        self.settled = true;
        self.hold = None;
        let entry = &mut self.entry;
        let total_us = env::us_since(self.start);
        entry.total_ms = total_us / 1_000;
        entry.gateway_us = self.own_us.unwrap_or_else(|| total_us.saturating_sub(self.waited_us));
        let appended = self.gateway.journal.append(entry.write());
        let error = entry.error.map_or("", |(kind, _)| kind);
        let losses = entry.losses.len();
        self.gateway.metrics.request(entry.dialect, entry.status.name(), error, entry.gateway_us, losses);
        if log::access_is_on() {
            log::access(&access::line(entry, self.client));
        }
        appended
    }
}

impl Drop for Record {
    /// The caller left before there was an answer: what was sent upstream is charged as far as it is known.
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        if self.active.is_some() {
            let end = End {
                status: Status::Cancelled,
                outcome: Outcome::Cancelled,
                upstream_status: 0,
                http: 499,
                reading: Reading::default(),
                error: None,
            };
            drop(self.settle(end));
        } else {
            drop(self.write());
        }
    }
}

/// Waits for a line to be written, not longer than an answer may be kept back for it.
pub async fn wait(appended: Appended) {
    if let Appended::Waiting(written) = appended {
        // Late or lost, the answer goes out: the journal holds the line in memory.
        let _ = tokio::time::timeout(PATIENCE, written).await;
    }
}
