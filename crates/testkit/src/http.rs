//! A raw HTTP/1.1 client for tests: sends the very bytes it is given, and shows what came back and when.
//!
//! It is made for requests no library would send (broken heads, slow heads, false lengths) and for answers whose
//! pieces, arrival times and way of ending matter. Every wait ends after 10 s with a panic that says what was missing.

mod request;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

pub use self::request::Request;
use crate::h1::{self, Dechunk, Head};

/// How long one read may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a body or a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// As its framing says: last chunk, last byte of the length, or close where there is neither.
    Clean,
    /// The connection was closed in order before the body was complete.
    Cut,
    /// The connection was reset.
    Reset,
    /// The chunked coding is broken.
    Malformed(String),
}

/// Some bytes of a body, with the chunked coding undone, as one read gave them.
#[derive(Debug, Clone)]
pub struct Piece {
    pub at: Instant,
    pub bytes: Vec<u8>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    /// The status line and the headers.
    pub head: Head,
    /// When the head was complete.
    pub head_at: Instant,
    pub pieces: Vec<Piece>,
    pub body: Vec<u8>,
    pub end: End,
}

impl Response {
    /// The first header of that name, any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name)
    }

    /// The body as text, bytes that are not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{} body is not JSON ({e}): {}", self.status, self.text()))
    }

    /// The `data:` payloads of an event stream, in order.
    #[must_use]
    pub fn data(&self) -> Vec<String> {
        self.text().lines().filter_map(|l| l.strip_prefix("data:")).map(|d| d.trim_start().to_owned()).collect()
    }
}

#[derive(Debug)]
enum Body {
    None,
    Length(u64),
    Chunked(Dechunk),
    UntilClose,
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    buf: Vec<u8>,
    body: Body,
}

impl Client {
    /// Connects.
    ///
    /// # Panics
    /// When the connection is refused.
    pub async fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap_or_else(|e| panic!("connect to {addr}: {e}"));
        stream.set_nodelay(true).expect("TCP_NODELAY on a fresh socket");
        Self { stream, buf: Vec::new(), body: Body::None }
    }

    // --- sending -------------------------------------------------------------------------------------------------

    /// Sends these bytes.
    ///
    /// # Errors
    /// When the other side has closed.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    /// Sends these bytes `piece` at a time with `pause` between, as a slow client would.
    ///
    /// # Errors
    /// When the other side has closed.
    pub async fn send_slowly(&mut self, bytes: impl AsRef<[u8]>, piece: usize, pause: Duration) -> io::Result<()> {
        for part in bytes.as_ref().chunks(piece.max(1)) {
            self.stream.write_all(part).await?;
            sleep(pause).await;
        }
        Ok(())
    }

    /// Sends a well-formed request and reads the whole answer.
    ///
    /// # Panics
    /// When the other side closes without an answer.
    pub async fn request(&mut self, request: &Request) -> Response {
        self.send(request.to_bytes()).await.expect("the other side takes the request");
        self.read_response_to(request.method()).await
    }

    /// Sends FIN; reading goes on.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn half_close(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Leaves with a reset (RST). Dropping the client leaves with a FIN, or a reset when bytes are unread.
    ///
    /// # Panics
    /// When the socket is not one.
    pub fn reset(self) {
        self.stream.set_zero_linger().expect("SO_LINGER 0 on an open socket");
    }

    // --- receiving -----------------------------------------------------------------------------------------------

    /// Reads the next head that is not a 1xx; how the connection ended if none came.
    ///
    /// # Errors
    /// [`End::Cut`] or [`End::Reset`].
    pub async fn read_head(&mut self) -> Result<(u16, Head), End> {
        self.read_head_to("GET").await
    }

    async fn read_head_to(&mut self, method: &str) -> Result<(u16, Head), End> {
        loop {
            let head = loop {
                if let Some(head) = h1::take_head(&mut self.buf) {
                    break head;
                }
                self.fill("a response head").await?;
            };
            let status = head.first.split(' ').nth(1).and_then(|s| s.parse::<u16>().ok());
            let status = status.unwrap_or_else(|| panic!("not a status line: {:?}", head.first));
            if (100..200).contains(&status) {
                continue;
            }
            self.body = if method == "HEAD" || status == 204 || status == 304 {
                Body::None
            } else if head.is_chunked() {
                Body::Chunked(Dechunk::default())
            } else if let Some(length) = head.length() {
                Body::Length(length)
            } else {
                Body::UntilClose
            };
            return Ok((status, head));
        }
    }

    /// The next bytes of the body; how it ended when there are none.
    ///
    /// # Errors
    /// [`End`], also [`End::Clean`].
    pub async fn next_piece(&mut self) -> Result<Piece, End> {
        loop {
            let bytes = match &mut self.body {
                Body::None => return Err(End::Clean),
                Body::Length(0) => return Err(End::Clean),
                Body::Length(left) => {
                    let n = self.buf.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= n as u64;
                    self.buf.drain(..n).collect()
                }
                Body::Chunked(dechunk) => {
                    let bytes = dechunk.decode(&mut self.buf).map_err(|e| End::Malformed(e.to_string()))?;
                    if bytes.is_empty() && dechunk.done() {
                        return Err(End::Clean);
                    }
                    bytes
                }
                Body::UntilClose => std::mem::take(&mut self.buf),
            };
            if !bytes.is_empty() {
                return Ok(Piece { at: Instant::now(), bytes });
            }
            match self.fill("more of the body").await {
                Err(End::Cut) if matches!(self.body, Body::UntilClose) => return Err(End::Clean),
                other => other?,
            }
        }
    }

    /// Reads a whole answer.
    ///
    /// # Panics
    /// When the connection ends before a head.
    pub async fn read_response(&mut self) -> Response {
        self.read_response_to("GET").await
    }

    async fn read_response_to(&mut self, method: &str) -> Response {
        let (status, head) = self.read_head_to(method).await.unwrap_or_else(|end| panic!("no response head: {end:?}"));
        let head_at = Instant::now();
        let mut pieces = Vec::new();
        let end = loop {
            match self.next_piece().await {
                Ok(piece) => pieces.push(piece),
                Err(end) => break end,
            }
        };
        let body = pieces.iter().flat_map(|p| p.bytes.iter().copied()).collect();
        Response { status, head, head_at, pieces, body, end }
    }

    /// Reads body pieces until their text contains `needle`; returns the text so far.
    ///
    /// # Panics
    /// When the body ends first.
    pub async fn read_until(&mut self, needle: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.next_piece().await {
                Ok(piece) => seen.extend(piece.bytes),
                Err(end) => panic!("body ended ({end:?}) before {needle:?}: {}", String::from_utf8_lossy(&seen)),
            }
            if h1::find(&seen, needle.as_bytes()).is_some() {
                return String::from_utf8_lossy(&seen).into_owned();
            }
        }
    }

    /// Waits for the other side to end the connection, dropping what it still sends.
    pub async fn closed(&mut self) -> End {
        loop {
            self.buf.clear();
            if let Err(end) = self.fill("the connection's end").await {
                return end;
            }
        }
    }

    async fn fill(&mut self, what: &str) -> Result<(), End> {
        match timeout(PATIENCE, self.stream.read_buf(&mut self.buf)).await {
            Err(_) => panic!("waited {PATIENCE:?} for {what}; unread: {:?}", String::from_utf8_lossy(&self.buf)),
            Ok(Ok(0)) => Err(End::Cut),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(End::Reset),
        }
    }
}

/// Sends one request on a connection of its own and reads the whole answer.
pub async fn fetch(addr: SocketAddr, request: &Request) -> Response {
    Client::connect(addr).await.request(request).await
}
