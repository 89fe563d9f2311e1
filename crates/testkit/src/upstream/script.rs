//! What the scripted upstream does with one request: a list of steps, down to single bytes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

/// How a body's end is told to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `transfer-encoding: chunked`; each frame is one chunk and one write.
    Chunked,
    /// `content-length` with this number, whether it is true or not.
    Length(u64),
    /// Neither header: the body ends where the connection does.
    UntilClose,
}

/// One thing the upstream does.
#[derive(Debug, Clone)]
pub enum Step {
    /// Does nothing for that long.
    Wait(Duration),
    /// Waits until the test opens the gate.
    Gate(Gate),
    /// Sends the status line and the headers.
    Head { status: u16, headers: Vec<(String, String)>, framing: Framing },
    /// Sends body bytes in one write, framed as the head said.
    Frame(Bytes),
    /// Sends bytes to the socket as they are.
    Raw(Bytes),
    /// Ends the body: the last chunk when chunked, the connection's end for [`Framing::UntilClose`].
    End,
    /// Closes in order (FIN) and does nothing more.
    Close,
    /// Closes with a reset (RST) and does nothing more.
    Reset,
    /// Stays silent until the client leaves.
    Stall,
}

/// A gate that a test opens when it wants the script to go on.
#[derive(Debug, Clone)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Lets every script that waits here go on, now and later.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Returns once the gate is open.
    pub async fn passed(&self) {
        let mut seen = self.0.subscribe();
        seen.wait_for(|open| *open).await.expect("the gate holds its own sender");
    }
}

/// What the upstream does with one request.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// The steps, in order. After the last one the connection is kept for the next request.
    pub steps: Vec<Step>,
}

impl Script {
    // --- whole answers -------------------------------------------------------------------------------------------

    /// A JSON answer with a true content-length.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::body(status, "application/json", body.to_string())
    }

    /// An answer of these very bytes with a true content-length.
    #[must_use]
    pub fn body(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self::head(status, content_type, Framing::Length(body.len() as u64)).frame(body).end()
    }

    /// Only the head; add [`Script::frame`] and [`Script::end`].
    #[must_use]
    pub fn head(status: u16, content_type: &str, framing: Framing) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { steps: vec![Step::Head { status, headers, framing }] }
    }

    // --- streams -------------------------------------------------------------------------------------------------

    /// A chunked event stream: one write and one chunk per frame, no time between them.
    #[must_use]
    pub fn sse<I>(frames: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Bytes>,
    {
        Self::sse_paced(frames, Duration::ZERO)
    }

    /// A chunked event stream with `pace` between one frame and the next.
    #[must_use]
    pub fn sse_paced<I>(frames: I, pace: Duration) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Bytes>,
    {
        let mut script = Self::sse_head();
        for (n, frame) in frames.into_iter().enumerate() {
            if n > 0 && !pace.is_zero() {
                script = script.wait(pace);
            }
            script = script.frame(frame);
        }
        script.end()
    }

    /// A chunked event stream of `bytes`, cut at the given offsets whatever they hit (a frame, a UTF-8 character).
    #[must_use]
    pub fn sse_cut(bytes: impl Into<Bytes>, offsets: &[usize]) -> Self {
        let mut rest = bytes.into();
        let mut cuts: Vec<usize> = offsets.iter().copied().filter(|o| *o < rest.len()).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let mut script = Self::sse_head();
        let mut done = 0;
        for cut in cuts {
            // A millisecond between pieces keeps the reader's kernel from joining them.
            script = script.frame(rest.split_to(cut - done)).wait(Duration::from_millis(1));
            done = cut;
        }
        script.frame(rest).end()
    }

    /// The head of a chunked event stream.
    #[must_use]
    pub fn sse_head() -> Self {
        Self::head(200, "text/event-stream; charset=utf-8", Framing::Chunked)
    }

    // --- misbehaviour --------------------------------------------------------------------------------------------

    /// Closes (FIN) before any byte.
    #[must_use]
    pub fn close() -> Self {
        Self { steps: vec![Step::Close] }
    }

    /// Resets (RST) before any byte.
    #[must_use]
    pub fn reset() -> Self {
        Self { steps: vec![Step::Reset] }
    }

    /// Reads the request and never answers.
    #[must_use]
    pub fn stall() -> Self {
        Self { steps: vec![Step::Stall] }
    }

    /// Answers with bytes that are not HTTP, then closes.
    #[must_use]
    pub fn garbage(bytes: impl Into<Bytes>) -> Self {
        Self { steps: vec![Step::Raw(bytes.into()), Step::Close] }
    }

    /// Closes (FIN) once `n` bytes of the body are out; the rest of the script is dropped.
    #[must_use]
    pub fn cut_after(self, n: usize) -> Self {
        self.keep_body(n).then(Step::Close)
    }

    /// Resets (RST) once `n` bytes of the body are out; the rest of the script is dropped.
    #[must_use]
    pub fn reset_after(self, n: usize) -> Self {
        // The pause lets the bytes leave: a reset throws away what is still queued.
        self.keep_body(n).wait(Duration::from_millis(5)).then(Step::Reset)
    }

    /// Goes silent, connection open, once `n` bytes of the body are out; the rest of the script is dropped.
    #[must_use]
    pub fn stall_after(self, n: usize) -> Self {
        self.keep_body(n).then(Step::Stall)
    }

    /// States this content-length instead of the true one.
    #[must_use]
    pub fn claim_length(self, n: u64) -> Self {
        self.framing(Framing::Length(n))
    }

    // --- building ------------------------------------------------------------------------------------------------

    /// Changes how the body's end is told.
    #[must_use]
    pub fn framing(mut self, new: Framing) -> Self {
        for step in &mut self.steps {
            if let Step::Head { framing, .. } = step {
                *framing = new;
            }
        }
        self
    }

    /// Adds a response header after those already there.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        for step in &mut self.steps {
            if let Step::Head { headers, .. } = step {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        self
    }

    /// Waits that long before the first step: a slow head.
    #[must_use]
    pub fn delay(mut self, wait: Duration) -> Self {
        self.steps.insert(0, Step::Wait(wait));
        self
    }

    /// Waits at the gate before the first step.
    #[must_use]
    pub fn gated(mut self, gate: &Gate) -> Self {
        self.steps.insert(0, Step::Gate(gate.clone()));
        self
    }

    /// Adds a pause.
    #[must_use]
    pub fn wait(self, wait: Duration) -> Self {
        self.then(Step::Wait(wait))
    }

    /// Adds a stop at the gate.
    #[must_use]
    pub fn gate(self, gate: &Gate) -> Self {
        self.then(Step::Gate(gate.clone()))
    }

    /// Adds body bytes, sent in one write.
    #[must_use]
    pub fn frame(self, bytes: impl Into<Bytes>) -> Self {
        self.then(Step::Frame(bytes.into()))
    }

    /// Adds bytes sent as they are, past any framing.
    #[must_use]
    pub fn raw(self, bytes: impl Into<Bytes>) -> Self {
        self.then(Step::Raw(bytes.into()))
    }

    /// Ends the body.
    #[must_use]
    pub fn end(self) -> Self {
        self.then(Step::End)
    }

    /// Adds a step.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Every step up to and with the first `n` body bytes.
    fn keep_body(self, n: usize) -> Self {
        let mut left = n;
        let mut steps = Vec::new();
        for step in self.steps {
            match step {
                Step::Frame(mut bytes) => {
                    bytes.truncate(left);
                    left -= bytes.len();
                    if !bytes.is_empty() {
                        steps.push(Step::Frame(bytes));
                    }
                }
                Step::End | Step::Close | Step::Reset | Step::Stall => break,
                Step::Head { .. } => steps.push(step),
                Step::Wait(_) | Step::Gate(_) | Step::Raw(_) if left > 0 || steps.is_empty() => steps.push(step),
                Step::Wait(_) | Step::Gate(_) | Step::Raw(_) => break,
            }
        }
        Self { steps }
    }
}
