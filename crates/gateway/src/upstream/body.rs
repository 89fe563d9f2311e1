//! The body of an upstream's answer, decoded, piece by piece.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Body as _;
use hyper::body::Incoming;

use crate::coding::{Coding, Decoder};

/// Most bytes that one coded answer may decode to.
const MOST_DECODED: usize = 512 * 1024 * 1024;

/// Why a body broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// The connection failed.
    Connection,
    /// It is not what its coding says.
    Coding,
}

/// A body that this program makes itself, as the simulated provider does.
pub trait Made: Send + std::fmt::Debug {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// The connection it stands for breaks; the end follows.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ()>>>;
}

#[derive(Debug)]
enum Source {
    Http(Incoming),
    Made(Box<dyn Made>),
}

/// The body of an answer.
#[derive(Debug)]
pub struct UpBody {
    source: Source,
    decoder: Option<Decoder>,
}

impl UpBody {
    /// The body of an HTTP answer that came in a coding.
    #[must_use]
    pub fn http(body: Incoming, coding: Coding) -> Self {
        let decoder = (coding != Coding::Identity).then(|| Decoder::new(coding, MOST_DECODED));
        Self { source: Source::Http(body), decoder }
    }

    /// The body of a simulated answer.
    #[must_use]
    pub fn made(body: impl Made + 'static) -> Self {
        Self { source: Source::Made(Box::new(body)), decoder: None }
    }

    /// The next piece; `None` at the end.
    pub fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            let piece = match &mut self.source {
                Source::Http(body) => match std::task::ready!(Pin::new(body).poll_frame(cx)) {
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => Some(data),
                        Err(_trailers) => continue,
                    },
                    Some(Err(_)) => return Poll::Ready(Some(Err(BodyError::Connection))),
                    None => None,
                },
                Source::Made(stream) => match std::task::ready!(stream.poll_data(cx)) {
                    Some(Ok(data)) => Some(data),
                    Some(Err(())) => return Poll::Ready(Some(Err(BodyError::Connection))),
                    None => None,
                },
            };
            let decoded = match (&mut self.decoder, piece) {
                (None, piece) => return Poll::Ready(piece.map(Ok)),
                (Some(decoder), Some(piece)) => decoder.push(&piece),
                (Some(decoder), None) => {
                    let last = decoder.finish();
                    self.decoder = None;
                    match last {
                        Ok(last) if last.is_empty() => return Poll::Ready(None),
                        last => last,
                    }
                }
            };
            match decoded {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Poll::Ready(Some(Ok(data))),
                Err(_) => return Poll::Ready(Some(Err(BodyError::Coding))),
            }
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// The body broke off.
    pub async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        std::future::poll_fn(|cx| self.poll_data(cx)).await
    }

    /// The whole body, up to a bound; `None` when it is longer.
    ///
    /// # Errors
    /// The body broke off.
    pub async fn collect(&mut self, bound: usize) -> Result<Option<Bytes>, BodyError> {
        let mut first = Bytes::new();
        let mut all: Vec<u8> = Vec::new();
        while let Some(piece) = self.next().await {
            let piece = piece?;
            if first.len() + all.len() + piece.len() > bound {
                return Ok(None);
            }
            if first.is_empty() && all.is_empty() {
                first = piece;
                continue;
            }
            if all.is_empty() {
                all.reserve(first.len() + piece.len());
                all.extend_from_slice(&first);
                first = Bytes::new();
            }
            all.extend_from_slice(&piece);
        }
        Ok(Some(if all.is_empty() { first } else { all.into() }))
    }
}
