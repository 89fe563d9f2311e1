//! Ollama's native API: whole answers and the lines of streams.

use bytes::Bytes;
use serde_json::{Value, json};

/// The media type of streams.
pub const LINES: &str = "application/x-ndjson";

/// An answer, or a line of one, with this message.
#[must_use]
pub fn message(message: &Value, done: bool) -> Value {
    json!({"model": "qwen3:4b", "created_at": "2026-08-05T08:11:03.181289Z", "message": message, "done": done})
}

/// The same, the last of its stream, with what was used.
#[must_use]
pub fn last(words: &Value, reason: &str, input: u64, output: u64) -> Value {
    let mut last = message(words, true);
    last["done_reason"] = reason.into();
    last["total_duration"] = 7_577_982_042_u64.into();
    last["prompt_eval_count"] = input.into();
    last["eval_count"] = output.into();
    last
}

/// A whole answer of one text.
#[must_use]
pub fn answer(words: &str, input: u64, output: u64) -> Value {
    last(&json!({"role": "assistant", "content": words}), "stop", input, output)
}

/// A message that calls a tool, without an id.
#[must_use]
pub fn call(words: &str, name: &str, arguments: &Value) -> Value {
    json!({"role": "assistant", "content": words, "tool_calls": [{"function": {"name": name, "arguments": arguments}}]})
}

/// A piece of text, or of another member of a message.
#[must_use]
pub fn piece(member: &str, text: &str) -> Value {
    let mut words = json!({"role": "assistant", "content": ""});
    words[member] = text.into();
    message(&words, false)
}

/// Values as lines.
#[must_use]
pub fn lines(values: &[Value]) -> Bytes {
    Bytes::from(values.iter().map(|value| format!("{value}\n")).collect::<String>())
}

/// An error body, which is also the last line of a stream that failed.
#[must_use]
pub fn error(message: &str) -> Value {
    json!({"error": message})
}
