//! What is sent to an upstream: bytes that are there, or a body that goes through as it comes, within a bound.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use dialect::fault::Fault;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Sleep;

/// How long a body may stand still before it is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a body that goes through ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It is longer than it may be.
    TooLarge,
    /// Its sender left.
    Broken,
    /// Nothing came for `PATIENCE`.
    Stalled,
    /// What looks at it on its way refused it.
    Refused,
}

/// Looks at a body on its way, and may change it.
pub trait Strain: Send + fmt::Debug {
    /// What goes on of a piece.
    ///
    /// # Errors
    /// The body may not go on.
    fn push(&mut self, piece: &[u8]) -> Result<Bytes, Fault>;
    /// What is left at the end.
    ///
    /// # Errors
    /// As [`Strain::push`].
    fn finish(&mut self) -> Result<Bytes, Fault>;
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trouble::TooLarge => "the body is too long",
            Trouble::Broken => "the body broke off",
            Trouble::Stalled => "the body stopped coming",
            Trouble::Refused => "the body may not go on",
        })
    }
}

impl std::error::Error for Trouble {}

/// The body of a request to an upstream.
#[derive(Debug)]
pub enum Sent {
    /// All of it is there.
    Whole(Full<Bytes>),
    /// It goes through as it comes.
    Through(Box<Through>),
}

impl From<Full<Bytes>> for Sent {
    fn from(body: Full<Bytes>) -> Self {
        Self::Whole(body)
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Trouble;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Trouble>>> {
        match &mut *self {
            Self::Whole(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(|never| match never {})))
            }
            Self::Through(body) => body.poll(cx).map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Through(body) => body.length == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Through(body) => body.length.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

#[derive(Debug)]
struct Shared {
    /// The caller's body while nobody reads it.
    body: Mutex<Option<Incoming>>,
    touched: AtomicBool,
    trouble: AtomicU8,
    /// Most bytes of it.
    limit: u64,
    /// Its length, where its sender told.
    length: Option<u64>,
    /// What looks at it on its way.
    strain: Mutex<Option<Box<dyn Strain>>>,
    /// Why that refused it.
    refused: Mutex<Option<Fault>>,
}

/// A caller's body on its way to an upstream: it can be sent anew as long as nothing of it was read.
#[derive(Debug, Clone)]
pub struct Upload(Arc<Shared>);

impl Upload {
    /// A body of at most `limit` bytes.
    #[must_use]
    pub fn new(body: Incoming, limit: u64) -> Self {
        let length = body.size_hint().exact();
        Self::of(body, limit, length, None)
    }

    /// The same, looked at on its way, and `length` of it going on, where known before its end.
    #[must_use]
    pub fn strained(body: Incoming, limit: u64, length: Option<u64>, strain: Box<dyn Strain>) -> Self {
        Self::of(body, limit, length, Some(strain))
    }

    fn of(body: Incoming, limit: u64, length: Option<u64>, strain: Option<Box<dyn Strain>>) -> Self {
        Self(Arc::new(Shared {
            body: Mutex::new(Some(body)),
            touched: AtomicBool::new(false),
            trouble: AtomicU8::new(0),
            limit,
            length,
            strain: Mutex::new(strain),
            refused: Mutex::new(None),
        }))
    }

    /// What refused it says why.
    #[must_use]
    pub fn refused(&self) -> Option<Fault> {
        self.0.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The body behind bytes that were read of it before; `length` of them and it together, where known.
    #[must_use]
    pub fn send(&self, first: Bytes) -> Sent {
        let length = self.0.length.map(|length| length.saturating_add(first.len() as u64));
        Sent::Through(Box::new(Through {
            first,
            shared: Arc::clone(&self.0),
            body: None,
            seen: 0,
            length,
            timer: None,
            strain: None,
            over: false,
        }))
    }

    /// True once something of it was read: it cannot be sent to another target.
    #[must_use]
    pub fn touched(&self) -> bool {
        self.0.touched.load(Ordering::Relaxed)
    }

    /// Why it ended early, if it did.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        match self.0.trouble.load(Ordering::Relaxed) {
            1 => Some(Trouble::TooLarge),
            2 => Some(Trouble::Broken),
            3 => Some(Trouble::Stalled),
            4 => Some(Trouble::Refused),
            _ => None,
        }
    }

    /// What nobody has read yet.
    #[must_use]
    pub fn rest(&self) -> Option<Incoming> {
        self.0.body.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A body that goes through.
#[derive(Debug)]
pub struct Through {
    first: Bytes,
    shared: Arc<Shared>,
    body: Option<Incoming>,
    /// Bytes read of `body`.
    seen: u64,
    length: Option<u64>,
    timer: Option<Pin<Box<Sleep>>>,
    strain: Option<Box<dyn Strain>>,
    over: bool,
}

impl Through {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Trouble>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.first))));
        }
        if self.body.is_none() {
            self.shared.touched.store(true, Ordering::Relaxed);
            self.body = self.shared.body.lock().unwrap_or_else(PoisonError::into_inner).take();
            self.strain = self.shared.strain.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        if self.over {
            return Poll::Ready(None);
        }
        let Some(body) = &mut self.body else { return self.end(Trouble::Broken) };
        loop {
            match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(piece) = frame.into_data() else { continue };
                    self.timer = None;
                    self.seen = self.seen.saturating_add(piece.len() as u64);
                    if self.seen > self.shared.limit {
                        return self.end(Trouble::TooLarge);
                    }
                    match self.strain.as_mut().map(|strain| strain.push(&piece)) {
                        None => return Poll::Ready(Some(Ok(piece))),
                        Some(Ok(piece)) if piece.is_empty() => {}
                        Some(Ok(piece)) => return Poll::Ready(Some(Ok(piece))),
                        Some(Err(fault)) => return self.refuse(fault),
                    }
                }
                Poll::Ready(Some(Err(_))) => return self.end(Trouble::Broken),
                Poll::Ready(None) => {
                    self.over = true;
                    return match self.strain.take().map(|mut strain| strain.finish()) {
                        None => Poll::Ready(None),
                        Some(Ok(rest)) if rest.is_empty() => Poll::Ready(None),
                        Some(Ok(rest)) => Poll::Ready(Some(Ok(rest))),
                        Some(Err(fault)) => self.refuse(fault),
                    };
                }
                Poll::Pending => {
                    let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(PATIENCE)));
                    std::task::ready!(timer.as_mut().poll(cx));
                    return self.end(Trouble::Stalled);
                }
            }
        }
    }

    fn refuse(&self, fault: Fault) -> Poll<Option<Result<Bytes, Trouble>>> {
        *self.shared.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
        self.end(Trouble::Refused)
    }

    fn end(&self, trouble: Trouble) -> Poll<Option<Result<Bytes, Trouble>>> {
        let code = match trouble {
            Trouble::TooLarge => 1,
            Trouble::Broken => 2,
            Trouble::Stalled => 3,
            Trouble::Refused => 4,
        };
        self.shared.trouble.store(code, Ordering::Relaxed);
        Poll::Ready(Some(Err(trouble)))
    }
}

impl Drop for Through {
    /// What is left of the body is given back, so that it can be read to its end beside the answer.
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            *self.shared.body.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}
