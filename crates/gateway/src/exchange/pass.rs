//! An answer that passes as it came: bytes through, watched, its record settled at its end or when the client
//! leaves.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use dialect::outcome::Outcome;
use dialect::stream::Reading;
use policy::entry::Status;
use policy::route::verdict::verdict;
use std::sync::Arc;
use store::journal::Appended;
use tokio::time::{Instant, Sleep};

use super::out::Out;
use super::settle::{End, Record};
use super::watch::Watch;
use crate::config::types::OnDisconnect;
use crate::env;
use crate::server::reply::{Broken, Source};
use crate::state::target::Target;
use crate::upstream::body::UpBody;

/// How long an answer's end waits for its line.
const PATIENCE: Duration = Duration::from_millis(20);

/// How long a stream is read on after its caller left, where the provider is set to.
const DRAIN: Duration = Duration::from_secs(600);

#[derive(Debug)]
enum State {
    Flowing,
    /// The end waits for the line.
    Waiting {
        line: tokio::sync::oneshot::Receiver<()>,
        by: Pin<Box<Sleep>>,
    },
    /// Settled: what is left goes out.
    Over,
}

/// What passes, and what is known of it.
#[derive(Debug)]
pub struct Passing {
    body: Option<UpBody>,
    watch: Watch,
    out: Out,
    target: Arc<Target>,
    record: Record,
    status: u16,
    /// Its length, where known; then the last byte is known when it comes.
    length: Option<u64>,
    seen: u64,
    idle: Option<Duration>,
    until: Instant,
    read_at: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    state: State,
    broken: bool,
}

/// How an answer passes.
#[derive(Debug)]
pub struct Manner {
    /// The upstream's status.
    pub status: u16,
    /// Its length, where known.
    pub length: Option<u64>,
    /// The longest silence.
    pub idle: Option<Duration>,
    /// When it must be over.
    pub until: Instant,
}

impl Source for Passing {
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        loop {
            match &mut self.state {
                State::Waiting { line, by } => {
                    if Pin::new(line).poll(cx).is_pending() {
                        ready!(by.as_mut().poll(cx));
                    }
                    self.state = State::Over;
                }
                State::Over => {
                    return Poll::Ready(match self.out.take() {
                        Some(bytes) => Some(Ok(bytes)),
                        None => std::mem::take(&mut self.broken).then_some(Err(Broken)),
                    });
                }
                State::Flowing => {
                    let last = self.watch.ended() || self.length == Some(self.seen);
                    if last {
                        self.end(None);
                        continue;
                    }
                    if let Some(bytes) = self.out.take() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                    match self.body.as_mut().map_or(Poll::Ready(None), |body| body.poll_data(cx)) {
                        Poll::Ready(Some(Ok(piece))) => {
                            self.read_at = env::instant();
                            self.take(piece);
                        }
                        Poll::Ready(Some(Err(_))) => self.end(Some(Outcome::Truncated)),
                        Poll::Ready(None) => self.end(None),
                        Poll::Pending => {
                            let late = ready!(self.timers(cx));
                            self.end(Some(late));
                        }
                    }
                }
            }
        }
    }

    fn length(&self) -> Option<u64> {
        self.length
    }
}

impl Passing {
    /// A body whose head is on its way to the client; `first` was read of it already.
    #[must_use]
    pub fn new(
        body: UpBody,
        first: Vec<Bytes>,
        watch: Watch,
        target: Arc<Target>,
        record: Record,
        how: Manner,
    ) -> Self {
        let mut passing = Self {
            body: Some(body),
            watch,
            out: Out::default(),
            target,
            record,
            status: how.status,
            length: how.length,
            seen: 0,
            idle: how.idle,
            until: how.until,
            read_at: env::instant(),
            timer: None,
            state: State::Flowing,
            broken: false,
        };
        for piece in first {
            passing.take(piece);
        }
        passing
    }

    fn take(&mut self, piece: Bytes) {
        self.seen = self.seen.saturating_add(piece.len() as u64);
        if !self.watch.see(piece, &self.target, &mut self.out) {
            self.end(Some(Outcome::BadAnswer));
        }
    }

    fn timers(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        loop {
            let idle_at = self.idle.and_then(|idle| self.read_at.checked_add(idle)).unwrap_or(self.until);
            let next = idle_at.min(self.until);
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(next)));
            if timer.deadline() > next {
                timer.as_mut().reset(next);
            }
            ready!(timer.as_mut().poll(cx));
            let now = env::instant();
            if now >= self.until {
                return Poll::Ready(Outcome::TimeoutTotal);
            }
            if now >= idle_at {
                return Poll::Ready(Outcome::TimeoutIdle);
            }
            timer.as_mut().reset(next);
        }
    }

    /// It ended: settles it, and keeps what is left back for the line.
    fn end(&mut self, failed: Option<Outcome>) {
        if failed.is_none() {
            self.watch.finish(&self.target, &mut self.out);
        }
        // What the provider itself told as an error has passed, and ends in order.
        let told = self.watch.failure();
        self.broken = failed.is_some() || told == Some(Outcome::Truncated);
        let outcome = failed.or(told).unwrap_or(Outcome::Ok);
        let appended = match outcome {
            Outcome::Ok => self.settle(Status::Ok, outcome, None),
            outcome => self.settle(Status::Incomplete, outcome, Some(verdict(&[(outcome, None)]).kind.name())),
        };
        self.body = None;
        self.state = match appended {
            Appended::Waiting(line) => State::Waiting { line, by: Box::pin(tokio::time::sleep(PATIENCE)) },
            Appended::Written | Appended::Held => State::Over,
        };
    }

    /// Everything to read the body on with; what stays behind says nothing more.
    fn take_over(&mut self, body: UpBody) -> Self {
        self.state = State::Over;
        Self {
            body: Some(body),
            watch: std::mem::replace(&mut self.watch, Watch::Nothing(Reading::default())),
            out: Out::default(),
            target: Arc::clone(&self.target),
            record: self.record.take_over(),
            status: self.status,
            length: self.length,
            seen: self.seen,
            idle: self.idle,
            until: self.until,
            read_at: self.read_at,
            timer: None,
            // Dropped before its end, it settles no second time.
            state: State::Over,
            broken: false,
        }
    }

    /// Reads the body to its end for what it tells, and settles.
    async fn drain(mut self) {
        let stop = self.record.gateway().tasks.stop().clone();
        let read = async {
            while !self.watch.ended()
                && let Some(body) = &mut self.body
                && let Some(Ok(piece)) = body.next().await
            {
                let _ = self.watch.see(piece, &self.target, &mut self.out);
                self.out.clear();
            }
        };
        tokio::select! {
            _ = tokio::time::timeout_at(self.until.min(env::instant() + DRAIN), read) => {}
            () = stop.cancelled() => {}
        }
        drop(self.settle(Status::Cancelled, Outcome::Cancelled, None));
    }

    fn settle(&mut self, status: Status, outcome: Outcome, error: Option<&'static str>) -> Appended {
        let reading = self.watch.take_reading();
        let end = End { status, outcome, upstream_status: self.status, http: self.status, reading, error };
        self.record.settle(end).1
    }
}

impl Drop for Passing {
    /// The client left: what was used until then is charged, of events all of it where the provider is set to.
    fn drop(&mut self) {
        if !matches!(self.state, State::Flowing) {
            return;
        }
        let whole = self.length == Some(self.seen) && self.out.is_empty();
        let drain = self.target.provider.config.on_disconnect == OnDisconnect::Drain && self.watch.reads_events();
        let tasks = self.record.gateway().tasks.clone();
        match self.body.take() {
            Some(body) if drain && !whole && !tasks.stop().is_cancelled() => {
                let rest = self.take_over(body);
                tasks.spawn("drain", rest.drain());
            }
            _ => {
                let (status, outcome) =
                    if whole { (Status::Ok, Outcome::Ok) } else { (Status::Cancelled, Outcome::Cancelled) };
                drop(self.settle(status, outcome, None));
            }
        }
    }
}
