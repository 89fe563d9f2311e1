//! OpenAI chat completions: whole answers, stream frames, errors, requests.

use bytes::Bytes;
use serde_json::{Value, json};

use super::data;

/// The model that sample answers name.
pub const MODEL: &str = "gpt-4o-mini-2024-07-18";
/// The id of sample answers.
pub const ID: &str = "chatcmpl-C4Hq5a6K3RaPMymUv70btQNYv6SvY";
const CREATED: u64 = 1_755_137_921;

/// A minimal request with one user message.
#[must_use]
pub fn request(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

/// The usage object of a non-reasoning answer; `cached` is a part of `prompt`.
#[must_use]
pub fn usage(prompt: u64, cached: u64, completion: u64) -> Value {
    json!({
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}
    })
}

/// A whole answer with this text.
#[must_use]
pub fn completion(text: &str, prompt: u64, completion: u64) -> Value {
    let message = json!({"role": "assistant", "content": text, "refusal": null, "annotations": []});
    answer(&message, "stop", &usage(prompt, 0, completion))
}

/// A whole answer that calls tools: (id, name, arguments as JSON text).
#[must_use]
pub fn tool_completion(calls: &[(&str, &str, &str)], prompt: u64, completion: u64) -> Value {
    let calls: Vec<Value> = calls
        .iter()
        .map(|(id, name, arguments)| {
            json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
        })
        .collect();
    let message =
        json!({"role": "assistant", "content": null, "tool_calls": calls, "refusal": null, "annotations": []});
    answer(&message, "tool_calls", &usage(prompt, 0, completion))
}

fn answer(message: &Value, finish: &str, usage: &Value) -> Value {
    json!({
        "id": ID, "object": "chat.completion", "created": CREATED, "model": MODEL,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish}],
        "usage": usage, "service_tier": "default", "system_fingerprint": "fp_0611516fca"
    })
}

/// A chunk with one choice. `with_usage` writes the `"usage":null` that comes with `stream_options.include_usage`.
#[must_use]
pub fn chunk(delta: &Value, finish: Option<&str>, with_usage: bool) -> Bytes {
    let choices = json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    data(&chunk_of(&choices, if with_usage { Some(&Value::Null) } else { None }))
}

/// The last chunk before `[DONE]` when usage was asked for: no choices, the usage.
#[must_use]
pub fn usage_chunk(prompt: u64, completion: u64) -> Bytes {
    data(&chunk_of(&json!([]), Some(&usage(prompt, 0, completion))))
}

/// `data: [DONE]`.
#[must_use]
pub fn done() -> Bytes {
    Bytes::from_static(b"data: [DONE]\n\n")
}

fn chunk_of(choices: &Value, usage: Option<&Value>) -> Value {
    let mut chunk = json!({
        "id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": MODEL,
        "service_tier": "default", "system_fingerprint": "fp_0611516fca", "choices": choices
    });
    if let (Some(usage), Some(map)) = (usage, chunk.as_object_mut()) {
        map.insert("usage".to_owned(), usage.clone());
    }
    chunk
}

/// A whole stream: role, one chunk per piece, finish, usage when `usage` is (prompt, completion), `[DONE]`.
#[must_use]
pub fn stream(pieces: &[&str], usage: Option<(u64, u64)>) -> Vec<Bytes> {
    let asked = usage.is_some();
    let mut frames = vec![chunk(&json!({"role": "assistant", "content": "", "refusal": null}), None, asked)];
    frames.extend(pieces.iter().map(|p| chunk(&json!({"content": p}), None, asked)));
    finish(frames, "stop", usage)
}

/// A whole stream that calls tools: (id, name, pieces of the arguments' JSON text).
#[must_use]
pub fn tool_stream(calls: &[(&str, &str, &[&str])], usage: Option<(u64, u64)>) -> Vec<Bytes> {
    let asked = usage.is_some();
    let mut frames = vec![chunk(&json!({"role": "assistant", "content": null}), None, asked)];
    for (index, (id, name, pieces)) in calls.iter().enumerate() {
        let function = json!({"name": name, "arguments": ""});
        let first = json!({"index": index, "id": id, "type": "function", "function": function});
        frames.push(chunk(&json!({"tool_calls": [first]}), None, asked));
        for piece in *pieces {
            let more = json!({"index": index, "function": {"arguments": piece}});
            frames.push(chunk(&json!({"tool_calls": [more]}), None, asked));
        }
    }
    finish(frames, "tool_calls", usage)
}

fn finish(mut frames: Vec<Bytes>, reason: &str, usage: Option<(u64, u64)>) -> Vec<Bytes> {
    frames.push(chunk(&json!({}), Some(reason), usage.is_some()));
    if let Some((prompt, completion)) = usage {
        frames.push(usage_chunk(prompt, completion));
    }
    frames.push(done());
    frames
}

/// An error body of any kind.
#[must_use]
pub fn error(message: &str, kind: &str, code: Option<&str>) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

/// The body of a 429 that may be retried; it names our organization, which must not reach a client.
#[must_use]
pub fn rate_limited() -> Value {
    let message = "Rate limit reached for gpt-4o-mini in organization org-AbCdEf0123456789AbCdEf01 on tokens per min \
                   (TPM): Limit 30000, Used 28039, Requested 3906. Please try again in 3.89s.";
    error(message, "tokens", Some("rate_limit_exceeded"))
}

/// The body of a 429 that no retry helps.
#[must_use]
pub fn insufficient_quota() -> Value {
    let message = "You exceeded your current quota, please check your plan and billing details.";
    error(message, "insufficient_quota", Some("insufficient_quota"))
}

/// The body of a 401; it shows the tail of our key, which must not reach a client.
#[must_use]
pub fn bad_key(tail: &str) -> Value {
    let message = format!(
        "Incorrect API key provided: sk-****{tail}. You can find your API key at \
         https://platform.openai.com/account/api-keys."
    );
    error(&message, "invalid_request_error", Some("invalid_api_key"))
}

/// The body of a 400 for a prompt that is too long.
#[must_use]
pub fn too_long() -> Value {
    let message = "This model's maximum context length is 128000 tokens. However, your messages resulted in 131072 \
                   tokens. Please reduce the length of the messages.";
    json!({"error": {"message": message, "type": "invalid_request_error", "param": "messages",
        "code": "context_length_exceeded"}})
}

/// The body of a 500.
#[must_use]
pub fn server_error() -> Value {
    error("The server had an error while processing your request. Sorry about that!", "server_error", None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_role_text_finish_usage_done() {
        let frames = stream(&["a", "b"], Some((3, 2)));
        let texts: Vec<&str> = frames.iter().map(|f| std::str::from_utf8(f).unwrap()).collect();
        assert_eq!(texts.len(), 6);
        assert!(texts.iter().all(|t| t.starts_with("data: ") && t.ends_with("\n\n")));
        let usage: Value = serde_json::from_str(texts[4].trim_start_matches("data: ")).unwrap();
        assert_eq!((usage["choices"].as_array().unwrap().len(), &usage["usage"]["total_tokens"]), (0, &json!(5)));
        assert_eq!(texts[5], "data: [DONE]\n\n");
        let first: Value = serde_json::from_str(texts[0].trim_start_matches("data: ")).unwrap();
        assert!(first.as_object().unwrap().contains_key("usage"));
    }

    #[test]
    fn without_usage_no_frame_mentions_it() {
        let all = crate::samples::join(&tool_stream(&[("call_1", "f", &["{\"a\":", "1}"])], None));
        assert!(!String::from_utf8(all.to_vec()).unwrap().contains("usage"));
    }
}
