//! Anthropic messages: whole answers, stream frames, errors, requests.

use bytes::Bytes;
use serde_json::{Value, json};

/// The model that sample answers name.
pub const MODEL: &str = "claude-haiku-4-5-20251001";
/// The id of sample answers.
pub const ID: &str = "msg_01XFDUDYJgAACzvnptvVoYEL";
/// The signature of sample thinking blocks.
pub const SIGNATURE: &str = "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds+sig/nature==";

/// A minimal request with one user message.
#[must_use]
pub fn request(model: &str, text: &str) -> Value {
    json!({"model": model, "max_tokens": 1024, "messages": [{"role": "user", "content": text}]})
}

/// The usage object of an answer that used no cache; `input` counts uncached tokens only.
#[must_use]
pub fn usage(input: u64, output: u64) -> Value {
    usage_cached(input, 0, 0, output)
}

/// The usage object with cache counts, which are beside `input`; writes are all of the 5-minute kind.
#[must_use]
pub fn usage_cached(input: u64, read: u64, write: u64, output: u64) -> Value {
    json!({
        "input_tokens": input, "cache_creation_input_tokens": write, "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output, "service_tier": "standard", "inference_geo": "global"
    })
}

/// A text block.
#[must_use]
pub fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// A thinking block with [`SIGNATURE`].
#[must_use]
pub fn thinking(thought: &str) -> Value {
    json!({"type": "thinking", "thinking": thought, "signature": SIGNATURE})
}

/// A tool call.
#[must_use]
pub fn tool_use(id: &str, name: &str, input: &Value) -> Value {
    json!({"type": "tool_use", "id": id, "name": name, "input": input})
}

/// A whole answer of these blocks.
#[must_use]
pub fn message(blocks: &[Value], stop_reason: &str, usage: &Value) -> Value {
    json!({
        "id": ID, "type": "message", "role": "assistant", "model": MODEL, "content": blocks,
        "stop_reason": stop_reason, "stop_sequence": null, "stop_details": null, "usage": usage
    })
}

/// A whole answer of one text block that came to its natural end.
#[must_use]
pub fn answer(words: &str, input: u64, output: u64) -> Value {
    message(&[text(words)], "end_turn", &usage(input, output))
}

/// One named event.
#[must_use]
pub fn event(value: &Value) -> Bytes {
    Bytes::from(format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap_or_default()))
}

/// `message_start`; the output count there is a stub.
#[must_use]
pub fn start(input: u64) -> Bytes {
    let mut empty = message(&[], "", &usage(input, 1));
    empty["stop_reason"] = Value::Null;
    event(&json!({"type": "message_start", "message": empty}))
}

/// A block in a stream, and the pieces it comes in.
#[derive(Debug, Clone, Copy)]
pub enum Block<'a> {
    /// Pieces of text.
    Text(&'a [&'a str]),
    /// Pieces of thinking; [`SIGNATURE`] comes last.
    Thinking(&'a [&'a str]),
    /// Id, name and pieces of the input's JSON text; an empty piece comes first, as on the wire.
    ToolUse(&'a str, &'a str, &'a [&'a str]),
}

/// The frames of one block.
#[must_use]
pub fn block(index: usize, block: Block<'_>) -> Vec<Bytes> {
    let delta = |delta: Value| event(&json!({"type": "content_block_delta", "index": index, "delta": delta}));
    let (start, deltas): (Value, Vec<Bytes>) = match block {
        Block::Text(pieces) => {
            (text(""), pieces.iter().map(|p| delta(json!({"type": "text_delta", "text": p}))).collect())
        }
        Block::Thinking(pieces) => {
            let thoughts = pieces.iter().map(|p| delta(json!({"type": "thinking_delta", "thinking": p})));
            let signature = delta(json!({"type": "signature_delta", "signature": SIGNATURE}));
            (json!({"type": "thinking", "thinking": "", "signature": ""}), thoughts.chain([signature]).collect())
        }
        Block::ToolUse(id, name, pieces) => {
            let json_piece = |p: &str| delta(json!({"type": "input_json_delta", "partial_json": p}));
            let pieces = pieces.iter().map(|p| json_piece(p));
            (tool_use(id, name, &json!({})), [json_piece("")].into_iter().chain(pieces).collect())
        }
    };
    let mut frames = vec![event(&json!({"type": "content_block_start", "index": index, "content_block": start}))];
    frames.extend(deltas);
    frames.push(event(&json!({"type": "content_block_stop", "index": index})));
    frames
}

/// `message_delta` with the final counts, then `message_stop`.
#[must_use]
pub fn end(stop_reason: &str, input: u64, output: u64) -> Vec<Bytes> {
    let usage = json!({"input_tokens": input, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
        "output_tokens": output});
    let delta = json!({"stop_reason": stop_reason, "stop_sequence": null, "stop_details": null});
    vec![
        event(&json!({"type": "message_delta", "delta": delta, "usage": usage})),
        event(&json!({"type": "message_stop"})),
    ]
}

/// `ping`.
#[must_use]
pub fn ping() -> Bytes {
    event(&json!({"type": "ping"}))
}

/// A whole stream of these blocks, with a ping after the start.
#[must_use]
pub fn stream(blocks: &[Block<'_>], stop_reason: &str, input: u64, output: u64) -> Vec<Bytes> {
    let mut frames = vec![start(input), ping()];
    for (index, b) in blocks.iter().enumerate() {
        frames.extend(block(index, *b));
    }
    frames.extend(end(stop_reason, input, output));
    frames
}

/// A stream of one text block that comes to its natural end.
#[must_use]
pub fn text_stream(pieces: &[&str], input: u64, output: u64) -> Vec<Bytes> {
    stream(&[Block::Text(pieces)], "end_turn", input, output)
}

/// An error body of any kind, also what follows `event: error` in a stream.
#[must_use]
pub fn error(kind: &str, message: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011CZAau32QzxDkriovTaFCB"})
}

/// The body of a 529.
#[must_use]
pub fn overloaded() -> Value {
    error("overloaded_error", "Overloaded")
}

/// The body of a 429.
#[must_use]
pub fn rate_limited() -> Value {
    let message = "This request would exceed the rate limit for your organization \
                   (00000000-0000-0000-0000-000000000000) of 40,000 input tokens per minute.";
    error("rate_limit_error", message)
}

/// The body of a 401.
#[must_use]
pub fn bad_key() -> Value {
    error("authentication_error", "invalid x-api-key")
}

/// The body of a 400 for a prompt that is too long.
#[must_use]
pub fn too_long() -> Value {
    error("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_the_grammar_of_the_dialect() {
        let blocks = [
            Block::Thinking(&["The", " user"]),
            Block::Text(&["Sure!"]),
            Block::ToolUse("toolu_1", "get_weather", &["{\"city\":", " \"Tokyo\"}"]),
        ];
        let frames = stream(&blocks, "tool_use", 671, 113);
        let names: Vec<String> =
            frames.iter().map(|f| String::from_utf8_lossy(f).lines().next().unwrap()[7..].to_owned()).collect();
        let block = |deltas: usize| {
            let mut names = vec!["content_block_start"];
            names.extend(vec!["content_block_delta"; deltas]);
            names.push("content_block_stop");
            names
        };
        let want = [vec!["message_start", "ping"], block(3), block(1), block(3), vec!["message_delta", "message_stop"]];
        assert_eq!(names, want.concat());
        for frame in &frames {
            let text = String::from_utf8_lossy(frame);
            let data = text.lines().nth(1).unwrap().strip_prefix("data: ").unwrap();
            let value: Value = serde_json::from_str(data).unwrap();
            assert!(text.starts_with(&format!("event: {}\n", value["type"].as_str().unwrap())));
        }
    }
}
