//! Messages of AWS event streams, as Bedrock sends them: headers, payload and both checksums.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::json;

/// One message with text headers.
#[must_use]
pub fn message(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    let mut head = Vec::new();
    for (name, value) in headers {
        head.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        head.extend_from_slice(name.as_bytes());
        head.push(7);
        head.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        head.extend_from_slice(value.as_bytes());
    }
    let mut out = length(16 + head.len() + payload.len()).to_vec();
    out.extend_from_slice(&length(head.len()));
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.into()
}

/// A server-sent event of the hosted model as the chunk that Bedrock makes of it.
///
/// # Panics
/// The frame has no `data:` line.
#[must_use]
pub fn chunk(frame: &[u8]) -> Bytes {
    let text = String::from_utf8_lossy(frame);
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).expect("a data line");
    let payload = json!({"bytes": STANDARD.encode(data), "p": "abcdefghij"});
    let headers = [(":event-type", "chunk"), (":content-type", "application/json"), (":message-type", "event")];
    message(&headers, payload.to_string().as_bytes())
}

/// An exception inside a stream.
#[must_use]
pub fn exception(kind: &str, said: &str) -> Bytes {
    let headers = [(":exception-type", kind), (":content-type", "application/json"), (":message-type", "exception")];
    message(&headers, json!({"message": said}).to_string().as_bytes())
}
