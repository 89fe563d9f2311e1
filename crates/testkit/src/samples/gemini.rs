//! Google's generateContent: whole answers, stream chunks as events and as an array, errors, requests.

use bytes::Bytes;
use serde_json::{Value, json};

/// The version that sample answers name.
pub const MODEL: &str = "gemini-3-flash-preview";
/// The id of sample answers.
pub const ID: &str = "dqHOab6xGLzWodAPkPuViA4";
/// The signature on sample calls.
pub const SIGNATURE: &str = "CiMBjz1rX25KieIB4d4AwFn8/WbsHTRNHBXso88Ptemw+sSfRA==";

/// A minimal request with one user content; the model stands in the path.
#[must_use]
pub fn request(text: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
}

/// The usage object; `output` excludes `thoughts`, `prompt` includes what was cached.
#[must_use]
pub fn usage(prompt: u64, cached: u64, output: u64, thoughts: u64) -> Value {
    let mut usage = json!({"promptTokenCount": prompt, "candidatesTokenCount": output,
        "totalTokenCount": prompt + output + thoughts,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}]});
    if cached > 0 {
        usage["cachedContentTokenCount"] = cached.into();
    }
    if thoughts > 0 {
        usage["thoughtsTokenCount"] = thoughts.into();
    }
    usage
}

/// A text part.
#[must_use]
pub fn text(text: &str) -> Value {
    json!({"text": text})
}

/// A thought.
#[must_use]
pub fn thought(text: &str) -> Value {
    json!({"text": text, "thought": true})
}

/// A call with [`SIGNATURE`] and, as mostly, without an id.
#[must_use]
pub fn call(name: &str, args: &Value) -> Value {
    json!({"functionCall": {"name": name, "args": args}, "thoughtSignature": SIGNATURE})
}

/// A whole answer, or a chunk of a stream, of these parts. An empty `finish` is none.
#[must_use]
pub fn chunk(parts: &[Value], finish: &str, usage: &Value) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if !finish.is_empty() {
        candidate["finishReason"] = finish.into();
    }
    json!({"candidates": [candidate], "usageMetadata": usage, "modelVersion": MODEL, "responseId": ID})
}

/// A whole answer of words that came to its natural end.
#[must_use]
pub fn answer(words: &str, prompt: u64, output: u64) -> Value {
    chunk(&[text(words)], "STOP", &usage(prompt, 0, output, 0))
}

/// Chunks as server-sent events, with the CRLFs that Google sends.
#[must_use]
pub fn events(chunks: &[Value]) -> Vec<Bytes> {
    chunks.iter().map(|chunk| Bytes::from(format!("data: {chunk}\r\n\r\n"))).collect()
}

/// Chunks as the items of one array, each with what stands before it, and the bracket at the end.
#[must_use]
pub fn array(chunks: &[Value]) -> Vec<Bytes> {
    let item =
        |(place, chunk): (usize, &Value)| Bytes::from(format!("{}{chunk}", if place == 0 { "[" } else { "\n,\r\n" }));
    chunks.iter().enumerate().map(item).chain([Bytes::from_static(b"]")]).collect()
}

/// The chunks of a stream of words: usage grows, the last one has the finish reason.
#[must_use]
pub fn words(pieces: &[&str], prompt: u64, output: u64) -> Vec<Value> {
    let last = pieces.len().saturating_sub(1);
    let piece = |(place, piece): (usize, &&str)| match place == last {
        true => chunk(&[text(piece)], "STOP", &usage(prompt, 0, output, 0)),
        false => chunk(&[text(piece)], "", &usage(prompt, 0, 1, 0)),
    };
    pieces.iter().enumerate().map(piece).collect()
}

/// An error body.
#[must_use]
pub fn error(code: u16, status: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message, "status": status}})
}

/// The body of a 503.
#[must_use]
pub fn overloaded() -> Value {
    error(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
}

/// The body of the 400 that a bad key gets.
#[must_use]
pub fn bad_key() -> Value {
    let mut body = error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.");
    body["error"]["details"] =
        json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]);
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_json() {
        let all = crate::samples::join(&array(&words(&["a", "b"], 3, 2)));
        let value: Value = serde_json::from_slice(&all).unwrap();
        assert_eq!(value[1]["candidates"][0]["finishReason"], "STOP");
    }
}
