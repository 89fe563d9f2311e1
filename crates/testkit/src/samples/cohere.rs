//! Cohere's second chat API: whole answers and stream frames.

use bytes::Bytes;
use serde_json::{Value, json};

/// The id of sample answers.
pub const ID: &str = "dd27c8d3-34cf-419f-8d3a-0d1247feafc3";

/// The usage object: what is billed, and raw counts that are more.
#[must_use]
pub fn usage(input: u64, output: u64) -> Value {
    json!({
        "billed_units": {"input_tokens": input, "output_tokens": output},
        "tokens": {"input_tokens": input + 500, "output_tokens": output + 3}, "cached_tokens": 480
    })
}

/// A whole answer of this message.
#[must_use]
pub fn message(message: &Value, finish: &str, input: u64, output: u64) -> Value {
    json!({"id": ID, "message": message, "finish_reason": finish, "usage": usage(input, output)})
}

/// A whole answer of one text.
#[must_use]
pub fn answer(words: &str, input: u64, output: u64) -> Value {
    message(&json!({"role": "assistant", "content": [{"type": "text", "text": words}]}), "COMPLETE", input, output)
}

/// A whole answer that plans and calls one tool.
#[must_use]
pub fn call(plan: &str, id: &str, name: &str, arguments: &str, input: u64, output: u64) -> Value {
    let function = json!({"name": name, "arguments": arguments});
    let calls = json!([{"id": id, "type": "function", "function": function}]);
    message(&json!({"role": "assistant", "tool_plan": plan, "tool_calls": calls}), "TOOL_CALL", input, output)
}

/// One named event.
#[must_use]
pub fn event(value: &Value) -> Bytes {
    Bytes::from(format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap_or_default()))
}

/// `message-start`.
#[must_use]
pub fn start() -> Bytes {
    let message = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
    event(&json!({"id": ID, "type": "message-start", "delta": {"message": message}}))
}

fn inside(kind: &str, index: u64, member: &str, value: &Value) -> Bytes {
    event(&json!({"type": kind, "index": index, "delta": {"message": {member: value}}}))
}

/// Frames of one item of content.
#[must_use]
pub fn content(index: u64, kind: &str, pieces: &[&str]) -> Vec<Bytes> {
    let first = inside("content-start", index, "content", &json!({"type": kind, kind: ""}));
    let deltas = pieces.iter().map(|piece| inside("content-delta", index, "content", &json!({kind: piece})));
    let last = event(&json!({"type": "content-end", "index": index}));
    std::iter::once(first).chain(deltas).chain([last]).collect()
}

/// Frames of one call.
#[must_use]
pub fn tool(index: u64, id: &str, name: &str, pieces: &[&str]) -> Vec<Bytes> {
    let head = json!({"id": id, "type": "function", "function": {"name": name, "arguments": ""}});
    let delta =
        |piece: &&str| inside("tool-call-delta", index, "tool_calls", &json!({"function": {"arguments": piece}}));
    let last = event(&json!({"type": "tool-call-end", "index": index}));
    std::iter::once(inside("tool-call-start", index, "tool_calls", &head))
        .chain(pieces.iter().map(delta))
        .chain([last])
        .collect()
}

/// A piece of the plan before calls.
#[must_use]
pub fn plan(piece: &str) -> Bytes {
    event(&json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": piece}}}))
}

/// `message-end` and the marker behind it.
#[must_use]
pub fn end(finish: &str, input: u64, output: u64) -> Vec<Bytes> {
    let delta = json!({"finish_reason": finish, "usage": usage(input, output)});
    vec![event(&json!({"type": "message-end", "delta": delta})), Bytes::from_static(b"data: [DONE]\n\n")]
}

/// The end of a stream that failed.
#[must_use]
pub fn failed(message: &str) -> Bytes {
    let delta = json!({
        "finish_reason": "ERROR", "usage": {}, "error": message, "error_type": "INVALID_TOOL_GENERATION"
    });
    event(&json!({"type": "message-end", "delta": delta}))
}

/// A whole stream of one text.
#[must_use]
pub fn text_stream(pieces: &[&str], input: u64, output: u64) -> Vec<Bytes> {
    std::iter::once(start()).chain(content(0, "text", pieces)).chain(end("COMPLETE", input, output)).collect()
}

/// An error body.
#[must_use]
pub fn error(message: &str) -> Value {
    json!({"id": ID, "message": message})
}
