//! Bedrock's Converse: whole answers and the messages of its streams.

use bytes::Bytes;
use serde_json::{Value, json};

use super::bedrock;

/// The usage object of an answer that used no cache.
#[must_use]
pub fn usage(input: u64, output: u64) -> Value {
    json!({"inputTokens": input, "outputTokens": output, "totalTokens": input + output})
}

/// A whole answer of these blocks.
#[must_use]
pub fn message(blocks: &[Value], stop_reason: &str, usage: &Value) -> Value {
    json!({
        "output": {"message": {"role": "assistant", "content": blocks}}, "stopReason": stop_reason, "usage": usage,
        "metrics": {"latencyMs": 400}
    })
}

/// A whole answer of one text.
#[must_use]
pub fn answer(text: &str, input: u64, output: u64) -> Value {
    message(&[json!({"text": text})], "end_turn", &usage(input, output))
}

/// A tool call.
#[must_use]
pub fn tool_use(id: &str, name: &str, input: &Value) -> Value {
    json!({"toolUse": {"toolUseId": id, "name": name, "input": input}})
}

/// One event of a stream, padded as Bedrock pads it.
#[must_use]
pub fn event(kind: &str, mut payload: Value) -> Bytes {
    payload["p"] = json!("abcdefghijklmnop");
    let headers = [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")];
    bedrock::message(&headers, payload.to_string().as_bytes())
}

/// The end of a stream: why, and what was used.
#[must_use]
pub fn ending(stop_reason: &str, usage: &Value) -> Vec<Bytes> {
    vec![
        event("messageStop", json!({"stopReason": stop_reason})),
        event("metadata", json!({"usage": usage, "metrics": {"latencyMs": 400}})),
    ]
}

/// A stream of one text in pieces, whose block has no start.
#[must_use]
pub fn text_stream(pieces: &[&str], input: u64, output: u64) -> Vec<Bytes> {
    let piece = |text: &&str| event("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": text}}));
    let mut events = vec![event("messageStart", json!({"role": "assistant"}))];
    events.extend(pieces.iter().map(piece));
    events.push(event("contentBlockStop", json!({"contentBlockIndex": 0})));
    events.extend(ending("end_turn", &usage(input, output)));
    events
}

/// A stream of one call whose arguments come in pieces.
#[must_use]
pub fn tool_stream(id: &str, name: &str, pieces: &[&str], input: u64, output: u64) -> Vec<Bytes> {
    let piece = |text: &&str| {
        event("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"toolUse": {"input": text}}}))
    };
    let start = json!({"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": id, "name": name}}});
    let mut events = vec![event("messageStart", json!({"role": "assistant"})), event("contentBlockStart", start)];
    events.extend(pieces.iter().map(piece));
    events.push(event("contentBlockStop", json!({"contentBlockIndex": 0})));
    events.extend(ending("tool_use", &usage(input, output)));
    events
}
