//! Messages between a client and an upstream, one in hand each way: who reads slowly is waited for, and nothing is
//! queued. Ends with the close codes of whoever closed, or with ours.

use std::sync::atomic::{AtomicU64, Ordering};

use dialect::fault::{Fault, Kind};
use dialect::outcome::Outcome;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use policy::entry::Status;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes, error::ProtocolError};

use super::limits::Limits;
use super::lines::Lines;
use crate::env;

/// Why a socket ends.
#[derive(Debug)]
enum End {
    /// The client closed it.
    ClientClosed(Option<CloseFrame>),
    /// The client is gone without a word.
    ClientGone,
    /// The client broke the protocol or a bound.
    ClientBroke(CloseCode, &'static str),
    /// The client asked for what it may not have.
    Refused(Fault),
    /// The upstream closed it.
    UpstreamClosed(Option<CloseFrame>),
    /// The upstream is gone without a word, or talks nonsense.
    UpstreamBroke(Outcome),
    /// Nobody said anything for too long, or it took too long.
    Late(&'static str, Outcome),
    /// The gateway stops.
    Stopping,
}

/// When each side was heard last, in ms since the socket began.
struct Ears {
    start: Instant,
    client: AtomicU64,
    any: AtomicU64,
}

impl Ears {
    fn now(&self) -> u64 {
        env::ms_since(self.start)
    }

    fn heard_client(&self) {
        self.client.store(self.now(), Ordering::Relaxed);
    }

    fn said(&self) {
        self.any.store(self.now(), Ordering::Relaxed);
    }
}

/// Passes messages until either side ends it, and writes its lines.
pub async fn relay<D, U>(
    down: WebSocketStream<D>,
    up: WebSocketStream<U>,
    mut lines: Lines,
    limits: Limits,
    deadline: Option<Instant>,
) where
    D: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let (mut to_client, mut from_client) = down.split();
    let (mut to_upstream, mut from_upstream) = up.split();
    let start = env::instant();
    let ears = Ears { start, client: AtomicU64::new(0), any: AtomicU64::new(0) };
    let stop = lines.connection().gateway().tasks.stop().clone();
    let drain = lines.connection().snapshot().config.server.drain;
    let until = start + limits.total;
    let until = deadline.map_or(until, |deadline| deadline.min(until));
    let guard = lines.guard();
    let end = tokio::select! {
        end = upward(&mut from_client, &mut to_upstream, &guard, &ears, &limits) => end,
        end = downward(&mut from_upstream, &mut to_client, &mut lines, &ears, &limits) => end,
        end = silence(&ears, &limits) => end,
        () = tokio::time::sleep_until(until) => End::Late("The session is open for as long as it may be.", Outcome::TimeoutTotal),
        () = async { stop.cancelled().await; tokio::time::sleep(drain).await } => End::Stopping,
    };
    let id = lines.connection().id().hyphenated().to_string();
    let (status, outcome, event, client_code, upstream_code) = ending(end);
    let event = event.map(|fault| dialect::realtime::error(&fault, &id));
    // The lines first: whoever sees the socket closed may look them up.
    lines.end(status, outcome).await;
    let client = close(to_client, from_client, event, client_code);
    let upstream = close(to_upstream, from_upstream, None, upstream_code);
    let _ = timeout(limits.closing, async { tokio::join!(client, upstream) }).await;
}

/// What an end means for the line, the client and the upstream.
fn ending(end: End) -> (Status, Outcome, Option<Fault>, Option<CloseFrame>, Option<CloseFrame>) {
    let frame =
        |code: CloseCode, reason: &'static str| Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) });
    let away = || frame(CloseCode::Away, "");
    match end {
        End::ClientClosed(close) => (Status::Ok, Outcome::Ok, None, close.clone(), close),
        End::ClientGone => (Status::Cancelled, Outcome::Cancelled, None, None, away()),
        End::ClientBroke(code, reason) => (Status::Cancelled, Outcome::Cancelled, None, frame(code, reason), away()),
        End::Refused(fault) => {
            let code = frame(CloseCode::Policy, "the key may not use this model");
            (Status::Cancelled, Outcome::Cancelled, Some(fault), code, away())
        }
        End::UpstreamClosed(close) => {
            let code = close.as_ref().map_or(1005, |close| u16::from(close.code));
            let good = matches!(code, 1000 | 1001 | 1005);
            let (status, outcome) =
                if good { (Status::Ok, Outcome::Ok) } else { (Status::Incomplete, Outcome::ServerError) };
            (status, outcome, None, close.clone(), close)
        }
        End::UpstreamBroke(outcome) => {
            let message = "The connection to the provider broke. Connect again; what was said until now is lost there.";
            let fault = Fault::new(Kind::UpstreamFailed, message);
            (
                Status::Incomplete,
                outcome,
                Some(fault),
                frame(CloseCode::Error, "the provider's connection broke"),
                away(),
            )
        }
        End::Late(message, outcome) => {
            let fault = Fault::new(Kind::UpstreamTimeout, format!("{message} Connect again."));
            (Status::Incomplete, outcome, Some(fault), frame(CloseCode::Away, "time is over"), away())
        }
        End::Stopping => {
            (Status::Cancelled, Outcome::Cancelled, None, frame(CloseCode::Away, "the gateway stops"), away())
        }
    }
}

/// From the client to the upstream.
async fn upward<D, U>(
    from: &mut SplitStream<WebSocketStream<D>>,
    to: &mut SplitSink<WebSocketStream<U>, Message>,
    guard: &super::lines::Guard,
    ears: &Ears,
    limits: &Limits,
) -> End
where
    D: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let message = match from.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => return broke(&error),
            None => return End::ClientGone,
        };
        ears.heard_client();
        match &message {
            Message::Close(close) => return End::ClientClosed(close.clone()),
            // Answered by the library.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            Message::Text(text) => {
                if let Err(fault) = guard.asked(text) {
                    return End::Refused(fault);
                }
            }
            Message::Binary(_) => {}
        }
        ears.said();
        match timeout(limits.slow, to.send(message)).await {
            Ok(Ok(())) => {}
            // The reader of the other way sees why: it is not raced.
            Ok(Err(_)) => std::future::pending().await,
            Err(_) => return End::UpstreamBroke(Outcome::TimeoutIdle),
        }
    }
}

/// From the upstream to the client, which is asked now and then whether it is there.
async fn downward<D, U>(
    from: &mut SplitStream<WebSocketStream<U>>,
    to: &mut SplitSink<WebSocketStream<D>, Message>,
    lines: &mut Lines,
    ears: &Ears,
    limits: &Limits,
) -> End
where
    D: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let slow = || End::ClientBroke(CloseCode::Policy, "messages are read too slowly");
    let mut ping = tokio::time::interval_at(env::instant() + limits.ping, limits.ping);
    ping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            message = from.next() => message,
            _ = ping.tick() => {
                match timeout(limits.slow, to.send(Message::Ping(bytes::Bytes::new()))).await {
                    Ok(_) => continue,
                    Err(_) => return slow(),
                }
            }
        };
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(Error::Capacity(_) | Error::Utf8(_))) => return End::UpstreamBroke(Outcome::BadAnswer),
            Some(Err(Error::Protocol(error))) if error != ProtocolError::ResetWithoutClosingHandshake => {
                return End::UpstreamBroke(Outcome::BadAnswer);
            }
            Some(Err(_)) | None => return End::UpstreamBroke(Outcome::Truncated),
        };
        let message = match message {
            Message::Close(close) => return End::UpstreamClosed(close),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            Message::Text(text) => match lines.heard(&text).await {
                None => Message::Text(text),
                Some(clean) => Utf8Bytes::try_from(clean).map_or(Message::Text(text), Message::Text),
            },
            Message::Binary(bytes) => Message::Binary(bytes),
        };
        ears.said();
        match timeout(limits.slow, to.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => std::future::pending().await,
            Err(_) => return slow(),
        }
    }
}

/// Ends when the client is not there, or nobody has said anything for too long.
async fn silence(ears: &Ears, limits: &Limits) -> End {
    let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (deaf, idle) = (millis(limits.ping).saturating_mul(2), millis(limits.idle));
    loop {
        let (client, any) = (ears.client.load(Ordering::Relaxed), ears.any.load(Ordering::Relaxed));
        let now = ears.now();
        if now >= client.saturating_add(deaf) {
            return End::ClientBroke(CloseCode::Error, "no answer to pings");
        }
        if now >= any.saturating_add(idle) {
            return End::Late("Neither side has said anything for too long.", Outcome::TimeoutIdle);
        }
        let next = client.saturating_add(deaf).min(any.saturating_add(idle)) - now;
        tokio::time::sleep(std::time::Duration::from_millis(next.max(1))).await;
    }
}

/// How a client broke the protocol.
fn broke(error: &Error) -> End {
    match error {
        Error::Capacity(_) => End::ClientBroke(CloseCode::Size, "the message is longer than any may be"),
        Error::Utf8(_) => End::ClientBroke(CloseCode::Invalid, "the text is not UTF-8"),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::ClientGone,
        Error::Protocol(_) => End::ClientBroke(CloseCode::Protocol, "the frame is against the protocol"),
        _ => End::ClientGone,
    }
}

/// Says the last words, closes, and reads what still comes: a connection closed on unread bytes is reset, and the
/// last words may be lost with it.
async fn close<S>(
    mut to: SplitSink<WebSocketStream<S>, Message>,
    mut from: SplitStream<WebSocketStream<S>>,
    event: Option<String>,
    close: Option<CloseFrame>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if let Some(event) = event {
        let _ = to.send(Message::text(event)).await;
    }
    // Codes that may not stand in a frame are told by a frame without one.
    let close = close.filter(|close| close.code.is_allowed());
    let _ = to.send(Message::Close(close)).await;
    let _ = to.flush().await;
    while let Some(Ok(_)) = from.next().await {}
    if let Ok(mut stream) = from.reunite(to) {
        let stream = stream.get_mut();
        let _ = stream.shutdown().await;
        let mut sink = [0; 4_096];
        while matches!(stream.read(&mut sink).await, Ok(read) if read > 0) {}
    }
}
