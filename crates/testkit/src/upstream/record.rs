//! What the scripted upstream saw: requests, open connections, clients that left early.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::h1;

/// How long a test waits for something to be seen before it fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// When its last byte was read.
    pub at: Instant,
    /// The connection it came on, counted from 0.
    pub connection: usize,
    pub method: String,
    /// Path and query, as on the request line.
    pub target: String,
    /// Names and values in the order and the case they were sent.
    pub headers: Vec<(String, String)>,
    /// The exact body, the chunked coding undone.
    pub body: Bytes,
}

impl Received {
    /// The first header of that name, any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        h1::get(&self.headers, name)
    }

    /// The target without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query without its `?`, empty when there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, q)| q)
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("body is not JSON ({e}): {}", String::from_utf8_lossy(&self.body)))
    }

    /// The body as text, bytes that are not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A client that left before its answer was complete.
#[derive(Debug, Clone)]
pub struct Disconnect {
    /// When it was noticed.
    pub at: Instant,
    /// Index into [`super::Upstream::requests`].
    pub request: usize,
    /// Body bytes written by then.
    pub body_bytes: usize,
    /// Whether the client reset the connection rather than closing it.
    pub reset: bool,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    pub(super) requests: Vec<Received>,
    pub(super) disconnects: Vec<Disconnect>,
    /// Requests whose client left before the request was whole.
    pub(super) broken: usize,
    pub(super) open: usize,
    pub(super) accepted: usize,
}

/// What was seen so far, and a bell that rings at each change.
#[derive(Debug)]
pub(super) struct Record {
    seen: Mutex<Seen>,
    bell: watch::Sender<()>,
}

impl Record {
    pub(super) fn new() -> Self {
        Self { seen: Mutex::new(Seen::default()), bell: watch::Sender::new(()) }
    }

    /// Changes what was seen and wakes whoever waits.
    pub(super) fn change<T>(&self, f: impl FnOnce(&mut Seen) -> T) -> T {
        let out = f(&mut self.seen.lock().expect("no holder panics"));
        self.bell.send_replace(());
        out
    }

    pub(super) fn look<T>(&self, f: impl FnOnce(&Seen) -> T) -> T {
        f(&self.seen.lock().expect("no holder panics"))
    }

    /// Waits until `enough` gives something.
    pub(super) async fn wait<T>(&self, what: &str, enough: impl Fn(&Seen) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut bell = self.bell.subscribe();
        loop {
            if let Some(out) = self.look(&enough) {
                return out;
            }
            if timeout_at(deadline, bell.changed()).await.is_err() {
                let seen = self.look(Seen::clone);
                panic!("upstream waited {PATIENCE:?} for {what}; seen: {seen:#?}");
            }
        }
    }
}
