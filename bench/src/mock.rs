//! The mock provider: answers OpenAI chat and Anthropic messages at once, whole or streamed.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use clap::Args;
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::bodies::{self, Shape, Stream};
use crate::{Context, Fault, h1};

/// Options of the mock.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9100")]
    pub listen: String,
    /// Milliseconds before each answer.
    #[arg(long, default_value_t = 0)]
    pub delay: u64,
    /// Content chunks of a stream whose request does not say.
    #[arg(long, default_value_t = 100)]
    pub chunks: u32,
    /// Milliseconds between chunks of a stream whose request does not say.
    #[arg(long, default_value_t = 0)]
    pub pace: u32,
}

/// Answers that are made once.
struct Answers {
    options: Options,
    chat: Shaped,
    chat_usage: Shaped,
    messages: Shaped,
    models: Bytes,
    not_found: Bytes,
}

/// The answers of one dialect, framed for the wire.
struct Shaped {
    whole: Bytes,
    first: Vec<Bytes>,
    content: Bytes,
    last: Vec<Bytes>,
}

impl Shaped {
    fn new(shape: Shape, with_usage: bool) -> Self {
        let (first, content, last) = bodies::frames(shape, with_usage);
        let framed = |frames: Vec<Vec<u8>>| frames.iter().map(|f| Bytes::from(h1::chunk(f))).collect();
        Self {
            whole: json_answer("200 OK", &bodies::answer(shape)),
            first: framed(first),
            content: Bytes::from(h1::chunk(&content)),
            last: framed(last),
        }
    }
}

fn json_answer(status: &str, body: &[u8]) -> Bytes {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-request-id: req_bench\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    Bytes::from([head.as_bytes(), body].concat())
}

const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
    x-request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n";

/// Serves until the process ends.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(options: Options) -> Result<(), Fault> {
    let listener = TcpListener::bind(&options.listen).await.context(format!("listen on {}", options.listen))?;
    serve_on(listener, options).await
}

/// Serves on a listener that is already bound.
///
/// # Errors
/// When accepting fails for good.
pub async fn serve_on(listener: TcpListener, options: Options) -> Result<(), Fault> {
    let answers = Arc::new(Answers {
        options,
        chat: Shaped::new(Shape::Chat, false),
        chat_usage: Shaped::new(Shape::Chat, true),
        messages: Shaped::new(Shape::Messages, true),
        models: json_answer(
            "200 OK",
            br#"{"object":"list","data":[{"id":"gpt-4o-mini","object":"model","created":1721172741,"owned_by":"mock"}]}"#,
        ),
        not_found: json_answer("404 Not Found", br#"{"error":{"message":"no such path","type":"not_found"}}"#),
    });
    loop {
        let (stream, _) = listener.accept().await.context("accept")?;
        let answers = Arc::clone(&answers);
        tokio::spawn(async move {
            // A client that leaves, also in the middle of a stream, ends its connection and nothing else.
            let _left = connection(stream, &answers).await;
        });
    }
}

async fn connection(mut stream: TcpStream, answers: &Answers) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buf = BytesMut::with_capacity(4 * 1024);
    loop {
        let end = loop {
            if let Some(end) = h1::head_end(&buf) {
                break end;
            }
            if stream.read_buf(&mut buf).await? == 0 {
                return Ok(());
            }
        };
        let head = buf.split_to(end);
        if h1::header(&head, "transfer-encoding").is_some() {
            return stream.write_all(b"HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\n\r\n").await;
        }
        let length = h1::content_length(&head).unwrap_or(0);
        buf.reserve(length.saturating_sub(buf.len()));
        while buf.len() < length {
            if stream.read_buf(&mut buf).await? == 0 {
                return Ok(());
            }
        }
        let body = buf.split_to(length);
        if answers.options.delay > 0 {
            sleep(Duration::from_millis(answers.options.delay)).await;
        }
        answer(&mut stream, &head, &body, answers).await?;
    }
}

async fn answer(stream: &mut TcpStream, head: &[u8], body: &[u8], answers: &Answers) -> std::io::Result<()> {
    let path = head.split(|b| *b == b' ').nth(1).unwrap_or_default();
    let path = path.split(|b| *b == b'?').next().unwrap_or_default();
    let shaped = match path {
        b"/v1/chat/completions" if has(body, "\"include_usage\"") => &answers.chat_usage,
        b"/v1/chat/completions" => &answers.chat,
        b"/v1/messages" => &answers.messages,
        b"/v1/models" => return stream.write_all(&answers.models).await,
        _ => return stream.write_all(&answers.not_found).await,
    };
    if !has(body, "\"stream\":true") && !has(body, "\"stream\": true") {
        return stream.write_all(&shaped.whole).await;
    }
    let default = Stream { chunks: answers.options.chunks, pace_ms: answers.options.pace };
    let how = Stream::find(body).unwrap_or(default);
    stream.write_all(STREAM_HEAD).await?;
    for frame in &shaped.first {
        stream.write_all(frame).await?;
    }
    if how.pace_ms > 0 {
        let mut tick = interval(Duration::from_millis(u64::from(how.pace_ms)));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _ in 0..how.chunks {
            tick.tick().await;
            stream.write_all(&shaped.content).await?;
        }
    } else {
        for _ in 0..how.chunks {
            stream.write_all(&shaped.content).await?;
        }
    }
    for frame in &shaped.last {
        stream.write_all(frame).await?;
    }
    stream.write_all(b"0\r\n\r\n").await
}

fn has(body: &[u8], text: &str) -> bool {
    memmem::find(body, text.as_bytes()).is_some()
}
