//! WebSockets by hand: a server that stands in for a provider and a client, both down to the bits of single frames.

use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::h1::{self, Head};
use crate::http::Request;

/// Opcode of a continuation.
pub const MORE: u8 = 0;
/// Opcode of a text.
pub const TEXT: u8 = 1;
/// Opcode of bytes.
pub const BINARY: u8 = 2;
/// Opcode of a close.
pub const CLOSE: u8 = 8;
/// Opcode of a ping.
pub const PING: u8 = 9;
/// Opcode of a pong.
pub const PONG: u8 = 10;

/// How long a frame is waited for before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// One frame as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// First bit, reserved bits and opcode.
    pub first: u8,
    /// It was masked.
    pub masked: bool,
    /// What it carries, unmasked.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Its opcode.
    #[must_use]
    pub fn opcode(&self) -> u8 {
        self.first & 0x0f
    }

    /// What it carries as text.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8(self.payload.clone()).expect("a text")
    }

    /// The code of a close; `None` where it names none.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        Some(u16::from_be_bytes([*self.payload.first()?, *self.payload.get(1)?]))
    }
}

/// One end of a socket.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    buf: Vec<u8>,
    /// This end masks, as clients must.
    masks: bool,
}

/// The bytes of a frame: `first` is the first bit, the reserved bits and the opcode.
#[must_use]
pub fn frame(first: u8, masked: bool, payload: &[u8]) -> Vec<u8> {
    let mut out = head(first, masked, payload.len() as u64);
    if masked {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        out.extend_from_slice(&mask);
        out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    } else {
        out.extend_from_slice(payload);
    }
    out
}

/// The head of a frame that says it carries so many bytes, without its mask.
#[must_use]
pub fn head(first: u8, masked: bool, length: u64) -> Vec<u8> {
    let bit = if masked { 0x80 } else { 0 };
    let mut out = vec![first];
    match length {
        0..=125 => out.push(bit | u8::try_from(length).expect("below 126")),
        126..=0xffff => {
            out.push(bit | 126);
            out.extend_from_slice(&u16::try_from(length).expect("two bytes").to_be_bytes());
        }
        _ => {
            out.push(bit | 127);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
    out
}

impl Socket {
    /// Sends bytes as they are; an error means that the other end is gone.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends one whole frame.
    ///
    /// # Panics
    /// When the other end is gone.
    pub async fn send(&mut self, opcode: u8, payload: &[u8]) {
        let bytes = frame(0x80 | opcode, self.masks, payload);
        self.raw(&bytes).await.expect("the other end is there");
    }

    /// Sends a text.
    pub async fn text(&mut self, text: &str) {
        self.send(TEXT, text.as_bytes()).await;
    }

    /// Sends a close with a code and a reason.
    pub async fn close(&mut self, code: u16, reason: &str) {
        self.send(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat()).await;
    }

    /// The next frame; `None` when the connection ends.
    ///
    /// # Panics
    /// When none comes in time.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.take() {
                return Some(frame);
            }
            match timeout(PATIENCE, self.stream.read_buf(&mut self.buf)).await.expect("a frame in time") {
                Ok(read) if read > 0 => {}
                _ => return None,
            }
        }
    }

    /// The next frame that is neither ping nor pong.
    pub async fn heard(&mut self) -> Option<Frame> {
        loop {
            match self.next().await {
                Some(frame) if matches!(frame.opcode(), PING | PONG) => {}
                other => return other,
            }
        }
    }

    /// The next text.
    ///
    /// # Panics
    /// When something else comes.
    pub async fn next_text(&mut self) -> String {
        let frame = self.heard().await.expect("a text before the end");
        assert_eq!(frame.opcode(), TEXT, "{frame:?}");
        frame.text()
    }

    /// Reads on to the close and gives its code, then to the connection's end.
    pub async fn closed(&mut self) -> Option<u16> {
        let mut code = None;
        while let Some(frame) = self.next().await {
            if frame.opcode() == CLOSE {
                code = frame.code();
                let bytes = super::socket::frame(0x80 | CLOSE, self.masks, &frame.payload);
                let _gone = self.raw(&bytes).await;
            }
        }
        code
    }

    /// Closes the connection without a word.
    pub fn vanish(self) {
        let _ = self.stream.set_zero_linger();
    }

    fn take(&mut self) -> Option<Frame> {
        let (first, second) = (*self.buf.first()?, *self.buf.get(1)?);
        let masked = second & 0x80 != 0;
        let (length, mut at) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(self.buf.get(2..4)?.try_into().ok()?)), 4),
            127 => (u64::from_be_bytes(self.buf.get(2..10)?.try_into().ok()?), 10),
            short => (u64::from(short), 2),
        };
        let mask: [u8; 4] = if masked { self.buf.get(at..at + 4)?.try_into().ok()? } else { [0; 4] };
        at += if masked { 4 } else { 0 };
        let end = at + usize::try_from(length).ok()?;
        let payload = self.buf.get(at..end)?.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        self.buf.drain(..end);
        Some(Frame { first, masked, payload })
    }
}

/// A provider that speaks WebSocket.
#[derive(Debug)]
pub struct SocketServer {
    /// Where it listens.
    pub addr: SocketAddr,
    listener: TcpListener,
}

impl SocketServer {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When there is none.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        Self { addr: listener.local_addr().expect("an address"), listener }
    }

    /// `http://127.0.0.1:PORT`, no path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Takes the next connection and reads its request.
    ///
    /// # Panics
    /// When none comes in time.
    pub async fn request(&self) -> (Socket, Head) {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.expect("a connection in time").expect("one");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let mut socket = Socket { stream, buf: Vec::new(), masks: false };
        let head = socket.read_head().await.expect("a request");
        (socket, head)
    }

    /// Takes the next connection and makes it a socket.
    pub async fn accept(&self) -> (Socket, Head) {
        let (mut socket, head) = self.request().await;
        let accept = accept(head.get("sec-websocket-key").expect("a key"));
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: \
             {accept}\r\n\r\n"
        );
        socket.raw(answer.as_bytes()).await.expect("the client is there");
        (socket, head)
    }
}

fn accept(key: &str) -> String {
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

/// The request for a socket; add what tells who asks.
#[must_use]
pub fn ask(target: &str) -> Request {
    Request::get(target)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", KEY)
}

/// Asks for a socket.
///
/// # Panics
/// When there is no answer. One that is none of a socket is the caller's to look at.
pub async fn connect(addr: SocketAddr, request: &Request) -> (Socket, Head) {
    let mut stream = TcpStream::connect(addr).await.expect("somebody listens");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    stream.write_all(&request.to_bytes()).await.expect("the server is there");
    let mut socket = Socket { stream, buf: Vec::new(), masks: true };
    let head = socket.read_head().await.expect("an answer");
    if head.first.contains(" 101 ") {
        assert_eq!(head.get("sec-websocket-accept"), Some(&*accept(KEY)));
    }
    (socket, head)
}

impl Socket {
    async fn read_head(&mut self) -> Option<Head> {
        loop {
            if let Some(head) = h1::take_head(&mut self.buf) {
                return Some(head);
            }
            match timeout(PATIENCE, self.stream.read_buf(&mut self.buf)).await.expect("a head in time") {
                Ok(read) if read > 0 => {}
                _ => return None,
            }
        }
    }
}
