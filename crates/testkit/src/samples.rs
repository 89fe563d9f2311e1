//! Sample bodies of providers, whole and as stream frames, in the shapes seen on the wire.
//!
//! Frames are whole server-sent events, blank line included, one entry each: give them to
//! [`crate::upstream::Script::sse`], or join them and cut where you like.

pub mod anthropic;
pub mod bedrock;
pub mod cohere;
pub mod converse;
pub mod gemini;
pub mod ollama;
pub mod openai;
pub mod responses;

use bytes::Bytes;
use serde_json::Value;

/// One `data:` event without a name.
fn data(value: &Value) -> Bytes {
    Bytes::from(format!("data: {value}\n\n"))
}

/// Frames as one run of bytes.
#[must_use]
pub fn join(frames: &[Bytes]) -> Bytes {
    Bytes::from(frames.concat())
}
