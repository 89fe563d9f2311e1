//! The body of a simulated answer: pieces that come when a model would have said them.

use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep};

use crate::upstream::body::Made;

/// One piece and when it comes, counted from the start; `None` breaks the connection.
type Timed = (Duration, Option<Bytes>);

/// Pieces of an answer under construction.
#[derive(Debug)]
pub(super) struct Pieces {
    pieces: VecDeque<Timed>,
    /// When the next piece comes.
    at: Duration,
    /// Tokens per second.
    pace: u32,
}

impl Pieces {
    /// No pieces yet; the first one comes after the latency.
    pub(super) fn new(latency: Duration, pace: u32) -> Self {
        Self { pieces: VecDeque::new(), at: latency, pace: pace.max(1) }
    }

    /// Adds a piece that takes so many tokens to say.
    pub(super) fn push(&mut self, data: String, tokens: u64) {
        self.pieces.push_back((self.at, Some(data.into())));
        self.pass(tokens);
    }

    /// Adds a whole body, which comes when all of its tokens are said.
    pub(super) fn whole(&mut self, body: String, tokens: u64) {
        self.pass(tokens);
        let body = Bytes::from(body);
        // Two pieces, so that a cut falls into the middle of the body.
        let half = body.len() / 2;
        self.pieces.push_back((self.at, Some(body.slice(..half))));
        self.pieces.push_back((self.at, Some(body.slice(half..))));
    }

    /// The connection breaks in the middle.
    pub(super) fn cut(&mut self) {
        let half = self.pieces.len() / 2;
        let at = self.pieces.get(half).map_or(self.at, |(at, _)| *at);
        self.pieces.truncate(half);
        self.pieces.push_back((at, None));
    }

    /// The stream of these pieces.
    pub(super) fn start(self, start: Instant) -> Stream {
        Stream { pieces: self.pieces, start, sleep: None }
    }

    fn pass(&mut self, tokens: u64) {
        let micros = tokens.saturating_mul(1_000_000) / u64::from(self.pace);
        self.at = self.at.saturating_add(Duration::from_micros(micros));
    }
}

/// The body of a simulated answer.
#[derive(Debug)]
pub struct Stream {
    pieces: VecDeque<Timed>,
    start: Instant,
    /// Runs until the first of the pieces is due.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Stream {
    /// A body that is there at once.
    pub(super) fn at_once(body: Bytes, start: Instant) -> Self {
        Self { pieces: VecDeque::from([(Duration::ZERO, Some(body))]), start, sleep: None }
    }
}

impl Made for Stream {
    /// A piece comes when it is due. Must be polled within a runtime.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ()>>> {
        let Some((at, _)) = self.pieces.front() else { return Poll::Ready(None) };
        if !at.is_zero() {
            let due = self.start + *at;
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
            if sleep.deadline() != due {
                sleep.as_mut().reset(due);
            }
            ready!(sleep.as_mut().poll(cx));
        }
        Poll::Ready(self.pieces.pop_front().map(|(_, data)| data.ok_or(())))
    }
}
