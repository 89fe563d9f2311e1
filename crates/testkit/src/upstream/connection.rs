//! One connection to the scripted upstream: reads requests, plays scripts, notices a client that leaves.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Duration, Instant, sleep, timeout};

use super::Shared;
use super::record::{Disconnect, Received};
use super::script::{Framing, Script, Step};
use crate::h1::{self, Dechunk};

/// How long an orderly close waits for the client's own close.
const LINGER: Duration = Duration::from_secs(2);

/// How a script left the connection.
enum After {
    Keep,
    Close,
    Reset,
}

/// Counts the connection as open for as long as it lives, also when its task is aborted.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.record.change(|seen| seen.open -= 1);
    }
}

/// Serves one connection until either side ends it.
pub(super) async fn serve(stream: TcpStream, number: usize, shared: Arc<Shared>) {
    shared.record.change(|seen| seen.open += 1);
    let _open = Open(Arc::clone(&shared));
    stream.set_nodelay(true).expect("TCP_NODELAY on a fresh socket");
    let (mut reader, mut writer) = stream.into_split();
    let mut buf = Vec::new();
    loop {
        let received = match read_request(&mut reader, &mut writer, &mut buf, number).await {
            Ok(Some(received)) => received,
            Ok(None) => break,
            Err(_) => {
                shared.record.change(|seen| seen.broken += 1);
                break;
            }
        };
        let script = shared.pick(&received);
        let index = shared.record.change(|seen| {
            seen.requests.push(received);
            seen.requests.len() - 1
        });
        let sent = AtomicUsize::new(0);
        let after = tokio::select! {
            biased;
            played = play(&mut writer, &script, &sent) => played.map_err(|_| true),
            reset = client_left(&mut reader, &mut buf) => Err(reset),
        };
        match after {
            Ok(After::Keep) => {}
            Ok(After::Close) => {
                close(&mut reader, &mut writer).await;
                break;
            }
            Ok(After::Reset) => {
                let stream = reader.reunite(writer).expect("halves of one stream");
                stream.set_zero_linger().expect("SO_LINGER 0 on an open socket");
                break;
            }
            Err(reset) => {
                let body_bytes = sent.load(Ordering::Relaxed);
                let at = Instant::now();
                shared.record.change(|s| s.disconnects.push(Disconnect { at, request: index, body_bytes, reset }));
                break;
            }
        }
    }
}

/// Reads one request; `None` when the client closed between requests, an error when in the middle of one.
async fn read_request(
    reader: &mut OwnedReadHalf,
    writer: &mut OwnedWriteHalf,
    buf: &mut Vec<u8>,
    connection: usize,
) -> io::Result<Option<Received>> {
    let head = loop {
        if let Some(head) = h1::take_head(buf) {
            break head;
        }
        match reader.read_buf(buf).await {
            Ok(n) if n > 0 => {}
            Ok(_) | Err(_) if buf.is_empty() => return Ok(None),
            Ok(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(e) => return Err(e),
        }
    };
    if head.get("expect").is_some_and(|v| v.eq_ignore_ascii_case("100-continue")) {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let mut body = Vec::new();
    if head.is_chunked() {
        let mut dechunk = Dechunk::default();
        loop {
            body.extend(dechunk.decode(buf).map_err(|e| io::Error::other(e.to_string()))?);
            if dechunk.done() {
                break;
            }
            more(reader, buf).await?;
        }
    } else {
        let length = usize::try_from(head.length().unwrap_or(0)).map_err(io::Error::other)?;
        while buf.len() < length {
            more(reader, buf).await?;
        }
        body.extend(buf.drain(..length));
    }
    let mut words = head.first.split(' ');
    Ok(Some(Received {
        at: Instant::now(),
        connection,
        method: words.next().unwrap_or_default().to_owned(),
        target: words.next().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: Bytes::from(body),
    }))
}

async fn more(reader: &mut OwnedReadHalf, buf: &mut Vec<u8>) -> io::Result<()> {
    match reader.read_buf(buf).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Returns once the client has closed (`false`) or reset (`true`); a pipelined request is kept in `buf`.
async fn client_left(reader: &mut OwnedReadHalf, buf: &mut Vec<u8>) -> bool {
    loop {
        match reader.read_buf(buf).await {
            Ok(0) => return false,
            Ok(_) => {}
            Err(_) => return true,
        }
    }
}

/// Plays a script; `sent` counts the body bytes written so far.
async fn play(writer: &mut OwnedWriteHalf, script: &Script, sent: &AtomicUsize) -> io::Result<After> {
    let mut framing = Framing::UntilClose;
    for step in &script.steps {
        match step {
            Step::Wait(time) => sleep(*time).await,
            Step::Gate(gate) => gate.passed().await,
            Step::Head { status, headers, framing: how } => {
                framing = *how;
                writer.write_all(head(*status, headers, framing).as_bytes()).await?;
            }
            Step::Frame(bytes) => {
                match framing {
                    Framing::Chunked => writer.write_all(&h1::chunk(bytes)).await?,
                    Framing::Length(_) | Framing::UntilClose => writer.write_all(bytes).await?,
                }
                sent.fetch_add(bytes.len(), Ordering::Relaxed);
            }
            Step::Raw(bytes) => writer.write_all(bytes).await?,
            Step::End => match framing {
                Framing::Chunked => writer.write_all(b"0\r\n\r\n").await?,
                Framing::Length(_) => {}
                Framing::UntilClose => return Ok(After::Close),
            },
            Step::Close => return Ok(After::Close),
            Step::Reset => return Ok(After::Reset),
            Step::Stall => std::future::pending().await,
        }
    }
    Ok(After::Keep)
}

fn head(status: u16, headers: &[(String, String)], framing: Framing) -> String {
    let mut out = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in headers {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    match framing {
        Framing::Chunked => out.push_str("transfer-encoding: chunked\r\n"),
        Framing::Length(n) => out.push_str(&format!("content-length: {n}\r\n")),
        Framing::UntilClose => out.push_str("connection: close\r\n"),
    }
    out.push_str("\r\n");
    out
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

/// Sends FIN and reads on until the client closes too: closing with unread bytes would send a reset instead.
async fn close(reader: &mut OwnedReadHalf, writer: &mut OwnedWriteHalf) {
    if writer.shutdown().await.is_err() {
        return;
    }
    let drained = async {
        let mut sink = vec![0; 4096];
        while matches!(reader.read(&mut sink).await, Ok(n) if n > 0) {}
    };
    // A client that keeps its half open is left after the linger time, like a real server would.
    let _closed_in_time = timeout(LINGER, drained).await;
}
