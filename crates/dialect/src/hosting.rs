//! A dialect hosted by others: the same messages in another envelope, unwrapped, never translated.
//!
//! Bedrock's `invoke-with-response-stream` sends an AWS event stream whose `chunk` messages hold, in base64, the
//! events that the model's own API sends. Each becomes the server-sent event that it is there, payload unchanged.
//! Source: AWS, "InvokeModelWithResponseStream"; recordings of dd-trace-py and pydantic-ai.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use wire::error::FrameError;
use wire::eventstream::EventStreamFramer;
use wire::frame::{Frame, Framer};
use wire::json::{Json, Writer};

use crate::id::DialectId;

/// Cuts Bedrock's streams of a model into the frames of its dialect.
#[derive(Debug)]
pub struct BedrockFramer {
    messages: EventStreamFramer,
    cut: Vec<Frame>,
    chat: bool,
    keep: bool,
}

impl BedrockFramer {
    /// For streams that go on as the dialect's own.
    #[must_use]
    pub fn new(dialect: DialectId) -> Self {
        let chat = dialect != DialectId::AnthropicMessages;
        Self { messages: EventStreamFramer::default(), cut: Vec::new(), chat, keep: false }
    }

    /// For streams that go on as they came: a frame's data is the event that its message holds, its bytes are the
    /// message. A message that holds none has no data.
    #[must_use]
    pub fn keeping(dialect: DialectId) -> Self {
        Self { keep: true, ..Self::new(dialect) }
    }
}

impl Framer for BedrockFramer {
    fn push(&mut self, chunk: &Bytes, out: &mut Vec<Frame>) -> Result<(), FrameError> {
        let pushed = self.messages.push(chunk, &mut self.cut);
        for message in self.cut.drain(..) {
            if self.keep {
                let inner = unwrap(&message, self.chat).ok().flatten().unwrap_or_default();
                out.push(Frame { raw: message.raw, ..inner });
                continue;
            }
            let inner = unwrap(&message, self.chat)?;
            let counts = if self.chat { inner.as_ref().and_then(counted) } else { None };
            match (inner, counts) {
                (Some(_), Some(Counts { alone: true, frame })) => out.push(frame),
                (inner, counts) => out.extend(inner.into_iter().chain(counts.map(|counts| counts.frame))),
            }
        }
        pushed
    }

    fn finish(&mut self, out: &mut Vec<Frame>) {
        self.messages.finish(out);
    }
}

/// The event that a message holds; `None` for a message of the host's own, which holds none.
///
/// # Errors
/// A chunk whose event cannot be read: words would be lost without it.
fn unwrap(message: &Frame, chat: bool) -> Result<Option<Frame>, FrameError> {
    if let Some(kind) = message.name().strip_prefix("exception:") {
        return Ok(Some(failed(kind, message.text(), chat)));
    }
    if message.name() != "chunk" {
        return Ok(None);
    }
    let unread = FrameError::Corrupt { what: "a chunk of the stream holds no event" };
    let json = Json::parse(message.text()).map_err(|_| unread)?;
    let coded = json.get("bytes").and_then(Json::as_str).ok_or(unread)?;
    let payload = STANDARD.decode(coded.as_bytes()).map_err(|_| unread)?;
    let text = std::str::from_utf8(&payload).map_err(|_| unread)?;
    let event_json = Json::parse(text).map_err(|_| unread)?;
    let name = event_json.get("type").and_then(Json::as_str);
    Ok(Some(event(name.as_deref(), &payload)))
}

/// A server-sent event.
fn event(name: Option<&str>, data: &[u8]) -> Frame {
    let mut raw = BytesMut::with_capacity(data.len() + 64);
    if let Some(name) = name {
        for piece in ["event: ", name, "\n"] {
            raw.extend_from_slice(piece.as_bytes());
        }
    }
    let data_from = raw.len() + "data: ".len();
    for piece in [b"data: ", data, b"\n\n"] {
        raw.extend_from_slice(piece);
    }
    let raw = raw.freeze();
    let from = "event: ".len();
    Frame {
        event: name.map(|name| raw.slice(from..from + name.len())),
        data: Some(raw.slice(data_from..data_from + data.len())),
        raw,
    }
}

/// What the host counted, as the frame that tells usage and nothing else.
#[derive(Debug)]
struct Counts {
    /// The event told nothing beside them.
    alone: bool,
    frame: Frame,
}

/// The member in which the host counts what a stream used, in its last chunk.
pub const COUNTS: &str = "amazon-bedrock-invocationMetrics";

/// The host's counts, where the model's own event tells none.
fn counted(frame: &Frame) -> Option<Counts> {
    let json = Json::parse(frame.text()).ok()?;
    let counts = json.get(COUNTS)?;
    let alone = json.members().count() == 1;
    if json.get("usage").and_then(Json::non_null).is_some() {
        return None;
    }
    let count = |name: &str| counts.get(name).and_then(Json::as_u64);
    let (input, output) = (count("inputTokenCount")?, count("outputTokenCount")?);
    let mut json = Writer::new();
    json.object(|json| {
        json.key("id").str("");
        json.key("object").str("chat.completion.chunk");
        json.key("created").u64(0);
        json.key("model").str("");
        json.key("choices").array(|_| {});
        json.key("usage").object(|json| {
            json.key("prompt_tokens").u64(input);
            json.key("completion_tokens").u64(output);
            json.key("total_tokens").u64(input.saturating_add(output));
        });
    });
    Some(Counts { alone, frame: event(None, json.finish().as_bytes()) })
}

/// An exception inside the stream as the error event of the dialect.
fn failed(kind: &str, payload: &str, chat: bool) -> Frame {
    let json = Json::parse(payload).ok();
    let message = json.and_then(|json| json.get("message").or_else(|| json.get("Message"))?.as_str());
    let word = match (kind, chat) {
        ("throttlingException", _) => "rate_limit_error",
        ("validationException", _) => "invalid_request_error",
        (_, true) => "server_error",
        ("serviceUnavailableException" | "modelNotReadyException", _) => "overloaded_error",
        ("modelTimeoutException", _) => "timeout_error",
        ("accessDeniedException", _) => "permission_error",
        _ => "api_error",
    };
    let mut json = Writer::new();
    json.object(|json| {
        if !chat {
            json.key("type").str("error");
        }
        json.key("error").object(|json| {
            json.key("type").str(word);
            json.key("message").str(message.as_deref().unwrap_or(kind));
        });
    });
    event((!chat).then_some("error"), json.finish().as_bytes())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests")]
mod tests {
    use super::*;

    fn message(name: &str, payload: &str) -> Frame {
        let bytes = |text: &str| Bytes::from(text.to_owned());
        Frame { event: Some(bytes(name)), data: Some(bytes(payload)), raw: Bytes::new() }
    }

    fn check(name: &str, payload: &str, expect: Option<&str>) {
        let frame = unwrap(&message(name, payload), false).unwrap();
        let raw = frame.as_ref().map(|frame| std::str::from_utf8(&frame.raw).unwrap());
        assert_eq!(raw, expect, "{name} {payload}");
        if let (Some(frame), Some(expect)) = (&frame, expect) {
            let event = frame.event.as_ref().map(|_| format!("event: {}\n", frame.name())).unwrap_or_default();
            assert_eq!(expect, format!("{event}data: {}\n\n", frame.text()));
        }
    }

    #[test]
    fn a_chunk_is_the_event_it_holds() {
        let inner = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#;
        let wrapped = format!(r#"{{"bytes":"{}","p":"abcdef"}}"#, STANDARD.encode(inner));
        check("chunk", &wrapped, Some(&format!("event: content_block_delta\ndata: {inner}\n\n")));
        check("chunk", r#"{"bytes":"e30="}"#, Some("data: {}\n\n"));
        check("initial-response", "{}", None);
        for unread in [r#"{"bytes":"not base64"}"#, r#"{"bytes":"/w=="}"#, r#"{"bytes":"e30"}"#, "{}", "nonsense"] {
            assert!(unwrap(&message("chunk", unread), false).is_err(), "{unread}");
        }
    }

    #[test]
    fn an_exception_is_an_error_event() {
        let error = |word: &str, said: &str| {
            format!(
                "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{word}\",\"message\":\"{said}\"}}}}\n\n"
            )
        };
        check(
            "exception:throttlingException",
            r#"{"message":"Slow down"}"#,
            Some(&error("rate_limit_error", "Slow down")),
        );
        check("exception:modelStreamErrorException", "", Some(&error("api_error", "modelStreamErrorException")));
        check("exception:serviceUnavailableException", r#"{"Message":"m"}"#, Some(&error("overloaded_error", "m")));
    }

    /// The frames of a stream of these events, as text; with `keep`, each with the length of its bytes.
    fn cut(mut framer: BedrockFramer, events: &[&str]) -> Vec<(String, usize)> {
        let mut out = Vec::new();
        for event in events {
            let mut bytes = Vec::new();
            let payload = format!("{{\"bytes\":\"{}\"}}", STANDARD.encode(event));
            wire::eventstream::write(&[(":event-type", "chunk")], payload.as_bytes(), &mut bytes);
            framer.push(&Bytes::from(bytes), &mut out).unwrap();
        }
        out.iter().map(|frame| (frame.text().to_owned(), frame.raw.len())).collect()
    }

    #[test]
    fn what_the_host_counts_is_told_in_the_dialects_words() {
        let last = r#"{"amazon-bedrock-invocationMetrics":{"inputTokenCount":17,"outputTokenCount":8}}"#;
        let more = r#"{"choices":[],"amazon-bedrock-invocationMetrics":{"inputTokenCount":1,"outputTokenCount":2}}"#;
        let chat = cut(BedrockFramer::new(DialectId::OpenAiChat), &[r#"{"choices":[]}"#, last, more]);
        let usage =
            |frame: &(String, usize)| Json::parse(&frame.0).unwrap().get("usage").map(|usage| usage.raw().to_owned());
        let usages: Vec<Option<String>> = chat.iter().map(usage).collect();
        let counts = |input, output, total| {
            Some(format!("{{\"prompt_tokens\":{input},\"completion_tokens\":{output},\"total_tokens\":{total}}}"))
        };
        assert_eq!(usages, [None, counts(17, 8, 25), None, counts(1, 2, 3)]);
        // Kept bytes are whole messages, and nothing is added.
        let kept = cut(BedrockFramer::keeping(DialectId::OpenAiChat), &[last]);
        assert_eq!((kept.len(), &*kept[0].0), (1, last));
        assert!(kept[0].1 > last.len());
    }
}
