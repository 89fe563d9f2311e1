//! OpenAI responses: whole answers, stream frames, requests, in the shapes of `/v1/responses`.

use bytes::Bytes;
use serde_json::{Value, json};

/// The model that sample answers name.
pub const MODEL: &str = "gpt-5-mini-2025-08-07";
/// The id of sample answers.
pub const ID: &str = "resp_68af4030592c81938ec0a5fbab4a3e9f05438e46b5f69a3b";
const MESSAGE: &str = "msg_68af4030baa48193b0b43b4c2a176a1a05438e46b5f69a3b";
const CREATED: u64 = 1_756_315_696;

/// A minimal request of one text.
#[must_use]
pub fn request(model: &str, text: &str) -> Value {
    json!({"model": model, "input": text})
}

/// The usage object; `cached` is a part of `input`, `reasoning` of `output`.
#[must_use]
pub fn usage(input: u64, cached: u64, output: u64, reasoning: u64) -> Value {
    json!({
        "input_tokens": input, "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": output, "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": input + output
    })
}

/// A message item that is done.
#[must_use]
pub fn message(text: &str) -> Value {
    json!({"id": MESSAGE, "type": "message", "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": text}]})
}

/// A function call that is done: id of the call, name, arguments as JSON text.
#[must_use]
pub fn function_call(call_id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": format!("fc_{call_id}"), "type": "function_call", "status": "completed", "arguments": arguments,
        "call_id": call_id, "name": name})
}

/// A response object of these items; `status` is `completed`, `in_progress` or `incomplete`.
#[must_use]
pub fn response(status: &str, output: &[Value], usage: &Value) -> Value {
    let details = if status == "incomplete" { json!({"reason": "max_output_tokens"}) } else { Value::Null };
    json!({
        "id": ID, "object": "response", "created_at": CREATED, "status": status, "background": false,
        "error": null, "incomplete_details": details, "instructions": null, "max_output_tokens": null,
        "model": MODEL, "output": output, "parallel_tool_calls": true, "previous_response_id": null,
        "reasoning": {"effort": "medium", "summary": null}, "service_tier": "default", "store": true,
        "temperature": 1.0, "text": {"format": {"type": "text"}, "verbosity": "medium"}, "tool_choice": "auto",
        "tools": [], "top_p": 1.0, "truncation": "disabled", "usage": usage, "user": null, "metadata": {}
    })
}

/// A whole answer with this text.
#[must_use]
pub fn answer(text: &str, input: u64, output: u64) -> Value {
    response("completed", &[message(text)], &usage(input, 0, output, 0))
}

/// A whole stream of items that are done: each is begun, said in two pieces, and ended; then the last event.
#[must_use]
pub fn stream(items: &[Value], input: u64, output: u64) -> Vec<Bytes> {
    let begun = response("in_progress", &[], &Value::Null);
    let mut events = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
    ];
    for (index, item) in items.iter().enumerate() {
        say(index, item, &mut events);
    }
    let done = response("completed", items, &usage(input, 0, output, 0));
    events.push(json!({"type": "response.completed", "response": done}));
    events
        .iter_mut()
        .enumerate()
        .map(|(number, event)| {
            event["sequence_number"] = json!(number);
            Bytes::from(format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default()))
        })
        .collect()
}

/// A whole stream with this text.
#[must_use]
pub fn text_stream(text: &str, input: u64, output: u64) -> Vec<Bytes> {
    stream(&[message(text)], input, output)
}

fn say(index: usize, item: &Value, events: &mut Vec<Value>) {
    let call = item["type"] == "function_call";
    let mut first = item.clone();
    first["status"] = json!("in_progress");
    first[if call { "arguments" } else { "content" }] = if call { json!("") } else { json!([]) };
    events.push(json!({"type": "response.output_item.added", "output_index": index, "item": first}));
    let text = if call { &item["arguments"] } else { &item["content"][0]["text"] };
    let text = text.as_str().unwrap_or_default();
    let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
    let place = json!({"item_id": item["id"], "output_index": index});
    let event = |kind: &str, members: Value| {
        let mut event = place.clone();
        event["type"] = json!(kind);
        for (key, value) in members.as_object().into_iter().flatten() {
            event[key] = value.clone();
        }
        event
    };
    let pieces = [&text[..middle], &text[middle..]];
    if call {
        for piece in pieces {
            events.push(event("response.function_call_arguments.delta", json!({"delta": piece})));
        }
        events.push(event("response.function_call_arguments.done", json!({"arguments": text})));
    } else {
        let empty = json!({"type": "output_text", "annotations": [], "logprobs": [], "text": ""});
        events.push(event("response.content_part.added", json!({"content_index": 0, "part": empty})));
        for piece in pieces {
            let members = json!({"content_index": 0, "delta": piece, "logprobs": [], "obfuscation": "x9Q"});
            events.push(event("response.output_text.delta", members));
        }
        events.push(event("response.output_text.done", json!({"content_index": 0, "text": text, "logprobs": []})));
        let part = &item["content"][0];
        events.push(event("response.content_part.done", json!({"content_index": 0, "part": part})));
    }
    events.push(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
}

/// The `error` event as it is sent, and the event that follows it.
#[must_use]
pub fn failure(code: &str, message: &str) -> Vec<Bytes> {
    let mut failed = response("failed", &[], &Value::Null);
    failed["error"] = json!({"code": code, "message": message});
    let error = json!({"type": "error", "sequence_number": 2,
        "error": {"type": "server_error", "code": code, "message": message, "param": null}});
    let failed = json!({"type": "response.failed", "sequence_number": 3, "response": failed});
    [("error", error), ("response.failed", failed)]
        .into_iter()
        .map(|(name, event)| Bytes::from(format!("event: {name}\ndata: {event}\n\n")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_begins_says_and_ends_every_item() {
        let frames = stream(&[message("Hello"), function_call("call_1", "f", "{\"a\":1}")], 3, 2);
        let text = String::from_utf8(frames.concat()).unwrap();
        let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: response.")).collect();
        assert_eq!(names.len(), frames.len());
        assert_eq!((names[0], names[2], names[names.len() - 1]), ("created", "output_item.added", "completed"));
        assert_eq!(names.iter().filter(|name| **name == "output_item.done").count(), 2);
    }
}
