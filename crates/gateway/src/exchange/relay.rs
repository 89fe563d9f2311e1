//! A stream on its way to the client: drives a [`Flow`] as the body of the response, keeps the timers, settles
//! the record at the end or when the client leaves.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::outcome::{Outcome, UpstreamFault};
use http::{Response, header};
use policy::entry::Status;
use policy::route::verdict::verdict;
use store::journal::Appended;
use tokio::time::{Instant, Sleep};

use super::arrive::Arrived;
use super::flow::{Ending, Flow};
use super::redact::redacted;
use super::settle::Record;
use crate::config::types::OnDisconnect;
use crate::env;
use crate::server::reply::{self, Broken, ReplyBody, Source};
use crate::state::target::Target;

/// How long an answer's last bytes wait for its line.
const PATIENCE: Duration = Duration::from_millis(20);
/// How long an upstream's connection is read on after its answer ended, so that it can be kept.
const TAIL: Duration = Duration::from_secs(1);
/// How long a stream is read on after its caller left, where the provider is set to.
const DRAIN: Duration = Duration::from_secs(600);

/// The response of a stream that has begun.
pub fn answer(mut record: Record, arrived: &Arrived, mut flow: Box<Flow>) -> Response<ReplyBody> {
    record.flows();
    let head = std::mem::take(&mut flow.head);
    let mut response = Response::new(ReplyBody::empty());
    let kind = if flow.array.is_some() { reply::JSON } else { reply::EVENT_STREAM };
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert(header::CACHE_CONTROL, reply::NO_CACHE);
    reply::upstream_headers(&mut response, &head.headers, head.limits);
    reply::record_headers(&mut response, &record);
    let now = env::instant();
    *response.body_mut() = ReplyBody::stream(Streaming {
        flow: Some(flow),
        record,
        keepalive: arrived.snapshot.config.server.keepalive,
        state: State::Flowing,
        timer: None,
        read_at: now,
        sent_at: now,
    });
    response
}

enum State {
    /// Pieces come.
    Flowing,
    /// The last bytes wait for the line.
    Waiting {
        line: tokio::sync::oneshot::Receiver<()>,
        by: Pin<Box<Sleep>>,
    },
    /// The answer is out; the upstream's body is read to its end.
    Tail,
    Done,
}

/// A stream as the body of a response.
pub struct Streaming {
    flow: Option<Box<Flow>>,
    record: Record,
    keepalive: Option<Duration>,
    state: State,
    timer: Option<Pin<Box<Sleep>>>,
    read_at: Instant,
    sent_at: Instant,
}

impl std::fmt::Debug for Streaming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Streaming({:?})", self.flow)
    }
}

impl Source for Streaming {
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        loop {
            let Some(flow) = &mut self.flow else { return Poll::Ready(None) };
            match &mut self.state {
                State::Done => return Poll::Ready(None),
                State::Waiting { line, by } => {
                    if Pin::new(line).poll(cx).is_pending() {
                        ready!(by.as_mut().poll(cx));
                    }
                    self.state = State::Tail;
                    if let Some(bytes) = flow.out.take() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
                State::Tail => {
                    if let Some(bytes) = flow.out.take() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                    self.tail(cx);
                    return Poll::Ready(None);
                }
                State::Flowing => {
                    if let Some(ending) = flow.ending.take() {
                        self.end(ending);
                        continue;
                    }
                    if let Some(bytes) = flow.out.take() {
                        self.sent_at = self.read_at;
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                    match flow.body.as_mut().map_or(Poll::Ready(None), |body| body.poll_data(cx)) {
                        Poll::Ready(piece) => {
                            self.read_at = env::instant();
                            flow.take(piece);
                        }
                        Poll::Pending => match ready!(self.timers(cx)) {
                            Some(bytes) => return Poll::Ready(Some(Ok(bytes))),
                            None => continue,
                        },
                    }
                }
            }
        }
    }
}

impl Streaming {
    /// Looks at the timers while nothing comes: gives a comment to send, or notes a time-out.
    fn timers(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(flow) = &mut self.flow else { return Poll::Ready(None) };
        loop {
            let idle_at = self.read_at.checked_add(flow.idle).unwrap_or(flow.until);
            let mut next = idle_at.min(flow.until);
            let keepalive_at = self.keepalive.map(|silence| self.sent_at + silence);
            if let Some(at) = keepalive_at {
                next = next.min(at);
            }
            // The timer is set once and looked at when it fires: pieces in between cost nothing.
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(next)));
            if timer.deadline() > next {
                timer.as_mut().reset(next);
            }
            ready!(timer.as_mut().poll(cx));
            let now = env::instant();
            if now >= flow.until {
                flow.fail(Outcome::TimeoutTotal, "the stream took longer than an attempt may take");
                return Poll::Ready(None);
            }
            if now >= idle_at {
                flow.fail(Outcome::TimeoutIdle, "the stream was silent for too long");
                return Poll::Ready(None);
            }
            if keepalive_at.is_some_and(|at| now >= at) {
                self.sent_at = now;
                let sign: &[u8] = if flow.array.is_some() { b"\n" } else { b": keepalive\n\n" };
                return Poll::Ready(Some(Bytes::from_static(sign)));
            }
            timer.as_mut().reset(next);
        }
    }

    /// The answer ended: settles it, appends what the caller is told, and keeps the last bytes back for the
    /// line.
    fn end(&mut self, ending: Ending) {
        let Some(flow) = &mut self.flow else { return };
        let appended = match ending {
            Ending::Complete => {
                // The last frame ends with the first half of a CRLF when the pieces are cut there.
                if flow.out.ends_with(b"\r") {
                    flow.out.extend_from_slice(b"\n");
                }
                flow.close(false);
                flow.settle(&mut self.record, Status::Ok, Outcome::Ok, None)
            }
            Ending::Failed { fault, passed } => {
                let kind = verdict(&[(fault.outcome, None)]).kind;
                let appended = flow.settle(&mut self.record, Status::Incomplete, fault.outcome, Some(kind.name()));
                if !passed {
                    let told = told(kind, &fault, &flow.target);
                    let id = self.record.id().hyphenated().to_string();
                    let frames = dialect::of(flow.caller).write_stream_fault(&told, &id);
                    match &mut flow.array {
                        Some(array) => flow.out.extend_from_slice(&array.items(&frames)),
                        None => flow.out.extend_from_slice(&frames),
                    }
                }
                flow.close(true);
                // What is left of a broken answer is of no use to anyone.
                flow.body = None;
                appended
            }
        };
        self.state = match appended {
            Appended::Waiting(line) => State::Waiting { line, by: Box::pin(tokio::time::sleep(PATIENCE)) },
            Appended::Written | Appended::Held => State::Tail,
        };
    }

    /// Reads the upstream's body to its end, here if it is there already, else beside.
    fn tail(&mut self, cx: &mut Context<'_>) {
        self.state = State::Done;
        let Some(mut body) = self.flow.as_mut().and_then(|flow| flow.body.take()) else { return };
        loop {
            match body.poll_data(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(_) => return,
                Poll::Pending => break,
            }
        }
        let tasks = self.record.gateway().tasks.clone();
        tasks.spawn("tail", async move {
            let _ = tokio::time::timeout(TAIL, async { while let Some(Ok(_)) = body.next().await {} }).await;
        });
    }
}

/// What the caller of a broken stream is told.
fn told(kind: Kind, fault: &UpstreamFault, target: &Target) -> Fault {
    let message = match fault.outcome {
        Outcome::Truncated => {
            "The provider's stream broke off; the answer is incomplete. Retry the request.".to_owned()
        }
        Outcome::TimeoutIdle => "The provider fell silent; the answer is incomplete. Retry the request.".to_owned(),
        Outcome::TimeoutTotal => {
            "The answer took too long and is incomplete. Raise `timeouts.total`, or ask for less.".to_owned()
        }
        _ => redacted(fault.message.clone(), target),
    };
    let mut told = Fault::new(kind, message);
    told.code.clone_from(&fault.code);
    told.upstream_type.clone_from(&fault.kind);
    told
}

impl Drop for Streaming {
    /// The client left: the upstream is cancelled, or read on beside where the provider is set to; what was
    /// used is charged.
    fn drop(&mut self) {
        let Some(mut flow) = self.flow.take() else { return };
        if !matches!(self.state, State::Flowing) {
            return;
        }
        let drain = flow.target.provider.config.on_disconnect == OnDisconnect::Drain;
        let tasks = self.record.gateway().tasks.clone();
        if !drain || flow.ending.is_some() || flow.body.is_none() || tasks.stop().is_cancelled() {
            drop(flow.settle(&mut self.record, Status::Cancelled, Outcome::Cancelled, None));
            return;
        }
        let mut record = self.record.take_over();
        tasks.spawn("drain", async move {
            let read = async {
                while flow.ending.is_none() {
                    let piece = flow.next_piece().await;
                    flow.take(piece);
                    flow.out.clear();
                }
            };
            let stop = tasks_stop(&record);
            tokio::select! {
                _ = tokio::time::timeout(DRAIN, read) => {}
                () = stop.cancelled() => {}
            }
            drop(flow.settle(&mut record, Status::Cancelled, Outcome::Cancelled, None));
        });
    }
}

fn tasks_stop(record: &Record) -> tokio_util::sync::CancellationToken {
    record.gateway().tasks.stop().clone()
}
