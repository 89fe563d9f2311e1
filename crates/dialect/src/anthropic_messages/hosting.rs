//! This dialect hosted by others: the same messages in another envelope, unwrapped, never translated.
//!
//! Bedrock's `invoke-with-response-stream` sends an AWS event stream whose `chunk` messages hold, in base64, the
//! events that Anthropic's own API sends. Each becomes the server-sent event that it is there, payload unchanged.
//! Source: AWS, "InvokeModelWithResponseStream"; recordings of dd-trace-py and pydantic-ai.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use wire::error::FrameError;
use wire::eventstream::EventStreamFramer;
use wire::frame::{Frame, Framer};
use wire::json::{Json, Writer};

/// Cuts Bedrock's streams of Claude into the frames of this dialect.
#[derive(Debug, Default)]
pub struct BedrockFramer {
    messages: EventStreamFramer,
    cut: Vec<Frame>,
}

impl Framer for BedrockFramer {
    fn push(&mut self, chunk: &Bytes, out: &mut Vec<Frame>) -> Result<(), FrameError> {
        let pushed = self.messages.push(chunk, &mut self.cut);
        for message in self.cut.drain(..) {
            out.extend(unwrap(&message)?);
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
fn unwrap(message: &Frame) -> Result<Option<Frame>, FrameError> {
    if let Some(kind) = message.name().strip_prefix("exception:") {
        return Ok(Some(failed(kind, message.text())));
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
    Ok(Some(event(name.as_deref().unwrap_or("message"), &payload)))
}

/// A server-sent event.
fn event(name: &str, data: &[u8]) -> Frame {
    let mut raw = BytesMut::with_capacity(name.len() + data.len() + 16);
    for piece in [b"event: ", name.as_bytes(), b"\ndata: ", data, b"\n\n"] {
        raw.extend_from_slice(piece);
    }
    let raw = raw.freeze();
    let from = "event: ".len();
    let data_from = from + name.len() + "\ndata: ".len();
    Frame {
        event: Some(raw.slice(from..from + name.len())),
        data: Some(raw.slice(data_from..data_from + data.len())),
        raw,
    }
}

/// An exception inside the stream as the error event of this dialect.
fn failed(kind: &str, payload: &str) -> Frame {
    let json = Json::parse(payload).ok();
    let message = json.and_then(|json| json.get("message").or_else(|| json.get("Message"))?.as_str());
    let word = match kind {
        "throttlingException" => "rate_limit_error",
        "validationException" => "invalid_request_error",
        "serviceUnavailableException" | "modelNotReadyException" => "overloaded_error",
        "modelTimeoutException" => "timeout_error",
        "accessDeniedException" => "permission_error",
        _ => "api_error",
    };
    let mut json = Writer::new();
    json.object(|json| {
        json.key("type").str("error");
        json.key("error").object(|json| {
            json.key("type").str(word);
            json.key("message").str(message.as_deref().unwrap_or(kind));
        });
    });
    event("error", json.finish().as_bytes())
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
        let frame = unwrap(&message(name, payload)).unwrap();
        let raw = frame.as_ref().map(|frame| std::str::from_utf8(&frame.raw).unwrap());
        assert_eq!(raw, expect, "{name} {payload}");
        if let (Some(frame), Some(expect)) = (&frame, expect) {
            assert_eq!(expect, format!("event: {}\ndata: {}\n\n", frame.name(), frame.text()));
        }
    }

    #[test]
    fn a_chunk_is_the_event_it_holds() {
        let inner = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#;
        let wrapped = format!(r#"{{"bytes":"{}","p":"abcdef"}}"#, STANDARD.encode(inner));
        check("chunk", &wrapped, Some(&format!("event: content_block_delta\ndata: {inner}\n\n")));
        check("chunk", r#"{"bytes":"e30="}"#, Some("event: message\ndata: {}\n\n"));
        check("initial-response", "{}", None);
        for unread in [r#"{"bytes":"not base64"}"#, r#"{"bytes":"/w=="}"#, r#"{"bytes":"e30"}"#, "{}", "nonsense"] {
            assert!(unwrap(&message("chunk", unread)).is_err(), "{unread}");
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
}
